//! Promises on a calendar of the configuration, kept by the real policy and the real daemon.
#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]
use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tributary_tests::{Desk, Mail, program, store, until};

const CARE: &str = r#"
    [calendar.care]
    zone = "Asia/Shanghai"
    opening = [
        { days = ["mon", "tue", "wed", "thu", "fri"], from = "09:00", to = "12:00" },
        { days = ["mon", "tue", "wed", "thu", "fri"], from = "13:00", to = "18:00" },
    ]
"#;

/// When the clock of a repair was started, and when it is breached.
fn repair(desk: &Desk) -> (i64, i64) {
    let connection = store::open(&desk.dir);
    let number = |column: &str| {
        store::number(&connection, &format!("SELECT {column} FROM clock WHERE name = 'repair-cycle'"), []) as i64
    };
    (number("started"), number("due"))
}

/// The same by Python: 56 hours of these periods from this moment on.
fn reckoned(start: i64, opening: &Value) -> i64 {
    const DAY: i64 = 86_400_000;
    let calendar = json!({
        "zone": "Asia/Shanghai", "opening": opening, "holidays": [], "working-days": [],
        "cases": [[start, 56 * 3_600_000_i64, start]],
    });
    let question = json!({ "from": start - DAY, "to": start + 30 * DAY, "calendars": [calendar] });
    let mut python = Command::new(program::python());
    python.arg(program::peer("working_time.py")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut python = python.spawn().unwrap();
    python.stdin.take().unwrap().write_all(question.to_string().as_bytes()).unwrap();
    let said: Value = serde_json::from_slice(&python.wait_with_output().unwrap().stdout).unwrap();
    said[0][0][0].as_i64().unwrap_or_else(|| panic!("{said}"))
}

fn periods(hours: &[(&str, &str)], days: &[&str]) -> Value {
    hours.iter().map(|(from, to)| json!({ "days": days, "from": from, "to": to })).collect()
}

#[test]
fn d18_a_repair_has_seven_working_days_and_goes_on_by_a_calendar_that_changed() {
    let mut desk = Desk::setup().with(CARE).init();
    let file = desk.dir.join("config/policy-service-clock.toml");
    let bundled = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("calendar = \"care\"\n{bundled}")).unwrap();
    desk.serve();
    desk.deliver(&Mail::new(
        "ann@mail.example",
        "Repair",
        "My kettle stopped working, I would like to have it repaired.",
    ));
    desk.settled();
    let week = ["mon", "tue", "wed", "thu", "fri"];
    let (started, due) = repair(&desk);
    assert_eq!(due, reckoned(started, &periods(&[("09:00", "12:00"), ("13:00", "18:00")], &week)));

    // Nobody had been there yet, or nearly: open around the clock, what is left is as long as it was.
    let every = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let opening = r#"[{ days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], from = "00:00", to = "24:00" }]"#;
    desk.configure(&format!("[calendar.care]\nopening = {opening}\n"));
    desk.signal("HUP");
    until("the clock to move", || if repair(&desk).1 == due { Err("it has not".into()) } else { Ok(()) });
    let moved = repair(&desk).1;
    let around_the_clock = reckoned(started, &periods(&[("00:00", "24:00")], &every));
    assert!(moved <= due && (moved - around_the_clock).abs() < 10 * 60_000, "{moved}, {around_the_clock}");
}

#[test]
fn d21_a_calendar_that_cannot_be_one_is_said_with_its_place() {
    let desk = Desk::setup().init();
    desk.configure(
        r#"
        [calendar.care]
        zone = "Asia/Peking"
        opening = [{ days = ["mon", "noday"], from = "9", to = "18:00" }]
        holidays = ["2026-02-30"]
        season = 1
        "#,
    );
    let output = desk.run(&["check"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(64), "{said}");
    for words in [
        "calendar.care.zone: is \"Asia/Peking\"",
        "calendar.care.opening[0].days[1]: is \"noday\"",
        "calendar.care.opening[0].from: is \"9\"",
        "calendar.care.holidays[0]: is \"2026-02-30\"",
        "calendar.care.season",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
}
