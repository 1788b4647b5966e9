//! A file with a call in it. What it is, its content decides: names and media types of recorders are not to be trusted.
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tributary_sdk::types::{Attribute, ChannelEvent, HandleKind, Inbound, Supplement};
use tributary_sdk::{Reading, Rejection};

use crate::call::{Call, Direction, File, Turn, Who};
use crate::config::Config;
use crate::shapes::{self, Around};
use crate::vcon::{self, jose};
use crate::{charset, lens, people, srt, time, twilio, vtt};

/// What is known of a call beside its file: from the query of the request, or from the file's name.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Hints {
    /// The call's id.
    pub call: Option<String>,
    /// Who called, as it was written.
    pub from: Option<String>,
    /// Who was called, as it was written.
    pub to: Option<String>,
    /// When it began.
    pub start: Option<u64>,
    /// Who called whom.
    pub direction: Option<Direction>,
}

impl Hints {
    /// Of the query of a request: `call-id`, `from`, `to`, `start` (RFC 3339), `direction`.
    ///
    /// # Errors
    /// [`Rejection::Malformed`] where a value is not what its name says.
    pub fn of_query(query: &str) -> Result<Self, Rejection> {
        let mut hints = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()).filter(|(_, value)| !value.is_empty()) {
            let wrong = |expected: &str| Rejection::Malformed(format!("query `{name}`: expected {expected}"));
            match &*name {
                "call-id" => hints.call = Some(value.into_owned()),
                "from" => hints.from = Some(value.into_owned()),
                "to" => hints.to = Some(value.into_owned()),
                "start" => {
                    hints.start = Some(time::read(&value).ok_or_else(|| wrong("a time such as 2026-11-29T10:15:00Z"))?)
                }
                "direction" => {
                    hints.direction = Some(Direction::of(&value).ok_or_else(|| wrong("`inbound` or `outbound`"))?);
                }
                _ => {}
            }
        }
        Ok(hints)
    }

    /// Of a file's name: a time such as `2026-11-29T10-15-00Z`, a number with its plus sign, and `in` or `out` as a word.
    pub fn of_name(name: &str) -> Self {
        let mut hints = Self::default();
        let stem = name.rsplit(['/', '\\']).next().unwrap_or_default();
        let stem = stem.rsplit_once('.').map_or(stem, |(stem, _)| stem);
        for (index, _) in stem.match_indices(|c: char| c.is_ascii_digit()) {
            let Some(found) = stem.get(index..index + 19) else { continue };
            let bytes = found.as_bytes();
            if bytes[4] == b'-' && bytes[10] == b'T' && matches!(bytes[13], b'-' | b'_' | b':') {
                let day = &found[..10];
                let clock: String = found[11..].chars().map(|c| if c.is_ascii_digit() { c } else { ':' }).collect();
                hints.start = hints.start.or_else(|| time::read(&format!("{day}T{clock}Z")));
            }
        }
        for part in stem.split(['_', ' ', '.', ',']) {
            match part {
                "in" | "inbound" => hints.direction = Some(Direction::Inbound),
                "out" | "outbound" => hints.direction = Some(Direction::Outbound),
                part if part.starts_with('+') && part.len() > 5 => match hints.from {
                    None => hints.from = Some(part.into()),
                    Some(_) => hints.to = hints.to.or(Some(part.into())),
                },
                _ => {}
            }
        }
        hints
    }

    /// Puts into the call what its file did not say.
    fn fill(self, call: &mut Call, config: &Config) {
        call.id = call.id.take().or(self.call);
        call.start = call.start.or(self.start);
        let number = |written: &Option<String>| written.as_deref().and_then(|number| people::phone(number, config));
        let (from, to) = (number(&self.from), number(&self.to));
        let own = |number: &Option<String>| number.as_ref().is_some_and(|number| config.own_numbers.contains(number));
        let direction = self.direction.or(match (own(&from), own(&to)) {
            (true, false) => Some(Direction::Outbound),
            (false, true) => Some(Direction::Inbound),
            _ => None,
        });
        call.direction = call.direction.or(direction);
        let customer = if call.direction == Some(Direction::Outbound) { to } else { from };
        if !call.customer.iter().any(|handle| handle.kind == HandleKind::Phone)
            && let Some(customer) = customer
        {
            call.customer.insert(0, people::phone_handle(customer, false));
        }
    }
}

/// Reads files.
pub struct Reader {
    keys: Vec<jose::Key>,
}

/// A call, with the file name and the media type that its format has.
struct Known(Call, &'static str, &'static str);

impl Reader {
    /// A reader with the keys that signed documents are checked with.
    pub fn new(keys: Vec<jose::Key>) -> Self {
        Self { keys }
    }

    /// The message that a file tells.
    ///
    /// # Errors
    /// [`Rejection::Malformed`] where it is none of the formats, or a broken one: with the place.
    pub fn read(&self, name: &str, data: Vec<u8>, hints: Hints, config: &Config) -> Result<Reading, Rejection> {
        let Known(mut call, usual, media_type) = self.call(&data, config)?;
        hints.fill(&mut call, config);
        call.id = call.id.filter(|id| people::is_id(id));
        let digest = hex(&data);
        let known = call.id.is_some();
        let id = call.id.clone().unwrap_or_else(|| digest.clone());
        let name = if name.trim().is_empty() { usual } else { name };
        let original = File { name: name.into(), media_type: media_type.into(), data };
        let message = call.message(&id, Some(original), config.max_text_bytes as usize)?;
        if known { later(message, &id, digest, config) } else { Ok(Reading::of(ChannelEvent::Message(message))) }
    }

    fn call(&self, data: &[u8], config: &Config) -> Result<Known, Rejection> {
        let text = charset::decode(data);
        let start = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        if start.starts_with(['{', '[']) {
            let document: Value = serde_json::from_str(start).map_err(|error| {
                Rejection::Malformed(format!(
                    "JSON that cannot be read, line {} column {}",
                    error.line(),
                    error.column()
                ))
            })?;
            return self.json(document, config);
        }
        if let Some(file) = vtt::Vtt::parse(&text) {
            let language = file.field("language").map(str::to_owned);
            let turns = sided(file.turns(), config);
            let call = Call { format: "webvtt", language, turns, ..Call::default() };
            return Ok(Known(call, "call.vtt", "text/vtt"));
        }
        let blocks = srt::parse(&text);
        if !blocks.is_empty() {
            let call = Call { format: "srt", turns: sided(srt::turns(&blocks), config), ..Call::default() };
            return Ok(Known(call, "call.srt", "application/x-subrip"));
        }
        Err(Rejection::Malformed("a vCon, WebVTT, SRT or another transcript was expected".into()))
    }

    fn json(&self, document: Value, config: &Config) -> Result<Known, Rejection> {
        if jose::is_encrypted(&document) {
            return Err(Rejection::Malformed(
                "an encrypted vCon (JWE): it has to be decrypted before it is handed in, no key for it is kept here"
                    .into(),
            ));
        }
        if jose::is_signed(&document) {
            let (payload, verified) = jose::open(&document, &self.keys)?;
            let payload: Value = serde_json::from_slice(&payload)
                .map_err(|_| Rejection::Malformed("payload: expected a vCon in JSON".into()))?;
            let mut call = vcon::read(&payload, config)?;
            call.tell("vcon-signature", Some(if verified { "verified" } else { "unverified" }));
            return Ok(Known(call, "call.vcon", "application/vcon+json"));
        }
        if vcon::is_vcon(&document) {
            return Ok(Known(vcon::read(&document, config)?, "call.vcon", "application/vcon+json"));
        }
        if lens::is_lens(&document) {
            return Ok(Known(lens::read(&document, config)?, "call.json", "application/json"));
        }
        let around = Around { config, parties: Vec::new(), channels: Vec::new(), offset: 0, start: None };
        let Some(turns) = shapes::read(&document, &around) else {
            return Err(Rejection::Malformed("JSON, but neither a vCon nor a transcript of a known form".into()));
        };
        let whisper = document.get("segments").and_then(|segments| segments.get(0)?.get("no_speech_prob")).is_some();
        let text = |keys: &[&str]| keys.iter().find_map(|key| document.get(*key)?.as_str()).map(str::to_owned);
        let call = Call {
            format: if whisper { "whisper" } else { "json" },
            language: text(&["language"]),
            id: text(&["call_id", "callId", "conversation_id", "ConversationId"]),
            turns,
            ..Call::default()
        };
        Ok(Known(call, "call.json", "application/json"))
    }
}

/// What a call's first document told: kept for `late-seconds`, because recorders hand in a call again when its analysis is
/// ready.
#[derive(Serialize, Deserialize)]
struct First {
    digest: String,
    /// Digests of its attributes.
    attributes: Vec<String>,
}

/// The message of a call's first document; of another document of the same call, what it adds to that message.
fn later(message: Inbound, id: &str, digest: String, config: &Config) -> Result<Reading, Rejection> {
    let key = format!("document/{}", hex(id.as_bytes()));
    let of = |attribute: &Attribute| hex(format!("{}={}", attribute.name, attribute.value).as_bytes());
    match twilio::load::<First>(&key)? {
        Some(first) if first.digest != digest => {
            let new = message.attributes.into_iter().filter(|attribute| !first.attributes.contains(&of(attribute)));
            Ok(Reading::of(ChannelEvent::Supplement(Supplement {
                external_id: id.into(),
                attachments: message.content.attachments,
                text: Some(message.content.text),
                attributes: new.collect(),
            })))
        }
        Some(_) => Ok(Reading::of(ChannelEvent::Message(message))),
        None => {
            // The value has to fit into the state; no call has so many that mean something.
            let attributes = message.attributes.iter().take(1000).map(of).collect();
            twilio::save(&key, &First { digest, attributes }, Some(config.late_seconds))?;
            Ok(Reading::of(ChannelEvent::Message(message)))
        }
    }
}

/// The first half of the SHA-256 in hexadecimal.
fn hex(data: &[u8]) -> String {
    Sha256::digest(data).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// Settles on which side the named speakers are.
fn sided(mut turns: Vec<Turn>, config: &Config) -> Vec<Turn> {
    for turn in turns.iter_mut().filter(|turn| turn.who == Who::Unknown) {
        turn.who = turn.name.as_deref().map_or(Who::Unknown, |name| people::side(name, config));
    }
    turns
}

#[cfg(test)]
mod tests {
    use super::Hints;
    use crate::call::Direction;

    #[test]
    fn names_of_files() {
        let hints = Hints::of_name("calls/2026-11-29T10-15-00Z_+4930123456_+49301111_in.vtt");
        assert_eq!(hints.start, Some(1_795_947_300_000));
        assert_eq!((hints.from.as_deref(), hints.to.as_deref()), (Some("+4930123456"), Some("+49301111")));
        assert_eq!(hints.direction, Some(Direction::Inbound));
        assert_eq!(Hints::of_name("2026年通话记录录音文件二零二六.srt"), Hints::default());
    }
}
