//! What the HTTP door asks of the rest of the house. The daemon's wiring implements [`Desk`] with the pipeline; everything
//! that is one transition goes to the store directly.
use crate::imap::MailboxStatus;
use async_trait::async_trait;
use std::sync::Arc;
use tributary_fleet::Fleet;
use tributary_model::ParkedId;
use tributary_store::{NewReply, Store};

pub use tributary_pipeline::{ReplayError, Replayed, Replied, ReplyError};

/// The pipeline as the door sees it.
#[async_trait]
pub trait Desk: Send + Sync + 'static {
    /// An agent's answer: reviewing policies look at it, then it is committed. Returns after the commit; delivery follows.
    async fn reply(&self, reply: NewReply) -> Result<Replied, ReplyError>;

    /// Takes something kept aside back to work. `by` is the actor for the event log: `agent:NAME`.
    async fn replay(&self, id: ParkedId, by: &str) -> Result<Replayed, ReplayError>;

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
}
