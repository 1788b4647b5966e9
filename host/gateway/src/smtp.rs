//! The mail doors: SMTP (RFC 5321) and LMTP (RFC 2033) listeners.
//!
//! A mail is acknowledged only after the [`MailIntake`] has said that it is on disk. Everything before that answer is
//! memory that goes away with the connection, so a peer that stalls or drops at any point leaves nothing behind.
//!
//! - [`session`]: the protocol as a state machine without I/O; it is what the fuzz target and the property tests drive.
//! - [`data`]: where a message ends. Exactly `CRLF . CRLF`; see there what bare CR and LF do.
//! - [`config`]: limits and timeouts with their defaults; [`tls`]: the listener's certificate.
//! - [`serve`]: accepts, bounds and drains connections. One task per connection, all owned by the listener's own task.
//! - [`replay()`]: a whole session from bytes, for fuzzing.
//!
//! A message is handed over byte for byte as the peer meant it (dots unstuffed, nothing else touched): no trace header
//! is prepended, because the digest of a redelivered mail must not change. Envelope, peer address, greeting and TLS are
//! in [`Mail`] instead.

use std::{net::IpAddr, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;

mod body;
pub mod config;
mod connection;
pub mod data;
mod listener;
mod meters;
mod peers;
mod replay;
mod reply;
pub mod session;
pub mod tls;

pub use self::{
    config::{Config, InvalidSettings, Protocol, Settings, Timeouts},
    listener::{Drained, serve},
    replay::{OpenDoor, Transcript, replay},
    tls::{Tls, TlsFault},
};

/// Names the place a recipient's mail goes to: a channel's name. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Route(pub Arc<str>);

impl Route {
    /// A route of this name.
    pub fn new(name: &str) -> Self {
        Self(Arc::from(name))
    }
}

/// One mail for one route, complete and unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// RFC 5321 reverse-path without angle brackets; empty for the null sender of bounces.
    pub mail_from: String,
    /// The envelope recipients that lead to this route, in the order given; never empty. Recipients of other routes
    /// are not in it.
    pub rcpt_to: Vec<String>,
    /// The message: everything between the end of the DATA command's line and the final dot, dots unstuffed.
    pub data: Bytes,
    /// The peer's address as the socket knows it, an IPv4 address mapped into IPv6 unwrapped.
    pub peer: IpAddr,
    /// Whether the mail came over TLS.
    pub tls: bool,
    /// What the peer called itself in EHLO, HELO or LHLO. A claim, not checked.
    pub helo: String,
}

/// A mail that is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// What the peer is told the mail is known by; may be empty. Printable ASCII; anything else is left out of the reply.
    pub reference: String,
}

/// Why a mail was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No room just now: `451 4.3.2`, the peer tries again.
    #[error("overloaded")]
    Overloaded,
    /// It could not be stored: `451 4.3.0`, the peer tries again.
    #[error("not stored")]
    Storage,
    /// Bigger than this route takes: `552 5.3.4`, for good.
    #[error("too big for the route")]
    TooBig,
    /// Never to be taken: `554 5.6.0`, the text is shown to the peer (printable ASCII, cut at 200 characters).
    #[error("rejected: {0}")]
    Rejected(String),
}

/// Where finished mails go.
#[async_trait]
pub trait MailIntake: Send + Sync + 'static {
    /// The route that takes mail for this RFC 5321 address (`local@domain`, quotes already removed, or `postmaster`
    /// alone). `None`: nobody (`550 5.1.1`). Called on the connection's task, so it must not block.
    fn route(&self, recipient: &str) -> Option<Route>;

    /// Room for one more mail now? `false` is `451 4.3.2` to DATA, before the message is sent. Must not block.
    fn has_room(&self) -> bool;

    /// Stores one mail for one route; returns only after it is on disk. A mail with recipients of several routes is
    /// one call for each, at the same time. The peer may deliver the same mail again when it lost the answer or when
    /// another route failed: the same bytes for the same route again must be `Ok`, not a second mail. The future is
    /// dropped when it takes longer than [`Timeouts::store`] or when the grace of a shutdown is over; the peer was
    /// then told nothing or 451.
    async fn take(&self, route: &Route, mail: Mail) -> Result<Taken, Refused>;
}

/// What a session asks while a peer talks. The listener answers from [`MailIntake`] and from the peer's rate; a fuzz
/// target from a table.
pub trait Checks {
    /// As [`MailIntake::route`].
    fn route(&self, recipient: &str) -> Option<Route>;
    /// As [`MailIntake::has_room`].
    fn has_room(&self) -> bool;
    /// Counts one mail against the peer's rate; `false` is `450 4.7.1` to MAIL.
    fn within_rate(&self) -> bool;
}
