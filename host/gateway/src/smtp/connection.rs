//! One connection: drives a [`Session`] over a socket, in plain or over TLS, under the listener's timeouts.

use std::{net::IpAddr, pin::Pin, sync::Arc, time::Duration};

use futures_util::future::join_all;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
    time::{Instant, Sleep, sleep_until, timeout},
};
use tracing::debug;

use super::{
    Checks, Mail, MailIntake, Refused, Route, Taken,
    config::Config,
    meters::Meters,
    peers::{Peers, Seat},
    session::{Memory, Session, Step},
};

/// Read buffer of a connection. More than a pipelined batch of commands; a large message takes several reads.
const READ_BUFFER: usize = 16 * 1024;

/// A connection closed with input unread is reset, and the peer may lose our last reply; so after closing for a fault
/// what still comes is read and thrown away, for this long and this much at most.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 256 * 1024;

/// What all connections of a listener share.
pub(super) struct Shared {
    pub(super) config: Config,
    pub(super) intake: Arc<dyn MailIntake>,
    pub(super) peers: Arc<Peers>,
    pub(super) meters: Meters,
    pub(super) memory: Memory,
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// We closed after a reply: QUIT, too many errors, a line that is none.
    Closed,
    /// The peer went away, the connection broke, or replies were not read in time.
    Gone,
    /// The peer was silent for too long.
    TimedOut,
    /// The handshake failed.
    TlsFailed,
    /// The listener stops.
    Drained,
}

impl Ending {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Gone => "gone",
            Self::TimedOut => "timed_out",
            Self::TlsFailed => "tls_failed",
            Self::Drained => "drained",
        }
    }
}

/// What a session asks, answered from the intake and the peer's rate.
struct Door<'a> {
    intake: &'a dyn MailIntake,
    seat: &'a Seat,
}

impl Checks for Door<'_> {
    fn route(&self, recipient: &str) -> Option<Route> {
        self.intake.route(recipient)
    }

    fn has_room(&self) -> bool {
        self.intake.has_room()
    }

    fn within_rate(&self) -> bool {
        self.seat.mail()
    }
}

/// Serves one connection until it ends.
pub(super) async fn run(
    mut stream: TcpStream,
    peer: IpAddr,
    seat: Seat,
    shared: Arc<Shared>,
    shutdown: watch::Receiver<bool>,
) -> Ending {
    let session = Session::new(shared.config.clone(), shared.memory.clone(), peer);
    let mut connection = Connection::new(session, &shared, seat, shutdown);
    let ending = match connection.drive(&mut stream).await {
        Ok(Turn::Closed) => connection.part(&mut stream, Ending::Closed).await,
        Err(ending) => connection.part(&mut stream, ending).await,
        Ok(Turn::StartTls) => connection.secure(stream).await,
    };
    connection.count();
    ending
}

/// Why [`Connection::drive`] came back.
enum Turn {
    Closed,
    StartTls,
}

struct Connection<'a> {
    session: Session,
    shared: &'a Shared,
    seat: Seat,
    shutdown: watch::Receiver<bool>,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    /// Fires at the deadline or before it and is then set anew: most reads cost no timer operation.
    alarm: Pin<Box<Sleep>>,
    /// The session's progress when it was last looked at, and when that changed.
    progress: u64,
    since: Instant,
    /// When the last byte of a mail was read whose reply is not sent yet.
    unanswered: Option<Instant>,
}

impl<'a> Connection<'a> {
    fn new(session: Session, shared: &'a Shared, seat: Seat, shutdown: watch::Receiver<bool>) -> Self {
        let now = Instant::now();
        Self {
            session,
            shared,
            seat,
            shutdown,
            buffer: vec![0; READ_BUFFER].into_boxed_slice(),
            start: 0,
            end: 0,
            alarm: Box::pin(sleep_until(now + shared.config.timeouts.command)),
            progress: 0,
            since: now,
            unanswered: None,
        }
    }

    /// Runs the session until it closes, fails or wants TLS. All replies are sent when it returns `Ok`.
    async fn drive<S: AsyncRead + AsyncWrite + Unpin>(&mut self, io: &mut S) -> Result<Turn, Ending> {
        loop {
            let door = Door { intake: &*self.shared.intake, seat: &self.seat };
            let (used, step) = self.session.feed(&self.buffer[self.start..self.end], &door);
            self.start += used;
            match step {
                Step::Read => {
                    self.flush(io).await?;
                    self.fill(io).await?;
                }
                Step::Store(mails) => {
                    let read = Instant::now();
                    self.flush(io).await?;
                    let results = self.store(mails).await;
                    self.session.stored(&results);
                    self.unanswered = Some(read);
                    if *self.shutdown.borrow() && self.session.is_idle() {
                        return Err(Ending::Drained);
                    }
                }
                Step::StartTls => {
                    self.flush(io).await?;
                    // Whatever came along in plain text could be anybody's; it must not be read as if it were secured.
                    (self.start, self.end) = (0, 0);
                    return Ok(Turn::StartTls);
                }
                Step::Close => {
                    self.flush(io).await?;
                    return Ok(Turn::Closed);
                }
            }
        }
    }

    async fn secure(&mut self, stream: TcpStream) -> Ending {
        let Some(tls) = &self.shared.config.tls else {
            return Ending::TlsFailed;
        };
        let handshake = timeout(self.shared.config.timeouts.handshake, tls.acceptor().accept(stream));
        let mut stream = tokio::select! {
            done = handshake => match done {
                Ok(Ok(stream)) => stream,
                Ok(Err(_)) => return Ending::TlsFailed,
                Err(_) => return Ending::TimedOut,
            },
            () = stopped(&mut self.shutdown) => return Ending::Drained,
        };
        self.session.secured();
        self.since = Instant::now();
        match self.drive(&mut stream).await {
            Ok(_) => self.part(&mut stream, Ending::Closed).await,
            Err(ending) => self.part(&mut stream, ending).await,
        }
    }

    /// Says the last words that fit the ending, and closes so that the peer can read them.
    async fn part<S: AsyncRead + AsyncWrite + Unpin>(&mut self, io: &mut S, ending: Ending) -> Ending {
        match ending {
            Ending::Gone | Ending::TlsFailed => return ending,
            Ending::TimedOut => self.session.timed_out(),
            Ending::Drained => self.session.shutting_down(),
            Ending::Closed => {}
        }
        let buffer = &mut self.buffer;
        let session = &mut self.session;
        let farewell = async {
            io.write_all(session.output()).await?;
            io.shutdown().await?;
            // Who is silent or idle has nothing under way, and a stop must not wait for it.
            let mut left = if ending == Ending::Closed { LINGER_BYTES } else { 0 };
            while left > 0 {
                match io.read(buffer).await? {
                    0 => break,
                    n => left = left.saturating_sub(n),
                }
            }
            std::io::Result::Ok(())
        };
        // The session is over either way: whether the farewell arrived changes nothing.
        let _ = timeout(LINGER, farewell).await;
        if let Some(read) = self.unanswered.take() {
            self.shared.meters.reply.record(read.elapsed());
        }
        ending
    }

    async fn flush<S: AsyncWrite + Unpin>(&mut self, io: &mut S) -> Result<(), Ending> {
        let out = self.session.output();
        if out.is_empty() {
            return Ok(());
        }
        let write = async {
            io.write_all(out).await?;
            io.flush().await
        };
        match timeout(self.shared.config.timeouts.command, write).await {
            Ok(Ok(())) => out.clear(),
            // A peer that does not read its replies gets no farewell either: it would only wait behind them.
            Ok(Err(_)) | Err(_) => return Err(Ending::Gone),
        }
        if let Some(read) = self.unanswered.take() {
            self.shared.meters.reply.record(read.elapsed());
        }
        self.count();
        Ok(())
    }

    fn count(&mut self) {
        self.shared.meters.add(&self.session.take_tally());
    }

    /// Waits for input, at the end of the buffer.
    async fn fill<S: AsyncRead + Unpin>(&mut self, io: &mut S) -> Result<(), Ending> {
        let idle = self.session.is_idle();
        if idle && *self.shutdown.borrow() {
            return Err(Ending::Drained);
        }
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.end == self.buffer.len() {
            // Only part of a command line is ever left over, so this makes room.
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        let deadline = self.deadline();
        if deadline < self.alarm.deadline() {
            self.alarm.as_mut().reset(deadline);
        }
        loop {
            tokio::select! {
                biased;
                read = io.read(&mut self.buffer[self.end..]) => {
                    return match read {
                        Ok(0) | Err(_) => Err(Ending::Gone),
                        Ok(n) => {
                            self.end += n;
                            Ok(())
                        }
                    };
                }
                () = self.alarm.as_mut() => {
                    if Instant::now() >= deadline {
                        return Err(Ending::TimedOut);
                    }
                    self.alarm.as_mut().reset(deadline);
                }
                () = stopped(&mut self.shutdown), if idle => return Err(Ending::Drained),
            }
        }
    }

    fn deadline(&mut self) -> Instant {
        let now = Instant::now();
        if self.session.progress() != self.progress {
            self.progress = self.session.progress();
            self.since = now;
        }
        let timeouts = &self.shared.config.timeouts;
        if self.session.is_receiving() {
            (now + timeouts.data).min(self.since + timeouts.message)
        } else {
            self.since + timeouts.command
        }
    }

    async fn store(&self, mut mails: Vec<(Route, Mail)>) -> Vec<Result<Taken, Refused>> {
        let one = |route: Route, mail: Mail| async move {
            timeout(self.shared.config.timeouts.store, self.shared.intake.take(&route, mail)).await.unwrap_or_else(
                |_| {
                    debug!("the intake did not answer in time");
                    Err(Refused::Storage)
                },
            )
        };
        match mails.pop() {
            Some((route, mail)) if mails.is_empty() => vec![one(route, mail).await],
            Some(last) => join_all(mails.into_iter().chain([last]).map(|(route, mail)| one(route, mail))).await,
            None => Vec::new(),
        }
    }
}

/// Waits for the listener's stop; a stopper that was dropped counts as one.
pub(super) async fn stopped(shutdown: &mut watch::Receiver<bool>) {
    // An error means the sender is gone.
    let _ = shutdown.wait_for(|stop| *stop).await;
}
