//! Recorded calls are made again natively: the tape answers as the host did, and an answer that is another one is told.
use std::sync::OnceLock;

use serde_json::{Value, json};
use tributary_sdk::Exported;
use tributary_sdk::host::{blobs, clock, config, http, knowledge, mail, secrets, state};
use tributary_sdk::prelude::*;
use tributary_sdk::testing::{Answer, Answers, Call, FakeHost, Recording, ask, check_recordings};

/// Asks every service for something, and answers with what it heard.
struct Talker;

impl Plugin for Talker {
    type Config = Value;

    fn prepare(_: Value) -> Result<Self, PrepareError> {
        Ok(Self)
    }
}

impl Channel for Talker {
    fn receive(&self, arrival: Arrival) -> Result<Reading, Rejection> {
        match arrival {
            Arrival::Mail(mail) if mail.data == b"fall over" => panic!("on purpose"),
            Arrival::Mail(mail) => {
                let body = Response::body(200, "text/plain", mail.data);
                Ok(Reading { events: Vec::new(), answer: Some(body), poll_now: false })
            }
            _ => Err(Rejection::Ignored("no mail".into())),
        }
    }

    fn send(&self, message: Outgoing) -> Result<Delivery, SendError> {
        let Ok(secret) = secrets::get("token") else { return Err(SendError::permanent("no token")) };
        let code = secrets::hmac_sha256("token", message.id.as_bytes()).map(|code| code.len());
        let cursor = state::get("cursor");
        state::set("cursor", b"new", None).ok();
        let after = state::get("cursor");
        let file = blobs::put("a.txt", "text/plain", b"abc").map(|file| file.size);
        let read = file.as_ref().ok().and_then(|_| blobs::get(&FakeHost::blob_id(b"kept")).ok());
        let headers = vec![Attribute::new("authorization", format!("Bearer {secret}")), Attribute::new("x", "y")];
        let request =
            Request { method: "GET".into(), url: format!("https://api.example/?k={secret}"), headers, body: vec![] };
        let web = http::send(&request).map(|response| response.status);
        let mailed = mail::submit("", &["a@mail.example".into()], b"mail");
        let found = knowledge::search("kettle", 3).len();
        let heard = format!("{secret} {code:?} {cursor:?} {after:?} {file:?} {read:?} {web:?} {mailed:?} {found}");
        Ok(Delivery {
            outgoing_id: Some(config::get()),
            external_id: Some(clock::now().to_string()),
            state: DeliveryState::Accepted,
            detail: Some(heard),
        })
    }
}

impl Exported for Talker {
    const MANIFEST: &'static str = "";
    const CONFIG_SCHEMA: &'static str = "{}";
    const CONFIG_DEFAULT: &'static str = "";
    const CONFIG_DEFAULT_JSON: &'static str = "{}";

    fn cell() -> &'static OnceLock<Self> {
        static CELL: OnceLock<Talker> = OnceLock::new();
        &CELL
    }
}

impl Answers for Talker {
    fn answer(&self, call: &Call) -> Option<Answer> {
        ask::channel(self, call)
    }
}

fn recording(function: &str, input: Value, ended: Value) -> Value {
    json!({
        "recording": 1, "place": "channel/email", "plugin": "talker", "version": "1.0.0", "generation": 3,
        "contract": "0.1.0", "digest": "00", "config": { "a": 1 }, "function": function, "at": 1_760_000_000_000_u64,
        "conversation": "7", "input": input, "ended": ended, "tape": [], "files": {}, "cost": {},
    })
}

fn sent(detail: &str) -> Value {
    let message = json!({
        "id": "4", "at": 1, "conversation": "7", "tag": "T7", "reply_token": "r", "author": "Agent", "to": [],
        "subject": null, "content": { "text": "hello", "quoted": null, "html": null, "attachments": [] },
        "in_reply_to": null, "references": [], "attributes": [],
    });
    let said = json!({ "said": { "Ok": {
        "outgoing_id": "{\"a\":1}", "external_id": "1760000000000", "state": "Accepted", "detail": detail,
    } } });
    let mut recording = recording("channel.send", json!({ "message": message }), said);
    let sealed = |data: &[u8]| json!({ "sha256": FakeHost::blob_id(data), "size": data.len() });
    let request = json!({
        "method": "GET", "url": "https://api.example/?k=[secret token]",
        "headers": [{ "name": "authorization", "value": "[credential]" }, { "name": "x", "value": "y" }],
        "body": sealed(b""),
    });
    let line = |service: &str, asked: Value, answered: Value| json!({ "service": service, "asked": asked, "answered": answered });
    recording["tape"] = json!([
        line("secrets.get", json!({ "name": "token" }), json!({ "Ok": "[secret token]" })),
        line(
            "secrets.hmac-sha256",
            json!({ "name": "token", "data": sealed(b"4") }),
            json!({ "Ok": { "$base64": "AAEC" } })
        ),
        line("state.get", json!({ "key": "cursor" }), json!({ "Ok": { "$text": "old" } })),
        line("blobs.get", json!({ "blob": FakeHost::blob_id(b"kept") }), json!({ "Ok": null })),
        line("http.send", request, json!({ "Ok": { "status": 204, "headers": [], "body": { "$text": "" } } })),
        line(
            "mail.submit",
            json!({ "mail_from": "", "rcpt_to": ["a@mail.example"], "data": sealed(b"mail") }),
            json!({ "Err": { "Temporary": "451 later" } })
        ),
        line(
            "knowledge.search",
            json!({ "query": "kettle", "limit": 3 }),
            json!([{ "id": "1", "title": "a", "text": "b", "score": 0.5 }])
        ),
    ]);
    recording["files"] = json!({ FakeHost::blob_id(b"kept"): { "$text": "kept" } });
    recording
}

fn mail(data: Value, ended: Value) -> Value {
    let envelope = json!({ "mail_from": "", "rcpt_to": ["help@shop.example"], "data": data });
    recording("channel.receive", json!({ "arrival": { "Mail": envelope } }), ended)
}

fn read(body: Value) -> Value {
    let headers = json!([{ "name": "content-type", "value": "text/plain" }]);
    json!({ "said": { "Ok": { "events": [], "answer": { "status": 200, "headers": headers, "body": body }, "poll_now": false } } })
}

const HEARD: &str = "[secret token] Ok(3) Ok(Some([111, 108, 100])) Ok(Some([110, 101, 119])) Ok(3) \
                     Some([107, 101, 112, 116]) Ok(204) Err(MailError::Temporary(\"451 later\")) 1";

#[test]
fn a_recording_agrees_or_its_file_and_its_answer_are_told() {
    let failed = || json!({ "failed": { "blame": "trap", "words": "trapped: unreachable" } });
    let ignored = |words: &str| {
        let document = json!({ "name": "a", "media_type": "b", "data": { "$base64": "AP8=" } });
        let said = json!({ "said": { "Err": { "Ignored": words } } });
        recording("channel.receive", json!({ "arrival": { "Document": document } }), said)
    };
    for (recording, fault) in [
        (sent(HEARD), ""),
        (sent("something else"), "it answers otherwise"),
        (mail(json!({ "$text": "Grüße" }), read(json!({ "$text": "Grüße" }))), ""),
        (mail(json!({ "$base64": "AP8=" }), read(json!({ "$base64": "AP8=" }))), ""),
        (mail(json!({ "$text": "a" }), read(json!({ "$text": "b" }))), "it answers otherwise"),
        (mail(json!({ "$text": "fall over" }), read(json!({ "$text": "b" }))), "it panics"),
        (mail(json!({ "$text": "fall over" }), failed()), "it panics; when it was recorded it trapped: unreachable"),
        // What trapped when it was recorded, and answers now, is mended.
        (mail(json!({ "$text": "a" }), failed()), ""),
        // Sentences for people are no difference.
        (ignored("no mail"), ""),
        (ignored("nothing for us"), ""),
        (recording("policy.decide", json!({}), failed()), "does not export policy.decide"),
        (recording("channel.receive", json!({ "arrival": 1 }), failed()), "not the contract's"),
        (mail(json!({ "$base64": "?" }), failed()), "no base64"),
        (json!({}), "no recording"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut lines = recording.to_string();
        std::fs::write(folder.path().join("one.json"), &lines).unwrap();
        lines.push('\n');
        std::fs::write(folder.path().join("two.jsonl"), lines.repeat(2)).unwrap();
        match check_recordings::<Talker>(folder.path()) {
            Ok(count) => assert_eq!((count, fault), (3, ""), "{recording}"),
            Err(error) => {
                let error = error.to_string();
                let told = error.contains(fault) && error.contains("one.json") && error.contains("two.jsonl");
                assert!(!fault.is_empty() && told, "{fault}: {error}");
            }
        }
    }
    assert!(
        check_recordings::<Talker>(tempfile::tempdir().unwrap().path()).is_err(),
        "no recordings agree with anything"
    );
}

#[test]
fn another_form_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("later.json");
    let mut later = sent(HEARD);
    later["recording"] = json!(2);
    std::fs::write(&path, later.to_string()).unwrap();
    assert!(Recording::read(&path).unwrap_err().to_string().contains("form 2"));
    later["recording"] = json!(1);
    std::fs::write(&path, later.to_string()).unwrap();
    let recordings = Recording::read(&path).unwrap();
    assert_eq!((recordings[0].plugin(), recordings[0].call().function.as_str()), (("talker", "1.0.0"), "channel.send"));
}
