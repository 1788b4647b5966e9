//! The mail doors with other people's clients: swaks, lettre, Python's smtplib; TLS, LMTP, and outgoing TLS with a login.
#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]
use std::process::Command;

use lettre::message::header::ContentType;
use lettre::transport::smtp::client::{Certificate as Root, Tls, TlsParameters};
use lettre::{Message, SmtpTransport, Transport};
use tributary_tests::certificate::Certificate;
use tributary_tests::desk::SUPPORT;
use tributary_tests::smtp::stuffed;
use tributary_tests::{Client, Desk, Mail, Relay, program, until};

/// A file with a mail, in the desk's own folder.
fn file(desk: &Desk, mail: &Mail) -> std::path::PathBuf {
    let path = desk.dir.with_file_name("mail.eml");
    std::fs::write(&path, mail.bytes()).unwrap();
    path
}

#[test]
fn swaks_sends_by_smtp_and_by_lmtp() {
    let desk = Desk::setup().lmtp().start();
    for (protocol, address) in [("SMTP", &desk.smtp), ("LMTP", &desk.lmtp)] {
        let mail = file(&desk, &Mail::new("ann@mail.example", protocol, "The kettle leaks."));
        let mut swaks = Command::new("swaks");
        swaks.args(["--protocol", protocol, "--server", address, "--from", "ann@mail.example", "--to", SUPPORT]);
        program::run_well(swaks.arg("--data").arg(format!("@{}", mail.display())));
    }
    let rows = desk.settled();
    assert_eq!((rows.inbound, rows.parked), (2, 0), "{rows:?}");
}

#[test]
fn lettre_and_smtplib_go_over_to_tls() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = Certificate::write(folder.path());
    let tls = format!("tls-certificate = {:?}\ntls-key = {:?}\n", certificate.certificate, certificate.key);
    let desk = Desk::setup().with(&format!("[smtp]\nrequire-tls = true\n{tls}")).start();

    let mut plain = Client::open(&desk.smtp);
    assert_eq!(plain.command("MAIL FROM:<ann@mail.example>").unwrap().code, 530, "RFC 3207 4: STARTTLS first");

    let pem = std::fs::read(&certificate.certificate).unwrap();
    let root = Root::from_pem(&pem).unwrap();
    let parameters = TlsParameters::builder("localhost".into()).add_root_certificate(root).build().unwrap();
    let (_, port) = desk.smtp.rsplit_once(':').unwrap();
    let transport = SmtpTransport::builder_dangerous("127.0.0.1")
        .port(port.parse().unwrap())
        .tls(Tls::Required(parameters))
        .build();
    let message = Message::builder()
        .from("Ann <ann@mail.example>".parse().unwrap())
        .to(SUPPORT.parse().unwrap())
        .subject("热水壶漏水")
        .header(ContentType::TEXT_PLAIN)
        .body("我买的热水壶漏水。".to_owned())
        .unwrap();
    transport.send(&message).expect("lettre sends");

    let mail = file(&desk, &Mail::new("bob@mail.example", "smtplib", "The toaster smokes."));
    let mut smtplib = Command::new(program::python());
    smtplib.arg(program::peer("send.py")).args(["--server", &desk.smtp, "--from", "bob@mail.example", "--to", SUPPORT]);
    program::run_well(smtplib.arg("--data").arg(mail).arg("--starttls").arg(&certificate.certificate));

    let rows = desk.settled();
    assert_eq!((rows.inbound, rows.parked), (2, 0), "{rows:?}");
    assert_eq!(desk.api.conversation(1)["messages"][0]["text"].as_str().map(str::trim), Some("我买的热水壶漏水。"));
}

#[test]
fn lmtp_answers_for_each_recipient() {
    let desk = Desk::setup().lmtp().start();
    let mut client = Client::open_lmtp(&desk.lmtp);
    let mail = Mail::new("ann@mail.example", "two recipients", "The kettle leaks.");
    assert_eq!(client.command("MAIL FROM:<ann@mail.example>").unwrap().code, 250);
    assert_eq!(client.command(&format!("RCPT TO:<{SUPPORT}>")).unwrap().code, 250);
    assert_eq!(client.command("RCPT TO:<nobody@elsewhere.example>").unwrap().code, 550);
    assert_eq!(client.command("RCPT TO:<support+x@shop.example>").unwrap().code, 250);
    assert_eq!(client.command("DATA").unwrap().code, 354);
    client.write(&stuffed(&mail.bytes())).unwrap();
    let codes: Vec<u16> = (0..2).map(|_| client.reply().unwrap().code).collect();
    assert_eq!(codes, [250, 250], "RFC 2033 4.2: one answer for each recipient that was taken");
    assert_eq!(client.command("NOOP").unwrap().code, 250, "and no answer more");
    assert_eq!(desk.settled().inbound, 1);
}

#[test]
fn the_greeting_offers_what_the_door_can_do() {
    let desk = Desk::start();
    let (mut client, greeting) = Client::connect(&desk.smtp).unwrap();
    assert_eq!(greeting.code, 220);
    let hello = client.command("EHLO client.example").unwrap();
    for extension in ["SIZE", "8BITMIME", "SMTPUTF8", "PIPELINING"] {
        assert!(hello.lines.iter().any(|line| line.starts_with(extension)), "{extension} in {hello:?}");
    }
    assert_eq!(client.command("MAIL FROM:<a@mail.example> SIZE=99999999999").unwrap().code, 552, "RFC 1870 6.1");
    assert_eq!(client.command("MAIL FROM:<a@mail.example>").unwrap().code, 250);
    assert_eq!(client.command("RCPT TO:<stranger@elsewhere.example>").unwrap().code, 550, "no open relay");
}

#[test]
fn outgoing_mail_goes_over_tls_with_a_login() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = Certificate::write(folder.path());
    let relay = Relay::start_tls(&certificate, Some(("desk", "secret word")));
    let password = folder.path().join("password");
    std::fs::write(&password, "secret word\n").unwrap();
    let overlay = format!(
        "[relay]\naddress = \"localhost:{}\"\ntls = \"required\"\nuser = \"desk\"\npassword-file = {password:?}\n",
        relay.port
    );
    let trust = certificate.certificate.display().to_string();
    let desk = Desk::setup().relay(relay.port).with(&overlay).environment("SSL_CERT_FILE", &trust).start();
    desk.deliver(&Mail::new("ann@mail.example", "One", "The kettle leaks."));
    let arrived = relay.wait_for("ann@mail.example", 1).remove(0);
    assert_eq!((arrived.0["tls"].as_bool(), arrived.0["user"].as_str()), (Some(true), Some("desk")));
    assert!(!desk.log().contains("secret word"), "no secret in a log");
}

#[test]
fn outgoing_mail_does_not_go_to_a_relay_that_nobody_vouches_for() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start_tls(&Certificate::write(folder.path()), None);
    let overlay = format!("[relay]\naddress = \"localhost:{}\"\ntls = \"required\"\n", relay.port);
    let desk = Desk::setup().relay(relay.port).with(&overlay).start();
    desk.deliver(&Mail::new("ann@mail.example", "One", "The kettle leaks."));
    until("a try that ended", || {
        let detail = desk.api.conversation(1);
        let delivery = &detail["messages"][1]["delivery"];
        if delivery["detail"].is_string() { Ok(()) } else { Err(detail.to_string()) }
    });
    assert_eq!(relay.count(), 0);
}
