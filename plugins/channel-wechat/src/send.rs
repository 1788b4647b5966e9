//! Answers, by the customer-message API (客服消息): `message/custom/send`.
use serde_json::{Value, json};
use tributary_sdk::types::{Attachment, Delivery, DeliveryState, SendError};
use tributary_sdk::{Outgoing, host};
use tributary_wechat::api::Failure;
use tributary_wechat::code::{MEDIA, Platform};
use tributary_wechat::media::{self, Kind};
use tributary_wechat::progress::Plan;
use tributary_wechat::window::{Stand, Window};

use crate::WeChat;

impl WeChat {
    /// Sends what of a message is not sent yet: its text in parts, then its files.
    pub(crate) fn deliver(&self, message: &Outgoing) -> Result<Delivery, SendError> {
        let openid = self.openid(&message.to)?;
        let kinds: Vec<Kind> =
            message.content.attachments.iter().map(|file| self.kind(file)).collect::<Result<_, _>>()?;
        let plan = Plan::of(message, self.config.max_text_bytes, self.config.window_answers)?;
        let window = self.usable(&openid, plan.needed())?;
        let Plan { mut sent, parts, files } = plan;
        for part in parts {
            self.text(&openid, part)?;
            sent.text += part.len();
            sent.keep(&message.id)?;
            window.count(&openid)?;
        }
        for file in files {
            self.file(&openid, file, kinds[sent.files])?;
            sent.files += 1;
            sent.keep(&message.id)?;
            window.count(&openid)?;
        }
        let (outgoing_id, state) = (Some(message.id.clone()), DeliveryState::Accepted);
        Ok(Delivery { outgoing_id, external_id: None, state, detail: None })
    }

    /// Shows that somebody is writing.
    pub(crate) fn typing(&self, openid: &str) -> Result<(), SendError> {
        let body = json!({ "touser": openid, "command": "Typing" });
        let answer = self.api.post("message/custom/typing", &body);
        answer.map(|_| ()).map_err(|failure| failure.error(Platform::Official))
    }

    /// The window that an answer goes out by; the shorter one first, as it is the first to end.
    fn usable(&self, openid: &str, needed: u32) -> Result<&Window, SendError> {
        let now = host::clock::now();
        if self.moment.stand(openid, now, needed)? == Stand::Open {
            return Ok(&self.moment);
        }
        let stand = self.window.stand(openid, now, needed)?;
        self.window.closed(stand, needed).map_or(Ok(&self.window), Err)
    }

    /// One text.
    fn text(&self, openid: &str, text: &str) -> Result<(), SendError> {
        let answer = self.custom(openid, "text", json!({ "content": text }));
        answer.map_err(|failure| failure.error(Platform::Official))
    }

    /// One message of any kind.
    fn custom(&self, openid: &str, kind: &str, content: Value) -> Result<(), Failure> {
        let mut body = json!({ "touser": openid, "msgtype": kind, kind: content });
        if !self.config.kf_account.is_empty() {
            body["customservice"] = json!({ "kf_account": self.config.kf_account });
        }
        self.api.post("message/custom/send", &body).map(|_| ())
    }

    /// One file: uploaded, then sent by its id.
    fn file(&self, openid: &str, file: &Attachment, kind: Kind) -> Result<(), SendError> {
        let error = |failure: Failure| failure.error(Platform::Official);
        let id = media::upload(&self.api, kind, file, self.config.media_valid_seconds).map_err(error)?;
        match self.custom(openid, kind.word(), json!({ "media_id": id })) {
            Ok(()) => Ok(()),
            // The id ran out before its time: uploaded again by the next attempt.
            Err(Failure::Refused(MEDIA, _)) => {
                media::forget(kind, file)?;
                Err(SendError::temporary("the platform has forgotten the file, which is uploaded again"))
            }
            Err(failure) => Err(error(failure)),
        }
    }

    /// What the platform calls a file, where it takes it.
    fn kind(&self, file: &Attachment) -> Result<Kind, SendError> {
        let media_type = file.media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let (kind, limit) = match media_type.as_str() {
            "image/png" | "image/jpeg" | "image/jpg" | "image/gif" => (Kind::Image, self.config.max_image_bytes),
            "audio/amr" | "audio/mpeg" | "audio/mp3" => (Kind::Voice, self.config.max_voice_bytes),
            "video/mp4" => (Kind::Video, self.config.max_video_bytes),
            _ => {
                let words = "takes PNG, JPEG, GIF, AMR, MP3 and MP4";
                return Err(SendError::permanent(format!("an official account {words}, and a file is {media_type}")));
            }
        };
        if file.size > u64::from(limit) {
            let (word, size) = (kind.word(), file.size);
            return Err(SendError::permanent(format!("a file has {size} bytes, and as {word} {limit} are allowed")));
        }
        Ok(kind)
    }
}
