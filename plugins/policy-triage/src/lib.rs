//! Grades (C1) and classes (C2 to C5, C7 to C9) what customers write.
//!
//! Words that the configuration lists and a small trained classifier speak for classes, and what a class means is
//! configuration too: `judge` weighs them. A later message can raise a grade and never lower it. What a machine wrote is
//! an inquiry at most.
mod config;
mod features;
mod goods;
mod judge;
mod meanings;
mod model;
mod rules;
mod words;

use tributary_sdk::desk::{Action, Decision, Fault, Grade, Happening, Snapshot};
use tributary_sdk::types::{Attribute, Author, Inbound, Order};
use tributary_sdk::{Plugin, Policy, PrepareError};

pub use config::{Class, Config, Feeling, Negation, Product, Rule};
pub use features::{Feature, features};
use goods::Goods;
use judge::{Judge, Judgement};
pub use meanings::Meanings;
pub use model::{MAGIC, Model, Scores, length};
use rules::{Match, Rules};
pub use tributary_sdk::text::Normaliser;
use words::Words;

/// The prepared policy.
pub struct Triage {
    default_category: String,
    longest_text: usize,
    normaliser: Normaliser,
    words: Words,
    rules: Rules,
    judge: Judge,
    goods: Goods,
}

tributary_sdk::export!(Triage: policy);

impl Plugin for Triage {
    type Config = Config;

    fn prepare(mut config: Config) -> Result<Self, PrepareError> {
        let normaliser = Normaliser::new(&config.variants);
        let mut rules = std::mem::take(&mut config.rules);
        rules.extend(Goods::rules(&config.products));
        let (rules, words) = Rules::prepare(rules, config.rule_weight, &config.negation, &normaliser)?;
        let judge = Judge::prepare(&config, rules.all())?;
        let goods = Goods::new(&config, &normaliser);
        let longest_text = config.longest_text as usize;
        let default_category = config.default_category;
        Ok(Self { default_category, longest_text, normaliser, words, rules, judge, goods })
    }
}

impl Policy for Triage {
    fn decide(&self, conversation: &Snapshot, happening: &Happening) -> Result<Vec<Decision>, Fault> {
        let mut decisions = Decisions { conversation, list: Vec::new() };
        match happening {
            Happening::Order(order) => self.goods(std::slice::from_ref(order), &[], &mut decisions),
            Happening::Message(message) if message.author == Author::Customer => {
                if message.automatic {
                    self.automatic(&mut decisions);
                } else {
                    self.message(message, &mut decisions);
                }
            }
            _ => {}
        }
        Ok(decisions.list)
    }
}

/// What was decided so far, for a conversation.
struct Decisions<'a> {
    conversation: &'a Snapshot,
    list: Vec<Decision>,
}

impl Decisions<'_> {
    fn add(&mut self, action: Action, rule: &str, why: impl Into<String>) {
        self.list.push(Decision::new(action, rule, why));
    }

    /// A tag, unless it is there.
    fn tag(&mut self, tag: &str, rule: &str, why: &str) {
        let added = |decision: &Decision| matches!(&decision.action, Action::AddTag(added) if added == tag);
        if !self.conversation.has_tag(tag) && !self.list.iter().any(added) {
            self.add(Action::AddTag(tag.to_owned()), rule, why);
        }
    }

    /// The only tag of its group, such as `time:`.
    fn only_tag(&mut self, group: &str, value: &str, rule: &str, why: &str) {
        let tag = format!("{group}:{value}");
        let conversation = self.conversation;
        let others = conversation
            .tags
            .iter()
            .filter(|other| other.strip_prefix(group).is_some_and(|rest| rest.starts_with(':')));
        for other in others.filter(|other| **other != tag && conversation.has_tag(other)) {
            self.add(Action::RemoveTag(other.clone()), rule, format!("{tag} takes its place: {why}"));
        }
        self.tag(&tag, rule, why);
    }
}

impl Triage {
    fn message(&self, message: &Inbound, decisions: &mut Decisions<'_>) {
        let conversation = decisions.conversation;
        let text = self.normaliser.apply(&self.readable(message));
        let matches = self.rules.matches(&self.words, &text);
        let judgement = self.judge.judge(&self.words, &matches, &text);
        let raised = conversation.current_grade().is_none_or(|present| (present as u8) < judgement.grade as u8);
        if raised {
            decisions.add(Action::SetGrade(judgement.grade), "C1", judgement.grade_why.as_str());
        }
        self.class(&judgement, raised, decisions);
        for (name, why) in &judgement.feelings {
            decisions.tag(name, "C7", why);
        }
        self.tags(&matches, decisions);
        self.goods(&conversation.orders, &[&message.attributes], decisions);
    }

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

    /// What a machine wrote stands in the queue like the rest.
    fn automatic(&self, decisions: &mut Decisions<'_>) {
        if decisions.conversation.current_grade().is_none() {
            let why = "a machine wrote it, so nothing is graded above an inquiry";
            decisions.add(Action::SetGrade(Grade::Inquiry), "C1", why);
        }
        if decisions.conversation.current_category().is_none() {
            let action = Action::SetCategory(self.default_category.clone());
            decisions.add(action, "C4", "a machine wrote it, so its words class nothing");
        }
    }

    /// Category and tags of the class, as far as they are certain. What was found earlier stands, unless it was nothing
    /// or the grade rose.
    fn class(&self, judgement: &Judgement<'_>, raised: bool, decisions: &mut Decisions<'_>) {
        let present = decisions.conversation.current_category();
        if !raised && present.is_some_and(|present| present != self.default_category) {
            return;
        }
        let class = judgement.class.as_ref();
        match class.and_then(|class| Some((class.category?, class))) {
            Some((category, _)) if present == Some(category.as_str()) => {}
            Some((category, class)) => decisions.add(Action::SetCategory(category.clone()), "C4", class.why.as_str()),
            None if present.is_none() => {
                let action = Action::SetCategory(self.default_category.clone());
                decisions.add(action, "C4", "no class is certain enough");
            }
            None => {}
        }
        let Some(class) = class else { return };
        let tags = [
            ("time", class.time, "C2"),
            ("type", class.kind, "C3"),
            ("scenario", class.scenario, "C4"),
            ("dispute", class.dispute, "C5"),
        ];
        for (group, value, rule) in tags {
            if let Some(value) = value {
                decisions.only_tag(group, value, rule, &class.why);
            }
        }
    }

    /// Tags of rules, whatever the class.
    fn tags(&self, matches: &[Match<'_>], decisions: &mut Decisions<'_>) {
        for found in matches.iter().filter(|found| !found.negated) {
            for tag in &found.rule.tags {
                let why = format!("{}: {}", found.sentence(&self.words), found.rule.means);
                decisions.tag(tag, &found.rule.id, &why);
            }
        }
    }

    /// Products and the region, from orders and from facts.
    fn goods(&self, orders: &[Order], facts: &[&[Attribute]], decisions: &mut Decisions<'_>) {
        for (tag, why) in self.goods.products(orders, &self.normaliser) {
            decisions.tag(&tag, "C8", &why);
        }
        let sources = [facts, &goods::known(decisions.conversation)].concat();
        if let Some((tag, why)) = self.goods.region(orders, &sources, &self.normaliser) {
            decisions.tag(&tag, "C8", &why);
        }
    }
}
