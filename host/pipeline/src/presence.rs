//! What the shop shows a customer of itself while it works, and what a channel makes to be tried with.
use crate::gate::Caller;
use crate::{Pipeline, now};
use tributary_model::error::chain;
use tributary_model::message::{Sample, SendError, Sign};
use tributary_model::{ChannelName, ConversationId};
use tributary_runtime::CallContext;
use tributary_runtime::contract::Refused;
use tributary_store::{Reach, StoreError};

/// Why a sign was not shown. None of these is tried again.
#[derive(Debug, thiserror::Error)]
pub enum ShowError {
    /// There is no such conversation.
    #[error("there is no such conversation")]
    Unknown,
    /// Its channel shows nothing of the kind, or is not asked now.
    #[error("{0}")]
    Absent(String),
    /// The channel refused or failed.
    #[error("{0}")]
    Failed(String),
    /// The store did not answer.
    #[error("the store did not answer")]
    Store(#[from] StoreError),
}

/// What a channel made to be tried with, or why there is nothing.
pub type Sampled = Result<Vec<Sample>, Refused>;

impl Pipeline {
    /// Shows the customer of a conversation that an agent is writing, or has read what the customer wrote last: over the
    /// channel that the customer used last, where that can show it.
    pub async fn show(&self, id: ConversationId, typing: bool) -> Result<(), ShowError> {
        let Reach { channel, to, newest } = self.store.reach(id).await?.ok_or(ShowError::Unknown)?;
        let sign = match (typing, newest) {
            (true, _) => Sign::Typing,
            (false, Some(newest)) => Sign::Read(newest),
            (false, None) => return Err(ShowError::Absent("there is no message to have read".into())),
        };
        let plugins = self.plugins();
        let absent = || ShowError::Absent(format!("{channel} shows nothing of the kind"));
        let entry = plugins.channel(&channel).ok_or_else(absent)?;
        let seat = &entry.seat;
        if !seat.base.roles().presence {
            return Err(absent());
        }
        let pass = seat.gate.admit(Caller::Unordered).map_err(|shut| ShowError::Absent(shut.cause().what))?;
        let context = CallContext { conversation: Some(id), ..CallContext::at(now()) };
        let called = seat.base.show(context, &to, &sign).await;
        // It says nothing about what matters: it neither opens the breaker nor closes it.
        seat.gate.ended(pass, None, false);
        let called = called.map_err(|error| ShowError::Failed(error.to_string()))?;
        self.keep(&channel, seat.base.info(), called.effects).await?;
        called.result.map_err(|error| {
            ShowError::Failed(match error {
                SendError::Temporary { why, .. }
                | SendError::Permanent(why)
                | SendError::Unauthorised(why)
                | SendError::WindowClosed(why) => why,
            })
        })
    }

    /// What the platform of a channel would send for one message with this text. `None`: there is no such channel.
    pub async fn samples(&self, channel: &ChannelName, text: &str) -> Option<Sampled> {
        let plugins = self.plugins();
        let entry = plugins.channel(channel)?;
        let adapter = &entry.seat.base;
        if !adapter.roles().sampler {
            return Some(Err(Refused(format!("{} makes no samples", adapter.info().name))));
        }
        Some(match adapter.samples(CallContext::at(now()), text).await {
            Ok(called) => called.result,
            Err(error) => Err(Refused(chain(&error))),
        })
    }
}
