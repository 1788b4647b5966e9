//! Recorded calls as fixtures: what a host exported with `tributary replay --save`, made again natively.
use std::collections::BTreeMap;
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::ask::with_bytes;
use super::fixtures::files;
use super::player::{Line, Player};
use super::{CaseError, FakeHost};
use crate::{Exported, native};

/// A call as it was recorded: the function, and its arguments by their names in the contract.
#[derive(Clone, Debug)]
pub struct Call {
    /// Such as `policy.decide`.
    pub function: String,
    pub(super) input: Value,
}

/// What a plugin answers to a recorded call, as JSON; or why the call could not be made.
#[derive(Clone, PartialEq, Debug)]
pub struct Answer(pub(super) Result<Value, String>);

/// A plugin that recorded calls can be made of. [`export!`](crate::export) implements it.
pub trait Answers: Exported {
    /// Makes the call; none where the plugin does not export its function.
    fn answer(&self, call: &Call) -> Option<Answer>;
}

/// One recorded call: its configuration and arguments, what the host answered, and what the plugin said.
#[derive(Clone, Debug)]
pub struct Recording {
    call: Call,
    written: Written,
}

#[derive(Clone, Debug, Deserialize)]
struct Written {
    /// The version of this form.
    recording: u32,
    plugin: String,
    version: String,
    config: Value,
    function: String,
    at: u64,
    input: Value,
    ended: Ended,
    #[serde(default)]
    tape: Vec<Line>,
    #[serde(default)]
    files: BTreeMap<String, Vec<u8>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Ended {
    Said(Value),
    Failed { words: String },
}

/// Makes every recorded call of a folder again and compares: `*.json` holds one, `*.jsonl` one on each line. The result is
/// how many there were.
///
/// Decisions agree where actions and rules do, objections where rules and spans do, errors where their case does; readings
/// and deliveries agree as a whole. A call that failed when it was recorded agrees once it does not panic any more.
///
/// # Errors
/// [`CaseError`] with every recording that cannot be read or does not agree, and where the folder holds none.
pub fn check_recordings<P: Answers>(folder: impl AsRef<Path>) -> Result<usize, CaseError> {
    let folder = folder.as_ref();
    let files = files(folder, &["json", "jsonl"])?;
    let (mut checked, mut problems) = (0, Vec::new());
    for path in files {
        match Recording::read(&path) {
            Ok(recordings) => {
                for (number, recording) in recordings.iter().enumerate() {
                    checked += 1;
                    if let Err(problem) = recording.check::<P>() {
                        problems.push(format!("{}, call {}: {problem}", path.display(), number + 1));
                    }
                }
            }
            Err(error) => problems.extend(error.0),
        }
    }
    match (checked, problems.is_empty()) {
        (0, true) => Err(CaseError::one(folder, "no recordings")),
        (_, true) => Ok(checked),
        (_, false) => Err(CaseError(problems)),
    }
}

impl Recording {
    /// Reads the recordings of a file: one, or one on each line of a `*.jsonl`.
    ///
    /// # Errors
    /// [`CaseError`] with the file, and what is wrong with it.
    pub fn read(path: &Path) -> Result<Vec<Self>, CaseError> {
        let text = std::fs::read_to_string(path).map_err(|error| CaseError::one(path, error))?;
        let parse = |text: &str| Self::parse(text).map_err(|problem| CaseError::one(path, problem));
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            text.lines().filter(|line| !line.trim().is_empty()).map(parse).collect()
        } else {
            Ok(vec![parse(&text)?])
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let written: Written =
            serde_json::from_value(with_bytes(value)?).map_err(|error| format!("no recording: {error}"))?;
        if written.recording != 1 {
            return Err(format!("a recording of form {}, and this is for form 1", written.recording));
        }
        let call = Call { function: written.function.clone(), input: written.input.clone() };
        Ok(Self { call, written })
    }

    /// The call.
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// The plugin that was called, and its version.
    pub fn plugin(&self) -> (&str, &str) {
        (&self.written.plugin, &self.written.version)
    }

    /// Prepares the plugin with the recorded configuration, makes the call and compares.
    fn check<P: Answers>(&self) -> Result<(), String> {
        let Written { config, at, ended, tape, files, .. } = &self.written;
        let mut host = FakeHost::new().config(config).now(*at);
        for data in files.values() {
            host = host.blob(data);
        }
        let prepared = super::with(&host, || super::prepare::<P>(config.clone()));
        let plugin = prepared.map_err(|error| format!("it refuses its configuration: {error}"))?;
        let player = Arc::new(Player::new(host, tape.clone()));
        // The plugin is not looked at again after a panic.
        let made = catch_unwind(AssertUnwindSafe(|| native::enter(player, || plugin.answer(&self.call))));
        let answer = match (made, ended) {
            (Ok(Some(Answer(answer))), _) => answer?,
            (Ok(None), _) => return Err(format!("the plugin does not export {}", self.call.function)),
            (Err(_), Ended::Failed { words }) => return Err(format!("it panics; when it was recorded it {words}")),
            (Err(_), Ended::Said(_)) => return Err("it panics; when it was recorded it answered".into()),
        };
        match ended {
            Ended::Failed { .. } => Ok(()),
            Ended::Said(said) if plain(&self.call.function, said) == plain(&self.call.function, &answer) => Ok(()),
            Ended::Said(said) => {
                let mut words = String::from("it answers otherwise");
                // Writing into a text cannot fail.
                let _ = write!(words, "\n  recorded {said}\n  now      {answer}");
                Err(words)
            }
        }
    }
}

/// An answer without the sentences that are written for people.
fn plain(function: &str, said: &Value) -> Value {
    let Some((case, payload)) = case(said) else { return said.clone() };
    let payload = match (case, function) {
        ("Err", _) => without_words(payload),
        (_, "policy.decide") => without_why(payload),
        (_, "review.review") => match payload {
            Value::Object(verdict) => Value::Object(
                verdict.iter().map(|(case, objections)| (case.clone(), without_why(objections))).collect(),
            ),
            pass => pass.clone(),
        },
        _ => payload.clone(),
    };
    Value::Object(Map::from_iter([(case.to_owned(), payload)]))
}

fn case(value: &Value) -> Option<(&str, &Value)> {
    let object = value.as_object().filter(|object| object.len() == 1)?;
    object.iter().next().map(|(case, payload)| (case.as_str(), payload))
}

/// A list of records without their field `why`.
fn without_why(list: &Value) -> Value {
    let bare = |record: &Value| match record {
        Value::Object(fields) => Value::Object(
            fields.iter().filter(|(name, _)| *name != "why").map(|(k, v)| (k.clone(), v.clone())).collect(),
        ),
        other => other.clone(),
    };
    match list {
        Value::Array(records) => records.iter().map(bare).collect(),
        other => other.clone(),
    }
}

/// The case of an error, and what is no sentence in it.
fn without_words(error: &Value) -> Value {
    match case(error) {
        Some((case, Value::String(_))) => Value::from(case),
        Some((case, Value::Array(parts))) => {
            let rest = parts.iter().filter(|part| !part.is_string()).cloned().collect();
            Value::Object(Map::from_iter([(case.to_owned(), Value::Array(rest))]))
        }
        _ => error.clone(),
    }
}
