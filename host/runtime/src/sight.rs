//! What one generation did since it was loaded: counts, spreads and the last fault, for the operator's view and for whoever
//! judges a trial. Counting takes no lock and no memory that grows: a handful of atomic additions for a call.
//!
//! The exported metrics ([`crate::metrics`]) carry plugin and channel only, because generations come and go without end;
//! whoever shows generations one by one asks [`crate::Generation::sight`].
mod histogram;

use crate::call::{Blame, Budget, CallCost, CallError};
use crate::metrics::EXPORTS;
use arc_swap::ArcSwapOption;
use histogram::{Counts, Histogram};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tributary_model::Timestamp;

/// Bytes of a fault's words at most.
const WORDS: usize = 1_024;

/// What one generation did since it was loaded. A picture of a moment while calls go on: its parts may differ by the calls
/// that ended meanwhile.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sight {
    /// The exported functions that were called, in the contract's order.
    pub exports: Vec<ExportSight>,
    /// Time inside the guest of a call, over all exports.
    pub guest: Spread,
    /// Time from start to end of a call, over all exports.
    pub wall: Spread,
    /// Time inside the guest, all calls together.
    pub guest_total: Duration,
    /// Time the guest waited for the host, all calls together.
    pub host_total: Duration,
    /// The most memory an instance had at the end of a call, in bytes.
    pub memory_high: usize,
    /// The most bytes one call handed to the host.
    pub bytes_out_high: usize,
    /// Calls that failed, by kind.
    pub faults: Faults,
    /// The last of them.
    pub last_fault: Option<Arc<LastFault>>,
}

/// The calls of one exported function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ExportSight {
    /// `receive`, `send`, `decide`, `review` or `migrate`.
    pub export: &'static str,
    /// Calls that ended, however they ended.
    pub calls: u64,
    /// Time inside the guest of a call.
    pub guest: Spread,
    /// Time from start to end of a call.
    pub wall: Spread,
}

/// How long calls took: half of them, and 99 of 100, took at most this long (nearest rank). Told from a histogram, each is
/// off by at most 6.25 %; zero where there was no call.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Spread {
    /// The median.
    pub p50: Duration,
    /// The 99th percentile.
    pub p99: Duration,
}

/// Calls that failed, by what failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Faults {
    /// The plugin's own answer, or one that the contract does not allow.
    pub guest: u64,
    /// The plugin's code trapped.
    pub trap: u64,
    /// It used up its time inside the guest.
    pub budget_guest: u64,
    /// It used up its time from start to end.
    pub budget_wall: u64,
    /// It used up its memory.
    pub budget_memory: u64,
    /// It handed over more bytes than it may.
    pub budget_bytes_out: u64,
    /// Us.
    pub host: u64,
}

/// The last call that failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LastFault {
    /// The moment of the call, as its context told it.
    pub at: Timestamp,
    /// The exported function.
    pub export: &'static str,
    /// Who is to blame.
    pub blame: Blame,
    /// What happened, for people; cut at 1,024 bytes.
    pub words: String,
}

/// The kinds of [`Faults`], in the order of its fields.
const KINDS: [&str; 7] = ["guest", "trap", "budget-guest", "budget-wall", "budget-memory", "budget-bytes-out", "host"];

impl Sight {
    /// Calls that ended, over all exports.
    pub fn calls(&self) -> u64 {
        self.exports.iter().map(|of| of.calls).sum()
    }
}

impl Faults {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.by_kind().iter().map(|(_, count)| count).sum()
    }

    /// Each kind under the word that metrics and tables use: `guest`, `trap`, `budget-guest`, `budget-wall`,
    /// `budget-memory`, `budget-bytes-out`, `host`.
    pub fn by_kind(&self) -> [(&'static str, u64); 7] {
        let Self { guest, trap, budget_guest, budget_wall, budget_memory, budget_bytes_out, host } = *self;
        let counts = [guest, trap, budget_guest, budget_wall, budget_memory, budget_bytes_out, host];
        std::array::from_fn(|at| (KINDS[at], counts[at]))
    }
}

/// The counters behind a [`Sight`].
#[derive(Default)]
pub(crate) struct Watch {
    exports: [OfExport; EXPORTS.len()],
    guest_nanos: AtomicU64,
    host_nanos: AtomicU64,
    memory_high: AtomicUsize,
    bytes_out_high: AtomicUsize,
    faults: [AtomicU64; KINDS.len()],
    last: ArcSwapOption<LastFault>,
}

#[derive(Default)]
struct OfExport {
    guest: Histogram,
    wall: Histogram,
}

impl Watch {
    /// A call ended.
    pub fn call(&self, export: usize, cost: &CallCost) {
        let of = &self.exports[export];
        let guest = nanos(cost.guest);
        of.guest.record(guest);
        of.wall.record(nanos(cost.wall));
        self.guest_nanos.fetch_add(guest, Ordering::Relaxed);
        self.host_nanos.fetch_add(nanos(cost.host), Ordering::Relaxed);
        self.memory_high.fetch_max(cost.memory, Ordering::Relaxed);
        self.bytes_out_high.fetch_max(cost.bytes_out, Ordering::Relaxed);
    }

    /// A call gave no result.
    pub fn failed(&self, export: usize, at: Timestamp, error: &CallError) {
        let kind = match error {
            CallError::Contract(_) => 0,
            CallError::Trap(_) => 1,
            CallError::Budget { budget: Budget::Guest, .. } => 2,
            CallError::Budget { budget: Budget::Wall, .. } => 3,
            CallError::Budget { budget: Budget::Memory, .. } => 4,
            CallError::Budget { budget: Budget::BytesOut, .. } => 5,
            CallError::Host(_) => 6,
        };
        self.fault(kind, export, at, error.blame(), error.to_string());
    }

    /// A call gave the plugin's own failure for a result. Its words are parked with the event; they are the plugin's, and
    /// may speak of a customer.
    pub fn answered_with_a_fault(&self, export: usize, at: Timestamp) {
        self.fault(0, export, at, Blame::Guest, "it answered with a failure of its own".into());
    }

    fn fault(&self, kind: usize, export: usize, at: Timestamp, blame: Blame, mut words: String) {
        self.faults[kind].fetch_add(1, Ordering::Relaxed);
        words.truncate(words.floor_char_boundary(WORDS));
        self.last.store(Some(Arc::new(LastFault { at, export: EXPORTS[export], blame, words })));
    }

    /// What was counted so far.
    pub fn sight(&self) -> Sight {
        let (mut guest, mut wall) = (Counts::default(), Counts::default());
        let mut exports = Vec::new();
        for (export, of) in EXPORTS.iter().zip(&self.exports) {
            let (of_guest, of_wall) = (of.guest.counts(), of.wall.counts());
            let calls = of_wall.total();
            if calls > 0 {
                exports.push(ExportSight { export, calls, guest: spread(&of_guest), wall: spread(&of_wall) });
                guest.add(&of_guest);
                wall.add(&of_wall);
            }
        }
        let faults: [u64; KINDS.len()] = std::array::from_fn(|kind| self.faults[kind].load(Ordering::Relaxed));
        let [of_guest, trap, budget_guest, budget_wall, budget_memory, budget_bytes_out, host] = faults;
        Sight {
            exports,
            guest: spread(&guest),
            wall: spread(&wall),
            guest_total: Duration::from_nanos(self.guest_nanos.load(Ordering::Relaxed)),
            host_total: Duration::from_nanos(self.host_nanos.load(Ordering::Relaxed)),
            memory_high: self.memory_high.load(Ordering::Relaxed),
            bytes_out_high: self.bytes_out_high.load(Ordering::Relaxed),
            faults: Faults { guest: of_guest, trap, budget_guest, budget_wall, budget_memory, budget_bytes_out, host },
            last_fault: self.last.load_full(),
        }
    }
}

fn spread(counts: &Counts) -> Spread {
    let of = |percent| Duration::from_nanos(counts.percentile(percent));
    Spread { p50: of(50), p99: of(99) }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(micros: u64) -> CallCost {
        CallCost {
            guest: Duration::from_micros(micros),
            wall: Duration::from_micros(2 * micros),
            host: Duration::from_micros(1),
            memory: micros as usize,
            bytes_out: 2 * micros as usize,
        }
    }

    fn near(told: Duration, truth: Duration) -> bool {
        told.as_secs_f64() / truth.as_secs_f64() > 0.93 && told.as_secs_f64() / truth.as_secs_f64() < 1.07
    }

    #[test]
    fn what_threads_count_at_once_is_all_there() {
        let watch = Watch::default();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let watch = &watch;
                scope.spawn(move || {
                    for micros in 1..=1_000 {
                        watch.call(thread % 2, &cost(micros));
                        if micros % 10 == 0 {
                            watch.failed(thread % 2, Timestamp(micros), &CallError::Trap("unreachable".into()));
                        }
                    }
                });
            }
        });
        let sight = watch.sight();
        let calls: Vec<(&str, u64)> = sight.exports.iter().map(|of| (of.export, of.calls)).collect();
        assert_eq!(calls, [("receive", 2_000), ("send", 2_000)]);
        assert_eq!(sight.calls(), 4_000);
        assert_eq!(sight.guest_total, Duration::from_micros(4 * 500_500));
        assert_eq!(sight.host_total, Duration::from_micros(4_000));
        assert_eq!((sight.memory_high, sight.bytes_out_high), (1_000, 2_000));
        for (told, truth) in [
            (sight.guest.p50, 500),
            (sight.guest.p99, 990),
            (sight.wall.p50, 1_000),
            (sight.wall.p99, 1_980),
            (sight.exports[1].wall.p99, 1_980),
        ] {
            assert!(near(told, Duration::from_micros(truth)), "{told:?} for {truth} µs");
        }
        assert_eq!((sight.faults.trap, sight.faults.total()), (400, 400));
        assert_eq!(sight.last_fault.unwrap().words, "trapped: unreachable");
    }

    #[test]
    fn each_kind_of_fault_is_counted_under_its_word() {
        let budget = |budget| CallError::Budget { budget, what: "x".into() };
        let cases = [
            (CallError::Contract("x".into()), "guest"),
            (CallError::Trap("x".into()), "trap"),
            (budget(Budget::Guest), "budget-guest"),
            (budget(Budget::Wall), "budget-wall"),
            (budget(Budget::Memory), "budget-memory"),
            (budget(Budget::BytesOut), "budget-bytes-out"),
            (CallError::Host("x".into()), "host"),
        ];
        for (error, word) in cases {
            let watch = Watch::default();
            watch.failed(2, Timestamp(7), &error);
            let sight = watch.sight();
            let counted: Vec<_> = sight.faults.by_kind().into_iter().filter(|(_, count)| *count > 0).collect();
            assert_eq!(counted, [(word, 1)]);
            let last = sight.last_fault.unwrap();
            assert_eq!((last.at, last.export, last.blame), (Timestamp(7), "decide", error.blame()));
        }
        let watch = Watch::default();
        watch.answered_with_a_fault(3, Timestamp(8));
        assert_eq!(watch.sight().faults.guest, 1);
        watch.failed(3, Timestamp(9), &CallError::Contract("ü".repeat(WORDS)));
        assert!(watch.sight().last_fault.unwrap().words.len() <= WORDS);
    }

    #[test]
    fn a_generation_without_calls_shows_nothing() {
        assert_eq!(Watch::default().sight(), Sight::default());
    }
}
