//! Twilio: what its callbacks tell, what has to be fetched afterwards, and answers by SMS.
//!
//! What a call of ours may not do (the network, in `receive`) or what is not complete yet (a call that goes on) is kept in
//! the host's state. Keys, with what they hold:
//!
//! | key | value |
//! |---|---|
//! | `open/CALL` | a call of which something was heard and no end ([`live`]) |
//! | `call/CALL/SEQ…` | one utterance that no message holds yet |
//! | `who/CALL` | who called whom, from other callbacks |
//! | `ask/CALL` | the call has ended, and who called is to be asked ([`fetch`]) |
//! | `told/CALL/NN`, `done/CALL` | what the call's message holds |
//! | `check/CALL` | a call just told: utterances that came in the same moment are looked for |
//! | `fetch/transcript/SID`, `fetch/media/SID/N` | what is to be fetched ([`fetch`]) |
//! | `document/DIGEST` | what the first document of a call told ([`crate::document`]) |
//! | `sent/ID/N`, `trying/ID/N`, `sid/SID` | what became of an answer ([`send`]) |
pub mod api;
pub mod facts;
pub mod fetch;
pub mod live;
pub mod send;
pub mod sms;
pub mod status;
pub mod voicemail;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tributary_sdk::host::state;
use tributary_sdk::{Reading, Rejection};

use crate::signature::Form;

/// The fields of a callback: those of its form, then those of its query.
pub struct Fields {
    form: Form,
    query: Form,
}

impl Fields {
    /// Of a checked form, and the query of the URL that was signed with it.
    pub fn new(form: Form, query: &str) -> Self {
        Self { form, query: form_urlencoded::parse(query.as_bytes()).into_owned().collect() }
    }

    /// The value of a field; none where it is absent or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        let all = self.form.iter().chain(&self.query);
        all.filter(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str()).next()
    }

    /// A field that has to be there.
    ///
    /// # Errors
    /// [`Rejection::Malformed`] where it is not.
    pub fn need(&self, name: &str) -> Result<&str, Rejection> {
        self.get(name).ok_or_else(|| Rejection::Malformed(format!("`{name}`: expected in this callback")))
    }

    /// An id of Twilio's (two letters, 32 hexadecimal digits). It goes into keys and URLs, so nothing else may.
    ///
    /// # Errors
    /// [`Rejection::Malformed`] where it is absent or of another form.
    pub fn sid(&self, name: &str) -> Result<&str, Rejection> {
        let value = self.need(name)?;
        if is_sid(value) {
            Ok(value)
        } else {
            Err(Rejection::Malformed(format!("`{name}`: expected an id such as CA and 32 digits")))
        }
    }
}

/// Whether a text has the form of Twilio's ids. Their length is not relied on.
pub fn is_sid(text: &str) -> bool {
    (4..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// A reading without events.
pub fn quiet(poll_now: bool) -> Reading {
    Reading { events: Vec::new(), answer: None, poll_now }
}

/// The store could not be read or written: the arrival is kept aside and can be handed in again.
fn unavailable() -> Rejection {
    Rejection::Malformed("what is known of this call could not be read or kept".into())
}

/// A value of the state; none where there is none, or where an earlier version wrote another form.
pub(crate) fn load<T: DeserializeOwned>(key: &str) -> Result<Option<T>, Rejection> {
    let value = state::get(key).map_err(|_| unavailable())?;
    Ok(value.and_then(|value| serde_json::from_slice(&value).ok()))
}

/// Keeps a value; for so many seconds, or for good.
pub(crate) fn save<T: Serialize>(key: &str, value: &T, seconds: Option<u32>) -> Result<(), Rejection> {
    let json = serde_json::to_vec(value).map_err(|_| unavailable())?;
    state::set(key, &json, seconds).map_err(|_| unavailable())
}

/// Forgets a value.
pub(crate) fn forget(key: &str) -> Result<(), Rejection> {
    state::delete(key).map_err(|_| unavailable())
}

/// The keys with this prefix, the first thousand.
pub(crate) fn keys(prefix: &str) -> Result<Vec<String>, Rejection> {
    state::keys(prefix, 1000).map_err(|_| unavailable())
}
