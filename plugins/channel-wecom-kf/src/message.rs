//! Items of `sync_msg`: every `msgtype`, those that nobody knows yet included.
use serde_json::Value;
use tributary_sdk::types::{Attribute, Author, ChannelEvent, Content, Handle, HandleKind, Inbound, ThreadHints};
use tributary_wechat::fetch::{self, Round, Wanted};
use tributary_wechat::{MOST_ATTRIBUTES, StoreError, attribute};

use crate::{CustomerService, customer};

/// Levels of a message's own part.
const DEPTH: usize = 6;
/// `origin` of what a person of the shop wrote in WeCom itself.
const SERVICER: i64 = 5;

/// A word of an item, where it is there and not empty.
pub(crate) fn word<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value[name].as_str().map(str::trim).filter(|word| !word.is_empty())
}

impl CustomerService {
    /// What one item told.
    pub(crate) fn item(&self, account: &str, item: &Value, round: &mut Round) -> Result<(), StoreError> {
        let kind = word(item, "msgtype").unwrap_or("unknown");
        if kind == "event" {
            return self.event(account, item, round);
        }
        let account = word(item, "open_kfid").unwrap_or(account);
        let (Some(id), Some(person)) = (word(item, "msgid"), word(item, "external_userid")) else { return Ok(()) };
        let own = &item[kind];
        let at = item["send_time"].as_u64().unwrap_or_default().saturating_mul(1000);
        let by_servicer = item["origin"].as_i64() == Some(SERVICER);
        let (text, lost) = text(kind, own);
        if let Some(media) = word(own, "media_id") {
            let media = media.to_owned();
            fetch::note(&Wanted { message: id.to_owned(), media, address: None, lost, tries: 0, next: 0 })?;
        }
        let mut attributes = vec![Attribute::new("wecom-type", kind), Attribute::new("wecom-open-kfid", account)];
        attributes.extend(word(item, "servicer_userid").map(|id| Attribute::new("wecom-servicer-userid", id)));
        flatten("", own, DEPTH, &mut attributes);
        attributes.retain(|attribute| !(kind == "text" && attribute.name == "wecom-content"));
        attributes.truncate(MOST_ATTRIBUTES);
        let (author, from) = if by_servicer {
            let servicer = word(item, "servicer_userid").unwrap_or("unknown");
            (Author::Agent, Handle::verified(HandleKind::Other, format!("wecom-servicer/{servicer}")))
        } else {
            self.window.open(&format!("{account}/{person}"), at)?;
            self.dialogue(account, person)?;
            self.ask_later(person)?;
            (Author::Customer, customer(person))
        };
        round.events.push(ChannelEvent::Message(Inbound {
            external_id: Some(id.to_owned()),
            sent_at: at,
            author,
            from: vec![from],
            display_name: None,
            subject: None,
            content: Content::plain(text),
            thread: ThreadHints {
                thread_key: Some(format!("{account}/{person}")),
                order_id: word(own, "order_id").map(str::to_owned),
                ..ThreadHints::default()
            },
            automatic: false,
            attributes,
        }));
        Ok(())
    }
}

/// What to show of a message, and what to show instead where its file is not to be had.
fn text(kind: &str, own: &Value) -> (String, Option<String>) {
    let file = |what: &str| (format!("[{what}]"), Some(format!("[{what}：文件无法取得]")));
    let lines = |what: &str, names: &[&str]| {
        let lines: Vec<&str> = names.iter().filter_map(|name| word(own, name)).collect();
        (format!("[{what}] {}", lines.join("\n")).trim_end().to_owned(), None)
    };
    match kind {
        "text" => (own["content"].as_str().unwrap_or_default().to_owned(), None),
        "image" => file("图片"),
        "voice" => file("语音"),
        "video" => file("视频"),
        "file" => file("文件"),
        "location" => {
            let place = ["name", "address"].iter().filter_map(|name| word(own, name)).collect::<Vec<_>>().join(" ");
            (format!("[位置] {place} ({}, {})", own["latitude"], own["longitude"]).replace("  ", " "), None)
        }
        "link" => lines("链接", &["title", "desc", "url"]),
        "business_card" => lines("名片", &["userid"]),
        "miniprogram" => lines("小程序", &["title", "pagepath"]),
        "channels_shop_product" => lines("商品", &["title", "sales_price", "product_id"]),
        "channels_shop_order" => lines("订单", &["order_id", "product_titles", "state", "price_wording"]),
        "msgmenu" => {
            let items = own["list"].as_array().into_iter().flatten();
            let items = items.filter_map(|item| word(&item[word(item, "type").unwrap_or_default()], "content"));
            let parts = word(own, "head_content").into_iter().chain(items).chain(word(own, "tail_content"));
            (format!("[菜单] {}", parts.collect::<Vec<_>>().join("\n")), None)
        }
        other => lines(other, &["title", "content", "desc", "url"]),
    }
}

/// Every value of a message's own part as an attribute: `{"title": …}` is `wecom-title`.
pub(crate) fn flatten(path: &str, value: &Value, depth: usize, attributes: &mut Vec<Attribute>) {
    let text = match value {
        Value::Object(fields) if depth > 0 => {
            for (field, value) in fields {
                flatten(&format!("{path}/{field}"), value, depth - 1, attributes);
            }
            return;
        }
        Value::Array(values) if depth > 0 => {
            values.iter().for_each(|value| flatten(path, value, depth - 1, attributes));
            return;
        }
        Value::Null => return,
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if attributes.len() < MOST_ATTRIBUTES {
        attributes.extend(attribute("wecom", path, &text));
    }
}
