//! What a shop gives: a coupon for this buyer alone, a longer warranty.
use serde_json::json;
use tributary_marketplace::field::{list, text};
use tributary_marketplace::time::to_rfc3339;
use tributary_sdk::host::clock;
use tributary_sdk::types::{Money, SendError};

use super::{Key, order};
use crate::client::{call, payload};
use crate::config::Config;
use crate::money;

const BUYER: &str = include_str!("../graphql/buyer.graphql");
const COUPON: &str = include_str!("../graphql/coupon.graphql");
const METAFIELDS: &str = include_str!("../graphql/metafields.graphql");

/// A code that the order's customer may use once. The result is the code: the customer has to be told.
pub fn coupon(config: &Config, gid: &str, worth: &Money, key: &Key) -> Result<String, SendError> {
    if worth.minor <= 0 {
        return Err(SendError::permanent("a coupon is worth more than nothing"));
    }
    let data = call(config, BUYER, &json!({ "id": gid }))?;
    let order = order(&data)?;
    let currency = text(order, "currencyCode").unwrap_or_default();
    if currency != worth.currency {
        return Err(SendError::permanent(format!("the shop's coupons are in {currency}, not in {}", worth.currency)));
    }
    let customer = order.get("customer").and_then(|customer| text(customer, "id"));
    let customer = customer.ok_or_else(|| SendError::permanent("the order has no customer a coupon could be for"))?;
    let code = format!("{}{}", config.coupon_prefix, key.code());
    let now = clock::now();
    let input = json!({
        "title": code,
        "code": code,
        "startsAt": to_rfc3339(now),
        "endsAt": to_rfc3339(now.saturating_add(u64::from(config.coupon_days) * 86_400_000)),
        "usageLimit": 1,
        "appliesOncePerCustomer": true,
        "context": { "customers": { "add": [customer] } },
        "customerGets": {
            "value": { "discountAmount": { "amount": money::format(worth), "appliesOnEachItem": false } },
            "items": { "all": true },
        },
    });
    let data = call(config, COUPON, &json!({ "input": input }))?;
    // The code is made from the key: where it is taken, this act took it.
    let errors = data.get("discountCodeBasicCreate").map_or(&[][..], |answer| list(answer, "userErrors"));
    if errors.iter().any(|error| text(error, "code") == Some("TAKEN")) {
        return Ok(code);
    }
    payload(&data, "discountCodeBasicCreate").map(|_| code)
}

/// So many days more, as a metafield of the order; each act has one of its own, so that two add up.
pub fn warranty(config: &Config, gid: &str, days: u32, key: &Key) -> Result<String, SendError> {
    let field = json!({
        "ownerId": gid,
        "namespace": "warranty",
        "key": format!("days_{}", key.short()),
        "type": "number_integer",
        "value": days.to_string(),
    });
    let data = call(config, METAFIELDS, &json!({ "metafields": [field] }))?;
    let answer = payload(&data, "metafieldsSet")?;
    let made = list(&answer, "metafields").first().and_then(|field| text(field, "id"));
    made.map(str::to_owned).ok_or_else(|| SendError::temporary("Shopify's answer has no `metafields`"))
}
