//! A case is a folder: mails and a `case.json` that says in which order they are sent, what happens between them, and which
//! rows and texts have to be there in the end. A new case needs no Rust.
//!
//! ```json
//! {
//!   "why": "one sentence",
//!   "steps": [
//!     { "send": "1.eml", "from": "a@mail.example", "to": ["support@shop.example"], "times": 2 },
//!     { "arrives": "a@mail.example", "count": 1 },
//!     { "answer": "We will send it today." },
//!     { "send": "2.eml", "from": "a@mail.example" }
//!   ],
//!   "rows": { "conversations": 1, "inbound": 2, "parked": 0 },
//!   "texts": ["what the first message says", "the second"],
//!   "subjects": ["the first conversation's"]
//! }
//! ```
//!
//! `from` may be empty, `to` is the desk's address where it is absent. Marks in a mail are filled from the last mail that
//! arrived for its sender: `@REPLY-TO@`, `@SUBJECT@`, `@TAG@`, `@MESSAGE-ID@`, `@REFERENCES@`.
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::desk::{Desk, SUPPORT};
use crate::relay::{Arrived, Relay};
use crate::{smtp, store, wait};

/// Every case of `tests/cases`, by name.
pub fn all() -> Vec<PathBuf> {
    let folder = crate::program::root().join("tests/cases");
    let mut cases: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("there are cases")
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    cases.sort();
    cases
}

/// Runs a case on a desk of its own; panics with what is not as expected.
pub fn run(folder: &Path) {
    let text = std::fs::read_to_string(folder.join("case.json")).expect("a case has a case.json");
    let case: Value = serde_json::from_str(&text).expect("case.json is JSON");
    let relay = Relay::start();
    let desk = Desk::setup().relay(relay.port).with(case["toml"].as_str().unwrap_or_default()).start();
    for step in list(&case["steps"]) {
        take(step, folder, &desk, &relay);
    }
    let rows = desk.settled();
    for (name, expected) in case["rows"].as_object().expect("a case says its rows") {
        let found = rows.named(name).unwrap_or_else(|| panic!("there is no count of {name}"));
        assert_eq!(Some(found as u64), expected.as_u64(), "{name}; all rows: {rows:?}");
    }
    let connection = store::open(&desk.dir);
    let texts = store::texts(&connection, "SELECT text FROM message WHERE digest IS NOT NULL ORDER BY id");
    compare("text", list(&case["texts"]), &texts);
    compare(
        "subject",
        list(&case["subjects"]),
        &store::texts(&connection, "SELECT subject FROM conversation ORDER BY id"),
    );
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Each found one, in order, is the expected one, blanks at its ends aside; more found ones are the rows' affair.
fn compare(what: &str, expected: &[Value], found: &[String]) {
    for (number, expected) in expected.iter().enumerate() {
        let found_one = found.get(number).map(|text| text.trim());
        assert_eq!(found_one, expected.as_str().map(str::trim), "{what} {number}; all: {found:#?}");
    }
}

fn take(step: &Value, folder: &Path, desk: &Desk, relay: &Relay) {
    if let Some(file) = step["send"].as_str() {
        let from = step["from"].as_str().expect("a mail has a sender, if an empty one");
        let raw = std::fs::read(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        let hint = relay.mails_to(from).pop();
        let mail = smtp::crlf(&filled(&raw, hint.as_ref()));
        let to: Vec<String> = match list(&step["to"]) {
            [] => vec![SUPPORT.to_owned()],
            to => to
                .iter()
                .map(|to| String::from_utf8(filled(text(to).as_bytes(), hint.as_ref())).expect("an address"))
                .collect(),
        };
        let to: Vec<&str> = to.iter().map(String::as_str).collect();
        for _ in 0..step["times"].as_u64().unwrap_or(1) {
            let reply = desk.offer(from, &to, &mail);
            assert_eq!(u64::from(reply.code), step["code"].as_u64().unwrap_or(250), "{file}: {reply:?}");
        }
        desk.settled();
    } else if let Some(address) = step["arrives"].as_str() {
        relay.wait_for(address, step["count"].as_u64().unwrap_or(1) as usize);
    } else if let Some(answer) = step["answer"].as_str() {
        let queue = desk.api.queue();
        let id = crate::api::id(queue.first().expect("a conversation waits"));
        desk.api.answer(id, answer);
        wait::until("the answer to leave", || {
            let rows = desk.settled();
            if rows.waiting_out == 0 { Ok(()) } else { Err(format!("{rows:?}")) }
        });
    } else {
        panic!("no such step: {step}");
    }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

/// The mail with its marks filled in.
fn filled(raw: &[u8], hint: Option<&Arrived>) -> Vec<u8> {
    let Some(hint) = hint else { return raw.to_vec() };
    let header = |name: &str| hint.header(name).unwrap_or_default().to_owned();
    let subject = header("subject");
    let tag = subject.rsplit_once('[').and_then(|(_, rest)| rest.split_once(']')).map_or("", |(tag, _)| tag);
    let address =
        |value: String| value.rsplit_once('<').map_or(value.clone(), |(_, rest)| rest.trim_end_matches('>').to_owned());
    let mut mail = raw.to_vec();
    for (mark, value) in [
        ("@REPLY-TO@", address(header("reply-to"))),
        ("@TAG@", format!("[{tag}]")),
        ("@SUBJECT@", subject.clone()),
        ("@MESSAGE-ID@", header("message-id")),
        ("@REFERENCES@", header("references")),
    ] {
        mail = replace(&mail, mark.as_bytes(), value.as_bytes());
    }
    mail
}

fn replace(text: &[u8], mark: &[u8], value: &[u8]) -> Vec<u8> {
    let mut filled = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.windows(mark.len()).position(|window| window == mark) {
        filled.extend_from_slice(&rest[..at]);
        filled.extend_from_slice(value);
        rest = &rest[at + mark.len()..];
    }
    filled.extend_from_slice(rest);
    filled
}
