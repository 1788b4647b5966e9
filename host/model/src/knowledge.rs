//! The shop's knowledge (J5): what an article is, when a version of it holds, and how well it fits a question.
//!
//! Texts are compared by their *terms* ([`terms`]): letters and pairs of neighbours where a script has no blanks, stems where
//! it has. A store finds articles that share terms with a question; [`Question::fit`] says how well each fits.
mod terms;
#[cfg(test)]
mod tests;

use crate::Timestamp;
use std::collections::{HashMap, HashSet};

pub use terms::terms;

/// What an article says, in one of its versions.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Article {
    /// What it is about, in one line.
    pub title: String,
    /// How customers ask for it, in other words than the title's.
    pub questions: Vec<String>,
    /// What there is to know.
    pub text: String,
    /// The products it is about, by SKU; none: all.
    pub products: Vec<String>,
    /// From when it holds; none: always has.
    pub valid_from: Option<Timestamp>,
    /// Until when, which is not part of it; none: for good.
    pub valid_to: Option<Timestamp>,
}

/// The longest text of an article in bytes.
pub const LONGEST_TEXT: usize = 64 << 10;
/// The longest line of it: a title, a question, a product.
pub const LONGEST_LINE: usize = 500;
/// Questions, and products, of one article at most.
pub const MOST_LINES: usize = 100;
/// The longest key in bytes.
pub const LONGEST_KEY: usize = 100;

/// Whether this can be an article's key: letters, digits, `-`, `_` and `.`, from the first of them on.
pub fn is_key(key: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    (1..=LONGEST_KEY).contains(&key.len()) && key.starts_with(char::is_alphanumeric) && key.chars().all(fits)
}

impl Article {
    /// What is wrong with it, if anything: which field, what stands there, what was expected.
    pub fn fault(&self) -> Option<String> {
        let line = |name: &str, line: &str| {
            let fits = !line.trim().is_empty() && line.len() <= LONGEST_LINE && !line.contains(char::is_control);
            (!fits).then(|| format!("{name} is no line of 1 to {LONGEST_LINE} bytes: {:?}", start(line)))
        };
        let lines = |name: &str, all: &[String]| {
            if all.len() > MOST_LINES {
                return Some(format!("{name} has {} entries, {MOST_LINES} at most were expected", all.len()));
            }
            all.iter().enumerate().find_map(|(n, it)| line(&format!("{name}[{n}]"), it))
        };
        if self.text.trim().is_empty() || self.text.len() > LONGEST_TEXT || self.text.contains('\0') {
            return Some(format!("text has {} bytes, 1 to {LONGEST_TEXT} without NUL were expected", self.text.len()));
        }
        if let (Some(from), Some(to)) = (self.valid_from, self.valid_to)
            && to <= from
        {
            return Some("valid-to is not later than valid-from".into());
        }
        line("title", &self.title)
            .or_else(|| lines("questions", &self.questions))
            .or_else(|| lines("products", &self.products))
    }

    /// Whether it holds at this moment. Of the versions of one article that hold, the latest counts.
    pub fn holds(&self, at: Timestamp) -> bool {
        self.valid_from.is_none_or(|from| from <= at) && self.valid_to.is_none_or(|to| at < to)
    }

    /// Whether an earlier version can still count after this one, which begins to hold now or has begun.
    pub fn replaces_for_good(&self, now: Timestamp) -> bool {
        self.valid_to.is_none() && self.valid_from.is_none_or(|from| from <= now)
    }
}

/// The beginning of a text, for a message.
fn start(text: &str) -> String {
    text.chars().take(60).collect()
}

/// Terms of a question at most: what is behind them says nothing new about what it asks for.
pub const MOST_TERMS: usize = 48;

/// A question, by its terms and what each weighs.
#[derive(Clone, Debug)]
pub struct Question {
    weights: HashMap<String, f64>,
    total: f64,
}

impl Question {
    /// The distinct terms of a text, in their order, [`MOST_TERMS`] at most.
    pub fn terms(text: &str) -> Vec<String> {
        let mut seen = HashSet::new();
        let mut all = terms(text);
        all.retain(|term| seen.insert(term.clone()));
        all.truncate(MOST_TERMS);
        all
    }

    /// Weighs terms by how rare they are: of so many articles, so many have the term.
    pub fn weighed(terms: Vec<(String, u64)>, articles: u64) -> Self {
        let weights = terms.into_iter().map(|(term, having)| (term, weight(having, articles)));
        let weights: HashMap<String, f64> = weights.collect();
        let total = weights.values().sum();
        Self { weights, total }
    }

    /// How well an article fits, 0 to 1: most of it for the share of the question that is found in it, what stands only in its
    /// text counting less; the rest for how much one of its lines (its title, or a way to ask for it) is this question.
    pub fn fit(&self, article: &Terms) -> f64 {
        if self.total <= 0.0 {
            return 0.0;
        }
        let found = |term: &String| {
            if article.lines.iter().any(|line| line.contains(term)) {
                1.0
            } else if article.text.contains(term) {
                IN_TEXT
            } else {
                0.0
            }
        };
        let covered: f64 = self.weights.iter().map(|(term, weight)| weight * found(term)).sum();
        let alike = article.lines.iter().map(|line| self.alike(line)).fold(0.0, f64::max);
        (1.0 - ALIKE) * covered / self.total + ALIKE * alike
    }

    /// How much a line is this question (Sørensen–Dice, weighed). A term that only the line has weighs what a term of this
    /// question weighs on the average.
    fn alike(&self, line: &HashSet<String>) -> f64 {
        let shared: f64 = line.iter().filter_map(|term| self.weights.get(term)).sum();
        let others = line.iter().filter(|term| !self.weights.contains_key(*term)).count() as f64;
        let mean = self.total / self.weights.len() as f64;
        2.0 * shared / (self.total + shared + others * mean)
    }
}

/// What a term counts that stands in an article's text alone.
const IN_TEXT: f64 = 0.8;
/// What a line that is the question itself counts beside what is covered.
const ALIKE: f64 = 0.35;
/// What a term counts that no article has: it may be another word for what one says.
const UNKNOWN: f64 = 0.5;

/// The inverse document frequency of BM25, which is never negative.
fn weight(having: u64, articles: u64) -> f64 {
    let known = if having == 0 { UNKNOWN } else { 1.0 };
    let (having, articles) = (having as f64, articles.max(having) as f64);
    known * (1.0 + (articles - having + 0.5) / (having + 0.5)).ln()
}

/// The terms of an article.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Of the title and of each question.
    lines: Vec<HashSet<String>>,
    /// Of the text.
    text: HashSet<String>,
}

impl Terms {
    /// Reads an article.
    pub fn of(article: &Article) -> Self {
        let set = |text: &String| terms(text).into_iter().collect();
        let lines = std::iter::once(&article.title).chain(&article.questions).map(set).collect();
        Self { lines, text: set(&article.text) }
    }
}
