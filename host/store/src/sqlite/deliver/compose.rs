//! Writing an outgoing message, a person's or a machine's, and giving it to another channel.
use super::super::codec::{self, At, InboundRow, time};
use super::super::contacts::{self, nodes_of};
use super::super::tx::{Counter, Tx, any, many, one};
use crate::StoreError;
use rusqlite::Connection;
use tributary_model::conversation::Conversation;
use tributary_model::message::{Author, Content, Handle};
use tributary_model::{ContactId, OutgoingId, Timestamp};

/// How many earlier messages an outgoing one names.
const REFERENCES: usize = 20;

/// How a message goes out by one channel.
pub(in super::super) struct Address {
    pub(super) recipients: Option<String>,
    pub(super) answers: Option<i64>,
    pub(super) in_reply_to: Option<String>,
    pub(super) references: Option<String>,
}

/// The newest message of the customer by a channel.
struct Newest {
    id: i64,
    from: Vec<Handle>,
    here: bool,
}

/// To whom, in answer to what: the contact's own newest message by this channel, in this conversation or, where there is
/// none, in another.
///
/// Only the contact's own handles, whoever wrote last: an external id is no secret, so somebody who learnt one could
/// write into the conversation, and must not get its answers. Of these only those that the channel knows the contact by,
/// if it knows any: another address of the same person was not written from.
pub(in super::super) fn address(conn: &Connection, it: &Conversation, channel: &str) -> Result<Address, StoreError> {
    let newest = newest(conn, it, channel)?;
    let handles = known_there(conn, it, newest.as_ref())?;
    let mut earlier = many(
        conn,
        "SELECT external_id, author = 'customer' FROM message INDEXED BY message_timeline \
         WHERE conversation = ? AND channel = ? AND external_id <> '' ORDER BY min(sent_at, at) DESC, id DESC LIMIT ?",
        (it.id.0, channel, REFERENCES as i64),
        |row| Ok((row.get::<_, String>(0)?, row.get::<_, bool>(1)?)),
    )?;
    let in_reply_to = earlier.iter().find(|(_, customer)| *customer).map(|(id, _)| id.clone());
    earlier.reverse();
    let mut references: Vec<String> = Vec::with_capacity(earlier.len());
    for (id, _) in earlier {
        if !references.contains(&id) {
            references.push(id);
        }
    }
    // What the channel told with the contact's own newest message goes back to it, such as a mail's Reply-To. Not where
    // somebody came in by this channel on a mere claim: a forged mail must not say where the answer goes.
    let claimed = any(
        conn,
        "SELECT 1 FROM continuation INDEXED BY continuation_conversation \
         WHERE conversation = ? AND channel = ? AND NOT proved LIMIT 1",
        (it.id.0, channel),
    )?;
    Ok(Address {
        recipients: codec::handles(&handles),
        answers: newest.filter(|newest| !(newest.here && claimed)).map(|newest| newest.id),
        in_reply_to,
        references: codec::words(&references),
    })
}

/// To whom by one channel.
pub(in super::super) fn recipients(
    conn: &Connection,
    it: &Conversation,
    channel: &str,
) -> Result<Vec<Handle>, StoreError> {
    known_there(conn, it, newest(conn, it, channel)?.as_ref())
}

/// The contact's handles that its newest message came with, best first; all of them where it came with none of these.
fn known_there(conn: &Connection, it: &Conversation, newest: Option<&Newest>) -> Result<Vec<Handle>, StoreError> {
    let mut handles = contacts::handles(conn, it.contact)?;
    let Some(newest) = newest else { return Ok(handles) };
    let place = |handle: &Handle| newest.from.iter().position(|f| f.kind == handle.kind && f.value == handle.value);
    handles.sort_by_key(|handle| place(handle).unwrap_or(usize::MAX));
    if handles.first().is_some_and(|handle| place(handle).is_some()) {
        handles.retain(|handle| place(handle).is_some());
    }
    Ok(handles)
}

fn newest(conn: &Connection, it: &Conversation, channel: &str) -> Result<Option<Newest>, StoreError> {
    let read = |row: &rusqlite::Row<'_>, here| Ok((row.get::<_, i64>(0)?, row.get::<_, Option<String>>(1)?, here));
    let here = one(
        conn,
        concat!(
            "SELECT id, inbound FROM message INDEXED BY message_timeline WHERE conversation = ?1 AND channel = ?2 \
             AND (contact = ?3 OR contact IN ",
            nodes_of!("?3"),
            ") ORDER BY min(sent_at, at) DESC, id DESC LIMIT 1"
        ),
        (it.id.0, channel, it.contact.0),
        |row| read(row, true),
    )?;
    let found = match here {
        Some(found) => Some(found),
        None => one(
            conn,
            concat!(
                "SELECT m.id, m.inbound FROM conversation AS c INDEXED BY conversation_contact \
                 JOIN message AS m INDEXED BY message_timeline ON m.conversation = c.id WHERE c.contact IN ",
                nodes_of!("?2"),
                " AND m.channel = ?1 AND m.contact IN ",
                nodes_of!("?2"),
                " ORDER BY min(m.sent_at, m.at) DESC, m.id DESC LIMIT 1"
            ),
            (channel, it.contact.0),
            |row| read(row, false),
        )?,
    };
    let Some((id, inbound, here)) = found else { return Ok(None) };
    let at = At("message", id);
    let from = match inbound {
        Some(text) => at.json::<InboundRow>(&text)?.parts(at)?.0,
        None => Vec::new(),
    };
    Ok(Some(Newest { id, from, here }))
}

/// Inserts the message and its outgoing row. It goes out by the channel the customer used last.
pub(in super::super) fn compose(
    tx: &mut Tx<'_>,
    it: &Conversation,
    author: Author,
    name: &str,
    content: &Content,
    now: Timestamp,
) -> Result<OutgoingId, StoreError> {
    let channel = it.last_channel.as_str();
    let to = address(tx.conn, it, channel)?;
    let id = tx.insert(
        "INSERT INTO message (conversation, channel, author, name, automatic, sent_at, at, attachments, text, quoted, html) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            it.id.0,
            channel,
            author.as_str(),
            name,
            author != Author::Agent,
            time(now),
            time(now),
            codec::attachments(&content.attachments),
            &content.text,
            &content.quoted,
            &content.html,
        ),
    )?;
    tx.run(
        "INSERT INTO outgoing (id, conversation, channel, recipients, answers, in_reply_to, refs, state, attempts, \
         next_at, at) VALUES (?, ?, ?, ?, ?, ?, ?, 'queued', 0, ?, ?)",
        (id, it.id.0, channel, to.recipients, to.answers, to.in_reply_to, to.references, time(now), time(now)),
    )?;
    tx.count(Counter::Messages, 1);
    tx.count(Counter::Outgoing, 1);
    Ok(OutgoingId(id))
}

/// The channels by which a customer wrote, the one used last first: those of this conversation, then those of the
/// customer's others since a moment.
pub(super) fn channels(conn: &Connection, it: &Conversation, since: Timestamp) -> Result<Vec<String>, StoreError> {
    let by_recency = |sql: &str, params: (i64, i64, i64)| many(conn, sql, params, |row| Ok(row.get::<_, String>(0)?));
    let ContactId(person) = it.contact;
    let mut found = by_recency(
        concat!(
            "SELECT channel FROM message INDEXED BY message_timeline WHERE conversation = ?1 AND author = 'customer' \
             AND min(sent_at, at) >= ?3 AND contact IN ",
            nodes_of!("?2"),
            " GROUP BY channel ORDER BY max(min(sent_at, at)) DESC, max(id) DESC"
        ),
        (it.id.0, person, 0),
    )?;
    let others = by_recency(
        concat!(
            "SELECT m.channel FROM conversation AS c INDEXED BY conversation_contact \
             JOIN message AS m INDEXED BY message_timeline ON m.conversation = c.id WHERE c.id <> ?1 AND c.contact IN ",
            nodes_of!("?2"),
            " AND m.author = 'customer' AND NOT m.automatic AND min(m.sent_at, m.at) >= ?3 AND m.contact IN ",
            nodes_of!("?2"),
            " GROUP BY m.channel ORDER BY max(min(m.sent_at, m.at)) DESC, max(m.id) DESC"
        ),
        (it.id.0, person, time(since)),
    )?;
    for channel in others {
        if !found.contains(&channel) {
            found.push(channel);
        }
    }
    Ok(found)
}
