//! From a call of the hook to events: verified, each message read once, and told on where the picture of its order has
//! changed.
use tributary_marketplace::field::cut;
use tributary_marketplace::orders::Picture;
use tributary_marketplace::wants::Want;
use tributary_sdk::host::clock;
use tributary_sdk::host::state::{self, StateError};
use tributary_sdk::types::ChannelEvent;
use tributary_sdk::web::{Request, Response};
use tributary_sdk::{Reading, Rejection};

use crate::config::{Config, Tag};
use crate::push;

/// What the platform wants to read; anything else makes it send the messages again.
const TAKEN: &str = r#"{"code":0,"msg":"success"}"#;

/// Verify and read one call of the hook.
///
/// # Errors
/// [`Rejection::Unauthenticated`] for what the platform did not sign, [`Rejection::Malformed`] for what it did and cannot
/// be read: all messages of the call are kept then, because one cannot be kept without the others.
pub fn receive(config: &Config, request: &Request) -> Result<Reading, Rejection> {
    let now = clock::now();
    let answer = Some(Response::body(200, "application/json", TAKEN));
    let mut reading = Reading { events: Vec::new(), answer, poll_now: false };
    for message in push::verify(config, request)? {
        let (Some(tag), Some(id)) = (message.tag, &message.id) else { continue };
        let seen = cut(&format!("seen/{id}"), 250);
        if state::get(&seen).map_err(unkept)?.is_some() {
            continue;
        }
        let (order, piece) = push::piece(tag, &message.data, now)?;
        let mut picture = Picture::load(&order).map_err(unkept)?;
        picture.add(piece);
        // What is paid now, and whether there is more to it, is not in the message.
        let stale = matches!(tag, Tag::AmountChanged | Tag::Pending);
        if config.complete && (stale || !picture.is_whole()) {
            Want::note(&order, None, now).map_err(unkept)?;
            reading.poll_now = true;
        } else {
            reading.events.extend(picture.news().map(ChannelEvent::Order));
        }
        picture.save(config.remember_orders_days).map_err(unkept)?;
        if tag == Tag::AddressAsked {
            state::set(&asked(&order), b"1", Some(ASKED)).map_err(unkept)?;
        }
        state::set(&seen, b"1", Some(config.remember_messages_days.saturating_mul(86_400))).map_err(unkept)?;
    }
    Ok(reading)
}

/// Seconds for which a buyer's wish for another address is remembered.
const ASKED: u32 = 30 * 86_400;

/// Where it is remembered that the buyer of an order asked for another address.
pub fn asked(order: &str) -> String {
    format!("address-asked/{order}")
}

/// The store does not answer: the messages are kept for a person rather than lost.
fn unkept(error: StateError) -> Rejection {
    Rejection::Malformed(format!("the state of the channel cannot be used: {error:?}"))
}
