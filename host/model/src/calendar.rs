//! Working time: when somebody is there, in which time zone, and what counts of the time between two moments.
//!
//! A period opens the first time that the clock on the wall reaches its beginning and closes the first time that it
//! reaches its end. That says what holds when the clock is put forward or back: a beginning inside the hour that is left
//! out is the moment of the change, an hour that comes twice counts twice inside a period that is longer, and a period
//! that would begin twice on one day begins once. Time zones are those of the database in the program, never the machine's.
mod read;
#[cfg(test)]
mod tests;
mod year;

use crate::Timestamp;
use crate::queue::NEVER;
use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;
use year::{FIRST, YEARS, Year};

/// A calendar in the words of the configuration.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Plan {
    /// The time zone, by its IANA name: `Asia/Shanghai`.
    pub zone: String,
    /// When somebody is there.
    pub opening: Vec<Period>,
    /// Days without periods: `2026-10-01`, or `2026-10-01/2026-10-07` for both and all between.
    pub holidays: Vec<String>,
    /// Dates that have the periods of another day of the week (调休), holidays or not.
    pub working_days: Vec<WorkingDay>,
}

/// A period of some days of the week. What goes past midnight belongs to the day it begins on: a holiday takes away the
/// night that begins on it, and leaves the end of the one before.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Period {
    /// `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`.
    pub days: Vec<String>,
    /// `09:00`.
    pub from: String,
    /// `18:00`, `24:00` for the end of the day; not after `from`: on the next day.
    pub to: String,
}

/// A date that is worked like a day of the week.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WorkingDay {
    /// `2026-10-10`.
    pub date: String,
    /// `fri`.
    pub like: String,
}

/// What is wrong in a [`Plan`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Where, as the configuration names it: `opening[1].from`.
    pub key: String,
    /// What stands there, and what was expected.
    pub what: String,
}

/// From and to in minutes after a day's midnight; to may lie on the next day.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Span {
    from: u16,
    to: u16,
}

/// A calendar that answers.
#[derive(Clone, Debug)]
pub struct Calendar {
    plan: Plan,
    zone: TimeZone,
    /// Monday first.
    week: [Vec<Span>; 7],
    /// Dates that differ from the week: whose periods they have, or none.
    dates: BTreeMap<Date, Option<Weekday>>,
    /// Worked out when they are first asked for.
    years: Box<[OnceLock<Year>]>,
}

const MINUTES_A_DAY: u16 = 24 * 60;

impl Calendar {
    /// Reads a plan.
    ///
    /// # Errors
    /// Every fault of it at once.
    pub fn new(plan: Plan) -> Result<Self, Vec<Fault>> {
        let read::Read { zone, week, dates } = read::read(&plan)?;
        let years = (0..YEARS).map(|_| OnceLock::new()).collect();
        Ok(Self { plan, zone, week, dates, years })
    }

    /// What it was made of.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The first moment by which so much working time has passed since `start`. Time that ends with a period ends there,
    /// not at the next opening. [`NEVER`] where the calendar's years do not have it.
    pub fn due(&self, start: Timestamp, working: Duration) -> Timestamp {
        let (at, mut left) = (signed(start), i64::try_from(working.as_millis()).unwrap_or(i64::MAX));
        if left == 0 {
            return start;
        }
        for year in self.years(at) {
            let done = year.open_until(at);
            let rest = year.open_until(i64::MAX) - done;
            if left <= rest {
                return unsigned(year.when(done + left));
            }
            left -= rest;
        }
        NEVER
    }

    /// The working time between two moments; none where the second is not later.
    pub fn elapsed(&self, from: Timestamp, to: Timestamp) -> Duration {
        let (from, to) = (signed(from), signed(to));
        let mut elapsed = 0;
        if from < to {
            for year in self.years(from).take_while(|year| year.begins_before(to)) {
                elapsed += year.open_until(to) - year.open_until(from);
            }
        }
        Duration::from_millis(elapsed.unsigned_abs())
    }

    /// The first moment from this one on at which somebody is there. `None`: not in the calendar's years.
    pub fn next_open(&self, at: Timestamp) -> Option<Timestamp> {
        let next = self.years(signed(at)).find_map(|year| year.open_after(signed(at)));
        next.map(|from| unsigned(from).max(at))
    }

    /// How far the calendar's place is ahead of UTC at a moment, in seconds; less than 0 where it is behind.
    pub fn utc_offset(&self, at: Timestamp) -> i32 {
        let at = jiff::Timestamp::from_millisecond(signed(at)).unwrap_or(jiff::Timestamp::MAX);
        self.zone.to_offset(at).seconds()
    }

    /// Whether somebody is there at this moment.
    pub fn is_open(&self, at: Timestamp) -> bool {
        self.next_open(at) == Some(at)
    }

    /// The years from the one before this moment's on: what begins in a year may end in the next one.
    fn years(&self, at: i64) -> impl Iterator<Item = &Year> {
        (year::before(at)..YEARS).filter_map(|index| Some(self.years.get(index)?.get_or_init(|| self.year(index))))
    }

    /// Works out a year of local dates.
    fn year(&self, index: usize) -> Year {
        let new_year = jiff::civil::date(FIRST + index as i16, 1, 1);
        let (before, days) = (new_year.yesterday(), new_year.series(jiff::Span::new().days(1)));
        let taken = before.ok().and_then(|day| self.periods(day).map(|(_, to)| to).max());
        let days = days.take_while(|day| day.year() == new_year.year());
        Year::new(days.flat_map(|day| self.periods(day)).collect(), taken.unwrap_or(i64::MIN))
    }

    /// The periods of a date, in milliseconds since the Unix epoch.
    fn periods(&self, day: Date) -> impl Iterator<Item = (i64, i64)> {
        let like = self.dates.get(&day).copied().unwrap_or(Some(day.weekday()));
        let spans = like.map_or(&[][..], |like| &self.week[index(like)]);
        spans.iter().filter_map(move |span| Some((self.reached(day, span.from)?, self.reached(day, span.to)?)))
    }

    /// When the clock on the wall first reaches this minute of a day. `None` only at the end of time.
    fn reached(&self, day: Date, minute: u16) -> Option<i64> {
        let day = if minute < MINUTES_A_DAY { day } else { day.tomorrow().ok()? };
        let minute = i16::try_from(minute % MINUTES_A_DAY).ok()?;
        let wall: DateTime = day.at((minute / 60) as i8, (minute % 60) as i8, 0, 0);
        let at = match self.zone.to_ambiguous_timestamp(wall).offset() {
            AmbiguousOffset::Unambiguous { offset } | AmbiguousOffset::Fold { before: offset, .. } => {
                offset.to_timestamp(wall).ok()?
            }
            // Read by the offset after the change, what was left out lies before the change.
            AmbiguousOffset::Gap { after, .. } => {
                let earlier = after.to_timestamp(wall).ok()?;
                self.zone.following(earlier).next()?.timestamp()
            }
        };
        Some(at.as_millisecond())
    }
}

/// Two calendars are the same where their plans are.
impl PartialEq for Calendar {
    fn eq(&self, other: &Self) -> bool {
        self.plan == other.plan
    }
}

/// Where a day of the week stands, Monday first.
fn index(day: Weekday) -> usize {
    usize::from(day.to_monday_zero_offset().unsigned_abs())
}

fn signed(at: Timestamp) -> i64 {
    i64::try_from(at.0).unwrap_or(i64::MAX)
}

/// A moment before the epoch is the epoch: nothing that is asked about is older.
fn unsigned(at: i64) -> Timestamp {
    Timestamp(u64::try_from(at).unwrap_or(0))
}
