//! A whole session from bytes, without sockets or time: what the fuzz target and the property tests run.

use std::net::{IpAddr, Ipv4Addr};

use super::{
    Checks, Mail, Refused, Route, Taken,
    config::Config,
    session::{Memory, Session, Step},
};

/// What came of a session.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Transcript {
    /// All replies, the greeting first.
    pub replies: Vec<u8>,
    /// The mails handed over, in order, whatever the answer was.
    pub mails: Vec<(Route, Mail)>,
    /// Whether the session was closed from our side. What came afterwards was not read.
    pub closed: bool,
    /// Whether the session went over to TLS, which ends it here.
    pub starttls: bool,
}

/// Answers for [`replay()`]: each recipient has a route by its domain, except the domain `unknown.example`; there is
/// always room.
#[derive(Debug, Clone, Copy, Default)]
pub struct OpenDoor;

impl Checks for OpenDoor {
    fn route(&self, recipient: &str) -> Option<Route> {
        let domain = recipient.rsplit_once('@').map_or("", |(_, domain)| domain);
        (domain != "unknown.example").then(|| Route::new(domain))
    }

    fn has_room(&self) -> bool {
        true
    }

    fn within_rate(&self) -> bool {
        true
    }
}

/// Runs a session over a byte stream that arrives in these pieces. `store` answers for the intake. Total: returns for
/// any bytes, and how they are cut makes no difference to the transcript.
pub fn replay<'a>(
    config: &Config,
    checks: &dyn Checks,
    pieces: impl IntoIterator<Item = &'a [u8]>,
    mut store: impl FnMut(&Route, &Mail) -> Result<Taken, Refused>,
) -> Transcript {
    let mut session =
        Session::new(config.clone(), Memory::new(config.max_buffered_bytes), IpAddr::V4(Ipv4Addr::LOCALHOST));
    let mut transcript = Transcript::default();
    let mut pending = Vec::new();
    for piece in pieces {
        pending.extend_from_slice(piece);
        let mut used = 0;
        loop {
            let (n, step) = session.feed(&pending[used..], checks);
            used += n;
            match step {
                Step::Read => break,
                Step::Store(mails) => {
                    let results: Vec<_> = mails.iter().map(|(route, mail)| store(route, mail)).collect();
                    transcript.mails.extend(mails);
                    session.stored(&results);
                }
                Step::StartTls => transcript.starttls = true,
                Step::Close => transcript.closed = true,
            }
            transcript.replies.append(session.output());
            if transcript.closed || transcript.starttls {
                return transcript;
            }
        }
        pending.drain(..used);
        transcript.replies.append(session.output());
    }
    transcript.replies.append(session.output());
    transcript
}
