//! What has to happen to a conversation before a row of a table acts.
use tributary_sdk::PrepareError;
use tributary_sdk::desk::{Action, Decision, Happening, Snapshot};
use tributary_sdk::trade::Operation;
use tributary_sdk::types::{Author, OrderState};

/// The events, for a configuration that names another one.
const KNOWN: &str = "expected one of: message, agent-replied, agent-claimed, agent-noted, agent-closed, order STATE, \
    settled OPERATION, decided ACTION, decided ACTION RULE, warned CLOCK, breached CLOCK, timer NAME, assigned, tag NAME";

/// One event. The first group is news: true of one happening. The second is how things stand with this run's decisions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// `message`: the customer wrote, and no machine in the customer's name.
    Message,
    /// `agent-replied`: an agent answered.
    AgentReplied,
    /// `agent-claimed`: an agent took it.
    AgentClaimed,
    /// `agent-noted`: an agent wrote a note.
    AgentNoted,
    /// `agent-closed`: an agent closed it.
    AgentClosed,
    /// `order stalled`: an order came to this state.
    Order(OrderState),
    /// `settled refund`: an operation of this kind was done.
    Settled(String),
    /// `warned CLOCK`: a clock that still runs reached its warning.
    Warned(String),
    /// `breached CLOCK`: a clock that still counts is breached.
    Breached(String),
    /// `timer NAME`: a bell rang.
    Timer(String),
    /// `decided reply`, `decided refund`, `decided reply J`: a policy before this one replied, asked for evidence, escalated
    /// or asked for the operation, by a rule that begins like this.
    Decided(String, String),
    /// `assigned`: an agent holds it.
    Assigned,
    /// `tag NAME`: it has this tag.
    Tag(String),
}

impl Event {
    /// The event of a text.
    ///
    /// # Errors
    /// [`PrepareError`] with the key where it is none.
    pub fn parse(text: &str, key: &str) -> Result<Self, PrepareError> {
        let problem = || PrepareError::value(key, format!("`{text}`: {KNOWN}"));
        let words: Vec<&str> = text.split_whitespace().collect();
        Ok(match words[..] {
            ["message"] => Self::Message,
            ["agent-replied"] => Self::AgentReplied,
            ["agent-claimed"] => Self::AgentClaimed,
            ["agent-noted"] => Self::AgentNoted,
            ["agent-closed"] => Self::AgentClosed,
            ["assigned"] => Self::Assigned,
            ["order", state] => Self::Order(OrderState::from_word(state).ok_or_else(problem)?),
            ["settled", operation] if Operation::WORDS.contains(&operation) => Self::Settled(operation.into()),
            ["warned", clock] => Self::Warned(clock.into()),
            ["breached", clock] => Self::Breached(clock.into()),
            ["timer", name] => Self::Timer(name.into()),
            ["tag", tag] => Self::Tag(tag.into()),
            ["decided", action] if is_action(action) => Self::Decided(action.into(), String::new()),
            ["decided", action, rule] if is_action(action) => Self::Decided(action.into(), rule.into()),
            _ => return Err(problem()),
        })
    }

    /// Whether it is true of one happening, and not of the conversation as it stands.
    pub fn is_news(&self) -> bool {
        !matches!(self, Self::Decided(..) | Self::Assigned | Self::Tag(_))
    }

    /// Whether it is so.
    pub fn holds(&self, conversation: &Snapshot, happening: &Happening) -> bool {
        match (self, happening) {
            (Self::Message, Happening::Message(message)) => message.author == Author::Customer && !message.automatic,
            (Self::AgentReplied, Happening::AgentReplied(_))
            | (Self::AgentClaimed, Happening::AgentClaimed(_))
            | (Self::AgentNoted, Happening::AgentNoted(_))
            | (Self::AgentClosed, Happening::AgentClosed) => true,
            (Self::Order(state), Happening::Order(order)) => order.state == *state,
            (Self::Settled(operation), Happening::OperationSettled(_)) => {
                done(happening).is_some_and(|(done, _)| done == operation)
            }
            (Self::Warned(clock), Happening::ClockWarning(name))
            | (Self::Breached(clock), Happening::ClockBreached(name)) => is(clock, name) && counts(conversation, name),
            (Self::Timer(timer), Happening::Timer(name)) => timer == name,
            (Self::Decided(..), _) => conversation.decided.iter().any(|decision| self.is_decision(decision)),
            (Self::Assigned, _) => conversation.assignee.is_some(),
            (Self::Tag(tag), _) => conversation.has_tag(tag),
            _ => false,
        }
    }

    /// The orders it is about.
    pub fn orders(&self, conversation: &Snapshot, happening: &Happening) -> Vec<String> {
        match (self, happening) {
            (Self::Decided(..), _) => {
                let decisions = conversation.decided.iter().filter(|decision| self.is_decision(decision));
                decisions.filter_map(|decision| order(&decision.action)).map(str::to_owned).collect()
            }
            (_, Happening::Order(order)) => vec![order.id.clone()],
            (_, Happening::OperationSettled(_)) => done(happening).map(|(_, order)| order.into()).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    /// What happened, in a sentence for people.
    pub fn sentence(&self) -> String {
        match self {
            Self::Message => "the customer wrote".into(),
            Self::AgentReplied => "an agent answered".into(),
            Self::AgentClaimed => "an agent took it".into(),
            Self::AgentNoted => "an agent wrote a note".into(),
            Self::AgentClosed => "an agent closed it".into(),
            Self::Order(state) => format!("an order is {}", state.word()),
            Self::Settled(operation) => format!("{operation} was done"),
            Self::Warned(clock) => format!("clock {clock} is about to be breached"),
            Self::Breached(clock) => format!("clock {clock} is breached"),
            Self::Timer(name) => format!("the bell {name} rang"),
            Self::Decided(action, _) => format!("{action} was decided"),
            Self::Assigned => "an agent holds it".into(),
            Self::Tag(tag) => format!("it is tagged {tag}"),
        }
    }

    fn is_decision(&self, decision: &Decision) -> bool {
        let Self::Decided(action, rule) = self else { return false };
        let word = match &decision.action {
            Action::Reply(_) => "reply",
            Action::AskEvidence(_) => "ask-evidence",
            Action::Escalate(_) => "escalate",
            Action::Perform(operation) => operation.word(),
            _ => return false,
        };
        word == action && decision.rule.starts_with(rule.as_str())
    }
}

/// Whether a row can wait for a policy to ask for this.
fn is_action(word: &str) -> bool {
    ["reply", "ask-evidence", "escalate"].contains(&word) || Operation::WORDS.contains(&word)
}

/// The order of the operation that an action asks for.
fn order(action: &Action) -> Option<&str> {
    match action {
        Action::Perform(operation) => Some(operation.order()),
        _ => None,
    }
}

/// The operation that was done, and its order. The host writes `done: refund 2001 CNY 12.00`.
fn done(happening: &Happening) -> Option<(&str, &str)> {
    let Happening::OperationSettled(end) = happening else { return None };
    let mut words = end.value.strip_prefix("done: ")?.split(' ');
    words.next().zip(words.next())
}

/// Whether a clock has this name, or this name and an order's id: `stalled-parcel:2001`.
fn is(name: &str, clock: &str) -> bool {
    clock.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

/// Whether a clock still counts: what rang may have been stopped meanwhile, or by a policy before this one.
fn counts(conversation: &Snapshot, clock: &str) -> bool {
    let stopped = |decision: &Decision| matches!(&decision.action, Action::StopClock(name) if name == clock);
    conversation.clocks.iter().any(|running| running.clock.name == clock) && !conversation.decided.iter().any(stopped)
}

#[cfg(test)]
mod tests {
    use tributary_sdk::testing::Case;
    use tributary_sdk::types::Content;

    use super::*;

    #[test]
    fn what_is_no_event_is_refused_with_its_words() {
        for text in
            ["", "messages", "order", "order gone", "settled", "settled cake", "decided", "decided cake", "tag a b"]
        {
            let problem = Event::parse(text, "k").unwrap_err().to_string();
            assert!(problem.contains(text) && problem.contains("agent-replied"), "{problem}");
        }
        assert_eq!(Event::parse("decided reply J", "k"), Ok(Event::Decided("reply".into(), "J".into())));
        assert_eq!(Event::parse("order in-transit", "k"), Ok(Event::Order(OrderState::InTransit)));
    }

    #[test]
    fn what_an_agent_does_is_one_event_each() {
        let conversation = serde_json::from_value::<Case>(serde_json::json!({})).unwrap().snapshot().unwrap();
        let happenings = [
            ("agent-replied", Happening::AgentReplied(Content::plain("Yes."))),
            ("agent-claimed", Happening::AgentClaimed("ann".into())),
            ("agent-noted", Happening::AgentNoted("#product".into())),
            ("agent-closed", Happening::AgentClosed),
        ];
        for (word, _) in &happenings {
            let event = Event::parse(word, "k").unwrap();
            assert!(KNOWN.contains(word) && event.is_news() && event.sentence().starts_with("an agent"), "{word}");
            let held = happenings.iter().filter(|(_, happening)| event.holds(&conversation, happening));
            assert_eq!(held.map(|(held, _)| *held).collect::<Vec<_>>(), [*word]);
        }
    }

    #[test]
    fn a_settled_operation_names_its_kind_and_its_order() {
        let settled = |how: &str| Happening::OperationSettled(tributary_sdk::types::Attribute::new("key", how));
        assert_eq!(done(&settled("done: refund 2001 CNY 12.00")), Some(("refund", "2001")));
        assert_eq!(done(&settled("done: exchange 2001")), Some(("exchange", "2001")));
        assert_eq!(done(&settled("failed: refund 2001: no")), None);
        assert!(is("a", "a") && is("a", "a:1") && !is("a", "ab") && !is("ab", "a"));
    }
}
