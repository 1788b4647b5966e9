//! A dialog of a vCon: a recording, a text, a transfer, a call that did not come about.
use data_encoding::{BASE64, BASE64URL, BASE64URL_NOPAD};
use mail_parser::decoders::html::html_to_text;
use mail_parser::{MessageParser, MimeHeaders};
use serde_json::Value;
use tributary_sdk::Rejection;

use super::party::Party;
use crate::call::{Call, File, Turn, Who};
use crate::charset;
use crate::json::At;
use crate::time;

/// Content that stands in the document itself.
pub struct Body {
    /// Its bytes; JSON is written out.
    pub data: Vec<u8>,
    /// The value, where the encoding is `json`.
    pub json: Option<Value>,
    media_type: Option<String>,
    name: Option<String>,
}

impl Body {
    /// As a file, called `name` where the document gives no name.
    pub fn file(self, name: &str) -> Option<File> {
        if self.data.is_empty() {
            return None;
        }
        let media_type = self.media_type.unwrap_or_else(|| {
            if self.json.is_some() { "application/json" } else { "application/octet-stream" }.into()
        });
        Some(File { name: self.name.unwrap_or_else(|| name.into()), media_type, data: self.data })
    }

    /// As text.
    pub fn text(&self) -> String {
        match &self.json {
            Some(Value::String(text)) => text.clone(),
            _ => charset::decode(&self.data).into_owned(),
        }
    }

    /// Its media type in lower case, without parameters.
    pub fn kind(&self) -> String {
        let kind = self.media_type.as_deref().unwrap_or_default();
        kind.split(';').next().unwrap_or_default().trim().to_lowercase()
    }
}

/// The inline content of a dialog, an analysis or an attachment; none where there is none. `encoding` was not required
/// in early drafts.
pub fn body(at: &At) -> Result<Option<Body>, Rejection> {
    let media_type = at.any(&["mediatype", "mimetype"]).map(|found| found.text()).transpose()?;
    let name = at.maybe_text("filename")?;
    let Some(body) = at.get("body") else { return Ok(None) };
    let encoding = at.maybe_text("encoding")?;
    let (data, json) = match (encoding, body.value) {
        (Some("base64url"), Value::String(text)) => (base64(text).ok_or_else(|| body.fault("base64url"))?, None),
        (Some("none") | None, Value::String(text)) => (text.clone().into_bytes(), None),
        // The draft's `json` is a value; some producers write the value as a text.
        (Some("json"), Value::String(text)) => {
            let value = serde_json::from_str(text).unwrap_or_else(|_| body.value.clone());
            (text.clone().into_bytes(), Some(value))
        }
        (Some("json" | "none") | None, value) => (value.to_string().into_bytes(), Some(value.clone())),
        (Some("base64url"), _) => return Err(body.fault("a text in base64url")),
        (Some(_), _) => {
            let place = At { value: body.value, path: format!("{}.encoding", at.path) };
            return Err(place.fault("`none`, `json` or `base64url`"));
        }
    };
    Ok(Some(Body { data, json, media_type: media_type.map(str::to_owned), name: name.map(str::to_owned) }))
}

/// base64url, padded or not; the other alphabet as well, which early producers used. Line breaks count for nothing.
pub fn base64(text: &str) -> Option<Vec<u8>> {
    let text: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    [&BASE64URL_NOPAD, &BASE64URL, &BASE64].iter().find_map(|alphabet| alphabet.decode(&text).ok())
}

/// What a dialog is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Recording,
    Text,
    Transfer,
    Incomplete,
    Set,
}

/// One dialog.
pub struct Dialog<'a> {
    at: At<'a>,
    kind: Kind,
    /// When it began.
    pub start: u64,
    /// How long it took, in milliseconds.
    pub length: Option<u64>,
    /// The party of each channel, or of the dialog in order.
    pub parties: Vec<Option<usize>>,
    originator: Option<usize>,
}

impl<'a> Dialog<'a> {
    /// Read one. `parties` is how many parties the document has.
    pub fn read(at: &At<'a>, parties: usize) -> Result<Self, Rejection> {
        at.object()?;
        let kind = at.get("type").ok_or_else(|| at.fault("a `type`"))?;
        let kind = match kind.text()? {
            "recording" | "video" => Kind::Recording,
            "text" => Kind::Text,
            "transfer" => Kind::Transfer,
            "incomplete" => Kind::Incomplete,
            "recording-set" => Kind::Set,
            _ => return Err(kind.fault("`recording`, `text`, `transfer`, `incomplete` or `recording-set`")),
        };
        let start = at.maybe_time("start")?.ok_or_else(|| at.fault("a `start`"))?;
        let length = at
            .get("duration")
            .map(|found| found.value.as_f64().and_then(time::seconds).ok_or_else(|| found.fault("seconds, 0 or more")));
        let index = |found: &At| {
            let index =
                found.value.as_u64().and_then(|index| usize::try_from(index).ok()).filter(|index| *index < parties);
            index.ok_or_else(|| found.fault("the index of a party"))
        };
        let mut named = Vec::new();
        if let Some(found) = at.get("parties") {
            match found.value {
                Value::Array(_) => {
                    for item in at.list("parties")? {
                        match item.value {
                            Value::Null => named.push(None),
                            Value::Array(several) => {
                                let all: Vec<At> =
                                    several.iter().map(|value| At { value, path: item.path.clone() }).collect();
                                let all = all.iter().map(index).collect::<Result<Vec<_>, _>>()?;
                                named.push(all.first().copied());
                            }
                            _ => named.push(Some(index(&item)?)),
                        }
                    }
                }
                _ => named.push(Some(index(&found)?)),
            }
        }
        let originator = at.get("originator").map(|found| index(&found)).transpose()?;
        Ok(Self { at: at.clone(), kind, start, length: length.transpose()?, parties: named, originator })
    }

    /// Who began.
    pub fn originator(&self) -> Option<usize> {
        self.originator.or_else(|| self.parties.first().copied().flatten())
    }

    /// Adds to the call what this dialog tells.
    pub fn tell(&self, call: &mut Call, parties: &[Party]) -> Result<(), Rejection> {
        let at = &self.at;
        if at.get("body").is_some() && at.get("url").is_some() {
            return Err(at.fault("either a `body` or a `url`, not both"));
        }
        call.tell("recording", at.maybe_text("url")?);
        call.tell("recording-hash", hash(at)?);
        call.tell("message-id", at.maybe_text("message_id")?);
        let disposition = at.maybe_text("disposition")?;
        let body = body(at)?;
        match self.kind {
            Kind::Text => self.text(call, parties, body)?,
            Kind::Recording => call.files.extend(body.and_then(|body| body.file("recording"))),
            Kind::Incomplete => {
                let why = disposition.ok_or_else(|| at.fault("a `disposition`"))?;
                if why == "voicemail-no-message" {
                    call.notes.push("Missed call: voicemail without a message.".into());
                } else {
                    call.notes.push(format!("Missed call: {}.", why.replace('-', " ")));
                }
                call.disposition = Some(why.into());
            }
            Kind::Transfer => {
                let party = |keys: &[&str]| {
                    let index = at.any(keys).and_then(|found| {
                        let value = found.value.as_array().and_then(|list| list.first()).unwrap_or(found.value);
                        usize::try_from(value.as_u64()?).ok()
                    });
                    index
                        .and_then(|index| parties.get(index))
                        .and_then(Party::label)
                        .unwrap_or_else(|| "somebody".into())
                };
                let (from, to) = (party(&["transferor"]), party(&["transfer_target", "transfer-target"]));
                call.tell("transfer", Some(format!("{from} -> {to}")));
                call.notes.push(format!("Transferred by {from} to {to}."));
            }
            Kind::Set => {}
        }
        Ok(())
    }

    fn text(&self, call: &mut Call, parties: &[Party], body: Option<Body>) -> Result<(), Rejection> {
        let Some(body) = body else { return Ok(()) };
        let kind = body.kind();
        let text = if kind.starts_with("multipart/") {
            let Some(text) = multipart(&body, &mut call.files) else {
                return Err(self.at.fault("a multipart body that can be read"));
            };
            text
        } else if kind == "text/html" {
            html_to_text(&body.text())
        } else {
            body.text()
        };
        let speaker = self.originator().and_then(|index| parties.get(index));
        let start = self.start - call.start.unwrap_or(self.start);
        call.turns.push(Turn {
            who: speaker.map_or(Who::Unknown, |party| party.who),
            name: speaker.and_then(Party::label),
            start_ms: Some(start),
            end_ms: self.length.filter(|length| *length > 0).and_then(|length| start.checked_add(length)),
            text: text.replace("\r\n", "\n").trim().to_owned(),
            sentiment: None,
        });
        Ok(())
    }
}

/// The text of a MIME body (RFC 2046); its files go to `files`.
fn multipart(body: &Body, files: &mut Vec<File>) -> Option<String> {
    let header = body.media_type.as_deref().unwrap_or_default();
    let header: String = header.chars().map(|c| if c == '\r' || c == '\n' { ' ' } else { c }).collect();
    let raw = [b"MIME-Version: 1.0\r\nContent-Type: ", header.as_bytes(), b"\r\n\r\n", body.text().as_bytes()].concat();
    let mail = MessageParser::default().parse(&raw)?;
    for (index, part) in mail.attachments().enumerate() {
        let media_type = part.content_type().map_or_else(
            || "application/octet-stream".into(),
            |kind| format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or("octet-stream")).to_lowercase(),
        );
        let name = part.attachment_name().map_or_else(|| format!("file {}", index + 1), str::to_owned);
        files.push(File { name, media_type, data: part.contents().to_vec() });
    }
    Some(mail.body_text(0).map(|text| text.into_owned()).unwrap_or_default())
}

/// `sha512-…` of what is kept elsewhere: `content_hash`, or the `alg` and `signature` of 0.0.1.
fn hash(at: &At) -> Result<Option<String>, Rejection> {
    if let Some(found) = at.get("content_hash") {
        let hashes: Option<Vec<&str>> = match found.value {
            Value::Array(list) => list.iter().map(Value::as_str).collect(),
            value => value.as_str().map(|hash| vec![hash]),
        };
        return hashes.map(|hashes| Some(hashes.join(" "))).ok_or_else(|| found.fault("a text, or a list of texts"));
    }
    let (algorithm, signature) = (at.maybe_text("alg")?, at.maybe_text("signature")?);
    Ok(algorithm
        .zip(signature)
        .map(|(algorithm, signature)| format!("{}-{signature}", algorithm.to_lowercase().replace('-', ""))))
}
