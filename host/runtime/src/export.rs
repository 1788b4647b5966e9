//! The functions a plugin exports, as calls: arguments lowered, the guest asked, its answer lifted.
use crate::convert::{lift::lift, lower};
use crate::instance::{Indices, Live};
use bumpalo::Bump;
use std::future::Future;
use tributary_model::decision::{Decision, Fault, Happening, Snapshot, Verdict};
use tributary_model::message::{Arrival, Content, Delivery, Outgoing, Reading, Rejection, SendError};

/// One call of one exported function.
pub(crate) trait Export: Send {
    /// What the plugin says.
    type Said: Send;
    /// Which of [`crate::metrics::EXPORTS`] it is.
    const INDEX: usize;
    /// Whether an answer is the plugin's own failure.
    fn is_fault(said: &Self::Said) -> bool;
    /// Calls it.
    fn call(self, live: &mut Live, indices: &Indices) -> impl Future<Output = wasmtime::Result<Self::Said>> + Send;
}

/// `channel.receive`.
pub(crate) struct Receive<'a>(pub &'a Arrival);

impl Export for Receive<'_> {
    type Said = Result<Reading, Rejection>;
    const INDEX: usize = 0;

    fn is_fault(_: &Self::Said) -> bool {
        false
    }

    async fn call(self, live: &mut Live, indices: &Indices) -> wasmtime::Result<Self::Said> {
        let guest = live.channel(indices)?;
        let arena = Bump::new();
        let said = guest.call_receive(&mut live.store, lower::arrival(&arena, self.0)).await?;
        lift(live.store.data_mut(), |lift| match said {
            Ok(reading) => Ok(lift.reading(reading)),
            Err(rejection) => Err(lift.rejection(rejection)),
        })
    }
}

/// `channel.send`.
pub(crate) struct SendOut<'a>(pub &'a Outgoing);

impl Export for SendOut<'_> {
    type Said = Result<Delivery, SendError>;
    const INDEX: usize = 1;

    fn is_fault(_: &Self::Said) -> bool {
        false
    }

    async fn call(self, live: &mut Live, indices: &Indices) -> wasmtime::Result<Self::Said> {
        let guest = live.channel(indices)?;
        live.store.data_mut().add_files(&self.0.content.attachments);
        let arena = Bump::new();
        let said = guest.call_send(&mut live.store, lower::outgoing(&arena, self.0)).await?;
        lift(live.store.data_mut(), |lift| match said {
            Ok(delivery) => Ok(lift.delivery(delivery)),
            Err(error) => Err(lift.send_error(error)),
        })
    }
}

/// `policy.decide`.
pub(crate) struct Decide<'a>(pub &'a Snapshot, pub &'a Happening);

impl Export for Decide<'_> {
    type Said = Result<Vec<Decision>, Fault>;
    const INDEX: usize = 2;

    fn is_fault(said: &Self::Said) -> bool {
        said.is_err()
    }

    async fn call(self, live: &mut Live, indices: &Indices) -> wasmtime::Result<Self::Said> {
        let guest = live.policy(indices)?;
        match self.1 {
            Happening::Message(message) => live.store.data_mut().add_files(&message.content.attachments),
            Happening::AgentReplied(content) => live.store.data_mut().add_files(&content.attachments),
            _ => {}
        }
        let arena = Bump::new();
        let (snapshot, happening) = (lower::snapshot(&arena, self.0), lower::happening(&arena, self.1));
        let said = guest.call_decide(&mut live.store, snapshot, happening).await?;
        lift(live.store.data_mut(), |lift| match said {
            Ok(decisions) => Ok(lift.decisions(decisions)),
            Err(fault) => Err(lift.fault(fault)),
        })
    }
}

/// `review.review`.
pub(crate) struct Review<'a>(pub &'a Snapshot, pub &'a Content);

impl Export for Review<'_> {
    type Said = Result<Verdict, Fault>;
    const INDEX: usize = 3;

    fn is_fault(said: &Self::Said) -> bool {
        said.is_err()
    }

    async fn call(self, live: &mut Live, indices: &Indices) -> wasmtime::Result<Self::Said> {
        let guest = live.review(indices)?;
        live.store.data_mut().add_files(&self.1.attachments);
        let arena = Bump::new();
        let (snapshot, draft) = (lower::snapshot(&arena, self.0), lower::content(&arena, self.1));
        let said = guest.call_review(&mut live.store, snapshot, draft).await?;
        lift(live.store.data_mut(), |lift| match said {
            Ok(verdict) => Ok(lift.verdict(verdict, &self.1.text)),
            Err(fault) => Err(lift.fault(fault)),
        })
    }
}
