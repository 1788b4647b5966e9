//! 抖店, the shops of Douyin, as a channel: orders, parcels and after-sale cases as they happen, and acts on them.
//!
//! `receive` takes the platform's messages ([`push`]). They say little more than which order something happened to, so
//! the channel keeps a picture of each order ([`tributary_marketplace`]), looks it up where it is not known ([`detail`],
//! asked by `poll`), and tells it on where it changed. What the platform lets a shop do is in [`act`].
//!
//! Chat with buyers (飞鸽) has no public API, so `send` answers that the window is closed, and the host uses another
//! channel of the customer.
mod act;
mod address;
mod client;
pub mod config;
mod detail;
mod push;
mod receive;
mod sample;
pub mod sign;
mod token;

use tributary_marketplace::wants;
use tributary_sdk::prelude::*;

/// The adapter.
pub struct Doudian {
    config: config::Config,
}

tributary_sdk::export!(Doudian: channel + poller + commerce + sampler);

impl Plugin for Doudian {
    type Config = config::Config;

    fn prepare(config: config::Config) -> Result<Self, PrepareError> {
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if config.app_key.is_empty() || !config.app_key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(PrepareError::value("app-key", "expected the app's key, such as 7000000000000000000"));
        }
        if !digits(&config.shop_id) {
            return Err(PrepareError::value("shop-id", "expected the shop's number, such as 12345678"));
        }
        if !config.api.starts_with("https://") && !config.api.starts_with("http://") {
            return Err(PrepareError::value("api", "expected a URL such as https://openapi-fxg.jinritemai.com"));
        }
        let ranges = [
            ("retry-seconds", config.retry_seconds, 86_400),
            ("remember-messages-days", config.remember_messages_days, 365),
            ("remember-orders-days", config.remember_orders_days, 10_000),
            ("remember-acts-days", config.remember_acts_days, 10_000),
        ];
        match ranges.into_iter().find(|(_, value, most)| !(1..=*most).contains(value)) {
            Some((key, _, most)) => Err(PrepareError::value(key, format!("expected 1 to {most}"))),
            None => Ok(Self { config }),
        }
    }
}

impl Channel for Doudian {
    fn receive(&self, arrival: Arrival) -> Result<Reading, Rejection> {
        match arrival {
            Arrival::Http(request) => receive::receive(&self.config, &request),
            Arrival::Mail(_) | Arrival::Document(_) => Err(Rejection::Ignored("抖店 pushes messages only".into())),
        }
    }

    fn send(&self, _: Outgoing) -> Result<Delivery, SendError> {
        let words = "抖店 passes no messages on to buyers: answer in 飞鸽, or by another channel";
        Err(SendError::WindowClosed(words.into()))
    }
}

impl Poller for Doudian {
    fn poll(&self, cursor: Option<String>) -> Result<Batch, SendError> {
        let settings = wants::Settings {
            marketplace: "doudian",
            patience_seconds: self.config.patience_seconds,
            retry_seconds: self.config.retry_seconds,
            remember_orders_days: self.config.remember_orders_days,
        };
        wants::work(&settings, cursor, |order| detail::look_up(&self.config, order))
    }
}

impl Commerce for Doudian {
    fn look_up(&self, order_id: String) -> Result<Option<Order>, SendError> {
        Ok(detail::look_up(&self.config, &order_id)?.map(|picture| picture.order()))
    }

    fn perform(&self, operation: Operation, idempotency_key: String) -> Result<String, SendError> {
        act::perform(&self.config, &operation, &idempotency_key)
    }
}

impl Sampler for Doudian {
    fn samples(&self, text: &str) -> Result<Vec<Sample>, String> {
        sample::samples(&self.config, text)
    }
}
