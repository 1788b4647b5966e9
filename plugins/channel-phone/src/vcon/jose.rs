//! The signed and the encrypted form of a vCon: JWS (RFC 7515) and JWE (RFC 7516), general JSON serialisation.
use rsa::pkcs1v15::{Signature, VerifyingKey};
use rsa::pkcs8::DecodePublicKey;
use rsa::sha2::Sha256;
use rsa::signature::Verifier;
use rsa::{BigUint, RsaPublicKey};
use serde_json::Value;
use tributary_sdk::{PrepareError, Rejection};
use x509_cert::Certificate;
use x509_cert::der::{DecodePem, Encode};

use super::dialog::base64;
use crate::json::At;

/// A key that signed vCons are checked with.
pub type Key = VerifyingKey<Sha256>;

/// Reads a key of the configuration: a PEM certificate or public key.
///
/// # Errors
/// [`PrepareError`] where it is neither, or no RSA key.
pub fn key(pem: &str) -> Result<Key, PrepareError> {
    let wrong = || PrepareError::value("vcon-keys", "expected PEM certificates or public keys of RSA");
    let key = if pem.contains("BEGIN CERTIFICATE") {
        let certificate = Certificate::from_pem(pem.trim()).map_err(|_| wrong())?;
        let der = certificate.tbs_certificate.subject_public_key_info.to_der().map_err(|_| wrong())?;
        RsaPublicKey::from_public_key_der(&der)
    } else {
        RsaPublicKey::from_public_key_pem(pem.trim())
    };
    let key = key.map_err(|_| wrong())?;
    // A key of another order costs more than it proves.
    let exponent = rsa::traits::PublicKeyParts::e(&key);
    if *exponent > BigUint::from(u32::MAX) {
        return Err(wrong());
    }
    Ok(VerifyingKey::new(key))
}

/// Whether a JSON object is a signed document.
pub fn is_signed(document: &Value) -> bool {
    document.get("payload").is_some() && (document.get("signatures").is_some() || document.get("signature").is_some())
}

/// Whether a JSON object is an encrypted document.
pub fn is_encrypted(document: &Value) -> bool {
    document.get("ciphertext").is_some()
}

/// What is signed, and whether a known key signed it. Without keys nothing is checked.
///
/// # Errors
/// [`Rejection::Malformed`] where it is no JWS, or no signature of it is by one of the keys: it is kept aside for a person.
pub fn open(document: &Value, keys: &[Key]) -> Result<(Vec<u8>, bool), Rejection> {
    let top = At::top(document);
    let payload = top.get("payload").ok_or_else(|| top.fault("a `payload`"))?;
    let encoded = payload.text()?;
    let data = base64(encoded).ok_or_else(|| payload.fault("base64url"))?;
    let mut signatures = top.list("signatures")?;
    if signatures.is_empty() {
        signatures.push(top.clone());
    }
    let mut verified = false;
    for signature in &signatures {
        let protected = signature.maybe_text("protected")?.unwrap_or_default();
        let header = base64(protected).and_then(|header| serde_json::from_slice::<Value>(&header).ok());
        let bytes = signature.get("signature").ok_or_else(|| signature.fault("a `signature`"))?;
        let bytes = base64(bytes.text()?).ok_or_else(|| bytes.fault("base64url"))?;
        let algorithm = header.as_ref().and_then(|header| header.get("alg")).and_then(Value::as_str);
        // RFC 7515, section 4.1.11: what is critical and not known makes the signature invalid.
        let critical = header.as_ref().is_some_and(|header| header.get("crit").is_some());
        if algorithm != Some("RS256") || critical {
            continue;
        }
        let signed = format!("{protected}.{encoded}");
        let Ok(bytes) = Signature::try_from(bytes.as_slice()) else { continue };
        verified |= keys.iter().any(|key| key.verify(signed.as_bytes(), &bytes).is_ok());
    }
    if !keys.is_empty() && !verified {
        return Err(Rejection::Malformed(
            "the signed vCon has no RS256 signature by one of the keys in `vcon-keys`".into(),
        ));
    }
    Ok((data, verified))
}
