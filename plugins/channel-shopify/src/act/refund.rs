//! Money back, by the ways the buyer paid.
use serde_json::{Value, json};
use tributary_marketplace::field::{cut, list, text, word};
use tributary_sdk::trade::Refund;
use tributary_sdk::types::{Money, SendError};

use super::{Key, made, order};
use crate::client::{call, payload};
use crate::config::Config;
use crate::lookup::global_id;
use crate::money;

const REFUNDABLE: &str = include_str!("../graphql/refundable.graphql");
const REFUND: &str = include_str!("../graphql/refund.graphql");
/// Bytes of the reason that stand in the refund's note.
const REASON: usize = 500;

/// Pay back, from each payment as much as it has left, first payment first.
pub fn refund(config: &Config, wanted: &Refund, key: &Key) -> Result<String, SendError> {
    let gid = global_id(&wanted.order_id)?;
    if wanted.amount.minor <= 0 {
        return Err(SendError::permanent("a refund is more than nothing"));
    }
    let data = call(config, REFUNDABLE, &json!({ "id": gid }))?;
    let order = order(&data)?;
    let mark = format!("[{}]", key.short());
    let known =
        list(order, "refunds").iter().find(|refund| text(refund, "note").is_some_and(|note| note.contains(&mark)));
    if let Some(id) = known.and_then(|refund| text(refund, "id")) {
        return Ok(id.to_owned());
    }
    let transactions = shares(order, &wanted.amount, &gid)?;
    let note = format!("{} {mark}", cut(&wanted.reason, REASON));
    let input = json!({
        "orderId": gid,
        "note": note.trim(),
        "currency": wanted.amount.currency,
        "transactions": transactions,
    });
    let data = call(config, REFUND, &json!({ "input": input, "key": key.uuid() }))?;
    made(&payload(&data, "refundCreate")?, "refund")
}

/// Which payment gives back how much.
fn shares(order: &Value, amount: &Money, gid: &str) -> Result<Vec<Value>, SendError> {
    let mut left = amount.minor;
    let mut shares = Vec::new();
    for paid in list(order, "transactions") {
        let is = |key: &str, words: &[&str]| text(paid, key).is_some_and(|word| words.contains(&word));
        let refundable = paid.get("refundable").unwrap_or(&Value::Null);
        let most = word(refundable, "amount").zip(text(refundable, "currency_code"));
        let most = most.and_then(|(most, currency)| money::parse(&most, currency));
        let Some(most) = most.filter(|most| most.currency == amount.currency && most.minor > 0) else { continue };
        let (Some(id), Some(gateway)) = (text(paid, "id"), text(paid, "gateway")) else { continue };
        if left == 0 || !is("kind", &["SALE", "CAPTURE"]) || !is("status", &["SUCCESS"]) {
            continue;
        }
        let share = left.min(most.minor);
        left -= share;
        let amount = money::format(&Money { currency: amount.currency.clone(), minor: share });
        shares.push(json!({ "orderId": gid, "parentId": id, "gateway": gateway, "kind": "REFUND", "amount": amount }));
    }
    if left > 0 {
        let there = money::format(&Money { currency: amount.currency.clone(), minor: amount.minor - left });
        return Err(SendError::permanent(format!(
            "only {there} {} of what the buyer paid can still be refunded",
            amount.currency
        )));
    }
    Ok(shares)
}
