//! What the tests share: an account, its secrets, and calls as the platform makes them.
use channel_wechat::WeChat;
use serde_json::{Value, json};
use tributary_sdk::testing::{self, FakeHost};
use tributary_sdk::types::{Attachment, Attribute, Content, DeliveryState, Handle, HandleKind, SendError};
use tributary_sdk::web::Request;
use tributary_sdk::{Arrival, Channel, Outgoing, Reading, Rejection};
use tributary_wechat::cipher::Cipher;
use tributary_wechat::door::query;
use tributary_wechat::sign::signature;

pub use tributary_sdk::testing::told;
pub use tributary_wechat::testing::{AES_KEY, NOW, TOKEN, answer, answering};

pub const APP: &str = "wx0123456789abcdef";
pub const OPENID: &str = "oLVPpjqs9BhvzwPj5A-vTYAX3GLc";
pub fn host() -> FakeHost {
    let host = FakeHost::new().now(NOW).secret("wechat-token", TOKEN).secret("wechat-aes-key", AES_KEY);
    host.secret("wechat-app-secret", "s3cret")
}

/// An account with further keys of the configuration.
pub fn account(more: &Value) -> WeChat {
    let mut config = json!({ "app-id": APP });
    config.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    testing::prepare(config).unwrap()
}

/// The query of a call that is signed now.
pub fn signed(at: u64) -> Vec<(&'static str, String)> {
    let (timestamp, nonce) = ((at / 1000).to_string(), "1375870235".to_owned());
    let signed = signature(&[TOKEN, &timestamp, &nonce]);
    vec![("signature", signed), ("timestamp", timestamp), ("nonce", nonce), ("openid", OPENID.into())]
}

pub fn post(pairs: &[(&str, String)], body: &[u8]) -> Request {
    let pairs: Vec<(&str, &str)> = pairs.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let headers = vec![Attribute::new("content-type", "text/xml")];
    Request { method: "POST".into(), url: format!("/?{}", query(&pairs)), headers, body: body.to_vec() }
}

/// A call in plain mode.
pub fn plain(body: &[u8]) -> Request {
    post(&signed(NOW), body)
}

/// A call in the encrypted mode; `clear` are the fields that the compatible mode leaves in clear.
pub fn encrypted(message: &[u8], app: &str, clear: &str) -> Request {
    let sealed = Cipher::new(AES_KEY).unwrap().seal(message, app, [7; 16]);
    let mut pairs = signed(NOW);
    let proof = signature(&[TOKEN, &pairs[1].1, &pairs[2].1, &sealed]);
    pairs.extend([("encrypt_type", "aes".into()), ("msg_signature", proof)]);
    let body =
        format!("<xml><ToUserName><![CDATA[gh_1]]></ToUserName>{clear}<Encrypt><![CDATA[{sealed}]]></Encrypt></xml>");
    post(&pairs, body.as_bytes())
}

pub fn receive(host: &FakeHost, account: &WeChat, request: &Request) -> Result<Reading, Rejection> {
    testing::receive(host, account, &Arrival::Http(request.clone()))
}

/// A text message of the customer at this second.
pub fn text(id: u64, seconds: u64, content: &str) -> Vec<u8> {
    format!(
        "<xml><ToUserName><![CDATA[gh_1]]></ToUserName><FromUserName><![CDATA[{OPENID}]]></FromUserName>\
         <CreateTime>{seconds}</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[{content}]]></Content>\
         <MsgId>{id}</MsgId></xml>"
    )
    .into_bytes()
}

/// A file that the host holds, and its attachment.
pub fn file(host: FakeHost, name: &str, media_type: &str, data: &[u8]) -> (FakeHost, Attachment) {
    let blob = FakeHost::blob_id(data);
    let (name, media_type, size) = (name.into(), media_type.into(), data.len() as u64);
    (host.blob(data), Attachment { blob, name, media_type, size, content_id: None })
}

pub fn outgoing(id: &str, content: Content) -> Outgoing {
    let to = vec![
        Handle::claimed(HandleKind::Email, "a@b.example"),
        Handle::verified(HandleKind::WechatOpenid, format!("wxother/{OPENID}")),
        Handle::verified(HandleKind::WechatOpenid, format!("{APP}/{OPENID}")),
    ];
    Outgoing { id: id.into(), at: NOW, ..testing::outgoing(to, content) }
}

pub fn send(host: &FakeHost, account: &WeChat, message: &Outgoing) -> Result<(), SendError> {
    testing::with(host, || account.send(message.clone())).map(|delivery| {
        assert_eq!((delivery.state, delivery.outgoing_id), (DeliveryState::Accepted, Some(message.id.clone())));
    })
}

/// The JSON of what was sent by the customer-message API, in order.
pub fn bodies(host: &FakeHost) -> Vec<Value> {
    tributary_wechat::testing::bodies(host, "/message/custom/")
}
