//! What agents do: take a conversation, let go, hand over, note, snooze, close.
use super::codec;
use super::happenings::{self, Cause};
use super::row;
use super::tx::{Line, Tx};
use super::{agents, clocks};
use crate::{AgentAct, Next, StoreError};
use std::time::Duration;
use tributary_model::agent::Unfit;
use tributary_model::conversation::{Conversation, Refused, State};
use tributary_model::decision::Route;
use tributary_model::queue::{Holder, Lane, NEVER};
use tributary_model::{AgentName, ConversationId, Timestamp};

/// See [`crate::Store::claim_next`]. The first of each lane that the agent may have, the first of these: nothing that is
/// held or for others is looked at. What has waited long enough for a skill is the third column of [`agents::first`].
pub(super) fn claim_next(
    tx: &mut Tx<'_>,
    agent: &AgentName,
    team: Option<&str>,
    lease: Duration,
    now: Timestamp,
) -> Result<Next, StoreError> {
    agents::let_go(tx, now)?;
    let rules = &tx.rules.queue;
    let (mut heavy, profile) = (None, agents::find(tx.conn, agent)?);
    if let Some(profile) = &profile {
        let (load, _) = agents::load(tx.conn, agent, rules, now)?;
        if let Some(unready) = profile.unready(load) {
            return Ok(Next::Unready(unready));
        }
        let heavies = rules.weights.iter().filter(|(channel, _)| !profile.has_room(load, channel, rules));
        heavy = codec::words(&heavies.map(|(channel, _)| channel.to_string()).collect::<Vec<_>>());
    }
    let long_enough = Timestamp(now.0.saturating_sub(u64::try_from(rules.relax.as_millis()).unwrap_or(u64::MAX)));
    let mut lanes = agents::lanes(tx.conn, team)?;
    if team.is_some() {
        lanes.push(Lane::Kept(agent.clone()).text());
    }
    let mut next = None;
    for lane in lanes {
        let against = match (Lane::parse(&lane), &profile) {
            (Some(Lane::Kept(own)), None) => (own != *agent).then_some(Unfit::KeptFor(own)),
            (Some(lane), Some(profile)) => profile.against(&lane),
            (_, None) | (None, _) => None,
        };
        let since = match against {
            None => NEVER,
            Some(unfit) if unfit.yields() => long_enough,
            Some(_) => continue,
        };
        let first = agents::first(tx.conn, &lane, since, team, heavy.as_deref())?;
        next = next.into_iter().chain(first).min();
    }
    let Some([.., id]) = next else { return Ok(Next::Nothing) };
    let before = row::expect(tx.conn, ConversationId(id))?;
    match take(tx, before, agent, lease, now)? {
        Ok((it, holder)) => Ok(Next::Taken(Box::new(it), holder)),
        // What stands in a lane is open and held by nobody, so the rule cannot refuse it.
        Err(_) => Ok(Next::Nothing),
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
        happenings::told(tx, it.id, "agent-claimed", agent.as_str(), now)?;
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
        happenings::told(tx, id, "agent-noted", text, now)?;
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
            if let Some(to) = to_agent
                && let Some(profile) = agents::find(tx.conn, to)?
            {
                let (load, _) = agents::load(tx.conn, to, &tx.rules.queue, now)?;
                if let Some(unready) = profile.unready(load) {
                    return Ok(Err(Refused::Unfit(to.clone(), unready)));
                }
            }
            it.updated = now;
            it.holder = to_agent.clone().map(|agent| Holder { agent, until: now.after(*lease) });
            if let Some(team) = to_team {
                it.route.get_or_insert_with(Route::default).team.clone_from(team);
            }
            let to = [to_agent.as_ref().map(|a| format!("agent {a}")), to_team.as_ref().map(|t| format!("team {t}"))];
            let detail = format!("to {}", to.into_iter().flatten().collect::<Vec<_>>().join(" and "));
            tx.event(Some(id), now, Line { act: "transferred", detail: Some(&detail), ..line })?;
            if let Some(to) = to_agent {
                happenings::told(tx, id, "agent-claimed", to.as_str(), now)?;
            }
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
