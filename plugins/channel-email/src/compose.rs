//! RFC 5322 and MIME, written: fields that cannot be broken out of, bodies that every relay carries.
//!
//! Written by hand because a message has to be the same bytes for every attempt: boundaries come from the message's id, and
//! nothing from a clock or from chance.
use crate::transfer;

/// No line of a field is longer where it can be folded (RFC 5322 section 2.1.1).
const FOLD: usize = 76;
/// Longest payload of an encoded word: 75 bytes less `=?utf-8?B?` and `?=`, in whole groups of three bytes.
const WORD: usize = 45;

/// One part of a message, or a tree of them.
pub enum Part<'a> {
    /// Text in UTF-8 with this subtype.
    Text(&'static str, &'a str),
    /// A file.
    File {
        /// Its media type.
        media_type: &'a str,
        /// Its name.
        name: &'a str,
        /// What HTML refers to it by; then it is shown inline.
        content_id: Option<&'a str>,
        /// Its bytes.
        data: &'a [u8],
    },
    /// Several parts: `mixed`, `alternative` or `related`.
    Multi(&'static str, Vec<Part<'a>>),
}

/// The parts of a mail in their usual tree: files that the HTML shows beside it, the others behind both texts.
pub fn tree<'a>(text: Option<&'a str>, html: Option<&'a str>, files: Vec<Part<'a>>) -> Part<'a> {
    let shown = |file: &Part<'_>| matches!((file, html), (Part::File { content_id: Some(id), .. }, Some(html)) if html.contains(&format!("cid:{id}")));
    let (mut inline, mut attached): (Vec<_>, Vec<_>) = files.into_iter().partition(shown);
    let plain = text.map(|text| Part::Text("plain", text));
    let rich = html.map(|html| Part::Text("html", html)).map(|html| {
        if inline.is_empty() {
            return html;
        }
        inline.insert(0, html);
        Part::Multi("related", inline)
    });
    let body = match (plain, rich) {
        (Some(plain), Some(rich)) => Part::Multi("alternative", vec![plain, rich]),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => Part::Text("plain", ""),
    };
    if attached.is_empty() {
        return body;
    }
    attached.insert(0, body);
    Part::Multi("mixed", attached)
}

/// A message while it is written.
pub struct Message {
    out: Vec<u8>,
    boundary: String,
    boundaries: usize,
}

impl Message {
    /// An empty message whose boundaries begin with `boundary`.
    pub fn new(boundary: String) -> Self {
        Self { out: Vec::with_capacity(2048), boundary, boundaries: 0 }
    }

    /// A field of tokens that may stand as they are and be folded at blanks: ids, addresses, words of the protocol.
    /// Anything that could end the field is left out.
    pub fn field(&mut self, name: &str, value: &str) {
        self.start(name);
        let mut column = name.len() + 2;
        for (index, word) in value.split_ascii_whitespace().enumerate() {
            if index > 0 {
                let folds = column + 1 + word.len() > FOLD;
                self.out.extend_from_slice(if folds { b"\r\n " } else { b" " });
                column = if folds { 1 } else { column + 1 };
            }
            self.out.extend(word.bytes().filter(|byte| *byte > 0x20 && *byte != 0x7f));
            column += word.len();
        }
        self.out.extend_from_slice(b"\r\n");
    }

    /// A field as somebody else wrote it, on one line: whatever is in it, it ends no field. What cannot be a field's name
    /// is left out.
    pub fn raw_field(&mut self, name: &str, value: &[u8]) {
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':') {
            return;
        }
        self.start(name);
        let line = |byte: &u8| matches!(byte, b'\r' | b'\n');
        self.out.extend(value.trim_ascii().iter().map(|byte| if line(byte) { b' ' } else { *byte }));
        self.out.extend_from_slice(b"\r\n");
    }

    /// A field of free text, in encoded words where it needs them.
    pub fn text_field(&mut self, name: &str, text: &str) {
        self.start(name);
        self.unstructured(text, name.len() + 2);
        self.out.extend_from_slice(b"\r\n");
    }

    /// A mailbox: a name, in encoded words or quotes where it needs them, and an address.
    pub fn mailbox_field(&mut self, field: &str, name: Option<&str>, address: &str) {
        self.start(field);
        if let Some(name) = name.filter(|name| !name.trim().is_empty()) {
            if name.is_ascii() && !name.contains("=?") {
                self.out.push(b'"');
                for byte in name.bytes().filter(|byte| (0x20..0x7f).contains(byte)) {
                    if matches!(byte, b'"' | b'\\') {
                        self.out.push(b'\\');
                    }
                    self.out.push(byte);
                }
                self.out.push(b'"');
            } else {
                self.encoded_words(name, field.len() + 2);
            }
            self.out.extend_from_slice(if name.len() > 30 { b"\r\n " } else { b" " });
        }
        self.out.push(b'<');
        self.out.extend(address.bytes().filter(|byte| *byte > 0x20 && !matches!(byte, b'<' | b'>' | 0x7f)));
        self.out.extend_from_slice(b">\r\n");
    }

    /// The body. Nothing comes after it.
    pub fn finish(mut self, body: &Part<'_>) -> Vec<u8> {
        self.out.extend_from_slice(b"MIME-Version: 1.0\r\n");
        self.part(body);
        self.out
    }

    fn start(&mut self, name: &str) {
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b": ");
    }

    fn unstructured(&mut self, text: &str, column: usize) {
        let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let long = clean.split(' ').any(|word| word.len() > FOLD - 2);
        // Blanks at the ends and in a row would not survive folding.
        let plain =
            clean.is_ascii() && !clean.contains("=?") && !clean.contains("  ") && clean.trim() == clean && !long;
        if !plain {
            return self.encoded_words(&clean, column);
        }
        let mut column = column;
        for (index, word) in clean.split(' ').enumerate() {
            if index > 0 {
                let folds = column + 1 + word.len() > FOLD;
                self.out.extend_from_slice(if folds { b"\r\n " } else { b" " });
                column = if folds { 1 } else { column + 1 };
            }
            self.out.extend_from_slice(word.as_bytes());
            column += word.len();
        }
    }

    /// RFC 2047 in base64, each word of whole characters.
    fn encoded_words(&mut self, text: &str, column: usize) {
        let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let mut rest = clean.as_str();
        let mut room = WORD.saturating_sub(column / 4 * 3 + 3).max(12);
        let mut first = true;
        while !rest.is_empty() {
            let mut end = rest.len().min(room);
            while !rest.is_char_boundary(end) {
                end -= 1;
            }
            if !first {
                self.out.extend_from_slice(b"\r\n ");
            }
            self.out.extend_from_slice(b"=?utf-8?B?");
            transfer::to_base64(&rest.as_bytes()[..end], &mut self.out);
            self.out.extend_from_slice(b"?=");
            rest = &rest[end..];
            (room, first) = (WORD, false);
        }
    }

    fn part(&mut self, part: &Part<'_>) {
        match part {
            Part::Text(subtype, text) => self.text(subtype, text),
            Part::File { media_type, name, content_id, data } => self.file(media_type, name, *content_id, data),
            Part::Multi(subtype, parts) => {
                self.boundaries += 1;
                // `=_` stands in no quoted-printable and no base64 body.
                let boundary = format!("=_{}_{}", self.boundary, self.boundaries);
                let header = format!("Content-Type: multipart/{subtype};\r\n boundary=\"{boundary}\"\r\n\r\n");
                self.out.extend_from_slice(header.as_bytes());
                for part in parts {
                    self.out.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
                    self.part(part);
                    self.out.extend_from_slice(b"\r\n");
                }
                self.out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
            }
        }
    }

    fn text(&mut self, subtype: &str, text: &str) {
        self.out.extend_from_slice(format!("Content-Type: text/{subtype}; charset=utf-8\r\n").as_bytes());
        let canonical = crlf(text);
        let bytes = canonical.as_bytes();
        let high = bytes.iter().filter(|byte| !byte.is_ascii()).count();
        let controls = bytes.iter().any(|byte| *byte < 0x20 && !matches!(byte, b'\r' | b'\n' | b'\t'));
        let long = bytes.split(|byte| *byte == b'\n').any(|line| line.len() > 990);
        // "From " at a line's beginning is changed by mailbox files on the way.
        let from = bytes.starts_with(b"From ") || memchr::memmem::find(bytes, b"\nFrom ").is_some();
        let trailing = memchr::memmem::find(bytes, b" \r\n").is_some();
        if high == 0 && !controls && !long && !from && !trailing {
            self.out.extend_from_slice(b"Content-Transfer-Encoding: 7bit\r\n\r\n");
            self.out.extend_from_slice(bytes);
        } else if high * 6 < bytes.len() {
            self.out.extend_from_slice(b"Content-Transfer-Encoding: quoted-printable\r\n\r\n");
            quoted_printable(bytes, &mut self.out);
        } else {
            self.out.extend_from_slice(b"Content-Transfer-Encoding: base64\r\n\r\n");
            self.base64(bytes);
        }
        if !self.out.ends_with(b"\r\n") {
            self.out.extend_from_slice(b"\r\n");
        }
    }

    fn file(&mut self, media_type: &str, name: &str, content_id: Option<&str>, data: &[u8]) {
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"/.+-_!#$&^".contains(&byte);
        let sound = media_type.contains('/') && media_type.bytes().all(token) && !media_type.starts_with("multipart/");
        let media_type = if sound { media_type } else { "application/octet-stream" };
        self.out.extend_from_slice(format!("Content-Type: {media_type}\r\n").as_bytes());
        self.out.extend_from_slice(b"Content-Transfer-Encoding: base64\r\n");
        let disposition = if content_id.is_some() { "inline" } else { "attachment" };
        self.out.extend_from_slice(format!("Content-Disposition: {disposition}").as_bytes());
        self.file_name(name);
        self.out.extend_from_slice(b"\r\n");
        if let Some(id) = content_id {
            self.field("Content-ID", &format!("<{}>", id.replace(['<', '>', ' '], "")));
        }
        self.out.extend_from_slice(b"\r\n");
        self.base64(data);
    }

    /// The name: quoted where it is plain, in numbered pieces of RFC 2231 where it is not.
    fn file_name(&mut self, name: &str) {
        let clean: String = name.chars().filter(|c| !c.is_control()).take(200).collect();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b" ._-()".contains(&byte);
        if clean.bytes().all(plain) && clean.len() <= 60 {
            self.out.extend_from_slice(format!(";\r\n filename=\"{clean}\"").as_bytes());
            return;
        }
        let mut pieces = vec![String::from("utf-8''")];
        for byte in clean.bytes() {
            let encoded = match byte {
                byte if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) => char::from(byte).to_string(),
                byte => format!("%{byte:02X}"),
            };
            match pieces.last_mut() {
                Some(piece) if piece.len() + encoded.len() <= 55 => piece.push_str(&encoded),
                _ => pieces.push(encoded),
            }
        }
        for (index, piece) in pieces.iter().enumerate() {
            self.out.extend_from_slice(format!(";\r\n filename*{index}*={piece}").as_bytes());
        }
    }

    fn base64(&mut self, data: &[u8]) {
        self.out.reserve(data.len() / 57 * 78 + 80);
        for line in data.chunks(57) {
            transfer::to_base64(line, &mut self.out);
            self.out.extend_from_slice(b"\r\n");
        }
    }
}

/// Line ends of any kind as CRLF.
fn crlf(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while let Some(at) = rest.find(['\r', '\n']) {
        out.push_str(&rest[..at]);
        out.push_str("\r\n");
        let pair = rest[at..].starts_with("\r\n");
        rest = &rest[at + 1 + usize::from(pair)..];
    }
    out.push_str(rest);
    out
}

/// RFC 2045 section 6.7: lines of 76 bytes at most, blanks at a line's end encoded.
fn quoted_printable(bytes: &[u8], out: &mut Vec<u8>) {
    let mut column = 0;
    let mut rest = bytes;
    while let [byte, tail @ ..] = rest {
        if let [b'\r', b'\n', tail @ ..] = rest {
            out.extend_from_slice(b"\r\n");
            (column, rest) = (0, tail);
            continue;
        }
        let ends = tail.is_empty() || tail.starts_with(b"\r\n");
        let literal = match byte {
            b'=' => false,
            b' ' | b'\t' => !ends,
            b'F' | b'.' if column == 0 => false,
            byte => (0x21..0x7f).contains(byte),
        };
        let width = if literal { 1 } else { 3 };
        if column + width > 75 {
            out.extend_from_slice(b"=\r\n");
            column = 0;
        }
        if literal {
            out.push(*byte);
        } else {
            out.extend_from_slice(format!("={byte:02X}").as_bytes());
        }
        column += width;
        rest = tail;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(write: impl FnOnce(&mut Message)) -> String {
        let mut message = Message::new("b".into());
        write(&mut message);
        String::from_utf8(message.out).expect("ASCII")
    }

    #[test]
    fn fields_cannot_be_broken_out_of() {
        assert_eq!(built(|m| m.text_field("Subject", "a\r\nBcc: x@y")), "Subject: =?utf-8?B?YSAgQmNjOiB4QHk=?=\r\n");
        assert_eq!(built(|m| m.field("In-Reply-To", "<a@b>\r\nBcc: x")), "In-Reply-To: <a@b> Bcc: x\r\n");
        assert_eq!(
            built(|m| m.mailbox_field("From", Some("a\"b\r\nBcc: x"), "a@b\r\n>")),
            "From: \"a\\\"bBcc: x\" <a@b>\r\n"
        );
    }

    #[test]
    fn long_fields_are_folded() {
        let subject = "a rather long subject that goes on and on until it no longer fits on one line of a mail";
        for line in built(|m| m.text_field("Subject", subject)).lines() {
            assert!(line.len() <= 78, "{line}");
        }
        for line in built(|m| m.text_field("Subject", &"订单一直没有收到".repeat(20))).lines() {
            assert!(line.len() <= 78, "{line}");
        }
    }

    #[test]
    fn quoted_printable_reads_back() {
        for text in ["a=b", "trailing \r\nFrom x\r\n.\r\nend ", "é".repeat(100).as_str(), "\tx\t"] {
            let mut out = Vec::new();
            quoted_printable(text.as_bytes(), &mut out);
            assert!(out.split(|byte| *byte == b'\n').all(|line| line.len() <= 77));
            assert_eq!(transfer::quoted_printable(&out), text.as_bytes());
        }
    }
}
