//! Visitor tokens: JSON Web Tokens (RFC 7519) in compact form, signed with HS256 (RFC 7518, 3.2) and nothing else, so that
//! a shop makes them with any library. Those of anonymous visitors are made here, with the same key.
use crate::KEY;
use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use std::fmt;
use tributary_sdk::host::secrets::{self, SecretError};

/// A longer token is none of ours.
const LONGEST: usize = 4096;

/// The longest visitor id, in bytes: it is part of keys of the host.
const LONGEST_SUBJECT: usize = 120;

/// What the id of an anonymous visitor begins with. The shop's own ids do not.
pub const ANONYMOUS: &str = "anon-";

/// What a token says.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Claims {
    /// The visitor: the shop's id of the customer, or `anon-…`.
    pub sub: String,
    /// Until when it is good, in seconds since 1970; some libraries write fractions.
    pub exp: f64,
    /// From when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nbf: Option<f64>,
    /// Whom it is for: a text, or a list of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aud: Option<Audience>,
    /// The only origin that may use it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// What the visitor is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The shop has proved it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub email_verified: bool,
    /// A phone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// The shop has proved it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub phone_verified: bool,
    /// The visitor's id across the shop's accounts of one WeChat open platform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wechat_unionid: Option<String>,
    /// The order that the page is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// What kind of customer it is, such as `gold`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
}

/// Whom a token is for (RFC 7519, 4.1.3).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    /// One.
    One(String),
    /// Any of these.
    Many(Vec<String>),
}

fn is_false(value: &bool) -> bool {
    !value
}

/// Why a token is not taken.
#[derive(Debug, Clone, PartialEq)]
pub enum TokenError {
    /// There is none.
    Missing,
    /// It was good once.
    Expired,
    /// It is not one, or nobody signed it who may: what is wrong with it.
    Invalid(&'static str),
    /// It is good, for another origin.
    Origin,
    /// There is no key to check it with.
    NoKey(SecretError),
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("a token is needed: `Authorization: Bearer …`"),
            Self::Expired => f.write_str("the token has expired"),
            Self::Invalid(what) => write!(f, "the token is not taken: {what}"),
            Self::Origin => f.write_str("the token is for another origin"),
            Self::NoKey(SecretError::Denied(name)) => write!(f, "the secret `{name}` is not granted"),
            Self::NoKey(SecretError::Missing(name)) => write!(f, "the secret `{name}` is not set"),
        }
    }
}

/// The protected header (RFC 7515, 4.1).
#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    typ: Option<String>,
    #[serde(default)]
    crit: Option<serde_json::Value>,
}

/// What a token has to fit.
#[derive(Debug)]
pub struct Rules {
    /// How far clocks may differ, in seconds.
    pub skew: u32,
    /// The audience it names; none: it names none.
    pub audience: Option<String>,
}

impl Rules {
    /// The claims of a token that is good at this time, in milliseconds. Whether the call comes from the token's origin is
    /// for the caller to see.
    ///
    /// # Errors
    /// [`TokenError`].
    pub fn check(&self, token: &str, now: u64) -> Result<Claims, TokenError> {
        let claims = verified(token)?;
        // Exact for 285,000 years.
        let (now, skew) = (now as f64 / 1000.0, f64::from(self.skew));
        if claims.exp + skew <= now {
            return Err(TokenError::Expired);
        }
        if claims.nbf.is_some_and(|start| start > now + skew) {
            return Err(TokenError::Invalid("it is not good yet"));
        }
        let named = match &claims.aud {
            None => None,
            Some(Audience::One(name)) => Some(std::slice::from_ref(name)),
            Some(Audience::Many(names)) => Some(names.as_slice()),
        };
        match (&self.audience, named) {
            (None, None) => {}
            (Some(own), Some(names)) if names.contains(own) => {}
            _ => return Err(TokenError::Invalid("its `aud` is not that of this chat")),
        }
        let plain = |c: char| !c.is_control() && !c.is_whitespace();
        if claims.sub.is_empty() || claims.sub.len() > LONGEST_SUBJECT || !claims.sub.chars().all(plain) {
            return Err(TokenError::Invalid("`sub` has to be 1 to 120 bytes without spaces"));
        }
        // What makes such an id binds it to an origin; the shop's own ids are not to be taken for one.
        if claims.is_anonymous() && claims.origin.is_none() {
            return Err(TokenError::Invalid("an id of the shop does not begin with `anon-`"));
        }
        Ok(claims)
    }
}

impl Claims {
    /// Nobody but this adapter knows the visitor.
    pub fn is_anonymous(&self) -> bool {
        self.sub.starts_with(ANONYMOUS)
    }

    /// The token with these claims.
    ///
    /// # Errors
    /// Where the key is not granted or not set.
    pub fn sign(&self) -> Result<String, SecretError> {
        let claims = serde_json::to_vec(self).unwrap_or_default();
        let header = BASE64URL_NOPAD.encode(br#"{"alg":"HS256","typ":"JWT"}"#);
        let signed = format!("{header}.{}", BASE64URL_NOPAD.encode(&claims));
        let signature = secrets::hmac_sha256(KEY, signed.as_bytes())?;
        Ok(format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature)))
    }
}

/// The claims of a token whose signature is right.
fn verified(token: &str) -> Result<Claims, TokenError> {
    const SHAPE: TokenError = TokenError::Invalid("it is no JSON Web Token in compact form");
    if token.len() > LONGEST {
        return Err(SHAPE);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(SHAPE)?;
    let (header, claims) = signed.split_once('.').ok_or(SHAPE)?;
    let decode = |part: &str| BASE64URL_NOPAD.decode(part.as_bytes()).map_err(|_| SHAPE);
    let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| SHAPE)?;
    if header.alg != "HS256" {
        return Err(TokenError::Invalid("it has to be signed with HS256"));
    }
    if header.crit.is_some() || header.typ.is_some_and(|typ| !typ.eq_ignore_ascii_case("JWT")) {
        return Err(TokenError::Invalid("its header asks for what is not known here"));
    }
    let expected = secrets::hmac_sha256(KEY, signed.as_bytes()).map_err(TokenError::NoKey)?;
    if !equal(&decode(signature)?, &expected) {
        return Err(TokenError::Invalid("its signature is wrong"));
    }
    serde_json::from_slice(&decode(claims)?)
        .map_err(|_| TokenError::Invalid("it needs `sub`, a text, and `exp`, a number; see the documentation"))
}

/// Whether two digests are equal, in a time that says nothing about where they differ.
pub fn equal(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

/// 16 bytes under the key, as text, for what no token is: no token begins with a word and a colon.
///
/// # Errors
/// Where the key is not granted or not set.
pub fn mark(what: &str, parts: &[&str]) -> Result<String, SecretError> {
    let digest = secrets::hmac_sha256(KEY, format!("{what}:{}", parts.join("\n")).as_bytes())?;
    Ok(BASE64URL_NOPAD.encode(&digest[..digest.len().min(16)]))
}
