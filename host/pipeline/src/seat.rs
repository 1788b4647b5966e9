//! A place with what acts in it: one generation, and perhaps a newer one that is tried beside it.
//!
//! A trial has two sides. The *base* is what acted before and goes on acting wherever the trial does not say otherwise.
//! The *newer* one acts for a share of the conversations, always the same ones: none of them (a shadow), some (a canary),
//! or all (just put in use, while the base stands by). Where the newer one faults, the base is asked about the same event,
//! so that a trial costs no event anything. Where both sides are compared, the one that does not act is asked behind the
//! commit, by [`crate::compare`], with nothing that it says being done.
//!
//! Who decides over a trial is told of every call by [`Watch`]; the fleet implements it.
use crate::gate::Gate;
use std::sync::Arc;
use std::time::Duration;
use tributary_model::{ConversationId, GenerationId, Place};
use tributary_runtime::{Blame, CallCost};

/// A place with what acts in it.
pub struct Seat<P: ?Sized> {
    /// The place.
    pub place: Place,
    /// What acts, where no trial says otherwise.
    pub base: Arc<P>,
    /// What is tried.
    pub trial: Option<Arc<Trial<P>>>,
    /// Whether events get through.
    pub gate: Arc<Gate>,
}

/// A newer generation beside the base.
pub struct Trial<P: ?Sized> {
    /// The newer one.
    pub newer: Arc<P>,
    /// For how many of a hundred conversations it acts.
    pub share: u8,
    /// Whether the side that does not act is asked as well, and both answers are compared.
    pub compare: bool,
    /// Who is told.
    pub watch: Arc<dyn Watch>,
}

/// Told of every call in a trial. Must not block.
pub trait Watch: Send + Sync + 'static {
    /// A call of the newer side ended, acting or not.
    fn saw(&self, seen: Seen);
    /// Both sides answered the same event.
    fn compared(&self, compared: Compared);
}

/// A call of the newer side.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Which generation.
    pub generation: GenerationId,
    /// Which conversation, or, where none is known yet, a hash of the sender.
    pub key: u64,
    /// Who was to blame where it failed.
    pub fault: Option<(Blame, String)>,
    /// What it cost; none where it failed.
    pub cost: Option<CallCost>,
}

/// Two answers to one event.
#[derive(Clone, Debug)]
pub struct Compared {
    /// The conversation, where it is known.
    pub conversation: Option<ConversationId>,
    /// See [`Seen::key`].
    pub key: u64,
    /// The event, in words: `happening 12`.
    pub about: String,
    /// None: both said the same. Otherwise what the base said and what the newer one said, in words for people.
    pub differs: Option<(String, String)>,
    /// Guest time of base and newer.
    pub guest: (Duration, Duration),
}
