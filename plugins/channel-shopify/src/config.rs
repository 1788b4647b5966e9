//! What an operator may set. Only its shape lives here: `build.rs` makes the schema of it.
use schemars::JsonSchema;
use serde::Deserialize;

/// The configuration of one Shopify shop.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The shop's permanent domain, as webhooks name it: `my-shop.myshopify.com`.
    pub shop: String,
    /// Origin of the Admin API: `https://my-shop.myshopify.com`.
    pub api: String,
    /// Version of the Admin API: `2026-07`.
    pub api_version: String,
    /// Whether an order of which only a part was told is looked up before it is told on.
    pub complete: bool,
    /// Seconds after which a part is told although the look-up does not work.
    pub patience_seconds: u32,
    /// Seconds between two tries of a look-up. At least 1.
    pub retry_seconds: u32,
    /// Days for which the id of a delivery is remembered. 1 to 365.
    pub remember_deliveries_days: u32,
    /// Days for which the picture of an order is kept after its last change. 1 to 10,000.
    pub remember_orders_days: u32,
    /// Days for which an act is remembered under its key. 1 to 10,000.
    pub remember_acts_days: u32,
    /// What codes of coupons begin with.
    pub coupon_prefix: String,
    /// Days for which a coupon is good. 1 to 10,000.
    pub coupon_days: u32,
}
