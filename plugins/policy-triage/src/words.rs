//! Finds the words of all rules in one pass over a text.
use std::collections::BTreeMap;

use aho_corasick::automaton::{Automaton, OverlappingState};
use aho_corasick::nfa::contiguous::{Builder, NFA};
use aho_corasick::{BuildError, Input};

use crate::config::Negation;
use tributary_sdk::text::{Normaliser, ends_sentence, wordy};

/// All words of all rules, in one automaton. Its kind is chosen here and not by the crate, which would link all kinds.
pub struct Words {
    automaton: NFA,
    patterns: Vec<Pattern>,
    negation: Negation,
}

struct Pattern {
    /// As the configuration has it, for people.
    shown: String,
    /// Must not touch an English letter here.
    bounded_before: bool,
    bounded_after: bool,
    /// Some rule asks whether it is negated.
    negatable: bool,
}

/// Collects words before the automaton is built. A word of two rules is one pattern.
#[derive(Default)]
pub struct Collector {
    ids: BTreeMap<String, usize>,
    plain: Vec<String>,
    patterns: Vec<Pattern>,
}

/// A word that was found.
#[derive(Debug, Clone, Copy)]
pub struct Hit {
    /// Which word, as [`Collector::add`] numbered it.
    pub word: usize,
    /// In which sentence, from 0.
    pub sentence: usize,
    /// A negation takes it back.
    pub negated: bool,
}

impl Collector {
    /// The number of a word; none for a word of nothing but blanks.
    pub fn add(&mut self, word: &str, negatable: bool, normaliser: &Normaliser) -> Option<usize> {
        let (stem, open) = match word.strip_suffix('*') {
            Some(stem) => (stem, true),
            None => (word, false),
        };
        let plain = normaliser.apply(stem).trim().to_owned();
        let (first, last) = (plain.chars().next()?, plain.chars().next_back()?);
        let key = format!("{plain}{}", if open { "*" } else { "" });
        let number = *self.ids.entry(key).or_insert_with(|| {
            let pattern = Pattern {
                shown: stem.trim().to_owned(),
                bounded_before: wordy(first),
                bounded_after: wordy(last) && !open,
                negatable: false,
            };
            self.patterns.push(pattern);
            self.plain.push(plain);
            self.patterns.len() - 1
        });
        self.patterns[number].negatable |= negatable;
        Some(number)
    }

    /// Build the automaton.
    ///
    /// # Errors
    /// Where the words are too many for it.
    pub fn build(self, negation: &Negation, normaliser: &Normaliser) -> Result<Words, BuildError> {
        let plain = |words: &[String]| -> Vec<String> {
            let plain = words.iter().map(|word| normaliser.apply(word).trim().to_owned());
            plain.filter(|word| !word.is_empty()).collect()
        };
        let negation = Negation {
            words: plain(&negation.words),
            except: plain(&negation.except),
            fillers: plain(&negation.fillers),
        };
        Ok(Words { automaton: Builder::new().prefilter(false).build(&self.plain)?, patterns: self.patterns, negation })
    }
}

impl Words {
    /// Tells every word in a normalised text, in the order they end.
    pub fn find(&self, text: &str, mut tell: impl FnMut(Hit)) {
        let (mut sentence, mut counted) = (0, 0);
        let input = Input::new(text);
        let mut state = OverlappingState::start();
        // An unanchored search of a text is what every automaton supports, so there is no error to report.
        while self.automaton.try_find_overlapping(&input, &mut state).is_ok() {
            let Some(found) = state.get_match() else { return };
            let pattern = &self.patterns[found.pattern().as_usize()];
            let before = &text[..found.start()];
            let after = &text[found.end()..];
            if pattern.bounded_before && before.chars().next_back().is_some_and(wordy)
                || pattern.bounded_after && after.chars().next().is_some_and(wordy)
            {
                continue;
            }
            sentence += text[counted..found.end()].chars().filter(|letter| ends_sentence(*letter)).count();
            counted = found.end();
            let negated = pattern.negatable && self.negation.applies(before);
            tell(Hit { word: found.pattern().as_usize(), sentence, negated });
        }
    }

    /// How many words there are.
    pub fn len(&self) -> usize {
        self.patterns.len()
    }

    /// The word as the configuration has it.
    pub fn shown(&self, word: usize) -> &str {
        &self.patterns[word].shown
    }
}

impl Negation {
    /// Whether what stands before a word takes it back. Two negations are none.
    fn applies(&self, before: &str) -> bool {
        let before = before.trim_end();
        let direct = self.strip_negation(before);
        let rest = direct.or_else(|| {
            let filler = self.fillers.iter().find_map(|filler| strip_word(before, filler))?;
            self.strip_negation(filler.trim_end())
        });
        rest.is_some_and(|rest| self.strip_negation(rest.trim_end()).is_none())
    }

    /// What stands before the negation that a text ends with.
    fn strip_negation<'a>(&self, text: &'a str) -> Option<&'a str> {
        if self.except.iter().any(|word| strip_word(text, word).is_some()) {
            return None;
        }
        let longest = self.words.iter().filter_map(|word| strip_word(text, word)).min_by_key(|rest| rest.len())?;
        Some(longest)
    }
}

/// The text without a word at its end; none where it does not end with that word as a whole.
fn strip_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let rest = text.strip_suffix(word)?;
    // `n't` is the end of a word by itself.
    let starts_wordy = word.chars().next().is_some_and(wordy) && !word.contains('\'');
    (!starts_wordy || !rest.chars().next_back().is_some_and(wordy)).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(list: &[&str]) -> (Words, Normaliser) {
        let normaliser = Normaliser::new("");
        let mut collector = Collector::default();
        for word in list {
            collector.add(word, true, &normaliser).unwrap();
        }
        let strings = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let negation = Negation {
            words: strings(&["not", "n't", "不是", "没有", "没"]),
            except: strings(&["not only", "是不是", "有没有"]),
            fillers: strings(&["been", "被"]),
        };
        (collector.build(&negation, &normaliser).unwrap(), normaliser)
    }

    fn hits(words: &Words, text: &str) -> Vec<Hit> {
        let mut hits = Vec::new();
        words.find(text, |hit| hits.push(hit));
        hits
    }

    #[test]
    fn english_words_end_where_words_end() {
        let (words, normaliser) = words(&["fire", "hack*", "盗刷"]);
        for (text, count) in [
            ("The fire!", 1),
            ("fireplace, misfire", 0),
            ("HACKED", 1),
            ("shack", 0),
            ("被盗刷了", 1),
            ("卡fire了", 1),
            ("fire", 1),
            ("", 0),
        ] {
            assert_eq!(hits(&words, &normaliser.apply(text)).len(), count, "{text}");
        }
    }

    #[test]
    fn a_negation_right_before_takes_a_word_back() {
        let (words, normaliser) = words(&["hacked", "盗刷"]);
        for (text, negated) in [
            ("I was not hacked", true),
            ("it hasn't been hacked", true),
            ("not only hacked", false),
            ("knot hacked", false),
            ("not for me, hacked", false),
            ("没有被盗刷", true),
            ("是不是被盗刷了", false),
            ("不是没有盗刷", false),
            ("被盗刷", false),
        ] {
            let hits = hits(&words, &normaliser.apply(text));
            assert_eq!(hits[0].negated, negated, "{text}");
        }
    }
}
