//! The state of a plugin when another generation takes its place: copied, replaced, kept for the way back.
use super::codec::time;
use super::tx::{Tx, many, one};
use crate::{StateChange, StateCopy, StateScope, StoreError, Switch};
use rusqlite::Connection;
use std::collections::HashMap;
use tributary_model::{GenerationId, Timestamp};

/// See [`crate::Lives::state_copy`].
pub(super) fn copy(conn: &Connection, scope: &StateScope, now: Timestamp) -> Result<StateCopy, StoreError> {
    let (plugin, channel) = (scope.plugin.as_str(), scope.channel.as_str());
    let (revision, written_by) = revision(conn, scope)?;
    let entries = many(
        conn,
        "SELECT key, value FROM plugin_state WHERE plugin = ? AND channel = ? AND (expires IS NULL OR expires > ?) \
         ORDER BY key",
        (plugin, channel, time(now)),
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    Ok(StateCopy { revision, entries, written_by })
}

/// How often the state was written, and by which version last.
fn revision(conn: &Connection, scope: &StateScope) -> Result<(i64, Option<String>), StoreError> {
    let found = one(
        conn,
        "SELECT revision, written_by FROM plugin_state_revision WHERE plugin = ? AND channel = ?",
        (scope.plugin.as_str(), scope.channel.as_str()),
        |row| row.try_into(),
    )?;
    Ok(found.unwrap_or((0, None)))
}

/// Whether the state was written since the copy was taken that a switch brings back.
pub(super) fn moved(conn: &Connection, change: &StateChange) -> Result<bool, StoreError> {
    match change {
        StateChange::Migrated { scope, revision: copied, .. } => Ok(revision(conn, scope)?.0 != *copied),
        StateChange::Keep | StateChange::Restore { .. } => Ok(false),
    }
}

/// Changes the state as a switch says. What is replaced is kept with the generation that goes, and what was kept for the
/// one that comes is kept no longer: from now on it has the state that is there.
pub(super) fn change(tx: &Tx<'_>, switch: &Switch, was: Option<GenerationId>, version: &str) -> Result<(), StoreError> {
    match &switch.state {
        StateChange::Keep => {}
        StateChange::Migrated { scope, entries, .. } => {
            let expires = expiries(tx, scope)?;
            keep(tx, scope, was, switch.now)?;
            clear(tx, scope)?;
            for (key, value) in entries {
                // A key that stays is forgotten when it would have been.
                insert(tx, scope, key, value, expires.get(key).copied())?;
            }
            wrote(tx, scope, Some(version))?;
        }
        StateChange::Restore { scope } => restore(tx, scope, switch, was)?,
    }
    forget(tx, switch.to)
}

fn restore(tx: &Tx<'_>, scope: &StateScope, switch: &Switch, was: Option<GenerationId>) -> Result<(), StoreError> {
    let sql = "SELECT written_by FROM kept_state WHERE generation = ? AND plugin = ? AND channel = ?";
    let kept = one(tx.conn, sql, (switch.to.0, scope.plugin.as_str(), scope.channel.as_str()), |row| {
        row.get::<_, Option<String>>(0)
    })?;
    let Some(written_by) = kept else { return Ok(()) };
    keep(tx, scope, was, switch.now)?;
    clear(tx, scope)?;
    tx.run(
        "INSERT INTO plugin_state (plugin, channel, key, value, expires) \
         SELECT ?, ?, key, value, expires FROM kept_entry WHERE generation = ?",
        (scope.plugin.as_str(), scope.channel.as_str(), switch.to.0),
    )?;
    wrote(tx, scope, written_by.as_deref())
}

/// Keeps the state as it is with the generation that goes.
fn keep(tx: &Tx<'_>, scope: &StateScope, was: Option<GenerationId>, now: Timestamp) -> Result<(), StoreError> {
    let Some(was) = was else { return Ok(()) };
    forget(tx, was)?;
    let (plugin, channel) = (scope.plugin.as_str(), scope.channel.as_str());
    let written_by = revision(tx.conn, scope)?.1;
    tx.run(
        "INSERT INTO kept_state (generation, plugin, channel, written_by) VALUES (?, ?, ?, ?)",
        (was.0, plugin, channel, written_by),
    )?;
    tx.run(
        "INSERT INTO kept_entry (generation, key, value, expires) SELECT ?, key, value, expires FROM plugin_state \
         WHERE plugin = ? AND channel = ? AND (expires IS NULL OR expires > ?)",
        (was.0, plugin, channel, time(now)),
    )
    .map(drop)
}

/// Forgets what is kept with a generation.
pub(super) fn forget(tx: &Tx<'_>, id: GenerationId) -> Result<(), StoreError> {
    tx.run("DELETE FROM kept_entry WHERE generation = ?", [id.0])?;
    tx.run("DELETE FROM kept_state WHERE generation = ?", [id.0]).map(drop)
}

/// The keys that end by themselves, and when.
fn expiries(tx: &Tx<'_>, scope: &StateScope) -> Result<HashMap<String, i64>, StoreError> {
    let sql = "SELECT key, expires FROM plugin_state WHERE plugin = ? AND channel = ? AND expires IS NOT NULL";
    let found = many(tx.conn, sql, (scope.plugin.as_str(), scope.channel.as_str()), |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))
    })?;
    Ok(found.into_iter().collect())
}

fn clear(tx: &Tx<'_>, scope: &StateScope) -> Result<(), StoreError> {
    let sql = "DELETE FROM plugin_state WHERE plugin = ? AND channel = ?";
    tx.run(sql, (scope.plugin.as_str(), scope.channel.as_str())).map(drop)
}

fn insert(tx: &Tx<'_>, scope: &StateScope, key: &str, value: &[u8], expires: Option<i64>) -> Result<(), StoreError> {
    // Of a key that stands there twice the later value counts, as with the writes of a call.
    tx.run(
        "INSERT INTO plugin_state (plugin, channel, key, value, expires) VALUES (?, ?, ?, ?, ?) \
         ON CONFLICT DO UPDATE SET value = excluded.value",
        (scope.plugin.as_str(), scope.channel.as_str(), key, value, expires),
    )
    .map(drop)
}

/// The state was replaced: a copy taken before is of no use any more.
fn wrote(tx: &Tx<'_>, scope: &StateScope, by: Option<&str>) -> Result<(), StoreError> {
    tx.run(
        "INSERT INTO plugin_state_revision (plugin, channel, revision, written_by) VALUES (?, ?, 1, ?) \
         ON CONFLICT DO UPDATE SET revision = revision + 1, written_by = excluded.written_by",
        (scope.plugin.as_str(), scope.channel.as_str(), by),
    )
    .map(drop)
}
