//! The life of an outgoing message: from the commit that wrote it to the last word of the channel.
use crate::message::{DeliveryState, SendError};
use crate::retry;
use crate::time::Timestamp;

words! {
    /// Where an outgoing message stands. The store's CHECK lists the same words.
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
    pub enum State {
        /// Waits for its time and a node.
        Queued = "queued",
        /// A node sends it under a lease.
        Leased = "leased",
        /// The channel took it over.
        Sent = "sent",
        /// It will not arrive; shown on the conversation.
        Failed = "failed",
    }
}

/// What can befall an outgoing message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Event {
    /// A node took the lease.
    Lease,
    /// The lease ran out, its node stopped, or another try was ordered.
    Requeue,
    /// The channel took it over.
    Accept,
    /// The channel refused it, or the tries are used up.
    Fail,
    /// It came back after it was taken over.
    Bounce,
    /// A person asked for it to be tried again.
    Replay,
}

illegal!("an outgoing message");

/// Where an event leads. Total: every pair is answered. Hearing twice what is known already changes nothing.
pub fn next(state: State, event: Event) -> Result<State, Illegal> {
    match (state, event) {
        (State::Queued, Event::Lease) => Ok(State::Leased),
        (State::Leased, Event::Requeue) => Ok(State::Queued),
        (State::Leased | State::Sent, Event::Accept) => Ok(State::Sent),
        (State::Leased | State::Failed, Event::Fail) => Ok(State::Failed),
        (State::Sent | State::Leased | State::Failed, Event::Bounce) => Ok(State::Failed),
        (State::Failed, Event::Replay) => Ok(State::Queued),
        _ => Err(Illegal { state, event }),
    }
}

/// What the outcome of one try means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Settlement {
    /// The channel took it over, under this external id.
    Accepted {
        /// The channel's id of the message.
        external_id: Option<String>,
        /// The channel's own words.
        detail: Option<String>,
    },
    /// Try again then.
    Again {
        /// Not before this moment.
        at: Timestamp,
        /// Why it did not work, for people.
        why: String,
    },
    /// The channel's reply window is closed, and it did not send: another channel may.
    Closed {
        /// Why, for people.
        why: String,
    },
    /// Give up.
    Failed {
        /// Why, for people.
        why: String,
    },
}

/// Decides what the outcome of try number `attempt` (counted from 1) means.
pub fn settle(
    outcome: Result<crate::message::Delivery, SendError>,
    attempt: u32,
    now: Timestamp,
    policy: &retry::Backoff,
) -> Settlement {
    let (why, after) = match outcome {
        Ok(delivery) => match delivery.state {
            DeliveryState::Accepted | DeliveryState::Delivered | DeliveryState::Read => {
                return Settlement::Accepted { external_id: delivery.external_id, detail: delivery.detail };
            }
            DeliveryState::Failed | DeliveryState::Bounced => {
                return Settlement::Failed { why: delivery.detail.unwrap_or_else(|| delivery.state.as_str().into()) };
            }
        },
        Err(SendError::WindowClosed(why)) => return Settlement::Closed { why: format!("reply window closed: {why}") },
        Err(SendError::Permanent(why)) => return Settlement::Failed { why },
        Err(SendError::Unauthorised(why)) => (format!("not authorised: {why}"), None),
        Err(SendError::Temporary { why, after }) => (why, after),
    };
    match policy.delay(attempt) {
        Some(delay) => Settlement::Again { at: now.after(after.map_or(delay, |after| after.max(delay))), why },
        None => Settlement::Failed { why: format!("gave up after {attempt} tries: {why}") },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words;
    use std::time::Duration;

    #[test]
    fn every_pair_is_answered_as_the_table_says() {
        use Event::*;
        use State::*;
        let legal = [
            (Queued, Lease, Leased),
            (Leased, Requeue, Queued),
            (Leased, Accept, Sent),
            (Sent, Accept, Sent),
            (Leased, Fail, Failed),
            (Failed, Fail, Failed),
            (Sent, Bounce, Failed),
            (Leased, Bounce, Failed),
            (Failed, Bounce, Failed),
            (Failed, Replay, Queued),
        ];
        let events = [Lease, Requeue, Accept, Fail, Bounce, Replay];
        words::every_pair_is_answered_as(&legal, &State::ALL, &events, next);
    }

    #[test]
    fn a_temporary_failure_is_tried_again_until_the_tries_are_used_up() {
        let policy = retry::Backoff { first: Duration::from_secs(1), most: Duration::from_secs(60), tries: 3 };
        let fail = || Err(SendError::Temporary { why: "busy".into(), after: Some(Duration::from_secs(5)) });
        assert_eq!(
            settle(fail(), 1, Timestamp(1_000), &policy),
            Settlement::Again { at: Timestamp(6_000), why: "busy".into() }
        );
        assert!(matches!(settle(fail(), 3, Timestamp(0), &policy), Settlement::Failed { .. }));
        let closed = settle(Err(SendError::WindowClosed("48 h".into())), 1, Timestamp(0), &policy);
        assert_eq!(closed, Settlement::Closed { why: "reply window closed: 48 h".into() });
        assert!(matches!(
            settle(Err(SendError::Permanent("no".into())), 1, Timestamp(0), &policy),
            Settlement::Failed { .. }
        ));
    }
}
