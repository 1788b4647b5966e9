//! What a policy sees, what it is asked about and what it may ask for. The twin of `desk` in `wit/types.wit`.
use crate::conversation::State;
use crate::message::{Attribute, Author, Content, Handle, Inbound};
use crate::order::{Operation, Order};
use crate::time::Timestamp;
use crate::{AgentName, ChannelName, ContactId, ConversationId};

words! {
    /// How grave a matter is (C1), least first.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
    pub enum Grade {
        /// A general inquiry.
        Inquiry = "inquiry",
        /// A complaint that one agent settles.
        SimpleComplaint = "simple-complaint",
        /// A dispute that needs evidence or a decision.
        Dispute = "dispute",
        /// Money, account or safety at stake now.
        Emergency = "emergency",
    }
}

/// Who shall work on a conversation.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Route {
    /// The team's name.
    pub team: String,
    /// Skills the agent needs, each `NAME` or `NAME:LEVEL`, see [`crate::agent::Skill`].
    pub skills: Vec<String>,
    /// The agent to ask first.
    pub prefer_agent: Option<AgentName>,
    /// Only a senior agent.
    pub senior: bool,
    /// Among those that are due at the same time, the higher one is next.
    pub tier: u8,
}

/// A promise with a limit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Clock {
    /// Unique in its conversation.
    pub name: String,
    /// The limit in seconds, 1 second to 30 days.
    pub target: u32,
    /// The calendar it runs on. None: round the clock.
    pub calendar: Option<String>,
    /// When to warn, as a share of the target, 1 to 99. 0: never.
    pub warn_at_percent: u8,
    /// Stands still while the customer is asked.
    pub pauses_for_customer: bool,
}

/// A clock and how it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RunningClock {
    /// What was started.
    pub clock: Clock,
    /// When.
    pub started: Timestamp,
    /// When it is breached.
    pub due: Timestamp,
    /// Standing still.
    pub paused: bool,
}

/// A question to the customer how it was (M1–M4).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Survey {
    /// Unique in its conversation; answers are counted by it.
    pub name: String,
    /// The message that brings it; [`Survey::LINK`] stands for the address of the form.
    pub invitation: String,
    /// What the form asks: a name to count by, and the words that the customer reads.
    pub questions: Vec<Attribute>,
    /// How long the form can be answered, in seconds.
    pub open_for: u32,
}

impl Survey {
    /// What stands for the address of the form.
    pub const LINK: &'static str = "{link}";
}

/// What a policy asks for.
#[derive(Clone, PartialEq, Debug)]
pub enum Action {
    /// How grave it is.
    SetGrade(Grade),
    /// What it is about.
    SetCategory(String),
    /// Add a tag.
    AddTag(String),
    /// Take a tag away.
    RemoveTag(String),
    /// Keep a fact; an empty value removes it.
    SetAttribute(Attribute),
    /// Who shall work on it.
    Route(Route),
    /// Start a clock.
    StartClock(Clock),
    /// Stop the clock of this name.
    StopClock(String),
    /// Set a bell: name and moment.
    SetTimer(String, Timestamp),
    /// Take a bell away.
    CancelTimer(String),
    /// Call for help.
    Escalate {
        /// 1 to 3.
        level: u8,
        /// Everybody who is called.
        teams: Vec<String>,
        /// One sentence.
        reason: String,
    },
    /// Answer the customer.
    Reply(Content),
    /// A note that only the shop sees.
    Note(String),
    /// Tell a team: its name, and the text.
    Notify(String, String),
    /// Ask the customer for evidence: the text, and the seconds the customer has.
    AskEvidence(String, u32),
    /// Do something to an order.
    Perform(Operation),
    /// Ask for a rating.
    Survey(Survey),
    /// An answer for the agent to look at; it does not leave by itself.
    Draft(Content),
    /// A person shall take over: why.
    HandToHuman(String),
    /// Leave the queue until then.
    Snooze(Timestamp),
    /// The matter is settled: how.
    Close(String),
}

impl Action {
    /// The contract's words for every action: what a policy's `[asks] actions` may name.
    pub const WORDS: [&'static str; 21] = [
        "set-grade",
        "set-category",
        "add-tag",
        "remove-tag",
        "set-attribute",
        "route",
        "start-clock",
        "stop-clock",
        "set-timer",
        "cancel-timer",
        "escalate",
        "reply",
        "note",
        "notify",
        "ask-evidence",
        "perform",
        "survey",
        "draft",
        "hand-to-human",
        "snooze",
        "close",
    ];

    /// The contract's word for it, one of [`Action::WORDS`].
    pub fn word(&self) -> &'static str {
        match self {
            Self::SetGrade(_) => "set-grade",
            Self::SetCategory(_) => "set-category",
            Self::AddTag(_) => "add-tag",
            Self::RemoveTag(_) => "remove-tag",
            Self::SetAttribute(_) => "set-attribute",
            Self::Route(_) => "route",
            Self::StartClock(_) => "start-clock",
            Self::StopClock(_) => "stop-clock",
            Self::SetTimer(..) => "set-timer",
            Self::CancelTimer(_) => "cancel-timer",
            Self::Escalate { .. } => "escalate",
            Self::Reply(_) => "reply",
            Self::Note(_) => "note",
            Self::Notify(..) => "notify",
            Self::AskEvidence(..) => "ask-evidence",
            Self::Perform(_) => "perform",
            Self::Survey(_) => "survey",
            Self::Draft(_) => "draft",
            Self::HandToHuman(_) => "hand-to-human",
            Self::Snooze(_) => "snooze",
            Self::Close(_) => "close",
        }
    }

    /// What the action says besides its word, short enough for a log line of the conversation.
    pub fn detail(&self) -> String {
        let cut = |text: &str| text.chars().take(200).collect::<String>();
        match self {
            Self::SetGrade(grade) => grade.as_str().to_owned(),
            Self::SetCategory(word) | Self::AddTag(word) | Self::RemoveTag(word) => cut(word),
            Self::StopClock(word) | Self::CancelTimer(word) => cut(word),
            Self::SetAttribute(attribute) => cut(&format!("{}={}", attribute.name, attribute.value)),
            Self::Route(route) => cut(&route.team),
            Self::StartClock(clock) => cut(&format!("{} {} s", clock.name, clock.target)),
            Self::SetTimer(name, _) => cut(name),
            Self::Escalate { level, teams, reason } => cut(&format!("level {level} to {}: {reason}", teams.join(", "))),
            Self::Reply(_) | Self::Draft(_) | Self::Snooze(_) => String::new(),
            Self::Survey(survey) => cut(&survey.name),
            Self::Note(text) | Self::AskEvidence(text, _) | Self::HandToHuman(text) | Self::Close(text) => cut(text),
            Self::Notify(team, text) => cut(&format!("{team}: {text}")),
            Self::Perform(operation) => cut(&operation.detail()),
        }
    }
}

/// One action with its reason.
#[derive(Clone, PartialEq, Debug)]
pub struct Decision {
    /// What to do.
    pub action: Action,
    /// The rule it follows.
    pub rule: String,
    /// One sentence.
    pub why: String,
}

/// One person, as a policy sees them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Contact {
    /// The host's id.
    pub id: ContactId,
    /// How the person is known.
    pub handles: Vec<Handle>,
    /// The name they show.
    pub display_name: Option<String>,
    /// Profile tags.
    pub tags: Vec<String>,
    /// What else is known.
    pub attributes: Vec<Attribute>,
}

/// One message of the history, as a policy sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// When it was sent.
    pub at: Timestamp,
    /// Who wrote it.
    pub author: Author,
    /// The text, cut.
    pub text: String,
    /// The channel it came or went by.
    pub channel: ChannelName,
    /// A machine wrote it, on either side.
    pub automatic: bool,
}

/// A conversation at one moment.
#[derive(Clone, PartialEq, Debug)]
pub struct Snapshot {
    /// The moment.
    pub now: Timestamp,
    /// The conversation.
    pub id: ConversationId,
    /// The channel it was opened by.
    pub channel: ChannelName,
    /// Its subject.
    pub subject: Option<String>,
    /// Where it stands.
    pub standing: State,
    /// How grave, once decided.
    pub grade: Option<Grade>,
    /// What about, once decided.
    pub category: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// The team, once routed.
    pub team: Option<String>,
    /// The agent who holds it.
    pub assignee: Option<AgentName>,
    /// When it was opened.
    pub opened: Timestamp,
    /// The customer.
    pub contact: Contact,
    /// Its messages, oldest first, the newest [`HISTORY_LIMIT`] at most.
    pub history: Vec<Entry>,
    /// Orders it is about.
    pub orders: Vec<Order>,
    /// Its clocks.
    pub clocks: Vec<RunningClock>,
    /// What the policies before this one asked for, in this run.
    pub decided: Vec<Decision>,
    /// Facts kept on it.
    pub attributes: Vec<Attribute>,
}

/// How many messages of a conversation a policy sees.
pub const HISTORY_LIMIT: usize = 50;

/// How many characters of each older message a policy sees.
pub const HISTORY_TEXT_LIMIT: usize = 4_000;

/// What a policy is asked about.
#[derive(Clone, PartialEq, Debug)]
pub enum Happening {
    /// A message came in.
    Message(Box<Inbound>),
    /// An order changed.
    Order(Box<Order>),
    /// The clock of this name reached its warning.
    ClockWarning(String),
    /// The clock of this name is breached.
    ClockBreached(String),
    /// The bell of this name rang.
    Timer(String),
    /// An agent answered.
    AgentReplied(Content),
    /// An agent closed it.
    AgentClosed,
    /// An agent holds it from now on.
    AgentClaimed(AgentName),
    /// An agent wrote a note.
    AgentNoted(String),
    /// An operation ended: its idempotency key, and how.
    OperationSettled(Attribute),
}

impl Happening {
    /// Every word of the contract for one.
    pub const WORDS: [&'static str; 10] = [
        "message",
        "order",
        "clock-warning",
        "clock-breached",
        "timer",
        "agent-replied",
        "agent-closed",
        "agent-claimed",
        "agent-noted",
        "operation-settled",
    ];

    /// The contract's word for it, one of [`Happening::WORDS`].
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
}

/// Why a policy could not decide.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The configuration does not cover this case.
    NotConfigured(String),
    /// Anything else.
    Internal(String),
}

/// What a review holds against a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Objection {
    /// The rule.
    pub rule: String,
    /// One sentence.
    pub why: String,
    /// Start and end of the words meant, in bytes of the text.
    pub span: Option<(u32, u32)>,
}

/// What a review says.
#[derive(Clone, PartialEq, Debug)]
pub enum Verdict {
    /// It may leave.
    Pass,
    /// It may leave like this.
    Amend(Content),
    /// It may leave; the author is told.
    Warn(Vec<Objection>),
    /// It may not leave.
    Block(Vec<Objection>),
}
