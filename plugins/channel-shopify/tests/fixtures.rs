//! Every case in `fixtures/`: deliveries one after the other, and what each tells. A new case needs no Rust.
//!
//! A delivery is `topic`, `body`, and with defaults `id` and `triggered-at`; `tells` lists the events expected of it (of
//! each the keys that matter), `rejected` is the word of a rejection instead, and `poll` the answers of the Admin API with
//! what the channel tells once it has looked orders up.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#[path = "support/shop.rs"]
mod shop;

use serde_json::{Value, json};
use shop::{answer, deliver, host, poll, signed};
use tributary_sdk::Rejection;
use tributary_sdk::testing::{differs, files, told};

fn run(name: &str, case: &Value) -> Vec<String> {
    let mut host = host();
    let channel = shop::shop(&host, case.get("config").cloned().unwrap_or_else(|| json!({})));
    let mut problems = Vec::new();
    for (number, delivery) in case["deliveries"].as_array().unwrap().iter().enumerate() {
        let place = format!("{name}, delivery {}", number + 1);
        let body = delivery["body"].to_string();
        let at = delivery["triggered-at"].as_str().unwrap_or("2026-11-29T10:00:00Z");
        let id = delivery["id"].as_str().map_or_else(|| format!("delivery-{number}"), str::to_owned);
        let request = signed(&host, "shopify-secret", delivery["topic"].as_str().unwrap(), &id, at, body.as_bytes());
        let reading = deliver(&host, &channel, request);
        let found = match &reading {
            Ok(reading) => Value::Array(reading.events.iter().map(told).collect()),
            Err(Rejection::Ignored(_)) => json!("ignored"),
            Err(Rejection::Malformed(_)) => json!("malformed"),
            Err(Rejection::Unauthenticated(_)) => json!("unauthenticated"),
        };
        let wanted = delivery.get("rejected").or_else(|| delivery.get("tells")).cloned().unwrap_or_else(|| json!([]));
        problems.extend(differs(&found, &wanted).map(|problem| format!("{place}: {problem}")));
        let Some(asked) = delivery.get("poll") else {
            assert!(reading.is_err() || !reading.unwrap().poll_now, "{place} asks for a poll");
            continue;
        };
        assert!(reading.unwrap().poll_now, "{place} asks for no poll");
        for told in asked["answers"].as_array().unwrap() {
            host = host.http_answer(answer(told));
        }
        let batch = poll(&host, &channel).unwrap();
        let found = Value::Array(batch.events.iter().map(told).collect());
        problems.extend(differs(&found, &asked["tells"]).map(|problem| format!("{place}, poll: {problem}")));
    }
    problems
}

#[test]
fn every_case_tells_what_is_expected() {
    let files = files(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures"), &["json"]).unwrap();
    let mut problems = Vec::new();
    for path in &files {
        let case = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        problems.extend(run(&path.file_stem().unwrap().to_string_lossy(), &case));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(files.len() >= 10, "only {} cases", files.len());
}
