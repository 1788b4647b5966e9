//! Shopify as a channel: orders, parcels, refunds and returns as they happen, and acts on them.
//!
//! `receive` takes webhooks ([`hook`], [`topic`]). Each tells a piece of an order; the channel keeps the picture
//! ([`tributary_marketplace`]) and tells it on where it changed, so that a delivery that comes twice, late or out of order
//! never takes an order back to where it stood before. Of an order that was never told as a whole only the need to look it
//! up is noted; `poll` does it ([`lookup`]).
//!
//! Shopify has no way to write to a buyer, so `send` answers that the window is closed, and the host uses another channel
//! of the customer. What Shopify lets a shop do to an order is in [`act`].
mod act;
mod client;
pub mod config;
mod hook;
mod lookup;
pub mod money;
mod order;
mod receive;
mod sample;
mod topic;

use tributary_sdk::prelude::*;

/// The adapter.
pub struct Shopify {
    config: config::Config,
}

tributary_sdk::export!(Shopify: channel + poller + commerce + sampler);

impl Plugin for Shopify {
    type Config = config::Config;

    fn prepare(config: config::Config) -> Result<Self, PrepareError> {
        let domain = |text: &str| text.contains('.') && !text.contains(['/', ':', ' ']);
        if !domain(&config.shop) {
            return Err(PrepareError::value("shop", "expected a domain such as my-shop.myshopify.com"));
        }
        if !config.api.starts_with("https://") && !config.api.starts_with("http://") {
            return Err(PrepareError::value("api", "expected a URL such as https://my-shop.myshopify.com"));
        }
        let version =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !version(&config.api_version) {
            return Err(PrepareError::value("api-version", "expected a version such as 2026-07"));
        }
        if !config.coupon_prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err(PrepareError::value("coupon-prefix", "expected letters, digits and dashes"));
        }
        let ranges = [
            ("retry-seconds", config.retry_seconds, 86_400),
            ("remember-deliveries-days", config.remember_deliveries_days, 365),
            ("remember-orders-days", config.remember_orders_days, 10_000),
            ("remember-acts-days", config.remember_acts_days, 10_000),
            ("coupon-days", config.coupon_days, 10_000),
        ];
        match ranges.into_iter().find(|(_, value, most)| !(1..=*most).contains(value)) {
            Some((key, _, most)) => Err(PrepareError::value(key, format!("expected 1 to {most}"))),
            None => Ok(Self { config }),
        }
    }
}

impl Channel for Shopify {
    fn receive(&self, arrival: Arrival) -> Result<Reading, Rejection> {
        match arrival {
            Arrival::Http(request) => receive::receive(&self.config, &request),
            Arrival::Mail(_) | Arrival::Document(_) => Err(Rejection::Ignored("Shopify sends webhooks only".into())),
        }
    }

    fn send(&self, _: Outgoing) -> Result<Delivery, SendError> {
        Err(SendError::WindowClosed("Shopify passes no messages on to buyers; another channel has to be used".into()))
    }
}

impl Poller for Shopify {
    fn poll(&self, cursor: Option<String>) -> Result<Batch, SendError> {
        lookup::poll(&self.config, cursor)
    }
}

impl Commerce for Shopify {
    fn look_up(&self, order_id: String) -> Result<Option<Order>, SendError> {
        Ok(lookup::look_up(&self.config, &order_id)?.map(|picture| picture.order()))
    }

    fn perform(&self, operation: Operation, idempotency_key: String) -> Result<String, SendError> {
        act::perform(&self.config, &operation, &idempotency_key)
    }
}

impl Sampler for Shopify {
    fn samples(&self, text: &str) -> Result<Vec<Sample>, String> {
        sample::samples(&self.config, text)
    }
}
