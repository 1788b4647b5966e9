//! Egress over TLS: the certificate has to be the granted name's, from an authority that is trusted.
use super::outside::{Net, Server};
use super::{Answer, PUBLIC, ask, get, hello, house, quick};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tributary_runtime::egress::Tcp;
use tributary_runtime::{EgressConfig, EgressTlsError, HttpEgress};

/// An authority of one's own, and a server with its certificate for these names.
async fn server(names: &[&str]) -> (Server, TempDir, PathBuf) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("authority.pem");
    std::fs::write(&path, authority.pem()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(tokio_rustls::rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .unwrap();
    (Server::start(Some(TlsAcceptor::from(Arc::new(config)))).await, folder, path)
}

fn trusting(path: &Path) -> EgressConfig {
    EgressConfig { authorities: vec![path.to_path_buf()], ..quick() }
}

#[tokio::test]
async fn the_certificate_is_that_of_the_granted_name() {
    let (server, _folder, authority) = server(&["api.example"]).await;
    let names = [("api.example", PUBLIC), ("other.example", PUBLIC)];
    let (trusting_house, _) = house(trusting(&authority), Net::new(&server, &names));
    let granted = ["https://api.example", "https://other.example"];
    assert_eq!(ask(&trusting_house, &granted, &get("https://api.example/x")).await, hello());
    assert_eq!(server.names(), ["api.example"]);
    assert!(server.requests()[0].contains("\r\nhost: api.example\r\n"), "{:?}", server.requests());
    // The same server under a name that its certificate is not for.
    let answer = ask(&trusting_house, &granted, &get("https://other.example/")).await;
    assert!(matches!(&answer, Answer::Unreachable(why) if why.contains("certificate")), "{answer:?}");
    // The same certificate without its authority.
    let (house, _) = house(quick(), Net::new(&server, &names));
    let answer = ask(&house, &granted, &get("https://api.example/")).await;
    assert!(matches!(&answer, Answer::Unreachable(why) if why.contains("certificate")), "{answer:?}");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn an_address_has_certificates_too() {
    let (server, _folder, authority) = server(&["127.0.0.1"]).await;
    let (house, _) = house(trusting(&authority), Arc::new(Tcp));
    let origin = format!("https://{}", server.address);
    assert_eq!(ask(&house, &[&origin], &get(&origin)).await, hello());
}

#[tokio::test]
async fn a_file_of_authorities_that_is_none_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "nothing").unwrap();
    assert!(matches!(HttpEgress::new(trusting(&empty)), Err(EgressTlsError::NoAuthority(_))));
    let absent = folder.path().join("absent.pem");
    assert!(matches!(HttpEgress::new(trusting(&absent)), Err(EgressTlsError::File { .. })));
}
