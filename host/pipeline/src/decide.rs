//! Stage 2: one happening, one snapshot, the chain of policies, one commit.
use crate::driver::Stop;
use crate::reply::{Reviewed, review};
use crate::{Pipeline, Plugins, now};
use std::sync::Arc;
use tributary_model::Timestamp;
use tributary_model::decision::{Action, Fault, Happening, Snapshot};
use tributary_model::error::chain;
use tributary_model::message::Content;
use tributary_runtime::Policy;
use tributary_store::{Applied, Cause, ClaimedHappening, Decided, PolicyOutcome, StoreError};

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
        if let Err(error) = decide(&pipeline, happening).await {
            // Its lease runs out, and it is claimed again.
            tracing::error!(happening = %id, error = %chain(&error), "a happening could not be decided yet");
        }
    }
}

async fn decide(pipeline: &Pipeline, claimed: ClaimedHappening) -> Result<(), StoreError> {
    let plugins = pipeline.plugins();
    let node = &pipeline.config.node;
    let at = now();
    let Some((mut snapshot, happening)) = pipeline.store.snapshot(claimed.id, node, at).await? else {
        return Ok(());
    };
    let mut outcomes = Vec::new();
    for policy in plugins.deciding() {
        if claimed.only.as_ref().is_some_and(|only| !only.contains(&policy.info().name)) {
            continue;
        }
        outcomes.push(ask(&plugins, policy, &mut snapshot, &happening, at).await);
    }
    let decided =
        Decided { happening: claimed.id, conversation: claimed.conversation, node: node.clone(), outcomes, now: now() };
    match pipeline.store.apply(decided).await? {
        Applied::Done { outgoing, more } => {
            if outgoing > 0 {
                pipeline.outgoing_waits.notify_one();
            }
            if more {
                pipeline.happenings_wait.notify_one();
            }
        }
        Applied::Gone => tracing::warn!(happening = %claimed.id, "the lease was gone, another node decides it"),
    }
    Ok(())
}

/// One policy's turn. What it decides is seen by those after it.
async fn ask(
    plugins: &Plugins,
    policy: &Arc<dyn Policy>,
    snapshot: &mut Snapshot,
    happening: &Happening,
    at: Timestamp,
) -> PolicyOutcome {
    let info = policy.info();
    let mut outcome = PolicyOutcome {
        policy: info.name.clone(),
        version: info.version.clone(),
        generation: info.generation,
        granted: info.actions.clone(),
        result: Ok(Vec::new()),
        refused: Vec::new(),
        may_be_skipped: info.may_be_skipped,
    };
    let context = Pipeline::context(at, Some(snapshot.id));
    let cause = match policy.decide(context, snapshot, happening).await {
        Ok(called) => match called.result {
            Ok(decisions) => {
                let mut kept = Vec::with_capacity(decisions.len());
                for mut decision in decisions {
                    match reviewed(plugins, snapshot, &mut decision.action, at).await {
                        None => kept.push(decision),
                        Some(why) => outcome.refused.push((decision, why)),
                    }
                }
                snapshot.decided.extend(kept.iter().cloned());
                outcome.result = Ok(kept);
                return outcome;
            }
            Err(Fault::NotConfigured(what)) => Cause { blame: "guest", what: format!("not configured: {what}") },
            Err(Fault::Internal(what)) => Cause { blame: "guest", what },
        },
        Err(fault) => Cause { blame: fault.blame().as_str(), what: fault.to_string() },
    };
    metrics::counter!("tributary_parked_total", "what" => "happening", "blame" => cause.blame).increment(1);
    tracing::warn!(policy = %info.name, conversation = %snapshot.id, blame = cause.blame, "a policy failed");
    outcome.result = Err(cause);
    outcome
}

/// A machine's words go through the same review as a person's. Returns why they may not leave.
async fn reviewed(plugins: &Plugins, snapshot: &Snapshot, action: &mut Action, at: Timestamp) -> Option<String> {
    let draft = match action {
        Action::Reply(content) => content.clone(),
        Action::AskEvidence(text, _) => Content { text: text.clone(), ..Content::default() },
        _ => return None,
    };
    match review(plugins, snapshot, draft, at).await {
        Reviewed::Pass { content, .. } => {
            match action {
                Action::AskEvidence(text, _) => *text = content.text,
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
