//! Returns and exchanges: the one that the buyer asked for is approved, otherwise one is made for everything that can come
//! back.
use serde_json::{Value, json};
use tributary_marketplace::field::{list, text, whole};
use tributary_sdk::types::SendError;

use super::{made, order};
use crate::client::{call, payload};
use crate::config::Config;

const RETURNABLE: &str = include_str!("../graphql/returnable.graphql");
const CREATE: &str = include_str!("../graphql/return_create.graphql");
const APPROVE: &str = include_str!("../graphql/return_approve.graphql");

/// Approve the return that was asked for, or make one. One that is open already is the return.
pub fn give_back(config: &Config, gid: &str) -> Result<String, SendError> {
    let data = call(config, RETURNABLE, &json!({ "id": gid }))?;
    let returns = list(order(&data)?, "returns");
    if let Some(open) = find(returns, "OPEN") {
        return Ok(open.0);
    }
    match find(returns, "REQUESTED") {
        Some((id, _)) => approve(config, &id),
        None => create(config, gid, &data, false),
    }
}

/// The same with another piece of each article on its way to the buyer.
pub fn exchange(config: &Config, gid: &str) -> Result<String, SendError> {
    let data = call(config, RETURNABLE, &json!({ "id": gid }))?;
    let returns = list(order(&data)?, "returns");
    match (find(returns, "OPEN"), find(returns, "REQUESTED")) {
        (Some((id, true)), _) => Ok(id),
        (None, Some((id, true))) => approve(config, &id),
        (None, None) => create(config, gid, &data, true),
        _ => Err(SendError::permanent(
            "the order has a return without an exchange already; Shopify adds one to it in its admin only",
        )),
    }
}

/// The id of a return in this status, and whether it is an exchange.
fn find(returns: &[Value], status: &str) -> Option<(String, bool)> {
    let found = returns.iter().find(|one| text(one, "status") == Some(status))?;
    Some((text(found, "id")?.to_owned(), !list(found, "exchangeLineItems").is_empty()))
}

fn approve(config: &Config, id: &str) -> Result<String, SendError> {
    // The customer is told how to send it back.
    let data = call(config, APPROVE, &json!({ "input": { "id": id, "notifyCustomer": true } }))?;
    made(&payload(&data, "returnApproveRequest")?, "return")
}

fn create(config: &Config, gid: &str, data: &Value, exchange: bool) -> Result<String, SendError> {
    let (mut back, mut out) = (Vec::new(), Vec::new());
    for line in list(data, "returnableFulfillments").iter().flat_map(|one| list(one, "returnableFulfillmentLineItems"))
    {
        let quantity = whole(line, "quantity").unwrap_or(0);
        let Some(item) = line.get("fulfillmentLineItem").filter(|_| quantity > 0) else { continue };
        let Some(id) = text(item, "id") else { continue };
        back.push(json!({ "fulfillmentLineItemId": id, "quantity": quantity, "returnReason": "OTHER" }));
        if let Some(variant) = item.pointer("/lineItem/variant/id").and_then(Value::as_str) {
            out.push(json!({ "variantId": variant, "quantity": quantity }));
        }
    }
    if back.is_empty() {
        return Err(SendError::permanent(
            "nothing of the order can be returned: it was not shipped, or is back already",
        ));
    }
    let mut input = json!({ "orderId": gid, "returnLineItems": back });
    if exchange {
        if out.is_empty() {
            return Err(SendError::permanent("the articles of the order are not sold any more"));
        }
        input["exchangeLineItems"] = Value::Array(out);
    }
    let data = call(config, CREATE, &json!({ "input": input }))?;
    made(&payload(&data, "returnCreate")?, "return")
}
