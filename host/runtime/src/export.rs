//! The functions a plugin exports, as calls that a generation makes, whatever version of the contract it was built for.
use crate::contract::{Entries, Refused};
use crate::instance::Live;
use std::future::Future;
use tributary_model::decision::{Decision, Fault, Happening, Snapshot, Verdict};
use tributary_model::message::{
    Arrival, Batch, Content, Delivery, Handle, Outgoing, Reading, Rejection, Sample, SendError, Sign,
};
use tributary_model::order::{Operation, Order};

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

/// `poller.poll`.
#[derive(Clone, Copy)]
pub(crate) struct Poll<'a>(pub Option<&'a str>);

impl Export for Poll<'_> {
    type Said = Result<Batch, SendError>;
    const INDEX: usize = 5;

    fn is_fault(_: &Self::Said) -> bool {
        false
    }

    async fn call(self, live: &mut Live) -> wasmtime::Result<Self::Said> {
        live.guest.poll(&mut live.store, self.0).await
    }
}

/// `presence.show`.
#[derive(Clone, Copy)]
pub(crate) struct Show<'a>(pub &'a [Handle], pub &'a Sign);

impl Export for Show<'_> {
    type Said = Result<(), SendError>;
    const INDEX: usize = 6;

    fn is_fault(_: &Self::Said) -> bool {
        false
    }

    async fn call(self, live: &mut Live) -> wasmtime::Result<Self::Said> {
        live.guest.show(&mut live.store, self.0, self.1).await
    }
}

/// `sampler.samples`.
#[derive(Clone, Copy)]
pub(crate) struct Samples<'a>(pub &'a str);

impl Export for Samples<'_> {
    type Said = Result<Vec<Sample>, Refused>;
    const INDEX: usize = 7;

    fn is_fault(_: &Self::Said) -> bool {
        false
    }

    async fn call(self, live: &mut Live) -> wasmtime::Result<Self::Said> {
        live.guest.samples(&mut live.store, self.0).await
    }
}

/// `commerce.look-up`.
#[derive(Clone, Copy)]
pub(crate) struct LookUp<'a>(pub &'a str);

impl Export for LookUp<'_> {
    type Said = Result<Option<Order>, SendError>;
    const INDEX: usize = 8;

    fn is_fault(_: &Self::Said) -> bool {
        false
    }

    async fn call(self, live: &mut Live) -> wasmtime::Result<Self::Said> {
        live.guest.look_up(&mut live.store, self.0).await
    }
}

/// `commerce.perform`.
#[derive(Clone, Copy)]
pub(crate) struct Perform<'a>(pub &'a Operation, pub &'a str);

impl Export for Perform<'_> {
    type Said = Result<String, SendError>;
    const INDEX: usize = 9;

    fn is_fault(_: &Self::Said) -> bool {
        false
    }

    async fn call(self, live: &mut Live) -> wasmtime::Result<Self::Said> {
        live.guest.perform(&mut live.store, self.0, self.1).await
    }
}
