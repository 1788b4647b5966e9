//! The texts of the acknowledgement.
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// Texts, and which of them a customer gets.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// From which share of its letters a text counts as Chinese (`zh`), 1 to 100.
    #[schemars(range(min = 1, max = 100))]
    pub chinese_percent: u8,
    /// The language of every other text.
    pub default_language: String,
    /// The fact that is kept on an acknowledged conversation: lower-case letters and dashes.
    pub attribute: String,
    /// What `{subject}` becomes where there is none, by language.
    #[serde(default)]
    pub no_subject: BTreeMap<String, String>,
    /// Tried from the top.
    pub templates: Vec<Template>,
}

/// One text.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Template {
    /// `zh`, or the default language.
    pub language: String,
    /// Grades it is for; none: all, also a conversation without a grade.
    #[serde(default)]
    pub grades: Vec<String>,
    /// The rule that the decision names.
    pub rule: String,
    /// With `{tag}` and `{subject}`.
    pub text: String,
}
