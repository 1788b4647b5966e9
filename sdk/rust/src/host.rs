//! The host's services, as plain functions. A plugin may call those its `plugin.toml` asks for and its operator granted.
//!
//! In a component they are the contract's imports; natively they go to whatever [`native::enter`](crate::native::enter)
//! set for the thread, which in tests is [`testing::FakeHost`](crate::testing::FakeHost).

/// Calls the contract's import in a component, the thread's services natively.
macro_rules! dispatch {
    ($interface:ident :: $function:ident ( $($argument:expr),* ), $method:ident) => {{
        #[cfg(target_arch = "wasm32")]
        {
            crate::bindings::services::tributary::plugin::$interface::$function($($argument),*)
        }
        #[cfg(not(target_arch = "wasm32"))]
        {
            crate::native::current().$method($($argument),*)
        }
    }};
}

/// The operator's log. Never a message's text, a secret or personal data.
pub mod log {
    pub use crate::bindings::services::tributary::plugin::log::Level;

    /// Write a line. Cut at 4,096 bytes; above 100 lines a call, the rest is counted and dropped.
    pub fn write(level: Level, message: &str) {
        dispatch!(log::write(level, message), log)
    }

    /// For the author of the plugin.
    pub fn debug(message: &str) {
        write(Level::Debug, message);
    }

    /// Worth knowing.
    pub fn info(message: &str) {
        write(Level::Info, message);
    }

    /// Somebody should look.
    pub fn warn(message: &str) {
        write(Level::Warn, message);
    }

    /// Something went wrong.
    pub fn error(message: &str) {
        write(Level::Error, message);
    }
}

/// The plugin's own section of the configuration. [`Plugin::prepare`](crate::Plugin::prepare) has it already.
pub mod config {
    /// A JSON object: what the operator wrote, `{}` where nothing. The plugin's `config.toml` is not merged in.
    pub fn get() -> String {
        dispatch!(config::get(), config)
    }
}

/// The time.
pub mod clock {
    use crate::types::Timestamp;

    /// Milliseconds since the Unix epoch; the same value throughout one call. Zero during `prepare`.
    pub fn now() -> Timestamp {
        dispatch!(clock::now(), now)
    }
}

/// Named secrets that the operator granted. Not answered during `prepare`.
pub mod secrets {
    pub use crate::bindings::services::tributary::plugin::secrets::SecretError;

    /// The secret's text.
    ///
    /// # Errors
    /// [`SecretError::Denied`] where it was not granted, [`SecretError::Missing`] where it is not set.
    pub fn get(name: &str) -> Result<String, SecretError> {
        dispatch!(secrets::get(name), secret)
    }

    /// HMAC-SHA-256 (RFC 2104) of `data` under the secret: 32 bytes. The key stays with the host.
    ///
    /// # Errors
    /// As for [`get`].
    pub fn hmac_sha256(name: &str, data: &[u8]) -> Result<Vec<u8>, SecretError> {
        dispatch!(secrets::hmac_sha256(name, data), hmac_sha256)
    }
}

/// Small durable state of this plugin in this channel. A call that traps leaves nothing; a `receive` or a `poll` that writes
/// is made again where another call wrote meanwhile what it had read.
pub mod state {
    pub use crate::bindings::services::tributary::plugin::state::StateError;

    /// The value of a key, or none.
    ///
    /// # Errors
    /// [`StateError::Unavailable`] where the store does not answer.
    pub fn get(key: &str) -> Result<Option<Vec<u8>>, StateError> {
        dispatch!(state::get(key), state_get)
    }

    /// Keep a value of 64 KiB at most under a key of 256 bytes at most; for so many seconds, or for good.
    ///
    /// # Errors
    /// [`StateError::TooLarge`] tells the limit.
    pub fn set(key: &str, value: &[u8], expires_in: Option<u32>) -> Result<(), StateError> {
        dispatch!(state::set(key, value, expires_in), state_set)
    }

    /// Forget a key. Absent already: nothing happens.
    ///
    /// # Errors
    /// [`StateError::Unavailable`] where the store does not answer.
    pub fn delete(key: &str) -> Result<(), StateError> {
        dispatch!(state::delete(key), state_delete)
    }

    /// Keys that begin like this, in order of their bytes, the first `limit`, 1,000 at most.
    ///
    /// # Errors
    /// [`StateError::Unavailable`] where the store does not answer.
    pub fn keys(prefix: &str, limit: u32) -> Result<Vec<String>, StateError> {
        dispatch!(state::keys(prefix, limit), state_keys)
    }
}

/// Files, by their content.
pub mod blobs {
    pub use crate::bindings::services::tributary::plugin::blobs::BlobError;
    use crate::types::Attachment;

    /// Keep a file. It is on disk before the arrival is acknowledged; the same bytes are kept once. The result's
    /// `content_id` is none.
    ///
    /// # Errors
    /// [`BlobError::TooLarge`] tells the limit.
    pub fn put(name: &str, media_type: &str, data: &[u8]) -> Result<Attachment, BlobError> {
        dispatch!(blobs::put(name, media_type, data), blob_put)
    }

    /// The bytes of a file that this call put or was handed.
    ///
    /// # Errors
    /// [`BlobError::Unknown`] where no such file belongs to this call.
    pub fn get(blob: &str) -> Result<Vec<u8>, BlobError> {
        dispatch!(blobs::get(blob), blob_get)
    }
}

/// Egress over HTTP to the hosts that the operator granted.
pub mod http {
    pub use crate::bindings::services::tributary::plugin::http::HttpError;
    use crate::web::{Request, Response};

    /// Send and wait. Redirects are not followed.
    ///
    /// # Errors
    /// [`HttpError`] where there is no answer; an answer of 400 or above is an answer.
    pub fn send(request: &Request) -> Result<Response, HttpError> {
        dispatch!(http::send(request), http)
    }
}

/// Submission to the operator's mail relay (RFC 5321).
pub mod mail {
    pub use crate::bindings::services::tributary::plugin::mail::MailError;

    /// Hand over one RFC 5322 message with CRLF line ends to all recipients; the result is the relay's last reply. An
    /// empty `mail_from` is the null return path.
    ///
    /// # Errors
    /// [`MailError::Temporary`] and [`MailError::Permanent`], with the relay's words.
    pub fn submit(mail_from: &str, rcpt_to: &[String], data: &[u8]) -> Result<String, MailError> {
        dispatch!(mail::submit(mail_from, rcpt_to, data), mail_submit)
    }
}

/// What a client sees live. A client follows a topic by an answer of `receive` with the headers `grip-hold: stream` and
/// `grip-channel: TOPIC`: see [`Response::hold`](crate::web::Response::hold).
pub mod feed {
    pub use crate::bindings::services::tributary::plugin::feed::FeedError;

    /// Put an item behind the others of a topic; kept and shown when the call has ended well. Where the topic has an item
    /// under `key` already, nothing happens.
    ///
    /// # Errors
    /// [`FeedError::TooLarge`] tells the limit.
    pub fn publish(topic: &str, key: &str, name: &str, data: &str) -> Result<(), FeedError> {
        dispatch!(feed::publish(topic, key, name, data), feed_publish)
    }

    /// Show an item to those who follow the topic now, and keep it nowhere.
    ///
    /// # Errors
    /// As for [`publish`].
    pub fn flash(topic: &str, name: &str, data: &str) -> Result<(), FeedError> {
        dispatch!(feed::flash(topic, name, data), feed_flash)
    }
}

/// The shop's calendars of working time.
pub mod calendar {
    pub use crate::bindings::services::tributary::plugin::calendar::{CalendarError, Moment};
    use crate::types::Timestamp;

    /// The first moment of working time from `at` on: `at` itself where it is working time.
    ///
    /// # Errors
    /// [`CalendarError::Unknown`] with the names that there are; [`CalendarError::Never`] outside the calendar's years.
    pub fn opening(calendar: &str, at: Timestamp) -> Result<Moment, CalendarError> {
        dispatch!(calendar::opening(calendar, at), calendar_opening)
    }

    /// The first moment by which so many seconds of working time have passed since `at`.
    ///
    /// # Errors
    /// As for [`opening`].
    pub fn after(calendar: &str, at: Timestamp, seconds: u32) -> Result<Moment, CalendarError> {
        dispatch!(calendar::after(calendar, at, seconds), calendar_after)
    }
}

/// Search in the shop's knowledge base.
pub mod knowledge {
    pub use crate::bindings::services::tributary::plugin::knowledge::Article;

    /// The best articles first, `limit` at most, 20 at most. Nothing fits: an empty list.
    pub fn search(query: &str, limit: u32) -> Vec<Article> {
        dispatch!(knowledge::search(query, limit), knowledge)
    }
}
