//! Accepts connections, bounds them, and drains them on a stop.

use std::{io::Write, net::IpAddr, sync::Arc, time::Instant};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinError, JoinSet},
    time::sleep,
};
use tracing::{Instrument, debug, debug_span, error, info, warn};

use super::{
    MailIntake,
    config::Config,
    connection::{self, Ending, Shared, stopped},
    meters::Meters,
    peers::{ACCEPT_PAUSE, Peers, Unwelcome},
    reply,
    session::Memory,
};

/// What a stop left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Connections open when the stop came.
    pub open: usize,
    /// Those cut off when the grace was over; none of them was told 250 for what it was sending.
    pub cut_off: usize,
}

/// Serves mail on `listener` until `shutdown` becomes `true` or its sender is dropped: then nothing more is accepted,
/// idle sessions are told 421, messages on their way are finished and answered within [`super::Timeouts::grace`], and
/// the rest is cut off. Never fails: an error of one connection ends that connection.
///
/// All connections are tasks of this future; dropping it aborts them.
pub async fn serve(
    listener: TcpListener,
    config: Config,
    intake: Arc<dyn MailIntake>,
    mut shutdown: watch::Receiver<bool>,
) -> Drained {
    let shared = Arc::new(Shared {
        peers: Peers::new(&config),
        meters: Meters::new(config.protocol),
        memory: Memory::new(config.max_buffered_bytes),
        intake,
        config,
    });
    let protocol = shared.config.protocol.name();
    let mut connections = JoinSet::new();
    let mut sessions: u64 = 0;
    info!(protocol, "mail listener ready");
    loop {
        tokio::select! {
            biased;
            () = stopped(&mut shutdown) => break,
            Some(ended) = connections.join_next(), if !connections.is_empty() => note(&shared, ended),
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    sessions += 1;
                    admit(stream, peer.ip(), sessions, &shared, &shutdown, &mut connections);
                }
                Err(cause) => {
                    // Out of file descriptors, most likely: connections that end give some back.
                    warn!(protocol, %cause, "cannot accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    let open = connections.len();
    let grace = sleep(shared.config.timeouts.grace);
    tokio::pin!(grace);
    let cut_off = loop {
        tokio::select! {
            biased;
            ended = connections.join_next() => match ended {
                Some(ended) => note(&shared, ended),
                None => break 0,
            },
            () = &mut grace => {
                let left = connections.len();
                connections.shutdown().await;
                shared.meters.connections.decrement(left as f64);
                break left;
            }
        }
    };
    info!(protocol, open, cut_off, "mail listener stopped");
    Drained { open, cut_off }
}

fn admit(
    stream: TcpStream,
    peer: IpAddr,
    session: u64,
    shared: &Arc<Shared>,
    shutdown: &watch::Receiver<bool>,
    connections: &mut JoinSet<Ending>,
) {
    let meters = &shared.meters;
    if connections.len() >= shared.config.max_connections {
        meters.over_total.increment(1);
        return turn_away(stream, reply::TOO_MANY_CONNECTIONS);
    }
    let seat = match shared.peers.connect(peer, Instant::now()) {
        Ok(seat) => seat,
        Err(Unwelcome::TooMany) => {
            meters.over_peer.increment(1);
            return turn_away(stream, reply::TOO_MANY_FROM_THERE);
        }
        Err(Unwelcome::TooFast) => {
            meters.over_rate.increment(1);
            return turn_away(stream, reply::CONNECTING_TOO_FAST);
        }
    };
    meters.accepted.increment(1);
    meters.connections.increment(1.0);
    if let Err(cause) = stream.set_nodelay(true) {
        debug!(%cause, "no TCP_NODELAY");
    }
    let span = debug_span!("mail_session", protocol = shared.config.protocol.name(), session);
    let run = connection::run(stream, peer, seat, shared.clone(), shutdown.clone());
    let task = async move {
        let ending = run.await;
        debug!(ending = ending.name(), "session ended");
        ending
    };
    connections.spawn(task.instrument(span));
}

fn note(shared: &Shared, ended: Result<Ending, JoinError>) {
    shared.meters.connections.decrement(1.0);
    match ended {
        Ok(ending) => shared.meters.ended(ending),
        // The connection is lost, its mail was not acknowledged; the others go on.
        Err(cause) => error!(%cause, "a mail session failed"),
    }
}

/// One line and away, without a task: a flood of connections must not cost more than that. A fresh socket's send buffer
/// is empty, so the line fits without waiting.
fn turn_away(stream: TcpStream, reply: &str) {
    let told = stream.into_std().and_then(|mut stream| stream.write_all(format!("{reply}\r\n").as_bytes()));
    if let Err(cause) = told {
        debug!(%cause, "turned away without a word");
    }
}
