//! Stopping a parcel: Shopify can, as long as it is in the warehouse. One that the carrier has is the carrier's to stop.
use serde_json::{Value, json};
use tributary_marketplace::field::{list, text};
use tributary_sdk::types::SendError;

use super::{Key, made, order};
use crate::client::{call, payload};
use crate::config::Config;

const ORDERS: &str = include_str!("../graphql/fulfillment_orders.graphql");
const HOLD: &str = include_str!("../graphql/hold.graphql");
const CANCEL: &str = include_str!("../graphql/cancel_fulfillment.graphql");

/// Hold what was not shipped, or ask the warehouse that has begun with it to stop. The result is the ids of what was
/// held, with commas between them.
pub fn intercept(config: &Config, gid: &str, key: &Key) -> Result<String, SendError> {
    let data = call(config, ORDERS, &json!({ "id": gid }))?;
    let parts = list(order(&data)?, "fulfillmentOrders");
    let handle = format!("intercept-{}", key.short());
    let mut held = Vec::new();
    for part in parts {
        let Some(id) = text(part, "id") else { continue };
        let holds = list(part, "fulfillmentHolds");
        let can = |wanted: &str| list(part, "supportedActions").iter().any(|one| text(one, "action") == Some(wanted));
        if let Some(hold) = holds.first() {
            // Held by somebody is held.
            held.push(text(hold, "id").unwrap_or(id).to_owned());
        } else if can("HOLD") {
            let hold = json!({ "reason": "OTHER", "reasonNotes": "The customer asked to stop it", "handle": handle });
            let data = call(config, HOLD, &json!({ "id": id, "hold": hold }))?;
            held.push(made(&payload(&data, "fulfillmentOrderHold")?, "fulfillmentHold")?);
        } else if can("REQUEST_CANCELLATION") {
            let variables = json!({ "id": id, "message": "The customer asked to stop it" });
            let data = call(config, CANCEL, &variables)?;
            let answer = payload(&data, "fulfillmentOrderSubmitCancellationRequest")?;
            held.push(made(&answer, "fulfillmentOrder")?);
        }
    }
    if !held.is_empty() {
        return Ok(held.join(","));
    }
    let shipped = parts.iter().any(|part: &Value| text(part, "status") == Some("CLOSED"));
    Err(SendError::permanent(if shipped {
        "the order has been shipped, and Shopify cannot stop a parcel on its way: ask the carrier"
    } else {
        "nothing of the order waits to be shipped, or the app may not hold it"
    }))
}
