//! The listener's certificate for STARTTLS (RFC 3207), replaceable while the listener runs; and certificates of PEM files.

use std::{fmt, io, path::Path, path::PathBuf, sync::Arc};

use arc_swap::ArcSwap;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{self, pki_types::CertificateDer},
};

/// Why a certificate and key cannot be used. Never shows key material.
#[derive(Debug, thiserror::Error)]
pub enum TlsFault {
    /// A file could not be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The text is not PEM.
    #[error("not a PEM text")]
    Pem(#[source] io::Error),
    /// No `CERTIFICATE` block in the chain.
    #[error("no certificate in the PEM text")]
    NoCertificate,
    /// No private key block (PKCS#8, PKCS#1 or SEC1).
    #[error("no private key in the PEM text")]
    NoKey,
    /// The key does not fit the certificate, or is of a kind that is not supported.
    #[error("certificate and key were refused")]
    Refused(#[source] rustls::Error),
}

/// A certificate chain with its key. Clones share it: [`Tls::replace`] through one is seen by all, from the next
/// handshake on.
#[derive(Clone)]
pub struct Tls(Arc<ArcSwap<rustls::ServerConfig>>);

impl Tls {
    /// From PEM texts: the chain, leaf first, and the key.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, TlsFault> {
        Ok(Self(Arc::new(ArcSwap::new(server_config(chain, key)?))))
    }

    /// From PEM files. Blocks on the file system.
    pub fn from_files(chain: &Path, key: &Path) -> Result<Self, TlsFault> {
        Self::from_pem(&read(chain)?, &read(key)?)
    }

    /// Puts another certificate in place; on an error the old one stays.
    pub fn replace(&self, chain: &[u8], key: &[u8]) -> Result<(), TlsFault> {
        self.0.store(server_config(chain, key)?);
        Ok(())
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.0.load_full())
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsFault> {
    std::fs::read(path).map_err(|source| TlsFault::Read { path: path.to_owned(), source })
}

/// The certificates of a PEM file; at least one. Blocks on the file system.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsFault> {
    certificates_of(&read(path)?)
}

fn certificates_of(mut pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsFault> {
    let certificates: Vec<_> = rustls_pemfile::certs(&mut pem).collect::<Result<_, _>>().map_err(TlsFault::Pem)?;
    if certificates.is_empty() { Err(TlsFault::NoCertificate) } else { Ok(certificates) }
}

fn server_config(chain: &[u8], mut key: &[u8]) -> Result<Arc<rustls::ServerConfig>, TlsFault> {
    let certificates = certificates_of(chain)?;
    let key = rustls_pemfile::private_key(&mut key).map_err(TlsFault::Pem)?.ok_or(TlsFault::NoKey)?;
    // The provider is named because a process-wide default would depend on which crates are linked.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsFault::Refused)?
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(TlsFault::Refused)?;
    Ok(Arc::new(config))
}
