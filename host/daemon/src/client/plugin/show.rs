//! Places for people: all on a page, one with its past, and what a trial decided differently.
use super::place::short;
use super::say::text;
use crate::client::table::Table;
use crate::client::text::{bytes, count, lines, micros, moment, plain, seconds_to, span};
use crate::client::{Page, Style};
use serde_json::Value;

fn list_of(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

fn p99(sight: &Value) -> String {
    sight["guest_p99_us"].as_f64().filter(|_| number(&sight["calls"]) > 0).map(micros).unwrap_or_default()
}

/// Whether somebody has to look at it.
pub(super) fn unwell(place: &Value) -> bool {
    place["live"].is_null() || !matches!(place["breaker"]["state"].as_str(), Some("closed" | "disabled"))
}

/// What acts there: the state of the live generation, or why there is none.
pub(super) fn state(place: &Value) -> String {
    match (place["enabled"] == false, place["live"].is_null()) {
        (true, _) => "disabled".to_owned(),
        (false, true) => "empty".to_owned(),
        (false, false) => text(&place["live"]["state"]),
    }
}

/// What is tried and how: `0.2.0 canary 10 %`.
fn tried(place: &Value) -> String {
    let trial = &place["trial"];
    let version = text(&trial["generation"]["version"]);
    match trial["mode"].as_str() {
        None => String::new(),
        // It acts already, so its version stands there.
        Some("guard") => "guard".to_owned(),
        Some("canary") => format!("{version} canary {} %", trial["share"]),
        Some(mode) => format!("{version} {}", plain(mode)),
    }
}

/// What a trial counted that speaks against it.
fn against(trial: &Value) -> String {
    [("different", "different"), ("faults", "failed")]
        .iter()
        .map(|(key, what)| (number(&trial[*key]), what))
        .filter(|(many, _)| *many > 0)
        .map(|(many, what)| format!(", {} {what}", count(many)))
        .collect()
}

/// A trial in a few words.
fn trial(place: &Value) -> String {
    let trial = &place["trial"];
    let enough = number(&trial["enough"]);
    let seen = match trial["mode"].as_str() {
        None => return String::new(),
        Some("guard") => format!("{} of {} calls", count(number(&trial["calls"]).min(enough)), count(enough)),
        Some(_) => format!("{} of {}", count(number(&trial["conversations"])), count(enough)),
    };
    format!("{}, {seen}{}", tried(place), against(trial))
}

/// `tributary plugin list`
pub(super) fn list(page: &mut Page, places: &Value) {
    let items = list_of(&places["items"]);
    if items.is_empty() {
        return page.line("No place is named; [[channel]] and [[policy]] in tributary.toml name them.");
    }
    let mut table = Table::new(&[
        ("PLACE", 32),
        ("PLUGIN", 24),
        ("VERSION", 14),
        ("GEN", 6),
        ("STATE", 9),
        ("BREAKER", 9),
        ("CALLS", 12),
        ("P99", 8),
        ("PARKED", 8),
        ("TRIAL", 48),
    ]);
    for place in items {
        let live = &place["live"];
        let alarm = unwell(place).then_some(Style::Alarm);
        let parked = number(&place["parked"]);
        table.row([
            (text(&place["place"]), Some(Style::Strong)),
            (text(&place["plugin"]), None),
            (text(&live["version"]), None),
            (live["generation"].as_i64().map(|number| number.to_string()).unwrap_or_default(), None),
            (state(place), alarm),
            (text(&place["breaker"]["state"]), alarm),
            (live["sight"]["calls"].as_u64().map(count).unwrap_or_default(), None),
            (p99(&live["sight"]), None),
            (if parked > 0 { count(parked) } else { String::new() }, alarm),
            (trial(place), None),
        ]);
    }
    table.write(page);
    for place in items {
        for line in [cause(place), refused(place)].into_iter().flatten() {
            page.line("");
            page.line(&line);
            page.line(
                &page.styled(Style::Faint, &format!("  tributary plugin show {}", short(&text(&place["place"])))),
            );
        }
    }
}

/// Why a place is held up, in one sentence that names plugin, version, cause and what is parked.
fn cause(place: &Value) -> Option<String> {
    if !unwell(place) {
        return None;
    }
    let (name, plugin, version) = (text(&place["place"]), text(&place["plugin"]), text(&place["live"]["version"]));
    if place["live"].is_null() {
        return Some(format!("{name}: nothing acts here."));
    }
    let why = place["breaker"]["last_fault"]["why"].as_str().map(|why| format!(": {}", plain(why))).unwrap_or_default();
    let parked = count(number(&place["parked"]));
    Some(match place["breaker"]["state"].as_str() {
        Some("draining") => {
            format!("{name}: {plugin} {version} is back; the {parked} that are parked are worked off in order.")
        }
        Some("half-open") => format!("{name}: {plugin} {version} is tried with one event; {parked} parked{why}"),
        Some("evicted") => {
            format!("{name}: {plugin} {version} failed too often and is not tried any more; {parked} parked{why}")
        }
        _ => format!("{name}: {plugin} {version} is held up; {parked} parked{why}"),
    })
}

fn refused(place: &Value) -> Option<String> {
    let refused = &place["refused"];
    let what = refused["what"].as_str()?;
    Some(format!("{}: {} does not act: {}", text(&place["place"]), plain(what), text(&refused["why"])))
}

/// `tributary plugin show`
pub(super) fn one(page: &mut Page, it: &Value, now: jiff::Timestamp) {
    let name = text(&it["place"]);
    let live = &it["live"];
    page.line(&page.styled(Style::Strong, &name));
    let mut row = |head: &str, words: String, style: Option<Style>| {
        if !words.is_empty() {
            let head = page.styled(Style::Faint, &format!("{head:<12}"));
            let words = style.map_or(words.clone(), |style| page.styled(style, &words));
            page.line(&format!("{head}{words}"));
        }
    };
    let since = |value: &Value| value.as_str().map(moment).unwrap_or_default();
    row("plugin", format!("{} {}", text(&it["plugin"]), text(&live["version"])), None);
    if live.is_null() {
        row("state", "empty: nothing acts here".to_owned(), Some(Style::Alarm));
    } else {
        row("generation", format!("{}, {} since {}", live["generation"], state(it), since(&live["since"])), None);
    }
    row("package", text(&live["digest"]), None);
    row("contract", text(&live["contract"]), None);
    row("signed by", text(&live["signer"]), None);
    breaker(&mut row, it, now);
    let parked = number(&it["parked"]);
    if parked > 0 {
        row("parked", format!("{}; worked off in order when it is back", count(parked)), Some(Style::Alarm));
    }
    let on_trial = &it["trial"];
    if !on_trial.is_null() {
        row("trial", format!("{}: {}{}", tried(it), text(&on_trial["verdict"]), against(on_trial)), None);
    }
    row("refused", refused(it).unwrap_or_default(), Some(Style::Alarm));
    row("cost", cost(&live["sight"]), None);
    for (head, key) in [("services", "services"), ("secrets", "secrets"), ("egress", "egress"), ("actions", "actions")]
    {
        let words: Vec<String> = list_of(&it["grants"][key]).iter().map(text).collect();
        row(head, words.join(", "), None);
    }
    page.line("");
    let mut table = Table::new(&[("GEN", 6), ("VERSION", 14), ("STATE", 9), ("SINCE", 20), ("CALLS", 12), ("WHY", 80)]);
    for generation in list_of(&it["generations"]) {
        let acts = generation["generation"] == live["generation"];
        let standing = list_of(&it["standing_by"]).iter().any(|one| one["generation"] == generation["generation"]);
        let state = if standing { "stands by".to_owned() } else { text(&generation["state"]) };
        table.row([
            (generation["generation"].to_string(), acts.then_some(Style::Strong)),
            (text(&generation["version"]), None),
            (state, None),
            (since(&generation["since"]), None),
            (generation["sight"]["calls"].as_u64().map(count).unwrap_or_default(), None),
            (text(&generation["why"]), None),
        ]);
    }
    table.write(page);
    if !on_trial.is_null() && on_trial["mode"] != "guard" {
        page.line(&page.styled(
            Style::Faint,
            &format!("`tributary plugin diff {}` shows what was decided differently.", short(&name)),
        ));
    }
}

fn breaker(row: &mut impl FnMut(&str, String, Option<Style>), it: &Value, now: jiff::Timestamp) {
    let breaker = &it["breaker"];
    let state = text(&breaker["state"]);
    if state == "closed" {
        return row("breaker", state, None);
    }
    let mut words = format!("{state} since {}", breaker["since"].as_str().map(moment).unwrap_or_default());
    if let strikes @ 1.. = number(&breaker["strikes"]) {
        words.push_str(&format!(", {strikes} failed probe{}", if strikes == 1 { "" } else { "s" }));
    }
    if let Some(seconds) = breaker["next_probe"].as_str().and_then(|at| seconds_to(at, now)) {
        words.push_str(&format!(", the next one in {}", span(seconds.max(0))));
    }
    row("breaker", words, unwell(it).then_some(Style::Alarm));
    let fault = &breaker["last_fault"];
    if let Some(why) = fault["why"].as_str() {
        let at = fault["at"].as_str().map(moment).unwrap_or_default();
        row("cause", format!("{} ({at})", plain(why)), Some(Style::Alarm));
    }
}

fn cost(sight: &Value) -> String {
    let calls = number(&sight["calls"]);
    if calls == 0 {
        return String::new();
    }
    let time = |key: &str| micros(sight[key].as_f64().unwrap_or_default());
    let mut words = format!(
        "{} calls, p50 {}, p99 {} inside the guest; at most {} of memory",
        count(calls),
        time("guest_p50_us"),
        time("guest_p99_us"),
        bytes(number(&sight["memory_high"]))
    );
    let faults: Vec<String> = ["guest", "trap", "budget", "host"]
        .iter()
        .map(|kind| (kind, number(&sight["faults"][kind])))
        .filter(|(_, many)| *many > 0)
        .map(|(kind, many)| format!("{} {kind}", count(many)))
        .collect();
    if !faults.is_empty() {
        words.push_str(&format!("; failed: {}", faults.join(", ")));
    }
    words
}

/// `tributary plugin diff`; `detail` is the place, for the versions of the generations.
pub(super) fn differences(page: &mut Page, differences: &Value, detail: &Value) {
    let items = list_of(&differences["items"]);
    if items.is_empty() {
        return page.line("Nothing was decided differently.");
    }
    let version = |number: &Value| {
        let known = list_of(&detail["generations"]).iter().find(|generation| generation["generation"] == *number);
        let version = known.map(|known| text(&known["version"])).unwrap_or_default();
        format!("{version} ({number})")
    };
    for item in items {
        let conversation = item["conversation"].as_str().map(plain).unwrap_or_else(|| "-".to_owned());
        let at = item["at"].as_str().map(moment).unwrap_or_default();
        let title = page.styled(Style::Strong, &conversation);
        page.line(&format!("{title}  {}  {at}", text(&item["about"])));
        for (number, said) in [(&item["against"], &item["before"]), (&item["tried"], &item["after"])] {
            let who = page.styled(Style::Faint, &format!("{:<14}", version(number)));
            for (at, line) in lines(said.as_str().unwrap_or_default()).enumerate() {
                page.line(&if at == 0 { format!("  {who}  {line}") } else { format!("  {:<14}  {line}", "") });
            }
        }
    }
    if !differences["next"].is_null() {
        page.line(&page.styled(Style::Faint, &format!("… and more; --limit {} shows them", items.len() * 4)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sight(calls: u64) -> Value {
        json!({"calls": calls, "guest_p50_us": 200.0, "guest_p99_us": 1_250.0, "guest_total_us": 5_000, "host_total_us": 1_000,
            "memory_high": 1_310_720, "faults": {"guest": 0, "trap": 41, "budget": 0, "host": 0}})
    }

    fn places() -> Value {
        json!({"items": [
            {"place": "channel/email", "plugin": "channel-email", "enabled": true, "parked": 0,
             "live": {"generation": 3, "version": "0.1.0", "state": "live", "sight": sight(12_041)},
             "breaker": {"state": "closed"},
             "trial": {"generation": {"version": "0.2.0"}, "mode": "canary", "share": 10, "calls": 60, "faults": 0, "conversations": 45, "different": 1, "enough": 200}},
            {"place": "policy/policy-triage", "plugin": "policy-triage", "enabled": true, "parked": 41,
             "live": {"generation": 4, "version": "0.2.0", "state": "live", "sight": sight(61)},
             "breaker": {"state": "open", "since": "2026-05-04T09:00:00.000Z", "strikes": 2, "next_probe": "2026-05-04T09:00:44.000Z",
                "last_fault": {"at": "2026-05-04T09:00:40.000Z", "why": "it trapped: unreachable\u{1b}[2J"}},
             "trial": null, "refused": {"what": "policy-triage.wasm", "why": "it is not signed; have it signed", "at": "2026-05-04T09:00:00.000Z"}}
        ]})
    }

    #[test]
    fn the_list_is_a_table_and_below_it_what_wants_to_be_looked_at() {
        let mut page = Page { text: String::new(), colour: false };
        list(&mut page, &places());
        assert_eq!(page.text, "\
PLACE                 PLUGIN         VERSION  GEN  STATE  BREAKER  CALLS   P99      PARKED  TRIAL
channel/email         channel-email  0.1.0    3    live   closed   12,041  1.25 ms          0.2.0 canary 10 %, 45 of 200, 1 different
policy/policy-triage  policy-triage  0.2.0    4    live   open     61      1.25 ms  41

policy/policy-triage: policy-triage 0.2.0 is held up; 41 parked: it trapped: unreachable\u{fffd}[2J
  tributary plugin show policy-triage

policy/policy-triage: policy-triage.wasm does not act: it is not signed; have it signed
  tributary plugin show policy-triage
");
    }

    #[test]
    fn one_place_names_plugin_version_cause_and_how_much_is_parked() {
        let mut it = places()["items"][1].clone();
        it["live"]["since"] = json!("2026-05-04T08:00:00.000Z");
        it["live"]["digest"] = json!("00ff");
        it["grants"] = json!({"services": ["clock", "log"], "actions": ["route"]});
        it["generations"] = json!([
            {"generation": 4, "version": "0.2.0", "state": "live", "since": "2026-05-04T08:00:00.000Z", "why": "installed", "sight": {"calls": 61}},
            {"generation": 2, "version": "0.1.0", "state": "retired", "since": "2026-05-04T08:00:00.000Z", "why": null, "sight": null},
            {"generation": 1, "version": "0.0.9", "state": "retired", "since": "2026-05-04T08:00:00.000Z", "why": null, "sight": null}
        ]);
        it["standing_by"] = json!([{"generation": 2}]);
        it["trial"] = json!({"generation": {"version": "0.3.0"}, "mode": "shadow", "different": 2, "faults": 0, "verdict": "40 of 200 conversations so far"});
        let mut page = Page { text: String::new(), colour: false };
        one(&mut page, &it, "2026-05-04T09:00:41Z".parse().unwrap());
        assert_eq!(
            page.text,
            "\
policy/policy-triage
plugin      policy-triage 0.2.0
generation  4, live since 2026-05-04 08:00 UTC
package     00ff
breaker     open since 2026-05-04 09:00 UTC, 2 failed probes, the next one in 3 s
cause       it trapped: unreachable\u{fffd}[2J (2026-05-04 09:00 UTC)
parked      41; worked off in order when it is back
trial       0.3.0 shadow: 40 of 200 conversations so far, 2 different
refused     policy/policy-triage: policy-triage.wasm does not act: it is not signed; have it signed
cost        61 calls, p50 0.20 ms, p99 1.25 ms inside the guest; at most 1.2 MiB of memory; failed: 41 trap
services    clock, log
actions     route

GEN  VERSION  STATE      SINCE                 CALLS  WHY
4    0.2.0    live       2026-05-04 08:00 UTC  61     installed
2    0.1.0    stands by  2026-05-04 08:00 UTC
1    0.0.9    retired    2026-05-04 08:00 UTC
`tributary plugin diff policy-triage` shows what was decided differently.
"
        );
    }

    #[test]
    fn differences_stand_under_their_versions() {
        let it = json!({"items": [{"id": 1, "tried": 4, "against": 2, "conversation": "T7", "about": "happening 12",
            "before": "route complaints", "after": "route refunds\nset-grade high", "at": "2026-05-04T09:00:00.000Z"}], "next": null});
        let detail =
            json!({"generations": [{"generation": 4, "version": "0.2.0"}, {"generation": 2, "version": "0.1.0"}]});
        let mut page = Page { text: String::new(), colour: false };
        differences(&mut page, &it, &detail);
        assert_eq!(
            page.text,
            "\
T7  happening 12  2026-05-04 09:00 UTC
  0.1.0 (2)       route complaints
  0.2.0 (4)       route refunds
                  set-grade high
"
        );
    }
}
