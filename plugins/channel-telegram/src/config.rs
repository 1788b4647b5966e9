//! What an operator may set. Only its shape lives here: `build.rs` makes the schema of it.
use schemars::JsonSchema;
use serde::Deserialize;

/// The configuration of one Telegram channel.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The Bot API's base URL: `https://api.telegram.org`.
    pub api: String,
    /// UTF-16 code units of one piece of text. Less than 2 counts as 2: one character may take two.
    pub max_text: usize,
}
