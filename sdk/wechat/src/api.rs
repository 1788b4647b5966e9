//! Calls of the platform's API: with an access token that is kept in `state`, fetched ahead of its end, and fetched anew
//! where the platform says that it is none any more; then the call is made once more, and no second time.
//!
//! State: `token/ID`.
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tributary_sdk::host::{self, http::HttpError, secrets};
use tributary_sdk::types::{Attribute, SendError};
use tributary_sdk::web::{Request, Response};

use crate::code::{self, Platform};
use crate::door::{missing, query};
use crate::keep::{self, StoreError, key};

/// How an account calls its platform.
#[derive(Debug, Clone)]
pub struct Api {
    /// Whose it is.
    pub platform: Platform,
    /// The API's base URL: `https://api.weixin.qq.com`.
    pub base: String,
    /// The app id or the corp id.
    pub id: String,
    /// The name of the secret that belongs to it.
    pub secret: &'static str,
    /// Fetch by `stable_token`, which leaves tokens that others fetched alone. Official accounts only.
    pub stable: bool,
    /// Seconds ahead of its end from which on a token is fetched anew.
    pub margin: u32,
}

/// Why there is no good answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Failure {
    /// The platform refused: its code, its words.
    Refused(i64, String),
    /// No answer at all.
    NoAnswer(HttpError),
    /// Something that is not the platform's answer, such as a proxy's page: what came, and when to ask again.
    Strange(String, Option<u32>),
    /// The operator has to act first: what is missing.
    Unset(String),
    /// The host did not answer.
    Host(String),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Host(error.to_string())
    }
}

impl Failure {
    /// Nothing is wrong with what was asked for: nothing else would work now either.
    pub fn is_general(&self, platform: Platform) -> bool {
        match self {
            // A right that the account does not have is not there a minute later either.
            Self::Refused(code::RIGHT, _) => false,
            Self::Refused(code, _) => !matches!(code::class(platform, *code).0, code::Class::Permanent),
            Self::NoAnswer(HttpError::Unreachable(_) | HttpError::Denied(_)) => true,
            Self::NoAnswer(HttpError::Timeout | HttpError::TooLarge(_)) => false,
            Self::Strange(..) | Self::Unset(_) | Self::Host(_) => true,
        }
    }

    /// As the contract says it.
    pub fn error(&self, platform: Platform) -> SendError {
        match self {
            Self::Refused(number, words) => code::error(platform, *number, words),
            Self::NoAnswer(HttpError::Denied(whom)) => {
                SendError::Unauthorised(format!("calls to {whom} are not granted to this channel"))
            }
            Self::NoAnswer(HttpError::Unreachable(why)) => SendError::temporary(format!("no connection: {why}")),
            Self::NoAnswer(HttpError::Timeout) => SendError::temporary("the platform did not answer in time"),
            Self::NoAnswer(HttpError::TooLarge(limit)) => {
                SendError::permanent(format!("the platform's answer is larger than {limit} bytes"))
            }
            Self::Strange(words, None) => SendError::temporary(words.clone()),
            Self::Strange(words, Some(seconds)) => SendError::temporary_after(words.clone(), *seconds),
            Self::Unset(words) => SendError::Unauthorised(words.clone()),
            Self::Host(words) => SendError::temporary(words.clone()),
        }
    }
}

/// A token and when it ends, in milliseconds since the Unix epoch.
#[derive(Serialize, Deserialize)]
struct Token {
    token: String,
    until: u64,
}

#[derive(Deserialize)]
struct Fetched {
    access_token: String,
    expires_in: u32,
}

impl Api {
    /// The URL of a call, such as `message/custom/send`, without its token.
    fn url(&self, path: &str, pairs: &[(&str, &str)]) -> String {
        format!("{}/cgi-bin/{path}?{}", self.base.trim_end_matches('/'), query(pairs))
    }

    /// `GET`, with further pairs in the query; the answer's JSON.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn get(&self, path: &str, pairs: &[(&str, &str)]) -> Result<Value, Failure> {
        object(&self.fetch(path, pairs)?)
    }

    /// `GET`; the answer as it came, where it is not an error.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn fetch(&self, path: &str, pairs: &[(&str, &str)]) -> Result<Response, Failure> {
        self.send(|token| get(self.url(path, &[pairs, &[("access_token", token)]].concat())))
    }

    /// `POST` of JSON in literal UTF-8; the answer's JSON.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        let body = body.to_string().into_bytes();
        self.upload(path, &[], "application/json; charset=utf-8", &body)
    }

    /// `POST` of anything; the answer's JSON.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn upload(&self, path: &str, pairs: &[(&str, &str)], kind: &str, body: &[u8]) -> Result<Value, Failure> {
        object(&self.send(|token| post(self.url(path, &[pairs, &[("access_token", token)]].concat()), kind, body))?)
    }

    /// Makes a call with a token; where the platform does not accept it, once more with a new one.
    fn send(&self, make: impl Fn(&str) -> Request) -> Result<Response, Failure> {
        match once(&make(&self.token()?)) {
            Err(Failure::Refused(code, _)) if code::TOKEN.contains(&code) => once(&make(&self.renew(true)?)),
            answer => answer,
        }
    }

    /// The token that is kept, or a new one where it ends soon.
    fn token(&self) -> Result<String, Failure> {
        let kept: Option<Token> = keep::get(&key("token", &self.id))?;
        let soon = host::clock::now() + u64::from(self.margin) * 1000;
        match kept.filter(|kept| kept.until > soon) {
            Some(kept) => Ok(kept.token),
            None => self.renew(false),
        }
    }

    /// Fetches a token and keeps it. `refused`: the one before was not accepted.
    fn renew(&self, refused: bool) -> Result<String, Failure> {
        let secret = secrets::get(self.secret).map_err(|error| Failure::Unset(missing(&error)))?;
        let secret = secret.trim();
        let base = self.base.trim_end_matches('/');
        let request = match (self.platform, self.stable) {
            (Platform::Official, true) => {
                let body = json!({
                    "grant_type": "client_credential", "appid": self.id, "secret": secret, "force_refresh": refused,
                });
                let kind = "application/json; charset=utf-8";
                post(format!("{base}/cgi-bin/stable_token"), kind, body.to_string().as_bytes())
            }
            (Platform::Official, false) => {
                let pairs = [("grant_type", "client_credential"), ("appid", &self.id), ("secret", secret)];
                get(self.url("token", &pairs))
            }
            (Platform::Service, _) => get(self.url("gettoken", &[("corpid", &self.id), ("corpsecret", secret)])),
        };
        let fetched: Fetched = serde_json::from_value(object(&once(&request)?)?)
            .map_err(|_| Failure::Strange("the platform's answer holds no access token".into(), None))?;
        let until = host::clock::now() + u64::from(fetched.expires_in) * 1000;
        let token = Token { token: fetched.access_token, until };
        keep::set(&key("token", &self.id), &token, Some(fetched.expires_in))?;
        Ok(token.token)
    }
}

fn get(url: String) -> Request {
    Request { method: "GET".into(), url, headers: Vec::new(), body: Vec::new() }
}

fn post(url: String, kind: &str, body: &[u8]) -> Request {
    Request { method: "POST".into(), url, headers: vec![Attribute::new("content-type", kind)], body: body.to_vec() }
}

/// One call, without a second try. An answer is good where it has a good status and no `errcode` but 0.
///
/// # Errors
/// [`Failure`].
pub fn once(request: &Request) -> Result<Response, Failure> {
    let response = host::http::send(request).map_err(Failure::NoAnswer)?;
    if let Some(value) = json_of(&response)
        && let Some(code) = value.get("errcode").and_then(Value::as_i64)
        && code != 0
    {
        return Err(Failure::Refused(code, value["errmsg"].as_str().unwrap_or_default().to_owned()));
    }
    if !(200..300).contains(&response.status) {
        let after = response.header("retry-after").and_then(|after| after.trim().parse().ok());
        return Err(Failure::Strange(format!("the platform answered with HTTP {}", response.status), after));
    }
    Ok(response)
}

/// The JSON of an answer that says that it is JSON, or looks like it: the platforms call it `text/plain` now and then.
fn json_of(response: &Response) -> Option<Value> {
    let kind = response.header("content-type").unwrap_or_default().to_ascii_lowercase();
    let text = kind.is_empty() || kind.contains("json") || kind.starts_with("text/");
    let first = response.body.iter().find(|byte| !byte.is_ascii_whitespace());
    (text && first == Some(&b'{')).then(|| serde_json::from_slice(&response.body).ok()).flatten()
}

/// The JSON object of an answer.
fn object(response: &Response) -> Result<Value, Failure> {
    json_of(response).filter(Value::is_object).ok_or_else(|| {
        let kind = response.header("content-type").unwrap_or("nothing");
        let kind: String = kind.chars().filter(char::is_ascii_graphic).take(60).collect();
        Failure::Strange(format!("the platform answered with {kind} where JSON was expected"), None)
    })
}
