//! Whom a survey asks, when and what; and where agents' notes go.
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use tributary_policy::Span;

/// Surveys and feedback.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The fact that is kept on a conversation: which surveys it had, and which it waits for.
    pub attribute: String,
    /// What the bells' names begin with.
    pub timer: String,
    /// So many days a customer is left in peace after a survey, 365 at most. 0: none.
    #[schemars(range(max = 365))]
    pub rest_days: u32,
    /// How long the form can be answered.
    pub open_for: Span,
    /// Grades that are not asked.
    #[serde(default)]
    pub left_out_grades: Vec<String>,
    /// Tags of conversations that are not asked.
    #[serde(default)]
    pub left_out_tags: Vec<String>,
    /// Tags of customers who are not asked.
    #[serde(default)]
    pub left_out_contacts: Vec<String>,
    /// From which share of its letters a text counts as Chinese (`zh`), 1 to 100.
    #[schemars(range(min = 1, max = 100))]
    pub chinese_percent: u8,
    /// The language of every other text.
    pub default_language: String,
    /// The survey when a matter is closed.
    pub closing: Closing,
    /// The survey when an order has been delivered.
    pub sign_off: SignOff,
    /// What the form asks, in order.
    pub questions: Vec<Question>,
    /// The fact that says which notes went on.
    pub feedback_attribute: String,
    /// The group of the tag: `feedback` is for `feedback:product`.
    pub feedback_tag: String,
    /// Notes that go on.
    #[serde(default)]
    pub feedback: Vec<Feedback>,
}

/// When a matter is closed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Closing {
    /// So long after it was closed.
    pub after: Span,
    /// The message that brings the form, by language, with `{link}` and `{tag}`.
    pub invitation: BTreeMap<String, String>,
}

/// When an order has been delivered.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SignOff {
    /// So long after the delivery.
    pub after: Span,
    /// So long after that it is tried again, where somebody has to do something about the conversation.
    pub again_after: Span,
    /// So often it is tried again.
    pub retries: u32,
    /// The message that brings the form, by language, with `{link}`, `{tag}` and `{order}`.
    pub invitation: BTreeMap<String, String>,
}

/// One question.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Question {
    /// What its answers are counted by, unique: lower-case letters, digits and dashes.
    pub name: String,
    /// What the customer reads, by language.
    pub words: BTreeMap<String, String>,
}

/// Notes of one kind.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Feedback {
    /// Its name, unique: the tag is `feedback:NAME`.
    pub name: String,
    /// The rule that decisions name.
    pub rule: String,
    /// Words, each with its `#`, with one of which a note begins.
    pub words: Vec<String>,
    /// The team that is told.
    pub team: String,
}
