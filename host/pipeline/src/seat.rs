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
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tributary_model::decision::{Decision, Happening};
use tributary_model::message::Arrival;
use tributary_model::{ConversationId, GenerationId, Place};
use tributary_runtime::{Adapter, Blame, CallCost, PluginInfo, Policy};

/// A place with what acts in it. Cheap to clone: clones share the gate.
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

impl Seat<dyn Policy> {
    /// Whether one of its sides is asked about a happening, see [`Policy::hears`].
    pub(crate) fn hears(&self, happening: &Happening, decided: &[Decision]) -> bool {
        self.base.hears(happening, decided)
            || self.trial.as_ref().is_some_and(|trial| trial.newer.hears(happening, decided))
    }
}

impl<P: ?Sized> Clone for Seat<P> {
    fn clone(&self) -> Self {
        let Self { place, base, trial, gate } = self;
        Self { place: place.clone(), base: base.clone(), trial: trial.clone(), gate: gate.clone() }
    }
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
    /// How many calls of the newer side may be under way; none: as many as come.
    fn ramp(&self) -> Option<&Ramp> {
        None
    }
}

/// Lets a newer generation have more calls at once only as it proves itself: one until the first has ended well, then one
/// more for each that did. A build that never comes back would otherwise be given everything that arrives until its first
/// call has used up its budget; so it is given one event at a time, and the base has the others.
#[derive(Debug, Default)]
pub struct Ramp {
    under_way: AtomicU64,
    ended_well: AtomicU64,
}

/// A call under way on a ramp.
#[must_use]
pub(crate) struct Turn<'a>(Option<&'a Ramp>);

impl Ramp {
    fn enter(&self) -> Option<Turn<'_>> {
        // Two that look at the same moment may both enter; one more at once is no harm.
        let room = 1 + self.ended_well.load(Ordering::Relaxed);
        if self.under_way.fetch_add(1, Ordering::Relaxed) < room {
            return Some(Turn(Some(self)));
        }
        self.under_way.fetch_sub(1, Ordering::Relaxed);
        None
    }
}

impl Turn<'_> {
    /// It ended well.
    pub(crate) fn well(self) {
        if let Some(ramp) = self.0 {
            ramp.ended_well.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(ramp) = self.0 {
            ramp.under_way.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl<P: ?Sized> Trial<P> {
    /// The right to one call of the newer side. `None`: it has as many under way as it may.
    pub(crate) fn turn(&self) -> Option<Turn<'_>> {
        match self.watch.ramp() {
            Some(ramp) => ramp.enter(),
            None => Some(Turn(None)),
        }
    }
}

/// A call of the newer side.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Which generation.
    pub generation: GenerationId,
    /// The conversation, or, where none is known yet, the sender, as one number: see [`Seat::key`].
    pub key: u64,
    /// Who was to blame where it failed, and what it said.
    pub fault: Option<(Blame, String)>,
    /// Whether the base failed on the same event as well: then the fault says nothing about the newer one.
    pub base_failed: bool,
    /// What it cost; none where it failed.
    pub cost: Option<CallCost>,
    /// Whether an answer is progress of the trial. A send that ended well is none: an adapter that sends and cannot read
    /// would prove itself by its sends.
    pub proves: bool,
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

/// What both kinds of plugin are: something with a name, a version and a generation.
pub trait Named {
    /// What it is.
    fn named(&self) -> &PluginInfo;
}

impl Named for dyn Adapter {
    fn named(&self) -> &PluginInfo {
        self.info()
    }
}

impl Named for dyn Policy {
    fn named(&self) -> &PluginInfo {
        self.info()
    }
}

/// One of the two sides of a trial; a seat without one has a base only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// What acted before.
    Base,
    /// What is tried.
    Newer,
}

impl<P: Named + ?Sized> Seat<P> {
    /// A seat without a trial.
    pub fn standing(place: Place, base: Arc<P>, gate: Arc<Gate>) -> Self {
        Self { place, base, trial: None, gate }
    }

    /// The same seat with something to try.
    pub fn with_trial(&self, trial: Trial<P>) -> Self {
        Self { trial: Some(Arc::new(trial)), ..self.clone() }
    }

    /// The same seat without a trial.
    pub fn without_trial(&self) -> Self {
        Self { trial: None, ..self.clone() }
    }

    /// The plugin of a side.
    pub(crate) fn side(&self, side: Side) -> &Arc<P> {
        match (&self.trial, side) {
            (Some(trial), Side::Newer) => &trial.newer,
            _ => &self.base,
        }
    }

    /// Which side acts for a key. The same for the same key as long as the share stays, across restarts; a larger share
    /// keeps those it had.
    pub fn acting(&self, key: u64) -> Side {
        match &self.trial {
            Some(trial) if key % 100 < u64::from(trial.share) => Side::Newer,
            _ => Side::Base,
        }
    }

    /// The generation that everything kept aside is tried with: the newer one where it acts for everybody.
    pub fn generation(&self) -> GenerationId {
        match &self.trial {
            Some(trial) if trial.share >= 100 => trial.newer.named().generation,
            _ => self.base.named().generation,
        }
    }

    /// A number for some bytes, by which this place picks a side: another place picks others.
    pub fn key(&self, of: &[u8]) -> u64 {
        let parts: [&[u8]; 3] = [self.place.name().as_bytes(), &[0], of];
        mixed(
            parts.into_iter().flatten().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
                (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
            }),
        )
    }

    /// The number of a conversation.
    pub fn conversation_key(&self, id: ConversationId) -> u64 {
        self.key(&id.0.to_le_bytes())
    }

    /// The number of whoever an arrival is from, as far as that is known before it is read.
    ///
    /// A mail has its envelope sender. A mail with the null return path is a report of a machine and has nobody: its bytes
    /// stand for it. So they do for a call of a hook, which comes from a platform for all of its customers: a call that
    /// is repeated goes to the same side, but two messages of one customer may go to different ones. A document has its
    /// name.
    pub fn arrival_key(&self, arrival: &Arrival) -> u64 {
        match arrival {
            Arrival::Mail { mail_from, .. } if !mail_from.is_empty() => self.key(mail_from.to_lowercase().as_bytes()),
            Arrival::Document { name, .. } => self.key(name.as_bytes()),
            Arrival::Mail { .. } | Arrival::Http(_) => self.key(arrival.bytes()),
        }
    }
}

/// Spreads a number over all bits (the finalizer of SplitMix64): FNV alone leaves the numbers of sequential ids too close.
fn mixed(mut hash: u64) -> u64 {
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}
