//! Stage 4: one outgoing message, one call of the adapter, one commit.
use crate::ask::seen;
use crate::driver::Stop;
use crate::gate::Caller;
use crate::{Pipeline, Seat, Seen, Side, now};
use std::sync::Arc;
use std::time::Duration;
use tributary_model::error::chain;
use tributary_model::message::{Delivery, Outgoing, SendError};
use tributary_model::{ChannelName, delivery};
use tributary_runtime::{Adapter, Budget, CallContext, CallError};
use tributary_store::{LeasedOutgoing, StoreError};

/// After what the newer side of a trial failed at, the base is asked so soon: it is well, there is nothing to wait for.
const SOON: Duration = Duration::from_secs(1);

/// Sends what comes in, until the stop.
pub(crate) async fn worker(pipeline: Arc<Pipeline>, mut stop: Stop) {
    loop {
        let next = async { pipeline.deliver_inbox.lock().await.recv().await };
        let message = tokio::select! {
            biased;
            next = next => next,
            () = stop.ordered() => None,
        };
        let Some(leased) = message else { return };
        let id = leased.message.id;
        if let Err(error) = deliver(&pipeline, leased).await {
            // Its lease runs out, and it is sent again under the same idempotency key.
            tracing::error!(outgoing = %id, error = %chain(&error), "the outcome of a send could not be kept yet");
        }
    }
}

async fn deliver(pipeline: &Pipeline, leased: LeasedOutgoing) -> Result<(), StoreError> {
    let LeasedOutgoing { channel, message, attempt } = leased;
    let plugins = pipeline.plugins();
    let outcome = match plugins.channel(&channel) {
        None => Err(SendError::Temporary { why: format!("there is no channel {channel} now"), after: None }),
        Some(entry) => send(pipeline, &entry.seat, &channel, &message, attempt).await?,
    };
    let at = now();
    let settlement = delivery::settle(outcome, attempt, at, &pipeline.config.backoff);
    let outcome = match &settlement {
        delivery::Settlement::Accepted { .. } => "accepted",
        delivery::Settlement::Again { .. } => "again",
        delivery::Settlement::Closed { .. } => "closed",
        delivery::Settlement::Failed { .. } => "failed",
    };
    metrics::counter!("tributary_sends_total", "outcome" => outcome).increment(1);
    let elsewhere = matches!(settlement, delivery::Settlement::Closed { .. });
    pipeline.store.settle(message.id, settlement, at).await?;
    if elsewhere {
        pipeline.outgoing_waits.notify_one();
    }
    Ok(())
}

/// One try. The newer side of a trial has the first one only: what it failed at may have left nevertheless, so that nobody
/// repeats it at once; the ordinary retry does, under the same idempotency key, and asks the base.
async fn send(
    pipeline: &Pipeline,
    seat: &Seat<dyn Adapter>,
    channel: &ChannelName,
    message: &Outgoing,
    attempt: u32,
) -> Result<Result<Delivery, SendError>, StoreError> {
    let pass = match seat.gate.admit(Caller::Unordered) {
        Ok(pass) => pass,
        Err(shut) => return Ok(Err(SendError::Temporary { why: shut.cause().what, after: shut.after })),
    };
    let key = seat.trial.as_ref().map(|trial| (trial, seat.conversation_key(message.conversation)));
    let newer = key.filter(|(_, key)| attempt <= 1 && seat.acting(*key) == Side::Newer);
    let newer = newer.and_then(|(trial, key)| Some((trial, key, trial.turn()?)));
    let side = if newer.is_some() { Side::Newer } else { Side::Base };
    let context = CallContext {
        conversation: Some(message.conversation),
        attachments: message.content.attachments.clone(),
        ..CallContext::at(now())
    };
    let adapter = seat.side(side);
    let called = adapter.send(context, message).await;
    // A send that took too long mostly waited for somebody else's server: no reason to keep aside what comes in.
    let waited = matches!(&called, Err(CallError::Budget { budget: Budget::Wall, .. }));
    let fault = called.as_ref().err().filter(|_| !waited).map(ToString::to_string);
    match newer {
        None => seat.gate.ended(pass, fault.as_deref(), !waited),
        Some((trial, key, _turn)) => {
            // A fault of the newer side says nothing about the base, and a probe has to end either way.
            seat.gate.ended(pass, None, false);
            let ended = match &called {
                Ok(called) => Ok(called.cost),
                Err(fault) => Err((fault.blame(), fault.to_string())),
            };
            trial.watch.saw(Seen { proves: false, ..seen(adapter.info().generation, key, ended) });
        }
    }
    match called {
        Ok(called) => {
            pipeline.keep(channel, adapter.info(), called.effects).await?;
            // What the newer side calls hopeless is asked of the base, before a customer goes without an answer.
            Ok(match called.result {
                Err(SendError::Permanent(why)) if side == Side::Newer => {
                    Err(SendError::Temporary { why, after: Some(SOON) })
                }
                result => result,
            })
        }
        // A broken adapter is mended by loading another one; until then the message waits.
        Err(fault) => {
            let blame = fault.blame().as_str();
            tracing::warn!(outgoing = %message.id, %channel, blame, "an adapter failed to send");
            let after = (side == Side::Newer).then_some(SOON);
            Ok(Err(SendError::Temporary { why: fault.to_string(), after }))
        }
    }
}
