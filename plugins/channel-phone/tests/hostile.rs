//! Documents and callbacks nobody means well with: no panic, the same twice, no more time than their size allows.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use channel_phone::Phone;
use channel_phone::signature::{Algorithm, twilio_signature};
use proptest::prelude::*;
use serde_json::json;
use tributary_sdk::testing::{self, FakeHost};
use tributary_sdk::types::{Attribute, ChannelEvent};
use tributary_sdk::web::Request;
use tributary_sdk::{Arrival, Channel, Document, Poller, Reading, Rejection};

const PUBLIC: &str = "https://desk.shop.example/hooks/phone";

fn receive(arrival: &Arrival) -> Result<Reading, Rejection> {
    let host =
        FakeHost::new().now(1_795_947_300_000).secret("twilio-auth-token", "12345").secret("document-token", "t");
    testing::with(&host, || {
        let phone: Phone = testing::prepare(json!({"public-url": PUBLIC})).unwrap();
        let first = phone.receive(arrival.clone());
        // What the first time left to be fetched need not be rung for again.
        let told = |said: &Result<Reading, Rejection>| {
            format!("{:?}", said.as_ref().map(|reading| (&reading.events, &reading.answer)))
        };
        assert_eq!(told(&first), told(&phone.receive(arrival.clone())), "the same twice");
        phone.poll(None).unwrap();
        for event in first.iter().flat_map(|reading| &reading.events) {
            if let ChannelEvent::Message(message) = event {
                assert!(!message.from.is_empty() && message.external_id.is_some());
                assert!(message.content.text.len() <= 262_144);
            }
        }
        first
    })
}

fn document(data: Vec<u8>) -> Result<Reading, Rejection> {
    receive(&Arrival::Document(Document { name: "a".into(), media_type: String::new(), data }))
}

fn callback(path: &str, form: &[(String, String)]) -> Result<Reading, Rejection> {
    let signature = twilio_signature("12345", &format!("{PUBLIC}{path}"), form, Algorithm::Sha1).unwrap();
    receive(&Arrival::Http(Request {
        method: "POST".into(),
        url: path.into(),
        headers: vec![
            Attribute::new("content-type", "application/x-www-form-urlencoded"),
            Attribute::new("x-twilio-signature", signature),
        ],
        body: form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish().into_bytes(),
    }))
}

#[test]
fn hostile_documents_cost_what_their_size_allows() {
    // Unoptimised code is slow enough with an eighth, and its times say nothing.
    const SCALE: usize = if cfg!(debug_assertions) { 1 } else { 8 };
    const MB: usize = SCALE << 16;
    let vcon = |dialog: String, analysis: String| {
        format!("{{\"vcon\":\"0.4.0\",\"parties\":[{{}}],\"dialog\":[{dialog}],\"analysis\":[{analysis}]}}")
            .into_bytes()
    };
    let text = "{\"type\":\"text\",\"start\":\"2026-11-29T10:15:00Z\",\"parties\":[0],\"body\":\"x\"}";
    let transcript = |body: String| format!("{{\"type\":\"transcript\",\"encoding\":\"json\",\"body\":{body}}}");
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("thousands of dialogs", vcon(vec![text; 1_000 * SCALE].join(","), String::new())),
        (
            "thousands of turns",
            vcon(
                String::new(),
                transcript(format!("[{}]", vec!["{\"speaker\":\"a\",\"text\":\"x\"}"; 2_000 * SCALE].join(","))),
            ),
        ),
        (
            "thousands of speakers",
            vcon(
                String::new(),
                transcript(format!(
                    "[{}]",
                    (0..2_000 * SCALE)
                        .map(|n| format!("{{\"speaker\":\"s{n}\",\"text\":\"x\"}}"))
                        .collect::<Vec<_>>()
                        .join(",")
                )),
            ),
        ),
        ("lists in lists", vcon(String::new(), transcript(format!("{}{}", "[".repeat(100), "]".repeat(100))))),
        (
            "objects in objects",
            vcon(String::new(), transcript(format!("{}1{}", "{\"results\":".repeat(100), "}".repeat(100)))),
        ),
        ("a long text", vcon(text.replace("\"x\"", &format!("\"{}\"", "x ".repeat(4 * MB))), String::new())),
        (
            "base64url",
            vcon(
                text.replace("text", "recording")
                    .replace("\"x\"", &format!("\"{}\",\"encoding\":\"base64url\"", "QUJD".repeat(2 * MB))),
                String::new(),
            ),
        ),
        (
            "HTML",
            vcon(
                text.replace("\"x\"", &format!("\"{}\",\"mediatype\":\"text/html\"", "<b>".repeat(MB))),
                String::new(),
            ),
        ),
        (
            "thousands of cues",
            format!("WEBVTT\n\n{}", "00:01.000 --> 00:02.000\n<v A>x\n\n".repeat(5_000 * SCALE)).into_bytes(),
        ),
        ("arrows", format!("WEBVTT\n\n{}", "-->".repeat(3 * MB)).into_bytes()),
        ("lines of arrows", format!("WEBVTT\n\n{}", "-->\n".repeat(2 * MB)).into_bytes()),
        ("tags", format!("WEBVTT\n\n00:01.000 --> 00:02.000\n{}", "<v a>".repeat(MB)).into_bytes()),
        ("open tags", format!("WEBVTT\n\n00:01.000 --> 00:02.000\n{}", "<".repeat(4 * MB)).into_bytes()),
        ("references", format!("WEBVTT\n\n00:01.000 --> 00:02.000\n{}", "&amp".repeat(2 * MB)).into_bytes()),
        ("thousands of blocks", "1\n00:00:01,000 --> 00:00:02,000\nx\n\n".repeat(5_000 * SCALE).into_bytes()),
        ("NUL", vec![0; 8 * MB]),
        ("GBK", b"\xc4\xfa\xba\xc3".repeat(2 * MB)),
        ("digits", [b"1\n".to_vec(), b"9".repeat(4 * MB), b":00 --> 1:00\nx".to_vec()].concat()),
    ];
    for (name, data) in cases {
        let size = data.len();
        let started = Instant::now();
        let told = document(data);
        let took = started.elapsed();
        println!("{name}: {size} bytes in {took:?}: {}", if told.is_ok() { "read" } else { "kept aside" });
        assert!(cfg!(debug_assertions) || took < Duration::from_secs(20), "{name} takes {took:?}");
    }
}

#[test]
fn names_of_files_are_one_line_and_no_path() {
    let data = b"WEBVTT\n\n00:01.000 --> 00:02.000\nhello\n".to_vec();
    for (given, shown) in [
        ("calls/../a\u{7}b\r\n.vtt", "a b  .vtt"),
        ("C:\\calls\\a.vtt", "a.vtt"),
        ("a.vtt/ ", "a.vtt"),
        ("/", "file"),
        (" ", "call.vtt"),
    ] {
        let (name, media_type) = (given.into(), String::new());
        let reading = receive(&Arrival::Document(Document { name, media_type, data: data.clone() })).unwrap();
        let [ChannelEvent::Message(message)] = &reading.events[..] else { panic!("{reading:?}") };
        assert_eq!(message.content.attachments[0].name, shown, "{given:?}");
    }
}

#[test]
fn ids_and_addresses_that_are_too_long_are_none() {
    let long = "x".repeat(3_000);
    let vcon = json!({
        "vcon": "0.4.0", "uuid": "0198a5c0-1111-8222-8333-444455556666", "created_at": "2026-11-29T10:15:00Z",
        "parties": [{ "mailto": format!("a@{long}.example") }, { "role": "agent" }],
        "dialog": [{ "type": "text", "start": "2026-11-29T10:15:00Z", "parties": [0, 1], "body": "hello" }],
    });
    let lens = json!({
        "CustomerMetadata": { "ContactId": long }, "Participants": [],
        "Transcript": [{ "ParticipantId": "CUSTOMER", "Content": "hello" }],
    });
    // A vCon's own id has one length; the digest of a file stands for the other's.
    for (call, length) in [(vcon, 36), (lens, 32)] {
        let reading = document(call.to_string().into_bytes()).unwrap();
        let [ChannelEvent::Message(message)] = &reading.events[..] else { panic!("{reading:?}") };
        let id = message.external_id.clone().unwrap();
        assert_eq!((id.len(), message.from[0].value.clone()), (length, format!("call/{id}")));
    }
}

/// Every document of the cases.
fn documents() -> Vec<Vec<u8>> {
    let mut documents = Vec::new();
    for path in testing::files(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures"), &["json", "srt", "vtt"]).unwrap() {
        let raw = std::fs::read(&path).unwrap();
        if path.extension().is_none_or(|extension| extension != "json") {
            documents.push(raw);
            continue;
        }
        let cases: Vec<serde_json::Value> = serde_json::from_slice(&raw).unwrap();
        for step in cases.iter().flat_map(|case| case["steps"].as_array().unwrap()) {
            documents.extend(step.get("json").map(|json| json.to_string().into_bytes()));
        }
    }
    documents
}

const FIELDS: [&str; 20] = [
    "CallSid",
    "TranscriptionSid",
    "TranscriptionEvent",
    "TranscriptionData",
    "Track",
    "SequenceId",
    "Timestamp",
    "Final",
    "MessageSid",
    "MessageStatus",
    "From",
    "To",
    "Body",
    "NumMedia",
    "MediaUrl0",
    "CallStatus",
    "Direction",
    "TranscriptionStatus",
    "TranscriptionText",
    "ErrorCode",
];

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(192) })]

    #[test]
    fn random_bytes_do_no_harm(data in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        let _ = document(data);
    }

    #[test]
    fn random_subtitles_do_no_harm(text in "(WEBVTT\n\n)?([0-9:., \n<>v/&;a-z\u{4e00}-\u{4eff}-]|(00:01.000 --> 00:02,000\n)){0,300}") {
        let _ = document(text.into_bytes());
    }

    #[test]
    fn damaged_documents_do_no_harm(
        which in any::<prop::sample::Index>(),
        damage in proptest::collection::vec(any::<(usize, u8, u8)>(), 1..12),
    ) {
        let _ = document(testing::damaged(which.get(&documents()).clone(), &damage));
    }

    /// Whatever a signed call says.
    #[test]
    fn random_callbacks_do_no_harm(
        path in 0usize..5,
        fields in proptest::collection::vec((0usize..20, "(CA[0-9a-f]{8}|GT1234|transcription-(started|content|stopped|error)|inbound_track|true|completed|delivered|[0-9]{1,12}|[+]4930[0-9]{5}|2026-11-29T10:15:0[0-9]Z|\\{\"transcript\":\"x\"\\}|.{0,20})"), 0..12),
    ) {
        let path = ["transcription", "intelligence", "recording", "sms", "status"][path];
        let form: Vec<(String, String)> = fields.into_iter().map(|(name, value)| (FIELDS[name].into(), value)).collect();
        let told = callback(&format!("/twilio/{path}"), &form);
        prop_assert!(!matches!(told, Err(Rejection::Unauthenticated(_))), "{told:?}");
    }

    /// Whatever an unsigned call says, nothing of it is stored.
    #[test]
    fn nobody_gets_in_without_a_signature(
        path in "/(twilio/(sms|status|transcription|recording|intelligence)|vcon|document)([?][a-z=&%0-9]{0,20})?",
        header in "(x-twilio-signature|authorization|webhook-signature|content-type)",
        value in "(Bearer .{0,10}|v1,[A-Za-z0-9+/=]{0,44}|[A-Za-z0-9+/]{27}=|application/json|.{0,20})",
        body in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let request = Request { method: "POST".into(), url: path, headers: vec![Attribute::new(header, value.clone())], body };
        prop_assume!(value != "Bearer t");
        prop_assert!(matches!(receive(&Arrival::Http(request)), Err(Rejection::Unauthenticated(_))));
    }
}
