//! A conversation and the pure rules that change it. Both stores load the row, call these, and write what comes back, in
//! one transaction.
use crate::agent::{Skill, Unfit};
use crate::decision::{Action, Clock, Decision, Grade, Route, Survey};
use crate::message::{Attribute, Content};
use crate::operation::OutOfRange;
use crate::order::Operation;
use crate::queue::{Holder, Key, Lane, Rules};
use crate::time::Timestamp;
use crate::{AgentName, ChannelName, ContactId, ConversationId};
use std::fmt;
use std::time::Duration;

words! {
    /// Where a conversation stands. The store's CHECK lists the same words.
    #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
    pub enum State {
        /// Somebody has to do something: it stands in the queue.
        Open = "open",
        /// Answered; the next word is the customer's.
        Answered = "answered",
        /// Out of the queue until a moment.
        Snoozed = "snoozed",
        /// Settled. A new message opens it again.
        Closed = "closed",
    }
}

/// The row of a conversation.
#[derive(Clone, PartialEq, Debug)]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// The customer.
    pub contact: ContactId,
    /// The channel it was opened by.
    pub channel: ChannelName,
    /// The channel the customer used last, by sending time: answers go out there.
    pub last_channel: ChannelName,
    /// When the customer's newest message was sent; the epoch where only machines wrote.
    pub last_sent: Timestamp,
    /// Its subject.
    pub subject: Option<String>,
    /// Where it stands.
    pub state: State,
    /// How grave, once decided.
    pub grade: Option<Grade>,
    /// What about, once decided.
    pub category: Option<String>,
    /// Its tags, in the order they were added.
    pub tags: Vec<String>,
    /// Who shall work on it, once routed.
    pub route: Option<Route>,
    /// Facts kept on it.
    pub attributes: Vec<Attribute>,
    /// When it was opened.
    pub opened: Timestamp,
    /// When anything last changed.
    pub updated: Timestamp,
    /// Since when the customer waits for a word: the oldest message that nobody answered.
    pub waiting_since: Timestamp,
    /// When the nearest running clock is breached. Derived from the clocks by the store.
    pub due: Option<Timestamp>,
    /// Who holds it. A lease that ran out does not count, see [`Holder::holds`].
    pub holder: Option<Holder>,
    /// When a snoozed one comes back.
    pub snoozed_until: Option<Timestamp>,
    /// The secret in its plus-address.
    pub reply_token: String,
    /// No policy chain has ended for it yet, or the last one failed in part.
    pub undecided: bool,
    /// The customer's last message was written by a machine.
    pub last_automatic: bool,
    /// The customer was asked for something, and no answer has come.
    pub asked: bool,
    /// The agent to ask first: the one who answered last, or whom a policy named (E3).
    pub own: Option<AgentName>,
    /// Until when it is kept for [`Conversation::own`], while it waits.
    pub kept_until: Option<Timestamp>,
}

/// What the store has to do besides writing the row, in this order.
#[derive(Clone, PartialEq, Debug)]
pub enum Effect {
    /// Start a clock, unless one of this name runs.
    StartClock(Clock),
    /// Stop the clock of this name.
    StopClock(String),
    /// Set or move a bell.
    SetTimer(String, Timestamp),
    /// Take a bell away.
    CancelTimer(String),
    /// Its own agent is to be asked first, where that agent is there: see [`Conversation::keep`].
    Keep,
    /// Write an outgoing message by a machine.
    Send(Content),
    /// Write a note.
    Note(String),
    /// Ask the order's marketplace for an operation.
    Perform(Operation),
    /// Show an answer to whoever looks at the conversation.
    Draft(Content),
    /// Ask the customer for a rating.
    Survey(Survey),
}

/// Why a decision was not applied. It is kept in the event log with the decision.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// The policy's grants do not name the action.
    NotGranted,
    /// A machine does not answer a machine (RFC 3834).
    Automatic,
    /// A limit that the contract states: which, and what came.
    OutOfRange(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotGranted => f.write_str("not granted to this policy"),
            Self::Automatic => f.write_str("the last message is automatic, and a machine does not answer a machine"),
            Self::OutOfRange(what) => f.write_str(what),
        }
    }
}

/// Limits on what one decision may carry; numbers from a guest are checked, never trusted.
const MOST_TAGS: usize = 64;
const MOST_ATTRIBUTES: usize = 64;
const LONGEST_WORD: usize = 200;
const LONGEST_CLOCK: u32 = 30 * 24 * 3600;
const MOST_SKILLS: usize = 16;
const MOST_QUESTIONS: usize = 12;
const LONGEST_SURVEY: u32 = 90 * 24 * 3600;

impl Conversation {
    /// A new one, opened by a first message.
    pub fn open(
        id: ConversationId,
        contact: ContactId,
        channel: ChannelName,
        subject: Option<String>,
        reply_token: String,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            contact,
            last_channel: channel.clone(),
            last_sent: Timestamp(0),
            channel,
            subject,
            state: State::Open,
            grade: None,
            category: None,
            tags: Vec::new(),
            route: None,
            attributes: Vec::new(),
            opened: now,
            updated: now,
            waiting_since: now,
            due: None,
            holder: None,
            snoozed_until: None,
            reply_token,
            undecided: true,
            last_automatic: false,
            asked: false,
            own: None,
            kept_until: None,
        }
    }

    /// Whether the next word is the customer's: clocks that may pause stand still.
    pub fn waits_for_customer(&self) -> bool {
        self.asked || matches!(self.state, State::Answered | State::Snoozed)
    }

    /// Whether it belongs into the queue's index. A held one stays there: its lease may run out.
    pub fn queued(&self) -> bool {
        self.state == State::Open
    }

    /// Its place in the queue.
    pub fn key(&self) -> Key {
        Key::of(self)
    }

    /// The lane that it stands in while it waits. An emergency is kept for nobody.
    pub fn lane(&self) -> Lane {
        match &self.own {
            Some(own) if self.kept_until.is_some() && self.grade != Some(Grade::Emergency) => Lane::Kept(own.clone()),
            _ => Lane::of(self.route.as_ref()),
        }
    }

    /// Its own agent is to be asked first, for as long as the rules say.
    pub fn keep(&mut self, rules: &Rules, now: Timestamp) {
        self.kept_until = self.own.is_some().then(|| now.after(rules.keep));
    }

    /// Who holds it now.
    pub fn held_by(&self, now: Timestamp) -> Option<&Holder> {
        self.holder.as_ref().filter(|holder| holder.holds(now))
    }

    /// A message that was sent then came in. What a machine wrote does not wake a conversation that rests: an
    /// out-of-office notice is no reason to reopen. One that was overtaken by a later one does not say where the customer
    /// is now. Returns whether it woke.
    pub fn received(&mut self, channel: &ChannelName, automatic: bool, sent: Timestamp, now: Timestamp) -> bool {
        self.updated = now;
        self.last_automatic = automatic;
        if !automatic && sent >= self.last_sent {
            self.last_channel = channel.clone();
            self.last_sent = sent;
        }
        self.asked &= automatic;
        if self.state == State::Open || automatic {
            return false;
        }
        self.state = State::Open;
        self.waiting_since = now;
        self.snoozed_until = None;
        true
    }

    /// Something went wrong with an answer: a person has to look.
    pub fn wake(&mut self, now: Timestamp) -> bool {
        self.updated = now;
        if self.state == State::Open {
            return false;
        }
        self.state = State::Open;
        self.waiting_since = now;
        self.snoozed_until = None;
        true
    }

    /// Applies one decision of a policy. `granted` is the list of action words the policy may use. On success the row is
    /// changed, and the effects are what the store has to do besides.
    pub fn decide(&mut self, decision: &Decision, granted: &[String], now: Timestamp) -> Result<Vec<Effect>, Refusal> {
        let action = &decision.action;
        if !granted.iter().any(|word| word == action.word()) {
            return Err(Refusal::NotGranted);
        }
        let short = |what: &'static str, text: &str| {
            if text.is_empty() || text.len() > LONGEST_WORD {
                return Err(Refusal::OutOfRange(format!(
                    "a {what} has 1 to {LONGEST_WORD} bytes, this one {}",
                    text.len()
                )));
            }
            Ok(())
        };
        let mut effects = Vec::new();
        match action {
            Action::SetGrade(grade) => self.grade = Some(*grade),
            Action::SetCategory(word) => {
                short("category", word)?;
                self.category = Some(word.clone());
            }
            Action::AddTag(tag) => {
                short("tag", tag)?;
                if !self.tags.contains(tag) {
                    if self.tags.len() >= MOST_TAGS {
                        return Err(Refusal::OutOfRange(format!("a conversation has {MOST_TAGS} tags at most")));
                    }
                    self.tags.push(tag.clone());
                }
            }
            Action::RemoveTag(tag) => self.tags.retain(|t| t != tag),
            Action::SetAttribute(attribute) => {
                short("attribute name", &attribute.name)?;
                self.attributes.retain(|a| a.name != attribute.name);
                if !attribute.value.is_empty() {
                    if self.attributes.len() >= MOST_ATTRIBUTES || attribute.value.len() > 4_096 {
                        return Err(Refusal::OutOfRange(format!(
                            "a conversation has {MOST_ATTRIBUTES} attributes of 4096 bytes at most"
                        )));
                    }
                    self.attributes.push(attribute.clone());
                }
            }
            Action::Route(route) => {
                short("team", &route.team)?;
                if let Some(bad) = route.skills.iter().find(|text| Skill::parse(text).is_none()) {
                    return Err(Refusal::OutOfRange(format!("{bad:?} is no skill: NAME or NAME:LEVEL, level 1 to 9")));
                }
                if route.team.contains(char::is_control) || route.skills.len() > MOST_SKILLS {
                    return Err(Refusal::OutOfRange(format!(
                        "a route has a team without control characters and {MOST_SKILLS} skills at most"
                    )));
                }
                match &route.prefer_agent {
                    Some(agent) => {
                        self.own = Some(agent.clone());
                        effects.push(Effect::Keep);
                    }
                    // Another way is for everybody on it.
                    None => self.kept_until = None,
                }
                self.route = Some(route.clone());
            }
            Action::StartClock(clock) => {
                short("clock name", &clock.name)?;
                if !(1..=LONGEST_CLOCK).contains(&clock.target) || clock.warn_at_percent > 99 {
                    return Err(Refusal::OutOfRange(format!(
                        "a clock runs 1 second to 30 days and warns at 0 to 99 %, this one {} s and {} %",
                        clock.target, clock.warn_at_percent
                    )));
                }
                effects.push(Effect::StartClock(clock.clone()));
            }
            Action::StopClock(name) => effects.push(Effect::StopClock(name.clone())),
            Action::SetTimer(name, at) => {
                short("timer name", name)?;
                effects.push(Effect::SetTimer(name.clone(), *at));
            }
            Action::CancelTimer(name) => effects.push(Effect::CancelTimer(name.clone())),
            Action::Reply(content) => {
                if self.last_automatic {
                    return Err(Refusal::Automatic);
                }
                effects.push(Effect::Send(content.clone()));
            }
            Action::AskEvidence(text, _) => {
                if self.last_automatic {
                    return Err(Refusal::Automatic);
                }
                effects.push(Effect::Send(Content { text: text.clone(), ..Content::default() }));
                self.asked = true;
            }
            Action::Note(text) => effects.push(Effect::Note(text.clone())),
            Action::Notify(team, text) => effects.push(Effect::Note(format!("@{team} {text}"))),
            Action::Escalate { level, teams, reason } => {
                if !(1..=3).contains(level) {
                    return Err(Refusal::OutOfRange(format!("an escalation has level 1 to 3, this one {level}")));
                }
                effects.push(Effect::Note(format!("Escalated to level {level} ({}): {reason}", teams.join(", "))));
                if let Some(team) = teams.first() {
                    self.route.get_or_insert_with(Route::default).team = team.clone();
                }
                self.wake(now);
            }
            Action::HandToHuman(why) => {
                effects.push(Effect::Note(format!("A person shall take over: {why}")));
                self.wake(now);
            }
            Action::Snooze(until) => {
                if *until <= now {
                    return Err(Refusal::OutOfRange("a snooze ends in the future".into()));
                }
                self.snooze(*until, now);
            }
            Action::Close(_) => self.close(now),
            Action::Perform(operation) => {
                operation.check().map_err(|OutOfRange(why)| Refusal::OutOfRange(why))?;
                effects.push(Effect::Perform(operation.clone()));
            }
            Action::Draft(content) => effects.push(Effect::Draft(content.clone())),
            Action::Survey(survey) => {
                if self.last_automatic {
                    return Err(Refusal::Automatic);
                }
                short("survey name", &survey.name)?;
                let worded = |it: &Attribute| !it.name.is_empty() && it.name.len() + it.value.len() <= LONGEST_WORD;
                if !(1..=MOST_QUESTIONS).contains(&survey.questions.len()) || !survey.questions.iter().all(worded) {
                    return Err(Refusal::OutOfRange(format!(
                        "a survey asks 1 to {MOST_QUESTIONS} questions, each with a name and {LONGEST_WORD} bytes at most"
                    )));
                }
                if !survey.invitation.contains(Survey::LINK) || !(1..=LONGEST_SURVEY).contains(&survey.open_for) {
                    return Err(Refusal::OutOfRange(format!(
                        "a survey is invited to with {} and is open for 1 second to 90 days",
                        Survey::LINK
                    )));
                }
                effects.push(Effect::Survey(survey.clone()));
            }
        }
        self.updated = now;
        Ok(effects)
    }

    /// Takes the lease for an agent, or says who has it.
    pub fn claim(&mut self, agent: &AgentName, lease: Duration, now: Timestamp) -> Result<Holder, Refused> {
        if let Some(holder) = self.held_by(now)
            && holder.agent != *agent
        {
            return Err(Refused::Held(holder.clone()));
        }
        if self.state == State::Closed {
            return Err(Refused::Closed);
        }
        let holder = Holder { agent: agent.clone(), until: now.after(lease) };
        self.holder = Some(holder.clone());
        self.kept_until = None;
        self.updated = now;
        Ok(holder)
    }

    /// Whether this agent may act on it: the one who holds it, or anybody while nobody does.
    pub fn may_act(&self, agent: &AgentName, now: Timestamp) -> Result<(), Refused> {
        match self.held_by(now) {
            Some(holder) if holder.agent != *agent => Err(Refused::Held(holder.clone())),
            _ => Ok(()),
        }
    }

    /// An agent answered: the next word is the customer's.
    pub fn answered(&mut self, agent: &AgentName, keep: bool, now: Timestamp) {
        self.state = State::Answered;
        self.own = Some(agent.clone());
        self.kept_until = None;
        self.asked = false;
        self.snoozed_until = None;
        self.updated = now;
        if !keep {
            self.holder = None;
        }
    }

    /// Out of the queue until then; whoever held it lets go.
    pub fn snooze(&mut self, until: Timestamp, now: Timestamp) {
        self.state = State::Snoozed;
        self.snoozed_until = Some(until);
        self.holder = None;
        self.updated = now;
    }

    /// Settled; whoever held it lets go.
    pub fn close(&mut self, now: Timestamp) {
        self.state = State::Closed;
        self.asked = false;
        self.snoozed_until = None;
        self.holder = None;
        self.updated = now;
    }
}

/// Why an agent's act was refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refused {
    /// Somebody else holds it: who, and until when.
    Held(Holder),
    /// It is closed; reopen it first.
    Closed,
    /// There is no such conversation.
    Unknown,
    /// The agent does not hold it: take it first.
    NotHeld,
    /// It cannot be handed to an agent: who, and why.
    Unfit(AgentName, Unfit),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held(holder) => write!(f, "{} holds this conversation", holder.agent),
            Self::Closed => f.write_str("the conversation is closed; reopen it first"),
            Self::Unknown => f.write_str("there is no such conversation"),
            Self::NotHeld => f.write_str("you do not hold this conversation; claim it first"),
            Self::Unfit(agent, why) => write!(f, "{agent} cannot have it now: {why}"),
        }
    }
}

impl std::error::Error for Refused {}

#[cfg(test)]
mod tests {
    use super::*;

    fn conversation() -> Conversation {
        Conversation::open(ConversationId(1), ContactId(1), "mail".into(), None, "token".into(), Timestamp(0))
    }

    fn decide(conversation: &mut Conversation, action: Action) -> Result<Vec<Effect>, Refusal> {
        let granted: Vec<String> = Action::WORDS.map(String::from).to_vec();
        let decision = Decision { action, rule: "C1".into(), why: "because".into() };
        conversation.decide(&decision, &granted, Timestamp(10))
    }

    #[test]
    fn one_agent_at_most_holds_a_conversation_and_a_lease_ends() {
        let mut it = conversation();
        let (ann, bo) = (AgentName::from("ann"), AgentName::from("bo"));
        let minute = Duration::from_secs(60);
        it.claim(&ann, minute, Timestamp(0)).expect("free");
        assert!(matches!(it.claim(&bo, minute, Timestamp(59_999)), Err(Refused::Held(h)) if h.agent == ann));
        it.claim(&ann, minute, Timestamp(30_000)).expect("renews");
        assert!(it.claim(&bo, minute, Timestamp(60_000)).is_err());
        it.claim(&bo, minute, Timestamp(90_000)).expect("the lease ran out");
    }

    #[test]
    fn a_machine_is_never_answered_by_a_machine() {
        let mut it = conversation();
        it.received(&"mail".into(), true, Timestamp(1), Timestamp(1));
        assert_eq!(decide(&mut it, Action::Reply(Content::default())), Err(Refusal::Automatic));
        it.received(&"mail".into(), false, Timestamp(2), Timestamp(2));
        assert_eq!(decide(&mut it, Action::Reply(Content::default())).map(|e| e.len()), Ok(1));
    }

    #[test]
    fn what_was_not_granted_changes_nothing() {
        let mut it = conversation();
        let before = it.clone();
        let close = Decision { action: Action::Close("done".into()), rule: "F7".into(), why: "settled".into() };
        assert_eq!(it.decide(&close, &["reply".into()], Timestamp(10)), Err(Refusal::NotGranted));
        assert_eq!(it, before);
    }

    #[test]
    fn numbers_from_a_guest_are_checked() {
        let mut it = conversation();
        let clock = |target, percent| Clock {
            name: "first-response".into(),
            target,
            calendar: None,
            warn_at_percent: percent,
            pauses_for_customer: false,
        };
        assert!(decide(&mut it, Action::StartClock(clock(1, 0))).is_ok());
        for bad in [clock(0, 0), clock(LONGEST_CLOCK + 1, 0), clock(1, 100)] {
            assert!(matches!(decide(&mut it, Action::StartClock(bad)), Err(Refusal::OutOfRange(_))));
        }
        let warranty = |days| Action::Perform(Operation::ExtendWarranty("1001".into(), days));
        assert!(matches!(decide(&mut it, warranty(0)), Err(Refusal::OutOfRange(_))));
        assert!(matches!(decide(&mut it, warranty(365)).as_deref(), Ok([Effect::Perform(_)])));
        assert!(decide(&mut it, Action::Snooze(Timestamp(10))).is_err());
        assert!(decide(&mut it, Action::AddTag(String::new())).is_err());
    }

    #[test]
    fn what_comes_late_does_not_move_the_customer_back() {
        let mut it = conversation();
        for (channel, automatic, sent, last) in [
            ("chat", false, 5, "chat"),
            ("phone", false, 3, "chat"),
            ("mail", true, 9, "chat"),
            ("mail", false, 5, "mail"),
        ] {
            it.received(&channel.into(), automatic, Timestamp(sent), Timestamp(10));
            assert_eq!((it.last_channel.as_str(), it.last_sent), (last, Timestamp(5)));
        }
    }

    #[test]
    fn a_new_message_wakes_what_rests_and_a_notice_does_not() {
        for state in State::ALL {
            for automatic in [false, true] {
                let mut it = conversation();
                it.state = state;
                let woke = it.received(&"mail".into(), automatic, Timestamp(5), Timestamp(5));
                assert_eq!(woke, state != State::Open && !automatic, "{state:?} {automatic}");
                assert_eq!(it.queued(), woke || state == State::Open);
            }
        }
    }
}
