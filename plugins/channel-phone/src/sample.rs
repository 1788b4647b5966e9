//! What `tributary channel test` hands in: a call of our own, signed as Twilio signs where its token is set, else a vCon.
use data_encoding::HEXLOWER;
use serde_json::json;
use sha2::{Digest, Sha256};
use tributary_sdk::Sample;
use tributary_sdk::host;
use tributary_sdk::types::Attribute;
use tributary_sdk::web::Request;

use crate::config::Config;
use crate::signature::{Algorithm, TWILIO_TOKEN, twilio_signature};
use crate::time;

/// Somebody who cannot be called: a number of the range for fiction.
const CALLER: &str = "+12065550143";

/// The arrivals of one call with this text.
///
/// # Errors
/// Where a callback cannot be signed.
pub fn samples(text: &str, config: &Config) -> Result<Vec<Sample>, String> {
    let now = host::clock::now();
    let digest = HEXLOWER.encode(&Sha256::digest(format!("{now} {text}"))[..16]);
    let Ok(token) = host::secrets::get(TWILIO_TOKEN) else {
        return Ok(vec![vcon(text, &digest, now)]);
    };
    let base = config.public_url.as_deref().ok_or("`public-url` is not set; Twilio signs the whole URL")?;
    let url = format!("/twilio/transcription?From={}&Direction=inbound", CALLER.replace('+', "%2B"));
    let data = json!({ "transcript": text, "confidence": 0.99 }).to_string();
    let (call, transcription) = (format!("CA{digest}"), format!("GT{digest}"));
    let account = config.account_sid.clone().unwrap_or_else(|| format!("AC{digest}"));
    let mut samples = Vec::new();
    for (sequence, event, fields) in [
        ("1", "transcription-started", vec![]),
        (
            "2",
            "transcription-content",
            vec![("TranscriptionData", data.as_str()), ("Final", "true"), ("Track", config.customer_track.as_str())],
        ),
        ("3", "transcription-stopped", vec![]),
    ] {
        let timestamp = time::show(now);
        let mut form = vec![
            ("AccountSid", account.as_str()),
            ("CallSid", &call),
            ("TranscriptionSid", &transcription),
            ("TranscriptionEvent", event),
            ("SequenceId", sequence),
            ("Timestamp", &timestamp),
            ("LanguageCode", "en-US"),
        ];
        form.extend(fields);
        let form: Vec<(String, String)> = form.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        let whole = format!("{}{url}", base.trim_end_matches('/'));
        let signature = twilio_signature(token.trim(), &whole, &form, Algorithm::Sha1).ok_or("the token is no key")?;
        samples.push(Sample::Http(Request {
            method: "POST".into(),
            url: url.clone(),
            headers: vec![
                Attribute::new("content-type", "application/x-www-form-urlencoded"),
                Attribute::new("x-twilio-signature", signature),
            ],
            body: form_urlencoded::Serializer::new(String::new()).extend_pairs(&form).finish().into_bytes(),
        }));
    }
    Ok(samples)
}

/// A call as a vCon.
fn vcon(text: &str, digest: &str, now: u64) -> Sample {
    let start = time::show(now);
    let uuid =
        format!("{}-{}-8{}-8{}-{}", &digest[..8], &digest[8..12], &digest[13..16], &digest[17..20], &digest[20..32]);
    let document = json!({
        "vcon": "0.4.0",
        "uuid": uuid,
        "created_at": start,
        "parties": [{ "tel": CALLER, "role": "customer" }, { "name": "Desk", "role": "agent" }],
        "dialog": [{
            "type": "text", "start": start, "parties": [0, 1], "originator": 0,
            "mediatype": "text/plain", "encoding": "none", "body": text,
        }],
        "analysis": [],
        "attachments": [],
    });
    Sample::Document(("call.vcon".into(), "application/vcon+json".into(), document.to_string().into_bytes()))
}
