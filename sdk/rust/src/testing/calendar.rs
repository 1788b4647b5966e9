//! A calendar for tests: the same hours on the first days of every week.
use serde::Deserialize;

use crate::host::calendar::{CalendarError, Moment};

/// From Monday on, so many days a week, from one hour of the day to another.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FakeCalendar {
    /// Days a week, 1 to 7.
    pub days: u32,
    /// The hour work begins.
    pub from: u32,
    /// The hour it ends, 24 at most.
    pub to: u32,
    /// How far the place is ahead of UTC, in seconds.
    #[serde(default)]
    pub utc_offset: i32,
}

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

impl FakeCalendar {
    /// What `calendar.after` answers; with no time at all, the first moment of working time.
    pub(super) fn after(&self, at: u64, seconds: u32) -> Result<Moment, CalendarError> {
        let offset = i64::from(self.utc_offset) * 1_000;
        let local = i64::try_from(at).unwrap_or(i64::MAX / 2) + offset;
        let mut left = i64::from(seconds) * 1_000;
        // The epoch was a Thursday. No time that fits in 32 bits of seconds is longer away than this.
        let days = (local / DAY..).take(400_000).filter(|day| (day + 3).rem_euclid(7) < i64::from(self.days));
        for day in days {
            let (from, to) = (day * DAY + i64::from(self.from) * HOUR, day * DAY + i64::from(self.to) * HOUR);
            let begin = from.max(local);
            if begin >= to {
                continue;
            }
            if left <= to - begin {
                let at = u64::try_from(begin + left - offset).unwrap_or_default();
                return Ok(Moment { at, utc_offset: self.utc_offset });
            }
            left -= to - begin;
        }
        Err(CalendarError::Never)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn working_time_passes_in_working_hours_only() {
        let shop = FakeCalendar { days: 5, from: 9, to: 18, utc_offset: 28_800 };
        let at = |moment: &str| moment.parse::<u64>().unwrap() * 1_000;
        // Friday 2025-10-10 17:00 in Shanghai.
        let friday = at("1760086800");
        assert_eq!(shop.after(friday, 0).unwrap().at, friday);
        assert_eq!(shop.after(friday, 3_600).unwrap().at, friday + 3_600_000);
        // Monday, 10:00.
        assert_eq!(shop.after(friday, 7_200).unwrap().at, friday + (2 * 24 + 17) * 3_600_000);
        let saturday = friday + 24 * 3_600_000;
        assert_eq!(shop.after(saturday, 0).unwrap().at, friday + (2 * 24 + 16) * 3_600_000);
        let never = FakeCalendar { days: 0, ..shop };
        assert_eq!(never.after(friday, 0), Err(CalendarError::Never));
    }
}
