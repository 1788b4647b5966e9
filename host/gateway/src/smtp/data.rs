//! Where a message ends, and dot-unstuffing (RFC 5321 4.1.1.4, 4.5.2).
//!
//! The end is `CRLF . CRLF` and nothing else. The CRLF before the dot may be the one that ended the DATA command, so a
//! message of no bytes at all is `.CRLF`. Two servers that disagree here let a sender hide a second mail inside the
//! first ("SMTP smuggling"), so nothing is read generously:
//!
//! - `LF . LF`, `LF . CRLF`, `CR . CR`, `CR . CRLF`, `CRLF . LF`, `CRLF . CR` and `CRLF . CR CRLF` do not end it;
//! - bare CR, bare LF and NUL are data and stay as they are;
//! - a dot is taken away only at the start of a line that begins after CRLF (or is the first), whatever follows it.
//!
//! This is our own and not the receiver of `smtp-proto`: that one does not end an empty message at `.CRLF`, leaves a
//! stuffed dot on the first line, and ends at `CRLF . CR CRLF`.

use std::sync::LazyLock;

use memchr::memmem::Finder;

/// Takes the unstuffed bytes, piece by piece.
pub trait Sink {
    /// The next bytes of the message.
    fn push(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    fn push(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Where in a line the next byte is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// First of a line: after CRLF, or the message's first byte.
    LineStart,
    /// After a dot that began a line. The dot was not passed on and never will be.
    Dot,
    /// After a dot and a CR that began a line. Neither was passed on; the CR will be unless LF follows.
    DotCr,
    /// After a CR within a line.
    Cr,
    /// Elsewhere.
    Text,
}

static CRLF_DOT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\r\n."));

/// Reads one message from bytes as they arrive.
#[derive(Debug, Clone)]
pub struct DataReceiver {
    at: At,
}

impl Default for DataReceiver {
    fn default() -> Self {
        Self::new()
    }
}

impl DataReceiver {
    /// Ready for the first byte after the DATA command's line.
    pub const fn new() -> Self {
        Self { at: At::LineStart }
    }

    /// Passes what `input` holds of the message to `sink`. `Some(n)`: the message ended with the `n`th byte, what
    /// follows are commands. `None`: all of `input` belonged to the message. How the stream is cut makes no difference.
    pub fn receive(&mut self, input: &[u8], sink: &mut impl Sink) -> Option<usize> {
        let mut used = 0;
        while let Some(&next) = input.get(used) {
            match self.at {
                At::LineStart if next == b'.' => {
                    self.at = At::Dot;
                    used += 1;
                }
                At::Dot if next == b'\r' => {
                    self.at = At::DotCr;
                    used += 1;
                }
                At::DotCr if next == b'\n' => return Some(used + 1),
                At::DotCr => {
                    sink.push(b"\r");
                    self.at = At::Cr;
                }
                At::Cr if next == b'\n' => {
                    sink.push(b"\n");
                    self.at = At::LineStart;
                    used += 1;
                }
                At::LineStart | At::Dot | At::Cr | At::Text => {
                    let rest = &input[used..];
                    let Some(found) = CRLF_DOT.find(rest) else {
                        sink.push(rest);
                        self.at = match rest {
                            [.., b'\r', b'\n'] => At::LineStart,
                            [.., b'\r'] => At::Cr,
                            _ => At::Text,
                        };
                        return None;
                    };
                    sink.push(&rest[..found + 2]);
                    self.at = At::Dot;
                    used += found + 3;
                }
            }
        }
        None
    }
}
