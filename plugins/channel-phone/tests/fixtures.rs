//! Every `fixtures/*.json` is a case, or a list of cases. A new one needs no Rust.
//!
//! `about` says what it shows; `config`, `now` and `secrets` are the host's, with defaults below. `steps` are, in order,
//! `{"document": FILE}` (beside the case), `{"name": …, "json": …}` or `{"name": …, "text": …}` (a document in place),
//! `{"twilio": PATH, "form": …}` or `{"twilio": PATH, "json": …}` (signed), `{"http": PATH, "headers": …, "text": …}`, and
//! `{"poll": [answers]}`; each may have `after` (seconds since the last step). An answer is `{"status": …, "json": …}` or
//! has `text` and `headers`. `events` is all that the steps told, of each the keys that are given: see [`told`].
//! `refused` is `malformed`, `unauthenticated` or `ignored`, for the last step, with `words` that its text contains;
//! `answer` is what the last step answers; `requests` are `METHOD URL` of all that was sent. Each arrival is handed in
//! twice: the second time it tells the same.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use channel_phone::Phone;
use channel_phone::signature::{Algorithm, twilio_signature};
use serde_json::{Map, Value, json};
use tributary_sdk::testing::{self, FakeHost};
use tributary_sdk::types::{Attribute, ChannelEvent, DeliveryState, HandleKind};
use tributary_sdk::web::{Request, Response};
use tributary_sdk::{Arrival, Channel, Document, Poller, Rejection};

const NOW: u64 = 1_795_947_300_000;
const TOKEN: &str = "12345";
const PUBLIC: &str = "https://desk.shop.example/hooks/phone";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn headers(value: &Value) -> Vec<Attribute> {
    let object = value.as_object().cloned().unwrap_or_default();
    object.iter().map(|(name, value)| Attribute::new(name, value.as_str().unwrap())).collect()
}

/// A body in place: `json`, or `text`.
fn body(step: &Value) -> Vec<u8> {
    match step.get("json") {
        Some(json) => json.to_string().into_bytes(),
        None => text(step, "text").as_bytes().to_vec(),
    }
}

fn arrival(step: &Value) -> Arrival {
    if let Some(path) = step["twilio"].as_str() {
        let mut url = path.to_owned();
        let (kind, form, body) = match step.get("json") {
            Some(json) => {
                let body = json.to_string().into_bytes();
                url = format!("{path}?bodySHA256={}", FakeHost::blob_id(&body));
                ("application/json", Vec::new(), body)
            }
            None => {
                let form: Vec<(String, String)> = step["form"]
                    .as_object()
                    .unwrap()
                    .iter()
                    .map(|(name, value)| {
                        (name.clone(), value.as_str().map_or_else(|| value.to_string(), str::to_owned))
                    })
                    .collect();
                let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&form).finish();
                ("application/x-www-form-urlencoded", form, body.into_bytes())
            }
        };
        let signature = twilio_signature(TOKEN, &format!("{PUBLIC}{url}"), &form, Algorithm::Sha1).unwrap();
        let signed = vec![Attribute::new("content-type", kind), Attribute::new("x-twilio-signature", signature)];
        return Arrival::Http(Request { method: "POST".into(), url, headers: signed, body });
    }
    if let Some(path) = step["http"].as_str() {
        let method = step["method"].as_str().unwrap_or("POST").into();
        return Arrival::Http(Request {
            method,
            url: path.into(),
            headers: headers(&step["headers"]),
            body: body(step),
        });
    }
    let (name, data) = match step["document"].as_str() {
        Some(file) => (file, std::fs::read(folder().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))),
        None => (text(step, "name"), body(step)),
    };
    Arrival::Document(Document { name: name.into(), media_type: String::new(), data })
}

fn answer(answer: &Value) -> Response {
    Response {
        status: u16::try_from(answer["status"].as_u64().unwrap_or(200)).unwrap(),
        headers: headers(&answer["headers"]),
        body: body(answer),
    }
}

/// What was told, in the words of the cases: `message`, `supplement` or `delivery`, and what it holds.
fn told(event: &ChannelEvent, host: &FakeHost) -> Value {
    let files = |files: &[tributary_sdk::types::Attachment]| -> Value {
        files.iter().map(|file| json!(format!("{} {}", file.name, file.media_type))).collect()
    };
    let attributes = |attributes: &[Attribute]| -> Value {
        let pairs = attributes.iter().map(|attribute| (attribute.name.clone(), json!(attribute.value)));
        Value::Object(pairs.collect::<Map<_, _>>())
    };
    let transcript = |files: &[tributary_sdk::types::Attachment]| -> Value {
        let file = files.iter().find(|file| file.name == "transcript.json");
        file.map_or(Value::Null, |file| serde_json::from_slice(&host.blobs()[&file.blob]).unwrap())
    };
    match event {
        ChannelEvent::Message(message) => json!({
            "message": message.external_id, "text": message.content.text, "subject": message.subject,
            "sent-at": message.sent_at, "display-name": message.display_name, "automatic": message.automatic,
            "from": message.from.iter().map(|handle| {
                let kind = match handle.kind {
                    HandleKind::Phone => "phone",
                    HandleKind::Email => "email",
                    HandleKind::Other => "other",
                    _ => "unexpected",
                };
                format!("{kind}{} {}", if handle.verified { " verified" } else { "" }, handle.value)
            }).collect::<Vec<_>>(),
            "thread-key": message.thread.thread_key, "in-reply-to": message.thread.in_reply_to,
            "files": files(&message.content.attachments), "attributes": attributes(&message.attributes),
            "transcript": transcript(&message.content.attachments),
        }),
        ChannelEvent::Supplement(supplement) => json!({
            "supplement": supplement.external_id, "text": supplement.text, "files": files(&supplement.attachments),
            "attributes": attributes(&supplement.attributes), "transcript": transcript(&supplement.attachments),
        }),
        ChannelEvent::Delivery(delivery) => json!({
            "delivery": match delivery.state {
                DeliveryState::Accepted => "accepted",
                DeliveryState::Delivered => "delivered",
                DeliveryState::Read => "read",
                DeliveryState::Failed => "failed",
                DeliveryState::Bounced => "bounced",
            },
            "outgoing-id": delivery.outgoing_id, "external-id": delivery.external_id, "detail": delivery.detail,
        }),
        _ => panic!("an event that no case expects"),
    }
}

/// Whether what is expected is there: of objects the keys that are given, anything else exactly.
fn covers(got: &Value, wanted: &Value) -> bool {
    match (got, wanted) {
        (Value::Object(got), Value::Object(wanted)) => {
            wanted.iter().all(|(key, wanted)| covers(got.get(key).unwrap_or(&Value::Null), wanted))
        }
        (Value::Array(got), Value::Array(wanted)) => {
            got.len() == wanted.len() && got.iter().zip(wanted).all(|(got, wanted)| covers(got, wanted))
        }
        (got, wanted) => got == wanted,
    }
}

/// Runs a case; the result is what is wrong with it.
fn run(case: &Value) -> Vec<String> {
    for key in case.as_object().unwrap().keys() {
        let known = ["about", "config", "now", "secrets", "steps", "events", "refused", "words", "answer", "requests"];
        assert!(known.contains(&key.as_str()), "{key} is no key of a case");
    }
    let mut config = json!({"public-url": PUBLIC, "default-country": "+49", "own-numbers": ["+4930111000"]});
    config.as_object_mut().unwrap().extend(case["config"].as_object().cloned().unwrap_or_default());
    let mut now = case["now"].as_u64().unwrap_or(NOW);
    let mut host = FakeHost::new().secret("twilio-auth-token", TOKEN).secret("document-token", "let me in");
    for (name, value) in case["secrets"].as_object().into_iter().flatten() {
        host = match value.as_str() {
            Some(value) => host.secret(name, value),
            None => host.missing_secret(name),
        };
    }
    let phone: Phone = testing::with(&host, || testing::prepare(config)).unwrap();
    let (mut events, mut problems) = (Vec::new(), Vec::new());
    let mut refusal = None;
    let mut last_answer = Value::Null;
    for step in case["steps"].as_array().unwrap() {
        now += step["after"].as_u64().unwrap_or(0) * 1000;
        host = host.now(now);
        if let Some(answers) = step["poll"].as_array() {
            for answered in answers {
                host = host.http_answer(Ok(answer(answered)));
            }
            match testing::with(&host, || phone.poll(None)) {
                Ok(batch) => events.extend(batch.events.iter().map(|event| told(event, &host))),
                Err(error) => problems.push(format!("poll: {error:?}")),
            }
            continue;
        }
        let read = || testing::with(&host, || phone.receive(arrival(step)));
        match (read(), read()) {
            (Ok(first), Ok(second)) => {
                if first.events != second.events {
                    problems.push("the second time it tells something else".into());
                }
                events.extend(first.events.iter().map(|event| told(event, &host)));
                last_answer = first.answer.map_or(
                    Value::Null,
                    |answer| json!({"status": answer.status, "text": String::from_utf8_lossy(&answer.body)}),
                );
                refusal = None;
            }
            (Err(first), _) => refusal = Some(first),
            (first, second) => problems.push(format!("first {first:?}, then {second:?}")),
        }
    }
    if let Some(wanted) = case.get("events") {
        if !covers(&json!(events), wanted) {
            problems.push(format!("   got {}\nwanted {wanted}", json!(events)));
        }
    } else if !events.is_empty() {
        problems.push(format!("it tells {}", json!(events)));
    }
    let (kind, words) = match &refusal {
        None => (Value::Null, String::new()),
        Some(Rejection::Malformed(words)) => (json!("malformed"), words.clone()),
        Some(Rejection::Unauthenticated(words)) => (json!("unauthenticated"), words.clone()),
        Some(Rejection::Ignored(words)) => (json!("ignored"), words.clone()),
    };
    if kind != case["refused"] || !words.contains(text(case, "words")) {
        problems.push(format!("refused {kind} {words:?} instead of {} {}", case["refused"], case["words"]));
    }
    if case.get("answer").is_some_and(|wanted| *wanted != last_answer) {
        problems.push(format!("answers {last_answer}"));
    }
    if let Some(wanted) = case.get("requests") {
        let sent: Value = host.requests().iter().map(|sent| json!(format!("{} {}", sent.method, sent.url))).collect();
        if sent != *wanted {
            problems.push(format!("sent {sent}"));
        }
    }
    problems
}

#[test]
fn every_case_reads_as_expected() {
    let files = testing::files(folder(), &["json"]).unwrap();
    let (mut count, mut problems) = (0, Vec::new());
    for path in &files {
        let case: Value = serde_json::from_slice(&std::fs::read(path).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let cases = case.as_array().cloned().unwrap_or_else(|| vec![case]);
        for case in cases {
            count += 1;
            let name = format!("{}: {}", path.file_name().unwrap().to_string_lossy(), text(&case, "about"));
            problems.extend(run(&case).into_iter().map(|problem| format!("{name}\n{problem}")));
        }
    }
    println!("{count} cases");
    assert!(problems.is_empty(), "{} of {count}\n{}", problems.len(), problems.join("\n\n"));
    assert!(count >= 60, "only {count} cases");
}
