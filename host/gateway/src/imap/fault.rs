//! Why a session ended, and how soon the next one may begin.

use std::{io, time::Duration};

use super::{answer::Unreadable, frame::FrameFault};

/// Why a session ended. Words of the server are cut and printable; none of them is a mail's.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The connection could not be made, or broke.
    #[error("the connection failed")]
    Io(#[from] io::Error),
    /// The server closed it without a word.
    #[error("the server closed the connection")]
    Closed,
    /// The server closed it and said why.
    #[error("the server closed the connection: {0}")]
    Bye(String),
    /// An answer did not come.
    #[error("the server was silent for {} s", .0.as_secs())]
    Silent(Duration),
    /// The server is not understood.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// The server is not understood.
    #[error(transparent)]
    Frame(#[from] FrameFault),
    /// The server does what no server may.
    #[error("the server does not keep to IMAP: {0}")]
    Protocol(&'static str),
    /// The server lacks what the configuration asks for.
    #[error("the server does not offer {0}")]
    NotOffered(&'static str),
    /// A command was refused.
    #[error("{what} was refused: {words}")]
    Refused {
        /// The command.
        what: &'static str,
        /// What the server said.
        words: String,
    },
    /// User or password are wrong.
    #[error("the login was refused: {0}")]
    Login(String),
    /// The file of the secret is not there.
    #[error("the secret {0:?} is not there; put it into the file secrets/{0}")]
    NoSecret(String),
    /// The password has characters that LOGIN cannot carry.
    #[error("user or password have characters beyond ASCII, and the server does not offer AUTHENTICATE PLAIN")]
    NotAscii,
    /// The server's name is none that a certificate could be for.
    #[error("{0:?} is no name of a host")]
    Name(String),
    /// TLS cannot be used at all.
    #[error("TLS cannot be used")]
    Tls(#[from] tokio_rustls::rustls::Error),
    /// The store did not take where we are.
    #[error("the store failed")]
    Store(#[from] tributary_store::StoreError),
    /// A mail that is there was not given.
    #[error("the server did not give the mail with UID {uid}: {words}")]
    NotGiven {
        /// The mail.
        uid: u32,
        /// What the server said.
        words: String,
    },
}

impl Fault {
    /// Whether trying again soon is of no use and may lock the account: somebody has to mend the secret.
    pub const fn is_login(&self) -> bool {
        matches!(self, Self::Login(_) | Self::NoSecret(_) | Self::NotAscii)
    }
}
