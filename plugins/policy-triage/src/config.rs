//! The classes, the words, and what follows from both.
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

/// Classes and words. Words match in any letter case; English ones as whole words, or from the start of a word
/// where they end in `*`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The category of a message that is certain to be of no class.
    pub default_category: String,
    /// So many bytes of a message's text, and of its subject, are searched for words.
    pub longest_text: u32,
    /// So many bytes of both are given to the classifier.
    pub classified_text: u32,
    /// How much the classifier counts; 0: words alone decide.
    pub classifier_weight: f32,
    /// How much a rule without a weight of its own counts: its class is e to this power times as likely.
    pub rule_weight: f32,
    /// How many times as much rules count where the classifier knows nothing of a text or is off.
    pub rules_alone: f32,
    /// From this probability on, 0 to 1, it is an emergency. A false alarm costs less than one that is missed.
    pub emergency_certainty: f32,
    /// From this probability on it is at least a dispute.
    pub dispute_certainty: f32,
    /// From this probability on it is at least a complaint.
    pub complaint_certainty: f32,
    /// From this probability on, among the classes of its grade, a class is named; below it nothing is said.
    pub class_certainty: f32,
    /// When a word is taken back.
    #[serde(default)]
    pub negation: Negation,
    /// Letters that count as another one: pairs, the letter and what it counts as.
    #[serde(default)]
    pub variants: String,
    /// What a message may be about. The classifier knows some of these by name; the rest has rules alone.
    #[serde(default)]
    pub classes: Vec<Class>,
    /// What a message may show beside its class (C7).
    #[serde(default)]
    pub feelings: Vec<Feeling>,
    /// What words mean.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// Products that statistics are kept of (C8).
    #[serde(default)]
    pub products: Vec<Product>,
    /// So many products of a conversation's orders that `products` does not name are tagged by their SKU.
    #[serde(default)]
    pub most_skus: u32,
    /// Attributes of an order, the conversation, the message or the customer that name the region (C8); the first that is
    /// there counts.
    #[serde(default)]
    pub region_attributes: Vec<String>,
    /// What a region is called where it is not its own name in lower case.
    #[serde(default)]
    pub regions: BTreeMap<String, String>,
}

/// What a message may be about, and what follows.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Class {
    /// Its name, in rules and in the classifier.
    pub name: String,
    /// What it means, for a sentence for people.
    pub means: String,
    /// `inquiry`, `simple-complaint`, `dispute` or `emergency` (C1).
    pub grade: String,
    /// The category.
    pub category: String,
    /// Tag `time:…` (C2): `instant`, `after-sales` or `emergency`.
    #[serde(default)]
    pub time: Option<String>,
    /// Tag `type:…` (C3): `return`, `repair` or `complaint`.
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
    /// Tag `scenario:…` (C4).
    #[serde(default)]
    pub scenario: Option<String>,
    /// Tag `dispute:…` (C5).
    #[serde(default)]
    pub dispute: Option<String>,
}

/// What a message may show beside its class.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Feeling {
    /// Its name, in rules and in the classifier, and the tag.
    pub name: String,
    /// What it means, for a sentence for people.
    pub means: String,
    /// The grade is at least this one.
    #[serde(default)]
    pub grade: Option<String>,
    /// From this probability on, 0 to 1.
    pub certainty: f32,
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
    /// The id that decisions name, such as `C9`.
    pub id: String,
    /// What it means, to follow the words in a sentence for people.
    pub means: String,
    /// The class or the feeling that it speaks for; absent: only its tags count.
    #[serde(default)]
    pub says: Option<String>,
    /// How much it speaks for it; absent: `rule-weight`. Negated, it speaks as much against it.
    #[serde(default)]
    pub weight: Option<f32>,
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

/// A product that statistics are kept of.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Product {
    /// The tag is `product:` and this.
    pub name: String,
    /// The shop's numbers of its articles; one that ends in `*` stands for all that begin so.
    #[serde(default)]
    pub skus: Vec<String>,
    /// Words of a message or of an article's title that mean it.
    #[serde(default)]
    pub words: Vec<String>,
}
