//! What an operator may set. Only its shape lives here: `build.rs` makes the schema of it.
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The configuration of one chat.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Origins (RFC 6454) of the pages that may use the chat: `https://shop.example`.
    pub origins: Vec<String>,
    /// Take calls without an Origin header, as apps make them; only with a token of the shop.
    pub without_origin: bool,
    /// Visitors without a token of the shop may write.
    pub anonymous: bool,
    /// How long a token of an anonymous visitor is good, in minutes. At least 5.
    pub session_minutes: u32,
    /// How far the shop's clock may be off.
    pub clock_skew_seconds: u32,
    /// The `aud` claim of the shop's tokens. Absent: they have none.
    #[serde(default)]
    pub audience: Option<String>,
    /// After so many hours without the visitor an answer goes by another channel. 0: never.
    pub reply_window_hours: u32,
    /// Messages of one visitor within one minute.
    pub messages_per_minute: u32,
    /// Files of one visitor within one minute.
    pub files_per_minute: u32,
    /// Messages and files of all anonymous visitors together within one minute.
    pub anonymous_per_minute: u32,
    /// A longer text is refused. 1 to 24,000.
    pub max_text_bytes: u32,
    /// A larger file is refused.
    pub max_file_bytes: u32,
    /// Media types (RFC 6838) that a visitor may send.
    pub file_types: Vec<String>,
    /// Serve a page that shows the chat.
    pub demo: bool,
    /// When somebody is there. Empty: always.
    pub opening: Vec<Opening>,
    /// The shop's time without summer time: `+08:00`.
    pub utc_offset: String,
    /// When clocks go forward by an hour.
    pub summer_time: SummerTime,
    /// Days without opening, as `2026-10-01`.
    pub holidays: Vec<String>,
    /// Days that open like a day of the week, whatever day they are.
    pub working_days: Vec<WorkingDay>,
    /// A message left outside these hours needs a way to answer.
    pub box_needs_contact: bool,
    /// Put before phone numbers that are written without one: `+86`.
    pub country_code: String,
    /// `#rrggbb`: the button and the visitor's own messages.
    pub colour: String,
    /// The window's title, by language.
    pub title: BTreeMap<String, String>,
    /// What stands above the first message, by language.
    pub greeting: BTreeMap<String, String>,
    /// What the message box says, by language.
    pub box_text: BTreeMap<String, String>,
    /// What answers a message left in the box, by language.
    pub box_answer: BTreeMap<String, String>,
}

/// A period on some days of the week.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Opening {
    /// On these days.
    pub days: Vec<Day>,
    /// `09:00`.
    pub from: String,
    /// `18:00`; up to `24:00`. Not after `from`: on the next day.
    pub to: String,
}

/// A date that opens like a day of the week.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct WorkingDay {
    /// `2026-10-10`.
    pub date: String,
    /// Whose periods it has.
    pub like: Day,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Day {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// When clocks go forward by an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SummerTime {
    /// Never.
    None,
    /// From the last Sunday of March to the last of October, at 01:00 UTC (Directive 2000/84/EC).
    Eu,
    /// From the second Sunday of March to the first of November, at 02:00 (15 U.S.C. 260a).
    Us,
}
