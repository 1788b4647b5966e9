//! A mail taken apart: its fields, its text, its HTML and its files, best effort over whatever came.
//!
//! Structure is the mail parser's. Around it stands what hostile and broken mail needs: a bound on nesting and on the number
//! of parts before anything is parsed, and texts read again from their bytes where the label may be wrong.
use std::borrow::Cow;

use mail_parser::{
    ContentType, Encoding, Header, HeaderName, HeaderValue, Message, MessageParser, MessagePart, MimeHeaders, PartType,
};

use crate::{charset, header, html, transfer};

/// Deeper nesting of whole messages is not followed: taking such a tree down again costs stack for each level.
const MESSAGES: usize = 200;
/// More boundaries are not followed.
const BOUNDARIES: usize = 2_000;
/// Bytes that looking for boundaries may cost in all: a boundary that never comes is looked for to the end.
const SEARCH: usize = 1_000_000_000;
/// A mail this small cannot hold enough structure to be worth counting.
const SMALL: usize = 4 * 1024;

/// The parser: fields that structure a mail are parsed with it, all others on demand.
pub fn parser() -> MessageParser {
    MessageParser::new().with_mime_headers().default_header_ignore()
}

/// A mail, taken apart.
pub struct Mail<'x> {
    raw: &'x [u8],
    message: Message<'x>,
    /// Not all of it was taken apart, because the structure is out of all bounds or more than the parser follows.
    pub cut: bool,
}

/// One file of a mail.
pub struct File<'x> {
    /// The name the mail gives it, as text only.
    pub name: Option<String>,
    /// Lower case, without parameters.
    pub media_type: String,
    /// Without angle brackets.
    pub content_id: Option<String>,
    /// The bytes, with the transfer encoding taken off.
    pub data: Cow<'x, [u8]>,
}

impl<'x> Mail<'x> {
    /// Take a mail apart. None: there is not one header field in it, so it is no mail.
    pub fn parse(parser: &MessageParser, raw: &'x [u8]) -> Option<Self> {
        let bound = bound(raw);
        let message = parser.parse(&raw[..bound])?;
        // For the parser a line without a colon is a field without a value; a mail has to have a real one.
        let real = |header: &Header<'_>| raw.get((header.offset_start as usize).wrapping_sub(1)) == Some(&b':');
        if !message.parts.first().is_some_and(|part| part.headers.iter().any(real)) {
            return None;
        }
        let cut = bound < raw.len() || message.parts.iter().any(holds_a_message_directly);
        Some(Self { raw, message, cut })
    }

    /// The whole mail as it came.
    pub fn raw(&self) -> &'x [u8] {
        self.raw
    }

    /// The mail's own fields, in order.
    pub fn headers(&self) -> &[Header<'x>] {
        self.message.parts.first().map_or(&[], |part| part.headers.as_slice())
    }

    /// A field's bytes after the colon.
    pub fn value(&self, header: &Header<'_>) -> &'x [u8] {
        self.raw.get(header.offset_start as usize..header.offset_end as usize).unwrap_or_default()
    }

    /// The bytes of the first field of this name.
    pub fn field(&self, name: &HeaderName<'_>) -> Option<&'x [u8]> {
        self.headers().iter().find(|header| header.name == *name).map(|header| self.value(header))
    }

    /// Everything after the mail's own fields.
    pub fn body(&self) -> &'x [u8] {
        let start = self.message.parts.first().map_or(0, |part| part.offset_body as usize);
        self.raw.get(start..).unwrap_or_default()
    }

    /// The mail's media type, lower case, with its subtype; `text/plain` where it says none.
    pub fn media_type(&self) -> String {
        self.message.parts.first().map_or_else(|| "text/plain".into(), |part| media_type(part))
    }

    /// A parameter of the mail's own Content-Type.
    pub fn type_parameter(&self, name: &str) -> Option<&str> {
        self.message.content_type().and_then(|kind| kind.attribute(name))
    }

    /// The charset of the text: that of the mail, or of its first part that names one.
    pub fn charset(&self) -> Option<&str> {
        let named = |part: &'_ MessagePart<'x>| part.content_type().is_some_and(|kind| kind.has_attribute("charset"));
        let part = self.message.parts.iter().take(8).find(|part| named(part))?;
        part.content_type()?.attribute("charset")
    }

    /// The text as it was sent: text parts as they are, HTML rendered where there is no text. Empty where there is
    /// neither.
    pub fn text(&self) -> Cow<'_, str> {
        let mut whole: Cow<'_, str> = Cow::Borrowed("");
        for part in self.parts(&self.message.text_body) {
            let text = match &part.body {
                PartType::Text(text) => unflowed(self.decoded(part, text), part.content_type()),
                PartType::Html(text) => html::to_text(&self.decoded(part, text)).into(),
                _ => continue,
            };
            append(&mut whole, text);
        }
        whole
    }

    /// The text, or what else says what the author wrote where there is no text.
    pub fn readable_text(&self) -> Cow<'_, str> {
        let whole = self.text();
        if !whole.trim().is_empty() {
            return whole;
        }
        // Some clients send an empty text beside the HTML that says everything.
        if let Some(html) = self.html() {
            return html::to_text(&html).into();
        }
        // A mail that was cut off on its way: its text never met its boundary, and counts as a file for the parser.
        let cut_off = self.parts(&self.message.attachments).find(|part| part.is_encoding_problem);
        match cut_off.map(|part| (part, &part.body, media_type(part))) {
            Some((part, PartType::Text(text), kind)) if kind == "text/plain" => self.decoded(part, text),
            Some((part, PartType::Text(text) | PartType::Html(text), kind)) if kind == "text/html" => {
                html::to_text(&self.decoded(part, text)).into()
            }
            _ => whole,
        }
    }

    /// The HTML as it was sent, in UTF-8. None where there is none.
    pub fn html(&self) -> Option<Cow<'_, str>> {
        let mut whole: Option<Cow<'_, str>> = None;
        for part in self.parts(&self.message.html_body) {
            if let PartType::Html(text) = &part.body {
                let text = self.decoded(part, text);
                match &mut whole {
                    Some(whole) => append(whole, text),
                    None => whole = Some(text),
                }
            }
        }
        whole
    }

    /// How many files there are.
    pub fn file_count(&self) -> usize {
        self.message.attachments.len()
    }

    /// The files, in order: attachments, inline images, calendars, whole messages.
    pub fn files(&self) -> impl Iterator<Item = File<'_>> {
        self.parts(&self.message.attachments).map(|part| File {
            name: self.file_name(part),
            media_type: media_type(part),
            content_id: part.content_id().map(|id| header::one_line(id).trim_matches(['<', '>']).to_owned()),
            data: self.data(part),
        })
    }

    /// The `method` of the first calendar part, such as `REQUEST`.
    pub fn calendar_method(&self) -> Option<&str> {
        let calendar = self.parts(&self.message.attachments).find(|part| part.is_content_type("text", "calendar"))?;
        calendar.content_type()?.attribute("method")
    }

    /// The bytes of the first file of this media type.
    pub fn file_of(&self, kind: &str, subtype: &str) -> Option<Cow<'_, [u8]>> {
        let part = self.parts(&self.message.attachments).find(|part| part.is_content_type(kind, subtype))?;
        Some(self.data(part))
    }

    fn parts<'a>(&'a self, ids: &'a [u32]) -> impl Iterator<Item = &'a MessagePart<'x>> {
        ids.iter().filter_map(|id| self.message.parts.get(*id as usize))
    }

    /// A part's text, read from its bytes again where the parser may have believed a wrong label.
    fn decoded<'a>(&'a self, part: &'a MessagePart<'x>, text: &'a str) -> Cow<'a, str> {
        let plain = text.is_ascii() && memchr::memchr2(0x1b, b'~', text.as_bytes()).is_none();
        let label = part.content_type().and_then(|kind| kind.attribute("charset"));
        let utf8 = label.is_none_or(|label| label.eq_ignore_ascii_case("utf-8")) && !text.contains('\u{FFFD}');
        if plain || utf8 && !text.contains('\u{1b}') {
            return text.into();
        }
        match self.data(part) {
            Cow::Borrowed(bytes) => charset::decode(bytes, label),
            Cow::Owned(bytes) => charset::decode(&bytes, label).into_owned().into(),
        }
    }

    /// A part's bytes with the transfer encoding taken off.
    fn data<'a>(&'a self, part: &'a MessagePart<'x>) -> Cow<'a, [u8]> {
        if let PartType::Binary(bytes) | PartType::InlineBinary(bytes) = &part.body {
            return Cow::Borrowed(bytes);
        }
        let raw = self.raw.get(part.offset_body as usize..part.offset_end as usize).unwrap_or_default();
        match stated_encoding(part) {
            // Sent as text by accident: nothing to take off.
            Encoding::Base64 if part.is_encoding_problem && !looks_base64(raw) => raw.into(),
            Encoding::Base64 => transfer::base64(raw).into(),
            Encoding::QuotedPrintable => transfer::quoted_printable(raw).into(),
            Encoding::None => raw.into(),
        }
    }

    /// The file's name from either field that may carry it.
    fn file_name(&self, part: &MessagePart<'_>) -> Option<String> {
        let of = |field: HeaderName<'_>, parameter: &str| {
            let header = part.headers.iter().find(|header| header.name == field)?;
            header::parameter(self.value(header), parameter)
        };
        of(HeaderName::ContentDisposition, "filename").or_else(|| of(HeaderName::ContentType, "name"))
    }
}

/// What the part says its transfer encoding is; the parser forgets it where decoding failed.
fn stated_encoding(part: &MessagePart<'_>) -> Encoding {
    let stated = part.headers.iter().find(|header| header.name == HeaderName::ContentTransferEncoding);
    match stated.map(|header| &header.value) {
        Some(HeaderValue::Text(word)) if word.eq_ignore_ascii_case("base64") => Encoding::Base64,
        Some(HeaderValue::Text(word)) if word.eq_ignore_ascii_case("quoted-printable") => Encoding::QuotedPrintable,
        _ => part.encoding,
    }
}

/// At least nine of ten bytes belong to base64.
fn looks_base64(bytes: &[u8]) -> bool {
    let head = bytes.get(..4096).unwrap_or(bytes);
    let good = head.iter().filter(|byte| byte.is_ascii_alphanumeric() || b"+/=\r\n".contains(byte)).count();
    good * 10 >= head.len() * 9
}

/// A forwarded mail that is nothing but another forwarded mail: the parser then takes what follows both for their text.
fn holds_a_message_directly(part: &MessagePart<'_>) -> bool {
    let PartType::Message(inner) = &part.body else { return false };
    inner.parts.first().is_some_and(|first| matches!(first.body, PartType::Message(_)))
}

fn media_type(part: &MessagePart<'_>) -> String {
    let Some(kind) = part.content_type() else {
        return match part.body {
            PartType::Message(_) => "message/rfc822".into(),
            _ => "text/plain".into(),
        };
    };
    let subtype = kind.subtype().unwrap_or(if kind.ctype() == "text" { "plain" } else { "octet-stream" });
    let word =
        |word: &str| word.chars().filter(char::is_ascii_graphic).take(64).collect::<String>().to_ascii_lowercase();
    format!("{}/{}", word(kind.ctype()), word(subtype))
}

/// One text after another, on a line of its own.
fn append<'a>(whole: &mut Cow<'a, str>, text: Cow<'a, str>) {
    if whole.is_empty() {
        *whole = text;
    } else if !text.is_empty() {
        let whole = whole.to_mut();
        if !whole.ends_with('\n') {
            whole.push('\n');
        }
        whole.push_str(&text);
    }
}

/// `format=flowed` (RFC 3676): lines that end in a blank go on in the next one of the same quote depth.
fn unflowed<'a>(text: Cow<'a, str>, kind: Option<&ContentType<'_>>) -> Cow<'a, str> {
    let is = |name: &str, value: &str| {
        kind.and_then(|kind| kind.attribute(name)).is_some_and(|found| found.eq_ignore_ascii_case(value))
    };
    if is("format", "flowed") { unflow(&text, is("delsp", "yes")).into() } else { text }
}

/// Paragraphs on one line again. `delsp`: the blank at a line's end was added by the sender.
fn unflow(text: &str, delsp: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut open: Option<usize> = None;
    for line in text.split_inclusive('\n') {
        let line = line.trim_end_matches(['\n', '\r']);
        let depth = line.bytes().take_while(|byte| *byte == b'>').count();
        let body = &line[depth..];
        let body = body.strip_prefix(' ').unwrap_or(body);
        let signature = body == "-- ";
        if open != Some(depth) || signature {
            if open.is_some() {
                out.push('\n');
            }
            out.extend(std::iter::repeat_n('>', depth));
            if depth > 0 {
                out.push(' ');
            }
        }
        if body.ends_with(' ') && !signature {
            out.push_str(if delsp { &body[..body.len() - 1] } else { body });
            open = Some(depth);
        } else {
            out.push_str(body);
            out.push('\n');
            open = None;
        }
    }
    out
}

/// How much of a mail is taken apart: all of it, unless its structure is out of all bounds.
fn bound(raw: &[u8]) -> usize {
    if raw.len() <= SMALL {
        return raw.len();
    }
    let boundaries = BOUNDARIES.min(SEARCH / raw.len()).max(20);
    let (mut messages, mut multiparts) = (0, 0);
    for at in memchr::memchr3_iter(b'8', b'b', b'B', raw) {
        let before = &raw[at.saturating_sub(3)..at];
        let after = raw.get(at + 1..).unwrap_or_default();
        let follows = |word: &[u8]| after.get(..word.len()).is_some_and(|found| found.eq_ignore_ascii_case(word));
        if raw[at] == b'8' {
            messages += usize::from(before.eq_ignore_ascii_case(b"rfc") && follows(b"22"));
        } else if before.eq_ignore_ascii_case(b"glo") && follows(b"al") {
            messages += 1;
        } else if follows(b"oundary") {
            let next = after[7..].iter().find(|byte| !byte.is_ascii_whitespace());
            multiparts += usize::from(matches!(next, Some(b'=' | b'*')));
        }
        if messages > MESSAGES || multiparts > boundaries {
            return at;
        }
    }
    raw.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(raw: &[u8]) -> Mail<'_> {
        // Leaked once per test, so that the cases stay one line each.
        Mail::parse(Box::leak(Box::new(parser())), raw).expect("a mail")
    }

    #[test]
    fn flowed_text_is_joined() {
        let flowed = "A paragraph that \r\ngoes on.\r\n\r\n> quoted that \r\n> goes on\r\n>> deeper\r\n-- \r\nme\r\n stuffed\r\n";
        assert_eq!(
            unflow(flowed, false),
            "A paragraph that goes on.\n\n> quoted that goes on\n>> deeper\n-- \nme\nstuffed\n"
        );
        assert_eq!(unflow("订单 \r\n编号\r\n", true), "订单编号\n");
    }

    #[test]
    fn structure_out_of_bounds_is_cut() {
        let mut nested = Vec::new();
        for _ in 0..5_000 {
            nested.extend_from_slice(b"Content-Type: message/rfc822\r\n\r\n");
        }
        nested.extend_from_slice(b"Subject: innermost\r\n\r\nhello");
        let mail = mail(&nested);
        assert!(mail.cut);
        assert_eq!(mail.file_count(), 1);
    }

    #[test]
    fn a_message_directly_in_a_message_is_cut() {
        let forwarded = |content: &str| {
            format!(
                "From: a@b.cn\nContent-Type: multipart/mixed; boundary=xx\n\n--xx\nContent-Type: message/rfc822\n\n\
                 Subject: one\n{content}\n--xx\nContent-Type: text/plain\n\nThe real text.\n--xx--\n"
            )
        };
        let twice = forwarded("Content-Type: message/rfc822\n\nSubject: two\n\ninner text");
        assert!(mail(twice.as_bytes()).cut);
        let once = forwarded("\ninner text");
        let once = mail(once.as_bytes());
        assert!(!once.cut);
        assert_eq!(once.text().trim(), "The real text.");
    }

    #[test]
    fn two_hundred_levels_are_read() {
        let mut nested = b"Subject: outer\r\n".to_vec();
        for level in 0..200 {
            nested.extend_from_slice(
                format!("Content-Type: multipart/mixed; boundary=b{level}x\r\n\r\n--b{level}x\r\n").as_bytes(),
            );
        }
        nested.extend_from_slice(b"Content-Type: text/plain\r\n\r\ninnermost\r\n");
        for level in (0..200).rev() {
            nested.extend_from_slice(format!("--b{level}x--\r\n").as_bytes());
        }
        let mail = mail(&nested);
        assert!(!mail.cut);
        assert_eq!(mail.text().trim(), "innermost");
    }
}
