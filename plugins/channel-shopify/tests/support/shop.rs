//! A shop with its host, and deliveries as Shopify signs them.
#![allow(dead_code, reason = "each test uses its part")]
use channel_shopify::Shopify;
use data_encoding::BASE64;
use serde_json::{Value, json};
use tributary_sdk::host::secrets;
use tributary_sdk::testing::{self, FakeHost};
use tributary_sdk::types::{Attribute, SendError};
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
