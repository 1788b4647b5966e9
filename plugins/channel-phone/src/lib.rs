//! Phone as a channel: calls come in as transcripts, answers go out as SMS.
//!
//! A call is one block of a conversation, told as one message by the customer: its text has a line for each turn
//! (`00:03 Customer: …`), its attachments are the file as it came and [`transcript.json`](#transcriptjson), its attributes
//! say the rest: `call-id`, `call-start`, `call-end`, `call-seconds`, `call-direction` (`inbound`, `outbound`),
//! `call-disposition` (`no-answer`, `busy`, `voicemail`, …), `speakers`, `language`, `sentiment`, `transcript-format`.
//!
//! What comes in:
//!
//! - documents, by hand, by folder or posted to `/vcon` or `/document`: vCon, WebVTT, SRT, Amazon Connect Contact Lens,
//!   Whisper, Deepgram and lists of what each speaker said. Their content decides which they are ([`document`]);
//! - Twilio's callbacks below `/twilio`: `transcription` (real time), `intelligence`, `recording` (voicemail), `sms`,
//!   `status` ([`twilio`]).
//!
//! Ids: a vCon's `uuid`, Twilio's `CallSid`, `TranscriptionSid` or `MessageSid`, Amazon's `ContactId`; a document without
//! one is known by the first half of its SHA-256. `from` is the customer's number in E.164 (`verified` only where STIR/SHAKEN
//! attests it in full), and the address of a vCon's `mailto`; of a withheld number it is `call/ID`, so that no two callers
//! without a number are one person. `thread_key` is the number.
//!
//! # transcript.json
//!
//! ```json
//! {
//!   "version": 1,
//!   "call": { "id": "…", "format": "vcon", "start": "2026-11-29T10:15:00Z", "length-ms": 33120,
//!             "direction": "inbound", "disposition": null, "language": "en" },
//!   "turns": [ { "who": "customer", "name": "Alice", "start-ms": 3000, "end-ms": 5200, "text": "…" } ],
//!   "alternatives": [ { "kind": "transcript-redacted", "turns": [ … ] } ]
//! }
//! ```
//!
//! `who` is `customer`, `agent`, `bot` or `unknown`; times count from the start of the call, `null` where the source has
//! none; a turn has `sentiment` where it was measured; `alternatives` is absent where there are none.
pub mod call;
pub mod charset;
pub mod config;
pub mod document;
mod json;
mod lens;
pub mod people;
mod sample;
pub mod shapes;
pub mod signature;
pub mod srt;
mod time;
pub mod twilio;
pub mod vcon;
pub mod vtt;

use tributary_sdk::types::{Delivery, SendError};
use tributary_sdk::web::{Request, Response};
use tributary_sdk::{
    Arrival, Batch, Channel, Outgoing, Plugin, Poller, PrepareError, Reading, Rejection, Sample, Sampler,
};

use config::Config;
use document::Hints;
use twilio::Fields;

/// The adapter.
pub struct Phone {
    config: Config,
    reader: document::Reader,
}

tributary_sdk::export!(Phone: channel + poller + sampler);

impl Plugin for Phone {
    type Config = Config;

    fn prepare(mut config: Config) -> Result<Self, PrepareError> {
        check(&config)?;
        for words in [
            &mut config.agent_speakers,
            &mut config.customer_speakers,
            &mut config.bot_speakers,
            &mut config.stop_words,
            &mut config.help_words,
        ] {
            words.iter_mut().for_each(|word| *word = word.to_lowercase());
        }
        let keys = config.vcon_keys.iter().map(|pem| vcon::jose::key(pem)).collect::<Result<_, _>>()?;
        Ok(Self { reader: document::Reader::new(keys), config })
    }
}

/// What the schema cannot say.
fn check(config: &Config) -> Result<(), PrepareError> {
    let fault = |key: &str, expected: &str| Err(PrepareError::value(key, expected));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_url = |url: &str| url.starts_with("https://") || url.starts_with("http://");
    for (key, url) in
        [("api", &config.api), ("intelligence-api", &config.intelligence_api), ("media-api", &config.media_api)]
    {
        if !is_url(url) {
            return fault(key, "expected a URL such as https://api.twilio.com");
        }
    }
    if config.public_url.as_deref().is_some_and(|url| !is_url(url) || url.contains(['?', '#'])) {
        return fault("public-url", "expected a URL such as https://desk.shop.example/hooks/phone");
    }
    if !config.default_country.strip_prefix('+').is_some_and(|code| (1..=3).contains(&code.len()) && digits(code)) {
        return fault("default-country", "expected a country code such as +86");
    }
    if !digits(&config.international_prefix) || !digits(&config.trunk_prefix) {
        return fault("international-prefix", "expected digits, as for `trunk-prefix`");
    }
    let e164 = |number: &String| number.strip_prefix('+').is_some_and(|rest| !rest.is_empty() && digits(rest));
    if !config.own_numbers.iter().all(e164) || !config.sms_from.iter().all(e164) {
        return fault("own-numbers", "expected numbers such as +12065550100, as for `sms-from`");
    }
    for (key, sid) in [("account-sid", &config.account_sid), ("messaging-service-sid", &config.messaging_service_sid)] {
        if sid.as_deref().is_some_and(|sid| !twilio::is_sid(sid)) {
            return fault(key, "expected an id of Twilio's, two letters and 32 digits");
        }
    }
    if config.account_sid.is_none() && (config.sms_from.is_some() || config.messaging_service_sid.is_some()) {
        return fault("account-sid", "expected where SMS are to be sent");
    }
    if !["inbound_track", "outbound_track"].contains(&config.customer_track.as_str()) {
        return fault("customer-track", "expected inbound_track or outbound_track");
    }
    if config.call_silence_seconds < 60 || config.late_seconds < config.call_silence_seconds {
        return fault("call-silence-seconds", "expected at least 60, and at most `late-seconds`");
    }
    for (key, number) in [
        ("poll-seconds", config.poll_seconds),
        ("fetch-attempts", config.fetch_attempts),
        ("sms-max-characters", config.sms_max_characters),
        ("sms-max-parts", config.sms_max_parts),
    ] {
        if number == 0 {
            return fault(key, "expected at least 1");
        }
    }
    if config.max_text_bytes < 1024 {
        return fault("max-text-bytes", "expected at least 1024");
    }
    Ok(())
}

impl Phone {
    fn http(&self, request: Request) -> Result<Reading, Rejection> {
        let config = &self.config;
        let (path, query) = request.url.split_once('?').unwrap_or((&request.url, ""));
        let path = path.trim_end_matches('/');
        let refused = |status| Ok(Reading { answer: Some(Response::status(status)), ..twilio::quiet(false) });
        if !["/vcon", "/document"].contains(&path) && !path.starts_with("/twilio/") {
            return refused(404);
        }
        if request.method != "POST" {
            return refused(405);
        }
        if !path.starts_with("/twilio/") {
            signature::document(&request, config.timestamp_tolerance_seconds)?;
            let hints = Hints::of_query(query)?;
            return self.reader.read("", request.body, hints, config);
        }
        let form = signature::twilio(&request, config.public_url.as_deref())?;
        let fields = Fields::new(form, query);
        match path {
            "/twilio/transcription" => twilio::live::receive(&fields, config),
            "/twilio/intelligence" => twilio::fetch::bell(&request.body),
            "/twilio/recording" => twilio::voicemail::receive(&fields, config),
            "/twilio/sms" => twilio::sms::receive(&fields, config),
            "/twilio/status" => twilio::status::receive(&fields, config),
            _ => refused(404),
        }
    }
}

impl Channel for Phone {
    fn receive(&self, arrival: Arrival) -> Result<Reading, Rejection> {
        match arrival {
            Arrival::Http(request) => self.http(request),
            Arrival::Document(document) => {
                let hints = Hints::of_name(&document.name);
                self.reader.read(&document.name, document.data, hints, &self.config)
            }
            Arrival::Mail(_) => Err(Rejection::Malformed("a call, not a mail, was expected".into())),
        }
    }

    fn send(&self, message: Outgoing) -> Result<Delivery, SendError> {
        twilio::send::send(&message, &self.config)
    }
}

impl Poller for Phone {
    fn poll(&self, _: Option<String>) -> Result<Batch, SendError> {
        twilio::fetch::poll(&self.config)
    }
}

impl Sampler for Phone {
    fn samples(&self, text: &str) -> Result<Vec<Sample>, String> {
        sample::samples(text, &self.config)
    }
}
