//! The adapter as ordinary code: calls of browsers and what comes of them, tokens made by other people's libraries, and
//! whoever means no good.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cases;
mod chat;
mod hostile;
mod shop;
mod tokens;
mod world;
