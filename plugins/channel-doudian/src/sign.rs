//! Signatures of 抖店's open platform, in both directions.
//!
//! A call (guide 10/23) is signed over `app_key`, `method`, `param_json`, `timestamp` and `v` in this order, each name
//! followed by its value, the app's secret before and behind; HMAC-SHA-256 under the secret, in hex. `param_json` is what
//! the body is: keys sorted at every depth, no blanks, nothing escaped that JSON lets stand.
//!
//! A message (guide 153/99) is signed over `app_key`, the raw body and the secret: MD5, or, where the app's console says
//! so, HMAC-SHA-256 under the secret. The length of the signature tells which.
use data_encoding::HEXLOWER;
use md5::{Digest, Md5};
use serde_json::Value;
use tributary_sdk::host::secrets::{self, SecretError};

/// The secret of the app (app_secret).
pub const SECRET: &str = "doudian-secret";

/// `param_json` of parameters: compact JSON with sorted keys.
pub fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by(|one, other| one.0.cmp(other.0));
            text.push('{');
            for (place, (name, value)) in fields.into_iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                write(value, text);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                write(item, text);
            }
            text.push(']');
        }
        plain => text.push_str(&plain.to_string()),
    }
}

/// The signature of a call.
///
/// # Errors
/// The host's, where the secret is not granted or not set.
pub fn call(app_key: &str, method: &str, param_json: &str, timestamp: &str) -> Result<String, SecretError> {
    let secret = secrets::get(SECRET)?;
    let signed = format!("{secret}app_key{app_key}method{method}param_json{param_json}timestamp{timestamp}v2{secret}");
    secrets::hmac_sha256(SECRET, signed.as_bytes()).map(|digest| HEXLOWER.encode(&digest))
}

/// How a message is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// 32 digits.
    Md5,
    /// 64 digits.
    HmacSha256,
}

/// The signature of a message.
///
/// # Errors
/// The host's, where the secret is not granted or not set.
pub fn message(method: Method, app_key: &str, body: &[u8]) -> Result<String, SecretError> {
    let secret = secrets::get(SECRET)?;
    let signed = [app_key.as_bytes(), body, secret.as_bytes()].concat();
    match method {
        Method::Md5 => Ok(HEXLOWER.encode(&Md5::digest(&signed))),
        Method::HmacSha256 => secrets::hmac_sha256(SECRET, &signed).map(|digest| HEXLOWER.encode(&digest)),
    }
}

/// Whether a message is signed with the app's secret.
///
/// # Errors
/// The host's, where the secret is not granted or not set.
pub fn is_signed(app_key: &str, body: &[u8], given: &str) -> Result<bool, SecretError> {
    let method = if given.len() == 64 { Method::HmacSha256 } else { Method::Md5 };
    let right = message(method, app_key, body)?;
    let given = given.to_ascii_lowercase();
    // In a time that depends on the length only.
    let differs = right.bytes().zip(given.bytes()).fold(0, |differs, (one, other)| differs | (one ^ other));
    Ok(right.len() == given.len() && differs == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tributary_sdk::testing::{self, FakeHost};

    #[test]
    fn parameters_have_one_form() {
        let parameters = json!({"b": {"d": [{"z": 1, "a": "<>&"}], "c": "订单"}, "a": 4_836_875_908_288_530_057_u64});
        let wanted = r#"{"a":4836875908288530057,"b":{"c":"订单","d":[{"a":"<>&","z":1}]}}"#;
        assert_eq!(canonical(&parameters), wanted);
        assert_eq!(canonical(&json!({})), "{}");
    }

    #[test]
    fn known_signatures() {
        let host = FakeHost::new().secret(SECRET, "secret");
        testing::with(&host, || {
            // Made with Python's hashlib and hmac.
            let body = b"[]";
            let md5 = message(Method::Md5, "app", body).unwrap();
            assert_eq!(md5, "d549624b70a3ecbcf32dcad12082a445");
            let hmac = message(Method::HmacSha256, "app", body).unwrap();
            assert_eq!(hmac, "f90fa179ea47b0df5ff06abc153d7365d74160332d0aa072a62a162fbe53e250");
            let parameters = canonical(&json!({ "shop_order_id": "4836875908288530057" }));
            let called = call("app", "order.orderDetail", &parameters, "1795946400").unwrap();
            assert_eq!(called, "1c5284c3feaf0b5af078fcc6d2143d2aaf6e49429259b7119773a8ff9a25138f");
            assert!(is_signed("app", body, &md5).unwrap() && is_signed("app", body, &md5.to_uppercase()).unwrap());
            assert!(is_signed("app", body, &hmac).unwrap());
            for wrong in ["", &md5[1..], &hmac[..32], &"0".repeat(32), &"0".repeat(64)] {
                assert!(!is_signed("app", body, wrong).unwrap(), "{wrong}");
            }
        });
    }
}
