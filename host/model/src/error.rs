//! How an error is told: its own words, then those of what caused it. No error repeats its source's words itself.
use std::error::Error;

/// An error with everything that caused it, in one line: `the store did not take it: the database failed: disk full`.
pub fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        line.push_str(": ");
        line.push_str(&cause.to_string());
        source = cause.source();
    }
    line
}
