//! The reply lines (RFC 5321 4.2, enhanced codes RFC 3463), without CRLF.

use super::{Refused, body::Overflow};

pub(super) const OK: &str = "250 2.0.0 OK";
pub(super) const SENDER_OK: &str = "250 2.1.0 Sender OK";
pub(super) const RECIPIENT_OK: &str = "250 2.1.5 Recipient OK";
pub(super) const SEND_DATA: &str = "354 Send the message, end with CRLF . CRLF";
pub(super) const CHUNK_OK: &str = "250 2.0.0 Chunk received";
pub(super) const READY_FOR_TLS: &str = "220 2.0.0 Ready to start TLS";
pub(super) const GOODBYE: &str = "221 2.0.0 Goodbye";
pub(super) const HELP: &str = "214 2.0.0 See RFC 5321 and RFC 2033";
pub(super) const WILL_NOT_VERIFY: &str = "252 2.5.0 Send a mail to find out";

pub(super) const SHUTTING_DOWN: &str = "421 4.3.2 Shutting down, come again";
pub(super) const TIMED_OUT: &str = "421 4.4.2 Waited too long";
pub(super) const TOO_MANY_ERRORS: &str = "421 4.7.0 Too many errors";
pub(super) const TOO_MANY_CONNECTIONS: &str = "421 4.3.2 Too many connections, come again";
pub(super) const TOO_MANY_FROM_THERE: &str = "421 4.7.0 Too many connections from your address";
pub(super) const CONNECTING_TOO_FAST: &str = "421 4.7.0 Too many connections a minute from your address";

pub(super) const MAILING_TOO_FAST: &str = "450 4.7.1 Too many mails a minute from your address";
pub(super) const OVERLOADED: &str = "451 4.3.2 No room just now, come again";
pub(super) const NOT_STORED: &str = "451 4.3.0 Could not be stored, come again";
pub(super) const TOO_MANY_RECIPIENTS: &str = "452 4.5.3 Too many recipients";
pub(super) const NO_MEMORY: &str = "452 4.3.1 No memory just now, come again";

pub(super) const UNKNOWN_COMMAND: &str = "500 5.5.2 Unknown command";
pub(super) const BAD_LINE: &str = "500 5.5.2 A command is a line of UTF-8 text without control characters";
pub(super) const LINE_TOO_LONG: &str = "500 5.5.2 Line too long";
pub(super) const BARE_LF: &str = "500 5.5.2 A command ends with CRLF";
pub(super) const SYNTAX: &str = "501 5.5.4 Syntax error in parameters";
pub(super) const BAD_SENDER: &str = "501 5.1.7 Not an address";
pub(super) const BAD_RECIPIENT: &str = "501 5.1.3 Not an address";
pub(super) const NOT_IMPLEMENTED: &str = "502 5.5.1 Not offered here";
pub(super) const HELLO_FIRST: &str = "503 5.5.1 Say hello first";
pub(super) const MAIL_FIRST: &str = "503 5.5.1 MAIL first";
pub(super) const NESTED_MAIL: &str = "503 5.5.1 One sender only";
pub(super) const CHUNKS_BEGAN: &str = "503 5.5.1 BDAT has begun";
pub(super) const NO_RECIPIENTS_LMTP: &str = "503 5.5.1 No valid recipients";
pub(super) const NO_RECIPIENTS: &str = "554 5.5.1 No valid recipients";
pub(super) const ALREADY_TLS: &str = "503 5.5.1 TLS is on";
pub(super) const TLS_FIRST: &str = "530 5.7.0 STARTTLS first";
pub(super) const NO_SUCH_RECIPIENT: &str = "550 5.1.1 No such recipient";
pub(super) const TOO_BIG: &str = "552 5.3.4 Message too big";
pub(super) const NEEDS_UTF8: &str = "553 5.6.7 Such an address needs SMTPUTF8";
pub(super) const UNKNOWN_PARAMETER: &str = "555 5.5.4 Parameter not offered";

/// The answer to a message that was not kept.
pub(super) const fn overflow(overflow: Overflow) -> &'static str {
    match overflow {
        Overflow::TooBig => TOO_BIG,
        Overflow::NoMemory => NO_MEMORY,
    }
}

/// `250 2.0.0 Taken as REFERENCE`, or without the last two words where there is nothing to refer to.
pub(super) fn taken(out: &mut Vec<u8>, reference: &str) {
    if reference.is_empty() {
        return line(out, "250 2.0.0 Taken");
    }
    out.extend_from_slice(b"250 2.0.0 Taken as ");
    text(out, reference);
    out.extend_from_slice(b"\r\n");
}

/// The answer to a mail its intake refused.
pub(super) fn refused(out: &mut Vec<u8>, refused: &Refused) {
    match refused {
        Refused::Overloaded => line(out, OVERLOADED),
        Refused::Storage => line(out, NOT_STORED),
        Refused::TooBig => line(out, TOO_BIG),
        Refused::Rejected(why) => {
            out.extend_from_slice(b"554 5.6.0 ");
            text(out, why);
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// One reply line.
pub(super) fn line(out: &mut Vec<u8>, reply: &str) {
    out.extend_from_slice(reply.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Text from elsewhere: what is not printable ASCII is left out, so it cannot become a second reply line, and it is
/// cut well below the 512 bytes of a reply line.
fn text(out: &mut Vec<u8>, text: &str) {
    out.extend(text.bytes().filter(|b| matches!(b, b' '..=b'~')).take(200));
}
