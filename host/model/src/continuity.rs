//! Whether a message continues a conversation that another channel began, pure.
//!
//! It is asked only where nothing of the message itself says where it belongs, see [`crate::thread`], and only about
//! conversations of the author's own.
use crate::time::Timestamp;
use crate::{ChannelName, ConversationId};
use std::time::Duration;

/// The operator's choices.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Continuity {
    /// How long after its last message a conversation is continued by another channel.
    pub window: Duration,
    /// Whether an answer that a channel has no window for goes out by another one.
    pub fallback: bool,
    /// How long ago the customer may have written by a channel of another conversation for an answer to go out there.
    pub reach: Duration,
}

impl Default for Continuity {
    /// 72 hours; by another channel; 30 days.
    fn default() -> Self {
        let day = 24 * 3_600;
        Self { window: Duration::from_secs(3 * day), fallback: true, reach: Duration::from_secs(30 * day) }
    }
}

/// A conversation of the author's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Candidate {
    /// Its id.
    pub id: ConversationId,
    /// The channel the customer used last.
    pub last_channel: ChannelName,
    /// It is settled.
    pub closed: bool,
    /// The customer wrote in it, not only a machine.
    pub by_people: bool,
    /// It is about the order that the message names.
    pub same_order: bool,
    /// It is about an order.
    pub any_order: bool,
    /// When its last message was sent.
    pub last_message: Timestamp,
}

/// What to do with the message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Choice {
    /// It belongs there: why, in one sentence.
    Continue(ConversationId, String),
    /// It opens a conversation; with the one about the same order, where there is one.
    Open(Option<ConversationId>),
}

/// Chooses for a message that came by `channel`, was sent at `sent` and names this order.
///
/// The same order decides, also of a conversation that is closed; otherwise the one matter that is open. Two open matters
/// are none: nobody could say which is meant. A message by the channel that the customer used last opens a conversation as
/// ever: whoever begins anew there means something new.
pub fn choose(
    candidates: &[Candidate],
    channel: &ChannelName,
    order: Option<&str>,
    sent: Timestamp,
    window: Duration,
) -> Choice {
    let fresh = |it: &Candidate| sent.since(it.last_message) <= window;
    let elsewhere = |it: &&Candidate| it.last_channel != *channel;
    let later = |it: &Candidate| format!("{} after its last message", span(sent.since(it.last_message)));
    let of_order = candidates.iter().filter(|it| it.same_order).max_by_key(|it| (!it.closed, it.last_message, it.id));
    if let (Some(it), Some(order)) = (of_order, order) {
        if !fresh(it) || !elsewhere(&it) {
            return Choice::Open(Some(it.id));
        }
        return Choice::Continue(it.id, format!("the same customer, about the same order {order}, {}", later(it)));
    }
    let mut open = candidates.iter().filter(|it| !it.closed && it.by_people);
    match (open.next(), open.next()) {
        // What is about another order is another matter.
        (Some(it), None) if elsewhere(&it) && fresh(it) && !(order.is_some() && it.any_order) => {
            Choice::Continue(it.id, format!("the same customer, whose only open matter this is, {}", later(it)))
        }
        _ => Choice::Open(None),
    }
}

fn span(length: Duration) -> String {
    let minutes = length.as_secs() / 60;
    match (minutes / 60, minutes % 60) {
        (0, 0) => "less than a minute".into(),
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;
    const WINDOW: Duration = Duration::from_secs(72 * 3_600);

    fn candidate(id: i64) -> Candidate {
        Candidate {
            id: ConversationId(id),
            last_channel: "chat".into(),
            closed: false,
            by_people: true,
            same_order: false,
            any_order: false,
            last_message: Timestamp(100 * HOUR),
        }
    }

    fn choice(candidates: &[Candidate], channel: &str, order: Option<&str>, hours: u64) -> Choice {
        choose(candidates, &channel.into(), order, Timestamp(hours * HOUR), WINDOW)
    }

    fn goes_on(choice: Choice) -> Option<i64> {
        match choice {
            Choice::Continue(id, _) => Some(id.0),
            Choice::Open(_) => None,
        }
    }

    #[test]
    fn the_only_open_matter_is_continued_by_another_channel_inside_the_window() {
        let it = candidate(1);
        assert_eq!(goes_on(choice(std::slice::from_ref(&it), "mail", None, 172)), Some(1));
        assert_eq!(goes_on(choice(std::slice::from_ref(&it), "mail", None, 173)), None);
        assert_eq!(goes_on(choice(std::slice::from_ref(&it), "mail", None, 3)), Some(1), "what comes late");
        assert_eq!(goes_on(choice(std::slice::from_ref(&it), "chat", None, 101)), None);
        assert_eq!(goes_on(choice(&[it.clone(), candidate(2)], "mail", None, 101)), None);
        let closed = Candidate { closed: true, ..candidate(2) };
        let machine = Candidate { by_people: false, ..candidate(3) };
        assert_eq!(goes_on(choice(&[it.clone(), closed.clone(), machine], "mail", None, 101)), Some(1));
        assert_eq!(goes_on(choice(&[closed], "mail", None, 101)), None);
        let about = Candidate { any_order: true, ..it };
        assert_eq!(goes_on(choice(std::slice::from_ref(&about), "mail", Some("A-2"), 101)), None);
        assert_eq!(goes_on(choice(&[about], "mail", None, 101)), Some(1));
    }

    #[test]
    fn the_same_order_decides_and_is_linked_later() {
        let of = |id| Candidate { same_order: true, any_order: true, ..candidate(id) };
        let other = candidate(9);
        assert_eq!(goes_on(choice(&[other.clone(), of(1)], "mail", Some("A-1"), 101)), Some(1));
        let closed = Candidate { closed: true, ..of(1) };
        assert_eq!(goes_on(choice(&[other.clone(), closed.clone()], "mail", Some("A-1"), 101)), Some(1));
        assert_eq!(goes_on(choice(&[closed, of(2)], "mail", Some("A-1"), 101)), Some(2), "the open one first");
        let linked = Choice::Open(Some(ConversationId(1)));
        assert_eq!(choice(&[other.clone(), of(1)], "mail", Some("A-1"), 300), linked);
        assert_eq!(choice(&[of(1)], "chat", Some("A-1"), 101), linked);
    }

    #[test]
    fn the_reason_can_be_read() {
        let Choice::Continue(_, why) = choice(&[candidate(1)], "mail", None, 102) else { panic!() };
        assert_eq!(why, "the same customer, whose only open matter this is, 2 h 0 min after its last message");
    }
}
