//! Wording: what must not be said, and what is missing.
use std::collections::BTreeMap;

use tributary_sdk::PrepareError;
use tributary_sdk::desk::{Grade, Snapshot};
use tributary_sdk::types::Author;

use crate::config::{Effect, Rule};
use crate::pattern::{Collector, Found, Patterns};
use crate::text::Span;

/// A rule, ready to use.
pub struct Prepared {
    pub rule: Rule,
    patterns: Patterns,
    excuses: Patterns,
    lacks: Patterns,
    grades: Vec<Grade>,
}

/// What is somebody else's word, or taken back by any rule's excuse.
pub struct Excuses {
    quoting: Patterns,
    general: Patterns,
}

/// So many places of one rule are shown; a text of more is written anew anyway.
const MOST_PLACES: usize = 8;

/// How far before a quotation the word may stand that introduces it, in letters.
const INTRODUCTION: usize = 8;

impl Excuses {
    /// # Errors
    /// [`PrepareError::Value`] with the key that cannot be read.
    pub fn prepare(
        quoting: &[String],
        general: &[String],
        collector: &mut Collector<'_>,
    ) -> Result<Self, PrepareError> {
        Ok(Self { quoting: collector.add(quoting, "quoting")?, general: collector.add(general, "excuses")? })
    }

    pub fn apply(&self, found: &Found<'_>, span: Span) -> bool {
        let quotation = found.text.quotations.iter().find(|it| it.from <= span.from && span.to <= it.to);
        let quoted = quotation.is_some_and(|quotation| {
            let introduces = |from: usize| from < quotation.from && quotation.from - from <= INTRODUCTION;
            found.fits(&self.quoting).iter().any(|fit| introduces(fit.span.from))
        });
        quoted || found.excused(&self.general, span)
    }
}

impl Prepared {
    /// # Errors
    /// [`PrepareError::Value`] with the key that cannot be read.
    pub fn prepare(index: usize, rule: Rule, collector: &mut Collector<'_>) -> Result<Self, PrepareError> {
        let key = |name: &str| format!("rules.{index}.{name}");
        if rule.patterns.is_empty() && rule.lacks.is_empty() {
            return Err(PrepareError::value(format!("rules.{index}"), "expected `patterns` or `lacks`"));
        }
        let grade = |word: &String| {
            let problem = "expected inquiry, simple-complaint, dispute or emergency";
            Grade::from_word(word).ok_or_else(|| PrepareError::value(key("grades"), problem))
        };
        Ok(Self {
            patterns: collector.add(&rule.patterns, &key("patterns"))?,
            excuses: collector.add(&rule.excuses, &key("excuses"))?,
            lacks: collector.add(&rule.lacks, &key("lacks"))?,
            grades: rule.grades.iter().map(grade).collect::<Result<_, _>>()?,
            rule,
        })
    }

    /// Where a text offends: spans, or the whole text.
    pub fn offences(&self, found: &Found<'_>, excuses: &Excuses, conversation: &Snapshot) -> Vec<Option<Span>> {
        if !self.concerns(found, conversation) {
            return Vec::new();
        }
        let mut spans: Vec<Span> = found.fits(&self.patterns).into_iter().map(|fit| fit.span).collect();
        spans.sort_unstable_by_key(|span| (span.from, std::cmp::Reverse(span.to)));
        spans.retain(|span| !found.excused(&self.excuses, *span) && !excuses.apply(found, *span));
        if spans.is_empty() && !self.patterns.is_empty() || self.has_what_it_lacks(found) {
            return Vec::new();
        }
        if self.patterns.is_empty() {
            vec![None]
        } else {
            merged(spans).into_iter().take(MOST_PLACES).map(Some).collect()
        }
    }

    fn concerns(&self, found: &Found<'_>, conversation: &Snapshot) -> bool {
        let rule = &self.rule;
        let answered = || conversation.history.iter().any(|entry| entry.author == Author::Agent);
        rule.effect != Effect::Off
            && found.text.letters.len() > rule.longer_than as usize
            && (self.grades.is_empty() || conversation.current_grade().is_some_and(|it| self.grades.contains(&it)))
            && !(rule.first_answer && answered())
    }

    fn has_what_it_lacks(&self, found: &Found<'_>) -> bool {
        let opening = if self.rule.opening == 0 { usize::MAX } else { self.rule.opening as usize };
        found.any_before(&self.lacks, opening)
    }
}

/// Spans in order, those that overlap as one.
fn merged(spans: Vec<Span>) -> Vec<Span> {
    let mut merged: Vec<Span> = Vec::new();
    for span in spans {
        match merged.last_mut().filter(|last| last.overlaps(span)) {
            Some(last) => last.to = last.to.max(span.to),
            None => merged.push(span),
        }
    }
    merged
}

/// ` Better: “…”`, in the language of the text, where there is one.
pub fn better(instead: &BTreeMap<String, String>, language: &str) -> String {
    instead.get(language).map(|wording| format!(" Better: “{wording}”")).unwrap_or_default()
}
