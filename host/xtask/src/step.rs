//! One line when a step starts, one when it ends, with the time it took.
use std::time::{Duration, Instant};

use anyhow::Result;

/// Counts the steps of one command. Progress goes to standard error, results to standard output.
pub struct Steps {
    started: Instant,
    done: usize,
    total: usize,
}

impl Steps {
    /// `total` steps will follow.
    pub fn new(total: usize) -> Self {
        Self { started: Instant::now(), done: 0, total }
    }

    /// Announce a step, do it, say how long it took.
    pub fn run<T>(&mut self, name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        self.done += 1;
        let place = format!("[{}/{}]", self.done, self.total);
        eprintln!("{place} {name} …");
        let started = Instant::now();
        let result = work();
        let word = if result.is_ok() { "done in" } else { "failed after" };
        eprintln!("{place} {name}: {word} {}", seconds(started.elapsed()));
        result
    }

    /// The time since the first step.
    pub fn elapsed(&self) -> String {
        seconds(self.started.elapsed())
    }
}

/// `0.4 s`, `75 s`, `12 min 5 s`.
pub fn seconds(time: Duration) -> String {
    match time.as_secs() {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        whole @ 10..120 => format!("{whole} s"),
        whole => format!("{} min {} s", whole / 60, whole % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_well() {
        for (millis, text) in [(40, "0.0 s"), (9_940, "9.9 s"), (75_900, "75 s"), (725_000, "12 min 5 s")] {
            assert_eq!(seconds(Duration::from_millis(millis)), text);
        }
    }
}
