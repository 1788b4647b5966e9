//! Constructors and questions that spare integrators work, on the types of the contract.
use crate::Reading;
use crate::desk::{Action, Contact, Decision, Entry, Grade, Happening, Snapshot, Standing};
use crate::trade::Operation;
use crate::types::ChannelEvent;
use crate::types::{
    Attribute, Content, Delivery, DeliveryState, Handle, HandleKind, Inbound, Order, OrderState, SendError, ThreadHints,
};
use crate::web::{Request, Response};

impl Attribute {
    /// Name and value.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

/// The first value of a name in a list of attributes, such as the headers of a request (whose names are in lower case).
fn first<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a str> {
    attributes.iter().find(|attribute| attribute.name == name).map(|attribute| attribute.value.as_str())
}

impl Handle {
    /// A handle that nothing proves, such as a mail's From.
    pub fn claimed(kind: HandleKind, value: impl Into<String>) -> Self {
        Self { kind, value: value.into(), verified: false }
    }

    /// A handle that the channel proves.
    pub fn verified(kind: HandleKind, value: impl Into<String>) -> Self {
        Self { kind, value: value.into(), verified: true }
    }
}

#[allow(clippy::derivable_impls, reason = "the type is generated")]
impl Default for Content {
    fn default() -> Self {
        Self { text: String::new(), quoted: None, html: None, attachments: Vec::new() }
    }
}

impl Content {
    /// A plain text.
    pub fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
}

#[allow(clippy::derivable_impls, reason = "the type is generated")]
impl Default for ThreadHints {
    fn default() -> Self {
        Self {
            reply_token: None,
            tag: None,
            in_reply_to: None,
            references: Vec::new(),
            thread_key: None,
            order_id: None,
        }
    }
}

impl Inbound {
    /// The first value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        first(&self.attributes, name)
    }
}

impl Reading {
    /// One event, and the default answer.
    pub fn of(event: ChannelEvent) -> Self {
        Self { events: vec![event], answer: None, poll_now: false }
    }
}

impl Delivery {
    /// The next system took it over, under this id where it gives one.
    pub fn accepted(external_id: Option<String>) -> Self {
        Self { outgoing_id: None, external_id, state: DeliveryState::Accepted, detail: None }
    }
}

impl SendError {
    /// It will never work.
    pub fn permanent(words: impl Into<String>) -> Self {
        Self::Permanent(words.into())
    }

    /// It may work later; when is not known.
    pub fn temporary(words: impl Into<String>) -> Self {
        Self::Temporary((words.into(), None))
    }

    /// It may work after so many seconds.
    pub fn temporary_after(words: impl Into<String>, seconds: u32) -> Self {
        Self::Temporary((words.into(), Some(seconds)))
    }
}

impl Request {
    /// The first value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        first(&self.headers, name)
    }
}

impl Response {
    /// A status and nothing else.
    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    /// A text with its media type.
    pub fn body(status: u16, media_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: vec![Attribute::new("content-type", media_type)], body: body.into() }
    }

    /// An answer that the host holds open: the topic's items as server-sent events, see [`host::feed`](crate::host::feed).
    pub fn hold(topic: &str) -> Self {
        let headers = vec![Attribute::new("grip-hold", "stream"), Attribute::new("grip-channel", topic)];
        Self { status: 200, headers, body: Vec::new() }
    }

    /// The first value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        first(&self.headers, name)
    }
}

impl Decision {
    /// One action, the rule it follows, and one sentence that a person can read.
    pub fn new(action: Action, rule: impl Into<String>, why: impl Into<String>) -> Self {
        Self { action, rule: rule.into(), why: why.into() }
    }
}

impl Grade {
    /// Its word in configuration, in texts and in the API: `inquiry`, `simple-complaint`, `dispute`, `emergency`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Inquiry => "inquiry",
            Self::SimpleComplaint => "simple-complaint",
            Self::Dispute => "dispute",
            Self::Emergency => "emergency",
        }
    }

    /// The grade of a word; none for any other word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Inquiry, Self::SimpleComplaint, Self::Dispute, Self::Emergency]
            .into_iter()
            .find(|grade| grade.word() == word)
    }
}

impl Standing {
    /// Its word in configuration and in texts: `open`, `answered`, `snoozed`, `closed`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Answered => "answered",
            Self::Snoozed => "snoozed",
            Self::Closed => "closed",
        }
    }

    /// The standing of a word; none for any other word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Open, Self::Answered, Self::Snoozed, Self::Closed].into_iter().find(|it| it.word() == word)
    }
}

impl OrderState {
    /// All of them, in the order in which one follows the other.
    pub const ALL: [Self; 10] = [
        Self::Placed,
        Self::Paid,
        Self::AddressChanged,
        Self::Shipped,
        Self::InTransit,
        Self::Stalled,
        Self::Delivered,
        Self::RefundRequested,
        Self::Refunded,
        Self::Cancelled,
    ];

    /// Its word in configuration and in texts, as the contract writes it: `in-transit`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Placed => "placed",
            Self::Paid => "paid",
            Self::Shipped => "shipped",
            Self::InTransit => "in-transit",
            Self::Stalled => "stalled",
            Self::Delivered => "delivered",
            Self::RefundRequested => "refund-requested",
            Self::Refunded => "refunded",
            Self::Cancelled => "cancelled",
            Self::AddressChanged => "address-changed",
        }
    }

    /// The state of a word; none for any other word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

impl Operation {
    /// Every operation's word.
    pub const WORDS: [&'static str; 7] =
        ["refund", "create-return", "exchange", "intercept-parcel", "change-address", "coupon", "extend-warranty"];

    /// Its word, one of [`Operation::WORDS`].
    pub fn word(&self) -> &'static str {
        match self {
            Self::Refund(_) => "refund",
            Self::CreateReturn(_) => "create-return",
            Self::Exchange(_) => "exchange",
            Self::InterceptParcel(_) => "intercept-parcel",
            Self::ChangeAddress(_) => "change-address",
            Self::Coupon(_) => "coupon",
            Self::ExtendWarranty(_) => "extend-warranty",
        }
    }

    /// The id of the order that it is done to.
    pub fn order(&self) -> &str {
        match self {
            Self::Refund(refund) => &refund.order_id,
            Self::CreateReturn(order) | Self::Exchange(order) | Self::InterceptParcel(order) => order,
            Self::ChangeAddress((order, _)) | Self::Coupon((order, _)) | Self::ExtendWarranty((order, _)) => order,
        }
    }
}

impl Order {
    /// The first value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        first(&self.attributes, name)
    }

    /// Whether a contact is its buyer, by a name that a channel has proved, or by any where claims are trusted. An order may
    /// be in a conversation because somebody wrote its number; what it holds is its buyer's alone.
    pub fn is_of(&self, contact: &Contact, trust_claimed: bool) -> bool {
        let mut known = contact.handles.iter().filter(|handle| handle.verified || trust_claimed);
        known.any(|handle| self.buyer.iter().any(|buyer| handle.kind == buyer.kind && handle.value == buyer.value))
    }
}

impl Snapshot {
    /// The first value of a fact kept on the conversation, before this run's decisions.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        first(&self.attributes, name)
    }

    /// The same with this run's decisions applied; one that was taken away is none.
    pub fn current_attribute(&self, name: &str) -> Option<&str> {
        let decided = self.decided.iter().rev().find_map(|decision| match &decision.action {
            Action::SetAttribute(fact) if fact.name == name => Some(fact.value.as_str()),
            _ => None,
        });
        decided.or_else(|| self.attribute(name)).filter(|value| !value.is_empty())
    }

    /// The grade with this run's decisions applied.
    pub fn current_grade(&self) -> Option<Grade> {
        let decided = self.decided.iter().rev().find_map(|decision| match &decision.action {
            Action::SetGrade(grade) => Some(*grade),
            _ => None,
        });
        decided.or(self.grade)
    }

    /// The category with this run's decisions applied.
    pub fn current_category(&self) -> Option<&str> {
        let decided = self.decided.iter().rev().find_map(|decision| match &decision.action {
            Action::SetCategory(category) => Some(category.as_str()),
            _ => None,
        });
        decided.or(self.category.as_deref())
    }

    /// Whether the conversation has a tag, with this run's decisions applied.
    pub fn has_tag(&self, tag: &str) -> bool {
        let decided = self.decided.iter().rev().find_map(|decision| match &decision.action {
            Action::AddTag(added) if added == tag => Some(true),
            Action::RemoveTag(removed) if removed == tag => Some(false),
            _ => None,
        });
        decided.unwrap_or_else(|| self.tags.iter().any(|present| present == tag))
    }

    /// The team with this run's decisions applied.
    pub fn current_team(&self) -> Option<&str> {
        let decided = self.decided.iter().rev().find_map(|decision| match &decision.action {
            Action::Route(route) => Some(route.team.as_str()),
            _ => None,
        });
        decided.or(self.team.as_deref())
    }

    /// The newest message of the history.
    pub fn last_entry(&self) -> Option<&Entry> {
        self.history.last()
    }
}

impl Happening {
    /// Its word in configuration and in `plugin.toml`, as the contract writes it: `clock-warning`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Message(_) => "message",
            Self::Order(_) => "order",
            Self::ClockWarning(_) => "clock-warning",
            Self::ClockBreached(_) => "clock-breached",
            Self::Timer(_) => "timer",
            Self::AgentReplied(_) => "agent-replied",
            Self::AgentClosed => "agent-closed",
            Self::AgentClaimed(_) => "agent-claimed",
            Self::AgentNoted(_) => "agent-noted",
            Self::OperationSettled(_) => "operation-settled",
        }
    }

    /// The message that came in, where that is what happened.
    pub fn message(&self) -> Option<&Inbound> {
        match self {
            Self::Message(message) => Some(message),
            _ => None,
        }
    }
}
