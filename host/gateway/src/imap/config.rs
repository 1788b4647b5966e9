//! What an operator may set for one mailbox, with its defaults.

use std::{fmt, sync::Arc, time::Duration};

use tokio_rustls::rustls::pki_types::CertificateDer;

/// A server forgets a client that idles for half an hour (RFC 2177): IDLE is begun anew before that.
pub const LONGEST_IDLE: Duration = Duration::from_secs(29 * 60);

/// Where the operator's secrets are: asked by name each time one is needed, so that a new one counts at once.
pub type Secrets = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// How the connection is kept from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte (RFC 8314), port 993.
    Implicit,
    /// STARTTLS before the login (RFC 3501 6.2.1), port 143.
    StartTls,
    /// Not at all: for a server on this machine.
    None,
}

impl Security {
    /// The port that goes with it.
    pub const fn port(self) -> u16 {
        match self {
            Self::Implicit => 993,
            Self::StartTls | Self::None => 143,
        }
    }
}

/// How the mailbox knows us. Both name a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// A password: AUTHENTICATE PLAIN (RFC 4616) where it is offered, LOGIN otherwise.
    Password(String),
    /// An OAuth access token: AUTHENTICATE XOAUTH2. Whoever refreshes the token writes the secret anew.
    Bearer(String),
}

impl Login {
    /// The secret's name.
    pub fn secret(&self) -> &str {
        match self {
            Self::Password(name) | Self::Bearer(name) => name,
        }
    }
}

/// What happens to a mail in its mailbox after it is in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum After {
    /// It is marked as read.
    Seen,
    /// Nothing.
    Leave,
    /// It is moved to this folder, which is made where it is missing.
    Move(String),
    /// It is deleted.
    Delete,
}

impl After {
    /// Reads `seen`, `leave`, `delete` or `move:FOLDER`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "seen" => Some(Self::Seen),
            "leave" => Some(Self::Leave),
            "delete" => Some(Self::Delete),
            _ => text.strip_prefix("move:").filter(|folder| !folder.is_empty()).map(|folder| Self::Move(folder.into())),
        }
    }
}

/// One mailbox of one channel.
#[derive(Clone)]
pub struct Config {
    /// The server's name or address. Its certificate has to be for this name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is kept from others.
    pub security: Security,
    /// Authorities to trust besides the machine's own.
    pub authorities: Vec<CertificateDer<'static>>,
    /// The user.
    pub user: String,
    /// What proves that we are the user.
    pub login: Login,
    /// The folder, as people write it.
    pub folder: String,
    /// What happens to a mail that was taken.
    pub after: After,
    /// How often to look where the server cannot tell (no IDLE). Default 1 min.
    pub every: Duration,
    /// IDLE is begun anew after this: shorter than the patience of routers in between. Default 10 min, at most
    /// [`LONGEST_IDLE`].
    pub idle: Duration,
    /// At the first run, mails of so many days are taken; 0: only what comes from now on. Default 7.
    pub since_days: u32,
    /// Bigger mails stay where they are. Default 35 MiB, as at the SMTP door.
    pub max_message_bytes: usize,
    /// How long the server may be silent when it owes an answer. Default 1 min.
    pub timeout: Duration,
    /// The longest wait before the next connection after one that failed. Default 5 min.
    pub retry_most: Duration,
    /// The same after a login that was refused: servers lock out who tries too often. Default 1 h.
    pub refused_most: Duration,
    /// The addresses that a mail is for where no trace header says it.
    pub addresses: Vec<String>,
}

impl Config {
    /// A mailbox at its defaults.
    pub fn new(host: impl Into<String>, security: Security, user: impl Into<String>, login: Login) -> Self {
        Self {
            host: host.into(),
            port: security.port(),
            security,
            authorities: Vec::new(),
            user: user.into(),
            login,
            folder: "INBOX".into(),
            after: After::Seen,
            every: Duration::from_secs(60),
            idle: Duration::from_secs(600),
            since_days: 7,
            max_message_bytes: 35 << 20,
            timeout: Duration::from_secs(60),
            retry_most: Duration::from_secs(300),
            refused_most: Duration::from_secs(3_600),
            addresses: Vec::new(),
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {} of {}:{}", self.folder, self.user, self.host, self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_afterwards_is_one_of_four() {
        assert_eq!(After::parse("seen"), Some(After::Seen));
        assert_eq!(After::parse("move:已处理"), Some(After::Move("已处理".into())));
        for wrong in ["", "Seen", "move", "move:", "archive"] {
            assert_eq!(After::parse(wrong), None, "{wrong}");
        }
    }
}
