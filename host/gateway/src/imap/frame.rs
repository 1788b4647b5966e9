//! Where an answer of the server ends: at the CRLF of a line that announces no literal (RFC 3501 4.3, 7).
//!
//! A mail of many megabytes is one answer, so what was looked through once is not looked through again.

use bytes::{Bytes, BytesMut};
use memchr::memchr;

/// The longest line of an answer: a list of a million UIDs stays below.
const LONGEST_LINE: usize = 16 << 20;

/// What is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameFault {
    /// A literal is bigger than was allowed.
    #[error("the server sent a literal of {0} bytes, more than may be")]
    Literal(u64),
    /// A line has no end.
    #[error("the server sent a line without an end")]
    Line,
}

/// Cuts a stream into answers.
#[derive(Debug)]
pub struct Frames {
    most: u64,
    /// Where the line begins that is read just now.
    line: usize,
    /// Up to here there is no end of that line.
    seen: usize,
}

impl Frames {
    /// For literals of `most` bytes at most.
    pub const fn new(most: usize) -> Self {
        Self { most: most as u64, line: 0, seen: 0 }
    }

    /// Takes the next whole answer, its CRLF included. `None`: it has not all arrived.
    ///
    /// # Errors
    /// After one the stream is of no more use.
    pub fn next(&mut self, buffer: &mut BytesMut) -> Result<Option<Bytes>, FrameFault> {
        loop {
            let Some(unseen) = buffer.get(self.seen..) else { return Ok(None) };
            let Some(found) = memchr(b'\n', unseen) else {
                self.seen = buffer.len();
                return if self.seen.saturating_sub(self.line) > LONGEST_LINE {
                    Err(FrameFault::Line)
                } else {
                    Ok(None)
                };
            };
            let end = self.seen + found + 1;
            match literal(&buffer[self.line..end]) {
                None => {
                    (self.line, self.seen) = (0, 0);
                    return Ok(Some(buffer.split_to(end).freeze()));
                }
                Some(length) if length > self.most => return Err(FrameFault::Literal(length)),
                Some(length) => {
                    self.line = end + usize::try_from(length).unwrap_or(usize::MAX / 2);
                    self.seen = self.line;
                }
            }
        }
    }

    /// How many bytes the buffer has to hold before there can be more to find.
    pub const fn wanted(&self) -> usize {
        self.seen
    }
}

/// The length that a line ends with: `{17}CRLF`, `{17+}CRLF`.
fn literal(line: &[u8]) -> Option<u64> {
    let inner = line.strip_suffix(b"}\r\n").or_else(|| line.strip_suffix(b"}\n"))?;
    let open = inner.iter().rposition(|&byte| byte == b'{')?;
    let digits = inner[open + 1..].strip_suffix(b"+").unwrap_or(&inner[open + 1..]);
    let all = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    // A length beyond 64 bits is more than is allowed, whatever is allowed.
    all.then(|| std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut(pieces: &[&[u8]]) -> Result<Vec<Bytes>, FrameFault> {
        let (mut frames, mut buffer, mut all) = (Frames::new(1_000), BytesMut::new(), Vec::new());
        for piece in pieces {
            buffer.extend_from_slice(piece);
            while let Some(frame) = frames.next(&mut buffer)? {
                all.push(frame);
            }
        }
        Ok(all)
    }

    const STREAM: &[u8] =
        b"* OK hello {5} there\r\n* 1 FETCH (UID 3 BODY[] {8}\r\n{9}\r\na\r\n X {2}\r\n\r\n)\r\nA1 OK done\r\n+ \r\n* rest";

    #[test]
    fn a_literal_may_hold_whatever_looks_like_an_end() {
        let all = cut(&[STREAM]).unwrap();
        assert_eq!(all.len(), 4, "{all:?}");
        assert_eq!(&all[1][..], &b"* 1 FETCH (UID 3 BODY[] {8}\r\n{9}\r\na\r\n X {2}\r\n\r\n)\r\n"[..]);
    }

    #[test]
    fn too_long_a_literal_is_told_before_it_is_read() {
        assert_eq!(cut(&[b"* 1 FETCH (BODY[] {1001}\r\n"]), Err(FrameFault::Literal(1001)));
        let endless = b"* 1 FETCH (BODY[] {99999999999999999999999}\r\n";
        assert_eq!(cut(&[endless]), Err(FrameFault::Literal(u64::MAX)));
    }

    proptest! {
        #[test]
        fn how_the_stream_is_cut_makes_no_difference(first in 0..STREAM.len(), second in 0..STREAM.len()) {
            let (a, b) = (first.min(second), first.max(second));
            prop_assert_eq!(cut(&[&STREAM[..a], &STREAM[a..b], &STREAM[b..]]), cut(&[STREAM]));
        }

        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = cut(&[&bytes]);
        }
    }
}
