//! The customer's own agent (E3): the one that the contact's profile names, else the one who answered the customer last.
//!
//! A policy sees one conversation. Who answered last is kept by contact in this policy's state, so that the customer's next
//! conversation knows it; and who took this one is kept on it, since the holder may have let go once the answer is sent.
//! Within a conversation the queue itself asks first whoever took it.
use tributary_sdk::PrepareError;
use tributary_sdk::desk::{Action, Decision, Snapshot};
use tributary_sdk::host::{log, state};
use tributary_sdk::types::Attribute;

use crate::config::{Config, OwnAgent};
use crate::table::is_emergency;

/// The fact on the conversation: who took it last.
const TAKEN_BY: &str = "last-agent";

/// How own agents are known.
pub struct Agents {
    mode: OwnAgent,
    attribute: String,
    remembered: u32,
}

impl Agents {
    pub fn prepare(config: &Config) -> Result<Self, PrepareError> {
        if config.own_agent_attribute.is_empty() {
            return Err(PrepareError::value("own-agent-attribute", "expected the name of a contact's attribute"));
        }
        if !(1..=3_650).contains(&config.last_agent_days) {
            return Err(PrepareError::value("last-agent-days", "expected 1 to 3650"));
        }
        let remembered = u32::from(config.last_agent_days) * 86_400;
        Ok(Self { mode: config.own_agent, attribute: config.own_agent_attribute.clone(), remembered })
    }

    /// The customer's own agent, and why. An emergency waits for nobody.
    pub fn own(&self, conversation: &Snapshot) -> Option<(String, &'static str)> {
        if self.mode == OwnAgent::Off || is_emergency(conversation) {
            return None;
        }
        let named = || Some((self.named(conversation)?.to_owned(), "is the customer's own agent"));
        named().or_else(|| Some((self.last(conversation)?, "answered this customer last")))
    }

    fn named<'a>(&self, conversation: &'a Snapshot) -> Option<&'a str> {
        let mut facts = conversation.contact.attributes.iter();
        let named = facts.find(|fact| fact.name == self.attribute && !fact.value.is_empty());
        named.map(|fact| fact.value.as_str())
    }

    fn last(&self, conversation: &Snapshot) -> Option<String> {
        if self.mode != OwnAgent::Last {
            return None;
        }
        let kept = state::get(&key(conversation)).unwrap_or_else(|error| {
            log::warn(&format!("who answered this customer last is not known: {error:?}"));
            None
        });
        String::from_utf8(kept?).ok()
    }

    /// An agent took it.
    pub fn claimed(&self, conversation: &Snapshot, agent: &str) -> Option<Decision> {
        if self.mode != OwnAgent::Last || conversation.current_attribute(TAKEN_BY) == Some(agent) {
            return None;
        }
        let fact = Action::SetAttribute(Attribute::new(TAKEN_BY, agent));
        Some(Decision::new(
            fact,
            "E3",
            format!("{agent} took it, and whoever answers becomes the customer's own agent"),
        ))
    }

    /// An agent answered: the customer's next conversation knows who.
    pub fn replied(&self, conversation: &Snapshot) -> Option<Decision> {
        if self.mode != OwnAgent::Last {
            return None;
        }
        let holder = conversation.assignee.as_deref();
        let agent = holder.or_else(|| conversation.current_attribute(TAKEN_BY))?;
        if let Err(error) = state::set(&key(conversation), agent.as_bytes(), Some(self.remembered)) {
            log::warn(&format!("who answered this customer last is not kept: {error:?}"));
        }
        self.claimed(conversation, agent)
    }
}

fn key(conversation: &Snapshot) -> String {
    format!("last-agent/{}", conversation.contact.id)
}
