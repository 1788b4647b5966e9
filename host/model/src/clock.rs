//! The life of a clock: from its start over its warning to its breach, or to its stop before.
//!
//! What is left is kept as working time and not as a moment, so that it stays right while a clock stands still and when
//! its calendar changes. A clock without a calendar works always.
use crate::calendar::Calendar;
use crate::decision::Clock;
use crate::time::Timestamp;
use std::fmt;
use std::time::Duration;

/// Where a clock stands. The store's CHECK lists the same words.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum State {
    /// It runs, and has not warned.
    Running,
    /// It runs, and has warned.
    Warned,
    /// It stands still while the customer is asked, and has not warned.
    Paused,
    /// It stands still, and has warned.
    PausedWarned,
    /// Its time was up.
    Breached,
    /// Nobody waits for it any more.
    Stopped,
}

/// What can befall a clock.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Event {
    /// The share of its time passed at which it warns.
    Warn,
    /// Its time is up.
    Breach,
    /// The customer is asked.
    Pause,
    /// The customer answered, or is waited for no longer.
    Resume,
    /// A policy stopped it, or the conversation was closed.
    Stop,
}

/// The event does not fit the state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Illegal {
    /// Where it stood.
    pub state: State,
    /// What was asked.
    pub event: Event,
}

impl fmt::Display for Illegal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a clock that is {} cannot {:?}", self.state.as_str(), self.event)
    }
}

impl std::error::Error for Illegal {}

impl State {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::Running, Self::Warned, Self::Paused, Self::PausedWarned, Self::Breached, Self::Stopped];

    /// The word the store keeps.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Warned => "warned",
            Self::Paused => "paused",
            Self::PausedWarned => "paused-warned",
            Self::Breached => "breached",
            Self::Stopped => "stopped",
        }
    }

    /// The state of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether its time passes.
    pub fn runs(self) -> bool {
        matches!(self, Self::Running | Self::Warned)
    }

    /// What a clock that stands here does next by itself. `None`: it does not run.
    pub fn rings(self, clock: &Clock) -> Option<Event> {
        match self {
            Self::Running if clock.warn_at_percent > 0 => Some(Event::Warn),
            Self::Running | Self::Warned => Some(Event::Breach),
            _ => None,
        }
    }

    /// Whether it stands still.
    pub fn is_paused(self) -> bool {
        matches!(self, Self::Paused | Self::PausedWarned)
    }
}

/// Where an event leads. Total: every pair is answered. A breach is not taken back by a pause: it stays until the stop.
pub fn next(state: State, event: Event) -> Result<State, Illegal> {
    use State::*;
    match (state, event) {
        (Running, Event::Warn) => Ok(Warned),
        (Running | Warned, Event::Breach) => Ok(Breached),
        (Running, Event::Pause) => Ok(Paused),
        (Warned, Event::Pause) => Ok(PausedWarned),
        (Paused, Event::Resume) => Ok(Running),
        (PausedWarned, Event::Resume) => Ok(Warned),
        (Running | Warned | Paused | PausedWarned | Breached, Event::Stop) => Ok(Stopped),
        _ => Err(Illegal { state, event }),
    }
}

/// How a clock stands. Time runs from `since` as long as the state says so; a wall clock that went back in between took
/// nothing away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Standing {
    /// Where in its life.
    pub state: State,
    /// Since when `left` holds.
    pub since: Timestamp,
    /// The working time that was left then.
    pub left: Duration,
}

impl Standing {
    /// One that starts now, or stands still from its start.
    pub fn start(clock: &Clock, paused: bool, now: Timestamp) -> Self {
        let state = if paused { State::Paused } else { State::Running };
        Self { state, since: now, left: Duration::from_secs(clock.target.into()) }
    }

    /// What an event makes of it, on the calendar that it ran on until now.
    ///
    /// # Errors
    /// Where the event does not fit.
    pub fn after(self, event: Event, calendar: Option<&Calendar>, now: Timestamp) -> Result<Self, Illegal> {
        let state = next(self.state, event)?;
        Ok(match event {
            Event::Warn | Event::Breach | Event::Stop => Self { state, ..self },
            Event::Pause | Event::Resume => Self { state, ..self.taken(calendar, now) },
        })
    }

    /// The same with what passed until now taken off what is left: from here on it may run on another calendar.
    pub fn taken(self, calendar: Option<&Calendar>, now: Timestamp) -> Self {
        let passed = match calendar {
            _ if !self.state.runs() => Duration::ZERO,
            Some(calendar) => calendar.elapsed(self.since, now),
            None => now.since(self.since),
        };
        Self { since: now, left: self.left.saturating_sub(passed), ..self }
    }

    /// When its time is up if it runs on from here.
    pub fn due(&self, calendar: Option<&Calendar>) -> Timestamp {
        self.reaches(Duration::ZERO, calendar)
    }

    /// What it does next by itself, and when. `None`: it does not run.
    pub fn bell(&self, clock: &Clock, calendar: Option<&Calendar>) -> Option<(Event, Timestamp)> {
        let event = self.state.rings(clock)?;
        let percent = if event == Event::Warn { 100_u8.saturating_sub(clock.warn_at_percent) } else { 0 };
        let left = Duration::from_millis(u64::from(clock.target) * 10 * u64::from(percent));
        Some((event, self.reaches(left, calendar)))
    }

    /// When so much is left.
    fn reaches(&self, left: Duration, calendar: Option<&Calendar>) -> Timestamp {
        let working = self.left.saturating_sub(left);
        match calendar {
            Some(calendar) => calendar.due(self.since, working),
            None => self.since.after(working),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::{Period, Plan};

    #[test]
    fn every_pair_is_answered_as_the_table_says() {
        use Event::*;
        use State as S;
        let legal = [
            (S::Running, Warn, S::Warned),
            (S::Running, Breach, S::Breached),
            (S::Running, Pause, S::Paused),
            (S::Running, Stop, S::Stopped),
            (S::Warned, Breach, S::Breached),
            (S::Warned, Pause, S::PausedWarned),
            (S::Warned, Stop, S::Stopped),
            (S::Paused, Resume, S::Running),
            (S::Paused, Stop, S::Stopped),
            (S::PausedWarned, Resume, S::Warned),
            (S::PausedWarned, Stop, S::Stopped),
            (S::Breached, Stop, S::Stopped),
        ];
        for state in S::ALL {
            assert_eq!(S::parse(state.as_str()), Some(state));
            for event in [Warn, Breach, Pause, Resume, Stop] {
                let want = legal.iter().find(|(s, e, _)| (*s, *e) == (state, event)).map(|(_, _, to)| *to);
                assert_eq!(next(state, event).ok(), want, "{state:?} {event:?}");
            }
        }
    }

    fn clock(target: u32, warn_at_percent: u8) -> Clock {
        Clock { name: "answer".into(), target, calendar: None, warn_at_percent, pauses_for_customer: true }
    }

    /// Every day in UTC, from and to.
    fn daily(from: &str, to: &str) -> Calendar {
        let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].map(String::from).to_vec();
        let opening = vec![Period { days, from: from.into(), to: to.into() }];
        Calendar::new(Plan { zone: "UTC".into(), opening, ..Plan::default() }).expect("a calendar")
    }

    const HOUR: u64 = 3_600_000;

    #[test]
    fn a_pause_moves_the_warning_and_the_breach_by_as_long_as_it_took() {
        let clock = clock(100, 80);
        let it = Standing::start(&clock, false, Timestamp(0));
        assert_eq!(it.bell(&clock, None), Some((Event::Warn, Timestamp(80_000))));
        let it = it.after(Event::Pause, None, Timestamp(30_000)).expect("pauses");
        assert_eq!((it.state, it.left, it.bell(&clock, None)), (State::Paused, Duration::from_secs(70), None));
        let it = it.after(Event::Resume, None, Timestamp(1_000_000)).expect("resumes");
        assert_eq!(it.bell(&clock, None), Some((Event::Warn, Timestamp(1_050_000))));
        let it = it.after(Event::Warn, None, Timestamp(1_050_000)).expect("warns");
        assert_eq!(it.bell(&clock, None), Some((Event::Breach, Timestamp(1_070_000))));
        // What it rang before it stood still does not ring again.
        let it = it.after(Event::Pause, None, Timestamp(1_060_000)).expect("pauses");
        let it = it.after(Event::Resume, None, Timestamp(2_000_000)).expect("resumes");
        assert_eq!(it.bell(&clock, None), Some((Event::Breach, Timestamp(2_010_000))));
    }

    #[test]
    fn working_time_alone_counts_and_a_changed_calendar_takes_what_is_left() {
        let (clock, day) = (clock(4 * 3_600, 50), daily("09:00", "18:00"));
        let it = Standing::start(&clock, false, Timestamp(17 * HOUR));
        assert_eq!(it.bell(&clock, Some(&day)), Some((Event::Warn, Timestamp(34 * HOUR))));
        assert_eq!(it.due(Some(&day)), Timestamp(36 * HOUR));
        // In the night nothing passes, whatever calendar comes after.
        let it = it.taken(Some(&day), Timestamp(26 * HOUR));
        assert_eq!(it.left, Duration::from_secs(3 * 3_600));
        assert_eq!(it.due(Some(&daily("08:00", "10:00"))), Timestamp(57 * HOUR));
        assert_eq!(it.due(None), Timestamp(29 * HOUR));
    }

    #[test]
    fn a_wall_clock_that_goes_back_takes_nothing_away() {
        let clock = clock(100, 0);
        let it = Standing::start(&clock, false, Timestamp(50_000));
        let it = it.after(Event::Pause, None, Timestamp(10_000)).expect("pauses");
        assert_eq!((it.left, it.since), (Duration::from_secs(100), Timestamp(10_000)));
        assert_eq!(it.taken(None, Timestamp(99_000)).left, it.left, "it stands still");
        assert_eq!(Standing { left: Duration::from_secs(1), ..it }.bell(&clock, None), None);
    }
}
