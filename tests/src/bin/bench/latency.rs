//! How long a mail takes until whoever follows the queue sees it.
use std::collections::HashMap;
use std::time::{Duration, Instant};

use tributary_tests::Desk;
use tributary_tests::events::Events;
use tributary_tests::load::{Load, Sink, number_of};
use tributary_tests::store;

use crate::figure::{percentiles, row};

/// Half a minute at the pace that is asked for.
const MAILS: usize = 30_000;

/// Send at a steady pace, follow the live events, match both by the conversation.
pub fn run() {
    let sink = Sink::start();
    let desk = Desk::setup().relay(sink.port).with("[log]\nfilter = \"warn\"\n").start();
    let load = Load { connections: 50, messages: MAILS, per_second: Some(1_000), first: 0 };
    Load { messages: 1_000, first: 1_000_000, ..load }.send(&desk.smtp);
    desk.settled();
    let events = Events::follow(&desk.http, &desk.token);
    let taken = load.send(&desk.smtp);
    desk.settled();

    let connection = store::open(&desk.dir);
    let conversations: HashMap<i64, usize> =
        store::texts(&connection, "SELECT conversation || ' ' || external_id FROM message WHERE digest IS NOT NULL")
            .iter()
            .filter_map(|pair| pair.split_once(' '))
            .filter_map(|(conversation, id)| Some((conversation.parse().ok()?, number_of(id)?)))
            .collect();
    let ends: HashMap<usize, Instant> = taken.iter().map(|mail| (mail.number, mail.end_of_data)).collect();
    // The first event of a conversation shows it in the queue; the last decision shows where it stands there.
    let (mut shown, mut decided) = (HashMap::new(), HashMap::new());
    let mut expected = MAILS;
    while expected > 0 {
        let Some(event) = events.until(Duration::from_secs(10), |_| true) else { break };
        let Some(end) = event.conversation.and_then(|id| conversations.get(&id)).and_then(|number| ends.get(number))
        else {
            continue;
        };
        let late = event.at.saturating_duration_since(*end);
        shown.entry(event.conversation).or_insert(late);
        if event.act == "decided" && decided.insert(event.conversation, late).is_none() {
            expected -= 1;
        }
    }
    // What is left of the last conversations' decisions.
    for event in events.so_far() {
        let end = event.conversation.and_then(|id| conversations.get(&id)).and_then(|number| ends.get(number));
        if let (Some(end), "decided") = (end, event.act.as_str()) {
            decided.insert(event.conversation, event.at.saturating_duration_since(*end));
        }
    }
    let mut acknowledged: Vec<Duration> = taken.iter().map(|mail| mail.acknowledged - mail.end_of_data).collect();
    let (mut shown, mut decided): (Vec<_>, Vec<_>) = (shown.into_values().collect(), decided.into_values().collect());
    row("mails", taken.len().to_string(), "");
    row("seen by a follower of the queue", shown.len().to_string(), "all");
    percentiles("end of DATA to 250", &mut acknowledged, "");
    percentiles("end of DATA to visible in the queue", &mut shown, "at most 20 ms");
    percentiles("end of DATA to decided, at a follower", &mut decided, "");
}
