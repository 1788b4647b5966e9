//! Email as a channel: reads mails as they are in the wild, and answers them in their thread.
//!
//! `receive` takes one mail with its envelope. Whatever has at least one header field is a message: a wrong charset, a
//! broken structure or a missing Message-ID cost nothing but beauty. Mails of machines are kept and marked `automatic` with
//! the reason as attribute `automatic-reason`; a report about a mail of ours gives a delivery event as well.
//!
//! A mail comes by SMTP, or by a provider's inbound-parse webhook (`hook`); it is read in the same way. `From` is verified
//! where the operator's own mail server says so (`authentication`); a buyer whom a marketplace relays is known by that
//! marketplace's id as well (`marketplace`).
//!
//! Ids (`external-id`, `in-reply-to`, `references`) are Message-IDs without their angle brackets. `from` is the address of
//! From; where answers shall go elsewhere, the attribute `reply-to` says so, and `send` goes there where the host hands the
//! attribute back with the outgoing message.
//!
//! `send` builds one RFC 5322 message: the same bytes for the same outgoing message, so that an attempt after a crash is
//! the same mail and not a second one.
mod address;
pub mod authentication;
mod automatic;
pub mod charset;
mod compose;
pub mod config;
mod fields;
mod form;
pub mod header;
mod hook;
pub mod html;
mod marketplace;
pub mod mime;
pub mod quote;
mod rebuild;
mod receive;
mod report;
mod sample;
mod send;
mod thread;
mod transfer;

use tributary_sdk::types::{Delivery, SendError};
use tributary_sdk::{Arrival, Channel, Outgoing, Plugin, PrepareError, Reading, Rejection, Sample, Sampler};

/// The adapter.
pub struct Email {
    reader: receive::Reader,
    sender: send::Sender,
    hooks: hook::Hooks,
    own: address::Mailbox,
}

tributary_sdk::export!(Email: channel + sampler);

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
        if let Some((key, problem)) = config.marketplaces.iter().find_map(marketplace::problem) {
            return Err(PrepareError::value(format!("marketplaces.{key}"), problem));
        }
        Ok(Self {
            sender: send::Sender::new(own.clone()),
            hooks: hook::Hooks::new(&config, own.clone()),
            reader: receive::Reader::new(config, own.clone()),
            own,
        })
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
            Arrival::Http(request) => self.hooks.read(request, &self.reader),
        }
    }

    fn send(&self, message: Outgoing) -> Result<Delivery, SendError> {
        self.sender.send(&message)
    }
}

impl Sampler for Email {
    fn samples(&self, text: &str) -> Result<Vec<Sample>, String> {
        let now = tributary_sdk::host::clock::now();
        let mail = sample::mail(text, &self.own, now);
        match self.hooks.sample(&mail, now) {
            Some(call) => Ok(vec![call?]),
            None => Ok(vec![Sample::Mail((sample::ADDRESS.into(), mail))]),
        }
    }
}
