//! What stands before every arrival: the call's query, its signature, its age, and the envelope of the encrypted mode.
use tributary_sdk::Rejection;
use tributary_sdk::host::secrets::{self, SecretError};
use tributary_sdk::types::Timestamp;

use crate::cipher::{Cipher, CipherError};
use crate::sign::{matches, signature};
use crate::xml::cdata;

/// The query of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// The query of a URL.
    pub fn of(url: &str) -> Self {
        let query = url.split_once('?').map_or("", |(_, query)| query);
        let query = query.split_once('#').map_or(query, |(query, _)| query);
        Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// The first value of a name; empty where there is none.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value)
    }

    /// `signature`, which covers the query alone: token, timestamp, nonce.
    ///
    /// # Errors
    /// [`Rejection::Unauthenticated`].
    pub fn signed(&self, token: &str) -> Result<(), Rejection> {
        let ours = signature(&[token, self.get("timestamp"), self.get("nonce")]);
        proven("signature", &ours, self.get("signature"))
    }

    /// `msg_signature`, which covers the encrypted text as well.
    ///
    /// # Errors
    /// [`Rejection::Unauthenticated`].
    pub fn sealed(&self, token: &str, encrypted: &str) -> Result<(), Rejection> {
        let ours = signature(&[token, self.get("timestamp"), self.get("nonce"), encrypted]);
        proven("msg_signature", &ours, self.get("msg_signature"))
    }

    /// Whether the call was signed within the last `max_age` seconds; 0 is no limit. A clock that goes ahead is no fault.
    ///
    /// # Errors
    /// [`Rejection::Unauthenticated`], which names the configuration's `key`.
    pub fn fresh(&self, now: Timestamp, max_age: u32, key: &str) -> Result<(), Rejection> {
        if max_age == 0 {
            return Ok(());
        }
        let at: u64 = self
            .get("timestamp")
            .parse()
            .map_err(|_| Rejection::Unauthenticated("the call's timestamp is no number of seconds".into()))?;
        let age = (now / 1000).saturating_sub(at);
        if age > u64::from(max_age) {
            let words = format!("the call was signed {age} s ago, and `{key}` allows {max_age} s");
            return Err(Rejection::Unauthenticated(words));
        }
        Ok(())
    }
}

fn proven(name: &str, ours: &str, theirs: &str) -> Result<(), Rejection> {
    if matches(ours, &theirs.to_ascii_lowercase()) {
        return Ok(());
    }
    let what = if theirs.is_empty() { "is missing" } else { "does not fit" };
    Err(Rejection::Unauthenticated(format!("`{name}` {what}")))
}

/// A secret that calls are checked with. Where the operator has not set it, the arrival is kept until it is there.
///
/// # Errors
/// [`Rejection::Malformed`], which names the secret.
pub fn secret(name: &str) -> Result<String, Rejection> {
    let text = secrets::get(name).map_err(|error| Rejection::Malformed(missing(&error)))?;
    Ok(text.trim().to_owned())
}

/// What is wrong with a secret, for the operator.
pub fn missing(error: &SecretError) -> String {
    match error {
        SecretError::Denied(name) => format!("the secret `{name}` is not granted to this channel"),
        SecretError::Missing(name) => format!("the secret `{name}` is not set"),
    }
}

/// The cipher of the secret that holds the EncodingAESKey.
///
/// # Errors
/// [`Rejection::Malformed`], which names the secret.
pub fn cipher(name: &str) -> Result<Cipher, Rejection> {
    Cipher::new(&secret(name)?).map_err(|error| Rejection::Malformed(format!("the secret `{name}`: {error}")))
}

/// What an encrypted text holds, which `sealed` has proven before.
///
/// # Errors
/// [`Rejection::Unauthenticated`] where it is for another app or company, [`Rejection::Malformed`] where the key does not
/// fit.
pub fn open(cipher: &Cipher, encrypted: &str, receive_id: &str) -> Result<Vec<u8>, Rejection> {
    let opened = cipher.open(encrypted).map_err(|error: CipherError| Rejection::Malformed(error.to_string()))?;
    if !matches(receive_id, &opened.receive_id) {
        return Err(Rejection::Unauthenticated("the message is encrypted for another app id or corp id".into()));
    }
    Ok(opened.message)
}

/// The encrypted form of an answer, as the platforms read it.
pub fn envelope(encrypted: &str, token: &str, timestamp: &str, nonce: &str) -> String {
    let signature = signature(&[token, timestamp, nonce, encrypted]);
    format!(
        "<xml><Encrypt>{}</Encrypt><MsgSignature>{}</MsgSignature><TimeStamp>{timestamp}</TimeStamp><Nonce>{}</Nonce></xml>",
        cdata(encrypted),
        cdata(&signature),
        cdata(nonce)
    )
}

/// The query of a call, with its values escaped.
pub fn query(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_as_old_as_its_timestamp() {
        let query = Query::of("/?timestamp=1000&nonce=%E4%BD%A0+a#x");
        assert_eq!(query.get("nonce"), "你 a");
        assert_eq!(query.fresh(1_060_000, 60, "k"), Ok(()));
        assert_eq!(query.fresh(900_000, 60, "k"), Ok(()));
        assert_eq!(query.fresh(9_000_000_000, 0, "k"), Ok(()));
        assert!(
            matches!(query.fresh(1_061_000, 60, "k"), Err(Rejection::Unauthenticated(words)) if words.contains("`k`"))
        );
        assert!(Query::of("/").fresh(0, 60, "k").is_err());
    }

    #[test]
    fn nothing_is_no_signature() {
        for url in ["/", "/?signature=", "/?signature=x&timestamp=1&nonce=2"] {
            assert!(Query::of(url).signed("").is_err(), "{url}");
        }
    }
}
