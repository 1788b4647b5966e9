//! Clocks, timers and snoozes whose time has come.
use super::codec::{moment, time};
use super::tx::{Line, Tx, many, one};
use super::{agents, clocks, happenings, row};
use crate::{Rung, StoreError};
use rusqlite::Connection;
use tributary_model::{ConversationId, Timestamp};

/// A bell that is not older than this, in milliseconds, is in time.
const IN_TIME: u64 = 1_000;

/// Which bells are due.
#[derive(Clone, Copy)]
pub(super) struct Due {
    /// Not those of before …
    pub since: Timestamp,
    /// … but until this moment.
    pub now: Timestamp,
}

/// See [`crate::Store::ring`]. A clock that slept through its warning and its end rings both, in this order.
pub(super) fn ring(tx: &mut Tx<'_>, now: Timestamp, most: usize) -> Result<Rung, StoreError> {
    let mut rang = 0;
    // What can still be in time has half of the room: behind what fell due while nobody rang it would come late as well.
    for (since, most) in [(Timestamp(now.0.saturating_sub(IN_TIME)), most / 2), (Timestamp(0), most)] {
        let due = Due { since, now };
        // A clock has two bells at most, so the second round is the last that finds one.
        for _ in 0..2 {
            rang += clocks::ring(tx, due, most.saturating_sub(rang))?;
        }
        rang += ring_timers(tx, due, most.saturating_sub(rang))?;
        rang += wake_snoozed(tx, due, most.saturating_sub(rang))?;
    }
    agents::let_go(tx, now)?;
    Ok(Rung { rang, next: next(tx.conn)? })
}

pub(super) fn limit(most: usize) -> i64 {
    i64::try_from(most).unwrap_or(i64::MAX)
}

fn ring_timers(tx: &mut Tx<'_>, due: Due, most: usize) -> Result<usize, StoreError> {
    let Due { since, now } = due;
    let due = many(
        tx.conn,
        "SELECT conversation, name FROM timer WHERE at BETWEEN ? AND ? ORDER BY at LIMIT ?",
        (time(since), time(now), limit(most)),
        |row| Ok((ConversationId(row.get(0)?), row.get::<_, String>(1)?)),
    )?;
    for (conversation, name) in &due {
        tx.run("DELETE FROM timer WHERE conversation = ? AND name = ?", (conversation.0, name))?;
        happenings::rang(tx, *conversation, "timer", name, now)?;
    }
    Ok(due.len())
}

fn wake_snoozed(tx: &mut Tx<'_>, due: Due, most: usize) -> Result<usize, StoreError> {
    let Due { since, now } = due;
    let due = many(
        tx.conn,
        "SELECT id FROM conversation INDEXED BY conversation_snoozed \
         WHERE state = 'snoozed' AND snoozed_until BETWEEN ? AND ? ORDER BY snoozed_until LIMIT ?",
        (time(since), time(now), limit(most)),
        |row| Ok(ConversationId(row.get(0)?)),
    )?;
    for id in &due {
        let before = row::expect(tx.conn, *id)?;
        let mut it = before.clone();
        it.wake(now);
        clocks::follow(tx, &before, &mut it, now)?;
        row::save(tx, &before, &it)?;
        tx.event(Some(*id), now, Line { actor: "host", act: "woke", ..Line::default() })?;
    }
    Ok(due.len())
}

/// When the next bell is due, or a lease or a keep ends.
pub(super) fn next(conn: &Connection) -> Result<Option<Timestamp>, StoreError> {
    let mut next: Option<i64> = None;
    for sql in [
        "SELECT next_at FROM clock INDEXED BY clock_next WHERE next_at IS NOT NULL ORDER BY next_at LIMIT 1",
        "SELECT at FROM timer ORDER BY at LIMIT 1",
        "SELECT snoozed_until FROM conversation INDEXED BY conversation_snoozed \
         WHERE state = 'snoozed' ORDER BY snoozed_until LIMIT 1",
        "SELECT lease_until FROM conversation INDEXED BY conversation_lease \
         WHERE holder IS NOT NULL ORDER BY lease_until LIMIT 1",
        "SELECT kept_until FROM conversation INDEXED BY conversation_kept \
         WHERE kept_until IS NOT NULL ORDER BY kept_until LIMIT 1",
    ] {
        let found = one(conn, sql, [], |row| row.get::<_, Option<i64>>(0))?.flatten();
        next = next.into_iter().chain(found).min();
    }
    Ok(next.map(moment))
}
