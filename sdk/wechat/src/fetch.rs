//! Files of messages that came in: noted by `receive`, which must not wait for the network, and fetched by `poll`.
//!
//! State: `media/MESSAGE-ID` is a file to fetch, `fetched/MESSAGE-ID` one that was, for as long as the platform may send
//! the message again.
use serde::{Deserialize, Serialize};
use tributary_sdk::host::blobs::{self, BlobError};
use tributary_sdk::host::http::HttpError;
use tributary_sdk::host::log;
use tributary_sdk::types::{Attribute, ChannelEvent, Supplement, Timestamp};

use crate::api::{Api, Failure};
use crate::code::MEDIA;
use crate::keep::{self, StoreError, key};
use crate::media::{self, File};

/// How long a file that was fetched is remembered: what the platform keeps it for.
const REMEMBERED: u32 = 3 * 24 * 3600;
/// First pause between two tries, in seconds; each is twice the last.
const PAUSE: u32 = 60;
/// The longest, in seconds.
const LONGEST: u32 = 6 * 3600;
/// What else waits after a general failure, in seconds.
const LATER: u32 = 60;

/// A file to fetch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// The message it belongs to, by its external id.
    pub message: String,
    /// The platform's id of the file.
    pub media: String,
    /// Another way to it: an address that the platform gave.
    pub address: Option<String>,
    /// What takes the message's text where the file is not to be had. None: the text stays.
    pub lost: Option<String>,
    /// How often it was tried.
    #[serde(default)]
    pub tries: u32,
    /// Not before.
    #[serde(default)]
    pub next: Timestamp,
}

/// How files are fetched.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Files of one poll.
    pub at_once: u32,
    /// Tries of one file.
    pub tries: u32,
    /// Where pictures may be besides.
    pub pictures: Option<String>,
    /// Where films may be besides.
    pub films: Option<String>,
}

/// What a round gave.
#[derive(Debug, Default, PartialEq)]
pub struct Round {
    /// In order.
    pub events: Vec<ChannelEvent>,
    /// When there is more to do, in seconds. None: nothing waits.
    pub again_in: Option<u32>,
}

impl Round {
    /// Something is to be done in so many seconds.
    pub fn within(&mut self, seconds: u32) {
        self.again_in = Some(self.again_in.map_or(seconds, |known| known.min(seconds)));
    }
}

/// Notes a file. One that was fetched already is not noted again.
///
/// # Errors
/// [`StoreError`].
pub fn note(wanted: &Wanted) -> Result<bool, StoreError> {
    if keep::get::<bool>(&key("fetched", &wanted.message))?.is_some() {
        return Ok(false);
    }
    keep::set(&key("media", &wanted.message), wanted, None)?;
    Ok(true)
}

/// Fetches what was noted.
///
/// # Errors
/// [`Failure`] where the first one fails in a way that has nothing to do with the file.
pub fn run(api: &Api, rules: &Rules, now: Timestamp) -> Result<Round, Failure> {
    let mut round = Round::default();
    let mut tried = 0;
    for key in keep::keys("media", 1_000)? {
        let Some(mut wanted) = keep::get::<Wanted>(&key)? else {
            keep::delete(&key)?;
            continue;
        };
        if wanted.next > now {
            round.within(u32::try_from((wanted.next - now).div_ceil(1000)).unwrap_or(LONGEST));
            continue;
        }
        if tried == rules.at_once {
            round.within(0);
            break;
        }
        tried += 1;
        let error = match fetch(api, rules, &wanted).and_then(put) {
            Ok(attachment) => {
                round.events.push(supplement(&wanted.message, vec![attachment], None, Vec::new()));
                done(&key, &wanted)?;
                continue;
            }
            Err(error) => error,
        };
        if error.is_general(api.platform) {
            if round.events.is_empty() {
                return Err(error);
            }
            round.within(LATER);
            break;
        }
        wanted.tries += 1;
        let timed_out = matches!(error, Failure::NoAnswer(HttpError::Timeout));
        if timed_out && wanted.tries < rules.tries {
            let pause = PAUSE.saturating_mul(1 << (wanted.tries - 1).min(16)).min(LONGEST);
            wanted.next = now + u64::from(pause) * 1000;
            keep::set(&key, &wanted, None)?;
            round.within(pause);
            // A call has a limit of its own, and another that hangs would reach it.
            break;
        }
        log::warn("a file of a message could not be fetched and is given up");
        let reason = match &error {
            Failure::Refused(code, _) => format!("errcode {code}"),
            Failure::NoAnswer(HttpError::TooLarge(limit)) => format!("larger than {limit} bytes"),
            _ => format!("no answer in {} tries", wanted.tries),
        };
        let attributes = vec![Attribute::new("file-missing", reason)];
        round.events.push(supplement(&wanted.message, Vec::new(), wanted.lost.clone(), attributes));
        done(&key, &wanted)?;
    }
    Ok(round)
}

fn done(key_of_wanted: &str, wanted: &Wanted) -> Result<(), StoreError> {
    keep::set(&key("fetched", &wanted.message), &true, Some(REMEMBERED))?;
    keep::delete(key_of_wanted)
}

/// By its id, and where the platform refuses that, by the address.
fn fetch(api: &Api, rules: &Rules, wanted: &Wanted) -> Result<File, Failure> {
    let by_id = if wanted.media.is_empty() {
        Err(Failure::Refused(MEDIA, String::new()))
    } else {
        media::download(api, &wanted.media, rules.films.as_deref())
    };
    match (by_id, &wanted.address, &rules.pictures) {
        (Err(Failure::Refused(..)), Some(address), Some(origin)) => media::follow(address, origin, &wanted.message),
        (answer, ..) => answer,
    }
}

fn put(file: File) -> Result<tributary_sdk::types::Attachment, Failure> {
    blobs::put(&file.name, &file.media_type, &file.data).map_err(|error| match error {
        BlobError::TooLarge(limit) => Failure::NoAnswer(HttpError::TooLarge(limit)),
        BlobError::Unknown(words) | BlobError::Unavailable(words) => Failure::Host(words),
    })
}

fn supplement(
    message: &str,
    attachments: Vec<tributary_sdk::types::Attachment>,
    text: Option<String>,
    attributes: Vec<Attribute>,
) -> ChannelEvent {
    ChannelEvent::Supplement(Supplement { external_id: message.to_owned(), attachments, text, attributes })
}
