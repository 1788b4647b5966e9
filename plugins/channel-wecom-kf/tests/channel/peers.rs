//! wechatpy's enterprise part and @wecom/crypto make the bells that we read, and read the ones that we make; wechatpy's
//! client fetches tokens and uploads files as ours does. Neither has calls for customer service: their form is held against
//! the platform's pages in `send` and `pull`.
use serde_json::{Value, json};
use tributary_sdk::Rejection;
use tributary_sdk::testing::{self, FakeHost};
use tributary_sdk::types::{Attachment, Content};
use tributary_sdk::web::Request;
use tributary_sdk::{Sample, Sampler};
use tributary_wechat::door::{Query, query};
use tributary_wechat::testing::{Peer, latin};
use tributary_wechat::xml::Fields;

use crate::support::{ACCOUNT, AES_KEY, CORP, NOW, TOKEN, answer, company, host, outgoing, receive, send};

fn order(what: &str, more: Value) -> Value {
    let mut order = json!({
        "do": what, "by": "wechatpy", "platform": "service", "token": TOKEN, "key": AES_KEY, "id": CORP,
        "timestamp": (NOW / 1000).to_string(), "nonce": "1375870235",
    });
    order.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    order
}

fn clear() -> String {
    format!(
        "<xml><ToUserName><![CDATA[{CORP}]]></ToUserName><CreateTime>{}</CreateTime><MsgType><![CDATA[event]]></MsgType>\
         <Event><![CDATA[kf_msg_or_event]]></Event><Token><![CDATA[T]]></Token><OpenKfId><![CDATA[{ACCOUNT}]]></OpenKfId></xml>",
        NOW / 1000
    )
}

fn unauthenticated<T: std::fmt::Debug>(result: Result<T, Rejection>) {
    assert!(matches!(result, Err(Rejection::Unauthenticated(_))), "{result:?}");
}

fn request(method: &str, url: String, body: String) -> Request {
    Request { method: method.into(), url, headers: Vec::new(), body: body.into_bytes() }
}

/// A bell of @wecom/crypto.
fn bell_of(made: &Value) -> Request {
    let text = |name: &str| made[name].as_str().unwrap();
    let seconds = (NOW / 1000).to_string();
    let url = query(&[("msg_signature", text("signature")), ("timestamp", &seconds), ("nonce", "1375870235")]);
    request("POST", format!("/?{url}"), format!("<xml><Encrypt>{}</Encrypt></xml>", text("encrypt")))
}

#[test]
fn we_read_their_bells_and_verifications() {
    let (mut python, mut node) = (Peer::python(), Peer::node());
    let company = company(&json!({}));
    let made = python.ask(&order("callback", json!({ "form": "encrypted", "xml": clear() })));
    let call =
        |made: &Value| request("POST", made["url"].as_str().unwrap().into(), made["body"].as_str().unwrap().into());
    assert!(receive(&host(), &company, &call(&made)).unwrap().poll_now);
    let made = node.ask(&order("seal", json!({ "text": clear() })));
    assert!(receive(&host(), &company, &bell_of(&made)).unwrap().poll_now);
    for wrong in [json!({ "token": "another" }), json!({ "id": "wwother" })] {
        let mut more = json!({ "form": "encrypted", "xml": clear(), "text": clear() });
        more.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
        let made = python.ask(&order("callback", more.clone()));
        unauthenticated(receive(&host(), &company, &call(&made)));
        let made = node.ask(&order("seal", more));
        unauthenticated(receive(&host(), &company, &bell_of(&made)));
    }
    let made = python.ask(&order("echo", json!({ "text": "1616140317555161061" })));
    let get = request("GET", made["url"].as_str().unwrap().into(), String::new());
    let answer = receive(&host(), &company, &get).unwrap().answer.unwrap();
    assert_eq!(answer.body, b"1616140317555161061");
    let made = python.ask(&order("echo", json!({ "text": "1616140317555161061", "id": "wwother" })));
    unauthenticated(receive(&host(), &company, &request("GET", made["url"].as_str().unwrap().into(), String::new())));
}

#[test]
fn they_read_our_bell() {
    let (mut python, mut node) = (Peer::python(), Peer::node());
    let samples = testing::with(&host(), || company(&json!({})).samples("")).unwrap();
    let [Sample::Http(sample)] = samples.as_slice() else { panic!("{samples:?}") };
    let body = String::from_utf8(sample.body.clone()).unwrap();
    let read = json!({ "url": sample.url, "body": body });
    let fields = &python.ask(&order("read", read.clone()))["fields"]["raw"];
    assert_eq!((&fields["Event"], &fields["OpenKfId"]), (&json!("kf_msg_or_event"), &json!(ACCOUNT)));
    let query = Query::of(&sample.url);
    let open = json!({
        "encrypt": Fields::read(&sample.body).unwrap().word("Encrypt").unwrap(), "signature": query.get("msg_signature"),
        "timestamp": query.get("timestamp"), "nonce": query.get("nonce"),
    });
    let opened = node.ask(&order("open", open));
    assert_eq!(opened["id"], CORP);
    assert!(opened["text"].as_str().unwrap().contains("kf_msg_or_event"));
    let mut wrong = read;
    wrong["id"] = json!("wwother");
    assert_eq!(python.ask(&order("read", wrong)), json!({ "refused": "InvalidCorpIdException" }));
}

#[test]
fn tokens_and_uploads_are_those_of_wechatpys_client() {
    let mut python = Peer::python();
    let bytes = b"%PDF \x00\xff";
    let answers = [
        json!({ "errcode": 0, "errmsg": "ok", "access_token": "T1", "expires_in": 7200 }),
        json!({ "errcode": 42001, "errmsg": "expired" }),
        json!({ "errcode": 0, "errmsg": "ok", "access_token": "T2", "expires_in": 7200 }),
        json!({ "errcode": 0, "errmsg": "ok", "type": "file", "media_id": "M1", "created_at": "1" }),
        json!({ "errcode": 0, "errmsg": "ok", "msgid": "m" }),
    ];
    let host = answers.iter().fold(host().blob(bytes), |host, body| host.http_answer(Ok(answer(body))));
    let (blob, name, media_type) = (FakeHost::blob_id(bytes), "a.pdf".into(), "application/pdf".into());
    let file = Attachment { blob, name, media_type, size: 7, content_id: None };
    let content = Content { attachments: vec![file], ..Content::default() };
    send(&host, &company(&json!({})), &outgoing("1", content)).unwrap();
    let texts: Vec<String> = answers[..4].iter().map(Value::to_string).collect();
    let acts = json!([{ "act": "media.upload", "arguments": ["file", "a.pdf", latin(bytes)], "answers": texts }]);
    let theirs = python.ask(&order("client", json!({ "secret": "s3cret", "acts": acts })))["acts"][0].clone();
    assert_eq!(theirs.as_array().unwrap().len(), 4);
    for (number, (ours, theirs)) in host.requests().into_iter().zip(theirs.as_array().unwrap()).enumerate() {
        let kind = ours.header("content-type").unwrap_or_default();
        let described = python.ask(&json!({
            "do": "describe", "method": ours.method, "url": ours.url, "headers": { "content-type": kind },
            "body": latin(&ours.body),
        }));
        let (mut ours, mut theirs) = (described["request"].clone(), theirs.clone());
        if number == 3 {
            // wechatpy reads the file once and repeats the call without its bytes; ours has them.
            assert_eq!(ours["form"].take()[0][2], latin(bytes));
            assert_eq!(theirs["form"].take()[0][2], "");
        }
        assert_eq!(ours, theirs);
    }
}
