//! Which model drafts answers, out of what, and what may become of them.
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use tributary_policy::When;

/// The configuration.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The base of the server's API, such as `http://127.0.0.1:11434/v1`.
    pub url: String,
    /// The model's name on that server.
    pub model: String,
    /// 0 to 2.
    #[schemars(range(min = 0, max = 2))]
    pub temperature: f64,
    /// The longest answer, in the model's units.
    #[schemars(range(min = 1))]
    pub max_tokens: u32,
    /// What becomes of an answer.
    pub mode: Mode,
    /// Conversations it is asked about.
    pub when: Asked,
    /// What it is told.
    pub facts: Facts,
    /// What it may say.
    pub answer: Answer,
    /// The last line of every text it wrote, by language.
    pub mark: BTreeMap<String, String>,
    /// What it is told before everything else, by language.
    pub system: BTreeMap<String, String>,
}

/// Conversations it is asked about.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// Grades, categories, tags, channels.
    #[serde(flatten)]
    pub when: When,
}

/// What becomes of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// An agent sends it.
    Draft,
    /// It goes to the customer, where no person has the matter.
    Reply,
}

/// What the model is told.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Facts {
    /// So many articles, 1 to 20.
    #[schemars(range(min = 1, max = 20))]
    pub articles: u32,
    /// Of this score at least, 0 to 1.
    #[schemars(range(min = 0, max = 1))]
    pub score_from: f32,
    /// So many letters of each.
    pub article_letters: u32,
    /// So many messages, 1 to 50.
    #[schemars(range(min = 1, max = 50))]
    pub messages: u32,
    /// So many letters of each.
    pub message_letters: u32,
}

/// What the model may say.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Answer {
    /// In letters.
    #[schemars(range(min = 1))]
    pub longest: u32,
    /// From which share of its letters a text counts as Chinese (`zh`), 1 to 100.
    #[schemars(range(min = 1, max = 100))]
    pub chinese_percent: u8,
    /// The language of every other text.
    pub default_language: String,
    /// The conversation's tag.
    pub tag: String,
}
