//! The host's services for other versions of the contract than the current one, in types that belong to none. Each goes
//! through the current version's service, so that grants, budgets and records hold alike for every version.
use crate::bindings::tributary::plugin::{clock, config, log, state};
use crate::state::CallState;
use tributary_model::Timestamp;

/// Why the state did not take or give a value.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StateError {
    /// Larger than so many bytes.
    #[error("larger than {0} bytes")]
    TooLarge(u64),
    /// The store does not answer: for people.
    #[error("{0}")]
    Unavailable(String),
}

impl From<state::StateError> for StateError {
    fn from(error: state::StateError) -> Self {
        match error {
            state::StateError::TooLarge(limit) => Self::TooLarge(limit),
            state::StateError::Unavailable(why) => Self::Unavailable(why),
        }
    }
}

impl CallState {
    /// `clock`: the moment of the call; zero while it is prepared.
    pub fn moment(&mut self) -> wasmtime::Result<Timestamp> {
        clock::Host::now(self).map(Timestamp)
    }

    /// `config`: the configuration, a JSON document.
    pub fn configuration(&mut self) -> wasmtime::Result<String> {
        config::Host::get(self)
    }

    /// `log`: a line in the operator's log, under its limits.
    pub fn log_line(&mut self, level: tracing::Level, message: String) -> wasmtime::Result<()> {
        let level = match level {
            tracing::Level::ERROR => log::Level::Error,
            tracing::Level::WARN => log::Level::Warn,
            tracing::Level::INFO => log::Level::Info,
            _ => log::Level::Debug,
        };
        log::Host::write(self, level, message)
    }

    /// `state`: the value of a key, or none.
    pub async fn kept(&mut self, key: String) -> wasmtime::Result<Result<Option<Vec<u8>>, StateError>> {
        Ok(state::Host::get(self, key).await?.map_err(Into::into))
    }

    /// `state`: keeps a value for good, or forgets it.
    pub fn keep(&mut self, key: String, value: Option<Vec<u8>>) -> wasmtime::Result<Result<(), StateError>> {
        let done = match value {
            Some(value) => state::Host::set(self, key, value, None)?,
            None => state::Host::delete(self, key)?,
        };
        Ok(done.map_err(Into::into))
    }
}
