//! Egress over HTTP: which hosts a plugin may reach ([`Origin`]), one request that is allowed to leave ([`GrantedRequest`]), and
//! the client that carries it there ([`HttpEgress`]).
//!
//! A name is checked twice. Its origin stands in the grant, before anything of it is resolved: a name alone can carry data
//! out. And every address it resolves to is looked at again (`address`), because whoever owns a name decides where it
//! points; the connection goes to an address that was looked at, never to a second answer.
mod address;
mod client;
mod connection;
mod network;
mod origin;
mod pool;
mod request;
mod tls;

pub use client::{EgressConfig, HttpEgress};
pub use network::{Network, Tcp};
pub use origin::{NotAnOrigin, Origin, Scheme};
pub use request::GrantedRequest;
pub use tls::EgressTlsError;
