//! Every case of `fixtures/`.
use serde_json::json;
use tributary_sdk::testing::{check_folder, check_refusals};

#[test]
fn every_case_agrees() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
    check_folder::<policy_triage::Triage>(folder).unwrap_or_else(|problems| panic!("{problems}"));
}

#[test]
fn a_configuration_that_cannot_work_is_refused_with_its_key() {
    let wrong = [
        (
            json!({ "classes": [{ "name": "a", "means": "m", "grade": "grave", "category": "c" }], "rules": [] }),
            "`classes.0.grade`",
        ),
        (json!({ "classes": [], "rules": [] }), "`classes`"),
        (json!({ "rules": [{ "id": "C1", "means": "m", "says": "nobody", "words": ["a"] }] }), "`rules.0.says`"),
        (json!({ "emergency-certainty": 1.5 }), "`emergency-certainty`"),
        (json!({ "rules": [{ "id": "C1", "means": "m" }] }), "`rules.0`"),
        (json!({ "rules": [{ "id": "C1", "means": "m", "words": [" *"] }] }), "`rules.0.words`"),
        (json!({ "rules": 3 }), "does not fit"),
    ];
    check_refusals::<policy_triage::Triage>(&json!({}), &wrong).unwrap();
}
