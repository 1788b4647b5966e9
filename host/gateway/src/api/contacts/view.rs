//! People as JSON: handles and how they are known, joins that explain themselves, orders and parcels.
use super::super::orders::OrderView;
use super::super::view::{ContactView, ConversationView, EventView, HandleView, rfc3339};
use serde::Serialize;
use tributary_model::Timestamp;
use tributary_store::{ContactDetail, Join, KnownHandle, Suggestion};
use utoipa::ToSchema;

/// A handle, and how it is known.
#[derive(Serialize, ToSchema)]
#[schema(as = KnownHandle)]
pub(crate) struct KnownHandleView {
    /// The handle.
    #[serde(flatten)]
    handle: HandleView,
    /// The contact it came by: one of `ids`.
    contact: i64,
    /// The channel that told of it first; `null` where that was not kept.
    channel: Option<String>,
    /// When.
    #[schema(format = DateTime)]
    since: String,
    /// The channel that proved it.
    proved_by: Option<String>,
}

impl From<&KnownHandle> for KnownHandleView {
    fn from(known: &KnownHandle) -> Self {
        Self {
            handle: HandleView::from(&known.handle),
            contact: known.contact.0,
            channel: known.channel.as_ref().map(ToString::to_string),
            since: rfc3339(known.since),
            proved_by: known.proved_by.as_ref().map(ToString::to_string),
        }
    }
}

/// What joined two contacts.
#[derive(Serialize, ToSchema)]
#[schema(as = Join, example = json!({
    "id": 3, "one": 7, "other": 12, "kind": "email", "value": "wang@example.com",
    "why": "visitor v1 and email wang@example.com are one person's, proved by webchat", "by": "channel:webchat",
    "at": "2026-05-04T09:00:00.000Z", "undone_at": null, "undone_by": null
}))]
pub(crate) struct JoinView {
    /// Its number.
    id: i64,
    /// One of the two contacts.
    one: i64,
    /// The other.
    other: i64,
    /// The kind of the handle it was by; `null` where a person joined them.
    kind: Option<&'static str>,
    /// The handle.
    value: Option<String>,
    /// Why, in one sentence.
    why: String,
    /// `channel:NAME` or `agent:NAME`.
    by: String,
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// When it was undone.
    #[schema(format = DateTime)]
    undone_at: Option<String>,
    /// By whom.
    undone_by: Option<String>,
}

impl From<&Join> for JoinView {
    fn from(join: &Join) -> Self {
        let (kind, value) = join.by_handle.as_ref().map(|(kind, value)| (kind.as_str(), value.clone())).unzip();
        let (undone_at, undone_by) = join.undone.as_ref().map(|(at, by)| (rfc3339(*at), by.clone())).unzip();
        Self {
            id: join.id.0,
            one: join.one.0,
            other: join.other.0,
            kind,
            value,
            why: join.why.clone(),
            by: join.by.clone(),
            at: rfc3339(join.at),
            undone_at,
            undone_by,
        }
    }
}

/// Two contacts that may be one person.
#[derive(Serialize, ToSchema)]
#[schema(as = Suggestion)]
pub(crate) struct SuggestionView {
    /// Its number.
    id: i64,
    /// One of the two contacts.
    one: i64,
    /// The other.
    other: i64,
    /// `claimed`: one named a handle of the other's without proof. `conflict`: a proved handle says yes, and two others that
    /// one person does not have both say no. `undone`: they were joined, and a person undid it.
    #[schema(example = "claimed")]
    reason: &'static str,
    /// The kind of the handle that speaks for it.
    kind: &'static str,
    /// The handle.
    value: String,
    /// Why, in one sentence.
    why: String,
    /// The channel that told.
    channel: String,
    /// When.
    #[schema(format = DateTime)]
    at: String,
}

impl From<&Suggestion> for SuggestionView {
    fn from(it: &Suggestion) -> Self {
        Self {
            id: it.id.0,
            one: it.one.0,
            other: it.other.0,
            reason: it.reason.as_str(),
            kind: it.by_handle.0.as_str(),
            value: it.by_handle.1.clone(),
            why: it.why.clone(),
            channel: it.channel.to_string(),
            at: rfc3339(it.at),
        }
    }
}

/// Everything about one person.
#[derive(Serialize, ToSchema)]
#[schema(as = ContactDetail)]
pub(crate) struct ContactDetailView {
    /// The person, over everything that was joined.
    #[serde(flatten)]
    contact: ContactView,
    /// The contacts that were joined, the oldest first: each of their numbers still finds the person.
    ids: Vec<i64>,
    /// The handles, with how they are known.
    known: Vec<KnownHandleView>,
    /// Handles that the person named without proof. Nothing is sent there.
    claims: Vec<KnownHandleView>,
    /// The orders, the latest changed first, the newest hundred at most.
    orders: Vec<OrderView>,
    /// The conversations, the latest opened first, the newest hundred at most.
    conversations: Vec<ConversationView>,
    /// The joins, also those that were undone, oldest first.
    joins: Vec<JoinView>,
    /// Suggestions that nobody has decided.
    suggestions: Vec<SuggestionView>,
    /// Everything that happened to the contact, oldest first.
    audit: Vec<EventView>,
}

impl ContactDetailView {
    /// `now` decides whether a claim on a conversation still counts.
    pub(super) fn new(it: &ContactDetail, now: Timestamp) -> Self {
        Self {
            contact: ContactView::from(&it.contact),
            ids: it.ids.iter().map(|id| id.0).collect(),
            known: it.handles.iter().map(KnownHandleView::from).collect(),
            claims: it.claims.iter().map(KnownHandleView::from).collect(),
            orders: it.orders.iter().map(OrderView::from).collect(),
            conversations: it.conversations.iter().map(|row| ConversationView::new(row, None, now)).collect(),
            joins: it.joins.iter().map(JoinView::from).collect(),
            suggestions: it.suggestions.iter().map(SuggestionView::from).collect(),
            audit: it.events.iter().map(EventView::from).collect(),
        }
    }
}
