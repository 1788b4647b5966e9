//! What an operator may set. Only its shape lives here: `build.rs` makes the schema of it.
use schemars::JsonSchema;
use serde::Deserialize;

/// The configuration of one company's customer service.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The company's id: `ww` and 16 hexadecimal digits.
    pub corp_id: String,
    /// Customer service accounts (open_kfid). Empty: each that a bell has named.
    pub accounts: Vec<String>,
    /// Base URL of the API.
    pub api: String,
    /// Age of a bell at most, in seconds; 0: no limit.
    pub max_age: u32,
    /// Bytes of a body at most.
    pub max_body_bytes: u32,
    /// Seconds of history that are read when an account is asked for the first time.
    pub history_seconds: u32,
    /// Messages of one call of `sync_msg`, 1 to 1,000.
    pub pull_limit: u32,
    /// Calls of `sync_msg` in one poll. At least 1.
    pub pull_rounds: u32,
    /// Seconds between two polls at most. At least 1.
    pub poll_seconds: u32,
    /// Seconds that an answer may take after the customer's message; 0: no limit.
    pub window_seconds: u32,
    /// Answers to one message at most; 0: no limit.
    pub window_answers: u32,
    /// Bytes of one text at most. At least 64.
    pub max_text_bytes: u32,
    /// Bytes of a picture at most.
    pub max_image_bytes: u32,
    /// Bytes of a recording at most.
    pub max_voice_bytes: u32,
    /// Bytes of a film at most.
    pub max_video_bytes: u32,
    /// Bytes of any other file at most.
    pub max_file_bytes: u32,
    /// Seconds that an uploaded file is used again.
    pub media_valid_seconds: u32,
    /// Files fetched in one poll. At least 1.
    pub media_at_once: u32,
    /// Tries of one file. At least 1.
    pub media_tries: u32,
    /// Ask for each customer's name and UnionID.
    pub profiles: bool,
    /// Seconds until a customer is asked about again.
    pub profile_again_seconds: u32,
    /// Seconds ahead of its end at which a token is fetched anew.
    pub token_margin_seconds: u32,
}
