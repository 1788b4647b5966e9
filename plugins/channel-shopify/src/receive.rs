//! From a delivery to events: verified, read, and told on where the picture of the order has changed.
use tributary_marketplace::field::cut;
use tributary_marketplace::orders::Picture;
use tributary_marketplace::wants::{Want, message};
use tributary_sdk::host::clock;
use tributary_sdk::host::state::{self, StateError};
use tributary_sdk::types::ChannelEvent;
use tributary_sdk::web::Request;
use tributary_sdk::{Reading, Rejection};

use crate::config::Config;
use crate::hook::Delivery;
use crate::topic;

/// Verify and read one call of the hook.
///
/// # Errors
/// [`Rejection::Unauthenticated`] for what Shopify did not sign, [`Rejection::Malformed`] for what it did and cannot be
/// read, [`Rejection::Ignored`] for what is of no concern or was told already.
pub fn receive(config: &Config, request: &Request) -> Result<Reading, Rejection> {
    let now = clock::now();
    let delivery = Delivery::verify(request, &config.shop, now)?;
    let seen = seen(&delivery);
    for key in &seen {
        if state::get(key).map_err(unkept)?.is_some() {
            return Err(Rejection::Ignored("delivered already".into()));
        }
    }
    let Some(told) = topic::read(&delivery)? else {
        return Err(Rejection::Ignored(format!("{} is of no concern here", delivery.topic)));
    };
    let mut reading = Reading { events: told.events, answer: None, poll_now: false };
    if let Some((id, piece)) = told.order {
        let mut picture = Picture::load(&id).map_err(unkept)?;
        // A line that was put in changes what the order costs.
        let stale = delivery.topic == "orders/edited";
        picture.add(piece);
        if config.complete && (stale || !picture.is_whole()) {
            Want::note(&id, told.words, now).map_err(unkept)?;
            reading.poll_now = true;
        } else {
            reading.events.extend(picture.news().map(ChannelEvent::Order));
            reading
                .events
                .extend(told.words.map(|words| ChannelEvent::Message(message("shopify", &id, &picture, words))));
        }
        picture.save(config.remember_orders_days).map_err(unkept)?;
    }
    for key in &seen {
        state::set(key, b"1", Some(config.remember_deliveries_days.saturating_mul(86_400))).map_err(unkept)?;
    }
    Ok(reading)
}

/// Under which keys a delivery is remembered: its own id, and what happened in this topic.
fn seen(delivery: &Delivery) -> Vec<String> {
    let mut keys = vec![cut(&format!("seen/{}", delivery.id), 250)];
    if let Some(event) = &delivery.event {
        keys.push(cut(&format!("seen/{}/{event}", delivery.topic), 250));
    }
    keys
}

/// The store does not answer: the delivery is kept for a person rather than lost.
fn unkept(error: StateError) -> Rejection {
    Rejection::Malformed(format!("the state of the channel cannot be used: {error:?}"))
}
