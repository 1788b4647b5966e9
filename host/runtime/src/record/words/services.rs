//! What services are asked and answer, in the words of the contract.
use super::{Fields, Unlike, Word, record, variant};
use crate::bindings::tributary::plugin::{blobs, calendar, knowledge, mail, secrets, state, types};
use crate::record::pack::{CREDENTIAL, Pack};
use crate::record::value::Value;
use crate::services::EgressError;
use tributary_model::message::Attribute;

variant!(state::StateError { TooLarge(limit), Unavailable(why) });
variant!(secrets::SecretError { Denied(name), Missing(name) });
variant!(blobs::BlobError { TooLarge(limit), Unknown(id), Unavailable(why) });
variant!(EgressError { Denied(host), Unreachable(why), Timeout(), TooLarge(limit) });
variant!(mail::MailError { Temporary(why), Permanent(why) });
variant!(calendar::CalendarError { Unknown(names), Never() });
record!(calendar::Moment { at, utc_offset });
record!(knowledge::Article { id, title, text, score });
record!(types::AttachmentResult { blob, name, media_type, size, content_id });

/// Bytes that are kept as they are.
pub(crate) struct Bytes(pub Vec<u8>);

impl Word for Bytes {
    fn put(&self, to: &mut Pack<'_>) {
        to.bytes(&self.0);
    }

    fn take(from: Value) -> Result<Self, Unlike> {
        match from {
            Value::Bytes(bytes) => Ok(Self(bytes)),
            _ => Err(Unlike("list<u8>")),
        }
    }
}

/// Fields of HTTP requests and answers whose value is a credential: those of RFC 9110, 11, and RFC 6265, and what platforms
/// use besides.
const CREDENTIALS: [&str; 11] = [
    "authorization",
    "proxy-authorization",
    "authentication-info",
    "proxy-authentication-info",
    "cookie",
    "set-cookie",
    "x-api-key",
    "api-key",
    "x-auth-token",
    "x-access-token",
    "x-amz-security-token",
];

fn is_credential(name: &str) -> bool {
    CREDENTIALS.iter().any(|one| name.eq_ignore_ascii_case(one))
}

fn put_each(fields: &[Attribute], to: &mut Pack<'_>, credential: fn(&mut Pack<'_>, &str)) {
    to.list(fields.len());
    for Attribute { name, value } in fields {
        to.map(2);
        to.key("name");
        to.text(name);
        to.key("value");
        if is_credential(name) {
            credential(to, value);
        } else {
            to.text(value);
        }
    }
}

/// Fields of what leaves or is answered, without credentials: a plugin may have made them from what it was told.
pub(crate) fn put_fields(fields: &[Attribute], to: &mut Pack<'_>) {
    put_each(fields, to, |to, _| to.key(CREDENTIAL));
}

/// Fields of what came in. What is shown there is checked: a plugin that is asked again has to find what it found.
pub(crate) fn put_shown_fields(fields: &[Attribute], to: &mut Pack<'_>) {
    put_each(fields, to, |to, shown| to.credential(shown));
}

/// Whether these fields hold a credential that nothing is left of.
pub(crate) fn withhold(fields: &[Attribute]) -> bool {
    fields.iter().any(|field| is_credential(&field.name) && field.value.contains(CREDENTIAL))
}
