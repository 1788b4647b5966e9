//! Edges of the graph: joins, taking them out, and suggestions.
use super::super::codec::{At, InboundRow, moment, time};
use super::super::tx::{Line, Tx, any, many, one};
use super::super::{clocks, row};
use super::{detail, nodes, root};
use crate::{JoinRefused, StoreError};
use rusqlite::Connection;
use std::collections::BTreeSet;
use tributary_model::identity::{Advice, Reason, persons};
use tributary_model::message::{Handle, HandleKind};
use tributary_model::{ContactId, ConversationId, JoinId, SuggestionId, Timestamp};

/// Joins the persons of two nodes by an edge between these. `None`: they are one already.
pub(in super::super) fn join(
    tx: &mut Tx<'_>,
    (node, other_node): (ContactId, ContactId),
    by_handle: Option<(HandleKind, &str)>,
    why: &str,
    by: &str,
    now: Timestamp,
) -> Result<Option<JoinId>, StoreError> {
    let (Some(a), Some(b)) = (root(tx.conn, node)?, root(tx.conn, other_node)?) else { return Ok(None) };
    if a == b {
        return Ok(None);
    }
    let (older, newer) = (a.min(b), a.max(b));
    let id = JoinId(tx.insert(
        "INSERT INTO contact_join (one, other, kind, value, why, by, at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            node.0.min(other_node.0),
            node.0.max(other_node.0),
            by_handle.map(|(kind, _)| kind.as_str()),
            by_handle.map(|(_, value)| value),
            why,
            by,
            time(now),
        ),
    )?);
    let open = [newest_open(tx.conn, older)?, newest_open(tx.conn, newer)?];
    tx.run("UPDATE contact SET root = ? WHERE root = ?", (older.0, newer.0))?;
    tx.run("UPDATE contact SET root = ? WHERE id = ?", (older.0, newer.0))?;
    let detail = format!("join {id}: contact {newer} is contact {older}");
    for contact in [older, newer] {
        let line = Line {
            actor: by,
            act: "joined",
            why: Some(why),
            detail: Some(&detail),
            contact: Some(contact),
            ..Line::default()
        };
        tx.event(None, now, line)?;
    }
    if let [Some(one), Some(other)] = open {
        link(tx, (one, other), id, why, now)?;
    }
    Ok(Some(id))
}

/// The newest conversation of a person that is not closed.
fn newest_open(conn: &Connection, person: ContactId) -> Result<Option<ConversationId>, StoreError> {
    let mut newest = None;
    for node in nodes(conn, person)? {
        let sql = "SELECT id FROM conversation INDEXED BY conversation_contact \
                   WHERE contact = ? AND state <> 'closed' ORDER BY id DESC LIMIT 1";
        newest = newest.max(one(conn, sql, [node.0], |row| row.get(0).map(ConversationId))?);
    }
    Ok(newest)
}

fn link(
    tx: &mut Tx<'_>,
    (one, other): (ConversationId, ConversationId),
    join: JoinId,
    why: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let why = format!("one customer: {why}");
    for (from, to) in [(one, other), (other, one)] {
        let sql =
            "INSERT INTO link (conversation, other, why, contact_join) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING";
        if tx.run(sql, (from.0, to.0, &why, join.0))? > 0 {
            let detail = to.tag();
            let line = Line { actor: "host", act: "linked", why: Some(&why), detail: Some(&detail), ..Line::default() };
            tx.event(Some(from), now, line)?;
        }
    }
    Ok(())
}

/// See [`crate::Contacts::undo_join`].
pub(in super::super) fn undo(
    tx: &mut Tx<'_>,
    id: JoinId,
    by: &str,
    now: Timestamp,
) -> Result<Result<(), JoinRefused>, StoreError> {
    let found = one(tx.conn, "SELECT one, other, undone FROM contact_join WHERE id = ?", [id.0], |row| {
        Ok((ContactId(row.get(0)?), ContactId(row.get(1)?), row.get::<_, Option<i64>>(2)?))
    })?;
    let (a, b) = match found {
        None => return Ok(Err(JoinRefused::NoJoin)),
        Some((_, _, Some(_))) => return Ok(Err(JoinRefused::Undone)),
        Some((one, other, None)) => (one, other),
    };
    let person = root(tx.conn, a)?.ok_or_else(|| At("contact_join", id.0).damaged("its contact is missing"))?;
    tx.run("UPDATE contact_join SET undone = ?, undone_by = ? WHERE id = ?", (time(now), by, id.0))?;
    let all = nodes(tx.conn, person)?;
    let mut left = Vec::new();
    for node in &all {
        let sql = "SELECT one, other FROM contact_join INDEXED BY contact_join_one WHERE one = ? AND undone IS NULL";
        left.extend(many(tx.conn, sql, [node.0], |row| Ok((ContactId(row.get(0)?), ContactId(row.get(1)?))))?);
    }
    let roots = persons(&all, &left);
    for (node, root) in &roots {
        let root = (node != root).then_some(root.0);
        tx.run("UPDATE contact SET root = ?1 WHERE id = ?2 AND root IS NOT ?1", (root, node.0))?;
    }
    tx.run("DELETE FROM link WHERE contact_join = ?", [id.0])?;
    let detail = format!("join {id}: contact {a} and contact {b} are two again");
    for contact in [roots[&a], roots[&b]] {
        let line = Line { actor: by, act: "parted", detail: Some(&detail), contact: Some(contact), ..Line::default() };
        tx.event(None, now, line)?;
    }
    let side = |of: ContactId| all.iter().copied().filter(|node| roots[node] == roots[&of]).collect::<Vec<_>>();
    let (one, other) = (side(a), side(b));
    part(tx, &one, &other, by, now)?;
    part(tx, &other, &one, by, now)?;
    Ok(Ok(()))
}

/// Gives conversations of one person back to it alone: where the other one wrote in them, they are answered where their
/// own customer wrote last, and the other one's dialogues do not lead there any more.
fn part(tx: &mut Tx<'_>, own: &[ContactId], other: &[ContactId], by: &str, now: Timestamp) -> Result<(), StoreError> {
    for node in own {
        let sql = "SELECT id FROM conversation INDEXED BY conversation_contact WHERE contact = ? ORDER BY id";
        for id in many(tx.conn, sql, [node.0], |row| Ok(ConversationId(row.get(0)?)))? {
            let written = many(
                tx.conn,
                "SELECT contact, channel, author = 'customer' AND NOT automatic, min(sent_at, at), inbound FROM message \
                 INDEXED BY message_timeline WHERE conversation = ? AND contact IS NOT NULL ORDER BY min(sent_at, at), id",
                [id.0],
                |row| {
                    let key = match row.get::<_, Option<String>>(4)? {
                        Some(text) => At("conversation", id.0).json::<InboundRow>(&text)?.thread_key(),
                        None => None,
                    };
                    let last = (row.get::<_, String>(1)?, moment(row.get(3)?));
                    Ok((ContactId(row.get(0)?), last, row.get::<_, bool>(2)?, key))
                },
            )?;
            let foreign: BTreeSet<_> = written
                .iter()
                .filter(|(contact, ..)| other.contains(contact))
                .map(|(_, (channel, _), _, key)| (channel, key))
                .collect();
            if foreign.is_empty() {
                continue;
            }
            for (channel, key) in foreign {
                let sql = "DELETE FROM dialogue WHERE channel = ? AND key = ? AND conversation = ?";
                tx.run(sql, (channel, key, id.0))?;
            }
            let before = row::expect(tx.conn, id)?;
            let mut it = before.clone();
            let own_last = written.iter().rev().find(|(contact, _, person, _)| *person && own.contains(contact));
            let (channel, sent) = match own_last {
                Some((_, (channel, sent), ..)) => (channel.as_str().into(), *sent),
                None => (it.channel.clone(), Timestamp(0)),
            };
            (it.last_channel, it.last_sent, it.updated) = (channel, sent, now);
            clocks::follow(tx, &before, &mut it, now)?;
            row::save(tx, &before, &it)?;
            let why = "the join of two contacts who both wrote here was undone";
            tx.event(Some(id), now, Line { actor: by, act: "parted", why: Some(why), ..Line::default() })?;
        }
    }
    Ok(())
}

/// Whether a person took these two apart before.
pub(in super::super) fn was_undone(conn: &Connection, one: ContactId, other: ContactId) -> Result<bool, StoreError> {
    let (ones, others) = (nodes(conn, one)?, nodes(conn, other)?);
    for node in &ones {
        for other in &others {
            let sql = "SELECT 1 FROM contact_join INDEXED BY contact_join_one \
                       WHERE one = ? AND other = ? AND undone IS NOT NULL LIMIT 1";
            if any(conn, sql, (node.0.min(other.0), node.0.max(other.0)))? {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Suggests that two nodes are one person, once for each reason; nothing where they are.
pub(in super::super) fn suggest(
    tx: &mut Tx<'_>,
    (node, other): (ContactId, ContactId),
    (reason, why): (Reason, &str),
    by: &Handle,
    channel: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    if root(tx.conn, node)? == root(tx.conn, other)? {
        return Ok(());
    }
    let (one, other) = (node.min(other), node.max(other));
    let made = tx.run(
        "INSERT INTO suggestion (one, other, reason, kind, value, why, channel, at, state) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (one.0, other.0, reason.as_str(), by.kind.as_str(), &by.value, why, channel, time(now), Advice::Open.as_str()),
    )?;
    if made == 0 {
        return Ok(());
    }
    let (actor, detail) = (format!("channel:{channel}"), format!("contact {one} and contact {other} may be one"));
    for contact in [one, other] {
        let line = Line {
            actor: &actor,
            act: "suggested",
            why: Some(why),
            detail: Some(&detail),
            contact: Some(contact),
            ..Line::default()
        };
        tx.event(None, now, line)?;
    }
    Ok(())
}

/// A person says yes.
pub(in super::super) fn accept(
    tx: &mut Tx<'_>,
    id: SuggestionId,
    by: &str,
    now: Timestamp,
) -> Result<Result<JoinId, JoinRefused>, StoreError> {
    let it = match undecided(tx.conn, id)? {
        Ok(it) => it,
        Err(refused) => return Ok(Err(refused)),
    };
    let (kind, value) = &it.by_handle;
    let Some(joined) = join(tx, (it.one, it.other), Some((*kind, value)), &it.why, by, now)? else {
        return Ok(Err(JoinRefused::One));
    };
    decided(tx, id, Advice::Accepted, by, now)?;
    Ok(Ok(joined))
}

/// A person says no.
pub(in super::super) fn dismiss(
    tx: &mut Tx<'_>,
    id: SuggestionId,
    by: &str,
    now: Timestamp,
) -> Result<Result<(), JoinRefused>, StoreError> {
    let it = match undecided(tx.conn, id)? {
        Ok(it) => it,
        Err(refused) => return Ok(Err(refused)),
    };
    decided(tx, id, Advice::Dismissed, by, now)?;
    let detail = format!("contact {} and contact {} are two", it.one, it.other);
    for contact in [it.one, it.other] {
        let line =
            Line { actor: by, act: "dismissed", detail: Some(&detail), contact: Some(contact), ..Line::default() };
        tx.event(None, now, line)?;
    }
    Ok(Ok(()))
}

fn undecided(conn: &Connection, id: SuggestionId) -> Result<Result<crate::Suggestion, JoinRefused>, StoreError> {
    Ok(match detail::suggestion(conn, id)? {
        None => Err(JoinRefused::NoSuggestion),
        Some(it) if it.state != Advice::Open => Err(JoinRefused::Decided(it.state)),
        Some(it) => Ok(it),
    })
}

fn decided(tx: &Tx<'_>, id: SuggestionId, state: Advice, by: &str, now: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE suggestion SET state = ?, decided = ?, decided_by = ? WHERE id = ?";
    tx.run(sql, (state.as_str(), time(now), by, id.0)).map(drop)
}
