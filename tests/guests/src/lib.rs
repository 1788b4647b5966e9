//! What the guests have in common: their configuration, and the reading of a mail by those that read one.
pub mod config;
#[path = "../list.rs"]
mod list;

use tributary_sdk::prelude::*;

/// A mail, read well enough for a test: subject, text, and who it says it is from.
pub struct Read {
    /// Header `Subject`.
    pub subject: String,
    /// The body as it stands there.
    pub text: String,
    from: String,
    id: Option<String>,
}

/// Reads a mail.
pub fn read(mail: &Envelope) -> Read {
    let text = String::from_utf8_lossy(&mail.data).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let header = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
    };
    Read {
        subject: header("subject").unwrap_or_default(),
        text: body.trim_end().to_owned(),
        from: mail.mail_from.clone(),
        id: header("message-id"),
    }
}

impl Read {
    /// The message it is.
    pub fn message(self) -> Inbound {
        Inbound {
            external_id: self.id.map(|id| id.trim_matches(['<', '>']).to_owned()),
            sent_at: 1_000,
            author: Author::Customer,
            from: vec![Handle { kind: HandleKind::Email, value: self.from, verified: false }],
            display_name: None,
            subject: Some(self.subject),
            content: Content::plain(self.text),
            thread: ThreadHints::default(),
            automatic: false,
            attributes: Vec::new(),
        }
    }
}

/// One message and no answer.
pub fn one(message: Inbound) -> Result<Reading, Rejection> {
    Ok(Reading::of(ChannelEvent::Message(message)))
}
