//! What a visitor does: writes, sends a file, types, reads.
use crate::refusal::Refusal;
use crate::token::{self, Claims};
use crate::{KEPT, Webchat, door, limit, visitor};
use serde::Deserialize;
use serde_json::{Value, json};
use tributary_sdk::Reading;
use tributary_sdk::host::blobs::BlobError;
use tributary_sdk::host::{blobs, clock, feed, state};
use tributary_sdk::types::{
    Attachment, Attribute, Author, ChannelEvent, Content, Delivery, DeliveryState, Inbound, ThreadHints, Typing,
};
use tributary_sdk::web::Request;

/// The longest id that a browser makes for a message, in bytes.
const LONGEST_ID: usize = 64;

/// The longest of a message's small facts, in characters.
const LONGEST_FACT: usize = 300;

/// The most messages whose fate one call may tell.
const MOST_MARKS: usize = 100;

/// `POST /messages`.
#[derive(Debug, Default, Deserialize)]
pub struct NewMessage {
    /// Made by the browser: the same for every attempt.
    id: String,
    /// What was written.
    text: String,
    /// The page that the visitor looks at.
    #[serde(default)]
    page: Option<String>,
    /// The order that the page is about, which nobody signed.
    #[serde(default)]
    order: Option<String>,
    /// The language of the window.
    #[serde(default)]
    lang: String,
    /// How to reach the visitor, from the message box.
    #[serde(default)]
    pub contact: Contact,
}

/// How to reach a visitor.
#[derive(Debug, Default, Deserialize)]
pub struct Contact {
    /// What to call the visitor.
    #[serde(default)]
    name: Option<String>,
    /// A mail address.
    #[serde(default)]
    pub email: Option<String>,
    /// A phone number.
    #[serde(default)]
    pub phone: Option<String>,
}

/// `POST /read`: ids of the shop's messages, with their marks.
#[derive(Debug, Deserialize)]
struct Marks {
    /// They are in the browser.
    #[serde(default)]
    delivered: Vec<String>,
    /// They were before the visitor's eyes.
    #[serde(default)]
    read: Vec<String>,
}

impl Webchat {
    /// `POST /messages`.
    pub(crate) fn take_message(&self, claims: &Claims, request: &Request) -> Result<Reading, Refusal> {
        let message: NewMessage = door::json(request, "a JSON object with `id` and `text`")?;
        check_id(&message.id)?;
        let text = plain(&message.text);
        if text.is_empty() || text.len() > self.config.max_text_bytes as usize {
            return Err(Refusal::Text(self.config.max_text_bytes));
        }
        let from = visitor::with_contact(claims, &message, &self.config.country_code)?;
        let hours = self.hours.at(clock::now());
        if !hours.open && self.config.box_needs_contact && !visitor::can_be_reached(&from) {
            return Err(Refusal::Contact);
        }
        self.count(claims, "messages", self.config.messages_per_minute)?;
        let mut attributes = self.attributes(claims);
        let facts = [("page", message.page.as_deref().and_then(page)), ("page-order", message.order)];
        for (name, value) in facts {
            let value: String = value.unwrap_or_default().chars().take(LONGEST_FACT).collect();
            if !value.is_empty() {
                attributes.push(Attribute::new(name, value));
            }
        }
        feed::publish(&claims.sub, &format!("in/{}", message.id), "message", &item(&message.id, &text, None))?;
        if !hours.open {
            // Once while nobody is there.
            let key = format!("box/{}", hours.until.unwrap_or_default());
            let answer = self.text(&self.config.box_answer, &message.lang);
            let data = json!({ "id": key, "from": "system", "text": answer, "at": clock::now(), "files": [] });
            feed::publish(&claims.sub, &key, "message", &data.to_string())?;
        }
        let name = claims.name.as_deref().or(message.contact.name.as_deref()).and_then(visitor::name);
        let content = Content::plain(text);
        Ok(self.taken(claims, &message.id, Inbound { from, display_name: name, attributes, ..blank(content) }))
    }

    /// `POST /files`: a file is a message of its own.
    pub(crate) fn take_file(&self, claims: &Claims, request: &Request) -> Result<Reading, Refusal> {
        let id = request.header("x-message-id").unwrap_or_default();
        check_id(id)?;
        let kind = request.header("content-type").unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if !self.config.file_types.contains(&kind) {
            return Err(Refusal::FileType);
        }
        let limit = self.config.max_file_bytes;
        if request.body.is_empty() || request.body.len() > limit as usize {
            return Err(Refusal::FileSize(limit));
        }
        self.count(claims, "files", self.config.files_per_minute)?;
        let name = file_name(request.header("x-file-name").unwrap_or_default());
        let file = blobs::put(&name, &kind, &request.body).map_err(|error| match error {
            BlobError::TooLarge(limit) => Refusal::FileSize(u32::try_from(limit).unwrap_or(u32::MAX)),
            other => Refusal::Unavailable(other.to_string()),
        })?;
        show_file_to(&claims.sub, &file)?;
        feed::publish(&claims.sub, &format!("in/{id}"), "message", &item(id, "", Some(&file)))?;
        let content = Content { attachments: vec![file], ..Content::default() };
        let from = visitor::handles(claims, &self.config.country_code);
        let display_name = claims.name.as_deref().and_then(visitor::name);
        let message = Inbound { from, display_name, attributes: self.attributes(claims), ..blank(content) };
        Ok(self.taken(claims, id, message))
    }

    /// `POST /typing`.
    pub(crate) fn take_typing(&self, claims: &Claims) -> Reading {
        let typing = Typing { from: vec![visitor::handle(&claims.sub)], thread_key: Some(claims.sub.clone()) };
        door::empty(vec![ChannelEvent::Typing(typing)])
    }

    /// `POST /read`. An id whose mark is not this visitor's tells nothing.
    pub(crate) fn take_marks(&self, claims: &Claims, request: &Request) -> Result<Reading, Refusal> {
        let marks: Marks = door::json(request, "a JSON object with `delivered` and `read`, lists of ids")?;
        let mut events = Vec::new();
        for (ids, state) in [(marks.delivered, DeliveryState::Delivered), (marks.read, DeliveryState::Read)] {
            for id in ids.iter().take(MOST_MARKS) {
                let Some((outgoing, mark)) = id.split_once('.') else { continue };
                let expected = token::mark("out", &[&claims.sub, outgoing])?;
                if token::equal(mark.as_bytes(), expected.as_bytes()) {
                    let outgoing_id = Some(outgoing.to_owned());
                    events.push(ChannelEvent::Delivery(Delivery {
                        outgoing_id,
                        external_id: None,
                        state,
                        detail: None,
                    }));
                }
            }
        }
        Ok(door::empty(events))
    }

    /// One more of a visitor's messages or files.
    fn count(&self, claims: &Claims, what: &str, most: u32) -> Result<(), Refusal> {
        limit::count(&format!("{what}/{}", claims.sub), most)?;
        if claims.is_anonymous() {
            limit::count("anonymous", self.config.anonymous_per_minute)?;
        }
        Ok(())
    }

    /// What every message of a visitor carries. An answer finds its way by the first.
    fn attributes(&self, claims: &Claims) -> Vec<Attribute> {
        let mut attributes = vec![Attribute::new("visitor", &claims.sub)];
        attributes.extend(claims.tier.as_ref().map(|tier| Attribute::new("tier", tier)));
        if !self.hours.at(clock::now()).open {
            attributes.push(Attribute::new("message-box", "true"));
        }
        attributes
    }

    /// The events of a message, and the answer that it was taken.
    fn taken(&self, claims: &Claims, id: &str, message: Inbound) -> Reading {
        let now = clock::now();
        let thread = ThreadHints {
            thread_key: Some(claims.sub.clone()),
            order_id: claims.order.clone().filter(|order| !order.is_empty()),
            ..ThreadHints::default()
        };
        let external_id = Some(format!("{}/{id}", claims.sub));
        let message = Inbound { external_id, sent_at: now, thread, ..message };
        let mut events = vec![ChannelEvent::Message(message)];
        events.extend(visitor::profile(claims, &self.config.country_code).map(ChannelEvent::Profile));
        door::reading(events, 200, &json!({ "id": id, "at": now }))
    }
}

/// A message of a customer with nothing but its content.
fn blank(content: Content) -> Inbound {
    Inbound {
        external_id: None,
        sent_at: 0,
        author: Author::Customer,
        from: Vec::new(),
        display_name: None,
        subject: None,
        content,
        thread: ThreadHints::default(),
        automatic: false,
        attributes: Vec::new(),
    }
}

/// A visitor's own message as every tab shows it.
fn item(id: &str, text: &str, file: Option<&Attachment>) -> String {
    let files: Vec<Value> = file.into_iter().map(file_item).collect();
    json!({ "id": id, "from": "visitor", "text": text, "at": clock::now(), "files": files }).to_string()
}

/// A file as the script sees it.
pub fn file_item(file: &Attachment) -> Value {
    json!({ "id": file.blob, "name": file.name, "type": file.media_type, "size": file.size })
}

/// Where it is kept that a visitor may fetch a file.
pub fn file_key(sub: &str, blob: &str) -> String {
    format!("file/{sub}/{blob}")
}

/// Lets a visitor fetch a file.
///
/// # Errors
/// Where the host's state does not take it.
pub fn show_file_to(sub: &str, file: &Attachment) -> Result<(), state::StateError> {
    let value = json!({ "name": file.name, "type": file.media_type }).to_string();
    state::set(&file_key(sub, &file.blob), value.as_bytes(), Some(KEPT))
}

fn check_id(id: &str) -> Result<(), Refusal> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if id.is_empty() || id.len() > LONGEST_ID || !id.bytes().all(plain) {
        return Err(Refusal::Malformed("an id of 1 to 64 letters, digits and dashes"));
    }
    Ok(())
}

/// A text with line feeds for its lines and no other control characters than tabs.
fn plain(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let text: String = text.chars().filter(|c| !c.is_control() || *c == '\n' || *c == '\t').collect();
    text.trim().to_owned()
}

/// A page without its query and fragment, which may hold what is nobody's affair.
fn page(url: &str) -> Option<String> {
    let known = url.starts_with("https://") || url.starts_with("http://");
    known.then(|| url.split(['?', '#']).next().unwrap_or_default().to_owned())
}

/// The name in a header, percent-encoded (RFC 3986, 2.1): its last part, without control characters.
fn file_name(encoded: &str) -> String {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = match (first, tail) {
            (b'%', [high, low, ..]) => data_encoding::HEXLOWER_PERMISSIVE.decode(&[*high, *low]).ok(),
            _ => None,
        };
        rest = if escaped.is_some() { &tail[2..] } else { tail };
        bytes.push(escaped.map_or(*first, |byte| byte[0]));
    }
    let text = String::from_utf8_lossy(&bytes);
    let last = text.rsplit(['/', '\\']).next().unwrap_or_default();
    visitor::name(last).unwrap_or_else(|| "file".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_s_name_is_its_last_part_in_one_line() {
        for (header, name) in [
            ("receipt.pdf", "receipt.pdf"),
            ("%E6%94%B6%E6%8D%AE%201.pdf", "收据 1.pdf"),
            ("..%2F..%2Fetc%2Fpasswd", "passwd"),
            ("C:\\fakepath\\a.png", "a.png"),
            ("a%0d%0ab", "a  b"),
            ("100%", "100%"),
            ("%zz", "%zz"),
            ("%ff", "\u{fffd}"),
            ("", "file"),
            ("%2F", "file"),
        ] {
            assert_eq!(file_name(header), name, "{header}");
        }
    }

    #[test]
    fn a_page_s_query_is_left_out() {
        assert_eq!(page("https://shop.example/a?token=1#x").as_deref(), Some("https://shop.example/a"));
        assert_eq!(page("javascript:alert(1)"), None);
    }
}
