//! Events: menu clicks, scans, followers who come and go, and some fifty more.
//!
//! - What asks the shop for something (`event-messages`) is a message.
//! - A scan whose scene may be a conversation's reply token is an automatic message that carries it, so that the person
//!   and the conversation come together: the shop shows a QR code with the token as its scene.
//! - What says something about the person is a profile: following or not, the scene that brought them, where they are,
//!   their UnionID.
//! - The rest, about the account's own doings (`MASSSENDJOBFINISH`, `kf_create_session`, card reviews …), and whatever the
//!   platform invents, is answered and nothing else.
//!
//! Names of events differ in case between the platform's pages and its calls: compared in lower case.
use tributary_sdk::Rejection;
use tributary_sdk::types::{Attribute, ChannelEvent, Handle, HandleKind, Profile, Timestamp};
use tributary_wechat::key;
use tributary_wechat::scene::may_be_token;
use tributary_wechat::xml::Fields;

use crate::WeChat;
use crate::message::attributes;
use crate::receive::Told;

impl WeChat {
    /// What an event told.
    pub(crate) fn event(&self, fields: &Fields, openid: &str, at: Timestamp) -> Result<Told, Rejection> {
        let name = fields.word("Event").unwrap_or("unknown").to_ascii_lowercase();
        let event_key = fields.word("EventKey").unwrap_or_default();
        let id = key("event", &format!("{openid}:{}:{name}:{event_key}", at / 1000));
        let mut told = Told { subscribed: name == "subscribe", ..Told::default() };
        if matches!(name.as_str(), "subscribe" | "scan" | "click") {
            self.moment.open(openid, at)?;
        }
        let scene = match name.as_str() {
            "subscribe" => event_key.strip_prefix("qrscene_").unwrap_or_default(),
            "scan" => event_key,
            _ => "",
        };
        let asks = self.config.event_messages.contains(&name);
        if asks || may_be_token(scene) {
            let what = if name == "click" { "菜单" } else { "事件" };
            let text = match scene {
                "" if name == "click" => format!("[{what}] {event_key}"),
                "" => format!("[{what}] {name} {event_key}"),
                _ => "[扫码]".to_owned(),
            };
            let mut message = self.inbound(id, openid, at, text.trim_end().to_owned());
            message.automatic = !asks;
            message.attributes = attributes("event", fields);
            // Not where everybody who looks could read it: it is a secret of the conversation.
            if may_be_token(scene) {
                message.attributes.retain(|attribute| attribute.name != "wechat-event-key");
                message.thread.reply_token = Some(scene.to_owned());
            }
            told.events.push(ChannelEvent::Message(message));
        }
        let mut known = Vec::new();
        match name.as_str() {
            "subscribe" => known.push(Attribute::new("wechat-subscribed", "true")),
            "unsubscribe" => known.push(Attribute::new("wechat-subscribed", "false")),
            "location" => {
                for (path, name) in [
                    ("Latitude", "wechat-latitude"),
                    ("Longitude", "wechat-longitude"),
                    ("Precision", "wechat-precision"),
                ] {
                    known.extend(fields.word(path).map(|value| Attribute::new(name, value)));
                }
            }
            _ => {}
        }
        if !scene.is_empty() && !may_be_token(scene) {
            known.push(Attribute::new("wechat-scene", scene));
        }
        let union = fields.id("UnionId").map(|id| Handle::verified(HandleKind::WechatUnionid, id));
        if !known.is_empty() || union.is_some() {
            let handles = std::iter::once(self.person(openid)).chain(union).collect();
            let profile = Profile { handles, display_name: None, tags: Vec::new(), attributes: known };
            told.events.push(ChannelEvent::Profile(profile));
        }
        if !told.events.is_empty() && name != "unsubscribe" {
            told.noted = self.ask_later(openid)?;
        }
        Ok(told)
    }
}
