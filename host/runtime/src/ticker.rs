//! How often running guests are interrupted, to look at their budgets and to let other work run.
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// While only short calls run: they end before anybody looks at them.
const CALM: Duration = Duration::from_millis(5);
/// While a long one runs. It gives its worker away each time, so this is what everything else there waits for it at most.
const BUSY: Duration = Duration::from_millis(1);

/// Knows whether any call has been running for long.
#[derive(Debug, Default)]
pub(crate) struct Ticker {
    long: AtomicU32,
}

impl Ticker {
    /// How long until the next tick.
    pub fn rest(&self) -> Duration {
        if self.long.load(Ordering::Relaxed) > 0 { BUSY } else { CALM }
    }
}

/// A call that was still running when it was looked at, until it ends.
#[derive(Debug)]
pub(crate) struct LongCall(Arc<Ticker>);

impl LongCall {
    pub fn new(ticker: &Arc<Ticker>) -> Self {
        ticker.long.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(ticker))
    }
}

impl Drop for LongCall {
    fn drop(&mut self) {
        self.0.long.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_short_as_long_as_a_long_call_runs() {
        let ticker = Arc::new(Ticker::default());
        assert_eq!(ticker.rest(), CALM);
        let (one, two) = (LongCall::new(&ticker), LongCall::new(&ticker));
        drop(one);
        assert_eq!(ticker.rest(), BUSY);
        drop(two);
        assert_eq!(ticker.rest(), CALM);
    }
}
