//! What has to be fetched after a callback: a finished transcript, who called, files of a message.
//!
//! Each is a job in the state until it is done. A job that fails waits, twice as long each time, and is given up after
//! `fetch-attempts`; then a person reads what is missing. Wrong credentials are the operator's matter and give nothing up.
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tributary_sdk::host;
use tributary_sdk::types::{Attribute, ChannelEvent, Handle, HandleKind, SendError, Supplement};
use tributary_sdk::{Batch, Reading, Rejection};

use super::api::{self, Problem};
use super::facts::Facts;
use super::{forget, is_sid, keys, live, load, quiet, save};
use crate::call::{Call, File, Turn, Who};
use crate::config::Config;
use crate::{people, time};

/// Jobs that one look does; the others wait for the next, which follows at once.
const AT_ONCE: usize = 20;

/// Seconds before a second attempt, and the longest wait.
const WAIT: (u64, u64) = (15, 3600);

/// Pages of one transcript, of 1,000 sentences each.
const PAGES: usize = 50;

/// What is to be fetched.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Where a file is.
    #[serde(default)]
    pub url: String,
    /// How often it failed.
    #[serde(default)]
    attempts: u32,
    /// When to try again.
    #[serde(default)]
    next: u64,
}

impl Job {
    /// A file to fetch.
    pub fn file(url: &str) -> Self {
        Self { url: url.into(), ..Self::default() }
    }
}

/// The callback of Conversational Intelligence: a transcript is ready.
///
/// # Errors
/// [`Rejection::Malformed`] where it is not what Twilio sends; [`Rejection::Ignored`] for another event.
pub fn bell(body: &[u8]) -> Result<Reading, Rejection> {
    let bell: Value = serde_json::from_slice(body)
        .map_err(|_| Rejection::Malformed("expected the JSON of a Conversational Intelligence event".into()))?;
    let text = |key: &str| bell.get(key).and_then(Value::as_str);
    match text("event_type") {
        Some("voice_intelligence_transcript_available") => {}
        Some(other) => return Err(Rejection::Ignored(format!("an event of another kind: {other:.60}"))),
        None => return Err(Rejection::Malformed("`event_type`: expected a text".into())),
    }
    let sid = text("transcript_sid").filter(|sid| is_sid(sid));
    let sid =
        sid.ok_or_else(|| Rejection::Malformed("`transcript_sid`: expected an id such as GT and 32 digits".into()))?;
    let key = format!("fetch/transcript/{sid}");
    if load::<Job>(&key)?.is_none() {
        save(&key, &Job::default(), None)?;
    }
    Ok(quiet(true))
}

fn store_error(_: Rejection) -> SendError {
    SendError::temporary("what is to be fetched could not be read or kept")
}

/// Everything that is due.
///
/// # Errors
/// [`SendError::Unauthorised`] where credentials are wrong and nothing else was new.
pub fn poll(config: &Config) -> Result<Batch, SendError> {
    let now = host::clock::now();
    let (mut events, mut waiting) = live::look(config).map_err(store_error)?;
    let mut unauthorised = None;
    let mut done = 0;
    let mut more_now = false;
    for (prefix, fetch) in [
        ("ask/", caller as fn(&str, &Job, &Config) -> Result<Option<ChannelEvent>, Problem>),
        ("fetch/transcript/", transcript),
        ("fetch/media/", media),
    ] {
        for key in keys(prefix).map_err(store_error)? {
            let Some(job) = load::<Job>(&key).map_err(store_error)? else { continue };
            waiting = true;
            if job.next > now {
                continue;
            }
            if done == AT_ONCE {
                more_now = true;
                break;
            }
            done += 1;
            let name = key.trim_start_matches(prefix);
            match fetch(name, &job, config) {
                Ok(event) => {
                    events.extend(event);
                    forget(&key).map_err(store_error)?;
                }
                Err(Problem::Unauthorised(words)) => unauthorised = Some(words),
                Err(Problem::Temporary(words, _) | Problem::Refused(_, words)) => {
                    let attempts = job.attempts + 1;
                    if attempts < config.fetch_attempts {
                        let wait = WAIT.0.saturating_mul(1 << attempts.min(16)).min(WAIT.1) * 1000;
                        save(&key, &Job { attempts, next: now + wait, ..job }, None).map_err(store_error)?;
                    } else {
                        host::log::warn(&format!("something of Twilio's is given up after {attempts} attempts"));
                        events.extend(given_up(prefix, name, &words, config).map_err(store_error)?);
                        forget(&key).map_err(store_error)?;
                    }
                }
            }
        }
    }
    if let Some(words) = unauthorised {
        if events.is_empty() {
            return Err(SendError::Unauthorised(words));
        }
        host::log::error("Twilio does not take the credentials, or egress is not granted");
    }
    let again_in = match (more_now, waiting) {
        (true, _) => 0,
        (false, true) => config.poll_seconds.min(15),
        (false, false) => config.poll_seconds,
    };
    Ok(Batch { events, cursor: None, again_in })
}

/// What a person reads where something could not be fetched.
fn given_up(prefix: &str, name: &str, words: &str, config: &Config) -> Result<Option<ChannelEvent>, Rejection> {
    Ok(Some(match prefix {
        "ask/" => live::finish(name, known(name), config)?,
        "fetch/transcript/" => {
            let mut call = Call { format: "twilio-intelligence", ..Call::default() };
            call.notes.push(format!("A call was transcribed, but its transcript could not be fetched: {words}"));
            ChannelEvent::Message(call.message(name, None, config.max_text_bytes as usize)?)
        }
        _ => {
            let (message, number) = name.split_once('/').unwrap_or((name, ""));
            ChannelEvent::Supplement(Supplement {
                external_id: message.into(),
                attachments: Vec::new(),
                text: None,
                attributes: vec![Attribute::new("media-missing", format!("{number}: {words}"))],
            })
        }
    }))
}

fn kept(_: Rejection) -> Problem {
    Problem::Temporary("it could not be kept".into(), None)
}

fn known(call: &str) -> Facts {
    load(&format!("who/{call}")).ok().flatten().unwrap_or_default()
}

/// Who called, of a call that has ended: then it is told.
fn caller(call: &str, _: &Job, config: &Config) -> Result<Option<ChannelEvent>, Problem> {
    let base = config.api.trim_end_matches('/');
    let resource =
        api::get(&format!("{base}/2010-04-01/Accounts/{}/Calls/{call}.json", api::account(config)?), config)?;
    let facts = Facts::of_resource(&resource).over(known(call));
    live::finish(call, facts, config).map(Some).map_err(kept)
}

/// A finished transcript with its sentences.
fn transcript(sid: &str, _: &Job, config: &Config) -> Result<Option<ChannelEvent>, Problem> {
    let base = config.intelligence_api.trim_end_matches('/');
    let resource = api::get(&format!("{base}/v2/Transcripts/{sid}"), config)?;
    match resource.get("status").and_then(Value::as_str) {
        Some("completed") | None => {}
        Some(other) => return Err(Problem::Temporary(format!("the transcript is {other}"), None)),
    }
    let mut url = format!("{base}/v2/Transcripts/{sid}/Sentences?PageSize=1000");
    let mut sentences = Vec::new();
    for _ in 0..PAGES {
        let mut page = api::get(&url, config)?;
        if let Some(Value::Array(more)) = page.get_mut("sentences").map(Value::take) {
            sentences.extend(more);
        }
        let next = page.get("meta").and_then(|meta| meta.get("next_page_url")).and_then(Value::as_str);
        match next {
            Some(next) if api::is_below(next, base) => url = next.to_owned(),
            _ => break,
        }
    }
    let call = conversation(&resource, &sentences, config);
    let original = serde_json::json!({ "transcript": resource, "sentences": sentences });
    let data = original.to_string().into_bytes();
    let original = File { name: "call.json".into(), media_type: "application/json".into(), data };
    let message = call.message(sid, Some(original), config.max_text_bytes as usize).map_err(kept)?;
    Ok(Some(ChannelEvent::Message(message)))
}

/// Somebody on a call.
struct Participant {
    channel: u64,
    who: Who,
    name: Option<String>,
    handles: Vec<Handle>,
}

/// The call that a transcript of Conversational Intelligence is (v2 `Transcripts` and `Sentences`).
fn conversation(resource: &Value, sentences: &[Value], config: &Config) -> Call {
    let text = |value: &Value, key: &str| {
        value.get(key).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let mut call = Call { format: "twilio-intelligence", ..Call::default() };
    call.start = text(resource, "media_start_time").as_deref().and_then(time::read);
    call.length = resource.get("duration").and_then(Value::as_f64).and_then(time::seconds);
    call.language = text(resource, "language_code");
    let channel = resource.get("channel").cloned().unwrap_or_default();
    let mut people: Vec<Participant> = Vec::new();
    for participant in channel.get("participants").and_then(Value::as_array).into_iter().flatten() {
        let phone = text(participant, "media_participant_id").and_then(|number| people::phone(&number, config));
        let email = text(participant, "email").and_then(|address| people::email(&address));
        let email = email.map(|address| Handle::claimed(HandleKind::Email, address));
        let handles: Vec<Handle> =
            phone.map(|number| people::phone_handle(number, false)).into_iter().chain(email).collect();
        let who = text(participant, "role").map_or(Who::Unknown, |role| people::side(&role, config));
        people.push(Participant {
            channel: participant.get("channel_participant").and_then(Value::as_u64).unwrap_or_default(),
            who: if who == Who::Unknown && people::is_own(&handles, config) { Who::Agent } else { who },
            name: text(participant, "full_name"),
            handles,
        });
    }
    // Opposite the shop is the customer.
    if people.len() == 2 && people.iter().any(|participant| matches!(participant.who, Who::Agent | Who::Bot)) {
        people.iter_mut().filter(|one| one.who == Who::Unknown).for_each(|one| one.who = Who::Customer);
    }
    if let Some(customer) = people.iter().find(|participant| participant.who == Who::Customer) {
        call.customer = customer.handles.clone();
        call.customer_name = customer.name.clone();
    }
    let source = channel.get("media_properties").and_then(|media| text(media, "source_sid"));
    call.part_of = text(resource, "customer_key").or_else(|| source.clone().filter(|source| source.starts_with("CA")));
    call.tell("recording-id", source.filter(|source| source.starts_with("RE")));
    let millis = |sentence: &Value, key: &str| {
        let value = sentence.get(key)?;
        value.as_f64().or_else(|| value.as_str()?.parse().ok()).and_then(time::seconds)
    };
    for sentence in sentences {
        let Some(said) = text(sentence, "transcript") else { continue };
        let channel = sentence.get("media_channel").and_then(Value::as_u64).unwrap_or_default();
        let (who, name) = match people.iter().find(|participant| participant.channel == channel) {
            Some(one) if one.who != Who::Unknown || one.name.is_some() => (one.who, one.name.clone()),
            _ => (Who::Unknown, Some(format!("Channel {channel}"))),
        };
        call.turns.push(Turn {
            who,
            name,
            start_ms: millis(sentence, "start_time"),
            end_ms: millis(sentence, "end_time"),
            text: said,
            sentiment: None,
        });
    }
    call.turns.sort_by_key(|turn| turn.start_ms);
    call
}

/// A file of a message: `SID/N`.
fn media(name: &str, job: &Job, config: &Config) -> Result<Option<ChannelEvent>, Problem> {
    let (message, number) = name.split_once('/').unwrap_or((name, "0"));
    let (media_type, data) = api::file(&job.url, config)?;
    let ending = media_type.split_once('/').map_or("bin", |(_, ending)| ending);
    let ending: String = ending.chars().filter(char::is_ascii_alphanumeric).take(10).collect();
    let file = host::blobs::put(&format!("media-{number}.{ending}"), &media_type, &data);
    let file = file.map_err(|_| Problem::Refused(None, "the file could not be kept".into()))?;
    Ok(Some(ChannelEvent::Supplement(Supplement {
        external_id: message.into(),
        attachments: vec![file],
        text: None,
        attributes: Vec::new(),
    })))
}
