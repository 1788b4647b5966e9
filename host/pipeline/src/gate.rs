//! The breaker of a place: whether its events get through to its plugin, or are kept aside until it is well again.
use std::sync::Arc;
use std::time::Duration;
use tributary_model::{Place, Timestamp};

/// When a breaker opens, and how it closes again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BreakerLimits {
    /// Calls that are looked back on.
    pub window: u32,
    /// Failures among them that open it.
    pub failures: u32,
    /// Rest before the first probe; doubled each time a probe fails.
    pub first_rest: Duration,
    /// The longest rest.
    pub most_rest: Duration,
    /// Failed probes in a row after which nothing is tried any more until an operator acts.
    pub strikes: u32,
}

impl Default for BreakerLimits {
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
}

/// The breaker of a place.
pub struct Gate {
    place: Place,
    limits: BreakerLimits,
}

impl Gate {
    /// A gate through which events get.
    pub fn new(place: Place, limits: BreakerLimits) -> Arc<Self> {
        Arc::new(Self { place, limits })
    }
}
