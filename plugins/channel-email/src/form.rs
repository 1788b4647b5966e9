//! Bodies of HTML forms: `application/x-www-form-urlencoded` (WHATWG URL) and `multipart/form-data` (RFC 7578), as bytes.
//!
//! The mail parser is not asked, although it knows multiparts: a form's fields are what they are, whatever their media type
//! and transfer encoding pretend, and a raw mail in a field has to come out byte for byte.
use std::borrow::Cow;
use std::ops::Range;

use crate::header;

/// Fields beyond so many are no form of a mail.
const FIELDS: usize = 2_000;

/// One field.
pub struct Field<'a> {
    /// Its name.
    pub name: String,
    /// The file's name, where it is a file.
    pub file_name: Option<String>,
    /// What the form says the value is; empty where it says nothing.
    pub media_type: String,
    /// The value.
    pub data: Cow<'a, [u8]>,
}

/// The fields of a form, in order.
pub struct Form<'a>(Vec<Field<'a>>);

impl<'a> Form<'a> {
    /// The form in a body of this Content-Type. None where it is none, or is cut off.
    pub fn read(content_type: &str, body: &'a [u8]) -> Option<Self> {
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        if kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return urlencoded(body).map(Self);
        }
        if kind.eq_ignore_ascii_case("multipart/form-data") {
            let boundary = header::parameter(content_type.as_bytes(), "boundary")?;
            return multipart(body, &boundary).map(Self);
        }
        None
    }

    /// The first field of a name.
    pub fn field(&self, name: &str) -> Option<&Field<'a>> {
        self.0.iter().find(|field| field.name == name)
    }

    /// The first value of a name.
    pub fn value(&self, name: &str) -> Option<&[u8]> {
        self.field(name).map(|field| &*field.data)
    }

    /// The first value of a name, as text; empty where there is none.
    pub fn text(&self, name: &str) -> Cow<'_, str> {
        String::from_utf8_lossy(self.value(name).unwrap_or_default())
    }

    /// The first value of a name, as JSON; null where there is none.
    pub fn json(&self, name: &str) -> serde_json::Value {
        serde_json::from_slice(self.value(name).unwrap_or_default()).unwrap_or_default()
    }

    /// Where the first value of a name stands in the body, or the value where it does not stand there as it is.
    pub fn place(&self, name: &str, body: &[u8]) -> Option<Result<Range<usize>, Vec<u8>>> {
        Some(match &self.field(name)?.data {
            Cow::Borrowed(value) => {
                let start = value.as_ptr() as usize - body.as_ptr() as usize;
                Ok(start..start + value.len())
            }
            Cow::Owned(value) => Err(value.clone()),
        })
    }

    /// All fields, in order.
    pub fn fields(&self) -> &[Field<'a>] {
        &self.0
    }
}

fn urlencoded(body: &[u8]) -> Option<Vec<Field<'_>>> {
    let decoded = |part: &[u8]| {
        let spaced: Vec<u8> = part.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
        let mut out = Vec::with_capacity(spaced.len());
        header::percent(&spaced, &mut out);
        out
    };
    let mut fields = Vec::new();
    for pair in body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        let equals = memchr::memchr(b'=', pair).unwrap_or(pair.len());
        fields.push(Field {
            name: String::from_utf8_lossy(&decoded(&pair[..equals])).into_owned(),
            file_name: None,
            media_type: String::new(),
            data: decoded(pair.get(equals + 1..).unwrap_or_default()).into(),
        });
        if fields.len() > FIELDS {
            return None;
        }
    }
    Some(fields)
}

fn multipart<'a>(body: &'a [u8], boundary: &str) -> Option<Vec<Field<'a>>> {
    let first = format!("--{boundary}");
    let between = format!("\r\n--{boundary}");
    let finder = memchr::memmem::Finder::new(&between);
    // What stands before the first boundary means nothing (RFC 2046 section 5.1.1).
    let start = if body.starts_with(first.as_bytes()) { first.len() } else { finder.find(body)? + between.len() };
    let mut rest = &body[start..];
    let mut fields = Vec::new();
    loop {
        if rest.starts_with(b"--") {
            return Some(fields);
        }
        let padding = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        rest = rest[padding..].strip_prefix(b"\r\n")?;
        let end = finder.find(rest)?;
        fields.push(field(&rest[..end])?);
        rest = &rest[end + between.len()..];
        if fields.len() > FIELDS {
            return None;
        }
    }
}

/// One part of a multipart form.
fn field(part: &[u8]) -> Option<Field<'_>> {
    let end = memchr::memmem::find(part, b"\r\n\r\n")?;
    let (head, data) = (&part[..end], &part[end + 4..]);
    let value = |name: &str| {
        head.split(|byte| *byte == b'\n').find_map(|line| {
            let colon = memchr::memchr(b':', line)?;
            line[..colon].trim_ascii().eq_ignore_ascii_case(name.as_bytes()).then(|| &line[colon + 1..])
        })
    };
    let disposition = value("content-disposition")?;
    Some(Field {
        name: header::parameter(disposition, "name")?,
        file_name: header::parameter(disposition, "filename"),
        media_type: String::from_utf8_lossy(value("content-type").unwrap_or_default()).trim().to_owned(),
        data: data.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_give_the_bytes() {
        let form = Form::read("application/x-www-form-urlencoded", b"a=1+2&b=%B6%A9%3D%26&c&a=3").expect("a form");
        assert_eq!((form.value("a"), form.value("b")), (Some(&b"1 2"[..]), Some(&b"\xb6\xa9=&"[..])));
        assert_eq!((form.value("c"), form.value("d"), form.fields().len()), (Some(&b""[..]), None, 4));
        let body = b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n--y\r\n\0\r\n--x\r\nContent-Type: image/png\r\ncontent-disposition: form-data; name=\"f\"; filename=\"a;b.png\"\r\n\r\nPNG\r\n--x--\r\n";
        let form = Form::read("multipart/form-data; boundary=\"x\"", body).expect("a form");
        assert_eq!(form.value("a"), Some(&b"\r\n--y\r\n\0"[..]));
        let file = form.field("f").expect("a file");
        assert_eq!(
            (file.file_name.as_deref(), file.media_type.as_str(), &*file.data),
            (Some("a;b.png"), "image/png", &b"PNG"[..])
        );
    }

    #[test]
    fn what_is_cut_off_is_none() {
        for (kind, body) in [
            ("multipart/form-data; boundary=x", &b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1"[..]),
            ("multipart/form-data; boundary=x", b"--x"),
            ("multipart/form-data; boundary=x", b""),
            ("multipart/form-data", b"--x--"),
            ("text/plain", b"a=1"),
        ] {
            assert!(Form::read(kind, body).is_none(), "{kind}");
        }
    }
}
