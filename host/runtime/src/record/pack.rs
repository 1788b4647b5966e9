//! MessagePack, as far as a recording needs it: written straight from the model's values, read into [`Value`].
//!
//! Written by hand because both ends have a condition that no general encoder keeps: what is written has a limit, beyond
//! which nothing more is copied, and secrets that the plugin was told are taken out of every text on the way; what is read
//! may be garbled, and must neither panic nor reserve memory for a length it only claims.
use super::mask::{self, Rewriting};
use super::value::Value;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use std::borrow::Cow;

/// Values inside values, at most: the contract's deepest is 8.
const DEPTH: usize = 32;

/// What stands for a credential.
pub(crate) const CREDENTIAL: &str = "[credential]";

/// Writes one value after the other.
pub(crate) struct Pack<'a> {
    out: Vec<u8>,
    limit: usize,
    full: bool,
    secrets: Option<&'a Rewriting>,
    signatures: &'a [Vec<u8>],
}

impl Pack<'static> {
    /// Without a limit, and without secrets to look for.
    pub fn new() -> Self {
        Self { out: Vec::new(), limit: usize::MAX, full: false, secrets: None, signatures: &[] }
    }
}

impl<'a> Pack<'a> {
    /// Without secrets, wherever they stand in a text or in bytes.
    pub fn hiding(secrets: &'a Rewriting) -> Self {
        Self { secrets: Some(secrets), ..Pack::new() }
    }

    /// Up to `limit` bytes.
    pub fn within(self, limit: usize) -> Self {
        Self { limit, ..self }
    }

    /// What the host signed during the call: see [`Self::credential`].
    pub fn knowing(self, signatures: &'a [Vec<u8>]) -> Self {
        Self { signatures, ..self }
    }

    /// So many bytes are likely to come.
    pub fn reserving(mut self, bytes: usize) -> Self {
        self.out.reserve(bytes.min(self.limit));
        self
    }

    /// What was written; none where it went over the limit.
    pub fn finish(self) -> Option<Vec<u8>> {
        (!self.full).then_some(self.out)
    }

    fn write(&mut self, bytes: &[u8]) {
        if self.full || bytes.len() > self.limit.saturating_sub(self.out.len()) {
            self.full = true;
        } else {
            self.out.extend_from_slice(bytes);
        }
    }

    /// A value that was packed before.
    pub fn packed(&mut self, bytes: &[u8]) {
        self.write(bytes);
    }

    pub fn nothing(&mut self) {
        self.write(&[0xc0]);
    }

    pub fn bool(&mut self, value: bool) {
        self.write(&[if value { 0xc3 } else { 0xc2 }]);
    }

    pub fn uint(&mut self, value: u64) {
        match value {
            0..=0x7f => self.write(&[value as u8]),
            0x80..=0xff => self.write(&[0xcc, value as u8]),
            0x100..=0xffff => self.head(0xcd, &(value as u16).to_be_bytes()),
            0x1_0000..=0xffff_ffff => self.head(0xce, &(value as u32).to_be_bytes()),
            _ => self.head(0xcf, &value.to_be_bytes()),
        }
    }

    pub fn int(&mut self, value: i64) {
        match u64::try_from(value) {
            Ok(value) => self.uint(value),
            Err(_) => self.head(0xd3, &value.to_be_bytes()),
        }
    }

    pub fn float(&mut self, value: f64) {
        self.head(0xcb, &value.to_be_bytes());
    }

    pub fn text(&mut self, text: &str) {
        match self.hidden(text.as_bytes()) {
            // Markers are text and secrets are whole characters, so what is left is text as well.
            Cow::Owned(bytes) => self.whole_text(&bytes),
            Cow::Borrowed(bytes) => self.whole_text(bytes),
        }
    }

    fn hidden<'b>(&self, bytes: &'b [u8]) -> Cow<'b, [u8]> {
        self.secrets.map_or(Cow::Borrowed(bytes), |secrets| secrets.apply(bytes))
    }

    /// A credential that somebody showed: the parts that hold a secret without it, those that hold a signature of the
    /// host's as they are, because [`mask::disguise`] finds it, and of all others nothing.
    pub fn credential(&mut self, shown: &str) {
        let known =
            |part: &&str| mask::shows(part, self.signatures) || matches!(self.hidden(part.as_bytes()), Cow::Owned(_));
        let part = |part: &str| if known(&part) { part } else { CREDENTIAL }.to_owned();
        self.text(&shown.split(';').map(part).collect::<Vec<_>>().join(";"));
    }

    /// Digest and size of bytes, without secrets.
    pub fn sealed(&mut self, bytes: &[u8]) {
        let bytes = self.hidden(bytes);
        self.map(2);
        self.key("sha256");
        self.key(&HEXLOWER.encode(&Sha256::digest(&bytes)));
        self.key("size");
        self.uint(bytes.len() as u64);
    }

    /// A name of a field or a case: never looked at for secrets.
    pub fn key(&mut self, key: &str) {
        self.whole_text(key.as_bytes());
    }

    fn whole_text(&mut self, bytes: &[u8]) {
        match bytes.len() {
            length @ 0..=31 => self.write(&[0xa0 | length as u8]),
            length @ 32..=0xff => self.write(&[0xd9, length as u8]),
            length @ 0x100..=0xffff => self.head(0xda, &(length as u16).to_be_bytes()),
            length => self.head(0xdb, &(length as u32).to_be_bytes()),
        }
        self.write(bytes);
    }

    pub fn bytes(&mut self, bytes: &[u8]) {
        let bytes = self.hidden(bytes);
        match bytes.len() {
            length @ 0..=0xff => self.write(&[0xc4, length as u8]),
            length @ 0x100..=0xffff => self.head(0xc5, &(length as u16).to_be_bytes()),
            length => self.head(0xc6, &(length as u32).to_be_bytes()),
        }
        self.write(&bytes);
    }

    /// So many values follow.
    pub fn list(&mut self, length: usize) {
        match length {
            0..=15 => self.write(&[0x90 | length as u8]),
            16..=0xffff => self.head(0xdc, &(length as u16).to_be_bytes()),
            _ => self.head(0xdd, &(length as u32).to_be_bytes()),
        }
    }

    /// So many pairs of a key and a value follow.
    pub fn map(&mut self, length: usize) {
        match length {
            0..=15 => self.write(&[0x80 | length as u8]),
            16..=0xffff => self.head(0xde, &(length as u16).to_be_bytes()),
            _ => self.head(0xdf, &(length as u32).to_be_bytes()),
        }
    }

    pub fn value(&mut self, value: &Value) {
        match value {
            Value::Nothing => self.nothing(),
            Value::Bool(value) => self.bool(*value),
            Value::Uint(value) => self.uint(*value),
            Value::Int(value) => self.int(*value),
            Value::Float(value) => self.float(*value),
            Value::Text(text) => self.text(text),
            Value::Bytes(bytes) => self.bytes(bytes),
            Value::List(items) => {
                self.list(items.len());
                items.iter().for_each(|item| self.value(item));
            }
            Value::Map(pairs) => {
                self.map(pairs.len());
                for (key, value) in pairs {
                    self.key(key);
                    self.value(value);
                }
            }
        }
    }

    fn head(&mut self, marker: u8, length: &[u8]) {
        self.write(&[marker]);
        self.write(length);
    }
}

/// Not a value, or not all of one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the bytes are no value")]
pub struct Garbled;

/// Reads one value that takes all of `bytes`.
pub(crate) fn read(bytes: &[u8]) -> Result<Value, Garbled> {
    let mut rest = bytes;
    let value = one(&mut rest, 0)?;
    if rest.is_empty() { Ok(value) } else { Err(Garbled) }
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], Garbled> {
    let (taken, left) = rest.split_at_checked(length).ok_or(Garbled)?;
    *rest = left;
    Ok(taken)
}

fn number<const N: usize>(rest: &mut &[u8]) -> Result<u64, Garbled> {
    Ok(take(rest, N)?.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

fn length<const N: usize>(rest: &mut &[u8]) -> Result<usize, Garbled> {
    usize::try_from(number::<N>(rest)?).map_err(|_| Garbled)
}

fn signed<const N: usize>(rest: &mut &[u8]) -> Result<Value, Garbled> {
    let unused = 64 - 8 * N as u32;
    let value = (number::<N>(rest)? << unused) as i64 >> unused;
    Ok(u64::try_from(value).map_or(Value::Int(value), Value::Uint))
}

fn one(rest: &mut &[u8], depth: usize) -> Result<Value, Garbled> {
    if depth > DEPTH {
        return Err(Garbled);
    }
    Ok(match take(rest, 1)?[0] {
        small @ 0x00..=0x7f => Value::Uint(small.into()),
        size @ 0x80..=0x8f => pairs(rest, usize::from(size & 0x0f), depth)?,
        size @ 0x90..=0x9f => items(rest, usize::from(size & 0x0f), depth)?,
        size @ 0xa0..=0xbf => text(rest, usize::from(size & 0x1f))?,
        0xc0 => Value::Nothing,
        0xc2 => Value::Bool(false),
        0xc3 => Value::Bool(true),
        marker @ 0xc4..=0xc6 => {
            let size = match marker {
                0xc4 => length::<1>(rest)?,
                0xc5 => length::<2>(rest)?,
                _ => length::<4>(rest)?,
            };
            Value::Bytes(take(rest, size)?.into())
        }
        0xca => Value::Float(f32::from_bits(number::<4>(rest)? as u32).into()),
        0xcb => Value::Float(f64::from_bits(number::<8>(rest)?)),
        0xcc => Value::Uint(number::<1>(rest)?),
        0xcd => Value::Uint(number::<2>(rest)?),
        0xce => Value::Uint(number::<4>(rest)?),
        0xcf => Value::Uint(number::<8>(rest)?),
        0xd0 => signed::<1>(rest)?,
        0xd1 => signed::<2>(rest)?,
        0xd2 => signed::<4>(rest)?,
        0xd3 => signed::<8>(rest)?,
        0xd9 => length::<1>(rest).and_then(|size| text(rest, size))?,
        0xda => length::<2>(rest).and_then(|size| text(rest, size))?,
        0xdb => length::<4>(rest).and_then(|size| text(rest, size))?,
        0xdc => length::<2>(rest).and_then(|size| items(rest, size, depth))?,
        0xdd => length::<4>(rest).and_then(|size| items(rest, size, depth))?,
        0xde => length::<2>(rest).and_then(|size| pairs(rest, size, depth))?,
        0xdf => length::<4>(rest).and_then(|size| pairs(rest, size, depth))?,
        negative @ 0xe0..=0xff => Value::Int((negative as i8).into()),
        0xc1 | 0xc7..=0xc9 | 0xd4..=0xd8 => return Err(Garbled),
    })
}

fn text(rest: &mut &[u8], length: usize) -> Result<Value, Garbled> {
    std::str::from_utf8(take(rest, length)?).map(|text| Value::Text(text.into())).map_err(|_| Garbled)
}

/// Each item takes a byte at least, so a length that the rest cannot hold is wrong before anything is reserved for it.
fn items(rest: &mut &[u8], length: usize, depth: usize) -> Result<Value, Garbled> {
    if length > rest.len() {
        return Err(Garbled);
    }
    (0..length).map(|_| one(rest, depth + 1)).collect::<Result<_, _>>().map(Value::List)
}

fn pairs(rest: &mut &[u8], length: usize, depth: usize) -> Result<Value, Garbled> {
    if length > rest.len() / 2 {
        return Err(Garbled);
    }
    let pair = |_| match one(rest, depth + 1)? {
        Value::Text(key) => Ok((key, one(rest, depth + 1)?)),
        _ => Err(Garbled),
    };
    (0..length).map(pair).collect::<Result<_, _>>().map(Value::Map)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::Secret;
    use data_encoding::BASE64URL_NOPAD;
    use proptest::prelude::*;

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Nothing),
            any::<bool>().prop_map(Value::Bool),
            any::<u64>().prop_map(Value::Uint),
            (i64::MIN..0).prop_map(Value::Int),
            (-1e300..1e300).prop_map(Value::Float),
            ".{0,300}".prop_map(Value::Text),
            proptest::collection::vec(any::<u8>(), 0..300).prop_map(Value::Bytes),
        ];
        leaf.prop_recursive(6, 200, 40, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..40).prop_map(Value::List),
                proptest::collection::vec((".{0,40}", inner), 0..40).prop_map(Value::Map),
            ]
        })
    }

    fn pack(value: &Value) -> Vec<u8> {
        let mut pack = Pack::new();
        pack.value(value);
        pack.finish().unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn what_is_written_is_read(value in any_value()) {
            prop_assert_eq!(read(&pack(&value)).unwrap(), value);
        }

        #[test]
        fn what_is_cut_or_garbled_is_an_error_or_a_value_and_never_a_panic(
            value in any_value(), cut in any::<proptest::sample::Index>(), with in any::<u8>()
        ) {
            let mut bytes = pack(&value);
            let at = cut.index(bytes.len());
            prop_assert!(read(&bytes[..at]).is_err());
            bytes[at] = with;
            let _ = read(&bytes);
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
        }
    }

    #[test]
    fn lengths_that_change_their_form_are_read() {
        for length in [0, 15, 16, 31, 32, 255, 256, 65_535, 65_536] {
            for value in [
                Value::Text("a".repeat(length)),
                Value::Bytes(vec![7; length]),
                Value::List(vec![Value::Nothing; length]),
                Value::Map(vec![("k".into(), Value::Bool(true)); length]),
            ] {
                assert_eq!(read(&pack(&value)).unwrap(), value, "{length}");
            }
        }
        for bytes in [&[0xdd, 0xff, 0xff, 0xff, 0xff][..], &[0xdf, 0xff, 0xff, 0xff, 0xff], &[0x91; 200]] {
            assert_eq!(read(bytes), Err(Garbled));
        }
        for (bytes, value) in
            [(&[0xd0, 0x80][..], Value::Int(-128)), (&[0xd1, 0, 5], Value::Uint(5)), (&[0xff], Value::Int(-1))]
        {
            assert_eq!(read(bytes).unwrap(), value);
        }
    }

    #[test]
    fn a_secret_is_nowhere_and_a_limit_ends_it() {
        let secrets = Rewriting::hiding([("token", &Secret("geheim".into()))]);
        let mut pack = Pack::hiding(&secrets);
        pack.list(3);
        pack.text("Bearer geheim, geheim");
        pack.bytes(b"x=geheim");
        pack.text("gehei");
        let packed = pack.finish().unwrap();
        assert!(memchr::memmem::find(&packed, b"geheim").is_none());
        let expected = [
            Value::Text("Bearer [secret token], [secret token]".into()),
            Value::Bytes(b"x=[secret token]".to_vec()),
            Value::Text("gehei".into()),
        ];
        assert_eq!(read(&packed).unwrap(), Value::List(expected.into()));
        let mut pack = Pack::new().within(4);
        pack.text("abc");
        pack.text("d");
        assert_eq!(pack.finish(), None);
    }

    #[test]
    fn of_a_credential_stays_what_holds_a_secret_or_a_signature() {
        let secrets = Rewriting::hiding([("token", &Secret("geheim".into()))]);
        let signatures = [(0..32).collect::<Vec<u8>>()];
        let token = format!("Bearer a.b.{}", BASE64URL_NOPAD.encode(&signatures[0]));
        for (shown, kept) in [
            ("Bearer geheim", "Bearer [secret token]"),
            ("session=4711; key=geheim; a=b", "[credential]; key=[secret token];[credential]"),
            ("Bearer eyJhbGciOiJSUzI1NiJ9.e30.c2ln", "[credential]"),
            (&token, &token),
        ] {
            let mut pack = Pack::hiding(&secrets).knowing(&signatures);
            pack.credential(shown);
            assert_eq!(read(&pack.finish().unwrap()).unwrap(), Value::Text(kept.into()));
        }
    }
}
