//! The host's services where a plugin runs as ordinary code: in its tests, or linked into a program to compare with.
use std::cell::RefCell;
use std::sync::Arc;

use crate::host::blobs::BlobError;
use crate::host::calendar::{CalendarError, Moment};
use crate::host::feed::FeedError;
use crate::host::http::HttpError;
use crate::host::knowledge::Article;
use crate::host::log::Level;
use crate::host::mail::MailError;
use crate::host::secrets::SecretError;
use crate::host::state::StateError;
use crate::types::{Attachment, Timestamp};
use crate::web::{Request, Response};

/// What answers [`host`](crate::host) natively. Every method has a default that answers as a host that grants nothing.
pub trait Services {
    /// `log.write`. Default: dropped.
    fn log(&self, level: Level, message: &str) {
        let _ = (level, message);
    }
    /// `config.get`. Default: `{}`.
    fn config(&self) -> String {
        "{}".into()
    }
    /// `clock.now`, in milliseconds since the Unix epoch. Default: 0.
    fn now(&self) -> Timestamp {
        0
    }
    /// `secrets.get`. Default: denied.
    fn secret(&self, name: &str) -> Result<String, SecretError> {
        Err(SecretError::Denied(name.into()))
    }
    /// `secrets.hmac-sha256`. Default: denied.
    fn hmac_sha256(&self, name: &str, data: &[u8]) -> Result<Vec<u8>, SecretError> {
        let _ = data;
        Err(SecretError::Denied(name.into()))
    }
    /// `state.get`. Default: unavailable.
    fn state_get(&self, key: &str) -> Result<Option<Vec<u8>>, StateError> {
        let _ = key;
        Err(StateError::Unavailable(NO_HOST.into()))
    }
    /// `state.set`. Default: unavailable.
    fn state_set(&self, key: &str, value: &[u8], expires_in: Option<u32>) -> Result<(), StateError> {
        let _ = (key, value, expires_in);
        Err(StateError::Unavailable(NO_HOST.into()))
    }
    /// `state.delete`. Default: unavailable.
    fn state_delete(&self, key: &str) -> Result<(), StateError> {
        let _ = key;
        Err(StateError::Unavailable(NO_HOST.into()))
    }
    /// `state.keys`. Default: unavailable.
    fn state_keys(&self, prefix: &str, limit: u32) -> Result<Vec<String>, StateError> {
        let _ = (prefix, limit);
        Err(StateError::Unavailable(NO_HOST.into()))
    }
    /// `feed.publish`. Default: unavailable.
    fn feed_publish(&self, topic: &str, key: &str, name: &str, data: &str) -> Result<(), FeedError> {
        let _ = (topic, key, name, data);
        Err(FeedError::Unavailable(NO_HOST.into()))
    }
    /// `feed.flash`. Default: unavailable.
    fn feed_flash(&self, topic: &str, name: &str, data: &str) -> Result<(), FeedError> {
        let _ = (topic, name, data);
        Err(FeedError::Unavailable(NO_HOST.into()))
    }
    /// `blobs.put`. Default: unavailable.
    fn blob_put(&self, name: &str, media_type: &str, data: &[u8]) -> Result<Attachment, BlobError> {
        let _ = (name, media_type, data);
        Err(BlobError::Unavailable(NO_HOST.into()))
    }
    /// `blobs.get`. Default: unavailable.
    fn blob_get(&self, blob: &str) -> Result<Vec<u8>, BlobError> {
        let _ = blob;
        Err(BlobError::Unavailable(NO_HOST.into()))
    }
    /// `http.send`. Default: denied.
    fn http(&self, request: &Request) -> Result<Response, HttpError> {
        Err(HttpError::Denied(request.url.clone()))
    }
    /// `mail.submit`. Default: a temporary error.
    fn mail_submit(&self, mail_from: &str, rcpt_to: &[String], data: &[u8]) -> Result<String, MailError> {
        let _ = (mail_from, rcpt_to, data);
        Err(MailError::Temporary(NO_HOST.into()))
    }
    /// `calendar.opening`. Default: no calendar is known.
    fn calendar_opening(&self, calendar: &str, at: u64) -> Result<Moment, CalendarError> {
        let _ = (calendar, at);
        Err(CalendarError::Unknown(NO_HOST.into()))
    }
    /// `calendar.after`. Default: no calendar is known.
    fn calendar_after(&self, calendar: &str, at: u64, seconds: u32) -> Result<Moment, CalendarError> {
        let _ = (calendar, at, seconds);
        Err(CalendarError::Unknown(NO_HOST.into()))
    }
    /// `knowledge.search`. Default: nothing.
    fn knowledge(&self, query: &str, limit: u32) -> Vec<Article> {
        let _ = (query, limit);
        Vec::new()
    }
}

const NO_HOST: &str = "no host services are set for this thread";

struct NoHost;
impl Services for NoHost {}

thread_local! {
    static SERVICES: RefCell<Arc<dyn Services>> = RefCell::new(Arc::new(NoHost));
}

/// The services of this thread. A reference count and no lock, so that a native call costs next to nothing.
pub(crate) fn current() -> Arc<dyn Services> {
    SERVICES.with_borrow(Arc::clone)
}

/// Puts the former services back, even when the call panics.
struct Restore(Option<Arc<dyn Services>>);

impl Drop for Restore {
    fn drop(&mut self) {
        if let Some(former) = self.0.take() {
            SERVICES.replace(former);
        }
    }
}

/// Run `call` with these services on this thread. Calls nest; the former services are back afterwards.
pub fn enter<R>(services: Arc<dyn Services>, call: impl FnOnce() -> R) -> R {
    let _restore = Restore(Some(SERVICES.replace(services)));
    call()
}
