//! TLS of egress (RFC 8446, 5246): the certificates this machine trusts, and those the operator adds.
use std::path::PathBuf;
use std::sync::Arc;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

/// Why TLS of egress cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum EgressTlsError {
    /// A file of certificates cannot be read, or is no PEM.
    #[error("the certificates in {path} cannot be read")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// A certificate cannot be one that others are signed with, or there is none in the file.
    #[error("{0} holds no certificate of an authority")]
    NoAuthority(PathBuf),
    /// The TLS library refuses.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
}

/// What connections are made with. `system`: whether this machine's own certificates are trusted.
pub(super) fn connector(system: bool, authorities: &[PathBuf]) -> Result<TlsConnector, EgressTlsError> {
    let mut roots = RootCertStore::empty();
    if system {
        let found = rustls_native_certs::load_native_certs();
        let (added, _) = roots.add_parsable_certificates(found.certs);
        if added == 0 {
            tracing::warn!("this machine has no certificates to trust: no plugin can reach a host over https");
        }
    }
    for path in authorities {
        let unreadable = |source| EgressTlsError::File { path: path.clone(), source };
        let before = roots.len();
        for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
            let certificate = certificate.map_err(unreadable)?;
            roots.add(certificate).map_err(|_| EgressTlsError::NoAuthority(path.clone()))?;
        }
        if roots.len() == before {
            return Err(EgressTlsError::NoAuthority(path.clone()));
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(EgressTlsError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}
