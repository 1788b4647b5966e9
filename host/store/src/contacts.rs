//! Contacts: who is who, what joined them, and what may be one person. The rules are [`tributary_model::identity`]'s.
use crate::{Event, Listing, Page, StoreError};
use async_trait::async_trait;
use std::fmt;
use tributary_model::conversation::Conversation;
use tributary_model::decision::Contact;
use tributary_model::identity::{Advice, Reason};
use tributary_model::message::{Handle, HandleKind};
use tributary_model::order::Order;
use tributary_model::{ChannelName, ContactId, JoinId, SuggestionId, Timestamp};

/// A handle, and how it is known.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownHandle {
    /// The handle; verified where a channel proved it that may.
    pub handle: Handle,
    /// The node of the person that owns it, or that claims it.
    pub contact: ContactId,
    /// The channel that told of it first; none where that was not kept.
    pub channel: Option<ChannelName>,
    /// When.
    pub since: Timestamp,
    /// The channel that proved it; none where none did or it was not kept.
    pub proved_by: Option<ChannelName>,
}

/// An order of a person's.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownOrder {
    /// The marketplace's channel.
    pub channel: ChannelName,
    /// As it was told last.
    pub order: Order,
}

/// One join: it explains itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Join {
    /// Its id.
    pub id: JoinId,
    /// One of the two contacts that it joined.
    pub one: ContactId,
    /// The other.
    pub other: ContactId,
    /// The handle it was by; none where a person joined them.
    pub by_handle: Option<(HandleKind, String)>,
    /// Why, in one sentence.
    pub why: String,
    /// Who joined them: `channel:NAME` or `agent:NAME`.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// When it was undone, and by whom.
    pub undone: Option<(Timestamp, String)>,
}

/// Two contacts that may be one person: a person decides.
#[derive(Clone, Debug, PartialEq)]
pub struct Suggestion {
    /// Its id.
    pub id: SuggestionId,
    /// One of the two contacts.
    pub one: ContactId,
    /// The other.
    pub other: ContactId,
    /// What kind of reason.
    pub reason: Reason,
    /// The handle that speaks for it.
    pub by_handle: (HandleKind, String),
    /// Why, in one sentence.
    pub why: String,
    /// The channel that told.
    pub channel: ChannelName,
    /// When.
    pub at: Timestamp,
    /// Where it stands.
    pub state: Advice,
    /// When it was decided, and by whom.
    pub decided: Option<(Timestamp, String)>,
}

/// Everything about one person, on one screen.
#[derive(Clone, Debug)]
pub struct ContactDetail {
    /// Handles, name, tags and attributes, of all that is joined.
    pub contact: Contact,
    /// The contacts that were joined, the oldest first: each of their ids still finds the person.
    pub ids: Vec<ContactId>,
    /// The handles, with how they are known.
    pub handles: Vec<KnownHandle>,
    /// Handles that the person named without proof. Nothing is sent there.
    pub claims: Vec<KnownHandle>,
    /// The orders, the latest changed first, the newest hundred at most.
    pub orders: Vec<KnownOrder>,
    /// The conversations, the latest opened first, the newest hundred at most.
    pub conversations: Vec<Conversation>,
    /// The joins, also those that were undone, oldest first.
    pub joins: Vec<Join>,
    /// Suggestions that nobody has decided.
    pub suggestions: Vec<Suggestion>,
    /// The contact's part of the event log, oldest first, the newest thousand at most.
    pub events: Vec<Event>,
}

/// A person joins two contacts.
#[derive(Clone, Debug)]
pub struct NewJoin {
    /// One.
    pub one: ContactId,
    /// The other; the older of the two persons keeps its id.
    pub other: ContactId,
    /// Why, in one sentence.
    pub why: String,
    /// Who: `agent:NAME`.
    pub by: String,
    /// When.
    pub now: Timestamp,
}

/// Why it was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinRefused {
    /// There is no such contact.
    NoContact(ContactId),
    /// There is no such join.
    NoJoin,
    /// There is no such suggestion.
    NoSuggestion,
    /// They are one person already.
    One,
    /// It was undone before.
    Undone,
    /// It was decided before.
    Decided(Advice),
}

impl fmt::Display for JoinRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoContact(id) => write!(f, "there is no contact {id}"),
            Self::NoJoin => f.write_str("there is no such join"),
            Self::NoSuggestion => f.write_str("there is no such suggestion"),
            Self::One => f.write_str("they are one contact already"),
            Self::Undone => f.write_str("the join was undone before"),
            Self::Decided(state) => write!(f, "the suggestion is {} already", state.as_str()),
        }
    }
}

impl std::error::Error for JoinRefused {}

/// What the desk knows of people.
#[async_trait]
pub trait Contacts: Send + Sync {
    /// Everything about the person whom this id names, joined or not. `None`: there is none.
    async fn contact(&self, id: ContactId) -> Result<Option<ContactDetail>, StoreError>;

    /// The persons with a handle of this value, of one kind or of any.
    async fn find_contacts(&self, value: &str, kind: Option<HandleKind>) -> Result<Vec<Contact>, StoreError>;

    /// Joins two contacts because a person says so: the older one's id is the person's from now on, the other one's still
    /// finds it. Their newest open conversations are linked.
    async fn join_contacts(&self, join: NewJoin) -> Result<Result<JoinId, JoinRefused>, StoreError>;

    /// Takes a join back: handles, conversations, messages and orders are again those of the contact they came by. A
    /// conversation in which both wrote since stays with the one who opened it, all messages in it, and is answered where
    /// that one wrote last. The two are never joined by themselves again.
    async fn undo_join(&self, id: JoinId, by: &str, now: Timestamp) -> Result<Result<(), JoinRefused>, StoreError>;

    /// A page of suggestions that nobody has decided, the latest first.
    async fn suggestions(&self, page: Page) -> Result<Listing<Suggestion>, StoreError>;

    /// A person accepts a suggestion, which joins the two.
    async fn accept_suggestion(
        &self,
        id: SuggestionId,
        by: &str,
        now: Timestamp,
    ) -> Result<Result<JoinId, JoinRefused>, StoreError>;

    /// A person dismisses a suggestion: the two are never suggested for this reason again.
    async fn dismiss_suggestion(
        &self,
        id: SuggestionId,
        by: &str,
        now: Timestamp,
    ) -> Result<Result<(), JoinRefused>, StoreError>;
}
