//! Write channel adapters and handling policies for Tributary.
//!
//! A plugin is a crate with four files beside its source: `plugin.toml` (read by the host; `tributary-sdk-build` defines and checks it), `config.toml` (the defaults an
//! operator may change), `src/config.rs` (the type of that configuration) and a three-line `build.rs`. It implements
//! [`Plugin`] and one or more of [`Channel`], [`Poller`], [`Commerce`], [`Presence`], [`Sampler`], [`Policy`] and [`Review`],
//! [`Migrate`] where its state changed its form, and ends with
//!
//! ```text
//! tributary_sdk::export!(MyPlugin: policy);
//! ```
//!
//! [`export!`] names the host's entry points and puts the manifest, the configuration's schema and the defaults into the
//! component, so a plugin ships as one file. The services of the host are in [`host`]; [`testing`] answers them when a
//! plugin is tested natively.

pub mod bindings;
pub mod host;
pub mod text;

mod error;
mod export;
#[cfg(target_arch = "wasm32")]
mod heap;
mod plugin;
mod template;
mod values;

#[cfg(not(target_arch = "wasm32"))]
pub mod native;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;

#[doc(hidden)]
pub use export::{Exports, Guest};

pub use bindings::channel::exports::tributary::plugin::channel::{
    Arrival, Document, Envelope, Outgoing, Reading, Rejection,
};
pub use bindings::poller::exports::tributary::plugin::poller::Batch;
pub use bindings::presence::exports::tributary::plugin::presence::Sign;
pub use bindings::sampler::exports::tributary::plugin::sampler::Sample;
pub use bindings::services::tributary::plugin::{desk, trade, types, web};
pub use error::{MigrateError, PrepareError};
pub use export::{Exported, load};
pub use plugin::{Channel, Commerce, Migrate, Plugin, Policy, Poller, Presence, Review, Sampler};
pub use template::Template;

/// Every trait and every type of the contract, for `use tributary_sdk::prelude::*`.
pub mod prelude {
    pub use crate::desk::{
        Action, Clock, Contact, Decision, Entry, Escalation, Fault, Grade, Happening, Objection, Route, RunningClock,
        Snapshot, Timer, Verdict,
    };
    pub use crate::trade::{Operation, Refund};
    pub use crate::types::{
        Attachment, Attribute, Author, ChannelEvent, Content, Delivery, DeliveryState, Handle, HandleKind, Inbound,
        Money, Order, OrderLine, OrderState, Profile, Seconds, SendError, Supplement, ThreadHints, Timestamp, Typing,
    };
    pub use crate::web::{Request, Response};
    pub use crate::{
        Arrival, Batch, Channel, Commerce, Document, Envelope, Migrate, MigrateError, Outgoing, Plugin, Policy, Poller,
        PrepareError, Presence, Reading, Rejection, Review, Sample, Sampler, Sign, host,
    };
}
