//! What of an article is sent: the part that answers, in whole sentences, with its limits, and never without a fact.
use std::collections::BTreeSet;

use tributary_sdk::PrepareError;
use tributary_sdk::host::knowledge::Article;
use tributary_sdk::text::{Normaliser, ends_sentence};

use crate::config::Config;
use crate::words::{Words, units};

/// The first paragraph answers (K4), unless another one has so many more units of the question.
const AHEAD: usize = 2;
/// Chinese numerals, and what they count.
const NUMERALS: &str = "一二三四五六七八九十百千万两半";
const COUNTED: &str = "天日个月年周号元块折件次小分秒倍成岁级码英寸寸升瓦米斤克";

/// Words of a fact, of nothing, of a promotion.
pub struct Answers {
    empty: Words,
    facts: Words,
    promotions: Words,
    limits: Words,
    longest: usize,
}

/// What is sent.
#[derive(Debug, PartialEq, Eq)]
pub struct Part {
    /// Sentences of one paragraph.
    pub text: String,
    /// Limits of a promotion that stand elsewhere in the article (K5).
    pub limits: String,
}

impl Answers {
    /// # Errors
    /// [`PrepareError::Value`] with the key that cannot work.
    pub fn prepare(config: &Config, normaliser: &Normaliser) -> Result<Self, PrepareError> {
        if config.longest_answer == 0 {
            return Err(PrepareError::value("longest-answer", "expected a number of letters"));
        }
        Ok(Self {
            empty: Words::prepare(&config.empty, "empty", normaliser)?,
            facts: Words::prepare(&config.facts, "facts", normaliser)?,
            promotions: Words::prepare(&config.promotions, "promotions", normaliser)?,
            limits: Words::prepare(&config.limits, "limits", normaliser)?,
            longest: config.longest_answer as usize,
        })
    }

    /// The part of an article that answers a question of these units; none where nothing of it states a fact or its limits
    /// do not fit.
    pub fn part(&self, article: &Article, question: &BTreeSet<String>, normaliser: &Normaliser) -> Option<Part> {
        let covered = |text: &str| units(&normaliser.apply(text)).intersection(question).count();
        let text = article.text.replace('\r', "");
        let headless = |paragraph: &&str| !paragraph.is_empty() && !paragraph.starts_with('#');
        let paragraphs: Vec<&str> = text.split("\n\n").map(str::trim).filter(headless).collect();
        let (first, others) = paragraphs.split_first()?;
        let best = others.iter().map(|other| (covered(other), *other)).max_by_key(|(count, _)| *count);
        let chosen = best.filter(|(count, _)| *count >= covered(first) + AHEAD).map_or(*first, |(_, other)| other);
        let mut kept: Vec<&str> = sentences(chosen);
        kept.retain(|sentence| !self.is_empty(&normaliser.apply(sentence)));
        let limits = self.limits(article, &paragraphs, &kept, normaliser);
        let room = self.longest.checked_sub(letters(&limits))?;
        while letters(&kept) > room {
            kept.pop();
        }
        // What was cut off may have stated a limit as well.
        let limits = if limits.is_empty() { limits } else { self.limits(article, &paragraphs, &kept, normaliser) };
        if letters(&kept) + letters(&limits) > self.longest {
            return None;
        }
        let states = |sentence: &&str| self.states_a_fact(&normaliser.apply(sentence));
        kept.iter().any(states).then(|| Part { text: joined(&kept), limits: joined(&limits) })
    }

    /// Limits of a promotion that stand in the article and not among these sentences.
    fn limits<'a>(
        &self,
        article: &Article,
        paragraphs: &[&'a str],
        kept: &[&str],
        normaliser: &Normaliser,
    ) -> Vec<&'a str> {
        let promotes = |text: &str| self.promotions.find(&normaliser.apply(text)).is_some();
        if !promotes(&article.title) && !kept.iter().any(|sentence| promotes(sentence)) {
            return Vec::new();
        }
        let all = paragraphs.iter().flat_map(|paragraph| sentences(paragraph));
        let stated = all.filter(|sentence| self.limits.find(&normaliser.apply(sentence)).is_some());
        stated.filter(|sentence| !kept.contains(sentence)).collect()
    }

    /// Asks for patience or sends elsewhere, and names no figure (J4).
    fn is_empty(&self, sentence: &str) -> bool {
        self.empty.find(sentence).is_some() && !has_figure(sentence)
    }

    fn states_a_fact(&self, sentence: &str) -> bool {
        has_figure(sentence) || self.facts.find(sentence).is_some()
    }
}

fn has_figure(text: &str) -> bool {
    let pairs = text.chars().zip(text.chars().skip(1));
    text.contains(|letter: char| letter.is_ascii_digit())
        || pairs.into_iter().any(|(one, next)| NUMERALS.contains(one) && COUNTED.contains(next))
}

fn letters(sentences: &[&str]) -> usize {
    sentences.iter().map(|sentence| sentence.chars().count() + 1).sum()
}

/// Sentences of a text. A point ends one only in front of a blank, so numbers and names stay whole.
fn sentences(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut from = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, letter)) = chars.next() {
        let next = chars.peek().map_or(' ', |(_, next)| *next);
        let full_width = matches!(letter, '！' | '？' | '；');
        let ends =
            letter == '\n' || full_width || ends_sentence(letter) && (!letter.is_ascii() || next.is_whitespace());
        if ends && !ends_sentence(next) {
            found.push(text[from..at + letter.len_utf8()].trim());
            from = at + letter.len_utf8();
        }
    }
    found.push(text[from..].trim());
    found.retain(|sentence| sentence.chars().any(char::is_alphanumeric));
    found
}

/// Sentences as one text; English ones with a blank between them.
fn joined(sentences: &[&str]) -> String {
    sentences.iter().fold(String::new(), |mut text, sentence| {
        if text.chars().next_back().is_some_and(|last| last.is_ascii()) {
            text.push(' ');
        }
        text.push_str(sentence);
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_whole() {
        let split = ["Version 1.5 is out.", "See a.b for it!", "好。", "可以吗？", "行"];
        assert_eq!(sentences("Version 1.5 is out. See a.b for it!\n好。可以吗？行"), split);
        assert_eq!(joined(&split), "Version 1.5 is out. See a.b for it! 好。可以吗？行");
        assert!(sentences("\n。\n").is_empty());
    }

    #[test]
    fn figures_are_digits_or_counted_numerals() {
        for (text, figure) in [("7 days", true), ("七天无理由", true), ("一定会处理", false), ("soon", false)]
        {
            assert_eq!(has_figure(text), figure, "{text}");
        }
    }
}
