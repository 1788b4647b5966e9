//! Inbound-parse webhooks and Authentication-Results, made by other people's code (`tests/peers/inbound_mail.py`): a mail that
//! comes by one of them is the message that it is by SMTP; what is not proven is refused, and harms nothing.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::OnceLock;

use channel_email::Email;
use proptest::prelude::*;
use serde_json::{Value, json};
use tributary_sdk::testing::{self, FakeHost};
use tributary_sdk::types::{Attribute, ChannelEvent, Inbound};
use tributary_sdk::web::Request;
use tributary_sdk::{Arrival, Channel, Envelope, Reading, Rejection, Sample, Sampler};

const KEY: &str = "key-0123456789";
const NOW: u64 = 1_760_000_000_000;

/// What the peers made: once for all tests.
fn peer() -> &'static Value {
    static MADE: OnceLock<Value> = OnceLock::new();
    MADE.get_or_init(|| {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
        let mut python = std::process::Command::new(format!("{root}/target/peers/venv/bin/python"));
        python.arg(format!("{root}/tests/peers/inbound_mail.py")).arg(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures"));
        let output = python.output().expect("no Python: run `cargo xtask test`, which installs it");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
    })
}

fn host() -> FakeHost {
    let host = FakeHost::new().now(NOW).secret("mailgun-signing-key", KEY);
    host.secret("sendgrid-basic-auth", "sendgrid:s3cret").secret("postmark-basic-auth", "postmark:s3cret")
}

fn email() -> Email {
    let open = ["mailgun", "sendgrid", "postmark"];
    testing::prepare(json!({"from": "Shop <support@shop.example>", "webhooks": open})).unwrap()
}

fn bytes(base64: &Value) -> Vec<u8> {
    data(base64.as_str().unwrap())
}

/// Base64, by a decoder of its own.
fn data(base64: &str) -> Vec<u8> {
    let value =
        |byte: u8| b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".iter().position(|b| *b == byte);
    let mut out = Vec::new();
    for group in base64.as_bytes().chunks(4) {
        let digits: Vec<u32> = group.iter().filter_map(|byte| value(*byte)).map(|digit| digit as u32).collect();
        let chunk = digits.iter().chain([&0; 3]).take(4).fold(0, |chunk, digit| chunk << 6 | digit);
        out.extend_from_slice(&chunk.to_be_bytes()[1..digits.len().max(1)]);
    }
    out
}

fn request(call: &Value) -> Request {
    let mut headers = vec![Attribute::new("content-type", call["type"].as_str().unwrap())];
    headers.extend(call["authorization"].as_str().map(|value| Attribute::new("authorization", value)));
    Request { method: "POST".into(), url: call["url"].as_str().unwrap().into(), headers, body: bytes(&call["body"]) }
}

fn post(host: &FakeHost, request: Request) -> Result<Reading, Rejection> {
    testing::with(host, || email().receive(Arrival::Http(request)))
}

fn status(reading: &Result<Reading, Rejection>) -> Option<u16> {
    let reading = reading.as_ref().ok().filter(|reading| reading.events.is_empty())?;
    reading.answer.as_ref().map(|answer| answer.status)
}

fn message(reading: Reading) -> Inbound {
    let Some(ChannelEvent::Message(message)) = reading.events.into_iter().next() else {
        panic!("a message comes first")
    };
    message
}

/// The same mail by SMTP.
fn by_smtp(case: &Value) -> Reading {
    let envelope = Envelope {
        mail_from: "bounce@example.cn".into(),
        rcpt_to: vec!["support+abcdefgh01234567@shop.example".into()],
        data: bytes(&case["mail"]),
    };
    testing::with(&host(), || email().receive(Arrival::Mail(envelope))).unwrap()
}

#[test]
fn a_raw_mail_is_the_same_message() {
    let cases = peer()["cases"].as_array().unwrap();
    let mut calls = 0;
    for case in cases {
        let expected = by_smtp(case);
        for call in case["raw"].as_array().unwrap() {
            let host = host();
            let reading = post(&host, request(call)).unwrap();
            assert_eq!(reading, expected, "{} by {}", case["name"], call["url"]);
            // A retry is the same again, not refused.
            assert_eq!(post(&host, request(call)).unwrap(), expected);
            calls += 1;
        }
    }
    println!("{} mails, {calls} calls", cases.len());
    assert!(cases.len() > 40 && calls > 3 * cases.len());
}

#[test]
fn a_mail_in_parts_says_the_same() {
    let mut calls = 0;
    for case in peer()["cases"].as_array().unwrap() {
        let expected = message(by_smtp(case));
        for call in case["parsed"].as_array().unwrap() {
            let mut got = message(post(&host(), request(call)).unwrap());
            let of = |message: &Inbound| {
                message.attributes.iter().filter(|a| a.name != "message-size").cloned().collect::<Vec<_>>()
            };
            assert_eq!(of(&got), of(&expected), "{} by {}", case["name"], call["url"]);
            got.attributes.clone_from(&expected.attributes);
            assert_eq!(got, expected, "{} by {}", case["name"], call["url"]);
            calls += 1;
        }
    }
    assert!(calls >= 12, "{calls}");
}

#[test]
fn the_servers_word_on_a_sender_is_read_as_authres_reads_it() {
    let email: Email =
        testing::prepare(json!({"from": "support@shop.example", "authentication-server": "MX.shop.example"})).unwrap();
    let results = peer()["results"].as_array().unwrap();
    for result in results {
        for sender in ["a@good.example", "buyer@marketplace.amazon.de"] {
            let field = result["field"].as_str().unwrap().replace("good.example", sender.rsplit('@').next().unwrap());
            let mail =
                format!("{field}\r\nFrom: {sender}\r\nSubject: (Bestellung: 302-1234567-7654321)\r\n\r\nhello\r\n");
            let envelope = Envelope { mail_from: sender.into(), rcpt_to: vec![], data: mail.into_bytes() };
            let message = message(testing::with(&host(), || email.receive(Arrival::Mail(envelope))).unwrap());
            assert!(message.from.iter().all(|handle| handle.verified == result["proven"]), "{field}");
            let buyer = message.from.get(1).map(|handle| handle.value.as_str());
            assert_eq!(buyer, (sender != "a@good.example").then_some("amazon/buyer"));
            assert_eq!(message.thread.order_id.as_deref(), buyer.map(|_| "302-1234567-7654321"));
            assert_eq!(message.attribute("marketplace"), buyer.map(|_| "amazon"));
        }
    }
    assert!(results.iter().any(|result| result["proven"] == true) && results.len() >= 20);
}

/// The last case's call of this kind.
fn call(kind: &str, url: &str) -> Request {
    let case = peer()["cases"].as_array().unwrap().last().unwrap();
    request(case[kind].as_array().unwrap().iter().find(|call| call["url"].as_str().unwrap().starts_with(url)).unwrap())
}

fn refused(reading: &Result<Reading, Rejection>) -> bool {
    matches!(reading, Err(Rejection::Unauthenticated(_)))
}

#[test]
fn mailgun_has_to_prove_itself() {
    let good = call("raw", "/mailgun/mime");
    assert!(post(&host(), good.clone()).is_ok());
    let text = String::from_utf8_lossy(&good.body).into_owned();
    let at = |name: &str| text.find(&format!("name=\"{name}\"")).unwrap() + name.len() + 11;
    for field in ["timestamp", "token", "signature"] {
        let mut flipped = good.clone();
        flipped.body[at(field)] ^= 1;
        assert!(refused(&post(&host(), flipped)), "{field}");
    }
    // What is no form holds no signature: whoever sent it, it is not kept.
    let cut_off = Request { body: good.body[..good.body.len() / 2].to_vec(), ..good.clone() };
    assert!(refused(&post(&host(), cut_off)));
    let hours = |hours: u64| NOW + hours * 3_600_000;
    assert!(post(&host().now(hours(8)), good.clone()).is_ok(), "a retry after eight hours");
    assert!(refused(&post(&host().now(hours(10)), good.clone())));
    assert!(refused(&post(&host().now(NOW - 10 * 3_600_000), good.clone())));
    // Whoever saw one signature can sign nothing else with it.
    let host = host();
    assert!(post(&host, good.clone()).is_ok());
    let other = Request { body: text.replace("made-4@", "made-5@").into_bytes(), ..good.clone() };
    assert!(refused(&post(&host, other)));
    assert!(post(&host, good.clone()).is_ok());
    assert_eq!(status(&post(&FakeHost::new().now(NOW).missing_secret("mailgun-signing-key"), good)), Some(503));
}

#[test]
fn the_others_have_to_know_a_secret() {
    for url in ["/sendgrid", "/postmark"] {
        let good = call("raw", url);
        assert!(post(&host(), good.clone()).is_ok());
        for (header, path, verdict) in [
            (None, "", false),
            (Some("Basic c2VuZGdyaWQ6d3Jvbmc="), "", false),
            (Some("Bearer s3cret"), "", false),
            (None, "/wr0ng", false),
            (None, "/pa7h?x=y", true),
            (None, "/n3w", true),
            (None, "/", false),
        ] {
            let mut changed = good.clone();
            changed.url = format!("{url}{path}");
            changed.headers.retain(|header| header.name != "authorization");
            changed.headers.extend(header.map(|value| Attribute::new("authorization", value)));
            let reading = post(&host().secret("inbound-secret", "pa7h\n\nn3w\n"), changed);
            assert!(if verdict { reading.is_ok() } else { refused(&reading) }, "{url}{path} {header:?}");
        }
        assert_eq!(status(&post(&FakeHost::new().now(NOW), good)), Some(503), "no secret is set");
    }
}

#[test]
fn doors_that_are_closed_cost_no_mail() {
    let closed: Email = testing::prepare(json!({"from": "support@shop.example"})).unwrap();
    for url in ["/mailgun", "/sendgrid", "/postmark"] {
        let call = call("raw", url);
        let reading = testing::with(&host(), || closed.receive(Arrival::Http(call.clone())));
        assert_eq!(status(&reading), Some(503));
        assert_eq!(status(&post(&host(), Request { method: "GET".into(), ..call.clone() })), Some(405));
        assert_eq!(status(&post(&host(), Request { url: "/".into(), ..call })), Some(404));
    }
}

#[test]
fn the_example_is_a_configuration() {
    testing::check_example::<Email>(include_str!("../example.toml"), &[]).unwrap();
}

#[test]
fn a_sample_comes_in() {
    for open in [json!([]), json!(["mailgun"]), json!(["sendgrid"]), json!(["postmark", "mailgun"])] {
        let host = host();
        testing::with(&host, || {
            let email: Email = testing::prepare(json!({"from": "support@shop.example", "webhooks": open})).unwrap();
            let arrival = match email.samples("你好 = & sample").unwrap().remove(0) {
                Sample::Http(request) => Arrival::Http(request),
                Sample::Mail((mail_from, data)) => Arrival::Mail(Envelope { mail_from, rcpt_to: vec![], data }),
                Sample::Document(_) => panic!("email has no documents"),
            };
            assert_eq!(message(email.receive(arrival).unwrap()).content.text, "你好 = & sample", "{open}");
        });
        let missing: Email = testing::prepare(json!({"from": "a@b.example", "webhooks": open})).unwrap();
        let told = testing::with(&FakeHost::new(), || missing.samples("x"));
        assert_eq!(told.is_err(), open != json!([]), "{open}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    /// Damaged calls, with the proof right where the damage leaves it so.
    #[test]
    fn damaged_calls_do_no_harm(
        kind in "raw|parsed",
        url in "/(mailgun|sendgrid|postmark)",
        damage in proptest::collection::vec(any::<(usize, u8, u8)>(), 0..8),
    ) {
        let mut call = call(&kind, &url);
        call.body = testing::damaged(call.body, &damage);
        let host = host();
        let first = post(&host, call.clone());
        prop_assert_eq!(first, post(&host, call));
    }

    /// Whatever stands in a field of the form, it makes one mail, whose fields are those that were told.
    #[test]
    fn nothing_breaks_out_of_a_field(name in "[ -~\r\n]{0,20}", value in "[ -~\r\n\u{4e00}-\u{4e80}]{0,60}", text in "[ -~\r\n]{0,80}") {
        let document = json!({
            "From": "a@b.cn", "Subject": value, "TextBody": text,
            "Headers": [{"Name": name, "Value": value}, {"Name": "Message-ID", "Value": "<one@b.cn>"}],
        });
        let call = json!({"url": "/postmark", "type": "application/json", "authorization": "Basic cG9zdG1hcms6czNjcmV0", "body": ""});
        let reading = post(&host(), Request { body: document.to_string().into_bytes(), ..request(&call) }).unwrap();
        let message = message(reading);
        if !["from", "sender"].contains(&name.trim().to_ascii_lowercase().as_str()) {
            prop_assert_eq!(&message.from[0].value, "a@b.cn");
        }
        if !name.trim().eq_ignore_ascii_case("message-id") {
            prop_assert_eq!(message.external_id.as_deref(), Some("one@b.cn"));
        }
    }
}
