//! SendGrid's Inbound Parse (docs.sendgrid.com, "Setting up the Inbound Parse Webhook"): a multipart form with the mail in
//! parts, each text in the charset that `charsets` names, or, with "POST the raw, full MIME message", in the field `email`.
use std::borrow::Cow;

use serde_json::{Value, json};
use tributary_sdk::web::Request;
use tributary_sdk::{Envelope, Rejection};

use super::Told;
use crate::address::Mailbox;
use crate::charset;
use crate::form::Form;
use crate::rebuild::{Attached, Parts};
use crate::receive::NO_RETURN_PATH;

/// The mail in a call.
pub fn told(request: &Request) -> Result<Told, Rejection> {
    let form = Form::read(request.header("content-type").unwrap_or_default(), &request.body)
        .ok_or_else(|| Rejection::Malformed("not a form, as SendGrid sends them".into()))?;
    let envelope = form.json("envelope");
    let mail_from = envelope["from"].as_str().unwrap_or(NO_RETURN_PATH).to_owned();
    let to = envelope["to"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let rcpt_to = to.map(str::to_owned).collect();
    if let Some(place) = form.place("email", &request.body) {
        return Ok(Told::Raw { mail_from, rcpt_to, place });
    }
    let charsets = form.json("charsets");
    let text = |name: &str| -> Cow<'_, str> {
        let Some(value) = form.value(name) else { return Cow::Borrowed("") };
        charset::decode(value, charsets[name].as_str().or(Some("utf-8")))
    };
    let mut parts = Parts::new(text("text"), text("html"));
    parts.block(form.value("headers").unwrap_or_default());
    for (name, field) in [("From", "from"), ("To", "to"), ("Cc", "cc"), ("Subject", "subject")] {
        parts.field_if_missing(name, &text(field));
    }
    if !parts.has_fields() {
        return Err(Rejection::Malformed("not a mail: neither email nor headers".into()));
    }
    let info = form.json("attachment-info");
    for field in form.fields().iter().filter(|field| field.name.starts_with("attachment") && field.file_name.is_some())
    {
        let known = &info[&field.name];
        let said = |key: &str, form: &str| known[key].as_str().unwrap_or(form).to_owned();
        parts.files.push(Attached {
            name: said("filename", field.file_name.as_deref().unwrap_or_default()),
            media_type: said("type", &field.media_type),
            content_id: known["content-id"].as_str().map(|id| id.trim_matches(['<', '>']).to_owned()),
            data: Cow::Borrowed(&*field.data),
        });
    }
    Ok(Told::Made(Envelope { mail_from, rcpt_to, data: parts.mail() }))
}

/// The media type and body of a call with this mail.
pub fn body(mail: &[u8], own: &Mailbox) -> (String, Vec<u8>) {
    const BOUNDARY: &str = "xYzZY";
    let part = |name: &str| format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
    let envelope = json!({ "to": [own.address()], "from": crate::sample::ADDRESS });
    let head = format!("{}{envelope}\r\n{}", part("envelope"), part("email"));
    let body = [head.as_bytes(), mail, format!("\r\n--{BOUNDARY}--\r\n").as_bytes()].concat();
    (format!("multipart/form-data; boundary={BOUNDARY}"), body)
}
