//! Every case of `fixtures/`.
use policy_service_clock::ServiceClock;
use serde_json::{Value, json};
use tributary_sdk::testing::{check_folder, check_refusals};

#[test]
fn every_case_agrees() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures");
    check_folder::<ServiceClock>(folder).unwrap_or_else(|problems| panic!("{problems}"));
}

#[test]
fn a_table_that_cannot_work_is_refused_with_its_key() {
    let with = |key: &str, value: Value| {
        let mut row = json!({ "name": "a", "rule": "X1", "means": "m", "start": ["message"], "target": "1 h" });
        row[key] = value;
        json!({ "clocks": [row] })
    };
    let mut lasting = with("start", json!(["tag vip"]));
    lasting["clocks"][0]["again"] = json!("when-stopped");
    let wrong = [
        (json!({ "attribute": "" }), "`attribute`"),
        (json!({ "working-day": "a while" }), "`working-day`"),
        (json!({ "warn-at-percent": 100 }), "warn-at-percent"),
        (with("name", json!("a:b")), "`clocks.0.name`"),
        (with("rule", json!("")), "`clocks.0.rule`"),
        (with("start", json!([])), "`clocks.0.start`"),
        (with("start", json!(["customer-wrote"])), "`clocks.0.start`"),
        (with("stop", json!(["order lost"])), "`clocks.0.stop`"),
        (with("target", json!("31 d")), "`clocks.0.target`"),
        (with("target", json!(0)), "`clocks.0.target`"),
        (with("warn-at-percent", json!(100)), "warn-at-percent"),
        (with("grades", json!(["grave"])), "`clocks.0.grades`"),
        (with("grade", json!("emergency")), "grade"),
        (with("again", json!("sometimes")), "sometimes"),
        (lasting, "`clocks.0.again`"),
    ];
    check_refusals::<ServiceClock>(&json!({}), &wrong).unwrap();
}
