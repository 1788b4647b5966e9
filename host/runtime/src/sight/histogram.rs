//! How often which duration was seen, in buckets whose width grows with what they hold: eight to each doubling, so the
//! middle of a bucket is never further than a sixteenth from what fell into it. Up to 16 ns the buckets are exact; what is
//! longer than about 2.4 hours counts as that.
use std::sync::atomic::{AtomicU64, Ordering};

/// Two to this power is the number of buckets to a doubling.
const FINE: u32 = 3;
/// Buckets to a doubling.
const EACH: usize = 1 << FINE;
/// The highest bit that a bucket has.
const TOP: u32 = 42;
/// All buckets: one for each number below the first doubling, then [`EACH`] for every doubling.
const BUCKETS: usize = EACH * (TOP - FINE + 2) as usize;

/// Counts that many threads add to at once.
pub(super) struct Histogram([AtomicU64; BUCKETS]);

/// The counts of a moment.
pub(super) struct Counts([u64; BUCKETS]);

impl Default for Histogram {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl Default for Counts {
    fn default() -> Self {
        Self([0; BUCKETS])
    }
}

impl Histogram {
    /// Counts one value.
    pub fn record(&self, value: u64) {
        self.0[bucket(value)].fetch_add(1, Ordering::Relaxed);
    }

    /// What was counted so far.
    pub fn counts(&self) -> Counts {
        Counts(std::array::from_fn(|at| self.0[at].load(Ordering::Relaxed)))
    }
}

impl Counts {
    /// Puts those of another histogram to these.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }

    /// How many values there are.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// The value that so many of a hundred do not exceed (nearest rank), off by at most a sixteenth; 0 without values.
    pub fn percentile(&self, percent: u64) -> u64 {
        // Rounded up, without going beyond 64 bits for any number of calls.
        let total = self.total();
        let rank = (total / 100 * percent) + (total % 100 * percent).div_ceil(100);
        let mut below = 0;
        for (at, count) in self.0.iter().enumerate() {
            below += count;
            if below >= rank.max(1) {
                return middle(at);
            }
        }
        0
    }
}

fn bucket(value: u64) -> usize {
    let value = value.min((1 << (TOP + 1)) - 1);
    if value < EACH as u64 {
        return value as usize;
    }
    let bit = value.ilog2();
    let within = (value >> (bit - FINE)) as usize & (EACH - 1);
    EACH * (bit - FINE + 1) as usize + within
}

/// The middle of a bucket.
fn middle(bucket: usize) -> u64 {
    if bucket < EACH {
        return bucket as u64;
    }
    let shift = (bucket / EACH - 1) as u32;
    let lowest = ((EACH + bucket % EACH) as u64) << shift;
    lowest + (1 << shift) / 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn buckets_follow_each_other_without_a_gap() {
        let mut last = 0;
        for value in 0..100_000 {
            let at = bucket(value);
            assert!(at == last || at == last + 1, "{value}: {at} after {last}");
            last = at;
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
        for at in 0..BUCKETS {
            assert_eq!(bucket(middle(at)), at);
        }
    }

    proptest! {
        #[test]
        fn a_percentile_is_off_by_a_sixteenth_at_most(
            mut values in prop::collection::vec((0_u64..43, any::<u64>()).prop_map(|(bits, value)| value >> (63 - bits)), 1..500),
            percent in 1_u64..=100,
        ) {
            let histogram = Histogram::default();
            for value in &values {
                histogram.record(*value);
            }
            values.sort();
            let rank = (values.len() as u64 * percent).div_ceil(100).max(1) as usize;
            let truth = values[rank - 1];
            let told = histogram.counts().percentile(percent);
            prop_assert!(told.abs_diff(truth) * 16 <= truth, "{} for {}", told, truth);
        }

        #[test]
        fn parts_put_together_are_the_whole(values in prop::collection::vec((any::<u32>(), any::<bool>()), 0..300)) {
            let (whole, left, right) = (Histogram::default(), Histogram::default(), Histogram::default());
            for (value, side) in values {
                whole.record(value.into());
                if side { left.record(value.into()) } else { right.record(value.into()) }
            }
            let mut parts = left.counts();
            parts.add(&right.counts());
            for percent in [1, 50, 99, 100] {
                prop_assert_eq!(parts.percentile(percent), whole.counts().percentile(percent));
            }
            prop_assert_eq!(parts.total(), whole.counts().total());
        }
    }
}
