//! Whether a message continues what another channel began: the rows that [`continuity::choose`] looks at.
use super::super::codec::{moment, time};
use super::super::contacts::nodes;
use super::super::tx::{Line, Tx, many};
use super::contacts::Author;
use super::threading;
use crate::StoreError;
use rusqlite::Connection;
use tributary_model::continuity::{self, Candidate, Choice, Continuity};
use tributary_model::message::Inbound;
use tributary_model::{ChannelName, ConversationId, Timestamp};

/// How many conversations of one node are looked at: the newest.
const NEWEST: i64 = 50;

/// What a message belongs to, whose own hints found nothing. What a machine or the shop's side wrote continues nothing.
pub(super) fn choose(
    conn: &Connection,
    inbound: &Inbound,
    channel: &ChannelName,
    author: Author,
    sent: Timestamp,
    rules: &Continuity,
) -> Result<Choice, StoreError> {
    if author.new || inbound.automatic || inbound.author != tributary_model::message::Author::Customer {
        return Ok(Choice::Open(None));
    }
    let order = inbound.thread.order_id.as_deref();
    let mut candidates = Vec::new();
    for node in nodes(conn, author.person)? {
        candidates.extend(many(
            conn,
            "SELECT id, last_channel, state = 'closed', last_sent > 0, \
             EXISTS (SELECT 1 FROM conversation_order AS o WHERE o.conversation = c.id AND o.id = ?2), \
             EXISTS (SELECT 1 FROM conversation_order AS o WHERE o.conversation = c.id), \
             (SELECT min(m.sent_at, m.at) FROM message AS m INDEXED BY message_timeline WHERE m.conversation = c.id \
             ORDER BY min(m.sent_at, m.at) DESC LIMIT 1) \
             FROM (SELECT id, last_channel, state, last_sent FROM conversation INDEXED BY conversation_contact \
             WHERE contact = ?1 ORDER BY id DESC LIMIT ?3) AS c WHERE ?2 IS NOT NULL OR state <> 'closed'",
            (node.0, order, NEWEST),
            |row| {
                Ok(Candidate {
                    id: ConversationId(row.get(0)?),
                    last_channel: row.get::<_, String>(1)?.into(),
                    closed: row.get(2)?,
                    by_people: row.get(3)?,
                    same_order: row.get(4)?,
                    any_order: row.get(5)?,
                    last_message: moment(row.get::<_, Option<i64>>(6)?.unwrap_or(0)),
                })
            },
        )?);
    }
    Ok(continuity::choose(&candidates, channel, order, sent, rules.window))
}

/// Keeps why a message is where it is.
pub(super) fn continued(
    tx: &mut Tx<'_>,
    (id, message): (ConversationId, i64),
    channel: &ChannelName,
    (why, proved): (&str, bool),
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.run(
        "INSERT INTO continuation (message, conversation, channel, why, proved) VALUES (?, ?, ?, ?, ?)",
        (message, id.0, channel.as_str(), why, proved),
    )?;
    let (actor, detail) = (format!("channel:{channel}"), format!("message {message}"));
    let line = Line { actor: &actor, act: "continued", why: Some(why), detail: Some(&detail), ..Line::default() };
    tx.event(Some(id), now, line)
}

/// The same order, and too long ago or anew by the same channel: two conversations that know of each other.
pub(super) fn same_order(
    tx: &mut Tx<'_>,
    (id, earlier): (ConversationId, ConversationId),
    order: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let why = format!("the same customer wrote about the same order {order}");
    threading::link(tx, (id, earlier), &why, now)?;
    threading::link(tx, (earlier, id), &why, now)
}

/// When a message was sent, as far as the desk believes it: nothing is sent after it came in.
pub(super) fn sent(inbound: &Inbound, came: Timestamp) -> Timestamp {
    moment(time(inbound.sent_at.min(came)))
}
