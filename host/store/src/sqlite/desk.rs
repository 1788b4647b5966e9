//! What agents do: take a conversation, let go, hand over, note, snooze, close.
use super::clocks;
use super::codec::time;
use super::happenings::{self, Cause};
use super::row::{self, columns};
use super::tx::{Line, Tx, many};
use crate::{AgentAct, StoreError};
use std::time::Duration;
use tributary_model::conversation::{Conversation, Refused, State};
use tributary_model::decision::Route;
use tributary_model::queue::Holder;
use tributary_model::{AgentName, ConversationId, Timestamp};

/// The first of the queue that nobody holds. Those that are held are passed over inside the index: there are never more
/// of them than agents have leases.
pub(super) fn claim_next(
    tx: &mut Tx<'_>,
    agent: &AgentName,
    team: Option<&str>,
    lease: Duration,
    now: Timestamp,
) -> Result<Option<(Conversation, Holder)>, StoreError> {
    macro_rules! first {
        ($index:literal, $team:literal) => {
            concat!(
                "SELECT ",
                columns!(),
                " FROM conversation INDEXED BY ",
                $index,
                " WHERE state = 'open' AND (holder IS NULL OR lease_until <= ?1) ",
                $team,
                " ORDER BY rank, due, since, id LIMIT 1"
            )
        };
    }
    let now_column = time(now);
    let found = match team {
        None => many(tx.conn, first!("conversation_queue", ""), [now_column], row::read),
        Some(team) => many(tx.conn, first!("conversation_team", "AND team = ?2"), (now_column, team), row::read),
    }?;
    let Some(before) = found.into_iter().next() else { return Ok(None) };
    match take(tx, before, agent, lease, now)? {
        Ok((it, holder)) => Ok(Some((it, holder))),
        // The query asked for one that nobody holds and that is open, so the rule cannot refuse it.
        Err(_) => Ok(None),
    }
}

/// This one, or a longer lease on it.
pub(super) fn claim(
    tx: &mut Tx<'_>,
    id: ConversationId,
    agent: &AgentName,
    lease: Duration,
    now: Timestamp,
) -> Result<Result<Holder, Refused>, StoreError> {
    let Some(before) = row::load(tx.conn, id)? else { return Ok(Err(Refused::Unknown)) };
    Ok(take(tx, before, agent, lease, now)?.map(|(_, holder)| holder))
}

fn take(
    tx: &mut Tx<'_>,
    before: Conversation,
    agent: &AgentName,
    lease: Duration,
    now: Timestamp,
) -> Result<Result<(Conversation, Holder), Refused>, StoreError> {
    let mut it = before.clone();
    let holder = match it.claim(agent, lease, now) {
        Ok(holder) => holder,
        Err(refused) => return Ok(Err(refused)),
    };
    row::save(tx, &before, &it)?;
    // A heartbeat is no news.
    if before.held_by(now).is_none() {
        let actor = format!("agent:{agent}");
        tx.event(Some(it.id), now, Line { actor: &actor, act: "claimed", ..Line::default() })?;
    }
    Ok(Ok((it, holder)))
}

/// See [`crate::Store::act`].
pub(super) fn act(
    tx: &mut Tx<'_>,
    id: ConversationId,
    agent: &AgentName,
    act: &AgentAct,
    now: Timestamp,
) -> Result<Result<(), Refused>, StoreError> {
    let Some(before) = row::load(tx.conn, id)? else { return Ok(Err(Refused::Unknown)) };
    let mut it = before.clone();
    let actor = format!("agent:{agent}");
    let line = Line { actor: &actor, ..Line::default() };
    if let AgentAct::Note(text) = act {
        tx.event(Some(id), now, Line { act: "noted", detail: Some(text), ..line })?;
        return Ok(Ok(()));
    }
    if let Err(refused) = it.may_act(agent, now) {
        return Ok(Err(refused));
    }
    let closed = it.state == State::Closed;
    match act {
        AgentAct::Note(_) => {}
        AgentAct::Release => {
            if it.held_by(now).is_none() {
                return Ok(Err(Refused::NotHeld));
            }
            it.holder = None;
            it.updated = now;
            tx.event(Some(id), now, Line { act: "released", ..line })?;
        }
        AgentAct::Transfer { .. } | AgentAct::Snooze(_) if closed => return Ok(Err(Refused::Closed)),
        AgentAct::Transfer { to_agent, to_team, lease } => {
            it.updated = now;
            it.holder = to_agent.clone().map(|agent| Holder { agent, until: now.after(*lease) });
            if let Some(team) = to_team {
                it.route.get_or_insert_with(Route::default).team.clone_from(team);
            }
            let to = [to_agent.as_ref().map(|a| format!("agent {a}")), to_team.as_ref().map(|t| format!("team {t}"))];
            let detail = format!("to {}", to.into_iter().flatten().collect::<Vec<_>>().join(" and "));
            tx.event(Some(id), now, Line { act: "transferred", detail: Some(&detail), ..line })?;
        }
        AgentAct::Snooze(until) => {
            it.snooze(*until, now);
            tx.event(Some(id), now, Line { act: "snoozed", detail: Some(&until.0.to_string()), ..line })?;
        }
        // Closing twice is a click too many, no mistake.
        AgentAct::Close(_) if closed => return Ok(Ok(())),
        AgentAct::Close(how) => {
            it.close(now);
            tx.event(Some(id), now, Line { act: "closed", why: Some(how), ..line })?;
            happenings::add(tx, id, Cause::Other("agent-closed", None), now, None)?;
        }
        AgentAct::Reopen => {
            if it.wake(now) {
                tx.event(Some(id), now, Line { act: "reopened", ..line })?;
            }
        }
    }
    clocks::follow(tx, &before, &mut it, now)?;
    row::save(tx, &before, &it)?;
    Ok(Ok(()))
}

/// What the listing needs to know of the queue's order, kept beside the claim that uses the same.
pub(super) fn cursor(it: &Conversation) -> crate::Cursor {
    let key = it.key();
    crate::Cursor(vec![key.rank.into(), time(key.due), time(key.since), key.id.0])
}
