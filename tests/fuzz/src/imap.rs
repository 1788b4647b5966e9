//! The mailbox door of `host/gateway`, taken in by its files, and a server that says whatever an input says.
use crate::smtp::{Mail, MailIntake, Refused, Route, Taken};
use async_trait::async_trait;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tributary_model::ChannelName;
use tributary_store::sqlite::{SqliteConfig, SqliteStore};

#[path = "../../../host/gateway/src/imap/answer.rs"]
mod answer;
#[path = "../../../host/gateway/src/imap/config.rs"]
mod config;
#[path = "../../../host/gateway/src/imap/connection.rs"]
mod connection;
#[path = "../../../host/gateway/src/imap/cursor.rs"]
mod cursor;
#[path = "../../../host/gateway/src/imap/dial.rs"]
mod dial;
#[path = "../../../host/gateway/src/imap/envelope.rs"]
mod envelope;
#[path = "../../../host/gateway/src/imap/fault.rs"]
mod fault;
#[path = "../../../host/gateway/src/imap/frame.rs"]
mod frame;
#[path = "../../../host/gateway/src/imap/reader.rs"]
mod reader;
#[path = "../../../host/gateway/src/imap/status.rs"]
mod status;
#[path = "../../../host/gateway/src/imap/text.rs"]
mod text;

use config::{After, Config, Login, Secrets, Security};
use connection::Connection;
use cursor::{Cursor, Cursors};
use dial::Session;
use fault::Fault;
use reader::Mailbox;
use status::{Board, Line};

/// The biggest mail that is taken, in bytes.
const MOST: usize = 4_096;

/// Stands for the tag of our last command.
const TAG: u8 = 1;

/// What the doors wait on for the stop.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// A house with a mailbox.
pub struct House {
    runtime: Runtime,
    cursors: Cursors,
    _folder: tempfile::TempDir,
}

/// How a session went.
#[derive(Debug, PartialEq)]
pub struct Went {
    /// The mails that were given to the pipeline.
    pub mails: Vec<Mail>,
    /// What was said to the server.
    pub said: Vec<u8>,
    /// The cursor that is kept.
    kept: Option<Cursor>,
    /// Why it ended, for a person.
    pub why: String,
}

impl House {
    /// Its store is a folder in memory, where there is one.
    pub fn new() -> Self {
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder");
        let store = Arc::new(SqliteStore::open(&SqliteConfig::new(folder.path())).expect("a store"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let cursors = Cursors::new(store, &ChannelName::from("email"), "u", "mail.example", "INBOX");
        Self { runtime, cursors, _folder: folder }
    }

    /// A session from its greeting to its end, with a server that says this. `choices` are those of the operator, and how
    /// far the folder was read before.
    pub fn session(&self, choices: u8, words: &[u8]) -> Went {
        let mut config = Config::new("mail.example", Security::None, "u", Login::Password("imap".into()));
        config.after = match choices & 3 {
            0 => After::Seen,
            1 => After::Leave,
            2 => After::Delete,
            _ => After::Move("Done".into()),
        };
        config.max_message_bytes = MOST;
        config.every = Duration::ZERO;
        config.addresses = vec!["support@shop.example".into()];
        let before = Cursor { taken: vec![1, 2], ..Cursor::first(7, 3, if choices & 4 == 0 { 0 } else { 30_000 }) };
        self.runtime.block_on(self.run(config, before, choices, words))
    }

    async fn run(&self, config: Config, before: Cursor, choices: u8, words: &[u8]) -> Went {
        self.cursors.save(&before).await.expect("the store takes it");
        let said = Arc::new(Mutex::new(Vec::new()));
        let server = Server { words: words.to_vec(), at: 0, said: said.clone() };
        let mut connection = Connection::new(Box::new(server), config.max_message_bytes, config.timeout);
        let intake = Arc::new(Intake { mails: Mutex::default(), refuses: choices & 8 != 0 });
        let line = Line::new(Board::default(), "email", "mail.example:143".into(), "INBOX");
        let (_stop, stop) = watch::channel(false);
        let (route, tries) = (Route::new("email"), HashMap::new());
        let secrets: Secrets = Arc::new(|_: &str| Some("p".to_owned()));
        let mut mailbox =
            Mailbox { route, config, intake: intake.clone(), cursors: self.cursors.clone(), line, stop, tries };
        let fault = match log_in(&mut connection, &mailbox.config, &secrets).await {
            Ok(capabilities) => {
                let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
                let session = Session { connection, capabilities, peer, tls: false };
                Box::pin(reader::run(&mut mailbox, session)).await.fault
            }
            Err(fault) => Some(fault),
        };
        let why = fault.map(|fault| fault.to_string()).expect("nobody ordered the stop");
        let kept = self.cursors.load().await.expect("the store answers");
        let mails = std::mem::take(&mut *intake.mails.lock());
        let said = std::mem::take(&mut *said.lock());
        Went { mails, said, kept, why }
    }
}

impl Went {
    /// Panics where the session did what none may.
    pub fn check(&self, words: &[u8]) {
        let said = std::str::from_utf8(&self.said).expect("commands are text");
        assert!(said.is_empty() || said.ends_with("\r\n"), "half a command: {said:?}");
        for command in said.split_terminator("\r\n") {
            assert!(!command.contains(char::is_control) && command.len() <= 2_000, "{command:?}");
        }
        assert!(
            !self.why.is_empty() && self.why.len() <= 1_000 && !self.why.contains(char::is_control),
            "{}",
            self.why
        );
        let lines = memchr::memchr_iter(b'\n', words).count();
        assert!(self.mails.len() <= lines, "{} mails of {lines} lines", self.mails.len());
        for mail in &self.mails {
            assert!(mail.data.len() <= MOST + 64 * 1024, "a mail of {} bytes", mail.data.len());
            assert!(!mail.rcpt_to.is_empty());
            for address in mail.rcpt_to.iter().chain([&mail.mail_from]) {
                assert!(!address.contains(['\r', '\n', '\0']), "{address:?}");
            }
        }
        let taken = self.kept.as_ref().map(|cursor| &cursor.taken);
        assert!(
            taken.is_none_or(|taken| taken.len() <= self.mails.len() + 2),
            "marks of what was not taken: {taken:?}"
        );
    }
}

async fn log_in(connection: &mut Connection, config: &Config, secrets: &Secrets) -> Result<dial::Capabilities, Fault> {
    let known = dial::greeting(connection).await?;
    dial::log_in(connection, config, secrets, known).await
}

/// Takes mails, or refuses every second one.
struct Intake {
    mails: Mutex<Vec<Mail>>,
    refuses: bool,
}

#[async_trait]
impl MailIntake for Intake {
    fn route(&self, recipient: &str) -> Option<Route> {
        recipient.ends_with("@shop.example").then(|| Route::new("email"))
    }

    fn has_room(&self) -> bool {
        true
    }

    async fn take(&self, _: &Route, mail: Mail) -> Result<Taken, Refused> {
        if self.refuses && mail.data.len() % 2 == 1 {
            return Err(if mail.data.len() % 4 == 1 { Refused::TooBig } else { Refused::Rejected("no".into()) });
        }
        self.mails.lock().push(mail);
        Ok(Taken { reference: String::new() })
    }
}

/// The other end: gives a line at a time, and then no more.
struct Server {
    words: Vec<u8>,
    at: usize,
    said: Arc<Mutex<Vec<u8>>>,
}

impl AsyncRead for Server {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let rest = &self.words[self.at..];
        let end = memchr::memchr2(b'\n', TAG, rest).map_or(rest.len(), |end| end + 1);
        let piece = &rest[..end.min(into.remaining())];
        let (plain, tagged) = match piece.split_last() {
            Some((&TAG, plain)) => (plain, true),
            _ => (piece, false),
        };
        into.put_slice(plain);
        if tagged {
            let said = self.said.lock();
            let tag = said.split(|byte| *byte == b'\n').rev().find(|line| line.starts_with(b"T"));
            let tag = tag.and_then(|line| line.split(|byte| *byte == b' ').next()).unwrap_or(b"T0");
            into.put_slice(&tag[..tag.len().min(into.remaining())]);
        }
        let read = piece.len();
        self.at += read;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Server {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        self.said.lock().extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
