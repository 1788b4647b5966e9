//! What Shopify lets a shop do to an order, each act once under its key.
//!
//! What came of an act is remembered under `act/KEY`. Where an answer was lost, the same act is recognised at Shopify
//! itself: a refund by the idempotency key that Shopify keeps and by a mark in its note, a coupon by its code, a hold by
//! its handle, a warranty by its metafield; a return that is open already is the return, and an address is simply the same.
mod address;
mod gift;
mod hold;
mod refund;
mod returns;

use serde_json::Value;
use sha2::{Digest, Sha256};
use tributary_marketplace::field::text;
use tributary_marketplace::wants::unkept;
use tributary_sdk::host::state;
use tributary_sdk::trade::Operation;
use tributary_sdk::types::SendError;

use crate::config::Config;
use crate::lookup::global_id;

/// The key of an act in the forms that Shopify's places for it want.
pub struct Key([u8; 32]);

impl Key {
    fn new(key: &str) -> Self {
        Self(Sha256::digest(key.as_bytes()).into())
    }

    /// The first bytes in hex.
    pub fn short(&self) -> String {
        self.0.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }

    /// In the form of a UUID (RFC 9562, version 8: made from a digest).
    pub fn uuid(&self) -> String {
        let mut bytes = self.0;
        bytes[6] = bytes[6] & 0x0f | 0x80;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let hex: String = bytes.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }

    /// Eight letters and digits that people can type.
    pub fn code(&self) -> String {
        data_encoding::BASE32_NOPAD.encode(&self.0[..5])
    }
}

/// Do it, or say what came of it when it was done.
///
/// # Errors
/// [`SendError::Permanent`] with Shopify's words where Shopify refuses, otherwise as [`crate::client::call`].
pub fn perform(config: &Config, operation: &Operation, idempotency_key: &str) -> Result<String, SendError> {
    let key = Key::new(idempotency_key);
    let place = format!("act/{}", key.short());
    if let Some(done) = state::get(&place).map_err(unkept)? {
        return Ok(String::from_utf8_lossy(&done).into_owned());
    }
    let done = match operation {
        Operation::Refund(wanted) => refund::refund(config, wanted, &key)?,
        Operation::CreateReturn(order) => returns::give_back(config, &global_id(order)?)?,
        Operation::Exchange(order) => returns::exchange(config, &global_id(order)?)?,
        Operation::InterceptParcel(order) => hold::intercept(config, &global_id(order)?, &key)?,
        Operation::ChangeAddress((order, address)) => address::change(config, &global_id(order)?, address)?,
        Operation::Coupon((order, worth)) => gift::coupon(config, &global_id(order)?, worth, &key)?,
        Operation::ExtendWarranty((order, days)) => gift::warranty(config, &global_id(order)?, *days, &key)?,
    };
    state::set(&place, done.as_bytes(), Some(config.remember_acts_days.saturating_mul(86_400))).map_err(unkept)?;
    Ok(done)
}

/// The id of what a mutation made.
fn made(payload: &Value, what: &str) -> Result<String, SendError> {
    let found = payload.get(what).and_then(|made| text(made, "id"));
    found.map(str::to_owned).ok_or_else(|| SendError::temporary(format!("Shopify's answer has no `{what}.id`")))
}

/// The order of an answer.
fn order(data: &Value) -> Result<&Value, SendError> {
    let found = data.get("order").filter(|order| order.is_object());
    found.ok_or_else(|| SendError::permanent("Shopify has no such order, or the app may not see it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_one_form_for_each_place() {
        let key = Key::new("T1042/3");
        assert_eq!(key.short().len(), 16);
        assert_eq!(key.code().len(), 8);
        let uuid = key.uuid();
        assert_eq!((uuid.len(), &uuid[14..15]), (36, "8"));
        assert_ne!(uuid, Key::new("T1042/4").uuid());
    }
}
