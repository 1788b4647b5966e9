//! Commit 2: what the policy chain decided, applied through the model's rules.
use super::codec::{At, time};
use super::happenings::{self};
use super::operations::{self, By};
use super::parked::{self, Ref};
use super::tx::{Counter, Line, Tx, any, one};
use super::{agents, calendars, clocks, deliver, feedback, knowledge, plugins, row};
use crate::{Applied, Decided, PolicyOutcome, StateScope, StoreError};
use tributary_model::conversation::{Conversation, Effect};
use tributary_model::decision::{Clock, Decision};
use tributary_model::message::Author;
use tributary_model::{PluginName, Timestamp, intake};

/// How many decisions one policy may take about one happening: a number from a guest is never trusted.
const MOST_DECISIONS: usize = 256;

/// See [`crate::Store::apply`].
pub(super) fn apply(tx: &mut Tx<'_>, it: &Decided) -> Result<Applied, StoreError> {
    let id = it.happening;
    let held = one(
        tx.conn,
        "SELECT only_plugins IS NOT NULL, again FROM happening \
         WHERE id = ? AND state = 'claimed' AND node = ? AND conversation = ?",
        (id.0, &it.node[..], it.conversation.0),
        |row| Ok((row.get::<_, bool>(0)?, row.get::<_, Option<String>>(1)?)),
    )?;
    let Some((replayed, again)) = held else { return Ok(Applied::Gone) };
    let mut again = happenings::plugins(id.0, again.as_deref())?.unwrap_or_default();
    let others = happenings::others(tx.conn, it.conversation, id)?;
    let before = row::expect(tx.conn, it.conversation)?;
    let mut run = Run { tx, conversation: before.clone(), now: it.now, outgoing: 0 };
    let mut failed = false;
    for outcome in &it.outcomes {
        if outcome.result.is_ok() && others.overtaken.contains(&outcome.policy) {
            run.postpone(outcome)?;
            again = happenings::joint(again, vec![outcome.policy.clone()]);
        } else {
            failed |= run.outcome(id.0, outcome)?;
        }
    }
    let Run { mut conversation, outgoing, .. } = run;
    // Only a happening that failed now or before can have a policy aside.
    let aside = failed || replayed && aside(tx, id.0)?;
    conversation.undecided = aside || !again.is_empty();
    clocks::follow(tx, &before, &mut conversation, it.now)?;
    row::save(tx, &before, &conversation)?;
    let more = others.any || !again.is_empty();
    end(tx, id.0, aside, &again)?;
    Ok(Applied::Done { outgoing, more })
}

/// Whether any policy of a happening waits to be run again.
fn aside(tx: &Tx<'_>, id: i64) -> Result<bool, StoreError> {
    any(tx.conn, "SELECT 1 FROM parked WHERE what = 'happening' AND ref = ? AND replayed IS NULL LIMIT 1", [id])
}

/// Ends a happening: aside while any of its policies is, decided otherwise. Where policies are to be asked about it again,
/// it waits for them alone instead.
fn end(tx: &mut Tx<'_>, id: i64, aside: bool, again: &[PluginName]) -> Result<(), StoreError> {
    let event = match (again, aside) {
        ([], true) => intake::Event::Park,
        ([], false) => intake::Event::Decide,
        _ => intake::Event::Release,
    };
    let next = intake::next(intake::State::Claimed, event)
        .map_err(|illegal| At("happening", id).damaged(illegal.to_string()))?;
    if !again.is_empty() {
        let sql = "UPDATE happening SET state = ?, node = NULL, lease_until = NULL, only_plugins = ?, again = NULL \
                   WHERE id = ?";
        return tx.run(sql, (next.as_str(), happenings::names(again), id)).map(drop);
    }
    tx.run("UPDATE happening SET state = ?, node = NULL, lease_until = NULL WHERE id = ?", (next.as_str(), id))?;
    tx.count(Counter::Undecided, -1);
    Ok(())
}

/// One happening being applied.
struct Run<'a, 'c> {
    tx: &'a mut Tx<'c>,
    conversation: Conversation,
    now: Timestamp,
    outgoing: usize,
}

impl Run<'_, '_> {
    /// While a policy was asked about this happening, an earlier one came back to it. It is asked about this one again when
    /// it has seen that; what it said now counts for nothing.
    fn postpone(&mut self, outcome: &PolicyOutcome) -> Result<(), StoreError> {
        let actor = format!("policy:{}", outcome.policy);
        let why = Some("something earlier of this conversation came back to it meanwhile");
        self.line(Line { actor: &actor, act: "postponed", why, ..Line::default() })
    }

    /// Whether the policy failed and is to be run again.
    fn outcome(&mut self, happening: i64, outcome: &PolicyOutcome) -> Result<bool, StoreError> {
        let actor = format!("policy:{}", outcome.policy);
        for (decision, why) in outcome.refused.iter().take(MOST_DECISIONS) {
            let detail = told(decision);
            let rule = Some(decision.rule.as_str());
            self.line(Line {
                actor: &actor,
                act: "refused",
                rule,
                why: Some(why),
                detail: Some(&detail),
                ..Line::default()
            })?;
        }
        match &outcome.result {
            Ok(decisions) => {
                let scope = StateScope { plugin: outcome.policy.clone(), channel: "".into() };
                plugins::write(self.tx, &scope, &outcome.state)?;
                knowledge::asked(self.tx, self.conversation.id, &outcome.asked, self.now)?;
                for decision in decisions.iter().take(MOST_DECISIONS) {
                    self.decision(&actor, outcome, decision)?;
                }
                if decisions.len() > MOST_DECISIONS {
                    let why = format!("{} decisions, at most {MOST_DECISIONS} count", decisions.len());
                    self.line(Line { actor: &actor, act: "refused", why: Some(&why), ..Line::default() })?;
                }
                Ok(false)
            }
            Err(cause) if outcome.may_be_skipped => {
                let (why, detail) = (Some(cause.what.as_str()), Some(cause.blame));
                self.line(Line { actor: &actor, act: "skipped", rule: None, why, detail, ..Line::default() })?;
                Ok(false)
            }
            Err(cause) => {
                let channel = self.conversation.channel.clone();
                let mut what = Ref {
                    what: "happening",
                    id: happening,
                    channel: Some(channel.as_str()),
                    plugin: outcome.policy.as_str(),
                    version: &outcome.version,
                    generation: outcome.generation,
                };
                let conversation = self.conversation.id;
                parked::keep(self.tx, &what, Some(conversation), cause, self.now)?;
                if cause.blame == "breaker" {
                    for behind in happenings::recall(self.tx, conversation, happening, what.plugin)? {
                        what.id = behind;
                        parked::keep(self.tx, &what, Some(conversation), cause, self.now)?;
                    }
                }
                Ok(true)
            }
        }
    }

    fn decision(&mut self, actor: &str, outcome: &PolicyOutcome, decision: &Decision) -> Result<(), StoreError> {
        let detail = told(decision);
        let line = Line {
            actor,
            act: "decided",
            rule: Some(&decision.rule),
            why: Some(&decision.why),
            detail: Some(&detail),
            ..Line::default()
        };
        let effects = match self.conversation.decide(decision, &outcome.granted, self.now) {
            Ok(effects) => match self.unfit(&effects)? {
                Some(why) => Err(why),
                None => Ok(effects),
            },
            Err(refusal) => Err(refusal.to_string()),
        };
        match effects {
            Ok(effects) => {
                // Whether an operation is decided or refused turns out when its order is looked for.
                if !effects.iter().any(|effect| matches!(effect, Effect::Perform(_))) {
                    self.line(Line { ..line })?;
                }
                effects.into_iter().try_for_each(|effect| self.effect(&line, outcome, effect))
            }
            Err(why) => self.line(Line { act: "refused", why: Some(&why), ..line }),
        }
    }

    /// What keeps an effect from being carried out that the rules allow.
    fn unfit(&self, effects: &[Effect]) -> Result<Option<String>, StoreError> {
        for effect in effects {
            match effect {
                Effect::Send(content) if crate::is_empty(content) => {
                    return Ok(Some("there is nothing in it to send".into()));
                }
                Effect::Draft(content) if crate::is_empty(content) => return Ok(Some("there is nothing in it".into())),
                Effect::Survey(_) if self.tx.rules.address.is_none() => {
                    let why = "its form has no address: set `public-url` in [http]";
                    return Ok(Some(why.into()));
                }
                Effect::StartClock(Clock { calendar: Some(name), .. }) => {
                    let known = calendars::names(self.tx.conn)?;
                    if !known.contains(name) {
                        let known = if known.is_empty() { "none".into() } else { known.join(", ") };
                        return Ok(Some(format!("no calendar is called {name:?}; there are: {known}")));
                    }
                }
                _ => {}
            }
        }
        Ok(None)
    }

    fn effect(&mut self, line: &Line<'_>, outcome: &PolicyOutcome, effect: Effect) -> Result<(), StoreError> {
        let (tx, it, now) = (&mut *self.tx, &mut self.conversation, self.now);
        match effect {
            Effect::StartClock(clock) => clocks::start(tx, it, &clock, now),
            Effect::StopClock(name) => clocks::stop(tx, it, &name, now),
            Effect::SetTimer(name, at) => tx
                .run(
                    "INSERT INTO timer (conversation, name, at) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET at = excluded.at",
                    (it.id.0, &name, time(at)),
                )
                .map(drop),
            Effect::CancelTimer(name) => {
                tx.run("DELETE FROM timer WHERE conversation = ? AND name = ?", (it.id.0, &name)).map(drop)
            }
            Effect::Keep => agents::keep(tx, it, now),
            Effect::Draft(content) => feedback::draft(tx, it.id, &outcome.policy, &content, now),
            Effect::Survey(survey) => match feedback::ask(tx, it, &survey, now)? {
                Some(invitation) => self.effect(line, outcome, Effect::Send(invitation)),
                None => Ok(()),
            },
            // An acknowledgement is not the answer: the conversation stays where it stands in the queue.
            Effect::Send(content) => {
                deliver::compose(tx, it, Author::Bot, outcome.policy.as_str(), &content, now)?;
                self.outgoing += 1;
                Ok(())
            }
            Effect::Note(text) => {
                self.line(Line { actor: line.actor, act: "noted", detail: Some(&text), ..Line::default() })
            }
            Effect::Perform(operation) => match operations::for_policy(tx.conn, it, &operation)? {
                Ok(channel) => {
                    let id = it.id;
                    self.line(Line { ..*line })?;
                    let by = By { actor: line.actor, rule: line.rule, why: line.why };
                    let asked = operations::add(self.tx, id, &channel, &operation, by, now)?;
                    self.outgoing += usize::from(asked.approver.is_none());
                    Ok(())
                }
                Err(refused) => self.line(Line { act: "refused", why: Some(&refused.to_string()), ..*line }),
            },
        }
    }

    fn line(&mut self, line: Line<'_>) -> Result<(), StoreError> {
        self.tx.event(Some(self.conversation.id), self.now, line)
    }
}

/// A decision's word and detail.
fn told(decision: &Decision) -> String {
    let (word, detail) = (decision.action.word(), decision.action.detail());
    if detail.is_empty() { word.to_owned() } else { format!("{word} {detail}") }
}
