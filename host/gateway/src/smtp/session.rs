//! One session as a state machine without I/O: bytes in, replies and mails out.
//!
//! Who drives it ([`super::serve`]'s connections, [`super::replay()`]) feeds bytes, sends what [`Session::take_output`]
//! gives, and does what a [`Step`] asks. Replies to pipelined commands gather in one buffer (RFC 2920), to be sent when
//! the input is used up or before something is waited for. How the input is cut makes no difference.
//!
//! Read strictly, because two servers that read differently are an attack: a command line ends with CRLF (a bare LF is
//! answered 500 and the connection closed), holds no control characters but TAB, is valid UTF-8 and at most
//! [`super::config::MAX_COMMAND_LINE`] bytes. What follows STARTTLS in the same input is never read (RFC 3207 4.2).

use std::{borrow::Cow, net::IpAddr};

use memchr::memchr;
use smtp_proto::{MAIL_BODY_7BIT, MAIL_BODY_8BITMIME, MAIL_SMTPUTF8, MailFrom, RcptTo, Request};

use super::{
    Checks, Mail, Refused, Route, Taken,
    body::{Body, Held, Overflow},
    config::{Config, MAX_COMMAND_LINE, Protocol},
    data::{DataReceiver, Sink},
    reply,
};

pub use super::body::Memory;

/// What to do next.
#[derive(Debug)]
pub enum Step {
    /// Send the output, then feed more. Input that was not used comes again at the front of the next.
    Read,
    /// Store each, then call [`Session::stored`] with the results in this order.
    Store(Vec<(Route, Mail)>),
    /// Send the output, throw away all input, do the handshake, then call [`Session::secured`].
    StartTls,
    /// Send the output and close.
    Close,
}

/// What happened in a session since the last look, for metrics.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Recipients accepted.
    pub recipients: u64,
    /// Recipients nobody takes mail for.
    pub unknown_recipients: u64,
    /// Faults of the peer: unknown commands, wrong order, bad parameters, unknown recipients.
    pub errors: u64,
    /// Mails all of whose recipients were taken.
    pub stored: u64,
    /// Bytes of the above.
    pub stored_bytes: u64,
    /// Mails answered 4xx for at least one recipient, or 4xx instead of being read.
    pub deferred: u64,
    /// Mails answered 5xx, and none of it 4xx.
    pub rejected: u64,
    /// Mails above the limit.
    pub too_big: u64,
}

struct Recipient {
    address: String,
    route: Route,
}

struct Envelope {
    from: String,
    utf8: bool,
    declared: usize,
    recipients: Vec<Recipient>,
    /// The message so far, once BDAT has begun.
    chunks: Option<Body>,
}

/// A mail that is being stored: which result answers which recipient.
struct Pending {
    /// Per accepted recipient, in order: index into the mails.
    answers: Vec<usize>,
    bytes: usize,
    /// The mail counts against the memory of all connections until it is on disk.
    _held: Held,
}

enum Phase {
    Command,
    Data {
        receiver: DataReceiver,
        body: Body,
    },
    /// Bytes of a chunk (RFC 3030). `keep`: they belong to a message; otherwise they are only skipped.
    Chunk {
        left: usize,
        last: bool,
        keep: bool,
    },
    Storing(Pending),
    Closed,
}

/// One session.
pub struct Session {
    config: Config,
    memory: Memory,
    peer: IpAddr,
    tls: bool,
    helo: Option<String>,
    envelope: Option<Envelope>,
    phase: Phase,
    out: Vec<u8>,
    errors: u32,
    progress: u64,
    tally: Tally,
}

impl Session {
    /// A session that has just been connected; its greeting is in the output.
    pub fn new(config: Config, memory: Memory, peer: IpAddr) -> Self {
        let protocol = match config.protocol {
            Protocol::Smtp => "ESMTP",
            Protocol::Lmtp => "LMTP",
        };
        let mut out = Vec::with_capacity(512);
        reply::line(&mut out, &format!("220 {} {protocol} Tributary", config.hostname));
        Self {
            config,
            memory,
            peer: peer.to_canonical(),
            tls: false,
            helo: None,
            envelope: None,
            phase: Phase::Command,
            out,
            errors: 0,
            progress: 0,
            tally: Tally::default(),
        }
    }

    /// Reads as much of `input` as is complete; says how many bytes were used, and what to do next.
    pub fn feed(&mut self, input: &[u8], checks: &dyn Checks) -> (usize, Step) {
        let mut used = 0;
        loop {
            let rest = &input[used..];
            let step = match &mut self.phase {
                Phase::Command => {
                    let window = &rest[..rest.len().min(MAX_COMMAND_LINE)];
                    match memchr(b'\n', window) {
                        Some(end) => {
                            used += end + 1;
                            self.progress += 1;
                            self.command(&window[..=end], checks)
                        }
                        None if window.len() == MAX_COMMAND_LINE => self.close(reply::LINE_TOO_LONG),
                        None => return (used, Step::Read),
                    }
                }
                Phase::Data { receiver, body } => match receiver.receive(rest, body) {
                    Some(end) => {
                        used += end;
                        self.progress += 1;
                        self.end_of_data()
                    }
                    None => return (input.len(), Step::Read),
                },
                Phase::Chunk { left, keep, .. } => {
                    let piece = &rest[..rest.len().min(*left)];
                    if *keep && let Some(body) = self.envelope.as_mut().and_then(|e| e.chunks.as_mut()) {
                        body.push(piece);
                    }
                    *left -= piece.len();
                    used += piece.len();
                    if *left > 0 {
                        return (used, Step::Read);
                    }
                    self.progress += 1;
                    self.end_of_chunk()
                }
                // Only a driver that did not report back gets here; nothing is read until it does.
                Phase::Storing(_) | Phase::Closed => return (used, Step::Close),
            };
            if let Some(step) = step {
                return (used, step);
            }
        }
    }

    /// The results of [`Step::Store`], in its order; a missing one counts as [`Refused::Storage`].
    pub fn stored(&mut self, results: &[Result<Taken, Refused>]) {
        let Phase::Storing(pending) = std::mem::replace(&mut self.phase, Phase::Command) else {
            return;
        };
        let result = |index: usize| results.get(index).map_or(Err(&Refused::Storage), Result::as_ref);
        let refusals = || pending.answers.iter().filter_map(|&index| result(index).err());
        // Together they have one answer in SMTP. A refusal that may pass makes it 4xx: the mail comes again and the
        // routes that have it recognise it. Only lasting refusals make it 5xx, for coming again would not help.
        let decisive = refusals().find(|r| matches!(r, Refused::Overloaded | Refused::Storage)).or(refusals().next());
        match decisive {
            None => {
                self.errors = 0;
                self.tally.stored += 1;
                self.tally.stored_bytes += pending.bytes as u64;
            }
            Some(Refused::Overloaded | Refused::Storage) => self.tally.deferred += 1,
            Some(Refused::TooBig) => self.tally.too_big += 1,
            Some(Refused::Rejected(_)) => self.tally.rejected += 1,
        }
        let mut answer = |result: Result<&Taken, &Refused>| match result {
            Ok(taken) => reply::taken(&mut self.out, &taken.reference),
            Err(refused) => reply::refused(&mut self.out, refused),
        };
        match self.config.protocol {
            Protocol::Smtp => answer(decisive.map_or_else(|| result(0), Err)),
            Protocol::Lmtp => pending.answers.iter().for_each(|&index| answer(result(index))),
        }
    }

    /// The handshake is done: the session begins anew, without a greeting (RFC 3207 4.2).
    pub fn secured(&mut self) {
        self.tls = true;
        self.helo = None;
        self.envelope = None;
        self.phase = Phase::Command;
    }

    /// Says 421 because the listener stops.
    pub fn shutting_down(&mut self) {
        self.close(reply::SHUTTING_DOWN);
    }

    /// Says 421 because the peer was silent for too long.
    pub fn timed_out(&mut self) {
        self.close(reply::TIMED_OUT);
    }

    /// Replies to be sent. The caller clears what it has sent.
    pub fn output(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    /// Takes the replies to be sent.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// Takes the counts since the last call.
    pub fn take_tally(&mut self) -> Tally {
        std::mem::take(&mut self.tally)
    }

    /// Grows with each whole command, message or chunk: what a timeout for a whole one is measured against.
    pub fn progress(&self) -> u64 {
        self.progress
    }

    /// Whether no message is on its way. A stop may then end the session at once.
    pub fn is_idle(&self) -> bool {
        matches!(self.phase, Phase::Command) && self.envelope.as_ref().is_none_or(|e| e.chunks.is_none())
    }

    /// Whether the peer is sending a message.
    pub fn is_receiving(&self) -> bool {
        matches!(self.phase, Phase::Data { .. } | Phase::Chunk { .. })
    }

    fn say(&mut self, reply: &str) -> Option<Step> {
        reply::line(&mut self.out, reply);
        None
    }

    fn fault(&mut self, reply: &str) -> Option<Step> {
        self.say(reply);
        self.errors += 1;
        self.tally.errors += 1;
        if self.errors >= self.config.max_errors { self.close(reply::TOO_MANY_ERRORS) } else { None }
    }

    fn close(&mut self, reply: &str) -> Option<Step> {
        self.say(reply);
        self.envelope = None;
        self.phase = Phase::Closed;
        Some(Step::Close)
    }

    fn command(&mut self, line: &[u8], checks: &dyn Checks) -> Option<Step> {
        let Some(text) = line.strip_suffix(b"\r\n") else {
            return self.close(reply::BARE_LF);
        };
        // How many bytes follow a BDAT that cannot be read is not known, so none of them can be told from a command.
        let chunk = verb(text).eq_ignore_ascii_case(b"BDAT");
        if text.iter().any(|&b| b != b'\t' && b.is_ascii_control()) || std::str::from_utf8(text).is_err() {
            return if chunk { self.close(reply::BAD_LINE) } else { self.fault(reply::BAD_LINE) };
        }
        let request = match Request::parse(&mut line.iter()) {
            Ok(request) => request,
            Err(_) if chunk => return self.close(reply::SYNTAX),
            Err(error) => return self.fault(parse_fault(&error)),
        };
        match request {
            Request::Ehlo { host } if self.config.protocol == Protocol::Smtp => self.hello(host, true),
            Request::Helo { host } if self.config.protocol == Protocol::Smtp => self.hello(host, false),
            Request::Lhlo { host } if self.config.protocol == Protocol::Lmtp => self.hello(host, true),
            Request::Ehlo { .. } | Request::Helo { .. } | Request::Lhlo { .. } => self.fault(reply::UNKNOWN_COMMAND),
            Request::Mail { from } => self.mail(from, text, checks),
            Request::Rcpt { to } => self.rcpt(to, text, checks),
            Request::Data => self.data(checks),
            Request::Bdat { .. } if text.split(|&b| b == b' ').any(is_too_long_a_number) => self.close(reply::SYNTAX),
            Request::Bdat { chunk_size, is_last } => self.bdat(chunk_size, is_last, checks),
            Request::Rset => {
                self.envelope = None;
                self.say(reply::OK)
            }
            Request::Noop { .. } => self.say(reply::OK),
            Request::Quit => self.close(reply::GOODBYE),
            Request::Help { .. } => self.say(reply::HELP),
            Request::Vrfy { .. } => self.say(reply::WILL_NOT_VERIFY),
            Request::StartTls if self.tls => self.fault(reply::ALREADY_TLS),
            Request::StartTls if self.config.tls.is_some() => {
                self.say(reply::READY_FOR_TLS);
                Some(Step::StartTls)
            }
            Request::StartTls
            | Request::Auth { .. }
            | Request::Expn { .. }
            | Request::Etrn { .. }
            | Request::Atrn { .. }
            | Request::Burl { .. } => self.fault(reply::NOT_IMPLEMENTED),
        }
    }

    fn hello(&mut self, host: Cow<'_, str>, extended: bool) -> Option<Step> {
        self.envelope = None;
        self.helo = Some(host.into_owned());
        if !extended {
            return self.say(&format!("250 {}", self.config.hostname));
        }
        let starttls = if self.config.tls.is_some() && !self.tls { "250-STARTTLS\r\n" } else { "" };
        self.say(&format!(
            "250-{}\r\n250-PIPELINING\r\n250-SIZE {}\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-CHUNKING\r\n{starttls}250 ENHANCEDSTATUSCODES",
            self.config.hostname, self.config.max_message_bytes
        ))
    }

    fn mail(&mut self, from: MailFrom<Cow<'_, str>>, line: &[u8], checks: &dyn Checks) -> Option<Step> {
        if self.helo.is_none() {
            return self.fault(reply::HELLO_FIRST);
        }
        if self.config.require_tls && !self.tls {
            return self.fault(reply::TLS_FIRST);
        }
        if self.envelope.is_some() {
            return self.fault(reply::NESTED_MAIL);
        }
        let offered = MAIL_SMTPUTF8 | MAIL_BODY_7BIT | MAIL_BODY_8BITMIME;
        let plain = MailFrom { address: "".into(), size: from.size, flags: from.flags & offered, ..Default::default() };
        let utf8 = from.flags & MAIL_SMTPUTF8 != 0;
        // Whatever parameter is set beside the offered ones makes a difference here.
        if (MailFrom { address: "".into(), ..from.clone() }) != plain {
            return self.fault(reply::UNKNOWN_PARAMETER);
        }
        if !utf8 && !from.address.is_ascii() {
            return self.fault(reply::NEEDS_UTF8);
        }
        let beyond_numbers = line
            .split(|&b| b == b' ')
            .filter_map(|word| word.split_at_checked(5))
            .any(|(key, value)| key.eq_ignore_ascii_case(b"SIZE=") && is_too_long_a_number(value));
        if from.size > self.config.max_message_bytes || beyond_numbers {
            self.tally.too_big += 1;
            return self.say(reply::TOO_BIG);
        }
        if !checks.within_rate() {
            self.tally.deferred += 1;
            return self.say(reply::MAILING_TOO_FAST);
        }
        self.envelope = Some(Envelope {
            from: from.address.into_owned(),
            utf8,
            declared: from.size,
            recipients: Vec::new(),
            chunks: None,
        });
        self.say(reply::SENDER_OK)
    }

    fn rcpt(&mut self, to: RcptTo<Cow<'_, str>>, line: &[u8], checks: &dyn Checks) -> Option<Step> {
        let Some(envelope) = &mut self.envelope else {
            return self.fault(reply::MAIL_FIRST);
        };
        if envelope.chunks.is_some() {
            return self.fault(reply::CHUNKS_BEGAN);
        }
        if to.flags != 0 || to.rrvs != 0 || to.orcpt.is_some() {
            return self.fault(reply::UNKNOWN_PARAMETER);
        }
        if !envelope.utf8 && !to.address.is_ascii() {
            return self.fault(reply::NEEDS_UTF8);
        }
        if envelope.recipients.len() >= self.config.max_recipients {
            return self.say(reply::TOO_MANY_RECIPIENTS);
        }
        let address = match &*to.address {
            // The parser gives `<>` and `<postmaster>`, the one name without a domain (4.1.1.3), as the same.
            "" if line.to_ascii_lowercase().windows(12).any(|w| w == b"<postmaster>") => "postmaster",
            "" => return self.fault(reply::BAD_RECIPIENT),
            address => address,
        };
        match checks.route(address) {
            Some(route) => {
                envelope.recipients.push(Recipient { address: address.to_owned(), route });
                self.tally.recipients += 1;
                self.say(reply::RECIPIENT_OK)
            }
            None => {
                self.tally.unknown_recipients += 1;
                self.fault(reply::NO_SUCH_RECIPIENT)
            }
        }
    }

    /// What both DATA and the first BDAT need. `Err`: the reply, and the mail is over.
    fn may_begin(&mut self, checks: &dyn Checks) -> Result<(), &'static str> {
        match &self.envelope {
            None => Err(reply::MAIL_FIRST),
            Some(envelope) if envelope.recipients.is_empty() => Err(match self.config.protocol {
                Protocol::Smtp => reply::NO_RECIPIENTS,
                Protocol::Lmtp => reply::NO_RECIPIENTS_LMTP,
            }),
            Some(_) if !checks.has_room() => {
                self.tally.deferred += 1;
                Err(reply::OVERLOADED)
            }
            Some(_) => Ok(()),
        }
    }

    /// The reply [`Self::may_begin`] asked for: being overloaded is no fault of the peer.
    fn not_begun(&mut self, reply: &'static str) -> Option<Step> {
        self.envelope = None;
        if reply == reply::OVERLOADED { self.say(reply) } else { self.fault(reply) }
    }

    fn new_body(&self) -> Body {
        let declared = self.envelope.as_ref().map_or(0, |e| e.declared);
        Body::new(&self.memory, self.config.max_message_bytes, declared)
    }

    fn data(&mut self, checks: &dyn Checks) -> Option<Step> {
        if self.envelope.as_ref().is_some_and(|e| e.chunks.is_some()) {
            return self.fault(reply::CHUNKS_BEGAN);
        }
        if let Err(reply) = self.may_begin(checks) {
            return self.not_begun(reply);
        }
        self.phase = Phase::Data { receiver: DataReceiver::new(), body: self.new_body() };
        self.say(reply::SEND_DATA)
    }

    fn end_of_data(&mut self) -> Option<Step> {
        match std::mem::replace(&mut self.phase, Phase::Command) {
            Phase::Data { body, .. } => self.finish(body),
            other => {
                self.phase = other;
                None
            }
        }
    }

    fn bdat(&mut self, size: usize, last: bool, checks: &dyn Checks) -> Option<Step> {
        let begun = self.envelope.as_ref().is_some_and(|e| e.chunks.is_some());
        let ready = if begun { Ok(()) } else { self.may_begin(checks) };
        // The bytes follow whatever the answer is (RFC 3030 2), so they are skipped even when they are not wanted.
        self.phase = Phase::Chunk { left: size, last, keep: ready.is_ok() };
        if let Err(reply) = ready {
            return self.not_begun(reply);
        }
        if !begun {
            let body = self.new_body();
            if let Some(envelope) = &mut self.envelope {
                envelope.chunks = Some(body);
            }
        }
        None
    }

    fn end_of_chunk(&mut self) -> Option<Step> {
        let Phase::Chunk { last, keep, .. } = self.phase else {
            return None;
        };
        self.phase = Phase::Command;
        if !keep {
            return None;
        }
        let chunks = self.envelope.as_mut().and_then(|e| e.chunks.take())?;
        if last {
            return self.finish(chunks);
        }
        match chunks.overflow() {
            Some(overflow) => {
                self.envelope = None;
                self.overflowed(overflow);
                self.say(reply::overflow(overflow))
            }
            None => {
                if let Some(envelope) = &mut self.envelope {
                    envelope.chunks = Some(chunks);
                }
                self.say(reply::CHUNK_OK)
            }
        }
    }

    fn overflowed(&mut self, overflow: Overflow) {
        match overflow {
            Overflow::TooBig => self.tally.too_big += 1,
            Overflow::NoMemory => self.tally.deferred += 1,
        }
    }

    fn finish(&mut self, body: Body) -> Option<Step> {
        let envelope = self.envelope.take()?;
        let (data, held) = match body.finish() {
            Ok(whole) => whole,
            Err(overflow) => {
                self.overflowed(overflow);
                let answers = match self.config.protocol {
                    Protocol::Smtp => 1,
                    Protocol::Lmtp => envelope.recipients.len(),
                };
                (0..answers).for_each(|_| reply::line(&mut self.out, reply::overflow(overflow)));
                return None;
            }
        };
        let mut mails: Vec<(Route, Mail)> = Vec::with_capacity(1);
        let mut answers = Vec::with_capacity(envelope.recipients.len());
        let bytes = data.len();
        for Recipient { address, route } in envelope.recipients {
            let index = mails.iter().position(|(known, _)| *known == route).unwrap_or_else(|| {
                let mail = Mail {
                    mail_from: envelope.from.clone(),
                    rcpt_to: Vec::new(),
                    data: data.clone(),
                    peer: self.peer,
                    tls: self.tls,
                    helo: self.helo.clone().unwrap_or_default(),
                };
                mails.push((route, mail));
                mails.len() - 1
            });
            mails[index].1.rcpt_to.push(address);
            answers.push(index);
        }
        self.phase = Phase::Storing(Pending { answers, bytes, _held: held });
        Some(Step::Store(mails))
    }
}

fn verb(line: &[u8]) -> &[u8] {
    line.split(|b| b.is_ascii_whitespace()).find(|word| !word.is_empty()).unwrap_or_default()
}

/// More digits than a `usize` surely holds. The parser begins such a number anew at some digit.
fn is_too_long_a_number(word: &[u8]) -> bool {
    word.len() > usize::MAX.ilog10() as usize && word.iter().all(u8::is_ascii_digit)
}

fn parse_fault(error: &smtp_proto::Error) -> &'static str {
    match error {
        smtp_proto::Error::InvalidSenderAddress => reply::BAD_SENDER,
        smtp_proto::Error::InvalidRecipientAddress => reply::BAD_RECIPIENT,
        smtp_proto::Error::UnsupportedParameter { .. } => reply::UNKNOWN_PARAMETER,
        smtp_proto::Error::SyntaxError { .. } | smtp_proto::Error::InvalidParameter { .. } => reply::SYNTAX,
        _ => reply::UNKNOWN_COMMAND,
    }
}
