//! What an operator may change.
use schemars::JsonSchema;
use serde::Deserialize;

/// The doc comments here become the descriptions in the schema that travels with the plugin.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The tag of a conversation in which one of the words was used.
    pub tag: String,
    /// The words, in any letter case.
    pub words: Vec<String>,
}
