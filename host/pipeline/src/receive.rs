//! Stage 1: one arrival, one call of the adapter, one commit. Only after the commit may the sender be told "taken".
use crate::{Pipeline, now};
use tributary_model::message::{Arrival, ChannelEvent, Inbound, Rejection, Response};
use tributary_model::{ChannelName, ConversationId, ParkedId};
use tributary_runtime::{CallEffects, CallError, Called};
use tributary_store::{Accepted, Cause, NewArrival, NewParked, StateScope, StateWrite, StoreError};

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
    /// Too much is under way.
    #[error("too many arrivals are under way")]
    Overloaded,
    /// The store did not take it.
    #[error("the store did not take the arrival")]
    Store(#[from] StoreError),
}

impl Pipeline {
    /// Takes one arrival of a channel. Returns after it is on disk.
    pub async fn receive(&self, channel: &ChannelName, arrival: Arrival) -> Result<Received, ReceiveError> {
        let _room = self.receiving.try_acquire().map_err(|_| ReceiveError::Overloaded)?;
        self.receive_replaying(channel, arrival, None).await
    }

    pub(crate) async fn receive_replaying(
        &self,
        channel: &ChannelName,
        arrival: Arrival,
        replays: Option<ParkedId>,
    ) -> Result<Received, ReceiveError> {
        let plugins = self.plugins();
        let channel = plugins.channel(channel).ok_or_else(|| ReceiveError::UnknownChannel(channel.clone()))?;
        let at = now();
        let called = channel.adapter.receive(Self::context(at, None), &arrival).await;
        let (reading, effects) = match read(called) {
            Ok(told) => told,
            Err(Told::Unauthenticated(why)) => return Ok(Received::Unauthenticated(why)),
            Err(Told::Ignored(why)) => return Ok(Received::Ignored(why)),
            Err(Told::Park(cause)) => {
                let info = channel.adapter.info();
                let (plugin, version, generation) = (info.name.clone(), info.version.clone(), info.generation);
                metrics::counter!("tributary_parked_total", "what" => "arrival", "blame" => cause.blame).increment(1);
                tracing::warn!(channel = %channel.name, %plugin, blame = cause.blame, "an arrival is kept aside");
                let parked = NewParked {
                    channel: channel.name.clone(),
                    plugin,
                    version,
                    generation,
                    arrival,
                    cause,
                    at,
                    replays,
                };
                return Ok(Received::Parked(self.store.park(parked).await?));
            }
        };
        // Room in the next stage first: then the happening is born claimed, and the hand-over costs no commit.
        let messages = reading.events.iter().filter(|event| matches!(event, ChannelEvent::Message(_))).count();
        let room = self.to_decide.try_reserve_many(messages).ok();
        let lease = room.is_some().then(|| self.lease(at));
        let accepted = self
            .store
            .accept(
                NewArrival {
                    channel: channel.name.clone(),
                    arrival,
                    events: reading.events,
                    at,
                    state: writes(effects),
                    scope: StateScope { plugin: channel.adapter.info().name.clone(), channel: channel.name.clone() },
                    replays,
                },
                lease,
            )
            .await?;
        let Accepted { messages, claimed, waiting, .. } = accepted;
        if let Some(room) = room {
            for (permit, happening) in room.zip(claimed) {
                permit.send(happening);
            }
        }
        if waiting > 0 {
            self.happenings_wait.notify_one();
        }
        let conversations = messages.iter().map(|message| message.conversation).collect();
        Ok(Received::Accepted { conversations, answer: reading.answer })
    }
}

/// Writes of a call as the store takes them.
pub(crate) fn writes(effects: CallEffects) -> Vec<StateWrite> {
    effects.state.into_iter().map(|(key, value, expires)| StateWrite { key, value, expires }).collect()
}

enum Told {
    Unauthenticated(String),
    Ignored(String),
    Park(Cause),
}

type CalledReading = Called<Result<tributary_model::message::Reading, Rejection>>;

/// What an adapter's answer means. What the contract forbids is the plugin's fault, and the arrival is kept aside.
fn read(called: Result<CalledReading, CallError>) -> Result<(tributary_model::message::Reading, CallEffects), Told> {
    let called =
        called.map_err(|fault| Told::Park(Cause { blame: fault.blame().as_str(), what: fault.to_string() }))?;
    let reading = called.result.map_err(|rejection| match rejection {
        Rejection::Unauthenticated(why) => Told::Unauthenticated(why),
        Rejection::Ignored(why) => Told::Ignored(why),
        Rejection::Malformed(why) => Told::Park(Cause { blame: "sender", what: why }),
    })?;
    for event in &reading.events {
        if let ChannelEvent::Message(message) = event
            && let Some(what) = broken(message)
        {
            return Err(Told::Park(Cause { blame: "guest", what: format!("broke the contract: {what}") }));
        }
    }
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
    use tributary_model::message::Reading;

    fn called(result: Result<Reading, Rejection>) -> Result<CalledReading, CallError> {
        Ok(Called::of(result))
    }

    #[test]
    fn every_failure_says_who_is_to_blame_and_loses_nothing() {
        for (answer, blame) in [
            (called(Err(Rejection::Malformed("no header".into()))), "sender"),
            (Err(CallError::Trap("unreachable".into())), "trap"),
            (Err(CallError::Contract("a lie".into())), "guest"),
            (Err(CallError::Host("no memory".into())), "host"),
        ] {
            assert!(matches!(read(answer), Err(Told::Park(cause)) if cause.blame == blame), "{blame}");
        }
        assert!(read(called(Ok(Reading::default()))).is_ok());
        assert!(matches!(read(called(Err(Rejection::Ignored("beat".into())))), Err(Told::Ignored(_))));
    }
}
