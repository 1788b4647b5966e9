//! What an operator may set. Only its shape lives here: `build.rs` makes the schema of it.
use schemars::JsonSchema;
use serde::Deserialize;

/// The configuration of one official account.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The account's AppID: `wx` and 16 hexadecimal digits.
    pub app_id: String,
    /// How the platform sends messages.
    pub mode: Mode,
    /// Base URL of the API.
    pub api: String,
    /// Origin of pictures (`PicUrl`).
    pub pictures: String,
    /// Origin of films that `media/get` names by address.
    pub films: String,
    /// Age of an encrypted call at most, in seconds; 0: no limit.
    pub max_age_encrypted: u32,
    /// Age of a plain call at most, in seconds; 0: no limit.
    pub max_age_plain: u32,
    /// Bytes of a body at most.
    pub max_body_bytes: u32,
    /// Events that are shown as messages, in lower case.
    pub event_messages: Vec<String>,
    /// Answered at once to a new follower; empty: nothing.
    pub greeting: String,
    /// In whose name answers are sent; empty: the account's.
    pub kf_account: String,
    /// Seconds that an answer may take after the customer's message; 0: no limit.
    pub window_seconds: u32,
    /// Answers to one message at most; 0: no limit.
    pub window_answers: u32,
    /// Seconds that an answer may take after a click, a scan or a subscription; 0: no limit.
    pub event_window_seconds: u32,
    /// Answers to one of these at most; 0: no limit.
    pub event_window_answers: u32,
    /// Bytes of one text at most. At least 64.
    pub max_text_bytes: u32,
    /// Bytes of a picture at most.
    pub max_image_bytes: u32,
    /// Bytes of a recording at most.
    pub max_voice_bytes: u32,
    /// Bytes of a film at most.
    pub max_video_bytes: u32,
    /// Seconds that an uploaded file is used again.
    pub media_valid_seconds: u32,
    /// Files fetched in one poll. At least 1.
    pub media_at_once: u32,
    /// Tries of one file. At least 1.
    pub media_tries: u32,
    /// Ask for the UnionID of each person.
    pub unionid: bool,
    /// Seconds until a person is asked about again.
    pub unionid_again_seconds: u32,
    /// Fetch tokens by `stable_token`.
    pub stable_token: bool,
    /// Seconds ahead of its end at which a token is fetched anew.
    pub token_margin_seconds: u32,
    /// Seconds between two looks for waiting files at most. At least 1.
    pub poll_seconds: u32,
}

/// How the platform sends messages (消息加解密方式).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// 明文模式: in clear; what comes encrypted is parked.
    Plain,
    /// 兼容模式: in clear and encrypted; the encrypted form counts.
    Compatible,
    /// 安全模式: encrypted; what comes in clear is parked.
    Encrypted,
}
