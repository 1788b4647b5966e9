//! Who may deliver: signatures, headers, the shop, secrets that were rotated, deliveries that come again; and bodies that
//! nobody means well with.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#[path = "support/shop.rs"]
mod shop;

use channel_shopify::Shopify;
use proptest::prelude::*;
use serde_json::{Value, json};
use shop::{NOW, deliver, host, signed};
use tributary_sdk::testing::{self, FakeHost};
use tributary_sdk::types::{Attribute, ChannelEvent};
use tributary_sdk::web::Request;
use tributary_sdk::{Channel, Rejection, Sample, Sampler};

const AT: &str = "2026-11-29T10:00:00Z";

fn body() -> Vec<u8> {
    json!({ "id": 1, "created_at": AT, "updated_at": AT, "currency": "USD", "total_price": "1.00", "line_items": [] })
        .to_string()
        .into_bytes()
}

fn request(host: &FakeHost) -> Request {
    signed(host, "shopify-secret", "orders/create", "1", AT, &body())
}

/// Refused, and nothing is left of it.
fn refused(host: &FakeHost, request: Request) -> bool {
    let shop = shop::shop(host, json!({}));
    let refused = matches!(deliver(host, &shop, request), Err(Rejection::Unauthenticated(_)));
    refused && host.state_value("order/1").is_none() && host.state_value("seen/1").is_none()
}

#[test]
fn what_shopify_signed_is_taken_once() {
    let host = host();
    let shop = shop::shop(&host, json!({}));
    let first = deliver(&host, &shop, request(&host)).unwrap();
    assert_eq!(first.events.len(), 1);
    assert!(matches!(deliver(&host, &shop, request(&host)), Err(Rejection::Ignored(_))));
    // The same thing that happened, told to another subscription.
    let told = |webhook: &str| {
        let mut request = signed(&host, "shopify-secret", "orders/updated", webhook, AT, &body());
        request.headers.push(Attribute::new("x-shopify-event-id", "event-1"));
        deliver(&host, &shop, request)
    };
    assert!(told("2").is_ok_and(|reading| reading.events.is_empty()), "nothing of the order has changed");
    assert!(matches!(told("3"), Err(Rejection::Ignored(_))));
}

#[test]
fn every_flipped_bit_is_refused() {
    let good = request(&host());
    for place in 0..good.body.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad.body[place] ^= 1 << bit;
            assert!(refused(&host(), bad), "byte {place}, bit {bit}");
        }
    }
    let signature = good.headers.iter().position(|header| header.name == "x-shopify-hmac-sha256").unwrap();
    for place in 0..good.headers[signature].value.len() {
        let mut bad = good.clone();
        let mut bytes = bad.headers[signature].value.clone().into_bytes();
        bytes[place] ^= 1;
        bad.headers[signature].value = String::from_utf8(bytes).unwrap();
        assert!(refused(&host(), bad), "digit {place} of the signature");
    }
}

#[test]
fn a_missing_header_is_a_forgery() {
    for name in ["hmac-sha256", "topic", "shop-domain", "api-version", "webhook-id"] {
        let mut bad = request(&host());
        bad.headers.retain(|header| header.name != format!("x-shopify-{name}"));
        assert!(refused(&host(), bad), "{name}");
    }
    let mut newer = request(&host());
    for header in &mut newer.headers {
        header.name = header.name.trim_start_matches("x-").to_owned();
    }
    assert!(refused(&host(), newer.clone()), "the newer family needs an event");
    newer.headers.push(Attribute::new("shopify-event-id", "e"));
    let fresh = host();
    assert!(deliver(&fresh, &shop::shop(&fresh, json!({})), newer).is_ok());
    assert!(refused(&host(), Request { headers: Vec::new(), ..request(&host()) }));
    assert!(refused(&host(), Request { body: Vec::new(), ..request(&host()) }));
}

#[test]
fn another_shop_is_refused_and_a_rotated_secret_is_taken() {
    let mut other = request(&host());
    other.headers.iter_mut().find(|header| header.name.ends_with("domain")).unwrap().value =
        "evil.myshopify.com".into();
    assert!(refused(&host(), other));
    let host = host().secret("shopify-secret-old", "older");
    let old = signed(&host, "shopify-secret-old", "orders/create", "1", AT, &body());
    assert!(refused(&shop::host(), old.clone()), "not granted");
    assert!(deliver(&host, &shop::shop(&host, json!({})), old).is_ok());
    let unset = FakeHost::new().now(NOW).missing_secret("shopify-secret");
    assert!(refused(&unset, request(&shop::host())));
}

#[test]
fn the_sample_is_read_by_the_channel_itself() {
    let host = host();
    let shop = shop::shop(&host, json!({}));
    let samples = testing::with(&host, || shop.samples("Is anybody there?")).unwrap();
    let events: Vec<_> = samples
        .into_iter()
        .flat_map(|sample| match sample {
            Sample::Http(request) => deliver(&host, &shop, request).unwrap().events,
            other => panic!("{other:?}"),
        })
        .collect();
    let ChannelEvent::Message(message) = events.last().unwrap() else { panic!("{events:?}") };
    assert_eq!(message.content.text, "Is anybody there?");
    let unset = FakeHost::new().now(NOW);
    assert!(testing::with(&unset, || shop.samples("x")).unwrap_err().contains("shopify-secret"));
}

/// The host takes no handle and no id beyond 2,000 bytes.
#[test]
fn what_is_too_long_for_an_address_or_an_id_is_none() {
    let long = "x".repeat(3_000);
    for (topic, body) in [
        ("customers/redact", json!({ "shop_domain": long, "customer": { "email": format!("{long}@mail.example") } })),
        ("shop/redact", json!({ "shop_domain": long })),
    ] {
        let host = host();
        let shop = shop::shop(&host, json!({}));
        let request = signed(&host, "shopify-secret", topic, &long, AT, body.to_string().as_bytes());
        let reading = deliver(&host, &shop, request).unwrap();
        let [ChannelEvent::Message(message)] = &reading.events[..] else { panic!("{reading:?}") };
        assert!(message.external_id.as_ref().is_some_and(|id| id.len() <= 250), "{topic}");
        assert!(message.from.iter().all(|handle| handle.value.len() <= 300), "{topic}");
    }
}

#[test]
fn an_answer_goes_by_another_channel() {
    let host = host();
    let shop = shop::shop(&host, json!({}));
    let outgoing = testing::outgoing(Vec::new(), tributary_sdk::types::Content::plain("hello"));
    let answer = testing::with(&host, || shop.send(outgoing));
    assert!(matches!(answer, Err(tributary_sdk::types::SendError::WindowClosed(_))));
}

const TOPICS: [&str; 16] = [
    "orders/create",
    "orders/edited",
    "orders/delete",
    "orders/risk_assessment_changed",
    "fulfillments/update",
    "fulfillment_events/create",
    "refunds/create",
    "returns/request",
    "returns/close",
    "disputes/create",
    "customers/update",
    "customers/redact",
    "shop/redact",
    "customers/purchasing_summary",
    "checkouts/create",
    "x",
];

/// JSON with the names that Shopify uses, and values that it does not.
fn json() -> impl Strategy<Value = Value> {
    let names = [
        "id",
        "order_id",
        "order",
        "admin_graphql_api_id",
        "status",
        "created_at",
        "updated_at",
        "total_price",
        "currency",
        "total_price_set",
        "presentment_money",
        "amount",
        "currency_code",
        "line_items",
        "price",
        "quantity",
        "customer",
        "email",
        "phone",
        "fulfillments",
        "tracking_number",
        "refunds",
        "transactions",
        "kind",
        "return_line_items",
        "customer_note",
        "order_edit",
        "type",
        "financial_status",
        "tags",
        "customerId",
        "shipping_address",
        "name",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        prop::sample::select(vec![
            "1.00",
            "USD",
            "JPY",
            "success",
            "refund",
            "open",
            "requested",
            "gid://shopify/Order/7",
            AT
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((prop::sample::select(names.to_vec()), inner), 0..8).prop_map(|fields| {
                Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
            }),
        ]
    })
}

proptest! {
    #[test]
    fn no_body_does_harm(topic in prop::sample::select(TOPICS.to_vec()), body in json(), complete: bool) {
        let once = || {
            let host = host();
            let shop = shop::shop(&host, json!({ "complete": complete }));
            let request = signed(&host, "shopify-secret", topic, "1", AT, body.to_string().as_bytes());
            deliver(&host, &shop, request)
        };
        let first = once();
        if let Ok(reading) = &first {
            for event in &reading.events {
                if let ChannelEvent::Message(message) = event {
                    prop_assert!(!message.from.is_empty() && message.external_id.is_some());
                }
            }
        }
        prop_assert_eq!(first, once(), "the same arrival tells the same");
    }

    #[test]
    fn no_bytes_do_harm(topic in prop::sample::select(TOPICS.to_vec()), body in prop::collection::vec(any::<u8>(), 1..200)) {
        let host = host();
        let shop = shop::shop(&host, json!({}));
        let _ = deliver(&host, &shop, signed(&host, "shopify-secret", topic, "1", AT, &body));
    }
}

/// The entry that an operator pastes is right; the old secret is there for a change of the secret only.
#[test]
fn the_example_is_right_and_what_cannot_work_is_refused_with_its_key() {
    let example = testing::check_example::<Shopify>(include_str!("../example.toml"), &["shopify-secret-old"]).unwrap();
    let wrong = [
        (json!({ "shop": "https://my-shop.myshopify.com/" }), "`shop`"),
        (json!({ "api": "my-shop.myshopify.com" }), "`api`"),
        (json!({ "api-version": "2026/07" }), "`api-version`"),
        (json!({ "coupon-prefix": "A B" }), "`coupon-prefix`"),
        (json!({ "retry-seconds": 0 }), "`retry-seconds`"),
        (json!({ "remember-deliveries-days": 0 }), "`remember-deliveries-days`"),
        (json!({ "colour": "red" }), "colour"),
    ];
    testing::check_refusals::<Shopify>(&example, &wrong).unwrap();
}
