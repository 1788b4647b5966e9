//! The listener with real sockets: limits, timeouts, overload, drops, drain. The peers speak raw bytes.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

#[path = "smtp_support/harness.rs"]
mod harness;

use std::{num::NonZeroU32, sync::atomic::Ordering, time::Duration};

use futures_util::future::join_all;
use harness::{lmtp, open, smtp, until};
use tokio::{net::TcpStream, time::Instant};

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[tokio::test]
async fn a_pipelined_session() {
    let door = open(smtp()).await;
    let mut peer = door.connect().await;
    peer.expect("220 mx.example.org ESMTP").await;
    let hello = peer.ask("EHLO c", "250").await;
    assert_eq!(
        hello.split("\r\n").map(|line| &line[4..]).collect::<Vec<_>>(),
        ["mx.example.org", "PIPELINING", "SIZE 36700160", "8BITMIME", "SMTPUTF8", "CHUNKING", "ENHANCEDSTATUSCODES"]
    );
    let envelope = "MAIL FROM:<a@c.example>\r\nRCPT TO:<b@x.example>\r\nRCPT TO:<unknown@x.example>\r\nDATA\r\n";
    peer.send(envelope).await;
    for code in ["250 2.1.0", "250 2.1.5", "550 5.1.1", "354"] {
        peer.expect(code).await;
    }
    // The end of one message and the envelope of the next in one go.
    peer.send(format!("one\r\n.\r\n{envelope}")).await;
    for code in ["250 2.0.0 Taken as m1", "250 2.1.0", "250 2.1.5", "550 5.1.1", "354"] {
        peer.expect(code).await;
    }
    peer.send("two\r\n.\r\nQUIT\r\n").await;
    peer.expect("250 2.0.0 Taken as m2").await;
    peer.expect("221").await;
    peer.expect_closed().await;
    assert_eq!(door.intake.bodies(), [b"one\r\n".to_vec(), b"two\r\n".to_vec()]);
    assert!(door.intake.taken()[0].1.peer.is_loopback());
    assert_eq!(door.close().await.cut_off, 0);
}

#[tokio::test]
async fn lmtp_three_recipients_three_answers() {
    let door = open(lmtp()).await;
    let mut peer = door.hello("LHLO").await;
    peer.ask("MAIL FROM:<a@c.example>", "250").await;
    peer.ask("RCPT TO:<sales@x.example>", "250 2.1.5").await;
    peer.ask("RCPT TO:<unknown@x.example>", "550 5.1.1").await;
    peer.ask("RCPT TO:<failing@x.example>", "250 2.1.5").await;
    peer.ask("DATA", "354").await;
    peer.send("hi\r\n.\r\n").await;
    peer.expect("250 2.0.0").await;
    peer.expect("451 4.3.0").await;
    peer.ask("NOOP", "250").await;

    peer.begin("rejecting").await;
    peer.send(".\r\n").await;
    // What an intake says cannot become a reply line of its own.
    assert_eq!(peer.reply().await, "554 5.6.0 no,250 thanks");
    peer.ask("QUIT", "221").await;
    assert_eq!(door.intake.taken().len(), 1);
}

#[tokio::test]
async fn no_answer_before_the_mail_is_taken() {
    let door = open(smtp()).await;
    let mut peer = door.hello("EHLO").await;
    // Two routes: the first is done at once, the answer waits for the second.
    peer.ask("MAIL FROM:<>", "250").await;
    peer.ask("RCPT TO:<sales@x.example>", "250").await;
    peer.ask("RCPT TO:<gated@x.example>", "250").await;
    peer.ask("DATA", "354").await;
    peer.send("hi\r\n.\r\nNOOP\r\n").await;
    until("both mails are being stored", || door.intake.begun.load(Ordering::SeqCst) == 2).await;
    peer.expect_silence().await;
    door.intake.gate.0.add_permits(1);
    peer.expect("250 2.0.0 Taken as").await;
    peer.expect("250 2.0.0 OK").await;
    assert_eq!(door.intake.taken().len(), 2);
}

#[tokio::test]
async fn one_failing_route_makes_the_whole_mail_come_again() {
    let door = open(smtp()).await;
    let mut peer = door.hello("EHLO").await;
    for (second, code) in
        [("failing", "451 4.3.0"), ("overloaded", "451 4.3.2"), ("small", "552 5.3.4"), ("other", "250")]
    {
        peer.ask("MAIL FROM:<>", "250").await;
        peer.ask("RCPT TO:<sales@x.example>", "250").await;
        peer.ask(&format!("RCPT TO:<{second}@x.example>"), "250").await;
        peer.ask("DATA", "354").await;
        peer.ask("hi\r\n.", code).await;
    }
}

#[tokio::test]
async fn overloaded_is_said_before_the_message_is_sent() {
    let door = open(smtp()).await;
    let mut peer = door.hello("EHLO").await;
    door.intake.full.store(true, Ordering::SeqCst);
    peer.ask("MAIL FROM:<>", "250").await;
    peer.ask("RCPT TO:<b@x.example>", "250").await;
    peer.ask("DATA", "451 4.3.2").await;
    door.intake.full.store(false, Ordering::SeqCst);
    peer.begin("b").await;
    peer.ask("hi\r\n.", "250").await;
    assert_eq!(door.intake.bodies(), [b"hi\r\n"]);
}

#[tokio::test]
async fn connections_are_bounded_in_total_and_per_address() {
    for (total, per_address, reply) in [(2, 9, "421 4.3.2"), (9, 2, "421 4.7.0")] {
        let mut settings = smtp();
        settings.max_connections = total;
        settings.max_connections_per_ip = per_address;
        let door = open(settings).await;
        let first = door.hello("EHLO").await;
        let mut second = door.hello("EHLO").await;
        let mut third = door.connect().await;
        third.expect(reply).await;
        third.expect_closed().await;
        // Those inside are not disturbed, and a place that is left is free.
        second.ask("NOOP", "250").await;
        drop(first);
        door.connect_when_free().await.ask("NOOP", "250").await;
    }
}

#[tokio::test]
async fn rates_per_address() {
    let mut settings = smtp();
    settings.connections_per_minute_per_ip = NonZeroU32::new(2);
    settings.mails_per_minute_per_ip = NonZeroU32::new(1);
    let door = open(settings).await;
    door.hello("EHLO").await;
    let mut peer = door.hello("EHLO").await;
    door.connect().await.expect("421 4.7.0").await;
    peer.begin("b").await;
    peer.ask("hi\r\n.", "250").await;
    peer.ask("MAIL FROM:<>", "450 4.7.1").await;
}

#[tokio::test]
async fn errors_are_bounded_and_a_line_that_is_none_closes() {
    let mut settings = smtp();
    settings.max_errors = 2;
    let door = open(settings).await;
    let mut peer = door.hello("EHLO").await;
    peer.ask("XYZZY", "500").await;
    peer.begin("b").await;
    // A stored mail forgives.
    peer.ask("hi\r\n.", "250").await;
    peer.ask("XYZZY", "500").await;
    peer.ask("XYZZY", "500").await;
    peer.expect("421 4.7.0").await;
    peer.expect_closed().await;

    let mut peer = door.hello("EHLO").await;
    peer.send(vec![b'x'; 200_000]).await;
    peer.expect("500 5.5.2 Line too long").await;
    peer.expect_closed().await;
}

/// The steps of one delivery; a peer may stop after each of them.
const STEPS: [&str; 8] = [
    "",
    "EHLO c",
    "MAIL FROM:<a@c.example>",
    "RCPT TO:<b@x.example>",
    "DATA",
    "Subject: half a mail\r\n\r\nhalf",
    "\r\n.\r",
    "EHL",
];

#[tokio::test]
async fn a_peer_that_drops_leaves_nothing_behind() {
    let mut settings = smtp();
    // The next connection is only let in when the one before has gone.
    settings.max_connections_per_ip = 1;
    let door = open(settings).await;
    for steps in 1..=STEPS.len() {
        for abruptly in [false, true] {
            let mut peer = door.connect_when_free().await;
            for (index, step) in STEPS[..steps].iter().enumerate().skip(1) {
                let whole = index <= 4;
                peer.send(format!("{step}{}", if whole { "\r\n" } else { "" })).await;
                if whole {
                    peer.reply().await;
                }
            }
            if abruptly {
                peer.io.set_zero_linger().unwrap();
            }
        }
    }
    door.connect_when_free().await.ask("QUIT", "221").await;
    assert_eq!(door.intake.begun.load(Ordering::SeqCst), 0);
    assert_eq!(door.close().await.cut_off, 0);
}

#[tokio::test]
async fn a_peer_that_stalls_is_told_so_and_leaves_nothing_behind() {
    let mut settings = smtp();
    settings.timeouts.command = ms(500);
    settings.timeouts.data = ms(500);
    let door = open(settings).await;
    let stall = async |steps: usize| {
        let mut peer = door.connect().await;
        peer.expect("220").await;
        for (index, step) in STEPS[..steps].iter().enumerate().skip(1) {
            let whole = index <= 4;
            peer.send(format!("{step}{}", if whole { "\r\n" } else { "" })).await;
            if whole {
                peer.reply().await;
            }
        }
        peer.expect("421 4.4.2").await;
        peer.expect_closed().await;
    };
    join_all((1..=STEPS.len()).map(stall)).await;
    assert_eq!(door.intake.begun.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_byte_now_and_then_does_not_hold_a_connection() {
    let mut settings = smtp();
    settings.timeouts.command = ms(600);
    settings.timeouts.data = ms(15_000);
    settings.timeouts.message = ms(600);
    let door = open(settings).await;
    for in_data in [false, true] {
        let mut peer = door.hello("EHLO").await;
        if in_data {
            peer.begin("b").await;
        }
        let start = Instant::now();
        let (mut reads, mut writes) = peer.io.into_split();
        let drip = tokio::spawn(async move {
            while tokio::io::AsyncWriteExt::write_all(&mut writes, b"x").await.is_ok() {
                tokio::time::sleep(ms(10)).await;
            }
        });
        let mut told = Vec::new();
        let _ = tokio::io::AsyncReadExt::read_to_end(&mut reads, &mut told).await;
        assert!(told.starts_with(b"421 4.4.2"), "{:?}", String::from_utf8_lossy(&told));
        assert!(start.elapsed() < ms(12_000), "each byte renewed the wait");
        drip.abort();
    }
}

#[tokio::test]
async fn an_intake_that_hangs_is_451() {
    let mut settings = lmtp();
    settings.timeouts.store = ms(500);
    let door = open(settings).await;
    let mut peer = door.hello("LHLO").await;
    peer.ask("MAIL FROM:<>", "250").await;
    peer.ask("RCPT TO:<hanging@x.example>", "250").await;
    peer.ask("RCPT TO:<b@x.example>", "250").await;
    peer.ask("DATA", "354").await;
    peer.ask("hi\r\n.", "451 4.3.0").await;
    peer.expect("250").await;
}

#[tokio::test]
async fn messages_are_kept_byte_for_byte() {
    let door = open(smtp()).await;
    let mut peer = door.hello("EHLO").await;
    let every_byte: Vec<u8> = (0..=255).flat_map(|b| [b, b'x']).collect();
    let bodies = [
        b"".to_vec(),
        b"nul \0\0 and 8 bit \xff\xfe\xb9\xfa\r\n".to_vec(),
        [&every_byte[..], b"\r\n"].concat(),
        [vec![b'l'; 1_000_000], b"\r\n".to_vec()].concat(),
        b"bare\nlf and bare\rcr\n.\nstay\r\n".to_vec(),
        "Header: x\r\n".repeat(10_000).into_bytes(),
    ];
    for body in &bodies {
        peer.begin("b").await;
        peer.send([&body[..], b".\r\n"].concat()).await;
        peer.expect("250").await;
        // The same in chunks needs no dot.
        peer.ask("MAIL FROM:<>", "250").await;
        peer.ask("RCPT TO:<b@x.example>", "250").await;
        let (one, two) = body.split_at(body.len() / 3);
        peer.send([format!("BDAT {}\r\n", one.len()).as_bytes(), one].concat()).await;
        peer.send([format!("BDAT {} LAST\r\n", two.len()).as_bytes(), two].concat()).await;
        peer.expect("250 2.0.0 Chunk").await;
        peer.expect("250 2.0.0 Taken").await;
    }
    let taken = door.intake.bodies();
    assert_eq!(taken.len(), 2 * bodies.len());
    for (index, body) in taken.iter().enumerate() {
        assert!(*body == bodies[index / 2], "body {index} changed");
    }
}

#[tokio::test]
async fn all_messages_together_are_bounded() {
    let mut settings = smtp();
    settings.max_message_bytes = 100_000;
    settings.max_buffered_bytes = 100_000;
    let door = open(settings).await;
    let mut first = door.hello("EHLO").await;
    first.begin("gated").await;
    first.send([vec![b'x'; 60_000], b"\r\n.\r\n".to_vec()].concat()).await;
    until("the first is being stored", || door.intake.begun.load(Ordering::SeqCst) == 1).await;

    let mut second = door.hello("EHLO").await;
    let half = "y".repeat(60_000);
    second.begin("b").await;
    second.ask(&format!("{half}\r\n."), "452 4.3.1").await;
    // What is stored no longer counts.
    door.intake.gate.0.add_permits(1);
    first.expect("250").await;
    second.begin("b").await;
    second.ask(&format!("{half}\r\n."), "250").await;
}

#[tokio::test]
async fn a_stop_ends_idle_sessions_and_finishes_messages() {
    let door = open(smtp()).await;
    let mut idle = door.hello("EHLO").await;
    let mut sending = door.hello("EHLO").await;
    sending.begin("b").await;
    let mut storing = door.hello("EHLO").await;
    storing.begin("gated").await;
    storing.send("gated\r\n.\r\nNOOP\r\n").await;
    until("a mail is being stored", || door.intake.begun.load(Ordering::SeqCst) == 1).await;

    door.stop.send(true).unwrap();
    idle.expect("421 4.3.2").await;
    idle.expect_closed().await;
    sending.ask("late\r\n.", "250").await;
    sending.expect("421 4.3.2").await;
    assert!(TcpStream::connect(door.address).await.is_err(), "nobody is let in any more");
    door.intake.gate.0.add_permits(1);
    storing.expect("250").await;
    storing.expect("421").await;
    let drained = door.task.await.unwrap();
    assert_eq!((drained.open, drained.cut_off), (3, 0));
    assert_eq!(door.intake.taken().len(), 2);
}

#[tokio::test]
async fn after_the_grace_the_rest_is_cut_off_without_an_answer() {
    let mut settings = smtp();
    settings.timeouts.grace = ms(100);
    let door = open(settings).await;
    let mut sending = door.hello("EHLO").await;
    sending.begin("b").await;
    sending.send("half").await;
    let mut storing = door.hello("EHLO").await;
    storing.begin("gated").await;
    storing.send("gated\r\n.\r\n").await;
    until("a mail is being stored", || door.intake.begun.load(Ordering::SeqCst) == 1).await;
    let intake = door.intake.clone();
    let drained = door.close().await;
    assert_eq!((drained.open, drained.cut_off), (2, 2));
    sending.expect_closed().await;
    storing.expect_closed().await;
    assert_eq!(intake.taken().len(), 0);
}
