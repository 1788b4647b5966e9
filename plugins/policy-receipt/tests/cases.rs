//! Every case of `fixtures/`.
use serde_json::json;
use tributary_sdk::testing::{check_folder, check_refusals};

#[test]
fn every_case_agrees() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
    check_folder::<policy_receipt::Receipt>(folder).unwrap_or_else(|problems| panic!("{problems}"));
}

#[test]
fn a_configuration_that_cannot_work_is_refused_with_its_key() {
    let wrong = [
        (json!({ "chinese-percent": 0 }), "`chinese-percent`"),
        (json!({ "attribute": "" }), "`attribute`"),
        (json!({ "templates": [] }), "`templates`"),
        (json!({ "default-language": "fr" }), "language fr"),
        (json!({ "templates": [{ "language": "en", "rule": "D2", "text": "{name}" }] }), "`templates.0.text`"),
        (
            json!({ "templates": [{ "language": "en", "rule": "D2", "text": "", "grades": ["x"] }] }),
            "`templates.0.grades`",
        ),
    ];
    check_refusals::<policy_receipt::Receipt>(&json!({}), &wrong).unwrap();
}
