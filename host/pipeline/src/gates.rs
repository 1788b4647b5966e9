//! The keeper of the gates: lets probes through, gives back what was kept aside, in order, and closes behind it.
//!
//! What comes in while a gate drains is kept aside as well, under a lock held for reading until that is committed
//! ([`Gate::keeping_aside`]). To close, the keeper takes the lock for writing, gives back the rest, and changes the state:
//! nothing can be on its way aside then, so nothing is left behind, and nothing has overtaken it.
//!
//! Arrivals are given back by the keeper itself, several senders at once, those of one sender one after the other.
//! Happenings are given back to the table, where a happening stands before the later ones of its conversation; one of those
//! that was on its way already waits until the earlier one has been asked about ([`Gate::gives_back`]).
use crate::driver::Stop;
use crate::gate::{Caller, Gate, Todo};
use crate::receive::How;
use crate::{Pipeline, Received, now};
use futures_util::StreamExt;
use futures_util::stream::{self, FuturesUnordered};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tributary_model::breaker::Event;
use tributary_model::error::chain;
use tributary_model::message::Arrival;
use tributary_model::{ConversationId, GenerationId, ParkedId, Place};
use tributary_store::{NewParked, StoreError, StoredArrival};

/// How many are given back at once. The last batch is given back under the lock, so it also bounds how long a sender waits.
const BATCH: usize = 64;

/// How many happenings are given back by one commit.
const HAPPENINGS: usize = 256;

/// How many batches of arrivals are given back beside those that come, before these have to wait.
const MOST_ROUNDS: usize = 64;

/// How many senders' arrivals are read at once.
const SENDERS: usize = 16;

/// How long the keeper leaves a gate alone after the store could not do what it wanted.
const REST: Duration = Duration::from_secs(1);

/// Who takes things back, in the event log.
const ACTOR: &str = "host";

/// Does what the gates need, until the stop. It sleeps while all of them are closed.
pub(crate) async fn keeper(pipeline: Arc<Pipeline>, mut stop: Stop) {
    let mut under_way = FuturesUnordered::new();
    // One thing at a time for a place, also while a new gate took over from one that drains.
    let mut busy: HashSet<Place> = HashSet::new();
    loop {
        // Register for the wake-up, then look, then sleep.
        let waked = pipeline.gates_wake.notified();
        let (at, mut next) = (now(), None);
        for seat in pipeline.plugins().seats() {
            match seat.gate.todo(at) {
                _ if busy.contains(seat.place) => {}
                Todo::Nothing => {}
                Todo::At(moment) => next = Some(next.map_or(moment, |other| moment.min(other))),
                todo => {
                    busy.insert(seat.place.clone());
                    under_way.push(step(pipeline.clone(), seat.gate.clone(), seat.generation, todo));
                }
            }
        }
        let rest = next.map(|moment| moment.since(now()).max(Duration::from_millis(1)));
        tokio::select! {
            Some(place) = under_way.next(), if !under_way.is_empty() => {
                busy.remove(&place);
            }
            () = waked => {}
            () = tokio::time::sleep(rest.unwrap_or_default()), if rest.is_some() => {}
            () = stop.ordered() => return,
        }
    }
}

async fn step(pipeline: Arc<Pipeline>, gate: Arc<Gate>, generation: GenerationId, todo: Todo) -> Place {
    let keeper = Keeper { pipeline: &pipeline, gate: &gate, generation };
    let done = match (gate.place(), todo) {
        (Place::Channel(_), Todo::Probe) => keeper.probe_channel().await,
        (Place::Policy(_), Todo::Probe) => keeper.probe_policy().await,
        (Place::Channel(_), _) => keeper.drain_channel().await,
        (Place::Policy(_), _) => keeper.drain_policy().await,
    };
    if let Err(error) = done {
        tracing::error!(place = %gate.place(), error = %chain(&error), "what is kept aside could not be given back yet");
        gate.rest(REST);
    }
    gate.place().clone()
}

struct Keeper<'a> {
    pipeline: &'a Arc<Pipeline>,
    gate: &'a Arc<Gate>,
    generation: GenerationId,
}

impl Keeper<'_> {
    async fn waiting(&self, most: usize) -> Result<Vec<ParkedId>, StoreError> {
        self.pipeline.store.parked_for(self.gate.place(), self.generation, most).await
    }

    /// The oldest that was kept aside is the probe; where there is none, whatever comes.
    async fn probe_channel(&self) -> Result<(), StoreError> {
        let oldest = self.waiting(1).await?;
        if self.gate.half_open(!oldest.is_empty())
            && let Some(id) = oldest.first()
        {
            let taken = self.take_back(*id).await;
            // It is gone, or the call did not come to pass.
            self.gate.not_probed();
            return taken;
        }
        Ok(())
    }

    async fn probe_policy(&self) -> Result<(), StoreError> {
        let oldest = self.waiting(1).await?;
        if self.gate.half_open(!oldest.is_empty()) && !oldest.is_empty() {
            self.gate.gives_back(&self.conversations(&oldest).await?, false);
            let given = self.pipeline.store.unpark_many(&oldest, ACTOR, now()).await;
            if !matches!(given, Ok(1..)) {
                self.gate.not_probed();
            }
            self.pipeline.happenings_wait.notify_one();
            given?;
        }
        Ok(())
    }

    async fn drain_channel(&self) -> Result<(), StoreError> {
        // Where more comes than is given back, those who send have to wait after a while.
        for _ in 0..MOST_ROUNDS {
            let ids = self.waiting(BATCH).await?;
            if ids.len() < BATCH {
                break;
            }
            self.take_back_all(ids).await?;
            if !self.gate.is_draining() {
                return Ok(());
            }
        }
        let _closing = self.gate.closing().await;
        let mut tried = HashSet::new();
        loop {
            let mut ids = self.waiting(BATCH).await?;
            ids.retain(|id| tried.insert(*id));
            if ids.is_empty() {
                break;
            }
            self.take_back_all(ids).await?;
            if !self.gate.is_draining() {
                return Ok(());
            }
        }
        self.gate.befall(Event::Drained, now());
        Ok(())
    }

    /// Gives happenings back as fast as the table takes them: that they are asked about in order is the table's work.
    async fn drain_policy(&self) -> Result<(), StoreError> {
        let mut ids = self.waiting(HAPPENINGS).await?;
        let mut closing = None;
        if ids.len() < HAPPENINGS {
            closing = Some(self.gate.closing().await);
            ids = self.waiting(HAPPENINGS).await?;
        }
        // More may have come while the lock was waited for.
        let all = closing.is_some() && ids.len() < HAPPENINGS;
        let conversations = self.conversations(&ids).await?;
        // Before they are given back: a worker may be quicker than the next line.
        self.gate.gives_back(&conversations, all);
        if !ids.is_empty() {
            let given = self.pipeline.store.unpark_many(&ids, ACTOR, now()).await;
            if given.is_err() {
                self.gate.not_given_back(&conversations);
            }
            given?;
            self.pipeline.happenings_wait.notify_one();
        }
        Ok(())
    }

    /// The conversation of each.
    async fn conversations(&self, ids: &[ParkedId]) -> Result<Vec<ConversationId>, StoreError> {
        let mut conversations = Vec::with_capacity(ids.len());
        for id in ids {
            let parked = self.pipeline.store.parked_one(*id).await?;
            conversations.extend(parked.and_then(|(parked, _)| parked.conversation));
        }
        Ok(conversations)
    }

    /// Takes back arrivals, several senders at once, those of one sender in order.
    async fn take_back_all(&self, ids: Vec<ParkedId>) -> Result<(), StoreError> {
        let mut order: Vec<String> = Vec::new();
        let mut senders: HashMap<String, Vec<ParkedId>> = HashMap::new();
        for id in ids {
            // Read once more when its turn comes: this many whole arrivals in memory would be too many.
            let Some((_, Some(stored))) = self.pipeline.store.parked_one(id).await? else { continue };
            let sender = sender(&stored.arrival);
            senders
                .entry(sender.clone())
                .or_insert_with(|| {
                    order.push(sender);
                    Vec::new()
                })
                .push(id);
        }
        let lanes = order.into_iter().filter_map(|sender| senders.remove(&sender));
        let mut lanes = stream::iter(lanes.map(|lane| self.take_back_lane(lane))).buffer_unordered(SENDERS);
        while let Some(done) = lanes.next().await {
            done?;
        }
        Ok(())
    }

    async fn take_back_lane(&self, ids: Vec<ParkedId>) -> Result<(), StoreError> {
        for id in ids {
            self.take_back(id).await?;
        }
        Ok(())
    }

    /// Takes back one arrival. Afterwards it is accepted, or kept aside with a cause that this generation is not asked about
    /// again; or nothing changed, because the gate opened again.
    async fn take_back(&self, id: ParkedId) -> Result<(), StoreError> {
        let store = &self.pipeline.store;
        let Some((parked, Some(StoredArrival { channel, arrival, at: came }))) = store.parked_one(id).await? else {
            return Ok(());
        };
        if parked.replayed.is_some() {
            return Ok(());
        }
        match self.pipeline.receive_as(&channel, arrival.clone(), How::Back(id, came)).await {
            Ok(Received::Accepted { .. } | Received::Parked(_)) => Ok(()),
            Ok(Received::Ignored(_)) => store.unpark(id, ACTOR, now()).await.map(drop),
            // The sender was told that we have it, so that it is not dropped; but nobody is asked about it again.
            Ok(Received::Unauthenticated(what)) => {
                let plugins = self.pipeline.plugins();
                let Some(seat) = plugins.channel(&channel).map(|it| &it.seat) else { return Ok(()) };
                let (plugin, version, generation) = seat.parked_as();
                let cause = tributary_store::Cause { blame: "sender", what };
                let (at, replays) = (now(), Some(id));
                store
                    .park(NewParked { channel, plugin, version, generation, arrival, cause, at, replays })
                    .await
                    .map(drop)
            }
            Err(crate::ReceiveError::Store(error)) => Err(error),
            Err(error) => {
                tracing::warn!(parked = %id, error = %chain(&error), "an arrival stays aside");
                Ok(())
            }
        }
    }
}

/// Whose arrivals keep their order among each other. Calls of a hook are of a platform for all of its customers, and are
/// taken back one after the other.
fn sender(arrival: &Arrival) -> String {
    match arrival {
        Arrival::Mail { mail_from, .. } => mail_from.to_lowercase(),
        Arrival::Http(_) => String::new(),
        Arrival::Document { name, .. } => name.clone(),
    }
}

impl Pipeline {
    /// A gate lets nothing through: the right to keep something aside, or the right to a call after all, if it opened
    /// meanwhile. `gate` is that of the set the work began with; what is kept aside waits at the gate of now.
    pub(crate) async fn keep_aside(
        &self,
        gate: &Arc<Gate>,
        conversation: Option<ConversationId>,
    ) -> Result<crate::gate::Pass, (crate::gate::Shut, Aside)> {
        loop {
            let current = self.gate(gate);
            let guard = current.keeping_aside().await;
            // Another set took over while the lock was waited for: its keeper would not know.
            if !Arc::ptr_eq(&current, &self.gate(gate)) {
                continue;
            }
            return match gate.admit(Caller::Live(conversation)) {
                Ok(pass) => Ok(pass),
                Err(shut) => {
                    current.left_behind(conversation);
                    Err((shut, guard))
                }
            };
        }
    }

    /// The gate of a place in the set of now.
    pub(crate) fn gate(&self, of: &Arc<Gate>) -> Arc<Gate> {
        self.plugins.load().seat(of.place()).map_or_else(|| of.clone(), |seat| seat.gate.clone())
    }

    /// The gates of a set that what an earlier run kept aside waits at start by working it off.
    pub(crate) async fn take_up_gates(&self) -> Result<(), StoreError> {
        let plugins = self.plugins();
        for seat in plugins.seats() {
            if !self.store.parked_for(seat.place, seat.generation, 1).await?.is_empty() {
                seat.gate.befall(Event::Behind, now());
            }
        }
        Ok(())
    }
}

/// Held until what is kept aside is committed.
pub(crate) type Aside = tokio::sync::OwnedRwLockReadGuard<()>;
