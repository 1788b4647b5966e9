//! Segment files: how recordings lie on the disk.
//!
//! A segment is called `SERIAL-MILLIS.rec` after its place in the order and the moment it was begun, and holds frames:
//! a mark, the length and the CRC-32 of what follows, then a kind, the number of a callee in this segment, and a packed
//! value. A frame that is torn by a crash or garbled by a disk is skipped up to the next mark, so the rest is read. No
//! process writes into a segment of another.
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

const MARK: [u8; 4] = [0xf7, b'T', b'R', b'1'];
/// Mark, length, checksum.
const HEAD: usize = 12;
/// Kind and number of the callee.
const TAG: usize = 5;

/// What a frame holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Callee,
    Call,
}

impl Kind {
    fn byte(self) -> u8 {
        match self {
            Self::Callee => b'W',
            Self::Call => b'C',
        }
    }

    fn of(byte: u8) -> Option<Self> {
        [Self::Callee, Self::Call].into_iter().find(|kind| kind.byte() == byte)
    }
}

/// A segment in its folder.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Segment {
    pub serial: u64,
    /// Milliseconds since the Unix epoch.
    pub begun: u64,
    pub path: PathBuf,
    pub size: u64,
}

/// The segments of a folder, oldest first. Other files are let alone.
pub(super) fn segments(dir: &Path) -> io::Result<Vec<Segment>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let parts = name.to_str().and_then(|name| name.strip_suffix(".rec")).and_then(|name| name.split_once('-'));
        let Some((serial, begun)) = parts else { continue };
        let (Ok(serial), Ok(begun)) = (serial.parse(), begun.parse()) else { continue };
        found.push(Segment { serial, begun, path: entry.path(), size: entry.metadata()?.len() });
    }
    found.sort();
    Ok(found)
}

/// Begins a segment. Only its owner may read it: it holds what customers wrote.
pub(super) fn begin(dir: &Path, serial: u64, now: u64) -> io::Result<(Segment, File)> {
    let path = dir.join(format!("{serial:08}-{now}.rec"));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&path)?;
    Ok((Segment { serial, begun: now, path, size: 0 }, file))
}

/// Writes one frame with one call of the system, and returns its length.
pub(super) fn write(file: &mut File, kind: Kind, callee: u32, body: &[u8]) -> io::Result<u64> {
    let length = u32::try_from(TAG + body.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let mut tag = [0; TAG];
    tag[0] = kind.byte();
    tag[1..].copy_from_slice(&callee.to_le_bytes());
    let mut crc = crc32fast::Hasher::new();
    crc.update(&tag);
    crc.update(body);
    let mut frame = Vec::with_capacity(HEAD + TAG + body.len());
    frame.extend_from_slice(&MARK);
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(&crc.finalize().to_le_bytes());
    frame.extend_from_slice(&tag);
    frame.extend_from_slice(body);
    file.write_all(&frame)?;
    Ok(frame.len() as u64)
}

/// Walks over the frames of a segment that was read.
#[derive(Debug, Default)]
pub(super) struct Frames {
    bytes: Vec<u8>,
    at: usize,
    /// Places where something that is no frame was skipped.
    pub skipped: u64,
}

impl Frames {
    pub fn of(bytes: Vec<u8>) -> Self {
        Self { bytes, at: 0, skipped: 0 }
    }

    /// The next whole frame: its kind, its callee, where its body is.
    pub fn next(&mut self) -> Option<(Kind, u32, &[u8])> {
        let (kind, callee, from, to) = loop {
            let rest = self.bytes.get(self.at..)?;
            if rest.is_empty() {
                return None;
            }
            if let Some((kind, callee, length)) = whole(rest) {
                let from = self.at + HEAD + TAG;
                self.at += HEAD + length;
                break (kind, callee, from, self.at);
            }
            self.skipped += 1;
            match memchr::memmem::find(&rest[1..], &MARK) {
                Some(next) => self.at += 1 + next,
                None => self.at = self.bytes.len(),
            }
        };
        Some((kind, callee, &self.bytes[from..to]))
    }
}

/// The frame that `rest` begins with, where it is whole: its kind, its callee, and its length behind the head.
fn whole(rest: &[u8]) -> Option<(Kind, u32, usize)> {
    let word = |at: usize| rest.get(at..at + 4).and_then(|word| word.try_into().ok()).map(u32::from_le_bytes);
    if !rest.starts_with(&MARK) {
        return None;
    }
    let length = usize::try_from(word(4)?).ok()?;
    let content = rest.get(HEAD..HEAD.checked_add(length)?)?;
    if length < TAG || crc32fast::hash(content) != word(8)? {
        return None;
    }
    Some((Kind::of(content[0])?, word(HEAD + 1)?, length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(bodies: &[Vec<u8>]) -> Vec<u8> {
        let dir = tempfile::tempdir().unwrap();
        let (segment, mut file) = begin(dir.path(), 1, 2).unwrap();
        for (at, body) in bodies.iter().enumerate() {
            write(&mut file, Kind::Call, at as u32, body).unwrap();
        }
        assert_eq!(segments(dir.path()).unwrap()[0].path, segment.path);
        std::fs::read(segment.path).unwrap()
    }

    fn read(bytes: Vec<u8>) -> Vec<(u32, Vec<u8>)> {
        let mut frames = Frames::of(bytes);
        let mut found = Vec::new();
        while let Some((_, callee, body)) = frames.next() {
            found.push((callee, body.to_vec()));
        }
        found
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_torn_or_garbled_costs_itself_and_nothing_else(
            bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 1..12),
            hit in any::<proptest::sample::Index>(), with in 1u8..,
        ) {
            let bytes = written(&bodies);
            let all: Vec<_> = bodies.into_iter().enumerate().map(|(at, body)| (at as u32, body)).collect();
            prop_assert_eq!(read(bytes.clone()), all.clone());
            let at = hit.index(bytes.len());
            let torn = read(bytes[..at].to_vec());
            prop_assert!(all.starts_with(&torn) && torn.len() < all.len());
            let mut garbled = bytes;
            garbled[at] ^= with;
            let left = read(garbled);
            prop_assert_eq!(left.len(), all.len() - 1);
            prop_assert!(left.iter().all(|one| all.contains(one)));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(bytes);
        }
    }
}
