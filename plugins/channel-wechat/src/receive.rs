//! One call of the platform: verified, decrypted, read, answered.
use tributary_sdk::types::ChannelEvent;
use tributary_sdk::web::{Request, Response};
use tributary_sdk::{Reading, Rejection, host};
use tributary_wechat::cipher::Cipher;
use tributary_wechat::door::{self, Query};
use tributary_wechat::xml::{Fields, cdata};

use crate::config::Mode;
use crate::{AES_KEY, TOKEN, WeChat};

/// The answer that keeps the platform from sending a message again.
const SUCCESS: &str = "success";

/// What a call holds.
struct Call {
    fields: Fields,
    /// It came encrypted, and so does its answer.
    cipher: Option<Cipher>,
}

/// What a call told.
#[derive(Default)]
pub(crate) struct Told {
    pub events: Vec<ChannelEvent>,
    /// Something is noted for `poll`.
    pub noted: bool,
    /// Somebody began to follow the account.
    pub subscribed: bool,
}

impl WeChat {
    /// Reads a call.
    pub(crate) fn read(&self, request: &Request) -> Result<Reading, Rejection> {
        let query = Query::of(&request.url);
        let token = door::secret(TOKEN)?;
        if request.method != "POST" {
            return self.verification(request, &query, &token);
        }
        if request.body.len() > self.config.max_body_bytes as usize {
            query.signed(&token)?;
            let limit = self.config.max_body_bytes;
            return Err(Rejection::Malformed(format!("the body is larger than {limit} bytes (`max-body-bytes`)")));
        }
        let call = self.open(request, &query, &token)?;
        let openid = call.fields.id("FromUserName");
        let openid = openid.ok_or_else(|| Rejection::Malformed("the message has no FromUserName".into()))?.to_owned();
        let told = self.told(&call.fields, &openid, &query)?;
        let answer = match self.config.greeting.as_str() {
            greeting if told.subscribed && !greeting.is_empty() => {
                self.greeting(greeting, &call, &openid, &query, &token)?
            }
            _ => Response::body(200, "text/plain; charset=utf-8", SUCCESS),
        };
        Ok(Reading { events: told.events, answer: Some(answer), poll_now: told.noted })
    }

    /// The platform asks once whether the shop knows the token.
    fn verification(&self, request: &Request, query: &Query, token: &str) -> Result<Reading, Rejection> {
        query.signed(token)?;
        query.fresh(host::clock::now(), self.config.max_age_plain, "max-age-plain")?;
        let echo = query.get("echostr");
        if request.method != "GET" || echo.is_empty() {
            return Err(Rejection::Malformed("expected POST with a message, or GET with `echostr`".into()));
        }
        let answer = Response::body(200, "text/plain; charset=utf-8", echo);
        Ok(Reading { events: Vec::new(), answer: Some(answer), poll_now: false })
    }

    /// The fields of a message, once its signature has proven them.
    fn open(&self, request: &Request, query: &Query, token: &str) -> Result<Call, Rejection> {
        let mode = self.config.mode;
        let encrypted = query.get("encrypt_type") == "aes" || !query.get("msg_signature").is_empty();
        let malformed = |error: tributary_wechat::xml::XmlError| Rejection::Malformed(error.to_string());
        let now = host::clock::now();
        if !encrypted || mode == Mode::Plain {
            query.signed(token)?;
            query.fresh(now, self.config.max_age_plain, "max-age-plain")?;
            return match (encrypted, mode) {
                (true, _) => Err(Rejection::Malformed("the message is encrypted, and `mode` is plain".into())),
                (false, Mode::Encrypted) => {
                    Err(Rejection::Malformed("the message is not encrypted, and `mode` is encrypted".into()))
                }
                (false, _) => Ok(Call { fields: Fields::read(&request.body).map_err(malformed)?, cipher: None }),
            };
        }
        // Nobody without the token parks anything: what cannot be read has to be signed as plain calls are.
        let outer = match Fields::read(&request.body) {
            Ok(outer) => outer,
            Err(error) => return query.signed(token).and(Err(malformed(error))),
        };
        let Some(sealed) = outer.word("Encrypt") else {
            query.signed(token)?;
            return Err(Rejection::Malformed("the message has no Encrypt".into()));
        };
        query.sealed(token, sealed)?;
        query.fresh(now, self.config.max_age_encrypted, "max-age-encrypted")?;
        let cipher = door::cipher(AES_KEY)?;
        let clear = door::open(&cipher, sealed, &self.config.app_id)?;
        Ok(Call { fields: Fields::read(&clear).map_err(malformed)?, cipher: Some(cipher) })
    }

    /// The passive reply to a new follower, which counts for no quota; encrypted where the call was.
    fn greeting(
        &self,
        text: &str,
        call: &Call,
        openid: &str,
        query: &Query,
        token: &str,
    ) -> Result<Response, Rejection> {
        let (timestamp, nonce) = (query.get("timestamp"), query.get("nonce"));
        let seconds = host::clock::now() / 1000;
        let reply = format!(
            "<xml><ToUserName>{}</ToUserName><FromUserName>{}</FromUserName><CreateTime>{seconds}</CreateTime>\
             <MsgType><![CDATA[text]]></MsgType><Content>{}</Content></xml>",
            cdata(openid),
            cdata(call.fields.word("ToUserName").unwrap_or_default()),
            cdata(text)
        );
        let body = match &call.cipher {
            None => reply,
            Some(cipher) => {
                let random = random(&format!("{timestamp}\n{nonce}\n{reply}"))?;
                let sealed = cipher.seal(reply.as_bytes(), &self.config.app_id, random);
                door::envelope(&sealed, token, &seconds.to_string(), nonce)
            }
        };
        Ok(Response::body(200, "text/xml; charset=utf-8", body))
    }
}

/// Sixteen bytes that nobody without the token can guess, another for each text: a plugin has no random numbers, and the
/// same arrival has to give the same answer.
pub(crate) fn random(text: &str) -> Result<[u8; 16], Rejection> {
    let digest = host::secrets::hmac_sha256(TOKEN, text.as_bytes())
        .map_err(|error| Rejection::Malformed(door::missing(&error)))?;
    digest
        .get(..16)
        .and_then(|head| head.try_into().ok())
        .ok_or_else(|| Rejection::Malformed("the host's HMAC is too short".into()))
}
