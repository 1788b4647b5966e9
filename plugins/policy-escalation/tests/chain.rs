//! A conversation on its way through the bundled policies: what each decided is done to it before the next thing happens.
#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]
use policy_escalation::Escalate;
use policy_receipt::Receipt;
use policy_routing::Routing;
use policy_service_clock::ServiceClock;
use policy_triage::Triage;
use proptest::prelude::*;
use serde_json::json;
use tributary_sdk::desk::{Action, Decision, Entry, Happening, RunningClock, Snapshot};
use tributary_sdk::testing::{Case, decide, prepare};
use tributary_sdk::types::{Attribute, Author, Content};

struct Shop {
    triage: Triage,
    routing: Routing,
    receipt: Receipt,
    escalation: Escalate,
    clocks: ServiceClock,
}

impl Shop {
    fn new() -> Self {
        Self {
            triage: prepare(json!({})).unwrap(),
            routing: prepare(json!({})).unwrap(),
            receipt: prepare(json!({})).unwrap(),
            escalation: prepare(json!({})).unwrap(),
            clocks: prepare(json!({})).unwrap(),
        }
    }

    /// Something happens so many seconds later; what was decided about it.
    fn happens(&self, it: &mut Snapshot, seconds: u64, happening: &Happening) -> Vec<Decision> {
        it.now += seconds * 1_000;
        match happening {
            Happening::Message(message) => say(it, Author::Customer, &message.content.text, message.automatic),
            Happening::AgentReplied(content) => say(it, Author::Agent, &content.text, false),
            _ => {}
        }
        let chain: [&dyn tributary_sdk::testing::Decide; 5] =
            [&self.triage, &self.routing, &self.receipt, &self.escalation, &self.clocks];
        let decided = decide(&chain, it.clone(), happening).unwrap().decided;
        decided.iter().for_each(|decision| carry_out(it, &decision.action));
        decided
    }
}

fn say(it: &mut Snapshot, author: Author, text: &str, automatic: bool) {
    it.history.push(Entry { at: it.now, author, text: text.into(), channel: "mail".into(), automatic });
}

/// What the host does with an action, as far as a policy sees it.
fn carry_out(it: &mut Snapshot, action: &Action) {
    match action {
        Action::SetGrade(grade) => it.grade = Some(*grade),
        Action::SetCategory(category) => it.category = Some(category.clone()),
        Action::AddTag(tag) if !it.tags.contains(tag) => it.tags.push(tag.clone()),
        Action::RemoveTag(tag) => it.tags.retain(|present| present != tag),
        Action::SetAttribute(fact) => {
            it.attributes.retain(|present| present.name != fact.name);
            it.attributes.extend((!fact.value.is_empty()).then(|| fact.clone()));
        }
        Action::Route(route) => it.team = Some(route.team.clone()),
        Action::Escalate(call) => it.team = call.teams.first().cloned(),
        Action::StopClock(name) => it.clocks.retain(|running| running.clock.name != *name),
        Action::StartClock(clock) => {
            assert!(!it.clocks.iter().any(|running| running.clock.name == clock.name), "{} runs already", clock.name);
            let due = it.now + u64::from(clock.target) * 1_000;
            it.clocks.push(RunningClock { clock: clock.clone(), started: it.now, due, paused: false });
        }
        Action::Reply(content) => say(it, Author::Bot, &content.text, true),
        _ => {}
    }
}

fn opened() -> Snapshot {
    let case: Case = toml::from_str("happening = 'agent-closed'").unwrap();
    case.snapshot().unwrap()
}

fn message(text: &str, automatic: bool) -> Happening {
    let case: Case = toml::from_str(&format!("[message]\ntext = '{text}'\nautomatic = {automatic}")).unwrap();
    case.happening().unwrap()
}

fn escalations(decided: &[Decision]) -> Vec<(u8, Vec<String>)> {
    let call = |decision: &Decision| match &decision.action {
        Action::Escalate(call) => Some((call.level, call.teams.clone())),
        _ => None,
    };
    decided.iter().filter_map(call).collect()
}

fn replies(decided: &[Decision]) -> usize {
    decided.iter().filter(|decision| matches!(decision.action, Action::Reply(_))).count()
}

/// The clocks that run, by name.
fn running(it: &Snapshot) -> Vec<&str> {
    let mut names: Vec<&str> = it.clocks.iter().map(|running| running.clock.name.as_str()).collect();
    names.sort_unstable();
    names
}

#[test]
fn a_complaint_goes_up_step_by_step() {
    let (shop, mut it) = (Shop::new(), opened());
    let decided = shop.happens(&mut it, 0, &message("我要投诉，客服态度太差", false));
    assert_eq!((escalations(&decided), replies(&decided)), (Vec::new(), 1), "{decided:?}");
    assert_eq!(
        running(&it),
        ["compensation-plan", "first-response", "resolution", "untouched"],
        "the receipt was sent"
    );

    let decided = shop.happens(&mut it, 2_880, &Happening::ClockWarning("first-response".into()));
    assert!(matches!(&decided[..], [one] if matches!(one.action, Action::Notify(_))), "{decided:?}");

    let decided = shop.happens(&mut it, 720, &Happening::ClockBreached("first-response".into()));
    assert_eq!((escalations(&decided), replies(&decided)), (vec![(2, vec!["supervisors".into()])], 1));
    assert!(running(&it).contains(&"supervisor") && running(&it).contains(&"final-solution"), "{:?}", running(&it));

    let decided = shop.happens(&mut it, 7_200, &Happening::ClockBreached("supervisor".into()));
    assert_eq!((escalations(&decided), replies(&decided)), (vec![(3, vec!["experts".into()])], 1));
    assert!(running(&it).contains(&"expert-team"));

    shop.happens(&mut it, 60, &Happening::AgentReplied(Content::plain("我们补偿您 20 元")));
    assert_eq!(running(&it), ["compensation-plan", "final-solution", "resolution"]);
    let decided = shop.happens(&mut it, 60, &message("这个方案我不接受", false));
    assert_eq!((escalations(&decided), replies(&decided)), (Vec::new(), 0), "there is no level above");

    let settled = Attribute::new("key", "done: coupon 2001 CNY 20.00");
    shop.happens(&mut it, 60, &Happening::OperationSettled(settled));
    assert!(!running(&it).contains(&"compensation-plan"));
    shop.happens(&mut it, 60, &Happening::AgentClosed);
    assert_eq!(running(&it), Vec::<&str>::new());
}

#[test]
fn an_emergency_reaches_three_teams_at_once_and_the_customer_is_told_once() {
    let (shop, mut it) = (Shop::new(), opened());
    let decided = shop.happens(&mut it, 0, &message("My credit card was stolen and charged twice", false));
    let teams = ["risk", "service", "tech"].map(String::from).to_vec();
    assert_eq!((escalations(&decided), replies(&decided)), (vec![(3, teams)], 1), "{decided:?}");
    assert_eq!(it.team.as_deref(), Some("risk"), "the team that was found for it keeps it");
    assert_eq!(running(&it), ["first-response", "green-channel", "resolution", "untouched"]);
    let decided = shop.happens(&mut it, 180, &Happening::ClockBreached("green-channel".into()));
    assert_eq!((escalations(&decided), replies(&decided)), (Vec::new(), 0));
    assert!(decided.iter().any(|decision| matches!(decision.action, Action::HandToHuman(_))), "{decided:?}");
}

/// One thing that may happen: how many seconds later, which kind, and which of its texts or clocks.
fn steps() -> impl Strategy<Value = Vec<(u64, u8, prop::sample::Index)>> {
    prop::collection::vec((0_u64..20_000, 0_u8..8, any::<prop::sample::Index>()), 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_level_only_rises_and_each_is_called_and_told_once(steps in steps()) {
        let texts = [
            "我要投诉，客服态度太差", "物流显示签收了，可我没收到", "我要退货", "不满意，没解决", "My card was stolen", "Hello?",
            "I will report you to the consumer authority", "Is the blue one in stock?",
        ];
        let (shop, mut it) = (Shop::new(), opened());
        let (mut level, mut told, mut opened_green) = (1, 0, 0);
        for (seconds, kind, which) in steps {
            let clock = (!it.clocks.is_empty()).then(|| which.get(&it.clocks).clock.name.clone());
            let happening = match (kind, clock) {
                (0, _) => message("I am out of office", true),
                (1, _) => Happening::AgentReplied(Content::plain("We look into it.")),
                (2, Some(name)) => Happening::ClockWarning(name),
                (3 | 4, Some(name)) => Happening::ClockBreached(name),
                (5, _) => Happening::Timer("follow-up".into()),
                _ => message(which.get::<&str>(&texts), false),
            };
            let decided = shop.happens(&mut it, seconds, &happening);
            let last = it.history.iter().rev().find(|entry| entry.author == Author::Customer);
            if last.is_none_or(|entry| entry.automatic) {
                prop_assert_eq!(replies(&decided), 0, "a machine is not answered");
            }
            prop_assert!(replies(&decided) <= 1, "{:?}", decided);
            let opens = |decision: &Decision| matches!(&decision.action, Action::AddTag(tag) if tag == "green-channel");
            let green = decided.iter().filter(|decision| opens(decision)).count();
            opened_green += green;
            for (called, teams) in escalations(&decided) {
                prop_assert!(called > level || (called == level && green == 1), "level {} after {}", called, level);
                prop_assert!(!teams.is_empty());
                level = called;
            }
            told += decided.iter().filter(|decision| decision.rule == "F4").count();
            let tags: Vec<&String> = it.tags.iter().filter(|tag| tag.starts_with("escalation:")).collect();
            prop_assert_eq!(tags.len(), usize::from(level > 1), "{:?}", tags);
            prop_assert!(decided.iter().all(|decision| !decision.rule.is_empty() && !decision.why.is_empty()));
        }
        prop_assert!(opened_green <= 1 && told <= 2 + opened_green, "told {} times", told);
    }
}
