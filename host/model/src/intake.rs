//! The life of a happening: from the commit that caused it to the commit that decided it.

words! {
    /// Where a happening stands. The store's CHECK lists the same words.
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
    pub enum State {
        /// Waits for a node.
        Pending = "pending",
        /// A node decides it under a lease.
        Claimed = "claimed",
        /// Its decisions are applied.
        Decided = "decided",
        /// Kept aside with its cause.
        Parked = "parked",
    }
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

illegal!("a happening");

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
    use crate::words;

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
        let events = [Claim, Release, Decide, Park, Replay];
        words::every_pair_is_answered_as(&legal, &State::ALL, &events, next);
    }
}
