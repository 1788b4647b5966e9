//! The small durable state of plugins.
use super::codec::time;
use super::tx::{Tx, many, one};
use crate::{StateEdit, StateScope, StateWrite, StoreError};
use rusqlite::Connection;
use tributary_model::{Place, Timestamp};

/// What a call did, if what it read before it wrote still stands.
pub(super) fn edit(tx: &Tx<'_>, scope: &StateScope, edit: &StateEdit) -> Result<(), StoreError> {
    if !edit.writes.is_empty() {
        for (key, was) in &edit.read {
            if read(tx.conn, scope, key, edit.at)? != *was {
                return Err(StoreError::StateMoved(key.clone()));
            }
        }
    }
    write(tx, scope, &edit.writes)
}

/// Writes of a call, in order. One that writes nothing costs nothing.
pub(super) fn write(tx: &Tx<'_>, scope: &StateScope, writes: &[StateWrite]) -> Result<(), StoreError> {
    if writes.is_empty() {
        return Ok(());
    }
    let (plugin, channel) = (scope.plugin.as_str(), scope.channel.as_str());
    // Whoever acts in the place is who wrote.
    tx.run(
        "INSERT INTO plugin_state_revision (plugin, channel, revision, written_by) VALUES (?1, ?2, 1, \
         (SELECT version FROM generation INDEXED BY generation_live WHERE place = ?3 AND state = 'live')) \
         ON CONFLICT DO UPDATE SET revision = revision + 1, written_by = coalesce(excluded.written_by, written_by)",
        (plugin, channel, place(scope).to_string()),
    )?;
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

/// The place whose plugin keeps this state.
fn place(scope: &StateScope) -> Place {
    if scope.channel.as_str().is_empty() {
        Place::Policy(scope.plugin.clone())
    } else {
        Place::Channel(scope.channel.clone())
    }
}

/// Keys that begin with a prefix, unless their time is over.
pub(super) fn keys(
    conn: &Connection,
    scope: &StateScope,
    prefix: &str,
    most: usize,
    now: Timestamp,
) -> Result<Vec<String>, StoreError> {
    // Texts are compared byte by byte, and no character comes after this one.
    let end = format!("{prefix}{}", char::MAX);
    many(
        conn,
        "SELECT key FROM plugin_state WHERE plugin = ? AND channel = ? AND key >= ? AND key < ? \
         AND (expires IS NULL OR expires > ?) ORDER BY key LIMIT ?",
        (
            scope.plugin.as_str(),
            scope.channel.as_str(),
            prefix,
            end,
            time(now),
            i64::try_from(most).unwrap_or(i64::MAX),
        ),
        |row| Ok(row.get(0)?),
    )
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
