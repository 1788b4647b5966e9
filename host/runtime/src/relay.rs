//! Submission to the operator's mail relay (RFC 5321), over pooled connections.
use crate::services::{MailError, MailRelay, Secret};
use async_trait::async_trait;
use lettre::address::{Address, Envelope};
use lettre::transport::smtp::PoolConfig;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use std::fmt;
use std::time::Duration;

/// How a connection to the relay is protected.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum RelayTls {
    /// Never.
    None,
    /// STARTTLS where the relay offers it, with any certificate: protects from listeners, not from anybody who can change
    /// the traffic (RFC 7435).
    #[default]
    Opportunistic,
    /// STARTTLS with a valid certificate, or nothing is sent.
    Required,
    /// TLS with a valid certificate from the first byte (RFC 8314).
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
    pub login: Option<(String, Secret)>,
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
    #[error("TLS to the relay cannot be set up")]
    Tls(#[source] lettre::transport::smtp::Error),
}

/// The relay behind a [`RelayConfig`].
pub struct SmtpRelay {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    address: String,
}

impl fmt::Debug for SmtpRelay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpRelay").field("address", &self.address).finish_non_exhaustive()
    }
}

impl SmtpRelay {
    /// Sets it up, inside a tokio runtime. Connects only when there is something to send.
    pub fn new(config: RelayConfig) -> Result<Self, RelayError> {
        let parameters = || TlsParameters::new(config.host.clone()).map_err(RelayError::Tls);
        let tls = match config.tls {
            RelayTls::None => Tls::None,
            RelayTls::Opportunistic => Tls::Opportunistic(
                TlsParameters::builder(config.host.clone())
                    .certificate_store(CertificateStore::None)
                    .dangerous_accept_invalid_certs(true)
                    .dangerous_accept_invalid_hostnames(true)
                    .build()
                    .map_err(RelayError::Tls)?,
            ),
            RelayTls::Required => Tls::Required(parameters()?),
            RelayTls::Wrapper => Tls::Wrapper(parameters()?),
        };
        let pool = PoolConfig::new().max_size(config.connections.max(1)).idle_timeout(Duration::from_secs(30));
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&config.host)
            .port(config.port)
            .tls(tls)
            .timeout(Some(config.timeout))
            .pool_config(pool)
            .hello_name(ClientId::Domain(config.helo.clone().unwrap_or_else(|| "localhost".into())));
        if let Some((user, password)) = &config.login {
            builder = builder.credentials(Credentials::new(user.clone(), password.0.to_string()));
        }
        Ok(Self { transport: builder.build(), address: format!("{}:{}", config.host, config.port) })
    }
}

#[async_trait]
impl MailRelay for SmtpRelay {
    async fn submit(&self, mail_from: &str, rcpt_to: &[String], data: &[u8]) -> Result<String, MailError> {
        let envelope = envelope(mail_from, rcpt_to)?;
        let sent = self.transport.send_raw(&envelope, data).await;
        // The pool takes the connection back in a task of its own; without its turn the next mail would open another.
        tokio::task::yield_now().await;
        let response = sent.map_err(|error| refused(&error))?;
        let words: Vec<&str> = response.message().collect();
        Ok(format!("{} {}", response.code(), words.join(" ")))
    }
}

/// RFC 5321's envelope, or why these addresses make none.
fn envelope(mail_from: &str, rcpt_to: &[String]) -> Result<Envelope, MailError> {
    let address = |text: &str| -> Result<Address, MailError> {
        text.parse().map_err(|error| MailError::Permanent(format!("`{text}` is not an address: {error}")))
    };
    let from = if mail_from.is_empty() { None } else { Some(address(mail_from)?) };
    let to = rcpt_to.iter().map(|text| address(text)).collect::<Result<Vec<_>, _>>()?;
    Envelope::new(from, to).map_err(|error| MailError::Permanent(error.to_string()))
}

/// Who has to act decides: what only the sender can change is permanent, what the relay or the operator can, is not.
fn refused(error: &lettre::transport::smtp::Error) -> MailError {
    let words = tributary_model::error::chain(error);
    // The relay does not take this operator's credentials (RFC 4954 6): the mail is not at fault.
    let login = error.status().is_some_and(|code| matches!(u16::from(code), 530 | 534 | 535 | 538));
    // The relay has no 8BITMIME or SMTPUTF8, and this mail needs it.
    let unfit = error.is_client() && words.contains("non-ascii");
    if (error.is_permanent() && !login) || unfit { MailError::Permanent(words) } else { MailError::Temporary(words) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_is_none_is_refused_before_anything_is_sent() {
        let to = |text: &str| vec![text.to_owned()];
        assert!(envelope("", &to("a@b.example")).unwrap().from().is_none());
        assert!(envelope("a@b.example", &to("é@b.example")).is_ok());
        for (from, rcpt) in [("", vec![]), ("", to("a")), ("a b@c.example", to("a@b.example")), ("", to("a@b\r\nDATA"))]
        {
            assert!(matches!(envelope(from, &rcpt), Err(MailError::Permanent(_))), "{from} {rcpt:?}");
        }
    }
}
