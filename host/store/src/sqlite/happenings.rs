//! Happenings: inserted by the transition that causes them, claimed by a node, one of a conversation at a time.
use super::codec::time;
use super::tx::{Counter, Tx, any, many};
use crate::{ClaimedHappening, Lease, StoreError};
use rusqlite::Connection;
use tributary_model::{ConversationId, HappeningId, Timestamp, intake};

/// What happened.
pub(super) enum Cause {
    /// A message came in: its row.
    Message(i64),
    /// An agent answered: the row of the answer.
    AgentReplied(i64),
    /// Anything else: the contract's word, and its JSON.
    Other(&'static str, Option<String>),
}

/// Whether a happening of this conversation is not decided yet.
pub(super) fn any_open(conn: &Connection, id: ConversationId) -> Result<bool, StoreError> {
    any(conn, "SELECT 1 FROM happening WHERE conversation = ? AND state IN ('pending', 'claimed') LIMIT 1", [id.0])
}

/// Inserts a happening, claimed where a lease is given.
pub(super) fn add(
    tx: &mut Tx<'_>,
    conversation: ConversationId,
    cause: Cause,
    at: Timestamp,
    lease: Option<&Lease>,
) -> Result<Option<ClaimedHappening>, StoreError> {
    let (kind, message, payload) = match cause {
        Cause::Message(id) => ("message", Some(id), None),
        Cause::AgentReplied(id) => ("agent-replied", Some(id), None),
        Cause::Other(kind, payload) => (kind, None, payload),
    };
    let state = if lease.is_some() { intake::State::Claimed } else { intake::State::Pending };
    let id = tx.insert(
        "INSERT INTO happening (conversation, kind, message, payload, state, node, lease_until, at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            conversation.0,
            kind,
            message,
            payload,
            state.as_str(),
            lease.map(|lease| &lease.node[..]),
            lease.map(|lease| time(lease.until)),
            time(at),
        ),
    )?;
    tx.count(Counter::Undecided, 1);
    Ok(lease.map(|_| ClaimedHappening { id: HappeningId(id), conversation, only: None }))
}

/// Claims open happenings, oldest first. One waits behind an earlier open one of its conversation, and behind a later one
/// that is being decided: a replayed happening comes back in front of those that were claimed meanwhile.
pub(super) fn claim(tx: &Tx<'_>, lease: &Lease, most: usize) -> Result<Vec<ClaimedHappening>, StoreError> {
    let found = many(
        tx.conn,
        "SELECT id, conversation, only_plugin FROM happening AS this INDEXED BY happening_open \
         WHERE state IN ('pending', 'claimed') AND (state = 'pending' OR lease_until <= ?1) \
         AND NOT EXISTS (SELECT 1 FROM happening AS other INDEXED BY happening_turn \
         WHERE other.conversation = this.conversation AND other.id <> this.id \
         AND other.state IN ('pending', 'claimed') \
         AND (other.id < this.id OR (other.state = 'claimed' AND other.lease_until > ?1))) ORDER BY id LIMIT ?2",
        (time(lease.now), i64::try_from(most).unwrap_or(i64::MAX)),
        |row| {
            Ok(ClaimedHappening {
                id: HappeningId(row.get(0)?),
                conversation: ConversationId(row.get(1)?),
                only: row.get::<_, Option<String>>(2)?.map(Into::into),
            })
        },
    )?;
    for it in &found {
        tx.run(
            "UPDATE happening SET state = 'claimed', node = ?, lease_until = ? WHERE id = ?",
            (&lease.node[..], time(lease.until), it.id.0),
        )?;
    }
    Ok(found)
}

/// The state that a word of the table stands for.
pub(super) fn state(word: &str) -> Option<intake::State> {
    intake::State::ALL.into_iter().find(|state| state.as_str() == word)
}
