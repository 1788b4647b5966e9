//! How long to wait before the next try.
use std::time::Duration;

/// Doubles from `first` to `most`, `tries` times in all.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Backoff {
    /// The wait after the first failure.
    pub first: Duration,
    /// The longest wait.
    pub most: Duration,
    /// How many tries there are, the first included.
    pub tries: u32,
}

impl Default for Backoff {
    /// 30 s, 1 min, 2 min … 4 h: about four days, as RFC 5321 4.5.4.1 asks of a mail sender.
    fn default() -> Self {
        Self { first: Duration::from_secs(30), most: Duration::from_secs(4 * 3600), tries: 33 }
    }
}

impl Backoff {
    /// The wait after try number `attempt`, counted from 1; none where the tries are used up.
    pub fn delay(&self, attempt: u32) -> Option<Duration> {
        (attempt < self.tries).then(|| {
            let factor = 1u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
            self.first.saturating_mul(factor).min(self.most)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_the_most_and_the_default_lasts_four_days() {
        let backoff = Backoff { first: Duration::from_secs(1), most: Duration::from_secs(5), tries: 5 };
        let waits: Vec<_> = (1..=5).map(|n| backoff.delay(n).map(|d| d.as_secs())).collect();
        assert_eq!(waits, [Some(1), Some(2), Some(4), Some(5), None]);
        let total: Duration = (1..).map_while(|n| Backoff::default().delay(n)).sum();
        assert!((4..6).contains(&(total.as_secs() / 86_400)), "{total:?}");
    }
}
