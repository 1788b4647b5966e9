//! Out of hours: the calendar of the configuration, the real policy, a customer who is told when somebody is there.
#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]
use std::time::{SystemTime, UNIX_EPOCH};
use tributary_tests::{Desk, Mail, Relay};

const BOX: &str = "[[policy]]\nplugin = \"policy-message-box\"\nconfig-file = \"config/policy-message-box.toml\"\n";

/// A calendar in UTC that is open for an hour each day, beginning so many hours from now.
fn calendar(in_hours: u64) -> (String, String) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 3_600;
    let (from, to) = ((now + in_hours) % 24, (now + in_hours) % 24 + 1);
    let days = r#"["mon", "tue", "wed", "thu", "fri", "sat", "sun"]"#;
    let opening = format!("[{{ days = {days}, from = \"{from:02}:00\", to = \"{to:02}:00\" }}]");
    (format!("[calendar.service]\nzone = \"UTC\"\nopening = {opening}\n"), format!("{from:02}:00"))
}

/// A6, A7: once a night, with the hour of the calendar; the plan for the morning stands there as a note.
#[test]
fn out_of_hours_the_customer_is_told_once_when_somebody_is_there() {
    let relay = Relay::start();
    let (calendar, opens) = calendar(6);
    let mut desk = Desk::setup().relay(relay.port).with(&calendar).init().without_policy("policy-receipt");
    desk.configure(BOX);
    desk.serve();
    desk.deliver(&Mail::new("ann@mail.example", "Return", "I would like to return my shoes, they are too small."));
    let told = relay.wait_for("ann@mail.example", 1).remove(0);
    assert!(told.text().contains(&opens), "{opens} is not in\n{}", told.text());
    assert!(told.is_automatic());
    desk.deliver(&Mail::new("ann@mail.example", "Re: Return", "And what about the postage?"));
    desk.settled();
    assert_eq!(relay.count(), 1, "once a night");
    let notes = desk.api.details().iter().flat_map(|it| it["audit"].as_array().unwrap().clone()).collect::<Vec<_>>();
    let planned = notes.iter().any(|it| it["act"] == "noted" && it["actor"] == "policy:policy-message-box");
    assert!(planned, "{notes:?}");
}

/// In working time it says nothing; without its calendar it says which there are, and the mail waits for a person.
#[test]
fn in_working_time_and_without_a_calendar_nothing_is_sent() {
    let relay = Relay::start();
    let (open, _) = calendar(0);
    let mut desk = Desk::setup().relay(relay.port).with(&open).init().without_policy("policy-receipt");
    desk.configure(BOX);
    desk.serve();
    desk.deliver(&Mail::new("ann@mail.example", "Size", "Which size should I take?"));
    desk.settled();
    assert_eq!(relay.count(), 0);

    let mut desk = Desk::setup().init();
    desk.configure(BOX);
    desk.serve();
    desk.deliver(&Mail::new("bob@mail.example", "Size", "Which size should I take?"));
    desk.settled();
    let details = desk.api.details();
    let skipped = details[0]["audit"].as_array().unwrap().iter().find(|it| it["act"] == "skipped").unwrap();
    let why = skipped["why"].as_str().unwrap();
    assert!(why.contains("service") && why.contains("none"), "{why}");
    assert_eq!(desk.api.queue().len(), 1, "it waits all the same");
}
