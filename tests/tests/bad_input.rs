//! Whatever a sender does, the daemon stays, says what it thinks of it, and serves the next one.
#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]
use std::io::ErrorKind;

use tributary_tests::desk::SUPPORT;
use tributary_tests::mail::new_message_id;
use tributary_tests::smtp::{Reply, stuffed};
use tributary_tests::{Client, Desk, Mail, program, wait};

/// After whatever happened: an honest mail comes in, in the same daemon.
fn still_serves(desk: &Desk, pid: u32) {
    let before = desk.settled();
    desk.deliver(&Mail::new("honest@mail.example", "A question", "Are you open on Sunday?"));
    let after = desk.settled();
    assert_eq!(after.inbound, before.inbound + 1, "{after:?}");
    assert_eq!(desk.pid(), pid);
    assert_eq!(desk.api.try_get("/readyz").unwrap().status, 200);
}

/// A plain mail with a Message-ID of its own, with these headers and this body.
fn raw(headers: &str, body: &[u8]) -> Vec<u8> {
    let id = new_message_id();
    let mut mail =
        format!("From: odd@mail.example\r\nTo: {SUPPORT}\r\nSubject: odd\r\nMessage-ID: {id}\r\n{headers}\r\n")
            .into_bytes();
    mail.extend_from_slice(body);
    mail
}

fn nested(depth: usize) -> Vec<u8> {
    let mut headers = String::new();
    let mut body = String::new();
    for level in 0..depth {
        let part =
            format!("MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"b{level}\"\r\n\r\n--b{level}\r\n");
        if level == 0 { headers = part } else { body.push_str(&part) }
    }
    body.push_str("Content-Type: text/plain\r\n\r\nthe innermost\r\n");
    for level in (0..depth).rev() {
        body.push_str(&format!("--b{level}--\r\n"));
    }
    let (headers, first) = headers.split_once("\r\n\r\n").expect("a header's end");
    raw(&format!("{headers}\r\n"), format!("{first}{body}").as_bytes())
}

/// Everything a mail can be made of, each taken (kept as a message or parked, counted below) or refused with a 5xx.
#[test]
fn odd_mails_are_kept_or_parked_or_refused_and_the_next_one_comes_in() {
    let desk = Desk::start();
    let pid = desk.pid();
    let headers_10_000: String = (0..10_000).map(|n| format!("X-Header-{n}: value {n}\r\n")).collect();
    let recipients_10_000: String = (0..10_000).map(|n| format!("a{n}@mail.example, ")).collect();
    let references: String = (0..20_000).map(|n| format!("<r{n}@mail.example>\r\n ")).collect();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("0 bytes", Vec::new()),
        ("one line end", b"\r\n".to_vec()),
        ("no header at all", b"hello\r\n".to_vec()),
        ("headers without an end", b"From: odd@mail.example\r\nSubject: x".to_vec()),
        ("10,000 headers", raw(&headers_10_000, b"text\r\n")),
        ("10,000 addresses in To", raw(&format!("Cc: {recipients_10_000}x@mail.example\r\n"), b"text\r\n")),
        ("20,000 references", raw(&format!("References: {references}\r\n"), b"text\r\n")),
        ("one header of 1 MB", raw(&format!("X-Long: {}\r\n", "a".repeat(1 << 20)), b"text\r\n")),
        ("a subject of 1 MB", raw(&format!("Subject: {}\r\n", "=?utf-8?B?5oqV?= ".repeat(60_000)), b"text\r\n")),
        ("nested 200 deep", nested(200)),
        ("nested 5,000 deep", nested(5_000)),
        (
            "lines of 1 MB",
            raw("", &[vec![b'a'; 1 << 20], b"\r\n".to_vec(), vec![b'b'; 1 << 20], b"\r\n".to_vec()].concat()),
        ),
        ("NUL bytes", raw("", b"be\0fore \0\0\0 after\r\n")),
        ("NUL in headers", b"From: odd\0@mail.example\r\nSubject: a\0b\r\n\r\ntext\r\n".to_vec()),
        ("all bytes", raw("", &(0..=255).filter(|byte| !b"\r\n".contains(byte)).collect::<Vec<u8>>())),
        ("base64 that is none", raw("Content-Transfer-Encoding: base64\r\n", b"=====\xff\xfe%%%%\r\n")),
        (
            "quoted-printable that is none",
            raw("Content-Transfer-Encoding: quoted-printable\r\n", b"=ZZ =\r\n=4\r\n==\r\n"),
        ),
        ("an unknown charset", raw("Content-Type: text/plain; charset=klingon\r\n", b"qapla\r\n")),
        ("a boundary that never comes", raw("Content-Type: multipart/mixed; boundary=never\r\n", b"text\r\n")),
        ("an empty boundary", raw("Content-Type: multipart/mixed; boundary=\"\"\r\n", b"--\r\n\r\ntext\r\n----\r\n")),
        ("HTML nested 50,000 deep", raw("Content-Type: text/html\r\n", "<div>\r\n".repeat(50_000).as_bytes())),
        ("1,000 attachments", many_attachments(1_000)),
    ];
    let (mut taken, mut refused) = (0, Vec::new());
    for (name, mail) in &cases {
        match desk.offer("odd@mail.example", &[SUPPORT], mail) {
            Reply { code: 250, .. } => taken += 1,
            Reply { code: 500..=599, lines } => refused.push((name, lines)),
            other => panic!("{name}: {other:?}"),
        }
    }
    let rows = desk.settled();
    assert_eq!(
        rows.inbound + rows.parked,
        taken,
        "each 250 stands for a row; refused: {refused:?}; {rows:?}\nparked: {:#?}",
        desk.api.parked()
    );
    assert!(refused.len() <= 2, "{refused:?}");
    still_serves(&desk, pid);
}

fn many_attachments(count: usize) -> Vec<u8> {
    let mut body = String::new();
    for n in 0..count {
        body.push_str(&format!("--b\r\nContent-Type: application/octet-stream; name=\"../../{n}\"\r\nContent-Disposition: attachment; filename=\"/etc/{n}\"\r\n\r\nbytes {n}\r\n"));
    }
    body.push_str("--b--\r\n");
    raw("MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n", body.as_bytes())
}

/// What is no mail is taken, parked with its cause as it came in, shown, and stays when it is replayed in vain; the mails
/// behind it, in the same session, go on.
#[test]
fn what_cannot_be_read_is_parked_and_those_behind_go_on() {
    let desk = Desk::start();
    let mut client = Client::open(&desk.smtp);
    let unreadable = b"\x00\x01 no header, no end of one\r\n";
    let readable = Mail::new("ann@mail.example", "behind it", "The kettle leaks.").bytes();
    for mail in [&unreadable[..], &readable] {
        assert_eq!(client.send("odd@mail.example", &[SUPPORT], mail).unwrap().code, 250);
    }
    let rows = desk.settled();
    assert_eq!((rows.inbound, rows.parked), (1, 1), "{rows:?}");
    let parked = desk.json(&["parked", "list"])["items"][0].clone();
    assert_eq!((&parked["what"], &parked["blame"]), (&"arrival".into(), &"sender".into()), "{parked}");
    assert!(parked["why"].as_str().is_some_and(|why| !why.is_empty()), "{parked}");
    let id = parked["id"].to_string();
    program::run_well(&mut desk.command(&["parked", "show", &id]));
    let raw = desk.api.try_get(&format!("/api/v1/parked/{id}/raw")).unwrap();
    assert_eq!((raw.status, raw.text.as_bytes()), (200, &unreadable[..]), "kept as it came in");
    let replayed = desk.run(&["parked", "replay", &id]);
    assert!(!replayed.status.success(), "it failed again");
    assert_eq!(desk.settled().parked, 1);
    still_serves(&desk, desk.pid());
}

/// RFC 1870: announced too big is refused at once, found too big at the end; what fits the limit is taken.
#[test]
fn fifty_megabytes_are_too_big_by_default_and_taken_where_allowed() {
    let fifty =
        raw("", &b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd\r\n".repeat(50 * (1 << 20) / 64));
    let desk = Desk::start();
    let reply = desk.offer("big@mail.example", &[SUPPORT], &fifty);
    assert_eq!(reply.code, 552, "{reply:?}");
    still_serves(&desk, desk.pid());
    drop(desk);

    let desk = Desk::setup().with("[smtp]\nmax-message-size = \"64 MiB\"\n").start();
    let reply = desk.offer("big@mail.example", &[SUPPORT], &fifty);
    assert_eq!(reply.code, 250, "{reply:?}");
    let rows = desk.settled();
    assert_eq!(rows.inbound + rows.parked, 1, "kept or parked, never lost: {rows:?}");
    still_serves(&desk, desk.pid());
}

/// CVE-2023-51764 and its kin: whatever ends in anything but CRLF.CRLF does not end the mail, so nothing after it is a
/// command; bare CR and LF never come out as a second mail.
#[test]
fn a_mail_cannot_carry_another_one_in() {
    let desk = Desk::start();
    let pid = desk.pid();
    let smuggled = format!(
        "MAIL FROM:<admin@shop.example>\r\nRCPT TO:<{SUPPORT}>\r\nDATA\r\nFrom: admin@shop.example\r\nSubject: smuggled\r\n\r\nsmuggled\r\n"
    );
    let ends: [&[u8]; 9] = [
        b"\n.\n",
        b"\n.\r\n",
        b"\r.\r",
        b"\r\n.\r",
        b"\r\n.\n",
        b"\r.\r\n",
        b"\r\n\0.\r\n",
        b"\r\r\n.\r\r\n",
        b"\n\r.\n\r",
    ];
    let mut expected = 0;
    for end in ends {
        let mut client = Client::open(&desk.smtp);
        assert_eq!(client.envelope("odd@mail.example", &[SUPPORT]).unwrap().code, 354);
        let mut wire = raw(&format!("X-End: {end:?}\r\n"), b"first");
        wire.extend_from_slice(end);
        wire.extend_from_slice(smuggled.as_bytes());
        wire.extend_from_slice(b".\r\n");
        client.write(&wire).unwrap();
        // One mail was sent: it is taken whole, or refused; a server may also hang up.
        match client.reply() {
            Ok(reply) if reply.code == 250 => expected += 1,
            Ok(reply) => assert!((500..600).contains(&reply.code), "{end:?}: {reply:?}"),
            Err(error) => assert!(hung_up(error.kind()), "{end:?}: {error}"),
        }
        if let Ok(reply) = client.command("NOOP") {
            assert!(reply.code == 250 || reply.code == 421, "one mail, one answer: {end:?}: {reply:?}");
        }
    }
    let rows = desk.settled();
    assert_eq!(rows.inbound + rows.parked, expected, "{rows:?}");
    let subjects: Vec<_> = desk.api.conversations().iter().map(|one| one["subject"].to_string()).collect();
    assert!(!subjects.iter().any(|subject| subject.contains("smuggled")), "{subjects:?}");
    still_serves(&desk, pid);
}

fn hung_up(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted
    )
}

/// Every place a session can break off, and a session that says nothing.
#[test]
fn clients_that_drop_or_stall_leave_nothing_behind() {
    let desk = Desk::setup().with("[smtp]\ncommand-timeout = \"2 s\"\ndata-timeout = \"2 s\"\n").start();
    let pid = desk.pid();
    let mail = stuffed(&raw("", b"text\r\n"));
    let session = [
        b"EHLO client.example\r\n".to_vec(),
        b"MAIL FROM:<odd@mail.example>\r\n".to_vec(),
        format!("RCPT TO:<{SUPPORT}>\r\n").into_bytes(),
        b"DATA\r\n".to_vec(),
        mail[..mail.len() - 3].to_vec(),
    ];
    for broken in 0..=session.len() {
        for half in [false, true] {
            let (mut client, _) = Client::connect(&desk.smtp).unwrap();
            for (number, part) in session.iter().take(broken).enumerate() {
                client.write(part).unwrap();
                if number < 4 {
                    client.reply().unwrap();
                }
            }
            if let (true, Some(next)) = (half, session.get(broken)) {
                client.write(&next[..next.len() / 2]).unwrap();
            }
            client.drop_connection();
        }
    }
    // One that stalls in the middle of a command, and one in the middle of a mail: told 421, or hung up on.
    for stall in [1, 4] {
        let (mut client, _) = Client::connect(&desk.smtp).unwrap();
        for part in &session[..stall] {
            client.write(part).unwrap();
            client.reply().unwrap();
        }
        client.write(b"MAIL FR").unwrap();
        match client.reply() {
            Ok(reply) => assert_eq!(reply.code, 421, "{reply:?}"),
            Err(error) => assert!(hung_up(error.kind()), "{error}"),
        }
    }
    assert_eq!(desk.settled().inbound, 0, "nothing was finished");
    still_serves(&desk, pid);
}

#[test]
fn commands_that_are_none_are_answered_and_counted() {
    let desk = Desk::start();
    let pid = desk.pid();
    let mut client = Client::open(&desk.smtp);
    for (line, code) in
        [("WHAT", 500), ("DATA", 503), ("RCPT TO:<x@y.example>", 503), ("MAIL FROM:x", 501), ("VRFY root", 252)]
    {
        let reply = client.command(line).unwrap();
        assert!(reply.code == code || (500..=503).contains(&reply.code), "{line}: {reply:?}");
    }
    let mut client = Client::open(&desk.smtp);
    client.write(&[b'A'; 1 << 20]).ok();
    client.write(b"\r\n").ok();
    if let Ok(reply) = client.reply() {
        assert!(reply.code >= 400, "{reply:?}");
    }
    let mut client = Client::open(&desk.smtp);
    let mut answers = 0;
    while answers < 1_000 {
        match client.command("NONSENSE") {
            Ok(reply) if reply.code == 421 => break,
            Ok(_) => answers += 1,
            Err(error) if hung_up(error.kind()) => break,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(answers < 100, "a client that talks nonsense is let go");
    still_serves(&desk, pid);
}

/// Every mail of the public corpora comes in: no crash, no trap, no loss. Whether it reads right is the adapter's test.
#[test]
fn every_mail_of_the_test_data_comes_in() {
    let Some(folder) = program::shared_data("mail") else { return };
    let desk = Desk::setup().with("[smtp]\nmax-message-size = \"64 MiB\"\n").start();
    let pid = desk.pid();
    let mut files = Vec::new();
    collect(&folder, &mut files);
    files.sort();
    let mut client = Client::open(&desk.smtp);
    for (number, file) in files.iter().enumerate() {
        let mut mail = tributary_tests::smtp::crlf(&std::fs::read(file).unwrap());
        if is_body(file) {
            mail = raw("Content-Type: text/plain; charset=utf-8\r\n", &mail);
        }
        let reply = client.send(&format!("sender-{number}@mail.example"), &[SUPPORT], &mail);
        let reply = reply.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert_eq!(reply.code, 250, "{}: {reply:?}", file.display());
    }
    let rows = desk.settled();
    let parked = desk.api.parked();
    let at_fault: Vec<_> =
        parked.iter().filter(|parked| parked["blame"] != "sender" && parked["blame"] != "guest").collect();
    assert!(at_fault.is_empty(), "no trap, no budget, no host fault: {at_fault:#?}");
    let connection = tributary_tests::store::open(&desk.dir);
    let arrivals = tributary_tests::store::number(&connection, "SELECT count(*) FROM arrival", []);
    println!("{} mails: {} messages, {} parked, {arrivals} arrivals", files.len(), rows.inbound, rows.parked);
    // Files that are byte for byte, or in all but trace headers, the same mail are one message.
    assert!(rows.inbound + rows.parked <= files.len());
    wait::until("the queue to answer", || wait::count("processes", usize::from(desk.pid() == pid), 1));
    assert!(rows.parked * 20 <= files.len(), "nearly all can be read: {parked:#?}");
    still_serves(&desk, pid);
}

fn collect(folder: &std::path::Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        let kind = path.extension().and_then(|kind| kind.to_str());
        if path.is_dir() {
            collect(&path, files);
        } else if matches!(kind, Some("eml" | "msg")) || is_body(&path) {
            files.push(path);
        }
    }
}

/// Whether a file is what stands in a mail, without headers.
fn is_body(file: &std::path::Path) -> bool {
    file.parent().is_some_and(|parent| parent.ends_with("reply-trimmer/emails"))
}
