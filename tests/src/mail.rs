//! Small mails, written by hand so that every byte is known.
use std::sync::atomic::{AtomicU64, Ordering};

/// A plain mail. [`Mail::bytes`] is what goes on the wire, before dots are stuffed.
#[derive(Debug, Clone)]
pub struct Mail {
    /// The address in `From` and of the envelope.
    pub from: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

static NUMBER: AtomicU64 = AtomicU64::new(0);

/// A Message-ID that no other mail of this run has.
pub fn new_message_id() -> String {
    format!("<{}.{}@client.example>", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
}

impl Mail {
    /// A mail to `support@shop.example` with a Message-ID of its own.
    pub fn new(from: &str, subject: &str, text: &str) -> Self {
        let headers = [
            ("From", from),
            ("To", "support@shop.example"),
            ("Subject", subject),
            ("Date", "Mon, 16 Mar 2026 10:00:00 +0800"),
            ("Message-ID", &new_message_id()),
        ];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Self { from: from.to_owned(), headers, body: crate::smtp::crlf(text.as_bytes()) }
    }

    /// Set a header, in place of an earlier one of this name.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self = self.without(name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Take a header away.
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(present, _)| !present.eq_ignore_ascii_case(name));
        self
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(present, _)| present.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The whole mail.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (name, value) in &self.headers {
            bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(&self.body);
        if !bytes.ends_with(b"\r\n") {
            bytes.extend_from_slice(b"\r\n");
        }
        bytes
    }
}
