//! The one thread that writes, and group commit.
//!
//! Jobs come over a bounded channel. The writer takes all that wait, up to [`GROUP`], runs them in one transaction,
//! commits once, and only then answers them: the batch is what queued up while the last commit was under way, and a busy
//! store pays one sync and one copy of each page for many jobs. While many come at once, groups begin [`GATHER`] apart; while
//! a few do, the writer rests for as long as it worked; who writes alone never waits for a timer.
//!
//! One failing job must not hurt the others of its group. Savepoints would do that, but copy every page a job touches,
//! and hardly any job fails: so a group first runs bare, and only where a job failed it is rolled back and run again with
//! a savepoint around each job. A job can therefore run twice, and must not keep anything from its first run.
use super::calendars::Known;
use super::checkpoint::Wake;
use super::tx::Tx;
use crate::{DeskRules, StoreError};
use parking_lot::Mutex;
use rusqlite::Connection;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};
use tributary_model::EventId;

/// How many jobs one transaction takes at most.
const GROUP: usize = 256;

/// How far apart the beginnings of two groups are while many jobs come at once. A commit costs as much as three jobs, so a
/// machine that is busy with many senders spends its time on messages instead.
const GATHER: Duration = Duration::from_millis(4);

/// A group of so many jobs says that many come at once. With fewer the machine has time to spare, and commits sooner.
const MANY: usize = 16;

/// What a caller does when the writer's queue is full.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Full {
    /// Wait: work that was accepted is to be finished.
    Wait,
    /// Give up with [`StoreError::Overloaded`]: the sender can come again.
    Refuse,
}

/// One transition, ready to run.
trait Job: Send {
    /// Runs inside the group's transaction. Whether it went well.
    fn run(&mut self, tx: &mut Tx<'_>) -> bool;
    /// Tells the caller. With an error where the group did not reach the disk.
    fn answer(self: Box<Self>, lost: Option<&rusqlite::Error>);
}

struct Call<T, F> {
    work: F,
    result: Result<T, StoreError>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T: Send, F: FnMut(&mut Tx<'_>) -> Result<T, StoreError> + Send> Job for Call<T, F> {
    fn run(&mut self, tx: &mut Tx<'_>) -> bool {
        // What a panic leaves behind.
        self.result = Err(StoreError::Closed);
        self.result = (self.work)(tx);
        self.result.is_ok()
    }

    fn answer(self: Box<Self>, lost: Option<&rusqlite::Error>) {
        // Whoever asked may be gone, as a client that hung up is; the write stands all the same.
        let _ = self.reply.send(match lost {
            Some(error) => Err(copy(error).into()),
            None => self.result,
        });
    }
}

/// The handle of the writer thread. Dropping it finishes what was queued.
pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    changes: watch::Receiver<EventId>,
}

impl Writer {
    /// Starts the thread on this connection. `newest` is the newest event in it.
    pub(super) fn start(
        conn: Connection,
        queue: usize,
        rules: Arc<DeskRules>,
        newest: EventId,
        mut wake: Wake,
    ) -> std::io::Result<Self> {
        let (jobs, inbox) = mpsc::channel(queue.max(1));
        let (news, changes) = watch::channel(newest);
        let thread = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || write(&conn, &rules, inbox, &news, &mut wake))?;
        Ok(Self { jobs: Some(jobs), thread: Mutex::new(Some(thread)), changes })
    }

    /// Hands a job over and waits until it is on disk.
    pub(super) async fn run<T, F>(&self, full: Full, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Call { work, result: Err(StoreError::Closed), reply });
        let jobs = self.jobs.as_ref().ok_or(StoreError::Closed)?;
        match full {
            Full::Wait => jobs.send(job).await.map_err(|_| StoreError::Closed)?,
            Full::Refuse => jobs.try_send(job).map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => StoreError::Overloaded,
                mpsc::error::TrySendError::Closed(_) => StoreError::Closed,
            })?,
        }
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// See [`crate::Store::changes`].
    pub(super) fn changes(&self) -> watch::Receiver<EventId> {
        self.changes.clone()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.get_mut().take()
            && thread.join().is_err()
        {
            tracing::error!("the store's writer ended with a panic");
        }
    }
}

fn write(
    conn: &Connection,
    rules: &DeskRules,
    mut inbox: mpsc::Receiver<Box<dyn Job>>,
    news: &watch::Sender<EventId>,
    wake: &mut Wake,
) {
    let (mut group, calendars) = (Vec::with_capacity(GROUP), Known::default());
    // When the group before began, and how far from that the next one begins.
    let (mut began, mut apart) = (Instant::now(), Duration::ZERO);
    while inbox.blocking_recv_many(&mut group, GROUP) > 0 {
        let rest = (began + apart).saturating_duration_since(Instant::now());
        if !rest.is_zero() {
            std::thread::sleep(rest);
            while group.len() < GROUP
                && let Ok(job) = inbox.try_recv()
            {
                group.push(job);
            }
        }
        began = Instant::now();
        metrics::histogram!("tributary_store_group_jobs").record(group.len() as f64);
        let outcome = transact(conn, &calendars, rules, &mut group);
        let worked = began.elapsed();
        metrics::histogram!("tributary_store_commit_seconds").record(worked);
        apart = match group.len() {
            ..2 => Duration::ZERO,
            2..MANY => GATHER.min(worked * 2),
            MANY.. => GATHER,
        };
        let lost = match outcome {
            Ok(newest) => {
                // Before the answers, so that a caller who has one also finds the watch moved.
                if let Some(newest) = newest {
                    news.send_replace(newest);
                }
                None
            }
            Err(error) => {
                tracing::error!(jobs = group.len(), %error, "a group of transitions was not written");
                Some(error)
            }
        };
        wake.committed(group.len());
        for job in group.drain(..) {
            job.answer(lost.as_ref());
        }
    }
}

/// Runs a group and commits it; the newest event it wrote. On an error nothing of it was kept.
fn transact(
    conn: &Connection,
    calendars: &Known,
    rules: &DeskRules,
    group: &mut [Box<dyn Job>],
) -> rusqlite::Result<Option<EventId>> {
    let done = attempt(conn, calendars, rules, group);
    if done.is_err() && !conn.is_autocommit() {
        run(conn, "ROLLBACK")?;
    }
    done
}

fn attempt(
    conn: &Connection,
    calendars: &Known,
    rules: &DeskRules,
    group: &mut [Box<dyn Job>],
) -> rusqlite::Result<Option<EventId>> {
    run(conn, "BEGIN IMMEDIATE")?;
    let mut tx = Tx::new(conn, calendars, rules);
    // A panic in a job leaves the transaction like an error does; it must not take the writer along.
    let tried = |job: &mut Box<dyn Job>, tx: &mut Tx<'_>| {
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| job.run(tx))).unwrap_or(false)
    };
    if !group.iter_mut().all(|job| tried(job, &mut tx)) {
        if !conn.is_autocommit() {
            run(conn, "ROLLBACK")?;
        }
        run(conn, "BEGIN IMMEDIATE")?;
        tx = Tx::new(conn, calendars, rules);
        for job in group.iter_mut() {
            run(conn, "SAVEPOINT job")?;
            let before = tx.clone();
            if !tried(job, &mut tx) {
                // A full disk or a failing one ends the whole transaction: then this reports that there is none.
                run(conn, "ROLLBACK TO job")?;
                tx = before;
            }
            run(conn, "RELEASE job")?;
        }
    }
    tx.flush()?;
    run(conn, "COMMIT")?;
    Ok(tx.newest())
}

fn run(conn: &Connection, sql: &str) -> rusqlite::Result<()> {
    conn.prepare_cached(sql)?.execute([]).map(drop)
}

/// The same error once more: every job of a lost group gets it, and it cannot be cloned.
fn copy(error: &rusqlite::Error) -> rusqlite::Error {
    match error {
        rusqlite::Error::SqliteFailure(code, text) => rusqlite::Error::SqliteFailure(*code, text.clone()),
        other => rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ERROR),
            Some(other.to_string()),
        ),
    }
}
