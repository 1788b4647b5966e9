//! Mails nobody means well with, and mails that are broken: no panic, no loss, no more time than their size allows.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use channel_email::Email;
use proptest::prelude::*;
use tributary_sdk::testing::{self, FakeHost};
use tributary_sdk::types::{ChannelEvent, Inbound};
use tributary_sdk::{Arrival, Channel, Envelope, Rejection};

fn receive(data: Vec<u8>) -> Result<Inbound, Rejection> {
    let host = FakeHost::new().now(1_760_000_000_000);
    testing::with(&host, || {
        let email: Email = testing::prepare(serde_json::json!({"from": "support@shop.example"})).unwrap();
        let envelope = Envelope { mail_from: "a@b.cn".into(), rcpt_to: vec!["support@shop.example".into()], data };
        let reading = email.receive(Arrival::Mail(envelope))?;
        let Some(ChannelEvent::Message(message)) = reading.events.into_iter().next() else { panic!("a message") };
        assert!(!message.from.is_empty() && message.external_id.is_some());
        Ok(message)
    })
}

#[test]
fn what_is_no_mail_is_parked() {
    for data in [&b""[..], b"\r\n", b"\n\n\n", b"\0\0\0", b"no header here", b"\xff\xfe\xfd"] {
        assert!(matches!(receive(data.to_vec()), Err(Rejection::Malformed(_))), "{data:?}");
    }
}

#[test]
fn hostile_mails_cost_what_their_size_allows() {
    let nested = |levels: usize, kind: &str| {
        let mut mail = b"From: a@b.cn\r\nSubject: outer\r\n".to_vec();
        for level in 0..levels {
            mail.extend_from_slice(format!("Content-Type: {kind}; boundary=b{level}\r\n\r\n--b{level}\r\n").as_bytes());
        }
        mail.extend_from_slice(b"Content-Type: text/plain\r\n\r\ninnermost\r\n");
        mail
    };
    let body = |body: Vec<u8>, kind: &str| {
        [format!("From: a@b.cn\r\nSubject: x\r\nContent-Type: {kind}\r\n\r\n").into_bytes(), body].concat()
    };
    let field = |field: &str, value: String| format!("From: a@b.cn\r\n{field}: {value}\r\n\r\nbody\r\n").into_bytes();
    const MB: usize = 1 << 20;
    let cases: Vec<(&str, Vec<u8>, u64)> = vec![
        ("50 MB of text", body(b"All work and no play.\r\n".repeat(50 * MB / 23), "text/plain"), 5),
        ("50 MB of HTML", body(b"<p>All work and <b>no</b> play.</p>\n".repeat(50 * MB / 36), "text/html"), 8),
        ("50 MB attachment", [b"From: a@b.cn\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhi\r\n--b\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\n".to_vec(), b"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAx\r\n".repeat(50 * MB / 78), b"--b--\r\n".to_vec()].concat(), 5),
        ("10,000 header fields", [b"From: a@b.cn\r\n".to_vec(), b"X-Filler: some value\r\n".repeat(10_000), b"\r\nbody".to_vec()].concat(), 2),
        ("10,000 Received", [b"From: a@b.cn\r\n".to_vec(), b"Received: from a by b; Fri, 3 May 2024 10:12:00 +0800\r\n".repeat(10_000), b"\r\nbody".to_vec()].concat(), 2),
        ("200 levels of multiparts", nested(200, "multipart/mixed"), 2),
        ("200 levels of messages", nested(200, "message/rfc822"), 2),
        ("20,000 levels of messages", nested(20_000, "message/rfc822"), 2),
        ("20,000 levels of multiparts", nested(20_000, "multipart/mixed"), 4),
        ("a line of 1 MB", body(vec![b'x'; MB], "text/plain"), 2),
        ("a line of 1 MB of HTML", body(b"<b>".repeat(MB / 3), "text/html"), 2),
        ("a header line of 1 MB", field("Subject", "x".repeat(MB)), 2),
        ("1 MB of encoded words", field("Subject", "=?utf-8?Q?a?= ".repeat(MB / 14)), 2),
        ("1 MB of broken encoded words", field("Subject", "=?utf-8?Q?a".repeat(MB / 11)), 2),
        ("1 MB of addresses", field("To", "a@b.cn, ".repeat(MB / 8)), 2),
        ("1 MB of references", field("References", "<a@b> ".repeat(MB / 6)), 2),
        ("1 MB of parameters", field("Content-Type", "text/plain; a=b".to_owned() + &"; a=b".repeat(MB / 5)), 2),
        ("1 MB of broken words in a parameter", field("Content-Type", format!("text/plain; name=\"{}\"", "=?utf-8?Q?a".repeat(MB / 11))), 4),
        ("100,000 empty parts", body(b"--b\r\n\r\n".repeat(100_000), "multipart/mixed; boundary=b"), 4),
        ("20,000 base64 parts", body(b"--b\r\nContent-Transfer-Encoding: base64\r\n\r\nQUJD\r\n".repeat(20_000), "multipart/mixed; boundary=b"), 4),
        ("missing boundaries", body(b"--b\r\nContent-Type: multipart/mixed; boundary=never\r\n\r\nx\r\n".repeat(20_000), "multipart/mixed; boundary=b"), 4),
        ("NUL bytes", body(vec![0; MB], "text/plain"), 2),
        ("bare CR", body(b"a\r".repeat(MB / 2), "text/plain"), 2),
        ("bare LF", b"From: a@b.cn\nSubject: x\n\nbody\n".to_vec(), 1),
        ("quotes of quotes", body((0..2_000).map(|n| format!("{} wrote:\r\n", ">".repeat(n % 300))).collect::<String>().into_bytes(), "text/plain"), 2),
        ("1 MB of unlabelled GBK", body(b"\xb6\xa9\xb5\xa5".repeat(MB / 4), "text/plain"), 2),
    ];
    for (name, data, seconds) in cases {
        let size = data.len();
        let started = Instant::now();
        let message = receive(data).unwrap_or_else(|rejection| panic!("{name}: {rejection:?}"));
        let took = started.elapsed();
        println!("{name}: {size} bytes in {took:?}");
        assert!(took < Duration::from_secs(seconds), "{name} takes {took:?}");
        assert!(message.content.text.len() <= 262_144, "{name}");
    }
}

/// Every fixture, damaged.
fn fixtures() -> Vec<Vec<u8>> {
    let files = testing::files(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures"), &["eml"]).unwrap();
    files.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn random_bytes_do_no_harm(data in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        let _ = receive(data);
    }

    #[test]
    fn random_text_does_no_harm(text in "(From: .{0,20}\n)?([ -~\n\u{4e00}-\u{4eff}<>:=?&;\"]{0,400})") {
        let _ = receive(text.into_bytes());
    }

    /// Whatever a sender writes, above or below the server's own word, in its quotations and comments, or into From.
    #[test]
    fn nobody_forges_the_word_of_the_mail_server(
        above in "(mx\\.evil\\.example|[a-z(\"]{1,9}); ?dmarc=pass header\\.from=good\\.example",
        said in "[ -~]{0,60}|.{0,9}\"; dmarc=pass header\\.from=good\\.example; x=\"",
        below in "mx\\.shop\\.example;( dmarc=pass header\\.from=good\\.example;?| [ -~]{0,40})",
        from in "a@good\\.example|a@good\\.example, [a-z]@evil\\.example|[ -~]{0,30}<a@good\\.example>",
    ) {
        let escaped = said.replace('\\', "\\\\").replace('"', "\\\"").replace(['(', ')'], "");
        let mail = format!(
            "Authentication-Results: {above}\r\nAuthentication-Results: mx.shop.example; spf=pass ({escaped})\r\n reason=\"{escaped}\"; \
             dmarc=fail header.from=good.example\r\nAuthentication-Results: {below}\r\nFrom: {from}\r\n\r\nhello\r\n"
        );
        let host = FakeHost::new().now(1_760_000_000_000);
        let config = serde_json::json!({"from": "support@shop.example", "authentication-server": "mx.shop.example"});
        let reading = testing::with(&host, || {
            let email: Email = testing::prepare(config).unwrap();
            let envelope = Envelope { mail_from: "a@good.example".into(), rcpt_to: vec![], data: mail.clone().into_bytes() };
            email.receive(Arrival::Mail(envelope)).unwrap()
        });
        let Some(ChannelEvent::Message(message)) = reading.events.into_iter().next() else { panic!("a message") };
        prop_assert!(message.from.iter().all(|handle| !handle.verified), "{mail}");
    }

    #[test]
    fn damaged_mails_do_no_harm(
        which in any::<prop::sample::Index>(),
        damage in proptest::collection::vec(any::<(usize, u8, u8)>(), 1..12),
    ) {
        let _ = receive(testing::damaged(which.get(&fixtures()).clone(), &damage));
    }
}
