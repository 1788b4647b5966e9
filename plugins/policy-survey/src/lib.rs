//! Asks customers how it was: when a matter is closed (M1) and a week after an order was delivered (M2, D20), anonymously
//! (M3), about speed, result and attitude (M4, M5). What agents note goes on to the teams it concerns (M6, J8).
//!
//! A survey is a bell first. What counts is how things stand when it rings: a matter that was opened again is not over.
mod asked;
mod config;
mod feedback;
mod prepare;

use tributary_policy::{Languages, Texts};
use tributary_sdk::desk::{self, Action, Decision, Entry, Fault, Grade, Happening, Snapshot, Standing, Timer};
use tributary_sdk::host::state::{self, StateError};
use tributary_sdk::types::{Attribute, Author, Order, OrderState};
use tributary_sdk::{Plugin, Policy, PrepareError};

use asked::Asked;
pub use config::{Closing, Config, Feedback, Question, SignOff};
use feedback::Notes;

/// The survey when a matter is closed.
const CLOSING: &str = "closing";
/// What the name of the survey about an order begins with.
const SIGN_OFF: &str = "sign-off:";

/// The prepared policy.
pub struct Survey {
    attribute: String,
    timer: String,
    /// Seconds; 0: none.
    rest: u32,
    /// Seconds.
    open_for: u32,
    /// Milliseconds, as the two below.
    after_closing: u64,
    after_sign_off: u64,
    again_after: u64,
    retries: u32,
    left_out_grades: Vec<Grade>,
    left_out_tags: Vec<String>,
    left_out_contacts: Vec<String>,
    languages: Languages,
    closing: Texts,
    sign_off: Texts,
    questions: Vec<Asks>,
    notes: Notes,
}

/// A question, checked.
struct Asks {
    name: String,
    words: Texts,
}

tributary_sdk::export!(Survey: policy);

impl Plugin for Survey {
    type Config = Config;

    fn prepare(config: Config) -> Result<Self, PrepareError> {
        prepare::prepare(config)
    }
}

impl Policy for Survey {
    fn decide(&self, conversation: &Snapshot, happening: &Happening) -> Result<Vec<Decision>, Fault> {
        let closes = |decision: &Decision| matches!(decision.action, Action::Close(_));
        let closed = matches!(happening, Happening::AgentClosed) || conversation.decided.iter().any(closes);
        let mut decisions = match happening {
            Happening::Timer(bell) => match bell.strip_prefix(&self.timer).and_then(|rest| rest.strip_prefix(':')) {
                Some(name) => self.rung(conversation, name)?,
                None => Vec::new(),
            },
            Happening::Order(order) if order.state == OrderState::Delivered => self.delivered(conversation, order),
            Happening::AgentNoted(note) => self.notes.pass_on(conversation, note),
            _ => Vec::new(),
        };
        if closed {
            decisions.extend(self.closed(conversation));
        }
        Ok(decisions)
    }
}

impl Survey {
    fn closed(&self, conversation: &Snapshot) -> Option<Decision> {
        if !self.may_ask(conversation) || Asked::of(conversation, &self.attribute).is_over(CLOSING) {
            return None;
        }
        let bell = self.bell(CLOSING, conversation.now + self.after_closing);
        Some(Decision::new(
            bell,
            "M1",
            "the matter is closed: the customer is asked in a while, unless it is opened again",
        ))
    }

    fn delivered(&self, conversation: &Snapshot, order: &Order) -> Vec<Decision> {
        let name = format!("{SIGN_OFF}{}", order.id);
        let asked = Asked::of(conversation, &self.attribute);
        if !self.may_ask(conversation) || asked.get(&name).is_some() {
            return Vec::new();
        }
        let bell = self.bell(&name, (order.at + self.after_sign_off).max(conversation.now));
        let why = format!("order {} is delivered: the customer is asked when it has been used for a while", order.id);
        vec![Decision::new(bell, "D20", why), asked.keep(&name, Some(0), &self.attribute, "D20")]
    }

    /// A survey's bell rang.
    fn rung(&self, conversation: &Snapshot, name: &str) -> Result<Vec<Decision>, Fault> {
        let asked = Asked::of(conversation, &self.attribute);
        if !self.may_ask(conversation) || asked.is_over(name) {
            return Ok(Vec::new());
        }
        let standing = conversation.standing;
        if name == CLOSING {
            let settled = standing == Standing::Closed;
            return if settled { self.ask(conversation, name, &self.closing, "", "M1") } else { Ok(Vec::new()) };
        }
        let Some(order) = name.strip_prefix(SIGN_OFF) else { return Ok(Vec::new()) };
        if matches!(standing, Standing::Closed | Standing::Answered) {
            return self.ask(conversation, name, &self.sign_off, order, "D20");
        }
        let vain = asked.get(name).flatten().unwrap_or_default();
        if vain >= self.retries {
            return Ok(vec![asked.keep(name, None, &self.attribute, "D20")]);
        }
        let bell = self.bell(name, conversation.now + self.again_after);
        let why = format!("the conversation is {}: nobody is asked how it was before it is over", standing.word());
        Ok(vec![Decision::new(bell, "D20", why), asked.keep(name, Some(vain + 1), &self.attribute, "D20")])
    }

    fn ask(
        &self,
        conversation: &Snapshot,
        name: &str,
        invitation: &Texts,
        order: &str,
        rule: &str,
    ) -> Result<Vec<Decision>, Fault> {
        if self.is_at_rest(conversation, name)? {
            return Ok(Vec::new());
        }
        let subject = conversation.subject.as_deref().unwrap_or_default();
        let written = customer(conversation).map(|entry| entry.text.as_str());
        let language = self.languages.of(written.chain([subject]));
        let question = |asks: &Asks| Attribute::new(&asks.name, asks.words.fill(language, &[]));
        let survey = desk::Survey {
            name: name.into(),
            // The address is the host's to fill in.
            invitation: invitation.fill(language, &["{link}", &conversation.tag, order]),
            questions: self.questions.iter().map(question).collect(),
            open_for: self.open_for,
        };
        self.note_rest(conversation, name)?;
        let why = format!("the customer is asked how it was, anonymously, in language {language}");
        let asked = Asked::of(conversation, &self.attribute);
        Ok(vec![Decision::new(Action::Survey(survey), rule, why), asked.keep(name, None, &self.attribute, rule)])
    }

    /// Whether somebody may be asked about it: a person wrote, last as well, and nothing speaks against it.
    fn may_ask(&self, conversation: &Snapshot) -> bool {
        let last = conversation.history.iter().rev().find(|entry| entry.author == Author::Customer);
        last.is_some_and(|entry| !entry.automatic)
            && !conversation.current_grade().is_some_and(|grade| self.left_out_grades.contains(&grade))
            && !self.left_out_tags.iter().any(|tag| conversation.has_tag(tag))
            && !conversation.contact.tags.iter().any(|tag| self.left_out_contacts.contains(tag))
    }

    fn bell(&self, name: &str, at: u64) -> Action {
        Action::SetTimer(Timer { name: format!("{}:{name}", self.timer), at })
    }

    /// Whether the customer was asked a short while ago, by another survey than this one.
    fn is_at_rest(&self, conversation: &Snapshot, name: &str) -> Result<bool, Fault> {
        if self.rest == 0 {
            return Ok(false);
        }
        let kept = state::get(&key(conversation)).map_err(|error| unavailable(&error))?;
        let kept = kept.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
        let Some((at, by)) = kept.split_once(' ') else { return Ok(false) };
        let until = at.parse::<u64>().unwrap_or_default() + u64::from(self.rest) * 1_000;
        Ok(conversation.now < until && by != this(conversation, name))
    }

    fn note_rest(&self, conversation: &Snapshot, name: &str) -> Result<(), Fault> {
        if self.rest == 0 {
            return Ok(());
        }
        let value = format!("{} {}", conversation.now, this(conversation, name));
        state::set(&key(conversation), value.as_bytes(), Some(self.rest)).map_err(|error| unavailable(&error))
    }
}

/// What the customer wrote, newest first.
fn customer(conversation: &Snapshot) -> impl Iterator<Item = &Entry> {
    let entries = conversation.history.iter().rev();
    entries.filter(|entry| entry.author == Author::Customer && !entry.automatic)
}

/// Under which key it is kept when a customer was asked last.
fn key(conversation: &Snapshot) -> String {
    format!("asked/{}", conversation.contact.id)
}

/// A survey among all of a customer's.
fn this(conversation: &Snapshot, name: &str) -> String {
    format!("{} {name}", conversation.id)
}

fn unavailable(error: &StateError) -> Fault {
    Fault::Internal(format!("it is not known when the customer was asked last: {error:?}"))
}
