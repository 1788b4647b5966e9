//! Orders of which only a part was told: noted under `want/ID` when it arrives, looked up when the channel is asked for
//! what is new.
use serde::{Deserialize, Serialize};
use tributary_sdk::Batch;
use tributary_sdk::host::state::{self, StateError};
use tributary_sdk::host::{clock, log};
use tributary_sdk::types::{
    Attribute, Author, ChannelEvent, Content, Handle, HandleKind, Inbound, SendError, ThreadHints, Timestamp,
};

use crate::field::cut;
use crate::orders::Picture;

/// Orders that are looked up in one go at most.
const AT_ONCE: u32 = 20;
/// Seconds for which a note is kept: longer than any patience.
const KEPT: u32 = 30 * 86_400;
/// Texts of one order that wait at most.
const WORDS: usize = 20;
/// Bytes of a buyer's text that are told at most.
const TEXT: usize = 64 * 1024;

/// What a buyer wrote about an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    /// The channel's id of the text.
    pub external_id: String,
    /// The text.
    pub text: String,
    /// When it was written, in milliseconds.
    pub at: u64,
}

/// Why an order has to be looked up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Want {
    /// Since when, in milliseconds.
    pub since: u64,
    /// The part was told on although the whole is not known.
    pub told: bool,
    /// What the buyer wrote; it waits until it is known who the buyer is.
    pub words: Vec<Words>,
}

impl Want {
    /// The note of an order, where there is one.
    ///
    /// # Errors
    /// The host's, where the store does not answer.
    fn load(order: &str) -> Result<Option<Self>, StateError> {
        let kept = state::get(&format!("want/{order}"))?;
        Ok(kept.and_then(|kept| serde_json::from_slice(&kept).ok()))
    }

    /// Note that an order has to be looked up, with what its buyer wrote.
    ///
    /// # Errors
    /// The host's, where the store does not answer.
    pub fn note(order: &str, words: Option<Words>, now: Timestamp) -> Result<(), StateError> {
        let mut want = Self::load(order)?.unwrap_or(Self { since: now, ..Self::default() });
        if let Some(words) = words.filter(|words| !want.words.contains(words) && want.words.len() < WORDS) {
            want.words.push(words);
        }
        want.keep(order)
    }

    /// Keep it.
    ///
    /// # Errors
    /// The host's, where the store does not answer.
    fn keep(&self, order: &str) -> Result<(), StateError> {
        let bytes = serde_json::to_vec(self).unwrap_or_default();
        state::set(&format!("want/{order}"), &bytes, Some(KEPT))
    }

    /// Forget it.
    ///
    /// # Errors
    /// The host's, where the store does not answer.
    fn forget(order: &str) -> Result<(), StateError> {
        state::delete(&format!("want/{order}"))
    }

    /// The orders that wait, the first of them.
    ///
    /// # Errors
    /// The host's, where the store does not answer.
    fn waiting() -> Result<Vec<String>, StateError> {
        let keys = state::keys("want/", AT_ONCE)?;
        Ok(keys.into_iter().filter_map(|key| key.strip_prefix("want/").map(str::to_owned)).collect())
    }
}

/// The settings that looking orders up goes by.
pub struct Settings {
    /// The marketplace's name, as it stands before its ids.
    pub marketplace: &'static str,
    /// Seconds after which a part is told although the look-up does not work.
    pub patience_seconds: u32,
    /// Seconds between two tries.
    pub retry_seconds: u32,
    /// Days for which a picture is kept.
    pub remember_orders_days: u32,
}

/// Look up the orders that wait. One that cannot be looked up is tried again later, and told as the part that is known
/// once patience has ended. `look_up` gives the picture with the whole order in it; none where there is no such order.
///
/// # Errors
/// The failure of the first order that could not be looked up, where there is nothing to tell.
pub fn work(
    settings: &Settings,
    cursor: Option<String>,
    look_up: impl Fn(&str) -> Result<Option<Picture>, SendError>,
) -> Result<Batch, SendError> {
    let now = clock::now();
    let waiting = Want::waiting().map_err(unkept)?;
    let mut events = Vec::new();
    let mut failed = None;
    for number in &waiting {
        let Some(mut want) = Want::load(number).map_err(unkept)? else { continue };
        // A failure of the API is a failure for all of them: asking on would only burden it.
        let found = match &failed {
            None => look_up(number),
            Some(_) => Err(SendError::temporary("not asked")),
        };
        let (whole, finished) = match found {
            Ok(picture) => (picture, true),
            Err(error) => {
                let hopeless = matches!(error, SendError::Permanent(_));
                if !hopeless {
                    failed.get_or_insert(error);
                }
                let ended = now.saturating_sub(want.since) >= u64::from(settings.patience_seconds) * 1_000;
                if !ended || (want.told && !hopeless) {
                    continue;
                }
                log::warn("an order cannot be looked up and is told as far as it is known");
                (None, hopeless)
            }
        };
        let mut picture = match whole {
            Some(picture) => picture,
            None => Picture::load(number).map_err(unkept)?,
        };
        events.extend(picture.news().map(ChannelEvent::Order));
        let words = want.words.drain(..);
        let marketplace = settings.marketplace;
        events.extend(words.map(|words| ChannelEvent::Message(message(marketplace, number, &picture, words))));
        picture.save(settings.remember_orders_days).map_err(unkept)?;
        if finished {
            Want::forget(number).map_err(unkept)?;
        } else {
            want.told = true;
            want.keep(number).map_err(unkept)?;
        }
    }
    match failed {
        Some(error) if events.is_empty() => Err(error),
        None if waiting.len() == AT_ONCE as usize && !events.is_empty() => Ok(Batch { events, cursor, again_in: 0 }),
        _ => Ok(Batch { events, cursor, again_in: settings.retry_seconds }),
    }
}

/// What a buyer wrote, as a message. Where nobody knows who the buyer is, the order stands for them.
pub fn message(marketplace: &str, order: &str, picture: &Picture, words: Words) -> Inbound {
    let mut from = picture.buyer();
    if from.is_empty() {
        from.push(Handle::claimed(HandleKind::Other, format!("{marketplace}-order/{order}")));
    }
    Inbound {
        external_id: Some(words.external_id),
        sent_at: words.at,
        author: Author::Customer,
        from,
        display_name: picture.buyer_name(),
        subject: None,
        content: Content::plain(cut(&words.text, TEXT)),
        thread: ThreadHints {
            thread_key: Some(format!("order/{order}")),
            order_id: Some(order.to_owned()),
            ..ThreadHints::default()
        },
        automatic: false,
        attributes: vec![Attribute::new("written-in", "return-request")],
    }
}

/// The store does not answer: a call that may be made again.
pub fn unkept(error: StateError) -> SendError {
    SendError::temporary(format!("the state of the channel cannot be used: {error:?}"))
}
