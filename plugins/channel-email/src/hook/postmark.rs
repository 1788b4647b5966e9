//! Postmark's inbound webhook (postmarkapp.com/developer, "Parse an email"): a JSON document with the mail in parts and, where
//! the server is set so, as it came in `RawEmail`.
use std::borrow::Cow;

use serde::Deserialize;
use serde_json::json;
use tributary_sdk::web::Request;
use tributary_sdk::{Envelope, Rejection};

use super::Told;
use crate::address::Mailbox;
use crate::rebuild::{Attached, Parts};
use crate::receive::NO_RETURN_PATH;
use crate::transfer;

/// What is read of the document. Large texts are borrowed from it.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Document<'a> {
    from: Option<String>,
    to: Option<String>,
    cc: Option<String>,
    reply_to: Option<String>,
    subject: Option<String>,
    date: Option<String>,
    original_recipient: Option<String>,
    mailbox_hash: Option<String>,
    headers: Vec<Field>,
    #[serde(borrow)]
    text_body: Cow<'a, str>,
    #[serde(borrow)]
    html_body: Cow<'a, str>,
    #[serde(borrow)]
    raw_email: Cow<'a, str>,
    #[serde(borrow)]
    attachments: Vec<File<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Field {
    name: String,
    #[serde(default)]
    value: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct File<'a> {
    name: Option<String>,
    content_type: Option<String>,
    #[serde(rename = "ContentID")]
    content_id: Option<String>,
    #[serde(borrow)]
    content: Cow<'a, str>,
}

/// The mail in a call.
pub fn told(request: &Request, own: &Mailbox) -> Result<Told, Rejection> {
    let document: Document<'_> = serde_json::from_slice(&request.body)
        .map_err(|error| Rejection::Malformed(format!("not an inbound document of Postmark: line {}", error.line())))?;
    let mut rcpt_to: Vec<String> = document.original_recipient.into_iter().filter(|to| !to.is_empty()).collect();
    // The token of a plus-address, wherever on the way Postmark found it.
    rcpt_to.extend(document.mailbox_hash.filter(|hash| !hash.is_empty()).map(|hash| own.with_token(&hash)));
    let told = |name: &str| document.headers.iter().find(|field| field.name.eq_ignore_ascii_case(name));
    let mail_from =
        told("Return-Path").and_then(|field| field.value.as_deref()).map(|path| path.trim_matches(['<', '>', ' ']));
    let mail_from = mail_from.unwrap_or(NO_RETURN_PATH).to_owned();
    if !document.raw_email.is_empty() {
        let place = Err(document.raw_email.into_owned().into_bytes());
        return Ok(Told::Raw { mail_from, rcpt_to, place });
    }
    let mut parts = Parts::new(document.text_body, document.html_body);
    for field in &document.headers {
        parts.field(&field.name, field.value.as_deref().unwrap_or_default().as_bytes());
    }
    for (name, value) in [
        ("From", document.from),
        ("To", document.to),
        ("Cc", document.cc),
        ("Reply-To", document.reply_to),
        ("Subject", document.subject),
        ("Date", document.date),
    ] {
        parts.field_if_missing(name, value.as_deref().unwrap_or_default());
    }
    if !parts.has_fields() {
        return Err(Rejection::Malformed("not a mail: neither RawEmail nor Headers".into()));
    }
    parts.files.extend(document.attachments.into_iter().map(|file| Attached {
        name: file.name.unwrap_or_default(),
        media_type: file.content_type.unwrap_or_default(),
        content_id: file.content_id.map(|id| id.trim_start_matches("cid:").trim_matches(['<', '>']).to_owned()),
        data: transfer::base64(file.content.as_bytes()).into(),
    }));
    Ok(Told::Made(Envelope { mail_from, rcpt_to, data: parts.mail() }))
}

/// The media type and body of a call with this mail.
pub fn body(mail: &[u8], own: &Mailbox) -> (String, Vec<u8>) {
    let document = json!({ "OriginalRecipient": own.address(), "RawEmail": String::from_utf8_lossy(mail) });
    ("application/json".into(), document.to_string().into_bytes())
}
