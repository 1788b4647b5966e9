//! Every mail in `fixtures/` against what stands beside it: `NAME.eml` and `NAME.json`. A new case needs no Rust.
//!
//! The JSON names what it cares about: `mail-from`, `rcpt-to` (the envelope, with defaults), `config`, and of the message
//! `external-id`, `from` (`kind:value`), `display-name`, `subject`, `text`, `quoted`, `html` (must contain), `sent-at`,
//! `order-id`, `verified` (of each of `from`), `attachments` (`name`, `media-type`, `size`, `content-id`), `reply-token`, `tag`, `in-reply-to`, `references`,
//! `automatic`, `attributes` (of these names, in order), and `delivery`. `null` is "there is none".
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use channel_email::Email;
use serde_json::{Map, Value, json};
use tributary_sdk::testing::{self, FakeHost};
use tributary_sdk::types::{ChannelEvent, HandleKind, Inbound};
use tributary_sdk::{Arrival, Envelope, Reading};

fn receive(raw: &[u8], case: &Value) -> Reading {
    let mut config = json!({"from": "客服 <support@shop.example>"});
    let extra = case["config"].as_object().cloned().unwrap_or_default();
    config.as_object_mut().unwrap().extend(extra);
    let host = FakeHost::new().now(1_760_000_000_000);
    let email: Email = testing::with(&host, || testing::prepare(config)).unwrap();
    let envelope = Envelope {
        mail_from: case["mail-from"].as_str().unwrap_or("sender@example.cn").into(),
        rcpt_to: vec![case["rcpt-to"].as_str().unwrap_or("support@shop.example").into()],
        data: raw.to_vec(),
    };
    testing::receive(&host, &email, &Arrival::Mail(envelope)).unwrap()
}

/// What was read, in the words of the fixtures.
fn told(reading: &Reading) -> (Map<String, Value>, Inbound) {
    let Some(ChannelEvent::Message(message)) = reading.events.first().cloned() else { panic!("a message comes first") };
    let kind = |kind| match kind {
        HandleKind::Email => "email",
        HandleKind::MarketplaceBuyer => "marketplace-buyer",
        HandleKind::Other => "other",
        _ => "unexpected",
    };
    let delivery = reading.events.iter().find_map(|event| match event {
        ChannelEvent::Delivery(delivery) => Some(json!({
            "outgoing-id": delivery.outgoing_id, "external-id": delivery.external_id,
            "state": format!("{:?}", delivery.state).trim_start_matches("DeliveryState::"), "detail": delivery.detail,
        })),
        _ => None,
    });
    let told = json!({
        "external-id": message.external_id,
        "from": message.from.iter().map(|handle| format!("{}:{}", kind(handle.kind), handle.value)).collect::<Vec<_>>(),
        "display-name": message.display_name, "subject": message.subject, "text": message.content.text,
        "quoted": message.content.quoted, "html": message.content.html, "sent-at": message.sent_at,
        "attachments": message.content.attachments.iter().map(|file| json!({
            "name": file.name, "media-type": file.media_type, "size": file.size, "content-id": file.content_id,
        })).collect::<Vec<_>>(),
        "reply-token": message.thread.reply_token, "tag": message.thread.tag,
        "in-reply-to": message.thread.in_reply_to, "references": message.thread.references,
        "order-id": message.thread.order_id,
        "verified": message.from.iter().map(|handle| handle.verified).collect::<Vec<_>>(),
        "automatic": message.automatic, "delivery": delivery,
    });
    (told.as_object().unwrap().clone(), message)
}

#[test]
fn every_fixture_reads_as_expected() {
    let mut problems = Vec::new();
    let files = testing::files(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures"), &["eml"]).unwrap();
    for path in &files {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let raw = std::fs::read(path).unwrap();
        let case: Value = serde_json::from_slice(&std::fs::read(path.with_extension("json")).unwrap()).unwrap();
        let (told, message) = told(&receive(&raw, &case));
        for (key, wanted) in case.as_object().unwrap() {
            let got = match key.as_str() {
                "mail-from" | "rcpt-to" | "config" | "about" => continue,
                "html" if wanted.is_string() => {
                    let html = told["html"].as_str().unwrap_or_default();
                    if html.contains(wanted.as_str().unwrap()) { wanted.clone() } else { told["html"].clone() }
                }
                "attributes" => {
                    let names: Vec<_> = wanted.as_object().unwrap().keys().collect();
                    let found = message.attributes.iter().filter(|attribute| names.contains(&&attribute.name));
                    Value::Object(found.map(|attribute| (attribute.name.clone(), json!(attribute.value))).collect())
                }
                "attachments" => {
                    // Of each file what the case names.
                    let files = told["attachments"].as_array().unwrap();
                    let same = files.len() == wanted.as_array().unwrap().len()
                        && files.iter().zip(wanted.as_array().unwrap()).all(|(file, wanted)| {
                            wanted.as_object().unwrap().iter().all(|(key, value)| file[key] == *value)
                        });
                    if same { wanted.clone() } else { told["attachments"].clone() }
                }
                "delivery" if wanted.is_object() => {
                    let found = &told["delivery"];
                    let same = wanted.as_object().unwrap().iter().all(|(key, value)| found[key] == *value);
                    if same { wanted.clone() } else { found.clone() }
                }
                key => told.get(key).cloned().unwrap_or_else(|| panic!("{name}: {key} is no key of a case")),
            };
            if got != *wanted {
                problems.push(format!("{name} {key}\n   got {got}\nwanted {wanted}"));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(files.len() >= 25, "only {} fixtures", files.len());
}

#[test]
fn a_second_delivery_of_a_mail_without_id_has_the_same_id() {
    let mail = b"From: a@b.cn\r\nTo: support@shop.example\r\nSubject: x\r\nDate: Fri, 3 May 2024 10:12:00 +0800\r\n\r\nhello\r\n";
    let mut again = b"Return-Path: <a@b.cn>\r\nDelivered-To: inbox-7@internal.shop.example\r\nReceived: from mx by mx2; Fri, 3 May 2024 10:13:00 +0800\r\n".to_vec();
    again.extend_from_slice(&String::from_utf8_lossy(mail).replace("\r\n", "\n").into_bytes());
    let id = |raw: &[u8]| told(&receive(raw, &Value::Null)).1.external_id.unwrap();
    assert_eq!(id(mail), id(&again));
    let other = String::from_utf8_lossy(mail).replace("hello", "hallo");
    assert_ne!(id(mail), id(other.as_bytes()));
}
