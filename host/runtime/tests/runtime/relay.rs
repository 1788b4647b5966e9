//! The mail relay, against a server that says what a case wants it to say.
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tributary_runtime::{MailError, MailRelay, RelayConfig, RelayTls, Secret, SmtpRelay};

/// Speaks SMTP on a port of its own, tells every line it got, and answers `DATA`'s end or the word given otherwise.
async fn server(extensions: &'static str, refuse: &'static str, with: &'static str) -> (u16, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, told) = mpsc::channel(1000);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let tell = tell.clone();
            tokio::spawn(async move {
                tell.send("CONNECT".to_owned()).await.unwrap();
                let (read, mut write) = stream.into_split();
                let mut lines = BufReader::new(read).lines();
                write.write_all(b"220 relay.example ESMTP\r\n").await.unwrap();
                let mut data = false;
                while let Ok(Some(line)) = lines.next_line().await {
                    tell.send(line.clone()).await.unwrap();
                    let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
                    let answer = match verb.as_str() {
                        _ if data && line != "." => continue,
                        "." if refuse == "." => with.to_owned(),
                        "." => "250 2.0.0 queued as 7".to_owned(),
                        verb if verb == refuse => with.to_owned(),
                        "EHLO" => format!("250-relay.example\r\n{extensions}250 SIZE 50000000"),
                        "DATA" => "354 go on".to_owned(),
                        "QUIT" => "221 bye".to_owned(),
                        _ => "250 2.1.0 fine".to_owned(),
                    };
                    data = answer.starts_with("354");
                    if write.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    (port, told)
}

fn relay(port: u16) -> SmtpRelay {
    let config = RelayConfig {
        port,
        helo: Some("desk.example".into()),
        timeout: Duration::from_secs(10),
        ..RelayConfig::default()
    };
    SmtpRelay::new(config).unwrap()
}

const UTF8: &str = "250-8BITMIME\r\n250-SMTPUTF8\r\n";

#[tokio::test]
async fn a_mail_leaves_whole_over_a_connection_that_is_kept() {
    let (port, mut told) = server(UTF8, "", "").await;
    let relay = relay(port);
    let to = ["li@mail.example".to_owned(), "ö@mail.example".to_owned()];
    let data = "Subject: 你好\r\n\r\n.leading dot\r\nend\r\n".as_bytes();
    for from in ["", "help@shop.example"] {
        let answer = relay.submit(from, &to, data).await.unwrap();
        assert!(answer.starts_with("250") && answer.contains("queued as 7"), "{answer}");
    }
    let mut lines = Vec::new();
    while let Ok(line) = told.try_recv() {
        lines.push(line);
    }
    let count = |wanted: &str| lines.iter().filter(|line| *line == wanted).count();
    assert_eq!(count("CONNECT"), 1, "{lines:?}");
    assert_eq!(count("EHLO desk.example"), 1, "{lines:?}");
    assert_eq!(count("MAIL FROM:<> SMTPUTF8 BODY=8BITMIME"), 1, "{lines:?}");
    assert_eq!(count("MAIL FROM:<help@shop.example> SMTPUTF8 BODY=8BITMIME"), 1, "{lines:?}");
    assert_eq!(count("RCPT TO:<ö@mail.example>"), 2, "{lines:?}");
    assert_eq!(count("..leading dot"), 2, "{lines:?}");
    assert_eq!(count("Subject: 你好"), 2, "{lines:?}");
}

#[tokio::test]
async fn who_has_to_act_decides_whether_it_is_tried_again() {
    let cases = [
        ("MAIL", "451 4.7.1 greylisted", false),
        ("RCPT", "550 5.1.1 no such user", true),
        ("RCPT", "450 4.2.1 busy", false),
        ("DATA", "554 5.5.1 no valid recipients", true),
        (".", "554 5.6.0 refused", true),
        (".", "452 4.3.1 no room", false),
        (".", "535 5.7.8 who are you", false),
        ("EHLO", "421 4.3.2 going down", false),
    ];
    for (verb, answer, permanent) in cases {
        let (port, _told) = server(UTF8, verb, answer).await;
        let error = relay(port).submit("", &["a@b.example".into()], b"\r\nx\r\n").await.unwrap_err();
        assert_eq!(matches!(error, MailError::Permanent(_)), permanent, "{verb} {answer}: {error}");
        let words = &answer[answer.len() - 4..];
        assert!(error.to_string().contains(words), "{verb} {answer}: {error}");
    }
    // A relay that cannot take 8-bit mail never will take this one; nobody there may come back.
    let (port, _told) = server("", "", "").await;
    let error = relay(port).submit("", &["a@b.example".into()], "\r\nä\r\n".as_bytes()).await.unwrap_err();
    assert!(matches!(error, MailError::Permanent(_)), "{error}");
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let error = relay(closed).submit("", &["a@b.example".into()], b"\r\nx\r\n").await.unwrap_err();
    assert!(matches!(error, MailError::Temporary(_)), "{error}");
}

#[tokio::test]
async fn without_tls_nothing_is_sent_where_tls_is_required() {
    let (port, mut told) = server(UTF8, "", "").await;
    let login = Some(("desk".to_owned(), Secret("hunter2".into())));
    let config = RelayConfig { port, tls: RelayTls::Required, login, ..RelayConfig::default() };
    assert!(!format!("{config:?}").contains("hunter2"));
    let Ok(relay) = SmtpRelay::new(config) else {
        println!("left out: this machine has no root certificates");
        return;
    };
    let error = Arc::new(relay).submit("", &["a@b.example".into()], b"\r\nx\r\n").await.unwrap_err();
    assert!(matches!(error, MailError::Temporary(_)), "{error}");
    while let Ok(line) = told.try_recv() {
        assert!(!line.starts_with("MAIL") && !line.starts_with("AUTH"), "{line}");
    }
}
