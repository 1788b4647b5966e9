//! Messages: every `MsgType`, those that nobody knows yet included.
use tributary_sdk::Rejection;
use tributary_sdk::types::{Attribute, Author, ChannelEvent, Content, Inbound, ThreadHints, Timestamp};
use tributary_wechat::door::Query;
use tributary_wechat::fetch::{self, Wanted};
use tributary_wechat::xml::Fields;
use tributary_wechat::{MOST_ATTRIBUTES, attribute, key};

use crate::WeChat;
use crate::receive::Told;

/// What is said elsewhere in a message, or only says how it came.
const SAID: [&str; 8] =
    ["ToUserName", "FromUserName", "CreateTime", "MsgType", "MsgId", "Content", "Encrypt", "Recognition"];

/// When the customer sent it: seconds in the platform's message, or, without any, of the call itself.
pub(crate) fn sent_at(fields: &Fields, query: &Query) -> Timestamp {
    let seconds = fields.number::<u64>("CreateTime").or_else(|| query.get("timestamp").parse().ok());
    seconds.unwrap_or_default().saturating_mul(1000)
}

/// Every field that has no place of its own in a message.
pub(crate) fn attributes(kind: &str, fields: &Fields) -> Vec<Attribute> {
    let rest = fields.iter().filter(|(path, _)| !SAID.contains(path));
    let rest = rest.filter_map(|(path, value)| attribute("wechat", path, value));
    std::iter::once(Attribute::new("wechat-type", kind)).chain(rest).take(MOST_ATTRIBUTES).collect()
}

impl WeChat {
    /// What a call told, whatever it is about.
    pub(crate) fn told(&self, fields: &Fields, openid: &str, query: &Query) -> Result<Told, Rejection> {
        let kind = fields.word("MsgType").unwrap_or("unknown").to_ascii_lowercase();
        let at = sent_at(fields, query);
        if kind == "event" {
            return self.event(fields, openid, at);
        }
        self.window.open(openid, at)?;
        let id = match fields.word("MsgId") {
            Some(id) if id.len() <= 64 => id.to_owned(),
            // Not one of today's messages: known by who wrote what and when.
            _ => key("message", &format!("{openid}:{at}:{kind}:{:?}", fields.iter().collect::<Vec<_>>())),
        };
        let (text, lost) = text(&kind, fields);
        let media = fields.word("MediaId");
        let address = fields.word("PicUrl").map(str::to_owned);
        let mut told = Told { noted: self.ask_later(openid)?, ..Told::default() };
        if media.is_some() || address.is_some() {
            let media = media.unwrap_or_default().to_owned();
            let wanted = Wanted { message: id.clone(), media, address, lost, tries: 0, next: 0 };
            told.noted |= fetch::note(&wanted)?;
        }
        let mut message = self.inbound(id, openid, at, text);
        message.attributes = attributes(&kind, fields);
        told.events.push(ChannelEvent::Message(message));
        Ok(told)
    }

    /// A message of a person.
    pub(crate) fn inbound(&self, id: String, openid: &str, at: Timestamp, text: String) -> Inbound {
        Inbound {
            external_id: Some(id),
            sent_at: at,
            author: Author::Customer,
            from: vec![self.person(openid)],
            display_name: None,
            subject: None,
            content: Content::plain(text),
            thread: ThreadHints { thread_key: Some(openid.to_owned()), ..ThreadHints::default() },
            automatic: false,
            attributes: Vec::new(),
        }
    }
}

/// What to show of a message, and what to show instead where its file is not to be had.
fn text(kind: &str, fields: &Fields) -> (String, Option<String>) {
    let word = |name| fields.text(name).unwrap_or_default();
    let file = |what: &str| (format!("[{what}]"), Some(format!("[{what}：文件无法取得]")));
    let lines = |what: &str, names: &[&str]| {
        let lines: Vec<&str> = names.iter().filter_map(|name| fields.text(name)).collect();
        (format!("[{what}] {}", lines.join("\n")).trim_end().to_owned(), None)
    };
    match kind {
        "text" => (word("Content").to_owned(), None),
        "image" => file("图片"),
        // Spoken words that were recognised are the text, and stay it.
        "voice" => match fields.word("Recognition") {
            Some(words) => (words.to_owned(), None),
            None => file("语音"),
        },
        "video" => file("视频"),
        "shortvideo" => file("小视频"),
        "location" => {
            let place = format!("[位置] {} ({}, {})", word("Label"), word("Location_X"), word("Location_Y"));
            (place.replace("  ", " "), None)
        }
        "link" => lines("链接", &["Title", "Description", "Url"]),
        "miniprogrampage" => lines("小程序", &["Title", "PagePath"]),
        "file" => lines("文件", &["Title", "Description"]),
        other => {
            let (text, _) = lines(other, &["Content", "Title", "Description", "Url"]);
            (text, None)
        }
    }
}
