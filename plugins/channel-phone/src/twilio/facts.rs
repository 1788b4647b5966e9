//! Who called whom: told by some callbacks, missing in others.
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tributary_sdk::Rejection;
use tributary_sdk::types::Handle;

use super::Fields;
use crate::call::{Call, Direction};
use crate::config::Config;
use crate::{people, time};

/// What is known of a call beside its words.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// Who called, as it was written.
    pub from: Option<String>,
    /// Who was called, as it was written.
    pub to: Option<String>,
    /// Who called whom.
    pub direction: Option<Direction>,
    /// The caller's network vouches for the number (STIR/SHAKEN, full attestation).
    pub vouched: bool,
    /// When it began, in milliseconds.
    pub start: Option<u64>,
    /// How long it took, in milliseconds.
    pub length: Option<u64>,
    /// The caller's name, as the network tells it.
    pub name: Option<String>,
}

impl Facts {
    /// Of a voice callback's fields.
    pub fn of(fields: &Fields) -> Self {
        let text = |name: &str| fields.get(name).map(str::to_owned);
        Self {
            from: text("From").or_else(|| text("Caller")),
            to: text("To").or_else(|| text("Called")),
            direction: fields.get("Direction").and_then(Direction::of),
            vouched: fields.get("StirVerstat") == Some("TN-Validation-Passed-A"),
            start: None,
            length: fields.get("CallDuration").and_then(|seconds| seconds.parse().ok()).and_then(time::seconds),
            name: text("CallerName"),
        }
    }

    /// Of a call as the API tells it.
    pub fn of_resource(call: &Value) -> Self {
        let text =
            |name: &str| call.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
        Self {
            from: text("from"),
            to: text("to"),
            direction: text("direction").as_deref().and_then(Direction::of),
            vouched: false,
            start: text("start_time").as_deref().and_then(time::read),
            length: text("duration").and_then(|seconds| seconds.parse().ok()).and_then(time::seconds),
            name: text("caller_name"),
        }
    }

    /// Together with what was known before; what is newer wins.
    #[must_use]
    pub fn over(self, earlier: Self) -> Self {
        Self {
            vouched: self.vouched || (earlier.vouched && (self.from.is_none() || self.from == earlier.from)),
            from: self.from.or(earlier.from),
            to: self.to.or(earlier.to),
            direction: self.direction.or(earlier.direction),
            start: self.start.or(earlier.start),
            length: self.length.or(earlier.length),
            name: self.name.or(earlier.name),
        }
    }

    /// What is kept of a call, with these.
    ///
    /// # Errors
    /// Where the state does not answer.
    pub fn remember(self, call: &str, config: &Config) -> Result<Self, Rejection> {
        let key = format!("who/{call}");
        let earlier: Self = super::load(&key)?.unwrap_or_default();
        let facts = self.over(earlier.clone());
        if facts != earlier {
            super::save(&key, &facts, Some(config.late_seconds))?;
        }
        Ok(facts)
    }

    /// The customer's handle; none where the number is withheld or not known.
    pub fn customer(&self, config: &Config) -> Option<Handle> {
        let number = |written: &Option<String>| written.as_deref().and_then(|number| people::phone(number, config));
        let (from, to) = (number(&self.from), number(&self.to));
        let own = |number: &Option<String>| number.as_ref().is_some_and(|number| config.own_numbers.contains(number));
        if own(&from) || (self.direction == Some(Direction::Outbound) && !own(&to)) {
            return to.map(|number| people::phone_handle(number, false));
        }
        from.map(|number| people::phone_handle(number, self.vouched))
    }

    /// Puts them into a call.
    pub fn fill(&self, call: &mut Call, config: &Config) {
        call.customer.extend(self.customer(config));
        call.customer_name = call.customer_name.take().or_else(|| self.name.clone());
        call.direction = call.direction.or(self.direction);
        call.start = call.start.or(self.start);
        call.length = call.length.or(self.length);
    }
}
