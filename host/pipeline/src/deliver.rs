//! Stage 4: one outgoing message, one call of the adapter, one commit.
use crate::driver::Stop;
use crate::receive::writes;
use crate::{Pipeline, now};
use std::sync::Arc;
use tributary_model::delivery;
use tributary_model::error::chain;
use tributary_model::message::SendError;
use tributary_runtime::CallContext;
use tributary_store::{LeasedOutgoing, StateScope, StoreError};

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
        Some(entry) => {
            let context = CallContext {
                conversation: Some(message.conversation),
                attachments: message.content.attachments.clone(),
                ..CallContext::at(now())
            };
            match entry.adapter.send(context, &message).await {
                Ok(called) => {
                    let scope = StateScope { plugin: entry.adapter.info().name.clone(), channel: channel.clone() };
                    let written = writes(called.effects);
                    if !written.is_empty() {
                        pipeline.store.write_state(&scope, written, now()).await?;
                    }
                    called.result
                }
                // A broken adapter is mended by loading another one; until then the message waits.
                Err(fault) => {
                    let blame = fault.blame().as_str();
                    tracing::warn!(outgoing = %message.id, %channel, blame, "an adapter failed to send");
                    Err(SendError::Temporary { why: fault.to_string(), after: None })
                }
            }
        }
    };
    let at = now();
    let settlement = delivery::settle(outcome, attempt, at, &pipeline.config.backoff);
    let outcome = match &settlement {
        delivery::Settlement::Accepted { .. } => "accepted",
        delivery::Settlement::Again { .. } => "again",
        delivery::Settlement::Failed { .. } => "failed",
    };
    metrics::counter!("tributary_sends_total", "outcome" => outcome).increment(1);
    pipeline.store.settle(message.id, settlement, at).await
}
