//! Status callbacks: of a message that was sent, and of a call.
use tributary_sdk::host;
use tributary_sdk::types::{ChannelEvent, Delivery, DeliveryState};
use tributary_sdk::{Reading, Rejection};

use super::facts::Facts;
use super::live;
use super::send::Sent;
use super::{Fields, load, quiet};
use crate::call::{Call, Direction};
use crate::config::Config;
use crate::time;

/// Reads one.
///
/// # Errors
/// [`Rejection::Malformed`] where it is neither; [`Rejection::Ignored`] for a step on the way.
pub fn receive(fields: &Fields, config: &Config) -> Result<Reading, Rejection> {
    if fields.get("CallStatus").is_some() { call(fields, config) } else { message(fields) }
}

/// `MessageStatus` of an answer of ours. Of one that was cut into several, the last one says that it arrived, and any that
/// it did not.
fn message(fields: &Fields) -> Result<Reading, Rejection> {
    let sid = fields.sid("MessageSid")?;
    let status = fields.need("MessageStatus")?;
    let state = match status {
        "delivered" => DeliveryState::Delivered,
        "read" => DeliveryState::Read,
        "failed" => DeliveryState::Failed,
        "undelivered" => DeliveryState::Bounced,
        _ => return Err(Rejection::Ignored("a step on the way".into())),
    };
    let sent: Option<Sent> = load(&format!("sid/{sid}"))?;
    let well = matches!(state, DeliveryState::Delivered | DeliveryState::Read);
    if well && sent.as_ref().is_some_and(|sent| !sent.last) {
        return Err(Rejection::Ignored("a part of an answer".into()));
    }
    let code = fields.get("ErrorCode").map(|code| format!(", error {code}")).unwrap_or_default();
    let words = fields.get("ErrorMessage").map(|words| format!(": {words}")).unwrap_or_default();
    let delivery = Delivery {
        outgoing_id: sent.map(|sent| sent.outgoing),
        external_id: Some(sid.into()),
        state,
        detail: (!well).then(|| format!("Twilio: {status}{code}{words}")),
    };
    Ok(Reading::of(ChannelEvent::Delivery(delivery)))
}

/// `CallStatus`: who called is remembered for the transcript, an end ends the transcript, and a call of a customer that
/// nobody took is a message.
fn call(fields: &Fields, config: &Config) -> Result<Reading, Rejection> {
    let sid = fields.sid("CallSid")?;
    let status = fields.need("CallStatus")?;
    let facts = Facts::of(fields).remember(sid, config)?;
    let words = match status {
        "completed" => None,
        "no-answer" => Some("nobody answered"),
        "busy" => Some("busy"),
        "failed" => Some("the connection failed"),
        "canceled" => Some("the caller hung up"),
        _ => return Ok(quiet(false)),
    };
    if live::is_known(sid)? {
        return live::end(sid, facts, config);
    }
    let Some(words) = words.filter(|_| facts.direction != Some(Direction::Outbound)) else { return Ok(quiet(false)) };
    let mut call = Call { format: "twilio-status", disposition: Some(status.into()), ..Call::default() };
    call.start = Some(fields.get("Timestamp").and_then(time::read).unwrap_or_else(host::clock::now));
    facts.fill(&mut call, config);
    call.notes.push(format!("Missed call: {words}."));
    Ok(Reading::of(ChannelEvent::Message(call.message(sid, None, config.max_text_bytes as usize)?)))
}
