//! Whether somebody is there now (A6), and until when that holds: periods by day of the week, on the shop's own clock.
//!
//! There is no time zone database in a component, so the zone is an offset and one of three rules of summer time.
mod date;

use crate::config::{Config, Day, SummerTime};
use date::{MINUTES_A_DAY, days_of, parse_date, parse_offset, parse_time, weekday};
use std::collections::BTreeMap;
use tributary_sdk::PrepareError;

/// One minute, in the milliseconds of timestamps.
const MINUTE: i64 = 60_000;

/// How far ahead an opening is looked for, in days: longer than any row of holidays.
const AHEAD: i64 = 30;

/// Opening hours.
#[derive(Debug)]
pub struct Hours {
    /// Periods of each day of the week, Monday first: minutes after its midnight.
    week: [Vec<(i64, i64)>; 7],
    /// Dates, as days since 1970, that differ from the week: whose periods they have, or none.
    exceptions: BTreeMap<i64, Option<Day>>,
    offset: i64,
    summer: SummerTime,
}

/// What holds at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Somebody is there.
    pub open: bool,
    /// When that changes, in milliseconds since 1970; none: not within a month.
    pub until: Option<u64>,
}

impl Hours {
    /// Reads the configuration's periods.
    ///
    /// # Errors
    /// [`PrepareError`] with the key that makes no sense.
    pub fn new(config: &Config) -> Result<Self, PrepareError> {
        let mut week: [Vec<(i64, i64)>; 7] = Default::default();
        for period in &config.opening {
            let (from, to) = parse_time(&period.from)
                .zip(parse_time(&period.to))
                .filter(|(from, _)| *from < MINUTES_A_DAY)
                .ok_or_else(|| PrepareError::value("opening", "expected times such as `09:00`, up to `24:00`"))?;
            let to = if to > from { to } else { to + MINUTES_A_DAY };
            period.days.iter().for_each(|day| week[*day as usize].push((from, to)));
        }
        let mut exceptions = BTreeMap::new();
        let date = |key: &str, text: &str| {
            parse_date(text).ok_or_else(|| PrepareError::value(key, "expected dates such as `2026-10-01`"))
        };
        for text in &config.holidays {
            exceptions.insert(date("holidays", text)?, None);
        }
        for day in &config.working_days {
            exceptions.insert(date("working-days", &day.date)?, Some(day.like));
        }
        let offset = parse_offset(&config.utc_offset)
            .ok_or_else(|| PrepareError::value("utc-offset", "expected an offset such as `+08:00`"))?;
        Ok(Self { week, exceptions, offset, summer: config.summer_time })
    }

    /// Whether somebody is there at this moment.
    pub fn at(&self, now: u64) -> Now {
        if self.week.iter().all(Vec::is_empty) && self.exceptions.values().all(Option::is_none) {
            return Now { open: true, until: None };
        }
        let minute = i64::try_from(now).unwrap_or(i64::MAX) / MINUTE;
        let today = (minute + self.offset).div_euclid(MINUTES_A_DAY);
        let mut periods: Vec<(i64, i64)> = (today - 2..today + AHEAD).flat_map(|day| self.on(day)).collect();
        periods.sort_unstable();
        let mut open = false;
        let mut until = None;
        for (from, to) in periods {
            if open {
                // Periods that touch or overlap are one.
                if until.is_some_and(|end| from <= end) {
                    until = until.max(Some(to));
                }
            } else if from <= minute && minute < to {
                (open, until) = (true, Some(to));
            } else if from > minute && until.is_none() {
                until = Some(from);
                break;
            }
        }
        Now { open, until: until.and_then(|minute| u64::try_from(minute * MINUTE).ok()) }
    }

    /// The periods of a date, in minutes since 1970, UTC.
    fn on(&self, day: i64) -> Vec<(i64, i64)> {
        let like = match self.exceptions.get(&day) {
            Some(None) => return Vec::new(),
            Some(Some(like)) => *like as usize,
            None => weekday(day),
        };
        let utc = |minute: i64| {
            let standard = day * MINUTES_A_DAY + minute - self.offset;
            standard - if self.is_summer(standard - 60) { 60 } else { 0 }
        };
        self.week[like].iter().map(|(from, to)| (utc(*from), utc(*to))).collect()
    }

    /// Whether clocks are an hour ahead at a minute since 1970, UTC.
    fn is_summer(&self, minute: i64) -> bool {
        let (year, ..) = date::date_of(minute.div_euclid(MINUTES_A_DAY));
        let (start, end) = match self.summer {
            SummerTime::None => return false,
            SummerTime::Eu => {
                let last_sunday = |month| {
                    let last = days_of(year, month, 31);
                    last - (weekday(last) as i64 + 1) % 7
                };
                (last_sunday(3) * MINUTES_A_DAY + 60, last_sunday(10) * MINUTES_A_DAY + 60)
            }
            SummerTime::Us => {
                let first_sunday = |month| {
                    let first = days_of(year, month, 1);
                    first + 6 - weekday(first) as i64
                };
                let start = (first_sunday(3) + 7) * MINUTES_A_DAY + 120 - self.offset;
                (start, first_sunday(11) * MINUTES_A_DAY + 60 - self.offset)
            }
        };
        (start..end).contains(&minute)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn hours(keys: serde_json::Value) -> Result<Hours, PrepareError> {
        let mut config: toml::Table = include_str!("../config.toml").parse().unwrap();
        config.insert("origins".into(), toml::Value::Array(Vec::new()));
        let mut config = serde_json::to_value(config).unwrap();
        config.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
        Hours::new(&serde_json::from_value(config).unwrap())
    }

    /// A moment in milliseconds, from a date and a time in UTC.
    fn moment(date: &str, time: &str) -> u64 {
        let minutes = parse_date(date).unwrap() * MINUTES_A_DAY + parse_time(time).unwrap();
        u64::try_from(minutes * MINUTE).unwrap()
    }

    fn assert(hours: &Hours, at: (&str, &str), open: bool, until: (&str, &str)) {
        let expected = Now { open, until: Some(moment(until.0, until.1)) };
        assert_eq!(hours.at(moment(at.0, at.1)), expected, "{at:?}");
    }

    #[test]
    fn without_periods_somebody_is_always_there() {
        assert_eq!(hours(json!({})).unwrap().at(moment("2026-11-29", "03:00")), Now { open: true, until: None });
    }

    #[test]
    fn a_week_with_holidays_and_a_saturday_that_is_worked() {
        let hours = hours(json!({
            "opening": [{ "days": ["mon", "tue", "wed", "thu", "fri"], "from": "09:00", "to": "18:00" }],
            "holidays": ["2026-10-01", "2026-10-02", "2026-10-05", "2026-10-06", "2026-10-07"],
            "working-days": [{ "date": "2026-10-10", "like": "fri" }],
        }))
        .unwrap();
        assert(&hours, ("2026-09-30", "01:00"), true, ("2026-09-30", "10:00"));
        assert(&hours, ("2026-09-30", "00:59"), false, ("2026-09-30", "01:00"));
        // Golden Week: from Wednesday evening to Thursday of the next week.
        assert(&hours, ("2026-09-30", "10:00"), false, ("2026-10-08", "01:00"));
        assert(&hours, ("2026-10-10", "05:00"), true, ("2026-10-10", "10:00"));
        assert(&hours, ("2026-10-10", "10:00"), false, ("2026-10-12", "01:00"));
    }

    #[test]
    fn a_night_shift_and_periods_that_touch() {
        let hours = hours(json!({
            "opening": [
                { "days": ["fri"], "from": "22:00", "to": "06:00" },
                { "days": ["sat"], "from": "06:00", "to": "12:00" },
            ],
            "utc-offset": "+00:00",
        }))
        .unwrap();
        assert(&hours, ("2026-11-27", "23:00"), true, ("2026-11-28", "12:00"));
        assert(&hours, ("2026-11-28", "03:00"), true, ("2026-11-28", "12:00"));
        assert(&hours, ("2026-11-28", "12:00"), false, ("2026-12-04", "22:00"));
    }

    /// Changes of 2026 as the IANA database has them: Europe/Berlin 29 March and 25 October, America/New_York 8 March and
    /// 1 November.
    #[test]
    fn summer_time_moves_the_opening() {
        let every_day =
            json!([{ "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": "09:00", "to": "18:00" }]);
        let berlin = hours(json!({ "opening": every_day, "utc-offset": "+01:00", "summer-time": "eu" })).unwrap();
        assert(&berlin, ("2026-03-28", "20:00"), false, ("2026-03-29", "07:00"));
        assert(&berlin, ("2026-03-27", "20:00"), false, ("2026-03-28", "08:00"));
        assert(&berlin, ("2026-10-24", "20:00"), false, ("2026-10-25", "08:00"));
        assert(&berlin, ("2026-10-23", "20:00"), false, ("2026-10-24", "07:00"));
        let york = hours(json!({ "opening": every_day, "utc-offset": "-05:00", "summer-time": "us" })).unwrap();
        assert(&york, ("2026-03-07", "03:00"), false, ("2026-03-07", "14:00"));
        assert(&york, ("2026-03-08", "03:00"), false, ("2026-03-08", "13:00"));
        assert(&york, ("2026-10-31", "23:00"), false, ("2026-11-01", "14:00"));
        assert(&york, ("2026-10-31", "03:00"), false, ("2026-10-31", "13:00"));
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for (keys, key) in [
            (json!({ "opening": [{ "days": ["mon"], "from": "9", "to": "18:00" }] }), "opening"),
            (json!({ "opening": [{ "days": ["mon"], "from": "24:00", "to": "24:00" }] }), "opening"),
            (json!({ "holidays": ["2026-02-30"] }), "holidays"),
            (json!({ "working-days": [{ "date": "10 Oct", "like": "fri" }] }), "working-days"),
            (json!({ "utc-offset": "CST" }), "utc-offset"),
        ] {
            let error = hours(keys).unwrap_err().to_string();
            assert!(error.contains(&format!("`{key}`")), "{error}");
        }
    }
}
