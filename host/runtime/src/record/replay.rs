//! Makes recorded calls again, through another generation, and says what it would have decided differently.
//!
//! A replayed call reaches nothing: services answer from the tape, the clock stands at the recorded moment, and what the
//! call would have written is dropped. What the candidate asks that is not on the tape is answered as unavailable, so a
//! candidate that asks otherwise shows as one that decides otherwise.
use super::compare::{self, Likeness};
use super::mask::Rewriting;
use super::recording::{Ended, Function, Input, Recording, Spoken};
use super::value::Value;
use super::{pack, pack::Pack};
use crate::call::{Adapter, Blame, CallContext, CallError, Outside, Policy};
use crate::export::{Decide, LookUp, Perform, Poll, Receive, Review, SendOut, Show};
use crate::generation::Generation;
use serde_json::{Value as Json, json};
use std::fmt;
use std::sync::Arc;
use tributary_model::{ConversationId, Place, Timestamp};

/// What came of one recorded call on the candidate.
#[derive(Clone, PartialEq, Debug)]
pub enum Outcome {
    /// The same.
    Same,
    /// The same, in other words for people.
    Reworded,
    /// Something else would have been decided, read or answered; also where a call that failed does not any more.
    Different(Difference),
    /// The candidate fails where the recorded call did not.
    Fault {
        /// What was answered, on one line.
        before: String,
        /// Who is to blame.
        blame: Blame,
        /// Why, for people.
        words: String,
    },
}

/// What differs.
#[derive(Clone, PartialEq, Debug)]
pub struct Difference {
    /// How the recorded call ended.
    pub before: Ended,
    /// How the candidate's did.
    pub after: Ended,
    /// A line with `-` for what is no more, one with `+` for what is new. Customers' words may be in it.
    pub lines: Vec<String>,
}

/// One recorded call, made again.
#[derive(Clone, PartialEq, Debug)]
pub struct Replayed {
    /// Its moment.
    pub at: Timestamp,
    /// Where it was made.
    pub place: Place,
    /// The conversation.
    pub conversation: Option<ConversationId>,
    /// What was called.
    pub function: Function,
    /// What came of it now.
    pub outcome: Outcome,
}

/// Recorded calls, counted by what came of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Summary {
    /// Made again: the sum of the next four.
    pub calls: u64,
    /// The same.
    pub same: u64,
    /// The same in other words for people.
    pub reworded: u64,
    /// Different.
    pub different: u64,
    /// Failed where the recorded call did not.
    pub faults: u64,
    /// Not made again: the candidate does not export the function.
    pub left_out: u64,
    /// Not made again: arguments that this version cannot read.
    pub unreadable: u64,
    /// Not judged: refused for a credential that no recording holds.
    pub withheld: u64,
}

impl Summary {
    /// Whether the candidate decides as the recorded calls did.
    pub fn agrees(&self) -> bool {
        self.different == 0 && self.faults == 0
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { calls, same, reworded, different, faults, left_out, unreadable, withheld } = self;
        write!(f, "{calls} calls: {same} the same, {reworded} in other words, {different} different, {faults} failed")?;
        if left_out + unreadable + withheld > 0 {
            write!(
                f,
                "; not judged: {left_out} of functions it does not export, {unreadable} that cannot be read, {withheld} \
                 refused for a credential that is not recorded"
            )?;
        }
        Ok(())
    }
}

impl Replayed {
    /// As JSON, for programs.
    pub fn to_json(&self) -> Json {
        let ended = |ended: &Ended| match ended {
            Ended::Said(said) => json!({ "said": said.to_json() }),
            Ended::Failed { blame, words } => json!({ "failed": { "blame": blame.as_str(), "words": words } }),
        };
        let outcome = match &self.outcome {
            Outcome::Same => json!({ "outcome": "same" }),
            Outcome::Reworded => json!({ "outcome": "reworded" }),
            Outcome::Different(Difference { before, after, lines }) => json!({
                "outcome": "different", "before": ended(before), "after": ended(after), "lines": lines,
            }),
            Outcome::Fault { before, blame, words } => json!({
                "outcome": "fault", "before": before, "blame": blame.as_str(), "words": words,
            }),
        };
        json!({
            "at": self.at.0,
            "place": self.place.to_string(),
            "conversation": self.conversation.map(|id| id.to_string()),
            "function": self.function.as_str(),
            "result": outcome,
        })
    }
}

/// Makes each recorded call again through a candidate and hands what came of it to `each`. One after the other, in their
/// order. Which recordings those are is the caller's choice, usually all of the candidate's place.
pub async fn replay(
    candidate: &Generation,
    recordings: impl Iterator<Item = Recording>,
    mut each: impl FnMut(&Replayed),
) -> Summary {
    let mut summary = Summary::default();
    // A secret is a marker in a recording. The candidate is told the operator's own, where it is granted it: what it
    // verifies with it was signed with it.
    let secrets = candidate.shared.secrets();
    let known = || secrets.iter().map(|(name, secret)| (name.as_str(), secret));
    let (showing, hiding) = (Rewriting::showing(known()), Rewriting::hiding(known()));
    let roles = candidate.package().roles();
    for mut recording in recordings {
        let exported = match recording.function {
            Function::Receive | Function::Send => roles.channel,
            Function::Decide => roles.policy,
            Function::Review => roles.review,
            Function::Poll => roles.poller,
            Function::Show => roles.presence,
            Function::LookUp | Function::Perform => roles.commerce,
        };
        if !exported {
            summary.left_out += 1;
            continue;
        }
        recording.put_back(&showing);
        let Recording { callee, function, at, conversation, files, input, ended, tape, .. } = recording;
        let Ok(input) = Input::take(function, input) else {
            summary.unreadable += 1;
            continue;
        };
        let context = CallContext {
            conversation,
            attachments: files,
            outside: Outside::Replayed(Arc::new(tape)),
            ..CallContext::at(at)
        };
        let now = again(candidate, context, &input).await;
        let refused = input.withholds() && is_refusal(&now);
        let outcome = judge(function, ended, now, &hiding);
        if refused && matches!(outcome, Outcome::Different(_)) {
            summary.withheld += 1;
            continue;
        }
        summary.calls += 1;
        match &outcome {
            Outcome::Same => summary.same += 1,
            Outcome::Reworded => summary.reworded += 1,
            Outcome::Different(_) => summary.different += 1,
            Outcome::Fault { .. } => summary.faults += 1,
        }
        each(&Replayed { at, place: callee.place.clone(), conversation, function, outcome });
    }
    summary
}

/// The call, made again. An answer is read back from its packed form: two that say the same are then the same value.
async fn again(candidate: &Generation, context: CallContext, input: &Input) -> Ended {
    fn said<E: Spoken>(called: Result<E::Said, CallError>) -> Ended {
        match called {
            Ok(said) => {
                let mut to = Pack::new();
                E::put_said(&said, &mut to);
                Ended::Said(pack::read(&to.finish().unwrap_or_default()).unwrap_or(Value::Nothing))
            }
            Err(error) => Ended::Failed { blame: error.blame(), words: error.to_string() },
        }
    }
    match input {
        Input::Receive(arrival) => {
            said::<Receive<'_>>(candidate.receive(context, arrival).await.map(|called| called.result))
        }
        Input::Send(message) => said::<SendOut<'_>>(candidate.send(context, message).await.map(|called| called.result)),
        Input::Decide(snapshot, happening) => {
            said::<Decide<'_>>(candidate.decide(context, snapshot, happening).await.map(|called| called.result))
        }
        Input::Review(snapshot, draft) => {
            said::<Review<'_>>(candidate.review(context, snapshot, draft).await.map(|called| called.result))
        }
        Input::Poll(cursor) => {
            said::<Poll<'_>>(candidate.poll(context, cursor.as_deref()).await.map(|called| called.result))
        }
        Input::Show(to, sign) => said::<Show<'_>>(candidate.show(context, to, sign).await.map(|called| called.result)),
        Input::LookUp(order) => said::<LookUp<'_>>(candidate.look_up(context, order).await.map(|called| called.result)),
        Input::Perform(operation, key) => {
            said::<Perform<'_>>(candidate.perform(context, operation, key).await.map(|called| called.result))
        }
    }
}

/// Whether an arrival was answered as one of somebody who did not show who it is.
fn is_refusal(ended: &Ended) -> bool {
    let Ended::Said(said) = ended else { return false };
    match said.as_case() {
        Some(("Err", rejection)) => matches!(rejection.as_case(), Some(("Unauthenticated", _))),
        Some(("Ok", reading)) => {
            let status = reading.get("answer").and_then(|answer| answer.get("status"));
            matches!(status, Some(Value::Uint(401 | 403)))
        }
        _ => false,
    }
}

fn judge(function: Function, mut before: Ended, mut after: Ended, hiding: &Rewriting) -> Outcome {
    for ended in [&mut before, &mut after] {
        match ended {
            Ended::Said(said) => said.rewrite(hiding),
            Ended::Failed { words, .. } => *words = hiding.text(words).into_owned(),
        }
    }
    match (&before, &after) {
        (Ended::Said(old), Ended::Said(new)) => match compare::compare(function, old, new) {
            Likeness::Same => return Outcome::Same,
            Likeness::Reworded => return Outcome::Reworded,
            Likeness::Different => {}
        },
        (Ended::Failed { blame: old, .. }, Ended::Failed { blame: new, .. }) if old == new => {
            return if before == after { Outcome::Same } else { Outcome::Reworded };
        }
        (Ended::Said(_), Ended::Failed { blame, words }) => {
            let (blame, words) = (*blame, words.clone());
            return Outcome::Fault { before: compare::ended(function, &before), blame, words };
        }
        (Ended::Failed { .. }, _) => {}
    }
    let lines = compare::lines(function, &before, &after);
    Outcome::Different(Difference { before, after, lines })
}
