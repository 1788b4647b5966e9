//! Plugins linked natively, behind the same two traits as components: what a call costs without a sandbox.
use crate::convert;
use async_trait::async_trait;
use hmac::{Hmac, Mac};
use parking_lot::Mutex;
use sha2::Sha256;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tributary_model::calendar::Calendar;
use tributary_model::decision::{Decision, Fault, Happening, Snapshot, Verdict};
use tributary_model::message::{Arrival, Content, Delivery, Outgoing, Reading, Rejection, SendError};
use tributary_model::queue::NEVER;
use tributary_model::{ChannelName, PluginName, Timestamp};
use tributary_runtime::{
    Adapter, Blobs, Calendars, CallContext, CallError, Called, Granted, KnownArticle, Package, PluginInfo, Policy,
};
use tributary_sdk::host::calendar::{self, CalendarError};
use tributary_sdk::host::feed::FeedError;
use tributary_sdk::host::knowledge::Article;
use tributary_sdk::host::secrets::SecretError;
use tributary_sdk::host::state::StateError;
use tributary_sdk::native::{Services, enter};

/// What every secret is: long enough for a key, and an EncodingAESKey.
pub const SECRET: &str = "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR";

/// What was found for each question.
pub type Searched = Arc<Mutex<HashMap<String, Vec<KnownArticle>>>>;

/// The services of native calls: the files are the same folder that components use; no state is kept, and none is for
/// components here. Calendars and what was found in the knowledge base are those that the components have.
pub struct Host {
    blobs: Arc<Blobs>,
    calendars: Calendars,
    searched: Searched,
}

impl Host {
    /// With files, calendars and knowledge.
    pub fn new(blobs: Arc<Blobs>, calendars: Calendars, searched: Searched) -> Self {
        Self { blobs, calendars, searched }
    }

    /// With files alone.
    pub fn alone(blobs: &Arc<Blobs>) -> Arc<Self> {
        Arc::new(Self::new(Arc::clone(blobs), Calendars::default(), Searched::default()))
    }

    /// Runs a call.
    pub fn at<T>(self: &Arc<Self>, now: Timestamp, call: impl FnOnce() -> T) -> T {
        enter(Arc::new(Within { now: now.0, host: Arc::clone(self) }), call)
    }

    fn moment(
        &self,
        name: &str,
        find: impl FnOnce(&Calendar) -> Option<Timestamp>,
    ) -> Result<calendar::Moment, CalendarError> {
        let (_, calendar) =
            self.calendars.iter().find(|(one, _)| one == name).ok_or_else(|| CalendarError::Unknown(name.into()))?;
        let at = find(calendar).ok_or(CalendarError::Never)?;
        Ok(calendar::Moment { at: at.0, utc_offset: calendar.utc_offset(at) })
    }
}

/// The services of one native call.
struct Within {
    now: u64,
    host: Arc<Host>,
}

impl Services for Within {
    fn calendar_opening(&self, calendar: &str, at: u64) -> Result<calendar::Moment, CalendarError> {
        self.host.moment(calendar, |calendar| calendar.next_open(Timestamp(at)))
    }

    fn calendar_after(&self, calendar: &str, at: u64, seconds: u32) -> Result<calendar::Moment, CalendarError> {
        let time = Duration::from_secs(seconds.into());
        self.host.moment(calendar, |calendar| Some(calendar.due(Timestamp(at), time)).filter(|due| *due != NEVER))
    }

    fn knowledge(&self, question: &str, _: u32) -> Vec<Article> {
        let told = |it: &KnownArticle| Article {
            id: it.key.clone(),
            title: it.title.clone(),
            text: it.text.clone(),
            score: it.score,
        };
        self.host.searched.lock().get(question).map(|found| found.iter().map(told).collect()).unwrap_or_default()
    }

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
            .host
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
    host: Arc<Host>,
}

impl<P> Native<P> {
    /// Binds a prepared plugin to what its package says.
    pub fn new(plugin: P, package: &Package, channel: Option<ChannelName>, host: Arc<Host>) -> anyhow::Result<Self> {
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
        Ok(Self { plugin, info, host })
    }

    fn call<T>(&self, context: &CallContext, call: impl FnOnce(&P) -> T) -> Called<T> {
        Called::of(self.host.at(context.now, || call(&self.plugin)))
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
