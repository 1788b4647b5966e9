//! WebAssembly and nothing else: reads a package, checks it, prepares it, takes its picture, calls it within its budgets.
//!
//! The pipeline calls plugins through [`Adapter`] and [`Policy`]; [`Generation`] is the component behind them. Both speak
//! the model's words: generated types stay inside this crate, `convert` is the door. Whoever links a plugin natively (a
//! bench does) implements the same two traits.
pub mod call;

pub use call::*;
