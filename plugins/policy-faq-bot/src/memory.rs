//! What the bot remembers of a conversation: one attribute, so that it is seen, kept and erased with it.
use serde::{Deserialize, Serialize};
use tributary_sdk::desk::{Action, Decision, Entry, Snapshot};
use tributary_sdk::types::{Attribute, Author, Inbound, Timestamp};

/// As many answers are remembered.
const MOST: usize = 20;
/// So many bytes of an id are kept; the host keeps 4,096 for the whole attribute.
const LONGEST_ID: usize = 120;

/// One conversation since it was opened, or since an agent closed it last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// Nothing before this moment counts.
    #[serde(skip_serializing_if = "is_default")]
    pub since: Timestamp,
    /// The message that was decided last.
    #[serde(skip_serializing_if = "is_default")]
    last: String,
    /// What it answered with: ids of articles, and orders with question and state.
    #[serde(skip_serializing_if = "is_default")]
    pub answered: Vec<String>,
    /// Answers without a person between them.
    #[serde(skip_serializing_if = "is_default")]
    pub row: u32,
    /// The menu was shown, and nothing was answered since: whether in Chinese.
    #[serde(skip_serializing_if = "is_default")]
    pub menu: Option<bool>,
    /// It rests behind an answer, until a bell closes it.
    #[serde(skip_serializing_if = "is_default")]
    pub rests: bool,
    /// Another policy answered a message: what it began there is open until an agent closes it.
    #[serde(skip_serializing_if = "is_default")]
    pub open: bool,
    /// A person has it.
    #[serde(skip_serializing_if = "is_default")]
    pub handed: bool,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Memory {
    /// A new matter begins at a moment.
    pub fn begun(since: Timestamp) -> Self {
        Self { since, ..Self::default() }
    }

    /// What the conversation's attribute holds; nothing where somebody wrote something else there.
    pub fn of(conversation: &Snapshot, attribute: &str) -> Self {
        conversation.attribute(attribute).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    /// Whether this message was decided before.
    pub fn knows(&self, message: &Inbound) -> bool {
        self.last == name(message)
    }

    /// Notes that this message is decided.
    pub fn decided(&mut self, message: &Inbound) {
        self.last = name(message);
    }

    /// Notes an answer.
    pub fn answer(&mut self, with: &str) {
        self.answered.push(shortened(with));
        let over = self.answered.len().saturating_sub(MOST);
        self.answered.drain(..over);
        self.row += 1;
        self.menu = None;
    }

    /// Whether the bot answered with this before.
    pub fn has_answered(&self, with: &str) -> bool {
        self.answered.contains(&shortened(with))
    }

    /// The messages that count, oldest first, without the one that is being decided.
    pub fn history<'a>(&self, conversation: &'a Snapshot) -> impl DoubleEndedIterator<Item = &'a Entry> {
        let (since, all) = (self.since, &conversation.history);
        let before = all.len().saturating_sub(1);
        all[..before].iter().filter(move |entry| entry.at >= since)
    }

    /// Whether a person of the shop has written, by those that count.
    pub fn agent_wrote(&self, conversation: &Snapshot) -> bool {
        self.history(conversation).any(|entry| entry.author == Author::Agent)
    }

    /// Keeps it.
    pub fn keep(&self, attribute: &str, rule: &str, why: &str) -> Decision {
        let text = serde_json::to_string(self).unwrap_or_default();
        Decision::new(Action::SetAttribute(Attribute::new(attribute, text)), rule, why)
    }
}

/// The channel's id of a message, or when it was sent.
fn name(message: &Inbound) -> String {
    message.external_id.as_deref().map_or_else(|| message.sent_at.to_string(), shortened)
}

fn shortened(id: &str) -> String {
    id[..id.floor_char_boundary(LONGEST_ID)].to_owned()
}
