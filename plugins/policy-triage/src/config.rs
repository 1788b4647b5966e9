//! The words, and what they mean.
use schemars::JsonSchema;
use serde::Deserialize;

/// Grades, clocks and rules. Words match in any letter case; English ones as whole words, or from the start of a word
/// where they end in `*`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The category of a message that no rule gives one.
    pub default_category: String,
    /// So many bytes of a message's text, and of its subject, are read.
    pub longest_text: u32,
    /// Promises that start with a grade (C6), one for each grade at most.
    #[serde(default)]
    pub clocks: Vec<ClockRow>,
    /// When a word is taken back.
    #[serde(default)]
    pub negation: Negation,
    /// Letters that count as another one: pairs, the letter and what it counts as.
    #[serde(default)]
    pub variants: String,
    /// What the words mean. Of several rules that fit, the gravest gives the grade.
    #[serde(default)]
    pub rules: Vec<Rule>,
}

/// A promise to the customer of a grade.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ClockRow {
    /// `inquiry`, `simple-complaint`, `dispute` or `emergency`.
    pub grade: String,
    /// The clock's name. A raised grade stops the clock of this name that is running, and starts the shorter one.
    pub name: String,
    /// The limit in seconds, 1 to 2,592,000.
    #[schemars(range(min = 1, max = 2_592_000))]
    pub target: u32,
    /// When to warn, as a share of the limit, 1 to 99; 0: never.
    #[serde(default)]
    #[schemars(range(max = 99))]
    pub warn_at_percent: u8,
    /// The calendar it runs on; absent: round the clock.
    #[serde(default)]
    pub calendar: Option<String>,
}

/// When a word of a rule with `negatable` does not count: a negation stands right before it, with one filler at most.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Negation {
    /// Such as `not` and `没有`.
    #[serde(default)]
    pub words: Vec<String>,
    /// Look like negations and are none, such as `是不是`.
    #[serde(default)]
    pub except: Vec<String>,
    /// May stand between a negation and its word, such as `been`.
    #[serde(default)]
    pub fillers: Vec<String>,
}

/// Words and what they mean. A rule fits where one of `words` is found, or one word of every list of `together`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rule {
    /// The id that decisions name, such as `C5`.
    pub id: String,
    /// What it means, to follow the words in a sentence for people.
    pub means: String,
    /// The grade; absent: says nothing about it.
    #[serde(default)]
    pub grade: Option<String>,
    /// The category; absent: says nothing about it.
    #[serde(default)]
    pub category: Option<String>,
    /// Tags to add.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Any of these.
    #[serde(default)]
    pub words: Vec<String>,
    /// One of each list, in the same sentence or in two that follow each other.
    #[serde(default)]
    pub together: Vec<Vec<String>>,
    /// None of these.
    #[serde(default)]
    pub unless: Vec<String>,
    /// A negation takes a word back.
    #[serde(default)]
    pub negatable: bool,
}
