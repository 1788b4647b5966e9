//! `state`: small durable values. Writes are kept aside until the call has ended well, and are read back within it; those
//! of a replayed call are never committed.
use crate::bindings::tributary::plugin::state::{Host, StateError};
use crate::record::{Bytes, Heard, NOT_ON_TAPE, Service, Value};
use crate::state::CallState;
use std::collections::BTreeSet;
use std::time::Duration;

/// Bytes of a value at most.
pub(crate) const VALUE: usize = 64 << 10;
/// Bytes of a key at most.
pub(crate) const KEY: usize = 256;
/// Keys that one question tells at most.
const KEYS: u32 = 1_000;

impl CallState {
    fn write_later(&mut self, key: String, value: Option<Vec<u8>>, seconds: Option<u32>) -> Result<(), StateError> {
        self.answers()?;
        if key.len() > KEY {
            return Err(StateError::TooLarge(KEY as u64));
        }
        if value.as_ref().is_some_and(|value| value.len() > VALUE) {
            return Err(StateError::TooLarge(VALUE as u64));
        }
        let until = seconds.map(|seconds| self.context.now.after(Duration::from_secs(seconds.into())));
        self.effects.state.push((key, value, until));
        Ok(())
    }

    fn answers(&self) -> Result<(), StateError> {
        if self.preparing { Err(StateError::Unavailable("there is no state during prepare".into())) } else { Ok(()) }
    }
}

impl Host for CallState {
    async fn get(&mut self, key: String) -> wasmtime::Result<Result<Option<Vec<u8>>, StateError>> {
        self.hand_over(key.len())?;
        if let Err(error) = self.answers() {
            return Ok(Err(error));
        }
        let now = self.context.now;
        if let Some((_, value, until)) = self.effects.state.iter().rev().find(|(written, ..)| *written == key) {
            let live = until.is_none_or(|until| until > now);
            return Ok(Ok(value.clone().filter(|_| live)));
        }
        let question = self.taping.asked(|to| {
            to.map(1);
            to.key("key");
            to.text(&key);
        });
        let answer: Result<Option<Bytes>, _> = match self.taping.heard(Service::StateGet, &question) {
            Heard::Answer(answer) => answer,
            Heard::Silence => Err(StateError::Unavailable(NOT_ON_TAPE.into())),
            Heard::Real => {
                let Self { shared, meter, .. } = self;
                let asked = shared.services.state.get(&shared.name, &shared.channel, &key, now);
                let value = meter.hosted(asked).await;
                if let Ok(value) = &value {
                    self.effects.read.push((key, value.clone()));
                }
                value.map(|value| value.map(Bytes)).map_err(|error| StateError::Unavailable(error.to_string()))
            }
        };
        self.taping.note(Service::StateGet, question, &answer);
        Ok(answer.map(|value| value.map(|Bytes(value)| value)))
    }

    fn set(
        &mut self,
        key: String,
        value: Vec<u8>,
        expires_in: Option<u32>,
    ) -> wasmtime::Result<Result<(), StateError>> {
        self.hand_over(key.len() + value.len())?;
        let question = self.taping.asked(|to| {
            to.map(3);
            to.key("key");
            to.text(&key);
            to.key("value");
            to.sealed(&value);
            to.key("expires_in");
            to.value(&expires_in.map_or(Value::Nothing, |seconds| Value::Uint(seconds.into())));
        });
        let answer = self.write_later(key, Some(value), expires_in);
        self.taping.note(Service::StateSet, question, &answer);
        Ok(answer)
    }

    fn delete(&mut self, key: String) -> wasmtime::Result<Result<(), StateError>> {
        self.hand_over(key.len())?;
        let question = self.taping.asked(|to| {
            to.map(1);
            to.key("key");
            to.text(&key);
        });
        let answer = self.write_later(key, None, None);
        self.taping.note(Service::StateDelete, question, &answer);
        Ok(answer)
    }

    async fn keys(&mut self, prefix: String, limit: u32) -> wasmtime::Result<Result<Vec<String>, StateError>> {
        self.hand_over(prefix.len())?;
        if let Err(error) = self.answers() {
            return Ok(Err(error));
        }
        let (now, limit) = (self.context.now, limit.min(KEYS));
        let question = self.taping.asked(|to| {
            to.map(2);
            to.key("prefix");
            to.text(&prefix);
            to.key("limit");
            to.uint(limit.into());
        });
        // What this call wrote stands between the store's keys: as many more are asked for as it may have taken away.
        let written = self.effects.state.iter().filter(|(key, ..)| key.starts_with(&prefix)).count();
        let most = limit.saturating_add(u32::try_from(written).unwrap_or(u32::MAX));
        let answer: Result<Vec<String>, _> = match self.taping.heard(Service::StateKeys, &question) {
            Heard::Answer(answer) => answer,
            Heard::Silence => Err(StateError::Unavailable(NOT_ON_TAPE.into())),
            Heard::Real => {
                let Self { shared, meter, .. } = self;
                let asked = shared.services.state.keys(&shared.name, &shared.channel, &prefix, most, now);
                meter.hosted(asked).await.map_err(|error| StateError::Unavailable(error.to_string()))
            }
        };
        self.taping.note(Service::StateKeys, question, &answer);
        Ok(answer.map(|kept| {
            let mut keys: BTreeSet<String> = kept.into_iter().collect();
            for (key, value, until) in self.effects.state.iter().filter(|(key, ..)| key.starts_with(&prefix)) {
                if value.is_some() && until.is_none_or(|until| until > now) {
                    keys.insert(key.clone());
                } else {
                    keys.remove(key);
                }
            }
            keys.into_iter().take(limit as usize).collect()
        }))
    }
}
