//! Run a plugin natively, without a daemon and without WebAssembly: by hand under a [`FakeHost`], by a folder of cases
//! ([`check_folder`]), or by calls that a host recorded ([`check_recordings`]).
//!
//! ```text
//! let host = FakeHost::new().now(1_760_000_000_000).secret("token", "s3cret");
//! let plugin: Email = testing::prepare(json!({ "address": "help@shop.example" }))?;
//! let reading = testing::with(&host, || plugin.receive(arrival))?;
//! assert_eq!(host.blobs().len(), 1);
//! ```
#[doc(hidden)]
pub mod ask;
mod calendar;
mod case;
mod chain;
mod channel;
mod config;
mod fake;
mod fixtures;
mod player;
mod recording;
mod render;

use std::sync::Arc;

pub use calendar::FakeCalendar;
pub use case::{Case, CaseError, check_folder};
pub use chain::{Decide, decide};
pub use channel::{outgoing, receive, told};
pub use config::{check_example, check_refusals};
pub use fake::{FakeHost, Item, Mail};
pub use fixtures::{damaged, differs, files};
pub use recording::{Answer, Answers, Call, Recording, check_recordings};

use crate::{Exported, PrepareError, native};

/// Run `call` with this host's services.
pub fn with<R>(host: &FakeHost, call: impl FnOnce() -> R) -> R {
    native::enter(Arc::new(host.clone()), call)
}

/// Prepare a plugin as the host does: with what the operator wrote, the rest from its `config.toml`.
///
/// # Errors
/// [`PrepareError`], as the operator would see it.
pub fn prepare<P: Exported>(config: serde_json::Value) -> Result<P, PrepareError> {
    crate::load(&config.to_string())
}
