//! What calendars answer: by hand where people would argue, and at random.
use super::*;
use jiff::civil::date;
use proptest::prelude::*;

const WEEK: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

fn period(days: &[&str], from: &str, to: &str) -> Period {
    Period { days: days.iter().map(ToString::to_string).collect(), from: from.into(), to: to.into() }
}

fn calendar(zone: &str, opening: Vec<Period>) -> Calendar {
    Calendar::new(Plan { zone: zone.into(), opening, ..Plan::default() }).expect("a calendar")
}

/// Working days with lunch, a week of holidays, and the Saturday after it that is worked.
fn shop() -> Calendar {
    let days = &WEEK[..5];
    Calendar::new(Plan {
        zone: "Asia/Shanghai".into(),
        opening: vec![period(days, "09:00", "12:00"), period(days, "13:00", "18:00")],
        holidays: vec!["2026-10-01/2026-10-07".into(), "2026-05-01".into()],
        working_days: vec![WorkingDay { date: "2026-10-10".into(), like: "fri".into() }],
    })
    .expect("a calendar")
}

/// A moment by its RFC 3339 form.
fn at(text: &str) -> Timestamp {
    unsigned(text.parse::<jiff::Timestamp>().expect("a moment").as_millisecond())
}

fn hours(n: u64) -> Duration {
    Duration::from_secs(n * 3_600)
}

#[test]
fn lunch_nights_weekends_holidays_and_a_worked_saturday_count_as_they_should() {
    let shop = shop();
    for (start, working, due) in [
        ("2026-09-28T09:00:00+08:00", hours(1), "2026-09-28T10:00:00+08:00"),
        ("2026-09-28T11:30:00+08:00", hours(1), "2026-09-28T13:30:00+08:00"),
        // What ends with a period ends there.
        ("2026-09-28T11:00:00+08:00", hours(1), "2026-09-28T12:00:00+08:00"),
        ("2026-09-28T12:30:00+08:00", hours(8), "2026-09-29T12:00:00+08:00"),
        // The evening before the holidays: on after them.
        ("2026-09-30T17:59:59+08:00", Duration::from_secs(2), "2026-10-08T09:00:01+08:00"),
        ("2026-10-09T17:00:00+08:00", hours(2), "2026-10-10T10:00:00+08:00"),
        ("2026-10-10T17:00:00+08:00", hours(2), "2026-10-12T10:00:00+08:00"),
        // D18: seven working days.
        ("2026-09-29T10:00:00+08:00", hours(56), "2026-10-14T10:00:00+08:00"),
    ] {
        assert_eq!(shop.due(at(start), working), at(due), "{start} {working:?}");
        assert_eq!(shop.elapsed(at(start), at(due)), working, "{start} {due}");
    }
    assert_eq!(shop.due(at("2026-10-03T03:00:00+08:00"), Duration::ZERO), at("2026-10-03T03:00:00+08:00"));
    assert_eq!(shop.next_open(at("2026-10-03T03:00:00+08:00")), Some(at("2026-10-08T09:00:00+08:00")));
    assert_eq!(shop.next_open(at("2026-10-08T11:59:59.999+08:00")), Some(at("2026-10-08T11:59:59.999+08:00")));
    for (moment, open) in [
        ("2026-10-08T08:59:59.999+08:00", false),
        ("2026-10-08T09:00:00+08:00", true),
        ("2026-10-08T12:00:00+08:00", false),
        ("2026-10-10T13:00:00+08:00", true),
        ("2026-05-01T10:00:00+08:00", false),
    ] {
        assert_eq!(shop.is_open(at(moment)), open, "{moment}");
    }
}

#[test]
fn a_night_belongs_to_the_day_it_begins_on_also_over_new_year() {
    let mut plan = calendar("Europe/Berlin", vec![period(&WEEK, "22:00", "06:00")]).plan;
    plan.holidays = vec!["2026-12-31".into(), "2026-05-01".into()];
    let night = Calendar::new(plan).expect("a calendar");
    assert_eq!(night.elapsed(at("2025-12-31T12:00:00Z"), at("2026-01-01T12:00:00Z")), hours(8));
    assert_eq!(night.elapsed(at("2026-12-31T12:00:00Z"), at("2027-01-01T12:00:00Z")), Duration::ZERO);
    assert!(night.is_open(at("2026-05-01T05:00:00+02:00")) && !night.is_open(at("2026-05-01T23:00:00+02:00")));
    // Periods that overlap or touch, over midnight and over New Year, count once.
    let always = calendar("Pacific/Apia", vec![period(&WEEK, "00:00", "24:00"), period(&WEEK, "12:00", "12:00")]);
    let (from, to) = (at("2011-12-01T00:00:00Z"), at("2030-03-01T00:00:00Z"));
    assert_eq!(always.elapsed(from, to), to.since(from));
    assert_eq!(always.due(from, to.since(from)), to);
}

#[test]
fn the_hour_that_is_left_out_and_the_hour_that_comes_twice() {
    // New York, 8 March 2026: 02:00 is 03:00; 1 November 2026: 02:00 is 01:00 once more.
    let spring = (at("2026-03-08T00:00:00-05:00"), at("2026-03-09T00:00:00-04:00"));
    let autumn = (at("2026-11-01T00:00:00-04:00"), at("2026-11-02T00:00:00-05:00"));
    for (from, to, in_spring, in_autumn) in [
        ("00:00", "24:00", 23 * 60, 25 * 60),
        ("01:00", "04:00", 120, 240),
        // Begins where the clock jumps; ends there.
        ("02:30", "04:00", 60, 90),
        ("01:30", "02:30", 30, 120),
        ("02:10", "02:50", 0, 40),
        // The first time that the clock says so.
        ("01:15", "01:45", 30, 30),
        ("00:30", "01:30", 60, 60),
        ("01:30", "03:00", 30, 150),
    ] {
        let it = calendar("America/New_York", vec![period(&["sun"], from, to)]);
        let open = |(from, to)| it.elapsed(from, to).as_secs() / 60;
        assert_eq!((open(spring), open(autumn)), (in_spring, in_autumn), "{from} to {to}");
    }
    // Samoa had no 30 December 2011.
    let samoa = calendar("Pacific/Apia", vec![period(&["fri"], "09:00", "17:00")]);
    let open = samoa.elapsed(at("2011-12-26T00:00:00Z"), at("2012-01-03T00:00:00Z"));
    assert_eq!(open, Duration::ZERO);
}

#[test]
fn a_calendar_has_an_end() {
    let shop = shop();
    let late = Timestamp(u64::MAX);
    assert_eq!(shop.due(late, hours(1)), NEVER);
    assert_eq!((shop.next_open(late), shop.is_open(late)), (None, false));
    assert_eq!(shop.due(at("2199-12-31T17:00:00+08:00"), hours(2)), NEVER);
    assert_eq!(shop.due(Timestamp(0), Duration::MAX), NEVER);
    assert_eq!(shop.elapsed(Timestamp(0), late).as_secs() % 3_600, 0);
    assert_eq!(shop.elapsed(late, Timestamp(0)), Duration::ZERO);
}

#[test]
fn every_fault_of_a_plan_is_told_with_its_place() {
    let plan = Plan {
        zone: "Asia/Shangai".into(),
        opening: vec![
            period(&["mon", "mo"], "9:00", "18:00"),
            period(&[], "24:00", "25:00"),
            period(&["tue"], "09:00", "12:60"),
        ],
        holidays: vec!["2026-02-30".into(), "2026-10-07/2026-10-01".into(), "20261001".into(), "2026-10-01/".into()],
        working_days: vec![
            WorkingDay { date: "10 Oct".into(), like: "friday".into() },
            WorkingDay { date: "2026-10-10".into(), like: "sun".into() },
        ],
    };
    let faults = Calendar::new(plan).expect_err("faults");
    let keys: Vec<_> = faults.iter().map(|fault| fault.key.as_str()).collect();
    let want = [
        "zone",
        "opening[0].from",
        "opening[0].days[1]",
        "opening[1].from",
        "opening[1].to",
        "opening[1].days",
        "opening[2].to",
        "holidays[0]",
        "holidays[1]",
        "holidays[2]",
        "holidays[3]",
        "working-days[0].date",
        "working-days[0].like",
        "working-days[1].like",
    ];
    assert_eq!(keys, want);
    assert_eq!(faults[0].what, "is \"Asia/Shangai\", expected a time zone by its IANA name, such as `Asia/Shanghai`");
    let empty = Calendar::new(Plan { zone: "UTC".into(), ..Plan::default() }).expect_err("never open");
    assert_eq!(empty[0].key, "opening");
    let day = |date: &str| WorkingDay { date: date.into(), like: "mon".into() };
    let twice = Plan { working_days: vec![day("2026-10-10"), day("2026-10-10")], ..shop().plan };
    assert_eq!(Calendar::new(twice).expect_err("twice")[0].key, "working-days[1].date");
}

/// Zones with and without summer time, at half hours, across the date line, with a change at midnight.
const ZONES: [&str; 8] = [
    "Asia/Shanghai",
    "America/New_York",
    "Europe/London",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "America/Santiago",
    "Africa/Casablanca",
];

prop_compose! {
    fn any_period()(
        days in prop::sample::subsequence(WEEK.to_vec(), 1..=7),
        from in 0..24 * 60_u16,
        to in 0..=24 * 60_u16,
    ) -> Period {
        let text = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        period(&days, &text(from), &text(to))
    }
}

prop_compose! {
    fn any_calendar()(
        zone in prop::sample::select(&ZONES[..]),
        opening in prop::collection::vec(any_period(), 1..4),
        holidays in prop::collection::vec((0..800_i32, 0..9_i32), 0..8),
        worked in prop::collection::btree_set(0..800_i32, 0..8),
    ) -> Calendar {
        let day = |n: i32| (date(2025, 1, 1) + jiff::Span::new().days(n)).to_string();
        let like = opening[0].days[0].clone();
        Calendar::new(Plan {
            zone: zone.into(),
            opening,
            holidays: holidays.into_iter().map(|(from, days)| format!("{}/{}", day(from), day(from + days))).collect(),
            working_days: worked.into_iter().map(|n| WorkingDay { date: day(n), like: like.clone() }).collect(),
        })
        .expect("a calendar")
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn due_and_elapsed_are_each_other_s_inverse(
        it in any_calendar(),
        start in 1_735_000_000_000..1_800_000_000_000_u64,
        working in 1..2_600_000_000_u64,
    ) {
        let (start, working) = (Timestamp(start), Duration::from_millis(working));
        let due = it.due(start, working);
        prop_assume!(due != NEVER);
        prop_assert_eq!(it.elapsed(start, due), working);
        // It is the first such moment, so somebody was there just before.
        let before = Timestamp(due.0 - 1);
        prop_assert_eq!(it.elapsed(start, before), working - Duration::from_millis(1));
        prop_assert!(it.is_open(before));
    }

    #[test]
    fn time_adds_up_and_never_goes_back(
        it in any_calendar(),
        mut moments in prop::array::uniform3(1_735_000_000_000..1_800_000_000_000_u64),
        one in 0..2_600_000_000_u64,
        other in 0..2_600_000_000_u64,
    ) {
        moments.sort_unstable();
        let [a, b, c] = moments.map(Timestamp);
        prop_assert_eq!(it.elapsed(a, b) + it.elapsed(b, c), it.elapsed(a, c));
        prop_assert!(it.elapsed(a, b) <= b.since(a));
        let (less, more) = (Duration::from_millis(one.min(other)), Duration::from_millis(one.max(other)));
        prop_assert!(it.due(a, less) <= it.due(a, more) && it.due(a, less) <= it.due(b, less));
        // Cut anywhere, it ends at the same moment.
        if more > Duration::ZERO {
            prop_assert_eq!(it.due(it.due(a, less), more - less).max(it.due(a, less)), it.due(a, more));
        }
        if let Some(open) = it.next_open(b) {
            prop_assert!(open >= b && it.is_open(open) && it.elapsed(b, open) == Duration::ZERO);
        }
    }
}
