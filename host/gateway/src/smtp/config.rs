//! Limits and timeouts of a mail listener, with their defaults, checked as a whole before a socket is opened.

use std::{fmt, num::NonZeroU32, ops::Deref, sync::Arc, time::Duration};

use super::tls::Tls;

/// Longest command line taken, CRLF included. RFC 5321 4.5.3.1.4 asks for 512 and lets extensions add to it.
pub const MAX_COMMAND_LINE: usize = 2048;

/// Which of the two protocols a listener speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// RFC 5321: one answer for the whole mail.
    Smtp,
    /// RFC 2033: one answer per recipient.
    Lmtp,
}

impl Protocol {
    /// Lower-case name, as in metrics and configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Smtp => "smtp",
            Self::Lmtp => "lmtp",
        }
    }
}

/// How long the listener waits. RFC 5321 4.5.3.2 gives the minimum for a server as five minutes per command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeouts {
    /// For one whole command line, from the end of the one before; also for the peer to take a reply. Default 5 min.
    pub command: Duration,
    /// Between two reads while a message is sent. Default 3 min.
    pub data: Duration,
    /// For a whole message, so that a byte now and then does not hold a connection for days. Default 30 min.
    pub message: Duration,
    /// For the TLS handshake. Default 1 min.
    pub handshake: Duration,
    /// For [`super::MailIntake::take`]; then the peer is told 451. A peer waits ten minutes (4.5.3.2.6), so it is less.
    /// Default 2 min.
    pub store: Duration,
    /// After a stop: for messages on their way to be finished. Default 20 s.
    pub grace: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let minutes = |n: u64| Duration::from_secs(n * 60);
        Self {
            command: minutes(5),
            data: minutes(3),
            message: minutes(30),
            handshake: minutes(1),
            store: minutes(2),
            grace: Duration::from_secs(20),
        }
    }
}

/// What an operator may set. [`Config::new`] checks it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The protocol spoken.
    pub protocol: Protocol,
    /// Name in the greeting and in the answer to EHLO: printable ASCII without spaces, at most 255 bytes.
    pub hostname: String,
    /// Largest message in bytes, dots unstuffed; offered as SIZE. Default 35 MiB.
    pub max_message_bytes: usize,
    /// Recipients of one mail; the ones above are told 452. RFC 5321 4.5.3.1.8 asks for at least 100. Default 100.
    pub max_recipients: usize,
    /// Connections at once. Default 512.
    pub max_connections: usize,
    /// Connections at once from one address (IPv6: one /64). Default 64.
    pub max_connections_per_ip: usize,
    /// New connections a minute from one address, with as many at once; more are told 421. Default: no limit, because
    /// behind a relay all mail comes from one address.
    pub connections_per_minute_per_ip: Option<NonZeroU32>,
    /// Mails a minute from one address, with as many at once; more are told 450. Default: no limit, as above.
    pub mails_per_minute_per_ip: Option<NonZeroU32>,
    /// Faults (unknown commands, wrong order, unknown recipients) since the last stored mail before the connection is
    /// closed with 421. Default 20.
    pub max_errors: u32,
    /// Bytes of messages that are not on disk yet, over all connections; more are told 452 and come again. The
    /// allocator may hold up to twice as much. Default 256 MiB.
    pub max_buffered_bytes: usize,
    /// How long the listener waits.
    pub timeouts: Timeouts,
    /// Certificate for STARTTLS; `None`: not offered. Default `None`.
    pub tls: Option<Tls>,
    /// Take mail only over TLS (`530 5.7.0` otherwise). Default `false`.
    pub require_tls: bool,
}

impl Settings {
    /// The defaults for this protocol and host name.
    pub fn new(protocol: Protocol, hostname: impl Into<String>) -> Self {
        Self {
            protocol,
            hostname: hostname.into(),
            max_message_bytes: 35 * 1024 * 1024,
            max_recipients: 100,
            max_connections: 512,
            max_connections_per_ip: 64,
            connections_per_minute_per_ip: None,
            mails_per_minute_per_ip: None,
            max_errors: 20,
            max_buffered_bytes: 256 * 1024 * 1024,
            timeouts: Timeouts::default(),
            tls: None,
            require_tls: false,
        }
    }
}

/// One thing wrong with [`Settings`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettingFault {
    /// The field, dotted: `timeouts.command`.
    pub key: &'static str,
    /// What it must be.
    pub expected: &'static str,
}

impl fmt::Display for SettingFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.expected)
    }
}

/// Everything that is wrong with [`Settings`], at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} unusable setting(s): {}", .faults.len(), .faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct InvalidSettings {
    /// Never empty.
    pub faults: Vec<SettingFault>,
}

/// Settings that were checked. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Config(Arc<Settings>);

impl Config {
    /// Checks all settings and names every fault.
    pub fn new(settings: Settings) -> Result<Self, InvalidSettings> {
        let mut faults = Vec::new();
        let mut must = |holds: bool, key, expected| {
            if !holds {
                faults.push(SettingFault { key, expected });
            }
        };
        let s = &settings;
        must(
            (1..=255).contains(&s.hostname.len()) && s.hostname.bytes().all(|b| b.is_ascii_graphic()),
            "hostname",
            "1 to 255 printable ASCII characters without spaces",
        );
        must(s.max_message_bytes >= 64 * 1024, "max_message_bytes", "at least 65536 (RFC 5321 4.5.3.1.7)");
        must(s.max_recipients >= 1, "max_recipients", "at least 1");
        must(s.max_connections >= 1, "max_connections", "at least 1");
        must(s.max_connections_per_ip >= 1, "max_connections_per_ip", "at least 1");
        must(s.max_errors >= 1, "max_errors", "at least 1");
        must(
            s.max_buffered_bytes >= s.max_message_bytes,
            "max_buffered_bytes",
            "at least max_message_bytes, or the largest mail could never be taken",
        );
        let t = &s.timeouts;
        for (key, value) in [
            ("timeouts.command", t.command),
            ("timeouts.data", t.data),
            ("timeouts.message", t.message),
            ("timeouts.handshake", t.handshake),
            ("timeouts.store", t.store),
        ] {
            // The upper end keeps a point in time computable.
            must(!value.is_zero() && value <= Duration::from_secs(86_400), key, "more than 0 and at most 24 hours");
        }
        must(t.grace <= Duration::from_secs(3600), "timeouts.grace", "at most 1 hour");
        must(!s.require_tls || s.tls.is_some(), "require_tls", "only together with a certificate");
        if faults.is_empty() { Ok(Self(Arc::new(settings))) } else { Err(InvalidSettings { faults }) }
    }
}

impl Deref for Config {
    type Target = Settings;

    fn deref(&self) -> &Settings {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid_and_every_fault_is_named() {
        Config::new(Settings::new(Protocol::Smtp, "mx.example.org")).unwrap();

        let mut bad = Settings::new(Protocol::Lmtp, "not a name");
        bad.max_message_bytes = 1;
        bad.max_recipients = 0;
        bad.max_connections = 0;
        bad.max_connections_per_ip = 0;
        bad.max_errors = 0;
        bad.max_buffered_bytes = 0;
        bad.require_tls = true;
        bad.timeouts = Timeouts {
            command: Duration::ZERO,
            data: Duration::ZERO,
            message: Duration::MAX,
            handshake: Duration::ZERO,
            store: Duration::ZERO,
            grace: Duration::MAX,
        };
        let faults: Vec<_> = Config::new(bad).unwrap_err().faults.iter().map(|f| f.key).collect();
        assert_eq!(
            faults,
            [
                "hostname",
                "max_message_bytes",
                "max_recipients",
                "max_connections",
                "max_connections_per_ip",
                "max_errors",
                "max_buffered_bytes",
                "timeouts.command",
                "timeouts.data",
                "timeouts.message",
                "timeouts.handshake",
                "timeouts.store",
                "timeouts.grace",
                "require_tls",
            ]
        );
    }
}
