//! Plugins linked natively, behind the same two traits as components: what a call costs without a sandbox.
use crate::convert;
use async_trait::async_trait;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::sync::Arc;
use tributary_model::decision::{Decision, Fault, Happening, Snapshot, Verdict};
use tributary_model::message::{Arrival, Content, Delivery, Outgoing, Reading, Rejection, SendError};
use tributary_model::{ChannelName, PluginName};
use tributary_runtime::{Adapter, Blobs, CallContext, CallError, Called, Granted, Package, PluginInfo, Policy};
use tributary_sdk::host::feed::FeedError;
use tributary_sdk::host::secrets::SecretError;
use tributary_sdk::host::state::StateError;
use tributary_sdk::native::{Services, enter};

/// What every secret is: long enough for a key, and an EncodingAESKey.
pub const SECRET: &str = "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR";

/// The services of one native call: the files are the same folder that components use; no state is kept, and none is
/// for components here.
struct Host {
    now: u64,
    blobs: Arc<Blobs>,
}

impl Services for Host {
    fn now(&self) -> u64 {
        self.now
    }

    fn secret(&self, _: &str) -> Result<String, SecretError> {
        Ok(SECRET.into())
    }

    fn hmac_sha256(&self, name: &str, data: &[u8]) -> Result<Vec<u8>, SecretError> {
        let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes());
        let mac = mac.map_err(|_| SecretError::Missing(name.into()))?.chain_update(data);
        Ok(mac.finalize().into_bytes().to_vec())
    }

    fn state_get(&self, _: &str) -> Result<Option<Vec<u8>>, StateError> {
        Ok(None)
    }

    fn state_set(&self, _: &str, _: &[u8], _: Option<u32>) -> Result<(), StateError> {
        Ok(())
    }

    fn state_delete(&self, _: &str) -> Result<(), StateError> {
        Ok(())
    }

    fn state_keys(&self, _: &str, _: u32) -> Result<Vec<String>, StateError> {
        Ok(Vec::new())
    }

    fn feed_publish(&self, _: &str, _: &str, _: &str, _: &str) -> Result<(), FeedError> {
        Ok(())
    }

    fn blob_put(
        &self,
        name: &str,
        media_type: &str,
        data: &[u8],
    ) -> Result<tributary_sdk::types::Attachment, tributary_sdk::host::blobs::BlobError> {
        let blob = self
            .blobs
            .put(data)
            .map_err(|error| tributary_sdk::host::blobs::BlobError::Unavailable(error.to_string()))?;
        let (name, media_type) = (name.to_owned(), media_type.to_owned());
        Ok(tributary_sdk::types::Attachment { blob, name, media_type, size: data.len() as u64, content_id: None })
    }
}

/// A plugin of the SDK, linked.
pub struct Native<P> {
    plugin: P,
    info: PluginInfo,
    blobs: Arc<Blobs>,
}

impl<P> Native<P> {
    /// Binds a prepared plugin to what its package says.
    pub fn new(plugin: P, package: &Package, channel: Option<ChannelName>, blobs: Arc<Blobs>) -> anyhow::Result<Self> {
        let granted = Granted::new(package, &Default::default(), &Default::default())?;
        let info = PluginInfo {
            name: PluginName::from(package.name().as_str()),
            version: package.version().to_owned(),
            generation: tributary_model::GenerationId(0),
            channel,
            may_be_skipped: package.may_be_skipped(),
            actions: granted.actions,
            parked_answer: None,
        };
        Ok(Self { plugin, info, blobs })
    }

    fn call<T>(&self, context: &CallContext, call: impl FnOnce(&P) -> T) -> Called<T> {
        let host = Arc::new(Host { now: context.now.0, blobs: self.blobs.clone() });
        let result = enter(host, || call(&self.plugin));
        Called::of(result)
    }
}

fn map<T, U>(called: Called<T>, map: impl FnOnce(T) -> U) -> Called<U> {
    called.map(map)
}

#[async_trait]
impl<P: tributary_sdk::Channel> Adapter for Native<P> {
    fn info(&self) -> &PluginInfo {
        &self.info
    }

    async fn receive(
        &self,
        context: CallContext,
        arrival: &Arrival,
    ) -> Result<Called<Result<Reading, Rejection>>, CallError> {
        let arrival = convert::arrival(arrival);
        let called = self.call(&context, |plugin| plugin.receive(arrival));
        Ok(map(called, |result| result.map(convert::reading).map_err(convert::rejection)))
    }

    async fn send(&self, _: CallContext, _: &Outgoing) -> Result<Called<Result<Delivery, SendError>>, CallError> {
        // The comparison ends at the queue; nothing is delivered on either side.
        Err(CallError::Host("not part of the comparison".into()))
    }
}

#[async_trait]
impl<P: tributary_sdk::Policy> Policy for Native<P> {
    fn info(&self) -> &PluginInfo {
        &self.info
    }

    fn decides(&self) -> bool {
        true
    }

    fn reviews(&self) -> bool {
        false
    }

    async fn decide(
        &self,
        context: CallContext,
        snapshot: &Snapshot,
        happening: &Happening,
    ) -> Result<Called<Result<Vec<Decision>, Fault>>, CallError> {
        let (snapshot, happening) = (convert::snapshot(snapshot), convert::happening(happening));
        let called = self.call(&context, |plugin| plugin.decide(&snapshot, &happening));
        Ok(map(called, |result| {
            result.map(|decisions| decisions.into_iter().map(convert::decision).collect()).map_err(convert::fault)
        }))
    }

    async fn review(
        &self,
        _: CallContext,
        _: &Snapshot,
        _: &Content,
    ) -> Result<Called<Result<Verdict, Fault>>, CallError> {
        Err(CallError::Contract("it does not review".into()))
    }
}
