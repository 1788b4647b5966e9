//! What stands in a seat: trials beside the generation that acts, and the breaker before both. The store is the real one;
//! the plugins are written against the same two traits that components stand behind.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails it by panicking")]
mod breaker;
mod plugs;
mod trials;
