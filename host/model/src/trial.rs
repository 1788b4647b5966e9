//! When a trial of a newer generation is over, and how: pure. Two kinds of trial have two rules.
//!
//! A *compared* trial (shadow, canary) asks both generations about the same events and counts conversations. It falls as
//! soon as a limit can no longer be kept within the conversations it needs: with 1 % of 200 allowed, at the third that
//! differs, however few there were before it. It is promoted once it has had enough of them within every limit.
//!
//! A *guarded* one acts for everybody at once while the previous generation stands by and is asked where it faults. There
//! is nothing to compare, so it is judged by its faults on events that the previous generation then handled: each of those
//! is the proof of a step back, and the first one ends it, since a build that is broken for every input must hurt nobody
//! for long, and one that is broken for 1 % of them shows it once in a hundred calls. A budget used up may have been a busy
//! machine, so of those it takes three; but only one as long as no call has ended well, since a build that never comes back
//! costs the machine a whole budget each time. A fault that both share is in the event and says nothing about the newer one.
//! Within the 500 calls that it needs, a build that breaks for 1 % of inputs is missed 7 times in 1,000.
use std::collections::HashSet;
use std::time::Duration;

/// Limits of a compared trial. Shares are percentages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Compared conversations after which it is promoted.
    pub enough: u64,
    /// Calls of the newer one that may fault.
    pub errors: f64,
    /// Calls of the newer one that may use up a budget.
    pub breaches: f64,
    /// Conversations in which both may differ.
    pub differences: f64,
    /// How many times the guest time of the base the newer one may take, on average.
    pub slower: f64,
}

impl Default for Limits {
    /// 200 conversations; 1 % errors, 1 % breaches, 1 % differences; twice as slow.
    fn default() -> Self {
        Self { enough: 200, errors: 1.0, breaches: 1.0, differences: 1.0, slower: 2.0 }
    }
}

/// Limits of a guarded trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuardLimits {
    /// Calls after which it is promoted.
    pub enough: u64,
    /// Faults at which it falls, budgets aside.
    pub faults: u64,
    /// Budgets used up at which it falls.
    pub breaches: u64,
}

impl Default for GuardLimits {
    /// 500 calls, the first fault, the third budget. The reasons stand at the head of this module.
    fn default() -> Self {
        Self { enough: 500, faults: 1, breaches: 3 }
    }
}

/// Less than this more per call is never "slower": nobody feels it, and small times jump by themselves.
const UNFELT: Duration = Duration::from_millis(1);

/// What a trial has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counts {
    /// Calls of the newer one.
    pub calls: u64,
    /// Calls of it that faulted, budgets aside, and where the base did not fault as well.
    pub faults: u64,
    /// Calls of it that used up a budget, where the base did not as well.
    pub breaches: u64,
    /// Conversations in which both were compared.
    pub conversations: u64,
    /// Conversations in which they differed at least once.
    pub differed: u64,
    /// Compared calls.
    pub compared: u64,
    /// Guest time of the base in them.
    pub base_guest: Duration,
    /// Guest time of the newer one in them.
    pub newer_guest: Duration,
}

/// How a trial stands. The reasons are sentences for an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    GoOn,
    /// The newer one takes over.
    Promote(String),
    /// The newer one goes.
    RollBack(String),
}

/// How many of so many a percentage allows. The small addend keeps 0.3 % of 1,000 from being 2.
fn allowed(percent: f64, of: u64) -> u64 {
    let many = (percent.max(0.0) / 100.0 * of as f64 + 1e-9).floor();
    many as u64
}

/// The verdict over a compared trial.
pub fn judge(counts: &Counts, limits: &Limits) -> Verdict {
    let needs = limits.enough.max(1);
    // Of calls there may be more than conversations; the limit is a share of all of them, and of at least that many.
    let calls = counts.calls.max(needs);
    for (what, of, count, percent, most) in [
        ("calls that failed", "calls", counts.faults, limits.errors, allowed(limits.errors, calls)),
        ("calls that used up a budget", "calls", counts.breaches, limits.breaches, allowed(limits.breaches, calls)),
        (
            "conversations decided differently",
            "conversations",
            counts.differed,
            limits.differences,
            allowed(limits.differences, counts.conversations.max(needs)),
        ),
    ] {
        if count > most {
            let had = if of == "calls" { counts.calls } else { counts.conversations };
            return Verdict::RollBack(format!(
                "{count} {what} among {had} {of}; {percent} % allows {most} of {}",
                if of == "calls" { calls } else { counts.conversations.max(needs) }
            ));
        }
    }
    if counts.conversations < needs {
        return Verdict::GoOn;
    }
    let (base, newer) = (mean(counts.base_guest, counts.compared), mean(counts.newer_guest, counts.compared));
    let factor = newer.as_secs_f64() / base.as_secs_f64().max(1e-9);
    if newer > base + UNFELT && factor > limits.slower {
        return Verdict::RollBack(format!(
            "{:.1} ms a call instead of {:.1} ms: {factor:.1} times as long, at most {} is allowed",
            newer.as_secs_f64() * 1e3,
            base.as_secs_f64() * 1e3,
            limits.slower
        ));
    }
    Verdict::Promote(format!(
        "{} conversations compared, {} decided differently; {} calls, {} failed, {} used up a budget",
        counts.conversations, counts.differed, counts.calls, counts.faults, counts.breaches
    ))
}

/// The verdict over a guarded trial.
pub fn judge_guarded(counts: &Counts, limits: &GuardLimits) -> Verdict {
    let among = counts.calls;
    if counts.faults >= limits.faults.max(1) {
        let count = counts.faults;
        return Verdict::RollBack(format!("{count} of {among} calls failed where the previous generation did not"));
    }
    let never_well = counts.breaches > 0 && counts.breaches + counts.faults >= counts.calls;
    if never_well || counts.breaches >= limits.breaches.max(1) {
        let count = counts.breaches;
        return Verdict::RollBack(format!(
            "{count} of {among} calls used up a budget where the previous generation did not"
        ));
    }
    if counts.calls < limits.enough {
        return Verdict::GoOn;
    }
    Verdict::Promote(format!("{among} calls, none that failed alone, {} that used up a budget", counts.breaches))
}

fn mean(sum: Duration, of: u64) -> Duration {
    sum.checked_div(u32::try_from(of).unwrap_or(u32::MAX)).unwrap_or_default()
}

/// How a call of the newer generation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It answered.
    Answered,
    /// It faulted: a trap, a broken contract, a fault it told of.
    Fault,
    /// It used up a budget.
    Breach,
    /// It failed through no doing of its own: the host could not run it, or the base failed on the same event.
    Excused,
}

/// How many conversations a tally tells apart; after that many it stops counting new ones.
pub const MOST_CONVERSATIONS: usize = 65_536;

/// Counts what a trial sees, in bounded memory: at most [`MOST_CONVERSATIONS`] numbers, twice.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    counts: Counts,
    compared: HashSet<u64>,
    differed: HashSet<u64>,
}

impl Tally {
    /// A call of the newer one ended.
    pub fn saw(&mut self, ended: Ended) {
        self.counts.calls += 1;
        match ended {
            Ended::Fault => self.counts.faults += 1,
            Ended::Breach => self.counts.breaches += 1,
            Ended::Answered | Ended::Excused => {}
        }
    }

    /// Both answered about the conversation of this key: whether differently, and the guest time of base and newer.
    pub fn compared(&mut self, key: u64, differs: bool, guest: (Duration, Duration)) {
        self.counts.compared += 1;
        self.counts.base_guest = self.counts.base_guest.saturating_add(guest.0);
        self.counts.newer_guest = self.counts.newer_guest.saturating_add(guest.1);
        if self.compared.len() < MOST_CONVERSATIONS {
            self.compared.insert(key);
        }
        if differs && self.compared.contains(&key) {
            self.differed.insert(key);
        }
        self.counts.conversations = self.compared.len() as u64;
        self.counts.differed = self.differed.len() as u64;
    }

    /// What it counted.
    pub fn counts(&self) -> Counts {
        self.counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GUEST: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(3));

    /// Numbers from a seed, each below `below`.
    fn numbers(mut seed: u64, below: u64) -> impl FnMut() -> u64 {
        move || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        }
    }

    /// A trial in which so many of 200 conversations differ, in an order that the seed says: the verdict, and after how
    /// many conversations it fell.
    fn run(seed: u64, differing: usize) -> (Verdict, u64) {
        let mut differs = [false; 200];
        let mut pick = numbers(seed, 200);
        while differs.iter().filter(|it| **it).count() < differing {
            differs[pick() as usize] = true;
        }
        let mut tally = Tally::default();
        for (key, differs) in differs.into_iter().enumerate() {
            tally.saw(Ended::Answered);
            tally.compared(key as u64, differs, GUEST);
            let verdict = judge(&tally.counts(), &Limits::default());
            if verdict != Verdict::GoOn {
                return (verdict, tally.counts().conversations);
            }
        }
        (Verdict::GoOn, 200)
    }

    proptest! {
        #[test]
        fn five_in_a_hundred_fall_before_the_two_hundredth_and_one_is_promoted_there(seed in any::<u64>()) {
            let (verdict, after) = run(seed, 10);
            prop_assert!(matches!(verdict, Verdict::RollBack(_)) && after < 200, "{verdict:?} after {after}");
            let (verdict, after) = run(seed, 2);
            prop_assert!(matches!(verdict, Verdict::Promote(_)) && after == 200, "{verdict:?} after {after}");
        }

        /// A verdict, once a limit is broken, does not depend on what comes after; and nothing within all limits falls.
        #[test]
        fn what_cannot_be_kept_any_more_falls_at_once(
            faults in 0u64..20, breaches in 0u64..20, differed in 0u64..20, conversations in 0u64..400, more in 0u64..400,
        ) {
            let limits = Limits::default();
            let conversations = conversations.max(differed);
            let calls = (conversations + more).max(faults + breaches);
            let counts = Counts { calls, faults, breaches, conversations, differed, ..Counts::default() };
            let broken = [(faults, calls), (breaches, calls), (differed, conversations)]
                .into_iter()
                .any(|(count, of)| count * 100 > of.max(limits.enough));
            match judge(&counts, &limits) {
                Verdict::RollBack(_) => prop_assert!(broken),
                Verdict::Promote(_) => prop_assert!(!broken && conversations >= limits.enough),
                Verdict::GoOn => prop_assert!(!broken && conversations < limits.enough),
            }
        }

        #[test]
        fn a_guarded_build_that_breaks_for_some_falls_at_the_first_it_breaks_for(at in 1u64..=500) {
            let mut tally = Tally::default();
            for call in 1..=500 {
                tally.saw(if call == at { Ended::Fault } else { Ended::Answered });
                match judge_guarded(&tally.counts(), &GuardLimits::default()) {
                    Verdict::GoOn => prop_assert!(call < at),
                    Verdict::RollBack(_) => { prop_assert_eq!(call, at); break }
                    Verdict::Promote(why) => prop_assert!(false, "promoted: {}", why),
                }
            }
        }
    }

    #[test]
    fn the_reasons_name_the_numbers() {
        let many = |counts| (judge(&counts, &Limits::default()), judge_guarded(&counts, &GuardLimits::default()));
        let at = |ms| Duration::from_millis(ms);
        let whole = Counts { calls: 600, conversations: 200, compared: 200, ..Counts::default() };
        let cases = [
            (Counts { differed: 3, conversations: 40, ..whole }, "3 conversations decided differently among 40"),
            (Counts { faults: 7, ..whole }, "7 calls that failed among 600 calls; 1 % allows 6 of 600"),
            (Counts { breaches: 7, ..whole }, "7 calls that used up a budget"),
            (
                Counts { base_guest: at(400), newer_guest: at(1_400), ..whole },
                "7.0 ms a call instead of 2.0 ms: 3.5 times",
            ),
        ];
        for (counts, want) in cases {
            assert!(matches!(many(counts).0, Verdict::RollBack(why) if why.contains(want)), "{counts:?}");
        }
        // Three times as long, but no millisecond more: nobody feels it.
        let small = Counts { base_guest: at(20), newer_guest: at(60), ..whole };
        assert!(matches!(many(small).0, Verdict::Promote(why) if why.starts_with("200 conversations compared, 0 ")));
        let guarded = many(Counts { faults: 1, calls: 9, ..Counts::default() }).1;
        assert!(matches!(guarded, Verdict::RollBack(why) if why.starts_with("1 of 9 calls failed")));
        let breaches = |breaches| many(Counts { breaches, calls: 9, ..Counts::default() }).1;
        assert_eq!(breaches(2), Verdict::GoOn);
        assert!(matches!(breaches(3), Verdict::RollBack(_)));
        let first = judge_guarded(&Counts { calls: 1, breaches: 1, ..Counts::default() }, &GuardLimits::default());
        assert!(matches!(first, Verdict::RollBack(_)), "nothing has ended well yet");
        assert!(matches!(many(Counts { calls: 500, breaches: 2, ..Counts::default() }).1, Verdict::Promote(_)));
    }

    #[test]
    fn a_conversation_that_differs_often_counts_once_and_memory_has_an_end() {
        let mut tally = Tally::default();
        for _ in 0..5 {
            tally.compared(7, true, GUEST);
        }
        assert_eq!((tally.counts().conversations, tally.counts().differed, tally.counts().compared), (1, 1, 5));
        for key in 0..2 * MOST_CONVERSATIONS as u64 {
            tally.compared(key, true, GUEST);
        }
        assert_eq!(tally.counts().differed, MOST_CONVERSATIONS as u64);
    }
}
