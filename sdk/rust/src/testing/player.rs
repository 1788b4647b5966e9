//! A host that answers from a recording's tape.
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::FakeHost;
use crate::host::blobs::BlobError;
use crate::host::calendar::{CalendarError, Moment};
use crate::host::feed::FeedError;
use crate::host::http::HttpError;
use crate::host::knowledge::Article;
use crate::host::log::Level;
use crate::host::mail::MailError;
use crate::host::secrets::SecretError;
use crate::host::state::StateError;
use crate::native::Services;
use crate::types::{Attachment, Attribute, Timestamp};
use crate::web::{Request, Response};

const NOT_ON_TAPE: &str = "this is not on the tape of the recording";

/// The fields of requests whose value a recording does not hold, and what stands there.
const CREDENTIALS: [&str; 9] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "x-api-key",
    "api-key",
    "x-auth-token",
    "x-access-token",
    "x-amz-security-token",
];
const CREDENTIAL: &str = "[credential]";

/// One question to the host, and what it answered.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Line {
    service: String,
    asked: Value,
    answered: Value,
    #[serde(skip)]
    used: bool,
}

/// Answers as the tape says; what a plugin writes goes to a [`FakeHost`].
pub(super) struct Player {
    host: FakeHost,
    tape: Mutex<Tape>,
}

struct Tape {
    lines: Vec<Line>,
    /// Keys that this call wrote or deleted: it reads those back from the host.
    written: BTreeSet<String>,
}

/// Bytes that a plugin handed over, as they stand in a question.
fn sealed(data: &[u8]) -> Value {
    json!({ "sha256": FakeHost::blob_id(data), "size": data.len() })
}

fn field(attribute: &Attribute) -> Value {
    let credential = CREDENTIALS.iter().any(|name| attribute.name.eq_ignore_ascii_case(name));
    json!({ "name": attribute.name, "value": if credential { CREDENTIAL } else { &attribute.value } })
}

impl Player {
    pub fn new(host: FakeHost, lines: Vec<Line>) -> Self {
        Self { host, tape: Mutex::new(Tape { lines, written: BTreeSet::new() }) }
    }

    fn tape(&self) -> MutexGuard<'_, Tape> {
        self.tape.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first answer to this question that was not given yet, else the last that was. `None`: it is not on the tape.
    fn heard<T: DeserializeOwned>(&self, service: &str, asked: &Value) -> Option<T> {
        let mut tape = self.tape();
        let same = |line: &Line| line.service == service && line.asked == *asked;
        let fresh = tape.lines.iter().position(|line| !line.used && same(line));
        // Whoever only reads may read again; nothing is sent twice.
        let again = || (service != "mail.submit" && service != "http.send").then(|| tape.lines.iter().rposition(same));
        let at = fresh.or_else(|| again().flatten())?;
        tape.lines[at].used = true;
        serde_json::from_value(tape.lines[at].answered.clone()).ok()
    }
}

impl Services for Player {
    fn log(&self, level: Level, message: &str) {
        self.host.log(level, message);
    }

    fn config(&self) -> String {
        Services::config(&self.host)
    }

    fn now(&self) -> Timestamp {
        Services::now(&self.host)
    }

    fn secret(&self, name: &str) -> Result<String, SecretError> {
        let heard = self.heard("secrets.get", &json!({ "name": name }));
        heard.unwrap_or_else(|| Err(SecretError::Denied(name.into())))
    }

    fn hmac_sha256(&self, name: &str, data: &[u8]) -> Result<Vec<u8>, SecretError> {
        let heard = self.heard("secrets.hmac-sha256", &json!({ "name": name, "data": sealed(data) }));
        heard.unwrap_or_else(|| Err(SecretError::Denied(name.into())))
    }

    fn state_get(&self, key: &str) -> Result<Option<Vec<u8>>, StateError> {
        if self.tape().written.contains(key) {
            return self.host.state_get(key);
        }
        let heard = self.heard("state.get", &json!({ "key": key }));
        heard.unwrap_or_else(|| Err(StateError::Unavailable(NOT_ON_TAPE.into())))
    }

    fn state_set(&self, key: &str, value: &[u8], expires_in: Option<u32>) -> Result<(), StateError> {
        self.tape().written.insert(key.into());
        self.host.state_set(key, value, expires_in)
    }

    fn state_delete(&self, key: &str) -> Result<(), StateError> {
        self.tape().written.insert(key.into());
        self.host.state_delete(key)
    }

    fn state_keys(&self, prefix: &str, limit: u32) -> Result<Vec<String>, StateError> {
        let heard = self.heard("state.keys", &json!({ "prefix": prefix, "limit": limit }));
        heard.unwrap_or_else(|| Err(StateError::Unavailable(NOT_ON_TAPE.into())))
    }

    fn feed_publish(&self, topic: &str, key: &str, name: &str, data: &str) -> Result<(), FeedError> {
        self.host.feed_publish(topic, key, name, data)
    }

    fn feed_flash(&self, topic: &str, name: &str, data: &str) -> Result<(), FeedError> {
        self.host.feed_flash(topic, name, data)
    }

    fn blob_put(&self, name: &str, media_type: &str, data: &[u8]) -> Result<Attachment, BlobError> {
        let asked = json!({ "name": name, "media_type": media_type, "data": sealed(data) });
        match self.heard("blobs.put", &asked) {
            Some(Err(error)) => Err(error),
            Some(Ok(Attachment { .. })) | None => self.host.blob_put(name, media_type, data),
        }
    }

    fn blob_get(&self, blob: &str) -> Result<Vec<u8>, BlobError> {
        match self.heard("blobs.get", &json!({ "blob": blob })) {
            Some(Err(error)) => Err(error),
            Some(Ok(())) | None => self.host.blob_get(blob),
        }
    }

    fn http(&self, request: &Request) -> Result<Response, HttpError> {
        let headers: Vec<Value> = request.headers.iter().map(field).collect();
        let asked = json!({
            "method": request.method, "url": request.url, "headers": headers, "body": sealed(&request.body),
        });
        self.heard("http.send", &asked).unwrap_or_else(|| Err(HttpError::Unreachable(NOT_ON_TAPE.into())))
    }

    fn mail_submit(&self, mail_from: &str, rcpt_to: &[String], data: &[u8]) -> Result<String, MailError> {
        let asked = json!({ "mail_from": mail_from, "rcpt_to": rcpt_to, "data": sealed(data) });
        self.heard("mail.submit", &asked).unwrap_or_else(|| Err(MailError::Temporary(NOT_ON_TAPE.into())))
    }

    fn calendar_opening(&self, calendar: &str, at: u64) -> Result<Moment, CalendarError> {
        let asked = json!({ "calendar": calendar, "at": at });
        self.heard("calendar.opening", &asked).unwrap_or(Err(CalendarError::Never))
    }

    fn calendar_after(&self, calendar: &str, at: u64, seconds: u32) -> Result<Moment, CalendarError> {
        let asked = json!({ "calendar": calendar, "at": at, "time": seconds });
        self.heard("calendar.after", &asked).unwrap_or(Err(CalendarError::Never))
    }

    fn knowledge(&self, query: &str, limit: u32) -> Vec<Article> {
        self.heard("knowledge.search", &json!({ "query": query, "limit": limit })).unwrap_or_default()
    }
}
