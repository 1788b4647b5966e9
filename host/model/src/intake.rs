//! The life of a happening: from the commit that caused it to the commit that decided it.
use std::fmt;

/// Where a happening stands. The store's CHECK lists the same words.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum State {
    /// Waits for a node.
    Pending,
    /// A node decides it under a lease.
    Claimed,
    /// Its decisions are applied.
    Decided,
    /// Kept aside with its cause.
    Parked,
}

/// What can befall a happening.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Event {
    /// A node took the lease.
    Claim,
    /// The lease ran out, or its node stopped.
    Release,
    /// The decisions were committed.
    Decide,
    /// A policy failed on it.
    Park,
    /// A person asked for it to be tried again.
    Replay,
}

/// The event does not fit the state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Illegal {
    /// Where it stood.
    pub state: State,
    /// What was asked.
    pub event: Event,
}

impl fmt::Display for Illegal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a happening that is {} cannot {:?}", self.state.as_str(), self.event)
    }
}

impl std::error::Error for Illegal {}

impl State {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Claimed, Self::Decided, Self::Parked];

    /// The word the store keeps.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Claimed => "claimed",
            Self::Decided => "decided",
            Self::Parked => "parked",
        }
    }
}

/// Where an event leads. Total: every pair is answered.
pub fn next(state: State, event: Event) -> Result<State, Illegal> {
    match (state, event) {
        (State::Pending, Event::Claim) => Ok(State::Claimed),
        (State::Claimed, Event::Release) => Ok(State::Pending),
        (State::Claimed, Event::Decide) => Ok(State::Decided),
        (State::Claimed, Event::Park) => Ok(State::Parked),
        (State::Parked, Event::Replay) => Ok(State::Pending),
        _ => Err(Illegal { state, event }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_is_answered_as_the_table_says() {
        use Event::*;
        let legal = [
            (State::Pending, Claim, State::Claimed),
            (State::Claimed, Release, State::Pending),
            (State::Claimed, Decide, State::Decided),
            (State::Claimed, Park, State::Parked),
            (State::Parked, Replay, State::Pending),
        ];
        for state in State::ALL {
            for event in [Claim, Release, Decide, Park, Replay] {
                let want = legal.iter().find(|(s, e, _)| (*s, *e) == (state, event)).map(|(_, _, to)| *to);
                assert_eq!(next(state, event).ok(), want, "{state:?} {event:?}");
            }
        }
    }
}
