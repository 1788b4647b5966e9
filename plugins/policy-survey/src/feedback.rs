//! What agents note goes on to the teams it concerns (M6), and what works well to everybody (J8).
use sha2::{Digest, Sha256};
use tributary_sdk::desk::{Action, Decision, Snapshot};
use tributary_sdk::text::{one_line, wordy};
use tributary_sdk::types::Attribute;

use crate::config;

/// So much of a note goes on, in letters.
const LONGEST: usize = 2_000;
/// So many notes of a conversation are remembered.
const MOST: usize = 50;

/// Where notes go.
pub struct Notes {
    pub attribute: String,
    pub tag: String,
    pub kinds: Vec<Kind>,
}

/// Notes of one kind.
pub struct Kind {
    pub name: String,
    pub rule: String,
    /// In lower case.
    pub words: Vec<String>,
    pub team: String,
}

impl From<config::Feedback> for Kind {
    fn from(row: config::Feedback) -> Self {
        let words = row.words.iter().map(|word| word.to_lowercase()).collect();
        Self { name: row.name, rule: row.rule, words, team: row.team }
    }
}

impl Notes {
    /// What a note leads to, once for each note.
    pub fn pass_on(&self, conversation: &Snapshot, note: &str) -> Vec<Decision> {
        let (kinds, text) = self.read(note);
        let digest = digest(note);
        let known = conversation.current_attribute(&self.attribute).unwrap_or_default();
        let mut known: Vec<&str> = known.split(' ').filter(|it| !it.is_empty()).collect();
        if kinds.is_empty() || text.is_empty() || known.contains(&digest.as_str()) {
            return Vec::new();
        }
        let mut decisions = Vec::new();
        for kind in &kinds {
            let why = format!("what an agent notes as {} goes to team {}", kind.name, kind.team);
            let told = format!("{} ({}): {}", conversation.tag, kind.name, one_line(text, LONGEST));
            decisions.push(Decision::new(Action::Notify((kind.team.clone(), told)), &kind.rule, why.as_str()));
            let tag = format!("{}:{}", self.tag, kind.name);
            if !conversation.has_tag(&tag) {
                decisions.push(Decision::new(Action::AddTag(tag), &kind.rule, "what agents note is counted"));
            }
        }
        known.push(&digest);
        let kept = known[known.len().saturating_sub(MOST)..].join(" ");
        let fact = Action::SetAttribute(Attribute::new(&self.attribute, kept));
        decisions.extend(kinds.first().map(|kind| Decision::new(fact, &kind.rule, "each note goes on once")));
        decisions
    }

    /// The kinds of the words that a note begins with, and what stands behind them.
    fn read<'a>(&self, note: &'a str) -> (Vec<&Kind>, &'a str) {
        let mut kinds: Vec<&Kind> = Vec::new();
        let mut rest = note.trim();
        while let Some((kind, behind)) = self.first(rest) {
            if !kinds.iter().any(|known| known.name == kind.name) {
                kinds.push(kind);
            }
            rest = behind.trim_start_matches(|letter: char| letter.is_whitespace() || ":：,，、".contains(letter));
        }
        (kinds, rest)
    }

    /// The longest word that a text begins with.
    fn first<'a>(&self, text: &'a str) -> Option<(&Kind, &'a str)> {
        let words = self.kinds.iter().flat_map(|kind| kind.words.iter().map(move |word| (kind, word)));
        let found = words.filter_map(|(kind, word)| Some((kind, behind(text, word)?)));
        found.min_by_key(|(_, rest)| rest.len())
    }
}

/// What stands behind a word, in any letter case and width of `#`. An English word ends where it ends; behind a Chinese one
/// the text may go on at once.
fn behind<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let mut letters = text.chars();
    for wanted in word.chars() {
        let letter = letters.next().map(|letter| if letter == '＃' { '#' } else { letter })?;
        if !letter.to_lowercase().eq([wanted]) {
            return None;
        }
    }
    let rest = letters.as_str();
    let goes_on = word.ends_with(wordy) && rest.starts_with(wordy);
    (!goes_on).then_some(rest)
}

/// By what a note is known again.
fn digest(note: &str) -> String {
    Sha256::digest(note.trim().as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_begins_with_its_words() {
        let kind = |name: &str, words: &[&str]| Kind {
            name: name.into(),
            rule: "M6".into(),
            words: words.iter().map(|word| (*word).to_owned()).collect(),
            team: name.into(),
        };
        let notes = Notes {
            attribute: "a".into(),
            tag: "t".into(),
            kinds: vec![kind("product", &["#product", "#产品"]), kind("line", &["#产品线"]), kind("need", &["#need"])],
        };
        let cases: [(&str, &[&str], &str); 10] = [
            ("#product the lid leaks", &["product"], "the lid leaks"),
            (" #Product: the lid leaks ", &["product"], "the lid leaks"),
            ("＃产品：壶盖漏水", &["product"], "壶盖漏水"),
            ("#产品壶盖漏水", &["product"], "壶盖漏水"),
            ("#产品线 太少", &["line"], "太少"),
            ("#product #need a bigger one", &["product", "need"], "a bigger one"),
            ("#product #product twice", &["product"], "twice"),
            ("#products are late", &[], "#products are late"),
            ("see #product", &[], "see #product"),
            ("#need", &["need"], ""),
        ];
        for (note, kinds, rest) in cases {
            let (found, behind) = notes.read(note);
            assert_eq!(found.iter().map(|kind| kind.name.as_str()).collect::<Vec<_>>(), kinds, "{note}");
            assert_eq!(behind, rest, "{note}");
        }
    }
}
