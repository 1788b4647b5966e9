//! The levels of help, and what calls them.
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use tributary_policy::{Span, When};

/// Levels and triggers.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The fact that is kept on a conversation: its level.
    pub level_attribute: String,
    /// The fact that says since when it stands there, in milliseconds.
    pub since_attribute: String,
    /// The group of the tag that says the level: `escalation` is for `escalation:2`.
    pub tag: String,
    /// The team of a conversation that is not routed.
    pub default_team: String,
    /// From which share of its letters a text counts as Chinese (`zh`), 1 to 100.
    #[schemars(range(min = 1, max = 100))]
    pub chinese_percent: u8,
    /// The language of every other text.
    pub default_language: String,
    /// Items that are followed up at a date.
    pub follow_up: FollowUp,
    /// The levels above the first line.
    pub levels: Vec<Level>,
    /// Tried from the top; the first that fits and changes something acts.
    #[serde(default)]
    pub triggers: Vec<Trigger>,
}

/// When somebody looks at what has a date.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FollowUp {
    /// The fact of a conversation that holds the date, in milliseconds since 1970.
    pub attribute: String,
    /// The fact that says for which date a bell is set.
    pub set_attribute: String,
    /// The bell's name.
    pub timer: String,
    /// So long before the date it rings.
    pub before: Span,
}

/// One level.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Level {
    /// 2 or 3; the first line is 1.
    #[schemars(range(min = 2, max = 3))]
    pub level: u8,
    /// Who is called.
    pub teams: Vec<String>,
    /// What the customer is told, by language; none: nothing. `{tag}` is the conversation's tag.
    #[serde(default)]
    pub progress: BTreeMap<String, String>,
}

/// What calls for help.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Trigger {
    /// The rule that decisions name.
    pub rule: String,
    /// Why, as a sentence for people.
    pub means: String,
    /// Conversations it is for.
    #[serde(flatten)]
    pub when: When,
    /// The events of which one is needed.
    pub on: Vec<String>,
    /// The customer's message has one of these words; none: any message.
    #[serde(default)]
    pub words: Vec<String>,
    /// An agent has answered since the level stands.
    #[serde(default)]
    pub after_answer: bool,
    /// The customer has written so often since the last answer and since the level stands.
    #[serde(default)]
    pub repeats: usize,
    /// The first of those messages is at least so old.
    #[serde(default)]
    pub over: Option<Span>,
    /// What follows.
    pub act: Act,
    /// With `raise-to`: the level.
    #[serde(default)]
    pub level: Option<u8>,
    /// With `raise-to`: a tag by which it calls its teams once, also where the level stands already.
    #[serde(default)]
    pub once: Option<String>,
    /// Teams that are called, in place of the level's.
    #[serde(default)]
    pub teams: Vec<String>,
    /// Teams that are told; `its-team` is the one that has the conversation. Those that are called are told anyway.
    #[serde(default)]
    pub notify: Vec<String>,
    /// What the customer is told, in place of the level's text, by language.
    #[serde(default)]
    pub progress: BTreeMap<String, String>,
}

/// What a trigger does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// The level above the present one.
    RaiseByOne,
    /// To `level`, where the conversation stands below it.
    RaiseTo,
    /// Teams are told.
    Notify,
    /// Teams are told, and it stands in the queue again.
    Wake,
}
