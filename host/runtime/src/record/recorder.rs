//! The recorder: takes calls from any task without making it wait, and writes them from one thread.
//!
//! Recordings are worth having and not worth a customer's time: where the rate of a place, the queue or the disk does not
//! allow one more, it is counted and left out. They are not synced either: a killed daemon loses none that it wrote, a
//! machine that loses power may lose the last seconds.
use super::recording::{Callee, Room};
use super::segment::{self, Kind, Segment};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use tributary_model::Place;

/// How calls are recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecorderConfig {
    /// The folder of segments. Made where it is absent.
    pub dir: PathBuf,
    /// Bytes of all segments together; the oldest are deleted. Default 256 MiB.
    pub budget: u64,
    /// Bytes of one segment. Default 8 MiB; half the budget at most.
    pub segment: u64,
    /// Calls of one place that are recorded in a second, and as many that failed; more are left out. Default 100.
    pub per_second: u32,
    /// Bytes of one call at most; a larger one is left out. Default 256 KiB.
    pub largest: usize,
    /// Calls that wait for the writing thread at most; more are left out. Default 256.
    pub queue: usize,
}

impl RecorderConfig {
    /// The defaults, for a folder.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), budget: 256 << 20, segment: 8 << 20, per_second: 100, largest: 256 << 10, queue: 256 }
    }
}

/// Why nothing is recorded.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The folder cannot be made or listed.
    #[error("the folder of recordings at {path} cannot be used")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The thread that writes cannot be started.
    #[error("the thread that writes recordings cannot be started")]
    Thread(#[source] io::Error),
}

/// What became of calls since the recorder was opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Written.
    pub recorded: u64,
    /// Left out: above the rate of their place.
    pub sampled_out: u64,
    /// Left out: larger than one call may be.
    pub too_large: u64,
    /// Left out: the queue was full.
    pub dropped: u64,
    /// Left out: the disk did not take them.
    pub unwritten: u64,
}

#[derive(Debug, Default)]
struct Tally {
    recorded: AtomicU64,
    sampled_out: AtomicU64,
    too_large: AtomicU64,
    dropped: AtomicU64,
    unwritten: AtomicU64,
}

fn one_more(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}

enum Job {
    Call(Arc<Callee>, Vec<u8>),
    /// Everything before this is written: say so.
    Flush(SyncSender<()>),
}

/// Writes calls into segment files.
#[derive(Debug)]
pub struct Recorder {
    config: RecorderConfig,
    jobs: Option<SyncSender<Job>>,
    writer: Option<JoinHandle<()>>,
    tally: Arc<Tally>,
    rates: Mutex<HashMap<Place, Arc<Rate>>>,
}

impl Recorder {
    /// Opens a folder and starts the thread that writes. It ends, with everything written that was taken, when the
    /// recorder is dropped.
    ///
    /// # Errors
    /// [`RecordError`]: the folder cannot be used, or there is no thread.
    pub fn open(config: RecorderConfig) -> Result<Arc<Self>, RecordError> {
        let folder = |source| RecordError::Folder { path: config.dir.clone(), source };
        std::fs::create_dir_all(&config.dir).map_err(folder)?;
        let segments = segment::segments(&config.dir).map_err(folder)?;
        let (jobs, queue) = sync_channel(config.queue.max(1));
        let tally = Arc::new(Tally::default());
        let mut writer = Writer {
            segment: config.segment.min(config.budget / 2).max(1),
            config: config.clone(),
            serial: segments.last().map_or(1, |last| last.serial.saturating_add(1)),
            segments,
            open: None,
            failing: false,
            tally: Arc::clone(&tally),
        };
        let writer = std::thread::Builder::new()
            .name("recorder".into())
            .spawn(move || writer.run(&queue))
            .map_err(RecordError::Thread)?;
        Ok(Arc::new(Self { config, jobs: Some(jobs), writer: Some(writer), tally, rates: Mutex::default() }))
    }

    /// What became of calls so far.
    pub fn counts(&self) -> Counts {
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counts {
            recorded: count(&self.tally.recorded),
            sampled_out: count(&self.tally.sampled_out),
            too_large: count(&self.tally.too_large),
            dropped: count(&self.tally.dropped),
            unwritten: count(&self.tally.unwritten),
        }
    }

    /// Waits until everything that was taken so far is written. Blocking.
    pub fn flush(&self) {
        let (done, wait) = sync_channel(1);
        if let Some(jobs) = &self.jobs
            && jobs.send(Job::Flush(done)).is_ok()
        {
            // An error is the end of the thread: there is nothing left to wait for.
            let _ = wait.recv();
        }
    }

    fn send(&self, callee: &Arc<Callee>, call: Vec<u8>) {
        let Some(jobs) = &self.jobs else { return };
        match jobs.try_send(Job::Call(Arc::clone(callee), call)) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => one_more(&self.tally.dropped),
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

/// How many calls of a place are still recorded in this second: of any kind, and of those that failed.
#[derive(Debug)]
struct Rate {
    per_second: f64,
    left: Mutex<Left>,
}

#[derive(Debug)]
struct Left {
    any: f64,
    failed: f64,
    at: Instant,
}

/// Whether a call that begins is to be recorded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Turn {
    /// Yes.
    Always,
    /// Only where it fails: the failing input is what one wants, however many calls go well beside it.
    IfItFails,
}

impl Rate {
    fn new(per_second: u32) -> Self {
        let per_second = f64::from(per_second);
        Self { per_second, left: Mutex::new(Left { any: per_second, failed: per_second, at: Instant::now() }) }
    }

    fn turn(&self) -> Option<Turn> {
        let mut left = self.left.lock();
        let now = Instant::now();
        let more = now.duration_since(left.at).as_secs_f64() * self.per_second;
        left.at = now;
        left.any = (left.any + more).min(self.per_second);
        left.failed = (left.failed + more).min(self.per_second);
        if left.any >= 1.0 {
            left.any -= 1.0;
            Some(Turn::Always)
        } else if left.failed >= 1.0 {
            Some(Turn::IfItFails)
        } else {
            None
        }
    }

    fn failed(&self) -> bool {
        let mut left = self.left.lock();
        let may = left.failed >= 1.0;
        if may {
            left.failed -= 1.0;
        }
        may
    }
}

/// The recorder as one generation has it.
#[derive(Debug)]
pub(crate) struct Source {
    recorder: Arc<Recorder>,
    callee: Arc<Callee>,
    rate: Arc<Rate>,
    /// Bytes of the call before: the next is likely to need as many, and grows into them without being moved.
    last: AtomicUsize,
}

impl Source {
    pub fn new(recorder: Arc<Recorder>, callee: Callee) -> Self {
        let new = || Arc::new(Rate::new(recorder.config.per_second));
        let rate = Arc::clone(recorder.rates.lock().entry(callee.place.clone()).or_insert_with(new));
        Self { recorder, callee: Arc::new(callee), rate, last: AtomicUsize::new(0) }
    }

    /// A call begins. None: it is not recorded, and needs no tape.
    pub fn begin(&self) -> Option<Turn> {
        let turn = self.rate.turn();
        if turn.is_none() {
            one_more(&self.recorder.tally.sampled_out);
        }
        turn
    }

    /// A call ended. `pack` is told how large it may be; none comes back where it is larger.
    pub fn end(&self, turn: Turn, failed: bool, pack: impl FnOnce(Room) -> Option<Vec<u8>>) {
        let tally = &self.recorder.tally;
        if turn == Turn::IfItFails && !(failed && self.rate.failed()) {
            return one_more(&tally.sampled_out);
        }
        let room = Room { limit: self.recorder.config.largest, likely: self.last.load(Ordering::Relaxed) };
        match pack(room) {
            Some(call) => {
                self.last.store(call.len() + call.len() / 8, Ordering::Relaxed);
                self.recorder.send(&self.callee, call);
            }
            None => one_more(&tally.too_large),
        }
    }
}

/// A segment that is being written, and the callees that were named in it.
struct Open {
    file: File,
    callees: Vec<Arc<Callee>>,
}

/// The thread's own.
struct Writer {
    config: RecorderConfig,
    segment: u64,
    serial: u64,
    segments: Vec<Segment>,
    open: Option<Open>,
    /// The disk did not take the last one: said once, not for each.
    failing: bool,
    tally: Arc<Tally>,
}

impl Writer {
    fn run(&mut self, jobs: &Receiver<Job>) {
        while let Ok(job) = jobs.recv() {
            match job {
                Job::Call(callee, call) => match self.write(&callee, &call) {
                    Ok(()) => {
                        self.failing = false;
                        one_more(&self.tally.recorded);
                    }
                    Err(error) => {
                        one_more(&self.tally.unwritten);
                        // What was half-written ends its segment: the next call begins another.
                        self.open = None;
                        if !std::mem::replace(&mut self.failing, true) {
                            tracing::warn!(%error, "calls cannot be recorded");
                        }
                    }
                },
                Job::Flush(done) => drop(done.send(())),
            }
        }
    }

    fn write(&mut self, callee: &Arc<Callee>, call: &[u8]) -> io::Result<()> {
        let full = self.segments.last().is_some_and(|last| last.size >= self.segment);
        if self.open.is_none() || full {
            self.next()?;
        }
        let Some(open) = &mut self.open else { return Err(io::ErrorKind::NotFound.into()) };
        let mut written = 0;
        let number = match open.callees.iter().position(|known| Arc::ptr_eq(known, callee)) {
            Some(number) => number,
            None => {
                written += segment::write(&mut open.file, Kind::Callee, open.callees.len() as u32, &callee.pack())?;
                open.callees.push(Arc::clone(callee));
                open.callees.len() - 1
            }
        };
        written += segment::write(&mut open.file, Kind::Call, number as u32, call)?;
        if let Some(last) = self.segments.last_mut() {
            last.size += written;
        }
        Ok(())
    }

    /// Begins a segment, and deletes the oldest until it has room.
    fn next(&mut self) -> io::Result<()> {
        self.open = None;
        let mut total: u64 = self.segments.iter().map(|segment| segment.size).sum();
        while total.saturating_add(self.segment) > self.config.budget && !self.segments.is_empty() {
            let oldest = self.segments.remove(0);
            match std::fs::remove_file(&oldest.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => total -= oldest.size,
            }
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let (segment, file) = segment::begin(&self.config.dir, self.serial, now.as_millis() as u64)?;
        self.serial += 1;
        self.segments.push(segment);
        self.open = Some(Open { file, callees: Vec::new() });
        Ok(())
    }
}
