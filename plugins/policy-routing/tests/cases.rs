//! Every case of `fixtures/`, and every call that a host recorded there.
use serde_json::json;
use tributary_sdk::testing::{check_folder, check_recordings, check_refusals};

#[test]
fn every_case_agrees() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
    check_folder::<policy_routing::Routing>(folder).unwrap_or_else(|problems| panic!("{problems}"));
}

#[test]
fn every_recorded_call_is_answered_as_it_was() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
    let checked = check_recordings::<policy_routing::Routing>(folder).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(checked, 4);
}

#[test]
fn a_table_that_cannot_work_is_refused_with_its_key() {
    let wrong = [
        (json!({ "default-team": "" }), "`default-team`"),
        (json!({ "routes": [{ "team": "" }] }), "`routes.0.team`"),
        (json!({ "routes": [{ "team": "a" }, { "team": "b", "grades": ["grave"] }] }), "`routes.1.grades`"),
        (json!({ "routes": [{ "team": "a", "grade": ["dispute"] }] }), "unknown field `grade`"),
        (json!({ "routes": [{ "team": "a", "skills": ["refund:0"] }] }), "`routes.0.skills`"),
        (json!({ "routes": [{ "team": "a", "skills": ["refund:10"] }] }), "`routes.0.skills`"),
        (json!({ "routes": [{ "team": "a", "skills": [":2"] }] }), "`routes.0.skills`"),
        (json!({ "tiers": [{ "rule": "E7", "contact-tags": [] }] }), "`tiers.0.contact-tags`"),
        (json!({ "tiers": [{ "rule": "", "contact-tags": ["a"] }] }), "`tiers.0.rule`"),
        (json!({ "tiers": [{ "rule": "E7", "contact-tags": ["a"], "team": "" }] }), "`tiers.0.team`"),
        (json!({ "tiers": [{ "rule": "E7", "contact-tags": ["a"], "tier": 256 }] }), "256"),
        (json!({ "own-agent": "first" }), "first"),
        (json!({ "own-agent-attribute": "" }), "`own-agent-attribute`"),
        (json!({ "last-agent-days": 0 }), "last-agent-days"),
        (json!({ "widen-clocks": ["connect me"] }), "`widen-clocks`"),
        (json!({ "widen-note": "{agent}" }), "`widen-note`"),
        (json!({ "colour": "red" }), "colour"),
    ];
    check_refusals::<policy_routing::Routing>(&json!({}), &wrong).unwrap();
}
