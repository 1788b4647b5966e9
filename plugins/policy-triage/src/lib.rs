//! Grades (C1) and classes (C2 to C5, C7) by words, and the first-response clock of each grade (C6).
//!
//! What the words are and what they mean is configuration; here is only how they are found and what follows. A
//! later message can raise a grade and never lower it. What a machine wrote is an inquiry at most, and starts no clock.
mod config;
mod rules;
mod text;
mod words;

use std::collections::BTreeMap;

use tributary_sdk::desk::{Action, Clock, Decision, Fault, Grade, Happening, RunningClock, Snapshot};
use tributary_sdk::types::{Author, Inbound};
use tributary_sdk::{Plugin, Policy, PrepareError};

pub use config::{ClockRow, Config, Negation, Rule};
use rules::{Match, Rules, grade};
use text::Normaliser;
use words::Words;

/// The prepared policy.
pub struct Triage {
    default_category: String,
    longest_text: usize,
    clocks: BTreeMap<u8, Clock>,
    normaliser: Normaliser,
    words: Words,
    rules: Rules,
}

tributary_sdk::export!(Triage: policy);

impl Plugin for Triage {
    type Config = Config;

    fn prepare(config: Config) -> Result<Self, PrepareError> {
        let normaliser = Normaliser::new(&config.variants);
        let (rules, words) = Rules::prepare(config.rules, &config.negation, &normaliser)?;
        let clocks = config.clocks.into_iter().enumerate().map(prepare_clock).collect::<Result<_, _>>()?;
        let longest_text = config.longest_text as usize;
        Ok(Self { default_category: config.default_category, longest_text, clocks, normaliser, words, rules })
    }
}

fn prepare_clock((index, row): (usize, ClockRow)) -> Result<(u8, Clock), PrepareError> {
    let key = |name: &str| format!("clocks.{index}.{name}");
    if !(1..=2_592_000).contains(&row.target) {
        return Err(PrepareError::value(key("target"), "expected 1 to 2592000 seconds"));
    }
    if row.warn_at_percent > 99 {
        return Err(PrepareError::value(key("warn-at-percent"), "expected 0 to 99"));
    }
    let rank = grade(&row.grade, key("grade"))? as u8;
    let clock = Clock {
        name: row.name,
        target: row.target,
        calendar: row.calendar,
        warn_at_percent: row.warn_at_percent,
        pauses_for_customer: false,
    };
    Ok((rank, clock))
}

impl Policy for Triage {
    fn decide(&self, conversation: &Snapshot, happening: &Happening) -> Result<Vec<Decision>, Fault> {
        if let Happening::AgentReplied(_) = happening {
            return Ok(self.answered(conversation));
        }
        let Some(message) = happening.message().filter(|message| message.author == Author::Customer) else {
            return Ok(Vec::new());
        };
        if message.automatic {
            return Ok(self.automatic(conversation));
        }
        let text = self.normaliser.apply(&self.readable(message));
        let matches = self.rules.matches(&self.words, &text);
        let mut decisions = Vec::new();
        let raised = self.grade(conversation, &matches, &mut decisions);
        self.category(conversation, &matches, raised.is_some(), &mut decisions);
        self.tags(conversation, &matches, &mut decisions);
        if let Some(grade) = raised {
            self.clock(conversation, grade, &mut decisions);
        }
        Ok(decisions)
    }
}

impl Triage {
    /// Subject and new text. Quoted history was read when it was new.
    fn readable(&self, message: &Inbound) -> String {
        let text = &message.content.text;
        let text = &text[..text.floor_char_boundary(self.longest_text)];
        match &message.subject {
            // A full stop of its own keeps words of the subject apart from words of the text.
            Some(subject) => format!("{} . {text}", &subject[..subject.floor_char_boundary(self.longest_text)]),
            None => text.to_owned(),
        }
    }

    /// What a machine wrote stands in the queue like the rest, with nothing promised.
    fn automatic(&self, conversation: &Snapshot) -> Vec<Decision> {
        let mut decisions = Vec::new();
        if conversation.current_grade().is_none() {
            let action = Action::SetGrade(Grade::Inquiry);
            decisions.push(Decision::new(action, "C1", "a machine wrote it, so nothing is graded above an inquiry"));
        }
        if conversation.current_category().is_none() {
            let action = Action::SetCategory(self.default_category.clone());
            decisions.push(Decision::new(action, "C2", "a machine wrote it, so its words class nothing"));
        }
        decisions
    }

    /// The gravest rule gives the grade. The result is the grade where it is new or higher than before.
    fn grade(&self, conversation: &Snapshot, matches: &[Match<'_>], decisions: &mut Vec<Decision>) -> Option<Grade> {
        let gravest = matches.iter().filter_map(|found| found.rule.grade.map(|grade| (grade, found)));
        let gravest = gravest.reduce(|best, next| if next.0 as u8 > best.0 as u8 { next } else { best });
        let (grade, why) = match gravest {
            Some((grade, found)) => (grade, self.sentence(found)),
            None => (Grade::Inquiry, "no word of a complaint, a dispute or an emergency found".to_owned()),
        };
        let present = conversation.current_grade();
        if present.is_some_and(|present| present as u8 >= grade as u8) {
            return None;
        }
        decisions.push(Decision::new(Action::SetGrade(grade), "C1", why));
        Some(grade)
    }

    /// The category of the gravest rule, of equally grave ones of that with most words, then of the first.
    fn category(&self, conversation: &Snapshot, matches: &[Match<'_>], raised: bool, decisions: &mut Vec<Decision>) {
        let weight = |found: &Match<'_>| (found.rule.grade.map_or(0, |grade| grade as u8), found.words.len());
        let with_category = matches.iter().filter_map(|found| found.rule.category.as_ref().map(|name| (name, found)));
        let best = with_category.reduce(|best, next| if weight(next.1) > weight(best.1) { next } else { best });
        let present = conversation.current_category();
        let open = present.is_none_or(|present| present == self.default_category);
        match best {
            Some((name, found)) if (open || raised) && present != Some(name) => {
                let action = Action::SetCategory(name.clone());
                decisions.push(Decision::new(action, found.rule.id.as_str(), self.sentence(found)));
            }
            None if present.is_none() => {
                let action = Action::SetCategory(self.default_category.clone());
                decisions.push(Decision::new(action, "C2", "no word of any class found"));
            }
            _ => {}
        }
    }

    fn tags(&self, conversation: &Snapshot, matches: &[Match<'_>], decisions: &mut Vec<Decision>) {
        let mut added: Vec<&str> = Vec::new();
        for found in matches {
            for tag in found.rule.tags.iter().filter(|tag| !conversation.has_tag(tag)) {
                if !added.contains(&tag.as_str()) {
                    added.push(tag);
                    let action = Action::AddTag(tag.clone());
                    decisions.push(Decision::new(action, found.rule.id.as_str(), self.sentence(found)));
                }
            }
        }
    }

    /// The promise of a grade. A longer one that is running under the same name makes room.
    fn clock(&self, conversation: &Snapshot, grade: Grade, decisions: &mut Vec<Decision>) {
        let Some(clock) = self.clocks.get(&(grade as u8)) else { return };
        if let Some(running) = conversation.clocks.iter().find(|running| running.clock.name == clock.name) {
            // What was promised earlier for an earlier moment stands.
            if running.due <= conversation.now + u64::from(clock.target) * 1000 {
                return;
            }
            let why = format!("the grade rose to {}, which promises a faster answer", grade.word());
            decisions.push(Decision::new(Action::StopClock(clock.name.clone()), "C6", why));
        }
        let why = format!("grade {} promises a first response within {} seconds", grade.word(), clock.target);
        decisions.push(Decision::new(Action::StartClock(clock.clone()), "C6", why));
    }

    /// An agent's first answer is what was promised.
    fn answered(&self, conversation: &Snapshot) -> Vec<Decision> {
        let promised = |running: &&RunningClock| self.clocks.values().any(|clock| clock.name == running.clock.name);
        let stop = |running: &RunningClock| {
            let action = Action::StopClock(running.clock.name.clone());
            Decision::new(action, "C6", "an agent answered, and that is what was promised")
        };
        conversation.clocks.iter().filter(promised).map(stop).collect()
    }

    /// `found "盗刷" and "hacked": money or the account is at stake`, with three words at most.
    fn sentence(&self, found: &Match<'_>) -> String {
        let words: Vec<String> =
            found.words.iter().take(3).map(|word| format!("“{}”", self.words.shown(*word))).collect();
        let more = if found.words.len() > 3 { " and more" } else { "" };
        format!("found {}{more}: {}", words.join(", "), found.rule.means)
    }
}
