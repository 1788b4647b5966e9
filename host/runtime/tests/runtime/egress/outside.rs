//! What is outside in these tests: a network whose names point wherever a test wants, and a server that does what its
//! path says.
use async_trait::async_trait;
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tributary_runtime::egress::Network;

/// A network without wires. Every address leads to the one server, and it is written down who asked for what.
pub struct Net {
    /// The answers for a name, one after the other; the last one stays.
    answers: Mutex<HashMap<&'static str, VecDeque<Vec<IpAddr>>>>,
    server: SocketAddr,
    /// Names that were resolved.
    pub asked: Mutex<Vec<String>>,
    /// Addresses that were connected to.
    pub dialled: Mutex<Vec<SocketAddr>>,
}

impl Net {
    pub fn new(server: &Server, answers: &[(&'static str, &[&str])]) -> Arc<Self> {
        let net = Self {
            answers: Mutex::default(),
            server: server.address,
            asked: Mutex::default(),
            dialled: Mutex::default(),
        };
        for (name, addresses) in answers {
            let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
            net.answers.lock().entry(name).or_default().push_back(addresses);
        }
        Arc::new(net)
    }
}

#[async_trait]
impl Network for Net {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.lock().push(name.to_owned());
        let mut answers = self.answers.lock();
        let answers = answers.get_mut(name).ok_or_else(|| io::Error::other("no such name"))?;
        Ok(if answers.len() > 1 { answers.pop_front().unwrap() } else { answers[0].clone() })
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        self.dialled.lock().push(address);
        TcpStream::connect(self.server).await
    }
}

/// A server on loopback. What it does is in the path of the request.
pub struct Server {
    pub address: SocketAddr,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    requests: Mutex<Vec<String>>,
    connections: AtomicUsize,
    open: AtomicUsize,
    names: Mutex<Vec<String>>,
}

impl Server {
    pub async fn plain() -> Self {
        Self::start(None).await
    }

    pub async fn start(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Seen>::default();
        let all = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, tls) = (Arc::clone(&all), tls.clone());
                seen.connections.fetch_add(1, Ordering::SeqCst);
                seen.open.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, &seen).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                let name = stream.get_ref().1.server_name().unwrap_or_default().to_owned();
                                seen.names.lock().push(name);
                                serve(stream, &seen).await;
                            }
                        }
                    }
                    seen.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, seen }
    }

    /// Head and body of each request that came.
    pub fn requests(&self) -> Vec<String> {
        self.seen.requests.lock().clone()
    }

    /// Names that TLS clients asked for.
    pub fn names(&self) -> Vec<String> {
        self.seen.names.lock().clone()
    }

    /// Connections that were ever made.
    pub fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// Waits until so many connections are open.
    pub async fn until_open(&self, wanted: usize) {
        self.until("open connections", wanted, || self.seen.open.load(Ordering::SeqCst)).await;
    }

    /// Waits until so many requests came.
    pub async fn until_asked(&self, wanted: usize) {
        self.until("requests", wanted, || self.seen.requests.lock().len()).await;
    }

    async fn until(&self, what: &str, wanted: usize, look: impl Fn() -> usize) {
        for _ in 0..1_000 {
            if look() == wanted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{} {what} instead of {wanted}", look());
    }
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, seen: &Seen) {
    let mut bytes = Vec::new();
    while let Some(request) = read(&mut stream, &mut bytes).await {
        let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
        seen.requests.lock().push(request);
        let answer: &[u8] = match path.as_str() {
            "/redirect" => b"HTTP/1.1 302 Found\r\nlocation: http://evil.example/\r\ncontent-length: 4\r\n\r\nsee!",
            "/never" => return until_closed(&mut stream).await,
            "/close" => b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\nlast",
            // Kept open, says its answer, and then it is gone.
            "/vanish" => b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nlast",
            "/long" => b"HTTP/1.1 200 OK\r\ncontent-length: 1025\r\n\r\n",
            "/chunks" => b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
            "/half" => b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf",
            "/drip" => b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nd",
            "/hops" => {
                b"HTTP/1.1 200 OK\r\nconnection: x-hop\r\nx-hop: 1\r\nkeep-alive: 5\r\nset-cookie: a\r\n\
                  set-cookie: b\r\nx-latin: \xe9\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
            }
            "/head" => b"HTTP/1.1 200 OK\r\n",
            "/nonsense" => b"SSH-2.0-x\r\n\r\n",
            _ => b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx-a: 1\r\n\r\nhello",
        };
        let _ = stream.write_all(answer).await;
        match path.as_str() {
            "/chunks" => {
                let chunk = format!("100\r\n{}\r\n", "x".repeat(256));
                while stream.write_all(chunk.as_bytes()).await.is_ok() {}
            }
            "/head" => while stream.write_all(format!("x: {}\r\n", "y".repeat(900)).as_bytes()).await.is_ok() {},
            "/drip" => return until_closed(&mut stream).await,
            "/close" | "/vanish" | "/half" | "/nonsense" => return,
            _ => {}
        }
    }
}

/// Waits for the client to give up.
async fn until_closed(stream: &mut (impl AsyncRead + Unpin)) {
    while !matches!(stream.read(&mut [0; 64]).await, Ok(0) | Err(_)) {}
}

/// One request, or none where the client closed the connection.
async fn read(stream: &mut (impl AsyncRead + Unpin), bytes: &mut Vec<u8>) -> Option<String> {
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .map_or(0, |text| text.parse().unwrap());
            if bytes.len() >= end + 4 + length {
                let rest = bytes.split_off(end + 4 + length);
                return Some(String::from_utf8(std::mem::replace(bytes, rest)).unwrap());
            }
        }
        if stream.read_buf(bytes).await.ok()? == 0 {
            return None;
        }
    }
}
