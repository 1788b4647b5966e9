//! The routing table.
use schemars::JsonSchema;
use serde::Deserialize;
use tributary_policy::When;

/// Who works on what, and for whom first.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The team of everything that no row fits.
    pub default_team: String,
    /// Tried from the top; the first that fits decides.
    #[serde(default)]
    pub routes: Vec<Row>,
    /// Customers who come first. Every row that fits counts.
    #[serde(default)]
    pub tiers: Vec<Tier>,
    /// Which agent is a customer's own.
    pub own_agent: OwnAgent,
    /// The contact's attribute that names the customer's own agent.
    pub own_agent_attribute: String,
    /// For so many days, 1 to 3650, the agent who answered a customer last is the customer's own.
    #[schemars(range(min = 1, max = 3650))]
    pub last_agent_days: u16,
    /// Clocks whose breach lets every agent of the team take the conversation.
    #[serde(default)]
    pub widen_clocks: Vec<String>,
    /// The note of that: `{team}`, `{clock}`.
    pub widen_note: String,
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
    /// Skills the agent needs: `refund`, or `refund:2` where level 2 of 9 is the least.
    #[serde(default)]
    pub skills: Vec<String>,
    /// Only a senior agent.
    #[serde(default)]
    pub senior: bool,
}

/// Customers who come first.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Tier {
    /// Conversations it is for.
    #[serde(flatten)]
    pub when: When,
    /// The customer has one of these tags.
    pub contact_tags: Vec<String>,
    /// Of those that are due at the same time the higher one is next.
    #[serde(default)]
    pub tier: u8,
    /// Only a senior agent.
    #[serde(default)]
    pub senior: bool,
    /// A team of their own, which serves them in everything but an emergency.
    #[serde(default)]
    pub team: Option<String>,
    /// The rule that decisions name.
    pub rule: String,
}

/// Which agent is a customer's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OwnAgent {
    /// The named one, else who answered the customer last.
    Last,
    /// The named one.
    Named,
    /// None.
    Off,
}
