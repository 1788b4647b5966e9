//! What goes into transitions and what comes out of them.
use crate::{AskedQuestion, Join, KnownOrder};
use std::sync::Arc;
use std::time::Duration;
use tributary_model::conversation::Conversation;
use tributary_model::decision::{Contact, Decision, RunningClock};
use tributary_model::identity::Verifies;
use tributary_model::message::{Arrival, Author, ChannelEvent, Content, Outgoing};
use tributary_model::{
    AgentName, ArrivalId, ChannelName, ContactId, ConversationId, EventId, GenerationId, HappeningId, MessageId,
    OutgoingId, ParkedId, PluginName, Timestamp,
};

/// The store cannot do it now. Nothing of the transition was kept.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The writer's queue is full: the caller should answer "later".
    #[error("the store is overloaded")]
    Overloaded,
    /// The writer is gone: the daemon is stopping.
    #[error("the store is closed")]
    Closed,
    /// The database refused or failed.
    #[error("the database failed")]
    Database(#[from] rusqlite::Error),
    /// A row does not hold what the program wrote there.
    #[error("row {table} {id} is damaged: {what}")]
    Damaged {
        /// Which table.
        table: &'static str,
        /// Which row.
        id: i64,
        /// What was found.
        what: String,
    },
    /// The file was written by a newer version of the program.
    #[error("the store has schema version {found}, this program knows up to {known}")]
    Newer {
        /// What the file says.
        found: i64,
        /// What the program knows.
        known: i64,
    },
    /// The folder or file cannot be used.
    #[error("cannot use {path}")]
    Unusable {
        /// The path.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// Another daemon has this folder.
    #[error("{0} is in use by another daemon")]
    Locked(String),
    /// A call wrote state and had read what another call has written since. Nothing is stored: it is to be made again.
    #[error("another call wrote {0:?} of the plugin's state meanwhile")]
    StateMoved(String),
}

/// What the operator says that the desk goes by. Read when the store is opened.
#[derive(Clone, Debug, Default)]
pub struct DeskRules {
    /// When another channel continues a conversation, and where an answer goes that a channel has no window for.
    pub continuity: tributary_model::continuity::Continuity,
    /// How the queue is served.
    pub queue: tributary_model::queue::Rules,
    /// Which operations on orders need somebody else's word, and whose.
    pub approval: tributary_model::approval::Rules,
    /// The daemon's own address, without a slash at its end: what forms are reached by. None: no survey is sent.
    pub address: Option<Arc<str>>,
}

/// A node's right to a work item until a moment.
#[derive(Clone, Debug)]
pub struct Lease {
    /// The node.
    pub node: Arc<str>,
    /// Until when.
    pub until: Timestamp,
    /// The moment it was taken.
    pub now: Timestamp,
}

/// An arrival with what the adapter made of it.
#[derive(Clone, Debug)]
pub struct NewArrival {
    /// The channel.
    pub channel: ChannelName,
    /// What came in, or that the channel was asked.
    pub source: Source,
    /// What it told.
    pub events: Vec<ChannelEvent>,
    /// When it came in.
    pub at: Timestamp,
    /// What the call did to the plugin's state: committed with the events.
    pub state: StateEdit,
    /// What the call published: committed with the events.
    pub feed: Vec<FeedItem>,
    /// Whose state.
    pub scope: StateScope,
    /// The parked arrival that this one replays.
    pub replays: Option<ParkedId>,
    /// Which kinds of handle the channel may prove.
    pub verifies: Verifies,
}

/// How events came.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// In an arrival, which is kept as it came.
    Arrival(Arrival),
    /// The channel was asked for what is new, and goes on here.
    Poll {
        /// Where to go on.
        cursor: Option<String>,
    },
    /// The channel was asked for an order, for this conversation: the order is one of its own from then on.
    LookUp(ConversationId),
}

/// What became of an arrival.
#[derive(Clone, Debug, PartialEq)]
pub struct Accepted {
    /// The arrival's row; 0 where it told nothing that is kept, such as that somebody is writing.
    pub arrival: ArrivalId,
    /// Its messages, in order.
    pub messages: Vec<AcceptedMessage>,
    /// Happenings that were born claimed by the caller's node.
    pub claimed: Vec<ClaimedHappening>,
    /// Happenings that wait for a claim.
    pub waiting: usize,
}

/// What became of one message of an arrival.
#[derive(Clone, Debug, PartialEq)]
pub struct AcceptedMessage {
    /// The conversation it is in.
    pub conversation: ConversationId,
    /// Its row; of the earlier one for a duplicate.
    pub message: MessageId,
    /// Whether it was new.
    pub fate: Fate,
}

/// Whether a message was new.
#[derive(Clone, Debug, PartialEq)]
pub enum Fate {
    /// It opened a conversation.
    Opened,
    /// It joined a conversation.
    Joined,
    /// It had come in before; nothing was stored.
    Duplicate,
}

/// A happening that this node decides now.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimedHappening {
    /// The happening.
    pub id: HappeningId,
    /// Its conversation.
    pub conversation: ConversationId,
    /// The policies to run: the happening was parked for them and taken back. `None`: the whole chain.
    pub only: Option<Vec<PluginName>>,
    /// Since when it waits to be decided.
    pub at: Timestamp,
}

/// What the policy chain made of a happening.
#[derive(Clone, Debug)]
pub struct Decided {
    /// The happening.
    pub happening: HappeningId,
    /// Its conversation.
    pub conversation: ConversationId,
    /// The node that holds the lease.
    pub node: Arc<str>,
    /// What each policy said, in the order of the chain.
    pub outcomes: Vec<PolicyOutcome>,
    /// When.
    pub now: Timestamp,
}

/// What one policy said.
#[derive(Clone, Debug)]
pub struct PolicyOutcome {
    /// The policy.
    pub policy: PluginName,
    /// Its version.
    pub version: String,
    /// Which generation of it said so.
    pub generation: GenerationId,
    /// The action words it may use.
    pub granted: Arc<[String]>,
    /// Its decisions, or why there are none.
    pub result: Result<Vec<Decision>, Cause>,
    /// Decisions that a review blocked, and why: kept as `refused` events, never applied.
    pub refused: Vec<(Decision, String)>,
    /// What its call wrote into its state: kept with the decisions.
    pub state: Vec<StateWrite>,
    /// What it asked the knowledge base: kept with the decisions.
    pub asked: Vec<AskedQuestion>,
    /// A failure of it is noted and passed over, not parked.
    pub may_be_skipped: bool,
}

/// Why something was kept aside.
#[derive(Clone, Debug, PartialEq)]
pub struct Cause {
    /// Who is to blame: `guest`, `trap`, `budget`, `host`, `sender`; `breaker`: its plugin was not asked.
    pub blame: &'static str,
    /// One sentence for people.
    pub what: String,
}

/// What commit 2 did.
#[derive(Clone, Debug, PartialEq)]
pub enum Applied {
    /// Everything is on disk.
    Done {
        /// Outgoing messages and operations that wait now.
        outgoing: usize,
        /// Another happening of the conversation waits.
        more: bool,
    },
    /// The lease was gone: another node decides it.
    Gone,
}

/// What [`crate::Store::ring`] did.
#[derive(Clone, Debug, PartialEq)]
pub struct Rung {
    /// How many bells rang.
    pub rang: usize,
    /// When the next one is due.
    pub next: Option<Timestamp>,
}

/// An agent's answer.
#[derive(Clone, Debug)]
pub struct NewReply {
    /// The conversation.
    pub conversation: ConversationId,
    /// Who answers.
    pub agent: AgentName,
    /// What.
    pub content: Content,
    /// Keep the claim, or let go.
    pub keep: bool,
    /// Close it with the answer.
    pub close: bool,
    /// When.
    pub now: Timestamp,
    /// What reviewing policies said against it and let pass: kept as events.
    pub warnings: Vec<(PluginName, tributary_model::decision::Objection)>,
    /// The request that asked for it, where it came under an idempotency key.
    pub request: Option<KeyedReply>,
}

/// The idempotency key of an answer, and what its client is told: kept in the answer's own transaction, so that the same
/// request is told the same even if the daemon died before it could tell it once.
#[derive(Clone)]
pub struct KeyedReply {
    /// The key.
    pub key: RequestKey,
    /// What the client is told of the outgoing message and the warnings.
    pub answer: fn(OutgoingId, &[(PluginName, tributary_model::decision::Objection)]) -> KeptAnswer,
}

impl std::fmt::Debug for KeyedReply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyedReply").field("key", &self.key).finish_non_exhaustive()
    }
}

/// An outgoing message that this node sends now.
#[derive(Clone, Debug)]
pub struct LeasedOutgoing {
    /// The channel it goes out by.
    pub channel: ChannelName,
    /// What the adapter gets.
    pub message: Outgoing,
    /// Which try this is, counted from 1.
    pub attempt: u32,
}

/// One act of an agent. Those that change the conversation need that nobody else holds it.
#[derive(Clone, Debug, PartialEq)]
pub enum AgentAct {
    /// Let go.
    Release,
    /// Hand the claim to another agent, or the conversation to a team.
    Transfer {
        /// The agent who gets the claim.
        to_agent: Option<AgentName>,
        /// The team that gets the conversation.
        to_team: Option<String>,
        /// How long the other agent's lease is.
        lease: Duration,
    },
    /// A note that only the shop sees.
    Note(String),
    /// Out of the queue until then.
    Snooze(Timestamp),
    /// Settled: how.
    Close(String),
    /// Back into the queue.
    Reopen,
}

/// Which conversations of the queue.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QueueFilter {
    /// Of this team only.
    pub team: Option<String>,
    /// Also those that somebody holds.
    pub held: bool,
}

/// Which conversations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConversationFilter {
    /// Standing there.
    pub state: Option<tributary_model::conversation::State>,
    /// Of the contact with this handle value.
    pub handle: Option<String>,
    /// Held by this agent.
    pub agent: Option<AgentName>,
}

/// Which page.
#[derive(Clone, Debug, PartialEq)]
pub struct Page {
    /// Where the last page ended, as [`Listing::next`] gave it out.
    pub after: Option<Cursor>,
    /// How many, 1 to 200.
    pub limit: usize,
}

/// A place in a listing: the key of its last row. Opaque to clients.
#[derive(Clone, Debug, PartialEq)]
pub struct Cursor(pub Vec<i64>);

/// A page.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where to go on; none at the end.
    pub next: Option<Cursor>,
}

/// Everything about one conversation.
#[derive(Clone, Debug)]
pub struct ConversationDetail {
    /// The row.
    pub conversation: Conversation,
    /// The customer.
    pub contact: Contact,
    /// Its messages over all channels, in the order they were sent, oldest first.
    pub messages: Vec<Message>,
    /// Its clocks, also those that stopped.
    pub clocks: Vec<ClockView>,
    /// Its part of the event log, oldest first.
    pub events: Vec<Event>,
    /// Conversations it is linked with, and why.
    pub links: Vec<(ConversationId, String)>,
    /// The orders it is about, the latest changed first.
    pub orders: Vec<KnownOrder>,
    /// What was asked for to be done to orders, oldest first.
    pub operations: Vec<crate::OperationView>,
    /// Messages that continued it by another channel.
    pub continuations: Vec<Continuation>,
    /// What joined its customer's contacts, also what was undone.
    pub joins: Vec<Join>,
    /// The answer that a policy drafted and nobody has sent yet.
    pub draft: Option<DraftView>,
}

/// An answer for an agent to look at.
#[derive(Clone, Debug, PartialEq)]
pub struct DraftView {
    /// Whose it is.
    pub policy: PluginName,
    /// What it says.
    pub content: Content,
    /// When it was written.
    pub at: Timestamp,
}

/// Why a message by another channel is in a conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Continuation {
    /// The message.
    pub message: MessageId,
    /// The channel it came by.
    pub channel: ChannelName,
    /// Why, in one sentence.
    pub why: String,
    /// The channel proved who wrote it. Where it did not, what it told besides, such as a mail's Reply-To, is not followed.
    pub proved: bool,
}

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// The channel it came or went by.
    pub channel: ChannelName,
    /// Who wrote it.
    pub author: Author,
    /// Their name: of the customer as shown, of the agent, or of the policy.
    pub name: Option<String>,
    /// The channel's id.
    pub external_id: Option<String>,
    /// What was written.
    pub content: Content,
    /// A machine wrote it, on either side.
    pub automatic: bool,
    /// When it was sent, as the channel says; written, for an outgoing one.
    pub sent_at: Timestamp,
    /// When the desk got it.
    pub at: Timestamp,
    /// For an outgoing one: where it stands, the tries, and the last words of the channel.
    pub delivery: Option<DeliveryView>,
    /// What else the channel told.
    pub attributes: Vec<tributary_model::message::Attribute>,
}

/// Where an outgoing message stands.
#[derive(Clone, Debug, PartialEq)]
pub struct DeliveryView {
    /// The outgoing row.
    pub id: OutgoingId,
    /// Where it stands.
    pub state: tributary_model::delivery::State,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next.
    pub next_at: Option<Timestamp>,
    /// The last words of the channel.
    pub detail: Option<String>,
}

/// A clock as it is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct ClockView {
    /// The clock.
    pub running: RunningClock,
    /// When it was stopped.
    pub stopped: Option<Timestamp>,
    /// When it was breached.
    pub breached: Option<Timestamp>,
}

/// One line of the event log: the audit trail, and what live views follow.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its place.
    pub id: EventId,
    /// The conversation.
    pub conversation: Option<ConversationId>,
    /// When.
    pub at: Timestamp,
    /// Who: `agent:NAME`, `policy:NAME`, `channel:NAME`, `host`.
    pub actor: String,
    /// What: `received`, `opened`, `decided`, `refused`, `claimed`, `released`, `replied`, `noted`, `sent`, `failed`, …
    pub act: String,
    /// The rule of a decision.
    pub rule: Option<String>,
    /// Why, of a decision; how, of the rest.
    pub why: Option<String>,
    /// For a decision: the action's word and detail.
    pub detail: Option<String>,
    /// The contact, of what happened to one.
    pub contact: Option<ContactId>,
}

/// How much of what there is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counts {
    /// Conversations in the queue that nobody holds.
    pub waiting: u64,
    /// Conversations that somebody holds.
    pub held: u64,
    /// Conversations in all.
    pub conversations: u64,
    /// Messages in all.
    pub messages: u64,
    /// Happenings that are not decided yet.
    pub undecided: u64,
    /// Outgoing messages that are not sent yet.
    pub outgoing: u64,
    /// Things kept aside and not replayed.
    pub parked: u64,
    /// Operations on orders that wait for approval.
    pub approvals: u64,
}

/// Something to keep aside.
#[derive(Clone, Debug)]
pub struct NewParked {
    /// The channel.
    pub channel: ChannelName,
    /// The plugin it failed in.
    pub plugin: PluginName,
    /// Which version of it.
    pub version: String,
    /// Which generation of it.
    pub generation: GenerationId,
    /// What came in.
    pub arrival: Arrival,
    /// Why.
    pub cause: Cause,
    /// When.
    pub at: Timestamp,
    /// The parked arrival that this one replayed: its row is kept, with the new cause.
    pub replays: Option<ParkedId>,
}

/// Something kept aside.
#[derive(Clone, Debug, PartialEq)]
pub struct Parked {
    /// Its id.
    pub id: ParkedId,
    /// What it is.
    pub what: ParkedWhat,
    /// The channel.
    pub channel: Option<ChannelName>,
    /// The plugin it failed in.
    pub plugin: PluginName,
    /// Which version of it; empty where none was asked.
    pub version: String,
    /// Which generation of it; 0 where none was asked.
    pub generation: GenerationId,
    /// Who is to blame.
    pub blame: String,
    /// Why, in one sentence.
    pub why: String,
    /// When.
    pub at: Timestamp,
    /// How often it was tried.
    pub tries: u32,
    /// When it was taken back to work.
    pub replayed: Option<Timestamp>,
    /// Its conversation.
    pub conversation: Option<ConversationId>,
}

/// What is kept aside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ParkedWhat {
    /// An arrival whose adapter failed.
    Arrival(ArrivalId),
    /// A happening one of whose policies failed.
    Happening(HappeningId),
    /// An outgoing message that failed for good.
    Outgoing(OutgoingId),
    /// An operation on an order that failed for good.
    Operation(tributary_model::OperationId),
}

/// An arrival as it was stored.
#[derive(Clone, Debug)]
pub struct StoredArrival {
    /// The channel.
    pub channel: ChannelName,
    /// What came in.
    pub arrival: Arrival,
    /// When it came in.
    pub at: Timestamp,
}

/// Whose state.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StateScope {
    /// The plugin.
    pub plugin: PluginName,
    /// The channel; empty for a policy.
    pub channel: ChannelName,
}

/// What one call did to a plugin's state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StateEdit {
    /// What it read, key and value (none: absent), and what must therefore still stand there when it writes. A call that
    /// writes nothing may have read anything; one that cannot be made again names nothing.
    pub read: Vec<(String, Option<Vec<u8>>)>,
    /// What its clock said: by it a value has ended its time or not.
    pub at: Timestamp,
    /// What it wrote, in order.
    pub writes: Vec<StateWrite>,
}

impl From<Vec<StateWrite>> for StateEdit {
    fn from(writes: Vec<StateWrite>) -> Self {
        Self { writes, ..Self::default() }
    }
}

/// One write into a plugin's state.
#[derive(Clone, Debug, PartialEq)]
pub struct StateWrite {
    /// The key.
    pub key: String,
    /// The value; none deletes it.
    pub value: Option<Vec<u8>>,
    /// When it is forgotten.
    pub expires: Option<Timestamp>,
}

/// An item for a feed: what a channel's clients see live.
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

/// The place of an item in its feed. Later items have larger ones; none is used twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct FeedId(pub i64);

/// An item as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedRow {
    /// Its place.
    pub id: FeedId,
    /// The event's name.
    pub name: String,
    /// Its text.
    pub data: String,
    /// When it was published.
    pub at: Timestamp,
}

/// How the customer of a conversation is reached live.
#[derive(Clone, Debug, PartialEq)]
pub struct Reach {
    /// The channel the customer used last.
    pub channel: ChannelName,
    /// The customer's handles.
    pub to: Vec<tributary_model::message::Handle>,
    /// The customer's newest message on that channel, by the id that the channel gave it.
    pub newest: Option<String>,
}

/// A token to keep.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Who uses it: the agent's name.
    pub name: String,
    /// SHA-256 of the secret.
    pub digest: [u8; 32],
    /// What it may do.
    pub scope: Scope,
}

/// What a token may do, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Read.
    Read,
    /// Work the queue.
    Agent,
    /// Everything, tokens and replay included.
    Admin,
}

impl Scope {
    /// The word the store keeps and the API shows.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Agent => "agent",
            Self::Admin => "admin",
        }
    }

    /// The scope of that word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Read, Self::Agent, Self::Admin].into_iter().find(|scope| scope.as_str() == word)
    }
}

/// A token, without its secret.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    /// Its id.
    pub id: i64,
    /// The agent's name.
    pub name: String,
    /// What it may do.
    pub scope: Scope,
    /// When it was made.
    pub created: Timestamp,
    /// When it was taken out of use.
    pub revoked: Option<Timestamp>,
}

/// A request under an idempotency key.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestKey {
    /// The token it came with.
    pub token: i64,
    /// The client's key, at most 255 bytes.
    pub key: String,
    /// SHA-256 of method, path and body.
    pub digest: [u8; 32],
}

/// What is known of an idempotency key.
#[derive(Clone, Debug, PartialEq)]
pub enum Begun {
    /// Go on.
    First,
    /// It ended before: give this answer.
    Again(KeptAnswer),
    /// It is under way: answer 409.
    UnderWay,
    /// The key was used for another request: answer 422.
    Misused,
}

/// The answer of a request that ended.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptAnswer {
    /// HTTP status.
    pub status: u16,
    /// JSON.
    pub body: Vec<u8>,
}
