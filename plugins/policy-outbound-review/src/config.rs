//! What is looked for in a text, and what follows.
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// Words, rules and statements. `README.md` has the language of patterns.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// From which share of its letters a text counts as Chinese, 1 to 100.
    #[schemars(range(min = 1, max = 100))]
    pub chinese_percent: u8,
    /// How many letters `*` of a pattern may stand for.
    #[schemars(range(min = 1, max = 100))]
    pub gap: u8,
    /// How many letters `**` may stand for, across commas, but not beyond the sentence.
    #[schemars(range(min = 1, max = 200))]
    pub wide_gap: u8,
    /// Pairs: a letter, and the letter it counts as.
    #[serde(default)]
    pub variants: String,
    /// Lists of words that patterns name as `<name>`.
    #[serde(default)]
    pub groups: BTreeMap<String, Vec<String>>,
    /// Words before a quotation that make it somebody else's.
    #[serde(default)]
    pub quoting: Vec<String>,
    /// Patterns that take any rule's match back.
    #[serde(default)]
    pub excuses: Vec<String>,
    /// Numbers that are written as words.
    #[serde(default)]
    pub numbers: BTreeMap<String, u32>,
    /// What is counted.
    #[serde(default)]
    pub units: Vec<Unit>,
    /// Wording.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// Statements that the knowledge base has to back.
    #[serde(default)]
    pub claims: Vec<Claim>,
    /// Statements are looked up in so many articles, 1 to 20.
    #[schemars(range(min = 1, max = 20))]
    pub articles: u8,
    /// Numbers of people.
    pub personal: Personal,
    /// Scripts that were not made the customer's own.
    pub scripts: Scripts,
}

/// A unit, and what it is worth.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Unit {
    /// What patterns call it: `{time}`.
    pub kind: String,
    /// How it is written behind a number.
    #[serde(default)]
    pub names: Vec<String>,
    /// How it is written before a number.
    #[serde(default)]
    pub signs: Vec<String>,
    /// How many of the kind's smallest unit it is.
    pub worth: f64,
    /// A greater number is none of this unit: the year of a date.
    #[serde(default)]
    pub most: Option<f64>,
}

/// What a match means for the text.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// It may not leave.
    Block,
    /// It may leave; the author is told.
    Warn,
    /// Nothing: the rule rests.
    Off,
}

/// Wording that is not wanted, or that is missing.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rule {
    /// The row it belongs to, such as `K1`.
    pub id: String,
    /// What follows.
    pub effect: Effect,
    /// What is wrong, for the author.
    pub means: String,
    /// A better wording, by language: `zh`, `en`.
    #[serde(default)]
    pub instead: BTreeMap<String, String>,
    /// Found where one of these is found; none: every text.
    #[serde(default)]
    pub patterns: Vec<String>,
    /// Patterns that take a match back: with `@` for the match, or by overlapping it.
    #[serde(default)]
    pub excuses: Vec<String>,
    /// The rule fits only where none of these is found.
    #[serde(default)]
    pub lacks: Vec<String>,
    /// `lacks` looks at so many letters from the beginning; 0: all.
    #[serde(default)]
    pub opening: u32,
    /// The rule fits only texts of more letters.
    #[serde(default)]
    pub longer_than: u32,
    /// The rule fits only conversations of these grades; none: all.
    #[serde(default)]
    pub grades: Vec<String>,
    /// The rule fits only where nobody of the shop answered yet.
    #[serde(default)]
    pub first_answer: bool,
}

/// A kind of statement that has to be true.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Claim {
    /// The row it belongs to, such as `K3`.
    pub id: String,
    /// What it is about, for the author.
    pub about: String,
    /// Patterns of the statement; quantities in them have to agree with the article's.
    pub states: Vec<String>,
    /// Patterns of its contrary.
    #[serde(default)]
    pub denies: Vec<String>,
    /// Only articles whose title names what the reply, the order or the customer names.
    #[serde(default)]
    pub of_product: bool,
    /// Where no article says the same and one says otherwise.
    pub contradicted: Effect,
    /// Where no article says anything about it.
    pub unbacked: Effect,
}

/// Telephone numbers, identity numbers, bank cards.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Personal {
    /// The row it belongs to.
    pub id: String,
    /// What happens to somebody else's number.
    pub of_others: Effect,
    /// A number that is the customer's own leaves with its last digits only.
    pub mask_own: bool,
    /// How many digits stay.
    #[schemars(range(min = 0, max = 6))]
    pub digits_shown: u8,
    /// Telephone numbers of the shop, as they are written.
    #[serde(default)]
    pub shop_numbers: Vec<String>,
    /// Patterns in which a telephone number, `@`, is a business's.
    #[serde(default)]
    pub business: Vec<String>,
    /// Patterns in which a long number, `@`, is no bank card.
    #[serde(default)]
    pub no_card: Vec<String>,
    /// A better wording, by language.
    #[serde(default)]
    pub instead: BTreeMap<String, String>,
}

/// Standard scripts.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Scripts {
    /// The row it belongs to.
    pub id: String,
    /// What happens to a text with a place nobody filled: `{name}`.
    pub unfilled: Effect,
    /// What happens to a text that the customer got before, word for word.
    pub repeated: Effect,
    /// A repeated text of fewer letters is no script.
    pub repeated_from: u32,
}
