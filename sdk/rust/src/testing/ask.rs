//! A recorded call as a call of the trait it belongs to. [`export!`](crate::export) names one function for each interface
//! that a plugin exports; each answers the calls of its interface, and none of another.
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::recording::{Answer, Call};
use crate::desk::{Happening, Snapshot};
use crate::trade::Operation;
use crate::types::{Content, Handle};
use crate::{Arrival, Channel, Commerce, Migrate, Outgoing, Policy, Poller, Presence, Review, Sampler, Sign};

#[derive(Deserialize)]
struct Receive {
    arrival: Arrival,
}

#[derive(Deserialize)]
struct Send {
    message: Outgoing,
}

#[derive(Deserialize)]
struct Decide {
    conversation: Snapshot,
    happening: Happening,
}

#[derive(Deserialize)]
struct ReviewOf {
    conversation: Snapshot,
    draft: Content,
}

#[derive(Deserialize)]
struct Poll {
    cursor: Option<String>,
}

#[derive(Deserialize)]
struct Show {
    to: Vec<Handle>,
    sign: Sign,
}

#[derive(Deserialize)]
struct LookUp {
    order_id: String,
}

#[derive(Deserialize)]
struct Perform {
    operation: Operation,
    idempotency_key: String,
}

/// Reads the arguments, makes the call, writes the answer.
fn made<A: DeserializeOwned, S: serde::Serialize>(call: &Call, make: impl FnOnce(A) -> S) -> Option<Answer> {
    let arguments = match serde_json::from_value(call.input.clone()) {
        Ok(arguments) => arguments,
        Err(error) => return Some(Answer(Err(format!("its arguments are not the contract's: {error}")))),
    };
    Some(Answer(serde_json::to_value(make(arguments)).map_err(|error| error.to_string())))
}

/// `channel.receive` and `channel.send`.
pub fn channel<P: Channel>(plugin: &P, call: &Call) -> Option<Answer> {
    match call.function.as_str() {
        "channel.receive" => made(call, |Receive { arrival }| plugin.receive(arrival)),
        "channel.send" => made(call, |Send { message }| plugin.send(message)),
        _ => None,
    }
}

/// `policy.decide`.
pub fn policy<P: Policy>(plugin: &P, call: &Call) -> Option<Answer> {
    (call.function == "policy.decide")
        .then(|| made(call, |Decide { conversation, happening }| plugin.decide(&conversation, &happening)))?
}

/// `review.review`.
pub fn review<P: Review>(plugin: &P, call: &Call) -> Option<Answer> {
    (call.function == "review.review")
        .then(|| made(call, |ReviewOf { conversation, draft }| plugin.review(&conversation, &draft)))?
}

/// `poller.poll`.
pub fn poller<P: Poller>(plugin: &P, call: &Call) -> Option<Answer> {
    (call.function == "poller.poll").then(|| made(call, |Poll { cursor }| plugin.poll(cursor)))?
}

/// `presence.show`.
pub fn presence<P: Presence>(plugin: &P, call: &Call) -> Option<Answer> {
    (call.function == "presence.show").then(|| made(call, |Show { to, sign }| plugin.show(to, sign)))?
}

/// `commerce.look-up` and `commerce.perform`.
pub fn commerce<P: Commerce>(plugin: &P, call: &Call) -> Option<Answer> {
    match call.function.as_str() {
        "commerce.look-up" => made(call, |LookUp { order_id }| plugin.look_up(order_id)),
        "commerce.perform" => {
            made(call, |Perform { operation, idempotency_key }| plugin.perform(operation, idempotency_key))
        }
        _ => None,
    }
}

/// Not recorded.
pub fn sampler<P: Sampler>(_: &P, _: &Call) -> Option<Answer> {
    None
}

/// Not recorded.
pub fn migration<P: Migrate>(_: &P, _: &Call) -> Option<Answer> {
    None
}

/// JSON of a recording with its bytes as the lists of numbers that the contract's types read.
pub(super) fn with_bytes(value: Value) -> Result<Value, String> {
    Ok(match value {
        Value::Object(object) => {
            if let [(key, Value::String(text))] = object.iter().collect::<Vec<_>>()[..] {
                match key.as_str() {
                    "$text" => return Ok(Value::from(text.as_bytes())),
                    "$base64" => {
                        let bytes = data_encoding::BASE64.decode(text.as_bytes());
                        return bytes.map(Value::from).map_err(|error| format!("no base64: {error}"));
                    }
                    _ => {}
                }
            }
            let pairs = object.into_iter().map(|(key, value)| Ok((key, with_bytes(value)?)));
            Value::Object(pairs.collect::<Result<_, String>>()?)
        }
        Value::Array(items) => Value::Array(items.into_iter().map(with_bytes).collect::<Result<_, _>>()?),
        other => other,
    })
}
