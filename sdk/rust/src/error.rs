//! Why a plugin could not be prepared, or could not carry its state over.
use std::fmt;

/// Why [`Plugin::prepare`](crate::Plugin::prepare) refused a configuration. The operator reads it, and the generation
/// does not go live.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PrepareError {
    /// The configuration does not fit the plugin's configuration type: the parser's words, without the document.
    Configuration(String),
    /// One key has a value the plugin cannot work with.
    Value {
        /// The key, with dots between the levels: `clocks.emergency`.
        key: String,
        /// What was expected, in one sentence.
        problem: String,
    },
    /// Anything else, in one sentence.
    Other(String),
}

impl PrepareError {
    /// One key has a value the plugin cannot work with.
    pub fn value(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Value { key: key.into(), problem: problem.into() }
    }

    /// Anything else.
    pub fn other(problem: impl fmt::Display) -> Self {
        Self::Other(problem.to_string())
    }
}

impl fmt::Display for PrepareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configuration(problem) => write!(f, "the configuration does not fit: {problem}"),
            Self::Value { key, problem } => write!(f, "configuration key `{key}`: {problem}"),
            Self::Other(problem) => f.write_str(problem),
        }
    }
}

impl std::error::Error for PrepareError {}

impl From<serde_json::Error> for PrepareError {
    fn from(error: serde_json::Error) -> Self {
        Self::Configuration(error.to_string())
    }
}

/// Why [`Migrate::migrate`](crate::Migrate::migrate) could not carry a plugin's state over, in one sentence. The operator
/// reads it, and the older version stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrateError(String);

impl MigrateError {
    /// One sentence. No value of the state belongs in it.
    pub fn new(problem: impl fmt::Display) -> Self {
        Self(problem.to_string())
    }
}

impl fmt::Display for MigrateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for MigrateError {}

impl From<serde_json::Error> for MigrateError {
    fn from(error: serde_json::Error) -> Self {
        Self(format!("an entry is not what the older version wrote: {error}"))
    }
}
