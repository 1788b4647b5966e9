//! What the runtime needs from the house to serve plugins. The daemon wires the store, the relay and the operator's
//! secrets to these.
use crate::blobs::Blobs;
use crate::egress::GrantedRequest;
use crate::record::Recorder;
use async_trait::async_trait;
use std::fmt;
use std::sync::Arc;
use tributary_model::calendar::Calendar;
use tributary_model::message::Response;
use tributary_model::{ArticleId, ChannelName, PluginName, Timestamp};

/// What the capabilities stand on.
#[derive(Clone)]
pub struct Services {
    /// Durable state of plugins. Writes do not pass here: they come back with the call, see [`crate::CallEffects`].
    pub state: Arc<dyn StateSource>,
    /// The shop's knowledge base.
    pub knowledge: Arc<dyn KnowledgeSource>,
    /// The shop's calendars.
    pub calendars: Arc<dyn CalendarSource>,
    /// Who looks at feeds now. What is kept of them does not pass here: it comes back with the call.
    pub feed: Arc<dyn FeedSink>,
    /// Where finished mails go.
    pub mail: Arc<dyn MailRelay>,
    /// The operator's secrets.
    pub secrets: Arc<dyn SecretSource>,
    /// Files by content.
    pub blobs: Arc<Blobs>,
    /// The way out over HTTP.
    pub http: Arc<dyn Egress>,
    /// Who records calls; none: nobody does.
    pub recorder: Option<Arc<Recorder>>,
}

impl Services {
    /// Files, and [`Nothing`] else.
    pub fn nothing(blobs: Arc<Blobs>) -> Self {
        Self {
            state: Arc::new(Nothing),
            knowledge: Arc::new(Nothing),
            calendars: Arc::new(Nothing),
            feed: Arc::new(Nothing),
            mail: Arc::new(Nothing),
            secrets: Arc::new(Nothing),
            blobs,
            http: Arc::new(Nothing),
            recorder: None,
        }
    }
}

/// The store does not answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the store does not answer")]
pub struct StateUnavailable;

/// Reads the state that plugins keep.
#[async_trait]
pub trait StateSource: Send + Sync + 'static {
    /// The value of a key of a plugin in a channel (the empty name for a policy); none where it is absent or was to be
    /// forgotten before `now`.
    async fn get(
        &self,
        plugin: &PluginName,
        channel: &ChannelName,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<Vec<u8>>, StateUnavailable>;

    /// Keys that begin with `prefix`, in order of their bytes, `most` at most; none that was to be forgotten before `now`.
    async fn keys(
        &self,
        plugin: &PluginName,
        channel: &ChannelName,
        prefix: &str,
        most: u32,
        now: Timestamp,
    ) -> Result<Vec<String>, StateUnavailable>;
}

/// An article of the knowledge base that fits a question.
#[derive(Clone, PartialEq, Debug)]
pub struct KnownArticle {
    /// The version that holds.
    pub version: ArticleId,
    /// The article's key: what plugins and people call it.
    pub key: String,
    /// Its title.
    pub title: String,
    /// Its text.
    pub text: String,
    /// How well it fits, 0 to 1.
    pub score: f32,
}

/// Searches the knowledge base.
#[async_trait]
pub trait KnowledgeSource: Send + Sync + 'static {
    /// What fits at this moment, best first, `most` at most.
    async fn search(&self, question: &str, most: u32, now: Timestamp) -> Result<Vec<KnownArticle>, StateUnavailable>;
}

/// The shop's calendars by name.
pub type Calendars = Arc<Vec<(String, Calendar)>>;

/// Knows the calendars of working time.
pub trait CalendarSource: Send + Sync + 'static {
    /// Those that hold now, in the order of the configuration.
    fn all(&self) -> Calendars;
}

/// Shows items to those who follow a feed now.
pub trait FeedSink: Send + Sync + 'static {
    /// Must not block; where nobody looks, nothing happens.
    fn flash(&self, channel: &ChannelName, topic: &str, name: &str, data: &str);
}

/// Why a relay did not take a mail: its words, for people.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MailError {
    /// 4yz, or no connection: may work later.
    #[error("not now: {0}")]
    Temporary(String),
    /// 5yz: will never work.
    #[error("refused: {0}")]
    Permanent(String),
}

/// Takes finished mails (RFC 5321).
#[async_trait]
pub trait MailRelay: Send + Sync + 'static {
    /// Hands over one RFC 5322 message with CRLF line ends to all recipients, and returns the relay's last reply. An
    /// empty `mail_from` is the null return path.
    async fn submit(&self, mail_from: &str, rcpt_to: &[String], data: &[u8]) -> Result<String, MailError>;
}

/// The text of a secret. Its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub Arc<str>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Knows the secrets that the operator set. Asked only for names that are granted.
pub trait SecretSource: Send + Sync + 'static {
    /// The secret of that name for that plugin; none where the operator has not set it.
    fn get(&self, plugin: &PluginName, name: &str) -> Option<Secret>;
}

/// Why a request over HTTP has no answer: the contract's `http-error`.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EgressError {
    /// Not granted: the host, or the address it resolved to.
    #[error("not granted: {0}")]
    Denied(String),
    /// No connection, or a request that is malformed: in words.
    #[error("no connection: {0}")]
    Unreachable(String),
    /// No answer within the limit.
    #[error("no answer within the limit")]
    Timeout,
    /// The answer is larger than this many bytes.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(u64),
}

/// Sends requests over HTTP to hosts that were granted.
#[async_trait]
pub trait Egress: Send + Sync + 'static {
    /// Sends and waits, [`GrantedRequest::within`] at most. Redirects are not followed: the answer comes back as it is.
    async fn send(&self, request: GrantedRequest) -> Result<Response, EgressError>;
}

/// Nothing set, nothing kept, nowhere to send: for looking at plugins without a house around them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nothing;

#[async_trait]
impl StateSource for Nothing {
    async fn get(
        &self,
        _: &PluginName,
        _: &ChannelName,
        _: &str,
        _: Timestamp,
    ) -> Result<Option<Vec<u8>>, StateUnavailable> {
        Ok(None)
    }

    async fn keys(
        &self,
        _: &PluginName,
        _: &ChannelName,
        _: &str,
        _: u32,
        _: Timestamp,
    ) -> Result<Vec<String>, StateUnavailable> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl KnowledgeSource for Nothing {
    async fn search(&self, _: &str, _: u32, _: Timestamp) -> Result<Vec<KnownArticle>, StateUnavailable> {
        Ok(Vec::new())
    }
}

impl FeedSink for Nothing {
    fn flash(&self, _: &ChannelName, _: &str, _: &str, _: &str) {}
}

#[async_trait]
impl MailRelay for Nothing {
    async fn submit(&self, _: &str, _: &[String], _: &[u8]) -> Result<String, MailError> {
        Err(MailError::Temporary("no relay is configured".into()))
    }
}

impl SecretSource for Nothing {
    fn get(&self, _: &PluginName, _: &str) -> Option<Secret> {
        None
    }
}

#[async_trait]
impl Egress for Nothing {
    async fn send(&self, _: GrantedRequest) -> Result<Response, EgressError> {
        Err(EgressError::Unreachable("nothing leaves here".into()))
    }
}

impl CalendarSource for Nothing {
    fn all(&self) -> Calendars {
        Arc::default()
    }
}
