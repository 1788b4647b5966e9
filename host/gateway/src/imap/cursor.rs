//! How far a mailbox was read: kept in the store, moved only after the mail itself is there.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tributary_model::{ChannelName, PluginName};
use tributary_pipeline::now;
use tributary_store::{StateScope, StateWrite, Store, StoreError};

/// Whose state it is. No plugin of this name can be asked about it: its calls are made in its own scope.
const OWNER: &str = "host.imap";

/// A day in milliseconds.
const DAY: u64 = 24 * 3_600 * 1_000;

/// How far a folder was read. UIDs of a folder only grow, as long as its UIDVALIDITY stays (RFC 3501 2.3.1.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The UIDVALIDITY that the UIDs are of.
    pub validity: u32,
    /// Every mail up to this UID is dealt with.
    pub last: u32,
    /// Below this UID only mails since `since` are wanted: they were there before us. 0: there are none.
    pub before: u32,
    /// The day in days since 1970, UTC.
    pub since: u32,
    /// Mails that are in the store and not yet marked, moved or deleted.
    pub taken: Vec<u32>,
}

impl Cursor {
    /// The start in a folder that was never read: mails of the last `days` days count, or none that is there already.
    pub fn first(validity: u32, next: u32, days: u32) -> Self {
        let since = today().saturating_sub(days);
        let last = if days == 0 { next.saturating_sub(1) } else { 0 };
        Self { validity, last, before: next, since, taken: Vec::new() }
    }

    /// The start in a folder whose UIDs are others than they were. What was taken before is known by its content; what was
    /// too old for the first run stays so, with a day to spare for time zones.
    pub fn anew(&self, validity: u32, next: u32) -> Self {
        Self { validity, last: 0, before: next, since: self.since.saturating_sub(1), taken: Vec::new() }
    }

    /// Which UIDs come next, as SEARCH asks for them. `None`: all there is after [`Cursor::last`].
    pub fn old(&self) -> Option<String> {
        (self.last.saturating_add(1) < self.before)
            .then(|| format!("UID {}:{} SINCE {}", self.last.saturating_add(1), self.before - 1, date(self.since)))
    }
}

fn today() -> u32 {
    u32::try_from(now().0 / DAY).unwrap_or(u32::MAX)
}

/// A date of RFC 3501: `1-Feb-1994`.
fn date(days: u32) -> String {
    let at = jiff::Timestamp::from_second(i64::from(days) * 86_400).unwrap_or_default();
    at.strftime("%-d-%b-%Y").to_string()
}

/// Where the cursors of one mailbox are kept.
#[derive(Clone)]
pub struct Cursors {
    store: Arc<dyn Store>,
    scope: StateScope,
    key: String,
}

impl Cursors {
    /// Those of a channel. Another user, host or folder begins anew.
    pub fn new(store: Arc<dyn Store>, channel: &ChannelName, user: &str, host: &str, folder: &str) -> Self {
        let scope = StateScope { plugin: PluginName::from(OWNER.to_owned()), channel: channel.clone() };
        Self { store, scope, key: format!("{user}@{host}/{folder}") }
    }

    /// Where we are; none before the first run.
    pub async fn load(&self) -> Result<Option<Cursor>, StoreError> {
        let found = self.store.state(&self.scope, &self.key, now()).await?;
        // One that cannot be read is as good as none: beginning anew loses nothing.
        Ok(found.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// Keeps where we are; on disk when this returns.
    pub async fn save(&self, cursor: &Cursor) -> Result<(), StoreError> {
        let value = serde_json::to_vec(cursor).unwrap_or_default();
        let write = StateWrite { key: self.key.clone(), value: Some(value), expires: None };
        self.store.keep(&self.scope, vec![write].into(), Vec::new(), now()).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_there_before_us_is_asked_for_by_date() {
        assert_eq!((date(0), date(20_786)), ("1-Jan-1970".into(), "29-Nov-2026".into()));
        let cursor = Cursor { since: 20_786, ..Cursor::first(7, 100, 3) };
        assert_eq!(cursor.old().as_deref(), Some("UID 1:99 SINCE 29-Nov-2026"));
        assert_eq!(Cursor { last: 99, ..cursor.clone() }.old(), None);
        assert_eq!(Cursor::first(7, 100, 0).old(), None, "nothing of what is there");
        assert_eq!(Cursor::first(7, 1, 3).old(), None, "an empty folder");
        let anew = Cursor { last: 500, taken: vec![500], ..cursor }.anew(8, 40);
        assert_eq!((anew.validity, anew.last, anew.taken.len()), (8, 0, 0));
        assert_eq!(anew.old().as_deref(), Some("UID 1:39 SINCE 28-Nov-2026"));
    }
}
