//! Inbound-parse webhooks: mails that a provider took and posts to the channel's hook. Each ends as the mail it was.
//!
//! | path | provider | what proves it |
//! |---|---|---|
//! | `/mailgun`, `/mailgun/mime` | Mailgun routes | `signature` of the form, by the secret `mailgun-signing-key` |
//! | `/sendgrid`, `/sendgrid/SECRET` | SendGrid Inbound Parse | the secret `sendgrid-basic-auth` or `inbound-secret` |
//! | `/postmark`, `/postmark/SECRET` | Postmark inbound | the secret `postmark-basic-auth` or `inbound-secret` |
//!
//! A refusal may cost a mail: SendGrid gives up on any 4xx, Postmark on 403. So what is the operator's to mend, a door that is
//! closed or a secret that is not set, is answered 503, and the provider keeps the mail meanwhile. Only a caller with the wrong
//! proof gets 401.
mod mailgun;
mod postmark;
mod sendgrid;

use std::ops::Range;

use tributary_sdk::host::{log, secrets};
use tributary_sdk::types::Attribute;
use tributary_sdk::web::{Request, Response};
use tributary_sdk::{Envelope, Reading, Rejection, Sample};

use crate::address::Mailbox;
use crate::config::{Config, Webhook};
use crate::receive::Reader;
use crate::transfer;

/// The last word of a path: who knows it may post.
const PATH_SECRET: &str = "inbound-secret";
/// The secret that Mailgun signs with.
const SIGNING_KEY: &str = "mailgun-signing-key";

/// The doors.
pub struct Hooks {
    open: Vec<Webhook>,
    max_age: u32,
    own: Mailbox,
}

impl Hooks {
    /// The doors that are open.
    pub fn new(config: &Config, own: Mailbox) -> Self {
        Self { open: config.webhooks.clone(), max_age: config.mailgun_max_age, own }
    }

    /// Check the call, make the mail of it, and read that.
    ///
    /// # Errors
    /// [`Rejection::Unauthenticated`] for a wrong proof, [`Rejection::Malformed`] for a body that is not the provider's, and
    /// those of [`Reader::read`].
    pub fn read(&self, request: Request, reader: &Reader) -> Result<Reading, Rejection> {
        let path = request.url.split('?').next().unwrap_or_default();
        let mut words = path.split('/').filter(|word| !word.is_empty());
        let provider = match words.next() {
            Some("mailgun") => Webhook::Mailgun,
            Some("sendgrid") => Webhook::Sendgrid,
            Some("postmark") => Webhook::Postmark,
            _ => return Ok(answer(404)),
        };
        if request.method != "POST" {
            return Ok(answer(405));
        }
        if !self.open.contains(&provider) {
            log::warn("a webhook was called that `webhooks` does not open; its mail waits with the provider");
            return Ok(answer(503));
        }
        let proven = match provider {
            Webhook::Mailgun => return mailgun::read(self.max_age, request, reader),
            Webhook::Sendgrid => self.shared_secret("sendgrid-basic-auth", words.next(), &request),
            Webhook::Postmark => self.shared_secret("postmark-basic-auth", words.next(), &request),
        };
        match proven {
            Some(true) => {
                let told = match provider {
                    Webhook::Sendgrid => sendgrid::told(&request)?,
                    _ => postmark::told(&request, &self.own)?,
                };
                reader.read(&told.envelope(request.body))
            }
            Some(false) => Err(Rejection::Unauthenticated("neither the password nor the secret path is right".into())),
            None => Ok(unset("the webhook's secret is neither granted nor set; its mail waits with the provider")),
        }
    }

    /// Whether the caller knows the password or the secret path. None: neither is set.
    fn shared_secret(&self, basic: &str, word: Option<&str>, request: &Request) -> Option<bool> {
        let set = |name: &str| secrets::get(name).ok().filter(|secret| !secret.is_empty());
        let (basic, path) = (set(basic), set(PATH_SECRET));
        let shown = request.header("authorization").and_then(|value| {
            let (scheme, rest) = value.trim().split_once(' ')?;
            scheme.eq_ignore_ascii_case("basic").then(|| transfer::base64(rest.trim().as_bytes()))
        });
        if basic.is_none() && path.is_none() {
            return None;
        }
        let agree = |secret: Option<String>, shown: Option<&[u8]>| match (secret, shown) {
            // One line each: while a password is changed, the old one and the new one are right.
            (Some(secret), Some(shown)) => secret.lines().any(|line| !line.is_empty() && same(line.as_bytes(), shown)),
            _ => false,
        };
        Some(agree(basic, shown.as_deref()) | agree(path, word.map(str::as_bytes)))
    }

    /// The first open door's call for a mail; none: all are closed.
    ///
    /// # Errors
    /// The secret that is missing.
    pub fn sample(&self, mail: &[u8], now: u64) -> Option<Result<Sample, String>> {
        let provider = *self.open.first()?;
        if provider == Webhook::Mailgun {
            return Some(mailgun::sample(mail, &self.own, now));
        }
        let (door, basic) = match provider {
            Webhook::Sendgrid => ("/sendgrid", "sendgrid-basic-auth"),
            _ => ("/postmark", "postmark-basic-auth"),
        };
        let mut headers = Vec::new();
        let url = match (secrets::get(basic), secrets::get(PATH_SECRET)) {
            (Ok(login), _) => {
                let mut value = b"Basic ".to_vec();
                transfer::to_base64(login.lines().next().unwrap_or_default().as_bytes(), &mut value);
                headers.push(Attribute::new("authorization", String::from_utf8_lossy(&value)));
                door.to_owned()
            }
            (_, Ok(secret)) => format!("{door}/{}", secret.lines().next().unwrap_or_default()),
            _ => return Some(Err(format!("neither the secret {basic} nor {PATH_SECRET} is granted and set"))),
        };
        let (media_type, body) = match provider {
            Webhook::Sendgrid => sendgrid::body(mail, &self.own),
            _ => postmark::body(mail, &self.own),
        };
        headers.push(Attribute::new("content-type", media_type));
        Some(Ok(Sample::Http(Request { method: "POST".into(), url, headers, body })))
    }
}

/// An answer without events.
fn answer(status: u16) -> Reading {
    Reading { events: Vec::new(), answer: Some(Response::status(status)), poll_now: false }
}

/// What the operator has to mend first: said to the log, and to the provider as "later".
fn unset(why: &str) -> Reading {
    log::warn(why);
    answer(503)
}

/// The mail that a call told.
enum Told {
    /// It came in parts, and was made of them.
    Made(Envelope),
    /// It came as it was.
    Raw {
        /// Return path.
        mail_from: String,
        /// Recipients.
        rcpt_to: Vec<String>,
        /// Where it stands in the call's body, or itself where it was encoded there.
        place: Result<Range<usize>, Vec<u8>>,
    },
}

impl Told {
    /// The mail, line ends as SMTP has them. The call's body becomes it in place, or goes before it is read: a mail may be half
    /// as large as all the memory that there is.
    fn envelope(self, mut body: Vec<u8>) -> Envelope {
        let (mail_from, rcpt_to, place) = match self {
            Self::Made(envelope) => return envelope,
            Self::Raw { mail_from, rcpt_to, place } => (mail_from, rcpt_to, place),
        };
        let mail = place.map(|place| {
            body.truncate(place.end);
            body.drain(..place.start);
            std::mem::take(&mut body)
        });
        let (Ok(mail) | Err(mail)) = mail;
        Envelope { mail_from, rcpt_to, data: crate::rebuild::with_crlf(mail) }
    }
}

/// Compares all bytes, so that the time it takes tells nothing but the length.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && std::hint::black_box(a.iter().zip(b).fold(0, |differ, (a, b)| differ | (a ^ b))) == 0
}
