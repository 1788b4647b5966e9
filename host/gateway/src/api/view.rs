//! What the API shows, as JSON: one type per shape, made from the rules' and the store's types. Times are RFC 3339 in UTC
//! with milliseconds; what is not known is `null`.
use super::contacts::view::JoinView;
use super::mailboxes::MailboxView;
use super::orders::{OperationView, OrderView};
use super::plugins::view::UnwellView;
use serde::{Deserialize, Serialize};
use tributary_model::Timestamp;
use tributary_model::conversation::Conversation;
use tributary_model::decision::{Contact, Objection};
use tributary_model::message::{self, Attachment};
use tributary_model::queue::Holder;
use tributary_model::{ConversationId, PluginName};
use tributary_store::{
    ClockView as StoredClock, Continuation, ConversationDetail, Counts, DeliveryView as StoredDelivery,
    DraftView as StoredDraft, Event, Message,
};
use utoipa::ToSchema;

/// RFC 3339 with milliseconds, in UTC. A moment beyond the year 9999 is shown as the last one that can be.
pub(crate) fn rfc3339(at: Timestamp) -> String {
    let millis = i64::try_from(at.0).unwrap_or(i64::MAX);
    let at = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX);
    format!("{at:.3}")
}

/// Name and value.
#[derive(Serialize, Deserialize, ToSchema)]
pub(crate) struct Attribute {
    /// Lower case with dashes.
    #[schema(example = "language")]
    name: String,
    /// Any text.
    #[schema(example = "zh")]
    value: String,
}

impl From<&message::Attribute> for Attribute {
    fn from(from: &message::Attribute) -> Self {
        Self { name: from.name.clone(), value: from.value.clone() }
    }
}

pub(crate) fn attributes(from: &[message::Attribute]) -> Vec<Attribute> {
    from.iter().map(Attribute::from).collect()
}

/// Who holds a conversation, and until when unless the claim is renewed.
#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = Holder, example = json!({"agent": "lin", "until": "2026-05-04T09:15:00.000Z"}))]
pub(crate) struct HolderView {
    /// The agent: the name of its token.
    pub(crate) agent: String,
    /// When the claim ends.
    #[schema(format = DateTime)]
    pub(crate) until: String,
}

impl From<&Holder> for HolderView {
    fn from(holder: &Holder) -> Self {
        Self { agent: holder.agent.to_string(), until: rfc3339(holder.until) }
    }
}

/// One way to recognise a person.
#[derive(Serialize, ToSchema)]
#[schema(as = Handle, example = json!({"kind": "email", "value": "wang@example.com", "verified": false}))]
pub(crate) struct HandleView {
    /// `email`, `phone`, `wechat-openid`, `wechat-unionid`, `marketplace-buyer`, `visitor` or `other`.
    kind: &'static str,
    /// The name in the normal form of its kind.
    value: String,
    /// The channel proves it.
    verified: bool,
}

impl From<&message::Handle> for HandleView {
    fn from(handle: &message::Handle) -> Self {
        Self { kind: handle.kind.as_str(), value: handle.value.clone(), verified: handle.verified }
    }
}

/// The customer.
#[derive(Serialize, ToSchema)]
#[schema(as = Contact)]
pub(crate) struct ContactView {
    /// Its number.
    id: i64,
    /// The name they show.
    name: Option<String>,
    /// The ways to recognise them.
    handles: Vec<HandleView>,
    /// Profile tags.
    tags: Vec<String>,
    /// What else is known.
    attributes: Vec<Attribute>,
}

impl From<&Contact> for ContactView {
    fn from(contact: &Contact) -> Self {
        Self {
            id: contact.id.0,
            name: contact.display_name.clone(),
            handles: contact.handles.iter().map(HandleView::from).collect(),
            tags: contact.tags.clone(),
            attributes: attributes(&contact.attributes),
        }
    }
}

/// Who shall work on a conversation.
#[derive(Serialize, ToSchema)]
#[schema(as = Route)]
pub(crate) struct RouteView {
    /// The team.
    team: String,
    /// Skills the agent needs.
    skills: Vec<String>,
    /// The agent to ask first.
    prefer_agent: Option<String>,
    /// Only a senior agent.
    senior: bool,
    /// Among those that are due in the same minute the higher one is next.
    tier: u8,
}

/// One customer's matter.
#[derive(Serialize, ToSchema)]
#[schema(as = Conversation)]
pub(crate) struct ConversationView {
    /// Its number.
    #[schema(example = 1042)]
    id: i64,
    /// What stands in the subject of its mails.
    #[schema(example = "T1042")]
    tag: String,
    /// Where it stands: `open` (in the queue), `answered`, `snoozed` or `closed`.
    #[schema(example = "open")]
    state: &'static str,
    /// Its subject.
    subject: Option<String>,
    /// How grave: `inquiry`, `simple-complaint`, `dispute` or `emergency`; `null` until a policy decided.
    #[schema(example = "dispute")]
    grade: Option<&'static str>,
    /// What about, once decided.
    category: Option<String>,
    /// Its tags, in the order they were added.
    tags: Vec<String>,
    /// Who shall work on it, once routed.
    route: Option<RouteView>,
    /// The channel it was opened by.
    channel: String,
    /// The channel the customer used last: answers go out there.
    last_channel: String,
    /// The customer.
    contact: Option<ContactView>,
    /// Who holds it now.
    holder: Option<HolderView>,
    /// When it was opened.
    #[schema(format = DateTime)]
    opened_at: String,
    /// When anything last changed.
    #[schema(format = DateTime)]
    updated_at: String,
    /// Since when the customer waits for a word.
    #[schema(format = DateTime)]
    waiting_since: String,
    /// When the nearest running clock is breached.
    #[schema(format = DateTime)]
    due_at: Option<String>,
    /// When a snoozed one comes back.
    #[schema(format = DateTime)]
    snoozed_until: Option<String>,
    /// No policy chain has ended for it yet, or the last one failed in part: grade and route may be missing.
    undecided: bool,
    /// Facts kept on it.
    attributes: Vec<Attribute>,
}

impl ConversationView {
    /// `now` decides whether a claim still counts.
    pub(crate) fn new(row: &Conversation, contact: Option<&Contact>, now: Timestamp) -> Self {
        Self {
            id: row.id.0,
            tag: row.id.tag(),
            state: row.state.as_str(),
            subject: row.subject.clone(),
            grade: row.grade.map(|grade| grade.as_str()),
            category: row.category.clone(),
            tags: row.tags.clone(),
            route: row.route.as_ref().map(|route| RouteView {
                team: route.team.clone(),
                skills: route.skills.clone(),
                prefer_agent: route.prefer_agent.as_ref().map(|agent| agent.to_string()),
                senior: route.senior,
                tier: route.tier,
            }),
            channel: row.channel.to_string(),
            last_channel: row.last_channel.to_string(),
            contact: contact.map(ContactView::from),
            holder: row.held_by(now).map(HolderView::from),
            opened_at: rfc3339(row.opened),
            updated_at: rfc3339(row.updated),
            waiting_since: rfc3339(row.waiting_since),
            due_at: row.due.map(rfc3339),
            snoozed_until: row.snoozed_until.map(rfc3339),
            undecided: row.undecided,
            attributes: attributes(&row.attributes),
        }
    }
}

/// A file of a message.
#[derive(Serialize, ToSchema)]
#[schema(as = Attachment)]
pub(crate) struct AttachmentView {
    /// SHA-256 of its bytes in lower-case hex.
    blob: String,
    /// The name to show.
    name: String,
    /// Its media type, as the sender says.
    media_type: String,
    /// Length in bytes.
    size: u64,
    /// The id that an HTML part refers to.
    content_id: Option<String>,
    /// Where to get it.
    url: String,
}

/// Where an outgoing message stands.
#[derive(Serialize, ToSchema)]
#[schema(as = Delivery)]
pub(crate) struct DeliveryView {
    /// Its number, also the idempotency key towards the channel.
    id: i64,
    /// `queued`, `leased` (a node sends it now), `sent` or `failed`.
    #[schema(example = "sent")]
    state: &'static str,
    /// How often it was tried.
    attempts: u32,
    /// When it is tried next.
    #[schema(format = DateTime)]
    next_at: Option<String>,
    /// The last words of the channel.
    detail: Option<String>,
}

impl From<&StoredDelivery> for DeliveryView {
    fn from(from: &StoredDelivery) -> Self {
        Self {
            id: from.id.0,
            state: from.state.as_str(),
            attempts: from.attempts,
            next_at: from.next_at.map(rfc3339),
            detail: from.detail.clone(),
        }
    }
}

/// One message, in or out, or a note.
#[derive(Serialize, ToSchema)]
#[schema(as = Message)]
pub(crate) struct MessageView {
    /// Its number.
    id: i64,
    /// `customer`, `agent`, `bot` (a policy wrote it) or `system`.
    #[schema(example = "customer")]
    author: &'static str,
    /// The author's name: as the customer shows it, of the agent, or of the policy.
    name: Option<String>,
    /// A machine wrote it, on either side.
    automatic: bool,
    /// What the author wrote now, as plain text.
    text: String,
    /// The history that was quoted.
    quoted: Option<String>,
    /// The author sent HTML too. It is never shown, because nothing made it safe.
    has_html: bool,
    /// Files.
    attachments: Vec<AttachmentView>,
    /// The channel it came or went by.
    channel: String,
    /// The channel's id, such as a Message-ID.
    external_id: Option<String>,
    /// When it was sent, as the channel says.
    #[schema(format = DateTime)]
    sent_at: String,
    /// When the desk got it.
    #[schema(format = DateTime)]
    received_at: String,
    /// For an outgoing one: where it stands.
    delivery: Option<DeliveryView>,
    /// What else the channel told.
    attributes: Vec<Attribute>,
}

impl MessageView {
    fn new(conversation: ConversationId, from: &Message) -> Self {
        let attachment = |file: &Attachment| AttachmentView {
            blob: file.blob.clone(),
            name: file.name.clone(),
            media_type: file.media_type.clone(),
            size: file.size,
            content_id: file.content_id.clone(),
            url: format!("{}/conversations/{conversation}/attachments/{}", super::BASE, file.blob),
        };
        Self {
            id: from.id.0,
            author: from.author.as_str(),
            name: from.name.clone(),
            automatic: from.automatic,
            text: from.content.text.clone(),
            quoted: from.content.quoted.clone(),
            has_html: from.content.html.is_some(),
            attachments: from.content.attachments.iter().map(attachment).collect(),
            channel: from.channel.to_string(),
            external_id: from.external_id.clone(),
            sent_at: rfc3339(from.sent_at),
            received_at: rfc3339(from.at),
            delivery: from.delivery.as_ref().map(DeliveryView::from),
            attributes: attributes(&from.attributes),
        }
    }
}

/// What a policy asked for, with the rule it follows and why.
#[derive(Serialize, ToSchema)]
#[schema(as = Decision, example = json!({
    "id": 12, "at": "2026-05-04T09:00:00.020Z", "policy": "policy-triage", "rule": "C1.2",
    "why": "the text names a lawyer", "act": "decided", "action": "set-grade", "detail": "dispute"
}))]
pub(crate) struct DecisionView {
    /// Its place in the event log.
    id: i64,
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// Which policy.
    policy: String,
    /// The rule.
    rule: String,
    /// One sentence.
    why: String,
    /// `decided`: it was done. `refused`: it was not, and `why` says the reason.
    act: String,
    /// The action's word in the contract, such as `set-grade`.
    action: Option<String>,
    /// What the action says besides.
    detail: Option<String>,
}

impl DecisionView {
    fn new(event: &Event) -> Option<Self> {
        let (action, detail) =
            match event.detail.as_deref().map(|detail| detail.split_once(' ').unwrap_or((detail, ""))) {
                None => (None, None),
                Some((action, detail)) => (Some(action.to_owned()), (!detail.is_empty()).then(|| detail.to_owned())),
            };
        Some(Self {
            id: event.id.0,
            at: rfc3339(event.at),
            policy: event.actor.strip_prefix("policy:").unwrap_or(&event.actor).to_owned(),
            rule: event.rule.clone()?,
            why: event.why.clone().unwrap_or_default(),
            act: event.act.clone(),
            action,
            detail,
        })
    }
}

/// A promise with a limit, and how it stands.
#[derive(Serialize, ToSchema)]
#[schema(as = Clock)]
pub(crate) struct ClockView {
    /// Its name.
    #[schema(example = "first-answer")]
    name: String,
    /// The limit in seconds.
    target_seconds: u32,
    /// The calendar it runs on; `null`: round the clock.
    calendar: Option<String>,
    /// When it was started.
    #[schema(format = DateTime)]
    started_at: String,
    /// When it is breached.
    #[schema(format = DateTime)]
    due_at: String,
    /// Standing still while the customer is asked.
    paused: bool,
    /// When it was stopped.
    #[schema(format = DateTime)]
    stopped_at: Option<String>,
    /// When it was breached.
    #[schema(format = DateTime)]
    breached_at: Option<String>,
}

impl From<&StoredClock> for ClockView {
    fn from(from: &StoredClock) -> Self {
        let running = &from.running;
        Self {
            name: running.clock.name.clone(),
            target_seconds: running.clock.target,
            calendar: running.clock.calendar.clone(),
            started_at: rfc3339(running.started),
            due_at: rfc3339(running.due),
            paused: running.paused,
            stopped_at: from.stopped.map(rfc3339),
            breached_at: from.breached.map(rfc3339),
        }
    }
}

/// One line of the event log.
#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
pub(crate) struct EventView {
    /// Its place. Grows with every event.
    id: i64,
    /// The conversation, where it is about one.
    conversation: Option<i64>,
    /// The contact, where it is about one.
    contact: Option<i64>,
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// `agent:NAME`, `policy:NAME`, `channel:NAME` or `host`.
    #[schema(example = "agent:lin")]
    actor: String,
    /// What happened, such as `received`, `opened`, `decided`, `claimed`, `replied`, `sent`, `failed`.
    #[schema(example = "claimed")]
    act: String,
    /// For a decision: the rule.
    rule: Option<String>,
    /// For a decision: why. For the rest: how.
    why: Option<String>,
    /// For a decision: the action's word and what it says besides.
    detail: Option<String>,
}

impl From<&Event> for EventView {
    fn from(event: &Event) -> Self {
        Self {
            id: event.id.0,
            conversation: event.conversation.map(|id| id.0),
            contact: event.contact.map(|id| id.0),
            at: rfc3339(event.at),
            actor: event.actor.clone(),
            act: event.act.clone(),
            rule: event.rule.clone(),
            why: event.why.clone(),
            detail: event.detail.clone(),
        }
    }
}

/// A conversation this one is linked with.
#[derive(Serialize, ToSchema)]
#[schema(as = Link)]
pub(crate) struct LinkView {
    /// Its number.
    id: i64,
    /// Its tag.
    tag: String,
    /// Why they are linked.
    why: String,
}

/// Everything about one conversation.
#[derive(Serialize, ToSchema)]
#[schema(as = ConversationDetail)]
pub(crate) struct DetailView {
    /// The conversation as in lists.
    #[serde(flatten)]
    conversation: ConversationView,
    /// Its messages over all channels in the order they were sent, oldest first.
    messages: Vec<MessageView>,
    /// What policies decided, oldest first.
    decisions: Vec<DecisionView>,
    /// Its clocks, also those that stopped.
    clocks: Vec<ClockView>,
    /// Everything that happened to it, oldest first; decisions included.
    audit: Vec<EventView>,
    /// Conversations it is linked with.
    links: Vec<LinkView>,
    /// The orders it is about, the latest changed first.
    orders: Vec<OrderView>,
    /// What was to be done to orders, oldest first.
    operations: Vec<OperationView>,
    /// Messages that continued it by another channel, and why.
    continuations: Vec<ContinuationView>,
    /// What joined its customer's contacts, also what was undone.
    joins: Vec<JoinView>,
    /// An answer that a policy wrote for an agent to look at. It leaves only where somebody sends it.
    draft: Option<DraftView>,
}

/// An answer that a policy drafted.
#[derive(Serialize, ToSchema)]
#[schema(as = Draft, example = json!({"policy": "policy-assist", "text": "…", "at": "2026-05-04T09:00:00.020Z"}))]
pub(crate) struct DraftView {
    /// Which policy.
    policy: String,
    /// The text.
    text: String,
    /// When it was written.
    #[schema(format = DateTime)]
    at: String,
}

impl From<&StoredDraft> for DraftView {
    fn from(it: &StoredDraft) -> Self {
        Self { policy: it.policy.to_string(), text: it.content.text.clone(), at: rfc3339(it.at) }
    }
}

/// Why a message by another channel is here.
#[derive(Serialize, ToSchema)]
#[schema(as = Continuation, example = json!({
    "message": 12, "channel": "phone", "proved": true,
    "why": "the same customer, about the same order 1001, 3 h 12 min after its last message"
}))]
pub(crate) struct ContinuationView {
    /// The message.
    message: i64,
    /// The channel it came by.
    channel: String,
    /// Why, in one sentence.
    why: String,
    /// The channel proved who wrote it.
    proved: bool,
}

impl From<&Continuation> for ContinuationView {
    fn from(it: &Continuation) -> Self {
        Self { message: it.message.0, channel: it.channel.to_string(), why: it.why.clone(), proved: it.proved }
    }
}

impl DetailView {
    pub(crate) fn new(detail: &ConversationDetail, now: Timestamp) -> Self {
        let id = detail.conversation.id;
        Self {
            conversation: ConversationView::new(&detail.conversation, Some(&detail.contact), now),
            messages: detail.messages.iter().map(|message| MessageView::new(id, message)).collect(),
            decisions: detail.events.iter().filter_map(DecisionView::new).collect(),
            clocks: detail.clocks.iter().map(ClockView::from).collect(),
            audit: detail.events.iter().map(EventView::from).collect(),
            links: detail
                .links
                .iter()
                .map(|(id, why)| LinkView { id: id.0, tag: id.tag(), why: why.clone() })
                .collect(),
            orders: detail.orders.iter().map(OrderView::from).collect(),
            continuations: detail.continuations.iter().map(ContinuationView::from).collect(),
            joins: detail.joins.iter().map(JoinView::from).collect(),
            draft: detail.draft.as_ref().map(DraftView::from),
            operations: detail.operations.iter().map(OperationView::from).collect(),
        }
    }
}

/// What a reviewing policy holds against a text.
#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = Objection, example = json!({"policy": "policy-phrases", "rule": "G2", "why": "promises a refund", "span": [4, 11]}))]
pub(crate) struct ObjectionView {
    /// Which policy.
    pub(crate) policy: String,
    /// The rule.
    pub(crate) rule: String,
    /// One sentence.
    pub(crate) why: String,
    /// Start and end of the words meant, in bytes of the text.
    pub(crate) span: Option<[u32; 2]>,
}

impl From<&(PluginName, Objection)> for ObjectionView {
    fn from((policy, objection): &(PluginName, Objection)) -> Self {
        Self {
            policy: policy.to_string(),
            rule: objection.rule.clone(),
            why: objection.why.clone(),
            span: objection.span.map(|(start, end)| [start, end]),
        }
    }
}

/// How much of what there is.
#[derive(Serialize, ToSchema)]
#[schema(as = Stats)]
pub(crate) struct StatsView {
    /// Conversations in the queue that nobody holds.
    waiting: u64,
    /// Conversations that somebody holds.
    held: u64,
    /// Conversations in all.
    conversations: u64,
    /// Messages in all.
    messages: u64,
    /// Happenings that are not decided yet.
    undecided: u64,
    /// Outgoing messages that are not sent yet.
    outgoing: u64,
    /// Things kept aside and not replayed.
    parked: u64,
    /// Operations on orders that wait for approval.
    approvals: u64,
    /// Places whose breaker is not closed, or in which nothing acts; none where that cannot be told just now.
    unwell: Option<Vec<UnwellView>>,
    /// The mailboxes that are read for channels, by channel.
    mailboxes: Vec<MailboxView>,
}

impl StatsView {
    pub(crate) fn new(counts: Counts, unwell: Option<Vec<UnwellView>>, mailboxes: Vec<MailboxView>) -> Self {
        let Counts { waiting, held, conversations, messages, undecided, outgoing, parked, approvals } = counts;
        Self { waiting, held, conversations, messages, undecided, outgoing, parked, approvals, unwell, mailboxes }
    }
}

/// A page of a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct List<T: ToSchema> {
    /// The rows.
    pub(crate) items: Vec<T>,
    /// What to give as `cursor` for the next page; `null` at the end.
    pub(crate) next: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_utc_with_milliseconds_and_never_fail() {
        for (millis, expected) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_777_885_200_020, "2026-05-04T09:00:00.020Z"),
            (u64::MAX, "9999-12-30T22:00:00.999Z"),
        ] {
            assert_eq!(rfc3339(Timestamp(millis)), expected);
        }
    }
}
