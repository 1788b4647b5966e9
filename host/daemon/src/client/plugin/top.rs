//! `tributary plugin top`: what plugins cost, the most expensive first.
use super::Common;
use super::say::text;
use super::show::{state, unwell};
use crate::client::http::{Api, ClientError};
use crate::client::table::Table;
use crate::client::text::{bytes, count, micros};
use crate::client::{Page, Style, write};
use serde_json::Value;
use std::collections::HashMap;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// How often it is redrawn.
const EACH: Duration = Duration::from_secs(1);

/// Moves to the first place of the screen, and clears what is below once the new picture stands.
const HOME: &str = "\x1b[H";
const BELOW: &str = "\x1b[J";

/// What a generation had cost at a moment: calls, and microseconds inside the guest.
type Seen = HashMap<i64, (u64, u64)>;

/// Prints one table, or one each second until the program is told to end.
pub(super) fn run(common: &Common, once: bool) -> anyhow::Result<()> {
    let api = common.api()?;
    let places = api.get("/plugins")?;
    if once || common.json || !std::io::stdout().is_terminal() {
        return common.print(&places, |page| table(page, &rows(&places, None)));
    }
    write("\x1b[2J")?;
    let (mut seen, mut at) = (costs(&places), Instant::now());
    let mut shown = rows(&places, None);
    let mut trouble = None;
    loop {
        draw(&shown, trouble.as_deref())?;
        std::thread::sleep(EACH);
        match look(&api) {
            Ok(places) => {
                let (now, elapsed) = (costs(&places), at.elapsed());
                shown = rows(&places, Some((&seen, elapsed)));
                (seen, at, trouble) = (now, Instant::now(), None);
            }
            // A daemon that restarts is waited for; a token that is out of use is not.
            Err(error @ (ClientError::Unreachable { .. } | ClientError::Busy(_))) => trouble = Some(error.to_string()),
            Err(error) => return Err(error.into()),
        }
    }
}

fn look(api: &Api) -> Result<Value, ClientError> {
    api.get("/plugins")
}

fn draw(rows: &[Row], trouble: Option<&str>) -> anyhow::Result<()> {
    let mut page = Page::new();
    table(&mut page, rows);
    if let Some(trouble) = trouble {
        page.line(&page.styled(Style::Alarm, trouble));
    }
    // Each line clears what was longer before it, so that nothing flickers.
    let text = page.text.replace('\n', "\x1b[K\n");
    write(&format!("{HOME}{text}{BELOW}"))
}

/// The generations of a place that are loaded, each once.
fn loaded(place: &Value) -> Vec<&Value> {
    let standing = place["standing_by"].as_array().into_iter().flatten();
    let all = [&place["live"], &place["trial"]["generation"]].into_iter().chain(standing);
    let mut found: Vec<&Value> = Vec::new();
    for generation in all.filter(|generation| generation["sight"].is_object()) {
        if !found.iter().any(|known| known["generation"] == generation["generation"]) {
            found.push(generation);
        }
    }
    found
}

fn places_of(places: &Value) -> impl Iterator<Item = &Value> {
    places["items"].as_array().into_iter().flatten()
}

fn costs(places: &Value) -> Seen {
    let cost = |generation: &Value| {
        let sight = &generation["sight"];
        let number = |key: &str| sight[key].as_u64().unwrap_or_default();
        (generation["generation"].as_i64().unwrap_or_default(), (number("calls"), number("guest_total_us")))
    };
    places_of(places).flat_map(loaded).map(cost).collect()
}

/// One line of the table.
struct Row {
    cells: [String; 14],
    alarm: bool,
    /// Microseconds inside the guest: since the last look, or since it was loaded.
    guest: u64,
}

fn rows(places: &Value, before: Option<(&Seen, Duration)>) -> Vec<Row> {
    let mut rows = Vec::new();
    for place in places_of(places) {
        for generation in loaded(place) {
            let sight = &generation["sight"];
            let number = |key: &str| sight[key].as_u64().unwrap_or_default();
            let id = generation["generation"].as_i64().unwrap_or_default();
            let (calls, guest) = (number("calls"), number("guest_total_us"));
            let was = before.map(|(seen, elapsed)| (seen.get(&id).copied().unwrap_or_default(), elapsed));
            let (per_second, cpu, spent) = match was {
                Some(((calls_then, guest_then), elapsed)) => {
                    let spent = guest.saturating_sub(guest_then);
                    let (seconds, more) = (elapsed.as_secs_f64().max(0.001), calls.saturating_sub(calls_then));
                    (format!("{:.0}", more as f64 / seconds), format!("{:.1} %", spent as f64 / seconds / 1e4), spent)
                }
                None => (String::new(), String::new(), guest),
            };
            let live = generation["generation"] == place["live"]["generation"];
            let faults: u64 =
                ["guest", "trap", "budget", "host"].iter().filter_map(|kind| sight["faults"][kind].as_u64()).sum();
            let parked = place["parked"].as_u64().filter(|parked| live && *parked > 0);
            let time =
                |key: &str| if calls > 0 { micros(sight[key].as_f64().unwrap_or_default()) } else { String::new() };
            rows.push(Row {
                cells: [
                    text(&place["place"]),
                    text(&generation["version"]),
                    id.to_string(),
                    if live { state(place) } else { text(&generation["state"]) },
                    if live { text(&place["breaker"]["state"]) } else { String::new() },
                    cpu,
                    String::new(),
                    per_second,
                    count(calls),
                    time("guest_p50_us"),
                    time("guest_p99_us"),
                    if calls > 0 { micros(number("host_total_us") as f64 / calls as f64) } else { String::new() },
                    if calls > 0 { bytes(number("memory_high")) } else { String::new() },
                    match (faults, parked) {
                        (0, None) => String::new(),
                        (faults, None) => format!("{} failed", count(faults)),
                        (faults, Some(parked)) => format!("{} failed, {} parked", count(faults), count(parked)),
                    },
                ],
                alarm: live && unwell(place),
                guest: spent,
            });
        }
    }
    let all: u64 = rows.iter().map(|row| row.guest).sum();
    for row in &mut rows {
        // Also where nothing was spent: columns that come and go are hard to read.
        row.cells[6] = format!("{:.0} %", row.guest as f64 * 100.0 / all.max(1) as f64);
    }
    // Stable: places that cost nothing stay in the order of the configuration.
    rows.sort_by_key(|row| std::cmp::Reverse(row.guest));
    rows
}

fn table(page: &mut Page, rows: &[Row]) {
    let mut table = Table::new(&[
        ("PLACE", 32),
        ("VERSION", 12),
        ("GEN", 6),
        ("STATE", 9),
        ("BREAKER", 9),
        ("CPU", 8),
        ("SHARE", 6),
        ("CALLS/S", 8),
        ("CALLS", 12),
        ("P50", 8),
        ("P99", 8),
        ("HOST", 8),
        ("MEMORY", 10),
        ("TROUBLE", 30),
    ]);
    for row in rows {
        let style = |at: usize| match at {
            0 => Some(Style::Strong),
            4 | 13 if row.alarm => Some(Style::Alarm),
            _ => None,
        };
        let mut at = 0..;
        table.row(row.cells.clone().map(|cell| (cell, at.next().and_then(style))));
    }
    table.write(page);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn generation(number: i64, calls: u64, guest: u64) -> Value {
        json!({"generation": number, "version": "0.1.0", "state": "live", "sight": {
            "calls": calls, "guest_p50_us": 100.0, "guest_p99_us": 900.0, "guest_total_us": guest, "host_total_us": 1_000,
            "memory_high": 2_097_152, "faults": {"guest": 0, "trap": 2, "budget": 0, "host": 0}}})
    }

    fn places(email: (u64, u64), triage: (u64, u64)) -> Value {
        let breaker = json!({"state": "closed"});
        json!({"items": [
            {"place": "channel/email", "enabled": true, "parked": 0, "breaker": breaker, "live": generation(1, email.0, email.1),
             "trial": {"generation": generation(1, email.0, email.1)}, "standing_by": []},
            {"place": "policy/policy-triage", "enabled": true, "parked": 3, "breaker": {"state": "open"},
             "live": generation(2, triage.0, triage.1), "trial": null, "standing_by": [{"generation": 9, "sight": null}]},
        ]})
    }

    #[test]
    fn the_most_expensive_stands_first_and_none_stands_twice() {
        let then = places((100, 90_000), (100, 10_000));
        let first =
            |rows: &[Row]| rows.iter().map(|row| (row.cells[0].clone(), row.cells[6].clone())).collect::<Vec<_>>();
        let email = ("channel/email".to_owned(), "90 %".to_owned());
        let triage = ("policy/policy-triage".to_owned(), "10 %".to_owned());
        assert_eq!(first(&rows(&then, None)), [email, triage]);
        // In the second after, the other one worked more.
        let now = places((110, 100_000), (300, 240_000));
        let rows = rows(&now, Some((&costs(&then), Duration::from_secs(1))));
        assert_eq!(rows[0].cells[0], "policy/policy-triage");
        assert_eq!((rows[0].cells[5].as_str(), rows[0].cells[7].as_str()), ("23.0 %", "200"));
        assert!(rows[0].alarm && rows[0].cells[13] == "2 failed, 3 parked");
        assert_eq!(rows.len(), 2);
    }
}
