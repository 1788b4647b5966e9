//! Feeds: what a channel's clients see live, and where polled channels go on.
use super::codec::{moment, time};
use super::row;
use super::tx::{Tx, many, one};
use crate::{FeedId, FeedItem, FeedRow, Reach, StoreError};
use rusqlite::Connection;
use std::time::Duration;
use tributary_model::message::Typing;
use tributary_model::{ChannelName, ConversationId, Timestamp};

/// How long an item is kept.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);

/// How many items of a topic are kept.
const OF_A_TOPIC: i64 = 1_000;

/// Items of a call, in order. One that publishes nothing costs nothing.
pub(super) fn publish(
    tx: &Tx<'_>,
    channel: &ChannelName,
    items: &[FeedItem],
    now: Timestamp,
) -> Result<(), StoreError> {
    for item in items {
        let topic = (channel.as_str(), &item.topic);
        let new = tx.run(
            "INSERT INTO feed (channel, topic, key, name, data, at) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (topic.0, topic.1, &item.key, &item.name, &item.data, time(now)),
        )?;
        if new > 0 {
            tx.run(
                "DELETE FROM feed WHERE id = (SELECT id FROM feed INDEXED BY feed_topic \
                 WHERE channel = ? AND topic = ? ORDER BY id DESC LIMIT 1 OFFSET ?)",
                (topic.0, topic.1, OF_A_TOPIC),
            )?;
        }
    }
    Ok(())
}

/// See [`crate::Store::feed`].
pub(super) fn after(
    conn: &Connection,
    channel: &ChannelName,
    topic: &str,
    after: FeedId,
    most: usize,
) -> Result<Vec<FeedRow>, StoreError> {
    many(
        conn,
        "SELECT id, name, data, at FROM feed INDEXED BY feed_topic \
         WHERE channel = ? AND topic = ? AND id > ? ORDER BY id LIMIT ?",
        (channel.as_str(), topic, after.0, i64::try_from(most).unwrap_or(i64::MAX)),
        |row| Ok(FeedRow { id: FeedId(row.get(0)?), name: row.get(1)?, data: row.get(2)?, at: moment(row.get(3)?) }),
    )
}

/// Deletes what is too old; how many.
pub(super) fn sweep(tx: &Tx<'_>, now: Timestamp, most: i64) -> Result<usize, StoreError> {
    let before = time(now).saturating_sub(i64::try_from(KEPT.as_millis()).unwrap_or(i64::MAX));
    tx.run(
        "DELETE FROM feed WHERE id IN (SELECT id FROM feed INDEXED BY feed_at WHERE at <= ? LIMIT ?)",
        (before, most),
    )
}

/// Keeps where a polled channel goes on.
pub(super) fn moved(
    tx: &Tx<'_>,
    channel: &ChannelName,
    cursor: Option<&str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.run(
        "INSERT INTO poll (channel, cursor, at) VALUES (?, ?, ?) \
         ON CONFLICT DO UPDATE SET cursor = excluded.cursor, at = excluded.at",
        (channel.as_str(), cursor, time(now)),
    )
    .map(drop)
}

/// See [`crate::Store::poll_cursor`].
pub(super) fn cursor(conn: &Connection, channel: &ChannelName) -> Result<Option<String>, StoreError> {
    let found = one(conn, "SELECT cursor FROM poll WHERE channel = ?", [channel.as_str()], |row| row.get(0))?;
    Ok(found.flatten())
}

/// See [`crate::Store::writing`].
pub(super) fn writing(
    conn: &Connection,
    channel: &ChannelName,
    typing: &Typing,
) -> Result<Option<ConversationId>, StoreError> {
    if let Some(key) = typing.thread_key.as_deref() {
        let sql = "SELECT conversation FROM dialogue WHERE channel = ? AND key = ?";
        let found = one(conn, sql, (channel.as_str(), key), |row| Ok(ConversationId(row.get(0)?)))?;
        if found.is_some() {
            return Ok(found);
        }
    }
    for handle in &typing.from {
        let sql = "SELECT c.id FROM handle AS h JOIN conversation AS c INDEXED BY conversation_contact \
                   ON c.contact = h.contact WHERE h.value = ? AND h.kind = ? AND c.state <> 'closed' \
                   ORDER BY c.id DESC LIMIT 1";
        let found = one(conn, sql, (&handle.value, handle.kind.as_str()), |row| Ok(ConversationId(row.get(0)?)))?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// See [`crate::Store::reach`].
pub(super) fn reach(conn: &Connection, id: ConversationId) -> Result<Option<Reach>, StoreError> {
    let Some(it) = row::load(conn, id)? else { return Ok(None) };
    let to = row::contact(conn, it.contact)?.map(|contact| contact.handles).unwrap_or_default();
    let newest = one(
        conn,
        "SELECT external_id FROM message WHERE conversation = ? AND channel = ? AND author = 'customer' \
         AND external_id <> '' ORDER BY id DESC LIMIT 1",
        (id.0, it.last_channel.as_str()),
        |row| row.get(0),
    )?;
    Ok(Some(Reach { channel: it.last_channel, to, newest }))
}
