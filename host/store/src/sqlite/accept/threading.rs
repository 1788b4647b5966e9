//! Which conversation a message joins: the answers to the questions of [`thread`].
use super::super::contacts::nodes_of;
use super::super::tx::{Line, Tx, any, many, one};
use super::contacts::Author;
use crate::StoreError;
use rusqlite::Connection;
use tributary_model::message::Inbound;
use tributary_model::thread::{self, Question};
use tributary_model::{ChannelName, ConversationId, Timestamp};

/// How many messages of one external id are looked at. More than one is a sender's fault, and many are an attack.
const SAME_ID: i64 = 16;

/// The conversation of the first question that finds one.
pub(super) fn conversation(
    conn: &Connection,
    inbound: &Inbound,
    channel: &ChannelName,
    author: Author,
) -> Result<Option<ConversationId>, StoreError> {
    for question in thread::questions(&inbound.thread) {
        let found = match question {
            Question::ReplyToken(token) => {
                one(conn, "SELECT id FROM conversation WHERE reply_token = ?", [token], |row| row.get(0))?
            }
            // A message does not answer itself: a reused id would pull it to a stranger's message of the same id.
            Question::ExternalId(id) if id.is_empty() || inbound.external_id.as_deref() == Some(id) => None,
            Question::ExternalId(id) => by_external_id(conn, id, channel)?,
            Question::ThreadKey(key) => one(
                conn,
                "SELECT conversation FROM dialogue WHERE channel = ? AND key = ?",
                (channel.as_str(), key),
                |row| row.get(0),
            )?,
            Question::TagOf(id) => any(
                conn,
                concat!(
                    "SELECT 1 FROM conversation WHERE id = ?1 AND (contact IN ",
                    nodes_of!("?2"),
                    " OR EXISTS (SELECT 1 FROM message INDEXED BY message_timeline WHERE conversation = ?1 AND contact IN ",
                    nodes_of!("?2"),
                    "))"
                ),
                (id.0, author.person.0),
            )?
            .then_some(id.0),
        };
        if let Some(id) = found {
            return Ok(Some(ConversationId(id)));
        }
    }
    Ok(None)
}

/// The conversation that has a message of this id: of the same channel before another's, the first before a later one.
fn by_external_id(conn: &Connection, id: &str, channel: &ChannelName) -> Result<Option<i64>, StoreError> {
    let found = many(
        conn,
        "SELECT channel <> ?2, id, conversation FROM message WHERE external_id = ?1 LIMIT ?3",
        (id, channel.as_str(), SAME_ID),
        |row| Ok((row.get::<_, bool>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?)),
    )?;
    Ok(found.into_iter().min().map(|(_, _, conversation)| conversation))
}

/// Keeps what later messages may be threaded or shown by.
pub(super) fn remember(
    tx: &Tx<'_>,
    inbound: &Inbound,
    channel: &ChannelName,
    id: ConversationId,
) -> Result<(), StoreError> {
    if let Some(key) = &inbound.thread.thread_key {
        tx.run(
            "INSERT INTO dialogue (channel, key, conversation) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            (channel.as_str(), key, id.0),
        )?;
    }
    if let Some(order) = &inbound.thread.order_id {
        about(tx, channel, order, id)?;
    }
    Ok(())
}

/// Notes that a conversation is about an order: of this channel, or else of the one marketplace that told of an order of
/// this number, because a customer names it by any channel.
pub(in super::super) fn about(
    tx: &Tx<'_>,
    channel: &ChannelName,
    order: &str,
    id: ConversationId,
) -> Result<(), StoreError> {
    let told =
        many(tx.conn, "SELECT channel FROM orders INDEXED BY orders_id WHERE id = ? LIMIT 16", [order], |row| {
            Ok(row.get::<_, String>(0)?)
        })?;
    let of = match &told[..] {
        [marketplace] => marketplace,
        _ => channel.as_str(),
    };
    tx.run(
        "INSERT INTO conversation_order (conversation, channel, id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        (id.0, of, order),
    )?;
    Ok(())
}

/// Links a conversation to another one, once.
pub(super) fn link(
    tx: &mut Tx<'_>,
    (from, to): (ConversationId, ConversationId),
    why: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO link (conversation, other, why) VALUES (?, ?, ?) ON CONFLICT DO NOTHING";
    if tx.run(sql, (from.0, to.0, why))? == 0 {
        return Ok(());
    }
    let detail = to.tag();
    let line = Line { actor: "host", act: "linked", why: Some(why), detail: Some(&detail), ..Line::default() };
    tx.event(Some(from), now, line)
}
