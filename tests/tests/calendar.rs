//! Working time, beside somebody else's reckoning: Python's time zones, and a script that looks at every minute.
#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]
use std::fs::File;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tributary_model::Timestamp;
use tributary_model::calendar::{Calendar, Period, Plan, WorkingDay};
use tributary_tests::program;
use tributary_tests::random::Random;

const WEEK: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Zones with and without summer time, in both halves of the world, at half and at quarter hours, with changes by half an
/// hour, at midnight, and around a fast.
const ZONES: [&str; 10] = [
    "Asia/Shanghai",
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Chatham",
    "America/Santiago",
    "Africa/Casablanca",
    "Asia/Beirut",
    "America/St_Johns",
];

/// 1 January 2026 and 1 July 2027, UTC.
const WINDOW: (u64, u64) = (1_767_225_600_000, 1_814_400_000_000);

/// As many cases as there are calendars, times these.
const CALENDARS: usize = 80;
const CASES: usize = 1_250;

struct Make(Random);

impl Make {
    fn below(&mut self, end: u64) -> u64 {
        self.0.number() % end
    }

    /// A day of the window, and the one so many later.
    fn days(&mut self, later: u64) -> [String; 2] {
        let day = self.below(545);
        [day, day + later].map(|day| {
            let at = date_of(day);
            format!("{:04}-{:02}-{:02}", at.0, at.1, at.2)
        })
    }

    /// A minute of the day, often of the hours in which clocks are put forward and back.
    fn edge(&mut self) -> u64 {
        let hours = if self.below(2) == 0 { 4 } else { 24 };
        self.below(hours * 60)
    }

    /// Mornings and afternoons around a lunch, or anything, also over midnight.
    fn opening(&mut self) -> Vec<Period> {
        let minute = |minute: u64| format!("{:02}:{:02}", minute / 60, minute % 60);
        let period = |days: &[&str], from: u64, to: u64| Period {
            days: days.iter().map(ToString::to_string).collect(),
            from: minute(from),
            to: minute(to),
        };
        let week = &WEEK[..5 + self.below(3) as usize];
        let lunch = 660 + self.below(150);
        let mut opening = vec![
            period(week, 420 + self.below(180), lunch),
            period(week, lunch + 30 + self.below(60), 1_000 + self.below(441)),
        ];
        if self.below(2) == 0 {
            opening = (0..=self.below(3))
                .map(|_| {
                    let from = self.below(7) as usize;
                    let days = &WEEK[from..=from + self.below(7 - from as u64) as usize];
                    period(days, self.edge(), self.edge())
                })
                .collect();
        }
        opening
    }

    fn plan(&mut self, zone: &str) -> Plan {
        let opening = self.opening();
        let like = opening[0].days[0].clone();
        let holidays = (0..self.below(12)).map(|_| {
            let later = self.below(8);
            let [first, last] = self.days(later);
            if later == 0 { first } else { format!("{first}/{last}") }
        });
        let holidays = holidays.collect();
        let mut dates: Vec<String> = (0..self.below(12)).map(|_| self.days(0)[0].clone()).collect();
        dates.sort_unstable();
        dates.dedup();
        let working_days = dates.into_iter().map(|date| WorkingDay { date, like: like.clone() }).collect();
        Plan { zone: zone.into(), opening, holidays, working_days }
    }

    /// A start, a working time from a second to thirty days, short ones as often as long ones, and another moment.
    fn case(&mut self) -> (u64, u64, u64) {
        let (from, to) = WINDOW;
        let mut moment = || from + (self.0.number() << 8 | self.0.number() & 255) % (to - from);
        let (start, other) = (moment(), moment());
        let longest = 1_000 << self.below(22);
        (start, (1 + self.below(longest)).clamp(1_000, 30 * 86_400_000), other)
    }
}

/// Year, month and day so many days after the window's first.
fn date_of(days: u64) -> (u64, usize, u64) {
    let (mut year, mut rest) = (2026, days);
    while rest >= 365 {
        (year, rest) = (year + 1, rest - 365);
    }
    let mut month = 0;
    for length in [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if rest < length {
            break;
        }
        (month, rest) = (month + 1, rest - length);
    }
    (year, month + 1, rest + 1)
}

/// What Python says of a case: when the time has passed, what of the time to the second moment was worked, when somebody is
/// there.
type Said = (Option<u64>, u64, Option<u64>);

fn asked(plan: &Plan, cases: &[(u64, u64, u64)]) -> Value {
    let opening = plan.opening.iter().map(|it| json!({ "days": it.days, "from": it.from, "to": it.to }));
    let working_days = plan.working_days.iter().map(|it| json!({ "date": it.date, "like": it.like }));
    json!({
        "zone": plan.zone,
        "opening": opening.collect::<Vec<_>>(),
        "holidays": plan.holidays,
        "working-days": working_days.collect::<Vec<_>>(),
        "cases": cases,
    })
}

#[test]
fn a_hundred_thousand_cases_are_reckoned_as_python_reckons_them() {
    let mut make = Make(Random::moments());
    let made: Vec<_> = (0..CALENDARS)
        .map(|n| {
            let plan = make.plan(ZONES[n % ZONES.len()]);
            let cases: Vec<_> = (0..CASES).map(|_| make.case()).collect();
            (plan, cases)
        })
        .collect();
    let calendars: Vec<_> = made.iter().map(|(plan, cases)| asked(plan, cases)).collect();
    let mut question = tempfile::NamedTempFile::new().unwrap();
    serde_json::to_writer(&mut question, &json!({ "from": WINDOW.0, "to": WINDOW.1, "calendars": calendars })).unwrap();
    let said = Command::new(program::python())
        .arg(program::peer("working_time.py"))
        .stdin(Stdio::from(File::open(question.path()).unwrap()))
        .output()
        .unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let said: Vec<Vec<Said>> = serde_json::from_slice(&said.stdout).unwrap();

    let (mut compared, mut beyond) = (0, 0);
    for ((plan, cases), said) in made.into_iter().zip(said) {
        let it = Calendar::new(plan).unwrap();
        assert_eq!(said.len(), cases.len());
        for ((start, working, other), (due, elapsed, open)) in cases.into_iter().zip(said) {
            let within = |at: Option<Timestamp>| at.map(|at| at.0).filter(|at| *at <= WINDOW.1);
            let (from, to) = (Timestamp(start), Timestamp(other));
            let ours = (
                within(Some(it.due(from, Duration::from_millis(working)))),
                it.elapsed(from, to).as_millis() as u64,
                within(it.next_open(from)).filter(|at| *at < WINDOW.1),
            );
            assert_eq!(ours, (due, elapsed, open), "{:?}: {start} and {working} ms, to {other}", it.plan());
            assert_eq!(it.is_open(from), open == Some(start), "{:?}: {start}", it.plan());
            compared += 1;
            beyond += usize::from(due.is_none());
        }
    }
    assert_eq!(compared, CALENDARS * CASES);
    assert!(beyond < compared / 4, "{beyond} of {compared} cases ended where Python no longer looked");
}
