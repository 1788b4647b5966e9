//! What came of a day.
use serde::Serialize;
use std::time::Duration;

/// A distribution, in the unit that its place says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Percentiles {
    /// Half of them are no larger.
    pub p50: f64,
    /// 95 of 100 are no larger.
    pub p95: f64,
    /// 99 of 100 are no larger.
    pub p99: f64,
    /// The largest.
    pub most: f64,
}

impl Percentiles {
    /// Of some durations, in seconds.
    pub(crate) fn seconds(mut all: Vec<Duration>) -> Self {
        all.sort_unstable();
        let at = |share: f64| {
            let last = all.len().saturating_sub(1);
            all.get((last as f64 * share).ceil() as usize).map_or(0.0, Duration::as_secs_f64)
        };
        Self { p50: at(0.5), p95: at(0.95), p99: at(0.99), most: at(1.0) }
    }

    pub(crate) fn times(self, factor: f64) -> Self {
        Self { p50: self.p50 * factor, p95: self.p95 * factor, p99: self.p99 * factor, most: self.most * factor }
    }
}

/// How conversations of a kind fared.
#[derive(Clone, Debug, Serialize)]
pub struct ClassRow {
    /// The scenario's name for them.
    pub name: String,
    /// How many.
    pub conversations: u64,
    /// Of a hundred: an agent had it, or the bot answered, within 30 seconds (D1).
    pub connected_in_30_s: f64,
    /// Of a hundred: settled with no agent (J1).
    pub settled_by_bot: f64,
    /// Until an agent's first answer, in seconds.
    pub first_answer: Percentiles,
    /// Of a hundred: closed at the end.
    pub closed: f64,
    /// Of a hundred: help was called.
    pub escalated: f64,
    /// Of a hundred: opened again after it was closed.
    pub reopened: f64,
}

/// How a kind of clock fared.
#[derive(Clone, Debug, Serialize)]
pub struct ClockRow {
    /// Its name.
    pub name: String,
    /// How many were started.
    pub started: u64,
    /// How many warned.
    pub warned: u64,
    /// How many were breached.
    pub breached: u64,
    /// Of a hundred: not breached.
    pub kept: f64,
}

/// How agents who are alike fared.
#[derive(Clone, Debug, Serialize)]
pub struct TeamRow {
    /// The scenario's name for them.
    pub name: String,
    /// How many there are.
    pub agents: u32,
    /// Hours that they were there, all together.
    pub hours: f64,
    /// Answers that they gave.
    pub answers: u64,
    /// Of a hundred hours there: busy with at least one conversation.
    pub busy: f64,
}

/// The report of a day.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What the scenario is.
    pub about: String,
    /// Days that messages came in.
    pub days: u32,
    /// Conversations that began.
    pub conversations: u64,
    /// Messages that customers wrote.
    pub messages: u64,
    /// Answers that agents gave.
    pub answers: u64,
    /// All conversations, as one row.
    pub all: ClassRow,
    /// By kind, in the order of the scenario.
    pub classes: Vec<ClassRow>,
    /// By clock, by name.
    pub clocks: Vec<ClockRow>,
    /// By agents, in the order of the scenario.
    pub teams: Vec<TeamRow>,
    /// The most that waited at once, and when, in hours from the beginning.
    pub longest_queue: (u64, f64),
    /// Still open at the end.
    pub left_open: u64,
    /// What policies asked for and did not get, and how often.
    pub refused: Vec<(String, u64)>,
    /// Claims that were made, and how long one took by the real clock, in milliseconds.
    pub claims: u64,
    /// See [`Report::claims`].
    pub claim_ms: Percentiles,
    /// The most conversations that waited while one was claimed.
    pub waiting_at_claim: u64,
    /// See [`Report::claims`]: of those that were made while nine tenths of that waited.
    pub full_claim_ms: Percentiles,
    /// What must not be: a conversation with two holders, work for somebody full or away, an emergency passed over.
    pub broken: Vec<String>,
    /// By the real clock, in seconds.
    pub took: f64,
}

pub(crate) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}
