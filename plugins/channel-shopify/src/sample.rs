//! Deliveries as Shopify would send them, signed with the channel's own secret.
use serde_json::{Value, json};
use tributary_marketplace::time::to_rfc3339;
use tributary_sdk::Sample;
use tributary_sdk::host::clock;
use tributary_sdk::types::Attribute;
use tributary_sdk::web::Request;

use crate::config::Config;
use crate::hook::{SECRETS, signature};

/// An order of a test buyer, and the return that the buyer asks for with this text.
///
/// # Errors
/// Which secret is missing.
pub fn samples(config: &Config, text: &str) -> Result<Vec<Sample>, String> {
    let now = clock::now();
    let (at, order, buyer) = (to_rfc3339(now), now.max(1), 1);
    let sum = json!({ "amount": "19.90", "currency_code": "USD" });
    let set = json!({ "shop_money": sum, "presentment_money": sum });
    let placed = json!({
        "id": order, "admin_graphql_api_id": format!("gid://shopify/Order/{order}"), "name": "#SAMPLE", "test": true,
        "created_at": at, "processed_at": at, "updated_at": at, "financial_status": "paid", "fulfillment_status": null,
        "currency": "USD", "total_price": "19.90", "total_price_set": set,
        "customer": { "id": buyer, "first_name": "Sample", "last_name": "Buyer", "verified_email": false },
        "line_items": [{ "name": "Sample article", "sku": "SAMPLE", "quantity": 1, "price": "19.90", "price_set": set }],
    });
    let asked = json!({
        "id": order, "admin_graphql_api_id": format!("gid://shopify/Return/{order}"), "status": "requested",
        "order": { "id": order, "admin_graphql_api_id": format!("gid://shopify/Order/{order}") },
        "return_line_items": [{ "return_reason": "other", "customer_note": text }],
    });
    Ok(vec![delivery(config, "orders/create", &placed, now)?, delivery(config, "returns/request", &asked, now)?])
}

fn delivery(config: &Config, topic: &str, body: &Value, now: u64) -> Result<Sample, String> {
    let body = body.to_string().into_bytes();
    let secret = SECRETS[0];
    let signature =
        signature(secret, &body).ok_or_else(|| format!("the secret {secret} is not set, or not granted"))?;
    let id = format!("sample-{topic}-{now}");
    let headers = [
        ("content-type", "application/json"),
        ("x-shopify-topic", topic),
        ("x-shopify-shop-domain", &config.shop),
        ("x-shopify-api-version", &config.api_version),
        ("x-shopify-webhook-id", &id),
        ("x-shopify-event-id", &id),
        ("x-shopify-triggered-at", &to_rfc3339(now)),
        ("x-shopify-hmac-sha256", &signature),
    ];
    let headers = headers.iter().map(|(name, value)| Attribute::new(*name, *value)).collect();
    Ok(Sample::Http(Request { method: "POST".into(), url: "/".into(), headers, body }))
}
