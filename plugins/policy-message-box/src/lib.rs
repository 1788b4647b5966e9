//! A box for messages that come while nobody is there (A6), and a plan for each by the time somebody is there again (A7).
//!
//! What the box holds is one attribute of the conversation, `OPENING PLAN`: until when it has it, and by which plan. Until
//! then the customer is told nothing more, whatever else the customer writes.
mod config;
mod prepare;
mod words;

use std::collections::BTreeMap;

use tributary_policy::{Condition, Languages, Texts};
use tributary_sdk::desk::{Action, Decision, Escalation, Fault, Grade, Happening, Route, Snapshot, Standing, Timer};
use tributary_sdk::host::calendar::{self, CalendarError, Moment};
use tributary_sdk::types::{Attribute, Author, Content, Inbound, Timestamp};
use tributary_sdk::{Plugin, Policy, PrepareError};

pub use config::{Config, Escalate, KnownBy, Language, Need, Plan};
use words::Words;

/// The prepared policy.
pub struct MessageBox {
    calendar: String,
    attribute: String,
    timer: String,
    tag: String,
    due_tag: String,
    left_alone_grades: Vec<Grade>,
    left_alone_tags: Vec<String>,
    always_served: Vec<String>,
    answer_rules: Vec<String>,
    languages: Languages,
    words: BTreeMap<String, Words>,
    needs: Vec<Asked>,
    plans: Vec<Prepared>,
}

/// Something that may be needed, checked.
struct Asked {
    name: String,
    known_by: Option<KnownBy>,
    words: Texts,
}

/// A plan, checked.
struct Prepared {
    name: String,
    when: Condition,
    needs: Vec<String>,
    plan: Texts,
    route: Option<Route>,
    escalate: Option<Escalate>,
}

tributary_sdk::export!(MessageBox: policy);

impl Plugin for MessageBox {
    type Config = Config;

    fn prepare(config: Config) -> Result<Self, PrepareError> {
        prepare::prepare(config)
    }
}

impl Policy for MessageBox {
    fn decide(&self, conversation: &Snapshot, happening: &Happening) -> Result<Vec<Decision>, Fault> {
        let closes = |decision: &Decision| matches!(decision.action, Action::Close(_));
        Ok(match happening {
            Happening::AgentReplied(_) | Happening::AgentClosed => self.emptied(conversation),
            _ if conversation.decided.iter().any(closes) => self.emptied(conversation),
            Happening::Message(message) if message.author == Author::Customer && !message.automatic => {
                self.put_in(conversation, message)?
            }
            Happening::Timer(name) if *name == self.timer => self.opened(conversation),
            _ => Vec::new(),
        })
    }
}

/// What the box holds of a conversation.
struct Kept<'a> {
    until: Timestamp,
    plan: &'a str,
}

impl MessageBox {
    /// A message came in while nobody is there.
    fn put_in(&self, conversation: &Snapshot, message: &Inbound) -> Result<Vec<Decision>, Fault> {
        if self.is_left_alone(conversation) || self.is_served(conversation) {
            return Ok(Vec::new());
        }
        let Some(plan) = self.plans.iter().find(|plan| plan.when.fits(conversation)) else { return Ok(Vec::new()) };
        let now = conversation.now;
        let opening = self.opening(now)?;
        if opening.at <= now {
            return Ok(Vec::new());
        }
        let kept = self.kept(conversation).filter(|kept| kept.until > now);
        let language = self.languages.of([
            message.content.text.as_str(),
            message.subject.as_deref().or(conversation.subject.as_deref()).unwrap_or_default(),
        ]);
        let language = if self.words.contains_key(language) { language } else { self.languages.default() };
        let Some(words) = self.words.get(language) else {
            return Err(Fault::NotConfigured(format!("no texts for language {language}")));
        };
        let mut decisions = Vec::new();
        let mut decide = |action, rule, why: String| decisions.push(Decision::new(action, rule, why));
        if kept.is_none() {
            let needs = self.needed(plan, conversation, message, language);
            let text = words.message(&conversation.tag, opening, now, &needs);
            let why = format!("nobody is there by calendar {}, and the message is kept ({language})", self.calendar);
            decide(Action::Reply(Content::plain(text)), "A6", why);
        }
        if !conversation.has_tag(&self.tag) {
            decide(Action::AddTag(self.tag.clone()), "A6", "it lies in the message box".into());
            let bell = Timer { name: self.timer.clone(), at: opening.at };
            decide(Action::SetTimer(bell), "A7", "the next service day begins then".into());
        }
        if kept.as_ref().is_none_or(|kept| kept.plan != plan.name) {
            let reason = plan.when.reason(conversation).unwrap_or_else(|| "everything else".into());
            let note = words.note(opening, now, &plan.plan.fill(language, &[]));
            decide(Action::Note(note), "A7", format!("{reason} is handled by plan {}", plan.name));
            let fact = Attribute::new(&self.attribute, format!("{} {}", opening.at, plan.name));
            decide(Action::SetAttribute(fact), "A6", "the customer is told once a night".into());
        }
        Ok(decisions)
    }

    /// The service day begins. What is open then, nobody has answered.
    fn opened(&self, conversation: &Snapshot) -> Vec<Decision> {
        if !conversation.has_tag(&self.tag) {
            return Vec::new();
        }
        let mut decisions = vec![Decision::new(
            Action::RemoveTag(self.tag.clone()),
            "A7",
            "the service day begins: the box is emptied",
        )];
        let waits = conversation.standing == Standing::Open && conversation.assignee.is_none();
        if !waits || self.is_left_alone(conversation) {
            return decisions;
        }
        let why = "the service day begins, and nobody has answered what came in before";
        let mut decide = |action| decisions.push(Decision::new(action, "A7", why));
        decide(Action::AddTag(self.due_tag.clone()));
        let named = self.kept(conversation).and_then(|kept| self.plans.iter().find(|plan| plan.name == kept.plan));
        let Some(plan) = named else { return decisions };
        let moves = |route: &&Route| conversation.current_team() != Some(route.team.as_str()) || route.senior;
        if let Some(route) = plan.route.as_ref().filter(moves) {
            decide(Action::Route(route.clone()));
        }
        if let Some(call) = &plan.escalate {
            let escalation = Escalation { level: call.level, teams: call.teams.clone(), reason: why.into() };
            decide(Action::Escalate(escalation));
        }
        decisions
    }

    /// Somebody answered or closed it. That it was told this night stays.
    fn emptied(&self, conversation: &Snapshot) -> Vec<Decision> {
        let why = "somebody has taken care of it";
        let mut decisions = Vec::new();
        if conversation.has_tag(&self.tag) {
            decisions.push(Decision::new(Action::RemoveTag(self.tag.clone()), "A6", why));
            decisions.push(Decision::new(Action::CancelTimer(self.timer.clone()), "A7", why));
        }
        if conversation.has_tag(&self.due_tag) {
            decisions.push(Decision::new(Action::RemoveTag(self.due_tag.clone()), "A7", why));
        }
        decisions
    }

    /// Whether it goes its own way, such as an emergency.
    fn is_left_alone(&self, conversation: &Snapshot) -> bool {
        conversation.current_grade().is_some_and(|grade| self.left_alone_grades.contains(&grade))
            || self.left_alone_tags.iter().any(|tag| conversation.has_tag(tag))
            || conversation.contact.tags.iter().any(|tag| self.always_served.contains(tag))
    }

    /// Whether somebody works on it now, or a machine has just answered and calls nobody.
    fn is_served(&self, conversation: &Snapshot) -> bool {
        let answers = |decision: &Decision| {
            matches!(decision.action, Action::Reply(_))
                && self.answer_rules.iter().any(|rule| decision.rule.starts_with(rule.as_str()))
        };
        let calls = |decision: &Decision| matches!(decision.action, Action::HandToHuman(_));
        conversation.assignee.is_some()
            || conversation.decided.iter().any(answers) && !conversation.decided.iter().any(calls)
    }

    fn opening(&self, now: Timestamp) -> Result<Moment, Fault> {
        calendar::opening(&self.calendar, now).map_err(|error| {
            Fault::NotConfigured(match error {
                CalendarError::Unknown(names) if names.is_empty() => {
                    format!("no calendar is called {}, and there is no other", self.calendar)
                }
                CalendarError::Unknown(names) => {
                    format!("no calendar is called {}; there are: {names}", self.calendar)
                }
                CalendarError::Never => format!("calendar {} has no working time from now on", self.calendar),
            })
        })
    }

    fn kept<'a>(&self, conversation: &'a Snapshot) -> Option<Kept<'a>> {
        let (until, plan) = conversation.current_attribute(&self.attribute)?.split_once(' ')?;
        Some(Kept { until: until.parse().ok()?, plan })
    }

    /// What is needed and not known yet, in the customer's words. What another policy has just asked for is enough.
    fn needed(&self, plan: &Prepared, conversation: &Snapshot, message: &Inbound, language: &str) -> Vec<String> {
        if conversation.decided.iter().any(|decision| matches!(decision.action, Action::AskEvidence(_))) {
            return Vec::new();
        }
        let known = |need: &Asked| match need.known_by {
            Some(KnownBy::Order) => !conversation.orders.is_empty(),
            Some(KnownBy::File) => message.content.attachments.iter().any(|file| file.content_id.is_none()),
            None => false,
        };
        let needs = self.needs.iter().filter(|need| plan.needs.contains(&need.name) && !known(need));
        needs.map(|need| need.words.fill(language, &[])).collect()
    }
}
