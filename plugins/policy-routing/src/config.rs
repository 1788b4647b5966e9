//! The routing table.
use schemars::JsonSchema;
use serde::Deserialize;
use tributary_policy::When;

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

/// One row.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Row {
    /// Conversations it is for.
    #[serde(flatten)]
    pub when: When,
    /// The team that gets it.
    pub team: String,
    /// Skills the agent needs.
    #[serde(default)]
    pub skills: Vec<String>,
    /// Only a senior agent.
    #[serde(default)]
    pub senior: bool,
}
