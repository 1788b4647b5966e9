//! What happened, as the event log tells it: the same lines that an auditor reads.
use std::collections::{BTreeMap, HashMap};
use tributary_model::{ConversationId, Timestamp};
use tributary_store::Event;

/// What the log said of one conversation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry {
    /// When it began.
    pub opened: Timestamp,
    /// When an agent first had it.
    pub claimed: Option<Timestamp>,
    /// When the bot first answered.
    pub bot: Option<Timestamp>,
    /// When an agent first answered.
    pub answered: Option<Timestamp>,
    /// When it was closed last, if it stays closed.
    pub closed: Option<Timestamp>,
    /// Help was called.
    pub escalated: bool,
    /// It was opened again after it was closed.
    pub reopened: bool,
}

/// How a kind of clock fared.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock {
    pub started: u64,
    pub warned: u64,
    pub breached: u64,
}

/// What the log said so far.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub entries: HashMap<i64, Entry>,
    pub clocks: BTreeMap<String, Clock>,
    pub refused: BTreeMap<String, u64>,
}

/// Clocks of orders are called `NAME:ORDER`: they are one kind.
fn kind(name: &str) -> &str {
    name.split(':').next().unwrap_or(name)
}

/// Whether a rule is one of the bot's (group J of the standard).
fn of_bot(rule: Option<&str>) -> bool {
    rule.is_some_and(|rule| rule.starts_with('J'))
}

impl Ledger {
    /// Takes a line. Tells the conversation that the bot has just answered, if it is that.
    pub(crate) fn note(&mut self, event: &Event) -> Option<ConversationId> {
        let id = event.conversation?;
        let entry = self.entries.entry(id.0).or_default();
        let detail = event.detail.as_deref().unwrap_or_default();
        let (word, rest) = detail.split_once(' ').unwrap_or((detail, ""));
        let mut answered = None;
        match event.act.as_str() {
            "opened" => entry.opened = event.at,
            "claimed" | "transferred" => entry.claimed = entry.claimed.or(Some(event.at)),
            "replied" => entry.answered = entry.answered.or(Some(event.at)),
            "closed" => entry.closed = Some(event.at),
            "received" | "reopened" if entry.closed.take().is_some() => entry.reopened = true,
            "clock-warning" => self.clock(detail).warned += 1,
            "clock-breached" => self.clock(detail).breached += 1,
            "decided" => match word {
                "reply" if of_bot(event.rule.as_deref()) => {
                    entry.bot = entry.bot.or(Some(event.at));
                    answered = Some(id);
                }
                "close" => entry.closed = Some(event.at),
                "escalate" => entry.escalated = true,
                "start-clock" => self.clock(rest.split(' ').next().unwrap_or_default()).started += 1,
                _ => {}
            },
            "refused" => {
                let why = event.why.as_deref().unwrap_or_default();
                *self.refused.entry(format!("{}: {word}: {why}", event.actor)).or_default() += 1;
            }
            _ => {}
        }
        answered
    }

    fn clock(&mut self, name: &str) -> &mut Clock {
        self.clocks.entry(kind(name).to_owned()).or_default()
    }
}
