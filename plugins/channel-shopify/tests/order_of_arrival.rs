//! Deliveries that come in any order, some of them three times: the order ends up the same.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#[path = "support/shop.rs"]
mod shop;

use proptest::prelude::*;
use serde_json::{Value, json};
use shop::{deliver, host, signed};
use tributary_sdk::testing::{differs, told};
use tributary_sdk::types::ChannelEvent;

fn whole(at: &str, financial: &str, city: &str, more: Value) -> Value {
    let mut order = json!({
        "id": 7, "name": "#7", "created_at": "2026-11-01T08:00:00Z", "processed_at": "2026-11-01T08:00:00Z",
        "updated_at": at, "financial_status": financial, "currency": "EUR", "total_price": "30.00",
        "line_items": [{ "name": "Cup", "sku": "C", "quantity": 2, "price": "15.00" }],
        "customer": { "id": 5, "email": "Ann@Example.com", "verified_email": true },
        "shipping_address": { "address1": "1 Road", "city": city, "country_code": "DE" },
    });
    order.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    order
}

/// What happened, in order: topic, moment, body.
fn story() -> Vec<(&'static str, &'static str, Value)> {
    let shipped = json!({ "fulfillments": [{ "id": 1, "status": "success", "created_at": "2026-11-03T08:00:00Z",
        "updated_at": "2026-11-03T08:00:00Z", "tracking_number": "PX1" }] });
    vec![
        ("orders/create", "2026-11-01T08:00:01Z", whole("2026-11-01T08:00:00Z", "pending", "Bonn", json!({}))),
        ("orders/paid", "2026-11-01T09:00:01Z", whole("2026-11-01T09:00:00Z", "paid", "Bonn", json!({}))),
        ("orders/updated", "2026-11-02T08:00:01Z", whole("2026-11-02T08:00:00Z", "paid", "Köln", json!({}))),
        ("orders/fulfilled", "2026-11-03T08:00:01Z", whole("2026-11-03T08:00:00Z", "paid", "Köln", shipped)),
        (
            "fulfillment_events/create",
            "2026-11-04T08:00:01Z",
            json!({ "id": 1, "order_id": 7, "status": "in_transit",
            "happened_at": "2026-11-04T08:00:00Z", "estimated_delivery_at": "2026-11-06T08:00:00Z" }),
        ),
        (
            "fulfillment_events/create",
            "2026-11-05T08:00:01Z",
            json!({ "id": 2, "order_id": 7, "status": "delivered", "happened_at": "2026-11-05T08:00:00Z" }),
        ),
        ("returns/request", "2026-11-06T08:00:01Z", json!({ "id": 9, "status": "requested", "order": { "id": 7 } })),
        ("returns/decline", "2026-11-07T08:00:01Z", json!({ "id": 9, "status": "declined", "order": { "id": 7 } })),
        (
            "disputes/create",
            "2026-11-08T08:00:01Z",
            json!({ "id": 4, "order_id": 7, "status": "needs_response",
            "initiated_at": "2026-11-08T08:00:00Z", "amount": "30.00", "currency": "EUR" }),
        ),
    ]
}

/// The last that was told, and what is kept, after these of the story in this order.
fn after(which: &[usize]) -> (Value, Value) {
    let host = host();
    let shop = shop::shop(&host, json!({ "complete": false }));
    let story = story();
    let mut last = Value::Null;
    for number in which {
        let (topic, at, body) = &story[*number];
        let request = signed(&host, "shopify-secret", topic, &format!("w{number}"), at, body.to_string().as_bytes());
        for event in deliver(&host, &shop, request).map(|reading| reading.events).unwrap_or_default() {
            if let ChannelEvent::Order(_) = event {
                last = told(&event);
            }
        }
    }
    let mut kept: Value = serde_json::from_slice(&host.state_value("order/7").unwrap()).unwrap();
    kept.as_object_mut().unwrap().remove("told");
    (last, kept)
}

#[test]
fn each_step_is_told_as_it_happens() {
    let host = host();
    let shop = shop::shop(&host, json!({}));
    let mut states = Vec::new();
    for (number, (topic, at, body)) in story().into_iter().enumerate() {
        let request = signed(&host, "shopify-secret", topic, &format!("w{number}"), at, body.to_string().as_bytes());
        for event in deliver(&host, &shop, request).unwrap().events {
            states.push(told(&event)["state"].as_str().unwrap().to_owned());
        }
    }
    let wanted = [
        "placed",
        "paid",
        "address-changed",
        "shipped",
        "in-transit",
        "delivered",
        "refund-requested",
        "delivered",
        "refund-requested",
    ];
    assert_eq!(states, wanted);
}

/// There and back again: told in whatever order, the address was last changed when it went back.
#[test]
fn an_address_that_changes_back_is_changed_twice() {
    let tellings =
        [("2026-11-02T08:00:00Z", "Bonn"), ("2026-11-02T09:00:00Z", "Köln"), ("2026-11-02T10:00:00Z", "Bonn")];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let host = host();
        let shop = shop::shop(&host, json!({}));
        let mut last = Value::Null;
        for number in order {
            let (at, city) = tellings[number];
            let body = whole(at, "paid", city, json!({})).to_string();
            let request = signed(&host, "shopify-secret", "orders/updated", at, at, body.as_bytes());
            last = deliver(&host, &shop, request).unwrap().events.first().map_or(last, told);
        }
        assert_eq!(
            differs(&last, &json!({ "state": "address-changed", "at": 1_793_613_600_000_u64 })),
            None,
            "{order:?}: {last}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn the_end_is_the_same(mut order in Just((0..story().len()).flat_map(|n| [n; 3]).collect::<Vec<_>>()).prop_shuffle(), until in 0..9_usize) {
        // Of a story that goes on up to here.
        order.retain(|number| *number <= until);
        let straight: Vec<usize> = (0..=until).collect();
        let (last, kept) = after(&order);
        let (wanted_last, wanted_kept) = after(&straight);
        prop_assert_eq!(&kept, &wanted_kept);
        prop_assert_eq!(&last, &wanted_last);
    }
}
