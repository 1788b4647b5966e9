//! WeCom customer service (微信客服) as a channel.
//!
//! The platform's call is a bell: it carries no message, only a token with which the messages are to be fetched. `receive`
//! verifies and decrypts it, keeps the token in `state`, and asks to be polled. `poll` pulls with `kf/sync_msg`; its cursor
//! is one cursor for each customer service account, and is kept by the host together with what was pulled, so that nothing
//! is read twice or left out. Files and customers' names are fetched by `poll` as well.
//!
//! People are `wecom/EXTERNAL_USERID`, and their UnionID where the platform tells it. A dialogue is
//! `OPEN_KFID/EXTERNAL_USERID`. Messages are sent under an id that is made of the host's own, so that the platform itself
//! refuses to send one twice, and so that a failure it reports later finds its message.
//!
//! Sources: developer.work.weixin.qq.com/document/path/94670 (messages and events), 94677 (sending), 95159 (customers).
mod bell;
mod event;
mod message;
mod person;
mod pull;
mod send;

pub mod config;

use tributary_sdk::types::{Delivery, Handle, HandleKind, SendError};
use tributary_sdk::{
    Arrival, Batch, Channel, Outgoing, Plugin, Poller, PrepareError, Reading, Rejection, Sample, Sampler, host,
};
use tributary_wechat::api::{Api, Failure};
use tributary_wechat::code::Platform;
use tributary_wechat::fetch::{self, Round, Rules};
use tributary_wechat::window::Window;

use crate::config::Config;

/// The secret that bells are signed with (Token).
pub(crate) const TOKEN: &str = "wecom-token";
/// The secret that bells are encrypted with (EncodingAESKey).
pub(crate) const AES_KEY: &str = "wecom-aes-key";
/// The secret that access tokens are fetched with (Secret of 微信客服).
pub(crate) const SECRET: &str = "wecom-secret";

/// The adapter.
pub struct CustomerService {
    config: Config,
    api: Api,
    files: Rules,
    window: Window,
}

tributary_sdk::export!(CustomerService: channel + poller + sampler);

impl Plugin for CustomerService {
    type Config = Config;

    fn prepare(config: Config) -> Result<Self, PrepareError> {
        let plain = |sign: u8| sign.is_ascii_alphanumeric() || sign == b'_' || sign == b'-';
        if config.corp_id.is_empty() || config.corp_id.len() > 64 || !config.corp_id.bytes().all(plain) {
            return Err(PrepareError::value("corp-id", "expected a company's id such as `ww0123456789abcdef`"));
        }
        if !config.api.starts_with("https://") && !config.api.starts_with("http://") {
            return Err(PrepareError::value("api", "expected a URL such as `https://qyapi.weixin.qq.com`"));
        }
        if config.accounts.iter().any(|account| account.trim().is_empty()) {
            return Err(PrepareError::value("accounts", "expected ids of customer service accounts (open_kfid)"));
        }
        if !(1..=1000).contains(&config.pull_limit) {
            return Err(PrepareError::value("pull-limit", "expected 1 to 1000"));
        }
        for (key, value, least) in [
            ("max-text-bytes", config.max_text_bytes, 64),
            ("max-body-bytes", config.max_body_bytes, 1024),
            ("media-at-once", config.media_at_once, 1),
            ("media-tries", config.media_tries, 1),
            ("pull-rounds", config.pull_rounds, 1),
            ("poll-seconds", config.poll_seconds, 1),
        ] {
            if value < least {
                return Err(PrepareError::value(key, format!("expected at least {least}")));
            }
        }
        Ok(Self {
            api: Api {
                platform: Platform::Service,
                base: config.api.clone(),
                id: config.corp_id.clone(),
                secret: SECRET,
                stable: false,
                margin: config.token_margin_seconds,
            },
            files: Rules { at_once: config.media_at_once, tries: config.media_tries, pictures: None, films: None },
            window: Window { name: "window", seconds: config.window_seconds, answers: config.window_answers },
            config,
        })
    }
}

/// A customer, whom the platform's own answer proves.
pub(crate) fn customer(id: &str) -> Handle {
    Handle::verified(HandleKind::Other, format!("wecom/{id}"))
}

impl Channel for CustomerService {
    fn receive(&self, arrival: Arrival) -> Result<Reading, Rejection> {
        match arrival {
            Arrival::Http(request) => self.ring(&request),
            Arrival::Mail(_) | Arrival::Document(_) => {
                Err(Rejection::Malformed("customer service takes the platform's calls, no mails and no files".into()))
            }
        }
    }

    fn send(&self, message: Outgoing) -> Result<Delivery, SendError> {
        self.deliver(&message)
    }
}

impl Poller for CustomerService {
    fn poll(&self, cursor: Option<String>) -> Result<Batch, SendError> {
        let error = |failure: Failure| failure.error(Platform::Service);
        let mut round = Round::default();
        let (cursor, pulled) = self.pull(cursor.as_deref(), &mut round).map_err(error)?;
        // Where messages came, they are stored first: what else fails now is done by the next poll.
        let others = fetch::run(&self.api, &self.files, host::clock::now()).and_then(|files| {
            round.events.extend(files.events);
            files.again_in.into_iter().for_each(|seconds| round.within(seconds));
            self.ask_about_people(&mut round)
        });
        match others {
            Err(failure) if !pulled && round.events.is_empty() => return Err(error(failure)),
            Err(_) => round.within(60),
            Ok(()) => {}
        }
        let again_in = round.again_in.unwrap_or(self.config.poll_seconds).min(self.config.poll_seconds);
        Ok(Batch { events: round.events, cursor: Some(cursor), again_in })
    }
}

impl Sampler for CustomerService {
    /// A bell without a token: it shows that signature, encryption and company id fit, and makes the desk ask the platform.
    /// No text, because no bell carries one.
    fn samples(&self, _: &str) -> Result<Vec<Sample>, String> {
        self.sample().map(|request| vec![Sample::Http(request)])
    }
}
