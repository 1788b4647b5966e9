//! The parse of mails that somebody else collected, against what they expect (`../shared/data`, see the README there):
//! from, subject, text and number of files, before anything is normalised or trimmed.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use channel_email::{Email, header, html, mime};
use serde_json::Value;
use tributary_sdk::testing::{self, FakeHost};
use tributary_sdk::{Arrival, Channel, Envelope, Rejection};

fn data(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/mail").join(name);
    folder.is_dir().then_some(folder)
}

fn crlf(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut last = 0;
    for byte in bytes {
        if *byte == b'\n' && last != b'\r' {
            out.push(b'\r');
        }
        out.push(*byte);
        last = *byte;
    }
    out
}

fn expected(document: &Value, field: &str) -> Option<Value> {
    let headers = document["parts"][0]["headers"].as_array()?;
    headers.iter().find(|header| header["name"] == field).map(|header| header["value"].clone())
}

fn expected_from(document: &Value) -> Option<String> {
    let value = expected(document, "from")?;
    let list = &value["Address"]["List"];
    let first = if list.is_null() { &value["Address"]["Group"][0]["addresses"][0] } else { &list[0] };
    first["address"].as_str().map(str::to_owned)
}

/// Text parts as they are, HTML parts as words, white space collapsed: the renderings of HTML differ in line ends.
fn expected_text(document: &Value) -> String {
    let mut out = String::new();
    for id in document["text_body"].as_array().into_iter().flatten() {
        let body = &document["parts"][id.as_u64().unwrap() as usize]["body"];
        if let Some(text) = body["Text"].as_str() {
            out.push_str(text);
        } else if let Some(text) = body["Html"].as_str() {
            out.push_str(&html::to_text(text));
        }
        out.push('\n');
    }
    out
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Where the expectation has a character that could not be read, we may have read it.
fn agrees(got: &str, wanted: &str) -> bool {
    got.chars().count() == wanted.chars().count()
        && got.chars().zip(wanted.chars()).all(|(got, wanted)| got == wanted || wanted == '\u{FFFD}')
}

#[test]
fn the_parse_agrees() {
    let Some(data) = data("mail-parser") else {
        println!("left out: collected mails, because there is no ../shared/data");
        return;
    };
    let parser = mime::parser();
    let mut agree: BTreeMap<&str, usize> = BTreeMap::new();
    let mut count = 0;
    let mut differ = Vec::new();
    for suite in ["legacy", "malformed", "rfc", "thirdparty"] {
        let mut names: Vec<_> =
            std::fs::read_dir(data.join(suite)).unwrap().map(|entry| entry.unwrap().path()).collect();
        names.retain(|path| path.extension().is_some_and(|extension| extension == "eml"));
        names.sort();
        for path in names {
            let bytes = std::fs::read(&path).unwrap();
            let without: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != b'\r').collect();
            for (raw, extension) in [(without, "json"), (crlf(&bytes), "crlf.json")] {
                let document: Value =
                    serde_json::from_slice(&std::fs::read(path.with_extension(extension)).unwrap()).unwrap();
                let mail = mime::Mail::parse(&parser, &raw).expect("a mail");
                count += 1;
                let from = mail
                    .field(&mail_parser::HeaderName::From)
                    .and_then(|raw| header::addresses(raw, None).into_iter().next());
                let subject = mail.field(&mail_parser::HeaderName::Subject).and_then(|raw| header::text(raw, None));
                let wanted_subject =
                    expected(&document, "subject").and_then(|value| value["Text"].as_str().map(header::one_line));
                let mut field = |name, got: String, wanted: String| {
                    let same = agrees(&got, &wanted);
                    *agree.entry(name).or_default() += usize::from(same);
                    if !same {
                        let cut = |text: &str| text.chars().take(600).collect::<String>();
                        differ.push(format!(
                            "{suite}/{}.{extension} {name}:\n   got {:?}\nwanted {:?}",
                            path.file_stem().unwrap().display(),
                            cut(&got),
                            cut(&wanted)
                        ));
                    }
                };
                field(
                    "from",
                    from.map(|(_, address)| address).unwrap_or_default(),
                    expected_from(&document).unwrap_or_default(),
                );
                field("subject", subject.unwrap_or_default(), wanted_subject.unwrap_or_default());
                field("text", words(&mail.text()), words(&expected_text(&document)));
                field(
                    "files",
                    mail.file_count().to_string(),
                    document["attachments"].as_array().unwrap().len().to_string(),
                );
            }
        }
    }
    println!("of {count}: {agree:?}\n{}", differ.join("\n"));
    for (field, agreed) in agree {
        // Two texts differ for good: words behind the padding of base64 (one mail, both line ends), and one UTF-16 text
        // whose odd last byte came from adding carriage returns.
        let allowed = if field == "text" { 3 } else { 0 };
        assert!(agreed + allowed >= count, "{field}: {agreed} of {count}\n{}", differ.join("\n"));
    }
}

/// Every mail of every collection comes in as a message, but for two texts that are none.
#[test]
fn every_mail_comes_in() {
    let Some(data) = data("mime4j").and_then(|folder| folder.parent().map(Path::to_path_buf)) else {
        println!("left out: collected mails, because there is no ../shared/data");
        return;
    };
    let mut folders = vec![data];
    let mut count = 0;
    let host = FakeHost::new().now(1_760_000_000_000);
    let email: Email = testing::prepare(serde_json::json!({"from": "support@shop.example"})).unwrap();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
            if !matches!(extension, "eml" | "msg" | "txt") {
                continue;
            }
            let mut data = std::fs::read(&path).unwrap();
            if extension == "txt" {
                // A text without fields.
                data.splice(0..0, *b"From: a@b.cn\r\n\r\n");
            }
            for data in [crlf(&data), data] {
                let envelope =
                    Envelope { mail_from: "a@b.cn".into(), rcpt_to: vec!["support@shop.example".into()], data };
                let reading = testing::with(&host, || email.receive(Arrival::Mail(envelope)));
                if path.to_string_lossy().ends_with("-noheader.msg") {
                    // Text without a single field: parked, as it came.
                    assert!(matches!(reading, Err(Rejection::Malformed(_))), "{}", path.display());
                    continue;
                }
                assert!(reading.is_ok_and(|reading| !reading.events.is_empty()), "{}", path.display());
                count += 1;
            }
        }
    }
    println!("{count} mails came in");
    assert!(count > 200, "only {count}");
}
