//! Every pull in `fixtures/`: `items` as `sync_msg` gives them, and `expect`, the events in order, each with the keys it
//! cares about (of `attributes` those that it names; `null` is "there is none"). `wants` is the file that is noted for
//! later, `sent` our messages by their ids at the platform. A new case needs no Rust.
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{answering, company, host, page, poll};

/// What of `found` is other than wanted.
fn differs(found: &Value, wanted: &Value) -> Option<String> {
    let Value::Object(keys) = wanted else {
        return (found != wanted).then(|| format!("got {found}, wanted {wanted}"));
    };
    keys.iter().find_map(|(key, wanted)| match key.strip_suffix("-has") {
        Some(key) => {
            let has = found[key].as_str().unwrap_or_default().contains(wanted.as_str().unwrap());
            (!has).then(|| format!("{key}: got {}, wanted {wanted}", found[key]))
        }
        None => differs(&found[key], wanted).map(|problem| format!("{key}: {problem}")),
    })
}

#[test]
fn every_fixture_reads_as_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
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
        let wanted = case["expect"].as_array().unwrap();
        let problem = if found.len() == wanted.len() {
            found.iter().zip(wanted).find_map(|(found, wanted)| differs(found, wanted))
        } else {
            Some(format!("got {found:?}, wanted {wanted:?}"))
        };
        problems.extend(problem.map(|problem| format!("{name} {problem}")));
        let wants = host.state_value("media/from_msgid_4622416642169452483");
        let wants: Value = wants.map(|value| serde_json::from_slice(&value).unwrap()).unwrap_or_default();
        problems.extend(differs(&wants, &case["wants"]).map(|problem| format!("{name} wants {problem}")));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(files.len() >= 25, "only {} fixtures", files.len());
}
