//! A service day in a second: what comes in and who is there are a scenario, everything between is the desk itself — its
//! policies as components, its store, its queue — under a clock that jumps from one event to the next.
//!
//! It is how a shop tries a changed standard: run a scenario, change a configuration, run it again. The same scenario and
//! seed give the same day. [`Scenario`] is the file, [`run`] the day, [`Report`] what came of it.
mod channel;
mod day;
mod ledger;
mod report;
mod scenario;

pub use day::{Desk, SimulateError, run};
pub use report::{ClassRow, ClockRow, Percentiles, Report, TeamRow};
pub use scenario::{Agents, Scenario, ScenarioError, Traffic};

/// The scenarios that come along: name and text.
pub const SCENARIOS: [(&str, &str); 3] = [
    ("normal-week", include_str!("../scenarios/normal-week.toml")),
    ("double-11", include_str!("../scenarios/double-11.toml")),
    ("incident", include_str!("../scenarios/incident.toml")),
];

/// The scenario of that name that comes along.
pub fn shipped(name: &str) -> Option<&'static str> {
    SCENARIOS.into_iter().find(|(one, _)| *one == name).map(|(_, text)| text)
}
