//! A value at the contract's boundary, without its type: what a recording is read into, what JSON is written from.
//!
//! Names are those the Rust bindings use: fields in `snake_case`, cases in `CamelCase`, a case with a payload as a map of
//! one key, a result as `Ok` or `Err`, a tuple as a list, an absent option as nothing. JSON has no bytes, so they are
//! written as an object of one key: `$text` where they are text that a person can read, `$base64` otherwise.
use super::mask::Rewriting;
use data_encoding::BASE64;
use serde_json::{Map, Value as Json};
use std::borrow::Cow;

/// A value of the contract.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// An option that is none; the result of a function without one.
    Nothing,
    /// A truth.
    Bool(bool),
    /// A number that is not negative.
    Uint(u64),
    /// A negative number.
    Int(i64),
    /// A number with a fraction.
    Float(f64),
    /// A text; a case without a payload, by its name.
    Text(String),
    /// A list of bytes.
    Bytes(Vec<u8>),
    /// A list or a tuple.
    List(Vec<Value>),
    /// A record, by its fields; a case with its payload, by its name.
    Map(Vec<(String, Value)>),
}

impl Value {
    /// The value of a key, where this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(pairs) => pairs.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The text, where this is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The name of a case and its payload; nothing for a case without one.
    pub fn as_case(&self) -> Option<(&str, &Self)> {
        match self {
            Self::Text(name) => Some((name, &Self::Nothing)),
            Self::Map(pairs) if pairs.len() == 1 => pairs.first().map(|(name, value)| (name.as_str(), value)),
            _ => None,
        }
    }

    /// As JSON.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Nothing => Json::Null,
            Self::Bool(value) => Json::Bool(*value),
            Self::Uint(value) => Json::from(*value),
            Self::Int(value) => Json::from(*value),
            Self::Float(value) => Json::from(*value),
            Self::Text(text) => Json::String(text.clone()),
            Self::Bytes(bytes) => {
                let (key, text) = match std::str::from_utf8(bytes).ok().filter(|text| readable(text)) {
                    Some(text) => ("$text", text.to_owned()),
                    None => ("$base64", BASE64.encode(bytes)),
                };
                Json::Object(Map::from_iter([(key.to_owned(), Json::String(text))]))
            }
            Self::List(items) => items.iter().map(Self::to_json).collect(),
            Self::Map(pairs) => Json::Object(pairs.iter().map(|(key, value)| (key.clone(), value.to_json())).collect()),
        }
    }

    /// Rewrites every text and all bytes in it.
    pub(crate) fn rewrite(&mut self, how: &Rewriting) {
        match self {
            Self::Text(text) => {
                if let Cow::Owned(new) = how.text(text) {
                    *text = new;
                }
            }
            Self::Bytes(bytes) => {
                if let Cow::Owned(new) = how.apply(bytes) {
                    *bytes = new;
                }
            }
            Self::List(items) => items.iter_mut().for_each(|item| item.rewrite(how)),
            Self::Map(pairs) => pairs.iter_mut().for_each(|(_, value)| value.rewrite(how)),
            _ => {}
        }
    }
}

fn readable(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() && !matches!(c, '\r' | '\n' | '\t'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_shows_what_a_person_can_read() {
        let value = Value::Map(vec![
            ("text".into(), Value::Bytes("Grüße\r\n".into())),
            ("bytes".into(), Value::Bytes(vec![0, 255])),
            ("list".into(), Value::List(vec![Value::Nothing, Value::Int(-1), Value::Uint(u64::MAX)])),
            ("case".into(), Value::Text("AgentClosed".into())),
        ]);
        let expected = json!({
            "text": { "$text": "Grüße\r\n" }, "bytes": { "$base64": "AP8=" },
            "list": [null, -1, u64::MAX], "case": "AgentClosed",
        });
        assert_eq!(value.to_json(), expected);
    }
}
