//! What keeps the tables small and work from being stuck.
use super::codec::time;
use super::token::KEPT;
use super::tx::Tx;
use super::{feed, feedback, knowledge, lives, operations};
use crate::StoreError;
use rusqlite::Connection;
use std::time::Duration;
use tributary_model::Timestamp;

/// How many rows of a kind one sweep deletes: the next one goes on, so that none holds up the writer.
const MOST: i64 = 2_000;

/// See [`crate::Store::release_node`].
pub(super) fn release_node(tx: &Tx<'_>, node: &str) -> Result<u64, StoreError> {
    let happenings = tx.run(
        "UPDATE happening INDEXED BY happening_open SET state = 'pending', node = NULL, lease_until = NULL \
         WHERE state IN ('pending', 'claimed') AND state = 'claimed' AND node = ?",
        [node],
    )?;
    let outgoing = tx.run(
        "UPDATE outgoing INDEXED BY outgoing_next SET state = 'queued', node = NULL, next_at = at \
         WHERE state IN ('queued', 'leased') AND state = 'leased' AND node = ?",
        [node],
    )?;
    let operations = operations::release_node(tx, node)?;
    Ok((happenings + outgoing + operations) as u64)
}

/// See [`crate::Store::sweep`].
pub(super) fn sweep(tx: &Tx<'_>, now: Timestamp) -> Result<u64, StoreError> {
    let before = |age: Duration| time(now).saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
    // A copy of the state that is being migrated may hold what is forgotten now: it counts as a write.
    tx.run(
        "UPDATE plugin_state_revision SET revision = revision + 1 WHERE (plugin, channel) IN \
         (SELECT plugin, channel FROM plugin_state INDEXED BY plugin_state_expires \
         WHERE expires IS NOT NULL AND expires <= ? LIMIT ?)",
        (time(now), MOST),
    )?;
    let state = tx.run(
        "DELETE FROM plugin_state WHERE (plugin, channel, key) IN (SELECT plugin, channel, key FROM plugin_state \
         INDEXED BY plugin_state_expires WHERE expires IS NOT NULL AND expires <= ? LIMIT ?)",
        (time(now), MOST),
    )?;
    let keys = tx.run(
        "DELETE FROM request_key WHERE (token, key) IN (SELECT token, key FROM request_key \
         INDEXED BY request_key_at WHERE at <= ? LIMIT ?)",
        (before(KEPT), MOST),
    )?;
    let surveys = feedback::sweep(tx, now)?;
    let items = feed::sweep(tx, now, MOST)?;
    let questions = knowledge::sweep(tx, now, MOST)?;
    let generations = lives::sweep(tx)?;
    Ok((state + keys + surveys + items + questions + generations) as u64)
}

/// Writes something, so that a full or a read-only disk is found.
pub(super) fn ping(tx: &Tx<'_>) -> Result<(), StoreError> {
    let sql = "INSERT INTO counter (name, value) VALUES ('pings', 1) ON CONFLICT DO UPDATE SET value = value + 1";
    tx.run(sql, []).map(drop)
}

/// Gives up the requests that were under way when the last process ended: their clients may come again.
pub(super) fn forget_requests(conn: &Connection) -> Result<(), StoreError> {
    conn.execute("DELETE FROM request_key WHERE status IS NULL", [])?;
    Ok(())
}
