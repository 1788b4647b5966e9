//! WeChat official accounts (公众号) as a channel.
//!
//! `receive` verifies a call, decrypts it, and answers `success` at once, as the platform gives five seconds. Every message
//! becomes one of ours with the field names of its XML as attributes (`wechat-…`); an event becomes a message where it asks
//! the shop for something, what is known of the person where it says something about one, and nothing otherwise. What needs
//! the network afterwards, files and UnionIDs, is noted in `state` and done by `poll`.
//!
//! External ids are the platform's `MsgId`; an event, which has none, is known by `event/OPENID:SECONDS:EVENT:KEY`. People
//! are `APPID/OPENID`. `send` cuts long texts, keeps what is sent already, and asks the platform only where the reply window
//! is open as far as `state` knows.
//!
//! Sources: developers.weixin.qq.com, "接收普通消息", "接收事件推送", "客服消息", "获取 Access token".
mod event;
mod message;
mod person;
mod receive;
mod sample;
mod send;

pub mod config;

use tributary_sdk::types::{Delivery, Handle, HandleKind, SendError};
use tributary_sdk::{
    Arrival, Batch, Channel, Outgoing, Plugin, Poller, PrepareError, Presence, Reading, Rejection, Sample, Sampler,
    Sign, host,
};
use tributary_wechat::api::Api;
use tributary_wechat::code::Platform;
use tributary_wechat::fetch::{self, Rules};
use tributary_wechat::window::Window;

use crate::config::Config;

/// The secret that calls are signed with (Token).
pub(crate) const TOKEN: &str = "wechat-token";
/// The secret that messages are encrypted with (EncodingAESKey).
pub(crate) const AES_KEY: &str = "wechat-aes-key";
/// The secret that access tokens are fetched with (AppSecret).
pub(crate) const APP_SECRET: &str = "wechat-app-secret";

/// The adapter.
pub struct WeChat {
    config: Config,
    api: Api,
    files: Rules,
    /// Opened by what the customer writes.
    window: Window,
    /// Opened by a click, a scan or a subscription.
    moment: Window,
}

tributary_sdk::export!(WeChat: channel + poller + presence + sampler);

impl Plugin for WeChat {
    type Config = Config;

    fn prepare(config: Config) -> Result<Self, PrepareError> {
        let plain = |sign: u8| sign.is_ascii_alphanumeric() || sign == b'_' || sign == b'-';
        if config.app_id.is_empty() || config.app_id.len() > 64 || !config.app_id.bytes().all(plain) {
            return Err(PrepareError::value("app-id", "expected an AppID such as `wx0123456789abcdef`"));
        }
        for (key, url) in [("api", &config.api), ("pictures", &config.pictures), ("films", &config.films)] {
            if !url.starts_with("https://") && !url.starts_with("http://") {
                return Err(PrepareError::value(key, "expected a URL such as `https://api.weixin.qq.com`"));
            }
        }
        for (key, value, least) in [
            ("max-text-bytes", config.max_text_bytes, 64),
            ("max-body-bytes", config.max_body_bytes, 1024),
            ("media-at-once", config.media_at_once, 1),
            ("media-tries", config.media_tries, 1),
            ("poll-seconds", config.poll_seconds, 1),
        ] {
            if value < least {
                return Err(PrepareError::value(key, format!("expected at least {least}")));
            }
        }
        Ok(Self {
            api: Api {
                platform: Platform::Official,
                base: config.api.clone(),
                id: config.app_id.clone(),
                secret: APP_SECRET,
                stable: config.stable_token,
                margin: config.token_margin_seconds,
            },
            files: Rules {
                at_once: config.media_at_once,
                tries: config.media_tries,
                pictures: Some(config.pictures.clone()),
                films: Some(config.films.clone()),
            },
            window: Window { name: "window", seconds: config.window_seconds, answers: config.window_answers },
            moment: Window {
                name: "moment",
                seconds: config.event_window_seconds,
                answers: config.event_window_answers,
            },
            config,
        })
    }
}

impl WeChat {
    /// A person, whom the signed call proves.
    pub(crate) fn person(&self, openid: &str) -> Handle {
        Handle::verified(HandleKind::WechatOpenid, format!("{}/{openid}", self.config.app_id))
    }

    /// The OpenID among a person's names, where it is one of this account.
    pub(crate) fn openid(&self, names: &[Handle]) -> Result<String, SendError> {
        let own = |name: &Handle| {
            let id = name.value.strip_prefix(self.config.app_id.as_str())?.strip_prefix('/')?;
            (name.kind == HandleKind::WechatOpenid && !id.is_empty()).then(|| id.to_owned())
        };
        names.iter().find_map(own).ok_or_else(|| SendError::permanent("the customer has no OpenID of this account"))
    }
}

impl Channel for WeChat {
    fn receive(&self, arrival: Arrival) -> Result<Reading, Rejection> {
        match arrival {
            Arrival::Http(request) => self.read(&request),
            Arrival::Mail(_) | Arrival::Document(_) => Err(Rejection::Malformed(
                "an official account takes the platform's calls, no mails and no files".into(),
            )),
        }
    }

    fn send(&self, message: Outgoing) -> Result<Delivery, SendError> {
        self.deliver(&message)
    }
}

impl Poller for WeChat {
    fn poll(&self, cursor: Option<String>) -> Result<Batch, SendError> {
        let error = |failure: tributary_wechat::api::Failure| failure.error(Platform::Official);
        let mut round = fetch::run(&self.api, &self.files, host::clock::now()).map_err(error)?;
        self.ask_about_people(&mut round).map_err(error)?;
        let again_in = round.again_in.unwrap_or(self.config.poll_seconds).min(self.config.poll_seconds);
        Ok(Batch { events: round.events, cursor, again_in })
    }
}

impl Presence for WeChat {
    fn show(&self, to: Vec<Handle>, sign: Sign) -> Result<(), SendError> {
        match sign {
            Sign::Typing => self.typing(&self.openid(&to)?),
            // The platform has no sign for it.
            Sign::Read(_) => Ok(()),
        }
    }
}

impl Sampler for WeChat {
    fn samples(&self, text: &str) -> Result<Vec<Sample>, String> {
        self.sample(text).map(|request| vec![Sample::Http(request)])
    }
}
