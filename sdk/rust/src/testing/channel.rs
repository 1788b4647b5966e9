//! Messages in and out of an adapter, and its events as data.
use serde::Serialize;
use serde_json::{Value, json};

use super::{FakeHost, with};
use crate::types::{Attribute, Author, ChannelEvent, Content, Handle};
use crate::{Arrival, Channel, Outgoing, Reading, Rejection};

/// An agent's answer to these handles, with the tag T1042.
pub fn outgoing(to: Vec<Handle>, content: Content) -> Outgoing {
    Outgoing {
        id: "o-1".into(),
        at: 1_760_000_000_000,
        conversation: "c-1".into(),
        tag: "T1042".into(),
        reply_token: "k3v9x2m8q4w7t1zp".into(),
        author: Author::Agent,
        to,
        subject: None,
        content,
        in_reply_to: None,
        references: Vec::new(),
        attributes: Vec::new(),
    }
}

/// Hand an arrival in twice, as it may come again after a crash. Panics where the second reading is another one.
///
/// # Errors
/// The adapter's rejection.
pub fn receive(host: &FakeHost, channel: &impl Channel, arrival: &Arrival) -> Result<Reading, Rejection> {
    let once = || with(host, || channel.receive(arrival.clone()));
    let reading = once();
    assert_eq!(reading, once(), "the same arrival gives the same events");
    reading
}

/// An event as data, for fixtures: kinds and states in the contract's words, handles as `email:a@b.example`, with
/// ` verified` behind one that the channel proves.
pub fn told(event: &ChannelEvent) -> Value {
    match event {
        ChannelEvent::Message(message) => json!({
            "event": "message", "external-id": message.external_id, "sent-at": message.sent_at,
            "author": word(message.author), "from": handles(&message.from), "display-name": message.display_name,
            "subject": message.subject, "text": message.content.text, "thread-key": message.thread.thread_key,
            "reply-token": message.thread.reply_token, "order-id": message.thread.order_id,
            "automatic": message.automatic, "attributes": attributes(&message.attributes),
        }),
        ChannelEvent::Order(order) => json!({
            "event": "order", "id": order.id, "state": word(order.state), "at": order.at, "buyer": handles(&order.buyer),
            "total": format!("{} {}", order.total.currency, order.total.minor), "first-order": order.first_order,
            "lines": order.lines.iter().map(|line| json!({
                "sku": line.sku, "title": line.title, "quantity": line.quantity, "price": line.price.minor
            })).collect::<Vec<_>>(),
            "parcel": order.parcel, "promised-by": order.promised_by, "attributes": attributes(&order.attributes),
        }),
        ChannelEvent::Delivery(delivery) => json!({
            "event": "delivery", "outgoing-id": delivery.outgoing_id, "external-id": delivery.external_id,
            "state": word(delivery.state), "detail": delivery.detail,
        }),
        ChannelEvent::Profile(profile) => json!({
            "event": "profile", "handles": handles(&profile.handles), "display-name": profile.display_name,
            "tags": profile.tags, "attributes": attributes(&profile.attributes),
        }),
        ChannelEvent::Supplement(supplement) => json!({
            "event": "supplement", "external-id": supplement.external_id, "text": supplement.text,
            "files": supplement.attachments.iter().map(|file| json!([file.name, file.media_type, file.size])).collect::<Vec<_>>(),
            "attributes": attributes(&supplement.attributes),
        }),
        ChannelEvent::Typing(typing) => json!({ "event": "typing", "typing": typing }),
    }
}

/// The contract's word for a case of an enumeration, which serde knows by its name in Rust.
fn word(case: impl Serialize) -> String {
    let name = serde_json::to_value(case).unwrap_or_default();
    let mut word = String::new();
    for letter in name.as_str().unwrap_or_default().chars() {
        if letter.is_uppercase() && !word.is_empty() {
            word.push('-');
        }
        word.push(letter.to_ascii_lowercase());
    }
    word
}

fn handles(list: &[Handle]) -> Vec<String> {
    let verified = |handle: &Handle| if handle.verified { " verified" } else { "" };
    list.iter().map(|handle| format!("{}:{}{}", word(handle.kind), handle.value, verified(handle))).collect()
}

fn attributes(list: &[Attribute]) -> Value {
    list.iter().map(|attribute| (attribute.name.clone(), Value::from(attribute.value.as_str()))).collect()
}
