//! An SMS or MMS that comes in ("Twilio's request to your incoming message webhook").
use tributary_sdk::host;
use tributary_sdk::types::{Attribute, Author, ChannelEvent, Content, Inbound, ThreadHints};
use tributary_sdk::web::Response;
use tributary_sdk::{Reading, Rejection};

use super::fetch::Job;
use super::{Fields, load, save};
use crate::config::Config;
use crate::people;

/// What Twilio is answered: send nothing.
const NOTHING: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response/>";

/// No message has more files (Twilio: ten).
const FILES: u32 = 10;

/// Reads one.
///
/// # Errors
/// [`Rejection::Malformed`] where it is not what Twilio sends.
pub fn receive(fields: &Fields, config: &Config) -> Result<Reading, Rejection> {
    let sid = fields.sid("MessageSid")?;
    let from = fields.need("From")?;
    let text = fields.get("Body").unwrap_or_default();
    let mut attributes = vec![Attribute::new("transport", "sms")];
    let mut add = |name: &str, value: Option<&str>| attributes.extend(value.map(|value| Attribute::new(name, value)));
    add("sms-to", fields.get("To"));
    for (name, field) in [("city", "FromCity"), ("state", "FromState"), ("country", "FromCountry")] {
        add(name, fields.get(field));
    }
    let keyword = fields.get("OptOutType").map(str::to_lowercase).or_else(|| keyword(text, config).map(str::to_owned));
    add("sms-keyword", keyword.as_deref());
    let count = fields.get("NumMedia").and_then(|count| count.parse().ok()).unwrap_or(0).min(FILES);
    let mut poll_now = false;
    for number in 0..count {
        let Some(url) = fields.get(&format!("MediaUrl{number}")) else { continue };
        add("media-type", fields.get(&format!("MediaContentType{number}")));
        if config.account_sid.is_none() {
            add("media-url", Some(url));
            continue;
        }
        let key = format!("fetch/media/{sid}/{number}");
        if load::<Job>(&key)?.is_none() {
            save(&key, &Job::file(url), None)?;
        }
        poll_now = true;
    }
    let number = people::phone(from, config);
    let thread_key = number.clone();
    let message = Inbound {
        external_id: Some(sid.into()),
        // Twilio tells no time: an SMS comes in within seconds.
        sent_at: host::clock::now(),
        author: Author::Customer,
        from: vec![number.map_or_else(|| people::nobody(sid), |number| people::phone_handle(number, false))],
        display_name: fields.get("ProfileName").map(str::to_owned),
        subject: None,
        content: Content::plain(text.replace('\0', "")),
        thread: ThreadHints { thread_key, ..ThreadHints::default() },
        // An order to the network, which answers it itself: no machine of the shop may.
        automatic: keyword.is_some(),
        attributes,
    };
    let answer = Some(Response::body(200, "text/xml", NOTHING));
    Ok(Reading { events: vec![ChannelEvent::Message(message)], answer, poll_now })
}

/// Whether the whole text is an order to the network: `stop` or `help`.
fn keyword(text: &str, config: &Config) -> Option<&'static str> {
    let word = text.trim().to_lowercase();
    let one_of = |words: &[String]| words.contains(&word);
    match () {
        () if one_of(&config.stop_words) => Some("stop"),
        () if one_of(&config.help_words) => Some("help"),
        () => None,
    }
}
