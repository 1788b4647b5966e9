//! Outgoing messages: an agent's answer (commit 3), leases, and what came of a try (commit 4).
//!
//! An outgoing message is a row of `message` and, under the same id, one of `outgoing`. All that an adapter gets is
//! fixed when it is written, so that every try sends the same.
mod compose;
mod reroute;

pub(super) use compose::{compose, recipients};

use super::codec::{At, moment, time};
use super::happenings::{self, Cause as Happened};
use super::parked::{self, Ref};
use super::tx::{Counter, Line, Tx, many, one};
use super::{clocks, row, token};
use crate::{Cause, KeyedReply, Lease, LeasedOutgoing, NewReply, StoreError};
use rusqlite::Connection;
use tributary_model::conversation::Refused;
use tributary_model::delivery::{self, Event, Settlement, State};
use tributary_model::message::{Author, Content, Outgoing};
use tributary_model::{ConversationId, GenerationId, OutgoingId, Timestamp};

/// Where an outgoing message stands.
pub(super) struct Row {
    pub(super) id: OutgoingId,
    pub(super) conversation: ConversationId,
    pub(super) channel: String,
    pub(super) state: State,
}

/// The outgoing message of this id.
pub(super) fn row(conn: &Connection, id: OutgoingId) -> Result<Option<Row>, StoreError> {
    let found = one(conn, "SELECT conversation, channel, state FROM outgoing WHERE id = ?", [id.0], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?))
    })?;
    let Some((conversation, channel, word)) = found else { return Ok(None) };
    let state = At("outgoing", id.0).word(&word, State::parse)?;
    Ok(Some(Row { id, conversation: ConversationId(conversation), channel, state }))
}

/// Commit 3. Who holds the conversation may answer, and anybody while nobody does; a closed one as well: a last word
/// after the end is not a reason to stand in the queue again.
pub(super) fn reply(tx: &mut Tx<'_>, reply: &NewReply) -> Result<Result<OutgoingId, Refused>, StoreError> {
    let now = reply.now;
    let Some(before) = row::load(tx.conn, reply.conversation)? else { return Ok(Err(Refused::Unknown)) };
    if let Err(refused) = before.may_act(&reply.agent, now) {
        return Ok(Err(refused));
    }
    let mut it = before.clone();
    let actor = format!("agent:{}", reply.agent);
    for (policy, objection) in &reply.warnings {
        let line = Line {
            actor: &format!("policy:{policy}"),
            act: "warned",
            rule: Some(&objection.rule),
            why: Some(&objection.why),
            ..Line::default()
        };
        tx.event(Some(it.id), now, line)?;
    }
    let id = compose(tx, &it, Author::Agent, reply.agent.as_str(), &reply.content, now)?;
    let detail = format!("outgoing {id}");
    tx.event(Some(it.id), now, Line { actor: &actor, act: "replied", detail: Some(&detail), ..Line::default() })?;
    it.answered(&reply.agent, reply.keep, now);
    tx.run("DELETE FROM draft WHERE conversation = ?", [it.id.0])?;
    happenings::add(tx, it.id, Happened::AgentReplied(id.0), now, None)?;
    if reply.close {
        it.close(now);
        tx.event(Some(it.id), now, Line { actor: &actor, act: "closed", ..Line::default() })?;
        happenings::add(tx, it.id, Happened::Other("agent-closed", None), now, None)?;
    }
    clocks::follow(tx, &before, &mut it, now)?;
    row::save(tx, &before, &it)?;
    if let Some(KeyedReply { key, answer }) = &reply.request {
        token::end(tx, key, Some(&answer(id, &reply.warnings)))?;
    }
    Ok(Ok(id))
}

/// Leases what is due, the longest waiting first, and counts the try.
pub(super) fn lease(tx: &Tx<'_>, lease: &Lease, most: usize) -> Result<Vec<LeasedOutgoing>, StoreError> {
    let due = many(
        tx.conn,
        "SELECT id FROM outgoing INDEXED BY outgoing_next \
         WHERE state IN ('queued', 'leased') AND next_at <= ? ORDER BY next_at, id LIMIT ?",
        (time(lease.now), i64::try_from(most).unwrap_or(i64::MAX)),
        |row| Ok(OutgoingId(row.get(0)?)),
    )?;
    let mut leased = Vec::with_capacity(due.len());
    for id in due {
        tx.run(
            "UPDATE outgoing SET state = 'leased', node = ?, next_at = ?, attempts = attempts + 1 WHERE id = ?",
            (&lease.node[..], time(lease.until), id.0),
        )?;
        leased.push(read(tx.conn, id)?);
    }
    Ok(leased)
}

fn read(conn: &Connection, id: OutgoingId) -> Result<LeasedOutgoing, StoreError> {
    let at = At("outgoing", id.0);
    let found = one(
        conn,
        "SELECT o.channel, o.attempts, o.at, o.conversation, c.reply_token, m.author, o.recipients, c.subject, m.text, \
         m.quoted, m.html, m.attachments, o.in_reply_to, o.refs, a.attributes FROM outgoing AS o \
         JOIN message AS m ON m.id = o.id JOIN conversation AS c ON c.id = o.conversation \
         LEFT JOIN message AS a ON a.id = o.answers WHERE o.id = ?",
        [id.0],
        |row| {
            let text = |column| row.get::<_, Option<String>>(column);
            Ok(move || -> Result<LeasedOutgoing, StoreError> {
                Ok(LeasedOutgoing {
                    channel: row.get::<_, String>(0)?.into(),
                    attempt: row.get(1)?,
                    message: Outgoing {
                        id,
                        at: moment(row.get(2)?),
                        conversation: ConversationId(row.get(3)?),
                        reply_token: row.get(4)?,
                        author: at.word(&row.get::<_, String>(5)?, Author::parse)?,
                        to: at.handles(text(6)?.as_deref())?,
                        subject: text(7)?,
                        content: Content {
                            text: row.get(8)?,
                            quoted: text(9)?,
                            html: text(10)?,
                            attachments: at.attachments(text(11)?.as_deref())?,
                        },
                        in_reply_to: text(12)?,
                        references: at.list(text(13)?.as_deref())?,
                        attributes: at.attributes(text(14)?.as_deref())?,
                    },
                })
            }())
        },
    )?;
    found.ok_or_else(|| at.damaged("its message or conversation is missing"))?
}

/// Commit 4. What is settled already stays as it is.
pub(super) fn settle(
    tx: &mut Tx<'_>,
    id: OutgoingId,
    settlement: &Settlement,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(row) = row(tx.conn, id)? else { return Ok(()) };
    let actor = format!("channel:{}", row.channel);
    let event = match settlement {
        Settlement::Accepted { .. } => Event::Accept,
        Settlement::Again { .. } | Settlement::Closed { .. } => Event::Requeue,
        Settlement::Failed { .. } => Event::Fail,
    };
    // An illegal event is a try that lost its lease and comes too late.
    let Ok(next) = delivery::next(row.state, event) else { return Ok(()) };
    match settlement {
        Settlement::Accepted { external_id, detail } => {
            sent(tx, &row, external_id.as_deref(), detail.as_deref())?;
            if row.state != next {
                let what = format!("outgoing {id}");
                let line =
                    Line { actor: &actor, act: "sent", why: detail.as_deref(), detail: Some(&what), ..Line::default() };
                tx.event(Some(row.conversation), now, line)?;
            }
            Ok(())
        }
        Settlement::Again { at, why } => {
            tx.run(
                "UPDATE outgoing SET state = ?, node = NULL, next_at = ?, detail = ? WHERE id = ?",
                (next.as_str(), time(*at), why, id.0),
            )?;
            let what = format!("outgoing {id}");
            let line = Line { actor: &actor, act: "retrying", why: Some(why), detail: Some(&what), ..Line::default() };
            tx.event(Some(row.conversation), now, line)
        }
        Settlement::Closed { why } => match reroute::reroute(tx, &row, next, why, now)? {
            true => Ok(()),
            false => fail(tx, &row, &actor, "failed", why, now),
        },
        Settlement::Failed { why } => fail(tx, &row, &actor, "failed", why, now),
    }
}

/// The channel took it over. Its external id is kept, so that the customer's answer to it finds the conversation.
pub(super) fn sent(
    tx: &mut Tx<'_>,
    row: &Row,
    external_id: Option<&str>,
    detail: Option<&str>,
) -> Result<(), StoreError> {
    if row.state != State::Sent {
        tx.run(
            "UPDATE outgoing SET state = 'sent', node = NULL, detail = coalesce(?, detail) WHERE id = ?",
            (detail, row.id.0),
        )?;
        uncount(tx, row);
    }
    if let Some(external_id) = external_id.filter(|id| !id.is_empty()) {
        tx.run("UPDATE message SET external_id = ? WHERE id = ? AND external_id IS NULL", (external_id, row.id.0))?;
    }
    Ok(())
}

/// It will not arrive, or it came back: shown, the conversation woken, and kept aside for another try. Nothing happens
/// where that is known already.
pub(super) fn fail(
    tx: &mut Tx<'_>,
    row: &Row,
    actor: &str,
    act: &str,
    why: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    if row.state == State::Failed {
        return Ok(());
    }
    tx.run("UPDATE outgoing SET state = 'failed', node = NULL, detail = ? WHERE id = ?", (why, row.id.0))?;
    uncount(tx, row);
    let detail = format!("outgoing {}", row.id);
    tx.event(
        Some(row.conversation),
        now,
        Line { actor, act, why: Some(why), detail: Some(&detail), ..Line::default() },
    )?;
    let before = row::expect(tx.conn, row.conversation)?;
    let mut it = before.clone();
    it.wake(now);
    // What failed may have been the question.
    it.asked = false;
    clocks::follow(tx, &before, &mut it, now)?;
    row::save(tx, &before, &it)?;
    let cause = Cause { blame: "host", what: why.to_owned() };
    // The store is not told which plugin sends for a channel: the channel's name stands for it.
    let what = Ref {
        what: "outgoing",
        id: row.id.0,
        channel: Some(&row.channel),
        plugin: &row.channel,
        version: "",
        generation: GenerationId(0),
    };
    parked::keep(tx, &what, Some(row.conversation), &cause, now)?;
    Ok(())
}

fn uncount(tx: &mut Tx<'_>, row: &Row) {
    if matches!(row.state, State::Queued | State::Leased) {
        tx.count(Counter::Outgoing, -1);
    }
}

/// Puts a failed one back into the queue, its tries counted anew. `false`: it did not fail.
pub(super) fn replay(tx: &mut Tx<'_>, id: OutgoingId, now: Timestamp) -> Result<bool, StoreError> {
    let Some(row) = row(tx.conn, id)? else { return Ok(false) };
    let Ok(next) = delivery::next(row.state, Event::Replay) else { return Ok(false) };
    tx.run(
        "UPDATE outgoing SET state = ?, attempts = 0, next_at = ?, tried = NULL WHERE id = ?",
        (next.as_str(), time(now), id.0),
    )?;
    tx.count(Counter::Outgoing, 1);
    Ok(true)
}
