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
    /// Providers whose inbound-parse webhooks may bring mails.
    pub webhooks: Vec<Webhook>,
    /// Mailgun's signatures count for so many seconds.
    pub mailgun_max_age: u32,
    /// The `authserv-id` (RFC 8601) of the operator's own mail server, whose word on senders counts. Absent: nobody's.
    #[serde(default)]
    pub authentication_server: Option<String>,
    /// Marketplaces that relay buyers' messages as mails.
    pub marketplaces: Vec<Marketplace>,
}

/// A provider that takes mails and posts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Webhook {
    /// Mailgun's routes, at `/mailgun` and `/mailgun/mime`.
    Mailgun,
    /// SendGrid's Inbound Parse, at `/sendgrid`.
    Sendgrid,
    /// Postmark's inbound webhook, at `/postmark`.
    Postmark,
}

/// A marketplace that relays buyers' messages as mails.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Marketplace {
    /// What stands before the buyer's id: `amazon`. Lower-case letters, digits and dashes.
    pub name: String,
    /// Domains of the relay's senders; `*.relay.example` is any domain below `relay.example`.
    pub senders: Vec<String>,
    /// Headers that hold the order's id and nothing else.
    #[serde(default)]
    pub order_headers: Vec<String>,
    /// Pieces of a subject with `{order}` where the order's id stands: `order {order}`. Case does not count.
    #[serde(default)]
    pub order_subjects: Vec<String>,
    /// The form of an order's id, `#` for a digit: `###-#######-#######`. Absent: letters, digits and dashes.
    #[serde(default)]
    pub order_form: Option<String>,
    /// Pairs of lines between which the relay puts what the buyer wrote.
    #[serde(default)]
    pub message_between: Vec<[String; 2]>,
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
