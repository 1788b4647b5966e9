//! Every case of `fixtures/`, named by the row of the requirements that it shows.
#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]
use policy_faq_bot::FaqBot;
use serde_json::json;
use tributary_sdk::Policy;
use tributary_sdk::desk::{Action, Happening};
use tributary_sdk::host::knowledge::Article;
use tributary_sdk::testing::{Case, FakeHost, check_folder, check_refusals, prepare, with};
use tributary_sdk::types::Attachment;

#[test]
fn every_case_agrees() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
    check_folder::<FaqBot>(folder).unwrap_or_else(|problems| panic!("{problems}"));
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
    check_refusals::<FaqBot>(&json!({}), &wrong).unwrap_or_else(|problems| panic!("{problems}"));
}

#[test]
fn a_file_is_for_a_person_and_a_picture_of_a_signature_is_not() {
    let bot = prepare::<FaqBot>(json!({})).unwrap();
    let case: Case = toml::from_str("[message]\ntext = 'how long does the battery last'").unwrap();
    let article = Article { id: "a7".into(), title: "Battery".into(), text: "It lasts 8 hours.".into(), score: 0.9 };
    let host = FakeHost::new().article(article);
    for (content_id, answered) in [(None, false), (Some("logo".to_owned()), true)] {
        let Happening::Message(mut message) = case.happening().unwrap() else { panic!("a message") };
        let (blob, name, media_type) = (FakeHost::blob_id(b"x"), "photo.jpg".to_owned(), "image/jpeg".to_owned());
        message.content.attachments.push(Attachment { blob, name, media_type, size: 1, content_id });
        let decisions = with(&host, || bot.decide(&case.snapshot().unwrap(), &Happening::Message(message))).unwrap();
        let does = |of: fn(&Action) -> bool| decisions.iter().any(|decision| of(&decision.action));
        assert_eq!(does(|it| matches!(it, Action::Reply(_))), answered);
        assert_eq!(does(|it| matches!(it, Action::HandToHuman(_))), !answered);
    }
}
