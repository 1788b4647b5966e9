//! Every case of `fixtures/`; what is refused; how long a customer is left in peace.
#![allow(clippy::unwrap_used, reason = "a test's helper fails it by panicking")]
use policy_survey::Survey;
use serde_json::{Value, json};
use tributary_sdk::Policy;
use tributary_sdk::desk::{Action, Decision, Fault, Happening, Snapshot, Standing};
use tributary_sdk::testing::{Case, FakeHost, check_folder, check_refusals, prepare, with};

#[test]
fn every_case_agrees() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
    check_folder::<Survey>(folder).unwrap_or_else(|problems| panic!("{problems}"));
}

#[test]
fn a_configuration_that_cannot_work_is_refused_with_its_key() {
    let closing = |text: &str| json!({ "closing": { "after": "10 min", "invitation": { "en": text } } });
    let sign_off = |after: &str, text: Value| json!({ "sign-off": { "after": after, "again-after": "1 d", "retries": 3, "invitation": text } });
    let question = |name: &str, language: &str| json!({ "name": name, "words": { language: "How was it?" } });
    let feedback = |name: &str, rule: &str, word: &str, team: &str| json!({ "feedback": [{ "name": name, "rule": rule, "words": [word], "team": team }] });
    let wrong = [
        (json!({ "attribute": "" }), "`attribute`"),
        (json!({ "feedback-attribute": "survey" }), "`feedback-attribute`"),
        (json!({ "rest-days": 366 }), "rest-days"),
        (json!({ "open-for": "31 d" }), "`open-for`"),
        (json!({ "left-out-grades": ["grave"] }), "`left-out-grades`"),
        (json!({ "chinese-percent": 101 }), "chinese-percent"),
        (json!({ "default-language": "fr" }), "language fr"),
        (closing("How was it?"), "`closing.invitation.en`"),
        (closing("{link} {order}"), "`closing.invitation.en`"),
        (sign_off("soon", json!({ "en": "{link}" })), "`sign-off.after`"),
        (sign_off("7 d", json!({ "zh": "{link}" })), "`sign-off.invitation`"),
        (json!({ "questions": [] }), "`questions`"),
        (json!({ "questions": [question("Speed!", "en")] }), "`questions.0.name`"),
        (json!({ "questions": [question("speed", "zh")] }), "`questions.0.words`"),
        (json!({ "questions": [question("speed", "en"), question("speed", "en")] }), "two are called speed"),
        (feedback("P 1", "M6", "#p", "product"), "`feedback.0.name`"),
        (feedback("p", "", "#p", "product"), "`feedback.0.rule`"),
        (feedback("p", "M6", "p", "product"), "`feedback.0.words`"),
        (feedback("p", "M6", "#", "product"), "`feedback.0.words`"),
        (feedback("p", "M6", "#p", ""), "`feedback.0.team`"),
    ];
    check_refusals::<Survey>(&json!({}), &wrong).unwrap();
}

const DAY: u64 = 86_400_000;

/// A closed conversation in which a customer wrote.
fn closed(id: &str, now: u64) -> Snapshot {
    let text = format!("[conversation]\nid = '{id}'\nhistory = [{{ text = 'Hello' }}]\n[message]\ntext = 'Hello'");
    let snapshot = toml::from_str::<Case>(&text).unwrap().snapshot().unwrap();
    Snapshot { now, standing: Standing::Closed, ..snapshot }
}

fn asks(decisions: &[Decision]) -> bool {
    decisions.iter().any(|decision| matches!(decision.action, Action::Survey(_)))
}

#[test]
fn a_customer_is_asked_once_in_thirty_days_whatever_the_conversation() {
    let survey: Survey = prepare(json!({})).unwrap();
    let host = FakeHost::new();
    let begin = 1_760_000_000_000;
    let rung = |conversation: &Snapshot, name: &str| {
        let host = host.clone().now(conversation.now);
        with(&host, || survey.decide(conversation, &Happening::Timer(format!("survey:{name}")))).unwrap()
    };
    assert!(asks(&rung(&closed("1", begin), "closing")));
    assert!(host.state_value("asked/contact").is_some());
    // The call was lost before its decisions were kept, and is made again.
    assert!(asks(&rung(&closed("1", begin), "closing")));
    for (id, name, after) in [("1", "sign-off:2001", 7 * DAY), ("2", "closing", DAY), ("2", "closing", 30 * DAY - 1)] {
        assert_eq!(rung(&closed(id, begin + after), name), [], "{id} {name}");
    }
    let mut another = closed("2", begin + DAY);
    another.contact.id = "another".into();
    assert!(asks(&rung(&another, "closing")));
    assert!(asks(&rung(&closed("2", begin + 30 * DAY), "closing")));
}

#[test]
fn a_shop_that_shortens_the_rest_asks_sooner() {
    let survey: Survey = prepare(json!({ "rest-days": 10 })).unwrap();
    // Kept while it was thirty days.
    let host = FakeHost::new().state("asked/contact", b"1760000000000 1 closing");
    let rung = |now| with(&host, || survey.decide(&closed("2", now), &Happening::Timer("survey:closing".into())));
    assert!(!asks(&rung(1_760_000_000_000 + 10 * DAY - 1).unwrap()));
    assert!(asks(&rung(1_760_000_000_000 + 10 * DAY).unwrap()));
}

#[test]
fn a_shop_without_rest_keeps_nothing_of_its_customers() {
    let survey: Survey = prepare(json!({ "rest-days": 0 })).unwrap();
    let host = FakeHost::new();
    for id in ["1", "2"] {
        let happening = Happening::Timer("survey:closing".into());
        assert!(asks(&with(&host, || survey.decide(&closed(id, DAY), &happening)).unwrap()));
    }
    assert_eq!(host.state_value("asked/contact"), None);
}

#[test]
fn nobody_is_asked_while_it_is_not_known_who_was() {
    let survey: Survey = prepare(json!({})).unwrap();
    let happening = Happening::Timer("survey:closing".into());
    // Outside of `with` no store answers.
    let decided = survey.decide(&closed("1", DAY), &happening);
    assert!(matches!(&decided, Err(Fault::Internal(why)) if why.contains("asked last")), "{decided:?}");
}
