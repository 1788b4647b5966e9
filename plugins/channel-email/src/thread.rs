//! What a mail says about its thread: ids, reply token, tag, and the subject without all that.
use sha2::{Digest, Sha256};

use crate::fields::Fields;
use crate::mime::Mail;

/// Longer lists of references are read from both ends.
const REFERENCES: usize = 50;

/// The id of a mail that has none: a digest of what its author wrote. Fields that relays add on the way are left out, and
/// line ends count once, so a second delivery of the same mail has the same id.
pub fn synthetic_id(mail: &Mail<'_>, fields: &Fields<'_>) -> String {
    let mut digest = Sha256::new();
    let written = [fields.from, fields.subject, fields.date].into_iter().map(Option::unwrap_or_default);
    for field in written.chain(fields.addressed.iter().copied()) {
        // Relays fold anew.
        for word in field.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()) {
            digest.update(word);
            digest.update(b" ");
        }
        digest.update(b"\0");
    }
    for line in mail.body().trim_ascii_end().split(|byte| *byte == b'\n') {
        digest.update(line.trim_ascii_end());
        digest.update(b"\n");
    }
    // RFC 2606: nobody has this domain, so the id meets no other.
    format!("{}@no-message-id.invalid", crate::transfer::to_hex(&digest.finalize()))
}

/// The ids of References, at most fifty: the oldest, and the newest.
pub fn references(raw: &[u8]) -> Vec<String> {
    let long = raw.len() > 16 * 1024;
    let mut ids = crate::header::ids(raw);
    if long {
        ids.extend(crate::header::ids(&raw[raw.len() - 8 * 1024..]).into_iter().skip(1));
    }
    if ids.len() > 4 * REFERENCES {
        ids.drain(1..ids.len() - 4 * REFERENCES + 1);
    }
    let mut unique: Vec<String> = Vec::with_capacity(ids.len());
    for id in ids {
        if !unique.contains(&id) {
            unique.push(id);
        }
    }
    if unique.len() > REFERENCES {
        unique.drain(1..unique.len() - REFERENCES + 1);
    }
    unique
}

/// The token of a plus-address: `support+TOKEN@shop.example`, 16 to 40 lower-case letters and digits.
pub fn reply_token(address: &str) -> Option<String> {
    let (local, _) = address.rsplit_once('@')?;
    let (_, token) = local.rsplit_once('+')?;
    let fits = (16..=40).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_alphanumeric());
    // Some systems on the way write addresses in capitals.
    fits.then(|| token.to_ascii_lowercase())
}

/// A subject without tag and reply prefixes, and the tag. An empty subject is none.
pub fn subject(raw: &str) -> (Option<String>, Option<String>) {
    let (mut tag, mut text) = (None, raw.to_owned());
    while let Some((found, range)) = find_tag(&text) {
        tag.get_or_insert(found);
        text.replace_range(range, "");
    }
    let mut rest = text.trim();
    while let Some(shorter) = without_prefix(rest) {
        rest = shorter.trim_start();
    }
    let mut clean = String::with_capacity(rest.len());
    for word in rest.split_whitespace() {
        if !clean.is_empty() {
            clean.push(' ');
        }
        clean.push_str(word);
    }
    let mut end = clean.len().min(998);
    while !clean.is_char_boundary(end) {
        end -= 1;
    }
    clean.truncate(end);
    ((!clean.is_empty()).then_some(clean), tag)
}

/// `[#T1042]` and where it stands.
fn find_tag(text: &str) -> Option<(String, std::ops::Range<usize>)> {
    let mut from = 0;
    while let Some(at) = text[from..].find("[#") {
        let start = from + at;
        let rest = &text[start + 2..];
        let length = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
        let tag = &rest[..length];
        let fits = (2..=16).contains(&length) && tag.starts_with(['T', 't']) && tag.as_bytes()[1].is_ascii_digit();
        if fits && rest[length..].starts_with(']') {
            return Some((tag.to_ascii_uppercase(), start..start + 2 + length + 1));
        }
        from = start + 2;
    }
    None
}

/// What clients put before a subject when it is answered or forwarded, in lower case.
const PREFIXES: &[&str] = &[
    "re", "fwd", "fw", "aw", "wg", "sv", "vs", "antw", "antwort", "doorst", "rép", "réf", "tr", "rv", "res", "enc",
    "rif", "i", "r", "odp", "pd", "vb", "vl", "bls", "trs", "ynt", "ilt", "atb", "ref", "回复", "回覆", "答复", "答覆",
    "转发", "轉寄", "轉發", "回信", "转寄", "返信", "転送", "회신", "답장", "전달",
];

/// The subject behind its first prefix: `Re:`, `RE：`, `Re[2]:`, `回复(3):`. None where it has none.
fn without_prefix(subject: &str) -> Option<&str> {
    // No prefix is longer.
    let (colon, mark) = subject.char_indices().take(16).find(|(_, c)| matches!(c, ':' | '：'))?;
    let word = subject[..colon].trim_end();
    let word = word
        .trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '[' | ']' | '(' | ')' | '^' | '（' | '）' | ' '));
    let lower = word.to_lowercase();
    // One letter is a prefix in Italian clients, and an abbreviation elsewhere; in capitals and alone it is believed.
    let believed = lower.chars().count() > 1 || word.chars().all(char::is_uppercase);
    (believed && PREFIXES.contains(&lower.as_str())).then(|| &subject[colon + mark.len_utf8()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects() {
        for (raw, clean, tag) in [
            ("Where is my order?", Some("Where is my order?"), None),
            ("Re: order", Some("order"), None),
            ("RE：回复：Fwd: 订单", Some("订单"), None),
            ("答复: 转发: AW: WG: SV: x", Some("x"), None),
            ("Re[2]: Re (3): y", Some("y"), None),
            ("回复：[#T1042] 退款", Some("退款"), Some("T1042")),
            ("Re: order [#T1042]", Some("order"), Some("T1042")),
            ("[#t7]Re: order", Some("order"), Some("T7")),
            ("[#123] order", Some("[#123] order"), None),
            ("[#T1042", Some("[#T1042"), None),
            ("Re:", None, None),
            ("", None, None),
            ("Refund: please", Some("Refund: please"), None),
            ("i: think", Some("i: think"), None),
            ("R: pacco", Some("pacco"), None),
            ("a  b", Some("a b"), None),
        ] {
            assert_eq!(subject(raw), (clean.map(str::to_owned), tag.map(str::to_owned)), "{raw}");
        }
    }

    #[test]
    fn tokens() {
        for (address, token) in [
            ("support+abcdefgh01234567@shop.example", Some("abcdefgh01234567")),
            ("support+ABCDEFGH01234567@shop.example", Some("abcdefgh01234567")),
            ("a+b+abcdefgh01234567@shop.example", Some("abcdefgh01234567")),
            ("support+short@shop.example", None),
            ("support+abcdefgh-1234567@shop.example", None),
            ("support@shop.example", None),
            ("nonsense", None),
        ] {
            assert_eq!(reply_token(address).as_deref(), token, "{address}");
        }
    }

    #[test]
    fn references_in_any_order_and_number() {
        assert_eq!(references(b"<b@x> <a@x> <b@x>"), ["b@x", "a@x"]);
        let many: String = (0..200).map(|n| format!("<{n}@x>\r\n ")).collect();
        let ids = references(many.as_bytes());
        assert_eq!((ids.len(), ids[0].as_str(), ids[49].as_str()), (50, "0@x", "199@x"));
    }
}
