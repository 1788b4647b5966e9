//! When the shop may answer: for so long after the customer's message, and so many times.
//!
//! State: `NAME/WHO` has when the customer wrote, and is written by what comes in; `NAME-sent/WHO` has how often the shop
//! answered since, and is written by what goes out: two calls at once never write the same key. Nothing known about a
//! customer is no window that is closed: then the platform decides.
use tributary_sdk::types::{SendError, Timestamp};

use crate::keep::{self, StoreError, key};

/// How long a closed window is remembered, so that an answer is refused without asking the platform.
const REMEMBERED: u32 = 30 * 24 * 3600;

/// The rule of one kind of window.
#[derive(Debug, Clone)]
pub struct Window {
    /// Prefix of the keys.
    pub name: &'static str,
    /// Seconds it is open. 0: no limit.
    pub seconds: u32,
    /// Answers at most. 0: no limit.
    pub answers: u32,
}

/// How a window stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stand {
    /// Nothing is known.
    Unknown,
    /// Open, with room for what is to be sent.
    Open,
    /// The time is over.
    Late,
    /// So many answers are left, and more are needed.
    Used(u32),
}

impl Window {
    /// The customer acted at this moment. What comes late closes nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn open(&self, who: &str, at: Timestamp) -> Result<(), StoreError> {
        let key = key(self.name, who);
        if keep::get::<u64>(&key)?.is_some_and(|known| known >= at) {
            return Ok(());
        }
        keep::set(&key, &at, Some(self.seconds.saturating_add(REMEMBERED)))
    }

    /// How often the shop answered since the customer acted at `at`.
    fn used(&self, who: &str, at: Timestamp) -> Result<u32, StoreError> {
        let sent: Option<(u64, u32)> = keep::get(&self.sent(who))?;
        Ok(sent.filter(|(since, _)| *since == at).map_or(0, |(_, count)| count))
    }

    fn sent(&self, who: &str) -> String {
        key(&format!("{}-sent", self.name), who)
    }

    /// Whether `needed` answers may leave now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn stand(&self, who: &str, now: Timestamp, needed: u32) -> Result<Stand, StoreError> {
        let Some(at) = keep::get::<u64>(&key(self.name, who))? else { return Ok(Stand::Unknown) };
        if self.seconds > 0 && now > at.saturating_add(u64::from(self.seconds) * 1000) {
            return Ok(Stand::Late);
        }
        let left = self.answers.saturating_sub(self.used(who, at)?);
        Ok(if self.answers == 0 || left >= needed { Stand::Open } else { Stand::Used(left) })
    }

    /// One answer left.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn count(&self, who: &str) -> Result<(), StoreError> {
        let Some(at) = keep::get::<u64>(&key(self.name, who))? else { return Ok(()) };
        let count = self.used(who, at)?.saturating_add(1);
        keep::set(&self.sent(who), &(at, count), Some(self.seconds.saturating_add(REMEMBERED)))
    }

    /// The typed answer to a stand that is closed.
    pub fn closed(&self, stand: Stand, needed: u32) -> Option<SendError> {
        let words = match stand {
            Stand::Unknown | Stand::Open => return None,
            Stand::Late => format!("the customer's last message is more than {} h old", self.seconds / 3600),
            Stand::Used(left) => format!(
                "{left} of {} answers to the customer's last message are left, and this one needs {needed}",
                self.answers
            ),
        };
        Some(SendError::WindowClosed(format!("{words}; the customer has to write again first")))
    }
}
