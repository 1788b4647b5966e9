//! The adapter against python-telegram-bot (`tests/peers/telegram_peer.py`), against failures, and against anything at all.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use channel_telegram::Telegram;
use proptest::prelude::*;
use serde_json::{Value, json};
use tributary_sdk::prelude::*;
use tributary_sdk::testing::{self, FakeHost};

/// Runs `call` with an adapter that writes pieces of ten units.
fn with<R>(host: &FakeHost, call: impl FnOnce(&Telegram) -> R) -> R {
    testing::with(host, || call(&testing::prepare(json!({ "max-text": 10 })).unwrap()))
}

fn read(body: &[u8], secret: &str) -> Result<Reading, Rejection> {
    let headers = vec![Attribute::new("x-telegram-bot-api-secret-token", secret)];
    let arrival = Arrival::Http(Request { method: "POST".into(), url: "/".into(), headers, body: body.into() });
    with(&FakeHost::new().secret("telegram-webhook-secret", "s3cret"), |telegram| telegram.receive(arrival))
}

fn send(host: &FakeHost, text: &str) -> Result<Delivery, SendError> {
    let to = vec![Handle::verified(HandleKind::Other, "telegram/42")];
    let message = Outgoing { in_reply_to: Some("42/5".into()), ..testing::outgoing(to, Content::plain(text)) };
    with(host, |telegram| telegram.send(message))
}

fn answering(answers: &[(u16, &str)]) -> FakeHost {
    let host = FakeHost::new().secret("telegram-token", "1:TOKEN");
    answers.iter().fold(host, |host, (status, body)| host.http_answer(Ok(Response::body(*status, "", *body))))
}

fn calls(host: &FakeHost) -> Vec<Value> {
    let body = |call: &Request| serde_json::from_slice::<Value>(&call.body).unwrap();
    let call = |call: Request| json!({"url": call.url, "method": call.method, "body": body(&call)});
    host.requests().into_iter().map(call).collect()
}

const SENT: &str = include_str!("../fixtures/sent.json");

#[test]
fn the_library_and_the_adapter_agree() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let mut peer = std::process::Command::new(format!("{root}/target/peers/venv/bin/python"));
    peer.arg(format!("{root}/tests/peers/telegram_peer.py"));
    let peer = peer.output().expect("no Python: run `cargo xtask test`, which installs it");
    let peer: Value = serde_json::from_slice(&peer.stdout).unwrap_or_else(|_| panic!("{peer:?}"));
    for case in peer["updates"].as_array().unwrap() {
        let update = case["update"].as_str().unwrap().as_bytes();
        assert!(matches!(read(update, "s3creT"), Err(Rejection::Unauthenticated(_))));
        let told = read(update, "s3cret").map_or(Value::Null, |reading| match &reading.events[..] {
            [ChannelEvent::Message(m)] if m.from[0].verified => json!({"id": m.external_id, "sent-at": m.sent_at, "from": m.from[0].value, "name": m.display_name, "thread": m.thread.thread_key, "text": m.content.text, "file": m.attribute("telegram-file"), "in-reply-to": m.thread.in_reply_to}),
            other => panic!("{other:?}"),
        });
        assert_eq!(told, case["seen"]);
    }
    let sampling = FakeHost::new().secret("telegram-webhook-secret", "s3cret");
    let Sample::Http(sample) = &with(&sampling, |telegram| telegram.samples("x")).unwrap()[0] else { panic!("a call") };
    read(&sample.body, &sample.headers[0].value).unwrap();
    let host = answering(&[(200, SENT)]);
    assert_eq!(send(&host, "您好").unwrap().external_id.as_deref(), Some("42/7"));
    assert_eq!(peer["calls"], Value::Array(calls(&host)));
}

#[test]
fn the_example_is_right() {
    testing::check_example::<Telegram>(include_str!("../example.toml"), &[]).unwrap();
}

#[test]
fn a_name_is_one_line() {
    let chat = json!({ "id": 42, "type": "private", "first_name": "Ann\r\nBcc: x", "last_name": "Ito" });
    let update = json!({ "update_id": 1, "message": { "message_id": 7, "date": 1, "chat": chat, "text": "a\0" } });
    let reading = read(update.to_string().as_bytes(), "s3cret").unwrap();
    let [ChannelEvent::Message(message)] = &reading.events[..] else { panic!("{reading:?}") };
    assert_eq!(message.display_name.as_deref(), Some("Ann  Bcc: x Ito"));
    assert_eq!(message.content.text, "a", "and a text has no NUL");
}

#[test]
fn failures_are_told_apart_and_what_has_left_does_not_leave_twice() {
    let error = |code| format!(r#"{{"error_code": {code}, "description": "Why", "parameters": {{"retry_after": 9}}}}"#);
    for (status, body, expected) in [
        (429, error(429), SendError::temporary_after("429 Why", 9)),
        (403, error(403), SendError::permanent("403 Why")),
        (404, error(404), SendError::Unauthorised("404 Why".into())),
        (404, "<html>".into(), SendError::temporary("404 is not of the Bot API")),
    ] {
        let host = answering(&[(200, SENT), (status, &body), (200, SENT)]);
        assert_eq!(send(&host, "😀😀 😀😀 12345 x"), Err(expected));
        send(&host, "😀😀 😀😀 12345 x").unwrap();
        let texts: Vec<_> = calls(&host).into_iter().map(|call| call["body"]["text"].clone()).collect();
        assert_eq!(texts, ["😀😀 😀😀", "12345 x", "12345 x"]);
    }
    // The host's own words name the URL.
    assert!(!format!("{:?}", send(&answering(&[]), "x")).contains("TOKEN"));
}

proptest! {
    #[test]
    fn anything_does_no_harm(kind in "message|edited_message|x", key in "text|photo|contact|chat|date|message_id", value in "[0-9]{1,20}|\"[a-z]*\"|\\[\\]|null|\\{\"a\":\\[1\\]\\}", raw in any::<Vec<u8>>()) {
        let update = format!(r#"{{"update_id":1,"{kind}":{{"message_id":1,"date":1,"chat":{{"id":1,"type":"private"}},"{key}":{value}}}}}"#);
        prop_assert_eq!(read(update.as_bytes(), "s3cret"), read(update.as_bytes(), "s3cret"));
        let _ = read(&raw, "s3cret");
    }
}
