//! Stage 3: an answer, the reviewing policies, one commit.
use crate::ask::{Asked, ask};
use crate::gate::{Caller, GateState};
use crate::receive::kept;
use crate::{Pipeline, Plugins, Seat, compare};
use tributary_model::conversation::Refused;
use tributary_model::decision::{Objection, Snapshot, Verdict};
use tributary_model::error::chain;
use tributary_model::message::Content;
use tributary_model::{OutgoingId, PluginName, Timestamp};
use tributary_runtime::{CallEffects, PluginInfo, Policy};
use tributary_store::{NewReply, StateScope, StoreError, is_empty};

/// An answer that is on disk and on its way.
#[derive(Clone, Debug, PartialEq)]
pub struct Replied {
    /// The outgoing message.
    pub outgoing: OutgoingId,
    /// What reviewing policies said against it and let pass.
    pub warnings: Vec<(PluginName, Objection)>,
}

/// Why an answer was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ReplyError {
    /// The conversation does not allow it.
    #[error("{0}")]
    Refused(Refused),
    /// A reviewing policy blocks the text.
    #[error("the text may not leave")]
    Blocked(Vec<(PluginName, Objection)>),
    /// There is nothing to send.
    #[error("an answer needs a text or a file")]
    Empty,
    /// The store did not take it.
    #[error("the store did not take the answer")]
    Store(#[from] StoreError),
}

impl Pipeline {
    /// Reviews an agent's answer and commits it with its outgoing row. `warnings` of the request is filled in here.
    pub async fn reply(&self, mut reply: NewReply) -> Result<Replied, ReplyError> {
        if is_empty(&reply.content) {
            return Err(ReplyError::Empty);
        }
        let plugins = self.plugins();
        if plugins.reviewing().next().is_some() {
            let at = reply.now;
            let snapshot = self
                .store
                .conversation_snapshot(reply.conversation, at)
                .await?
                .ok_or(ReplyError::Refused(Refused::Unknown))?;
            match review(self, &plugins, &snapshot, reply.content, at).await {
                Reviewed::Pass { content, warnings } => {
                    reply.content = content;
                    reply.warnings = warnings;
                }
                Reviewed::Block(objections) => return Err(ReplyError::Blocked(objections)),
            }
        }
        let warnings = reply.warnings.clone();
        let outgoing = self.store.reply(reply).await?.map_err(ReplyError::Refused)?;
        self.outgoing_waits.notify_one();
        self.happenings_wait.notify_one();
        Ok(Replied { outgoing, warnings })
    }
}

/// What the reviewing policies say together.
pub(crate) enum Reviewed {
    /// It may leave, like this.
    Pass { content: Content, warnings: Vec<(PluginName, Objection)> },
    /// It may not leave.
    Block(Vec<(PluginName, Objection)>),
}

/// Keeps what a review wrote into its state. It has no commit of its own to go with: a blocked text leaves no trace. What
/// cannot be kept costs the plugin its note, and nobody the answer.
async fn keep(pipeline: &Pipeline, info: &PluginInfo, effects: CallEffects, at: Timestamp) {
    let (written, _) = kept(effects);
    if written.is_empty() {
        return;
    }
    let scope = StateScope { plugin: info.name.clone(), channel: "".into() };
    if let Err(error) = pipeline.store.keep(&scope, written.into(), Vec::new(), at).await {
        tracing::error!(policy = %info.name, error = %chain(&error), "a review's state could not be kept");
    }
}

/// What a review is worth.
pub(crate) use crate::decide::worth;

/// Asks every reviewing policy; each sees what the ones before it amended. One that fails, or that is not asked because it
/// failed too often, blocks, unless it may be skipped: a check that did not happen is no check.
pub(crate) async fn review(
    pipeline: &Pipeline,
    plugins: &Plugins,
    snapshot: &Snapshot,
    mut content: Content,
    at: Timestamp,
) -> Reviewed {
    let mut warnings = Vec::new();
    for seat in plugins.reviewing() {
        let info = seat.base.info();
        let verdict = match seat.gate.admit(Caller::Unordered) {
            Err(shut) if shut.state == GateState::Disabled => continue,
            Err(shut) => Err(format!("it was not asked: {}", shut.cause().what)),
            Ok(pass) => {
                let context = Pipeline::context(at, Some(snapshot.id));
                let key = |seat: &Seat<dyn Policy>| seat.conversation_key(snapshot.id);
                let Asked { side, said, other } =
                    ask(seat, pass, key, context, |policy, context| policy.review(context, snapshot, &content), worth)
                        .await;
                let (effects, said) = match said {
                    Ok(called) => (called.effects, Ok(called.result)),
                    Err(cause) => (Default::default(), Err(cause)),
                };
                match said {
                    Ok(Ok(verdict)) => {
                        keep(pipeline, info, effects, at).await;
                        if let Some(beside) = other {
                            let (snapshot, draft) = (snapshot.clone(), content.clone());
                            pipeline.compare(compare::verdicts(seat, side, beside, snapshot, draft, verdict.clone()));
                        }
                        Ok(verdict)
                    }
                    Ok(Err(fault)) => Err(format!("it failed: {fault:?}")),
                    Err(cause) => Err(format!("it failed: {}", cause.what)),
                }
            }
        };
        let noted = |objections: Vec<Objection>| objections.into_iter().map(|o| (info.name.clone(), o));
        match verdict {
            Ok(Verdict::Pass) => {}
            Ok(Verdict::Amend(amended)) => content = amended,
            Ok(Verdict::Warn(objections)) => warnings.extend(noted(objections)),
            Ok(Verdict::Block(objections)) => return Reviewed::Block(noted(objections).collect()),
            Err(why) => {
                tracing::warn!(policy = %info.name, conversation = %snapshot.id, "a review failed");
                let objection = Objection { rule: "review".into(), why, span: None };
                if !info.may_be_skipped {
                    return Reviewed::Block(vec![(info.name.clone(), objection)]);
                }
                warnings.push((info.name.clone(), objection));
            }
        }
    }
    Reviewed::Pass { content, warnings }
}
