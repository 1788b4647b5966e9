//! The durable store: one method per transition, each one transaction. All SQL of the project lives in this crate.
//!
//! A transition inserts the follow-up rows of what it commits, so a crash between two stages loses nothing: the next
//! stage finds its work in a table. [`Store`] is what the pipeline and the gateway see; [`sqlite`] is the embedded
//! default; [`conformance`] is the suite that every store passes.
mod agents;
pub mod conformance;
mod contacts;
mod feedback;
mod knowledge;
mod lives;
mod operations;
pub mod sqlite;
mod types;

pub use agents::*;
pub use contacts::*;
pub use feedback::*;
pub use knowledge::*;
pub use lives::*;
pub use operations::*;
pub use types::*;

use async_trait::async_trait;
use std::time::Duration;
use tributary_model::calendar::Calendar;
use tributary_model::conversation::{Conversation, Refused};
use tributary_model::decision::Snapshot;
use tributary_model::delivery::Settlement;
use tributary_model::message::{Attachment, Content};
use tributary_model::queue::Holder;
use tributary_model::*;

/// What the desk keeps. Every method that writes returns only after the write is on disk.
#[async_trait]
pub trait Store: Lives + Contacts + Knowledge + Agents + Feedback {
    // -- receive ------------------------------------------------------------------------------------------------------

    /// Commit 1: keeps an arrival with everything it told. Messages are deduplicated by channel, external id and digest,
    /// threaded by [`thread::questions`], and each new one inserts its happening. With `claim`, the happening of a
    /// conversation that has no earlier open one is born claimed by that node, which saves the claim's commit.
    async fn accept(&self, arrival: NewArrival, claim: Option<Lease>) -> Result<Accepted, StoreError>;

    /// Keeps aside what could not be handled, with its cause.
    async fn park(&self, parked: NewParked) -> Result<ParkedId, StoreError>;

    // -- decide -------------------------------------------------------------------------------------------------------

    /// Claims up to `most` open happenings, oldest first, at most one of a conversation and never one behind an earlier
    /// open one; those whose lease ran out are open.
    async fn claim_happenings(&self, lease: Lease, most: usize) -> Result<Vec<ClaimedHappening>, StoreError>;

    /// The conversation as a policy sees it, with what it is asked about. `None`: the happening is not claimed by this
    /// node (any more).
    async fn snapshot(
        &self,
        happening: HappeningId,
        node: &str,
        now: Timestamp,
    ) -> Result<Option<(Snapshot, tributary_model::decision::Happening)>, StoreError>;

    /// The conversation as a reviewing policy sees it.
    async fn conversation_snapshot(&self, id: ConversationId, now: Timestamp) -> Result<Option<Snapshot>, StoreError>;

    /// Commit 2: applies the decisions, in order, through [`Conversation::decide`]; writes events, clocks, timers,
    /// outgoing rows; parks what failed; ends the happening. Does nothing where the node's lease is gone
    /// ([`Applied::Gone`]).
    async fn apply(&self, decided: Decided) -> Result<Applied, StoreError>;

    /// The calendars that clocks may start on from now on, by name. Clocks that run on one that changed go on by the new one
    /// with the working time they have left; on one that is not named any more they go on as it was. Returns how many
    /// clocks moved.
    async fn set_calendars(&self, calendars: Vec<(String, Calendar)>, now: Timestamp) -> Result<u64, StoreError>;

    /// Clocks, timers and snoozes that are due by this time become happenings or open conversations: `most` at most. What
    /// fell due within the last second goes before what was missed, up to half of `most`. Returns how many, and when the
    /// next one is due.
    async fn ring(&self, now: Timestamp, most: usize) -> Result<Rung, StoreError>;

    // -- reply and deliver --------------------------------------------------------------------------------------------

    /// Commit 3: an agent's answer: message, outgoing row, conversation, event and happening.
    async fn reply(&self, reply: NewReply) -> Result<Result<OutgoingId, Refused>, StoreError>;

    /// Leases up to `most` outgoing messages whose time has come, and counts the try. Those whose lease ran out count.
    async fn lease_outgoing(&self, lease: Lease, most: usize) -> Result<Vec<LeasedOutgoing>, StoreError>;

    /// Commit 4: what came of a try. A failure is shown on the conversation, wakes it and is parked for replay. Does
    /// nothing where the lease is gone and the message is settled already.
    async fn settle(&self, id: OutgoingId, settlement: Settlement, now: Timestamp) -> Result<(), StoreError>;

    // -- operations on orders ------------------------------------------------------------------------------------------

    /// An agent asks for an operation on an order: written with its event. Who holds the conversation may ask, and anybody
    /// while nobody does. What [`DeskRules::approval`] is about, a policy's operations included, waits for somebody's word.
    async fn ask_operation(&self, new: NewOperation) -> Result<Result<AskedOperation, NotTaken>, StoreError>;

    /// What somebody says about an operation that waits for approval. The first word counts: an approved one waits to be
    /// leased from now on; the end of a declined one is a happening and wakes the conversation.
    async fn decide_operation(&self, verdict: OperationVerdict) -> Result<Result<(), NotDecided>, StoreError>;

    /// A page of the operations that wait for approval, those that wait the longest first.
    async fn approvals(&self, page: Page) -> Result<Listing<OperationView>, StoreError>;

    /// Leases up to `most` operations whose time has come, and counts the try. Those whose lease ran out count.
    async fn lease_operations(&self, lease: Lease, most: usize) -> Result<Vec<LeasedOperation>, StoreError>;

    /// What came of a try. The end of an operation is a happening; a failure is shown on the conversation, wakes it and is
    /// parked for replay. Does nothing where the lease is gone and the operation is settled already.
    async fn settle_operation(
        &self,
        id: OperationId,
        settlement: operation::Settlement,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// The channel that an order of a conversation is of, as far as a person may ask for it.
    async fn order_channel(&self, id: ConversationId, order: &str)
    -> Result<Result<ChannelName, NotTaken>, StoreError>;

    // -- the queue ----------------------------------------------------------------------------------------------------

    /// The next conversation of the queue that an agent may have, in the order of [`queue::Key`]; of one team only, if
    /// named.
    async fn claim_next(
        &self,
        agent: &AgentName,
        team: Option<&str>,
        lease: Duration,
        now: Timestamp,
    ) -> Result<Next, StoreError>;

    /// This conversation for an agent, whatever the agent's room and skills: people know what they do; also renews the agent's own lease (the heartbeat).
    async fn claim(
        &self,
        id: ConversationId,
        agent: &AgentName,
        lease: Duration,
        now: Timestamp,
    ) -> Result<Result<Holder, Refused>, StoreError>;

    /// One act of an agent on a conversation. `request`: its idempotency key and what its client is told, kept in the same
    /// transaction.
    async fn act(
        &self,
        id: ConversationId,
        agent: &AgentName,
        act: AgentAct,
        now: Timestamp,
        request: Option<(RequestKey, KeptAnswer)>,
    ) -> Result<Result<(), Refused>, StoreError>;

    // -- reading ------------------------------------------------------------------------------------------------------

    /// A page of the queue, in its order.
    async fn queue(&self, filter: QueueFilter, page: Page, now: Timestamp)
    -> Result<Listing<Conversation>, StoreError>;

    /// A page of conversations, the latest opened first.
    async fn conversations(&self, filter: ConversationFilter, page: Page) -> Result<Listing<Conversation>, StoreError>;

    /// Everything about one conversation.
    async fn conversation(&self, id: ConversationId) -> Result<Option<ConversationDetail>, StoreError>;

    /// Who the contact of a conversation is, for lists: handles and name.
    async fn contacts(&self, ids: &[ContactId]) -> Result<Vec<tributary_model::decision::Contact>, StoreError>;

    /// The file that a message of this conversation carries under this id.
    async fn attachment(&self, id: ConversationId, blob: &str) -> Result<Option<Attachment>, StoreError>;

    /// The event log after a place, oldest first, `most` at most.
    async fn events(&self, after: EventId, most: usize) -> Result<Vec<Event>, StoreError>;

    /// The newest event, where a reader that wants only news starts.
    async fn last_event(&self) -> Result<EventId, StoreError>;

    /// A watch that changes with every commit that wrote an event. Register, then look, then wait.
    fn changes(&self) -> tokio::sync::watch::Receiver<EventId>;

    /// How much of what there is.
    async fn counts(&self, now: Timestamp) -> Result<Counts, StoreError>;

    // -- parked -------------------------------------------------------------------------------------------------------

    /// A page of what is kept aside, the latest first; also what was replayed, if asked.
    async fn parked(&self, all: bool, page: Page) -> Result<Listing<Parked>, StoreError>;

    /// One thing kept aside, with its raw arrival where it is one.
    async fn parked_one(&self, id: ParkedId) -> Result<Option<(Parked, Option<StoredArrival>)>, StoreError>;

    /// Takes a parked happening or outgoing message back to work, or marks a parked arrival as taken back after its
    /// events were accepted. `false`: it was replayed already.
    async fn unpark(&self, id: ParkedId, by: &str, now: Timestamp) -> Result<bool, StoreError>;

    /// Takes many parked happenings and outgoing messages back to work, all or none: how many there were to take. All that
    /// is parked of a conversation waits again from the same moment on, and a happening keeps its place before the later
    /// ones of its conversation, those that were never parked included. Parked arrivals are left alone: accepting one again
    /// is what takes it back.
    async fn unpark_many(&self, ids: &[ParkedId], by: &str, now: Timestamp) -> Result<u64, StoreError>;

    // -- plugin state, tokens, idempotency ----------------------------------------------------------------------------

    /// A value of a plugin's state in a channel.
    async fn state(&self, scope: &StateScope, key: &str, now: Timestamp) -> Result<Option<Vec<u8>>, StoreError>;

    /// Keys of a plugin's state in a channel that begin with `prefix`, in order of their bytes, `most` at most.
    async fn state_keys(
        &self,
        scope: &StateScope,
        prefix: &str,
        most: usize,
        now: Timestamp,
    ) -> Result<Vec<String>, StoreError>;

    /// What a call that ended well did to its state and what it published in its channel, all or none.
    async fn keep(
        &self,
        scope: &StateScope,
        state: StateEdit,
        feed: Vec<FeedItem>,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Items of a channel's topic after a place, oldest first, `most` at most.
    async fn feed(
        &self,
        channel: &ChannelName,
        topic: &str,
        after: FeedId,
        most: usize,
    ) -> Result<Vec<FeedRow>, StoreError>;

    /// The conversation in which somebody is writing: that of the dialogue, else the newest of the contact that is not
    /// closed. Looks only.
    async fn writing(
        &self,
        channel: &ChannelName,
        typing: &tributary_model::message::Typing,
    ) -> Result<Option<ConversationId>, StoreError>;

    /// How the customer of a conversation is reached live. `None`: there is no such conversation.
    async fn reach(&self, id: ConversationId) -> Result<Option<Reach>, StoreError>;

    /// Where a polled channel goes on; none: from the beginning. [`Source::Poll`] moves it.
    async fn poll_cursor(&self, channel: &ChannelName) -> Result<Option<String>, StoreError>;

    /// Keeps a token by the digest of its secret.
    async fn create_token(&self, token: NewToken, now: Timestamp) -> Result<i64, StoreError>;

    /// Every token, without secrets.
    async fn tokens(&self) -> Result<Vec<Token>, StoreError>;

    /// Takes a token out of use. `false`: there is none of this id in use.
    async fn revoke_token(&self, id: i64, now: Timestamp) -> Result<bool, StoreError>;

    /// The token in use with this digest.
    async fn token(&self, digest: &[u8; 32]) -> Result<Option<Token>, StoreError>;

    /// Begins a request under an idempotency key: first, again with the same answer, or a misuse of the key.
    async fn begin_request(&self, key: RequestKey, now: Timestamp) -> Result<Begun, StoreError>;

    /// Keeps the answer of a request that ended; kept for 24 h. With `None` the key is given up, so that the caller may
    /// try again.
    async fn end_request(&self, key: RequestKey, answer: Option<KeptAnswer>) -> Result<(), StoreError>;

    // -- upkeep -------------------------------------------------------------------------------------------------------

    /// What a node that just started may do at once: give back everything that was claimed under its own name.
    async fn release_node(&self, node: &str) -> Result<u64, StoreError>;

    /// Deletes what has ended its time: expired state, old idempotency keys, old items of feeds, generations that ended and are not among the
    /// newest 50 of their place, unless something parked names them. Safe to run at any time, twice.
    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError>;

    /// Whether the store answers and can write.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// A content without any text or file, which no channel can send.
pub fn is_empty(content: &Content) -> bool {
    content.text.trim().is_empty() && content.attachments.is_empty() && content.html.is_none()
}
