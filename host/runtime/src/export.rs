//! The functions a plugin exports, as calls that a generation makes, whatever version of the contract it was built for.
use crate::contract::{Entries, Refused};
use crate::instance::Live;
use std::future::Future;
use tributary_model::decision::{Decision, Fault, Happening, Snapshot, Verdict};
use tributary_model::message::{Arrival, Content, Delivery, Outgoing, Reading, Rejection, SendError};

/// One call of one exported function.
pub(crate) trait Export: Send {
    /// What the plugin says.
    type Said: Send;
    /// Which of [`crate::metrics::EXPORTS`] it is.
    const INDEX: usize;
    /// How many times a call's budgets of time it may take.
    const PATIENCE: u32 = 1;
    /// Whether it may have an instance that served before, and leave its own to the next call.
    const REUSE: bool = true;
    /// Whether an answer is the plugin's own failure.
    fn is_fault(said: &Self::Said) -> bool;
    /// Calls it.
    fn call(self, live: &mut Live) -> impl Future<Output = wasmtime::Result<Self::Said>> + Send;
}

/// `channel.receive`.
#[derive(Clone, Copy)]
pub(crate) struct Receive<'a>(pub &'a Arrival);

impl Export for Receive<'_> {
    type Said = Result<Reading, Rejection>;
    const INDEX: usize = 0;

    fn is_fault(_: &Self::Said) -> bool {
        false
    }

    async fn call(self, live: &mut Live) -> wasmtime::Result<Self::Said> {
        live.guest.receive(&mut live.store, self.0).await
    }
}

/// `channel.send`.
#[derive(Clone, Copy)]
pub(crate) struct SendOut<'a>(pub &'a Outgoing);

impl Export for SendOut<'_> {
    type Said = Result<Delivery, SendError>;
    const INDEX: usize = 1;

    fn is_fault(_: &Self::Said) -> bool {
        false
    }

    async fn call(self, live: &mut Live) -> wasmtime::Result<Self::Said> {
        live.guest.send(&mut live.store, self.0).await
    }
}

/// `policy.decide`.
#[derive(Clone, Copy)]
pub(crate) struct Decide<'a>(pub &'a Snapshot, pub &'a Happening);

impl Export for Decide<'_> {
    type Said = Result<Vec<Decision>, Fault>;
    const INDEX: usize = 2;

    fn is_fault(said: &Self::Said) -> bool {
        said.is_err()
    }

    async fn call(self, live: &mut Live) -> wasmtime::Result<Self::Said> {
        live.guest.decide(&mut live.store, self.0, self.1).await
    }
}

/// `review.review`.
#[derive(Clone, Copy)]
pub(crate) struct Review<'a>(pub &'a Snapshot, pub &'a Content);

impl Export for Review<'_> {
    type Said = Result<Verdict, Fault>;
    const INDEX: usize = 3;

    fn is_fault(said: &Self::Said) -> bool {
        said.is_err()
    }

    async fn call(self, live: &mut Live) -> wasmtime::Result<Self::Said> {
        live.guest.review(&mut live.store, self.0, self.1).await
    }
}

/// `migration.migrate`: run once at an upgrade, like `prepare`, on an instance of its own.
#[derive(Clone, Copy)]
pub(crate) struct Migrate<'a>(pub &'a str, pub &'a [(String, Vec<u8>)]);

impl Export for Migrate<'_> {
    type Said = Result<Entries, Refused>;
    const INDEX: usize = 4;
    const PATIENCE: u32 = crate::picture::PATIENCE;
    const REUSE: bool = false;

    fn is_fault(said: &Self::Said) -> bool {
        said.is_err()
    }

    async fn call(self, live: &mut Live) -> wasmtime::Result<Self::Said> {
        live.migrate(self.0, self.1).await
    }
}
