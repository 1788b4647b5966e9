//! What egress needs of the network: addresses of a name, and a connection to one address.
use async_trait::async_trait;
use std::io;
use std::net::{IpAddr, SocketAddr};
use tokio::net::TcpStream;

/// Resolves and connects. Tests put a network of their own here, whose names point wherever a test wants them to.
#[async_trait]
pub trait Network: Send + Sync + 'static {
    /// All addresses of a name, in the order in which they are to be tried. Asked only for names that are granted.
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;
    /// Connects to exactly this address.
    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream>;
}

/// This machine's resolver and network.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tcp;

#[async_trait]
impl Network for Tcp {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect())
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}
