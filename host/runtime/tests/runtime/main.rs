//! Plugins that behave and plugins that do not, as components.
mod budgets;
mod caching;
mod guest;
mod house;
mod packages;
mod plugins;
mod relay;
mod services;
