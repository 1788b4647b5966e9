//! A customer's mail that nobody wrote, for trying the channel.
use mail_parser::DateTime;

use crate::address::Mailbox;
use crate::compose::{Message, Part};

/// Who it is from. Nobody has this domain (RFC 2606).
pub const ADDRESS: &str = "sample@sample.invalid";

/// The mail with this text. Another one each millisecond.
pub fn mail(text: &str, own: &Mailbox, now: u64) -> Vec<u8> {
    let mut mail = Message::new(format!("{now}"));
    mail.mailbox_field("From", Some("Sample"), ADDRESS);
    mail.mailbox_field("To", own.name.as_deref(), &own.address());
    mail.text_field("Subject", "Sample");
    mail.field("Date", &DateTime::from_timestamp(i64::try_from(now / 1000).unwrap_or_default()).to_rfc822());
    mail.field("Message-ID", &format!("<{now}.{ADDRESS}>"));
    mail.finish(&Part::Text("plain", text))
}
