//! The adapter as ordinary code, under a host that records.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "channel/bell.rs"]
mod bell;
#[path = "channel/example.rs"]
mod example;
#[path = "channel/fixtures.rs"]
mod fixtures;
#[path = "channel/peers.rs"]
mod peers;
#[path = "channel/pull.rs"]
mod pull;
#[path = "channel/send.rs"]
mod send;
#[path = "channel/support.rs"]
mod support;
