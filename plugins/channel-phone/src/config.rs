//! What an operator may set. Only its shape lives here: `build.rs` makes the schema of it.
use schemars::JsonSchema;
use serde::Deserialize;

/// The configuration of one phone channel.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Where the world reaches this channel's hook: `https://desk.shop.example/hooks/phone`. Absent: Twilio's callbacks are
    /// refused, because it signs the whole URL.
    #[serde(default)]
    pub public_url: Option<String>,
    /// The Twilio account, for answers by SMS and for what has to be fetched.
    #[serde(default)]
    pub account_sid: Option<String>,
    /// The number that answers by SMS, in E.164.
    #[serde(default)]
    pub sms_from: Option<String>,
    /// The messaging service that answers by SMS; wins over `sms-from`.
    #[serde(default)]
    pub messaging_service_sid: Option<String>,
    /// Base URL of Twilio's REST API (`2010-04-01`).
    pub api: String,
    /// Base URL of Twilio's Conversational Intelligence API (`v2`).
    pub intelligence_api: String,
    /// Base URL that Twilio redirects to for files of a message.
    pub media_api: String,
    /// The country code of numbers without one: `+86`.
    pub default_country: String,
    /// What is dialled before a country code: `00`.
    pub international_prefix: String,
    /// What is dialled before a national number: `0`. Empty: nothing.
    pub trunk_prefix: String,
    /// Numbers that stand for "withheld".
    pub anonymous_numbers: Vec<String>,
    /// The shop's own numbers, in E.164.
    pub own_numbers: Vec<String>,
    /// The domains of the shop's own mail addresses.
    pub own_domains: Vec<String>,
    /// What an agent is called in a transcript, in any case.
    pub agent_speakers: Vec<String>,
    /// What a customer is called in a transcript, in any case.
    pub customer_speakers: Vec<String>,
    /// What a machine is called in a transcript, in any case.
    pub bot_speakers: Vec<String>,
    /// The track that carries the customer: `inbound_track` or `outbound_track`.
    pub customer_track: String,
    /// Seconds of silence after which a call without an end is closed. At least 60.
    pub call_silence_seconds: u32,
    /// Seconds that the words of a call are kept. At least `call-silence-seconds`.
    pub late_seconds: u32,
    /// Seconds between two looks. At least 1.
    pub poll_seconds: u32,
    /// A file that could not be fetched so many times is given up. At least 1.
    pub fetch_attempts: u32,
    /// PEM certificates or public keys (RSA) that signed vCons are checked with.
    pub vcon_keys: Vec<String>,
    /// Extensions of vCon that may be named as critical.
    pub vcon_extensions: Vec<String>,
    /// Believe the STIR PASSporT that a vCon carries.
    pub trust_vcon_stir: bool,
    /// Seconds that a signed document's time may be away.
    pub timestamp_tolerance_seconds: u32,
    /// A Whisper segment above this …
    pub no_speech_probability: f64,
    /// … and below this is silence.
    pub average_log_probability: f64,
    /// Characters of one SMS. At least 1.
    pub sms_max_characters: u32,
    /// Messages that one answer may be cut into. At least 1.
    pub sms_max_parts: u32,
    /// Words that end a subscription.
    pub stop_words: Vec<String>,
    /// Words that ask the network for help.
    pub help_words: Vec<String>,
    /// Transcript beyond so many bytes is cut. At least 1,024.
    pub max_text_bytes: u32,
}
