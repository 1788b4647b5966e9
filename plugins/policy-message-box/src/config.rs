//! When nobody is there, what a customer is told then, and what happens when somebody is there again.
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use tributary_policy::When;

/// The box.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The calendar of the daemon's configuration that says when somebody is there.
    pub calendar: String,
    /// The fact that is kept on a conversation: until when the box has it, and by which plan.
    pub attribute: String,
    /// The bell that rings when the next service day begins.
    pub timer: String,
    /// The tag of a conversation that lies in the box.
    pub tag: String,
    /// The tag of one that nobody answered by the time the service day began.
    pub due_tag: String,
    /// Grades that go their own way.
    #[serde(default)]
    pub left_alone_grades: Vec<String>,
    /// Tags of conversations that go their own way.
    #[serde(default)]
    pub left_alone_tags: Vec<String>,
    /// Tags of customers who are served at any hour.
    #[serde(default)]
    pub always_served: Vec<String>,
    /// Beginnings of the rules by which a machine's reply is an answer, and no receipt.
    #[serde(default)]
    pub answer_rules: Vec<String>,
    /// From which share of its letters a text counts as Chinese (`zh`), 1 to 100.
    #[schemars(range(min = 1, max = 100))]
    pub chinese_percent: u8,
    /// The language of every other text.
    pub default_language: String,
    /// The texts, by language.
    pub languages: BTreeMap<String, Language>,
    /// What a plan may need of the customer.
    #[serde(default)]
    pub needs: Vec<Need>,
    /// Tried from the top; the first that fits is the conversation's.
    pub plans: Vec<Plan>,
}

/// The texts of one language.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Language {
    /// What the customer is told, with `{tag}`, `{when}` and `{zone}`.
    pub message: String,
    /// What stands behind it where something is needed, with `{needs}`.
    pub ask: String,
    /// What stands between two things that are needed.
    pub separator: String,
    /// The note for the agent, with `{when}` and `{plan}`.
    pub note: String,
    /// A moment of this day, with `{time}`.
    pub today: String,
    /// One of the next day, with `{time}`.
    pub tomorrow: String,
    /// One of the five days after, with `{weekday}` and `{time}`.
    pub soon: String,
    /// A later one, with `{month}`, `{day}` and `{time}`.
    pub later: String,
    /// Names of the days, from Monday on.
    pub weekdays: [String; 7],
    /// Names of the months.
    pub months: [String; 12],
}

/// Something that the shop needs of the customer.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Need {
    /// Its name, for `needs` of a plan.
    pub name: String,
    /// By what the shop has it already, so that it is not asked for.
    #[serde(default)]
    pub known_by: Option<KnownBy>,
    /// What it is called, by language.
    pub words: BTreeMap<String, String>,
}

/// By what something is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KnownBy {
    /// The conversation has an order.
    Order,
    /// A file came with the message.
    File,
}

/// How a kind of matter is handled.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Plan {
    /// Its name, unique: lower-case letters, digits and dashes.
    pub name: String,
    /// Conversations it is for.
    #[serde(flatten)]
    pub when: When,
    /// What the shop needs of the customer, by the names of `needs`.
    #[serde(default)]
    pub needs: Vec<String>,
    /// What is to be done, for the agent, by language.
    pub plan: BTreeMap<String, String>,
    /// Who gets it when the service day begins and nobody has answered. None: it stays where it is.
    #[serde(default)]
    pub route: Option<Route>,
    /// Who is called then. None: nobody.
    #[serde(default)]
    pub escalate: Option<Escalate>,
}

/// Who gets a conversation.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Route {
    /// The team.
    pub team: String,
    /// Skills the agent needs.
    #[serde(default)]
    pub skills: Vec<String>,
    /// Only a senior agent.
    #[serde(default)]
    pub senior: bool,
    /// Among those that are due at the same time, the higher one is next.
    #[serde(default)]
    pub tier: u8,
}

/// Who is called.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Escalate {
    /// 1 to 3.
    #[schemars(range(min = 1, max = 3))]
    pub level: u8,
    /// The teams.
    pub teams: Vec<String>,
}
