//! The HTTP listener: accepts, bounds and drains connections. What is served on them is [`crate::api::router`].
//!
//! HTTP/1.1 without TLS: the default address is loopback, and a shop that opens it puts its own proxy before it. A client
//! that stalls costs one connection for a bounded time: 30 s for a request's head, 60 s for its body. When all places are
//! taken, new connections wait in the kernel's queue.
use crate::api::ApiState;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::pin::pin;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinError, JoinSet};
use tokio::time::sleep;
use tracing::{debug, error, info, warn};

/// Limits of the listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpConfig {
    /// Connections at the same time, at least 1. Default 1024.
    pub max_connections: usize,
    /// How long a client may take for a request's head, and how long a connection may be idle. Default 30 s.
    pub head: Duration,
    /// After a stop: for requests on their way to be answered. Default 20 s.
    pub grace: Duration,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self { max_connections: 1024, head: Duration::from_secs(30), grace: Duration::from_secs(20) }
    }
}

/// What a stop left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drained {
    /// Connections open when the stop came.
    pub open: usize,
    /// Those cut off when the grace was over.
    pub cut_off: usize,
}

/// A request line with its headers is at most this long.
const MAX_HEAD: usize = 32 * 1024;

/// What to wait for when the process has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves the API on `listener` until the state's stop signal becomes `true` or its sender is gone: then nothing more is
/// accepted, event streams end, requests on their way are answered within the grace, and the rest is cut off. Writes that
/// lost their client are waited for too. Never fails: an error of one connection ends that connection.
///
/// All connections are tasks of this future; dropping it aborts them.
pub async fn serve(listener: TcpListener, state: ApiState, config: HttpConfig) -> Drained {
    let service = crate::api::router(state.clone());
    let mut stop = state.stop();
    let mut connections: JoinSet<()> = JoinSet::new();
    info!("HTTP listener ready");
    loop {
        tokio::select! {
            biased;
            () = stopped(&mut stop) => break,
            Some(ended) = connections.join_next(), if !connections.is_empty() => note(ended),
            accepted = listener.accept(), if connections.len() < config.max_connections.max(1) => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, service.clone(), state.clone(), config.head));
                }
                Err(cause) => {
                    warn!(%cause, "cannot accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    let open = connections.len();
    let drained = async {
        while let Some(ended) = connections.join_next().await {
            note(ended);
        }
        state.writes_ended().await;
    };
    let cut_off = match tokio::time::timeout(config.grace, drained).await {
        Ok(()) => 0,
        Err(_) => {
            let left = connections.len();
            connections.shutdown().await;
            left
        }
    };
    info!(open, cut_off, "HTTP listener stopped");
    Drained { open, cut_off }
}

async fn connection(stream: TcpStream, service: axum::Router, state: ApiState, head: Duration) {
    if let Err(cause) = stream.set_nodelay(true) {
        debug!(%cause, "no TCP_NODELAY");
    }
    let mut stop = state.stop();
    let serving = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let mut serving = pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = stopped(&mut stop) => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(cause) = ended {
        debug!(%cause, "a connection broke");
    }
}

/// Until the daemon stops. A sender that is gone counts as a stop: nobody is left who could give one.
pub(crate) async fn stopped(stop: &mut tokio::sync::watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

fn note(ended: Result<(), JoinError>) {
    if let Err(cause) = ended {
        error!(%cause, "a connection's task failed");
    }
}
