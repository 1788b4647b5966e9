//! Every case of `fixtures/`.
use policy_escalation::Escalate;
use serde_json::{Value, json};
use tributary_sdk::testing::{check_folder, check_refusals};

#[test]
fn every_case_agrees() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
    check_folder::<Escalate>(folder).unwrap_or_else(|problems| panic!("{problems}"));
}

#[test]
fn a_configuration_that_cannot_work_is_refused_with_its_key() {
    let trigger = |changes: Value| {
        let mut row = json!({ "rule": "X1", "means": "m", "on": ["breached a"], "act": "raise-by-one" });
        for (key, value) in changes.as_object().unwrap() {
            row[key] = value.clone();
        }
        json!({ "triggers": [row] })
    };
    let level = |level: u8, teams: Value, text: &str| json!({ "triggers": [], "levels": [{ "level": level, "teams": teams, "progress": { "en": text } }] });
    let follow_up = |before: &str| json!({ "attribute": "a", "set-attribute": "b", "timer": "", "before": before });
    let wrong = [
        (json!({ "tag": "" }), "`tag`"),
        (json!({ "chinese-percent": 0 }), "chinese-percent"),
        (json!({ "follow-up": follow_up("1 d") }), "`follow-up.timer`"),
        (level(4, json!(["a"]), "t"), "levels.0.level"),
        (level(2, json!([]), "t"), "`levels.0.teams`"),
        (level(2, json!(["a"]), "{name}"), "`levels.0.progress.en`"),
        (trigger(json!({ "rule": "" })), "`triggers.0.rule`"),
        (trigger(json!({ "on": [] })), "`triggers.0.on`"),
        (trigger(json!({ "on": ["broken a"] })), "`triggers.0.on`"),
        (trigger(json!({ "words": [""] })), "`triggers.0.words`"),
        (trigger(json!({ "level": 2 })), "`triggers.0.level`"),
        (trigger(json!({ "act": "raise-to" })), "`triggers.0.level`"),
        (trigger(json!({ "act": "raise-to", "level": 4 })), "`triggers.0.level`"),
        (trigger(json!({ "act": "notify" })), "`triggers.0.notify`"),
        (trigger(json!({ "act": "wake", "notify": ["a"], "on": ["message"] })), "`triggers.0.on`"),
        (trigger(json!({ "act": "wake", "notify": ["a"], "on": ["tag a"] })), "`triggers.0.on`"),
        (trigger(json!({ "once": "a" })), "`triggers.0.once`"),
        (trigger(json!({ "over": "soon" })), "`triggers.0.over`"),
        (trigger(json!({ "grades": ["grave"] })), "`triggers.0.grades`"),
        (trigger(json!({ "grade": "dispute" })), "grade"),
        (trigger(json!({ "progress": { "zh": "{" } })), "`triggers.0.progress.zh`"),
    ];
    check_refusals::<Escalate>(&json!({}), &wrong).unwrap();
}
