//! What the server said, as far as we need it. The grammar is that of `imap-proto`.

use bytes::Bytes;
use imap_proto::{AttributeValue, MailboxDatum, Response, ResponseCode};

use super::text::shown;

/// How a command or a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It went well.
    Ok,
    /// It was refused.
    No,
    /// The server did not understand it.
    Bad,
    /// No login is needed.
    PreAuth,
    /// The server goes away.
    Bye,
}

/// Of one mail, what was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fetched {
    /// Its UID. Without one it is news of a flag that nobody asked for.
    pub uid: Option<u32>,
    /// RFC822.SIZE.
    pub size: Option<u32>,
    /// The whole mail.
    pub body: Option<Bytes>,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// `+`: go on, with what the server wants to say.
    Continue(String),
    /// The end of the command with this tag.
    Done(String, Standing, String),
    /// A state without a tag, with its words.
    Said(Standing, String),
    /// `UIDVALIDITY` of the folder.
    UidValidity(u32),
    /// The UID that the next mail of the folder gets.
    UidNext(u32),
    /// What the server can do, in capitals.
    Capabilities(Vec<String>),
    /// How many mails are in the folder.
    Exists(u32),
    /// The result of a search.
    Found(Vec<u32>),
    /// Of one mail.
    Fetched(Fetched),
    /// Anything else.
    Other,
}

/// What cannot be read although it matters. Never with a word of the answer: it may be somebody's mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the server sent a {0} answer that cannot be read")]
pub struct Unreadable(pub &'static str);

/// Reads one whole answer.
///
/// # Errors
/// Only for answers that carry what we asked for: one that looked like none would be a mail overlooked.
pub fn read(frame: &Bytes) -> Result<Answer, Unreadable> {
    if let Some(capabilities) = capabilities(frame) {
        return Ok(Answer::Capabilities(capabilities));
    }
    let response = match Response::parse(frame) {
        Ok((_, response)) => response,
        Err(_) => return unknown(frame),
    };
    Ok(match response {
        Response::Continue(outcome) => Answer::Continue(words(outcome.information)),
        Response::Done { tag, status, outcome } => Answer::Done(tag.0, standing(&status), words(outcome.information)),
        Response::Data { status, outcome } => match outcome.code {
            Some(ResponseCode::UidValidity(validity)) => Answer::UidValidity(validity),
            Some(ResponseCode::UidNext(next)) => Answer::UidNext(next),
            _ => Answer::Said(standing(&status), words(outcome.information)),
        },
        Response::MailboxData(MailboxDatum::Exists(count)) => Answer::Exists(count),
        Response::MailboxData(MailboxDatum::Search(found)) => Answer::Found(found),
        Response::Fetch(_, values) => Answer::Fetched(fetched(frame, values)),
        _ => Answer::Other,
    })
}

fn fetched(frame: &Bytes, values: Vec<AttributeValue<'_>>) -> Fetched {
    let mut of = Fetched::default();
    for value in values {
        match value {
            AttributeValue::Uid(uid) => of.uid = Some(uid),
            AttributeValue::Rfc822Size(size) => of.size = Some(size),
            AttributeValue::BodySection { section: None, index: None, data: Some(data) } => {
                // A literal is a part of the answer and is not copied.
                of.body = Some(match data {
                    std::borrow::Cow::Borrowed(part) => frame.slice_ref(part),
                    std::borrow::Cow::Owned(part) => part.into(),
                });
            }
            _ => {}
        }
    }
    of
}

fn unknown(frame: &[u8]) -> Result<Answer, Unreadable> {
    let start = String::from_utf8_lossy(&frame[..frame.len().min(64)]).to_ascii_uppercase();
    let mut words = start.split_ascii_whitespace();
    match (words.next(), words.next(), words.next()) {
        (Some("*"), Some("SEARCH"), _) => Err(Unreadable("SEARCH")),
        (Some("*"), _, Some("FETCH")) => Err(Unreadable("FETCH")),
        (Some("*"), _, _) => Ok(Answer::Other),
        (Some("+"), ..) => Ok(Answer::Continue(String::new())),
        // Words that are no UTF-8, a code that is no code: how it stands is said before them.
        (Some(tag), Some(standing), _) => {
            let standing = match standing {
                "OK" => Standing::Ok,
                "NO" => Standing::No,
                "BAD" => Standing::Bad,
                _ => return Err(Unreadable("tagged")),
            };
            Ok(Answer::Done(tag.to_owned(), standing, String::new()))
        }
        _ => Ok(Answer::Other),
    }
}

/// By hand: servers are free with what they put into this list.
fn capabilities(frame: &[u8]) -> Option<Vec<String>> {
    const START: &[u8] = b"* CAPABILITY ";
    let start = frame.get(..START.len())?;
    if !start.eq_ignore_ascii_case(START) {
        return None;
    }
    let text = String::from_utf8_lossy(&frame[START.len()..]).to_ascii_uppercase();
    Some(text.split_ascii_whitespace().map(str::to_owned).collect())
}

fn standing(status: &imap_proto::Status) -> Standing {
    match status {
        imap_proto::Status::Ok => Standing::Ok,
        imap_proto::Status::No => Standing::No,
        imap_proto::Status::Bad => Standing::Bad,
        imap_proto::Status::PreAuth => Standing::PreAuth,
        imap_proto::Status::Bye => Standing::Bye,
    }
}

fn words(information: Option<std::borrow::Cow<'_, str>>) -> String {
    shown(&information.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn told(text: &str) -> Result<Answer, Unreadable> {
        read(&Bytes::copy_from_slice(text.as_bytes()))
    }

    #[test]
    fn what_servers_say_is_read() {
        let done = |standing, words: &str| Ok(Answer::Done("A7".into(), standing, words.into()));
        for (text, answer) in [
            ("* OK [UIDVALIDITY 3857529045] UIDs valid\r\n", Ok(Answer::UidValidity(3_857_529_045))),
            ("* OK [UIDNEXT 4392] Predicted next UID\r\n", Ok(Answer::UidNext(4_392))),
            ("* 172 EXISTS\r\n", Ok(Answer::Exists(172))),
            ("* SEARCH 2 84 882\r\n", Ok(Answer::Found(vec![2, 84, 882]))),
            // As some servers end it, and an empty one.
            ("* SEARCH 7 \r\n", Ok(Answer::Found(vec![7]))),
            ("* SEARCH\r\n", Ok(Answer::Found(Vec::new()))),
            ("* capability imap4rev1 Auth=PLAIN IDLE\r\n", {
                Ok(Answer::Capabilities(["IMAP4REV1", "AUTH=PLAIN", "IDLE"].map(str::to_owned).to_vec()))
            }),
            ("* BYE idle for too long\r\n", Ok(Answer::Said(Standing::Bye, "idle for too long".into()))),
            ("A7 OK done\r\n", done(Standing::Ok, "done")),
            ("A7 NO [AUTHENTICATIONFAILED] wrong\r\n", done(Standing::No, "[AUTHENTICATIONFAILED] wrong")),
            ("+ idling\r\n", Ok(Answer::Continue("idling".into()))),
            ("* 3 EXPUNGE\r\n", Ok(Answer::Other)),
            ("* VERY NEW THING\r\n", Ok(Answer::Other)),
            ("* 1 FETCH garbage\r\n", Err(Unreadable("FETCH"))),
            ("* SEARCH x\r\n", Err(Unreadable("SEARCH"))),
        ] {
            assert_eq!(told(text), answer, "{text}");
        }
    }

    #[test]
    fn a_mail_is_taken_byte_for_byte() {
        let mail = "Subject: a\r\n\r\n)\r\nA7 OK\r\n";
        let text = format!("* 4 FETCH (UID 9 RFC822.SIZE 26 BODY[] {{{}}}\r\n{mail} FLAGS (\\Recent))\r\n", mail.len());
        let expected = Fetched { uid: Some(9), size: Some(26), body: Some(Bytes::copy_from_slice(mail.as_bytes())) };
        assert_eq!(told(&text), Ok(Answer::Fetched(expected)));
        let empty = Fetched { uid: Some(9), size: None, body: Some(Bytes::new()) };
        assert_eq!(told("* 4 FETCH (BODY[] \"\" UID 9)\r\n"), Ok(Answer::Fetched(empty)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes.into());
        }
    }
}
