//! Calls of Twilio's API: HTTP Basic with the account's id and token, and what answers mean.
use data_encoding::BASE64;
use serde_json::Value;
use tributary_sdk::host;
use tributary_sdk::host::http::HttpError;
use tributary_sdk::types::{Attribute, SendError};
use tributary_sdk::web::{Request, Response};

use crate::config::Config;
use crate::signature::TWILIO_TOKEN;

/// Why a call did not do what it was for.
#[derive(Debug, Clone, PartialEq)]
pub enum Problem {
    /// The operator has to act.
    Unauthorised(String),
    /// It may work later; after so many seconds, where Twilio says so. It is not known whether the call was done.
    Temporary(String, Option<u32>),
    /// Refused: Twilio's code, and its words.
    Refused(Option<u64>, String),
}

impl From<Problem> for SendError {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::Unauthorised(words) => Self::Unauthorised(words),
            Problem::Temporary(words, after) => Self::Temporary((words, after)),
            // 21610: the recipient has sent STOP, and no SMS reaches them until they send START.
            Problem::Refused(Some(21610), words) => Self::WindowClosed(words),
            Problem::Refused(_, words) => Self::Permanent(words),
        }
    }
}

/// The account's id, which every call needs.
///
/// # Errors
/// [`Problem::Unauthorised`] where it is not configured.
pub fn account(config: &Config) -> Result<&str, Problem> {
    let account = config.account_sid.as_deref();
    account.ok_or_else(|| Problem::Unauthorised("`account-sid` is not configured".into()))
}

/// The header of HTTP Basic.
fn authorisation(config: &Config) -> Result<Attribute, Problem> {
    let token = host::secrets::get(TWILIO_TOKEN)
        .map_err(|_| Problem::Unauthorised(format!("the secret `{TWILIO_TOKEN}` is not set or not granted")))?;
    let pair = format!("{}:{}", account(config)?, token.trim());
    Ok(Attribute::new("authorization", format!("Basic {}", BASE64.encode(pair.as_bytes()))))
}

/// Sends a request; an answer is whatever came back below 500 that is neither 401, 403 nor 429.
fn send(request: &Request) -> Result<Response, Problem> {
    let response = host::http::send(request).map_err(|error| match error {
        HttpError::Denied(what) => Problem::Unauthorised(format!("egress is not granted: {what}")),
        HttpError::Unreachable(words) => Problem::Temporary(format!("Twilio cannot be reached: {words}"), None),
        HttpError::Timeout => Problem::Temporary("Twilio did not answer in time".into(), None),
        HttpError::TooLarge(limit) => Problem::Refused(None, format!("the answer has more than {limit} bytes")),
    })?;
    let words = || format!("Twilio answered {}{}", response.status, told(&response.body).1);
    match response.status {
        401 | 403 => Err(Problem::Unauthorised(words())),
        429 | 500.. => {
            let after = response.header("retry-after").and_then(|seconds| seconds.trim().parse().ok());
            Err(Problem::Temporary(words(), after))
        }
        _ => Ok(response),
    }
}

/// Code and words of an error body: `{"code": 21211, "message": "…"}`.
fn told(body: &[u8]) -> (Option<u64>, String) {
    let error: Value = serde_json::from_slice(body).unwrap_or_default();
    let code = error.get("code").and_then(Value::as_u64);
    let message = error.get("message").and_then(Value::as_str).unwrap_or_default();
    let words = match code {
        Some(code) => format!(" (error {code}): {message}"),
        None if message.is_empty() => String::new(),
        None => format!(": {message}"),
    };
    (code, words.chars().take(300).collect())
}

/// The JSON of an answer that says it is well.
fn json(response: &Response) -> Result<Value, Problem> {
    if !(200..300).contains(&response.status) {
        let (code, words) = told(&response.body);
        return Err(Problem::Refused(code, format!("Twilio answered {}{words}", response.status)));
    }
    serde_json::from_slice(&response.body).map_err(|_| {
        Problem::Temporary(format!("Twilio answered {} with something that is no JSON", response.status), None)
    })
}

/// Whether a URL is one below this base. Credentials go nowhere else.
pub fn is_below(url: &str, base: &str) -> bool {
    url.strip_prefix(base.trim_end_matches('/')).is_some_and(|rest| rest.starts_with('/'))
}

/// Reads a resource.
///
/// # Errors
/// [`Problem`], where Twilio does not answer with JSON.
pub fn get(url: &str, config: &Config) -> Result<Value, Problem> {
    let headers = vec![authorisation(config)?, Attribute::new("accept", "application/json")];
    json(&send(&Request { method: "GET".into(), url: url.into(), headers, body: Vec::new() })?)
}

/// Makes a resource of a form.
///
/// # Errors
/// [`Problem`]; after [`Problem::Temporary`] it may have been made all the same.
pub fn post(url: &str, form: &[(&str, &str)], config: &Config) -> Result<Value, Problem> {
    let headers = vec![
        authorisation(config)?,
        Attribute::new("accept", "application/json"),
        Attribute::new("content-type", "application/x-www-form-urlencoded"),
    ];
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish().into_bytes();
    json(&send(&Request { method: "POST".into(), url: url.into(), headers, body })?)
}

/// Fetches a file of a message: its media type and bytes. Twilio redirects to where it keeps them; that place, which has to
/// be below `media-api`, gets no credentials.
///
/// # Errors
/// [`Problem`].
pub fn file(url: &str, config: &Config) -> Result<(String, Vec<u8>), Problem> {
    if !is_below(url, &config.api) {
        return Err(Problem::Refused(None, "the file is not below `api`".into()));
    }
    let mut request =
        Request { method: "GET".into(), url: url.into(), headers: vec![authorisation(config)?], body: Vec::new() };
    let mut response = send(&request)?;
    if (300..400).contains(&response.status) {
        let place = response.header("location").unwrap_or_default().to_owned();
        if !is_below(&place, &config.media_api) {
            return Err(Problem::Refused(None, "the file was moved to a place that is not below `media-api`".into()));
        }
        request = Request { method: "GET".into(), url: place, headers: Vec::new(), body: Vec::new() };
        response = send(&request)?;
    }
    if !(200..300).contains(&response.status) {
        return Err(Problem::Refused(None, format!("the file's place answered {}", response.status)));
    }
    let media_type = response.header("content-type").unwrap_or("application/octet-stream");
    Ok((media_type.split(';').next().unwrap_or_default().trim().to_lowercase(), response.body))
}
