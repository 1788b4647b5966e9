//! A plan as it is written, read into what a calendar reckons with.
use super::{Fault, MINUTES_A_DAY, Plan, Span, index};
use jiff::civil::{Date, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use std::collections::BTreeMap;

/// The longest row of holidays: a longer one is a mistake in the year.
const LONGEST_HOLIDAYS: i64 = 366;

/// A plan without faults.
pub(super) struct Read {
    pub(super) zone: TimeZone,
    pub(super) week: [Vec<Span>; 7],
    pub(super) dates: BTreeMap<Date, Option<Weekday>>,
}

pub(super) fn read(plan: &Plan) -> Result<Read, Vec<Fault>> {
    let mut faults = Faults(Vec::new());
    let zone = TimeZoneDatabase::bundled().get(&plan.zone);
    if zone.is_err() {
        faults.note("zone".into(), &plan.zone, "a time zone by its IANA name, such as `Asia/Shanghai`");
    }
    let week = week(plan, &mut faults);
    let dates = dates(plan, &week, &mut faults);
    match zone {
        Ok(zone) if faults.0.is_empty() => Ok(Read { zone, week, dates }),
        _ => Err(faults.0),
    }
}

struct Faults(Vec<Fault>);

impl Faults {
    fn note(&mut self, key: String, found: &str, expected: &str) {
        self.0.push(Fault { key, what: format!("is {found:?}, expected {expected}") });
    }

    fn time(&mut self, key: String, text: &str) -> Option<u16> {
        let found = time(text);
        if found.is_none() {
            self.note(key, text, "a time such as `09:00`");
        }
        found
    }

    fn day(&mut self, key: String, text: &str) -> Option<Weekday> {
        let found = day(text);
        if found.is_none() {
            self.note(key, text, "a day: `mon`, `tue`, `wed`, `thu`, `fri`, `sat` or `sun`");
        }
        found
    }
}

fn week(plan: &Plan, faults: &mut Faults) -> [Vec<Span>; 7] {
    let mut week: [Vec<Span>; 7] = Default::default();
    if plan.opening.is_empty() {
        faults.0.push(Fault { key: "opening".into(), what: "is empty, expected one period at least".into() });
    }
    for (n, period) in plan.opening.iter().enumerate() {
        let key = |key: &str| format!("opening[{n}].{key}");
        let from = faults.time(key("from"), &period.from).filter(|from| {
            let in_day = *from < MINUTES_A_DAY;
            if !in_day {
                faults.note(key("from"), &period.from, "a time before `24:00`");
            }
            in_day
        });
        let to = faults.time(key("to"), &period.to);
        if period.days.is_empty() {
            faults.0.push(Fault { key: key("days"), what: "is empty, expected one day at least".into() });
        }
        for (m, text) in period.days.iter().enumerate() {
            let day = faults.day(format!("opening[{n}].days[{m}]"), text);
            if let (Some(day), Some(from), Some(to)) = (day, from, to) {
                let to = if to > from { to } else { to + MINUTES_A_DAY };
                week[index(day)].push(Span { from, to });
            }
        }
    }
    week
}

fn dates(plan: &Plan, week: &[Vec<Span>; 7], faults: &mut Faults) -> BTreeMap<Date, Option<Weekday>> {
    let mut dates = BTreeMap::new();
    for (n, text) in plan.holidays.iter().enumerate() {
        let key = format!("holidays[{n}]");
        let range = match text.split_once('/') {
            Some((first, last)) => date(first).zip(date(last)),
            None => date(text).map(|day| (day, day)),
        };
        let Some((first, last)) = range else {
            faults.note(key, text, "a date such as `2026-10-01`, or the first and the last with `/` between");
            continue;
        };
        if last < first || first.duration_until(last).as_hours() / 24 >= LONGEST_HOLIDAYS {
            faults.note(key, text, "a last date that is not before the first, 366 days at most");
            continue;
        }
        let days = first.series(jiff::Span::new().days(1)).take_while(|day| *day <= last);
        dates.extend(days.map(|day| (day, None)));
    }
    for (n, it) in plan.working_days.iter().enumerate() {
        let key = |key: &str| format!("working-days[{n}].{key}");
        let day = date(&it.date);
        if day.is_none() {
            faults.note(key("date"), &it.date, "a date such as `2026-10-10`");
        }
        let like = faults.day(key("like"), &it.like).filter(|like| {
            let worked = plan.opening.is_empty() || !week[index(*like)].is_empty();
            if !worked {
                faults.note(key("like"), &it.like, "a day that has a period");
            }
            worked
        });
        if let (Some(day), Some(like)) = (day, like)
            && let Some(Some(_)) = dates.insert(day, Some(like))
        {
            faults.note(key("date"), &it.date, "a date that does not stand there twice");
        }
    }
    dates
}

fn day(text: &str) -> Option<Weekday> {
    const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let at = DAYS.iter().position(|day| *day == text)?;
    Weekday::from_monday_zero_offset(i8::try_from(at).ok()?).ok()
}

/// Minutes after midnight of `HH:MM`, `24:00` included.
fn time(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |text: &str| {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<u16>().ok()).flatten()
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (hours < 24 && minutes < 60 || (hours, minutes) == (24, 0)).then_some(hours * 60 + minutes)
}

/// A date in the one form that is expected; the library would read others as well.
fn date(text: &str) -> Option<Date> {
    let digits = |(at, byte): (usize, u8)| if matches!(at, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() };
    let formed = text.len() == 10 && text.bytes().enumerate().all(digits);
    formed.then(|| text.parse().ok()).flatten()
}
