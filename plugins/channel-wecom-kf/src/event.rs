//! Events of `sync_msg`. Their account and customer stand inside the event itself.
//!
//! - `msg_send_fail`: news of a message that was taken over first.
//! - `enter_session`: what brought the customer here; a `scene_param` that may be a conversation's reply token is an
//!   automatic message that carries it, so that the person and the conversation come together.
//! - `user_recall_msg`: the message stays, and says that it was taken back.
//! - `session_status_change`, `reject_customer_msg_switch_change` and whatever the platform invents: what is known of the
//!   customer now. Events that name no customer (`servicer_status_change`) tell nothing.
use serde_json::Value;
use tributary_sdk::host::state;
use tributary_sdk::types::{
    Attribute, Author, ChannelEvent, Content, Delivery, DeliveryState, Inbound, Profile, Supplement, ThreadHints,
};
use tributary_wechat::fetch::Round;
use tributary_wechat::scene::may_be_token;
use tributary_wechat::{StoreError, key};

use crate::message::{flatten, word};
use crate::{CustomerService, customer};

/// Why a message did not arrive, by `fail_type`.
const REASONS: [(i64, &str); 10] = [
    (0, "the platform gives no reason"),
    (1, "the customer service account was deleted"),
    (2, "the app was closed"),
    (4, "window closed: the customer's last message is more than 48 h old"),
    (5, "the session was closed"),
    (6, "window closed: the number of answers to the customer's last message is used up"),
    (7, "the account is not joined to a video channel"),
    (8, "the company is not verified"),
    (9, "the account is not joined to a video channel, and the company is not verified"),
    (10, "the customer refuses messages"),
];

impl CustomerService {
    /// What one event told.
    pub(crate) fn event(&self, account: &str, item: &Value, round: &mut Round) -> Result<(), StoreError> {
        let event = &item["event"];
        let kind = word(event, "event_type").unwrap_or("unknown");
        let account = word(event, "open_kfid").unwrap_or(account);
        if kind == "msg_send_fail" {
            return self.failed(event, round);
        }
        let Some(person) = word(event, "external_userid") else { return Ok(()) };
        let mut known = Vec::new();
        match kind {
            "user_recall_msg" => {
                let Some(message) = word(event, "recall_msgid") else { return Ok(()) };
                round.events.push(ChannelEvent::Supplement(Supplement {
                    external_id: message.to_owned(),
                    attachments: Vec::new(),
                    text: None,
                    attributes: vec![Attribute::new("recalled", "true")],
                }));
                return Ok(());
            }
            "enter_session" => {
                self.dialogue(account, person)?;
                self.ask_later(person)?;
                let scene = word(event, "scene_param").unwrap_or_default();
                if may_be_token(scene) {
                    round.events.extend(entered(account, person, scene, item));
                } else {
                    known.extend(word(event, "scene_param").map(|value| Attribute::new("wecom-scene-param", value)));
                }
                known.extend(word(event, "scene").map(|value| Attribute::new("wecom-scene", value)));
            }
            other => {
                known.push(Attribute::new("wecom-event", other));
                flatten("", event, 2, &mut known);
                let said = ["wecom-event-type", "wecom-open-kfid", "wecom-external-userid"];
                known
                    .retain(|attribute| !said.contains(&attribute.name.as_str()) && !attribute.name.ends_with("-code"));
            }
        }
        if !known.is_empty() {
            let handles = vec![customer(person)];
            let profile = Profile { handles, display_name: None, tags: Vec::new(), attributes: known };
            round.events.push(ChannelEvent::Profile(profile));
        }
        Ok(())
    }

    /// A message of ours that did not arrive.
    fn failed(&self, event: &Value, round: &mut Round) -> Result<(), StoreError> {
        let Some(id) = word(event, "fail_msgid") else { return Ok(()) };
        let outgoing = state::get(&key("sent", id))?.and_then(|outgoing| String::from_utf8(outgoing).ok());
        let number = event["fail_type"].as_i64().unwrap_or_default();
        let reason = REASONS.iter().find(|(known, _)| *known == number).map_or("the platform failed", |row| row.1);
        round.events.push(ChannelEvent::Delivery(Delivery {
            outgoing_id: outgoing,
            external_id: Some(id.to_owned()),
            state: DeliveryState::Failed,
            detail: Some(format!("{reason} (fail_type {number})")),
        }));
        Ok(())
    }
}

/// The message of a customer who came by a conversation's own link.
fn entered(account: &str, person: &str, token: &str, item: &Value) -> Option<ChannelEvent> {
    Some(ChannelEvent::Message(Inbound {
        external_id: Some(word(item, "msgid")?.to_owned()),
        sent_at: item["send_time"].as_u64().unwrap_or_default().saturating_mul(1000),
        author: Author::Customer,
        from: vec![customer(person)],
        display_name: None,
        subject: None,
        content: Content::plain("[进入会话]"),
        thread: ThreadHints {
            reply_token: Some(token.to_owned()),
            thread_key: Some(format!("{account}/{person}")),
            ..ThreadHints::default()
        },
        automatic: true,
        attributes: vec![Attribute::new("wecom-type", "event"), Attribute::new("wecom-open-kfid", account)],
    }))
}
