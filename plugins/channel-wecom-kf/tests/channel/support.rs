//! What the tests share: a company, its secrets, and the platform's calls and answers.
use channel_wecom_kf::CustomerService;
use serde_json::{Value, json};
use tributary_sdk::testing::{self, FakeHost, told};
use tributary_sdk::types::{Content, DeliveryState, Handle, HandleKind, SendError};
use tributary_sdk::web::Request;
use tributary_sdk::{Arrival, Channel, Outgoing, Poller, Reading, Rejection};
use tributary_wechat::cipher::Cipher;
use tributary_wechat::door::query;
use tributary_wechat::sign::signature;

pub use tributary_wechat::testing::{AES_KEY, NOW, TOKEN, answer, answering, bodies, more};

pub const CORP: &str = "ww0123456789abcdef";
pub const ACCOUNT: &str = "wkAJ2GCAAAZSfhHCt7IFSvLKtMPxyJTw";
pub const PERSON: &str = "wmAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
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

pub fn receive(host: &FakeHost, company: &CustomerService, request: &Request) -> Result<Reading, Rejection> {
    testing::receive(host, company, &Arrival::Http(request.clone()))
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

pub fn outgoing(id: &str, content: Content) -> Outgoing {
    let to = vec![
        Handle::claimed(HandleKind::Email, "a@b.example"),
        Handle::verified(HandleKind::Other, "telegram/42"),
        Handle::verified(HandleKind::Other, format!("wecom/{PERSON}")),
    ];
    Outgoing { id: id.into(), at: NOW, ..testing::outgoing(to, content) }
}

/// The external id of what was sent.
pub fn send(host: &FakeHost, company: &CustomerService, message: &Outgoing) -> Result<Option<String>, SendError> {
    let delivery = testing::with(host, || company.send(message.clone()))?;
    assert_eq!((delivery.state, delivery.outgoing_id), (DeliveryState::Accepted, Some(message.id.clone())));
    Ok(delivery.external_id)
}
