//! The rules of the desk, pure: no I/O, no async, no SQL, no WebAssembly, no wire format.
//!
//! Everything above this crate speaks in these words. `wit/` is the same vocabulary as plugins see it; the runtime
//! converts at its door. The store keeps what is here, the pipeline moves it, the gateway shows it.
#[macro_use]
mod words;

pub mod agent;
pub mod approval;
pub mod breaker;
pub mod calendar;
pub mod clock;
pub mod continuity;
pub mod conversation;
pub mod decision;
pub mod delivery;
pub mod error;
pub mod id;
pub mod identity;
pub mod intake;
pub mod knowledge;
pub mod life;
pub mod message;
pub mod money;
pub mod operation;
pub mod order;
pub mod place;
pub mod queue;
pub mod retry;
pub mod thread;
pub mod time;
pub mod trial;

pub use id::*;
pub use place::Place;
pub use time::Timestamp;
