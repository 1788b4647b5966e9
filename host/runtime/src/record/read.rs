//! Reading recordings back: one segment in memory at a time.
use super::recording::{Callee, Function, Recording};
use super::segment::{self, Frames, Kind, Segment};
use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use tributary_model::{Place, PluginName, Timestamp};

/// Which recordings are wanted. The default: all.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Wanted {
    /// Calls of this moment and later.
    pub since: Timestamp,
    /// Calls before this moment; none: up to the newest.
    pub until: Option<Timestamp>,
    /// Calls in this place.
    pub place: Option<Place>,
    /// Calls of this plugin, whatever its version.
    pub plugin: Option<PluginName>,
    /// Calls of this function.
    pub function: Option<Function>,
}

impl Wanted {
    fn callee(&self, callee: &Callee) -> bool {
        self.place.as_ref().is_none_or(|place| *place == callee.place)
            && self.plugin.as_ref().is_none_or(|plugin| *plugin == callee.plugin)
    }

    fn call(&self, recording: &Recording) -> bool {
        recording.at >= self.since
            && self.until.is_none_or(|until| recording.at < until)
            && self.function.is_none_or(|function| recording.function == function)
    }
}

/// The recordings of a folder, in the order their calls ended. A folder that a recorder writes into can be read.
#[derive(Debug)]
pub struct Recordings {
    wanted: Wanted,
    /// Still to be read, newest first.
    segments: Vec<Segment>,
    frames: Frames,
    /// The callees of the segment that is read: none for one that is not wanted.
    callees: HashMap<u32, Option<Arc<Callee>>>,
    skipped: u64,
}

impl Recordings {
    /// Opens a folder.
    ///
    /// # Errors
    /// It cannot be listed. A segment that cannot be read later is skipped and counted.
    pub fn open(dir: &Path, wanted: Wanted) -> io::Result<Self> {
        let mut segments = segment::segments(dir)?;
        // A call is written after its moment: a segment that was followed before `since` holds nothing that is wanted.
        let old = segments.iter().skip(1).take_while(|next| Timestamp(next.begun) < wanted.since).count();
        segments.drain(..old);
        segments.reverse();
        Ok(Self { wanted, segments, frames: Frames::default(), callees: HashMap::new(), skipped: 0 })
    }

    /// Places that could not be read so far: torn by a crash, garbled, of another version, or of a file that is gone.
    pub fn skipped(&self) -> u64 {
        self.skipped + self.frames.skipped
    }

    /// Goes on to the next segment; false where there is none.
    fn turn(&mut self) -> bool {
        let Some(segment) = self.segments.pop() else { return false };
        self.skipped += self.frames.skipped;
        self.callees.clear();
        self.frames = match std::fs::read(&segment.path) {
            Ok(bytes) => Frames::of(bytes),
            Err(_) => {
                self.skipped += 1;
                Frames::default()
            }
        };
        true
    }
}

impl Iterator for Recordings {
    type Item = Recording;

    fn next(&mut self) -> Option<Recording> {
        loop {
            let Some((kind, number, body)) = self.frames.next() else {
                if self.turn() { continue } else { return None }
            };
            match kind {
                Kind::Callee => {
                    let callee = match Callee::read(body) {
                        Ok(callee) => self.wanted.callee(&callee).then(|| Arc::new(callee)),
                        Err(_) => {
                            self.skipped += 1;
                            continue;
                        }
                    };
                    self.callees.insert(number, callee);
                }
                Kind::Call => match self.callees.get(&number) {
                    Some(Some(callee)) => match Recording::read(callee, body) {
                        Ok(recording) if self.wanted.call(&recording) => return Some(recording),
                        Ok(_) => {}
                        Err(_) => self.skipped += 1,
                    },
                    Some(None) => {}
                    None => self.skipped += 1,
                },
            }
        }
    }
}
