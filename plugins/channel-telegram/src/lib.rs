//! Telegram as a channel: the smallest adapter that is complete, and the one to copy for another messenger.
//!
//! `receive` reads an update of the Bot API (core.telegram.org/bots/api, "Update"): messages of private chats and their
//! edits. Ids are `CHAT/MESSAGE`, those of an edit `CHAT/MESSAGE@SECONDS`. Files stay with Telegram: the attribute
//! `telegram-file` has the id to fetch one by. `send` writes the text in pieces. Telegram has no idempotency key: what has
//! left is noted in `state` after each piece, so only a piece whose answer was lost can come twice.
pub mod config;

use serde_json::{Value, json};
use tributary_sdk::host::{clock, http, http::HttpError, secrets, state};
use tributary_sdk::prelude::*;

/// Fields of a message that hold a file, and the words for it where nothing else is written.
const FILES: [&str; 8] = ["photo", "animation", "document", "voice", "audio", "video", "video_note", "sticker"];
/// The adapter.
pub struct Telegram(config::Config);

tributary_sdk::export!(Telegram: channel + sampler);

impl Plugin for Telegram {
    type Config = config::Config;

    fn prepare(config: config::Config) -> Result<Self, PrepareError> {
        Ok(Self(config))
    }
}

impl Channel for Telegram {
    fn receive(&self, arrival: Arrival) -> Result<Reading, Rejection> {
        let Arrival::Http(request) = arrival else { return Err(Rejection::Ignored("only the webhook is read".into())) };
        let secret = secrets::get("telegram-webhook-secret").unwrap_or_default();
        let shown = request.header("x-telegram-bot-api-secret-token").unwrap_or_default();
        if secret.is_empty() || !same(secret.as_bytes(), shown.as_bytes()) {
            return Err(Rejection::Unauthenticated("not the telegram-webhook-secret".into()));
        }
        let malformed = |what: &str| Rejection::Malformed(format!("not an update as the Bot API has them: {what}"));
        let update: Value = serde_json::from_slice(&request.body).map_err(|_| malformed("no JSON"))?;
        let Some(message) = ["message", "edited_message"].iter().find_map(|kind| update.get(kind)) else {
            update["update_id"].as_u64().ok_or_else(|| malformed("no update_id"))?;
            return Err(Rejection::Ignored("an update that is no message to the bot".into()));
        };
        if message["chat"]["type"] != "private" {
            return Err(Rejection::Ignored("not a private chat: an answer would be seen by others".into()));
        }
        let (id, chat) = (id(message).ok_or_else(|| malformed("no chat or message_id"))?, &message["chat"]["id"]);
        let (date, edit) =
            (message["date"].as_u64().ok_or_else(|| malformed("no date"))?, message["edit_date"].as_u64());
        let (text, file) = content(message).ok_or_else(|| malformed("a kind of message that is not known"))?;
        let external_id = edit.map_or_else(|| id.clone(), |seconds| format!("{id}@{seconds}"));
        let name = words(&message["chat"], &["first_name", "last_name"]);
        // An edit answers what it changes.
        let in_reply_to = edit.map_or_else(|| self::id(&message["reply_to_message"]), |_| Some(id));
        Ok(Reading::of(ChannelEvent::Message(Inbound {
            external_id: Some(external_id),
            sent_at: edit.unwrap_or(date).saturating_mul(1000),
            author: Author::Customer,
            from: vec![Handle::verified(HandleKind::Other, format!("telegram/{chat}"))],
            display_name: (!name.is_empty()).then_some(name),
            subject: None,
            content: Content::plain(text),
            thread: ThreadHints { thread_key: Some(chat.to_string()), in_reply_to, ..ThreadHints::default() },
            automatic: message["from"]["is_bot"] == true,
            attributes: file.map(|id| Attribute::new("telegram-file", id)).into_iter().collect(),
        })))
    }

    fn send(&self, message: Outgoing) -> Result<Delivery, SendError> {
        let chat = chat(&message.to)?;
        let parent = message.in_reply_to.as_deref().and_then(|id| id.strip_prefix(chat)?.strip_prefix('/'));
        let parent = parent.and_then(|id| id.split('@').next()?.parse::<i64>().ok());
        let pieces = pieces(&message.content.text, self.0.max_text.max(2));
        if pieces.is_empty() || !message.content.attachments.is_empty() {
            return Err(SendError::permanent("this channel sends text, and no files"));
        }
        let key = format!("sent/{}", message.id);
        let noted = state::get(&key).map_err(|_| SendError::temporary("the state does not answer"))?;
        let (mut sent, mut last): (usize, _) = noted.and_then(|n| serde_json::from_slice(&n).ok()).unwrap_or_default();
        for (step, piece) in pieces.iter().enumerate().skip(sent) {
            let mut body = json!({ "chat_id": chat, "text": piece });
            if let Some(parent) = parent.filter(|_| step == 0) {
                body["reply_parameters"] = json!({ "message_id": parent, "allow_sending_without_reply": true });
            }
            (sent, last) = (step + 1, id(&self.call("sendMessage", &body)?));
            // For four weeks, which is longer than the host tries again.
            let _ = state::set(&key, json!([sent, last]).to_string().as_bytes(), Some(28 * 24 * 3600));
        }
        Ok(Delivery { outgoing_id: Some(message.id), ..Delivery::accepted(last) })
    }
}

impl Sampler for Telegram {
    fn samples(&self, text: &str) -> Result<Vec<Sample>, String> {
        let secret = secrets::get("telegram-webhook-secret").map_err(|_| "no secret telegram-webhook-secret")?;
        let (now, chat) = (clock::now(), json!({ "id": 1, "type": "private", "first_name": "Sample" }));
        let message = json!({ "message_id": now, "date": now / 1000, "chat": chat, "text": text });
        let body = json!({ "update_id": now, "message": message }).to_string().into_bytes();
        let headers = vec![Attribute::new("x-telegram-bot-api-secret-token", secret)];
        Ok(vec![Sample::Http(Request { method: "POST".into(), url: "/".into(), headers, body })])
    }
}

impl Telegram {
    /// The result of a method of the Bot API. The token is in the URL, so nothing that may name the URL is told on. Only
    /// Telegram's own JSON is believed: whatever else answers on the way is temporary.
    fn call(&self, method: &str, body: &Value) -> Result<Value, SendError> {
        let missing = |_| SendError::Unauthorised("the secret telegram-token is not granted or not set".into());
        let token = secrets::get("telegram-token").map_err(missing)?;
        let response = http::send(&Request {
            method: "POST".into(),
            url: format!("{}/bot{token}/{method}", self.0.api.trim_end_matches('/')),
            headers: vec![Attribute::new("content-type", "application/json")],
            body: body.to_string().into_bytes(),
        });
        let response = response.map_err(|error| match error {
            HttpError::Denied(_) => SendError::Unauthorised("the grants do not allow the host of `api`".into()),
            _ => SendError::temporary("the Bot API gives no answer"),
        })?;
        let mut answer: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        if answer["ok"] == true {
            return Ok(answer["result"].take());
        }
        let words = answer["description"].as_str().unwrap_or("is not of the Bot API");
        let words = format!("{} {words}", response.status);
        let after = answer["parameters"]["retry_after"].as_u64().and_then(|after| u32::try_from(after).ok());
        Err(match answer["error_code"].as_u64() {
            Some(401 | 404) => SendError::Unauthorised(words),
            Some(400 | 403) => SendError::Permanent(words),
            _ => SendError::Temporary((words, after)),
        })
    }
}

/// Compares all bytes, so that the time it takes tells nothing.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && std::hint::black_box(a.iter().zip(b).fold(0, |differ, (a, b)| differ | (a ^ b))) == 0
}

/// `CHAT/MESSAGE`.
fn id(message: &Value) -> Option<String> {
    Some(format!("{}/{}", message["chat"]["id"].as_i64()?, message["message_id"].as_i64()?))
}

/// The chat of a private talk has the id of the person.
fn chat(to: &[Handle]) -> Result<&str, SendError> {
    let mut known = to.iter().filter(|handle| handle.kind == HandleKind::Other);
    let chat = known.find_map(|handle| handle.value.strip_prefix("telegram/"));
    chat.ok_or_else(|| SendError::permanent("nobody on Telegram"))
}

/// The text of a message, or words for what it is, and the id of the file in it.
fn content(message: &Value) -> Option<(String, Option<&str>)> {
    let file = FILES.iter().find_map(|kind| Some((kind, message.get(kind)?)));
    // A photo comes in several sizes, the largest last.
    let last = file.map(|(_, file)| file.as_array().and_then(|sizes| sizes.last()).unwrap_or(file));
    let written = message["text"].as_str().or(message["caption"].as_str());
    let text = match (written, file, message.get("contact"), message.get("location")) {
        (Some(text), ..) => text.replace('\0', ""),
        (_, Some((kind, _)), ..) => format!("[{kind}]"),
        (.., Some(contact), _) => format!("[contact] {}", words(contact, &["first_name", "last_name", "phone_number"])),
        (.., Some(place)) => format!("[location] {}", words(place, &["latitude", "longitude"])),
        _ => return None,
    };
    Some((text, last.and_then(|file| file["file_id"].as_str())))
}

/// What these fields hold, on one line.
fn words(of: &Value, fields: &[&str]) -> String {
    let word = |field: &&str| of.get(field).map(|word| word.as_str().map_or_else(|| word.to_string(), str::to_owned));
    fields.iter().filter_map(word).collect::<Vec<_>>().join(" ").replace(char::is_control, " ")
}

/// Pieces of at most `longest` UTF-16 code units, cut at the end of a line or a word where there is one.
fn pieces(text: &str, longest: usize) -> Vec<&str> {
    let (mut pieces, mut rest) = (Vec::new(), text.trim());
    while !rest.is_empty() {
        let mut units = 0;
        let too_far = rest.char_indices().find(|(_, c)| {
            units += c.len_utf16();
            units > longest
        });
        let end = too_far.map_or(rest.len(), |(at, _)| at);
        let gap = rest[..end].rfind(['\n', ' ']).filter(|gap| end < rest.len() && gap * 2 > end);
        let end = gap.unwrap_or(end);
        pieces.push(rest[..end].trim_end());
        rest = rest[end..].trim_start();
    }
    pieces
}
