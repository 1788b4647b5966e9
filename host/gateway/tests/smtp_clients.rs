//! Clients that others wrote: Python's smtplib (SMTP, LMTP, STARTTLS) and swaks.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

#[path = "smtp_support/harness.rs"]
mod harness;

use std::{path::Path, process::Output, time::Duration};

use harness::{lmtp, open, smtp};
use rcgen::generate_simple_self_signed;
use tokio::{process::Command, time::timeout};
use tributary_gateway::smtp::Tls;

async fn run(command: &mut Command) -> Output {
    timeout(Duration::from_secs(60), command.kill_on_drop(true).output()).await.expect("the client ends").unwrap()
}

async fn python(script: &str, arguments: &[&str]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/smtp_support").join(script);
    let output = run(Command::new("python3").arg(path).args(arguments)).await;
    assert!(output.status.success(), "{}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_smtplib() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let authority = folder.path().join("ca.pem");
    std::fs::write(&authority, certificate.cert.pem()).unwrap();
    let mut settings = smtp();
    settings.max_message_bytes = 2_000_000;
    settings.max_recipients = 2;
    settings.tls = Some(
        Tls::from_pem(certificate.cert.pem().as_bytes(), certificate.signing_key.serialize_pem().as_bytes()).unwrap(),
    );
    let door = open(settings).await;
    let port = door.address.port().to_string();
    python("client_smtp.py", &[&port, authority.to_str().unwrap()]).await;

    let taken = door.intake.taken();
    let seen: Vec<_> = taken
        .iter()
        .map(|(route, mail)| (&*route.0, mail.mail_from.as_str(), mail.rcpt_to.len(), mail.tls, mail.data.len()))
        .collect();
    let long = "Subject: long\r\n\r\n".len() + 1_000_000 + 2;
    assert_eq!(
        seen,
        [
            ("plain", "a@client.example", 1, false, "Subject: plain\r\n\r\n.dot\r\n..\r\n".len()),
            ("bytes", "a@client.example", 1, false, "Subject: bytes\r\n\r\n".len() + 256 - 2 + 2),
            ("long", "", 1, false, long),
            ("陈", "müller@client.example", 1, false, "Subject: 你好\r\n\r\n你好\r\n".len()),
            ("many", "a@client.example", 2, false, "Subject: many\r\n\r\nhi\r\n".len()),
            ("secret", "a@client.example", 1, true, "Subject: secret\r\n\r\nhi\r\n".len()),
        ]
    );
    assert_eq!(&taken[0].1.data[..], b"Subject: plain\r\n\r\n.dot\r\n..\r\n");
    let bytes: Vec<u8> = (0..=255).filter(|b| !b"\r\n".contains(b)).collect();
    assert_eq!(&taken[1].1.data[..], [&b"Subject: bytes\r\n\r\n"[..], &bytes, b"\r\n"].concat());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_lmtp() {
    let door = open(lmtp()).await;
    python("client_lmtp.py", &[&door.address.port().to_string()]).await;
    assert_eq!(door.intake.bodies(), [b"hi\r\n"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn swaks() {
    if Command::new("swaks").arg("--version").output().await.is_err() {
        println!("left out: swaks is not installed");
        return;
    }
    for (settings, protocol) in [(smtp(), "ESMTP"), (lmtp(), "LMTP")] {
        let door = open(settings).await;
        let port = door.address.port().to_string();
        let mut swaks = Command::new("swaks");
        swaks.args(["--server", "127.0.0.1", "--port", &port, "--protocol", protocol, "--pipeline"]);
        swaks.args(["--from", "a@client.example", "--to", "b@x.example", "--body", ".dot\n"]);
        let output = run(&mut swaks).await;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        let bodies = door.intake.bodies();
        assert_eq!(bodies.len(), 1);
        let text = String::from_utf8(bodies[0].clone()).unwrap();
        assert!(text.contains("\r\n\r\n.dot\r\n"), "{text}");
    }
}
