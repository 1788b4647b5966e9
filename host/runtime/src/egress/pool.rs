//! The connections of each plugin: so many at once, the others wait; and those that rest until their origin is asked
//! again.
use super::connection::Connection;
use super::origin::Origin;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, SemaphorePermit};
use tributary_model::{ChannelName, PluginName};

type Whose = (PluginName, ChannelName);

/// All lines of all plugins. No plugin waits for another's, and none gets a connection that another one opened.
pub(super) struct Pool {
    lines: Mutex<HashMap<Whose, Arc<Lines>>>,
    most: usize,
    idle: Duration,
}

/// The connections of one plugin in one channel.
pub(super) struct Lines {
    turns: Semaphore,
    most: usize,
    resting: Mutex<Vec<Resting>>,
}

struct Resting {
    origin: Origin,
    since: Instant,
    connection: Connection,
}

impl Pool {
    pub fn new(most: usize, idle: Duration) -> Self {
        Self { lines: Mutex::default(), most: most.max(1), idle }
    }

    /// The lines of a plugin.
    pub fn of(&self, plugin: &PluginName, channel: &ChannelName) -> Arc<Lines> {
        let most = self.most;
        let new = || Arc::new(Lines { turns: Semaphore::new(most), most, resting: Mutex::default() });
        Arc::clone(self.lines.lock().entry((plugin.clone(), channel.clone())).or_insert_with(new))
    }

    /// Closes what has rested for too long, and forgets plugins that have nothing left. The result is how many
    /// connections rest still.
    pub fn close_idle(&self, now: Instant) -> usize {
        let mut left = 0;
        self.lines.lock().retain(|_, lines| {
            let mut resting = lines.resting.lock();
            resting.retain(|one| now.duration_since(one.since) < self.idle);
            left += resting.len();
            // Somebody who holds the lines has a turn or waits for one.
            !resting.is_empty() || Arc::strong_count(lines) > 1
        });
        left
    }
}

impl Lines {
    /// Waits for a turn, behind those that came before.
    pub async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.turns.acquire().await.ok()
    }

    /// The connection to an origin that rested last, and is the least likely to be closed by the other side.
    pub fn take(&self, origin: &Origin) -> Option<Connection> {
        let mut resting = self.resting.lock();
        let at = resting.iter().rposition(|one| one.origin == *origin)?;
        Some(resting.remove(at).connection)
    }

    /// Makes room for another connection: what rests and what is in use are together never more than the limit.
    pub fn make_room(&self) {
        let in_use = self.most - self.turns.available_permits();
        let mut resting = self.resting.lock();
        let over = (in_use + resting.len()).saturating_sub(self.most).min(resting.len());
        resting.drain(..over);
    }

    /// Keeps a connection for the next request to its origin. The oldest ones stand in front.
    pub fn rest(&self, origin: Origin, connection: Connection, now: Instant) {
        self.resting.lock().push(Resting { origin, since: now, connection });
    }
}
