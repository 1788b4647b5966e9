//! One mail in, its message out: what the host stores of it.
use mail_parser::MessageParser;
use tributary_sdk::host::{self, blobs::BlobError};
use tributary_sdk::types::{
    Attachment, Attribute, Author, ChannelEvent, Content, Handle, HandleKind, Inbound, ThreadHints, Timestamp,
};
use tributary_sdk::{Envelope, Reading, Rejection};

use crate::address::{self, Mailbox};
use crate::authentication::proves;
use crate::automatic::{self, Facts};
use crate::config::Config;
use crate::fields::Fields;
use crate::marketplace::Relayed;
use crate::mime::{File, Mail};
use crate::{header, quote, report, thread};

/// Return path of a mail that came without an envelope. The empty one would say that a machine sent it.
pub const NO_RETURN_PATH: &str = "unknown";
/// 1990: no mail is older, whatever its Date says.
const OLDEST: i64 = 631_152_000_000;
/// A Date may be ahead of the host's clock by a day: senders forget their time zone.
const AHEAD: i64 = 24 * 3600 * 1000;

/// Reads mails.
pub struct Reader {
    parser: MessageParser,
    config: Config,
    own: Mailbox,
}

impl Reader {
    /// A reader for the shop's mailbox.
    pub fn new(config: Config, own: Mailbox) -> Self {
        Self { parser: crate::mime::parser(), config, own }
    }

    /// The message a mail is, and what it reports about messages that went out.
    ///
    /// # Errors
    /// [`Rejection::Malformed`] for bytes without a single header field, and where the host cannot keep a file now: the
    /// mail is parked whole, and nothing of it is lost.
    pub fn read(&self, envelope: &Envelope) -> Result<Reading, Rejection> {
        let mail = Mail::parse(&self.parser, &envelope.data)
            .ok_or_else(|| Rejection::Malformed("not a mail: no header field".into()))?;
        let fields = Fields::of(&mail, &self.config.automatic_headers);
        let mut attributes = vec![Attribute::new("message-size", envelope.data.len().to_string())];

        let (display_name, author) = author(&fields);
        let raw_subject = fields.raw_subject();
        let message_id = fields.message_id.map(header::ids).unwrap_or_default().into_iter().next();
        let report = report::kind(&mail, &mail.media_type());
        let facts = Facts {
            mail_from: &envelope.mail_from,
            author: author.as_deref(),
            subject: &raw_subject,
            message_id: message_id.as_deref(),
            report,
        };
        let reason = automatic::reason(&facts, &fields, &self.own);
        let delivery = match report {
            Some(kind) => report::delivery(&mail, &fields, kind, &self.own.id_domain),
            None if fields.failed_recipients.is_some() || automatic::is_mailer(author.as_deref()) => {
                report::plain_bounce(&mail, &fields, &self.own.id_domain)
            }
            None => None,
        };
        let automatic = reason.is_some();
        attributes.extend(reason.map(|reason| Attribute::new("automatic-reason", reason)));
        self.more_attributes(&mail, &fields, author.as_deref(), &mut attributes);

        let relayed = author.as_deref().and_then(|author| Relayed::find(&self.config.marketplaces, author));
        let order_id = relayed.as_ref().and_then(|relayed| relayed.order_id(&mail, &raw_subject));
        let (subject, tag) = thread::subject(&raw_subject);
        let content = self.content(&mail, relayed.as_ref(), &mut attributes)?;
        attributes.extend(relayed.as_ref().map(|relayed| Attribute::new("marketplace", relayed.marketplace())));
        let server = self.config.authentication_server.as_deref();
        let proven = server.zip(author.as_deref()).is_some_and(|(server, author)| proves(&mail, server, author));
        let mut from = handles(author, &envelope.mail_from, proven);
        from.extend(relayed.map(|relayed| relayed.buyer(proven)));
        let external_id = message_id.unwrap_or_else(|| thread::synthetic_id(&mail, &fields));
        let references = fields.references.map(thread::references).unwrap_or_default();
        let in_reply_to = fields.in_reply_to.map(header::ids).unwrap_or_default().into_iter().next();
        let message = Inbound {
            external_id: Some(external_id),
            sent_at: sent_at(fields.date),
            author: Author::Customer,
            from,
            display_name,
            subject,
            content,
            thread: ThreadHints {
                reply_token: self.reply_token(envelope, &fields),
                tag,
                in_reply_to,
                references,
                thread_key: None,
                order_id,
            },
            automatic,
            attributes,
        };
        let mut events = vec![ChannelEvent::Message(message)];
        events.extend(delivery.map(ChannelEvent::Delivery));
        Ok(Reading { events, answer: None, poll_now: false })
    }

    /// Text, history, HTML and files.
    fn content(
        &self,
        mail: &Mail<'_>,
        relayed: Option<&Relayed<'_>>,
        attributes: &mut Vec<Attribute>,
    ) -> Result<Content, Rejection> {
        let whole = mail.readable_text();
        let whole = without_nul(&whole);
        let limit = self.config.max_text_bytes as usize;
        let text = cut(&whole, limit);
        if text.len() < whole.len() {
            attributes.push(Attribute::new("text-cut", whole.len().to_string()));
        }
        let (text, around) = relayed.and_then(|relayed| relayed.message(text)).unwrap_or((text, String::new()));
        let mut split = quote::split(text, &self.config.quote_markers);
        if !around.is_empty() {
            // Nothing is thrown away: what the relay wrote around the message stands with its history.
            split.quoted = Some(split.quoted.map_or(around.clone(), |quoted| format!("{quoted}\n\n{around}")));
        }

        let mut attachments = Vec::with_capacity(mail.file_count());
        let mut html = mail.html().map(|html| without_nul(&html).into_owned());
        if let Some(large) = html.take_if(|html| html.len() > self.config.max_html_bytes as usize) {
            keep("message.html", "text/html", None, large.as_bytes(), &mut attachments, attributes)?;
        }
        let limit = self.config.max_attachments as usize;
        for (index, file) in mail.files().take(limit).enumerate() {
            let name = name(&file, index);
            let id = file.content_id.filter(|id| !id.is_empty());
            keep(&name, &file.media_type, id, &file.data, &mut attachments, attributes)?;
        }
        if mail.cut || mail.file_count() > limit {
            attributes.push(Attribute::new("structure-cut", mail.file_count().to_string()));
            keep("mail.eml", "message/rfc822", None, mail.raw(), &mut attachments, attributes)?;
        }
        Ok(Content { text: split.text, quoted: split.quoted, html, attachments })
    }

    fn more_attributes(&self, mail: &Mail<'_>, fields: &Fields<'_>, author: Option<&str>, into: &mut Vec<Attribute>) {
        // From says who wrote; Reply-To says where an answer has to go. `send` goes there where the host hands it back.
        for (_, address) in fields.mailboxes(fields.reply_to).iter().take(3) {
            if let Some(address) = address::normal(address).filter(|address| Some(address.as_str()) != author) {
                into.push(Attribute::new("reply-to", address));
            }
        }
        if mail.file_count() > 0
            && let Some(method) = mail.calendar_method()
        {
            into.push(Attribute::new("calendar-method", header::one_line(method).to_ascii_uppercase()));
        }
    }

    /// The token in the address the mail was sent to: that of the envelope before those the mail shows, and of these only
    /// addresses of the shop, because other systems write tokens into addresses as well.
    fn reply_token(&self, envelope: &Envelope, fields: &Fields<'_>) -> Option<String> {
        let of_envelope = envelope.rcpt_to.iter().find_map(|address| thread::reply_token(address));
        of_envelope.or_else(|| {
            let shown = fields.recipients.iter().filter(|raw| raw.contains(&b'+')).take(8);
            shown.flat_map(|raw| fields.mailboxes(Some(raw))).find_map(|(_, address)| {
                let (_, domain) = address.rsplit_once('@')?;
                let ours = domain.eq_ignore_ascii_case(&self.own.domain)
                    || envelope
                        .rcpt_to
                        .iter()
                        .any(|own| own.rsplit_once('@').is_some_and(|(_, own)| own.eq_ignore_ascii_case(domain)));
                thread::reply_token(&address).filter(|_| ours)
            })
        })
    }
}

/// The author's name and address: of From, or of Sender where From has none.
fn author(fields: &Fields<'_>) -> (Option<String>, Option<String>) {
    let mut shown = None;
    for raw in [fields.from, fields.sender] {
        for (name, address) in fields.mailboxes(raw) {
            let address = address::normal(&address);
            shown = shown.or(name);
            if address.is_some() {
                return (shown, address);
            }
        }
    }
    (shown, None)
}

/// How the author is known. Never empty. `proven`: there is an author, and it is true.
fn handles(author: Option<String>, mail_from: &str, proven: bool) -> Vec<Handle> {
    match author.or_else(|| address::normal(mail_from)) {
        Some(address) => vec![Handle { kind: HandleKind::Email, value: address, verified: proven }],
        None => vec![Handle::claimed(HandleKind::Other, "unknown")],
    }
}

/// What Date says; the host's clock where it says nothing or nonsense.
fn sent_at(date: Option<&[u8]>) -> Timestamp {
    let stated = date.and_then(header::date).filter(|date| *date >= OLDEST);
    let now = i64::try_from(host::clock::now()).unwrap_or(i64::MAX);
    let believed = stated.filter(|date| now == 0 || *date <= now.saturating_add(AHEAD)).unwrap_or(now);
    u64::try_from(believed).unwrap_or(0)
}

/// A name to show: what the mail says, without path and control characters, or one that fits the type.
fn name(file: &File<'_>, index: usize) -> String {
    let said = file.name.as_deref().map(|name| name.rsplit(['/', '\\']).next().unwrap_or(name).trim());
    if let Some(name) = said.filter(|name| !name.is_empty() && !name.chars().all(|c| c == '.')) {
        return cut(name, 200).to_owned();
    }
    match file.media_type.as_str() {
        "message/rfc822" | "message/global" => "message.eml".into(),
        "text/calendar" => "invite.ics".into(),
        "message/delivery-status" => "delivery-status.txt".into(),
        "text/rfc822-headers" => "headers.txt".into(),
        "application/ms-tnef" => "winmail.dat".into(),
        other => {
            let subtype = other.rsplit('/').next().unwrap_or_default();
            let extension = match subtype {
                "plain" => "txt",
                "jpeg" => "jpg",
                "octet-stream" => "bin",
                subtype if subtype.len() <= 5 && subtype.bytes().all(|byte| byte.is_ascii_alphanumeric()) => subtype,
                _ => "bin",
            };
            format!("part-{}.{extension}", index + 1)
        }
    }
}

/// Hands a file to the host. One that is too large is named and left out; the host has it in the raw mail.
fn keep(
    name: &str,
    media_type: &str,
    content_id: Option<String>,
    data: &[u8],
    into: &mut Vec<Attachment>,
    attributes: &mut Vec<Attribute>,
) -> Result<(), Rejection> {
    match host::blobs::put(name, media_type, data) {
        Ok(kept) => into.push(Attachment { content_id, ..kept }),
        Err(BlobError::TooLarge(_)) => attributes.push(Attribute::new("attachment-too-large", name)),
        Err(BlobError::Unknown(_) | BlobError::Unavailable(_)) => {
            return Err(Rejection::Malformed("a file of this mail could not be kept".into()));
        }
    }
    Ok(())
}

/// Databases and terminals stumble over NUL; no text needs one.
fn without_nul(text: &str) -> std::borrow::Cow<'_, str> {
    if memchr::memchr(0, text.as_bytes()).is_some() { text.replace('\0', "").into() } else { text.into() }
}

/// At most so many bytes, whole characters.
fn cut(text: &str, limit: usize) -> &str {
    let mut end = text.len().min(limit);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
