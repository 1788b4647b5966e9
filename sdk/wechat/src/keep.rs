//! Small values in the plugin's state.
use std::fmt;

use data_encoding::HEXLOWER;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha1::{Digest, Sha1};
use tributary_sdk::Rejection;
use tributary_sdk::host::state::{self, StateError};
use tributary_sdk::types::SendError;

/// Bytes of an id that is kept as it is; a longer one is kept by its digest. The host allows 256 for the whole key.
const ID: usize = 128;

/// The plugin's state did not answer: for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreError(String);

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the state of this plugin: {}", self.0)
    }
}

impl std::error::Error for StoreError {}

impl From<StateError> for StoreError {
    fn from(error: StateError) -> Self {
        Self(match error {
            StateError::TooLarge(limit) => format!("a value is larger than {limit} bytes"),
            StateError::Unavailable(words) => words,
        })
    }
}

/// The arrival is not at fault: it is parked with its cause.
impl From<StoreError> for Rejection {
    fn from(error: StoreError) -> Self {
        Self::Malformed(error.to_string())
    }
}

impl From<StoreError> for SendError {
    fn from(error: StoreError) -> Self {
        Self::temporary(error.to_string())
    }
}

/// The key of an id under a prefix, `window/oABC`, short enough for any id.
pub fn key(prefix: &str, id: &str) -> String {
    if id.len() <= ID {
        return format!("{prefix}/{id}");
    }
    format!("{prefix}/{}", HEXLOWER.encode(&Sha1::digest(id.as_bytes())))
}

/// A value as it was kept; none where there is none, or another form of it.
pub(crate) fn get<T: DeserializeOwned>(key: &str) -> Result<Option<T>, StoreError> {
    Ok(state::get(key)?.and_then(|value| serde_json::from_slice(&value).ok()))
}

/// Keeps a value for so many seconds, or for good.
pub(crate) fn set(key: &str, value: &impl Serialize, seconds: Option<u32>) -> Result<(), StoreError> {
    let value = serde_json::to_vec(value).map_err(|error| StoreError(error.to_string()))?;
    Ok(state::set(key, &value, seconds)?)
}

/// Forgets a value.
pub(crate) fn delete(key: &str) -> Result<(), StoreError> {
    Ok(state::delete(key)?)
}

/// Keys under a prefix.
pub(crate) fn keys(prefix: &str, limit: u32) -> Result<Vec<String>, StoreError> {
    Ok(state::keys(&format!("{prefix}/"), limit)?)
}
