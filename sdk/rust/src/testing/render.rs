//! Actions as data, in the words of the contract.
use serde_json::{Value, json};

use crate::desk::Action;
use crate::trade::Operation;
use crate::types::Money;

/// The action's name and what it carries.
pub(super) fn render(action: &Action) -> (&'static str, Value) {
    match action {
        Action::SetGrade(grade) => ("set-grade", json!(grade.word())),
        Action::SetCategory(category) => ("set-category", json!(category)),
        Action::AddTag(tag) => ("add-tag", json!(tag)),
        Action::RemoveTag(tag) => ("remove-tag", json!(tag)),
        Action::SetAttribute(fact) => ("set-attribute", json!({ "name": fact.name, "value": fact.value })),
        Action::Route(route) => (
            "route",
            json!({
                "team": route.team, "skills": route.skills, "prefer-agent": route.prefer_agent, "senior": route.senior,
                "tier": route.tier
            }),
        ),
        Action::StartClock(clock) => (
            "start-clock",
            json!({
                "name": clock.name, "target": clock.target, "calendar": clock.calendar,
                "warn-at-percent": clock.warn_at_percent, "pauses-for-customer": clock.pauses_for_customer
            }),
        ),
        Action::StopClock(name) => ("stop-clock", json!(name)),
        Action::SetTimer(timer) => ("set-timer", json!({ "name": timer.name, "at": timer.at })),
        Action::CancelTimer(name) => ("cancel-timer", json!(name)),
        Action::Escalate(call) => {
            ("escalate", json!({ "level": call.level, "teams": call.teams, "reason": call.reason }))
        }
        Action::Reply(content) => ("reply", json!(content.text)),
        Action::Note(text) => ("note", json!(text)),
        Action::Notify((team, text)) => ("notify", json!({ "team": team, "text": text })),
        Action::AskEvidence((text, seconds)) => ("ask-evidence", json!({ "text": text, "seconds": seconds })),
        Action::Perform(operation) => ("perform", perform(operation)),
        Action::Survey(survey) => (
            "survey",
            json!({
                "name": survey.name, "invitation": survey.invitation, "open-for": survey.open_for,
                "questions": survey.questions.iter().map(|it| json!([it.name, it.value])).collect::<Vec<_>>()
            }),
        ),
        Action::Draft(content) => ("draft", json!(content.text)),
        Action::HandToHuman(why) => ("hand-to-human", json!(why)),
        Action::Snooze(until) => ("snooze", json!(until)),
        Action::Close(how) => ("close", json!(how)),
    }
}

fn money(amount: &Money) -> Value {
    json!({ "currency": amount.currency, "minor": amount.minor })
}

fn perform(operation: &Operation) -> Value {
    let mut value = json!({ "operation": operation.word(), "order": operation.order() });
    match operation {
        Operation::Refund(refund) => {
            value["amount"] = money(&refund.amount);
            value["reason"] = json!(refund.reason);
        }
        Operation::ChangeAddress((_, address)) => value["address"] = json!(address),
        Operation::Coupon((_, worth)) => value["amount"] = money(worth),
        Operation::ExtendWarranty((_, days)) => value["days"] = json!(days),
        Operation::CreateReturn(_) | Operation::Exchange(_) | Operation::InterceptParcel(_) => {}
    }
    value
}
