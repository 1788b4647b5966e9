//! What the HTTP door asks of the rest of the house. The daemon's wiring implements [`Desk`] with the pipeline; everything
//! that is one transition goes to the store directly.
use async_trait::async_trait;
use std::sync::Arc;
use tributary_fleet::Fleet;
use tributary_model::order::Order;
use tributary_model::{ChannelName, ConversationId, OperationId, ParkedId};
use tributary_store::{NewOperation, NewReply, NotTaken, Store, StoreError};

pub use tributary_pipeline::{RefreshError, ReplayError, Replayed, Replied, ReplyError};

/// The pipeline as the door sees it.
#[async_trait]
pub trait Desk: Send + Sync + 'static {
    /// An agent's answer: reviewing policies look at it, then it is committed. Returns after the commit; delivery follows.
    async fn reply(&self, reply: NewReply) -> Result<Replied, ReplyError>;

    /// Takes something kept aside back to work. `by` is the actor for the event log: `agent:NAME`.
    async fn replay(&self, id: ParkedId, by: &str) -> Result<Replayed, ReplayError>;

    /// An agent's operation on an order. Returns after the commit; its marketplace is asked after that.
    async fn perform(&self, new: NewOperation) -> Result<Result<OperationId, NotTaken>, StoreError>;

    /// Asks a marketplace for an order as it is now, and keeps it as one of this conversation.
    async fn refresh_order(
        &self,
        id: ConversationId,
        order: &str,
        channel: Option<ChannelName>,
    ) -> Result<(ChannelName, Order), RefreshError>;

    /// The store.
    fn store(&self) -> &Arc<dyn Store>;

    /// Which plugins act where.
    fn fleet(&self) -> &Arc<Fleet>;

    /// The bytes of a file: `id` is SHA-256 in lower-case hex. `None`: there is none of this id.
    async fn blob(&self, id: &str) -> Result<Option<Vec<u8>>, std::io::Error>;
}
