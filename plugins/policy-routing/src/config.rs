//! The routing table.
use schemars::JsonSchema;
use serde::Deserialize;

/// Who works on what.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The team of everything that no row fits.
    pub default_team: String,
    /// Tried from the top; the first that fits decides.
    #[serde(default)]
    pub routes: Vec<Row>,
}

/// One row. A list that is empty fits everything.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Row {
    /// Grades it is for: `inquiry`, `simple-complaint`, `dispute`, `emergency`.
    #[serde(default)]
    pub grades: Vec<String>,
    /// Categories it is for.
    #[serde(default)]
    pub categories: Vec<String>,
    /// Fits where the conversation has one of these tags.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Names of channels it is for.
    #[serde(default)]
    pub channels: Vec<String>,
    /// The team that gets it.
    pub team: String,
    /// Skills the agent needs.
    #[serde(default)]
    pub skills: Vec<String>,
    /// Only a senior agent.
    #[serde(default)]
    pub senior: bool,
}
