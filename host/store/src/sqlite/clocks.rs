//! Clocks: starting, stopping, and following what their conversation and their calendar do.
//!
//! [`clock`] is the whole rule; here is what of it is kept. A clock that may pause stands still while its conversation
//! waits for the customer. Closing stops every clock. The host knows no clock by name: which one an answer stops is a
//! policy's decision.
use super::alarms::{Due, limit};
use super::calendars::{self, Form};
use super::codec::{At, moment, time};
use super::tx::{Line, Tx, many, one};
use super::{happenings, row};
use crate::{ClockView, StoreError};
use rusqlite::Connection;
use std::time::Duration;
use tributary_model::clock::{self, Event, Standing};
use tributary_model::conversation::{Conversation, State};
use tributary_model::decision::{Clock, RunningClock};
use tributary_model::{ConversationId, Timestamp};

/// The columns [`read`] reads, in its order.
macro_rules! columns {
    () => {
        "conversation, name, started, target, calendar, warn_percent, pauses, state, since, remaining, plan, due, \
         breached, stopped"
    };
}

/// A clock as it is kept.
struct Row {
    conversation: ConversationId,
    view: ClockView,
    standing: Standing,
    /// The form of its calendar that `due` was reckoned by.
    plan: Option<i64>,
}

fn read(row: &rusqlite::Row<'_>) -> Result<Row, StoreError> {
    let id: i64 = row.get(0)?;
    let clock = Clock {
        name: row.get(1)?,
        target: row.get(3)?,
        calendar: row.get(4)?,
        warn_at_percent: row.get(5)?,
        pauses_for_customer: row.get(6)?,
    };
    let standing = Standing {
        state: state(id, &row.get::<_, String>(7)?)?,
        since: moment(row.get(8)?),
        left: Duration::from_millis(moment(row.get(9)?).0),
    };
    let (started, due, paused) = (moment(row.get(2)?), moment(row.get(11)?), standing.state.is_paused());
    let view = ClockView {
        running: RunningClock { clock, started, due, paused },
        breached: row.get::<_, Option<i64>>(12)?.map(moment),
        stopped: row.get::<_, Option<i64>>(13)?.map(moment),
    };
    Ok(Row { conversation: ConversationId(id), view, standing, plan: row.get(10)? })
}

fn state(conversation: i64, word: &str) -> Result<clock::State, StoreError> {
    At("clock", conversation).word(word, clock::State::parse)
}

impl Row {
    /// The form it was reckoned by.
    fn form(&self, tx: &Tx<'_>) -> Result<Option<Form>, StoreError> {
        self.plan.map(|plan| calendars::form(tx, plan)).transpose()
    }

    /// Writes how it stands, on this form of its calendar from now on.
    fn write(&self, tx: &Tx<'_>, form: Option<&Form>) -> Result<(), StoreError> {
        let (it, running, calendar) = (&self.standing, &self.view.running, form.map(|form| &*form.calendar));
        let due = if it.state.runs() { it.due(calendar) } else { running.due };
        let next = it.bell(&running.clock, calendar);
        tx.run(
            "UPDATE clock SET state = ?4, since = ?5, remaining = ?6, plan = ?7, due = ?8, next_at = ?9, stopped = ?10 \
             WHERE conversation = ?1 AND name = ?2 AND started = ?3",
            (
                self.conversation.0,
                &running.clock.name,
                time(running.started),
                it.state.as_str(),
                time(it.since),
                left(it),
                form.map(|form| form.id),
                time(due),
                next.map(|(_, at)| time(at)),
                self.view.stopped.map(time),
            ),
        )
        .map(drop)
    }

    /// An event befalls it. What does not fit it does nothing: a breach outlasts a pause.
    fn befall(mut self, tx: &Tx<'_>, event: Event, now: Timestamp) -> Result<bool, StoreError> {
        let form = self.form(tx)?;
        let calendar = form.as_ref().map(|form| &*form.calendar);
        let Ok(standing) = self.standing.after(event, calendar, now) else { return Ok(false) };
        self.standing = standing;
        self.view.stopped = (event == Event::Stop).then_some(now);
        let form = match (event, &self.view.running.clock.calendar) {
            (Event::Resume, Some(name)) => calendars::newest(tx, name)?,
            _ => form,
        };
        self.write(tx, form.as_ref())?;
        Ok(true)
    }
}

fn left(it: &Standing) -> i64 {
    i64::try_from(it.left.as_millis()).unwrap_or(i64::MAX)
}

/// Starts a clock, unless one of its name runs. Its calendar is known, see [`calendars::names`].
pub(super) fn start(tx: &Tx<'_>, it: &mut Conversation, clock: &Clock, now: Timestamp) -> Result<(), StoreError> {
    let form = clock.calendar.as_deref().map(|name| calendars::newest(tx, name)).transpose()?.flatten();
    let calendar = form.as_ref().map(|form| &*form.calendar);
    let paused = clock.pauses_for_customer && it.waits_for_customer();
    let standing = Standing::start(clock, paused, now);
    let due = standing.due(calendar);
    let started = tx.run(
        "INSERT INTO clock (conversation, name, started, target, calendar, warn_percent, pauses, state, since, remaining, \
         plan, due, next_at) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?3, ?9, ?10, ?11, ?12 \
         WHERE NOT EXISTS (SELECT 1 FROM clock WHERE conversation = ?1 AND name = ?2 AND state <> 'stopped') \
         ON CONFLICT DO UPDATE SET target = excluded.target, calendar = excluded.calendar, \
         warn_percent = excluded.warn_percent, pauses = excluded.pauses, state = excluded.state, \
         since = excluded.since, remaining = excluded.remaining, plan = excluded.plan, due = excluded.due, \
         next_at = excluded.next_at, breached = NULL, stopped = NULL",
        (
            it.id.0,
            &clock.name,
            time(now),
            clock.target,
            &clock.calendar,
            clock.warn_at_percent,
            clock.pauses_for_customer,
            standing.state.as_str(),
            left(&standing),
            form.as_ref().map(|form| form.id),
            time(due),
            standing.bell(clock, calendar).map(|(_, at)| time(at)),
        ),
    )?;
    if started > 0 && !paused {
        it.due = Some(it.due.map_or(due, |before| before.min(due)));
    }
    Ok(())
}

/// Stops the running clock of this name; there may be none.
pub(super) fn stop(tx: &Tx<'_>, it: &mut Conversation, name: &str, now: Timestamp) -> Result<(), StoreError> {
    befall(tx, it, Event::Stop, |clock| clock.name == name, now)
}

/// Lets the clocks follow what became of their conversation.
pub(super) fn follow(
    tx: &Tx<'_>,
    before: &Conversation,
    it: &mut Conversation,
    now: Timestamp,
) -> Result<(), StoreError> {
    match (before.waits_for_customer(), it.waits_for_customer()) {
        _ if it.state == State::Closed && before.state != State::Closed => befall(tx, it, Event::Stop, |_| true, now),
        (false, true) => befall(tx, it, Event::Pause, |clock| clock.pauses_for_customer, now),
        (true, false) => befall(tx, it, Event::Resume, |clock| clock.pauses_for_customer, now),
        _ => Ok(()),
    }
}

/// Lets an event befall some of a conversation's clocks.
fn befall(
    tx: &Tx<'_>,
    it: &mut Conversation,
    event: Event,
    which: impl Fn(&Clock) -> bool,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = concat!("SELECT ", columns!(), " FROM clock WHERE conversation = ? AND state <> 'stopped'");
    let mut changed = false;
    for row in many(tx.conn, sql, [it.id.0], read)? {
        if which(&row.view.running.clock) {
            changed |= row.befall(tx, event, now)?;
        }
    }
    if changed { refresh(tx, it) } else { Ok(()) }
}

/// The nearest breach of the clocks that run; one that is breached already counts, as it is the most urgent. SQLite compares
/// with two words one by one, and makes a table of three, at each use.
fn refresh(tx: &Tx<'_>, it: &mut Conversation) -> Result<(), StoreError> {
    let due = one(
        tx.conn,
        "SELECT min(due) FROM clock WHERE conversation = ? AND (state IN ('running', 'warned') OR state = 'breached')",
        [it.id.0],
        |row| row.get::<_, Option<i64>>(0),
    )?;
    it.due = due.flatten().map(moment);
    Ok(())
}

/// Rings the clocks that are due, the longest waiting first. The mark and the happening are one commit, so that a clock
/// warns once and breaches once, whatever the machine's clock does meanwhile.
pub(super) fn ring(tx: &mut Tx<'_>, due: Due, most: usize) -> Result<usize, StoreError> {
    let Due { since, now } = due;
    let mut due = many(
        tx.conn,
        concat!(
            "SELECT ",
            columns!(),
            " FROM clock INDEXED BY clock_next WHERE next_at BETWEEN ? AND ? ORDER BY next_at LIMIT ?"
        ),
        (time(since), time(now), limit(most)),
        read,
    )?;
    if since > Timestamp(0) {
        // Their warning was missed, and now they are breached: both ring, the warning first, and the breach in time.
        due.extend(many(
            tx.conn,
            concat!(
                "SELECT ",
                columns!(),
                " FROM clock WHERE (conversation, name, started) IN (SELECT conversation, name, started \
                  FROM clock INDEXED BY clock_next WHERE next_at < ?1 AND due BETWEEN ?1 AND ?2 LIMIT ?3)"
            ),
            (time(since), time(now), limit(most - due.len())),
            read,
        )?);
    }
    for it in &due {
        let (id, running, state) = (it.conversation, &it.view.running, it.standing.state);
        let damaged = || At("clock", id.0).damaged("a clock that does not run is to ring");
        let event = state.rings(&running.clock).ok_or_else(damaged)?;
        let state = clock::next(state, event).map_err(|illegal| At("clock", id.0).damaged(illegal.to_string()))?;
        let warns = event == Event::Warn;
        tx.run(
            "UPDATE clock SET state = ?4, next_at = ?5, breached = ?6 \
             WHERE conversation = ?1 AND name = ?2 AND started = ?3",
            (
                id.0,
                &running.clock.name,
                time(running.started),
                state.as_str(),
                warns.then(|| time(running.due)),
                (!warns).then(|| time(now)),
            ),
        )?;
        let word = if warns { "clock-warning" } else { "clock-breached" };
        happenings::rang(tx, id, word, &running.clock.name, now)?;
    }
    Ok(due.len())
}

/// Takes clocks that run over to what their calendars are now, `most` at most; how many. What passed until now passed by
/// the calendar as it was.
pub(super) fn carry_over(tx: &mut Tx<'_>, now: Timestamp, most: usize) -> Result<usize, StoreError> {
    let mut carried = 0;
    for plan in calendars::outdated(tx.conn)? {
        let rows = many(
            tx.conn,
            concat!(
                "SELECT ",
                columns!(),
                " FROM clock INDEXED BY clock_plan WHERE plan = ? AND next_at IS NOT NULL LIMIT ?"
            ),
            (plan, i64::try_from(most - carried).unwrap_or(i64::MAX)),
            read,
        )?;
        carried += rows.len();
        let old = calendars::form(tx, plan)?;
        for mut clock in rows {
            let Some(name) = &clock.view.running.clock.calendar else { continue };
            clock.standing = clock.standing.taken(Some(&old.calendar), now);
            clock.write(tx, calendars::newest(tx, name)?.as_ref())?;
            let detail = Some(clock.view.running.clock.name.as_str());
            let why = Some("its calendar changed");
            let line = Line { actor: "host", act: "clock-moved", why, detail, ..Line::default() };
            tx.event(Some(clock.conversation), now, line)?;
            let before = row::expect(tx.conn, clock.conversation)?;
            let mut it = before.clone();
            refresh(tx, &mut it)?;
            row::save(tx, &before, &it)?;
        }
    }
    Ok(carried)
}

/// The clock of a conversation that is breached next, or was first.
pub(super) fn nearest(conn: &Connection, id: ConversationId) -> Result<Option<String>, StoreError> {
    let sql = "SELECT name FROM clock WHERE conversation = ? AND (state IN ('running', 'warned') OR state = 'breached') \
               ORDER BY due LIMIT 1";
    one(conn, sql, [id.0], |row| row.get(0))
}

/// Every clock of a conversation, in the order they were started.
pub(super) fn all(conn: &Connection, id: ConversationId) -> Result<Vec<ClockView>, StoreError> {
    let sql = concat!("SELECT ", columns!(), " FROM clock WHERE conversation = ? ORDER BY started, name");
    many(conn, sql, [id.0], |row| Ok(read(row)?.view))
}
