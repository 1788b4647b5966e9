//! What of an outgoing message is with the platform already, so that another attempt goes on where the last one ended.
//!
//! State: `out/OUTGOING-ID`, written behind each part. What a call writes is kept when it has ended; where the daemon dies
//! between the platform's answer and that moment, a part may go out twice, unless the platform has a key of its own.
use serde::{Deserialize, Serialize};

use crate::keep::{self, StoreError, key};

/// How long it is kept: longer than any message is tried.
const KEPT: u32 = 30 * 24 * 3600;

/// What is sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Bytes of the text.
    pub text: usize,
    /// Files.
    pub files: usize,
}

impl Progress {
    /// Of a message, by the host's id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn of(outgoing: &str) -> Result<Self, StoreError> {
        Ok(keep::get(&key("out", outgoing))?.unwrap_or_default())
    }

    /// Keeps it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn keep(self, outgoing: &str) -> Result<(), StoreError> {
        keep::set(&key("out", outgoing), &self, Some(KEPT))
    }
}
