//! One call of a plugin: what goes with it, what comes back, and how it can fail.
use crate::contract::{Refused, Roles};
use crate::record::Tape;
use async_trait::async_trait;
use std::sync::Arc;
use std::time::Duration;
use tributary_model::decision::{Decision, Fault, Happening, Snapshot, Verdict};
use tributary_model::message::{
    Arrival, Attachment, Batch, Content, Delivery, Handle, Outgoing, Reading, Rejection, Response, Sample, SendError,
    Sign,
};
use tributary_model::order::{Operation, Order};
use tributary_model::{ArticleId, ChannelName, ConversationId, GenerationId, PluginName, Timestamp};

/// What goes with a call besides its arguments.
#[derive(Clone, Debug)]
pub struct CallContext {
    /// The moment that `clock.now` answers.
    pub now: Timestamp,
    /// The conversation, for log lines.
    pub conversation: Option<ConversationId>,
    /// Files that `blobs.get` may read.
    pub attachments: Vec<Attachment>,
    /// What the call can do outside the guest.
    pub outside: Outside,
    /// Keep what the host answers, for a call of another generation beside this one.
    pub tape: bool,
}

impl CallContext {
    /// A call at a moment, without a conversation, files or a tape.
    pub fn at(now: Timestamp) -> Self {
        Self { now, conversation: None, attachments: Vec::new(), outside: Outside::Real, tape: false }
    }
}

/// What a call can do outside the guest.
#[derive(Clone, Debug, Default)]
pub enum Outside {
    /// What its grants cover.
    #[default]
    Real,
    /// Nothing: nothing leaves and nothing is written. Services answer as they answered on the tape; what is not on it is
    /// answered as unavailable.
    Replayed(Arc<Tape>),
}

/// What a call that ended well leaves to be committed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CallEffects {
    /// What the call read of the plugin's state as others left it: key and value (none: absent).
    pub read: Vec<(String, Option<Vec<u8>>)>,
    /// Writes into the plugin's state, in order: key, value (none deletes), when it is forgotten.
    pub state: Vec<(String, Option<Vec<u8>>, Option<Timestamp>)>,
    /// Items for the channel's feeds, in order.
    pub feed: Vec<FeedItem>,
    /// Questions to the knowledge base, in order, each with what fitted best and how well.
    pub asked: Vec<(String, Option<(ArticleId, f32)>)>,
}

impl CallEffects {
    /// Whether there is nothing to commit.
    pub fn is_empty(&self) -> bool {
        self.state.is_empty() && self.feed.is_empty()
    }
}

/// One item that a channel's clients see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedItem {
    /// The topic, of the channel's own.
    pub topic: String,
    /// Unique in its topic: an item under a key that is there already is dropped.
    pub key: String,
    /// The event's name.
    pub name: String,
    /// Its text.
    pub data: String,
}

/// What a call cost.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CallCost {
    /// Time inside the guest: waiting for the host is not in it.
    pub guest: Duration,
    /// Time from start to end.
    pub wall: Duration,
    /// Time the guest waited for the host.
    pub host: Duration,
    /// Bytes of the instance's memories and tables at the end.
    pub memory: usize,
    /// Bytes the guest handed to the host.
    pub bytes_out: usize,
}

/// A call that ended: its result, what it leaves, what it cost.
#[derive(Clone, Debug)]
pub struct Called<T> {
    /// What the plugin said.
    pub result: T,
    /// What is to be committed with it.
    pub effects: CallEffects,
    /// What it cost.
    pub cost: CallCost,
    /// What the host answered, where the context asked for it.
    pub tape: Option<Arc<Tape>>,
}

impl<T> Called<T> {
    /// A result that leaves nothing and cost nothing: of plugins that are linked natively.
    pub fn of(result: T) -> Self {
        Self { result, effects: CallEffects::default(), cost: CallCost::default(), tape: None }
    }

    /// The same call with another result.
    pub fn map<U>(self, map: impl FnOnce(T) -> U) -> Called<U> {
        Called { result: map(self.result), effects: self.effects, cost: self.cost, tape: self.tape }
    }
}

/// The four budgets of a call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budgets {
    /// Time inside the guest; waiting for the host is not billed. Default 1 s.
    pub guest: Duration,
    /// Time from start to end. Default 30 s.
    pub wall: Duration,
    /// Bytes of all memories and tables of the instance. Default 64 MiB.
    pub memory: usize,
    /// Bytes the guest may hand to the host, results included; each call of a host function beyond the first thousand
    /// counts for 1 KiB more. Default 64 MiB.
    pub bytes_out: usize,
}

impl Default for Budgets {
    fn default() -> Self {
        Self { guest: Duration::from_secs(1), wall: Duration::from_secs(30), memory: 64 << 20, bytes_out: 64 << 20 }
    }
}

/// Which budget was used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// Time inside the guest.
    Guest,
    /// Time from start to end.
    Wall,
    /// Memory of the instance.
    Memory,
    /// Bytes handed to the host.
    BytesOut,
}

/// Why a call gave no result.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The guest trapped: the wasm trap's name, and the function where known.
    #[error("trapped: {0}")]
    Trap(String),
    /// A budget was used up.
    #[error("used up its budget of {what}")]
    Budget {
        /// Which.
        budget: Budget,
        /// Which, with its limit, in words.
        what: String,
    },
    /// The guest gave something that the contract does not allow.
    #[error("broke the contract: {0}")]
    Contract(String),
    /// The host could not run it: nothing the plugin did.
    #[error("the host could not run it: {0}")]
    Host(String),
}

/// Who is to blame for a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The plugin's own answer.
    Guest,
    /// The plugin's code.
    Trap,
    /// The plugin's appetite.
    Budget,
    /// Us.
    Host,
}

impl Blame {
    /// The word that logs, metrics and parked rows use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Guest => "guest",
            Self::Trap => "trap",
            Self::Budget => "budget",
            Self::Host => "host",
        }
    }
}

impl CallError {
    /// A call of what the plugin does not export.
    pub fn absent(interface: &'static str) -> Self {
        Self::Host(format!("the plugin does not export `{interface}`"))
    }

    /// Who is to blame.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Trap(_) => Blame::Trap,
            Self::Budget { .. } => Blame::Budget,
            Self::Contract(_) => Blame::Guest,
            Self::Host(_) => Blame::Host,
        }
    }
}

/// What the host needs to know of any plugin.
#[derive(Clone, Debug)]
pub struct PluginInfo {
    /// Its name.
    pub name: PluginName,
    /// Its version.
    pub version: String,
    /// Its generation; 0 outside a store.
    pub generation: GenerationId,
    /// The channel it is bound to; none for a policy.
    pub channel: Option<ChannelName>,
    /// A policy whose failure is passed over.
    pub may_be_skipped: bool,
    /// The action words a policy may use: asked ∩ allowed.
    pub actions: Arc<[String]>,
    /// What the platform of a channel is answered for a call that was kept aside; none: 200 and no body.
    pub parked_answer: Option<Response>,
}

/// A channel adapter.
#[async_trait]
pub trait Adapter: Send + Sync + 'static {
    /// What it is.
    fn info(&self) -> &PluginInfo;
    /// Verify, parse and normalise one arrival.
    async fn receive(
        &self,
        context: CallContext,
        arrival: &Arrival,
    ) -> Result<Called<Result<Reading, Rejection>>, CallError>;
    /// Send one message.
    async fn send(
        &self,
        context: CallContext,
        message: &Outgoing,
    ) -> Result<Called<Result<Delivery, SendError>>, CallError>;

    /// What else it can do: each of the calls below belongs to one role, and is [`CallError::Host`] without it.
    fn roles(&self) -> Roles {
        Roles { channel: true, ..Roles::default() }
    }
    /// `poller.poll`: what is new since the cursor.
    async fn poll(
        &self,
        context: CallContext,
        cursor: Option<&str>,
    ) -> Result<Called<Result<Batch, SendError>>, CallError> {
        let _ = (context, cursor);
        Err(CallError::absent("poller"))
    }
    /// `presence.show`: what the shop is doing.
    async fn show(
        &self,
        context: CallContext,
        to: &[Handle],
        sign: &Sign,
    ) -> Result<Called<Result<(), SendError>>, CallError> {
        let _ = (context, to, sign);
        Err(CallError::absent("presence"))
    }
    /// `sampler.samples`: what the platform would send for one message with this text. The inner error is for the operator.
    async fn samples(
        &self,
        context: CallContext,
        text: &str,
    ) -> Result<Called<Result<Vec<Sample>, Refused>>, CallError> {
        let _ = (context, text);
        Err(CallError::absent("sampler"))
    }
    /// `commerce.look-up`: an order as it is now.
    async fn look_up(
        &self,
        context: CallContext,
        order: &str,
    ) -> Result<Called<Result<Option<Order>, SendError>>, CallError> {
        let _ = (context, order);
        Err(CallError::absent("commerce"))
    }
    /// `commerce.perform`: an act on an order, once under its key. The answer is the marketplace's id of the act.
    async fn perform(
        &self,
        context: CallContext,
        operation: &Operation,
        key: &str,
    ) -> Result<Called<Result<String, SendError>>, CallError> {
        let _ = (context, operation, key);
        Err(CallError::absent("commerce"))
    }
}

/// A handling or reviewing policy: it decides, reviews, or both.
#[async_trait]
pub trait Policy: Send + Sync + 'static {
    /// What it is.
    fn info(&self) -> &PluginInfo;
    /// Whether it decides; without it [`Policy::decide`] is [`CallError::Host`].
    fn decides(&self) -> bool {
        false
    }
    /// Whether it is asked about a happening, behind what the policies before it decided about it.
    fn hears(&self, happening: &Happening, decided: &[Decision]) -> bool {
        let _ = (happening, decided);
        true
    }
    /// Whether it reviews; without it [`Policy::review`] is [`CallError::Host`].
    fn reviews(&self) -> bool {
        false
    }
    /// What to do about a happening.
    async fn decide(
        &self,
        context: CallContext,
        snapshot: &Snapshot,
        happening: &Happening,
    ) -> Result<Called<Result<Vec<Decision>, Fault>>, CallError> {
        let _ = (context, snapshot, happening);
        Err(CallError::absent("policy"))
    }
    /// Whether a text may leave.
    async fn review(
        &self,
        context: CallContext,
        snapshot: &Snapshot,
        draft: &Content,
    ) -> Result<Called<Result<Verdict, Fault>>, CallError> {
        let _ = (context, snapshot, draft);
        Err(CallError::absent("review"))
    }
}
