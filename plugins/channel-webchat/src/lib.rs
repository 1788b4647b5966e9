//! Chat in the shop's own site and app (A6): a script to paste, visitors known by a signed token, live both ways.
//!
//! The script speaks to the channel's hook: `POST /session`, `/messages`, `/files`, `/typing`, `/read`, `GET /stream` and
//! `/files/ID` (see [`door`]). What a visitor is to see is a topic of the host's feed under the visitor's id: a message
//! written by the visitor is put there as one from the shop is, so that every tab and every later visit shows the same.
//!
//! External ids are `VISITOR/ID` with the id that the browser made, so a message that is sent again is one message. The
//! thread key is the visitor. The shop's messages carry a mark that only their reader has been shown; without it nobody
//! says that they were read.
pub mod config;
mod door;
mod hours;
mod limit;
mod message;
mod page;
mod refusal;
mod sample;
mod send;
mod token;
mod visitor;

use tributary_sdk::types::{Delivery, Handle, SendError};
use tributary_sdk::{
    Arrival, Channel, Outgoing, Plugin, PrepareError, Presence, Reading, Rejection, Sample, Sampler, Sign,
};

/// The secret that visitor tokens are signed with.
const KEY: &str = "webchat-key";

/// How long what belongs to a feed's item is kept: as long as the item, 30 days.
const KEPT: u32 = 30 * 24 * 3600;

/// The longest text of a message: its JSON, twice as long at worst, has to fit an item of a feed.
const LONGEST_TEXT: u32 = 24_000;

/// The adapter.
pub struct Webchat {
    config: config::Config,
    hours: hours::Hours,
    rules: token::Rules,
    script: page::Script,
}

tributary_sdk::export!(Webchat: channel + presence + sampler);

impl Plugin for Webchat {
    type Config = config::Config;

    fn prepare(mut config: config::Config) -> Result<Self, PrepareError> {
        if config.origins.is_empty() || !config.origins.iter().all(|origin| door::is_origin(origin)) {
            let expected =
                "expected the origins of the shop's pages, such as [\"https://shop.example\"], without a path";
            return Err(PrepareError::value("origins", expected));
        }
        if config.session_minutes < 5 {
            return Err(PrepareError::value("session-minutes", "expected at least 5"));
        }
        if !(1..=LONGEST_TEXT).contains(&config.max_text_bytes) {
            return Err(PrepareError::value("max-text-bytes", format!("expected 1 to {LONGEST_TEXT}")));
        }
        if visitor::phone("1234567", &config.country_code).is_none() {
            return Err(PrepareError::value("country-code", "expected a code such as `+86`"));
        }
        let colour = config.colour.strip_prefix('#').unwrap_or_default();
        if colour.len() != 6 || !colour.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(PrepareError::value("colour", "expected `#rrggbb`"));
        }
        config.file_types.iter_mut().for_each(|kind| kind.make_ascii_lowercase());
        Ok(Self {
            hours: hours::Hours::new(&config)?,
            rules: token::Rules { skew: config.clock_skew_seconds, audience: config.audience.clone() },
            script: page::Script::new(&config),
            config,
        })
    }
}

impl Channel for Webchat {
    fn receive(&self, arrival: Arrival) -> Result<Reading, Rejection> {
        match arrival {
            Arrival::Http(request) => Ok(self.answer(&request)),
            Arrival::Mail(_) | Arrival::Document(_) => Err(Rejection::Ignored("web chat takes calls alone".into())),
        }
    }

    fn send(&self, message: Outgoing) -> Result<Delivery, SendError> {
        self.put_before_visitor(&message)
    }
}

impl Presence for Webchat {
    fn show(&self, to: Vec<Handle>, sign: Sign) -> Result<(), SendError> {
        send::show(&to, &sign)
    }
}

impl Sampler for Webchat {
    fn samples(&self, text: &str) -> Result<Vec<Sample>, String> {
        self.sample(text)
    }
}
