//! The client: resolves, checks, connects, sends and waits, within the limits of its configuration.
use super::address;
use super::connection::{Connection, Failure, Stream};
use super::network::{Network, Tcp};
use super::origin::{Host, Origin, Scheme};
use super::pool::{Lines, Pool};
use super::request::GrantedRequest;
use super::tls::{EgressTlsError, connector};
use crate::services::{Egress, EgressError};
use async_trait::async_trait;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tributary_model::error::chain;
use tributary_model::message::Response;

/// Addresses of one name that are tried at most.
const ADDRESSES: usize = 4;

/// The limits of egress.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EgressConfig {
    /// How long a request may take, waiting for its turn included. Never longer than what is left of its call.
    pub timeout: Duration,
    /// How long connecting to one address may take, TLS included.
    pub connect_timeout: Duration,
    /// Connections a plugin may have at once in one channel; further requests wait for their turn.
    pub connections: usize,
    /// How long a connection may rest between two requests.
    pub idle: Duration,
    /// Bytes of an answer's body at most.
    pub response_bytes: u64,
    /// Whether the certificates that this machine trusts are trusted.
    pub system_authorities: bool,
    /// PEM files of further authorities to trust: a company's own.
    pub authorities: Vec<PathBuf>,
}

impl Default for EgressConfig {
    /// 10 s, 5 s to connect, 8 connections, 30 s of rest, 8 MiB, the machine's authorities and no others.
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(5),
            connections: 8,
            idle: Duration::from_secs(30),
            response_bytes: 8 << 20,
            system_authorities: true,
            authorities: Vec::new(),
        }
    }
}

/// Egress over HTTP/1.1 (RFC 9110, 9112), with TLS where the origin says so. No proxy, no redirect, no cookie, nothing
/// decompressed: what a plugin gets is what the host said.
pub struct HttpEgress {
    config: EgressConfig,
    network: Arc<dyn Network>,
    tls: TlsConnector,
    pool: Pool,
}

impl fmt::Debug for HttpEgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpEgress").field("config", &self.config).finish_non_exhaustive()
    }
}

impl HttpEgress {
    /// Reads the certificates. Connects only when a plugin asks.
    ///
    /// # Errors
    /// [`EgressTlsError`] where a file of authorities cannot be used.
    pub fn new(config: EgressConfig) -> Result<Self, EgressTlsError> {
        Self::over(config, Arc::new(Tcp))
    }

    /// The same over a network that a test made.
    ///
    /// # Errors
    /// As [`HttpEgress::new`].
    pub fn over(config: EgressConfig, network: Arc<dyn Network>) -> Result<Self, EgressTlsError> {
        let tls = connector(config.system_authorities, &config.authorities)?;
        let pool = Pool::new(config.connections, config.idle);
        Ok(Self { config, network, tls, pool })
    }

    /// Closes connections that have rested for too long; each request does so as well. For a task that runs now and then.
    /// The result is how many rest still.
    pub fn close_idle(&self) -> usize {
        self.pool.close_idle(Instant::now())
    }

    async fn exchange(&self, request: &GrantedRequest) -> Result<Response, EgressError> {
        self.close_idle();
        let lines = self.pool.of(&request.plugin, &request.channel);
        let Some(_turn) = lines.turn().await else {
            return Err(EgressError::Unreachable("the host is stopping".into()));
        };
        while let Some(mut kept) = lines.take(&request.origin) {
            if !kept.is_open().await {
                continue;
            }
            match kept.exchange(request, self.config.response_bytes).await {
                Ok(response) => return Ok(self.keep(&lines, request, kept, response).await),
                Err(Failure::TooLarge(most)) => return Err(EgressError::TooLarge(most)),
                Err(Failure::Unsent(_)) => {}
                // The other side closed it while we wrote. Doing it again does no harm where the method says so
                // (RFC 9110 9.2.2); anything else may have been done already.
                Err(Failure::Broken(_)) if request.method.is_idempotent() => break,
                Err(Failure::Broken(error)) => return Err(EgressError::Unreachable(chain(&error))),
            }
        }
        let addresses = self.addresses(&request.origin).await?;
        lines.make_room();
        let mut connection = self.connect(&request.origin, &addresses).await?;
        match connection.exchange(request, self.config.response_bytes).await {
            Ok(response) => Ok(self.keep(&lines, request, connection, response).await),
            Err(Failure::TooLarge(most)) => Err(EgressError::TooLarge(most)),
            Err(Failure::Unsent(error) | Failure::Broken(error)) => Err(EgressError::Unreachable(chain(&error))),
        }
    }

    /// Keeps a connection that can be used again.
    async fn keep(
        &self,
        lines: &Lines,
        request: &GrantedRequest,
        mut used: Connection,
        response: Response,
    ) -> Response {
        if !self.config.idle.is_zero() && used.is_open().await {
            lines.rest(request.origin.clone(), used, Instant::now());
        }
        response
    }

    /// The addresses of an origin, each of them looked at. One that is not allowed refuses them all: a name that points
    /// inside as well as outside is not a mistake to work around.
    async fn addresses(&self, origin: &Origin) -> Result<Vec<IpAddr>, EgressError> {
        let name = match origin.target() {
            Host::Address(address) if address::may_be_spelled(*address) => return Ok(vec![*address]),
            Host::Address(address) => return Err(EgressError::Denied(address.to_string())),
            Host::Name(name) => name,
        };
        let unresolved = |why: String| EgressError::Unreachable(format!("{name} cannot be resolved: {why}"));
        let addresses = self.network.resolve(name).await.map_err(|error| unresolved(error.to_string()))?;
        if let Some(inside) = addresses.iter().find(|address| !address::is_public(**address)) {
            return Err(EgressError::Denied(inside.to_string()));
        }
        if addresses.is_empty() {
            return Err(unresolved("it has no address".into()));
        }
        Ok(addresses)
    }

    /// A connection to the first address that takes one.
    async fn connect(&self, origin: &Origin, addresses: &[IpAddr]) -> Result<Connection, EgressError> {
        let mut words = String::new();
        for address in addresses.iter().take(ADDRESSES) {
            let address = SocketAddr::new(*address, origin.port());
            match timeout(self.config.connect_timeout, self.connect_to(origin, address)).await {
                Ok(Ok(connection)) => return Ok(connection),
                Ok(Err(why)) => words = format!("{address}: {why}"),
                Err(_) => words = format!("{address}: no connection within {:?}", self.config.connect_timeout),
            }
        }
        Err(EgressError::Unreachable(words))
    }

    async fn connect_to(&self, origin: &Origin, address: SocketAddr) -> io::Result<Connection> {
        let stream = self.network.connect(address).await?;
        let stream: Box<dyn Stream> = match origin.scheme() {
            Scheme::Http => Box::new(stream),
            Scheme::Https => {
                // The certificate is that of the name in the grant, whatever it resolved to.
                let name = ServerName::try_from(origin.host()).map_err(io::Error::other)?;
                Box::new(self.tls.connect(name, stream).await?)
            }
        };
        Connection::new(stream).await.map_err(io::Error::other)
    }
}

#[async_trait]
impl Egress for HttpEgress {
    async fn send(&self, request: GrantedRequest) -> Result<Response, EgressError> {
        let start = Instant::now();
        let within = request.within.min(self.config.timeout);
        let answer = timeout(within, self.exchange(&request)).await.unwrap_or(Err(EgressError::Timeout));
        let GrantedRequest { plugin, channel, origin, .. } = &request;
        // Neither path nor fields nor body: they carry keys and customers' data.
        match &answer {
            Ok(response) => {
                tracing::debug!(%plugin, %channel, %origin, status = response.status, ms = millis(start), "egress");
            }
            Err(error) => tracing::debug!(%plugin, %channel, %origin, %error, ms = millis(start), "egress failed"),
        }
        answer
    }
}

fn millis(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX)
}
