//! Any bytes as a peer of the mail doors. However they are cut, the session is the same, and what is handed over is what
//! a slow and simple reading of RFC 5321 and RFC 3030 finds in the stream.
//!
//! Input: a byte of choices, a byte that says how long the pieces are, then the stream. In it the byte 0x01 stands for
//! 20,000 bytes of text, so that short inputs reach the limit of 64 KiB.
#![no_main]
use libfuzzer_sys::fuzz_target;
use std::net::{IpAddr, Ipv4Addr};
use tributary_fuzz::gateway::smtp::session::{Memory, Session, Step};
use tributary_fuzz::gateway::smtp::{
    Checks, Config, Mail, OpenDoor, Protocol, Refused, Route, Settings, Taken, Transcript, replay,
};

const RECIPIENTS: usize = 3;

/// Answers of the listener, by choice.
struct Door(u8);

impl Checks for Door {
    fn route(&self, recipient: &str) -> Option<Route> {
        OpenDoor.route(recipient)
    }

    fn has_room(&self) -> bool {
        self.0 & 2 == 0
    }

    fn within_rate(&self) -> bool {
        self.0 & 4 == 0
    }
}

fn store(route: &Route, mail: &Mail) -> Result<Taken, Refused> {
    match &*route.0 {
        "busy.example" => Err(Refused::Overloaded),
        "small.example" => Err(Refused::TooBig),
        "no.example" => Err(Refused::Rejected(format!("never \r\n250 {}", mail.mail_from))),
        _ => Ok(Taken { reference: format!("{}\n{}", mail.helo, mail.data.len()) }),
    }
}

fuzz_target!(|data: &[u8]| {
    let [choices, cut, stream @ ..] = data else { return };
    let protocol = if choices & 1 == 0 { Protocol::Smtp } else { Protocol::Lmtp };
    let mut settings = Settings::new(protocol, "mx.shop.example");
    settings.max_message_bytes = 64 * 1024;
    settings.max_recipients = RECIPIENTS;
    // Seldom so few that a session ends before it becomes interesting.
    settings.max_errors = if choices & 0xf0 == 0xf0 { 3 } else { 40 };
    let config = Config::new(settings).expect("valid settings");
    let mut long = Vec::with_capacity(stream.len());
    for byte in stream {
        match byte {
            1 if long.len() < 200_000 => long.resize(long.len() + 20_000, b'x'),
            byte => long.push(*byte),
        }
    }

    let door = Door(*choices);
    let whole = replay(&config, &door, [&long[..]], store);
    let pieces = replay(&config, &door, long.chunks(usize::from(*cut).max(1)), store);
    assert_eq!(whole, pieces, "the way the stream is cut matters");
    assert_eq!(whole, Reader::new(&config).read(&door, &long), "byte by byte it is another session");

    let replies = std::str::from_utf8(&whole.replies).expect("replies are ASCII");
    assert!(replies.ends_with("\r\n"));
    for line in replies.split_terminator("\r\n") {
        let (code, text) = line.as_bytes().split_at_checked(3).expect("a reply has a code");
        assert!(
            line.len() <= 510 && code.iter().all(u8::is_ascii_digit) && matches!(text, [b' ' | b'-', ..]),
            "{line}"
        );
        assert!(line.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{line:?}");
    }
    for (route, mail) in &whole.mails {
        assert!((1..=RECIPIENTS).contains(&mail.rcpt_to.len()), "{mail:?}");
        assert!(mail.rcpt_to.iter().all(|recipient| OpenDoor.route(recipient).as_ref() == Some(route)), "{mail:?}");
        assert!(mail.data.len() <= 64 * 1024);
        let texts = mail.rcpt_to.iter().chain([&mail.mail_from, &mail.helo]);
        assert!(texts.into_iter().all(|text| !text.contains(['\r', '\n', '\0'])), "{mail:?}");
    }
});

/// Where in the stream the next byte is.
enum At {
    Command(Vec<u8>),
    /// After 354; what came since, with the CRLF before it.
    Data(Vec<u8>),
    /// In a chunk: bytes that are left, and whether they belong to a message.
    Chunk(usize, bool),
}

/// Drives a session with one byte at a time, and reads the stream itself.
struct Reader {
    session: Session,
    transcript: Transcript,
    at: At,
    chunks: Vec<u8>,
}

impl Reader {
    fn new(config: &Config) -> Self {
        let memory = Memory::new(config.max_buffered_bytes);
        let mut session = Session::new(config.clone(), memory, IpAddr::V4(Ipv4Addr::LOCALHOST));
        let replies = session.take_output();
        let transcript = Transcript { replies, ..Transcript::default() };
        Self { session, transcript, at: At::Command(Vec::new()), chunks: Vec::new() }
    }

    fn read(mut self, door: &Door, stream: &[u8]) -> Transcript {
        let mut pending = Vec::new();
        for byte in stream {
            pending.push(*byte);
            let mut stored = Vec::new();
            loop {
                let (used, step) = self.session.feed(&pending, door);
                pending.drain(..used);
                match step {
                    Step::Read => break,
                    Step::Store(mails) => {
                        let results: Vec<_> = mails.iter().map(|(route, mail)| store(route, mail)).collect();
                        stored.extend(mails);
                        self.session.stored(&results);
                    }
                    Step::StartTls => panic!("TLS is not offered"),
                    Step::Close => {
                        self.transcript.closed = true;
                        break;
                    }
                }
            }
            let replies = self.session.take_output();
            self.follow(*byte, &replies, &stored);
            self.transcript.replies.extend(replies);
            self.transcript.mails.extend(stored);
            if self.transcript.closed {
                break;
            }
        }
        self.transcript
    }

    /// The byte as the simple reading has it, compared with what the session said to it.
    fn follow(&mut self, byte: u8, replies: &[u8], stored: &[(Route, Mail)]) {
        let next = match &mut self.at {
            At::Command(line) => {
                line.push(byte);
                (byte == b'\n').then(|| Self::command(&std::mem::take(line), replies, stored, &mut self.chunks))
            }
            At::Data(raw) => {
                raw.push(byte);
                let ended = raw.ends_with(b"\r\n.\r\n");
                assert_eq!(ended, !replies.is_empty(), "the message ends somewhere else");
                for (_, mail) in stored {
                    assert_eq!(mail.data, unstuffed(&raw[..raw.len() - 3]), "another message was handed over");
                }
                ended.then(|| At::Command(Vec::new()))
            }
            At::Chunk(left, kept) => {
                *left -= 1;
                if *kept {
                    self.chunks.push(byte);
                }
                for (_, mail) in stored {
                    assert_eq!(mail.data, self.chunks, "other chunks were handed over");
                }
                (*left == 0).then(|| At::Command(Vec::new()))
            }
        };
        self.at = next.unwrap_or_else(|| std::mem::replace(&mut self.at, At::Command(Vec::new())));
    }

    fn command(line: &[u8], replies: &[u8], stored: &[(Route, Mail)], chunks: &mut Vec<u8>) -> At {
        let text = String::from_utf8_lossy(line);
        let mut words = text.split_ascii_whitespace();
        let verb = words.next().unwrap_or_default();
        if replies.starts_with(b"250 2.1.0") {
            chunks.clear();
        }
        if replies.starts_with(b"354") {
            assert!(verb.eq_ignore_ascii_case("DATA"), "{text:.200} began a message");
            return At::Data(b"\r\n".to_vec());
        }
        if !verb.eq_ignore_ascii_case("BDAT") {
            assert!(!replies.is_empty() && stored.is_empty(), "{text:.200} has no answer");
            return At::Command(Vec::new());
        }
        match words.next().and_then(|size| size.parse::<usize>().ok()) {
            Some(size) if size > 0 => At::Chunk(size, replies.is_empty()),
            Some(_) => {
                assert!(stored.iter().all(|(_, mail)| mail.data == *chunks), "other chunks were handed over");
                At::Command(Vec::new())
            }
            None => {
                assert!(!replies.is_empty() && stored.is_empty(), "{text:.200} was understood");
                At::Command(Vec::new())
            }
        }
    }
}

/// The message without the dots that SMTP put before dots. `whole`: with the CRLF before its first line.
fn unstuffed(whole: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(whole.len());
    for (at, byte) in whole.iter().enumerate().skip(2) {
        if *byte != b'.' || !whole[..at].ends_with(b"\r\n") {
            message.push(*byte);
        }
    }
    message
}
