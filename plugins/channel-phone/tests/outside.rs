//! Documents that somebody else wrote (`../shared/data/phone`): they come in without loss.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use channel_phone::Phone;
use channel_phone::vtt::Vtt;
use serde_json::{Value, json};
use tributary_sdk::testing::{self, FakeHost};
use tributary_sdk::types::{ChannelEvent, Inbound};
use tributary_sdk::{Arrival, Channel, Document, Rejection};

/// Where the data is; none where this checkout stands alone.
fn data(folder: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/phone").join(folder);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("left out: {}, because it is not there", folder.display());
    None
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.extension().is_some_and(|extension| extension == ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The message of a document, and everything that came out of it: its text, its attributes and its files.
fn come_in(name: &str, data: Vec<u8>, config: &Value) -> Result<(Inbound, String), Rejection> {
    let host = FakeHost::new().now(1_790_000_000_000);
    let phone: Phone = testing::with(&host, || testing::prepare(config.clone())).unwrap();
    let document = Document { name: name.into(), media_type: String::new(), data: data.clone() };
    let reading = testing::with(&host, || phone.receive(Arrival::Document(document)))?;
    let [ChannelEvent::Message(message)] = &reading.events[..] else { panic!("{name}: one message") };
    let mut out = message.content.text.clone();
    assert!(!out.is_empty() && !message.from.is_empty(), "{name}");
    let blobs = host.blobs();
    let original = &message.content.attachments[0];
    assert_eq!(blobs[&original.blob], data, "{name}: the file as it came is the first attachment");
    for file in message.content.attachments.iter().filter(|file| file.name == "transcript.json") {
        let transcript: Value = serde_json::from_slice(&blobs[&file.blob]).unwrap();
        texts(&transcript, "text", &mut out);
    }
    Ok((message.clone(), out))
}

/// Every value of a key in a document, on lines of their own.
fn texts(value: &Value, key: &str, out: &mut String) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                match value {
                    Value::String(text) if name == key => {
                        out.push('\n');
                        out.push_str(text);
                    }
                    value => texts(value, key, out),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| texts(value, key, out)),
        _ => {}
    }
}

/// The items of a list that may be absent.
fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Letters and digits alone: layout does not count as a loss.
fn bare(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

#[test]
fn every_vcon_comes_in() {
    let Some(folder) = data("vcon") else { return };
    let files = files(&folder, "vcon");
    let mut refused = Vec::new();
    for path in &files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let raw = std::fs::read(path).unwrap();
        let document: Value = serde_json::from_slice(&raw).unwrap();
        let (message, out) = match come_in(&name, raw, &json!({})) {
            Ok(told) => told,
            Err(rejection) => {
                refused.push(format!("{name}: {rejection:?}"));
                continue;
            }
        };
        // What is signed is looked at by its payload.
        let document = match document.get("payload") {
            Some(payload) => {
                let payload = data_encoding::BASE64URL_NOPAD.decode(payload.as_str().unwrap().as_bytes()).unwrap();
                assert_eq!(message.attribute("vcon-signature"), Some("unverified"), "{name}");
                serde_json::from_slice(&payload).unwrap()
            }
            None => document,
        };
        if let Some(uuid) = document.get("uuid") {
            assert_eq!(message.external_id.as_deref(), uuid.as_str(), "{name}");
        }
        let out = bare(&out);
        let mut expected = String::new();
        texts(&json!({"text": document["text"]}), "text", &mut expected);
        for dialog in list(&document["dialog"]) {
            if dialog["type"] == "text" && dialog["mediatype"].as_str().unwrap().starts_with("text/plain") {
                expected.push_str(&format!("\n{}", dialog["body"].as_str().unwrap()));
            }
            if let Some(url) = dialog["url"].as_str() {
                assert_eq!(message.attribute("recording"), Some(url), "{name}");
                assert!(message.attribute("recording-hash").unwrap().starts_with("sha512-"), "{name}");
            }
            // A multipart body: its first text and its files.
            if let Some(body) = dialog["body"].as_str().filter(|body| body.contains("Content-Type: text/plain")) {
                let part = body.split("Content-Type: text/plain").nth(1).unwrap();
                let text = part.split_once("\r\n\r\n").unwrap().1.split("\r\n--").next().unwrap();
                expected.push_str(&format!("\n{text}"));
                let attached = body.matches("Content-Disposition: attachment").count();
                assert!(message.content.attachments.len() > attached, "{name}");
            }
        }
        for analysis in list(&document["analysis"]) {
            texts(&analysis["body"], "text", &mut expected);
        }
        for line in expected.lines() {
            assert!(out.contains(&bare(line)), "{name} lost {line:?}");
        }
        for party in list(&document["parties"]) {
            let known = message.attribute("parties").unwrap();
            for key in ["name", "tel", "mailto"] {
                assert!(party[key].as_str().is_none_or(|value| known.contains(value)), "{name}: {key} in {known}");
            }
        }
    }
    println!("{} of {} came in\n{}", files.len() - refused.len(), files.len(), refused.join("\n"));
    // One is encrypted.
    let names: Vec<&str> = refused.iter().filter_map(|words| words.split(':').next()).collect();
    assert_eq!(names, ["ab_call_ext_rec_encrypted.vcon"]);
}

#[test]
fn a_signature_is_checked_with_the_certificate() {
    let Some(folder) = data("vcon") else { return };
    let raw = std::fs::read(folder.join("ab_call_ext_rec_signed.vcon")).unwrap();
    let document: Value = serde_json::from_slice(&raw).unwrap();
    let certificate = |index: usize| {
        let der = document["signatures"][0]["header"]["x5c"][index].as_str().unwrap();
        format!("-----BEGIN CERTIFICATE-----\n{der}\n-----END CERTIFICATE-----\n")
    };
    let lines = |pem: String| {
        let body =
            pem.lines().nth(1).unwrap().as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned());
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", body.collect::<Vec<_>>().join("\n"))
    };
    let (signer, other) = (lines(certificate(0)), lines(certificate(1)));
    let (message, _) = come_in("a", raw.clone(), &json!({"vcon-keys": [other, signer]})).unwrap();
    assert_eq!(message.attribute("vcon-signature"), Some("verified"));
    let (other, signer) = (lines(certificate(1)), lines(certificate(0)));
    let wrong = |raw: Vec<u8>, key: &str| match come_in("a", raw, &json!({"vcon-keys": [key]})) {
        Err(Rejection::Malformed(words)) => assert!(words.contains("vcon-keys"), "{words}"),
        other => panic!("{other:?}"),
    };
    wrong(raw.clone(), &other);
    // One letter of what is signed is another.
    let mut changed = document.clone();
    let payload = changed["payload"].as_str().unwrap().to_owned();
    let payload = data_encoding::BASE64URL_NOPAD.decode(payload.as_bytes()).unwrap();
    let payload = String::from_utf8(payload).unwrap().replace("Alice", "Alicf");
    changed["payload"] = data_encoding::BASE64URL_NOPAD.encode(payload.as_bytes()).into();
    wrong(changed.to_string().into_bytes(), &signer);
}

#[test]
fn every_webvtt_agrees() {
    let Some(folder) = data("webvtt") else { return };
    let mut wrong = Vec::new();
    let (mut own, mut shared, mut voices) = (0, 0, 0);
    let files = files(&folder, "vtt");
    for path in &files {
        let name = path.strip_prefix(&folder).unwrap().display().to_string();
        let raw = std::fs::read(path).unwrap();
        let text = channel_phone::charset::decode(&raw);
        let got = Vtt::parse(&text).map(|file| file.cues).unwrap_or_default();
        let got: Vec<Value> = got
            .iter()
            .map(|cue| json!({"startTime": cue.start, "endTime": cue.end, "id": cue.id, "text": cue.text}))
            .collect();
        let expected = |path: &Path| -> Value {
            let mut file: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
            let cues = file["cues"].as_array_mut().unwrap().drain(..);
            cues.map(|cue| {
                let millis = |key: &str| (cue[key].as_f64().unwrap() * 1000.0).round() as u64;
                json!({"startTime": millis("startTime"), "endTime": millis("endTime"), "id": cue["id"], "text": cue["text"]})
            })
            .collect()
        };
        let beside = path.with_extension("json");
        if beside.is_file() {
            own += 1;
            if expected(&beside) != json!(got) {
                wrong.push(format!("{name}\n   got {}\nwanted {}", json!(got), expected(&beside)));
            }
        } else {
            // Several files of a folder share an expectation under another name. Which of them it is, the rendering
            // beside each file says by the number of its boxes; where there is none, there is no cue.
            shared += 1;
            let stem = path.file_stem().unwrap().to_string_lossy();
            let rendering = std::fs::read(path.with_file_name(format!("{stem}-proc.json")));
            let boxes = rendering.map_or(0, |json| serde_json::from_slice::<Vec<Value>>(&json).unwrap().len());
            let own_folder = path.parent().unwrap();
            let agrees = got.len() == boxes
                && std::fs::read_dir(own_folder).unwrap().map(|entry| entry.unwrap().path()).any(|path| {
                    let name = path.file_name().unwrap().to_string_lossy();
                    name.ends_with(".json") && !name.ends_with("-proc.json") && expected(&path) == json!(got)
                });
            if !agrees {
                wrong.push(format!("{name} (shared)\n   got {}", json!(got)));
            }
        }
        if !got.is_empty()
            && let Ok((_, out)) = come_in(&name, raw.clone(), &json!({}))
        {
            let out = bare(&out);
            for cue in &got {
                for span in channel_phone::vtt::spans(cue["text"].as_str().unwrap()) {
                    voices += 1;
                    assert!(out.contains(&bare(&span.text)), "{name} lost {:?}", span.text);
                    assert!(span.voice.is_none_or(|voice| out.contains(&bare(&voice))), "{name} lost a voice");
                }
            }
        }
    }
    println!("{} files: {own} with their own expectation, {shared} with a shared one, {voices} texts", files.len());
    // A cue right below the signature: the W3C's algorithm reads it, the parser of these expectations does not.
    wrong.retain(|words| !words.starts_with("file-layout/header-no-new-line.vtt"));
    assert!(wrong.is_empty(), "{} differ\n{}", wrong.len(), wrong.join("\n"));
}
