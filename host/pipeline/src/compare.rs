//! Behind the commit: the side of a trial that did not act is asked the same, and both answers are compared.
//!
//! It gets what the acting one got, with the answers that the host gave that one; nothing that it does leaves, and nothing
//! that it writes is kept. There is room for a bounded number of comparisons: one that finds none is left out and counted,
//! since a trial must not slow down the work that it looks at.
use crate::ask::{Beside, Worth, seen, settled};
use crate::driver::Stop;
use crate::seat::{Compared, Named, Seat, Side};
use crate::{Pipeline, decide, receive, reply};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tributary_model::ConversationId;
use tributary_model::decision::{Action, Decision, Fault, Happening, Snapshot, Verdict};
use tributary_model::message::{Arrival, ChannelEvent, Content, Inbound, Reading, Rejection};
use tributary_runtime::{Adapter, CallContext, CallError, Called, Outside, Policy};

/// How long the words of one side may be.
const LONGEST: usize = 1_000;

/// A comparison that waits for its turn.
pub(crate) type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Compares what comes in, until the stop.
pub(crate) async fn worker(pipeline: Arc<Pipeline>, mut stop: Stop) {
    loop {
        let next = async { pipeline.compare_inbox.lock().await.recv().await };
        let job = tokio::select! {
            biased;
            () = stop.ordered() => None,
            next = next => next,
        };
        let Some(job) = job else { return };
        tokio::select! {
            () = job => {}
            () = stop.ordered() => return,
        }
    }
}

impl Pipeline {
    /// Hands a comparison over, if there is room.
    pub(crate) fn compare(&self, job: Job) {
        if self.to_compare.try_send(job).is_err() {
            metrics::counter!("tributary_compare_dropped_total").increment(1);
        }
    }
}

/// What both were asked, and what the acting one said.
struct Event<P: ?Sized, T> {
    seat: Seat<P>,
    acted: Side,
    beside: Beside,
    conversation: Option<ConversationId>,
    about: String,
    said: T,
}

impl<P: Named + ?Sized, T> Event<P, T> {
    /// The plugin of the side that did not act, and what it is called with.
    fn other(&self) -> (Arc<P>, CallContext) {
        let other = match self.acted {
            Side::Base => Side::Newer,
            Side::Newer => Side::Base,
        };
        let tape = self.beside.tape.clone().unwrap_or_default();
        let context = CallContext { outside: Outside::Replayed(tape), tape: false, ..self.beside.context.clone() };
        (self.seat.side(other).clone(), context)
    }

    /// Tells the trial what came of it. `differ`: in words, what base and newer said, where that is not the same.
    fn end(
        self,
        ended: Result<Called<T>, CallError>,
        worth: fn(&T) -> Worth,
        differ: impl FnOnce(&T, &T) -> Option<(String, String)>,
    ) {
        let Some(trial) = &self.seat.trial else { return };
        let Beside { key, cost, .. } = self.beside;
        let (said, blame) = settled(ended, worth, false);
        if self.acted == Side::Base {
            let ended = match &said {
                Ok(called) => Ok(called.cost),
                Err(cause) => Err((blame.unwrap_or(tributary_runtime::Blame::Guest), cause.what.clone())),
            };
            trial.watch.saw(seen(trial.newer.named().generation, key, ended));
        }
        let Ok(other) = said else { return };
        let (differs, guest): (_, (Duration, Duration)) = match self.acted {
            Side::Base => (differ(&self.said, &other.result), (cost.guest, other.cost.guest)),
            Side::Newer => (differ(&other.result, &self.said), (other.cost.guest, cost.guest)),
        };
        let (conversation, about) = (self.conversation, self.about);
        trial.watch.compared(Compared { conversation, key, about, differs, guest });
    }
}

/// The comparison of two policies' decisions.
pub(crate) fn decisions(
    seat: &Seat<dyn Policy>,
    acted: Side,
    beside: Beside,
    snapshot: Snapshot,
    happening: Happening,
    about: String,
    said: Vec<Decision>,
) -> Job {
    let seat = seat.clone();
    let conversation = Some(snapshot.id);
    let event = Event { seat, acted, beside, conversation, about, said: Ok(said) };
    Box::pin(async move {
        let (other, context) = event.other();
        let ended = other.decide(context, &snapshot, &happening).await;
        event.end(ended, decide::worth, |base, newer| {
            let same = match (base, newer) {
                (Ok(base), Ok(newer)) => {
                    base.iter().map(|it| (&it.action, &it.rule)).eq(newer.iter().map(|it| (&it.action, &it.rule)))
                }
                _ => false,
            };
            (!same).then(|| (decided(base), decided(newer)))
        });
    })
}

/// The comparison of two policies' verdicts over one text.
pub(crate) fn verdicts(
    seat: &Seat<dyn Policy>,
    acted: Side,
    beside: Beside,
    snapshot: Snapshot,
    draft: Content,
    said: Verdict,
) -> Job {
    let seat = seat.clone();
    let (conversation, about) = (Some(snapshot.id), format!("a text for {}", snapshot.id.tag()));
    let event = Event { seat, acted, beside, conversation, about, said: Ok(said) };
    Box::pin(async move {
        let (other, context) = event.other();
        let ended = other.review(context, &snapshot, &draft).await;
        event.end(ended, reply::worth, |base, newer| {
            let words = |it: &Result<Verdict, Fault>| it.as_ref().map_or_else(|_| "a fault".into(), judged);
            (base != newer).then(|| (words(base), words(newer)))
        });
    })
}

/// The comparison of two adapters' readings of one arrival.
pub(crate) fn readings(
    seat: &Seat<dyn Adapter>,
    acted: Side,
    beside: Beside,
    arrival: Arrival,
    conversation: Option<ConversationId>,
    said: Result<Reading, Rejection>,
) -> Job {
    let seat = seat.clone();
    let about = format!("{} of {}", arrival.kind(), beside.context.now.0);
    let event = Event { seat, acted, beside, conversation, about, said };
    Box::pin(async move {
        let (other, context) = event.other();
        let ended = other.receive(context, &arrival).await;
        event.end(ended, receive::worth, |base, newer| (base != newer).then(|| read_differently(base, newer)));
    })
}

fn bounded(text: String) -> String {
    if text.chars().count() <= LONGEST { text } else { text.chars().take(LONGEST).chain(['…']).collect() }
}

fn decided(said: &Result<Vec<Decision>, Fault>) -> String {
    let Ok(decisions) = said else { return "a fault".into() };
    if decisions.is_empty() {
        return "nothing".into();
    }
    bounded(decisions.iter().map(|it| format!("{} [{}]", action(&it.action), it.rule)).collect::<Vec<_>>().join(", "))
}

/// An action in short words. Texts are told by their length and a digest of a few digits: two that differ look different,
/// and nobody reads here what was written to or by a customer.
fn action(action: &Action) -> String {
    let word = action.word();
    let text = |text: &str| format!("{word} ({} characters, {:04x})", text.chars().count(), short(text.as_bytes()));
    match action {
        Action::Reply(content) | Action::Draft(content) => text(&format!("{content:?}")),
        Action::Note(it) | Action::HandToHuman(it) | Action::Close(it) => text(it),
        Action::Notify(team, it) => format!("{} to {team}", text(it)),
        Action::AskEvidence(it, seconds) => format!("{} within {seconds} s", text(it)),
        Action::SetAttribute(it) => format!("{} {}", text(&it.value), it.name),
        Action::Escalate { level, teams, reason } => format!("{} level {level} to {}", text(reason), teams.join("+")),
        Action::Snooze(at) => format!("{word} {}", at.0),
        Action::Survey(it) => format!("{} {}", text(&format!("{it:?}")), it.name),
        Action::SetTimer(name, at) => format!("{word} {name} {}", at.0),
        Action::Perform(it) => text(&format!("{it:?}")),
        Action::Route(it) => {
            let agent = it.prefer_agent.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
            let senior = if it.senior { " senior" } else { "" };
            let tier = if it.tier > 0 { format!(" tier {}", it.tier) } else { String::new() };
            format!("{word} {} {}{agent}{senior}{tier}", it.team, it.skills.join("+"))
        }
        Action::StartClock(it) => {
            let calendar = it.calendar.as_deref().map(|name| format!(" {name}")).unwrap_or_default();
            let pauses = if it.pauses_for_customer { " pausing" } else { "" };
            format!("{word} {} {} s {} %{calendar}{pauses}", it.name, it.target, it.warn_at_percent)
        }
        Action::SetGrade(_)
        | Action::SetCategory(_)
        | Action::AddTag(_)
        | Action::RemoveTag(_)
        | Action::StopClock(_)
        | Action::CancelTimer(_) => format!("{word} {}", action.detail()),
    }
}

fn short(bytes: &[u8]) -> u16 {
    let hash = bytes.iter().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    (hash >> 16) as u16 ^ (hash & 0xffff) as u16
}

fn judged(verdict: &Verdict) -> String {
    let rules = |objections: &[tributary_model::decision::Objection]| {
        objections.iter().map(|it| it.rule.as_str()).collect::<Vec<_>>().join(", ")
    };
    bounded(match verdict {
        Verdict::Pass => "pass".into(),
        Verdict::Amend(content) => {
            format!("amend ({} characters, {:04x})", content.text.chars().count(), short(content.text.as_bytes()))
        }
        Verdict::Warn(objections) => format!("warn [{}]", rules(objections)),
        Verdict::Block(objections) => format!("block [{}]", rules(objections)),
    })
}

/// What both made of an arrival, and in which fields they differ.
fn read_differently(base: &Result<Reading, Rejection>, newer: &Result<Reading, Rejection>) -> (String, String) {
    let fields = match (base, newer) {
        (Ok(base), Ok(newer)) => differing(base, newer),
        _ => Vec::new(),
    };
    let after = if fields.is_empty() { String::new() } else { format!("; differs in {}", fields.join(", ")) };
    (bounded(understood(base)), bounded(format!("{}{after}", understood(newer))))
}

fn understood(said: &Result<Reading, Rejection>) -> String {
    let reading = match said {
        Ok(reading) => reading,
        Err(Rejection::Unauthenticated(_)) => return "rejected as unauthenticated".into(),
        Err(Rejection::Malformed(_)) => return "rejected as malformed".into(),
        Err(Rejection::Ignored(_)) => return "ignored".into(),
    };
    let count = |what: &str, is: fn(&ChannelEvent) -> bool| {
        let count = reading.events.iter().filter(|event| is(event)).count();
        (count > 0).then(|| format!("{count} {what}{}", if count == 1 { "" } else { "s" }))
    };
    let mut told: Vec<String> = [
        count("message", |event| matches!(event, ChannelEvent::Message(_))),
        count("order", |event| matches!(event, ChannelEvent::Order(_))),
        count("delivery report", |event| matches!(event, ChannelEvent::Delivery(_))),
    ]
    .into_iter()
    .flatten()
    .collect();
    told.extend(reading.answer.as_ref().map(|answer| format!("answer {}", answer.status)));
    if told.is_empty() { "nothing".into() } else { told.join(", ") }
}

fn differing(base: &Reading, newer: &Reading) -> Vec<String> {
    let mut fields = Vec::new();
    if base.events.len() != newer.events.len() {
        fields.push("the number of events".to_owned());
    }
    for (number, (one, other)) in base.events.iter().zip(&newer.events).enumerate() {
        let number = number + 1;
        match (one, other) {
            (one, other) if one == other => {}
            (ChannelEvent::Message(one), ChannelEvent::Message(other)) => {
                fields.push(format!("message {number}: {}", inbound(one, other).join("+")));
            }
            (ChannelEvent::Order(_), ChannelEvent::Order(_)) => fields.push(format!("order {number}")),
            (ChannelEvent::Delivery(_), ChannelEvent::Delivery(_)) => fields.push(format!("delivery {number}")),
            _ => fields.push(format!("the kind of event {number}")),
        }
    }
    if base.answer != newer.answer {
        fields.push("the answer".to_owned());
    }
    fields
}

fn inbound(one: &Inbound, other: &Inbound) -> Vec<&'static str> {
    [
        ("external id", one.external_id != other.external_id),
        ("time", one.sent_at != other.sent_at),
        ("author", one.author != other.author),
        ("from", one.from != other.from),
        ("name", one.display_name != other.display_name),
        ("subject", one.subject != other.subject),
        ("text", one.content.text != other.content.text),
        ("quoted", one.content.quoted != other.content.quoted),
        ("html", one.content.html != other.content.html),
        ("attachments", one.content.attachments != other.content.attachments),
        ("thread", one.thread != other.thread),
        ("automatic", one.automatic != other.automatic),
        ("attributes", one.attributes != other.attributes),
    ]
    .into_iter()
    .filter_map(|(name, differs)| differs.then_some(name))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tributary_model::decision::Grade;
    use tributary_model::message::Author;
    use tributary_model::{Timestamp, message::ThreadHints};

    fn said(actions: Vec<Action>) -> Result<Vec<Decision>, Fault> {
        Ok(actions.into_iter().map(|action| Decision { action, rule: "C3".into(), why: String::new() }).collect())
    }

    #[test]
    fn decisions_are_told_in_short_words_without_the_texts() {
        assert_eq!(decided(&said(vec![])), "nothing");
        assert_eq!(decided(&said(vec![Action::SetGrade(Grade::Emergency)])), "set-grade emergency [C3]");
        let secret = "Dear Ann, your parcel";
        let reply = |text: &str| Action::Reply(Content { text: text.into(), ..Content::default() });
        let (one, other) = (decided(&said(vec![reply(secret)])), decided(&said(vec![reply("Dear Bo, your parcels")])));
        assert!(one.starts_with("reply (") && !one.contains("Ann"), "{one}");
        assert_ne!(one, other, "two texts of one length are told apart");
        let note = decided(&said(vec![Action::Note(secret.into()), Action::Close(secret.into())]));
        assert!(!note.contains("Ann"), "{note}");
        assert!(decided(&said(vec![Action::AddTag("x".repeat(300)); 40])).chars().count() <= LONGEST + 1);
    }

    #[test]
    fn readings_are_told_by_the_names_of_the_fields_that_differ() {
        let message = |subject: &str, text: &str| {
            ChannelEvent::Message(Box::new(Inbound {
                external_id: None,
                sent_at: Timestamp(1),
                author: Author::Customer,
                from: Vec::new(),
                display_name: None,
                subject: Some(subject.into()),
                content: Content { text: text.into(), ..Content::default() },
                thread: ThreadHints::default(),
                automatic: false,
                attributes: Vec::new(),
            }))
        };
        let reading = |events| Ok(Reading { events, ..Reading::default() });
        let (base, newer) = (reading(vec![message("a", "secret one")]), reading(vec![message("b", "secret two")]));
        let (before, after) = read_differently(&base, &newer);
        assert_eq!((before.as_str(), after.as_str()), ("1 message", "1 message; differs in message 1: subject+text"));
        let (_, after) = read_differently(&base, &Err(Rejection::Malformed("secret".into())));
        assert_eq!(after, "rejected as malformed");
    }
}
