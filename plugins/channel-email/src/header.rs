//! Header fields as they come: encoded words (RFC 2047), raw eight-bit text, parameters (RFC 2231), addresses.
//!
//! The mail parser decodes one encoded word at a time and takes labels at their word. [`readable`] goes before it: it joins
//! neighbouring words, so that a character split between two of them survives, and turns everything into UTF-8.
use std::borrow::Cow;

use mail_parser::{Address, HeaderValue, parsers::MessageStream};

use crate::{charset, transfer};

/// Longer fields are read up to here. Nobody writes them, and decoding stays linear.
const FIELD: usize = 16 * 1024;
/// No encoded word is longer (RFC 2047 allows 75 bytes; clients in the wild put a whole subject into one).
const WORD: usize = 4 * 1024;

/// A field's bytes with encoded words joined and everything in UTF-8. `charset`: what the mail's text is in, which raw
/// eight-bit fields are in as well.
pub fn readable<'a>(raw: &'a [u8], charset: Option<&str>) -> Cow<'a, [u8]> {
    let raw = raw.get(..FIELD).unwrap_or(raw);
    let words = memchr::memchr_iter(b'=', raw).any(|at| raw.get(at + 1) == Some(&b'?'));
    if raw.is_ascii() && !words && !raw.contains(&0x1b) {
        return raw.into();
    }
    let text: Cow<'_, [u8]> = match charset::decode(raw, charset) {
        Cow::Borrowed(_) => raw.into(),
        Cow::Owned(text) => text.into_bytes().into(),
    };
    if words { join_words(&text).into() } else { text }
}

/// One encoded word and where it ends.
struct Word<'a> {
    charset: &'a str,
    bytes: Vec<u8>,
    end: usize,
}

/// Each run of neighbouring encoded words becomes one in UTF-8.
fn join_words(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let Some(first) = (*byte == b'=').then(|| word(text, at)).flatten() else {
            out.push(*byte);
            at += 1;
            continue;
        };
        let mut run = String::new();
        let mut pending = first;
        loop {
            at = pending.end;
            let gap = text[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            let Some(next) = (text.get(at + gap) == Some(&b'=')).then(|| word(text, at + gap)).flatten() else { break };
            if next.charset.eq_ignore_ascii_case(pending.charset) {
                pending.bytes.extend_from_slice(&next.bytes);
                pending.end = next.end;
            } else {
                run.push_str(&charset::decode(&pending.bytes, Some(pending.charset)));
                pending = next;
            }
        }
        run.push_str(&charset::decode(&pending.bytes, Some(pending.charset)));
        out.extend_from_slice(b"=?utf-8?B?");
        transfer::to_base64(run.as_bytes(), &mut out);
        out.extend_from_slice(b"?=");
    }
    out
}

/// The encoded word that starts here.
fn word(text: &[u8], at: usize) -> Option<Word<'_>> {
    let rest = text.get(at..)?.strip_prefix(b"=?")?;
    let label_end = rest.iter().take(64).position(|byte| *byte == b'?')?;
    let label = std::str::from_utf8(&rest[..label_end]).ok()?;
    if label.len() < 2 || label.contains(char::is_whitespace) {
        return None;
    }
    // RFC 2231 section 5: a language may follow the charset.
    let charset = label.split('*').next()?;
    let [encoding, b'?', payload @ ..] = &rest[label_end + 1..] else { return None };
    let window = payload.get(..WORD).unwrap_or(payload);
    let base64 = encoding.eq_ignore_ascii_case(&b'b');
    // A question mark that was not encoded does not end a word in Q; only the one before an equals sign does.
    let length = memchr::memchr_iter(b'?', window).find(|at| payload.get(at + 1) == Some(&b'='))?;
    let payload = &payload[..length];
    let bytes = if base64 {
        transfer::base64(payload)
    } else if encoding.eq_ignore_ascii_case(&b'q') {
        let spaced: Vec<u8> = payload.iter().map(|byte| if *byte == b'_' { b' ' } else { *byte }).collect();
        transfer::quoted_printable(&spaced)
    } else {
        return None;
    };
    Some(Word { charset, bytes, end: at + 2 + label_end + 1 + 2 + length + 2 })
}

/// Unstructured text such as a subject, on one line, without control characters. None where nothing is left.
pub fn text(raw: &[u8], charset: Option<&str>) -> Option<String> {
    let value = parsed(raw, charset, |stream| stream.parse_unstructured());
    let text = one_line(&value.into_text()?);
    (!text.is_empty()).then_some(text)
}

/// The addresses of a field, in order; of groups their members.
pub fn addresses(raw: &[u8], charset: Option<&str>) -> Vec<(Option<String>, String)> {
    let HeaderValue::Address(list) = parsed(raw, charset, |stream| stream.parse_address()) else { return Vec::new() };
    let each = |addr: &mail_parser::Addr<'_>| {
        let address = addr.address.as_deref().unwrap_or_default().trim().to_owned();
        (addr.name.as_deref().map(one_line).filter(|name| !name.is_empty()), address)
    };
    match list {
        Address::List(list) => list.iter().map(each).collect(),
        Address::Group(groups) => groups.iter().flat_map(|group| group.addresses.iter()).map(each).collect(),
    }
}

/// The message ids of a field, in order, without angle brackets.
pub fn ids(raw: &[u8]) -> Vec<String> {
    let clean = |id: &str| one_line(id).trim_matches(['<', '>', ' ']).to_owned();
    let usable = |id: &String| !id.is_empty() && id.len() <= 512 && !id.contains(char::is_whitespace);
    match parsed(raw, None, |stream| stream.parse_id()) {
        HeaderValue::Text(id) => Some(clean(&id)).filter(usable).into_iter().collect(),
        HeaderValue::TextList(ids) => ids.iter().map(|id| clean(id)).filter(usable).collect(),
        _ => Vec::new(),
    }
}

/// A date in milliseconds since the Unix epoch; negative before it.
pub fn date(raw: &[u8]) -> Option<i64> {
    match parsed(raw, None, |stream| stream.parse_date()) {
        HeaderValue::DateTime(date) if date.is_valid() => Some(date.to_timestamp().saturating_mul(1000)),
        _ => None,
    }
}

/// Runs one of the mail parser's field parsers. They read up to a line end, which a cut field lacks.
fn parsed(
    raw: &[u8],
    charset: Option<&str>,
    parse: impl for<'x> Fn(&mut MessageStream<'x>) -> HeaderValue<'x>,
) -> HeaderValue<'static> {
    let mut bytes = readable(raw, charset);
    if !bytes.ends_with(b"\n") {
        bytes.to_mut().push(b'\n');
    }
    parse(&mut MessageStream::new(&bytes)).into_owned()
}

/// One line: white space of any kind becomes a blank, control characters go.
pub fn one_line(text: &str) -> String {
    let trimmed = text.trim();
    if !trimmed.contains(char::is_control) {
        return trimmed.to_owned();
    }
    let spaced: String =
        trimmed.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| !c.is_control()).collect();
    spaced.trim().to_owned()
}

/// A parameter of a field such as Content-Disposition: plain, quoted, in encoded words, raw eight-bit, or in the
/// numbered and percent-encoded pieces of RFC 2231.
pub fn parameter(raw: &[u8], name: &str) -> Option<String> {
    let raw = raw.get(..FIELD).unwrap_or(raw);
    let mut plain: Option<Vec<u8>> = None;
    let mut pieces: Vec<(u32, bool, Vec<u8>)> = Vec::new();
    let mut rest = raw;
    loop {
        rest = after_semicolon(rest);
        let Some(equals) = memchr::memchr2(b'=', b';', rest) else { break };
        if rest[equals] == b';' {
            rest = &rest[equals..];
            continue;
        }
        let key = String::from_utf8_lossy(&rest[..equals]).trim().to_ascii_lowercase();
        let (value, tail) = value(&rest[equals + 1..]);
        if let Some(suffix) = key.strip_prefix(name) {
            let (number, encoded) = match suffix.strip_suffix('*') {
                Some(number) => (number, true),
                None => (suffix, false),
            };
            match number.strip_prefix('*').unwrap_or(number) {
                "" if !encoded => plain = plain.or(Some(value)),
                "" => pieces.push((0, true, value)),
                digits => pieces.extend(digits.parse().ok().map(|number| (number, encoded, value))),
            }
        }
        rest = tail;
        if rest.is_empty() {
            break;
        }
    }
    let text = if pieces.is_empty() { text(&plain?, None)? } else { joined(pieces) };
    let text = one_line(&text);
    (!text.is_empty()).then_some(text)
}

/// What follows the next semicolon outside quotes.
fn after_semicolon(bytes: &[u8]) -> &[u8] {
    let mut quoted = false;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b';' if !quoted => return &bytes[at + 1..],
            _ => {}
        }
    }
    &[]
}

/// A value, and what follows it from its semicolon on.
fn value(bytes: &[u8]) -> (Vec<u8>, &[u8]) {
    let start = bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let bytes = &bytes[start..];
    let Some(quoted) = bytes.strip_prefix(b"\"") else {
        let end = memchr::memchr(b';', bytes).unwrap_or(bytes.len());
        return (bytes[..end].trim_ascii().to_vec(), &bytes[end..]);
    };
    let mut out = Vec::new();
    let mut escaped = false;
    for (at, byte) in quoted.iter().enumerate() {
        match byte {
            _ if escaped => {
                // A backslash in a path (old clients send one) is no escape.
                if !matches!(byte, b'"' | b'\\') {
                    out.push(b'\\');
                }
                out.push(*byte);
                escaped = false;
            }
            b'\\' => escaped = true,
            b'"' => return (out, &quoted[at + 1..]),
            b'\r' | b'\n' => {}
            byte => out.push(*byte),
        }
    }
    (out, &[])
}

/// The pieces of RFC 2231 in their order, decoded together.
fn joined(mut pieces: Vec<(u32, bool, Vec<u8>)>) -> String {
    pieces.sort_unstable_by_key(|(number, ..)| *number);
    let mut charset = None;
    let (mut bytes, mut encoded_run) = (Vec::new(), Vec::new());
    for (index, (_, encoded, piece)) in pieces.into_iter().enumerate() {
        let mut piece = piece.as_slice();
        if encoded && index == 0 {
            let mut marks = memchr::memchr_iter(b'\'', piece);
            if let (Some(first), Some(second)) = (marks.next(), marks.next()) {
                charset = Some(String::from_utf8_lossy(&piece[..first]).into_owned());
                piece = &piece[second + 1..];
            }
        }
        // Joined before they are decoded: some clients cut within `%E6`.
        if encoded {
            encoded_run.extend_from_slice(piece);
        } else {
            percent(&std::mem::take(&mut encoded_run), &mut bytes);
            bytes.extend_from_slice(piece);
        }
    }
    percent(&encoded_run, &mut bytes);
    if charset.is_none() {
        return text(&bytes, None).unwrap_or_default();
    }
    charset::decode(&bytes, charset.as_deref()).into_owned()
}

/// Percent-encoding (RFC 3986 section 2.1) taken off; a sign that introduces nothing stands for itself.
pub fn percent(bytes: &[u8], out: &mut Vec<u8>) {
    let mut rest = bytes;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        let pair = tail.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        match pair.filter(|_| *byte == b'%').and_then(|pair| u8::from_str_radix(pair, 16).ok()) {
            Some(decoded) => {
                out.push(decoded);
                rest = &tail[2..];
            }
            None => out.push(*byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects() {
        for (raw, read) in [
            (&b"Where is my order?\r\n"[..], "Where is my order?"),
            (b" folded\r\n  twice\r\n", "folded twice"),
            (b"=?gb2312?B?tqm1pQ==?=\r\n", "\u{8ba2}\u{5355}"),
            // One character, its two bytes in two words, with a fold between.
            (b"=?gb2312?B?tg==?=\r\n =?gb2312?B?qbWl?=\r\n", "\u{8ba2}\u{5355}"),
            (b"=?utf-8?Q?=E8=AE?= =?utf-8?Q?=A2=E5=8D=95_1?=", "订单 1"),
            (b"=?gb2312?Q?=B6=A9?= =?utf-8?B?5Y2V?=", "订单"),
            (b"\xb6\xa9\xb5\xa5\xcd\xcb\xbf\xee\xce\xca\xcc\xe2", "订单退款问题"),
            ("原文主题".as_bytes(), "原文主题"),
            (b"=?us-ascii*en?q?a_b?= c", "a b c"),
            (b"=?broken?=", "=?broken?="),
            (b"=?utf-8?x?abc?= d", "=?utf-8?x?abc?= d"),
            (b"a\x00b\x07c", "abc"),
        ] {
            assert_eq!(text(raw, None).as_deref(), Some(read), "{}", String::from_utf8_lossy(raw));
        }
        assert_eq!(text(b" \r\n", None), None);
    }

    #[test]
    fn parameters() {
        let pieces = b"attachment; filename*1*=%E5%8D%95.pdf; filename*0*=utf-8''%E8%AE%A2";
        let split = b"attachment;\r\n filename*0*=gb2312''%B6;\r\n filename*1*=%A9%B5%A5;\r\n filename*2=.pdf";
        for (raw, read) in [
            (&b"attachment; filename=a.pdf"[..], Some("a.pdf")),
            (b"attachment; size=3; FileName=\"a; b\\\".pdf\"; x=y", Some("a; b\".pdf")),
            (b"attachment; filename==?gb2312?B?tqm1pS5wZGY=?=", Some("订单.pdf")),
            (b"attachment; filename=\"=?utf-8?B?6K4=?=\r\n =?utf-8?B?ouWNlS5wZGY=?=\"", Some("订单.pdf")),
            (b"attachment; filename=\"\xb6\xa9\xb5\xa5\xcd\xcb\xbf\xee.pdf\"", Some("订单退款.pdf")),
            (pieces, Some("订单.pdf")),
            (split, Some("订单.pdf")),
            (b"attachment; filename=\"plain.pdf\"; filename*=UTF-8''%E8%AE%A2.pdf", Some("订.pdf")),
            (b"attachment; filename=my file.pdf", Some("my file.pdf")),
            (b"attachment; filename=\"C:\\docs\\a.pdf\"", Some("C:\\docs\\a.pdf")),
            (b"attachment; flag; filename=a", Some("a")),
            (b"attachment", None),
            (b"attachment; filename", None),
            (b"attachment; filename=\"\"", None),
        ] {
            assert_eq!(parameter(raw, "filename").as_deref(), read, "{}", String::from_utf8_lossy(raw));
        }
    }

    #[test]
    fn address_fields() {
        let one = |raw: &[u8]| addresses(raw, None).into_iter().next();
        let some = |name: Option<&str>, address: &str| Some((name.map(str::to_owned), address.to_owned()));
        assert_eq!(one(b"\"=?gb2312?B?tqk=?= =?gb2312?B?taU=?=\" <a@b.cn>"), some(Some("订单"), "a@b.cn"));
        assert_eq!(one(b"\xb6\xa9\xb5\xa5\xcd\xcb\xbf\xee <a@b.cn>\n"), some(Some("订单退款"), "a@b.cn"));
        assert_eq!(one(b"A Group: x@y.z, q@r.s;"), some(None, "x@y.z"));
        assert_eq!(one(b""), None);
    }

    #[test]
    fn message_ids() {
        assert_eq!(ids(b" <a@b>\r\n <c@d> <e@f>"), ["a@b", "c@d", "e@f"]);
        assert_eq!(ids(b"<a@b>"), ["a@b"]);
        assert_eq!(ids(b"bare@id\n"), ["bare@id"]);
        assert!(ids(b"<>").is_empty());
        assert!(ids(b"").is_empty());
    }
}
