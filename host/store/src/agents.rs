//! Agents: what is known of them, what they have, and why a conversation stands where it does in the queue.
use crate::StoreError;
use async_trait::async_trait;
use tributary_model::agent::{Presence, Profile, Unfit};
use tributary_model::conversation::Conversation;
use tributary_model::queue::Holder;
use tributary_model::{AgentName, ConversationId, Timestamp};

/// What came of asking for the next conversation.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// This one.
    Taken(Box<Conversation>, Holder),
    /// Nothing that the agent may have waits.
    Nothing,
    /// The agent takes nothing now: away, or full.
    Unready(Unfit),
}

impl Next {
    /// What was taken.
    pub fn taken(self) -> Option<(Conversation, Holder)> {
        match self {
            Self::Taken(it, holder) => Some((*it, holder)),
            Self::Nothing | Self::Unready(_) => None,
        }
    }
}

/// An agent and what the agent has.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentView {
    /// What is known.
    pub profile: Profile,
    /// Conversations that the agent holds.
    pub holds: u32,
    /// How much room they take.
    pub load: u32,
}

/// Why a conversation stands where it does.
#[derive(Clone, Debug, PartialEq)]
pub struct Why {
    /// The conversation.
    pub conversation: Conversation,
    /// How many that nobody holds come before it. `None`: it does not wait.
    pub before: Option<u64>,
    /// The clock that is breached next, where one runs.
    pub clock: Option<String>,
    /// From when on anybody of its team may have it, skilled or not.
    pub yields_at: Timestamp,
    /// Every agent of whom something is known, and what is against giving it to that agent now.
    pub agents: Vec<(AgentView, Option<Unfit>)>,
}

/// What the desk knows of agents. An agent without a profile takes anything.
#[async_trait]
pub trait Agents: Send + Sync {
    /// Keeps a profile in place of the agent's earlier one. What was kept for an agent who is away is anybody's.
    async fn set_agent(&self, profile: Profile) -> Result<(), StoreError>;

    /// Whether an agent takes work from now on. `false`: there is no profile of that name.
    async fn set_presence(&self, agent: &AgentName, presence: Presence, now: Timestamp) -> Result<bool, StoreError>;

    /// What is known of an agent.
    async fn agent(&self, agent: &AgentName) -> Result<Option<Profile>, StoreError>;

    /// Forgets a profile; what the agent holds stays. `false`: there is none of that name.
    async fn remove_agent(&self, agent: &AgentName) -> Result<bool, StoreError>;

    /// Every agent with a profile, by name.
    async fn agents(&self, now: Timestamp) -> Result<Vec<AgentView>, StoreError>;

    /// Why a conversation stands where it does. `None`: there is no such conversation.
    async fn why(&self, id: ConversationId, now: Timestamp) -> Result<Option<Why>, StoreError>;
}
