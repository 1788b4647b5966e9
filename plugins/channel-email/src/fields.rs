//! The fields of a mail that its reading needs, found in one pass over all of them.
use mail_parser::HeaderName;

use crate::config::HeaderRule;
use crate::header;
use crate::mime::Mail;

/// Raw values, each of the first field of its name unless it says otherwise.
#[derive(Default)]
pub struct Fields<'x> {
    /// Author.
    pub from: Option<&'x [u8]>,
    /// Who submitted it for the author.
    pub sender: Option<&'x [u8]>,
    /// Where answers shall go.
    pub reply_to: Option<&'x [u8]>,
    /// Whom the author wrote to: every To and Cc.
    pub addressed: Vec<&'x [u8]>,
    /// Every field that names a recipient: To, Cc, and those that relays add: Delivered-To, X-Original-To, Envelope-To.
    pub recipients: Vec<&'x [u8]>,
    /// Subject.
    pub subject: Option<&'x [u8]>,
    /// When the author sent it.
    pub date: Option<&'x [u8]>,
    /// The mail's id.
    pub message_id: Option<&'x [u8]>,
    /// What it answers.
    pub in_reply_to: Option<&'x [u8]>,
    /// The thread above it.
    pub references: Option<&'x [u8]>,
    /// Addresses that a bounce without a report names.
    pub failed_recipients: Option<&'x [u8]>,
    /// The charset of the mail's text, which its raw eight-bit fields are in as well.
    pub charset: Option<String>,
    /// What says that a machine wrote it, in order.
    pub machine: Vec<Sign<'x>>,
}

/// A field that may say that a machine wrote the mail.
pub enum Sign<'x> {
    /// Auto-Submitted (RFC 3834).
    AutoSubmitted(&'x [u8]),
    /// Precedence.
    Precedence(&'x [u8]),
    /// X-Auto-Response-Suppress.
    Suppress(&'x [u8]),
    /// X-Autoreply and its like, which say it by being there.
    AutoReply,
    /// Any of the List fields (RFC 2369, RFC 2919).
    List,
    /// X-Loop.
    Loop,
    /// A field of the operator's own rules: its name.
    Own(String),
}

impl<'x> Fields<'x> {
    /// Collect them.
    pub fn of(mail: &Mail<'x>, rules: &[HeaderRule]) -> Self {
        let mut fields = Self { charset: mail.charset().map(str::to_owned), ..Self::default() };
        for header in mail.headers() {
            let value = mail.value(header);
            let first = |slot: &mut Option<&'x [u8]>| {
                if slot.is_none_or(|present| present.trim_ascii().is_empty()) {
                    *slot = Some(value);
                }
            };
            match &header.name {
                HeaderName::From => first(&mut fields.from),
                HeaderName::Sender => first(&mut fields.sender),
                HeaderName::ReplyTo => first(&mut fields.reply_to),
                HeaderName::To | HeaderName::Cc => {
                    fields.addressed.push(value);
                    fields.recipients.push(value);
                }
                HeaderName::DeliveredTo => fields.recipients.push(value),
                HeaderName::Subject => first(&mut fields.subject),
                HeaderName::Date => first(&mut fields.date),
                HeaderName::MessageId => first(&mut fields.message_id),
                HeaderName::InReplyTo => first(&mut fields.in_reply_to),
                HeaderName::References => first(&mut fields.references),
                HeaderName::AutoSubmitted => fields.machine.push(Sign::AutoSubmitted(value)),
                HeaderName::ListId | HeaderName::ListUnsubscribe | HeaderName::ListPost | HeaderName::ListHelp => {
                    fields.machine.push(Sign::List);
                }
                HeaderName::Other(name) => fields.other(name, value),
                _ => {}
            }
            if !rules.is_empty() {
                let name = header.name.as_str();
                fields.machine.extend(
                    rules
                        .iter()
                        .filter(|rule| rule.name.eq_ignore_ascii_case(name) && agrees(rule, value))
                        .map(|_| Sign::Own(name.to_ascii_lowercase())),
                );
            }
        }
        fields
    }

    /// The subject as it came; empty where there is none.
    pub fn raw_subject(&self) -> String {
        self.subject.and_then(|raw| header::text(raw, self.charset.as_deref())).unwrap_or_default()
    }

    /// The names and addresses of one of these fields.
    pub fn mailboxes(&self, raw: Option<&[u8]>) -> Vec<(Option<String>, String)> {
        raw.map(|raw| header::addresses(raw, self.charset.as_deref())).unwrap_or_default()
    }

    fn other(&mut self, name: &str, value: &'x [u8]) {
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        match name.len() {
            6 if is("X-Loop") => self.machine.push(Sign::Loop),
            10 if is("Precedence") => self.machine.push(Sign::Precedence(value)),
            11 if is("X-Autoreply") => self.machine.push(Sign::AutoReply),
            11 if is("Envelope-To") => self.recipients.push(value),
            13 if is("X-Autorespond") || is("X-AutoReply-To") => self.machine.push(Sign::AutoReply),
            13 if is("X-Original-To") => self.recipients.push(value),
            15 if is("X-Autoresponder") => self.machine.push(Sign::AutoReply),
            17 if is("X-Auto-Reply-From") => self.machine.push(Sign::AutoReply),
            19 if is("X-Failed-Recipients") => self.failed_recipients = Some(value),
            24 if is("X-Auto-Response-Suppress") => self.machine.push(Sign::Suppress(value)),
            _ => {}
        }
    }
}

fn agrees(rule: &HeaderRule, value: &[u8]) -> bool {
    rule.contains
        .as_ref()
        .is_none_or(|wanted| String::from_utf8_lossy(value).to_lowercase().contains(&wanted.to_lowercase()))
}
