//! The breaker of a place: whether its events get through to its plugin, or are kept aside until it is well again. The rules
//! are the model's; here are the lock around them, who is the probe, and who is kept behind whom.
//!
//! A healthy call costs two relaxed loads. Only a place that had a failure among its last calls, or that is not closed,
//! takes the lock.
use crate::now;
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};
use tributary_model::breaker::{self, Event, State};
use tributary_model::{ConversationId, Place, Timestamp};
use tributary_store::Cause;

pub use tributary_model::breaker::Limits as BreakerLimits;

/// Who is to blame for what was kept aside without being asked about.
pub(crate) const BLAME: &str = "breaker";

/// How long something that was given back may take to be asked about. Longer means that it was lost on the way (its node
/// died, its policy left the chain), and nobody waits for it any more.
const PATIENCE: Duration = Duration::from_secs(30);

/// When to ask again at a gate that is held.
const HELD: Duration = Duration::from_millis(100);

/// How a gate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateState {
    /// Events get through.
    Closed,
    /// Events are kept aside, or passed on where the plugin may be skipped.
    Open,
    /// One event is let through to see.
    HalfOpen,
    /// What was kept aside is worked off, in order; what comes in waits behind it.
    Draining,
    /// It failed too often: only an operator, or another generation, opens it again.
    Evicted,
    /// The operator took the place out of use.
    Disabled,
}

impl GateState {
    /// The word for an operator.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
            Self::Draining => "draining",
            Self::Evicted => "evicted",
            Self::Disabled => "disabled",
        }
    }

    /// The number that the metric shows.
    fn number(self) -> f64 {
        match self {
            Self::Closed => 0.0,
            Self::HalfOpen => 1.0,
            Self::Open => 2.0,
            Self::Draining => 3.0,
            Self::Evicted => 4.0,
            Self::Disabled => 5.0,
        }
    }
}

/// A gate as an operator sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct GateView {
    /// How it stands.
    pub state: GateState,
    /// Since when.
    pub since: Timestamp,
    /// When the next probe is let through, where it is open.
    pub next_probe: Option<Timestamp>,
    /// Failed probes in a row.
    pub strikes: u32,
    /// The last failure: when, and its words.
    pub last_fault: Option<(Timestamp, String)>,
    /// Who took the place out of use.
    pub disabled_by: Option<String>,
}

/// The breaker of a place.
pub struct Gate {
    place: Place,
    limits: BreakerLimits,
    /// Closed, with nothing to look at: the happy path ends here.
    quiet: AtomicBool,
    inner: Mutex<Inner>,
    /// Held for reading from before something is kept aside until that is committed; for writing to close.
    aside: Arc<RwLock<()>>,
    /// Held for reading by a call whose state must not move under it, until its writes are on disk; for writing by one that is
    /// made again because its state did move.
    alone: Arc<RwLock<()>>,
}

/// A place among the calls that write state they have read; see [`Gate::among`].
pub(crate) enum Among {
    Others(#[allow(dead_code, reason = "held, not read")] OwnedRwLockReadGuard<()>),
    Alone(#[allow(dead_code, reason = "held, not read")] OwnedRwLockWriteGuard<()>),
}

struct Inner {
    state: State,
    since: Timestamp,
    last_fault: Option<(Timestamp, String)>,
    disabled_by: Option<String>,
    /// Nothing gets through: see [`Gate::hold`].
    held: bool,
    /// Who may be the probe of a half-open gate.
    probe: Probing,
    /// What was given back and is not asked about yet, by conversation: later events of these wait behind it, since they
    /// may have been on their way when the gate closed. And since when.
    given_back: (HashMap<ConversationId, u32>, Timestamp),
    /// Conversations that something was kept aside of although others get through.
    behind: HashSet<ConversationId>,
    /// While it drains: everything has been given back, and only those that are not asked about yet are waited for. Who
    /// is not behind one of these gets through.
    caught_up: bool,
    /// The change under way gave everything back.
    gave: bool,
    /// The keeper rests until then: the store could not do what it wanted.
    rests_until: Timestamp,
    /// Wakes the keeper.
    wake: Option<Arc<Notify>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Probing {
    /// Nobody: it is under way.
    Taken,
    /// What was kept aside and comes back, since then.
    Back(Timestamp),
    /// Whatever comes: nothing was kept aside.
    Anyone,
}

/// Who wants to get through.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Caller {
    /// An event for the first time; of a conversation, where that is known.
    Live(Option<ConversationId>),
    /// What was kept aside and comes back.
    Back,
    /// A call that has no place in any order: a review, a send.
    Unordered,
}

/// The right to make one call. Its end has to be told.
#[must_use]
#[derive(Debug)]
pub(crate) enum Pass {
    Free,
    Probe(Probe),
}

/// A probe under way. Dropped without an answer, another one is wanted.
pub(crate) struct Probe(Option<Arc<Gate>>);

impl std::fmt::Debug for Probe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Probe")
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        if let Some(gate) = self.0.take() {
            gate.befall(Event::ProbeLost, now());
        }
    }
}

/// Why a call is not made.
#[derive(Clone, Debug)]
pub(crate) struct Shut {
    pub(crate) state: GateState,
    why: String,
    /// How long until it may be different, where that is known.
    pub(crate) after: Option<Duration>,
}

impl Shut {
    pub(crate) fn cause(&self) -> Cause {
        Cause { blame: BLAME, what: self.why.clone() }
    }
}

/// What the keeper of the gates has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Todo {
    /// Nothing, until it is woken.
    Nothing,
    /// Nothing before this moment.
    At(Timestamp),
    /// Let one event through.
    Probe,
    /// Give back what was kept aside.
    Drain,
}

impl Gate {
    /// A gate through which events get.
    pub fn new(place: Place, limits: BreakerLimits) -> Arc<Self> {
        Self::standing(place, limits, State::CLOSED)
    }

    /// A gate that first works off what is kept aside of its place. Where that is nothing, it is closed at the first look,
    /// which takes one read of the store: the way to begin for every new generation.
    pub fn draining(place: Place, limits: BreakerLimits) -> Arc<Self> {
        Self::standing(place, limits, State::DRAINING)
    }

    /// Waits for a place among the calls of this place: beside others, or alone, first come first served. Taken after the call
    /// was admitted and given up at its commit, so that whoever holds it waits for nothing but these two.
    pub(crate) async fn among(&self, alone: bool) -> Among {
        if alone {
            Among::Alone(self.alone.clone().write_owned().await)
        } else {
            Among::Others(self.alone.clone().read_owned().await)
        }
    }

    fn standing(place: Place, limits: BreakerLimits, state: State) -> Arc<Self> {
        let gate = Self {
            place,
            limits,
            quiet: AtomicBool::new(state == State::CLOSED),
            aside: Arc::default(),
            alone: Arc::default(),
            inner: Mutex::new(Inner {
                state,
                since: now(),
                last_fault: None,
                disabled_by: None,
                held: false,
                probe: Probing::Taken,
                given_back: (HashMap::new(), Timestamp(0)),
                behind: HashSet::new(),
                caught_up: false,
                gave: false,
                rests_until: Timestamp(0),
                wake: None,
            }),
        };
        Arc::new(gate)
    }

    /// The place.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// How it stands.
    pub fn view(&self) -> GateView {
        let inner = self.inner.lock();
        GateView {
            state: inner.stands(),
            since: inner.since,
            next_probe: match inner.state {
                State::Open { until, .. } if inner.disabled_by.is_none() => Some(until),
                _ => None,
            },
            strikes: inner.state.strikes(),
            last_fault: inner.last_fault.clone(),
            disabled_by: inner.disabled_by.clone(),
        }
    }

    /// Whether events get through to the plugin that acts, without anything waiting before them.
    pub fn is_closed(&self) -> bool {
        self.view().state == GateState::Closed
    }

    /// Takes the place out of use: a channel's arrivals are kept aside, a policy is not asked. `by`: for people.
    pub fn disable(&self, by: &str) {
        self.change(now(), |inner, _| inner.disabled_by = Some(by.to_owned()));
    }

    /// Into use again: what was kept aside is worked off first.
    pub fn enable(&self) {
        let at = now();
        self.change(at, |inner, limits| {
            if inner.disabled_by.take().is_some() {
                inner.state = breaker::next(inner.state, Event::Reset, at, limits);
            }
        });
    }

    /// Tries again at once, evicted or not; strikes and failures are forgotten.
    pub fn reset(&self) {
        self.befall(Event::Reset, now());
    }

    /// Lets nothing through, neither what comes nor what comes back, until [`Gate::let_go`]: all of it is kept aside. For the
    /// moment in which what a plugin keeps changes its form.
    pub fn hold(&self) {
        self.change(now(), |inner, _| inner.held = true);
    }

    /// Ends [`Gate::hold`]: what was kept aside is worked off first.
    pub fn let_go(&self) {
        let at = now();
        self.change(at, |inner, limits| {
            inner.held = false;
            inner.state = breaker::next(inner.state, Event::Behind, at, limits);
        });
    }

    pub(crate) fn attach(&self, wake: &Arc<Notify>) {
        self.inner.lock().wake = Some(wake.clone());
        self.told(self.view().state);
    }

    /// Whether a call may be made.
    pub(crate) fn admit(self: &Arc<Self>, who: Caller) -> Result<Pass, Shut> {
        // Relaxed: who comes a moment too late to see a change would have come a moment earlier.
        if self.quiet.load(Ordering::Relaxed) {
            return Ok(Pass::Free);
        }
        let mut inner = self.inner.lock();
        let through = inner.disabled_by.is_none()
            && !inner.held
            && match inner.state {
                State::Draining { .. } if !inner.caught_up => !matches!(who, Caller::Live(_)),
                State::Closed { .. } | State::Draining { .. } => match who {
                    Caller::Live(Some(id)) => !inner.given_back.0.contains_key(&id) && !inner.behind.contains(&id),
                    _ => true,
                },
                State::HalfOpen { .. } => {
                    let mine = match inner.probe {
                        Probing::Taken => false,
                        Probing::Back(_) => who == Caller::Back,
                        Probing::Anyone => true,
                    };
                    if mine {
                        inner.probe = Probing::Taken;
                        return Ok(Pass::Probe(Probe(Some(self.clone()))));
                    }
                    false
                }
                State::Open { .. } | State::Evicted { .. } => false,
            };
        if through { Ok(Pass::Free) } else { Err(self.shut(&inner)) }
    }

    fn shut(&self, inner: &Inner) -> Shut {
        let name = self.place.name();
        let last = inner.last_fault.as_ref().map(|(_, what)| format!("; the last failure: {what}")).unwrap_or_default();
        let limits = &self.limits;
        let (why, after) = match (&inner.disabled_by, inner.state) {
            (Some(by), _) => (format!("{name} was taken out of use by {by}"), None),
            (None, _) if inner.held => (format!("{name} is changing to another version"), Some(HELD)),
            (None, State::Open { until, strikes: 0 }) => (
                format!("{name} rests: {} of its last {} calls failed{last}", limits.failures, limits.window),
                Some(until.since(now())),
            ),
            (None, State::Open { until, strikes }) => {
                (format!("{name} rests after {strikes} failed probes{last}"), Some(until.since(now())))
            }
            (None, State::HalfOpen { .. }) => (format!("{name} is being tried again{last}"), None),
            (None, State::Evicted { strikes }) => {
                (format!("{name} was put out of use after {strikes} failed probes{last}"), None)
            }
            (None, State::Draining { .. } | State::Closed { .. }) => {
                (format!("waits its turn behind what was kept aside of {name} before it"), None)
            }
        };
        Shut { state: inner.stands(), why, after }
    }

    /// A call ended. `fault`: its words, where the plugin that acts failed. `None` without `counts`: somebody else answered,
    /// which says nothing about it, except that events get through.
    pub(crate) fn ended(&self, pass: Pass, fault: Option<&str>, counts: bool) {
        match pass {
            Pass::Free if fault.is_none() && (!counts || self.quiet.load(Ordering::Relaxed)) => {}
            Pass::Free => self.end(if fault.is_some() { Event::Failed } else { Event::Answered }, fault),
            Pass::Probe(mut probe) => {
                // It told; there is nothing left to tell when it is dropped.
                probe.0 = None;
                self.end(if fault.is_some() { Event::ProbeFailed } else { Event::ProbeAnswered }, fault);
            }
        }
    }

    fn end(&self, event: Event, fault: Option<&str>) {
        let at = now();
        self.change(at, |inner, limits| {
            if let Some(what) = fault {
                inner.last_fault = Some((at, what.chars().take(500).collect()));
            }
            inner.state = breaker::next(inner.state, event, at, limits);
        });
    }

    /// Something befell it.
    pub(crate) fn befall(&self, event: Event, at: Timestamp) {
        self.change(at, |inner, limits| inner.state = breaker::next(inner.state, event, at, limits));
    }

    fn change(&self, at: Timestamp, change: impl FnOnce(&mut Inner, &BreakerLimits)) {
        let mut inner = self.inner.lock();
        let (before, was) = (inner.stands(), matches!(inner.state, State::Draining { .. }));
        change(&mut inner, &self.limits);
        let after = inner.stands();
        // A change that gives something back says itself whether that was all.
        inner.caught_up &= was || inner.gave;
        inner.gave = false;
        let clean = matches!(inner.state, State::Closed { window } if window.failures(&self.limits) == 0);
        let quiet = clean
            && !inner.held
            && inner.disabled_by.is_none()
            && inner.given_back.0.is_empty()
            && inner.behind.is_empty();
        self.quiet.store(quiet, Ordering::Relaxed);
        if before != after {
            inner.since = at;
            let last = inner.last_fault.as_ref().map(|(_, what)| what.as_str()).unwrap_or_default();
            match after {
                GateState::Open | GateState::Evicted => {
                    tracing::warn!(place = %self.place, state = after.as_str(), last, "a plugin is not asked any more");
                }
                _ => {
                    tracing::info!(place = %self.place, was = before.as_str(), state = after.as_str(), "a gate changed")
                }
            }
        }
        if let Some(wake) = &inner.wake {
            wake.notify_one();
        }
        drop(inner);
        if before != after {
            self.told(after);
        }
    }

    fn told(&self, state: GateState) {
        metrics::gauge!("tributary_breaker_state", "place" => self.place.to_string()).set(state.number());
    }

    /// What the keeper has to do now.
    pub(crate) fn todo(&self, at: Timestamp) -> Todo {
        let inner = self.inner.lock();
        let patience_ends = inner.given_back.1.after(PATIENCE);
        let todo = match inner.state {
            _ if inner.disabled_by.is_some() || inner.held => Todo::Nothing,
            State::Evicted { .. } => Todo::Nothing,
            State::Open { until, .. } if at < until => Todo::At(until),
            State::Open { .. } => Todo::Probe,
            State::HalfOpen { .. } => match inner.probe {
                Probing::Back(since) if at < since.after(PATIENCE) => Todo::At(since.after(PATIENCE)),
                Probing::Back(_) => Todo::Probe,
                Probing::Taken | Probing::Anyone => Todo::Nothing,
            },
            State::Closed { .. } | State::Draining { .. } if !inner.behind.is_empty() => Todo::Drain,
            State::Draining { .. } if inner.caught_up && at < patience_ends => Todo::At(patience_ends),
            State::Draining { .. } => Todo::Drain,
            State::Closed { .. } => Todo::Nothing,
        };
        match todo {
            Todo::Probe | Todo::Drain if at < inner.rests_until => Todo::At(inner.rests_until),
            todo => todo,
        }
    }

    /// The rest is over: what comes back, or whatever comes, is the probe. `false`: it stands otherwise by now.
    pub(crate) fn half_open(&self, something_waits: bool) -> bool {
        let (at, mut half) = (now(), false);
        self.change(at, |inner, limits| {
            if matches!(inner.state, State::HalfOpen { .. }) && matches!(inner.probe, Probing::Back(_)) {
                inner.state = breaker::next(inner.state, Event::ProbeLost, at, limits);
            }
            if matches!(inner.state, State::Open { .. }) {
                inner.state = breaker::next(inner.state, Event::Probe, at, limits);
                half = matches!(inner.state, State::HalfOpen { .. });
                inner.probe = if something_waits { Probing::Back(at) } else { Probing::Anyone };
            }
        });
        half
    }

    /// The probe that was to come back did not.
    pub(crate) fn not_probed(&self) {
        let at = now();
        self.change(at, |inner, limits| {
            if matches!(inner.probe, Probing::Back(_)) {
                inner.state = breaker::next(inner.state, Event::ProbeLost, at, limits);
            }
        });
    }

    /// The keeper tries again after that long.
    pub(crate) fn rest(&self, long: Duration) {
        let at = now();
        self.change(at, |inner, _| inner.rests_until = at.after(long));
    }

    /// Whether what was kept aside is being worked off.
    pub(crate) fn is_draining(&self) -> bool {
        matches!(self.inner.lock().state, State::Draining { .. })
    }

    /// Held while something is kept aside, until it is committed.
    pub(crate) async fn keeping_aside(&self) -> OwnedRwLockReadGuard<()> {
        self.aside.clone().read_owned().await
    }

    /// Held to close, or while another gate takes over: nothing is on its way aside.
    pub async fn closing(&self) -> OwnedRwLockWriteGuard<()> {
        self.aside.clone().write_owned().await
    }

    /// Something is kept aside of this place. Called under [`Gate::keeping_aside`]: the look for it comes after its commit.
    pub(crate) fn left_behind(&self, conversation: Option<ConversationId>) {
        let at = now();
        self.change(at, |inner, limits| match (inner.state, conversation) {
            // Where the conversation is known, the others need not wait.
            (State::Closed { .. }, Some(id)) => drop(inner.behind.insert(id)),
            (State::Draining { .. }, Some(id)) if inner.caught_up => drop(inner.behind.insert(id)),
            (State::Closed { .. }, None) => inner.state = breaker::next(inner.state, Event::Behind, at, limits),
            _ => {}
        });
    }

    /// These conversations get something back, each as often as it stands here. `all`: nothing is kept aside any more, under
    /// [`Gate::closing`]; those that waited behind earlier ones are among them.
    pub(crate) fn gives_back(&self, conversations: &[ConversationId], all: bool) {
        let at = now();
        self.change(at, |inner, limits| {
            // Lost on the way: see `PATIENCE`.
            if at >= inner.given_back.1.after(PATIENCE) {
                inner.given_back.0.clear();
            }
            inner.given_back.1 = at;
            for id in conversations {
                *inner.given_back.0.entry(*id).or_default() += 1;
            }
            if all {
                inner.behind.clear();
                (inner.caught_up, inner.gave) = (true, true);
                let event = if inner.given_back.0.is_empty() { Event::Drained } else { Event::Behind };
                inner.state = breaker::next(inner.state, event, at, limits);
            }
        });
    }

    /// One that was given back has been asked about.
    pub(crate) fn asked_again(&self, conversation: ConversationId) {
        if self.quiet.load(Ordering::Relaxed) {
            return;
        }
        let at = now();
        self.change(at, |inner, limits| inner.done(conversation, at, limits));
    }

    /// These could not be given back after all: everything is looked at again.
    pub(crate) fn not_given_back(&self, conversations: &[ConversationId]) {
        let at = now();
        self.change(at, |inner, limits| {
            conversations.iter().for_each(|id| inner.done(*id, at, limits));
            inner.state = breaker::next(inner.state, Event::Behind, at, limits);
            inner.caught_up = false;
        });
    }
}

impl Inner {
    fn done(&mut self, conversation: ConversationId, at: Timestamp, limits: &BreakerLimits) {
        if let Some(count) = self.given_back.0.get_mut(&conversation) {
            *count -= 1;
            if *count == 0 {
                self.given_back.0.remove(&conversation);
            }
        }
        if self.caught_up && self.given_back.0.is_empty() && self.behind.is_empty() {
            self.state = breaker::next(self.state, Event::Drained, at, limits);
        }
    }

    fn stands(&self) -> GateState {
        match self.state {
            _ if self.disabled_by.is_some() => GateState::Disabled,
            State::Closed { .. } => GateState::Closed,
            State::Open { .. } => GateState::Open,
            State::HalfOpen { .. } => GateState::HalfOpen,
            State::Draining { .. } => GateState::Draining,
            State::Evicted { .. } => GateState::Evicted,
        }
    }
}
