//! An answer by SMS (Twilio's `Messages` resource). A call has no way back of its own.
//!
//! Twilio knows no idempotency keys, so what was sent is remembered. Where it is not known whether an earlier attempt got
//! through, the account's own list of messages is asked before another is made.
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tributary_sdk::Outgoing;
use tributary_sdk::types::{Delivery, HandleKind, SendError};

use super::api::{self, Problem};
use super::{forget, load, save};
use crate::config::Config;
use crate::time;

/// A part of an answer that Twilio has taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sent {
    /// The host's id of the answer.
    pub outgoing: String,
    /// The part is the last one.
    pub last: bool,
}

fn store_error(_: tributary_sdk::Rejection) -> SendError {
    SendError::temporary("what was sent could not be read or kept")
}

/// Sends one.
///
/// # Errors
/// [`SendError::WindowClosed`] where there is no SMS from here, or the customer wants none: another channel has to be used.
pub fn send(message: &Outgoing, config: &Config) -> Result<Delivery, SendError> {
    let sender = match (&config.messaging_service_sid, &config.sms_from) {
        (Some(service), _) => ("MessagingServiceSid", service.as_str()),
        (None, Some(number)) => ("From", number.as_str()),
        (None, None) => {
            return Err(SendError::WindowClosed(
                "a call has no way back, and no SMS is configured (`sms-from` or `messaging-service-sid`): use another channel"
                    .into(),
            ));
        }
    };
    let to = message.to.iter().find(|handle| handle.kind == HandleKind::Phone && handle.value.starts_with('+'));
    let to = to.ok_or_else(|| {
        SendError::WindowClosed("no phone number of this customer is known: use another channel".into())
    })?;
    if !message.content.attachments.is_empty() {
        return Err(SendError::permanent(
            "an SMS from here carries text alone, no files: use another channel, or leave them out",
        ));
    }
    let parts = parts(message.content.text.trim(), config.sms_max_characters as usize);
    if parts.is_empty() {
        return Err(SendError::permanent("the answer has no text"));
    }
    if parts.len() > config.sms_max_parts as usize {
        return Err(SendError::permanent(format!(
            "the answer has {} characters, an SMS from here at most {} ({} parts of {})",
            message.content.text.chars().count(),
            u64::from(config.sms_max_characters) * u64::from(config.sms_max_parts),
            config.sms_max_parts,
            config.sms_max_characters
        )));
    }
    let mut sid = None;
    for (index, part) in parts.iter().enumerate() {
        let last = index + 1 == parts.len();
        sid = Some(one(message, index, last, &to.value, part, sender, config)?);
    }
    Ok(Delivery { outgoing_id: Some(message.id.clone()), ..Delivery::accepted(sid) })
}

/// Sends a part, unless it was sent before. The result is Twilio's id of it.
fn one(
    message: &Outgoing,
    index: usize,
    last: bool,
    to: &str,
    text: &str,
    sender: (&str, &str),
    config: &Config,
) -> Result<String, SendError> {
    let (sent, trying) = (format!("sent/{}/{index}", message.id), format!("trying/{}/{index}", message.id));
    if let Some(sid) = load::<String>(&sent).map_err(store_error)? {
        return Ok(sid);
    }
    let account = api::account(config)?;
    let url = format!("{}/2010-04-01/Accounts/{account}/Messages.json", config.api.trim_end_matches('/'));
    let earlier = load::<bool>(&trying).map_err(store_error)?.is_some();
    let found = if earlier { find(&url, message, to, text, config)? } else { None };
    let sid = match found {
        Some(sid) => sid,
        None => {
            save(&trying, &true, Some(config.late_seconds)).map_err(store_error)?;
            let callback =
                config.public_url.as_deref().map(|base| format!("{}/twilio/status", base.trim_end_matches('/')));
            let mut form = vec![("To", to), sender, ("Body", text)];
            form.extend(callback.as_deref().map(|url| ("StatusCallback", url)));
            let made = api::post(&url, &form, config);
            if matches!(made, Err(Problem::Refused(..) | Problem::Unauthorised(_))) {
                forget(&trying).map_err(store_error)?;
            }
            let made = made?;
            let sid = made.get("sid").and_then(Value::as_str).filter(|sid| super::is_sid(sid));
            sid.ok_or_else(|| SendError::temporary("Twilio took the message without giving it an id"))?.to_owned()
        }
    };
    save(&sent, &sid, Some(config.late_seconds)).map_err(store_error)?;
    let part = Sent { outgoing: message.id.clone(), last };
    save(&format!("sid/{sid}"), &part, Some(config.late_seconds)).map_err(store_error)?;
    forget(&trying).map_err(store_error)?;
    Ok(sid)
}

/// The message that an earlier attempt made: to the same number, since the answer was written, with the same text, and no
/// other answer's.
fn find(url: &str, message: &Outgoing, to: &str, text: &str, config: &Config) -> Result<Option<String>, SendError> {
    let day = time::show(message.at);
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("To", to)
        .append_pair("DateSent>", day.get(..10).unwrap_or_default())
        .append_pair("PageSize", "200")
        .finish();
    let list = api::get(&format!("{url}?{query}"), config)?;
    for made in list.get("messages").and_then(Value::as_array).into_iter().flatten() {
        let field = |key: &str| made.get(key).and_then(Value::as_str);
        let since = field("date_created").and_then(time::read).is_none_or(|at| at + 1000 >= message.at);
        if let Some(sid) = field("sid").filter(|sid| super::is_sid(sid))
            && since
            && field("body").map(str::trim) == Some(text)
            && load::<Sent>(&format!("sid/{sid}")).map_err(store_error)?.is_none()
        {
            return Ok(Some(sid.to_owned()));
        }
    }
    Ok(None)
}

/// Cuts a text into parts of so many characters at most, between words where there are any.
fn parts(text: &str, limit: usize) -> Vec<String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.char_indices().nth(limit).map_or(rest.len(), |(at, _)| at);
        // Not so early that parts become many.
        let cut = match rest[..end].rfind(char::is_whitespace) {
            Some(space) if end < rest.len() && space > end / 2 => space,
            _ => end,
        };
        parts.push(rest[..cut].trim_end().to_owned());
        rest = rest[cut..].trim_start();
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn long_texts_are_cut_between_words() {
        assert_eq!(parts("one two three", 8), ["one two", "three"]);
        assert_eq!(parts("您好您好您", 2), ["您好", "您好", "您"]);
        assert_eq!(parts("short", 160), ["short"]);
        assert!(parts("", 160).is_empty());
        let long = "word ".repeat(1000);
        assert_eq!(parts(long.trim(), 160).join(" "), long.trim());
    }
}
