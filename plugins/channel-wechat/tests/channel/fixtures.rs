//! Every message in `fixtures/` against what stands beside it: `NAME.xml` and `NAME.json`. A new case needs no Rust.
//!
//! The JSON has `expect`, the events in order, each with the keys it cares about (of `attributes` those that it names;
//! `null` is "there is none"); `config`, `poll-now`, and `wants`, the file that is noted for later. Each message comes in
//! three times: in clear, encrypted, and in both forms at once.
use std::path::PathBuf;

use serde_json::{Value, json};
use tributary_sdk::testing::{differs, files};

use crate::support::{APP, account, encrypted, host, plain, receive, told};

pub fn fixtures() -> Vec<PathBuf> {
    files(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures"), &["xml"]).unwrap()
}

#[test]
fn every_fixture_reads_as_expected_in_every_mode() {
    let files = fixtures();
    let mut problems = Vec::new();
    for path in &files {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let body = std::fs::read(path).unwrap();
        let case: Value = serde_json::from_slice(&std::fs::read(path.with_extension("json")).unwrap()).unwrap();
        let clear = String::from_utf8_lossy(&body).replace("<xml>", "").replace("</xml>", "");
        let clear = if body.starts_with(b"<?") { "" } else { clear.trim() };
        let calls = [
            ("plain", plain(&body)),
            ("compatible", plain(&body)),
            ("compatible", encrypted(&body, APP, clear)),
            ("encrypted", encrypted(&body, APP, "")),
        ];
        for (mode, call) in calls {
            let mut config = json!({ "mode": mode });
            config.as_object_mut().unwrap().extend(case["config"].as_object().cloned().unwrap_or_default());
            let host = host();
            let reading = receive(&host, &account(&config), &call).unwrap();
            let found: Vec<Value> = reading.events.iter().map(told).collect();
            problems.extend(
                differs(&Value::Array(found), &case["expect"]).map(|problem| format!("{name} ({mode}) {problem}")),
            );
            assert_eq!(reading.poll_now, case["poll-now"] == json!(true), "{name}");
            assert_eq!(reading.answer.unwrap().body, b"success", "{name}");
            let wants = host.state_value("media/1234567890123456").map(|value| serde_json::from_slice(&value).unwrap());
            assert!(differs(&wants.unwrap_or_default(), &case["wants"]).is_none(), "{name}");
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(files.len() >= 25, "only {} fixtures", files.len());
}
