//! Plugins that behave and plugins that do not, as components.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on shall say where")]
mod budgets;
mod caching;
mod contract;
mod egress;
mod guest;
mod house;
mod migration;
mod packages;
mod plugins;
mod record;
mod relay;
mod services;
mod sight;
