//! Every pull in `fixtures/`: `items` as `sync_msg` gives them, and `expect`, the events in order, each with the keys it
//! cares about (of `attributes` those that it names; `null` is "there is none"). `wants` is the file that is noted for
//! later, `sent` our messages by their ids at the platform. A new case needs no Rust.
use serde_json::Value;
use tributary_sdk::testing::{differs, files};

use crate::support::{answering, company, host, page, poll};

#[test]
fn every_fixture_reads_as_expected() {
    let files = files(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures"), &["json"]).unwrap();
    let mut problems = Vec::new();
    for path in &files {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let case: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let mut host = answering(host(), &[page(case["items"].as_array().unwrap(), "c1", 0)]);
        for (id, outgoing) in case["sent"].as_object().into_iter().flatten() {
            host = host.state(&format!("sent/{id}"), outgoing.as_str().unwrap().as_bytes());
        }
        // Files are for another test: here nothing answers their call.
        let (found, _, _) = poll(&host, &company(&Value::Null), None).unwrap();
        problems.extend(differs(&Value::Array(found), &case["expect"]).map(|problem| format!("{name} {problem}")));
        let wants = host.state_value("media/from_msgid_4622416642169452483");
        let wants: Value = wants.map(|value| serde_json::from_slice(&value).unwrap()).unwrap_or_default();
        problems.extend(differs(&wants, &case["wants"]).map(|problem| format!("{name} wants {problem}")));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(files.len() >= 25, "only {} fixtures", files.len());
}
