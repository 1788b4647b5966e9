//! A mail made again from the parts that a provider's webhook tells of it, so that it is read like any other.
//!
//! All fields of the original go into it but those of its MIME structure, which is gone: texts come in UTF-8, files by
//! themselves. What only the structure said, such as the parts of a delivery report, is lost on the provider's side; its raw
//! mode loses nothing.
use std::borrow::Cow;

use sha2::{Digest, Sha256};

use crate::compose::{self, Message, Part};
use crate::transfer;

/// The parts of one mail.
pub struct Parts<'a> {
    fields: Vec<(String, Vec<u8>)>,
    text: Cow<'a, str>,
    html: Cow<'a, str>,
    /// The files, in order.
    pub files: Vec<Attached<'a>>,
}

/// A file.
pub struct Attached<'a> {
    /// Its name; empty where it has none.
    pub name: String,
    /// Its media type, parameters and all.
    pub media_type: String,
    /// What the HTML calls it by.
    pub content_id: Option<String>,
    /// Its bytes.
    pub data: Cow<'a, [u8]>,
}

impl<'a> Parts<'a> {
    /// A mail with these texts; empty: there is none.
    pub fn new(text: Cow<'a, str>, html: Cow<'a, str>) -> Self {
        Self { fields: Vec::new(), text, html, files: Vec::new() }
    }

    /// A field of the original, behind those before it.
    pub fn field(&mut self, name: &str, value: &[u8]) {
        let name = name.trim();
        let structure = |name: &str| name.starts_with("content-") || name == "mime-version";
        if !value.trim_ascii().is_empty() && !structure(&name.to_ascii_lowercase()) {
            self.fields.push((name.to_owned(), value.to_vec()));
        }
    }

    /// A field that the provider tells by itself, where it is not among the original's.
    pub fn field_if_missing(&mut self, name: &str, value: &str) {
        if !self.fields.iter().any(|(present, _)| present.eq_ignore_ascii_case(name)) {
            self.field(name, value.as_bytes());
        }
    }

    /// All fields of a header block as it was sent (RFC 5322 section 2.2).
    pub fn block(&mut self, block: &[u8]) {
        let mut open: Option<(String, Vec<u8>)> = None;
        for line in block.split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if let (Some((_, value)), true) = (&mut open, line.starts_with(b" ") || line.starts_with(b"\t")) {
                value.push(b' ');
                value.extend_from_slice(line.trim_ascii());
                continue;
            }
            if let Some((name, value)) = open.take() {
                self.field(&name, &value);
            }
            let colon = memchr::memchr(b':', line);
            open = colon.map(|at| (String::from_utf8_lossy(&line[..at]).into_owned(), line[at + 1..].to_vec()));
        }
        if let Some((name, value)) = open {
            self.field(&name, &value);
        }
    }

    /// Whether any field is known: without one it is no mail.
    pub fn has_fields(&self) -> bool {
        !self.fields.is_empty()
    }

    /// The mail. The same bytes for the same parts.
    pub fn mail(&self) -> Vec<u8> {
        let mut digest = Sha256::new_with_prefix(self.text.as_bytes()).chain_update(self.html.as_bytes());
        for file in &self.files {
            digest.update(&file.data);
        }
        // A digest of all bodies stands in none of them.
        let mut mail = Message::new(transfer::to_hex(&digest.finalize()[..16]));
        for (name, value) in &self.fields {
            mail.raw_field(name, value);
        }
        let files = self.files.iter().map(|file| {
            let media_type = file.media_type.split(';').next().unwrap_or_default().trim();
            // A text that is shown inline would be read as one more text of the mail.
            let content_id = file.content_id.as_deref().filter(|id| !id.is_empty() && !media_type.starts_with("text/"));
            Part::File { media_type, name: &file.name, content_id, data: &file.data }
        });
        let some = |text| Some(text).filter(|text: &&str| !text.trim().is_empty());
        mail.finish(&compose::tree(some(&self.text), some(&self.html), files.collect()))
    }
}

/// A raw mail with the line ends that SMTP has: some providers hand it out with those of a file.
pub fn with_crlf(mut mail: Vec<u8>) -> Vec<u8> {
    if memchr::memmem::find(&mail, b"\r\n").is_some() {
        if !mail.ends_with(b"\n") {
            mail.extend_from_slice(b"\r\n");
        }
        return mail;
    }
    let mut out = Vec::with_capacity(mail.len() + mail.len() / 32 + 2);
    for line in mail.strip_suffix(b"\n").unwrap_or(&mail).split(|byte| *byte == b'\n') {
        out.extend_from_slice(line);
        out.extend_from_slice(b"\r\n");
    }
    out
}
