//! Messages as rows: for the desk, for a snapshot's history, and back into what came in.
use super::codec::{At, InboundRow, moment};
use super::tx::many;
use crate::{DeliveryView, Message, StoreError};
use rusqlite::{Connection, Row};
use tributary_model::decision::{Entry, HISTORY_LIMIT, HISTORY_TEXT_LIMIT};
use tributary_model::message::{Attachment, Author, Content, Inbound};
use tributary_model::{ConversationId, MessageId, OutgoingId, delivery};

/// How many messages of a conversation are shown at once: the newest.
const SHOWN: i64 = 1_000;

/// The columns [`content`] reads, from the given place on.
macro_rules! content_columns {
    () => {
        "m.text, m.quoted, m.html, m.attachments"
    };
}

fn content(row: &Row<'_>, first: usize, at: At) -> Result<Content, StoreError> {
    Ok(Content {
        text: row.get(first)?,
        quoted: row.get(first + 1)?,
        html: row.get(first + 2)?,
        attachments: at.attachments(row.get::<_, Option<String>>(first + 3)?.as_deref())?,
    })
}

/// The messages of a conversation over all channels in the order they were sent, oldest first, the newest thousand at
/// most. Nothing counts as sent after it came in.
pub(super) fn of(conn: &Connection, id: ConversationId) -> Result<Vec<Message>, StoreError> {
    let sql = concat!(
        "SELECT m.id, m.channel, m.author, m.name, m.external_id, m.automatic, m.sent_at, m.at, m.attributes, \
         o.state, o.attempts, o.next_at, o.detail, ",
        content_columns!(),
        " FROM message AS m INDEXED BY message_timeline LEFT JOIN outgoing AS o ON o.id = m.id \
         WHERE m.conversation = ? ORDER BY min(m.sent_at, m.at) DESC, m.id DESC LIMIT ?"
    );
    let mut messages = many(conn, sql, (id.0, SHOWN), |row| {
        let id: i64 = row.get(0)?;
        let at = At("message", id);
        let state = row.get::<_, Option<String>>(9)?;
        let delivery = state.map(|word| -> Result<_, StoreError> {
            let state = at.word(&word, delivery::State::parse)?;
            let waits = state == delivery::State::Queued;
            Ok(DeliveryView {
                id: OutgoingId(id),
                state,
                attempts: row.get(10)?,
                next_at: waits.then(|| row.get(11).map(moment)).transpose()?,
                detail: row.get(12)?,
            })
        });
        Ok(Message {
            id: MessageId(id),
            channel: row.get::<_, String>(1)?.into(),
            author: at.word(&row.get::<_, String>(2)?, Author::parse)?,
            name: row.get(3)?,
            external_id: row.get::<_, Option<String>>(4)?.filter(|id| !id.is_empty()),
            content: content(row, 13, at)?,
            automatic: row.get(5)?,
            sent_at: moment(row.get(6)?),
            at: moment(row.get(7)?),
            delivery: delivery.transpose()?,
            attributes: at.attributes(row.get::<_, Option<String>>(8)?.as_deref())?,
        })
    })?;
    messages.reverse();
    Ok(messages)
}

/// A conversation's history as a policy sees it, in the order of sending: what was there when a message came in, and that
/// message last, which is not cut; all without one.
pub(super) fn history(
    conn: &Connection,
    id: ConversationId,
    last: Option<MessageId>,
) -> Result<Vec<Entry>, StoreError> {
    let read = |row: &Row<'_>| {
        let number: i64 = row.get(0)?;
        let mut text: String = row.get(5)?;
        if last != Some(MessageId(number))
            && let Some((end, _)) = text.char_indices().nth(HISTORY_TEXT_LIMIT)
        {
            text.truncate(end);
        }
        Ok(Entry {
            at: moment(row.get(1)?),
            author: At("message", number).word(&row.get::<_, String>(2)?, Author::parse)?,
            text,
            channel: row.get::<_, String>(3)?.into(),
            automatic: row.get(4)?,
        })
    };
    let mut entries = Vec::new();
    if let Some(last) = last {
        let sql = "SELECT id, sent_at, author, channel, automatic, text FROM message WHERE id = ?";
        entries = many(conn, sql, [last.0], read)?;
    }
    let room = HISTORY_LIMIT - entries.len();
    entries.extend(many(
        conn,
        "SELECT id, sent_at, author, channel, automatic, text FROM message INDEXED BY message_timeline \
         WHERE conversation = ? AND id < ? ORDER BY min(sent_at, at) DESC, id DESC LIMIT ?",
        (id.0, last.map_or(i64::MAX, |last| last.0), room as i64),
        read,
    )?);
    entries.reverse();
    Ok(entries)
}

/// A message as it came in.
pub(super) fn inbound(conn: &Connection, id: MessageId) -> Result<Inbound, StoreError> {
    let at = At("message", id.0);
    let sql = concat!(
        "SELECT m.external_id, m.sent_at, m.author, m.name, m.automatic, m.inbound, m.attributes, ",
        content_columns!(),
        " FROM message AS m WHERE m.id = ?"
    );
    let found = many(conn, sql, [id.0], |row| {
        let (from, subject, thread) = match row.get::<_, Option<String>>(5)? {
            Some(text) => at.json::<InboundRow>(&text)?.parts(at)?,
            None => Default::default(),
        };
        Ok(Inbound {
            external_id: row.get::<_, Option<String>>(0)?.filter(|id| !id.is_empty()),
            sent_at: moment(row.get(1)?),
            author: at.word(&row.get::<_, String>(2)?, Author::parse)?,
            from,
            display_name: row.get(3)?,
            subject,
            content: content(row, 7, at)?,
            thread,
            automatic: row.get(4)?,
            attributes: at.attributes(row.get::<_, Option<String>>(6)?.as_deref())?,
        })
    })?;
    found.into_iter().next().ok_or_else(|| at.damaged("another row names it, and it is missing"))
}

/// What a message says.
pub(super) fn text(conn: &Connection, id: MessageId) -> Result<Content, StoreError> {
    let at = At("message", id.0);
    let sql = concat!("SELECT ", content_columns!(), " FROM message AS m WHERE m.id = ?");
    let found = many(conn, sql, [id.0], |row| content(row, 0, at))?;
    found.into_iter().next().ok_or_else(|| at.damaged("another row names it, and it is missing"))
}

/// A file of a conversation.
pub(super) fn attachment(conn: &Connection, id: ConversationId, blob: &str) -> Result<Option<Attachment>, StoreError> {
    let lists = many(
        conn,
        "SELECT id, attachments FROM message INDEXED BY message_timeline \
         WHERE conversation = ?1 AND attachments IS NOT NULL AND instr(attachments, ?2) > 0 ORDER BY id LIMIT 1",
        (id.0, blob),
        |row| At("message", row.get(0)?).attachments(row.get::<_, Option<String>>(1)?.as_deref()),
    )?;
    Ok(lists.into_iter().flatten().find(|attachment| attachment.blob == blob))
}
