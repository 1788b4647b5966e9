//! Waiting for the next conversation: an agent who frees gets it when it comes, without asking again and again.
//!
//! Every commit that says something new wakes whoever is first in line of those who may have the same; the others look once
//! a second, in case something is kept for one of them. So what comes in is looked at once for each kind of agent, not once
//! for each of two hundred.
use super::ApiState;
use super::now;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::Mutex as Turn;
use tokio::time::Instant;
use tributary_model::AgentName;
use tributary_store::{Next, StoreError};

/// How often those look who are not first.
const LOOK: Duration = Duration::from_secs(1);

/// The lines that agents wait in, each for one kind of agent and team.
#[derive(Default)]
pub(crate) struct Lines(Mutex<HashMap<String, Weak<Turn<()>>>>);

impl Lines {
    /// The line of a kind. Those that nobody waits in any more are forgotten.
    fn of(&self, kind: String) -> Arc<Turn<()>> {
        let mut lines = self.0.lock();
        lines.retain(|_, line| line.strong_count() > 0);
        let line = lines.get(&kind).and_then(Weak::upgrade).unwrap_or_default();
        lines.insert(kind, Arc::downgrade(&line));
        line
    }
}

/// Takes the next conversation for an agent, and waits for it so long at most. Ends without one when the daemon stops.
pub(crate) async fn next(
    state: &ApiState,
    agent: &AgentName,
    team: Option<&str>,
    lease: Duration,
    wait: Duration,
) -> Result<Next, StoreError> {
    let store = state.store();
    let until = Instant::now() + wait;
    let mut changes = store.changes();
    let mut stop = state.stop();
    let mut turn = None;
    let mut line = None;
    loop {
        changes.borrow_and_update();
        let next = store.claim_next(agent, team, lease, now()).await?;
        if next != Next::Nothing || Instant::now() >= until || *stop.borrow() {
            return Ok(next);
        }
        let line = match &line {
            Some(line) => line,
            None => {
                let profile = store.agent(agent).await?;
                let kind = profile.map(|it| format!("{:?} {:?} {}", it.teams, it.skills, it.senior));
                line.insert(state.lines().of(format!("{kind:?} {team:?}")))
            }
        };
        let first = turn.is_some();
        tokio::select! {
            mine = Turn::lock_owned(Arc::clone(line)), if !first => turn = Some(mine),
            _ = changes.changed(), if first => {}
            () = tokio::time::sleep(LOOK), if !first => {}
            () = tokio::time::sleep_until(until) => {}
            // Whoever would tell of the stop is gone: it has come.
            told = stop.changed() => if told.is_err() { return Ok(Next::Nothing) },
        }
    }
}
