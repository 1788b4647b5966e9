//! Amazon Connect Contact Lens: the file that a call's analysis leaves in S3 ("Example Contact Lens output files for a
//! call", Amazon Connect administrator guide).
use serde_json::Value;
use tributary_sdk::Rejection;
use tributary_sdk::types::{Handle, HandleKind};

use crate::call::{Call, Direction, Turn, Who};
use crate::config::Config;
use crate::json::At;
use crate::people;

/// Whether a JSON object is such a file.
pub fn is_lens(document: &Value) -> bool {
    document.get("Transcript").is_some_and(Value::is_array) && document.get("Participants").is_some()
}

/// Read one.
///
/// # Errors
/// [`Rejection::Malformed`] with the place and what was expected there.
pub fn read(document: &Value, config: &Config) -> Result<Call, Rejection> {
    let top = At::top(document);
    let mut roles = Vec::new();
    for participant in top.list("Participants")? {
        let id = participant.maybe_text("ParticipantId")?;
        let role = participant.maybe_text("ParticipantRole")?;
        roles.extend(id.zip(role).map(|(id, role)| (id, people::side(role, config), role)));
    }
    let mut call = Call { format: "contact-lens", ..Call::default() };
    for item in top.list("Transcript")? {
        item.object()?;
        let text = item.get("Content").ok_or_else(|| item.fault("a `Content`"))?.text()?.trim();
        let id = item.maybe_text("ParticipantId")?.unwrap_or_default();
        let (who, name) = match roles.iter().find(|(known, ..)| *known == id) {
            Some((_, Who::Unknown, role)) => (Who::Unknown, Some((*role).to_owned())),
            Some((_, who, _)) => (*who, None),
            None => (people::side(id, config), (!id.is_empty()).then(|| id.to_owned())),
        };
        let millis = |key: &str| {
            let found = item.get(key);
            found.map(|found| found.value.as_u64().ok_or_else(|| found.fault("milliseconds"))).transpose()
        };
        call.turns.push(Turn {
            who,
            name,
            start_ms: millis("BeginOffsetMillis")?,
            end_ms: millis("EndOffsetMillis")?,
            text: text.to_owned(),
            sentiment: item.maybe_text("Sentiment")?.map(str::to_lowercase),
        });
    }
    call.turns.sort_by_key(|turn| turn.start_ms);
    call.language = top.maybe_text("LanguageCode")?.map(str::to_owned);
    let path = |keys: &[&str]| keys.iter().try_fold(document, |value, key| value.get(*key));
    let characteristics = |keys: &[&str]| path(&[&["ConversationCharacteristics"], keys].concat());
    call.length = characteristics(&["TotalConversationDurationMillis"]).and_then(Value::as_u64);
    // The customer's mood from -5 to 5.
    call.sentiment = characteristics(&["Sentiment", "OverallSentiment", "CUSTOMER"])
        .or_else(|| characteristics(&["Sentiment", "OverallSentiment"]).filter(|value| value.is_number()))
        .and_then(Value::as_f64)
        .map(|score| score.to_string());
    let metadata = |key: &str| path(&["CustomerMetadata", key]).and_then(Value::as_str);
    call.id = metadata("ContactId").filter(|id| people::is_id(id)).map(str::to_owned);
    call.customer =
        call.id.iter().map(|id| Handle::claimed(HandleKind::Other, format!("amazon-connect/{id}"))).collect();
    call.direction = metadata("InitiationMethod").and_then(Direction::of);
    call.tell("redaction", path(&["ContentMetadata", "Output"]).and_then(Value::as_str));
    let matched = path(&["Categories", "MatchedCategories"]).and_then(Value::as_array);
    for category in matched.into_iter().flatten().filter_map(Value::as_str).take(20) {
        call.tell("category", Some(category));
    }
    Ok(call)
}
