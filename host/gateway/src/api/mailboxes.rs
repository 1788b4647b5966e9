//! How the mailboxes stand that are read for channels.
use super::view::rfc3339;
use crate::imap::MailboxStatus;
use serde::Serialize;
use utoipa::ToSchema;

/// A mailbox that is read for a channel.
#[derive(Serialize, ToSchema)]
#[schema(as = Mailbox)]
pub(crate) struct MailboxView {
    /// The channel that its mails go to.
    channel: String,
    /// The server: `HOST:PORT`.
    server: String,
    /// The folder.
    folder: String,
    /// Whether there is a session that is logged in.
    connected: bool,
    /// `connecting`, `reading`, `waiting` (all is taken), `held` (no room in the queue, or the store fails), `failed`,
    /// `refused` (the login, or there is no secret) or `stopped`.
    state: &'static str,
    /// Since when it is in that state.
    since: String,
    /// What went wrong last; none since the daemon started.
    error: Option<String>,
    /// When that was.
    error_at: Option<String>,
    /// When the next connection is made, after one that failed.
    next_try: Option<String>,
    /// When the last mail was taken, since the daemon started.
    last_taken: Option<String>,
    /// Mails taken since the daemon started.
    taken: u64,
    /// Mails left in the folder since the daemon started: too big, not taken by the channel, or not given by the server.
    left: u64,
}

impl From<MailboxStatus> for MailboxView {
    fn from(status: MailboxStatus) -> Self {
        let (error_at, error) = status.error.unzip();
        Self {
            channel: status.channel,
            server: status.server,
            folder: status.folder,
            connected: status.state.is_connected(),
            state: status.state.word(),
            since: rfc3339(status.since),
            error,
            error_at: error_at.map(rfc3339),
            next_try: status.next_try.map(rfc3339),
            last_taken: status.last_taken.map(rfc3339),
            taken: status.taken,
            left: status.left,
        }
    }
}
