//! What an operator may set. Only its shape lives here: `build.rs` makes the schema of it.
use schemars::JsonSchema;
use serde::Deserialize;

/// The configuration of one email channel.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The shop's mailbox as answers show it: `Shop <support@shop.example>`.
    pub from: String,
    /// Domain of the Message-IDs of answers. Absent: the domain of `from`.
    #[serde(default)]
    pub id_domain: Option<String>,
    /// Text beyond so many bytes is cut. At least 1,024.
    pub max_text_bytes: u32,
    /// HTML beyond so many bytes becomes an attachment.
    pub max_html_bytes: u32,
    /// Attachments beyond so many are not taken out one by one; the whole mail is attached instead.
    pub max_attachments: u32,
    /// Lines that begin like one of these, and everything below, are quoted history.
    pub quote_markers: Vec<String>,
    /// Further headers that say "a machine wrote this".
    pub automatic_headers: Vec<HeaderRule>,
}

/// A header that marks a mail as automatic.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HeaderRule {
    /// The header's name, in any case.
    pub name: String,
    /// What its value has to contain, in any case. Absent: any value counts.
    #[serde(default)]
    pub contains: Option<String>,
}
