//! The policies around it, each seeing what those before it decided: a night with triage, the bot and the receipt.
#![allow(clippy::unwrap_used, reason = "a test's helper fails it by panicking")]
use policy_faq_bot::FaqBot;
use policy_message_box::MessageBox;
use policy_receipt::Receipt;
use policy_triage::Triage;
use tributary_sdk::desk::{Action, Decision, Snapshot};
use tributary_sdk::testing::{Case, Decide, FakeHost, decide, prepare, with};

/// What the chain makes of a message at half past ten on a Thursday in Shanghai, and what the customer is told.
fn at_night(text: &str, article: &str) -> (Snapshot, Vec<Decision>) {
    let case: Case = toml::from_str(&format!(
        "{article}\n[calendars.service]\ndays = 5\nfrom = 9\nto = 18\nutc-offset = 28800\n\
         [conversation]\nnow = 1760020200000\n[message]\ntext = '{text}'"
    ))
    .unwrap();
    let triage: Triage = prepare(serde_json::json!({})).unwrap();
    let bot: FaqBot = prepare(serde_json::json!({})).unwrap();
    let message_box: MessageBox = prepare(serde_json::json!({})).unwrap();
    let receipt: Receipt = prepare(serde_json::json!({})).unwrap();
    let chain: [&dyn Decide; 4] = [&triage, &bot, &message_box, &receipt];
    let host = case.articles().into_iter().fold(FakeHost::new(), FakeHost::article);
    let host = case.calendars().iter().fold(host, |host, (name, it)| host.calendar(name, it.clone()));
    let after = with(&host, || decide(&chain, case.snapshot().unwrap(), &case.happening().unwrap())).unwrap();
    let told = after.decided.iter().filter(|decision| matches!(decision.action, Action::Reply(_))).cloned().collect();
    (after, told)
}

fn rules(told: &[Decision]) -> Vec<&str> {
    told.iter().map(|decision| decision.rule.as_str()).collect()
}

#[test]
fn what_triage_says_chooses_the_plan_and_the_receipt_is_the_box_s() {
    let cases = [
        ("收到的水壶是破的，质量太差了", "plan quality"),
        ("物流显示已签收，但是我没收到", "plan parcel-dispute"),
        ("My kettle is under warranty and needs a repair", "plan repair"),
    ];
    for (text, plan) in cases {
        let (after, told) = at_night(text, "");
        assert_eq!(rules(&told), ["A6"], "{text}: {told:?}");
        let planned = after.decided.iter().any(|decision| decision.rule == "A7" && decision.why.contains(plan));
        assert!(planned && after.has_tag("message-box"), "{text}: {:?}", after.decided);
    }
}

#[test]
fn an_emergency_is_acknowledged_as_one() {
    let (after, told) = at_night("我的信用卡被盗刷了", "");
    assert_eq!(rules(&told), ["D4"], "{told:?}");
    assert!(!after.has_tag("message-box"));
}

#[test]
fn what_the_bot_answers_does_not_go_into_the_box() {
    let article = "[[articles]]\nid = 'a'\ntitle = 'Shipping'\ntext = 'Shipping takes 3 days.'\nscore = 0.9";
    let (after, told) = at_night("How long does shipping take?", article);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].rule.starts_with('J') && !after.has_tag("message-box"), "{told:?}");
}
