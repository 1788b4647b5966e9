//! Answers, by `kf/send_msg`.
//!
//! State: `dialogue/EXTERNAL_USERID` is the account that the customer wrote to last, `sent/MSGID` the host's message that
//! went out under an id.
use serde_json::{Value, json};
use tributary_sdk::host::state;
use tributary_sdk::types::{Attachment, Delivery, DeliveryState, Handle, HandleKind, SendError};
use tributary_sdk::{Outgoing, host};
use tributary_wechat::api::Failure;
use tributary_wechat::code::{MEDIA, Platform};
use tributary_wechat::media::{self, Kind};
use tributary_wechat::progress::{Plan, Progress};
use tributary_wechat::sign::signature;
use tributary_wechat::{StoreError, key};

use crate::CustomerService;

/// How long the id of a message is remembered: longer than the platform reports failures, three days.
const REMEMBERED: u32 = 4 * 24 * 3600;
/// Signs of an id: the platform allows 32.
const ID: usize = 32;

/// To whom, and in whose name.
struct Line {
    person: String,
    account: String,
}

impl Line {
    /// The dialogue: the platform counts answers in each.
    fn key(&self) -> String {
        format!("{}/{}", self.account, self.person)
    }
}

/// The id of a part of a message, always the same one: the platform sends no id twice.
fn msgid(outgoing: &str, sent: Progress) -> String {
    let mut id = signature(&[&format!("{outgoing}/{}/{}", sent.text, sent.files)]);
    id.truncate(ID);
    id
}

impl CustomerService {
    /// Remembers to which account a customer wrote.
    pub(crate) fn dialogue(&self, account: &str, person: &str) -> Result<(), StoreError> {
        Ok(state::set(&key("dialogue", person), account.as_bytes(), None)?)
    }

    /// Sends what of a message is not sent yet: its text in parts, then its files.
    pub(crate) fn deliver(&self, message: &Outgoing) -> Result<Delivery, SendError> {
        let line = self.line(message)?;
        let kinds: Vec<Kind> =
            message.content.attachments.iter().map(|file| self.kind(file)).collect::<Result<_, _>>()?;
        let plan = Plan::of(message, self.config.max_text_bytes, self.config.window_answers)?;
        let needed = plan.needed();
        let stand = self.window.stand(&line.key(), host::clock::now(), needed)?;
        if let Some(closed) = self.window.closed(stand, needed) {
            return Err(closed);
        }
        let Plan { mut sent, parts, files } = plan;
        let error = |failure: Failure| failure.error(Platform::Service);
        let mut id = None;
        for part in parts {
            let this = msgid(&message.id, sent);
            self.post(&line, &message.id, &this, "text", json!({ "content": part })).map_err(error)?;
            sent.text += part.len();
            self.went(&line, message, sent)?;
            id = Some(this);
        }
        for file in files {
            let kind = kinds[sent.files];
            let this = msgid(&message.id, sent);
            let media = media::upload(&self.api, kind, file, self.config.media_valid_seconds).map_err(error)?;
            match self.post(&line, &message.id, &this, kind.word(), json!({ "media_id": media })) {
                Ok(()) => {}
                // The id ran out before its time: uploaded again by the next attempt.
                Err(Failure::Refused(MEDIA, _)) => {
                    media::forget(kind, file)?;
                    return Err(SendError::temporary("the platform has forgotten the file, which is uploaded again"));
                }
                Err(failure) => return Err(error(failure)),
            }
            sent.files += 1;
            self.went(&line, message, sent)?;
            id = Some(this);
        }
        // The platform took it over; whether it arrives, `msg_send_fail` tells.
        let (outgoing_id, state) = (Some(message.id.clone()), DeliveryState::Accepted);
        Ok(Delivery { outgoing_id, external_id: id, state, detail: None })
    }

    /// A part is with the platform.
    fn went(&self, line: &Line, message: &Outgoing, sent: Progress) -> Result<(), StoreError> {
        sent.keep(&message.id)?;
        self.window.count(&line.key())
    }

    /// One message. That the platform has its id already, from an attempt whose answer was lost, is as good as sent; it
    /// has no code of its own for that, only words that name the id.
    fn post(&self, line: &Line, outgoing: &str, id: &str, kind: &str, content: Value) -> Result<(), Failure> {
        let sent = key("sent", id);
        let tried = state::get(&sent).map_err(StoreError::from)?.is_some();
        state::set(&sent, outgoing.as_bytes(), Some(REMEMBERED)).map_err(StoreError::from)?;
        let body = json!({
            "touser": line.person, "open_kfid": line.account, "msgid": id, "msgtype": kind, kind: content,
        });
        match self.api.post("kf/send_msg", &body) {
            Err(Failure::Refused(_, words)) if tried && words.contains("msgid") => Ok(()),
            answer => answer.map(|_| ()),
        }
    }

    /// The customer, and the account that the answered message came to, or the one that the customer wrote to last.
    fn line(&self, message: &Outgoing) -> Result<Line, SendError> {
        let id = |name: &Handle| {
            let id = name.value.strip_prefix("wecom/").filter(|id| !id.is_empty())?;
            (name.kind == HandleKind::Other).then(|| id.to_owned())
        };
        let person = message.to.iter().find_map(id);
        let person = person.ok_or_else(|| SendError::permanent("the customer has no id at WeCom"))?;
        let answered = message.attributes.iter().find(|attribute| attribute.name == "wecom-open-kfid");
        let last = state::get(&key("dialogue", &person)).map_err(StoreError::from)?;
        let account = answered
            .map(|attribute| attribute.value.clone())
            .or_else(|| last.and_then(|account| String::from_utf8(account).ok()))
            .or_else(|| self.config.accounts.first().cloned());
        let account = account.ok_or_else(|| {
            SendError::permanent(
                "no customer service account is known that the customer wrote to; `accounts` names none",
            )
        })?;
        Ok(Line { person, account })
    }

    /// What the platform calls a file, where it takes it.
    fn kind(&self, file: &Attachment) -> Result<Kind, SendError> {
        let media_type = file.media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let (kind, limit) = match media_type.as_str() {
            "image/png" | "image/jpeg" | "image/jpg" => (Kind::Image, self.config.max_image_bytes),
            "audio/amr" => (Kind::Voice, self.config.max_voice_bytes),
            "video/mp4" => (Kind::Video, self.config.max_video_bytes),
            _ => (Kind::File, self.config.max_file_bytes),
        };
        // What is too large to be shown goes as any other file.
        let (kind, limit) = match kind {
            _ if file.size <= u64::from(limit) => (kind, limit),
            _ => (Kind::File, self.config.max_file_bytes),
        };
        if file.size > u64::from(limit) {
            let size = file.size;
            return Err(SendError::permanent(format!("a file has {size} bytes, and {limit} are allowed")));
        }
        Ok(kind)
    }
}
