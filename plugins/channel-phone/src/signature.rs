//! Who may hand something in: Twilio by its signature, others by a token or a Standard-Webhooks signature.
use data_encoding::{BASE64, HEXLOWER};
use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use tributary_sdk::Rejection;
use tributary_sdk::host::{self, secrets::SecretError};
use tributary_sdk::web::Request;

/// The secret that signs callbacks with the account's own token.
pub const TWILIO_TOKEN: &str = "twilio-auth-token";
/// The secret of a shared key, for callbacks that name an algorithm.
pub const TWILIO_SHARED_KEY: &str = "twilio-shared-key";
/// The token of whoever posts documents.
pub const DOCUMENT_TOKEN: &str = "document-token";
/// The key of whoever signs documents by Standard Webhooks: `whsec_` and base64.
pub const WEBHOOK_SECRET: &str = "webhook-secret";

/// Fields of a form in its order.
pub type Form = Vec<(String, String)>;

fn no(why: impl Into<String>) -> Rejection {
    Rejection::Unauthenticated(why.into())
}

/// A secret, or a refusal that names it.
fn secret(name: &str) -> Result<String, Rejection> {
    match host::secrets::get(name) {
        Ok(value) if !value.trim().is_empty() => Ok(value.trim().to_owned()),
        Ok(_) | Err(SecretError::Missing(_)) => Err(no(format!("the secret `{name}` is not set"))),
        Err(SecretError::Denied(_)) => Err(no(format!("the secret `{name}` is not granted"))),
    }
}

/// How a callback is signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Algorithm {
    /// Without a settings header.
    Sha1,
    /// `X-Twilio-Webhooks-Signature-Settings: key=…,algorithm=HMAC_SHA256`.
    Sha256,
}

impl Algorithm {
    /// Of the settings header; none for an algorithm that is not known.
    fn of(settings: Option<&str>) -> Option<Self> {
        let named = settings.unwrap_or_default().split(',').find_map(|part| {
            let (name, value) = part.split_once('=')?;
            (name.trim() == "algorithm" && !value.trim().is_empty()).then_some(value.trim())
        });
        match named {
            None => Some(Self::Sha1),
            Some(name) if name.eq_ignore_ascii_case("HMAC_SHA1") => Some(Self::Sha1),
            Some(name) if name.eq_ignore_ascii_case("HMAC_SHA256") => Some(Self::Sha256),
            Some(_) => None,
        }
    }

    fn secret(self) -> &'static str {
        match self {
            Self::Sha1 => TWILIO_TOKEN,
            Self::Sha256 => TWILIO_SHARED_KEY,
        }
    }

    /// The MAC of a text, to be checked or to be written.
    fn mac<R>(
        self,
        key: &str,
        text: &str,
        with_sha1: impl Fn(Hmac<Sha1>) -> R,
        with_sha256: impl Fn(Hmac<Sha256>) -> R,
    ) -> Option<R> {
        match self {
            Self::Sha1 => {
                let mac = Hmac::<Sha1>::new_from_slice(key.as_bytes()).ok()?;
                Some(with_sha1(mac.chain_update(text)))
            }
            Self::Sha256 => {
                let mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).ok()?;
                Some(with_sha256(mac.chain_update(text)))
            }
        }
    }
}

/// What Twilio signs: the URL, then each field's name and value, by name; a name that repeats has its values once each, in
/// order ("Validating requests", Twilio).
fn signed_text(url: &str, form: &[(String, String)]) -> String {
    let mut fields: Vec<&(String, String)> = form.iter().collect();
    fields.sort();
    fields.dedup();
    let mut text = url.to_owned();
    for (name, value) in fields {
        text.push_str(name);
        text.push_str(value);
    }
    text
}

/// The signature of a call, as Twilio would write it.
pub fn twilio_signature(key: &str, url: &str, form: &[(String, String)], algorithm: Algorithm) -> Option<String> {
    let text = signed_text(url, form);
    algorithm.mac(
        key,
        &text,
        |mac| BASE64.encode(&mac.finalize().into_bytes()),
        |mac| BASE64.encode(&mac.finalize().into_bytes()),
    )
}

/// The URL with its port named and without it: Twilio signs either.
fn port_variants(url: &str) -> [String; 2] {
    let Some((scheme, rest)) = url.split_once("://") else { return [url.to_owned(), url.to_owned()] };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host_end = authority.rfind(']').map_or(0, |bracket| bracket + 1);
    match authority[host_end..].find(':') {
        Some(colon) => [url.to_owned(), format!("{scheme}://{}{path}", &authority[..host_end + colon])],
        None => {
            let port = if scheme.eq_ignore_ascii_case("https") { 443 } else { 80 };
            [url.to_owned(), format!("{scheme}://{authority}:{port}{path}")]
        }
    }
}

/// Checks that Twilio made this call, and gives the fields of its form; of a call in JSON there are none.
///
/// # Errors
/// [`Rejection::Unauthenticated`] where the signature is wrong or cannot be checked.
pub fn twilio(request: &Request, public_url: Option<&str>) -> Result<Form, Rejection> {
    let base = public_url.ok_or_else(|| no("`public-url` is not set, so no signature of Twilio can be checked"))?;
    let given = request.header("x-twilio-signature").ok_or_else(|| no("there is no x-twilio-signature"))?;
    let given = BASE64.decode(given.trim().as_bytes()).map_err(|_| no("x-twilio-signature is not base64"))?;
    let algorithm = Algorithm::of(request.header("x-twilio-webhooks-signature-settings"))
        .ok_or_else(|| no("the signature's algorithm is neither HMAC_SHA1 nor HMAC_SHA256"))?;
    let key = secret(algorithm.secret())?;
    let url = format!("{}{}", base.trim_end_matches('/'), request.url);
    let kind = request.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let form: Form = if kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        form_urlencoded::parse(&request.body).into_owned().collect()
    } else {
        body_digest(request)?;
        Vec::new()
    };
    let sound = port_variants(&url).iter().any(|url| {
        let text = signed_text(url, &form);
        let checked =
            algorithm.mac(&key, &text, |mac| mac.verify_slice(&given).is_ok(), |mac| mac.verify_slice(&given).is_ok());
        checked == Some(true)
    });
    if sound { Ok(form) } else { Err(no("the signature does not belong to this call")) }
}

/// A body that is no form is covered by its digest in the query (`bodySHA256`), which the signature covers.
fn body_digest(request: &Request) -> Result<(), Rejection> {
    let query = request.url.split_once('?').map_or("", |(_, query)| query);
    let given = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "bodySHA256").map(|(_, value)| value);
    match given {
        None if request.body.is_empty() => Ok(()),
        None => Err(no("a body that is no form has to have its bodySHA256 in the query")),
        Some(given) => {
            let digest = HEXLOWER.encode(&Sha256::digest(&request.body));
            if same(given.to_lowercase().as_bytes(), digest.as_bytes()) {
                Ok(())
            } else {
                Err(no("bodySHA256 is not that of the body"))
            }
        }
    }
}

/// Equality that takes as long for any two texts of one length.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differences, (a, b)| differences | (a ^ b)) == 0
}

/// Checks who posts a document: by a Standard-Webhooks signature where there is one, else by `Authorization: Bearer`.
///
/// # Errors
/// [`Rejection::Unauthenticated`] where neither holds.
pub fn document(request: &Request, tolerance: u32) -> Result<(), Rejection> {
    if request.header("webhook-signature").is_some() {
        return webhook(request, tolerance);
    }
    let given = request.header("authorization").and_then(|value| value.split_once(' '));
    match given {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
            if same(token.trim().as_bytes(), secret(DOCUMENT_TOKEN)?.as_bytes()) {
                Ok(())
            } else {
                Err(no("the token is another one"))
            }
        }
        _ => Err(no("a document needs `Authorization: Bearer …` or a webhook signature")),
    }
}

/// Standard Webhooks 1.0: `webhook-signature: v1,BASE64 …` over `ID.TIMESTAMP.BODY`.
fn webhook(request: &Request, tolerance: u32) -> Result<(), Rejection> {
    let header = |name: &str| request.header(name).ok_or_else(|| no(format!("there is no {name}")));
    let (id, timestamp, signatures) =
        (header("webhook-id")?, header("webhook-timestamp")?, header("webhook-signature")?);
    let at: u64 = timestamp.trim().parse().map_err(|_| no("webhook-timestamp is not a number of seconds"))?;
    if (host::clock::now() / 1000).abs_diff(at) > u64::from(tolerance) {
        return Err(no("webhook-timestamp is too far from now"));
    }
    let key = secret(WEBHOOK_SECRET)?;
    let key = BASE64
        .decode(key.strip_prefix("whsec_").unwrap_or(&key).as_bytes())
        .map_err(|_| no("the secret `webhook-secret` is not `whsec_` and base64"))?;
    let mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|_| no("the secret `webhook-secret` is no key"))?;
    let mac =
        mac.chain_update(id).chain_update(".").chain_update(timestamp).chain_update(".").chain_update(&request.body);
    let sound = signatures
        .split_whitespace()
        .filter_map(|one| one.strip_prefix("v1,"))
        .any(|one| BASE64.decode(one.as_bytes()).is_ok_and(|given| mac.clone().verify_slice(&given).is_ok()));
    if sound { Ok(()) } else { Err(no("no signature belongs to this document")) }
}

#[cfg(test)]
mod tests {
    use super::{Algorithm, port_variants, twilio_signature};

    fn form(fields: &[(&str, &str)]) -> Vec<(String, String)> {
        fields.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
    }

    /// The vectors of Twilio's own libraries.
    #[test]
    fn known_answers() {
        let fields = form(&[
            ("CallSid", "CA1234567890ABCDE"),
            ("Digits", "1234"),
            ("From", "+14158675309"),
            ("To", "+18005551212"),
            ("Caller", "+14158675309"),
        ]);
        let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
        let sign =
            |url: &str, fields: &[(String, String)]| twilio_signature("12345", url, fields, Algorithm::Sha1).unwrap();
        assert_eq!(sign(url, &fields), "RSOYDt4T1cUTdK1PDd93/VVr8B8=");
        let body = "&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620";
        assert_eq!(sign(&format!("{url}{body}"), &[]), "a9nBmqA0ju/hNViExpshrM61xv4=");
        let twice = form(&[
            ("Sid", "CA123"),
            ("SidAccount", "AC123"),
            ("Digits", "5678"),
            ("Digits", "1234"),
            ("Digits", "1234"),
        ]);
        assert_eq!(sign(url, &twice), "IK+Dwps556ElfBT0I3Rgjkr1wJU=");
    }

    #[test]
    fn ports() {
        assert_eq!(port_variants("https://a.b/c?d:e")[1], "https://a.b:443/c?d:e");
        assert_eq!(port_variants("http://a.b")[1], "http://a.b:80");
        assert_eq!(port_variants("https://a.b:8443/c")[1], "https://a.b/c");
        assert_eq!(port_variants("https://[::1]/c")[1], "https://[::1]:443/c");
        assert_eq!(port_variants("https://[::1]:8/c")[1], "https://[::1]/c");
    }

    #[test]
    fn algorithms() {
        assert_eq!(Algorithm::of(None), Some(Algorithm::Sha1));
        assert_eq!(Algorithm::of(Some("key=webhooks_sharedkey_1, algorithm=hmac_sha256")), Some(Algorithm::Sha256));
        assert_eq!(Algorithm::of(Some("key=1")), Some(Algorithm::Sha1));
        assert_eq!(Algorithm::of(Some("algorithm=HMAC_MD5")), None);
    }
}
