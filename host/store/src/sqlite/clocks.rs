//! Clocks: starting, stopping, and following what their conversation does.
//!
//! A clock that may pause stands still while its conversation is answered or snoozed, and its end moves by as long as it
//! stood. Closing stops every clock. The host knows no clock by name: which one an answer stops is a policy's decision.
use super::codec::{moment, time};
use super::tx::{Tx, many, one};
use crate::{ClockView, StoreError};
use rusqlite::Connection;
use std::time::Duration;
use tributary_model::conversation::{Conversation, State};
use tributary_model::decision::{Clock, RunningClock};
use tributary_model::{ConversationId, Timestamp};

/// Whether clocks that may pause stand still in this state.
fn rests(state: State) -> bool {
    matches!(state, State::Answered | State::Snoozed)
}

/// Starts a clock, unless one of its name runs.
pub(super) fn start(tx: &Tx<'_>, it: &mut Conversation, clock: &Clock, now: Timestamp) -> Result<(), StoreError> {
    let due = now.after(Duration::from_secs(clock.target.into()));
    let share = u64::from(clock.target) * 10 * u64::from(clock.warn_at_percent);
    let warn = (clock.warn_at_percent > 0).then(|| now.after(Duration::from_millis(share)));
    let paused = clock.pauses_for_customer && rests(it.state);
    let next = warn.unwrap_or(due);
    let started = tx.run(
        "INSERT INTO clock (conversation, name, started, target, calendar, warn_percent, pauses, due, warn_at, next_at, \
         paused) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11 \
         WHERE NOT EXISTS (SELECT 1 FROM clock WHERE conversation = ?1 AND name = ?2 AND stopped IS NULL) \
         ON CONFLICT DO UPDATE SET target = excluded.target, calendar = excluded.calendar, \
         warn_percent = excluded.warn_percent, pauses = excluded.pauses, due = excluded.due, warn_at = excluded.warn_at, \
         next_at = excluded.next_at, paused = excluded.paused, warned = NULL, breached = NULL, stopped = NULL",
        (
            it.id.0,
            &clock.name,
            time(now),
            clock.target,
            &clock.calendar,
            clock.warn_at_percent,
            clock.pauses_for_customer,
            time(due),
            warn.map(time),
            (!paused).then(|| time(next)),
            paused.then(|| time(now)),
        ),
    )?;
    if started > 0 && !paused {
        it.due = Some(it.due.map_or(due, |before| before.min(due)));
    }
    Ok(())
}

/// Stops the running clock of this name; there may be none.
pub(super) fn stop(tx: &Tx<'_>, it: &mut Conversation, name: &str, now: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE clock SET stopped = ?3, next_at = NULL WHERE conversation = ?1 AND name = ?2 AND stopped IS NULL";
    if tx.run(sql, (it.id.0, name, time(now)))? > 0 {
        refresh(tx, it)?;
    }
    Ok(())
}

/// Lets the clocks follow a change of state since `before`.
pub(super) fn follow(tx: &Tx<'_>, before: State, it: &mut Conversation, now: Timestamp) -> Result<(), StoreError> {
    let now = time(now);
    let changed = if it.state == State::Closed && before != State::Closed {
        tx.run(
            "UPDATE clock SET stopped = ?2, next_at = NULL WHERE conversation = ?1 AND stopped IS NULL",
            (it.id.0, now),
        )?
    } else if rests(it.state) && !rests(before) {
        tx.run(
            "UPDATE clock SET paused = ?2, next_at = NULL \
             WHERE conversation = ?1 AND pauses AND stopped IS NULL AND paused IS NULL",
            (it.id.0, now),
        )?
    } else if it.state == State::Open && rests(before) {
        // What it rang before it stood still does not ring again.
        tx.run(
            "UPDATE clock SET due = due + (?2 - paused), warn_at = warn_at + (?2 - paused), paused = NULL, \
             next_at = CASE WHEN breached IS NOT NULL THEN NULL \
             WHEN warn_at IS NOT NULL AND warned IS NULL THEN warn_at + (?2 - paused) ELSE due + (?2 - paused) END \
             WHERE conversation = ?1 AND stopped IS NULL AND paused IS NOT NULL",
            (it.id.0, now),
        )?
    } else {
        0
    };
    if changed > 0 {
        refresh(tx, it)?;
    }
    Ok(())
}

/// The nearest breach of the clocks that run; one that is breached already counts, as it is the most urgent.
fn refresh(tx: &Tx<'_>, it: &mut Conversation) -> Result<(), StoreError> {
    let due = one(
        tx.conn,
        "SELECT min(due) FROM clock WHERE conversation = ? AND stopped IS NULL AND paused IS NULL",
        [it.id.0],
        |row| row.get::<_, Option<i64>>(0),
    )?;
    it.due = due.flatten().map(moment);
    Ok(())
}

/// Every clock of a conversation, in the order they were started.
pub(super) fn all(conn: &Connection, id: ConversationId) -> Result<Vec<ClockView>, StoreError> {
    many(
        conn,
        "SELECT name, started, target, calendar, warn_percent, pauses, due, paused, breached, stopped FROM clock \
         WHERE conversation = ? ORDER BY started, name",
        [id.0],
        |row| {
            let clock = Clock {
                name: row.get(0)?,
                target: row.get(2)?,
                calendar: row.get(3)?,
                warn_at_percent: row.get(4)?,
                pauses_for_customer: row.get(5)?,
            };
            Ok(ClockView {
                running: RunningClock {
                    clock,
                    started: moment(row.get(1)?),
                    due: moment(row.get(6)?),
                    paused: row.get::<_, Option<i64>>(7)?.is_some(),
                },
                breached: row.get::<_, Option<i64>>(8)?.map(moment),
                stopped: row.get::<_, Option<i64>>(9)?.map(moment),
            })
        },
    )
}
