//! What comes in and goes out: arrivals, messages, deliveries. The twin of `wit/types.wit` and `wit/plugin.wit`.
use crate::order::Order;
use crate::time::Timestamp;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;

/// Name and value, in the order the channel gave them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attribute {
    /// Lower case with dashes.
    pub name: String,
    /// Any text.
    pub value: String,
}

words! {
    /// What kind of name a person is known by.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
    pub enum HandleKind {
        /// An RFC 5321 address, domain in lower case.
        Email = "email",
        /// An E.164 number.
        Phone = "phone",
        /// A user of one WeChat official account: `APPID/OPENID`.
        WechatOpenid = "wechat-openid",
        /// A user across the accounts of one WeChat open platform.
        WechatUnionid = "wechat-unionid",
        /// A buyer's id on a marketplace, with the marketplace before it: `shopify/207119551`.
        MarketplaceBuyer = "marketplace-buyer",
        /// A visitor of the shop's own site.
        Visitor = "visitor",
        /// Anything else, with whose name it is before it: `telegram/42`.
        Other = "other",
    }
}

/// One way to recognise a person.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Handle {
    /// What kind of name `value` is.
    pub kind: HandleKind,
    /// The name in the normal form of its kind.
    pub value: String,
    /// True only where the channel proves it.
    pub verified: bool,
}

words! {
    /// Who wrote a text.
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
    pub enum Author {
        /// The person the shop serves.
        Customer = "customer",
        /// A person of the shop.
        Agent = "agent",
        /// A machine that answers in the shop's name.
        Bot = "bot",
        /// The channel or the desk itself.
        System = "system",
    }
}

/// A file the host holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Attachment {
    /// SHA-256 of the bytes in lower-case hex.
    pub blob: String,
    /// The name to show. Never used as a path.
    pub name: String,
    /// RFC 6838 media type.
    pub media_type: String,
    /// Length in bytes.
    pub size: u64,
    /// The id that the HTML part refers to as `cid:`.
    pub content_id: Option<String>,
}

/// A text with what hangs on it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Content {
    /// What the author wrote now, as plain text.
    pub text: String,
    /// The history that was quoted.
    pub quoted: Option<String>,
    /// The author's HTML, as it came: not sanitised.
    pub html: Option<String>,
    /// Files, in the order of the channel.
    pub attachments: Vec<Attachment>,
}

/// What the channel knows about which conversation a message belongs to.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ThreadHints {
    /// The secret given out with an earlier outgoing message.
    pub reply_token: Option<String>,
    /// A tag such as `T1042`.
    pub tag: Option<String>,
    /// The external id of the message this one answers.
    pub in_reply_to: Option<String>,
    /// External ids of earlier messages of the thread.
    pub references: Vec<String>,
    /// The channel's own id of the dialogue.
    pub thread_key: Option<String>,
    /// The order the message is about.
    pub order_id: Option<String>,
}

/// One message from outside, normalised.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Inbound {
    /// The channel's id of the message.
    pub external_id: Option<String>,
    /// When the author sent it, as the channel says.
    pub sent_at: Timestamp,
    /// Who wrote it.
    pub author: Author,
    /// The ways to recognise the author, best first.
    pub from: Vec<Handle>,
    /// The name the author shows.
    pub display_name: Option<String>,
    /// The subject, decoded, without reply prefixes and tag.
    pub subject: Option<String>,
    /// What was written.
    pub content: Content,
    /// Which conversation it may belong to.
    pub thread: ThreadHints,
    /// Kept, but never answered by a machine.
    pub automatic: bool,
    /// What else the channel knows.
    pub attributes: Vec<Attribute>,
}

impl Inbound {
    /// What the message says, as a number: two arrivals with the same external id and the same digest are one message.
    ///
    /// The sending time is left out, because a channel that does not tell one gets the time of arrival; attributes and
    /// thread hints are left out, because the way a copy took may change them.
    pub fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut field = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        for handle in &self.from {
            field(handle.kind.as_str().as_bytes());
            field(handle.value.as_bytes());
        }
        field(self.subject.as_deref().unwrap_or_default().as_bytes());
        field(self.content.text.as_bytes());
        field(self.content.quoted.as_deref().unwrap_or_default().as_bytes());
        field(self.content.html.as_deref().unwrap_or_default().as_bytes());
        for attachment in &self.content.attachments {
            field(attachment.blob.as_bytes());
            field(attachment.name.as_bytes());
        }
        hash.finalize().into()
    }
}

words! {
    /// What became of an outgoing message.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub enum DeliveryState {
        /// The next system took it over.
        Accepted = "accepted",
        /// It reached the customer's device or mailbox.
        Delivered = "delivered",
        /// The customer opened it.
        Read = "read",
        /// Refused before it left.
        Failed = "failed",
        /// Taken over first, came back later.
        Bounced = "bounced",
    }
}

/// News about an outgoing message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delivery {
    /// The host's id, where the channel gives it back. Text of an [`crate::OutgoingId`].
    pub outgoing_id: Option<String>,
    /// The channel's id of the outgoing message.
    pub external_id: Option<String>,
    /// What became of it.
    pub state: DeliveryState,
    /// The channel's own words.
    pub detail: Option<String>,
}

/// What a channel knows about one person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Profile {
    /// All of them are this one person's.
    pub handles: Vec<Handle>,
    /// The name the person shows.
    pub display_name: Option<String>,
    /// Profile tags.
    pub tags: Vec<String>,
    /// What else the channel knows; takes the place of an attribute of the same name.
    pub attributes: Vec<Attribute>,
}

/// What came later of a message that is here already.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Supplement {
    /// The message, by the id that this channel gave it.
    pub external_id: String,
    /// Put behind the files that it has; one that it has already is not put there again.
    pub attachments: Vec<Attachment>,
    /// Takes the place of its text.
    pub text: Option<String>,
    /// Put behind those that it has.
    pub attributes: Vec<Attribute>,
}

/// Somebody is writing. Kept nowhere.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Typing {
    /// Who.
    pub from: Vec<Handle>,
    /// The channel's own id of the dialogue.
    pub thread_key: Option<String>,
}

/// One thing that an arrival told.
#[derive(Clone, PartialEq, Debug)]
pub enum ChannelEvent {
    /// Somebody wrote.
    Message(Box<Inbound>),
    /// An order changed.
    Order(Box<Order>),
    /// An outgoing message went further or came back.
    Delivery(Delivery),
    /// What is known of a person.
    Profile(Profile),
    /// More of a message that is here already.
    Supplement(Supplement),
    /// Somebody is writing.
    Typing(Typing),
}

/// One HTTP request as a value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// Upper case.
    pub method: String,
    /// Path and query for an arrival, an absolute URL for egress.
    pub url: String,
    /// Names in lower case.
    pub headers: Vec<Attribute>,
    /// The bytes as they came.
    pub body: Arc<[u8]>,
}

/// One HTTP response as a value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Response {
    /// 100 to 599.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<Attribute>,
    /// The bytes.
    pub body: Vec<u8>,
}

/// What came in, as it came in. Cheap to clone: the bytes are shared.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Arrival {
    /// A call of the channel's hook.
    Http(Request),
    /// A mail with its RFC 5321 envelope.
    Mail {
        /// The return path; empty for the null one.
        mail_from: String,
        /// Those of the mail's recipients that belong to the channel.
        rcpt_to: Vec<String>,
        /// The message, after dot-unstuffing.
        data: Arc<[u8]>,
    },
    /// A file.
    Document {
        /// Its name, for people.
        name: String,
        /// What it is said to be.
        media_type: String,
        /// Its bytes.
        data: Arc<[u8]>,
    },
}

impl Arrival {
    /// The bytes that matter: body, message or file.
    pub fn bytes(&self) -> &Arc<[u8]> {
        match self {
            Self::Http(request) => &request.body,
            Self::Mail { data, .. } | Self::Document { data, .. } => data,
        }
    }

    /// The contract's word for its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Http(_) => "http",
            Self::Mail { .. } => "mail",
            Self::Document { .. } => "document",
        }
    }
}

/// What an arrival told.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Reading {
    /// In the order they are to be stored.
    pub events: Vec<ChannelEvent>,
    /// What to answer the sender of an HTTP arrival.
    pub answer: Option<Response>,
    /// It was a bell: the channel is to be polled now.
    pub poll_now: bool,
}

/// What was new when a channel was polled.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Batch {
    /// In the order they are to be stored.
    pub events: Vec<ChannelEvent>,
    /// Where to go on; stored together with the events.
    pub cursor: Option<String>,
    /// When to ask again; zero: at once, there is more.
    pub again_in: Duration,
}

/// Why an arrival told nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Rejection {
    /// Signature or token wrong. Nothing is stored.
    Unauthenticated(String),
    /// Not this channel's format. The raw arrival is parked.
    Malformed(String),
    /// Understood and deliberately dropped.
    Ignored(String),
}

/// One message to send, as an adapter gets it.
#[derive(Clone, PartialEq, Debug)]
pub struct Outgoing {
    /// Also the idempotency key.
    pub id: crate::OutgoingId,
    /// When it was written; the same for every attempt.
    pub at: Timestamp,
    /// The conversation.
    pub conversation: crate::ConversationId,
    /// The secret that brings an answer back.
    pub reply_token: String,
    /// Who wrote it.
    pub author: Author,
    /// To whom, best first.
    pub to: Vec<Handle>,
    /// The conversation's subject.
    pub subject: Option<String>,
    /// What to send.
    pub content: Content,
    /// The external id of the message it answers.
    pub in_reply_to: Option<String>,
    /// External ids of the conversation's earlier messages, oldest first, the newest twenty at most.
    pub references: Vec<String>,
    /// What the channel told with the customer's own message that it answers.
    pub attributes: Vec<Attribute>,
}

/// Why a message could not be sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SendError {
    /// The channel's reply window is closed.
    WindowClosed(String),
    /// The channel's credentials are wrong or expired.
    Unauthorised(String),
    /// It will never work.
    Permanent(String),
    /// It may work later.
    Temporary {
        /// For people.
        why: String,
        /// When to try again, where the channel says so.
        after: Option<Duration>,
    },
}

/// What the shop is doing, for channels that can show it to the customer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Sign {
    /// An agent is writing.
    Typing,
    /// An agent has read the customer's messages up to this one, by the id that the channel gave it.
    Read(String),
}

/// One arrival as the platform would send it, made by the adapter to try its channel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Sample {
    /// A call of the channel's hook; the URL begins behind the channel's own path.
    Http(Request),
    /// A mail: its return path, and the message.
    Mail {
        /// The return path.
        mail_from: String,
        /// The message.
        data: Arc<[u8]>,
    },
    /// A file.
    Document {
        /// Its name, for people.
        name: String,
        /// What it is said to be.
        media_type: String,
        /// Its bytes.
        data: Arc<[u8]>,
    },
}
