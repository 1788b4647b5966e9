//! What the tests share: a company, its secrets, and the platform's calls and answers.
use channel_wecom_kf::CustomerService;
use serde_json::{Value, json};
use tributary_sdk::testing::{self, FakeHost};
use tributary_sdk::types::{Attribute, Author, ChannelEvent, Content, DeliveryState, Handle, HandleKind, SendError};
use tributary_sdk::web::{Request, Response};
use tributary_sdk::{Arrival, Channel, Outgoing, Poller, Reading, Rejection};
use tributary_wechat::cipher::Cipher;
use tributary_wechat::door::query;
use tributary_wechat::sign::signature;

pub const CORP: &str = "ww0123456789abcdef";
pub const ACCOUNT: &str = "wkAJ2GCAAAZSfhHCt7IFSvLKtMPxyJTw";
pub const PERSON: &str = "wmAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
pub const TOKEN: &str = "a_token";
pub const AES_KEY: &str = "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR";
/// 2026-10-01.
pub const NOW: u64 = 1_790_812_800_000;

pub fn host() -> FakeHost {
    let host = FakeHost::new().now(NOW).secret("wecom-token", TOKEN).secret("wecom-aes-key", AES_KEY);
    host.secret("wecom-secret", "s3cret")
}

/// A company with further keys of the configuration.
pub fn company(more: &Value) -> CustomerService {
    let mut config = json!({ "corp-id": CORP, "accounts": [ACCOUNT], "profiles": false });
    config.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    testing::prepare(config).unwrap()
}

/// A call with this text inside, for this company.
pub fn call(clear: &str, corp: &str) -> Request {
    let sealed = Cipher::new(AES_KEY).unwrap().seal(clear.as_bytes(), corp, [7; 16]);
    let timestamp = (NOW / 1000).to_string();
    let proof = signature(&[TOKEN, &timestamp, "1375870235", &sealed]);
    let pairs = [("msg_signature", proof.as_str()), ("timestamp", &timestamp), ("nonce", "1375870235")];
    let body =
        format!("<xml><ToUserName>{corp}</ToUserName><Encrypt><![CDATA[{sealed}]]></Encrypt><AgentID></AgentID></xml>");
    let url = format!("/?{}", query(&pairs));
    Request { method: "POST".into(), url, headers: Vec::new(), body: body.into_bytes() }
}

/// A bell with a token.
pub fn bell(token: &str) -> Request {
    let clear = format!(
        "<xml><ToUserName><![CDATA[{CORP}]]></ToUserName><CreateTime>{}</CreateTime><MsgType><![CDATA[event]]></MsgType>\
         <Event><![CDATA[kf_msg_or_event]]></Event><Token><![CDATA[{token}]]></Token>\
         <OpenKfId><![CDATA[{ACCOUNT}]]></OpenKfId></xml>",
        NOW / 1000
    );
    call(&clear, CORP)
}

/// Twice, as an arrival may be handed in again after a crash.
pub fn receive(host: &FakeHost, company: &CustomerService, request: &Request) -> Result<Reading, Rejection> {
    let once = || testing::with(host, || company.receive(Arrival::Http(request.clone())));
    let reading = once();
    assert_eq!(reading, once(), "the same arrival gives the same events");
    reading
}

pub fn answer(body: &Value) -> Response {
    Response::body(200, "application/json; charset=UTF-8", body.to_string())
}

/// A host that answers these in order, the access token first.
pub fn answering(host: FakeHost, answers: &[Value]) -> FakeHost {
    let token = json!({ "errcode": 0, "errmsg": "ok", "access_token": "T1", "expires_in": 7200 });
    more(host.http_answer(Ok(answer(&token))), answers)
}

pub fn more(host: FakeHost, answers: &[Value]) -> FakeHost {
    answers.iter().fold(host, |host, body| host.http_answer(Ok(answer(body))))
}

/// An answer of `sync_msg`.
pub fn page(items: &[Value], next: &str, has_more: u8) -> Value {
    json!({ "errcode": 0, "errmsg": "ok", "next_cursor": next, "has_more": has_more, "msg_list": items })
}

/// A text of the customer at this second.
pub fn item(id: &str, seconds: u64, content: &str) -> Value {
    json!({
        "msgid": id, "open_kfid": ACCOUNT, "external_userid": PERSON, "send_time": seconds, "origin": 3,
        "msgtype": "text", "text": { "content": content },
    })
}

/// One poll: its events, its cursor, and when to ask again.
pub fn poll(
    host: &FakeHost,
    company: &CustomerService,
    cursor: Option<&str>,
) -> Result<(Vec<Value>, String, u32), SendError> {
    let batch = testing::with(host, || company.poll(cursor.map(str::to_owned)))?;
    Ok((batch.events.iter().map(told).collect(), batch.cursor.unwrap(), batch.again_in))
}

/// The JSON of the calls of one path, in order.
pub fn bodies(host: &FakeHost, path: &str) -> Vec<Value> {
    let sent = host.requests().into_iter().filter(|request| request.url.contains(path));
    sent.map(|request| serde_json::from_slice(&request.body).unwrap()).collect()
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
            Handle::verified(HandleKind::Other, "telegram/42"),
            Handle::verified(HandleKind::Other, format!("wecom/{PERSON}")),
        ],
        subject: None,
        content,
        in_reply_to: None,
        references: Vec::new(),
        attributes: Vec::new(),
    }
}

/// The external id of what was sent.
pub fn send(host: &FakeHost, company: &CustomerService, message: &Outgoing) -> Result<Option<String>, SendError> {
    let delivery = testing::with(host, || company.send(message.clone()))?;
    assert_eq!((delivery.state, delivery.outgoing_id), (DeliveryState::Accepted, Some(message.id.clone())));
    Ok(delivery.external_id)
}

fn handle(handle: &Handle) -> String {
    let kind = match handle.kind {
        HandleKind::Other => "other",
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
fn told(event: &ChannelEvent) -> Value {
    match event {
        ChannelEvent::Message(message) => json!({
            "event": "message", "external-id": message.external_id, "sent-at": message.sent_at,
            "from": message.from.iter().map(handle).collect::<Vec<_>>(), "text": message.content.text,
            "author": if message.author == Author::Agent { "agent" } else { "customer" },
            "thread-key": message.thread.thread_key, "reply-token": message.thread.reply_token,
            "order-id": message.thread.order_id, "automatic": message.automatic,
            "attributes": attributes(&message.attributes),
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
        ChannelEvent::Delivery(delivery) => json!({
            "event": "delivery", "outgoing-id": delivery.outgoing_id, "external-id": delivery.external_id,
            "state": if delivery.state == DeliveryState::Failed { "failed" } else { "other" }, "detail": delivery.detail,
        }),
        other => panic!("{other:?}"),
    }
}
