//! Clocks, timers and snoozes whose time has come.
use super::codec::{moment, time, to_json};
use super::happenings::{self, Cause};
use super::tx::{Line, Tx, many, one};
use super::{clocks, row};
use crate::{Rung, StoreError};
use rusqlite::Connection;
use tributary_model::conversation::State;
use tributary_model::{ConversationId, Timestamp};

/// See [`crate::Store::ring`]. A clock that slept through its warning and its end rings both, in this order.
pub(super) fn ring(tx: &mut Tx<'_>, now: Timestamp, most: usize) -> Result<Rung, StoreError> {
    let mut rang = 0;
    // A clock has two bells at most, so the second round is the last that finds one.
    for _ in 0..2 {
        rang += ring_clocks(tx, now, most - rang)?;
    }
    rang += ring_timers(tx, now, most - rang)?;
    rang += wake_snoozed(tx, now, most - rang)?;
    Ok(Rung { rang, next: next(tx.conn)? })
}

fn limit(most: usize) -> i64 {
    i64::try_from(most).unwrap_or(i64::MAX)
}

fn ring_clocks(tx: &mut Tx<'_>, now: Timestamp, most: usize) -> Result<usize, StoreError> {
    let due = many(
        tx.conn,
        "SELECT conversation, name, started, warn_at IS NOT NULL AND warned IS NULL \
         FROM clock INDEXED BY clock_next WHERE next_at IS NOT NULL AND next_at <= ? ORDER BY next_at LIMIT ?",
        (time(now), limit(most)),
        |row| {
            Ok((ConversationId(row.get(0)?), row.get::<_, String>(1)?, row.get::<_, i64>(2)?, row.get::<_, bool>(3)?))
        },
    )?;
    for (conversation, name, started, warns) in &due {
        let word = if *warns {
            let sql = "UPDATE clock SET warned = ?, next_at = due WHERE conversation = ? AND name = ? AND started = ?";
            tx.run(sql, (time(now), conversation.0, name, started))?;
            "clock-warning"
        } else {
            let sql =
                "UPDATE clock SET breached = ?, next_at = NULL WHERE conversation = ? AND name = ? AND started = ?";
            tx.run(sql, (time(now), conversation.0, name, started))?;
            "clock-breached"
        };
        let line = Line { actor: "host", act: word, detail: Some(name), ..Line::default() };
        tx.event(Some(*conversation), now, line)?;
        happenings::add(tx, *conversation, Cause::Other(word, Some(to_json(name))), now, None)?;
    }
    Ok(due.len())
}

fn ring_timers(tx: &mut Tx<'_>, now: Timestamp, most: usize) -> Result<usize, StoreError> {
    let due = many(
        tx.conn,
        "SELECT conversation, name FROM timer WHERE at <= ? ORDER BY at LIMIT ?",
        (time(now), limit(most)),
        |row| Ok((ConversationId(row.get(0)?), row.get::<_, String>(1)?)),
    )?;
    for (conversation, name) in &due {
        tx.run("DELETE FROM timer WHERE conversation = ? AND name = ?", (conversation.0, name))?;
        tx.event(
            Some(*conversation),
            now,
            Line { actor: "host", act: "timer", detail: Some(name), ..Line::default() },
        )?;
        happenings::add(tx, *conversation, Cause::Other("timer", Some(to_json(name))), now, None)?;
    }
    Ok(due.len())
}

fn wake_snoozed(tx: &mut Tx<'_>, now: Timestamp, most: usize) -> Result<usize, StoreError> {
    let due = many(
        tx.conn,
        "SELECT id FROM conversation INDEXED BY conversation_snoozed \
         WHERE state = 'snoozed' AND snoozed_until <= ? ORDER BY snoozed_until LIMIT ?",
        (time(now), limit(most)),
        |row| Ok(ConversationId(row.get(0)?)),
    )?;
    for id in &due {
        let before = row::expect(tx.conn, *id)?;
        let mut it = before.clone();
        it.wake(now);
        clocks::follow(tx, State::Snoozed, &mut it, now)?;
        row::save(tx, &before, &it)?;
        tx.event(Some(*id), now, Line { actor: "host", act: "woke", ..Line::default() })?;
    }
    Ok(due.len())
}

/// When the next bell is due.
pub(super) fn next(conn: &Connection) -> Result<Option<Timestamp>, StoreError> {
    let mut next: Option<i64> = None;
    for sql in [
        "SELECT next_at FROM clock INDEXED BY clock_next WHERE next_at IS NOT NULL ORDER BY next_at LIMIT 1",
        "SELECT at FROM timer ORDER BY at LIMIT 1",
        "SELECT snoozed_until FROM conversation INDEXED BY conversation_snoozed \
         WHERE state = 'snoozed' ORDER BY snoozed_until LIMIT 1",
    ] {
        let found = one(conn, sql, [], |row| row.get::<_, Option<i64>>(0))?.flatten();
        next = next.into_iter().chain(found).min();
    }
    Ok(next.map(moment))
}
