//! Other people's code: Twilio's validator, webvtt-py, srt, vcon and jsonschema (`tests/peers/phone.py`). What they make is
//! read here, what is made here is read by them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use channel_phone::Phone;
use channel_phone::signature::{Algorithm, twilio_signature};
use channel_phone::{srt, vtt};
use serde_json::{Value, json};
use tributary_sdk::testing::{self, FakeHost};
use tributary_sdk::types::{Attribute, ChannelEvent, Inbound};
use tributary_sdk::web::Request;
use tributary_sdk::{Arrival, Channel, Document, Rejection, Sample, Sampler};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Asks them.
fn ask(questions: &Value) -> Value {
    let python = root().join("target/peers/venv/bin/python");
    assert!(python.is_file(), "{} is missing: run `cargo xtask test`, which installs it", python.display());
    let mut child = Command::new(python)
        .args(["-W", "ignore"])
        .arg(root().join("tests/peers/phone.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(questions.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "phone.py failed");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Numbers that are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn words(&mut self) -> String {
        let words = ["parcel", "您好", "grün", "&", "a=b", "+49 30", "100%", "🙂", "где", "—", "x\ty", "\"q\""];
        (0..=self.below(4)).map(|_| words[usize::try_from(self.below(12)).unwrap()]).collect::<Vec<_>>().join(" ")
    }
}

const TOKEN: &str = "0f9e8d7c6b5a";

fn receive(request: Request, public: &str) -> Result<tributary_sdk::Reading, Rejection> {
    let host =
        FakeHost::new().now(1_795_947_300_000).secret("twilio-auth-token", TOKEN).secret("twilio-shared-key", TOKEN);
    let phone: Phone = testing::with(&host, || testing::prepare(json!({"public-url": public}))).unwrap();
    testing::with(&host, || phone.receive(Arrival::Http(request)))
}

#[test]
fn twilios_validator_and_we_agree() {
    let mut numbers = Numbers(7);
    let mut calls = Vec::new();
    for index in 0..120 {
        let public = [
            "https://desk.shop.example/hooks/phone",
            "https://desk.shop.example:8443/hooks/phone",
            "http://desk.shop.example/p",
        ][index % 3];
        let algorithm = ["HMAC_SHA1", "HMAC_SHA256"][index % 2];
        let query = format!("/twilio/status?a={}&b=%2B1", numbers.below(1000));
        if index % 5 == 4 {
            let body = json!({"event_type": numbers.words()}).to_string();
            let path = format!("{query}&bodySHA256={}", FakeHost::blob_id(body.as_bytes()));
            calls.push((public, path, algorithm, Vec::new(), Some(body)));
        } else {
            let form: Vec<(String, String)> = (0..=numbers.below(6))
                .map(|n| (format!("{}{n}", ["Body", "From", "to", "Aa"][index % 4]), numbers.words()))
                .collect();
            calls.push((public, query, algorithm, form, None));
        }
    }
    let questions: Vec<Value> = calls
        .iter()
        .map(|(public, path, algorithm, form, body)| {
            let url = format!("{public}{path}");
            let ours = if *algorithm == "HMAC_SHA1" { Algorithm::Sha1 } else { Algorithm::Sha256 };
            let mut question = json!({
                "url": url, "algorithm": algorithm, "token": TOKEN,
                "signature": twilio_signature(TOKEN, &url, form, ours).unwrap(),
                "form": form.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
            });
            if let Some(body) = body {
                question["body"] = json!(body);
            }
            question
        })
        .collect();
    let answers = ask(&json!({"twilio": questions}));
    let mut flipped = 0;
    for ((public, path, algorithm, form, body), answer) in calls.iter().zip(answers["twilio"].as_array().unwrap()) {
        assert_eq!(answer["accepts"], true, "it does not accept ours: {path}");
        let theirs = answer["signature"].as_str().unwrap();
        let encoded = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let kind = if body.is_some() { "application/json" } else { "application/x-www-form-urlencoded; charset=UTF-8" };
        let request = |signature: &str, path: &str, sent: Vec<u8>| {
            let mut headers =
                vec![Attribute::new("content-type", kind), Attribute::new("x-twilio-signature", signature)];
            if *algorithm != "HMAC_SHA1" {
                let settings = format!("key=webhooks_sharedkey_1,algorithm={algorithm}");
                headers.push(Attribute::new("x-twilio-webhooks-signature-settings", settings));
            }
            Request { method: "POST".into(), url: path.into(), headers, body: sent }
        };
        let sent = body.clone().unwrap_or(encoded).into_bytes();
        let refused =
            |request: Request, public: &str| matches!(receive(request, public), Err(Rejection::Unauthenticated(_)));
        assert!(!refused(request(theirs, path, sent.clone()), public), "we do not accept theirs: {path}");
        // The same with the port named, or without it.
        let other = if public.contains(":8443") {
            public.replace(":8443", "")
        } else {
            public.replace(".example/", ".example:443/")
        };
        if public.starts_with("https") {
            let ported = refused(request(theirs, path, sent.clone()), &other);
            assert_eq!(ported, public.contains(":8443"), "{public} as {other}");
        }
        // One bit of the signature, of the address, of the body.
        let mut raw = data_encoding::BASE64.decode(theirs.as_bytes()).unwrap();
        raw[flipped % 20] ^= 1 << (flipped % 8);
        assert!(refused(request(&data_encoding::BASE64.encode(&raw), path, sent.clone()), public));
        assert!(refused(request(theirs, &path.replace("a=", "a=1"), sent.clone()), public));
        let mut other = sent.clone();
        let at = flipped % other.len();
        other[at] ^= 1;
        // A bit of a hexadecimal digit's case is none of the text; that form says the same.
        let parse = |bytes: &[u8]| form_urlencoded::parse(bytes).into_owned().collect::<Vec<_>>();
        if body.is_some() || parse(&other) != parse(&sent) {
            assert!(refused(request(theirs, path, other), public), "{path} {at}");
        }
        flipped += 1;
    }
    println!("{flipped} calls");
}

/// The message of a document.
fn message(name: &str, data: Vec<u8>) -> Result<Inbound, Rejection> {
    let host = FakeHost::new().now(1_795_947_300_000);
    let phone: Phone = testing::with(&host, || testing::prepare(json!({"default-country": "+49"}))).unwrap();
    let document = Document { name: name.into(), media_type: String::new(), data };
    let reading = testing::with(&host, || phone.receive(Arrival::Document(document)))?;
    match reading.events.into_iter().next() {
        Some(ChannelEvent::Message(message)) => Ok(message),
        other => panic!("{other:?}"),
    }
}

#[test]
fn parsers_of_subtitles_agree() {
    let mut numbers = Numbers(11);
    let clock = |millis: u64, comma: &str| {
        let (s, ms) = (millis / 1000, millis % 1000);
        format!("{:02}:{:02}:{:02}{comma}{ms:03}", s / 3600, s / 60 % 60, s % 60)
    };
    let (mut vtts, mut srts) = (Vec::new(), Vec::new());
    for _ in 0..40 {
        let (mut vtt_file, mut srt_file) = ("WEBVTT\n\n".to_owned(), String::new());
        let mut at = 0;
        for index in 1..=numbers.below(12) + 1 {
            let start = at + numbers.below(5000);
            at = start + 200 + numbers.below(9_000_000);
            let text = ["Wo ist es?", "您好，\n请问", "It is 3 o'clock", "<i>leise</i> ja", "a - b"]
                [usize::try_from(numbers.below(5)).unwrap()];
            let setting = ["", " align:start", " line:0 position:10%"][usize::try_from(numbers.below(3)).unwrap()];
            vtt_file +=
                &format!("{index}\n{} --> {}{setting}\n<v Anna {index}>{text}\n\n", clock(start, "."), clock(at, "."));
            srt_file += &format!("{index}\n{} --> {}\n{text}\n\n", clock(start, ","), clock(at, ","));
        }
        vtts.push(vtt_file);
        srts.push(srt_file);
    }
    let made: Vec<Value> =
        (0..30).map(|n| json!([n * 3000, n * 3000 + 2500, format!("Anna {}", n % 2), format!("satz {n}")])).collect();
    let answers = ask(&json!({"vtt": vtts, "srt": srts, "vtt-made": made, "srt-made": made}));
    for (text, theirs) in vtts.iter().zip(answers["vtt"].as_array().unwrap()) {
        let ours: Vec<Value> = vtt::Vtt::parse(text)
            .unwrap()
            .cues
            .iter()
            .map(|cue| {
                let [span] = &vtt::spans(&cue.text)[..] else { panic!("one voice: {}", cue.text) };
                json!([cue.start, cue.end, span.voice, span.text])
            })
            .collect();
        assert_eq!(json!(ours), *theirs, "{text}");
    }
    for (text, theirs) in srts.iter().zip(answers["srt"].as_array().unwrap()) {
        let ours: Vec<Value> =
            srt::parse(text).iter().map(|block| json!([block.start, block.end, block.text])).collect();
        assert_eq!(json!(ours), *theirs, "{text}");
    }
    for (name, key) in [("a.vtt", "vtt-made"), ("a.srt", "srt-made")] {
        let read = message(name, answers[key].as_str().unwrap().as_bytes().to_vec()).unwrap();
        let lines: Vec<String> =
            (0..30).map(|n| format!("{:02}:{:02} Anna {}: satz {n}", n * 3 / 60, n * 3 % 60, n % 2)).collect();
        assert_eq!(read.content.text, lines.join("\n"), "{name}");
    }
}

#[test]
fn documents_of_the_library_vcon_come_in() {
    let answers = ask(&json!({"vcon-made": 12}));
    for (number, document) in answers["vcon-made"].as_array().unwrap().iter().enumerate() {
        let read = message("a.vcon", document.to_string().into_bytes()).unwrap();
        assert_eq!(read.external_id.as_deref(), document["uuid"].as_str());
        assert_eq!(read.from[0].value, format!("+493055500{number:02}").replace("+4930555000", "+4930555000"));
        assert_eq!(read.sent_at, 1_795_947_300_000 + number as u64 * 1000);
        let mut expected: Vec<String> = (0..=number % 4)
            .map(|turn| format!("00:{:02} {}: turn {turn} of call {number}", turn * 3, ["Customer", "Agent"][turn % 2]))
            .collect();
        expected.insert(0, format!("Agent: said in analysis {number}"));
        assert_eq!(read.content.text, expected.join("\n"));
    }
}

/// What no schema says, and a reader checks all the same.
const BEYOND: [&str; 11] = [
    "expected a UUID",
    "critical",
    "must_support",
    "index of a",
    "either a `body`",
    "base64url",
    "JWE",
    "JSON that",
    "`disposition`",
    "payload",
    "time such as",
];

#[test]
fn the_schema_and_we_agree() {
    let schema = root().join("../shared/data/phone/vcon/vcon_json_schema.json");
    let cases = |file: &str| -> Vec<Value> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(file);
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
    };
    let mut documents: Vec<Value> = Vec::new();
    for case in cases("vcon.json").into_iter().chain(cases("vcon-refused.json")) {
        documents.extend(case["steps"][0].get("json").filter(|json| json.get("parties").is_some()).cloned());
    }
    let host = FakeHost::new().now(1_795_947_300_000);
    let phone: Phone = testing::with(&host, || testing::prepare(json!({}))).unwrap();
    let samples = testing::with(&host, || phone.samples("hello there")).unwrap();
    let [Sample::Document((_, _, sample))] = &samples[..] else { panic!("one document") };
    documents.insert(0, serde_json::from_slice(sample).unwrap());
    assert!(message("sample.vcon", sample.clone()).unwrap().content.text.contains("hello there"));
    if !schema.is_file() {
        println!("left out: the schema of vCon, because {} is not there", schema.display());
        return;
    }
    let answers = ask(&json!({"schema": schema, "valid": documents}));
    let (mut both, mut neither, mut we) = (0, 0, 0);
    for (index, (document, fault)) in documents.iter().zip(answers["valid"].as_array().unwrap()).enumerate() {
        match (message("a.vcon", document.to_string().into_bytes()), fault) {
            (Ok(_), Value::Null) => both += 1,
            (Ok(_), _) => assert!(index > 0, "the sample: {fault}"),
            (Err(Rejection::Malformed(words)), Value::Null) => {
                assert!(BEYOND.iter().any(|rule| words.contains(rule)), "only we refuse: {words}");
                we += 1;
            }
            (Err(_), _) => neither += 1,
        }
    }
    println!(
        "{} documents: {both} valid to both, {neither} to neither, {we} break what no schema says",
        documents.len()
    );
    assert!(both >= 10 && neither >= 12, "{both} {neither}");
}
