//! What the tests share: an account, its secrets, and calls as the platform makes them.
use channel_wechat::WeChat;
use serde_json::{Value, json};
use tributary_sdk::testing::{self, FakeHost};
use tributary_sdk::types::{
    Attachment, Attribute, Author, ChannelEvent, Content, DeliveryState, Handle, HandleKind, SendError,
};
use tributary_sdk::web::{Request, Response};
use tributary_sdk::{Arrival, Channel, Outgoing, Reading, Rejection};
use tributary_wechat::cipher::Cipher;
use tributary_wechat::door::query;
use tributary_wechat::sign::signature;

pub const APP: &str = "wx0123456789abcdef";
pub const OPENID: &str = "oLVPpjqs9BhvzwPj5A-vTYAX3GLc";
pub const TOKEN: &str = "a_token";
pub const AES_KEY: &str = "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR";
/// 2026-10-01.
pub const NOW: u64 = 1_790_812_800_000;

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

/// Twice, as an arrival may be handed in again after a crash.
pub fn receive(host: &FakeHost, account: &WeChat, request: &Request) -> Result<Reading, Rejection> {
    let once = || testing::with(host, || account.receive(Arrival::Http(request.clone())));
    let reading = once();
    assert_eq!(reading, once(), "the same arrival gives the same events");
    reading
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

pub fn outgoing(id: &str, content: Content) -> Outgoing {
    Outgoing {
        id: id.into(),
        at: NOW,
        conversation: "7".into(),
        tag: "T7".into(),
        reply_token: "k3j5h2k3j4h5kj2h3k4j5h2k34".into(),
        author: Author::Agent,
        to: vec![
            Handle::claimed(HandleKind::Email, "a@b.example"),
            Handle::verified(HandleKind::WechatOpenid, format!("wxother/{OPENID}")),
            Handle::verified(HandleKind::WechatOpenid, format!("{APP}/{OPENID}")),
        ],
        subject: None,
        content,
        in_reply_to: None,
        references: Vec::new(),
        attributes: Vec::new(),
    }
}

/// A file that the host holds, and its attachment.
pub fn file(host: FakeHost, name: &str, media_type: &str, data: &[u8]) -> (FakeHost, Attachment) {
    let blob = FakeHost::blob_id(data);
    let (name, media_type, size) = (name.into(), media_type.into(), data.len() as u64);
    (host.blob(data), Attachment { blob, name, media_type, size, content_id: None })
}

pub fn answer(body: &Value) -> Response {
    Response::body(200, "application/json; encoding=utf-8", body.to_string())
}

/// A host that answers these in order, the access token first.
pub fn answering(host: FakeHost, answers: &[Value]) -> FakeHost {
    let host = host.http_answer(Ok(answer(&json!({ "access_token": "T1", "expires_in": 7200 }))));
    answers.iter().fold(host, |host, body| host.http_answer(Ok(answer(body))))
}

pub fn send(host: &FakeHost, account: &WeChat, message: &Outgoing) -> Result<(), SendError> {
    testing::with(host, || account.send(message.clone())).map(|delivery| {
        assert_eq!((delivery.state, delivery.outgoing_id), (DeliveryState::Accepted, Some(message.id.clone())));
    })
}

/// The JSON of what was sent by the customer-message API, in order.
pub fn bodies(host: &FakeHost) -> Vec<Value> {
    let sent = host.requests().into_iter().filter(|request| request.url.contains("/message/custom/"));
    sent.map(|request| serde_json::from_slice(&request.body).unwrap()).collect()
}

fn handle(handle: &Handle) -> String {
    let kind = match handle.kind {
        HandleKind::WechatOpenid => "wechat-openid",
        HandleKind::WechatUnionid => "wechat-unionid",
        other => panic!("{other:?}"),
    };
    format!("{kind}:{}{}", handle.value, if handle.verified { " verified" } else { "" })
}

fn attributes(list: &[Attribute]) -> Value {
    list.iter()
        .map(|attribute| (attribute.name.clone(), json!(attribute.value)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// An event in the words of the fixtures.
pub fn told(event: &ChannelEvent) -> Value {
    match event {
        ChannelEvent::Message(message) => json!({
            "event": "message", "external-id": message.external_id, "sent-at": message.sent_at,
            "from": message.from.iter().map(handle).collect::<Vec<_>>(), "text": message.content.text,
            "thread-key": message.thread.thread_key, "reply-token": message.thread.reply_token,
            "automatic": message.automatic, "attributes": attributes(&message.attributes),
        }),
        ChannelEvent::Profile(profile) => json!({
            "event": "profile", "handles": profile.handles.iter().map(handle).collect::<Vec<_>>(),
            "display-name": profile.display_name, "attributes": attributes(&profile.attributes),
        }),
        ChannelEvent::Supplement(supplement) => json!({
            "event": "supplement", "external-id": supplement.external_id, "text": supplement.text,
            "files": supplement.attachments.iter().map(|file| json!([file.name, file.media_type, file.size])).collect::<Vec<_>>(),
            "attributes": attributes(&supplement.attributes),
        }),
        other => panic!("{other:?}"),
    }
}
