//! What a change did, in the words an operator wants to read: what acts now, what stands by, and how to go back.
use super::place::short;
use crate::client::text::{count, micros, plain};
use crate::client::{Page, Style};
use serde_json::Value;

pub(super) fn text(value: &Value) -> String {
    plain(value.as_str().unwrap_or_default())
}

/// The place of that name in an answer of `GET /plugins`.
fn place<'a>(places: &'a Value, name: &str) -> &'a Value {
    let mut items = places["items"].as_array().into_iter().flatten();
    items.find(|place| place["place"] == name).unwrap_or(&Value::Null)
}

fn switched(outcome: &Value) -> String {
    outcome["switch_us"].as_f64().map(|time| format!(" (the switch took {})", micros(time))).unwrap_or_default()
}

/// After an install. `before` and `after` are what `GET /plugins` answered around it.
pub(super) fn installed(page: &mut Page, it: &Value, before: &Value, after: &Value) {
    let signed = it["signer"].as_str().map(|signer| format!(", signed by {}", plain(signer))).unwrap_or_default();
    let title = format!("{} {}{signed}", text(&it["plugin"]), text(&it["version"]));
    page.line(&page.styled(Style::Strong, &title));
    let outcomes = it["places"].as_array().map_or(&[][..], Vec::as_slice);
    if outcomes.is_empty() {
        page.line(
            "  It is kept, but no place is filled by it: name it under [[channel]] or [[policy]] in tributary.toml.",
        );
    }
    for outcome in outcomes {
        let name = outcome["place"].as_str().unwrap_or_default();
        one(page, outcome, &text(&place(before, name)["live"]["version"]), place(after, name));
    }
}

fn one(page: &mut Page, outcome: &Value, old: &str, after: &Value) {
    let name = text(&outcome["place"]);
    let (new, number) = (text(&outcome["version"]), &outcome["generation"]);
    let command = |act: &str| format!("tributary plugin {act} {}", short(&name));
    let trial = &after["trial"];
    let state = outcome["state"].as_str().unwrap_or_default();
    let tried = || format!("{} conversations", count(trial["enough"].as_u64().unwrap_or_default()));
    let rows: Vec<(&str, String)> = match state {
        "live" if outcome["was"].is_null() => {
            vec![("", format!("{new}, generation {number}: live")), ("", text(&outcome["what"]))]
        }
        "live" => {
            let guarded = trial["mode"] == "guard";
            let calls = count(trial["enough"].as_u64().unwrap_or_default());
            let mut rows = vec![("", format!("{old} → {new}, generation {number}: live{}", switched(outcome)))];
            if guarded {
                rows.push((
                    "",
                    format!("{old} stands by for the next {calls} calls, and acts again by itself if they go wrong"),
                ));
            }
            rows.push(("go back", command("rollback")));
            rows
        }
        "shadow" => vec![
            (
                "",
                format!(
                    "{new}, generation {number}: asked beside {old} until it has seen {}; nothing it says is done",
                    tried()
                ),
            ),
            ("differences", command("diff")),
            ("use it now", command("promote")),
            ("end it", command("rollback")),
        ],
        "canary" => vec![
            (
                "",
                format!(
                    "{new}, generation {number}: acts for {} of 100 conversations until it has seen {}; {old} for the rest",
                    trial["share"],
                    tried()
                ),
            ),
            ("differences", command("diff")),
            ("use it for all", command("promote")),
            ("end it", command("rollback")),
        ],
        _ => vec![("", text(&outcome["what"]))],
    };
    page.line(&format!("  {name}"));
    for (head, words) in rows.iter().filter(|(_, words)| !words.is_empty()) {
        match *head {
            "" => page.line(&format!("    {words}")),
            head => page.line(&format!("    {}{words}", page.styled(Style::Faint, &format!("{head:<15}")))),
        }
    }
}

/// After a rollback or a promotion.
pub(super) fn moved(page: &mut Page, it: &Value) {
    let name = text(&it["place"]);
    let title = format!(
        "{name}: {}, generation {}, is {}{}",
        text(&it["version"]),
        it["generation"],
        text(&it["state"]),
        switched(it)
    );
    page.line(&page.styled(Style::Strong, &title));
    page.line(&format!("  {}", text(&it["what"])));
    if let Some(was) = it["was"].as_i64().filter(|was| *was != it["generation"]) {
        let head = page.styled(Style::Faint, &format!("{:<15}", "undo this"));
        page.line(&format!("  {head}tributary plugin rollback {} --to {was}", short(&name)));
    }
}

/// After `enable` or `disable`.
pub(super) fn enabled(page: &mut Page, now: &Value, enabled: bool) {
    let name = text(&now["place"]);
    let parked = now["parked"].as_u64().unwrap_or_default();
    match (enabled, name.starts_with("channel/")) {
        (true, _) if parked > 0 => {
            page.line(&format!("{name} is in use; the {} that are parked are worked off in order.", count(parked)));
        }
        (true, _) => page.line(&format!("{name} is in use.")),
        (false, true) => page.line(&format!("{name} is out of use; what comes in is parked, nothing is lost.")),
        (false, false) => page.line(&format!("{name} is out of use; it is not asked any more.")),
    }
    if !enabled {
        page.line(&format!(
            "  {}tributary plugin enable {}",
            page.styled(Style::Faint, "undo this      "),
            short(&name)
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn said(write: impl FnOnce(&mut Page)) -> String {
        let mut page = Page { text: String::new(), colour: false };
        write(&mut page);
        page.text
    }

    #[test]
    fn an_install_says_what_acts_what_stands_by_and_how_to_go_back() {
        let before =
            json!({"items": [{"place": "channel/email", "plugin": "channel-email", "live": {"version": "0.1.0"}}]});
        let outcome = |state: &str, was: Value| {
            json!({"plugin": "channel-email", "version": "0.2.0", "digest": "00", "signer": "the shop\u{1b}[2J", "places": [{
                "place": "channel/email", "generation": 12, "version": "0.2.0", "state": state, "was": was,
                "switch_us": 21.0, "what": "first of its place"}]})
        };
        let after = |mode: &str, share: u8, enough: u64| json!({"items": [{"place": "channel/email", "trial": {"mode": mode, "share": share, "enough": enough}}]});
        let title = "channel-email 0.2.0, signed by the shop\u{fffd}[2J\n  channel/email";
        for (outcome, after, expected) in [
            (
                outcome("live", json!(11)),
                after("guard", 100, 500),
                "
    0.1.0 → 0.2.0, generation 12: live (the switch took 0.02 ms)
    0.1.0 stands by for the next 500 calls, and acts again by itself if they go wrong
    go back        tributary plugin rollback email
",
            ),
            (
                outcome("live", Value::Null),
                json!({"items": []}),
                "
    0.2.0, generation 12: live
    first of its place
",
            ),
            (
                outcome("canary", Value::Null),
                after("canary", 10, 200),
                "
    0.2.0, generation 12: acts for 10 of 100 conversations until it has seen 200 conversations; 0.1.0 for the rest
    differences    tributary plugin diff email
    use it for all tributary plugin promote email
    end it         tributary plugin rollback email
",
            ),
            (
                outcome("shadow", Value::Null),
                after("shadow", 0, 200),
                "
    0.2.0, generation 12: asked beside 0.1.0 until it has seen 200 conversations; nothing it says is done
    differences    tributary plugin diff email
    use it now     tributary plugin promote email
    end it         tributary plugin rollback email
",
            ),
        ] {
            assert_eq!(said(|page| installed(page, &outcome, &before, &after)), format!("{title}{expected}"));
        }
        let nowhere = json!({"plugin": "p", "version": "1", "signer": null, "places": []});
        assert!(said(|page| installed(page, &nowhere, &before, &before)).contains("no place is filled by it"));
    }

    #[test]
    fn going_back_says_what_acts_and_how_to_undo_it() {
        let it = json!({"place": "policy/policy-triage", "generation": 11, "version": "0.1.0", "state": "live", "was": 12,
            "switch_us": 9.0, "what": "back to policy-triage 0.1.0: an operator asked for it"});
        assert_eq!(
            said(|page| moved(page, &it)),
            "\
policy/policy-triage: 0.1.0, generation 11, is live (the switch took 0.01 ms)
  back to policy-triage 0.1.0: an operator asked for it
  undo this      tributary plugin rollback policy-triage --to 12
"
        );
        let it = json!({"place": "channel/email", "parked": 1_041});
        assert_eq!(
            said(|page| enabled(page, &it, true)),
            "channel/email is in use; the 1,041 that are parked are worked off in order.\n"
        );
        assert!(said(|page| enabled(page, &it, false)).contains("tributary plugin enable email"));
    }
}
