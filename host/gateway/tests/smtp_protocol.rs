//! The session as a state machine: what each command answers, where a message ends, and that neither arbitrary bytes
//! nor the way they are cut matter.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use proptest::prelude::*;
use tributary_gateway::smtp::{
    Config, Mail, OpenDoor, Protocol, Refused, Route, Settings, Taken, Transcript, data::DataReceiver, replay,
};

fn config(protocol: Protocol) -> Config {
    config_with(protocol, 4)
}

fn config_with(protocol: Protocol, max_errors: u32) -> Config {
    let mut settings = Settings::new(protocol, "mx.example.org");
    settings.max_message_bytes = 64 * 1024;
    settings.max_recipients = 3;
    settings.max_errors = max_errors;
    Config::new(settings).unwrap()
}

fn answer(route: &Route, mail: &Mail) -> Result<Taken, Refused> {
    match &*route.0 {
        "busy.example" => Err(Refused::Overloaded),
        "failing.example" => Err(Refused::Storage),
        "no.example" => Err(Refused::Rejected("never".to_owned())),
        "small.example" => Err(Refused::TooBig),
        _ => Ok(Taken { reference: format!("{}-{}", route.0, mail.data.len()) }),
    }
}

fn run(protocol: Protocol, bytes: &[u8]) -> Transcript {
    replay(&config(protocol), &OpenDoor, [bytes], answer)
}

/// Codes with enhanced codes, without the greeting and without texts.
fn codes(transcript: &Transcript) -> Vec<String> {
    let text = std::str::from_utf8(&transcript.replies).unwrap();
    assert!(text.ends_with("\r\n"));
    let last_lines = text.split_terminator("\r\n").filter(|line| line.as_bytes()[3] == b' ');
    let code = |line: &str| {
        let mut words = line.split(' ');
        let first = words.next().unwrap().to_owned();
        match words.next().filter(|word| word.len() >= 5 && word.bytes().all(|b| b.is_ascii_digit() || b == b'.')) {
            Some(enhanced) => format!("{first} {enhanced}"),
            None => first,
        }
    };
    last_lines.skip(1).map(code).collect()
}

#[test]
fn each_command_has_its_answer() {
    const E: &str = "EHLO c\r\n";
    const M: &str = "EHLO c\r\nMAIL FROM:<a@c.example>\r\n";
    const R: &str = "EHLO c\r\nMAIL FROM:<a@c.example>\r\nRCPT TO:<b@x.example>\r\n";
    let long = format!("NOOP {}\r\nNOOP\r\n", "x".repeat(2048));
    let longest = format!("NOOP {}\r\n", "x".repeat(2048 - 7));
    for (input, expected) in [
        // Greeting and order.
        ("HELO c\r\n", "250"),
        ("LHLO c\r\n", "500 5.5.2"),
        ("EHLO\r\n", "501 5.5.4"),
        ("MAIL FROM:<a@c.example>\r\n", "503 5.5.1"),
        (&format!("{E}RCPT TO:<b@x.example>\r\n"), "250, 503 5.5.1"),
        (&format!("{E}DATA\r\n"), "250, 503 5.5.1"),
        (&format!("{M}DATA\r\n"), "250, 250 2.1.0, 554 5.5.1"),
        (&format!("{M}MAIL FROM:<d@c.example>\r\n"), "250, 250 2.1.0, 503 5.5.1"),
        (&format!("{M}RSET\r\nMAIL FROM:<>\r\n"), "250, 250 2.1.0, 250 2.0.0, 250 2.1.0"),
        (&format!("{M}EHLO again\r\nRCPT TO:<b@x.example>\r\n"), "250, 250 2.1.0, 250, 503 5.5.1"),
        // Parameters.
        (&format!("{E}MAIL FROM:<a@c.example> SIZE=65536 BODY=8BITMIME SMTPUTF8\r\n"), "250, 250 2.1.0"),
        (&format!("{E}MAIL FROM:<a@c.example> SIZE=65537\r\n"), "250, 552 5.3.4"),
        (&format!("{E}MAIL FROM:<a@c.example> SIZE=99999999999999999999999\r\n"), "250, 552 5.3.4"),
        (&format!("{E}MAIL FROM:<a@c.example> SIZE=x\r\n"), "250, 501 5.5.4"),
        (&format!("{E}MAIL FROM:<a@c.example> BODY=BINARYMIME\r\n"), "250, 555 5.5.4"),
        (&format!("{E}MAIL FROM:<a@c.example> RET=FULL\r\n"), "250, 555 5.5.4"),
        (&format!("{E}MAIL FROM:<a@c.example> AUTH=<>\r\n"), "250, 555 5.5.4"),
        (&format!("{E}MAIL FROM:<a@c.example> XYZZY=1\r\n"), "250, 555 5.5.4"),
        (&format!("{E}MAIL FROM:<a@c.example> REQUIRETLS\r\n"), "250, 555 5.5.4"),
        (&format!("{M}RCPT TO:<b@x.example> NOTIFY=NEVER\r\n"), "250, 250 2.1.0, 555 5.5.4"),
        (&format!("{E}MAIL FROM:nobody\r\n"), "250, 501 5.5.4"),
        (&format!("{E}MAIL FROM:<a b@c.example>\r\n"), "250, 501 5.1.7"),
        (&format!("{E}MAIL FROM:<müller@c.example>\r\n"), "250, 553 5.6.7"),
        (
            &format!("{E}MAIL FROM:<müller@c.example> SMTPUTF8\r\nRCPT TO:<陈@x.example>\r\n"),
            "250, 250 2.1.0, 250 2.1.5",
        ),
        // Recipients.
        (&format!("{M}RCPT TO:<陈@x.example>\r\n"), "250, 250 2.1.0, 553 5.6.7"),
        (&format!("{M}RCPT TO:<b@unknown.example>\r\n"), "250, 250 2.1.0, 550 5.1.1"),
        (&format!("{M}RCPT TO:<>\r\n"), "250, 250 2.1.0, 501 5.1.3"),
        (&format!("{M}RCPT TO:<Postmaster>\r\n"), "250, 250 2.1.0, 250 2.1.5"),
        (&format!("{M}RCPT TO:<@relay.example:b@x.example>\r\n"), "250, 250 2.1.0, 250 2.1.5"),
        (
            &format!("{R}RCPT TO:<b2@x.example>\r\nRCPT TO:<b3@x.example>\r\nRCPT TO:<b4@x.example>\r\n"),
            "250, 250 2.1.0, 250 2.1.5, 250 2.1.5, 250 2.1.5, 452 4.5.3",
        ),
        // Commands without a mail.
        ("NOOP\r\nnoop x\r\nHELP\r\nVRFY b\r\n", "250 2.0.0, 250 2.0.0, 214 2.0.0, 252 2.5.0"),
        ("EXPN list\r\nAUTH PLAIN\r\nSTARTTLS\r\n", "502 5.5.1, 502 5.5.1, 502 5.5.1"),
        ("QUIT\r\nNOOP\r\n", "221 2.0.0"),
        // What is no command.
        ("\r\n", "500 5.5.2"),
        ("GET / HTTP/1.1\r\nHost: x\r\n\r\nx\r\n", "500 5.5.2, 500 5.5.2, 500 5.5.2, 500 5.5.2, 421 4.7.0"),
        ("NOOP\nNOOP\r\n", "500 5.5.2"),
        ("NOOP \r x\r\nNOOP\r\n", "500 5.5.2, 250 2.0.0"),
        ("NOOP \0\r\n", "500 5.5.2"),
        (&long, "500 5.5.2"),
        (&longest, "250 2.0.0"),
        // Messages.
        (&format!("{R}DATA\r\n.\r\nNOOP\r\n"), "250, 250 2.1.0, 250 2.1.5, 354, 250 2.0.0, 250 2.0.0"),
        (&format!("{R}DATA\r\nx\r\n"), "250, 250 2.1.0, 250 2.1.5, 354"),
        (&format!("{R}DATA\r\nx\r\n.\r\nDATA\r\n"), "250, 250 2.1.0, 250 2.1.5, 354, 250 2.0.0, 503 5.5.1"),
        (&format!("{M}RCPT TO:<b@busy.example>\r\nDATA\r\n.\r\n"), "250, 250 2.1.0, 250 2.1.5, 354, 451 4.3.2"),
        (&format!("{M}RCPT TO:<b@failing.example>\r\nDATA\r\n.\r\n"), "250, 250 2.1.0, 250 2.1.5, 354, 451 4.3.0"),
        (&format!("{M}RCPT TO:<b@small.example>\r\nDATA\r\n.\r\n"), "250, 250 2.1.0, 250 2.1.5, 354, 552 5.3.4"),
        // Several routes: all, or the refusal; one that may pass goes first.
        (
            &format!("{R}RCPT TO:<b@no.example>\r\nDATA\r\n.\r\n"),
            "250, 250 2.1.0, 250 2.1.5, 250 2.1.5, 354, 554 5.6.0",
        ),
        (
            &format!("{R}RCPT TO:<b@no.example>\r\nRCPT TO:<b@busy.example>\r\nDATA\r\n.\r\n"),
            "250, 250 2.1.0, 250 2.1.5, 250 2.1.5, 250 2.1.5, 354, 451 4.3.2",
        ),
        // Chunks.
        (&format!("{R}BDAT 3\r\nabcBDAT 0 LAST\r\n"), "250, 250 2.1.0, 250 2.1.5, 250 2.0.0, 250 2.0.0"),
        (&format!("{E}BDAT 6\r\nQUIT\r\nNOOP\r\n"), "250, 503 5.5.1, 250 2.0.0"),
        (&format!("{M}BDAT 6 LAST\r\nQUIT\r\nNOOP\r\n"), "250, 250 2.1.0, 554 5.5.1, 250 2.0.0"),
        (&format!("{R}BDAT 1\r\nxDATA\r\nRSET\r\n"), "250, 250 2.1.0, 250 2.1.5, 250 2.0.0, 503 5.5.1, 250 2.0.0"),
        (&format!("{R}BDAT 1\r\nxRCPT TO:<b@x.example>\r\n"), "250, 250 2.1.0, 250 2.1.5, 250 2.0.0, 503 5.5.1"),
        (&format!("{R}BDAT x\r\nNOOP\r\n"), "250, 250 2.1.0, 250 2.1.5, 501 5.5.4"),
        (&format!("{R}BDAT 5\r6\r\nNOOP\r\n"), "250, 250 2.1.0, 250 2.1.5, 500 5.5.2"),
        (&format!("{R}BDAT 5\0\r\nNOOP\r\n"), "250, 250 2.1.0, 250 2.1.5, 500 5.5.2"),
        (&format!("{R}BDAT 99999999999999999999999 LAST\r\nNOOP\r\n"), "250, 250 2.1.0, 250 2.1.5, 501 5.5.4"),
        (&format!("{R}BDAT 9999999999999999999 LAST\r\nNOOP\r\n"), "250, 250 2.1.0, 250 2.1.5"),
    ] {
        assert_eq!(codes(&run(Protocol::Smtp, input.as_bytes())).join(", "), expected, "{input:?}");
    }
}

#[test]
fn lmtp_answers_each_recipient() {
    let start = "LHLO c\r\nMAIL FROM:<a@c.example>\r\n";
    for (input, expected) in [
        ("EHLO c\r\n".to_owned(), "500 5.5.2"),
        (format!("{start}DATA\r\n"), "250, 250 2.1.0, 503 5.5.1"),
        (
            format!(
                "{start}RCPT TO:<b@x.example>\r\nRCPT TO:<b@unknown.example>\r\nRCPT TO:<b@failing.example>\r\n\
                 RCPT TO:<c@x.example>\r\nDATA\r\nhi\r\n.\r\nQUIT\r\n"
            ),
            "250, 250 2.1.0, 250 2.1.5, 550 5.1.1, 250 2.1.5, 250 2.1.5, 354, 250 2.0.0, 451 4.3.0, 250 2.0.0, 221 2.0.0",
        ),
        (
            format!("{start}RCPT TO:<b@x.example>\r\nRCPT TO:<b@no.example>\r\nBDAT 2\r\nhiBDAT 0 LAST\r\n"),
            "250, 250 2.1.0, 250 2.1.5, 250 2.1.5, 250 2.0.0, 250 2.0.0, 554 5.6.0",
        ),
        (
            format!(
                "{start}RCPT TO:<b@x.example>\r\nRCPT TO:<b@y.example>\r\nDATA\r\n{}\r\n.\r\nNOOP\r\n",
                "x".repeat(70_000)
            ),
            "250, 250 2.1.0, 250 2.1.5, 250 2.1.5, 354, 552 5.3.4, 552 5.3.4, 250 2.0.0",
        ),
    ] {
        let transcript = run(Protocol::Lmtp, input.as_bytes());
        assert_eq!(codes(&transcript).join(", "), expected, "{:?}", &input[..input.len().min(300)]);
    }
}

#[test]
fn recipients_of_one_route_are_one_mail() {
    let transcript = run(
        Protocol::Smtp,
        b"EHLO me\r\nMAIL FROM:<a@c.example>\r\nRCPT TO:<b@x.example>\r\nRCPT TO:<b@y.example>\r\n\
          RCPT TO:<c@x.example>\r\nDATA\r\nhi\r\n.\r\n",
    );
    let seen: Vec<_> = transcript.mails.iter().map(|(r, m)| (&*r.0, m.rcpt_to.join(" "), m.helo.as_str())).collect();
    assert_eq!(
        seen,
        [("x.example", "b@x.example c@x.example".to_owned(), "me"), ("y.example", "b@y.example".to_owned(), "me")]
    );
    assert!(transcript.mails.iter().all(|(_, m)| m.mail_from == "a@c.example" && &m.data[..] == b"hi\r\n" && !m.tls));
}

#[test]
fn a_reference_is_shown_as_far_as_it_is_text() {
    for (reference, reply) in [
        ("T-1", "250 2.0.0 Taken as T-1"),
        ("", "250 2.0.0 Taken"),
        ("a\r\n250 b\u{7f}ö", "250 2.0.0 Taken as a250 b"),
        (&*"x".repeat(600), &*format!("250 2.0.0 Taken as {}", "x".repeat(200))),
    ] {
        let input = b"HELO c\r\nMAIL FROM:<>\r\nRCPT TO:<b@x.example>\r\nDATA\r\n.\r\n";
        let taken = |_: &Route, _: &Mail| Ok(Taken { reference: reference.to_owned() });
        let transcript = replay(&config(Protocol::Smtp), &OpenDoor, [&input[..]], taken);
        let text = String::from_utf8(transcript.replies).unwrap();
        assert_eq!(text.split_terminator("\r\n").last(), Some(reply));
    }
}

#[test]
fn the_size_limit_is_exact_and_the_session_goes_on() {
    for (size, code) in [(65_536, "250 2.0.0"), (65_537, "552 5.3.4")] {
        let message = format!("{}\r\n", "x".repeat(size - 2));
        for body in [format!("DATA\r\n{message}.\r\n"), format!("BDAT {size} LAST\r\n{message}")] {
            let input = format!("HELO c\r\nMAIL FROM:<>\r\nRCPT TO:<b@x.example>\r\n{body}NOOP\r\n");
            let got = codes(&run(Protocol::Smtp, input.as_bytes()));
            assert_eq!(got[got.len() - 2..], [code.to_owned(), "250 2.0.0".to_owned()], "{size}");
        }
    }
}

/// Each of these was an end of data for some server. Here the smuggled commands are part of the one message.
#[test]
fn nothing_but_crlf_dot_crlf_ends_a_message() {
    for end in [
        "\n.\n",
        "\n.\r\n",
        "\r\n.\n",
        "\r.\r",
        "\r.\r\n",
        "\r\n.\r",
        "\r\n.\r\r\n",
        "\r\r\n.\r\r\n",
        "\n.\r",
        "\r.\n",
        "\r\n\0.\r\n",
        "\r\n.\0\r\n",
        "\r\n. \r\n",
        "\r\n..\r\n",
        "\n\n.\n\n",
        "\r\n.\n\r\n",
        "\r\n\r.\r\n",
    ] {
        let message =
            format!("Subject: one\r\n\r\nhello{end}MAIL FROM:<evil@c.example>\r\nRCPT TO:<b@x.example>\r\nDATA\r\n");
        let input =
            format!("EHLO c\r\nMAIL FROM:<a@c.example>\r\nRCPT TO:<b@x.example>\r\nDATA\r\n{message}\r\n.\r\nQUIT\r\n");
        let transcript = run(Protocol::Smtp, input.as_bytes());
        assert_eq!(transcript.mails.len(), 1, "{end:?}");
        // Kept byte for byte, but for a dot at the start of a CRLF line.
        let kept = format!("{}\r\n", message.replace("\r\n.", "\r\n"));
        assert_eq!(transcript.mails[0].1.data, kept.as_bytes(), "{end:?}");
        assert_eq!(transcript.mails[0].1.mail_from, "a@c.example");
    }
}

#[test]
fn injected_plaintext_is_not_read_after_starttls() {
    let pem = rcgen::generate_simple_self_signed(vec!["mx.example.org".to_owned()]).unwrap();
    let mut settings = Settings::new(Protocol::Smtp, "mx.example.org");
    let tls =
        tributary_gateway::smtp::Tls::from_pem(pem.cert.pem().as_bytes(), pem.signing_key.serialize_pem().as_bytes());
    settings.tls = Some(tls.unwrap());
    let input = b"EHLO c\r\nSTARTTLS\r\nEHLO evil\r\nMAIL FROM:<evil@c.example>\r\n";
    let transcript = replay(&Config::new(settings).unwrap(), &OpenDoor, [&input[..]], answer);
    assert!(transcript.starttls);
    assert_eq!(codes(&transcript), ["250", "220 2.0.0"]);
}

/// What [`DataReceiver`] must do, said simply: the command's CRLF counts; cut at the first CRLF.CRLF; then take away
/// dots after CRLF.
fn reference(stream: &[u8]) -> (Vec<u8>, Option<usize>) {
    let with_crlf = [b"\r\n", stream].concat();
    let end = with_crlf.windows(5).position(|w| w == b"\r\n.\r\n");
    let stuffed = &with_crlf[..end.map_or(with_crlf.len(), |at| at + 2)];
    let mut message = Vec::new();
    let mut at = 0;
    while at < stuffed.len() {
        let dot = stuffed[at..].starts_with(b"\r\n.");
        let take = if dot { 2 } else { 1 };
        message.extend_from_slice(&stuffed[at..at + take]);
        at += if dot { 3 } else { 1 };
    }
    (message[2..].to_vec(), end.map(|at| at + 3))
}

fn cut<'a>(stream: &'a [u8], cuts: &[prop::sample::Index]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
    at.extend([0, stream.len()]);
    at.sort_unstable();
    at.windows(2).map(|w| &stream[w[0]..w[1]]).collect()
}

fn cuts() -> impl Strategy<Value = Vec<prop::sample::Index>> {
    prop::collection::vec(any::<prop::sample::Index>(), 0..40)
}

fn data_piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => prop::sample::select(vec![&b"\r"[..], b"\n", b".", b"\r\n", b"\r\n.", b"..", b"x", b"\0", b"\xff"])
            .prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 0..8),
    ]
}

fn session_piece() -> impl Strategy<Value = Vec<u8>> {
    let commands: &[&[u8]] = &[
        b"EHLO c\r\n",
        b"HELO c\r\n",
        b"LHLO c\r\n",
        b"MAIL FROM:<a@c.example>\r\n",
        b"MAIL FROM:<> SIZE=70000\r\n",
        b"MAIL FROM:<> BODY=8BITMIME\r\n",
        b"RCPT TO:<b@x.example>\r\n",
        b"RCPT TO:<b@unknown.example>\r\n",
        b"RCPT TO:<b@failing.example>\r\n",
        b"DATA\r\n",
        b"\r\n.\r\n",
        b".\r\n",
        b"BDAT 5\r\n",
        b"BDAT 7 LAST\r\n",
        b"BDAT 0 LAST\r\n",
        b"RSET\r\n",
        b"NOOP\r\n",
        b"RCPT TO:<\"a b\\",
        b"AUTH PLAIN AAAA\r\n",
        b"MAIL FROM:<> HOLDUNTIL=2014-04-03T23:01:00Z\r\n",
        b"MAIL FROM:<> BY=-99999999999;R\r\n",
    ];
    // These end a session or swallow what follows, so they are rare.
    let last: &[&[u8]] = &[b"QUIT\r\n", b"NOOP\n", b"MAIL ", b"BDAT x\r\n", b"BDAT 999999\r\n", b"NOOP \0\r\n"];
    let begin = "RSET\r\nEHLO c\r\nLHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<b@x.example>\r\nRCPT TO:<b@busy.example>\r\n";
    let message = prop::collection::vec(data_piece(), 0..20);
    prop_oneof![
        40 => prop::sample::select(commands.to_vec()).prop_map(<[u8]>::to_vec),
        30 => message.prop_map(move |pieces| {
            [format!("{begin}DATA\r\n").as_bytes(), &pieces.concat(), b"\r\n.\r\n"].concat()
        }),
        5 => (0usize..70_000).prop_map(move |n| {
            [format!("{begin}DATA\r\n").into_bytes(), vec![b'x'; n], b"\r\n.\r\n".to_vec()].concat()
        }),
        10 => (prop::collection::vec(any::<u8>(), 0..50), any::<bool>()).prop_map(move |(bytes, last)| {
            let verb = format!("{begin}BDAT {}{}\r\n", bytes.len(), if last { " LAST" } else { "" });
            [verb.as_bytes(), &bytes].concat()
        }),
        1 => data_piece(),
        1 => prop::sample::select(last.to_vec()).prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 0..300),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn the_receiver_agrees_with_the_reference(pieces in prop::collection::vec(data_piece(), 0..60), cuts in cuts()) {
        let stream = pieces.concat();
        let (message, end) = reference(&stream);
        let mut receiver = DataReceiver::new();
        let (mut got, mut seen, mut ended) = (Vec::new(), 0, None);
        for piece in cut(&stream, &cuts) {
            if let Some(n) = receiver.receive(piece, &mut got) {
                ended = Some(seen + n);
                break;
            }
            seen += piece.len();
        }
        prop_assert_eq!(ended, end);
        if end.is_some() {
            prop_assert_eq!(got, message);
        } else {
            // A dot and a CR may still be held back.
            prop_assert!(message.starts_with(&got) && message.len() - got.len() <= 1);
        }
    }

    #[test]
    fn cuts_make_no_difference(pieces in prop::collection::vec(session_piece(), 0..30), cuts in cuts(), lmtp: bool) {
        let protocol = if lmtp { Protocol::Lmtp } else { Protocol::Smtp };
        let stream = pieces.concat();
        let config = config_with(protocol, 1000);
        let whole = replay(&config, &OpenDoor, [&stream[..]], answer);
        prop_assert_eq!(&whole, &replay(&config, &OpenDoor, cut(&stream, &cuts), answer));
        prop_assert_eq!(&whole, &replay(&config, &OpenDoor, stream.chunks(1), answer));
        prop_assert!(whole.mails.iter().all(|(_, mail)| !mail.rcpt_to.is_empty() && mail.data.len() <= 65_536));
    }

    #[test]
    fn arbitrary_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..3000), cuts in cuts(), lmtp: bool) {
        let config = config_with(if lmtp { Protocol::Lmtp } else { Protocol::Smtp }, 1000);
        let whole = replay(&config, &OpenDoor, [&bytes[..]], answer);
        prop_assert!(whole.mails.is_empty() && whole.replies.starts_with(b"220 "));
        prop_assert_eq!(whole, replay(&config, &OpenDoor, cut(&bytes, &cuts), answer));
    }

    #[test]
    fn whatever_is_sent_comes_out(message in prop::collection::vec(data_piece(), 0..60)) {
        let message = [message.concat(), b"\r\n".to_vec()].concat();
        let mut stuffed = message.clone();
        if stuffed.starts_with(b".") {
            stuffed.insert(0, b'.');
        }
        let mut at = 0;
        while let Some(found) = stuffed[at..].windows(3).position(|w| w == b"\r\n.") {
            stuffed.insert(at + found + 2, b'.');
            at += found + 3;
        }
        let start = b"HELO c\r\nMAIL FROM:<>\r\nRCPT TO:<b@x.example>\r\nDATA\r\n";
        let transcript = run(Protocol::Smtp, &[&start[..], &stuffed, b".\r\n"].concat());
        prop_assert_eq!(transcript.mails.len(), 1);
        prop_assert_eq!(&transcript.mails[0].1.data[..], &message[..]);
    }
}
