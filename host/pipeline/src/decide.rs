//! Stage 2: one happening, one snapshot, the chain of policies, one commit.
use crate::ask::{Asked, Worth, ask};
use crate::compare::{self, Job};
use crate::driver::Stop;
use crate::gate::{Caller, GateState};
use crate::gates::Aside;
use crate::receive::kept;
use crate::reply::{Reviewed, review};
use crate::{Pipeline, Plugins, Seat, now};
use std::sync::Arc;
use tributary_model::decision::{Action, Fault, Happening, Snapshot};
use tributary_model::error::chain;
use tributary_model::message::Content;
use tributary_model::{GenerationId, HappeningId, Timestamp};
use tributary_runtime::{CallEffects, Policy};
use tributary_store::{Applied, AskedQuestion, Cause, ClaimedHappening, Decided, PolicyOutcome, StoreError};

/// How many happenings one look of [`Pipeline::decide_waiting`] claims.
const WAITING: usize = 64;

/// Decides what comes in, until the stop.
pub(crate) async fn worker(pipeline: Arc<Pipeline>, mut stop: Stop) {
    loop {
        let next = async { pipeline.decide_inbox.lock().await.recv().await };
        let happening = tokio::select! {
            biased;
            next = next => next,
            () = stop.ordered() => None,
        };
        let Some(happening) = happening else { return };
        let id = happening.id;
        if let Some(idle) = &pipeline.config.idle {
            idle.wait(happening.at).await;
        }
        if let Err(error) = decide(&pipeline, happening, now).await {
            // Its lease runs out, and it is claimed again.
            tracing::error!(happening = %id, error = %chain(&error), "a happening could not be decided yet");
        }
    }
}

impl Pipeline {
    /// Decides everything that waits at a moment, and what comes of that; how many happenings there were. For a clock that
    /// is not the wall's; the stages need not run.
    ///
    /// # Errors
    /// The store failed. What was claimed is decided when its lease has run out.
    pub async fn decide_waiting(self: &Arc<Self>, at: Timestamp) -> Result<usize, StoreError> {
        let mut decided = 0;
        loop {
            let claimed = self.store.claim_happenings(self.lease(at), WAITING).await?;
            if claimed.is_empty() {
                return Ok(decided);
            }
            decided += claimed.len();
            let mut under_way = tokio::task::JoinSet::new();
            for happening in claimed {
                let pipeline = self.clone();
                under_way.spawn(async move { decide(&pipeline, happening, || at).await });
            }
            while let Some(ended) = under_way.join_next().await {
                // A panic in one would be a fault of the house; its lease runs out.
                ended.unwrap_or(Ok(()))?;
            }
        }
    }
}

async fn decide(pipeline: &Pipeline, claimed: ClaimedHappening, now: impl Fn() -> Timestamp) -> Result<(), StoreError> {
    // The set is pinned: what comes after a swap is asked of the next one.
    let plugins = pipeline.plugins();
    let node = &pipeline.config.node;
    let at = now();
    let Some((snapshot, happening)) = pipeline.store.snapshot(claimed.id, node, at).await? else {
        return Ok(());
    };
    let mut run = Run {
        pipeline,
        plugins: &plugins,
        id: claimed.id,
        snapshot,
        at,
        until_committed: Vec::new(),
        jobs: Vec::new(),
    };
    let mut outcomes = Vec::new();
    for policy in plugins.deciding() {
        let back = claimed.only.is_some();
        let asked = match &claimed.only {
            Some(only) => only.contains(&policy.base.info().name),
            None => policy.hears(&happening, &run.snapshot.decided),
        };
        if !asked {
            continue;
        }
        outcomes.extend(run.ask(policy, &happening, back).await);
    }
    let decided =
        Decided { happening: claimed.id, conversation: claimed.conversation, node: node.clone(), outcomes, now: now() };
    let applied = pipeline.store.apply(decided).await?;
    drop(run.until_committed);
    for name in claimed.only.iter().flatten() {
        // At the gate that gave it back, which may be the next one's by now.
        if let Some(seat) = plugins.policy(name) {
            seat.gate.asked_again(claimed.conversation);
            let current = pipeline.gate(&seat.gate);
            if !Arc::ptr_eq(&current, &seat.gate) {
                current.asked_again(claimed.conversation);
            }
        }
    }
    match applied {
        Applied::Done { outgoing, more } => {
            run.jobs.into_iter().for_each(|job| pipeline.compare(job));
            if outgoing > 0 {
                pipeline.outgoing_waits.notify_one();
                pipeline.operations_wait.notify_one();
            }
            if more {
                pipeline.happenings_wait.notify_one();
            }
        }
        Applied::Gone => tracing::warn!(happening = %claimed.id, "the lease was gone, another node decides it"),
    }
    Ok(())
}

/// What a policy's answer is worth.
pub(crate) fn worth<T>(said: &Result<T, Fault>) -> Worth {
    match said {
        Ok(_) => Worth::Good,
        Err(Fault::NotConfigured(what)) => Worth::Fault(format!("not configured: {what}")),
        Err(Fault::Internal(what)) => Worth::Fault(what.clone()),
    }
}

/// What a call asked the knowledge base, as the store keeps it.
fn asked(effects: &CallEffects) -> Vec<AskedQuestion> {
    let score = |(article, score): &(_, f32)| (*article, f64::from(*score));
    effects
        .asked
        .iter()
        .map(|(text, best)| AskedQuestion { text: text.clone(), best: best.as_ref().map(score) })
        .collect()
}

/// One happening on its way through the chain.
struct Run<'a> {
    pipeline: &'a Pipeline,
    plugins: &'a Plugins,
    id: HappeningId,
    snapshot: Snapshot,
    at: Timestamp,
    /// Held until what is kept aside is committed.
    until_committed: Vec<Aside>,
    /// Comparisons for after the commit.
    jobs: Vec<Job>,
}

impl Run<'_> {
    /// One policy's turn. What it decides is seen by those after it. `None`: it is out of use.
    async fn ask(&mut self, seat: &Seat<dyn Policy>, happening: &Happening, back: bool) -> Option<PolicyOutcome> {
        let conversation = self.snapshot.id;
        let (_, version, generation) = seat.parked_as();
        let info = seat.base.info();
        let mut outcome = PolicyOutcome {
            policy: info.name.clone(),
            version,
            generation,
            granted: info.actions.clone(),
            result: Ok(Vec::new()),
            refused: Vec::new(),
            state: Vec::new(),
            asked: Vec::new(),
            may_be_skipped: info.may_be_skipped,
        };
        let pass = match seat.gate.admit(if back { Caller::Back } else { Caller::Live(Some(conversation)) }) {
            Ok(pass) => pass,
            Err(shut) if shut.state == GateState::Disabled => return None,
            Err(shut) if info.may_be_skipped => {
                outcome.result = Err(shut.cause());
                return Some(outcome);
            }
            Err(_) => match self.pipeline.keep_aside(&seat.gate, Some(conversation)).await {
                Ok(pass) => pass,
                Err((shut, guard)) => {
                    self.until_committed.push(guard);
                    let cause = shut.cause();
                    let what = "happening";
                    metrics::counter!("tributary_parked_total", "what" => what, "blame" => cause.blame).increment(1);
                    (outcome.version, outcome.generation) = (String::new(), GenerationId(0));
                    outcome.result = Err(cause);
                    return Some(outcome);
                }
            },
        };
        let context = Pipeline::context(self.at, Some(conversation));
        let snapshot = &self.snapshot;
        let key = |seat: &Seat<dyn Policy>| seat.conversation_key(conversation);
        let Asked { side, said, other } =
            ask(seat, pass, key, context, |policy, context| policy.decide(context, snapshot, happening), worth).await;
        let (effects, said) = match said {
            Ok(called) => (called.effects, Ok(called.result)),
            Err(cause) => (Default::default(), Err(cause)),
        };
        let cause = match said {
            Ok(Ok(decisions)) => {
                outcome.asked = asked(&effects);
                outcome.state = kept(effects).0;
                let acted = seat.side(side).info();
                (outcome.version, outcome.generation) = (acted.version.clone(), acted.generation);
                outcome.granted = acted.actions.clone();
                if let Some(beside) = other {
                    let (snapshot, happening) = (self.snapshot.clone(), happening.clone());
                    let about = format!("happening {}", self.id);
                    let said = decisions.clone();
                    self.jobs.push(compare::decisions(seat, side, beside, snapshot, happening, about, said));
                }
                let mut kept = Vec::with_capacity(decisions.len());
                for mut decision in decisions {
                    match reviewed(self.pipeline, self.plugins, &self.snapshot, &mut decision.action, self.at).await {
                        None => kept.push(decision),
                        Some(why) => outcome.refused.push((decision, why)),
                    }
                }
                self.snapshot.decided.extend(kept.iter().cloned());
                outcome.result = Ok(kept);
                return Some(outcome);
            }
            // A fault is none of the answers that `worth` lets through.
            Ok(Err(fault)) => Cause { blame: "guest", what: format!("{fault:?}") },
            Err(cause) => cause,
        };
        metrics::counter!("tributary_parked_total", "what" => "happening", "blame" => cause.blame).increment(1);
        tracing::warn!(policy = %info.name, conversation = %conversation, blame = cause.blame, "a policy failed");
        outcome.result = Err(cause);
        Some(outcome)
    }
}

/// A machine's words go through the same review as a person's. Returns why they may not leave.
async fn reviewed(
    pipeline: &Pipeline,
    plugins: &Plugins,
    snapshot: &Snapshot,
    action: &mut Action,
    at: Timestamp,
) -> Option<String> {
    let draft = match action {
        Action::Reply(content) | Action::Draft(content) => content.clone(),
        Action::Survey(survey) => Content { text: survey.invitation.clone(), ..Content::default() },
        Action::AskEvidence(text, _) => Content { text: text.clone(), ..Content::default() },
        _ => return None,
    };
    match review(pipeline, plugins, snapshot, draft, at).await {
        Reviewed::Pass { content, .. } => {
            match action {
                Action::AskEvidence(text, _) => *text = content.text,
                Action::Survey(survey) => survey.invitation = content.text,
                Action::Draft(draft) => *draft = content,
                other => *other = Action::Reply(content),
            }
            None
        }
        Reviewed::Block(objections) => Some(
            objections
                .iter()
                .map(|(policy, objection)| format!("{policy} ({}): {}", objection.rule, objection.why))
                .collect::<Vec<_>>()
                .join("; "),
        ),
    }
}
