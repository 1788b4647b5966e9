//! The small durable state of plugins.
use super::codec::time;
use super::tx::{Tx, one};
use crate::{StateScope, StateWrite, StoreError};
use rusqlite::Connection;
use tributary_model::Timestamp;

/// Writes of a call, in order.
pub(super) fn write(tx: &Tx<'_>, scope: &StateScope, writes: &[StateWrite]) -> Result<(), StoreError> {
    let (plugin, channel) = (scope.plugin.as_str(), scope.channel.as_str());
    for it in writes {
        match &it.value {
            Some(value) => tx.run(
                "INSERT INTO plugin_state (plugin, channel, key, value, expires) VALUES (?, ?, ?, ?, ?) \
                 ON CONFLICT DO UPDATE SET value = excluded.value, expires = excluded.expires",
                (plugin, channel, &it.key, value, it.expires.map(time)),
            )?,
            None => tx.run(
                "DELETE FROM plugin_state WHERE plugin = ? AND channel = ? AND key = ?",
                (plugin, channel, &it.key),
            )?,
        };
    }
    Ok(())
}

/// A value, unless its time is over.
pub(super) fn read(
    conn: &Connection,
    scope: &StateScope,
    key: &str,
    now: Timestamp,
) -> Result<Option<Vec<u8>>, StoreError> {
    one(
        conn,
        "SELECT value FROM plugin_state WHERE plugin = ? AND channel = ? AND key = ? \
         AND (expires IS NULL OR expires > ?)",
        (scope.plugin.as_str(), scope.channel.as_str(), key, time(now)),
        |row| row.get(0),
    )
}
