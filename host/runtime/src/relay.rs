//! Submission to the operator's mail relay (RFC 5321), over pooled connections.
use crate::services::{MailError, MailRelay};
use async_trait::async_trait;
use std::time::Duration;

/// How a connection to the relay is protected.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum RelayTls {
    /// Never.
    None,
    /// STARTTLS where the relay offers it. Protects from nobody who can change the traffic.
    #[default]
    Opportunistic,
    /// STARTTLS, or nothing is sent.
    Required,
    /// TLS from the first byte (RFC 8314).
    Wrapper,
}

/// Where finished mails go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RelayConfig {
    /// Name or address.
    pub host: String,
    /// 25, 465 or 587, mostly.
    pub port: u16,
    /// How the connection is protected.
    pub tls: RelayTls,
    /// User and password, where the relay wants them.
    pub login: Option<(String, crate::services::Secret)>,
    /// The name this host says in EHLO; none: `localhost`.
    pub helo: Option<String>,
    /// How long one command may take.
    pub timeout: Duration,
    /// Connections kept at most.
    pub connections: u32,
}

impl Default for RelayConfig {
    /// Loopback, port 25, STARTTLS where offered, 60 s, 8 connections.
    fn default() -> Self {
        Self {
            host: "127.0.0.1".into(),
            port: 25,
            tls: RelayTls::default(),
            login: None,
            helo: None,
            timeout: Duration::from_secs(60),
            connections: 8,
        }
    }
}

/// Why there is no relay of that configuration.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// The TLS of this machine cannot be set up.
    #[error("TLS to the relay cannot be set up: {0}")]
    Tls(String),
}

/// The relay behind a [`RelayConfig`].
#[derive(Debug)]
pub struct SmtpRelay {}

impl SmtpRelay {
    /// Sets it up. Connects only when there is something to send.
    pub fn new(_config: RelayConfig) -> Result<Self, RelayError> {
        todo!()
    }
}

#[async_trait]
impl MailRelay for SmtpRelay {
    async fn submit(&self, _mail_from: &str, _rcpt_to: &[String], _data: &[u8]) -> Result<String, MailError> {
        todo!()
    }
}
