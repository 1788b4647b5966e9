//! STARTTLS with a fresh certificate: the upgrade, what must not survive it, and mail that is only taken over TLS.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

#[path = "smtp_support/harness.rs"]
mod harness;

use std::sync::Arc;

use harness::{Peer, open, smtp};
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName},
};
use tributary_gateway::smtp::{Config, Tls, TlsFault};

fn certificate() -> CertifiedKey<KeyPair> {
    generate_simple_self_signed(vec!["mx.example.org".to_owned()]).unwrap()
}

fn tls(from: &CertifiedKey<KeyPair>) -> Tls {
    Tls::from_pem(from.cert.pem().as_bytes(), from.signing_key.serialize_pem().as_bytes()).unwrap()
}

async fn handshake(stream: TcpStream, trusted: &CertifiedKey<KeyPair>) -> std::io::Result<Peer<TlsStream<TcpStream>>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.cert.der().clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("mx.example.org").unwrap();
    Ok(Peer::over(TlsConnector::from(Arc::new(config)).connect(name, stream).await?))
}

#[tokio::test]
async fn what_was_sent_in_plain_text_is_forgotten() {
    let certificate = certificate();
    let mut settings = smtp();
    settings.tls = Some(tls(&certificate));
    let door = open(settings).await;
    let mut peer = door.connect().await;
    peer.expect("220").await;
    assert!(peer.ask("EHLO c", "250").await.contains("\r\n250-STARTTLS\r\n"));
    peer.ask("MAIL FROM:<before@c.example>", "250").await;
    // A man in the middle adds commands to the same segment; they must not be read as if they had come over TLS.
    peer.send("STARTTLS\r\nEHLO evil\r\nMAIL FROM:<evil@c.example>\r\n").await;
    peer.expect("220 2.0.0").await;

    let mut peer = handshake(peer.io, &certificate).await.unwrap();
    peer.ask("MAIL FROM:<a@c.example>", "503 5.5.1 Say hello first").await;
    assert!(!peer.ask("EHLO c", "250").await.contains("STARTTLS"), "offered once only");
    peer.ask("RCPT TO:<b@x.example>", "503 5.5.1 MAIL first").await;
    peer.ask("STARTTLS", "503").await;
    peer.begin("b").await;
    // More than one TLS record.
    peer.send([vec![b'x'; 100_000], b"\r\n.\r\n".to_vec()].concat()).await;
    peer.expect("250").await;
    peer.ask("QUIT", "221").await;
    peer.expect_closed().await;
    let (_, mail) = door.intake.taken().remove(0);
    assert!(mail.tls);
    assert_eq!((mail.mail_from.as_str(), mail.data.len()), ("a@client.example", 100_002));
}

#[tokio::test]
async fn mail_only_over_tls() {
    let certificate = certificate();
    let mut settings = smtp();
    settings.tls = Some(tls(&certificate));
    settings.require_tls = true;
    let door = open(settings).await;
    let mut peer = door.hello("EHLO").await;
    peer.ask("MAIL FROM:<a@c.example>", "530 5.7.0").await;
    peer.ask("STARTTLS", "220").await;
    let mut peer = handshake(peer.io, &certificate).await.unwrap();
    peer.ask("EHLO c", "250").await;
    peer.begin("b").await;
    peer.ask("hi\r\n.", "250").await;
}

#[tokio::test]
async fn a_failed_handshake_ends_that_connection_only() {
    let mut settings = smtp();
    settings.max_connections_per_ip = 1;
    settings.tls = Some(tls(&certificate()));
    let door = open(settings).await;
    let mut peer = door.hello("EHLO").await;
    peer.ask("STARTTLS", "220").await;
    peer.send("NOOP, and this is not a handshake\r\n").await;
    drop(peer);
    door.connect_when_free().await.ask("NOOP", "250").await;
}

#[tokio::test]
async fn a_silent_handshake_times_out_and_a_stop_does_not_wait_for_it() {
    for stop in [false, true] {
        let mut settings = smtp();
        settings.tls = Some(tls(&certificate()));
        if !stop {
            settings.timeouts.handshake = std::time::Duration::from_millis(100);
        }
        let door = open(settings).await;
        let mut peer = door.hello("EHLO").await;
        peer.ask("STARTTLS", "220").await;
        if stop {
            assert_eq!(door.close().await.cut_off, 0);
        }
        peer.expect_closed().await;
    }
}

#[tokio::test]
async fn a_certificate_is_replaced_while_the_listener_runs() {
    let (old, new) = (certificate(), certificate());
    let tls = tls(&old);
    let mut settings = smtp();
    settings.tls = Some(tls.clone());
    let door = open(settings).await;
    let pem = new.cert.pem();
    // A key that does not fit changes nothing.
    let mismatch = tls.replace(pem.as_bytes(), old.signing_key.serialize_pem().as_bytes());
    assert!(matches!(mismatch, Err(TlsFault::Refused(_))), "{mismatch:?}");
    for (replaced, trusted, distrusted) in [(false, &old, &new), (true, &new, &old)] {
        if replaced {
            tls.replace(pem.as_bytes(), new.signing_key.serialize_pem().as_bytes()).unwrap();
        }
        for (certificate, works) in [(trusted, true), (distrusted, false)] {
            let mut peer = door.hello("EHLO").await;
            peer.ask("STARTTLS", "220").await;
            assert_eq!(handshake(peer.io, certificate).await.is_ok(), works);
        }
    }
}

#[test]
fn unusable_certificates_say_why() {
    let certificate = certificate();
    let (chain, key) = (certificate.cert.pem(), certificate.signing_key.serialize_pem());
    assert!(matches!(Tls::from_pem(b"", key.as_bytes()), Err(TlsFault::NoCertificate)));
    assert!(matches!(Tls::from_pem(chain.as_bytes(), chain.as_bytes()), Err(TlsFault::NoKey)));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chain.pem");
    assert!(matches!(Tls::from_files(&path, &path), Err(TlsFault::Read { .. })));
    let mut settings = smtp();
    settings.require_tls = true;
    assert_eq!(Config::new(settings).unwrap_err().faults[0].key, "require_tls");
}
