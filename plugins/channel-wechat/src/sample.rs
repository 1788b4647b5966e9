//! What the platform would send: one text, signed and, unless the mode is plain, encrypted.
use tributary_sdk::types::Attribute;
use tributary_sdk::web::Request;
use tributary_sdk::{Rejection, host};
use tributary_wechat::door;
use tributary_wechat::sign::signature;
use tributary_wechat::xml::cdata;

use crate::config::Mode;
use crate::receive::random;
use crate::{AES_KEY, TOKEN, WeChat};

/// An OpenID that nobody has, of the length that all have.
const NOBODY: &str = "tributary_channel_test_00000";
/// The account's own id.
const ACCOUNT: &str = "gh_tributary";

impl WeChat {
    /// A call with this text. The error says which secret is missing.
    pub(crate) fn sample(&self, text: &str) -> Result<Request, String> {
        self.build(text).map_err(|rejection| match rejection {
            Rejection::Unauthenticated(words) | Rejection::Malformed(words) | Rejection::Ignored(words) => words,
        })
    }

    fn build(&self, text: &str) -> Result<Request, Rejection> {
        let token = door::secret(TOKEN)?;
        let now = host::clock::now();
        let (timestamp, nonce) = ((now / 1000).to_string(), (now % 1_000_000_007).to_string());
        let mut body = format!(
            "<xml><ToUserName>{}</ToUserName><FromUserName>{}</FromUserName><CreateTime>{timestamp}</CreateTime>\
             <MsgType><![CDATA[text]]></MsgType><Content>{}</Content><MsgId>{now}</MsgId></xml>",
            cdata(ACCOUNT),
            cdata(NOBODY),
            cdata(text)
        );
        let signed = signature(&[&token, &timestamp, &nonce]);
        let mut pairs =
            vec![("signature", signed.as_str()), ("timestamp", &timestamp), ("nonce", &nonce), ("openid", NOBODY)];
        let proof;
        if self.config.mode != Mode::Plain {
            let sealed = door::cipher(AES_KEY)?.seal(body.as_bytes(), &self.config.app_id, random(&body)?);
            proof = signature(&[&token, &timestamp, &nonce, &sealed]);
            pairs.extend([("encrypt_type", "aes"), ("msg_signature", proof.as_str())]);
            let encrypt = cdata(&sealed);
            body = format!("<xml><ToUserName>{}</ToUserName><Encrypt>{encrypt}</Encrypt></xml>", cdata(ACCOUNT));
        }
        Ok(Request {
            method: "POST".into(),
            url: format!("/?{}", door::query(&pairs)),
            headers: vec![Attribute::new("content-type", "text/xml")],
            body: body.into_bytes(),
        })
    }
}
