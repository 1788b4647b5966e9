//! What is asked of marketplaces: operations on orders, one call and one commit each, and an order as it is now.
//!
//! An operation is asked for at least once under one key, which the marketplace or its adapter makes once of. The newer
//! side of a trial has no part in it: what money is worth is not tried out.
use crate::claim::{rest, room};
use crate::driver::Stop;
use crate::gate::Caller;
use crate::receive::{News, kept};
use crate::{Channel, Pipeline, now};
use std::sync::Arc;
use tributary_model::approval::Verdict;
use tributary_model::error::chain;
use tributary_model::message::{ChannelEvent, SendError};
use tributary_model::order::Order;
use tributary_model::{ChannelName, ConversationId, operation};
use tributary_runtime::{Budget, CallContext, CallEffects, CallError, Called, PluginInfo};
use tributary_store::{
    AskedOperation, LeasedOperation, NewOperation, NotDecided, NotTaken, OperationVerdict, OrderRefused, Source,
    StateScope, StoreError,
};

/// Why a marketplace did not tell how an order is.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// The conversation does not allow it, or it cannot be told which marketplace is meant.
    #[error("{0}")]
    NotTaken(NotTaken),
    /// There is no such marketplace, or several and none is named: in one sentence.
    #[error("{0}")]
    Unclear(String),
    /// The marketplace has no such order.
    #[error("{1} has no order {0}")]
    Absent(String, ChannelName),
    /// It could not be asked: its words.
    #[error("{0}")]
    Failed(String),
    /// The store did not take it.
    #[error("the store did not take the order")]
    Store(#[from] StoreError),
}

/// Leases operations as long as there is room for them.
pub(crate) async fn lease(pipeline: Arc<Pipeline>, mut stop: Stop) {
    while !stop.is_ordered() {
        // Register for the wake-up, then look, then sleep.
        let waked = pipeline.operations_wait.notified();
        let Some(room) = room(&pipeline.to_perform, 1, &mut stop).await else { return };
        let found = match pipeline.store.lease_operations(pipeline.lease(now()), room.len()).await {
            Ok(leased) => {
                let found = leased.len();
                for (permit, operation) in room.zip(leased) {
                    permit.send(operation);
                }
                found
            }
            Err(error) => {
                tracing::error!(error = %chain(&error), "operations could not be leased");
                0
            }
        };
        if found == 0 {
            rest(waked, &mut stop).await;
        }
    }
}

/// Performs what comes in, until the stop.
pub(crate) async fn worker(pipeline: Arc<Pipeline>, mut stop: Stop) {
    loop {
        let next = async { pipeline.perform_inbox.lock().await.recv().await };
        let operation = tokio::select! {
            biased;
            next = next => next,
            () = stop.ordered() => None,
        };
        let Some(leased) = operation else { return };
        let id = leased.id;
        if let Err(error) = perform(&pipeline, leased).await {
            // Its lease runs out, and it is asked for again under the same idempotency key.
            tracing::error!(operation = %id, error = %chain(&error), "the outcome of an operation could not be kept yet");
        }
    }
}

async fn perform(pipeline: &Pipeline, leased: LeasedOperation) -> Result<(), StoreError> {
    let plugins = pipeline.plugins();
    let outcome = match plugins.channel(&leased.channel) {
        None => Err(SendError::Temporary { why: format!("there is no channel {} now", leased.channel), after: None }),
        Some(channel) if !channel.seat.base.roles().commerce => Err(SendError::Permanent(cannot(channel))),
        Some(channel) => {
            let context = CallContext { conversation: Some(leased.conversation), ..CallContext::at(now()) };
            let call = channel.seat.base.perform(context, &leased.operation, &leased.key);
            match asked(channel, call).await {
                Ok((result, effects)) => {
                    pipeline.keep(&channel.name, channel.seat.base.info(), effects).await?;
                    result
                }
                Err(why) => Err(why),
            }
        }
    };
    let at = now();
    let settlement = operation::settle(outcome, leased.attempt, at, &pipeline.config.backoff);
    let outcome = match &settlement {
        operation::Settlement::Done { .. } => "done",
        operation::Settlement::Again { .. } => "again",
        operation::Settlement::Failed { .. } => "failed",
    };
    metrics::counter!("tributary_operations_total", "outcome" => outcome).increment(1);
    pipeline.store.settle_operation(leased.id, settlement, at).await?;
    pipeline.happenings_wait.notify_one();
    Ok(())
}

fn cannot(channel: &Channel) -> String {
    format!("{} of channel {} cannot act on orders", channel.seat.base.info().name, channel.name)
}

/// One call behind the channel's gate. What is broken or shut is mended by somebody else: until then it may work later.
async fn asked<T>(
    channel: &Channel,
    call: impl Future<Output = Result<Called<Result<T, SendError>>, CallError>>,
) -> Result<(Result<T, SendError>, CallEffects), SendError> {
    let seat = &channel.seat;
    let pass = seat
        .gate
        .admit(Caller::Unordered)
        .map_err(|shut| SendError::Temporary { why: shut.cause().what, after: shut.after })?;
    let called = call.await;
    // A call that took too long mostly waited for somebody else's server: no reason to keep aside what comes in.
    let waited = matches!(&called, Err(CallError::Budget { budget: Budget::Wall, .. }));
    let fault = called.as_ref().err().filter(|_| !waited).map(ToString::to_string);
    seat.gate.ended(pass, fault.as_deref(), !waited);
    match called {
        Ok(called) => Ok((called.result, called.effects)),
        Err(fault) => {
            tracing::warn!(channel = %channel.name, blame = fault.blame().as_str(), "an adapter failed at an order");
            Err(SendError::Temporary { why: fault.to_string(), after: None })
        }
    }
}

impl Pipeline {
    /// Takes an agent's operation on an order: it is on disk when this returns, and asked of its marketplace after that, and
    /// after somebody's approval where it needs one.
    pub async fn perform(&self, new: NewOperation) -> Result<Result<AskedOperation, NotTaken>, StoreError> {
        let taken = self.store.ask_operation(new).await?;
        if taken.as_ref().is_ok_and(|asked| asked.approver.is_none()) {
            self.operations_wait.notify_one();
        }
        Ok(taken)
    }

    /// What somebody says about an operation that waits for approval. An approved one is asked of its marketplace from now
    /// on, a declined one is told to the policies.
    pub async fn decide_operation(&self, verdict: OperationVerdict) -> Result<Result<(), NotDecided>, StoreError> {
        let waits = match verdict.verdict {
            Verdict::Approved => &self.operations_wait,
            Verdict::Declined => &self.happenings_wait,
        };
        let decided = self.store.decide_operation(verdict).await?;
        if decided.is_ok() {
            waits.notify_one();
        }
        Ok(decided)
    }

    /// Asks a marketplace for an order as it is now, and keeps it as one of this conversation. The channel is the one that
    /// is named, else the one that the order is of; for an order that nobody told of, the only one that knows orders.
    pub async fn refresh_order(
        &self,
        conversation: ConversationId,
        order: &str,
        named: Option<ChannelName>,
    ) -> Result<(ChannelName, Order), RefreshError> {
        let plugins = self.plugins();
        let placed = match (self.store.order_channel(conversation, order).await?, named) {
            (Err(NotTaken::Refused(refused)), _) => return Err(RefreshError::NotTaken(NotTaken::Refused(refused))),
            (_, Some(named)) => Some(named),
            (Ok(channel), None) => Some(channel),
            (Err(NotTaken::Order(OrderRefused::Unknown(_))), None) => None,
            (Err(other), None) => return Err(RefreshError::NotTaken(other)),
        };
        let channel = match placed {
            Some(name) => {
                let found = plugins.channel(&name);
                found.ok_or_else(|| RefreshError::Unclear(format!("there is no channel {name}")))?
            }
            None => {
                let mut able: Vec<_> = plugins.channels().filter(|it| it.seat.base.roles().commerce).collect();
                able.sort_by(|one, other| one.name.cmp(&other.name));
                match &able[..] {
                    [channel] => *channel,
                    [] => return Err(RefreshError::Unclear("no channel of this desk knows orders".into())),
                    several => {
                        let names: Vec<_> = several.iter().map(|it| it.name.as_str()).collect();
                        let why = format!("no channel has told of order {order}: name one of {}", names.join(", "));
                        return Err(RefreshError::Unclear(why));
                    }
                }
            }
        };
        if !channel.seat.base.roles().commerce {
            return Err(RefreshError::Unclear(cannot(channel)));
        }
        let at = now();
        let context = CallContext { conversation: Some(conversation), ..CallContext::at(at) };
        let told = asked(channel, channel.seat.base.look_up(context, order)).await;
        let (result, effects) = told.map_err(|error| failed(&error))?;
        match result {
            Ok(Some(found)) => {
                let news = News {
                    channel: &channel.name,
                    plugin: &channel.seat.base.info().name,
                    source: Source::LookUp(conversation),
                    events: vec![ChannelEvent::Order(Box::new(found.clone()))],
                    effects,
                    at,
                    clock: at,
                    replays: None,
                    verifies: channel.verifies.clone(),
                };
                self.take_in(news).await?;
                Ok((channel.name.clone(), found))
            }
            Ok(None) => {
                self.keep(&channel.name, channel.seat.base.info(), effects).await?;
                Err(RefreshError::Absent(order.to_owned(), channel.name.clone()))
            }
            Err(error) => {
                self.keep(&channel.name, channel.seat.base.info(), effects).await?;
                Err(failed(&error))
            }
        }
    }

    /// Keeps what a call of a channel's plugin left besides its answer.
    pub(crate) async fn keep(
        &self,
        channel: &ChannelName,
        plugin: &PluginInfo,
        effects: CallEffects,
    ) -> Result<(), StoreError> {
        let (state, feed) = kept(effects);
        if state.is_empty() && feed.is_empty() {
            return Ok(());
        }
        let scope = StateScope { plugin: plugin.name.clone(), channel: channel.clone() };
        let topics: Vec<String> = feed.iter().map(|item| item.topic.clone()).collect();
        self.store.keep(&scope, state.into(), feed, now()).await?;
        self.published(channel, &topics);
        Ok(())
    }
}

fn failed(error: &SendError) -> RefreshError {
    RefreshError::Failed(match error {
        SendError::Unauthorised(why) => format!("not authorised: {why}"),
        SendError::WindowClosed(why) | SendError::Permanent(why) | SendError::Temporary { why, .. } => why.clone(),
    })
}
