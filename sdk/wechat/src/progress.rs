//! What of an outgoing message is with the platform already, so that another attempt goes on where the last one ended.
//!
//! State: `out/OUTGOING-ID`, written behind each part. What a call writes is kept when it has ended; where the daemon dies
//! between the platform's answer and that moment, a part may go out twice, unless the platform has a key of its own.
use serde::{Deserialize, Serialize};
use tributary_sdk::Outgoing;
use tributary_sdk::types::{Attachment, SendError};

use crate::keep::{self, StoreError, key};
use crate::text::head;

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
    /// Keeps it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn keep(self, outgoing: &str) -> Result<(), StoreError> {
        keep::set(&key("out", outgoing), &self, Some(KEPT))
    }
}

/// What of a message is left to send: its text in parts, then its files.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan<'a> {
    /// What is sent.
    pub sent: Progress,
    /// Texts that fit into one message of the platform's each.
    pub parts: Vec<&'a str>,
    /// Files, one message each.
    pub files: Vec<&'a Attachment>,
}

impl<'a> Plan<'a> {
    /// The plan of a message, with texts of `limit` bytes at most and, unless 0, `most` messages.
    ///
    /// # Errors
    /// [`SendError::Permanent`] where there is nothing to send, or more than the platform ever allows;
    /// [`SendError::Temporary`] where the state does not answer.
    pub fn of(message: &'a Outgoing, limit: u32, most: u32) -> Result<Self, SendError> {
        let (text, files) = (message.content.text.trim(), &message.content.attachments);
        if text.is_empty() && files.is_empty() {
            return Err(SendError::permanent("there is nothing to send"));
        }
        let sent: Progress = keep::get(&key("out", &message.id))?.unwrap_or_default();
        let mut rest = text.get(sent.text..).unwrap_or_default();
        let mut parts = Vec::new();
        while !rest.is_empty() {
            let part = head(rest, limit as usize);
            parts.push(part);
            rest = &rest[part.len()..];
        }
        let plan = Self { sent, parts, files: files.iter().skip(sent.files).collect() };
        let needed = plan.needed();
        if most > 0 && needed > most {
            return Err(SendError::permanent(format!(
                "it takes {needed} messages, and the platform allows {most} after each of the customer's"
            )));
        }
        Ok(plan)
    }

    /// Messages of the platform's that are left to send.
    pub fn needed(&self) -> u32 {
        u32::try_from(self.parts.len() + self.files.len()).unwrap_or(u32::MAX)
    }
}
