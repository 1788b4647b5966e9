//! The table of clocks.
use schemars::JsonSchema;
use serde::Deserialize;
use tributary_policy::{Span, When};

/// What is promised, and until when.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The calendar of rows with `working-hours`, as the daemon's configuration names it; absent: they run round the clock.
    #[serde(default)]
    pub calendar: Option<String>,
    /// How much working time a working day has; without a calendar it has 24 hours.
    pub working_day: Span,
    /// When a row warns that does not say so itself, as a share of its limit, 1 to 99; 0: never.
    #[schemars(range(max = 99))]
    pub warn_at_percent: u8,
    /// The fact that is kept on a conversation: what it was promised.
    pub attribute: String,
    /// Of rows of one name the first that fits counts.
    #[serde(default)]
    pub clocks: Vec<Row>,
}

/// One promise.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Row {
    /// The clock's name. Any stop of any row of this name stops it.
    pub name: String,
    /// The rule that decisions name.
    pub rule: String,
    /// What is promised, to follow “that” in a sentence for people.
    pub means: String,
    /// Conversations it is for.
    #[serde(flatten)]
    pub when: When,
    /// The events of which one starts it.
    pub start: Vec<String>,
    /// The events of which one stops it. Closing the conversation stops every clock.
    #[serde(default)]
    pub stop: Vec<String>,
    /// The limit, 1 second to 30 days.
    pub target: Span,
    /// When to warn, as a share of the limit; absent: as the configuration says for all.
    #[serde(default)]
    #[schemars(range(max = 99))]
    pub warn_at_percent: Option<u8>,
    /// Runs in working hours only, where there is a calendar.
    #[serde(default)]
    pub working_hours: bool,
    /// Stands still while the next word is the customer's.
    #[serde(default)]
    pub pauses_for_customer: bool,
    /// Each order has a clock of its own, `NAME:ORDER`.
    #[serde(default)]
    pub each_order: bool,
    /// Whether it starts more than once in a conversation.
    #[serde(default)]
    pub again: Again,
}

/// Whether a clock starts more than once in a conversation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Again {
    /// Once; another time only where another row promises less time.
    #[default]
    Once,
    /// Each time it starts while it does not run.
    WhenStopped,
    /// Each time, also while it runs: it begins from the beginning.
    Anew,
}
