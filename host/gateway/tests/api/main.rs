//! The HTTP door over real HTTP, with the embedded store behind it. Only the reviewing policies and the replay of arrivals
//! are played by the fixture's desk.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]
mod access;
mod contacts;
mod document;
mod fixture;
mod hooks;
mod live;
mod once;
mod orders;
mod pages;
mod parked;
mod plugins;
mod work;
