//! Every case of `fixtures/`, named by the row of the requirements that it shows.
use serde_json::json;
use tributary_sdk::testing::{check_folder, check_refusals};

#[test]
fn every_case_agrees() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
    check_folder::<policy_faq_bot::FaqBot>(folder).unwrap_or_else(|problems| panic!("{problems}"));
}

#[test]
fn a_configuration_that_cannot_work_is_refused_with_its_key() {
    let text = |zh: &str| json!({ "zh": zh, "en": "" });
    let orders = |key: &str, value: serde_json::Value| {
        let mut orders = json!({
            "utc-offset": 0, "trust-claimed": false, "number-digits": 6, "questions": [], "answers": [], "others": text("")
        });
        orders[key] = value;
        json!({ "orders": orders })
    };
    let answer = |more: serde_json::Value| {
        let mut answer = json!({ "zh": "", "en": "" });
        answer.as_object_mut().into_iter().for_each(|all| all.extend(more.as_object().cloned().unwrap_or_default()));
        orders("answers", json!([answer]))
    };
    let wrong = [
        (json!({ "chinese-percent": 0 }), "`chinese-percent`"),
        (json!({ "same-percent": 101 }), "`same-percent`"),
        (json!({ "sure-from": 1.5 }), "`sure-from`"),
        (json!({ "close": -0.1 }), "`close`"),
        (json!({ "articles": 21 }), "`articles`"),
        (json!({ "attribute": "" }), "`attribute`"),
        (json!({ "longest-answer": 0 }), "`longest-answer`"),
        (json!({ "grades": ["grave"] }), "`grades`"),
        (json!({ "fillers": ["*"] }), "`fillers`"),
        (json!({ "wordings": [["alone"]] }), "`wordings.0`"),
        (json!({ "answer": text("{limits}") }), "`answer.zh`"),
        (json!({ "menu": text("{menu") }), "`menu.zh`"),
        (orders("utc-offset", json!(1440)), "`orders.utc-offset`"),
        (orders("questions", json!([{ "name": "delivery" }])), "`orders.questions.0`"),
        (answer(json!({ "questions": ["delivery"] })), "`orders.answers.0.questions`"),
        (answer(json!({ "states": ["lost"] })), "`orders.answers.0.states`"),
        (answer(json!({ "zh": "{parcel}" })), "`orders.answers.0.zh`"),
        (orders("details", json!([{ "of": "parcel", "zh": "{order}", "en": "" }])), "`orders.details.0.zh`"),
    ];
    check_refusals::<policy_faq_bot::FaqBot>(&json!({}), &wrong).unwrap_or_else(|problems| panic!("{problems}"));
}
