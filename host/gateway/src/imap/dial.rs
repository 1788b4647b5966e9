//! From a name to a session that is logged in: TCP, TLS or STARTTLS, CAPABILITY, login, ID.

use std::{net::IpAddr, sync::Arc};

use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{
    TlsConnector,
    rustls::{self, ClientConfig, RootCertStore, pki_types::ServerName},
};

use super::{
    answer::{Answer, Standing},
    config::{Config, Login, Secrets, Security},
    connection::{Connection, Outcome, Stream},
    fault::Fault,
    text::{BASE64, quoted},
};

/// What the server can do, in capitals.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities(pub Vec<String>);

impl Capabilities {
    /// Whether it has this one, written in capitals.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|known| known == name)
    }
}

/// A session that is logged in.
pub struct Session {
    /// Its connection.
    pub connection: Connection,
    /// What the server can do now.
    pub capabilities: Capabilities,
    /// The server's address.
    pub peer: IpAddr,
    /// Whether it is under TLS.
    pub tls: bool,
}

/// What a connector of a mailbox trusts: the machine's authorities and those of the configuration.
pub fn trust(config: &Config) -> Result<TlsConnector, Fault> {
    let mut roots = RootCertStore::empty();
    for certificate in rustls_native_certs::load_native_certs().certs {
        // One that cannot be used is one that nothing is checked against.
        let _ = roots.add(certificate);
    }
    for certificate in &config.authorities {
        roots.add(certificate.clone())?;
    }
    // The provider is named because a process-wide default would depend on which crates are linked.
    let client = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(client)))
}

/// Connects and logs in.
pub async fn dial(config: &Config, trust: &TlsConnector, secrets: &Secrets) -> Result<Session, Fault> {
    let connecting = TcpStream::connect((config.host.as_str(), config.port));
    let tcp = timeout(config.timeout, connecting).await.map_err(|_| Fault::Silent(config.timeout))??;
    let peer = tcp.peer_addr()?.ip();
    // Commands are short, and each is waited for.
    tcp.set_nodelay(true)?;
    let stream: Box<dyn Stream> = match config.security {
        Security::Implicit => protect(config, trust, tcp).await?,
        Security::StartTls | Security::None => Box::new(tcp),
    };
    let mut connection = Connection::new(stream, config.max_message_bytes, config.timeout);
    let mut known = greeting(&mut connection).await?;
    if config.security == Security::StartTls {
        if known {
            // Who is logged in before TLS cannot begin it any more (RFC 3501 6.2.1).
            return Err(Fault::Protocol("logged in before TLS"));
        }
        if !capabilities(&mut connection).await?.has("STARTTLS") {
            return Err(Fault::NotOffered("STARTTLS"));
        }
        connection.must("STARTTLS", "STARTTLS", drop).await?;
        let stream = protect(config, trust, connection.into_stream()?).await?;
        connection = Connection::new(stream, config.max_message_bytes, config.timeout);
        known = false;
    }
    let capabilities = log_in(&mut connection, config, secrets, known).await?;
    Ok(Session { connection, capabilities, peer, tls: config.security != Security::None })
}

async fn protect(
    config: &Config,
    trust: &TlsConnector,
    stream: impl Stream + 'static,
) -> Result<Box<dyn Stream>, Fault> {
    let name = ServerName::try_from(config.host.clone()).map_err(|_| Fault::Name(config.host.clone()))?;
    let shaking = trust.connect(name, stream);
    Ok(Box::new(timeout(config.timeout, shaking).await.map_err(|_| Fault::Silent(config.timeout))??))
}

/// The first words. `true`: no login is needed.
pub(super) async fn greeting(connection: &mut Connection) -> Result<bool, Fault> {
    loop {
        match connection.answer().await? {
            Answer::Said(Standing::PreAuth, _) => return Ok(true),
            Answer::Said(Standing::Ok, _) => return Ok(false),
            Answer::Said(Standing::Bye, words) => return Err(Fault::Bye(words)),
            Answer::Capabilities(_) => {}
            _ => return Err(Fault::Protocol("no greeting")),
        }
    }
}

async fn capabilities(connection: &mut Connection) -> Result<Capabilities, Fault> {
    let mut all = Capabilities::default();
    let each = |answer| {
        if let Answer::Capabilities(some) = answer {
            all.0 = some;
        }
    };
    connection.must("CAPABILITY", "CAPABILITY", each).await?;
    Ok(all)
}

/// Logs in and says who we are. The answer is what the server can do for who is logged in.
pub(super) async fn log_in(
    connection: &mut Connection,
    config: &Config,
    secrets: &Secrets,
    known: bool,
) -> Result<Capabilities, Fault> {
    if !known {
        let offered = capabilities(connection).await?;
        let name = config.login.secret();
        let secret = secrets(name).ok_or_else(|| Fault::NoSecret(name.to_owned()))?;
        let user = &config.user;
        let at_once = offered.has("SASL-IR");
        let outcome = match &config.login {
            Login::Bearer(_) if !offered.has("AUTH=XOAUTH2") => return Err(Fault::NotOffered("AUTHENTICATE XOAUTH2")),
            Login::Bearer(_) => {
                let response = BASE64.encode(format!("user={user}\x01auth=Bearer {secret}\x01\x01").as_bytes());
                connection.authenticate("XOAUTH2", &response, at_once).await?
            }
            Login::Password(_) if offered.has("AUTH=PLAIN") => {
                let response = BASE64.encode(format!("\0{user}\0{secret}").as_bytes());
                connection.authenticate("PLAIN", &response, at_once).await?
            }
            Login::Password(_) if offered.has("LOGINDISABLED") => return Err(Fault::NotOffered("a login without TLS")),
            Login::Password(_) => {
                let (Some(user), Some(secret)) = (quoted(user), quoted(&secret)) else { return Err(Fault::NotAscii) };
                connection.command(&format!("LOGIN {user} {secret}"), drop).await?
            }
        };
        if let Outcome::Refused(words) = outcome {
            // RFC 5530: the server cannot say just now whether the password is right.
            let later =
                ["[UNAVAILABLE]", "[INUSE]", "[SERVERBUG]", "[LIMIT]"].iter().any(|code| words.starts_with(code));
            return Err(if later { Fault::Refused { what: "the login", words } } else { Fault::Login(words) });
        }
    }
    let offered = capabilities(connection).await?;
    if offered.has("ID") {
        // Some servers open no folder for a client without a name.
        let id = concat!("ID (\"name\" \"tributary\" \"version\" \"", env!("CARGO_PKG_VERSION"), "\")");
        connection.command(id, drop).await?;
    }
    Ok(offered)
}
