//! The breaker of a place, pure: when a plugin that fails is no longer asked, and how it comes back.
//!
//! It looks back on the last calls. Enough failures among them open it: nothing is asked any more, and what comes is kept
//! aside. After a rest one event is let through to see. If that one is answered, what was kept aside is worked off in order,
//! then everything gets through again; if it fails, the rest doubles. A plugin that fails its probes too often is left
//! alone until somebody acts. This is "restart with backoff": a plugin has no process to restart, since each call has a
//! fresh instance, so that what is retried is whether it answers.
use crate::time::Timestamp;
use std::time::Duration;

/// When a breaker opens, and how it closes again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Calls that are looked back on, 1 to 64.
    pub window: u32,
    /// Failures among them that open it, at least 1.
    pub failures: u32,
    /// Rest before the first probe; doubled each time a probe fails.
    pub first_rest: Duration,
    /// The longest rest.
    pub most_rest: Duration,
    /// Failed probes in a row after which nothing is tried any more until an operator acts.
    pub strikes: u32,
}

impl Default for Limits {
    /// 10 of 20; rests of 1 s doubling up to 5 min; 8 strikes.
    fn default() -> Self {
        Self {
            window: 20,
            failures: 10,
            first_rest: Duration::from_secs(1),
            most_rest: Duration::from_secs(300),
            strikes: 8,
        }
    }
}

impl Limits {
    /// The rest after so many failed probes in a row.
    fn rest(&self, strikes: u32) -> Duration {
        let factor = 1u32.checked_shl(strikes).unwrap_or(u32::MAX);
        self.first_rest.saturating_mul(factor).min(self.most_rest)
    }

    fn seen(&self) -> u32 {
        self.window.clamp(1, 64)
    }
}

/// The last calls, the newest in the lowest bit: 1 is a failure.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Window(u64);

impl Window {
    fn with(self, failed: bool) -> Self {
        Self((self.0 << 1) | u64::from(failed))
    }

    /// Failures among the last calls that count.
    pub fn failures(self, limits: &Limits) -> u32 {
        (self.0 & (u64::MAX >> (64 - limits.seen()))).count_ones()
    }
}

/// How a breaker stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Events get through.
    Closed {
        /// The last calls.
        window: Window,
    },
    /// Nothing is asked.
    Open {
        /// Until then.
        until: Timestamp,
        /// Failed probes in a row.
        strikes: u32,
    },
    /// One event is let through to see.
    HalfOpen {
        /// Failed probes in a row.
        strikes: u32,
    },
    /// It answers again: what was kept aside is worked off, and what comes waits behind it.
    Draining {
        /// The last calls.
        window: Window,
        /// Failed probes in a row; only a finished draining forgets them.
        strikes: u32,
    },
    /// It failed too often.
    Evicted {
        /// Failed probes in a row.
        strikes: u32,
    },
}

/// What can befall a breaker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// A call was answered.
    Answered,
    /// A call failed.
    Failed,
    /// The rest is over: a probe is wanted.
    Probe,
    /// The probe was answered.
    ProbeAnswered,
    /// The probe failed.
    ProbeFailed,
    /// The probe ended without telling: its caller went away.
    ProbeLost,
    /// Something was kept aside although events get through: it is worked off before others.
    Behind,
    /// Nothing is kept aside any more.
    Drained,
    /// An operator acts, or another generation came: what is kept aside is tried again at once.
    Reset,
}

impl State {
    /// Events get through, and no call failed yet.
    pub const CLOSED: Self = Self::Closed { window: Window(0) };
    /// What is kept aside is worked off first, and no call failed yet.
    pub const DRAINING: Self = Self::Draining { window: Window(0), strikes: 0 };

    /// Failed probes in a row.
    pub fn strikes(self) -> u32 {
        match self {
            Self::Closed { .. } => 0,
            Self::Open { strikes, .. }
            | Self::HalfOpen { strikes }
            | Self::Draining { strikes, .. }
            | Self::Evicted { strikes } => strikes,
        }
    }
}

/// Where an event leads. Total: an event that says nothing in a state leaves it, such as the end of a call that began
/// before the breaker opened.
pub fn next(state: State, event: Event, now: Timestamp, limits: &Limits) -> State {
    match (state, event) {
        (_, Event::Reset) => State::DRAINING,
        (State::Closed { window }, Event::Answered | Event::Failed) => {
            let window = window.with(event == Event::Failed);
            if trips(window, event, limits) { open(0, now, limits) } else { State::Closed { window } }
        }
        (State::Closed { window }, Event::Behind) => State::Draining { window, strikes: 0 },
        (State::Draining { window, strikes }, Event::Answered | Event::Failed) => {
            let window = window.with(event == Event::Failed);
            // A plugin that answers a probe and then fails on what waited has not come back.
            if trips(window, event, limits) {
                struck(strikes, now, limits)
            } else {
                State::Draining { window, strikes }
            }
        }
        (State::Draining { window, .. }, Event::Drained) => State::Closed { window },
        (State::Open { until, strikes }, Event::Probe) if now >= until => State::HalfOpen { strikes },
        (State::HalfOpen { strikes }, Event::ProbeAnswered) => State::Draining { window: Window(0), strikes },
        (State::HalfOpen { strikes }, Event::ProbeFailed) => struck(strikes, now, limits),
        (State::HalfOpen { strikes }, Event::ProbeLost) => State::Open { until: now, strikes },
        (state, _) => state,
    }
}

fn trips(window: Window, event: Event, limits: &Limits) -> bool {
    event == Event::Failed && window.failures(limits) >= limits.failures.max(1)
}

fn open(strikes: u32, now: Timestamp, limits: &Limits) -> State {
    State::Open { until: now.after(limits.rest(strikes)), strikes }
}

fn struck(strikes: u32, now: Timestamp, limits: &Limits) -> State {
    let strikes = strikes.saturating_add(1);
    if strikes >= limits.strikes.max(1) { State::Evicted { strikes } } else { open(strikes, now, limits) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: Limits = Limits {
        window: 4,
        failures: 2,
        first_rest: Duration::from_secs(1),
        most_rest: Duration::from_secs(4),
        strikes: 4,
    };
    const EVENTS: [Event; 9] = [
        Event::Answered,
        Event::Failed,
        Event::Probe,
        Event::ProbeAnswered,
        Event::ProbeFailed,
        Event::ProbeLost,
        Event::Behind,
        Event::Drained,
        Event::Reset,
    ];

    #[test]
    fn every_pair_is_answered_as_the_table_says() {
        use Event::*;
        let now = Timestamp(10_000);
        let window = Window(1);
        let (closed, draining) = (State::Closed { window }, State::Draining { window, strikes: 1 });
        let resting = State::Open { until: Timestamp(10_001), strikes: 1 };
        let rested = State::Open { until: now, strikes: 1 };
        let (half, evicted) = (State::HalfOpen { strikes: 1 }, State::Evicted { strikes: 4 });
        let open = |seconds: u64, strikes| State::Open { until: Timestamp(10_000 + seconds * 1_000), strikes };
        let changes = [
            (closed, Answered, State::Closed { window: Window(2) }),
            (closed, Failed, open(1, 0)),
            (closed, Behind, State::Draining { window, strikes: 0 }),
            (draining, Answered, State::Draining { window: Window(2), strikes: 1 }),
            (draining, Failed, open(4, 2)),
            (draining, Drained, closed),
            (rested, Probe, half),
            (half, ProbeAnswered, State::Draining { window: Window(0), strikes: 1 }),
            (half, ProbeFailed, open(4, 2)),
            (half, ProbeLost, rested),
        ];
        for state in [closed, resting, rested, half, draining, evicted] {
            for event in EVENTS {
                let change = changes.iter().find(|(s, e, _)| (*s, *e) == (state, event)).map(|(_, _, to)| *to);
                let want = if event == Reset { State::DRAINING } else { change.unwrap_or(state) };
                assert_eq!(next(state, event, now, &LIMITS), want, "{state:?} {event:?}");
            }
        }
    }

    #[test]
    fn the_rest_doubles_up_to_the_most_and_the_last_strike_evicts() {
        let (mut state, mut now, mut rests) = (State::CLOSED, Timestamp(0), Vec::new());
        for _ in 0..2 {
            state = next(state, Event::Failed, now, &LIMITS);
        }
        while let State::Open { until, .. } = state {
            rests.push(until.since(now).as_secs());
            now = until;
            state = next(next(state, Event::Probe, now, &LIMITS), Event::ProbeFailed, now, &LIMITS);
        }
        assert_eq!((rests, state), (vec![1, 2, 4, 4], State::Evicted { strikes: 4 }));
    }

    proptest! {
        /// It opens exactly when as many of the last calls failed as its limits say, never by calls that are answered.
        #[test]
        fn a_closed_breaker_opens_at_its_limit_and_not_before(
            window in 1u32..=64, failures in 1u32..=64, calls in proptest::collection::vec(any::<bool>(), 0..200),
        ) {
            let limits = Limits { window, failures, ..Limits::default() };
            let mut state = State::CLOSED;
            for (number, failed) in calls.iter().enumerate() {
                let event = if *failed { Event::Failed } else { Event::Answered };
                state = next(state, event, Timestamp(0), &limits);
                let seen = &calls[(number + 1).saturating_sub(window as usize)..=number];
                let many = seen.iter().filter(|failed| **failed).count() >= failures as usize;
                prop_assert_eq!(matches!(state, State::Open { .. }), many && *failed);
                if many && *failed {
                    break;
                }
            }
        }

        /// Whatever happens: strikes never pass the limit, no rest is longer than the longest, and nothing but a reset
        /// leads out of an eviction.
        #[test]
        fn no_way_leads_past_the_limits(steps in proptest::collection::vec((0usize..9, 0u64..5_000), 0..300)) {
            let (mut state, mut now) = (State::CLOSED, Timestamp(0));
            for (event, passed) in steps {
                now = Timestamp(now.0 + passed);
                let was = state;
                state = next(state, EVENTS[event], now, &LIMITS);
                prop_assert!(state.strikes() <= LIMITS.strikes);
                if let State::Open { until, .. } = state && was != state {
                    prop_assert!(until.since(now) <= LIMITS.most_rest);
                }
                if matches!(was, State::Evicted { .. }) && EVENTS[event] != Event::Reset {
                    prop_assert_eq!(was, state);
                }
            }
        }
    }
}
