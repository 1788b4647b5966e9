//! The cases in `fixtures`: a configuration, a token, a call, and what is expected of it. A new case needs no Rust.
use crate::world::{NOW, ORIGIN, World};
use channel_webchat::Webchat;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use tributary_sdk::testing::{self, differs, files};
use tributary_sdk::types::Attribute;
use tributary_sdk::web::Request;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    about: String,
    #[serde(default)]
    config: Map<String, Value>,
    /// The claims of a token of the shop; `exp` is a minute ahead where there is none.
    token: Option<Map<String, Value>>,
    call: Call,
    expect: Expected,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    method: String,
    url: String,
    /// Beside `origin`, which is the shop's where the case has none; an empty one: no such header.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    json: Option<Value>,
    #[serde(default)]
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    status: u16,
    /// The refusal's word.
    error: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// What every event has to contain, in order.
    #[serde(default)]
    events: Vec<Value>,
    /// What every item of the feed has to contain, its text as JSON.
    #[serde(default)]
    feed: Vec<Value>,
}

fn check(name: &str, case: Case) {
    let world = World::new(Value::Object(case.config));
    let mut headers = vec![];
    if !case.call.headers.contains_key("origin") {
        headers.push(Attribute::new("origin", ORIGIN));
    }
    let given = case.call.headers.iter().filter(|(_, value)| !value.is_empty());
    headers.extend(given.map(|(name, value)| Attribute::new(name, value)));
    if let Some(mut claims) = case.token {
        claims.entry("exp").or_insert_with(|| (NOW / 1000 + 60).into());
        let token = world.signed(&Value::Object(claims));
        headers.push(Attribute::new("authorization", format!("Bearer {token}")));
    }
    let body = case.call.json.map_or(case.call.text, |json| json.to_string()).into_bytes();
    let (events, answer) = world.call(Request { method: case.call.method, url: case.call.url, headers, body });

    let about = format!("{name}: {}", case.about);
    let said = String::from_utf8_lossy(&answer.body);
    assert_eq!(answer.status, case.expect.status, "{about}\n{said}");
    let error = serde_json::from_slice(&answer.body).unwrap_or(Value::Null)["error"].as_str().map(str::to_owned);
    assert_eq!(error, case.expect.error, "{about}");
    for (header, value) in &case.expect.headers {
        let expected = Some(value.as_str()).filter(|value| !value.is_empty());
        assert_eq!(answer.header(header), expected, "{about}: {header}");
    }
    let events = serde_json::to_value(&events).unwrap();
    assert_eq!(differs(&events, &json!(case.expect.events)), None, "{about}\nfound {events:#}");
    let feed: Vec<Value> = world
        .host
        .feed()
        .into_iter()
        .map(|item| json!({ "topic": item.topic, "key": item.key, "name": item.name, "data": serde_json::from_str::<Value>(&item.data).unwrap() }))
        .collect();
    assert_eq!(differs(&json!(feed), &json!(case.expect.feed)), None, "{about}\nfound {feed:#?}");
}

#[test]
fn the_cases_of_the_fixtures() {
    let files = files(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures"), &["toml"]).unwrap();
    for path in &files {
        let name = path.file_name().unwrap().to_string_lossy();
        let text = std::fs::read_to_string(path).unwrap();
        let case: Case = toml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        check(&name, case);
    }
    assert!(files.len() >= 15, "{} cases", files.len());
}

#[test]
fn the_example_is_right() {
    testing::check_example::<Webchat>(include_str!("../../example.toml"), &[]).unwrap();
}
