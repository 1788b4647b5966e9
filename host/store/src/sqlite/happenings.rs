//! Happenings: inserted by the transition that causes them, claimed by a node, one of a conversation at a time.
use super::codec::{self, At, moment, time};
use super::tx::{Counter, Line, Tx, any, many, one};
use crate::{ClaimedHappening, Lease, StoreError};
use rusqlite::Connection;
use tributary_model::{ConversationId, HappeningId, PluginName, Timestamp, intake};

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

/// What else is open in the conversation of a happening that is being decided.
#[derive(Default)]
pub(super) struct Others {
    /// Something is.
    pub(super) any: bool,
    /// The policies that an earlier one waits for: it came back while this one was being decided.
    pub(super) overtaken: Vec<PluginName>,
}

/// See [`Others`].
pub(super) fn others(conn: &Connection, id: ConversationId, this: HappeningId) -> Result<Others, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT id, only_plugins, again FROM happening INDEXED BY happening_turn \
         WHERE conversation = ? AND state IN ('pending', 'claimed') AND id <> ? ORDER BY id",
    )?;
    let mut rows = statement.query((id.0, this.0))?;
    let mut others = Others::default();
    while let Some(row) = rows.next()? {
        others.any = true;
        let id: i64 = row.get(0)?;
        if id > this.0 {
            break;
        }
        for column in [1, 2] {
            let names = plugins(id, row.get::<_, Option<String>>(column)?.as_deref())?;
            others.overtaken = joint(others.overtaken, names.unwrap_or_default());
        }
    }
    Ok(others)
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
    Ok(lease.map(|_| ClaimedHappening { id: HappeningId(id), conversation, only: None, at }))
}

/// A bell of this name rang: the event and the happening of that, under the same word.
pub(super) fn rang(
    tx: &mut Tx<'_>,
    conversation: ConversationId,
    word: &'static str,
    name: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    tx.event(Some(conversation), at, Line { actor: "host", act: word, detail: Some(name), ..Line::default() })?;
    told(tx, conversation, word, name, at)
}

/// A happening that is a word and a text.
pub(super) fn told(
    tx: &mut Tx<'_>,
    conversation: ConversationId,
    word: &'static str,
    text: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    add(tx, conversation, Cause::Other(word, Some(codec::to_json(&text))), at, None).map(drop)
}

/// Claims open happenings, oldest first. One waits behind an earlier open one of its conversation, and behind a later one
/// that is being decided: a replayed happening comes back in front of those that were claimed meanwhile.
pub(super) fn claim(tx: &Tx<'_>, lease: &Lease, most: usize) -> Result<Vec<ClaimedHappening>, StoreError> {
    let found = many(
        tx.conn,
        "SELECT id, conversation, only_plugins, again, at FROM happening AS this INDEXED BY happening_open \
         WHERE state IN ('pending', 'claimed') AND (state = 'pending' OR lease_until <= ?1) \
         AND NOT EXISTS (SELECT 1 FROM happening AS other INDEXED BY happening_turn \
         WHERE other.conversation = this.conversation AND other.id <> this.id \
         AND other.state IN ('pending', 'claimed') \
         AND (other.id < this.id OR (other.state = 'claimed' AND other.lease_until > ?1))) ORDER BY id LIMIT ?2",
        (time(lease.now), i64::try_from(most).unwrap_or(i64::MAX)),
        |row| {
            let id: i64 = row.get(0)?;
            let only = plugins(id, row.get::<_, Option<String>>(2)?.as_deref())?;
            let again = plugins(id, row.get::<_, Option<String>>(3)?.as_deref())?;
            // A lease ended before the others that were asked for meanwhile had their turn: now is it.
            let joined = again.is_some();
            let only = match (only, again) {
                (Some(only), Some(again)) => Some(joint(only, again)),
                (only, again) => only.or(again),
            };
            let (id, conversation, at) = (HappeningId(id), ConversationId(row.get(1)?), moment(row.get(4)?));
            Ok((ClaimedHappening { id, conversation, only, at }, joined))
        },
    )?;
    let mut claimed = Vec::with_capacity(found.len());
    for (it, joined) in found {
        tx.run(
            "UPDATE happening SET state = 'claimed', node = ?, lease_until = ? WHERE id = ?",
            (&lease.node[..], time(lease.until), it.id.0),
        )?;
        if let Some(only) = it.only.as_ref().filter(|_| joined) {
            let sql = "UPDATE happening SET only_plugins = ?, again = NULL WHERE id = ?";
            tx.run(sql, (names(only), it.id.0))?;
        }
        claimed.push(it);
    }
    Ok(claimed)
}

/// Opens a parked happening again for a policy, in its place. Where it is open again already for other policies, this one
/// joins them; where those are being asked, it is opened once more when they have answered. A copy behind the others would
/// let this policy see later happenings of the conversation first. `false`: it does not wait for anything.
pub(super) fn again(tx: &mut Tx<'_>, id: HappeningId, plugin: &str) -> Result<bool, StoreError> {
    let at = At("happening", id.0);
    let found = one(tx.conn, "SELECT state, only_plugins, again FROM happening WHERE id = ?", [id.0], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, Option<String>>(1)?, row.get::<_, Option<String>>(2)?))
    })?;
    let Some((word, only, again)) = found else { return Ok(false) };
    let this = vec![PluginName::from(plugin)];
    let with = |text: Option<String>| -> Result<Option<String>, StoreError> {
        let others = plugins(id.0, text.as_deref())?.unwrap_or_default();
        Ok(names(&joint(others, this.clone())))
    };
    let before = at.word(&word, state)?;
    match (intake::next(before, intake::Event::Replay), before) {
        (Ok(next), _) => {
            let sql = "UPDATE happening SET state = ?, node = NULL, lease_until = NULL, only_plugins = ?, again = NULL \
                       WHERE id = ?";
            tx.run(sql, (next.as_str(), names(&this), id.0))?;
            tx.count(Counter::Undecided, 1);
        }
        // One that waits for the whole chain asks this policy as well.
        (_, intake::State::Pending) if only.is_none() => {}
        (_, intake::State::Pending) => {
            tx.run("UPDATE happening SET only_plugins = ? WHERE id = ?", (with(only)?, id.0))?;
        }
        (_, intake::State::Claimed) => {
            tx.run("UPDATE happening SET again = ? WHERE id = ?", (with(again)?, id.0))?;
        }
        (_, intake::State::Parked | intake::State::Decided) => return Ok(false),
    }
    Ok(true)
}

/// Takes back what is open for a policy behind a happening of a conversation that the policy is not asked about now: it
/// would see the later ones first. Which those are; they are parked like the one before them.
pub(super) fn recall(
    tx: &mut Tx<'_>,
    conversation: ConversationId,
    behind: i64,
    plugin: &str,
) -> Result<Vec<i64>, StoreError> {
    let open = many(
        tx.conn,
        "SELECT id, only_plugins, again FROM happening INDEXED BY happening_turn WHERE conversation = ? AND id > ? \
         AND state IN ('pending', 'claimed') AND state = 'pending' AND only_plugins IS NOT NULL",
        (conversation.0, behind),
        |row| {
            let id: i64 = row.get(0)?;
            let only = plugins(id, row.get::<_, Option<String>>(1)?.as_deref())?.unwrap_or_default();
            let again = plugins(id, row.get::<_, Option<String>>(2)?.as_deref())?.unwrap_or_default();
            Ok((id, joint(only, again)))
        },
    )?;
    let mut recalled = Vec::new();
    for (id, mut only) in open {
        let asked = only.len();
        only.retain(|it| it.as_str() != plugin);
        if only.len() == asked {
            continue;
        }
        recalled.push(id);
        if !only.is_empty() {
            tx.run("UPDATE happening SET only_plugins = ?, again = NULL WHERE id = ?", (names(&only), id))?;
            continue;
        }
        let next = intake::next(intake::State::Pending, intake::Event::Claim)
            .and_then(|claimed| intake::next(claimed, intake::Event::Park))
            .map_err(|illegal| At("happening", id).damaged(illegal.to_string()))?;
        let sql = "UPDATE happening SET state = ?, only_plugins = NULL, again = NULL WHERE id = ?";
        tx.run(sql, (next.as_str(), id))?;
        tx.count(Counter::Undecided, -1);
    }
    Ok(recalled)
}

/// The policies of a column.
pub(super) fn plugins(id: i64, text: Option<&str>) -> Result<Option<Vec<PluginName>>, StoreError> {
    let list = text.map(|text| At("happening", id).json::<Vec<String>>(text)).transpose()?;
    Ok(list.map(|list| list.into_iter().map(PluginName::from).collect()))
}

/// Policies as a column.
pub(super) fn names(plugins: &[PluginName]) -> Option<String> {
    codec::words(&plugins.iter().map(ToString::to_string).collect::<Vec<_>>())
}

/// Both, each once.
pub(super) fn joint(mut some: Vec<PluginName>, more: Vec<PluginName>) -> Vec<PluginName> {
    for it in more {
        if !some.contains(&it) {
            some.push(it);
        }
    }
    some
}

/// The state that a word of the table stands for.
pub(super) fn state(word: &str) -> Option<intake::State> {
    intake::State::ALL.into_iter().find(|state| state.as_str() == word)
}
