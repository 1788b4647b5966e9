//! Email as a channel: reads mails as they are in the wild, and answers them in their thread.
//!
//! `receive` takes one mail with its envelope. Whatever has at least one header field is a message: a wrong charset, a
//! broken structure or a missing Message-ID cost nothing but beauty. Mails of machines are kept and marked `automatic` with
//! the reason as attribute `automatic-reason`; a report about a mail of ours gives a delivery event as well.
//!
//! Ids (`external-id`, `in-reply-to`, `references`) are Message-IDs without their angle brackets. `from` is the address of
//! From; where answers shall go elsewhere, the attribute `reply-to` says so, and `send` goes there where the host hands the
//! attribute back with the outgoing message.
//!
//! `send` builds one RFC 5322 message: the same bytes for the same outgoing message, so that an attempt after a crash is
//! the same mail and not a second one.
mod address;
mod automatic;
pub mod charset;
mod compose;
pub mod config;
mod fields;
pub mod header;
pub mod html;
pub mod mime;
pub mod quote;
mod receive;
mod report;
mod send;
mod thread;
mod transfer;

use tributary_sdk::types::{Delivery, SendError};
use tributary_sdk::{Arrival, Channel, Outgoing, Plugin, PrepareError, Reading, Rejection};

/// The adapter.
pub struct Email {
    reader: receive::Reader,
    sender: send::Sender,
}

tributary_sdk::export!(Email: channel);

impl Plugin for Email {
    type Config = config::Config;

    fn prepare(config: config::Config) -> Result<Self, PrepareError> {
        let own = address::Mailbox::read(&config.from, config.id_domain.as_deref())
            .ok_or_else(|| PrepareError::value("from", "expected a mailbox such as `Shop <support@shop.example>`"))?;
        if config.max_text_bytes < 1024 {
            return Err(PrepareError::value("max-text-bytes", "expected at least 1024"));
        }
        if config.automatic_headers.iter().any(|rule| rule.name.trim().is_empty()) {
            return Err(PrepareError::value("automatic-headers", "expected a name in every rule"));
        }
        Ok(Self { sender: send::Sender::new(own.clone()), reader: receive::Reader::new(config, own) })
    }
}

impl Channel for Email {
    fn receive(&self, arrival: Arrival) -> Result<Reading, Rejection> {
        match arrival {
            Arrival::Mail(envelope) => self.reader.read(&envelope),
            // A mail somebody saved: no envelope came with it.
            Arrival::Document(document) => {
                let (mail_from, rcpt_to) = (receive::NO_RETURN_PATH.into(), Vec::new());
                self.reader.read(&tributary_sdk::Envelope { mail_from, rcpt_to, data: document.data })
            }
            Arrival::Http(_) => Err(Rejection::Ignored("email takes mails, not calls".into())),
        }
    }

    fn send(&self, message: Outgoing) -> Result<Delivery, SendError> {
        self.sender.send(&message)
    }
}
