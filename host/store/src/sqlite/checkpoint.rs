//! Copying the log into the database beside the writer.
//!
//! SQLite's own checkpoint runs inside the commit that finds the log too long, and every transition waits for its two
//! syncs. So a second connection copies ahead, while the writer goes on; the writer's own checkpoint stays, at a longer
//! log, for what is left: only with nothing left to copy can the log start again from its beginning.
use parking_lot::Mutex;
use rusqlite::Connection;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// After how many jobs the log is copied: about 8 MiB of new messages.
const JOBS: usize = 512;

/// The handle of the copying thread. Dropping it lets the thread end and waits for that.
pub(super) struct Checkpointer {
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the writer tells it.
pub(super) struct Wake {
    jobs: usize,
    bell: SyncSender<()>,
}

impl Wake {
    /// So many jobs were committed.
    pub(super) fn committed(&mut self, jobs: usize) {
        self.jobs += jobs;
        if self.jobs >= JOBS {
            self.jobs = 0;
            // Full: a round is asked for already. Closed: the store is closing.
            let _ = self.bell.try_send(());
        }
    }
}

impl Checkpointer {
    /// Starts the thread, which ends when the [`Wake`] is dropped.
    pub(super) fn start(path: &Path) -> Result<(Self, Wake), crate::StoreError> {
        let conn = Connection::open(path)?;
        conn.pragma_update(None, "synchronous", "full")?;
        let (bell, rounds) = sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("store-checkpoint".into())
            .spawn(move || copy(&conn, &rounds))
            .map_err(|source| crate::StoreError::Unusable { path: path.display().to_string(), source })?;
        Ok((Self { thread: Mutex::new(Some(thread)) }, Wake { jobs: 0, bell }))
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.get_mut().take()
            && thread.join().is_err()
        {
            tracing::error!("the store's checkpointer ended with a panic");
        }
    }
}

fn copy(conn: &Connection, rounds: &Receiver<()>) {
    while rounds.recv().is_ok() {
        let done = conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get::<_, i64>(1));
        match done {
            Ok(pages) => metrics::gauge!("tributary_store_log_pages").set(pages as f64),
            // The writer's own checkpoint comes later and reports what it finds.
            Err(error) => tracing::warn!(%error, "the store's log was not copied"),
        }
    }
}
