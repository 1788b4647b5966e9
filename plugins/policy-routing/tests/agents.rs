//! What the policy remembers of who answered whom (E3), over several happenings and conversations.
#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]
use policy_routing::Routing;
use serde_json::{Value, json};
use tributary_sdk::desk::{Action, Decision};
use tributary_sdk::testing::{Case, FakeHost, prepare, with};
use tributary_sdk::{Policy, types::Timestamp};

const DAY: Timestamp = 86_400_000;

fn decide(host: &FakeHost, config: Value, case: Value) -> Vec<Decision> {
    let case: Case = serde_json::from_value(case).unwrap();
    let routing: Routing = prepare(config).unwrap();
    with(host, || routing.decide(&case.snapshot().unwrap(), &case.happening().unwrap())).unwrap()
}

fn preferred(decisions: &[Decision]) -> Option<&str> {
    decisions.iter().find_map(|decision| match &decision.action {
        Action::Route(route) => route.prefer_agent.as_deref(),
        _ => None,
    })
}

#[test]
fn the_next_conversation_knows_who_answered_the_last_one_for_as_long_as_that_counts() {
    let host = FakeHost::new().now(DAY);
    let answered =
        json!({ "conversation": { "team": "service", "assignee": "ann" }, "happening": { "agent-replied": "Yes." } });
    decide(&host, json!({}), answered.clone());
    assert_eq!(host.state_value("last-agent/contact").as_deref(), Some(&b"ann"[..]));

    let another = json!({ "conversation": { "id": "8" }, "message": { "text": "我又来了" } });
    let asked = |day: Timestamp| {
        preferred(&decide(&host.clone().now(day * DAY), json!({}), another.clone())).map(str::to_owned)
    };
    assert_eq!(asked(2).as_deref(), Some("ann"));
    assert_eq!(asked(90).as_deref(), Some("ann"));
    assert_eq!(asked(92), None);

    // An answer counts from its own day on, also where it is not the first.
    decide(&host.clone().now(80 * DAY), json!({}), answered);
    assert_eq!(asked(169).as_deref(), Some("ann"));
    assert_eq!(asked(171), None);
}

#[test]
fn where_nobody_is_waited_for_nobody_is_named() {
    for name in ["e3-emergency", "e3-named-only", "e3-off", "e8-breached", "e8-own-agent-only", "e4-high-value"] {
        let file = format!("{}/fixtures/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        let decisions = Case::read(file.as_ref()).unwrap().decide::<Routing>().unwrap();
        assert!(decisions.iter().any(|decision| matches!(decision.action, Action::Route(_))), "{name}");
        assert_eq!(preferred(&decisions), None, "{name}");
    }
}

#[test]
fn whoever_answers_takes_the_first_one_s_place_and_whoever_only_took_it_does_not() {
    let host = FakeHost::new().now(DAY).state("last-agent/contact", b"ann");
    let last = || host.state_value("last-agent/contact").unwrap();
    let taken = json!({ "conversation": { "team": "service" }, "happening": { "agent-claimed": "bo" } });
    decide(&host, json!({}), taken);
    assert_eq!(last(), b"ann");
    // The answer is out, and bo has let go.
    let attributes = json!({ "last-agent": "bo" });
    let answered = json!({
        "conversation": { "team": "service", "attributes": attributes }, "happening": { "agent-replied": "是的" }
    });
    assert_eq!(decide(&host, json!({}), answered), []);
    assert_eq!(last(), b"bo");
}

#[test]
fn nothing_is_remembered_where_the_last_agent_does_not_count() {
    for mode in ["named", "off"] {
        let host = FakeHost::new().now(DAY);
        for happening in [json!({ "agent-claimed": "ann" }), json!({ "agent-replied": "Yes." })] {
            let case = json!({ "conversation": { "team": "service", "assignee": "ann" }, "happening": happening });
            assert_eq!(decide(&host, json!({ "own-agent": mode }), case), [], "{mode}");
        }
        assert_eq!(host.state_value("last-agent/contact"), None);
    }
}
