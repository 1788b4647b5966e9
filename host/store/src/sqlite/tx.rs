//! What a transition writes with: statements by their text, the event log, the counters.
use super::calendars::Known;
use crate::{DeskRules, StoreError};
use rusqlite::{Connection, OptionalExtension, Params, Row};
use tributary_model::{ContactId, ConversationId, EventId, Timestamp};

/// What is counted, so that asking how much there is costs nothing at any size.
#[derive(Clone, Copy)]
pub(super) enum Counter {
    Conversations,
    Open,
    Messages,
    Undecided,
    Outgoing,
    Parked,
    Approvals,
}

impl Counter {
    const ALL: [(Self, &'static str); 7] = [
        (Self::Conversations, "conversations"),
        (Self::Open, "open"),
        (Self::Messages, "messages"),
        (Self::Undecided, "undecided"),
        (Self::Outgoing, "outgoing"),
        (Self::Parked, "parked"),
        (Self::Approvals, "approvals"),
    ];

    pub(super) fn as_str(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}

/// A group's transaction. Counters are summed here and written once per group.
#[derive(Clone)]
pub(super) struct Tx<'c> {
    pub(super) conn: &'c Connection,
    pub(super) calendars: &'c Known,
    pub(super) rules: &'c DeskRules,
    counted: [i64; Counter::ALL.len()],
    newest: Option<EventId>,
}

/// A line for the event log; see [`crate::Event`].
#[derive(Default)]
pub(super) struct Line<'a> {
    pub(super) actor: &'a str,
    pub(super) act: &'a str,
    pub(super) rule: Option<&'a str>,
    pub(super) why: Option<&'a str>,
    pub(super) detail: Option<&'a str>,
    pub(super) contact: Option<ContactId>,
}

impl<'c> Tx<'c> {
    pub(super) fn new(conn: &'c Connection, calendars: &'c Known, rules: &'c DeskRules) -> Self {
        Self { conn, calendars, rules, counted: [0; Counter::ALL.len()], newest: None }
    }

    pub(super) fn count(&mut self, counter: Counter, by: i64) {
        self.counted[counter as usize] += by;
    }

    /// Writes the counters: the last thing before the commit.
    pub(super) fn flush(&mut self) -> rusqlite::Result<()> {
        for (counter, name) in Counter::ALL {
            let by = std::mem::take(&mut self.counted[counter as usize]);
            if by != 0 {
                self.conn
                    .prepare_cached("INSERT INTO counter (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = value + ?2")?
                    .execute((name, by))?;
            }
        }
        Ok(())
    }

    pub(super) fn newest(&self) -> Option<EventId> {
        self.newest
    }

    /// Runs a statement; how many rows it changed.
    pub(super) fn run(&self, sql: &str, params: impl Params) -> Result<usize, StoreError> {
        Ok(self.conn.prepare_cached(sql)?.execute(params)?)
    }

    /// Runs an INSERT; the new row's id.
    pub(super) fn insert(&self, sql: &str, params: impl Params) -> Result<i64, StoreError> {
        Ok(self.conn.prepare_cached(sql)?.insert(params)?)
    }

    /// Appends to the event log.
    pub(super) fn event(
        &mut self,
        conversation: Option<ConversationId>,
        at: Timestamp,
        line: Line<'_>,
    ) -> Result<(), StoreError> {
        let id = self.insert(
            "INSERT INTO event (conversation, at, actor, act, rule, why, detail, contact) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                conversation.map(|id| id.0),
                super::codec::time(at),
                line.actor,
                line.act,
                line.rule,
                line.why,
                line.detail,
                line.contact.map(|id| id.0),
            ),
        )?;
        self.newest = Some(EventId(id));
        Ok(())
    }
}

/// The first row of a query, if there is one.
pub(super) fn one<T>(
    conn: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Option<T>, StoreError> {
    Ok(conn.prepare_cached(sql)?.query_row(params, read).optional()?)
}

/// Whether a query finds anything.
pub(super) fn any(conn: &Connection, sql: &str, params: impl Params) -> Result<bool, StoreError> {
    Ok(conn.prepare_cached(sql)?.exists(params)?)
}

/// Every row of a query, which has a LIMIT or is small by its nature.
pub(super) fn many<T>(
    conn: &Connection,
    sql: &str,
    params: impl Params,
    mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        out.push(read(row)?);
    }
    Ok(out)
}
