//! What the HTTP door asks of the rest of the house. The daemon's wiring implements [`Desk`] with the pipeline; everything
//! that is one transition goes to the store directly.
use async_trait::async_trait;
use std::sync::Arc;
use tributary_model::conversation::Refused;
use tributary_model::decision::Objection;
use tributary_model::{ConversationId, OutgoingId, ParkedId, PluginName};
use tributary_store::{NewReply, Store, StoreError};

/// The pipeline as the door sees it.
#[async_trait]
pub trait Desk: Send + Sync + 'static {
    /// An agent's answer: reviewing policies look at it, then it is committed. Returns after the commit; delivery follows.
    async fn reply(&self, reply: NewReply) -> Result<Replied, ReplyError>;

    /// Takes something kept aside back to work. `by` is the actor for the event log: `agent:NAME`.
    async fn replay(&self, id: ParkedId, by: &str) -> Result<Replayed, ReplayError>;

    /// The store.
    fn store(&self) -> &Arc<dyn Store>;

    /// The bytes of a file: `id` is SHA-256 in lower-case hex. `None`: there is none of this id.
    async fn blob(&self, id: &str) -> Result<Option<Vec<u8>>, std::io::Error>;
}

/// An answer that is on disk.
#[derive(Debug, Clone, PartialEq)]
pub struct Replied {
    /// The row that is delivered.
    pub outgoing: OutgoingId,
    /// What reviewing policies said against it and let pass.
    pub warnings: Vec<(PluginName, Objection)>,
}

/// Why an answer was not taken. Nothing was kept.
#[derive(Debug, thiserror::Error)]
pub enum ReplyError {
    /// The conversation refuses this agent.
    #[error("the conversation refuses the agent")]
    Refused(#[source] Refused),
    /// Reviewing policies hold it back: who, and why.
    #[error("reviewing policies hold the answer back")]
    Blocked(Vec<(PluginName, Objection)>),
    /// There is no text and no file in it.
    #[error("the answer is empty")]
    Empty,
    /// The store could not keep it.
    #[error("the answer could not be kept")]
    Store(#[source] StoreError),
}

/// What became of something that was kept aside.
#[derive(Debug, Clone, PartialEq)]
pub enum Replayed {
    /// An arrival was read: its messages are in these conversations.
    Accepted {
        /// Without repetition, in the order of the messages.
        conversations: Vec<ConversationId>,
    },
    /// A happening or an outgoing message waits for its turn again.
    Queued,
}

/// Why something kept aside stays there.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// There is nothing of this id.
    #[error("nothing of this id is kept aside")]
    Unknown,
    /// It was taken back before.
    #[error("it was taken back to work already")]
    Done,
    /// It failed again: why, in one sentence for people. It stays parked.
    #[error("it failed again: {0}")]
    Failed(String),
    /// The store could not do it.
    #[error("the store could not take it back")]
    Store(#[source] StoreError),
}
