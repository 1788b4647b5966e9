//! One outgoing message, as the mail that leaves.
use mail_parser::DateTime;
use tributary_sdk::Outgoing;
use tributary_sdk::host::{self, blobs::BlobError, mail::MailError};
use tributary_sdk::types::{Author, Delivery, DeliveryState, HandleKind, SendError};

use crate::address::{self, Mailbox};
use crate::compose::{self, Message, Part};

/// References beyond so many are left out from the middle: the first keeps the thread, the newest place the mail in it.
const REFERENCES: usize = 20;

/// Sends mails.
pub struct Sender {
    own: Mailbox,
}

impl Sender {
    /// A sender for the shop's mailbox.
    pub fn new(own: Mailbox) -> Self {
        Self { own }
    }

    /// Build the mail and hand it to the relay.
    ///
    /// # Errors
    /// [`SendError::Permanent`] without a recipient a mail can go to, for a file the host no longer has, and for what the
    /// relay refuses for good; [`SendError::Temporary`] for everything that may work later.
    pub fn send(&self, message: &Outgoing) -> Result<Delivery, SendError> {
        let recipient = recipient(message).ok_or_else(|| SendError::permanent("no address that mail could go to"))?;
        let files = files(message)?;
        let id = self.own.message_id(&message.id, &message.reply_token);
        let data = self.build(message, &recipient, &id, &files);
        // A person's mail may come back, and then it comes back into its conversation. A machine's never does.
        let mail_from = if by_machine(message) { String::new() } else { self.own.with_token(&message.reply_token) };
        let reply = host::mail::submit(&mail_from, &[recipient], &data).map_err(|error| match error {
            MailError::Temporary(words) => SendError::temporary(words),
            MailError::Permanent(words) => SendError::permanent(words),
        })?;
        Ok(Delivery {
            outgoing_id: Some(message.id.clone()),
            external_id: Some(id),
            state: DeliveryState::Accepted,
            detail: Some(reply),
        })
    }

    /// The mail. The same bytes for the same message.
    fn build(&self, message: &Outgoing, recipient: &str, id: &str, files: &[Vec<u8>]) -> Vec<u8> {
        let boundary = id.split('@').next().unwrap_or_default().rsplit('.').next().unwrap_or_default();
        let mut mail = Message::new(boundary.to_owned());
        mail.mailbox_field("From", self.own.name.as_deref(), &self.own.address());
        mail.mailbox_field("Reply-To", self.own.name.as_deref(), &self.own.with_token(&message.reply_token));
        mail.mailbox_field("To", None, recipient);
        mail.text_field("Subject", &subject(message));
        let seconds = i64::try_from(message.at / 1000).unwrap_or_default();
        mail.field("Date", &DateTime::from_timestamp(seconds).to_rfc822());
        mail.field("Message-ID", &format!("<{id}>"));
        let parent = message.in_reply_to.as_deref().map(bare).filter(|parent| !parent.is_empty());
        if let Some(parent) = &parent {
            mail.field("In-Reply-To", &format!("<{parent}>"));
        }
        let references = references(message);
        if !references.is_empty() {
            mail.field("References", &references);
        }
        if by_machine(message) {
            // RFC 3834 section 5; the second is what Exchange looks at.
            let submitted = if parent.is_some() { "auto-replied" } else { "auto-generated" };
            mail.field("Auto-Submitted", submitted);
            mail.field("X-Auto-Response-Suppress", "All");
        }
        let content = &message.content;
        let text = match content.quoted.as_deref().filter(|quoted| !quoted.trim().is_empty()) {
            Some(quoted) => format!("{}\n\n{quoted}", content.text),
            None => content.text.clone(),
        };
        let html = content.html.as_deref();
        let files = content.attachments.iter().zip(files).map(|(file, data)| {
            let shown = |id: &&str| html.is_some_and(|html| html.contains(&format!("cid:{id}")));
            let content_id = file.content_id.as_deref().filter(shown);
            Part::File { media_type: &file.media_type, name: &file.name, content_id, data }
        });
        mail.finish(&compose::tree(Some(&text), html, files.collect()))
    }
}

/// A machine wrote it: it is marked, and nothing comes back for it.
fn by_machine(message: &Outgoing) -> bool {
    matches!(message.author, Author::Bot | Author::System)
}

/// The address the mail goes to: what the customer's mail asked for, else the best address known.
fn recipient(message: &Outgoing) -> Option<String> {
    let asked = message.attributes.iter().filter(|attribute| attribute.name == "reply-to");
    let known = message.to.iter().filter(|handle| handle.kind == HandleKind::Email);
    asked
        .map(|attribute| attribute.value.as_str())
        .chain(known.map(|handle| handle.value.as_str()))
        .find_map(address::normal)
}

/// The bytes of every attachment, in order.
fn files(message: &Outgoing) -> Result<Vec<Vec<u8>>, SendError> {
    let get = |blob: &str| {
        host::blobs::get(blob).map_err(|error| match error {
            BlobError::Unavailable(words) => SendError::temporary(words),
            BlobError::TooLarge(limit) => SendError::permanent(format!("an attachment is larger than {limit} bytes")),
            BlobError::Unknown(_) => SendError::permanent("an attachment is not there any more"),
        })
    };
    message.content.attachments.iter().map(|file| get(&file.blob)).collect()
}

/// `Re: subject [#T1042]`; without `Re:` where nothing is answered, the tag alone where there is no subject.
fn subject(message: &Outgoing) -> String {
    let tag: String = message.tag.chars().filter(char::is_ascii_alphanumeric).collect();
    let tag = if tag.is_empty() { String::new() } else { format!("[#{tag}]") };
    let (subject, _) = crate::thread::subject(message.subject.as_deref().unwrap_or_default());
    let Some(subject) = subject else { return tag };
    let answers = message.in_reply_to.is_some() || !message.references.is_empty();
    let prefix = if answers { "Re: " } else { "" };
    format!("{prefix}{subject} {tag}").trim_end().to_owned()
}

/// An id without brackets and without anything that could end a field.
fn bare(id: &str) -> String {
    id.chars().filter(|c| !c.is_whitespace() && !c.is_control() && !matches!(c, '<' | '>')).take(512).collect()
}

/// The thread above, oldest first, the answered message last.
fn references(message: &Outgoing) -> String {
    let parent = message.in_reply_to.as_deref().map(bare);
    let mut ids: Vec<String> = message.references.iter().map(|id| bare(id)).collect();
    ids.retain(|id| Some(id) != parent.as_ref());
    ids.extend(parent);
    ids.retain(|id| !id.is_empty());
    if ids.len() > REFERENCES {
        ids.drain(1..ids.len() - REFERENCES + 1);
    }
    let mut out = String::new();
    for id in ids {
        out.push_str(&format!("<{id}> "));
    }
    out
}
