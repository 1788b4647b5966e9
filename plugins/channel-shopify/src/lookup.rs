//! Orders looked up through the Admin API: when somebody asks, and when only a part of one was told.
use serde_json::{Value, json};
use tributary_marketplace::field::id;
use tributary_marketplace::orders::Picture;
use tributary_marketplace::wants::{self, unkept};
use tributary_sdk::Batch;
use tributary_sdk::host::clock;
use tributary_sdk::types::SendError;

use crate::client;
use crate::config::Config;
use crate::order;

/// How an order is asked for.
pub const ORDER: &str = include_str!("graphql/order.graphql");

/// Shopify's global id of an order, from its number or from the global id itself.
///
/// # Errors
/// [`SendError::Permanent`] where it is neither.
pub fn global_id(order: &str) -> Result<String, SendError> {
    let digits = order.strip_prefix("gid://shopify/Order/").unwrap_or(order);
    let number = id(&Value::from(digits));
    let number =
        number.ok_or_else(|| SendError::permanent("Shopify's orders have a number, such as 820982911946154508"))?;
    Ok(format!("gid://shopify/Order/{number}"))
}

/// The order as it is now, with what was told of it before; none where there is no such order.
///
/// # Errors
/// As [`client::call`]; [`SendError::Temporary`] where the order cannot be read.
pub fn look_up(config: &Config, number: &str) -> Result<Option<Picture>, SendError> {
    let gid = global_id(number)?;
    let data = client::call(config, ORDER, &json!({ "id": gid }))?;
    let found = data.get("order").unwrap_or(&Value::Null);
    if found.is_null() {
        return Ok(None);
    }
    let read =
        order::read(found, clock::now()).map_err(|problem| SendError::permanent(format!("the order: {problem}")))?;
    let Some((number, piece)) = read else { return Ok(None) };
    let mut picture = Picture::load(&number).map_err(unkept)?;
    picture.add(piece);
    Ok(Some(picture))
}

/// Look up the orders that wait.
///
/// # Errors
/// As [`wants::work`].
pub fn poll(config: &Config, cursor: Option<String>) -> Result<Batch, SendError> {
    let settings = wants::Settings {
        marketplace: "shopify",
        patience_seconds: config.patience_seconds,
        retry_seconds: config.retry_seconds,
        remember_orders_days: config.remember_orders_days,
    };
    wants::work(&settings, cursor, |number| look_up(config, number))
}
