//! What the HTTP door asks of the rest of the house. The daemon's wiring implements [`Desk`] with the pipeline; everything
//! that is one transition goes to the store directly.
use crate::imap::MailboxStatus;
use async_trait::async_trait;
use std::sync::Arc;
use tributary_fleet::Fleet;
use tributary_model::message::{Arrival, Response};
use tributary_model::order::Order;
use tributary_model::{ChannelName, ConversationId, ParkedId};
use tributary_pipeline::{Feeds, PollView, Roles};
use tributary_store::{
    AskedOperation, NewOperation, NewReply, NotDecided, NotTaken, OperationVerdict, Store, StoreError,
};

pub use tributary_pipeline::{
    ReceiveError, Received, RefreshError, ReplayError, Replayed, Replied, ReplyError, Sampled, ShowError,
};

/// The pipeline as the door sees it.
#[async_trait]
pub trait Desk: Send + Sync + 'static {
    /// An agent's answer: reviewing policies look at it, then it is committed. Returns after the commit; delivery follows.
    async fn reply(&self, reply: NewReply) -> Result<Replied, ReplyError>;

    /// Takes something kept aside back to work. `by` is the actor for the event log: `agent:NAME`.
    async fn replay(&self, id: ParkedId, by: &str) -> Result<Replayed, ReplayError>;

    /// An agent's operation on an order. Returns after the commit; its marketplace is asked after that, and after somebody's
    /// approval where it needs one.
    async fn perform(&self, new: NewOperation) -> Result<Result<AskedOperation, NotTaken>, StoreError>;

    /// What somebody says about an operation that waits for approval. Returns after the commit.
    async fn decide_operation(&self, verdict: OperationVerdict) -> Result<Result<(), NotDecided>, StoreError>;

    /// Asks a marketplace for an order as it is now, and keeps it as one of this conversation.
    async fn refresh_order(
        &self,
        id: ConversationId,
        order: &str,
        channel: Option<ChannelName>,
    ) -> Result<(ChannelName, Order), RefreshError>;

    /// Whether there is a channel of this name.
    fn has_channel(&self, channel: &ChannelName) -> bool;

    /// Every channel, by name.
    fn channels(&self) -> Vec<ChannelView>;

    /// One arrival of a channel. With `sample` it was made to try the channel, and no machine answers what it tells.
    async fn receive(&self, channel: &ChannelName, arrival: Arrival, sample: bool) -> Result<Received, ReceiveError>;

    /// What the platform of a channel is answered for a call that was kept aside; none: 200 and no body.
    fn parked_answer(&self, channel: &ChannelName) -> Option<Response>;

    /// What the platform of a channel would send for one message with this text. `None`: there is no such channel.
    async fn samples(&self, channel: &ChannelName, text: &str) -> Option<Sampled>;

    /// Shows the customer of a conversation that an agent is writing; otherwise that what the customer wrote last was read.
    async fn show(&self, id: ConversationId, typing: bool) -> Result<(), ShowError>;

    /// Who looks on live.
    fn feeds(&self) -> &Arc<Feeds>;

    /// The store.
    fn store(&self) -> &Arc<dyn Store>;

    /// Which plugins act where.
    fn fleet(&self) -> &Arc<Fleet>;

    /// How the mailboxes stand that are read for channels.
    fn mailboxes(&self) -> Vec<MailboxStatus> {
        Vec::new()
    }

    /// The bytes of a file: `id` is SHA-256 in lower-case hex. `None`: there is none of this id.
    async fn blob(&self, id: &str) -> Result<Option<Vec<u8>>, std::io::Error>;

    /// Keeps a file, and returns its id. It is on disk when this returns.
    async fn keep_blob(&self, bytes: Vec<u8>) -> Result<String, std::io::Error>;
}

/// A channel as an operator sees it.
#[derive(Clone, Debug)]
pub struct ChannelView {
    /// Its name.
    pub name: ChannelName,
    /// The plugin that acts, and its version.
    pub plugin: (String, String),
    /// What the plugin can do.
    pub roles: Roles,
    /// How its polling stands, where it is polled.
    pub poll: Option<PollView>,
}
