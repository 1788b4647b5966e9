//! Folder names and strings as commands have them.

use data_encoding::{BASE64_NOPAD, Encoding};

/// A folder's name as servers know it: modified UTF-7 (RFC 3501 5.1.3). Printable ASCII stands for itself but for `&`, which
/// is `&-`; everything else is UTF-16 in base64 with `,` for `/`, between `&` and `-`.
pub fn mutf7(name: &str) -> String {
    let mut encoded = String::new();
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        if is_plain(first) {
            encoded.push(first);
            if first == '&' {
                encoded.push('-');
            }
            rest = &rest[1..];
        } else {
            let end = rest.find(is_plain).unwrap_or(rest.len());
            let units: Vec<u8> = rest[..end].encode_utf16().flat_map(u16::to_be_bytes).collect();
            encoded.push('&');
            encoded.push_str(&BASE64_NOPAD.encode(&units).replace('/', ","));
            encoded.push('-');
            rest = &rest[end..];
        }
    }
    encoded
}

const fn is_plain(c: char) -> bool {
    matches!(c, ' '..='~')
}

/// A quoted string (RFC 3501 4.3). `None`: it has a character that only a literal can carry.
pub fn quoted(text: &str) -> Option<String> {
    text.chars().all(is_plain).then(|| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// A folder's name as an argument.
pub fn folder(name: &str) -> String {
    // What is not printable ASCII is gone after the encoding.
    quoted(&mutf7(name)).unwrap_or_default()
}

/// Words of a server or of a peer's library for a log line and for a status: printable, and not too many.
pub fn shown(text: &str) -> String {
    const MOST: usize = 200;
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MOST).collect::<String>().trim().to_owned()
}

/// Standard base64, for AUTHENTICATE.
pub const BASE64: Encoding = data_encoding::BASE64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_names_are_modified_utf_7() {
        // The first two are the examples of RFC 3501 5.1.3, the others were encoded by IMAPClient 4.1.0.
        for (name, encoded) in [
            ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
            ("Hi Mom -☺-!", "Hi Mom -&Jjo--!"),
            ("INBOX", "INBOX"),
            ("客户来信", "&W6JiN2dlT+E-"),
            ("Sales & 售后", "Sales &- &VS5UDg-"),
            ("😀", "&2D3eAA-"),
            ("a\r\nb", "a&AA0ACg-b"),
            ("", ""),
        ] {
            assert_eq!(mutf7(name), encoded, "{name}");
        }
        assert_eq!(folder("a\"b\\c"), r#""a\"b\\c""#);
    }

    #[test]
    fn only_printable_ascii_is_quoted() {
        assert_eq!(quoted("p\\w\"d"), Some(r#""p\\w\"d""#.to_owned()));
        assert_eq!(quoted("密码"), None);
        assert_eq!(quoted("a\r\nA1 LOGOUT"), None);
    }
}
