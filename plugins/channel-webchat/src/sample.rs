//! A message as the script would send it, for `tributary channel test`.
use crate::token::{Audience, Claims};
use crate::{KEY, Webchat};
use serde_json::json;
use sha2::{Digest, Sha256};
use tributary_sdk::Sample;
use tributary_sdk::host::{clock, secrets};
use tributary_sdk::types::Attribute;
use tributary_sdk::web::Request;

/// HS256 needs a key of 256 bits at least (RFC 7518, 3.2).
const SHORTEST_KEY: usize = 32;

/// The visitor of samples.
const SUBJECT: &str = "tributary-sample";

impl Webchat {
    /// One message with this text, under a token as the shop signs them.
    pub(crate) fn sample(&self, text: &str) -> Result<Vec<Sample>, String> {
        let key = secrets::get(KEY).map_err(|error| format!("the secret `{KEY}`: {error}"))?;
        if key.len() < SHORTEST_KEY {
            return Err(format!("the secret `{KEY}` has {} bytes; HS256 needs {SHORTEST_KEY} at least", key.len()));
        }
        let now = clock::now();
        let claims = Claims {
            sub: SUBJECT.into(),
            exp: now as f64 / 1000.0 + 300.0,
            aud: self.config.audience.clone().map(Audience::One),
            email: Some("sample@shop.example".into()),
            ..Claims::default()
        };
        let token = claims.sign().map_err(|error| error.to_string())?;
        let digest = Sha256::digest(format!("{now} {text}"));
        let id = data_encoding::HEXLOWER.encode(&digest[..16]);
        let origin = self.config.origins.first().cloned().unwrap_or_default();
        let headers = vec![
            Attribute::new("origin", origin),
            Attribute::new("authorization", format!("Bearer {token}")),
            Attribute::new("content-type", "application/json"),
        ];
        let body = json!({ "id": id, "text": text }).to_string().into_bytes();
        Ok(vec![Sample::Http(Request { method: "POST".into(), url: "/messages".into(), headers, body })])
    }
}
