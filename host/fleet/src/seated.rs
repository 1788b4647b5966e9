//! A place with its generations: what acts, what is tried, what stands by; and the seat that the pipeline gets of it.
use crate::entry::{PlaceEntry, TrialLimits};
use crate::lock::Locked;
use crate::trial::TrialWatch;
use crate::view::RefusedView;
use std::sync::Arc;
use tokio::sync::OwnedRwLockWriteGuard;
use tributary_model::{GenerationId, Place};
use tributary_pipeline::{Gate, GateState, Seat, Trial, Watch};
use tributary_runtime::{Adapter, Generation, Package, Policy};
use tributary_store::NewGeneration;

/// A generation that is compiled.
pub(crate) struct Loaded {
    /// Its row.
    pub id: GenerationId,
    /// What the row says it was made of.
    pub made: NewGeneration,
    /// Its package.
    pub package: Arc<Package>,
    /// What the lock says of it once it acts.
    pub locked: Locked,
    /// What is called.
    pub generation: Arc<Generation>,
}

impl Loaded {
    /// Whether the operator still allows all that this generation may touch. One that may touch more does not act again as
    /// it is: neither beside a newer one nor after a rollback.
    pub fn is_allowed(&self, entry: &PlaceEntry) -> bool {
        self.generation.granted().is_within(&entry.grants)
    }
}

/// How the newer of two generations is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It acts for all; the one before stands by.
    Guard,
    /// It acts for nobody.
    Shadow,
    /// It acts for so many of a hundred conversations.
    Canary(u8),
}

impl Mode {
    /// The word operators read.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Guard => "guard",
            Self::Shadow => "shadow",
            Self::Canary(_) => "canary",
        }
    }

    /// For how many of a hundred conversations the newer one acts.
    pub fn share(self) -> u8 {
        match self {
            Self::Guard => 100,
            Self::Shadow => 0,
            Self::Canary(share) => share,
        }
    }
}

/// A newer generation beside the base.
#[derive(Clone)]
pub(crate) struct Tried {
    pub mode: Mode,
    pub newer: Arc<Loaded>,
    pub watch: Arc<TrialWatch>,
}

/// A place with its generations. Cheap to clone: clones share gate and counts.
#[derive(Clone)]
pub(crate) struct Seated {
    pub entry: PlaceEntry,
    /// What acts where no trial says otherwise.
    pub base: Arc<Loaded>,
    pub tried: Option<Tried>,
    /// What acted before and is still compiled, the newest first.
    pub kept: Vec<Arc<Loaded>>,
    pub gate: Arc<Gate>,
    pub enabled: bool,
    /// What was refused since the live one went live.
    pub refused: Option<RefusedView>,
    /// How trials are judged here.
    pub limits: TrialLimits,
}

impl Seated {
    /// The place.
    pub fn place(&self) -> &Place {
        &self.entry.place
    }

    /// What the store calls live: during a guard, the newer one.
    pub fn live(&self) -> &Arc<Loaded> {
        match &self.tried {
            Some(tried) if tried.mode == Mode::Guard => &tried.newer,
            _ => &self.base,
        }
    }

    /// The lock under which a gate is replaced, where anything may be kept aside at it: what is, is committed before the new
    /// gate looks for it. `held`: it is, whatever its state.
    pub async fn closing(&self, held: bool) -> Option<OwnedRwLockWriteGuard<()>> {
        let rests = held || self.gate.view().state != GateState::Closed;
        if rests { Some(self.gate.closing().await) } else { None }
    }

    /// Keeps what acted before, and lets go of the oldest beyond `most`, and of what may touch more than is allowed now: a
    /// way back to that loads it again.
    pub fn keep(&mut self, was: Arc<Loaded>, most: usize) {
        self.kept.retain(|kept| kept.id != was.id);
        self.kept.insert(0, was);
        self.kept.retain(|kept| kept.is_allowed(&self.entry));
        self.kept.truncate(most);
    }

    /// Takes one that was kept.
    pub fn take_kept(&mut self, id: GenerationId) -> Option<Arc<Loaded>> {
        let at = self.kept.iter().position(|kept| kept.id == id)?;
        Some(self.kept.remove(at))
    }

    /// Every generation that something may still be begun with.
    pub fn in_use(&self) -> impl Iterator<Item = GenerationId> {
        std::iter::once(self.base.id).chain(self.tried.iter().map(|tried| tried.newer.id))
    }

    /// The seat of a channel.
    pub fn adapter(&self) -> Seat<dyn Adapter> {
        self.seat(|loaded| Arc::clone(&loaded.generation) as Arc<dyn Adapter>)
    }

    /// The seat of a policy.
    pub fn policy(&self) -> Seat<dyn Policy> {
        self.seat(|loaded| Arc::clone(&loaded.generation) as Arc<dyn Policy>)
    }

    fn seat<P: ?Sized>(&self, as_plugin: impl Fn(&Loaded) -> Arc<P>) -> Seat<P> {
        let trial = self.tried.as_ref().map(|tried| {
            Arc::new(Trial {
                newer: as_plugin(&tried.newer),
                share: tried.mode.share(),
                compare: tried.mode != Mode::Guard,
                watch: Arc::clone(&tried.watch) as Arc<dyn Watch>,
            })
        });
        Seat { place: self.entry.place.clone(), base: as_plugin(&self.base), trial, gate: Arc::clone(&self.gate) }
    }
}
