//! Pages and views for people. Every page goes by the key of its last row, never by a number of rows to skip.
use super::agents::{self, Place};
use super::codec::{moment, time};
use super::reader::counter;
use super::row::{self, columns};
use super::tx::{Counter, many, one};
use super::{clocks, contacts, feedback, messages, operations, snapshot};
use crate::{
    Continuation, ConversationDetail, ConversationFilter, Counts, Cursor, Event, Listing, Page, QueueFilter, StoreError,
};
use rusqlite::{Connection, Row, ToSql};
use tributary_model::conversation::Conversation;
use tributary_model::decision::Contact;
use tributary_model::queue::Lane;
use tributary_model::{ContactId, ConversationId, EventId, MessageId, Timestamp};

/// The columns [`event`] reads, in its order.
macro_rules! event_columns {
    () => {
        "id, conversation, at, actor, act, rule, why, detail, contact"
    };
}

/// The largest page.
const LARGEST: usize = 200;

/// How many events of a conversation are shown at once: the newest.
const EVENTS_SHOWN: i64 = 5_000;

/// How many rows to ask for: one more than the page has, to see whether there is a next one.
pub(super) fn rows(page: &Page) -> i64 {
    page.limit.clamp(1, LARGEST) as i64 + 1
}

/// Cuts the surplus row off and names the place to go on.
pub(super) fn listing<T>(mut items: Vec<T>, page: &Page, cursor: impl Fn(&T) -> Cursor) -> Listing<T> {
    let limit = page.limit.clamp(1, LARGEST);
    let more = items.len() > limit;
    items.truncate(limit);
    let next = items.last().filter(|_| more).map(cursor);
    Listing { items, next }
}

/// See [`crate::Store::queue`]. What waits stands in lanes, each in order; what is held is in none and never much. The
/// places of both come from indexes alone, and only what is shown is read.
pub(super) fn queue(
    conn: &Connection,
    filter: &QueueFilter,
    page: &Page,
    now: Timestamp,
) -> Result<Listing<Conversation>, StoreError> {
    let after = match page.after.as_ref().map(|cursor| &cursor.0[..]) {
        Some(&[rank, minute, tier, since, id]) => [rank, minute, tier, since, id],
        _ => [-1, 0, 0, 0, 0],
    };
    let [rank, minute, tier, since, id] = after;
    let place = |row: &Row<'_>| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?]);
    let team = filter.team.as_deref();
    let limit = rows(page);
    let mut places: Vec<Place> = many(
        conn,
        "SELECT rank, minute, tier, since, id FROM conversation INDEXED BY conversation_holder \
         WHERE holder IS NOT NULL AND state = 'open' AND (?6 OR lease_until <= ?7) AND (?8 IS NULL OR team = ?8) \
         AND (rank, minute, tier, since, id) > (?1, ?2, ?3, ?4, ?5)",
        (rank, minute, tier, since, id, filter.held, time(now), team),
        place,
    )?;
    for lane in agents::lanes(conn, None)? {
        let of_team = team.is_none_or(|team| lane.starts_with(&Lane::of_team(Some(team))));
        if !of_team && !lane.starts_with('@') {
            continue;
        }
        places.extend(many(
            conn,
            "SELECT rank, minute, tier, since, id FROM conversation INDEXED BY conversation_lane \
             WHERE state = 'open' AND holder IS NULL AND lane = ?6 AND rank >= ?1 AND (?7 IS NULL OR team = ?7) \
             AND (rank, minute, tier, since, id) > (?1, ?2, ?3, ?4, ?5) \
             ORDER BY rank, minute, tier, since, id LIMIT ?8",
            (rank, minute, tier, since, id, &lane, team.filter(|_| !of_team), limit),
            place,
        )?);
    }
    places.sort_unstable();
    places.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let read = |[.., id]: &Place| row::expect(conn, ConversationId(*id));
    let items = places.iter().map(read).collect::<Result<_, _>>()?;
    Ok(listing(items, page, |it| Cursor(agents::place(&it.key()).to_vec())))
}

/// See [`crate::Store::conversations`]. The index is that of the narrowest filter given.
pub(super) fn conversations(
    conn: &Connection,
    filter: &ConversationFilter,
    page: &Page,
) -> Result<Listing<Conversation>, StoreError> {
    let before = page.after.as_ref().and_then(|cursor| cursor.0.first().copied()).unwrap_or(i64::MAX);
    let state = filter.state.map(|state| state.as_str());
    let agent = filter.agent.as_ref().map(|agent| agent.as_str());
    let limit = rows(page);
    let mut sql = concat!("SELECT ", columns!(), " FROM conversation").to_owned();
    let mut params: Vec<&dyn ToSql> = vec![&before, &limit];
    let mut index = None;
    let mut terms = String::new();
    if let Some(state) = &state {
        params.push(state);
        terms += &format!(" AND state = ?{}", params.len());
        index = Some("conversation_state");
    }
    if let Some(agent) = &agent {
        params.push(agent);
        terms += &format!(" AND holder = ?{}", params.len());
        index = Some("conversation_holder");
    }
    if let Some(handle) = &filter.handle {
        params.push(handle);
        terms += &format!(
            " AND contact IN (WITH p (root) AS (SELECT coalesce(k.root, k.id) FROM handle AS h \
             JOIN contact AS k ON k.id = h.contact WHERE h.value = ?{}) \
             SELECT root FROM p UNION SELECT k.id FROM p JOIN contact AS k INDEXED BY contact_root ON k.root = p.root)",
            params.len()
        );
        index = Some("conversation_contact");
    }
    if let Some(index) = index {
        sql += &format!(" INDEXED BY {index}");
    }
    sql += &format!(" WHERE id < ?1{terms} ORDER BY id DESC LIMIT ?2");
    let items = many(conn, &sql, &params[..], row::read)?;
    Ok(listing(items, page, |it| Cursor(vec![it.id.0])))
}

/// See [`crate::Store::conversation`].
pub(super) fn conversation(conn: &Connection, id: ConversationId) -> Result<Option<ConversationDetail>, StoreError> {
    let Some(conversation) = row::load(conn, id)? else { return Ok(None) };
    let contact = contacts::person(conn, conversation.contact)?.unwrap_or(Contact {
        id: conversation.contact,
        handles: Vec::new(),
        display_name: None,
        tags: Vec::new(),
        attributes: Vec::new(),
    });
    let sql = concat!("SELECT ", event_columns!(), " FROM event WHERE conversation = ? ORDER BY id DESC LIMIT ?");
    let mut events = many(conn, sql, (id.0, EVENTS_SHOWN), event)?;
    events.reverse();
    let links = many(conn, "SELECT other, why FROM link WHERE conversation = ? ORDER BY other", [id.0], |row| {
        Ok((ConversationId(row.get(0)?), row.get(1)?))
    })?;
    let joins = contacts::joins(conn, &contacts::nodes(conn, contact.id)?)?;
    let sql = "SELECT message, channel, why, proved FROM continuation INDEXED BY continuation_conversation \
               WHERE conversation = ? ORDER BY message";
    let continuations = many(conn, sql, [id.0], |row| {
        Ok(Continuation {
            message: MessageId(row.get(0)?),
            channel: row.get::<_, String>(1)?.into(),
            why: row.get(2)?,
            proved: row.get(3)?,
        })
    })?;
    Ok(Some(ConversationDetail {
        conversation,
        contact,
        messages: messages::of(conn, id)?,
        clocks: clocks::all(conn, id)?,
        events,
        links,
        orders: snapshot::orders_of(conn, id)?,
        continuations,
        joins,
        operations: operations::of(conn, id)?,
        draft: feedback::drafted(conn, id)?,
    }))
}

/// See [`crate::Store::contacts`].
pub(super) fn persons(conn: &Connection, ids: &[ContactId]) -> Result<Vec<Contact>, StoreError> {
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        found.extend(contacts::person(conn, *id)?);
    }
    Ok(found)
}

fn event(row: &Row<'_>) -> Result<Event, StoreError> {
    Ok(Event {
        id: EventId(row.get(0)?),
        conversation: row.get::<_, Option<i64>>(1)?.map(ConversationId),
        at: moment(row.get(2)?),
        actor: row.get(3)?,
        act: row.get(4)?,
        rule: row.get(5)?,
        why: row.get(6)?,
        detail: row.get(7)?,
        contact: row.get::<_, Option<i64>>(8)?.map(ContactId),
    })
}

/// What happened to these contacts, oldest first, the newest thousand at most.
pub(super) fn contact_events(conn: &Connection, ids: &[ContactId]) -> Result<Vec<Event>, StoreError> {
    const SHOWN: usize = 1_000;
    let mut events = Vec::new();
    for id in ids {
        let sql = concat!("SELECT ", event_columns!(), " FROM event WHERE contact = ? ORDER BY id DESC LIMIT ?");
        events.extend(many(conn, sql, (id.0, SHOWN as i64), event)?);
    }
    events.sort_by_key(|event| event.id);
    events.drain(..events.len().saturating_sub(SHOWN));
    Ok(events)
}

/// See [`crate::Store::events`].
pub(super) fn events(conn: &Connection, after: EventId, most: usize) -> Result<Vec<Event>, StoreError> {
    let sql = concat!("SELECT ", event_columns!(), " FROM event WHERE id > ? ORDER BY id LIMIT ?");
    many(conn, sql, (after.0, most.min(1_000) as i64), event)
}

/// The newest event; 0 in an empty log.
pub(super) fn last_event(conn: &Connection) -> Result<EventId, StoreError> {
    let found = one(conn, "SELECT id FROM event ORDER BY id DESC LIMIT 1", [], |row| row.get(0))?;
    Ok(EventId(found.unwrap_or(0)))
}

/// See [`crate::Store::counts`].
pub(super) fn counts(conn: &Connection, now: Timestamp) -> Result<Counts, StoreError> {
    let (held, held_open) = one(
        conn,
        "SELECT count(*), coalesce(sum(state = 'open'), 0) FROM conversation INDEXED BY conversation_holder \
         WHERE holder IS NOT NULL AND lease_until > ?",
        [time(now)],
        |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)),
    )?
    .unwrap_or((0, 0));
    let unsigned = |n: i64| u64::try_from(n).unwrap_or(0);
    Ok(Counts {
        waiting: counter(conn, Counter::Open)?.saturating_sub(unsigned(held_open)),
        held: unsigned(held),
        conversations: counter(conn, Counter::Conversations)?,
        messages: counter(conn, Counter::Messages)?,
        undecided: counter(conn, Counter::Undecided)?,
        outgoing: counter(conn, Counter::Outgoing)?,
        parked: counter(conn, Counter::Parked)?,
        approvals: counter(conn, Counter::Approvals)?,
    })
}
