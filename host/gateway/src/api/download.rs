//! Bytes from outside, given out so that no browser runs them: always a download, never sniffed, in a sandbox.
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use std::fmt::Write;

/// `name` is for people and comes from the sender; `media_type` too.
pub(crate) fn response(name: &str, media_type: &str, bytes: Vec<u8>) -> Response {
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    let media_type = Some(media_type).filter(|text| is_media_type(text)).unwrap_or("application/octet-stream");
    for (header, value) in [
        (header::CONTENT_TYPE, media_type),
        (header::CONTENT_DISPOSITION, &*disposition(name)),
        (header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(header, value);
        }
    }
    response
}

/// `type/subtype` in RFC 6838's characters, without parameters.
fn is_media_type(text: &str) -> bool {
    let word = |word: &str| {
        !word.is_empty()
            && word.len() <= 127
            && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
    };
    text.split_once('/').is_some_and(|(one, two)| word(one) && word(two))
}

/// RFC 6266: the name in ASCII for old clients and in UTF-8 (RFC 8187) for the rest.
fn disposition(name: &str) -> String {
    let plain: String = name
        .chars()
        .take(150)
        .map(|c| if c.is_ascii_alphanumeric() || " ._-()".contains(c) { c } else { '_' })
        .collect();
    let mut value = format!("attachment; filename=\"{plain}\"; filename*=UTF-8''");
    for byte in name.chars().take(150).filter(|c| !c.is_control() && !"/\\".contains(*c)).collect::<String>().bytes() {
        if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) {
            value.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(value, "%{byte:02X}");
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_header_nor_its_folder() {
        for (name, expected) in [
            ("a.pdf", "attachment; filename=\"a.pdf\"; filename*=UTF-8''a.pdf"),
            ("发票.pdf", "attachment; filename=\"__.pdf\"; filename*=UTF-8''%E5%8F%91%E7%A5%A8.pdf"),
            ("../x\"\r\ny", "attachment; filename=\".._x___y\"; filename*=UTF-8''..x%22y"),
        ] {
            assert_eq!(disposition(name), expected);
        }
    }

    #[test]
    fn only_a_media_type_is_one() {
        for (text, good) in [
            ("image/png", true),
            ("image/svg+xml", true),
            ("text", false),
            ("text/html; charset=x", false),
            ("a/b\r\nc", false),
            ("/", false),
        ] {
            assert_eq!(is_media_type(text), good, "{text:?}");
        }
    }
}
