//! Mailgun's routes (documentation.mailgun.com, "Receiving, forwarding and storing messages"): a form with the mail in parts,
//! or, at a URL that ends in `/mime`, as it came in the field `body-mime`.
//!
//! The signature covers `timestamp` and `token` alone, not the mail. So a token counts for one mail only: the first it came
//! with; a retry of that is read again and found to be there already. Mailgun retries for eight hours, and does not say that a
//! retry is signed anew: an age limit below that could cost the very mails that were retried because we were away.
use std::borrow::Cow;

use tributary_sdk::host::{clock, secrets, state};
use tributary_sdk::types::{Attribute, ChannelEvent};
use tributary_sdk::web::Request;
use tributary_sdk::{Envelope, Reading, Rejection, Sample};

use super::{SIGNING_KEY, Told, same, unset};
use crate::address::Mailbox;
use crate::form::Form;
use crate::rebuild::{Attached, Parts};
use crate::receive::{NO_RETURN_PATH, Reader};
use crate::transfer;

/// Fields of a mail that the form repeats by themselves.
const TOLD: [&str; 8] = ["From", "To", "Cc", "Subject", "Date", "Message-Id", "In-Reply-To", "References"];

/// Check and read one call.
pub fn read(max_age: u32, request: Request, reader: &Reader) -> Result<Reading, Rejection> {
    let (token, told) = {
        let form = Form::read(request.header("content-type").unwrap_or_default(), &request.body)
            .ok_or_else(|| Rejection::Unauthenticated("not a form, so nothing in it is Mailgun's signature".into()))?;
        let Some(token) = proven(&form, max_age)? else {
            return Ok(unset("the secret mailgun-signing-key is not granted or not set; mail waits with Mailgun"));
        };
        (token, told(&form, &request.body)?)
    };
    let reading = reader.read(&told.envelope(request.body))?;
    first_use(&token, &reading, max_age)?;
    Ok(reading)
}

/// The token of a form that Mailgun signed, not too long ago. None: there is no key to know it by.
fn proven(form: &Form<'_>, max_age: u32) -> Result<Option<String>, Rejection> {
    let (timestamp, token) = (form.text("timestamp"), form.text("token"));
    let Ok(wanted) = secrets::hmac_sha256(SIGNING_KEY, format!("{timestamp}{token}").as_bytes()) else {
        return Ok(None);
    };
    let shown = form.text("signature").to_ascii_lowercase();
    let plain = !token.is_empty() && token.len() <= 100 && token.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !plain || !same(transfer::to_hex(&wanted).as_bytes(), shown.as_bytes()) {
        return Err(Rejection::Unauthenticated("not Mailgun's signature".into()));
    }
    let age = timestamp.parse::<u64>().map(|seconds| seconds.abs_diff(clock::now() / 1000));
    if !age.is_ok_and(|age| age <= u64::from(max_age)) {
        return Err(Rejection::Unauthenticated(format!("signed more than {max_age} seconds ago, or ahead")));
    }
    Ok(Some(token.into_owned()))
}

/// Binds a token to the mail it came with.
fn first_use(token: &str, reading: &Reading, max_age: u32) -> Result<(), Rejection> {
    let id = reading.events.iter().find_map(|event| match event {
        ChannelEvent::Message(message) => message.external_id.as_deref(),
        _ => None,
    });
    let (key, id) = (format!("mailgun/{token}"), id.unwrap_or_default().as_bytes());
    let unavailable = |_| Rejection::Malformed("the state does not answer, which tells a token that was used".into());
    match state::get(&key).map_err(unavailable)? {
        Some(first) if first == id => Ok(()),
        Some(_) => Err(Rejection::Unauthenticated("a token that came with another mail".into())),
        // A timestamp may be as far ahead as behind.
        None => state::set(&key, id, Some(max_age.saturating_mul(2))).map_err(unavailable),
    }
}

/// The mail in a form.
fn told(form: &Form<'_>, body: &[u8]) -> Result<Told, Rejection> {
    // Empty is the null return path.
    let sender = form.field("sender").map(|_| form.text("sender"));
    let mail_from = sender.as_deref().unwrap_or(NO_RETURN_PATH).to_owned();
    let rcpt_to = form.text("recipient").split(',').map(|address| address.trim().to_owned()).collect();
    if let Some(place) = form.place("body-mime", body) {
        return Ok(Told::Raw { mail_from, rcpt_to, place });
    }
    let mut parts = Parts::new(form.text("body-plain"), form.text("body-html"));
    for field in form.json("message-headers").as_array().into_iter().flatten() {
        if let (Some(name), Some(value)) = (field[0].as_str(), field[1].as_str()) {
            parts.field(name, value.as_bytes());
        }
    }
    for name in TOLD {
        parts.field_if_missing(name, &form.text(name));
    }
    for (name, field) in [("From", "from"), ("Subject", "subject")] {
        parts.field_if_missing(name, &form.text(field));
    }
    if !parts.has_fields() {
        return Err(Rejection::Malformed("not a mail: neither body-mime nor message-headers".into()));
    }
    let ids = form.json("content-id-map");
    let ids = ids.as_object();
    for field in form.fields().iter().filter(|field| field.name.starts_with("attachment-") && field.file_name.is_some())
    {
        let id = ids.and_then(|ids| ids.iter().find(|(_, name)| name.as_str() == Some(&field.name)));
        parts.files.push(Attached {
            name: field.file_name.clone().unwrap_or_default(),
            media_type: field.media_type.clone(),
            content_id: id.map(|(id, _)| id.trim_matches(['<', '>']).to_owned()),
            data: Cow::Borrowed(&*field.data),
        });
    }
    Ok(Told::Made(Envelope { mail_from, rcpt_to, data: parts.mail() }))
}

/// A call with this mail, as Mailgun would sign it.
pub fn sample(mail: &[u8], own: &Mailbox, now: u64) -> Result<Sample, String> {
    let (timestamp, token) = ((now / 1000).to_string(), format!("{now:050}"));
    let signature = secrets::hmac_sha256(SIGNING_KEY, format!("{timestamp}{token}").as_bytes())
        .map_err(|_| format!("the secret {SIGNING_KEY} is not granted or not set"))?;
    let own = own.address();
    let signature = transfer::to_hex(&signature);
    let fields = [("timestamp", timestamp.as_str()), ("token", &token), ("signature", &signature), ("recipient", &own)];
    let mut body = String::new();
    for (name, value) in fields.into_iter().chain([("body-mime", String::from_utf8_lossy(mail).as_ref())]) {
        body.push_str(if body.is_empty() { "" } else { "&" });
        body.push_str(&format!("{name}="));
        for byte in value.bytes() {
            body.push_str(&format!("%{byte:02X}"));
        }
    }
    let headers = vec![Attribute::new("content-type", "application/x-www-form-urlencoded")];
    Ok(Sample::Http(Request { method: "POST".into(), url: "/mailgun/mime".into(), headers, body: body.into_bytes() }))
}
