//! Real-time transcription: a callback for each utterance, told as one message when the call has ended.
//!
//! Utterances wait in the state until `transcription-stopped`, or until nothing was heard for `call-silence-seconds`. What
//! the message holds is then set apart (`told/…`), so that the same end, delivered again, tells the same message; what
//! comes later is a supplement with the whole transcript.
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tributary_sdk::host;
use tributary_sdk::types::{ChannelEvent, Supplement};
use tributary_sdk::{Reading, Rejection};

use super::facts::Facts;
use super::{Fields, forget, keys, load, quiet, save};
use crate::call::{Call, Turn, Who};
use crate::config::Config;
use crate::time;

/// One value of the state is 64 KiB at most.
const CHUNK: usize = 48 * 1024;

/// How long a call that was told is looked at for utterances that came in the same moment.
const CHECK: u64 = 60_000;

/// A call that goes on.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Open {
    /// When it was first heard of, by Twilio's time.
    first: u64,
    /// When it was last heard of, by ours.
    heard: u64,
    /// Language of the transcription.
    language: Option<String>,
    /// Why the transcription failed.
    error: Option<String>,
}

/// One utterance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Utterance {
    key: String,
    seq: u64,
    customer: bool,
    at: u64,
    text: String,
}

/// A call that was told.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Done {
    open: Open,
    facts: Facts,
    chunks: usize,
}

/// A call just told.
#[derive(Serialize, Deserialize)]
struct Check {
    until: u64,
    /// How many utterances beyond the message were told.
    seen: usize,
}

/// Reads one callback of the transcription.
///
/// # Errors
/// [`Rejection::Malformed`] where it is not what Twilio sends; [`Rejection::Ignored`] for a partial result.
pub fn receive(fields: &Fields, config: &Config) -> Result<Reading, Rejection> {
    let call = fields.sid("CallSid")?;
    let now = host::clock::now();
    let at = fields.get("Timestamp").and_then(time::read).unwrap_or(now);
    let event = fields.need("TranscriptionEvent")?;
    if event == "transcription-content" && fields.get("Final").is_some_and(|last| !last.eq_ignore_ascii_case("true")) {
        return Err(Rejection::Ignored("a partial result".into()));
    }
    if !["transcription-started", "transcription-content", "transcription-stopped", "transcription-error"]
        .contains(&event)
    {
        return Err(Rejection::Ignored(format!("an event of another kind: {event:.40}")));
    }
    let utterance = (event == "transcription-content").then(|| utterance(fields, call, at, config)).transpose()?;
    let facts = Facts::of(fields).remember(call, config)?;
    if let Some(done) = load::<Done>(&format!("done/{call}"))? {
        return match (event, utterance) {
            ("transcription-content", Some(Some(utterance))) => late(call, &done, &utterance, config),
            ("transcription-stopped" | "transcription-error", _) => end(call, facts, config),
            _ => Ok(quiet(false)),
        };
    }
    let mut open: Open = load(&format!("open/{call}"))?.unwrap_or(Open { first: at, ..Open::default() });
    open.first = open.first.min(at);
    open.heard = now;
    open.language = open.language.take().or(fields.get("LanguageCode").map(str::to_owned));
    if event == "transcription-error" {
        let why =
            fields.get("TranscriptionError").or(fields.get("TranscriptionErrorCode")).unwrap_or("without a reason");
        open.error = Some(why.to_owned());
    }
    save(&format!("open/{call}"), &open, None)?;
    if let Some(Some(utterance)) = utterance {
        save(&utterance.key, &utterance, Some(config.late_seconds))?;
    }
    if matches!(event, "transcription-stopped" | "transcription-error") {
        return end(call, facts, config);
    }
    Ok(quiet(false))
}

/// The utterance of a callback; none where nothing was said.
fn utterance(fields: &Fields, call: &str, at: u64, config: &Config) -> Result<Option<Utterance>, Rejection> {
    let data: Value = serde_json::from_str(fields.need("TranscriptionData")?)
        .map_err(|_| Rejection::Malformed("`TranscriptionData`: expected JSON with a `transcript`".into()))?;
    let text = data.get("transcript").and_then(Value::as_str);
    let text =
        text.ok_or_else(|| Rejection::Malformed("`TranscriptionData.transcript`: expected a text".into()))?.trim();
    let transcription = fields.sid("TranscriptionSid")?;
    let track = fields.need("Track")?;
    let side = match track {
        "inbound_track" => 'i',
        "outbound_track" => 'o',
        _ => return Err(Rejection::Malformed("`Track`: expected `inbound_track` or `outbound_track`".into())),
    };
    let seq: u64 = fields
        .need("SequenceId")?
        .parse()
        .ok()
        .filter(|seq| *seq < 100_000_000)
        .ok_or_else(|| Rejection::Malformed("`SequenceId`: expected a number".into()))?;
    let key = format!("call/{call}/{seq:08}{side}{transcription}");
    let utterance = Utterance { key, seq, customer: track == config.customer_track, at, text: text.to_owned() };
    if serde_json::to_vec(&utterance).is_ok_and(|json| json.len() > CHUNK) {
        return Err(Rejection::Malformed("an utterance of more than 48 KiB".into()));
    }
    Ok((!text.is_empty()).then_some(utterance))
}

/// Whether something was heard of a call, or it was told.
///
/// # Errors
/// Where the state does not answer.
pub fn is_known(call: &str) -> Result<bool, Rejection> {
    Ok(load::<Open>(&format!("open/{call}"))?.is_some() || load::<Done>(&format!("done/{call}"))?.is_some())
}

/// The call has ended: tells it, again where it was told, or first asks who called.
///
/// # Errors
/// Where the state does not answer.
pub fn end(call: &str, facts: Facts, config: &Config) -> Result<Reading, Rejection> {
    if let Some(done) = load::<Done>(&format!("done/{call}"))? {
        return Ok(Reading::of(told(call, &done, config)?));
    }
    if facts.from.is_none() && config.account_sid.is_some() {
        let key = format!("ask/{call}");
        if load::<super::fetch::Job>(&key)?.is_none() {
            save(&key, &super::fetch::Job::default(), None)?;
        }
        return Ok(quiet(true));
    }
    Ok(Reading { poll_now: true, ..Reading::of(finish(call, facts, config)?) })
}

/// Sets apart what the message of a call holds, and tells it.
///
/// # Errors
/// Where the state does not answer.
pub fn finish(call: &str, facts: Facts, config: &Config) -> Result<ChannelEvent, Rejection> {
    let keep = Some(config.late_seconds);
    let open: Open = load(&format!("open/{call}"))?.unwrap_or_default();
    let utterances = waiting(call)?;
    let mut chunks: Vec<Vec<&Utterance>> = Vec::new();
    let mut size = CHUNK;
    for utterance in &utterances {
        let length = serde_json::to_vec(utterance).map_or(CHUNK, |json| json.len() + 1);
        if size + length > CHUNK {
            chunks.push(Vec::new());
            size = 0;
        }
        size += length;
        if let Some(chunk) = chunks.last_mut() {
            chunk.push(utterance);
        }
    }
    for (index, chunk) in chunks.iter().enumerate() {
        save(&format!("told/{call}/{index}"), chunk, keep)?;
    }
    for utterance in &utterances {
        forget(&utterance.key)?;
    }
    let done = Done { open, facts, chunks: chunks.len() };
    save(&format!("done/{call}"), &done, keep)?;
    save(&format!("check/{call}"), &Check { until: host::clock::now() + CHECK, seen: 0 }, keep)?;
    forget(&format!("open/{call}"))?;
    forget(&format!("ask/{call}"))?;
    told(call, &done, config)
}

/// The message of a call that was told.
fn told(call: &str, done: &Done, config: &Config) -> Result<ChannelEvent, Rejection> {
    let message = read(done, kept(call, done)?, config).message(call, None, config.max_text_bytes as usize)?;
    Ok(ChannelEvent::Message(message))
}

/// An utterance after its call was told.
fn late(call: &str, done: &Done, utterance: &Utterance, config: &Config) -> Result<Reading, Rejection> {
    if kept(call, done)?.iter().any(|known| known.key == utterance.key) {
        return Ok(quiet(false));
    }
    save(&utterance.key, utterance, Some(config.late_seconds))?;
    Ok(Reading { events: supplement(call, done, config)?.into_iter().collect(), ..quiet(false) })
}

/// The whole transcript, where utterances came after the message.
fn supplement(call: &str, done: &Done, config: &Config) -> Result<Option<ChannelEvent>, Rejection> {
    let more = waiting(call)?;
    if more.is_empty() {
        return Ok(None);
    }
    let mut all = kept(call, done)?;
    all.extend(more);
    let whole = read(done, all, config);
    Ok(Some(ChannelEvent::Supplement(Supplement {
        external_id: call.to_owned(),
        attachments: vec![whole.transcript(call)?],
        text: Some(whole.text(config.max_text_bytes as usize)),
        attributes: Vec::new(),
    })))
}

/// The call that these utterances are.
fn read(done: &Done, mut utterances: Vec<Utterance>, config: &Config) -> Call {
    utterances.sort_by(|a, b| (a.at, a.seq, &a.key).cmp(&(b.at, b.seq, &b.key)));
    let mut call = Call { format: "twilio-realtime", language: done.open.language.clone(), ..Call::default() };
    done.facts.fill(&mut call, config);
    let heard = utterances.first().map(|utterance| utterance.at);
    let first = Some(done.open.first).filter(|first| *first > 0).or(heard);
    let start = call.start.into_iter().chain(first).chain(heard).min();
    call.start = start;
    call.turns = utterances
        .into_iter()
        .map(|utterance| Turn {
            who: if utterance.customer { Who::Customer } else { Who::Agent },
            start_ms: Some(utterance.at - start.unwrap_or(utterance.at)),
            text: utterance.text,
            ..Turn::default()
        })
        .collect();
    if call.turns.is_empty() {
        call.notes.push("A call in which nothing was recognised.".into());
    }
    call.tell("transcription-error", done.open.error.as_deref());
    call
}

/// What the message of a call holds.
fn kept(call: &str, done: &Done) -> Result<Vec<Utterance>, Rejection> {
    let mut utterances = Vec::new();
    for index in 0..done.chunks {
        utterances.extend(load::<Vec<Utterance>>(&format!("told/{call}/{index}"))?.unwrap_or_default());
    }
    Ok(utterances)
}

/// Utterances that no message holds yet.
fn waiting(call: &str) -> Result<Vec<Utterance>, Rejection> {
    let mut utterances = Vec::new();
    for key in all_keys(&format!("call/{call}/"))? {
        utterances.extend(load::<Utterance>(&key)?);
    }
    Ok(utterances)
}

/// All keys of a prefix that goes on with digits: where there are too many for one list, by their next digit.
fn all_keys(prefix: &str) -> Result<Vec<String>, Rejection> {
    let found = keys(prefix)?;
    if found.len() < 1000 || prefix.len() > 200 {
        return Ok(found);
    }
    let mut all = Vec::new();
    for digit in 0..10 {
        all.extend(all_keys(&format!("{prefix}{digit}"))?);
    }
    Ok(all)
}

/// What time brings: calls that ended without a word, and utterances that came while their call was told. The second
/// result says whether there is something to look at again.
///
/// # Errors
/// Where the state does not answer.
pub fn look(config: &Config) -> Result<(Vec<ChannelEvent>, bool), Rejection> {
    let now = host::clock::now();
    let mut events = Vec::new();
    let mut more = false;
    for key in keys("open/")? {
        let call = key.trim_start_matches("open/");
        let Some(open) = load::<Open>(&key)? else { continue };
        if now.saturating_sub(open.heard) >= u64::from(config.call_silence_seconds) * 1000 {
            let facts = load::<Facts>(&format!("who/{call}"))?.unwrap_or_default();
            events.extend(end(call, facts, config)?.events);
        }
        more = true;
    }
    for key in keys("check/")? {
        let call = key.trim_start_matches("check/");
        let Some(mut check) = load::<Check>(&key)? else { continue };
        let waiting = all_keys(&format!("call/{call}/"))?.len();
        if waiting > check.seen
            && let Some(done) = load::<Done>(&format!("done/{call}"))?
        {
            events.extend(supplement(call, &done, config)?);
            check.seen = waiting;
            save(&key, &check, Some(config.late_seconds))?;
        }
        if check.until <= now {
            forget(&key)?;
        }
        more = true;
    }
    Ok((events, more))
}
