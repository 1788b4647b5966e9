//! Write channel adapters and handling policies for Tributary.
pub mod bindings;

pub use bindings::channel::exports::tributary::plugin::channel::{Arrival, Document, Envelope, Outgoing, Reading, Rejection};
pub use bindings::services::tributary::plugin::{desk, trade, types, web};
