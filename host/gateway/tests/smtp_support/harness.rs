//! A listener on loopback with an intake that can be told what to do, and a peer that speaks raw bytes.
#![allow(dead_code, reason = "each test binary uses another part")]

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinHandle,
    time::timeout,
};
use tributary_gateway::smtp::{Config, Drained, Mail, MailIntake, Protocol, Refused, Route, Settings, Taken, serve};

/// Longest wait for something that must happen.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Routes by the local part: `unknown` has none; what the mail of a route becomes is its name.
#[derive(Default)]
pub struct TestIntake {
    pub mails: Mutex<Vec<(Route, Mail)>>,
    pub full: AtomicBool,
    /// Calls of `take` that have begun.
    pub begun: AtomicUsize,
    /// A permit lets one mail of the route `gated` through.
    pub gate: Gate,
}

pub struct Gate(pub Semaphore);

impl Default for Gate {
    fn default() -> Self {
        Self(Semaphore::new(0))
    }
}

#[async_trait]
impl MailIntake for TestIntake {
    fn route(&self, recipient: &str) -> Option<Route> {
        let local = recipient.split(['@', '+']).next().unwrap_or_default();
        (local != "unknown").then(|| Route::new(local))
    }

    fn has_room(&self) -> bool {
        !self.full.load(Ordering::SeqCst)
    }

    async fn take(&self, route: &Route, mail: Mail) -> Result<Taken, Refused> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        match &*route.0 {
            "overloaded" => return Err(Refused::Overloaded),
            "failing" => return Err(Refused::Storage),
            "small" => return Err(Refused::TooBig),
            "rejecting" => return Err(Refused::Rejected("no,\r\n250 thanks\u{0}".to_owned())),
            "hanging" => std::future::pending().await,
            "gated" => self.gate.0.acquire().await.unwrap().forget(),
            _ => {}
        }
        let mut mails = self.mails.lock().unwrap();
        mails.push((route.clone(), mail));
        Ok(Taken { reference: format!("m{}", mails.len()) })
    }
}

impl TestIntake {
    pub fn taken(&self) -> Vec<(Route, Mail)> {
        self.mails.lock().unwrap().clone()
    }

    pub fn bodies(&self) -> Vec<Vec<u8>> {
        self.taken().into_iter().map(|(_, mail)| mail.data.to_vec()).collect()
    }
}

/// A running listener.
pub struct Door {
    pub address: SocketAddr,
    pub intake: Arc<TestIntake>,
    pub stop: watch::Sender<bool>,
    pub task: JoinHandle<Drained>,
}

pub fn smtp() -> Settings {
    Settings::new(Protocol::Smtp, "mx.example.org")
}

pub fn lmtp() -> Settings {
    Settings::new(Protocol::Lmtp, "mx.example.org")
}

pub async fn open(settings: Settings) -> Door {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let intake = Arc::new(TestIntake::default());
    let (stop, stopped) = watch::channel(false);
    let config = Config::new(settings).unwrap();
    let task = tokio::spawn(serve(listener, config, intake.clone(), stopped));
    Door { address, intake, stop, task }
}

impl Door {
    pub async fn connect(&self) -> Peer<TcpStream> {
        Peer { io: TcpStream::connect(self.address).await.unwrap(), read: Vec::new() }
    }

    /// Connected, greeted, and past EHLO or LHLO.
    pub async fn hello(&self, verb: &str) -> Peer<TcpStream> {
        let mut peer = self.connect().await;
        peer.expect("220").await;
        peer.ask(&format!("{verb} client.example"), "250").await;
        peer
    }

    /// Connects until the greeting is 220: earlier connections of this address have ended by then.
    pub async fn connect_when_free(&self) -> Peer<TcpStream> {
        let start = Instant::now();
        loop {
            let mut peer = self.connect().await;
            let greeting = peer.reply().await;
            if greeting.starts_with("220") {
                return peer;
            }
            assert!(start.elapsed() < PATIENCE, "still turned away: {greeting}");
            tokio::task::yield_now().await;
        }
    }

    pub async fn close(self) -> Drained {
        self.stop.send(true).unwrap();
        timeout(PATIENCE, self.task).await.expect("the listener stops").unwrap()
    }
}

/// Waits until `condition` holds; otherwise fails with `what`.
pub async fn until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// The other side of a connection.
pub struct Peer<S> {
    pub io: S,
    read: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    pub fn over(io: S) -> Self {
        Self { io, read: Vec::new() }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        timeout(PATIENCE, self.io.write_all(bytes.as_ref())).await.expect("the listener reads").unwrap();
        self.io.flush().await.unwrap();
    }

    /// The next whole reply, all its lines, without the last CRLF. Empty: closed.
    pub async fn reply(&mut self) -> String {
        loop {
            let mut at = 0;
            while let Some(end) = self.read[at..].windows(2).position(|w| w == b"\r\n") {
                let last = self.read.get(at + 3) != Some(&b'-');
                at += end + 2;
                if last {
                    let reply = String::from_utf8(self.read[..at - 2].to_vec()).unwrap();
                    self.read.drain(..at);
                    return reply;
                }
            }
            let mut piece = [0; 4096];
            let n = match timeout(PATIENCE, self.io.read(&mut piece)).await.expect("a reply comes") {
                Ok(n) => n,
                Err(e) if e.kind() == std::io::ErrorKind::ConnectionReset => 0,
                Err(e) => panic!("{e}"),
            };
            if n == 0 {
                assert_eq!(self.read, b"", "closed within a reply");
                return String::new();
            }
            self.read.extend_from_slice(&piece[..n]);
        }
    }

    /// The next reply, which must begin so.
    pub async fn expect(&mut self, start: &str) -> String {
        let reply = self.reply().await;
        assert!(reply.starts_with(start), "expected {start}, got {reply:?}");
        reply
    }

    pub async fn ask(&mut self, line: &str, start: &str) -> String {
        self.send(format!("{line}\r\n")).await;
        let reply = self.reply().await;
        assert!(reply.starts_with(start), "{line}: expected {start}, got {reply:?}");
        reply
    }

    pub async fn expect_closed(&mut self) {
        assert_eq!(self.reply().await, "", "nothing more, and closed");
    }

    /// Nothing arrives for a while.
    pub async fn expect_silence(&mut self) {
        let mut piece = [0; 64];
        let read = timeout(Duration::from_millis(150), self.io.read(&mut piece)).await;
        assert!(read.is_err() && self.read.is_empty(), "a reply came too early");
    }

    /// MAIL, RCPT and DATA, up to 354.
    pub async fn begin(&mut self, recipient: &str) {
        self.ask("MAIL FROM:<a@client.example>", "250").await;
        self.ask(&format!("RCPT TO:<{recipient}@shop.example>"), "250").await;
        self.ask("DATA", "354").await;
    }
}
