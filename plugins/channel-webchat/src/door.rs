//! The calls of the script, each with the origin that it comes from and the visitor that makes it.
//!
//! | call | answer |
//! |---|---|
//! | `GET /widget.js` | the script |
//! | `GET /demo` | a page with it, where the operator wants one |
//! | `POST /session` | a token for an anonymous visitor, and whether somebody is there |
//! | `POST /messages`, `POST /files` | `{"id": …, "at": …}`, once it is on disk |
//! | `POST /typing`, `POST /read` | nothing |
//! | `GET /stream` | the visitor's topic, held open |
//! | `GET /files/ID` | a file of a message that the visitor saw |
//!
//! Whoever is refused gets an answer with a reason (see [`Refusal`]) and the headers of CORS (the Fetch standard, 3.3), so
//! that the script can tell a token that has expired from a line that is broken.
use crate::refusal::Refusal;
use crate::token::{ANONYMOUS, Audience, Claims, TokenError, mark};
use crate::{Webchat, message, visitor};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tributary_sdk::Reading;
use tributary_sdk::host::{clock, state};
use tributary_sdk::types::{Attribute, ChannelEvent, HandleKind};
use tributary_sdk::web::{Request, Response};

/// Whoever asks the browser for leave need not ask again for two hours, the most that Chromium heeds.
const LEAVE: &str = "7200";

/// The shortest secret of a browser, in characters: 128 bits as hex.
const SHORTEST_SEED: usize = 32;

/// How often it is noted that a visitor is there, in milliseconds.
const NOTED: u64 = 3_600_000;

/// `POST /session`.
#[derive(Debug, Default, Deserialize)]
struct Session {
    /// A random secret that the browser keeps. The visitor's id is made of it, and does not tell it.
    #[serde(default)]
    seed: String,
}

/// What is kept of a file that a visitor may fetch.
#[derive(Debug, Deserialize)]
struct File {
    name: String,
    r#type: String,
}

impl Webchat {
    /// Answers a call.
    pub(crate) fn answer(&self, request: &Request) -> Reading {
        let path = request.url.split(['?', '#']).next().unwrap_or_default();
        let public = match (request.method.as_str(), path) {
            ("GET" | "HEAD", "/widget.js") => Some(self.script.answer(request)),
            ("GET" | "HEAD", "/demo") if self.config.demo => Some(crate::page::demo()),
            _ => None,
        };
        if let Some(answer) = public {
            return Reading { events: Vec::new(), answer: Some(answer), poll_now: false };
        }
        let origin = self.origin(request);
        let mut reading = match &origin {
            Err(refusal) => refused(refusal),
            Ok(_) if request.method == "OPTIONS" => Reading { answer: Some(leave()), ..empty(Vec::new()) },
            Ok(origin) => self.call(request, path, origin.as_deref()).unwrap_or_else(|refusal| refused(&refusal)),
        };
        if let Some(answer) = &mut reading.answer {
            let mut add = |name: &str, value: &str| answer.headers.push(Attribute::new(name, value));
            add("vary", "Origin");
            add("x-content-type-options", "nosniff");
            if let Ok(Some(origin)) = &origin {
                add("access-control-allow-origin", origin);
                add("access-control-expose-headers", "Retry-After");
            }
            if answer.header("cache-control").is_none() {
                answer.headers.push(Attribute::new("cache-control", "no-store"));
            }
        }
        reading
    }

    /// The origin that a call comes from. None: an app, or the daemon's own page, whose GET has no such header.
    fn origin(&self, request: &Request) -> Result<Option<String>, Refusal> {
        match request.header("origin") {
            Some(origin) if self.config.origins.iter().any(|known| known == origin) => Ok(Some(origin.to_owned())),
            Some(_) => Err(Refusal::Origin),
            None if self.config.without_origin => Ok(None),
            None if is_own_page(request) => Ok(None),
            None => Err(Refusal::Origin),
        }
    }

    fn call(&self, request: &Request, path: &str, origin: Option<&str>) -> Result<Reading, Refusal> {
        let file = path.strip_prefix("/files/");
        let expected = match path {
            "/session" | "/messages" | "/files" | "/typing" | "/read" => "POST",
            "/stream" => "GET",
            _ if file.is_some() => "GET",
            _ => return Err(Refusal::NotFound),
        };
        if request.method != expected {
            return Err(Refusal::Method);
        }
        if path == "/session" {
            return self.session(request, origin);
        }
        let claims = self.visitor(request, origin)?;
        self.note_that_visitor_is_there(&claims.sub, clock::now())?;
        match path {
            "/messages" => self.take_message(&claims, request),
            "/files" => self.take_file(&claims, request),
            "/typing" => Ok(self.take_typing(&claims)),
            "/read" => self.take_marks(&claims, request),
            "/stream" => Ok(Reading { answer: Some(Response::hold(&claims.sub)), ..empty(Vec::new()) }),
            _ => hand_out(&claims, file.unwrap_or_default()),
        }
    }

    /// Who calls.
    fn visitor(&self, request: &Request, origin: Option<&str>) -> Result<Claims, Refusal> {
        let token = bearer(request).ok_or(Refusal::Token(TokenError::Missing))?;
        let claims = self.rules.check(token, clock::now()).map_err(Refusal::Token)?;
        let elsewhere = match (&claims.origin, origin) {
            (Some(bound), Some(origin)) => bound != origin,
            (Some(_), None) => !is_own_page(request),
            (None, _) => false,
        };
        if elsewhere {
            return Err(Refusal::Token(TokenError::Origin));
        }
        if claims.is_anonymous() && !self.config.anonymous {
            return Err(Refusal::Anonymous);
        }
        Ok(claims)
    }

    /// `POST /session`: with a token of the shop what it says, without one a new token.
    fn session(&self, request: &Request, origin: Option<&str>) -> Result<Reading, Refusal> {
        let now = clock::now();
        let (claims, token) = if bearer(request).is_some() {
            (self.visitor(request, origin)?, None)
        } else {
            let origin = origin.filter(|_| self.config.anonymous).ok_or(Refusal::Anonymous)?;
            let session: Session = json(request, "a JSON object with `seed`")?;
            if session.seed.len() < SHORTEST_SEED || session.seed.len() > 128 {
                return Err(Refusal::Malformed("a `seed` of 32 to 128 random characters"));
            }
            let seconds = now / 1000 + u64::from(self.config.session_minutes) * 60;
            let claims = Claims {
                sub: format!("{ANONYMOUS}{}", mark("visitor", &[&session.seed])?),
                exp: seconds as f64,
                aud: self.config.audience.clone().map(Audience::One),
                origin: Some(origin.to_owned()),
                ..Claims::default()
            };
            let token = claims.sign()?;
            (claims, Some(token))
        };
        self.note_that_visitor_is_there(&claims.sub, now)?;
        let known = visitor::handles(&claims, &self.config.country_code);
        let has = |kind| known.iter().any(|handle| handle.kind == kind);
        let hours = self.hours.at(now);
        let answer = json!({
            "token": token,
            "visitor": claims.sub,
            "expires": claims.exp * 1000.0,
            "now": now,
            "open": hours.open,
            "until": hours.until,
            "name": claims.name,
            "email": has(HandleKind::Email),
            "phone": has(HandleKind::Phone),
            "contact": self.config.box_needs_contact,
        });
        Ok(reading(Vec::new(), 200, &answer))
    }

    /// While this is kept, an answer goes by this channel.
    fn note_that_visitor_is_there(&self, sub: &str, now: u64) -> Result<(), Refusal> {
        if self.config.reply_window_hours == 0 {
            return Ok(());
        }
        let key = seen_key(sub);
        let noted = state::get(&key)?.and_then(|value| std::str::from_utf8(&value).ok()?.parse::<u64>().ok());
        if noted.is_none_or(|at| now.saturating_sub(at) >= NOTED) {
            let window = self.config.reply_window_hours.saturating_mul(3600);
            state::set(&key, now.to_string().as_bytes(), Some(window))?;
        }
        Ok(())
    }

    /// A text of the configuration in a language, or in English, or in any.
    pub(crate) fn text<'a>(&self, texts: &'a BTreeMap<String, String>, language: &str) -> &'a str {
        let short = language.split('-').next().unwrap_or_default();
        let found = texts.get(language).or_else(|| texts.get(short)).or_else(|| texts.get("en"));
        found.or_else(|| texts.values().next()).map_or("", String::as_str)
    }
}

/// Where it is kept that a visitor was there.
pub fn seen_key(sub: &str) -> String {
    format!("seen/{sub}")
}

/// `GET /files/ID`. The host puts the file in the place of the empty body.
fn hand_out(claims: &Claims, blob: &str) -> Result<Reading, Refusal> {
    let hex = blob.len() == 64 && blob.bytes().all(|byte| byte.is_ascii_hexdigit());
    let kept = if hex { state::get(&message::file_key(&claims.sub, blob))? } else { None };
    let file: File = kept.and_then(|value| serde_json::from_slice(&value).ok()).ok_or(Refusal::NotFound)?;
    let mut answer = Response::body(200, &file.r#type, "");
    let name: String = file.name.bytes().map(percent_encoded).collect();
    for (header, value) in [
        ("blob-body", blob),
        ("content-disposition", &format!("attachment; filename*=UTF-8''{name}")),
        ("cache-control", "private, max-age=86400"),
        ("content-security-policy", "sandbox; default-src 'none'"),
        ("cross-origin-resource-policy", "cross-origin"),
    ] {
        answer.headers.push(Attribute::new(header, value));
    }
    Ok(Reading { answer: Some(answer), ..empty(Vec::new()) })
}

/// A byte of a name in a header (RFC 8187, 3.2.1).
fn percent_encoded(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) {
        char::from(byte).to_string()
    } else {
        format!("%{byte:02X}")
    }
}

/// The token of a call (RFC 6750, 2.1). Never in the URL, which is written down on its way.
fn bearer(request: &Request) -> Option<&str> {
    let (scheme, token) = request.header("authorization")?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then_some(token.trim())
}

/// A page that the daemon itself serves calls. The browser writes this header, whatever the page wants (W3C, Fetch
/// Metadata Request Headers).
fn is_own_page(request: &Request) -> bool {
    request.header("origin").is_none() && request.header("sec-fetch-site") == Some("same-origin")
}

/// Leave for a page to make the call it asks about.
fn leave() -> Response {
    let mut answer = Response::status(204);
    for (name, value) in [
        ("access-control-allow-methods", "GET, POST"),
        ("access-control-allow-headers", "Authorization, Content-Type, Last-Event-ID, X-Message-ID, X-File-Name"),
        ("access-control-max-age", LEAVE),
    ] {
        answer.headers.push(Attribute::new(name, value));
    }
    answer
}

/// Scheme, host and perhaps a port in lower case, as browsers write it (RFC 6454, 6.2).
pub fn is_origin(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    !scheme.is_empty()
        && !rest.is_empty()
        && !rest.contains(['/', '?', '#', '@', '*'])
        && !text.chars().any(|c| c.is_whitespace() || c.is_control() || c.is_uppercase())
}

/// The body of a call.
///
/// # Errors
/// [`Refusal::Malformed`] with what was expected.
pub fn json<T: DeserializeOwned>(request: &Request, expected: &'static str) -> Result<T, Refusal> {
    serde_json::from_slice(&request.body).map_err(|_| Refusal::Malformed(expected))
}

/// Events, and an answer in JSON.
pub fn reading(events: Vec<ChannelEvent>, status: u16, body: &Value) -> Reading {
    let answer = Response::body(status, "application/json", body.to_string());
    Reading { events, answer: Some(answer), poll_now: false }
}

/// Events, and an answer without a body.
pub fn empty(events: Vec<ChannelEvent>) -> Reading {
    Reading { events, answer: Some(Response::status(204)), poll_now: false }
}

fn refused(refusal: &Refusal) -> Reading {
    Reading { answer: Some(refusal.answer()), ..empty(Vec::new()) }
}
