//! A shop with its host, and deliveries as Shopify signs them.
#![allow(dead_code, reason = "each test uses its part")]
use channel_shopify::Shopify;
use data_encoding::BASE64;
use serde_json::{Value, json};
use tributary_sdk::host::secrets;
use tributary_sdk::testing::{self, FakeHost};
use tributary_sdk::types::{Attribute, ChannelEvent, Handle, HandleKind, Order, SendError};
use tributary_sdk::web::{Request, Response};
use tributary_sdk::{Arrival, Channel, Poller, Reading, Rejection};

pub const SHOP: &str = "my-shop.myshopify.com";
pub const NOW: u64 = 1_795_946_400_000;

pub fn host() -> FakeHost {
    FakeHost::new().now(NOW).secret("shopify-secret", "hush").secret("shopify-token", "shpat_1")
}

pub fn shop(host: &FakeHost, more: Value) -> Shopify {
    let mut config = json!({ "shop": SHOP, "api": "https://my-shop.myshopify.com" });
    config.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    testing::with(host, || testing::prepare(config)).unwrap()
}

/// A delivery, signed with the secret of this name.
pub fn signed(host: &FakeHost, secret: &str, topic: &str, id: &str, at: &str, body: &[u8]) -> Request {
    let digest = testing::with(host, || secrets::hmac_sha256(secret, body)).unwrap();
    let headers = [
        ("x-shopify-topic", topic),
        ("x-shopify-shop-domain", SHOP),
        ("x-shopify-api-version", "2026-07"),
        ("x-shopify-webhook-id", id),
        ("x-shopify-triggered-at", at),
        ("x-shopify-hmac-sha256", &BASE64.encode(&digest)),
    ];
    let headers = headers.iter().map(|(name, value)| Attribute::new(*name, *value)).collect();
    Request { method: "POST".into(), url: "/".into(), headers, body: body.to_vec() }
}

pub fn deliver(host: &FakeHost, shop: &Shopify, request: Request) -> Result<Reading, Rejection> {
    testing::with(host, || shop.receive(Arrival::Http(request)))
}

pub fn poll(host: &FakeHost, shop: &Shopify) -> Result<tributary_sdk::Batch, SendError> {
    testing::with(host, || shop.poll(None))
}

pub fn answer(body: &Value) -> Result<Response, tributary_sdk::host::http::HttpError> {
    Ok(Response::body(200, "application/json", body.to_string()))
}

pub fn handle(handle: &Handle) -> String {
    let kind = match handle.kind {
        HandleKind::Email => "email",
        HandleKind::Phone => "phone",
        HandleKind::MarketplaceBuyer => "buyer",
        HandleKind::Other => "other",
        _ => "unexpected",
    };
    format!("{kind}:{}{}", handle.value, if handle.verified { "!" } else { "" })
}

fn attributes(list: &[Attribute]) -> Value {
    list.iter()
        .map(|attribute| (attribute.name.clone(), json!(attribute.value)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

pub fn order(order: &Order) -> Value {
    let lines = order.lines.iter().map(
        |line| json!({ "sku": line.sku, "title": line.title, "quantity": line.quantity, "price": line.price.minor }),
    );
    json!({
        "order": order.id, "state": format!("{:?}", order.state).replace("OrderState::", ""), "at": order.at,
        "total": format!("{} {}", order.total.currency, order.total.minor), "first-order": order.first_order,
        "buyer": order.buyer.iter().map(handle).collect::<Vec<_>>(), "lines": lines.collect::<Vec<_>>(),
        "parcel": order.parcel, "promised-by": order.promised_by, "attributes": attributes(&order.attributes),
    })
}

/// An event in the words of the fixtures.
pub fn told(event: &ChannelEvent) -> Value {
    match event {
        ChannelEvent::Order(told) => order(told),
        ChannelEvent::Message(message) => json!({
            "message": message.external_id, "text": message.content.text, "automatic": message.automatic,
            "author": format!("{:?}", message.author).replace("Author::", ""), "sent-at": message.sent_at,
            "from": message.from.iter().map(handle).collect::<Vec<_>>(), "name": message.display_name,
            "subject": message.subject, "order-id": message.thread.order_id, "attributes": attributes(&message.attributes),
        }),
        ChannelEvent::Profile(profile) => json!({
            "profile": profile.handles.iter().map(handle).collect::<Vec<_>>(), "name": profile.display_name,
            "tags": profile.tags, "attributes": attributes(&profile.attributes),
        }),
        other => json!(format!("{other:?}")),
    }
}

/// Whether everything that is wanted is there: of objects the keys that are named, of lists every item in order.
pub fn agrees(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => {
            wanted.iter().all(|(key, wanted)| agrees(found.get(key).unwrap_or(&Value::Null), wanted))
        }
        (Value::Array(found), Value::Array(wanted)) => {
            found.len() == wanted.len() && found.iter().zip(wanted).all(|(found, wanted)| agrees(found, wanted))
        }
        (found, wanted) => found == wanted,
    }
}
