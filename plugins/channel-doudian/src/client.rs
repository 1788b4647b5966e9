//! Calls of the open platform, and what their failures mean.
//!
//! `POST {api}{path}?app_key=…&method=…&access_token=…&timestamp=…&v=2&sign_method=hmac-sha256&sign=…` with `param_json` as
//! the body (guide 10/23); the method is the path with dots. The answer is `{"code": 10000, "data": …}` or a failure with
//! `code`, `msg`, `sub_code` and `sub_msg` (guide 212/1427). A call whose token has ended is made once more with a new one.
use form_urlencoded::Serializer;
use serde_json::Value;
use tributary_marketplace::field::{cut, text, whole};
use tributary_sdk::host::clock;
use tributary_sdk::host::http::{self, HttpError};
use tributary_sdk::types::{Attribute, SendError};
use tributary_sdk::web::{Request, Response};

use crate::config::Config;
use crate::{sign, token};

/// Bytes of the platform's words that are passed on at most.
const WORDS: usize = 500;
/// Seconds to wait where the platform is asked too often and does not say how long.
const SLOWER: u32 = 5;

/// Why there are no data.
pub enum Failure {
    /// The access token has ended, or is not known any more.
    Token(String),
    /// The platform refuses: its sub-code and its words.
    Refused(String, String),
    /// Anything else.
    Other(SendError),
}

impl From<Failure> for SendError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Token(words) => Self::Unauthorised(words),
            Failure::Refused(_, words) => Self::permanent(words),
            Failure::Other(error) => error,
        }
    }
}

/// Ask the platform in the shop's name; the result is `data`.
///
/// # Errors
/// [`Failure`], by what the answer says.
pub fn call(config: &Config, path: &str, parameters: &Value) -> Result<Value, Failure> {
    let access = token::access(config).map_err(Failure::Other)?;
    match ask(config, path, parameters, Some(&access)) {
        Err(Failure::Token(_)) => {
            let renewed = token::renew(config).map_err(Failure::Other)?;
            ask(config, path, parameters, Some(&renewed))
        }
        answer => answer,
    }
}

/// One call; without a token for those that make one.
///
/// # Errors
/// [`Failure`].
pub fn ask(config: &Config, path: &str, parameters: &Value, access: Option<&str>) -> Result<Value, Failure> {
    let param_json = sign::canonical(parameters);
    let timestamp = (clock::now() / 1_000).to_string();
    let method = path.trim_start_matches('/').replace('/', ".");
    let signature = sign::call(&config.app_key, &method, &param_json, &timestamp).map_err(|_| {
        Failure::Other(SendError::Unauthorised("the secret doudian-secret is not set, or not granted".into()))
    })?;
    let mut query = Serializer::new(String::new());
    query.append_pair("app_key", &config.app_key).append_pair("method", &method);
    if let Some(access) = access {
        query.append_pair("access_token", access);
    }
    query.append_pair("timestamp", &timestamp).append_pair("v", "2");
    query.append_pair("sign_method", "hmac-sha256").append_pair("sign", &signature);
    let request = Request {
        method: "POST".into(),
        url: format!("{}{path}?{}", config.api.trim_end_matches('/'), query.finish()),
        headers: vec![Attribute::new("content-type", "application/json"), Attribute::new("accept", "application/json")],
        body: param_json.into_bytes(),
    };
    read(&http::send(&request).map_err(unanswered)?)
}

fn unanswered(error: HttpError) -> Failure {
    Failure::Other(match error {
        HttpError::Denied(host) => {
            SendError::permanent(format!("the channel may not reach {host}: grant it as egress"))
        }
        HttpError::TooLarge(limit) => SendError::permanent(format!("抖店's answer is larger than {limit} bytes")),
        HttpError::Timeout => SendError::temporary("抖店 did not answer in time"),
        HttpError::Unreachable(_) => SendError::temporary("抖店 cannot be reached"),
    })
}

fn read(response: &Response) -> Result<Value, Failure> {
    match response.status {
        200 => {}
        401 | 403 => {
            let words = format!("抖店 answers {}", response.status);
            return Err(Failure::Other(SendError::Unauthorised(words)));
        }
        400 | 404 | 405 | 413 => {
            return Err(Failure::Other(SendError::permanent(format!("抖店 answers {}", response.status))));
        }
        status => return Err(Failure::Other(SendError::temporary(format!("抖店 answers {status}")))),
    }
    let Ok(mut answer) = serde_json::from_slice::<Value>(&response.body) else {
        return Err(Failure::Other(SendError::temporary("抖店's answer is no JSON")));
    };
    // Older calls say `err_no: 0` where newer ones say `code: 10000`.
    let code = whole(&answer, "code").or_else(|| whole(&answer, "err_no"));
    if matches!(code, Some(10_000 | 0)) {
        return Ok(answer.get_mut("data").map(Value::take).unwrap_or_default());
    }
    let Some(code) = code else {
        return Err(Failure::Other(SendError::temporary("抖店's answer has no `code`")));
    };
    Err(refused(code, &answer))
}

fn refused(code: i64, answer: &Value) -> Failure {
    let sub_code = text(answer, "sub_code").unwrap_or_default().to_owned();
    let said = text(answer, "sub_msg").or_else(|| text(answer, "msg")).or_else(|| text(answer, "message"));
    let said = cut(said.unwrap_or("no reason given"), WORDS);
    let words = format!("抖店: {said} ({code} {sub_code})");
    let token = ["isv.access-token-expired", "isv.access-token-no-existed", "isv.access-token-invalid"];
    match code {
        _ if token.contains(&sub_code.as_str()) => Failure::Token(words),
        60_000 => Failure::Other(SendError::temporary_after(words, SLOWER)),
        20_000 | 90_000 => Failure::Other(SendError::temporary(words)),
        30_001 | 30_002 | 40_001 => Failure::Other(SendError::Unauthorised(words)),
        // The platform asks for another try in words only.
        50_002 if said.contains("重试") && !said.contains("无法重试") => {
            Failure::Other(SendError::temporary(words))
        }
        _ => Failure::Refused(sub_code, words),
    }
}
