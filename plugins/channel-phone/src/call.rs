//! A call as it is told to the host: one message by the customer, whatever format it came in.
//!
//! The text is for people, one line for each turn; `transcript.json` (see the crate's text) is for programs; the original
//! stays as it came.
use serde::Serialize;
use tributary_sdk::Rejection;
use tributary_sdk::host::{self, blobs::BlobError};
use tributary_sdk::types::{Attachment, Attribute, Author, Content, Handle, HandleKind, Inbound, ThreadHints};

use crate::time;

/// On which side of the call somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize, Default)]
#[serde(rename_all = "lowercase")]
pub enum Who {
    /// The person the shop serves.
    Customer,
    /// A person of the shop.
    Agent,
    /// A machine of the shop.
    Bot,
    /// Not told.
    #[default]
    Unknown,
}

impl Who {
    fn word(self) -> &'static str {
        match self {
            Self::Customer => "Customer",
            Self::Agent => "Agent",
            Self::Bot => "Bot",
            Self::Unknown => "Speaker",
        }
    }
}

/// What somebody said without a pause.
#[derive(Debug, Clone, PartialEq, Serialize, Default)]
#[serde(rename_all = "kebab-case")]
pub struct Turn {
    /// Which side.
    pub who: Who,
    /// The speaker's name or number in the transcript.
    pub name: Option<String>,
    /// Milliseconds from the start of the call.
    pub start_ms: Option<u64>,
    /// Milliseconds from the start of the call.
    pub end_ms: Option<u64>,
    /// What was said.
    pub text: String,
    /// `positive`, `neutral`, `negative`, `mixed`, where it was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sentiment: Option<String>,
}

/// Another form of the same words: a redacted one, a translation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Alternative {
    /// What it is: `transcript-redacted`.
    pub kind: String,
    /// The words.
    pub turns: Vec<Turn>,
}

/// Who called whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// The customer called.
    Inbound,
    /// The shop called.
    Outbound,
}

impl Direction {
    /// Of a word such as `inbound`, `outbound-api`, `OUTBOUND_CALL`, `in`.
    pub fn of(word: &str) -> Option<Self> {
        let word = word.trim().to_lowercase();
        match () {
            () if word.starts_with("in") => Some(Self::Inbound),
            () if word.starts_with("out") => Some(Self::Outbound),
            () => None,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }
}

/// A file that is kept beside the transcript.
#[derive(Debug, Clone, PartialEq)]
pub struct File {
    /// Its name, for people.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its bytes.
    pub data: Vec<u8>,
}

/// A call, read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Call {
    /// The format it came in: `vcon`, `webvtt`, `srt`, `twilio-realtime`, ….
    pub format: &'static str,
    /// The id that whoever recorded it gave it.
    pub id: Option<String>,
    /// The id of the call itself, where `id` is that of a recording or transcript of it.
    pub part_of: Option<String>,
    /// When it began.
    pub start: Option<u64>,
    /// How long it took, in milliseconds.
    pub length: Option<u64>,
    /// Who called whom.
    pub direction: Option<Direction>,
    /// How it ended: `no-answer`, `voicemail`, `completed`, ….
    pub disposition: Option<String>,
    /// BCP 47 language, as it was told.
    pub language: Option<String>,
    /// The customer's mood, as it was told.
    pub sentiment: Option<String>,
    /// What it was about, as it was told.
    pub subject: Option<String>,
    /// Ways to recognise the customer; empty: withheld.
    pub customer: Vec<Handle>,
    /// The customer's name.
    pub customer_name: Option<String>,
    /// Sentences above the transcript, such as "Missed call".
    pub notes: Vec<String>,
    /// What was said.
    pub turns: Vec<Turn>,
    /// The same words in another form.
    pub alternatives: Vec<Alternative>,
    /// Files that came with it.
    pub files: Vec<File>,
    /// The id of the call of which this is a later or another form.
    pub earlier: Option<String>,
    /// What else is known.
    pub attributes: Vec<Attribute>,
}

/// `transcript.json`.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Transcript<'a> {
    version: u8,
    call: Head<'a>,
    turns: &'a [Turn],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    alternatives: &'a [Alternative],
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Head<'a> {
    id: &'a str,
    format: &'static str,
    start: Option<String>,
    length_ms: Option<u64>,
    direction: Option<Direction>,
    disposition: Option<&'a str>,
    language: Option<&'a str>,
}

impl Call {
    /// Adds an attribute where there is a value.
    pub fn tell(&mut self, name: &str, value: Option<impl Into<String>>) {
        if let Some(value) = value.map(Into::into).filter(|value| !value.is_empty()) {
            self.attributes.push(Attribute::new(name, value));
        }
    }

    /// Milliseconds from start to end: as told, else to the end of the last turn.
    fn length(&self) -> Option<u64> {
        self.length.or_else(|| self.turns.iter().filter_map(|turn| turn.end_ms.or(turn.start_ms)).max())
    }

    /// What people read: notes, then a line for each turn.
    pub fn text(&self, limit: usize) -> String {
        // Of each side, the first name, and whether there is another: then names are told.
        let mut names: [(Option<&str>, bool); 4] = Default::default();
        for turn in &self.turns {
            let (first, several) = &mut names[turn.who as usize];
            if let Some(name) = turn.name.as_deref() {
                *several |= *first.get_or_insert(name) != name;
            }
        }
        let mut text = String::new();
        for note in &self.notes {
            text.push_str(note);
            text.push('\n');
        }
        for turn in &self.turns {
            if let Some(start) = turn.start_ms {
                text.push_str(&time::clock(start));
                text.push(' ');
            }
            let several = names[turn.who as usize].1;
            match (turn.who, turn.name.as_deref()) {
                (Who::Unknown, Some(name)) => text.push_str(name),
                (who, Some(name)) if several => text.extend([who.word(), " ", name]),
                (who, _) => text.push_str(who.word()),
            }
            text.extend([": ", turn.text.as_str(), "\n"]);
            if text.len() > limit {
                break;
            }
        }
        let mut text = text.replace('\0', "");
        text.truncate(text.trim_end().len());
        if text.len() > limit {
            const CUT: &str = "\n[…]";
            let end = (0..=limit.saturating_sub(CUT.len())).rev().find(|at| text.is_char_boundary(*at));
            text.truncate(end.unwrap_or(0));
            text.push_str(CUT);
        }
        text
    }

    /// The transcript as a file.
    ///
    /// # Errors
    /// [`Rejection::Malformed`] where it cannot be written or kept.
    pub fn transcript(&self, id: &str) -> Result<Attachment, Rejection> {
        let call = Head {
            id,
            format: self.format,
            start: self.start.map(time::show),
            length_ms: self.length(),
            direction: self.direction,
            disposition: self.disposition.as_deref(),
            language: self.language.as_deref(),
        };
        let transcript = Transcript { version: 1, call, turns: &self.turns, alternatives: &self.alternatives };
        let json = serde_json::to_vec_pretty(&transcript)
            .map_err(|error| Rejection::Malformed(format!("the transcript cannot be written: {error}")))?;
        host::blobs::put("transcript.json", "application/json", &json).map_err(|error| match error {
            BlobError::TooLarge(limit) => {
                Rejection::Malformed(format!("the transcript is larger than the {limit} bytes that a file may have"))
            }
            _ => Rejection::Malformed("the transcript could not be kept".into()),
        })
    }

    /// Who speaks: `Alice (customer), Bob (agent)`.
    fn speakers(&self) -> Option<String> {
        let mut speakers: Vec<String> = Vec::new();
        for turn in &self.turns {
            let side = turn.who.word().to_lowercase();
            let speaker = match (&turn.name, turn.who) {
                (Some(name), Who::Unknown) => name.clone(),
                (Some(name), _) if name.to_lowercase() != side => format!("{name} ({side})"),
                _ => side,
            };
            if !speakers.contains(&speaker) && speakers.len() < 20 {
                speakers.push(speaker);
            }
        }
        (!speakers.is_empty()).then(|| speakers.join(", "))
    }

    /// The message that the host stores. `id` is what the call is known by; `original` is put before the transcript.
    ///
    /// # Errors
    /// [`Rejection::Malformed`] where a file could not be kept; one that is too large is named as an attribute instead.
    pub fn message(mut self, id: &str, original: Option<File>, limit: usize) -> Result<Inbound, Rejection> {
        let sent_at = self.start.unwrap_or_else(host::clock::now);
        let mut attachments = Vec::new();
        let mut attributes = vec![
            Attribute::new("call-id", self.part_of.as_deref().unwrap_or(id)),
            Attribute::new("transcript-format", self.format),
        ];
        let mut add = |name: &str, value: Option<String>| {
            attributes.extend(value.filter(|value| !value.is_empty()).map(|value| Attribute::new(name, value)));
        };
        let length = self.length();
        add("call-start", self.start.map(time::show));
        add("call-end", self.start.zip(length).map(|(start, length)| time::show(start.saturating_add(length))));
        add("call-seconds", length.map(|length| (length.saturating_add(500) / 1000).to_string()));
        add("call-direction", self.direction.map(|direction| direction.word().into()));
        add("call-disposition", self.disposition.clone());
        add("speakers", self.speakers());
        add("language", self.language.clone());
        add("sentiment", self.sentiment.clone());
        attributes.append(&mut self.attributes);
        for mut file in original.into_iter().chain(std::mem::take(&mut self.files)) {
            (file.name, file.media_type) = (file_name(&file.name), line(&file.media_type));
            match host::blobs::put(&file.name, &file.media_type, &file.data) {
                Ok(kept) => attachments.push(kept),
                Err(BlobError::TooLarge(_)) => attributes.push(Attribute::new("attachment-too-large", file.name)),
                Err(_) => return Err(Rejection::Malformed("a file of this call could not be kept".into())),
            }
        }
        if !self.turns.is_empty() || !self.alternatives.is_empty() {
            attachments.push(self.transcript(id)?);
        }
        let mut text = self.text(limit);
        if text.is_empty() {
            text = "Call without a transcript.".into();
        }
        let number = self.customer.iter().find(|handle| handle.kind == HandleKind::Phone);
        let thread_key = number.map(|handle| handle.value.clone());
        let from = if self.customer.is_empty() { vec![crate::people::nobody(id)] } else { self.customer };
        let references = self.earlier.clone().into_iter().collect();
        Ok(Inbound {
            external_id: Some(id.into()),
            sent_at,
            author: Author::Customer,
            from,
            display_name: self.customer_name.as_deref().map(line),
            subject: self.subject.as_deref().map(line),
            content: Content { text, quoted: None, html: None, attachments },
            thread: ThreadHints { in_reply_to: self.earlier, references, thread_key, ..ThreadHints::default() },
            automatic: false,
            attributes,
        })
    }
}

/// A text in one line.
fn line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// A file's name as it is shown: its last part, in one line.
fn file_name(name: &str) -> String {
    let name = line(name);
    let last = name.rsplit(['/', '\\']).map(str::trim).find(|part| !part.is_empty());
    last.unwrap_or("file").to_owned()
}
