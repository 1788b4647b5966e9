//! A recording that was transcribed (`transcribeCallback` of TwiML's `<Record>`): what a caller left on the machine.
use tributary_sdk::types::ChannelEvent;
use tributary_sdk::{Reading, Rejection};

use super::Fields;
use super::facts::Facts;
use crate::call::{Call, Turn, Who};
use crate::config::Config;
use crate::time;

/// Reads one.
///
/// # Errors
/// [`Rejection::Malformed`] where it is not what Twilio sends.
pub fn receive(fields: &Fields, config: &Config) -> Result<Reading, Rejection> {
    let id = fields.sid("TranscriptionSid")?;
    let mut call = Call { format: "twilio-recording", ..Call::default() };
    call.part_of = fields.get("CallSid").map(str::to_owned);
    call.disposition = Some("voicemail".into());
    call.start = fields.get("Timestamp").and_then(time::read);
    call.length = fields.get("RecordingDuration").and_then(|seconds| seconds.parse().ok()).and_then(time::seconds);
    let mut facts = Facts::of(fields);
    if let Some(sid) = fields.get("CallSid").filter(|sid| super::is_sid(sid)) {
        facts = facts.over(super::load(&format!("who/{sid}"))?.unwrap_or_default());
    }
    facts.length = None;
    facts.fill(&mut call, config);
    call.language = fields.get("LanguageCode").map(str::to_owned);
    call.tell("recording", fields.get("RecordingUrl"));
    call.tell("recording-id", fields.get("RecordingSid"));
    match (fields.need("TranscriptionStatus")?, fields.get("TranscriptionText").map(str::trim)) {
        ("completed", Some(text)) => {
            call.notes.push("Voicemail:".into());
            call.turns.push(Turn { who: Who::Customer, text: text.to_owned(), ..Turn::default() });
        }
        ("completed", None) => call.notes.push("Voicemail in which nothing was recognised.".into()),
        _ => call.notes.push("Voicemail that could not be transcribed.".into()),
    }
    Ok(Reading::of(ChannelEvent::Message(call.message(id, None, config.max_text_bytes as usize)?)))
}
