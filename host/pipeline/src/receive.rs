//! Stage 1: one arrival, one call of the adapter, one commit. Only after the commit may the sender be told "taken".
use crate::ask::{Asked, Worth, ask};
use crate::gate::{self, Caller};
use crate::{Channel, Pipeline, Seat, Writing, compare, now};
use tributary_model::error::chain;
use tributary_model::identity::Verifies;
use tributary_model::message::{Arrival, ChannelEvent, Inbound, Reading, Rejection, Response};
use tributary_model::{ChannelName, ConversationId, GenerationId, ParkedId, PluginName, Timestamp};
use tributary_runtime::{Adapter, CallEffects, Called};
use tributary_store::{
    Accepted, Cause, FeedItem, NewArrival, NewParked, Source, StateEdit, StateScope, StateWrite, StoreError,
};

/// What became of an arrival. In every case it may be acknowledged, but for `Unauthenticated`.
#[derive(Debug, PartialEq)]
pub enum Received {
    /// It is on disk.
    Accepted {
        /// The conversations it belongs to, in order.
        conversations: Vec<ConversationId>,
        /// What the adapter wants answered.
        answer: Option<Response>,
    },
    /// It is on disk, kept aside with its cause.
    Parked(ParkedId),
    /// The adapter understood and dropped it.
    Ignored(String),
    /// The adapter does not believe the sender. Nothing is stored.
    Unauthenticated(String),
}

/// Why an arrival was not taken. Nothing is stored; the sender should come again.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// There is no such channel (any more).
    #[error("there is no channel {0}")]
    UnknownChannel(ChannelName),
    /// What was kept aside of it waits on: its plugin is not asked now. Why, in one sentence.
    #[error("{0}")]
    Shut(String),
    /// Too much is under way.
    #[error("too many arrivals are under way")]
    Overloaded,
    /// The store did not take it.
    #[error("the store did not take the arrival")]
    Store(#[from] StoreError),
}

/// How often an arrival is read at most because its plugin's state moved under it.
const TRIES: u32 = 32;
/// From this time on it is read with no other arrival of its channel beside it: what can still move its state then are calls
/// of other kinds, each once.
const ALONE: u32 = 3;

/// What came of reading an arrival once.
enum Tried {
    Done(Received),
    /// It read state that another call has written since: it is to be read again.
    Moved(Arrival),
}

/// How an arrival comes in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum How {
    /// For the first time.
    Live,
    /// It was made to try the channel: no machine shall answer what it tells.
    Sample,
    /// It was kept aside under this id, and came in then.
    Back(ParkedId, Timestamp),
}

impl Pipeline {
    /// Takes one arrival of a channel. Returns after it is on disk.
    pub async fn receive(&self, channel: &ChannelName, arrival: Arrival) -> Result<Received, ReceiveError> {
        let _room = self.receiving.try_acquire().map_err(|_| ReceiveError::Overloaded)?;
        self.receive_as(channel, arrival, How::Live).await
    }

    /// Takes one arrival that was made to try a channel. What it tells is marked as automatic, so that no machine answers.
    pub async fn receive_sample(&self, channel: &ChannelName, arrival: Arrival) -> Result<Received, ReceiveError> {
        let _room = self.receiving.try_acquire().map_err(|_| ReceiveError::Overloaded)?;
        self.receive_as(channel, arrival, How::Sample).await
    }

    pub(crate) async fn receive_as(
        &self,
        channel: &ChannelName,
        mut arrival: Arrival,
        how: How,
    ) -> Result<Received, ReceiveError> {
        for tried in 0..TRIES {
            match self.receive_once(channel, arrival, how, tried >= ALONE).await? {
                Tried::Done(received) => return Ok(received),
                Tried::Moved(same) => arrival = same,
            }
        }
        Err(ReceiveError::Overloaded)
    }

    async fn receive_once(
        &self,
        channel: &ChannelName,
        arrival: Arrival,
        how: How,
        alone: bool,
    ) -> Result<Tried, ReceiveError> {
        let plugins = self.plugins();
        let channel = plugins.channel(channel).ok_or_else(|| ReceiveError::UnknownChannel(channel.clone()))?;
        let seat = &channel.seat;
        let caller = if matches!(how, How::Back(..)) { Caller::Back } else { Caller::Live(None) };
        let pass = match (seat.gate.admit(caller), how) {
            (Ok(pass), _) => pass,
            (Err(shut), How::Back(..)) => return Err(ReceiveError::Shut(shut.cause().what)),
            (Err(_), How::Live | How::Sample) => match self.keep_aside(&seat.gate, None).await {
                Ok(pass) => pass,
                Err((shut, _until_committed)) => {
                    let nobody = (seat.base.info().name.clone(), String::new(), GenerationId(0));
                    return Ok(Tried::Done(self.park(channel, nobody, arrival, shut.cause(), how).await?));
                }
            },
        };
        let among = seat.gate.among(alone).await;
        let at = now();
        // The adapter's clock says when the arrival came in, however long it was kept aside: what a channel's messages are
        // dated by, and what a signature's age is measured from, does not depend on when somebody mended its plugin.
        let clock = how.came().unwrap_or(at);
        let context = Self::context(clock, None);
        let key = |seat: &Seat<dyn Adapter>| seat.arrival_key(&arrival);
        let asked = ask(seat, pass, key, context, |adapter, context| adapter.receive(context, &arrival), worth).await;
        let Asked { side, said, other } = asked;
        let compared = other.zip(said.as_ref().ok().map(|called| called.result.clone()));
        let (mut reading, effects) = match read(said) {
            Ok(told) => told,
            Err(told) => {
                if let Some((beside, said)) = compared {
                    self.compare(compare::readings(seat, side, beside, arrival.clone(), None, said));
                }
                return Ok(Tried::Done(match told {
                    Told::Unauthenticated(why) => Received::Unauthenticated(why),
                    Told::Ignored(why) => Received::Ignored(why),
                    Told::Park(cause) => self.park(channel, seat.parked_as(), arrival, cause, how).await?,
                }));
            }
        };
        if how == How::Sample {
            for event in &mut reading.events {
                if let ChannelEvent::Message(message) = event {
                    message.automatic = true;
                }
            }
        }
        // Only what was read before it was written can have moved.
        let may_move = !effects.read.is_empty() && !effects.state.is_empty();
        let kept = (may_move || compared.is_some()).then(|| arrival.clone());
        let news = News {
            channel: &channel.name,
            plugin: &seat.side(side).info().name,
            source: Source::Arrival(arrival),
            events: reading.events,
            effects,
            at,
            clock,
            replays: how.replays(),
            verifies: channel.verifies.clone(),
        };
        let conversations = match (self.take_in(news).await, &kept) {
            (Err(StoreError::StateMoved(key)), Some(arrival)) => {
                metrics::counter!("tributary_state_moved_total", "channel" => channel.name.to_string()).increment(1);
                tracing::debug!(channel = %channel.name, key, "an arrival is read again: its state moved meanwhile");
                return Ok(Tried::Moved(arrival.clone()));
            }
            (taken, _) => taken?,
        };
        drop(among);
        if reading.poll_now {
            self.bells.ring(&channel.name);
        }
        if let (Some((beside, said)), Some(arrival)) = (compared, kept) {
            let conversation = conversations.first().copied();
            self.compare(compare::readings(seat, side, beside, arrival, conversation, said));
        }
        Ok(Tried::Done(Received::Accepted { conversations, answer: reading.answer }))
    }

    /// Commits what a channel told, and hands it on. What leaves nothing costs no commit.
    pub(crate) async fn take_in(&self, news: News<'_>) -> Result<Vec<ConversationId>, StoreError> {
        let News { channel, plugin, source, mut events, mut effects, at, clock, replays, verifies } = news;
        let mut writing = Vec::new();
        events.retain(|event| match event {
            ChannelEvent::Typing(typing) => {
                writing.push(typing.clone());
                false
            }
            _ => true,
        });
        for typing in writing {
            match self.store.writing(channel, &typing).await {
                Ok(Some(conversation)) => self.feeds.writes(Writing { conversation, at }),
                Ok(None) => {}
                Err(error) => tracing::warn!(%channel, error = %chain(&error), "nobody was told who is writing"),
            }
        }
        let scope = StateScope { plugin: plugin.clone(), channel: channel.clone() };
        let read = std::mem::take(&mut effects.read);
        let (writes, feed) = kept(effects);
        let state = StateEdit { read, at: clock, writes };
        let topics: Vec<String> = feed.iter().map(|item| item.topic.clone()).collect();
        if events.is_empty() && matches!(source, Source::Arrival(_)) && replays.is_none() {
            if !state.writes.is_empty() || !feed.is_empty() {
                self.store.keep(&scope, state, feed, at).await?;
            }
            self.published(channel, &topics);
            return Ok(Vec::new());
        }
        // Room in the next stage first: then a happening is born claimed, and the hand-over costs no commit. Room for every
        // event, because each becomes one at most, and one that is claimed and not handed over waits for its lease's end.
        let room = self.to_decide.try_reserve_many(events.len()).ok();
        let lease = room.is_some().then(|| self.lease(at));
        let arrival =
            NewArrival { channel: channel.clone(), source, events, at, state, feed, scope, replays, verifies };
        let Accepted { messages, claimed, waiting, .. } = self.store.accept(arrival, lease).await?;
        if let Some(room) = room {
            for (permit, happening) in room.zip(claimed) {
                permit.send(happening);
            }
        }
        if waiting > 0 {
            self.happenings_wait.notify_one();
        }
        self.published(channel, &topics);
        Ok(messages.iter().map(|message| message.conversation).collect())
    }

    /// Tells those who follow these topics to look.
    pub(crate) fn published(&self, channel: &ChannelName, topics: &[String]) {
        topics.iter().for_each(|topic| self.feeds.published(channel, topic));
    }

    async fn park(
        &self,
        channel: &Channel,
        (plugin, version, generation): (PluginName, String, GenerationId),
        arrival: Arrival,
        cause: Cause,
        how: How,
    ) -> Result<Received, ReceiveError> {
        metrics::counter!("tributary_parked_total", "what" => "arrival", "blame" => cause.blame).increment(1);
        if cause.blame == gate::BLAME {
            // The gate has said it once; one line for each arrival would say nothing more.
            tracing::debug!(channel = %channel.name, %plugin, "an arrival is kept aside");
        } else {
            tracing::warn!(channel = %channel.name, %plugin, blame = cause.blame, "an arrival is kept aside");
        }
        let (channel, at, replays) = (channel.name.clone(), now(), how.replays());
        let parked = NewParked { channel, plugin, version, generation, arrival, cause, at, replays };
        Ok(Received::Parked(self.store.park(parked).await?))
    }
}

impl How {
    /// When it came in, if not now.
    fn came(self) -> Option<Timestamp> {
        match self {
            Self::Live | Self::Sample => None,
            Self::Back(_, at) => Some(at),
        }
    }

    fn replays(self) -> Option<ParkedId> {
        match self {
            Self::Live | Self::Sample => None,
            Self::Back(id, _) => Some(id),
        }
    }
}

/// What a channel told, on its way to the store.
pub(crate) struct News<'a> {
    pub(crate) channel: &'a ChannelName,
    pub(crate) plugin: &'a PluginName,
    pub(crate) source: Source,
    pub(crate) events: Vec<ChannelEvent>,
    pub(crate) effects: CallEffects,
    pub(crate) at: Timestamp,
    /// What the clock of the call said.
    pub(crate) clock: Timestamp,
    pub(crate) replays: Option<ParkedId>,
    /// Which kinds of handle the channel may prove.
    pub(crate) verifies: Verifies,
}

/// What a call left, as the store takes it.
pub(crate) fn kept(effects: CallEffects) -> (Vec<StateWrite>, Vec<FeedItem>) {
    let state = effects.state.into_iter().map(|(key, value, expires)| StateWrite { key, value, expires });
    let item = |it: tributary_runtime::FeedItem| {
        let tributary_runtime::FeedItem { topic, key, name, data } = it;
        FeedItem { topic, key, name, data }
    };
    (state.collect(), effects.feed.into_iter().map(item).collect())
}

enum Told {
    Unauthenticated(String),
    Ignored(String),
    Park(Cause),
}

type CalledReading = Called<Result<Reading, Rejection>>;

/// What an adapter's answer is worth. What the contract forbids is the plugin's fault.
pub(crate) fn worth(said: &Result<Reading, Rejection>) -> Worth {
    match said {
        Ok(reading) => against_the_contract(&reading.events).map_or(Worth::Good, Worth::Fault),
        Err(Rejection::Malformed(_) | Rejection::Unauthenticated(_)) => Worth::Doubtful,
        Err(Rejection::Ignored(_)) => Worth::Good,
    }
}

/// What the contract forbids of these events, if anything.
pub(crate) fn against_the_contract(events: &[ChannelEvent]) -> Option<String> {
    let broken = events.iter().find_map(|event| match event {
        ChannelEvent::Message(message) => broken(message),
        _ => None,
    });
    broken.map(|what| format!("broke the contract: {what}"))
}

/// What an adapter's answer means.
fn read(said: Result<CalledReading, Cause>) -> Result<(Reading, CallEffects), Told> {
    let called = said.map_err(Told::Park)?;
    let reading = called.result.map_err(|rejection| match rejection {
        Rejection::Unauthenticated(why) => Told::Unauthenticated(why),
        Rejection::Ignored(why) => Told::Ignored(why),
        Rejection::Malformed(why) => Told::Park(Cause { blame: "sender", what: why }),
    })?;
    Ok((reading, called.effects))
}

/// What the contract forbids of a message, if anything.
fn broken(message: &Inbound) -> Option<&'static str> {
    const LONGEST_ID: usize = 2_000;
    let too_long = |text: &Option<String>| text.as_ref().is_some_and(|text| text.len() > LONGEST_ID);
    if message.from.is_empty() {
        Some("a message without a handle of its author")
    } else if message.from.iter().any(|handle| handle.value.is_empty() || handle.value.len() > LONGEST_ID) {
        Some("a handle that is empty or longer than 2,000 bytes")
    } else if too_long(&message.external_id) || message.external_id.as_deref() == Some("") {
        Some("an external id that is empty or longer than 2,000 bytes")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::settled;
    use tributary_runtime::CallError;

    fn called(result: Result<Reading, Rejection>) -> Result<CalledReading, CallError> {
        Ok(Called::of(result))
    }

    fn judged(ended: Result<CalledReading, CallError>) -> Result<(Reading, CallEffects), Told> {
        read(settled(ended, worth, false).0)
    }

    #[test]
    fn every_failure_says_who_is_to_blame_and_loses_nothing() {
        for (answer, blame) in [
            (called(Err(Rejection::Malformed("no header".into()))), "sender"),
            (Err(CallError::Trap("unreachable".into())), "trap"),
            (Err(CallError::Contract("a lie".into())), "guest"),
            (Err(CallError::Host("no memory".into())), "host"),
        ] {
            assert!(matches!(judged(answer), Err(Told::Park(cause)) if cause.blame == blame), "{blame}");
        }
        assert!(judged(called(Ok(Reading::default()))).is_ok());
        assert!(matches!(judged(called(Err(Rejection::Ignored("beat".into())))), Err(Told::Ignored(_))));
    }
}
