//! The door between this host and components built for different versions of the contract.
//!
//! What a version looks like stays behind three traits: [`Served`] knows its interfaces and links its services,
//! [`Exports`] finds a component's exports, [`Guest`] calls them. All of them speak the model's words, so the runtime,
//! and everything above it, has one way of calling any plugin. The version is read from a component's names before any
//! of it runs; a version that is not in [`Contracts`] is refused.
mod current;
mod services;
mod versions;

pub use crate::convert::lift::{Lift, lift};
pub use crate::state::CallState;
pub use current::Current;
pub use services::StateError;
pub(crate) use versions::split;
pub use versions::{Contracts, Distance};

use async_trait::async_trait;
use std::sync::Arc;
use tributary_model::decision::{Decision, Fault, Happening, Snapshot, Verdict};
use tributary_model::message::{
    Arrival, Batch, Content, Delivery, Handle, Outgoing, Reading, Rejection, Sample, SendError, Sign,
};
use tributary_model::order::{Operation, Order};
use wasmtime::Store;
use wasmtime::component::{Instance, InstancePre, Linker};

/// The package that all versions of the contract share.
pub const PACKAGE: &str = "tributary:plugin";

/// A plugin's own words for why it refused to be prepared or to carry its state over: for the operator.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

/// Keys of a plugin's state in one place with their values.
pub type Entries = Vec<(String, Vec<u8>)>;

/// What an interface is to a component.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// Types only: free to import.
    Types,
    /// A service of the host, by the word a plugin asks for it with.
    Service(&'static str),
    /// A handler that the host calls.
    Handler(Role),
}

/// What a component can do for the host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Every plugin: it is prepared.
    Lifecycle,
    /// It reads arrivals and sends.
    Channel,
    /// It is asked for what is new.
    Poller,
    /// It shows the customer what the shop is doing.
    Presence,
    /// It makes what its platform would send.
    Sampler,
    /// It answers for a marketplace.
    Commerce,
    /// It decides.
    Policy,
    /// It looks at outgoing text.
    Review,
    /// It carries its state over from another version of itself.
    Migration,
}

/// The roles of one component.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Roles {
    /// It reads arrivals and sends.
    pub channel: bool,
    /// It is asked for what is new.
    pub poller: bool,
    /// It shows the customer what the shop is doing.
    pub presence: bool,
    /// It makes what its platform would send.
    pub sampler: bool,
    /// It answers for a marketplace.
    pub commerce: bool,
    /// It decides.
    pub policy: bool,
    /// It looks at outgoing text.
    pub review: bool,
    /// It carries its state over from another version of itself.
    pub migration: bool,
}

/// How an interface of a version reaches the model.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fit {
    /// It is the current version's.
    Same,
    /// It is translated at the door.
    Converted,
}

/// One interface of a version.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Interface {
    /// Its name without package and version.
    pub name: &'static str,
    /// What it is to a component.
    pub side: Side,
    /// How it reaches the model.
    pub fit: Fit,
}

/// One version of the contract that the host serves.
pub trait Served: Send + Sync + 'static {
    /// Its version, such as `0.1.0`.
    fn version(&self) -> &'static str;

    /// Its interfaces.
    fn interfaces(&self) -> &'static [Interface];

    /// Puts its types and those of its services that are granted into a linker, and no others: an import that is not
    /// granted does not link. `services` holds the words of [`Side::Service`].
    fn link(&self, linker: &mut Linker<CallState>, services: &[String]) -> wasmtime::Result<()>;

    /// Finds the exports of a component that was built for it.
    fn exports(&self, pre: &InstancePre<CallState>, roles: Roles) -> wasmtime::Result<Arc<dyn Exports>>;
}

/// Where a component's exports are, found once for all its instances.
pub trait Exports: Send + Sync + 'static {
    /// The exports of one instance. Nothing is looked up before it is needed.
    fn of(self: Arc<Self>, instance: Instance) -> Box<dyn Guest>;
}

/// One instance's exports as calls: the model's values are lowered, the guest is asked, and its answer is lifted. The
/// outer error ends the call: a trap, a budget, or an answer against the contract.
#[async_trait]
pub trait Guest: Send {
    /// Checks that every export has the type of its version.
    fn check(&mut self, store: &mut Store<CallState>) -> wasmtime::Result<()>;

    /// `lifecycle.prepare`, or what the version has in its place.
    async fn prepare(&mut self, store: &mut Store<CallState>) -> wasmtime::Result<Result<(), Refused>>;

    /// `channel.receive`.
    async fn receive(
        &mut self,
        store: &mut Store<CallState>,
        arrival: &Arrival,
    ) -> wasmtime::Result<Result<Reading, Rejection>>;

    /// `channel.send`.
    async fn send(
        &mut self,
        store: &mut Store<CallState>,
        message: &Outgoing,
    ) -> wasmtime::Result<Result<Delivery, SendError>>;

    /// `policy.decide`.
    async fn decide(
        &mut self,
        store: &mut Store<CallState>,
        snapshot: &Snapshot,
        happening: &Happening,
    ) -> wasmtime::Result<Result<Vec<Decision>, Fault>>;

    /// `review.review`.
    async fn review(
        &mut self,
        store: &mut Store<CallState>,
        snapshot: &Snapshot,
        draft: &Content,
    ) -> wasmtime::Result<Result<Verdict, Fault>>;

    /// `poller.poll`.
    async fn poll(
        &mut self,
        store: &mut Store<CallState>,
        cursor: Option<&str>,
    ) -> wasmtime::Result<Result<Batch, SendError>> {
        let _ = (store, cursor);
        Err(absent("poller"))
    }

    /// `presence.show`.
    async fn show(
        &mut self,
        store: &mut Store<CallState>,
        to: &[Handle],
        sign: &Sign,
    ) -> wasmtime::Result<Result<(), SendError>> {
        let _ = (store, to, sign);
        Err(absent("presence"))
    }

    /// `sampler.samples`.
    async fn samples(
        &mut self,
        store: &mut Store<CallState>,
        text: &str,
    ) -> wasmtime::Result<Result<Vec<Sample>, Refused>> {
        let _ = (store, text);
        Err(absent("sampler"))
    }

    /// `commerce.look-up`.
    async fn look_up(
        &mut self,
        store: &mut Store<CallState>,
        order: &str,
    ) -> wasmtime::Result<Result<Option<Order>, SendError>> {
        let _ = (store, order);
        Err(absent("commerce"))
    }

    /// `commerce.perform`.
    async fn perform(
        &mut self,
        store: &mut Store<CallState>,
        operation: &Operation,
        key: &str,
    ) -> wasmtime::Result<Result<String, SendError>> {
        let _ = (store, operation, key);
        Err(absent("commerce"))
    }

    /// `migration.migrate`: all entries that version `from` of the plugin left, for all that take their place.
    async fn migrate(
        &mut self,
        store: &mut Store<CallState>,
        from: &str,
        entries: &[(String, Vec<u8>)],
    ) -> wasmtime::Result<Result<Entries, Refused>>;
}

/// What a [`Guest`] answers to a call of what its component does not export.
pub fn absent(interface: &'static str) -> wasmtime::Error {
    crate::state::Stop::Host(format!("the plugin does not export `{interface}`")).into()
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 9] = [
        Self::Lifecycle,
        Self::Channel,
        Self::Poller,
        Self::Presence,
        Self::Sampler,
        Self::Commerce,
        Self::Policy,
        Self::Review,
        Self::Migration,
    ];

    /// The name of the current version's interface.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lifecycle => "lifecycle",
            Self::Channel => "channel",
            Self::Poller => "poller",
            Self::Presence => "presence",
            Self::Sampler => "sampler",
            Self::Commerce => "commerce",
            Self::Policy => "policy",
            Self::Review => "review",
            Self::Migration => "migration",
        }
    }
}
