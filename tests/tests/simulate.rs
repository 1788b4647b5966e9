//! `tributary simulate` as a shop uses it: a desk as `init` writes it, a scenario, a report.
#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]
use serde_json::Value;
use tributary_tests::Desk;

/// An hour of a small shop: one agent for everything, one for money.
const HOUR: &str = r#"
about = "An hour"
start = "2026-05-11T09:00:00+08:00[Asia/Shanghai]"
days = 1
after-hours = 2
seed = 5
[[agents]]
name = "care"
count = 3
teams = ["service", "after-sales", "logistics"]
capacity = 2
from = 9
to = 12
[[agents]]
name = "risk"
count = 1
teams = ["risk", "service"]
skills = ["payments"]
senior = true
capacity = 2
from = 0
to = 24
[[traffic]]
name = "question"
channel = "webchat"
per-day = 60
to-hour = 1
hours = [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
texts = ["Which size should I take?", "这款有货吗"]
more = ["thanks"]
rounds = 1.5
handling = 60
answer = "Take the larger one; we have both in stock."
[[traffic]]
name = "emergency"
channel = "wechat"
per-day = 4
to-hour = 1
hours = [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
texts = ["我的账号被盗了，有人正在用我的钱下单！"]
handling = 90
answer = "已冻结，专员马上联系您。"
"#;

fn simulate(desk: &Desk, scenario: &str, words: &[&str]) -> Value {
    let file = desk.dir.join("scenario.toml");
    std::fs::write(&file, scenario).unwrap();
    let mut command = desk.command(&["simulate", "--json", "--day", file.to_str().unwrap()]);
    let output = command.args(words).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What does not depend on the real clock.
fn timeless(mut report: Value) -> Value {
    let report_map = report.as_object_mut().unwrap();
    for key in ["took", "claim_ms", "full_claim_ms"] {
        report_map.remove(key);
    }
    report
}

#[test]
fn an_hour_has_a_report_and_the_same_seed_the_same_hour() {
    let desk = Desk::setup().init();
    let report = simulate(&desk, HOUR, &[]);
    assert_eq!(report["broken"], Value::Array(Vec::new()), "{report}");
    let count = report["conversations"].as_u64().unwrap();
    assert!((55..75).contains(&count), "{count}");
    assert!(report["messages"].as_u64().unwrap() > count);
    assert_eq!(report["left_open"], 0, "{report}");
    assert_eq!(report["all"]["closed"], 100.0);
    let emergency = report["classes"].as_array().unwrap().iter().find(|it| it["name"] == "emergency").unwrap();
    assert_eq!(emergency["escalated"], 100.0, "the green channel: {report}");
    let clocks: Vec<&str> =
        report["clocks"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert!(clocks.contains(&"connect"), "{clocks:?}");
    assert_eq!(timeless(report.clone()), timeless(simulate(&desk, HOUR, &[])), "the same hour");
    assert_ne!(timeless(report), timeless(simulate(&desk, HOUR, &["--seed", "6"])), "another one");
}

/// The page that the README shows, and what is wrong with a scenario.
#[test]
fn a_report_is_for_people_and_a_bad_scenario_says_where() {
    let desk = Desk::setup().init();
    let file = desk.dir.join("scenario.toml");
    std::fs::write(&file, HOUR).unwrap();
    let said = desk.command(&["simulate", "--day", file.to_str().unwrap()]).output().unwrap();
    let text = String::from_utf8(said.stdout).unwrap();
    for part in ["An hour:", "IN 30 S", "connect", "BUSY", "Longest queue", "p99"] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    std::fs::write(&file, HOUR.replace("capacity = 2", "capacity = 0").replace("handling = 60", "handling = 0"))
        .unwrap();
    let refused = desk.command(&["simulate", "--day", file.to_str().unwrap()]).output().unwrap();
    let text = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(64), "{text}");
    for part in ["agents.1.capacity", "agents.2.capacity", "traffic.1.handling"] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    let unknown = desk.command(&["simulate", "--day", "doomsday"]).output().unwrap();
    let text = String::from_utf8(unknown.stderr).unwrap();
    assert!(!unknown.status.success() && text.contains("normal-week, double-11, incident"), "{text}");
    let printed = desk.command(&["simulate", "--print", "incident"]).output().unwrap();
    assert!(String::from_utf8(printed.stdout).unwrap().contains("[[traffic]]"));
}
