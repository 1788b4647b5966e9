//! Operations on orders: what a policy or an agent asks of a marketplace, and how it stands.
use crate::{KeptAnswer, RequestKey};
use std::fmt;
use tributary_model::approval::{Approver, NoSay, Verdict};
use tributary_model::conversation::Refused;
use tributary_model::order::Operation;
use tributary_model::{AgentName, ChannelName, ConversationId, OperationId, Timestamp, operation};

/// An agent asks for an operation.
#[derive(Clone, Debug)]
pub struct NewOperation {
    /// The conversation.
    pub conversation: ConversationId,
    /// Who asks.
    pub agent: AgentName,
    /// What for.
    pub operation: Operation,
    /// When.
    pub now: Timestamp,
    /// The request that asked for it, where it came under an idempotency key.
    pub request: Option<KeyedOperation>,
}

/// The idempotency key of a request for an operation, and what its client is told: kept in the operation's own
/// transaction, so that money is never paid back twice because a daemon died before it could answer.
#[derive(Clone)]
pub struct KeyedOperation {
    /// The key.
    pub key: RequestKey,
    /// What the client is told.
    pub answer: fn(&AskedOperation) -> KeptAnswer,
}

impl fmt::Debug for KeyedOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedOperation").field("key", &self.key).finish_non_exhaustive()
    }
}

/// An operation that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedOperation {
    /// Its id.
    pub id: OperationId,
    /// Who has to approve it before it is performed. None: it is on its way.
    pub approver: Option<Approver>,
}

/// Somebody decides about an operation that waits for approval.
#[derive(Clone, Debug)]
pub struct OperationVerdict {
    /// The operation.
    pub id: OperationId,
    /// Who decides.
    pub agent: AgentName,
    /// The agent's token is of scope admin.
    pub admin: bool,
    /// How.
    pub verdict: Verdict,
    /// Why.
    pub why: Option<String>,
    /// When.
    pub now: Timestamp,
    /// The request's idempotency key and what its client is told, kept in the same transaction.
    pub request: Option<(RequestKey, KeptAnswer)>,
}

/// Why somebody's verdict does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotDecided {
    /// There is no such operation.
    #[error("there is no operation {0}")]
    Unknown(OperationId),
    /// The agent has no say in it.
    #[error("{0}")]
    NoSay(NoSay),
    /// Somebody decided before.
    #[error("operation {0} was {1}")]
    Before(OperationId, Word),
    /// It never waited for anybody's approval.
    #[error("operation {0} needed nobody's approval")]
    NeverWaited(OperationId),
}

/// What somebody said about an operation that waited for approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// How it was decided.
    pub verdict: Verdict,
    /// Who decided: `agent:NAME`.
    pub by: String,
    /// Why.
    pub why: Option<String>,
    /// When.
    pub at: Timestamp,
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by {}", self.verdict.as_str(), self.by)?;
        self.why.as_ref().map_or(Ok(()), |why| write!(f, ": {why}"))
    }
}

/// The approval of an operation that needs one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Who may give it, by the rules of the time it was asked for.
    pub by: Approver,
    /// What was said; none: it waits.
    pub word: Option<Word>,
}

/// Why an operation was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// The conversation does not allow it.
    #[error("{0}")]
    Refused(Refused),
    /// The order does not.
    #[error("{0}")]
    Order(OrderRefused),
    /// It says something that cannot be done.
    #[error("{0}")]
    OutOfRange(String),
}

/// Why it cannot be told which channel an order is of, or why nothing may be done to it. Each names the order's id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderRefused {
    /// No channel has told of it.
    #[error("no channel has told of order {0}: ask the marketplace for it first")]
    Unknown(String),
    /// Several channels have one of this id, and the conversation is not about one of them alone.
    #[error("order {0} is known to {channels}: the conversation is not about one of them alone", channels = list(.1))]
    Several(String, Vec<ChannelName>),
    /// A policy may act only on orders of the conversation or of its customer.
    #[error("order {0} is of another customer")]
    NotTheirs(String),
    /// A policy has asked for the very same: which operation that is.
    #[error("the same was asked for already: operation {1} on order {0}")]
    Repeated(String, OperationId),
}

fn list(channels: &[ChannelName]) -> String {
    channels.iter().map(ChannelName::as_str).collect::<Vec<_>>().join(" and ")
}

/// An operation that this node asks for now.
#[derive(Clone, Debug, PartialEq)]
pub struct LeasedOperation {
    /// Its id.
    pub id: OperationId,
    /// The idempotency key that every try carries: its id and a random part, so that no other desk of the same shop ever
    /// has the same.
    pub key: String,
    /// Its conversation.
    pub conversation: ConversationId,
    /// The channel whose marketplace is asked.
    pub channel: ChannelName,
    /// What is asked for.
    pub operation: Operation,
    /// Which try this is, counted from 1.
    pub attempt: u32,
}

/// An operation as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct OperationView {
    /// Its id.
    pub id: OperationId,
    /// Its conversation.
    pub conversation: ConversationId,
    /// The channel whose marketplace is asked.
    pub channel: ChannelName,
    /// What is asked for.
    pub operation: Operation,
    /// Who asked: `agent:NAME` or `policy:NAME`.
    pub by: String,
    /// The rule of the policy's decision.
    pub rule: Option<String>,
    /// Why the policy decided so.
    pub why: Option<String>,
    /// The approval it needs, where it needs one.
    pub approval: Option<Approval>,
    /// Where it stands.
    pub state: operation::State,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next.
    pub next_at: Option<Timestamp>,
    /// The marketplace's id of the act.
    pub result: Option<String>,
    /// Why the last try did not work.
    pub detail: Option<String>,
    /// When it was asked for.
    pub at: Timestamp,
}
