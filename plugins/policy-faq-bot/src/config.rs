//! When the bot answers, by which words it knows what is asked, and what it says.
use schemars::JsonSchema;
use serde::Deserialize;

/// Limits, words and texts. Words match in any letter case and width; English ones as whole words, or from the start of a
/// word where they end in `*`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// From which share of its letters a text counts as Chinese, 1 to 100.
    #[schemars(range(min = 1, max = 100))]
    pub chinese_percent: u8,
    /// Letters that count as another one: pairs, the letter and what it counts as.
    #[serde(default)]
    pub variants: String,
    /// The fact on the conversation in which the bot keeps what it said. Also the name of its bell.
    pub attribute: String,
    /// Grades that the bot answers; a conversation of another one is handed to a person.
    pub grades: Vec<String>,
    /// Categories that need a person.
    #[serde(default)]
    pub person_categories: Vec<String>,
    /// Tags of a customer who is upset (C7).
    #[serde(default)]
    pub upset_tags: Vec<String>,
    /// Categories of questions that come again and again: their answers count for J2, all others for J1.
    #[serde(default)]
    pub repetitive_categories: Vec<String>,
    /// So many articles are looked at, 1 to 20.
    #[schemars(range(min = 1, max = 20))]
    pub articles: u8,
    /// From this score on, 0 to 1, an article is sure to answer.
    pub sure_from: f32,
    /// Two articles whose scores are closer than this, 0 to 1, are as good as each other: where they say different things
    /// a person decides.
    pub close: f32,
    /// From which likeness in percent two texts say the same, 1 to 100.
    #[schemars(range(min = 1, max = 100))]
    pub same_percent: u8,
    /// Questions of more letters than this are for a person.
    pub longest_question: u32,
    /// The most letters of an article that are sent.
    pub longest_answer: u32,
    /// So many answers in a row without a person.
    pub most_answers: u32,
    /// After so many seconds without another word an answered conversation is closed; until then it is out of the queue.
    /// 0: it stays in the queue.
    pub quiet: u32,
    /// Tags of what people work on: a conversation with one of them stays in the queue, whatever the bot answers.
    #[serde(default)]
    pub open_tags: Vec<String>,
    /// Clocks that an answer stops (D1).
    #[serde(default)]
    pub clocks: Vec<String>,
    /// Whether the customer is told of the hand-over where the shop has said nothing yet; policy-receipt does that.
    pub tell_first: bool,

    /// What a message may consist of beside its question: greetings.
    pub greetings: Vec<String>,
    /// What customers call things and what articles call them: in each row, every word but the last is searched for as the
    /// last one.
    #[serde(default)]
    pub wordings: Vec<Vec<String>>,
    /// Polite words and words without a meaning; they are left out of what is searched for.
    pub fillers: Vec<String>,
    /// A message of nothing else needs no answer.
    pub thanks: Vec<String>,
    /// The customer wants a person.
    pub person: Vec<String>,
    /// The answer did not help (C7).
    pub unhelpful: Vec<String>,
    /// Phrases that say nothing (J4): a sentence with one of them and no figure is left out.
    pub empty: Vec<String>,
    /// Words that make a sentence a fact; a figure makes one by itself.
    pub facts: Vec<String>,
    /// An article with one of these in its title or its answer is about a promotion (K5).
    pub promotions: Vec<String>,
    /// A sentence of such an article with one of these states a limit and is always said.
    pub limits: Vec<String>,

    /// An answer out of an article, with `{answer}`, `{title}` and `{id}`.
    pub answer: Text,
    /// An answer with the limits of a promotion, also with `{limits}`.
    pub limited_answer: Text,
    /// A person takes over.
    pub hand_over: Text,
    /// In front of the menu and behind it: `{menu}`.
    pub menu: Text,
    /// What the menu offers (J9), in order.
    pub choices: Vec<Choice>,
    /// Questions about the customer's own orders.
    pub orders: Orders,
}

/// A text in both languages.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

/// One line of the menu.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Choice {
    /// What the line says.
    pub label: Text,
    /// The question it stands for, as a customer would write it.
    pub asks: Text,
}

/// Questions about orders, and what is answered.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Orders {
    /// Minutes between UTC and the shop's clock, for dates in texts.
    pub utc_offset: i32,
    /// Whether an order counts as the customer's own where the same address or number is known of its buyer and of the
    /// customer, but no channel has proved that it is the customer's.
    pub trust_claimed: bool,
    /// A number of so many digits that is none of the customer's orders belongs to one the bot does not know.
    pub number_digits: u8,
    /// What may be asked. The first that fits counts; the first of all where a message is only an order's number.
    pub questions: Vec<Question>,
    /// Tried from the top; the first that fits is said. None fits: a person.
    pub answers: Vec<Answer>,
    /// Said behind it, each where the order has the value.
    #[serde(default)]
    pub details: Vec<Detail>,
    /// Said last where the order was not named and there are others, with `{count}`.
    pub others: Text,
}

/// Words that ask something about an order.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Question {
    /// Its name.
    pub name: String,
    /// Any of these …
    #[serde(default)]
    pub words: Vec<String>,
    /// … or one of each list.
    #[serde(default)]
    pub together: Vec<Vec<String>>,
    /// None of these.
    #[serde(default)]
    pub unless: Vec<String>,
}

/// What is said of an order.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Answer {
    /// Names of questions; none: every question.
    #[serde(default)]
    pub questions: Vec<String>,
    /// States of the order, such as `in-transit`; none: every state.
    #[serde(default)]
    pub states: Vec<String>,
    /// Only where the promised date has passed and the order is not settled.
    #[serde(default)]
    pub overdue: bool,
    /// Why a person is called as well.
    #[serde(default)]
    pub person: Option<String>,
    /// Chinese, with `{order}` and `{since}`.
    pub zh: String,
    /// English, with the same.
    pub en: String,
}

/// One more fact of an order.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Detail {
    /// `parcel`, `promised-by`, `since`, `goods`, or the name of an attribute of the order.
    pub of: String,
    /// States of the order; none: every state.
    #[serde(default)]
    pub states: Vec<String>,
    /// Chinese, with `{value}`.
    pub zh: String,
    /// English, with `{value}`.
    pub en: String,
}
