//! Every case of `fixtures/`; what is refused; a calendar that there is not; photos that came along.
use policy_message_box::MessageBox;
use serde_json::{Value, json};
use tributary_sdk::Policy;
use tributary_sdk::desk::{Action, Happening};
use tributary_sdk::testing::{Case, FakeHost, check_folder, check_refusals, prepare, with};
use tributary_sdk::types::Attachment;

#[test]
fn every_case_agrees() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
    check_folder::<MessageBox>(folder).unwrap_or_else(|problems| panic!("{problems}"));
}

#[test]
fn a_configuration_that_cannot_work_is_refused_with_its_key() {
    let plan = |changes: Value| {
        let mut row = json!({ "name": "p", "plan": { "en": "Look" } });
        for (key, value) in changes.as_object().unwrap() {
            row[key] = value.clone();
        }
        json!({ "plans": [row] })
    };
    let need = |words: Value| json!({ "needs": [{ "name": "n", "words": words }], "plans": [] });
    let defaults: Value = toml::from_str(include_str!("../config.toml")).unwrap();
    let text = |key: &str, text: &str| {
        let mut languages = defaults["languages"].clone();
        languages["zh"][key] = text.into();
        json!({ "languages": languages })
    };
    let wrong = [
        (json!({ "calendar": "" }), "`calendar`"),
        (json!({ "due-tag": "message-box" }), "`due-tag`"),
        (json!({ "chinese-percent": 0 }), "`chinese-percent`"),
        (json!({ "left-alone-grades": ["grave"] }), "`left-alone-grades`"),
        (json!({ "default-language": "fr" }), "`languages`"),
        (text("message", "{name}"), "`languages.zh.message`"),
        (text("soon", "{month}"), "`languages.zh.soon`"),
        (need(json!({ "zh": "订单号" })), "`needs.0.words`"),
        (plan(json!({ "name": "P 1" })), "`plans.0.name`"),
        (plan(json!({ "plan": { "zh": "看" } })), "`plans.0.plan`"),
        (plan(json!({ "needs": ["passport"] })), "`plans.0.needs`"),
        (plan(json!({ "grades": ["grave"] })), "`plans.0.grades`"),
        (plan(json!({ "route": { "team": "" } })), "`plans.0.route.team`"),
        (plan(json!({ "escalate": { "level": 2, "teams": [] } })), "`plans.0.escalate.teams`"),
        (
            json!({ "plans": [{ "name": "p", "plan": { "en": "a" } }, { "name": "p", "plan": { "en": "b" } }] }),
            "two are called p",
        ),
    ];
    check_refusals::<MessageBox>(&json!({}), &wrong).unwrap();
}

#[test]
fn a_calendar_that_is_not_there_is_named_with_those_that_are() {
    let decide = |calendars: &str| {
        let case: Case = toml::from_str(&format!("{calendars}\n[message]\ntext = 'Hello'")).unwrap();
        case.decide::<MessageBox>()
    };
    let calendar = |name: &str, days: u32| format!("[calendars.{name}]\ndays = {days}\nfrom = 9\nto = 18");
    let problem = |calendars: &str| decide(calendars).unwrap_err().to_string();
    let missing = problem(&format!("{}\n{}", calendar("care", 7), calendar("shop", 5)));
    assert!(
        missing.contains("NotConfigured") && missing.contains("called service; there are: care, shop"),
        "{missing}"
    );
    assert!(problem("").contains("there is no other"), "{}", problem(""));
    assert!(problem(&calendar("service", 0)).contains("no working time"), "{}", problem(&calendar("service", 0)));
    assert!(!decide(&calendar("service", 5)).unwrap().is_empty());
}

#[test]
fn photos_that_came_along_are_not_asked_for() {
    let case: Case = toml::from_str(
        "[calendars.service]\ndays = 7\nfrom = 9\nto = 18\n[conversation]\ntags = ['dispute:quality']\n\
         [message]\ntext = 'The kettle arrived broken'",
    )
    .unwrap();
    let host = FakeHost::new().calendar("service", case.calendars()["service"].clone());
    let policy: MessageBox = prepare(json!({})).unwrap();
    let told = |content_ids: &[Option<&str>]| {
        let Happening::Message(mut message) = case.happening().unwrap() else { panic!("a message") };
        message.content.attachments = content_ids.iter().map(|id| photo(*id)).collect();
        let decisions = with(&host, || policy.decide(&case.snapshot().unwrap(), &Happening::Message(message))).unwrap();
        let text = decisions.into_iter().find_map(|decision| match decision.action {
            Action::Reply(reply) => Some(reply.text),
            _ => None,
        });
        text.unwrap()
    };
    assert!(told(&[]).contains("your order number, and photos that show"));
    assert!(!told(&[None]).contains("photos"));
    assert!(told(&[None]).contains("with your order number. We need"));
    // The logo of a signature is no photo of the goods.
    assert!(told(&[Some("logo")]).contains("photos"));
}

fn photo(content_id: Option<&str>) -> Attachment {
    let content_id = content_id.map(str::to_owned);
    Attachment { blob: "0".into(), name: "a.jpg".into(), media_type: "image/jpeg".into(), size: 1, content_id }
}
