//! A host that records what a plugin does and answers as it was told.
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use super::calendar::FakeCalendar;
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
use crate::types::{Attachment, Timestamp};
use crate::web::{Request, Response};

/// The host's limit for one value of the plugin's state, in bytes.
const STATE_LIMIT: usize = 64 * 1024;

/// The host's limit for the text of one item of a feed, in bytes.
const FEED_LIMIT: usize = 64 * 1024;

/// What the plugin put into a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The topic.
    pub topic: String,
    /// Unique in its topic; none for what was only shown.
    pub key: Option<String>,
    /// The event's name.
    pub name: String,
    /// Its text.
    pub data: String,
}

/// A mail that the plugin handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The return path; empty for the null one.
    pub mail_from: String,
    /// All recipients.
    pub rcpt_to: Vec<String>,
    /// The message.
    pub data: Vec<u8>,
}

#[derive(Default)]
struct Inner {
    config: Option<String>,
    now: Timestamp,
    secrets: BTreeMap<String, Option<String>>,
    state: BTreeMap<String, (Vec<u8>, Option<Timestamp>)>,
    blobs: BTreeMap<String, Vec<u8>>,
    blob_limit: Option<u64>,
    mails: Vec<Mail>,
    mail_answers: VecDeque<Result<String, MailError>>,
    requests: Vec<Request>,
    http_answers: VecDeque<Result<Response, HttpError>>,
    articles: Vec<Article>,
    calendars: BTreeMap<String, FakeCalendar>,
    feed: Vec<Item>,
    logs: Vec<(Level, String)>,
}

/// A host for tests. Clones share what they hold, so a test keeps one and looks into it afterwards.
///
/// Nothing is granted from the start: no secret, no HTTP answer, no article. State, files and mails work.
#[derive(Clone, Default)]
pub struct FakeHost(Arc<Mutex<Inner>>);

impl FakeHost {
    /// A host with an empty configuration, at time 0.
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(self, change: impl FnOnce(&mut Inner)) -> Self {
        change(&mut self.lock());
        self
    }

    /// What `config.get` answers.
    pub fn config(self, config: &serde_json::Value) -> Self {
        self.set(|inner| inner.config = Some(config.to_string()))
    }

    /// The time, in milliseconds since the Unix epoch. State that expires goes by it.
    pub fn now(self, now: Timestamp) -> Self {
        self.set(|inner| inner.now = now)
    }

    /// A secret that is granted and set.
    pub fn secret(self, name: &str, value: &str) -> Self {
        self.set(|inner| drop(inner.secrets.insert(name.into(), Some(value.into()))))
    }

    /// A secret that is granted but not set.
    pub fn missing_secret(self, name: &str) -> Self {
        self.set(|inner| drop(inner.secrets.insert(name.into(), None)))
    }

    /// State from earlier calls.
    pub fn state(self, key: &str, value: &[u8]) -> Self {
        self.set(|inner| drop(inner.state.insert(key.into(), (value.into(), None))))
    }

    /// A file that the call is handed. Its id is the SHA-256 of its bytes in lower-case hex: [`FakeHost::blob_id`].
    pub fn blob(self, data: &[u8]) -> Self {
        self.set(|inner| drop(inner.blobs.insert(Self::blob_id(data), data.into())))
    }

    /// Files above so many bytes are refused.
    pub fn blob_limit(self, limit: u64) -> Self {
        self.set(|inner| inner.blob_limit = Some(limit))
    }

    /// The next mail gets this answer from the relay. Without a scripted answer: `250 2.0.0 OK`.
    pub fn mail_answer(self, answer: Result<String, MailError>) -> Self {
        self.set(|inner| inner.mail_answers.push_back(answer))
    }

    /// The next HTTP request gets this answer. Without a scripted answer a request is denied.
    pub fn http_answer(self, answer: Result<Response, HttpError>) -> Self {
        self.set(|inner| inner.http_answers.push_back(answer))
    }

    /// An article of the knowledge base. A search finds all articles, in the order they were given.
    pub fn article(self, article: Article) -> Self {
        self.set(|inner| inner.articles.push(article))
    }

    /// A calendar of the shop.
    pub fn calendar(self, name: &str, calendar: FakeCalendar) -> Self {
        self.set(|inner| {
            inner.calendars.insert(name.into(), calendar);
        })
    }

    /// The id of a file with these bytes.
    pub fn blob_id(data: &[u8]) -> String {
        Sha256::digest(data).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Mails the plugin handed over and the relay took, in order.
    pub fn mails(&self) -> Vec<Mail> {
        self.lock().mails.clone()
    }

    /// Requests the plugin sent, in order.
    pub fn requests(&self) -> Vec<Request> {
        self.lock().requests.clone()
    }

    /// Files by their id.
    pub fn blobs(&self) -> BTreeMap<String, Vec<u8>> {
        self.lock().blobs.clone()
    }

    /// A value of the state, expired or not.
    pub fn state_value(&self, key: &str) -> Option<Vec<u8>> {
        self.lock().state.get(key).map(|(value, _)| value.clone())
    }

    /// What the plugin put into feeds, in order.
    pub fn feed(&self) -> Vec<Item> {
        self.lock().feed.clone()
    }

    /// Lines the plugin logged.
    pub fn logs(&self) -> Vec<(Level, String)> {
        self.lock().logs.clone()
    }
}

impl Services for FakeHost {
    fn log(&self, level: Level, message: &str) {
        self.lock().logs.push((level, message.into()));
    }

    fn config(&self) -> String {
        self.lock().config.clone().unwrap_or_else(|| "{}".into())
    }

    fn now(&self) -> Timestamp {
        self.lock().now
    }

    fn secret(&self, name: &str) -> Result<String, SecretError> {
        match self.lock().secrets.get(name) {
            Some(Some(value)) => Ok(value.clone()),
            Some(None) => Err(SecretError::Missing(name.into())),
            None => Err(SecretError::Denied(name.into())),
        }
    }

    fn hmac_sha256(&self, name: &str, data: &[u8]) -> Result<Vec<u8>, SecretError> {
        let key = self.secret(name)?;
        // HMAC takes a key of any length, so this cannot fail.
        let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).map_err(|_| SecretError::Missing(name.into()))?;
        mac.update(data);
        Ok(mac.finalize().into_bytes().to_vec())
    }

    fn state_get(&self, key: &str) -> Result<Option<Vec<u8>>, StateError> {
        let inner = self.lock();
        let alive = |until: &Option<Timestamp>| until.is_none_or(|until| until > inner.now);
        Ok(inner.state.get(key).filter(|(_, until)| alive(until)).map(|(value, _)| value.clone()))
    }

    fn state_set(&self, key: &str, value: &[u8], expires_in: Option<u32>) -> Result<(), StateError> {
        if value.len() > STATE_LIMIT {
            return Err(StateError::TooLarge(STATE_LIMIT as u64));
        }
        let mut inner = self.lock();
        let until = expires_in.map(|seconds| inner.now + u64::from(seconds) * 1000);
        inner.state.insert(key.into(), (value.into(), until));
        Ok(())
    }

    fn state_delete(&self, key: &str) -> Result<(), StateError> {
        self.lock().state.remove(key);
        Ok(())
    }

    fn state_keys(&self, prefix: &str, limit: u32) -> Result<Vec<String>, StateError> {
        let inner = self.lock();
        let now = inner.now;
        let live = inner.state.iter().filter(|(_, (_, until))| until.is_none_or(|until| until > now));
        let named = live.map(|(key, _)| key).filter(|key| key.starts_with(prefix));
        Ok(named.take(limit.min(1000) as usize).cloned().collect())
    }

    fn feed_publish(&self, topic: &str, key: &str, name: &str, data: &str) -> Result<(), FeedError> {
        let mut inner = self.lock();
        if data.len() > FEED_LIMIT {
            return Err(FeedError::TooLarge(FEED_LIMIT as u64));
        }
        if !inner.feed.iter().any(|item| item.topic == topic && item.key.as_deref() == Some(key)) {
            let (topic, name, data) = (topic.into(), name.into(), data.into());
            inner.feed.push(Item { topic, key: Some(key.into()), name, data });
        }
        Ok(())
    }

    fn feed_flash(&self, topic: &str, name: &str, data: &str) -> Result<(), FeedError> {
        if data.len() > FEED_LIMIT {
            return Err(FeedError::TooLarge(FEED_LIMIT as u64));
        }
        let (topic, name, data) = (topic.into(), name.into(), data.into());
        self.lock().feed.push(Item { topic, key: None, name, data });
        Ok(())
    }

    fn blob_put(&self, name: &str, media_type: &str, data: &[u8]) -> Result<Attachment, BlobError> {
        let mut inner = self.lock();
        if let Some(limit) = inner.blob_limit.filter(|limit| data.len() as u64 > *limit) {
            return Err(BlobError::TooLarge(limit));
        }
        let blob = Self::blob_id(data);
        inner.blobs.insert(blob.clone(), data.into());
        Ok(Attachment {
            blob,
            name: name.into(),
            media_type: media_type.into(),
            size: data.len() as u64,
            content_id: None,
        })
    }

    fn blob_get(&self, blob: &str) -> Result<Vec<u8>, BlobError> {
        self.lock().blobs.get(blob).cloned().ok_or_else(|| BlobError::Unknown(blob.into()))
    }

    fn http(&self, request: &Request) -> Result<Response, HttpError> {
        let mut inner = self.lock();
        inner.requests.push(request.clone());
        inner.http_answers.pop_front().unwrap_or_else(|| Err(HttpError::Denied(request.url.clone())))
    }

    fn mail_submit(&self, mail_from: &str, rcpt_to: &[String], data: &[u8]) -> Result<String, MailError> {
        let mut inner = self.lock();
        let reply = inner.mail_answers.pop_front().unwrap_or_else(|| Ok("250 2.0.0 OK".into()))?;
        inner.mails.push(Mail { mail_from: mail_from.into(), rcpt_to: rcpt_to.to_vec(), data: data.into() });
        Ok(reply)
    }

    fn calendar_opening(&self, calendar: &str, at: u64) -> Result<Moment, CalendarError> {
        self.calendar_after(calendar, at, 0)
    }

    fn calendar_after(&self, calendar: &str, at: u64, seconds: u32) -> Result<Moment, CalendarError> {
        let inner = self.lock();
        let names = || inner.calendars.keys().cloned().collect::<Vec<_>>().join(", ");
        inner.calendars.get(calendar).ok_or_else(|| CalendarError::Unknown(names()))?.after(at, seconds)
    }

    fn knowledge(&self, _query: &str, limit: u32) -> Vec<Article> {
        self.lock().articles.iter().take(limit as usize).cloned().collect()
    }
}
