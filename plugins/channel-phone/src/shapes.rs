//! Transcripts in JSON. No standard says how one looks; these are the shapes that recorders, transcribers and vCons in the
//! wild have: Deepgram's results, Whisper's segments, and lists of what each speaker said, under whatever names.
use serde_json::{Map, Value};

use crate::call::{Turn, Who};
use crate::config::Config;
use crate::{people, time};

/// What is known around a transcript.
pub struct Around<'a> {
    /// The configuration, for speakers' names.
    pub config: &'a Config,
    /// Side and name of each party, where the transcript refers to them by index.
    pub parties: Vec<(Who, Option<String>)>,
    /// Which party each channel of the recording carries.
    pub channels: Vec<Option<usize>>,
    /// Milliseconds from the start of the call to the start of this recording.
    pub offset: u64,
    /// The start of the call, for turns that tell a time of day.
    pub start: Option<u64>,
}

/// Lists of turns are called one of these.
const LISTS: [&str; 14] = [
    "segments",
    "utterances",
    "turns",
    "messages",
    "sentences",
    "entries",
    "transcript",
    "transcription",
    "Transcript",
    "dialog",
    "conversation",
    "monologues",
    "items",
    "results",
];

/// How deep a list may be hidden.
const DEPTH: usize = 4;

/// The turns of a transcript; none where it has no known shape. An empty list is a transcript of silence.
pub fn read(value: &Value, around: &Around) -> Option<Vec<Turn>> {
    at_depth(value, around, 0)
}

fn at_depth(value: &Value, around: &Around, depth: usize) -> Option<Vec<Turn>> {
    match value {
        Value::String(text) => Some(plain(text, around)),
        Value::Array(items) => list(items, around),
        Value::Object(object) if depth < DEPTH => {
            if let Some(turns) = deepgram(object, around) {
                return Some(turns);
            }
            let mut first = None;
            for key in LISTS {
                if let Some(found @ (Value::Array(_) | Value::Object(_))) = object.get(key)
                    && let Some(turns) = at_depth(found, around, depth + 1)
                {
                    if !turns.is_empty() {
                        return Some(turns);
                    }
                    // What was said is there, and none of it counts: silence.
                    if found.as_array().is_some_and(|items| !items.is_empty()) {
                        return Some(turns);
                    }
                    first = first.or(Some(turns));
                }
            }
            let text = ["text", "transcript", "transcription", "content", "body"]
                .iter()
                .find_map(|key| object.get(*key)?.as_str());
            text.map(|text| plain(text, around)).or(first)
        }
        _ => None,
    }
}

/// Text alone: lines that all begin with a speaker are turns, anything else is one turn.
fn plain(text: &str, around: &Around) -> Vec<Turn> {
    let spoken: Vec<_> =
        text.lines().filter(|line| !line.trim().is_empty()).map(|line| crate::srt::speaker(line.trim())).collect();
    let speakers = spoken.len() > 1 && spoken.iter().all(|(name, _)| name.is_some());
    let turns = if speakers { spoken } else { vec![(None, text.trim().to_owned())] };
    turns
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(name, text)| {
            let who = name.as_deref().map_or(Who::Unknown, |name| people::side(name, around.config));
            Turn { who, name, text, ..Turn::default() }
        })
        .collect()
}

/// Deepgram: `results.channels[].alternatives[0]`, or one such alternative alone, as some producers keep it.
fn deepgram(object: &Map<String, Value>, around: &Around) -> Option<Vec<Turn>> {
    let results = object.get("results").and_then(Value::as_object).unwrap_or(object);
    if let Some(channels) = results.get("channels").and_then(Value::as_array) {
        let several = channels.len() > 1;
        let mut turns = Vec::new();
        let mut known = channels.is_empty();
        for (index, channel) in channels.iter().enumerate() {
            let Some(best) = channel.get("alternatives").and_then(|list| list.get(0)).and_then(Value::as_object) else {
                continue;
            };
            known = true;
            turns.extend(alternative(best, several.then_some(index), around)?);
        }
        turns.sort_by_key(|turn| turn.start_ms);
        return known.then_some(turns);
    }
    (object.contains_key("words") || object.contains_key("paragraphs"))
        .then(|| alternative(object, None, around))
        .flatten()
}

/// One alternative: its sentences, else its words by speaker, else its text.
fn alternative(object: &Map<String, Value>, channel: Option<usize>, around: &Around) -> Option<Vec<Turn>> {
    let whole = object.get("transcript").and_then(Value::as_str);
    let on = |speaker: Option<&Value>| match channel {
        Some(channel) => {
            match around.channels.get(channel).copied().flatten().and_then(|party| around.parties.get(party)) {
                Some((who, name)) => (*who, name.clone()),
                None => (Who::Unknown, Some(format!("Channel {}", channel + 1))),
            }
        }
        None => speaker.map_or((Who::Unknown, None), |speaker| named(speaker, around)),
    };
    let span = |item: &Map<String, Value>, text: String, (who, name): (Who, Option<String>)| Turn {
        who,
        name,
        start_ms: offset(item, &["start"], around),
        end_ms: offset(item, &["end"], around),
        text,
        sentiment: None,
    };
    let mut turns = Vec::new();
    let paragraphs = object.get("paragraphs").map(|found| found.get("paragraphs").unwrap_or(found));
    for paragraph in paragraphs.and_then(Value::as_array).into_iter().flatten() {
        for sentence in paragraph.get("sentences").and_then(Value::as_array).into_iter().flatten() {
            if let (Some(item), Some(text)) = (sentence.as_object(), sentence.get("text").and_then(Value::as_str)) {
                turns.push(span(item, text.trim().into(), on(paragraph.get("speaker"))));
            }
        }
    }
    if turns.is_empty() {
        let mut last = None;
        for word in object.get("words").and_then(Value::as_array).into_iter().flatten() {
            let text = ["punctuated_word", "word", "text"].iter().find_map(|key| word.get(*key)?.as_str());
            let (Some(item), Some(text)) = (word.as_object(), text) else { continue };
            let speaker = word.get("speaker");
            match turns.last_mut() {
                Some(turn) if last == Some(speaker) => {
                    turn.text.extend([" ", text]);
                    turn.end_ms = offset(item, &["end"], around);
                }
                _ => turns.push(span(item, text.into(), on(speaker))),
            }
            last = Some(speaker);
        }
    }
    // The text is the truth: what sentences and words do not hold would be lost.
    let letters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).count();
    let held: usize = turns.iter().map(|turn| letters(&turn.text)).sum();
    match whole {
        Some(whole) if held < letters(whole) => {
            let (who, name) = on(None);
            Some(vec![Turn { who, name, text: whole.trim().into(), ..Turn::default() }])
        }
        None if turns.is_empty() => None,
        _ => Some(turns),
    }
}

/// A list of what was said: each item an object with a text, or a text.
fn list(items: &[Value], around: &Around) -> Option<Vec<Turn>> {
    let mut turns = Vec::new();
    for item in items {
        match item {
            Value::String(text) => turns.extend(plain(text, around)),
            Value::Object(object) => {
                let Some(text) = text_of(object) else { continue };
                if silent(object, around.config) || text.trim().is_empty() {
                    continue;
                }
                let who = [
                    "speaker",
                    "parties",
                    "party",
                    "role",
                    "speaker_label",
                    "speaker_name",
                    "participant",
                    "participant_role",
                    "from",
                    "author",
                    "name",
                    "ParticipantId",
                    "ParticipantRole",
                    "channel",
                ]
                .iter()
                .find_map(|key| object.get(*key).filter(|value| !value.is_null()).map(|value| (*key, value)));
                let (who, name) = match who {
                    Some(("parties" | "party", index)) => party(index, around),
                    Some((_, speaker)) => named(speaker, around),
                    None => (Who::Unknown, None),
                };
                let start_ms = offset(
                    object,
                    &["start", "start_time", "startTime", "begin", "from_time", "timestamp", "time", "offset"],
                    around,
                )
                .or_else(|| millis(object, &["start_ms", "startMs", "BeginOffsetMillis", "offset_ms"], around));
                let end_ms = offset(object, &["end", "end_time", "endTime", "stop", "to_time"], around)
                    .or_else(|| millis(object, &["end_ms", "endMs", "EndOffsetMillis"], around))
                    .or_else(|| {
                        let length = object.get("duration").and_then(Value::as_f64).and_then(time::seconds)?;
                        start_ms?.checked_add(length)
                    });
                let sentiment = ["sentiment", "Sentiment"].iter().find_map(|key| object.get(*key)?.as_str());
                turns.push(Turn {
                    who,
                    name,
                    start_ms,
                    end_ms,
                    text: text.trim().into(),
                    sentiment: sentiment.map(str::to_lowercase),
                });
            }
            _ => {}
        }
    }
    (!turns.is_empty()
        || items.is_empty()
        || items.iter().all(|item| item.as_object().is_some_and(|item| text_of(item).is_some())))
    .then_some(turns)
}

fn text_of(object: &Map<String, Value>) -> Option<String> {
    let keys =
        ["message", "text", "transcript", "content", "Content", "utterance", "sentence", "body", "value", "words"];
    keys.iter().find_map(|key| match object.get(*key)? {
        Value::String(text) => Some(text.clone()),
        // Speech of several elements: `elements: [{value}]`, `words: [{word}]`.
        Value::Array(words) => {
            let words = words.iter().map(|word| {
                ["punctuated_word", "word", "text", "value"]
                    .iter()
                    .find_map(|key| word.get(*key)?.as_str())
                    .or_else(|| word.as_str())
            });
            words.collect::<Option<Vec<_>>>().filter(|words| !words.is_empty()).map(|words| words.join(" "))
        }
        _ => None,
    })
}

/// Whisper writes words for silence: it says itself that nobody speaks, and does not believe its words.
fn silent(object: &Map<String, Value>, config: &Config) -> bool {
    let number = |key| object.get(key).and_then(Value::as_f64);
    number("no_speech_prob").is_some_and(|silence| silence > config.no_speech_probability)
        && number("avg_logprob").is_some_and(|belief| belief < config.average_log_probability)
}

/// A party by its index, or the first of several.
fn party(index: &Value, around: &Around) -> (Who, Option<String>) {
    let index = index.as_array().and_then(|list| list.first()).unwrap_or(index);
    let found = index.as_u64().and_then(|index| around.parties.get(usize::try_from(index).ok()?));
    found.cloned().unwrap_or_else(|| named(index, around))
}

/// A speaker by name, or by a number that means no party.
fn named(speaker: &Value, around: &Around) -> (Who, Option<String>) {
    let name = match speaker {
        Value::String(name) => name.trim().to_owned(),
        Value::Number(number) => match number.as_u64() {
            Some(number) => format!("Speaker {}", number.saturating_add(1)),
            None => format!("Speaker {number}"),
        },
        Value::Object(object) => {
            let name = ["name", "label", "role", "id"].iter().find_map(|key| object.get(*key)?.as_str());
            name.unwrap_or_default().trim().to_owned()
        }
        _ => String::new(),
    };
    if name.is_empty() {
        return (Who::Unknown, None);
    }
    let same = |other: &Option<String>| other.as_ref().is_some_and(|other| other.eq_ignore_ascii_case(&name));
    match around.parties.iter().find(|(_, party)| same(party)) {
        Some((who, party)) => (*who, party.clone()),
        None => (people::side(&name, around.config), Some(name)),
    }
}

/// Milliseconds from the start of the call: of seconds, of `HH:MM:SS`, or of a time of day.
fn offset(object: &Map<String, Value>, keys: &[&str], around: &Around) -> Option<u64> {
    let value = keys.iter().find_map(|key| object.get(*key).filter(|value| !value.is_null()))?;
    let seconds = |seconds: f64| time::seconds(seconds)?.checked_add(around.offset);
    match value {
        Value::Number(number) => seconds(number.as_f64()?),
        Value::String(text) => {
            if let Ok(number) = text.trim().trim_end_matches('s').parse::<f64>() {
                return seconds(number);
            }
            if let Some(at) = time::read(text) {
                return at.checked_sub(around.start?);
            }
            let parts: Vec<f64> =
                text.trim().split(':').map(|part| part.replace(',', ".").parse().ok()).collect::<Option<_>>()?;
            (2..=3)
                .contains(&parts.len())
                .then(|| parts.iter().fold(0.0, |sum, part| sum * 60.0 + part))
                .and_then(seconds)
        }
        _ => None,
    }
}

fn millis(object: &Map<String, Value>, keys: &[&str], around: &Around) -> Option<u64> {
    keys.iter().find_map(|key| object.get(*key)?.as_u64())?.checked_add(around.offset)
}
