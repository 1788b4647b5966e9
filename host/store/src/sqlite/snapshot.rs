//! A conversation as a policy sees it.
use super::codec::At;
use super::tx::{many, one};
use super::{clocks, contacts, messages, row};
use crate::{KnownOrder, StoreError};
use rusqlite::Connection;
use tributary_model::decision::{Contact, Happening, Snapshot};
use tributary_model::order::Order;
use tributary_model::{ConversationId, HappeningId, MessageId, Timestamp};

/// How many orders of a conversation a policy sees.
const ORDERS: i64 = 50;

/// See [`crate::Store::snapshot`].
pub(super) fn of_happening(
    conn: &Connection,
    id: HappeningId,
    node: &str,
    now: Timestamp,
) -> Result<Option<(Snapshot, Happening)>, StoreError> {
    let found = one(
        conn,
        "SELECT conversation, kind, message, payload FROM happening WHERE id = ? AND state = 'claimed' AND node = ?",
        (id.0, node),
        |row| {
            let conversation = ConversationId(row.get(0)?);
            let message = row.get::<_, Option<i64>>(2)?.map(MessageId);
            Ok((conversation, row.get::<_, String>(1)?, message, row.get::<_, Option<String>>(3)?))
        },
    )?;
    let Some((conversation, kind, message, payload)) = found else { return Ok(None) };
    let at = At("happening", id.0);
    let happening = match (at.happening(&kind, payload.as_deref())?, message) {
        (Some(happening), _) => happening,
        (None, Some(message)) if kind == "message" => Happening::Message(Box::new(messages::inbound(conn, message)?)),
        (None, Some(message)) => Happening::AgentReplied(messages::text(conn, message)?),
        (None, None) => return Err(at.damaged("it has no message")),
    };
    let Some(snapshot) = of(conn, conversation, message, now)? else {
        return Err(at.damaged("its conversation is missing"));
    };
    Ok(Some((snapshot, happening)))
}

/// A conversation as it is at a message of it, or now.
pub(super) fn of(
    conn: &Connection,
    id: ConversationId,
    last: Option<MessageId>,
    now: Timestamp,
) -> Result<Option<Snapshot>, StoreError> {
    let Some(it) = row::load(conn, id)? else { return Ok(None) };
    let contact = contacts::person(conn, it.contact)?.unwrap_or_else(|| Contact {
        id: it.contact,
        handles: Vec::new(),
        display_name: None,
        tags: Vec::new(),
        attributes: Vec::new(),
    });
    let clocks = clocks::all(conn, id)?.into_iter().filter(|clock| clock.stopped.is_none());
    Ok(Some(Snapshot {
        now,
        id,
        assignee: it.held_by(now).map(|holder| holder.agent.clone()),
        channel: it.channel,
        subject: it.subject,
        standing: it.state,
        grade: it.grade,
        category: it.category,
        tags: it.tags,
        team: it.route.map(|route| route.team),
        opened: it.opened,
        contact,
        history: messages::history(conn, id, last)?,
        orders: orders(conn, id)?,
        clocks: clocks.map(|clock| clock.running).collect(),
        decided: Vec::new(),
        attributes: it.attributes,
    }))
}

/// The orders a conversation is about, the latest changed first.
fn orders(conn: &Connection, id: ConversationId) -> Result<Vec<Order>, StoreError> {
    Ok(orders_of(conn, id)?.into_iter().map(|it| it.order).collect())
}

/// The same, with the marketplaces they are of.
pub(super) fn orders_of(conn: &Connection, id: ConversationId) -> Result<Vec<KnownOrder>, StoreError> {
    many(
        conn,
        "SELECT o.body, o.channel FROM conversation_order AS c JOIN orders AS o ON o.channel = c.channel AND o.id = c.id \
         WHERE c.conversation = ? ORDER BY o.at DESC LIMIT ?",
        (id.0, ORDERS),
        |row| {
            let order = At("conversation", id.0).order(&row.get::<_, String>(0)?)?;
            Ok(KnownOrder { channel: row.get::<_, String>(1)?.into(), order })
        },
    )
}
