//! The four budgets of a call, kept while it runs.
//!
//! Guest time is what the call's future takes while it is polled: whenever it waits, for the host or for its turn, it is
//! not being polled. What a host function does inside a poll is taken off again by [`Meter::hosted`]. The epoch ticker
//! of [`crate::engine`] interrupts the guest every few milliseconds to look at the meter and to let other tasks run.
use crate::call::{Budget, Budgets};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use wasmtime::ResourceLimiter;

/// Bytes that one element of a table takes.
const TABLE_ELEMENT: usize = size_of::<usize>();
/// The clock of a meter stands still.
const STOPPED: u64 = u64::MAX;

/// A stopwatch for time inside the guest. Shared between the store, which asks it, and the future that runs the store.
#[derive(Debug)]
pub(crate) struct Meter {
    start: Instant,
    /// Nanoseconds counted so far, without the stretch that runs now.
    counted: AtomicU64,
    /// Nanoseconds from `start` to the begin of the stretch that runs now.
    since: AtomicU64,
    /// Nanoseconds in host functions that wait.
    waited: AtomicU64,
}

/// One stay in a host function; counted when it ends, however it ends.
struct Stay<'a> {
    meter: &'a Meter,
    from: u64,
}

impl Drop for Stay<'_> {
    fn drop(&mut self) {
        self.meter.waited.fetch_add(self.meter.now().saturating_sub(self.from), Ordering::Relaxed);
    }
}

impl Meter {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            start: Instant::now(),
            counted: AtomicU64::new(0),
            since: AtomicU64::new(STOPPED),
            waited: AtomicU64::new(0),
        })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(STOPPED - 1)
    }

    fn resume(&self) {
        self.since.store(self.now(), Ordering::Relaxed);
    }

    fn pause(&self) {
        let since = self.since.swap(STOPPED, Ordering::Relaxed);
        if since != STOPPED {
            self.counted.fetch_add(self.now().saturating_sub(since), Ordering::Relaxed);
        }
    }

    /// Time inside the guest so far.
    pub fn guest(&self) -> Duration {
        let running = match self.since.load(Ordering::Relaxed) {
            STOPPED => 0,
            since => self.now().saturating_sub(since),
        };
        Duration::from_nanos(self.counted.load(Ordering::Relaxed) + running)
    }

    /// Time the guest waited for host functions that wait themselves: state, files, mail, HTTP.
    pub fn host(&self) -> Duration {
        Duration::from_nanos(self.waited.load(Ordering::Relaxed))
    }

    /// Time since the call began.
    pub fn wall(&self) -> Duration {
        self.start.elapsed()
    }

    /// Runs a call: counts the time it is polled.
    pub async fn counted<F: Future>(&self, call: F) -> F::Output {
        let mut call = pin!(call);
        poll_fn(|cx| {
            self.resume();
            let polled = call.as_mut().poll(cx);
            self.pause();
            polled
        })
        .await
    }

    /// Runs a host function inside a call: does not count the time it is polled as the guest's, but all of it as the
    /// host's.
    pub async fn hosted<F: Future>(&self, work: F) -> F::Output {
        let _stay = Stay { meter: self, from: self.now() };
        let mut work = pin!(work);
        poll_fn(|cx| {
            self.pause();
            let polled = work.as_mut().poll(cx);
            self.resume();
            polled
        })
        .await
    }
}

/// Memory of an instance: all its memories and tables together, which is what wasmtime's own limits do not add up.
#[derive(Debug)]
pub(crate) struct Limits {
    used: usize,
    most: usize,
    /// What was last asked for; taken off again where wasmtime could not provide it.
    asked: usize,
    refused: bool,
}

impl Limits {
    pub fn new(most: usize) -> Self {
        Self { used: 0, most, asked: 0, refused: false }
    }

    /// Bytes of all memories and tables now.
    pub fn used(&self) -> usize {
        self.used
    }

    /// Whether the guest wanted more than it may have.
    pub fn refused(&self) -> bool {
        self.refused
    }

    fn grow(&mut self, by: usize) -> bool {
        match self.used.checked_add(by) {
            Some(used) if used <= self.most => {
                self.used = used;
                self.asked = by;
                true
            }
            _ => {
                self.refused = true;
                false
            }
        }
    }
}

impl ResourceLimiter for Limits {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.grow(desired.saturating_sub(current)))
    }

    fn memory_grow_failed(&mut self, _: wasmtime::Error) -> wasmtime::Result<()> {
        self.used -= std::mem::take(&mut self.asked).min(self.used);
        Ok(())
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.grow(desired.saturating_sub(current).saturating_mul(TABLE_ELEMENT)))
    }

    /// The pool's tables end before most budgets do. A guest that is told so has used up what there is for it.
    fn table_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        self.refused = true;
        self.memory_grow_failed(error)
    }
}

impl Budgets {
    /// The same with so many times the time.
    pub(crate) fn patient(&self, times: u32) -> Self {
        Self { guest: self.guest.saturating_mul(times), wall: self.wall.saturating_mul(times), ..*self }
    }

    /// Which budget, with its limit, in words.
    pub(crate) fn words(&self, budget: Budget) -> String {
        match budget {
            Budget::Guest => format!("{} ms inside the guest", self.guest.as_millis()),
            Budget::Wall => format!("{} ms from start to end", self.wall.as_millis()),
            Budget::Memory => format!("{} bytes of memory", self.memory),
            Budget::BytesOut => format!("{} bytes handed to the host", self.bytes_out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_and_tables_are_added_up_and_a_refusal_is_remembered() {
        let mut limits = Limits::new(1000);
        assert!(limits.memory_growing(0, 600, None).unwrap());
        assert!(limits.table_growing(0, 10, None).unwrap());
        assert_eq!(limits.used(), 600 + 10 * TABLE_ELEMENT);
        assert!(!limits.memory_growing(0, 600, None).unwrap());
        assert!(limits.refused());
        assert!(limits.memory_growing(600, 700, None).unwrap());
        limits.memory_grow_failed(wasmtime::format_err!("no room")).unwrap();
        assert_eq!(limits.used(), 600 + 10 * TABLE_ELEMENT);
    }

    #[tokio::test]
    async fn waiting_is_not_billed_and_neither_is_what_the_host_does() {
        let meter = Meter::new();
        let busy = |time: Duration| {
            let start = Instant::now();
            while start.elapsed() < time {
                std::hint::spin_loop();
            }
        };
        let guest = Duration::from_millis(20);
        let host = Duration::from_millis(200);
        meter
            .counted(async {
                busy(guest);
                meter.hosted(async { busy(host) }).await;
                tokio::time::sleep(Duration::from_millis(200)).await;
            })
            .await;
        assert!(meter.guest() >= guest && meter.guest() < host, "{:?}", meter.guest());
        assert!(meter.wall() >= guest + host);
        assert!(meter.host() >= host && meter.host() + guest <= meter.wall(), "{:?}", meter.host());
    }

    #[tokio::test]
    async fn a_wait_that_is_given_up_is_the_hosts_as_well() {
        let meter = Meter::new();
        let call = meter.counted(meter.hosted(std::future::pending::<()>()));
        assert!(tokio::time::timeout(Duration::from_millis(50), call).await.is_err());
        assert!(meter.host() >= Duration::from_millis(45), "{:?}", meter.host());
        assert!(meter.guest() < Duration::from_millis(45), "{:?}", meter.guest());
    }
}
