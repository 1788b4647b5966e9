//! How each mailbox stands, for the API and for metrics.

use std::{collections::BTreeMap, sync::Arc};

use metrics::{counter, describe_counter, describe_gauge, gauge};
use parking_lot::Mutex;
use tributary_model::Timestamp;
use tributary_pipeline::now;

/// What is done with a mailbox just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// A connection is being made.
    Connecting,
    /// Mails are being taken.
    Reading,
    /// All is taken; the server is waited for.
    Waiting,
    /// Mails wait because the queue has no room or the store fails.
    Held,
    /// The connection failed; the next follows.
    Failed,
    /// The login was refused, or there is no secret to log in with.
    Refused,
    /// The daemon stops.
    Stopped,
}

impl State {
    /// Its word in the API.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Reading => "reading",
            Self::Waiting => "waiting",
            Self::Held => "held",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::Stopped => "stopped",
        }
    }

    /// Whether there is a session that is logged in.
    pub const fn is_connected(self) -> bool {
        matches!(self, Self::Reading | Self::Waiting | Self::Held)
    }
}

/// Why a mail was left where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// It is bigger than may be.
    TooBig,
    /// The channel does not take it.
    Rejected,
    /// The server does not give it.
    NotGiven,
}

impl Left {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::TooBig => "too_big",
            Self::Rejected => "rejected",
            Self::NotGiven => "not_given",
        }
    }
}

/// How a mailbox stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailboxStatus {
    /// The channel that its mails go to.
    pub channel: String,
    /// The server: `HOST:PORT`.
    pub server: String,
    /// The folder.
    pub folder: String,
    /// What is done with it.
    pub state: State,
    /// Since when.
    pub since: Timestamp,
    /// What went wrong last, and when.
    pub error: Option<(Timestamp, String)>,
    /// When the next connection is made, after one that failed.
    pub next_try: Option<Timestamp>,
    /// When the last mail was taken, since the daemon started.
    pub last_taken: Option<Timestamp>,
    /// Mails taken since the daemon started.
    pub taken: u64,
    /// Mails left in the folder since the daemon started, each with a line in the log.
    pub left: u64,
}

/// Where every mailbox says how it stands. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Board(Arc<Mutex<BTreeMap<String, MailboxStatus>>>);

impl Board {
    /// Every mailbox, by channel.
    pub fn all(&self) -> Vec<MailboxStatus> {
        self.0.lock().values().cloned().collect()
    }
}

/// The line of one mailbox on the board, and its metrics.
pub(super) struct Line {
    board: Board,
    channel: String,
}

impl Line {
    pub(super) fn new(board: Board, channel: &str, server: String, folder: &str) -> Self {
        describe_gauge!("tributary_imap_connected", "1 while there is a session with the channel's mailbox");
        describe_counter!("tributary_imap_mails_total", "Mails of mailboxes by what became of them");
        describe_counter!("tributary_imap_sessions_total", "Sessions with mailboxes by how they ended");
        let status = MailboxStatus {
            channel: channel.to_owned(),
            server,
            folder: folder.to_owned(),
            state: State::Connecting,
            since: now(),
            error: None,
            next_try: None,
            last_taken: None,
            taken: 0,
            left: 0,
        };
        board.0.lock().insert(channel.to_owned(), status);
        let line = Self { board, channel: channel.to_owned() };
        line.connected(false);
        line
    }

    fn change(&self, change: impl FnOnce(&mut MailboxStatus)) {
        if let Some(status) = self.board.0.lock().get_mut(&self.channel) {
            change(status);
        }
    }

    fn connected(&self, connected: bool) {
        gauge!("tributary_imap_connected", "channel" => self.channel.clone()).set(f64::from(u8::from(connected)));
    }

    pub(super) fn state(&self, state: State) {
        self.change(|status| {
            if status.state != state {
                (status.state, status.since) = (state, now());
            }
            status.next_try = None;
        });
        self.connected(state.is_connected());
    }

    pub(super) fn failed(&self, state: State, error: String, next_try: Timestamp) {
        self.state(state);
        self.change(|status| status.next_try = Some(next_try));
        self.error(error);
    }

    pub(super) fn error(&self, error: String) {
        self.change(|status| status.error = Some((now(), error)));
    }

    pub(super) fn ended(&self, how: &'static str) {
        counter!("tributary_imap_sessions_total", "channel" => self.channel.clone(), "ending" => how).increment(1);
    }

    pub(super) fn taken(&self) {
        self.change(|status| {
            status.taken += 1;
            status.last_taken = Some(now());
        });
        self.count("stored");
    }

    pub(super) fn left(&self, why: Left) {
        self.change(|status| status.left += 1);
        self.count(why.word());
    }

    fn count(&self, outcome: &'static str) {
        counter!("tributary_imap_mails_total", "channel" => self.channel.clone(), "outcome" => outcome).increment(1);
    }
}
