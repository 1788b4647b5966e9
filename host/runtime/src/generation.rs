//! One loaded version of one plugin with one configuration. Immutable: a change is another generation.
use crate::budget::Meter;
use crate::call::{
    Adapter, Blame, Budget, Budgets, CallContext, CallCost, CallEffects, CallError, Called, Outside, PluginInfo, Policy,
};
use crate::contract::{Entries, Exports, Refused, Roles};
use crate::engine::Runtime;
use crate::export::{Decide, Export, LookUp, Migrate, Perform, Poll, Receive, Review, Samples, SendOut, Show};
use crate::grant::Granted;
use crate::instance::{FIRST_LOOK, Live, failure};
use crate::metrics::{EXPORTS, Metrics};
use crate::package::Package;
use crate::picture::NoPicture;
use crate::record::{Circumstances, Notes, Source, Spoken, pack_call};
use crate::sight::{Sight, Watch};
use crate::state::{CallState, Shared};
use async_trait::async_trait;
use parking_lot::Mutex;
use std::fmt;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;
use tracing::{Instrument, Span};
use tributary_model::Timestamp;
use tributary_model::decision::{Decision, Fault, Happening, Snapshot, Verdict};
use tributary_model::message::{
    Arrival, Batch, Content, Delivery, Handle, Outgoing, Reading, Rejection, Sample, SendError, Sign,
};
use tributary_model::order::{Operation, Order};
use wasmtime::component::InstancePre;

/// One loaded version of one plugin. Adapter, policy or both, by what its component exports; a call of what it does not
/// export is [`CallError::Host`].
pub struct Generation {
    pub(crate) info: PluginInfo,
    pub(crate) package: Arc<Package>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) pre: InstancePre<CallState>,
    pub(crate) exports: Arc<dyn Exports>,
    pub(crate) pictured: Result<(), NoPicture>,
    pub(crate) from_cache: bool,
    pub(crate) reuse: u32,
    pub(crate) warm: Mutex<Vec<Warm>>,
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) metrics: Metrics,
    pub(crate) watch: Box<Watch>,
    pub(crate) recording: Option<Source>,
}

/// An instance that waits for its next call, with its place among those that may.
pub(crate) struct Warm {
    live: Box<Live>,
    _place: OwnedSemaphorePermit,
}

/// How an attempt ended: what is needed of its store, which is dropped only after the call was measured.
struct Attempt<T> {
    said: Result<T, CallError>,
    effects: CallEffects,
    memory: usize,
    bytes_out: usize,
    live: Option<Box<Live>>,
}

impl fmt::Debug for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Generation")
            .field("info", &self.info)
            .field("digest", &self.package.digest())
            .field("pictured", &self.pictured)
            .finish_non_exhaustive()
    }
}

impl Generation {
    /// The component it was made from.
    pub fn package(&self) -> &Arc<Package> {
        &self.package
    }

    /// What it may touch.
    pub fn granted(&self) -> &Granted {
        &self.shared.granted
    }

    /// Whether its calls start from a picture taken after `prepare`, or why not.
    pub fn pictured(&self) -> Result<(), &NoPicture> {
        self.pictured.as_ref().copied()
    }

    /// Whether its code came from the cache on disk.
    pub fn compiled_from_cache(&self) -> bool {
        self.from_cache
    }

    /// What it did since it was loaded.
    pub fn sight(&self) -> Sight {
        self.watch.sight()
    }

    /// Whether it is an adapter.
    pub fn is_adapter(&self) -> bool {
        self.package.is_adapter()
    }

    /// Hands the plugin the state that version `from` of it left in this place, on an instance of its own and within ten
    /// times a call's budgets of time, and returns what takes its place. Nothing is written: the caller does. The inner
    /// error is the plugin's own; keys and values are within the limits of `state.set`, and no key comes twice.
    pub async fn migrate(
        &self,
        from: &str,
        entries: &[(String, Vec<u8>)],
    ) -> Result<Result<Entries, Refused>, CallError> {
        let context = CallContext::at(Timestamp(0));
        Ok(self.call(context, Migrate(from, entries)).await?.result)
    }

    async fn call<E: Spoken>(&self, context: CallContext, export: E) -> Result<Called<E::Said>, CallError> {
        // More calls than instances: they queue here, in order, before their clocks start.
        let _turn = self.runtime.calls.acquire().await.map_err(|error| CallError::Host(error.to_string()))?;
        let budgets = self.shared.budgets.patient(E::PATIENCE);
        let meter = Meter::new();
        let at = context.now;
        // A replayed call has been recorded already, as the call it repeats.
        let real = matches!(context.outside, Outside::Real);
        let source = self.recording.as_ref().filter(|_| real && E::FUNCTION.is_some());
        let recorded = source.and_then(|source| Some((source, source.begin()?, Circumstances::of(&context))));
        let wants_tape = context.tape;
        let notes = (wants_tape || recorded.is_some()).then(Arc::<Notes>::default);
        let span = self.span(E::INDEX, &context);
        let attempt =
            meter.counted(self.attempt(context, export, budgets, &meter, notes.clone())).instrument(span.clone());
        let attempt = match tokio::time::timeout(budgets.wall, attempt).await {
            Ok(attempt) => attempt,
            Err(_) => Attempt {
                said: Err(CallError::Budget { budget: Budget::Wall, what: budgets.words(Budget::Wall) }),
                effects: CallEffects::default(),
                memory: 0,
                bytes_out: 0,
                live: None,
            },
        };
        let Attempt { said, effects, memory, bytes_out, live } = attempt;
        let cost = CallCost { guest: meter.guest(), wall: meter.wall(), host: meter.host(), memory, bytes_out };
        self.metrics.call(E::INDEX, &cost);
        self.watch.call(E::INDEX, &cost);
        if let (Some((source, turn, around)), Some(notes)) = (recorded, &notes) {
            let failed = said.as_ref().map_or(true, E::is_fault);
            source.end(turn, failed, |room| {
                pack_call(room, &around, &export, said.as_ref(), (notes, &self.shared.hiding()), &cost)
            });
        }
        let tape = notes.filter(|_| wants_tape).map(|notes| Arc::new(notes.so_far().0));
        match said {
            Ok(result) => {
                if E::is_fault(&result) {
                    self.metrics.fault(Blame::Guest);
                    self.watch.answered_with_a_fault(E::INDEX, at);
                    span.record("blame", Blame::Guest.as_str());
                }
                if let Some(live) = live.filter(|_| E::REUSE) {
                    self.keep(live);
                }
                Ok(Called { result, effects, cost, tape })
            }
            Err(error) => {
                let blame = error.blame();
                self.metrics.fault(blame);
                self.watch.failed(E::INDEX, at, &error);
                span.record("blame", blame.as_str());
                // Whoever made the call says so once, at the level it deserves; this one stands in the trace.
                tracing::debug!(parent: &span, blame = blame.as_str(), %error, "the call failed");
                Err(error)
            }
        }
    }

    /// The span around a call. Where nobody listens at this level it is one comparison.
    fn span(&self, export: usize, context: &CallContext) -> Span {
        tracing::debug_span!(
            "plugin_call",
            plugin = self.shared.name.as_str(),
            channel = self.shared.channel.as_str(),
            generation = self.shared.generation.0,
            export = EXPORTS[export],
            conversation = context.conversation.map(|id| id.0),
            blame = tracing::field::Empty,
        )
    }

    async fn attempt<E: Export>(
        &self,
        context: CallContext,
        export: E,
        budgets: Budgets,
        meter: &Arc<Meter>,
        notes: Option<Arc<Notes>>,
    ) -> Attempt<E::Said> {
        let (mut live, fresh) = match if E::REUSE { self.take() } else { None } {
            Some(mut live) => {
                live.store.data_mut().next(context, Arc::clone(meter));
                live.store.set_epoch_deadline(FIRST_LOOK);
                (live, false)
            }
            None => {
                let state = CallState::new(Arc::clone(&self.shared), context, Arc::clone(meter), budgets);
                match Live::new(&self.pre, &self.exports, state).await {
                    Ok(live) => (Box::new(live), true),
                    Err((error, store)) => {
                        let said = match failure(&error, store.data()) {
                            CallError::Contract(words) => CallError::Host(words),
                            other => other,
                        };
                        return Attempt::failed(said, store.data());
                    }
                }
            }
        };
        let CallState { taping, context, shared, .. } = live.store.data_mut();
        taping.begin(context, notes, || shared.hiding());
        let said = async {
            if fresh && self.pictured.is_err() {
                // Without a picture every instance has to be prepared. It accepted this configuration when it was loaded.
                live.prepare()
                    .await?
                    .map_err(|why| crate::state::Stop::Contract(format!("`prepare` failed: {why}")))?;
            }
            export.call(&mut live).await
        }
        .await;
        live.served += 1;
        let state = live.store.data_mut();
        state.long = None;
        crate::capability::log::dropped(state);
        match said {
            Ok(said) => Attempt {
                said: Ok(said),
                effects: std::mem::take(&mut state.effects),
                memory: state.limits.used(),
                bytes_out: state.bytes_out,
                live: Some(live),
            },
            Err(error) => {
                let mut failed = Attempt::failed(failure(&error, state), state);
                failed.live = Some(live);
                failed
            }
        }
    }

    /// An instance that has served before, where the plugin allows it.
    fn take(&self) -> Option<Box<Live>> {
        if self.reuse == 0 {
            return None;
        }
        self.warm.lock().pop().map(|warm| warm.live)
    }

    /// Keeps an instance whose call ended well for the next, where the plugin allows it and there is room.
    fn keep(&self, live: Box<Live>) {
        if live.served >= self.reuse {
            return;
        }
        if let Ok(place) = Arc::clone(&self.runtime.warm).try_acquire_owned() {
            self.warm.lock().push(Warm { live, _place: place });
        }
    }
}

impl<T> Attempt<T> {
    fn failed(error: CallError, state: &CallState) -> Self {
        Self {
            said: Err(error),
            effects: CallEffects::default(),
            memory: state.limits.used(),
            bytes_out: state.bytes_out,
            live: None,
        }
    }
}

#[async_trait]
impl Adapter for Generation {
    fn info(&self) -> &PluginInfo {
        &self.info
    }

    async fn receive(
        &self,
        context: CallContext,
        arrival: &Arrival,
    ) -> Result<Called<Result<Reading, Rejection>>, CallError> {
        self.call(context, Receive(arrival)).await
    }

    async fn send(
        &self,
        context: CallContext,
        message: &Outgoing,
    ) -> Result<Called<Result<Delivery, SendError>>, CallError> {
        self.call(context, SendOut(message)).await
    }

    fn roles(&self) -> Roles {
        self.package.roles()
    }

    async fn poll(
        &self,
        context: CallContext,
        cursor: Option<&str>,
    ) -> Result<Called<Result<Batch, SendError>>, CallError> {
        self.call(context, Poll(cursor)).await
    }

    async fn show(
        &self,
        context: CallContext,
        to: &[Handle],
        sign: &Sign,
    ) -> Result<Called<Result<(), SendError>>, CallError> {
        self.call(context, Show(to, sign)).await
    }

    async fn samples(
        &self,
        context: CallContext,
        text: &str,
    ) -> Result<Called<Result<Vec<Sample>, Refused>>, CallError> {
        self.call(context, Samples(text)).await
    }

    async fn look_up(
        &self,
        context: CallContext,
        order: &str,
    ) -> Result<Called<Result<Option<Order>, SendError>>, CallError> {
        self.call(context, LookUp(order)).await
    }

    async fn perform(
        &self,
        context: CallContext,
        operation: &Operation,
        key: &str,
    ) -> Result<Called<Result<String, SendError>>, CallError> {
        self.call(context, Perform(operation, key)).await
    }
}

#[async_trait]
impl Policy for Generation {
    fn info(&self) -> &PluginInfo {
        &self.info
    }

    fn decides(&self) -> bool {
        self.package.decides()
    }

    fn hears(&self, happening: &Happening, decided: &[Decision]) -> bool {
        self.package.hears(happening, decided)
    }

    fn reviews(&self) -> bool {
        self.package.reviews()
    }

    async fn decide(
        &self,
        context: CallContext,
        snapshot: &Snapshot,
        happening: &Happening,
    ) -> Result<Called<Result<Vec<Decision>, Fault>>, CallError> {
        self.call(context, Decide(snapshot, happening)).await
    }

    async fn review(
        &self,
        context: CallContext,
        snapshot: &Snapshot,
        draft: &Content,
    ) -> Result<Called<Result<Verdict, Fault>>, CallError> {
        self.call(context, Review(snapshot, draft)).await
    }
}
