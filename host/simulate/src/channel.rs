//! The channel of a simulated day: what goes out by it arrives.
use async_trait::async_trait;
use tributary_model::ChannelName;
use tributary_model::message::{Arrival, Delivery, DeliveryState, Outgoing, Reading, Rejection, SendError};
use tributary_pipeline::Channel;
use tributary_runtime::{Adapter, CallContext, CallError, Called, PluginInfo};

/// Takes everything, tells nothing: messages come from the scenario.
struct Wire(PluginInfo);

/// A channel of this name.
pub(crate) fn channel(name: &ChannelName) -> Channel {
    let info = PluginInfo {
        name: "simulated".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        generation: tributary_model::GenerationId(0),
        channel: Some(name.clone()),
        may_be_skipped: false,
        actions: [].into(),
        parked_answer: None,
    };
    Channel::standing(name.clone(), std::sync::Arc::new(Wire(info)), Vec::new())
}

#[async_trait]
impl Adapter for Wire {
    fn info(&self) -> &PluginInfo {
        &self.0
    }

    async fn receive(&self, _: CallContext, _: &Arrival) -> Result<Called<Result<Reading, Rejection>>, CallError> {
        Ok(Called::of(Err(Rejection::Ignored("a simulated channel tells nothing".into()))))
    }

    async fn send(&self, _: CallContext, message: &Outgoing) -> Result<Called<Result<Delivery, SendError>>, CallError> {
        Ok(Called::of(Ok(Delivery {
            outgoing_id: Some(message.id.to_string()),
            external_id: None,
            state: DeliveryState::Accepted,
            detail: None,
        })))
    }
}
