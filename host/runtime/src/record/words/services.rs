//! What services are asked and answer, in the words of the contract.
use super::{Fields, Unlike, Word, record, variant};
use crate::bindings::tributary::plugin::{blobs, knowledge, mail, secrets, state, types};
use crate::record::pack::Pack;
use crate::record::value::Value;
use crate::services::EgressError;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use tributary_model::message::{Attribute, Response};

variant!(state::StateError { TooLarge(limit), Unavailable(why) });
variant!(secrets::SecretError { Denied(name), Missing(name) });
variant!(blobs::BlobError { TooLarge(limit), Unknown(id), Unavailable(why) });
variant!(EgressError { Denied(host), Unreachable(why), Timeout(), TooLarge(limit) });
variant!(mail::MailError { Temporary(why), Permanent(why) });
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

/// Bytes of which only digest and size are kept: what the plugin handed over, and would hand over again.
pub(crate) struct Sealed<'a>(pub &'a [u8]);

impl Sealed<'_> {
    pub fn put(&self, to: &mut Pack<'_>) {
        to.map(2);
        to.key("sha256");
        to.key(&HEXLOWER.encode(&Sha256::digest(self.0)));
        to.key("size");
        to.uint(self.0.len() as u64);
    }
}

/// Fields of HTTP requests and answers whose value is a credential.
const CREDENTIALS: [&str; 9] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "x-api-key",
    "api-key",
    "x-auth-token",
    "x-access-token",
    "x-amz-security-token",
];

/// What stands for the value of one.
const CREDENTIAL: &str = "[credential]";

fn is_credential(name: &str) -> bool {
    CREDENTIALS.iter().any(|one| name.eq_ignore_ascii_case(one))
}

/// Fields of a request, without credentials: a plugin may have made them from what it was told.
pub(crate) fn put_fields(fields: &[Attribute], to: &mut Pack<'_>) {
    to.list(fields.len());
    for Attribute { name, value } in fields {
        to.map(2);
        to.key("name");
        to.text(name);
        to.key("value");
        to.text(if is_credential(name) { CREDENTIAL } else { value });
    }
}

/// An answer without credentials.
pub(crate) fn without_credentials(mut answer: Response) -> Response {
    for field in &mut answer.headers {
        if is_credential(&field.name) {
            field.value = CREDENTIAL.into();
        }
    }
    answer
}
