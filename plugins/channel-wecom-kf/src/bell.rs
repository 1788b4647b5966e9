//! The platform's calls: the verification of the URL, and bells.
//!
//! State: `bell/OPEN_KFID` is the token of the last bell, which is good for ten minutes; `account/OPEN_KFID` says that there
//! is such an account.
use tributary_sdk::host::{self, state};
use tributary_sdk::types::Attribute;
use tributary_sdk::web::{Request, Response};
use tributary_sdk::{Reading, Rejection};
use tributary_wechat::door::{self, Query};
use tributary_wechat::sign::signature;
use tributary_wechat::xml::{Fields, XmlError, cdata};
use tributary_wechat::{StoreError, key};

use crate::{AES_KEY, CustomerService, TOKEN};

/// Seconds for which a bell's token is good.
const TOKEN_SECONDS: u32 = 600;

impl CustomerService {
    /// One call.
    pub(crate) fn ring(&self, request: &Request) -> Result<Reading, Rejection> {
        let query = Query::of(&request.url);
        let token = door::secret(TOKEN)?;
        if request.method != "POST" {
            let echo = query.get("echostr");
            let clear = self.open(&query, &token, echo)?;
            let answer = Response::body(200, "text/plain; charset=utf-8", clear);
            return Ok(Reading { events: Vec::new(), answer: Some(answer), poll_now: false });
        }
        // The signature covers the encrypted text alone: what has none cannot prove that it is the platform's.
        let unproven = |what: String| Rejection::Unauthenticated(format!("{what}, so nothing proves the call"));
        if request.body.len() > self.config.max_body_bytes as usize {
            let limit = self.config.max_body_bytes;
            return Err(unproven(format!("the body is larger than {limit} bytes (`max-body-bytes`)")));
        }
        let outer = Fields::read(&request.body).map_err(|error| unproven(error.to_string()))?;
        let sealed = outer.word("Encrypt").ok_or_else(|| unproven("the body has no Encrypt".into()))?;
        let clear = self.open(&query, &token, sealed)?;
        let bell = Fields::read(&clear).map_err(|error: XmlError| Rejection::Malformed(error.to_string()))?;
        let event = bell.word("Event").unwrap_or_default();
        let poll_now = event == "kf_msg_or_event";
        if poll_now {
            self.heard(&bell)?;
        }
        // Other events of the app (`kf_account_auth_change` …) tell nothing of a customer.
        let answer = Response::body(200, "text/plain; charset=utf-8", "success");
        Ok(Reading { events: Vec::new(), answer: Some(answer), poll_now })
    }

    /// What a proven, encrypted text holds.
    fn open(&self, query: &Query, token: &str, sealed: &str) -> Result<Vec<u8>, Rejection> {
        query.sealed(token, sealed)?;
        query.fresh(host::clock::now(), self.config.max_age, "max-age")?;
        door::open(&door::cipher(AES_KEY)?, sealed, &self.config.corp_id)
    }

    /// Keeps what a bell says.
    fn heard(&self, bell: &Fields) -> Result<(), StoreError> {
        let Some(account) = bell.word("OpenKfId") else { return Ok(()) };
        state::set(&key("account", account), account.as_bytes(), None)?;
        if let Some(token) = bell.word("Token") {
            let age = (host::clock::now() / 1000).saturating_sub(bell.number("CreateTime").unwrap_or_default());
            let left = TOKEN_SECONDS.saturating_sub(u32::try_from(age).unwrap_or(u32::MAX));
            if left > 0 {
                state::set(&key("bell", account), token.as_bytes(), Some(left))?;
            }
        }
        Ok(())
    }

    /// A bell as the platform would ring it, without a token.
    pub(crate) fn sample(&self) -> Result<Request, String> {
        self.build().map_err(|rejection| match rejection {
            Rejection::Unauthenticated(words) | Rejection::Malformed(words) | Rejection::Ignored(words) => words,
        })
    }

    fn build(&self) -> Result<Request, Rejection> {
        let token = door::secret(TOKEN)?;
        let now = host::clock::now();
        let (timestamp, nonce) = ((now / 1000).to_string(), (now % 1_000_000_007).to_string());
        let account = self.config.accounts.first().map(|account| format!("<OpenKfId>{}</OpenKfId>", cdata(account)));
        let clear = format!(
            "<xml><ToUserName>{}</ToUserName><CreateTime>{timestamp}</CreateTime><MsgType><![CDATA[event]]></MsgType>\
             <Event><![CDATA[kf_msg_or_event]]></Event>{}</xml>",
            cdata(&self.config.corp_id),
            account.unwrap_or_default()
        );
        let digest = host::secrets::hmac_sha256(TOKEN, clear.as_bytes())
            .map_err(|error| Rejection::Malformed(door::missing(&error)))?;
        let random = digest.get(..16).and_then(|head| head.try_into().ok()).unwrap_or_default();
        let sealed = door::cipher(AES_KEY)?.seal(clear.as_bytes(), &self.config.corp_id, random);
        let proof = signature(&[&token, &timestamp, &nonce, &sealed]);
        let query = door::query(&[("msg_signature", &proof), ("timestamp", &timestamp), ("nonce", &nonce)]);
        let body = format!(
            "<xml><ToUserName>{}</ToUserName><Encrypt>{}</Encrypt><AgentID></AgentID></xml>",
            cdata(&self.config.corp_id),
            cdata(&sealed)
        );
        Ok(Request {
            method: "POST".into(),
            url: format!("/?{query}"),
            headers: vec![Attribute::new("content-type", "text/xml")],
            body: body.into_bytes(),
        })
    }
}
