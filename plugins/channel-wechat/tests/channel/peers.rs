//! wechatpy, WeRoBot and @wecom/crypto make what we read and read what we make; wechatpy's client makes the calls that ours
//! have to equal.
use serde_json::{Value, json};
use tributary_sdk::testing::{self, FakeHost};
use tributary_sdk::types::{Attribute, Content};
use tributary_sdk::web::Request;
use tributary_sdk::{Poller, Rejection, Sample, Sampler};
use tributary_wechat::testing::{Peer, latin};

use crate::fixtures::fixtures;
use crate::support::{
    AES_KEY, APP, NOW, OPENID, TOKEN, account, answer, encrypted, file, host, outgoing, receive, send, text, told,
};

fn order(what: &str, by: &str, more: Value) -> Value {
    let mut order = json!({
        "do": what, "by": by, "platform": "official", "token": TOKEN, "key": AES_KEY, "id": APP, "openid": OPENID,
        "timestamp": (NOW / 1000).to_string(), "nonce": "1375870235",
    });
    order.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    order
}

fn call(made: &Value) -> Request {
    let text = |name: &str| made[name].as_str().unwrap_or_else(|| panic!("{made}")).to_owned();
    let headers = vec![Attribute::new("content-type", "text/xml")];
    Request { method: "POST".into(), url: text("url"), headers, body: text("body").into_bytes() }
}

fn unauthenticated<T: std::fmt::Debug>(result: Result<T, Rejection>) {
    assert!(matches!(result, Err(Rejection::Unauthenticated(_))), "{result:?}");
}

#[test]
fn we_read_what_they_make_in_every_mode() {
    let mut python = Peer::python();
    let mut read = 0;
    for path in fixtures() {
        let case: Value = serde_json::from_slice(&std::fs::read(path.with_extension("json")).unwrap()).unwrap();
        let xml = std::fs::read_to_string(&path).unwrap();
        for by in ["wechatpy", "werobot"] {
            for form in ["plain", "compatible", "encrypted"] {
                let made = python.ask(&order("callback", by, json!({ "form": form, "xml": xml })));
                let mut config = json!({ "mode": form });
                config.as_object_mut().unwrap().extend(case["config"].as_object().cloned().unwrap_or_default());
                let reading = receive(&host(), &account(&config), &call(&made)).unwrap();
                let ours: Vec<Value> = reading.events.iter().map(told).collect();
                for (ours, wanted) in ours.iter().zip(case["expect"].as_array().unwrap()) {
                    assert_eq!(ours["text"], wanted["text"], "{} {by} {form}", path.display());
                }
                assert_eq!(ours.len(), case["expect"].as_array().unwrap().len());
                read += 1;
            }
        }
    }
    assert!(read > 150, "{read}");
}

#[test]
fn they_read_our_samples_and_so_do_we() {
    let (mut python, mut node) = (Peer::python(), Peer::node());
    let words = "测试 <b> & ]]> \"1042\"";
    for mode in ["plain", "compatible", "encrypted"] {
        let account = account(&json!({ "mode": mode }));
        let samples = testing::with(&host(), || account.samples(words)).unwrap();
        let [Sample::Http(request)] = samples.as_slice() else { panic!("{samples:?}") };
        let body = String::from_utf8(request.body.clone()).unwrap();
        for by in ["wechatpy", "werobot"] {
            let given = json!({ "url": request.url, "body": body });
            let fields = &python.ask(&order("read", by, given.clone()))["fields"];
            assert_eq!(fields["content"], words, "{by} {mode}");
            assert_eq!((&fields["type"], &fields["time"]), (&json!("text"), &json!(NOW / 1000)));
            for wrong in [json!({ "token": "another" }), json!({ "id": "wxother" })] {
                let mut given = given.clone();
                given.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
                let refused = python.ask(&order("read", by, given));
                let plain_cannot_tell = mode == "plain" && wrong["id"].is_string();
                assert_eq!(refused["refused"].is_string(), !plain_cannot_tell, "{by} {mode} {wrong}: {refused}");
            }
        }
        let told = told(&receive(&host(), &account, request).unwrap().events[0]);
        assert_eq!(told["text"], words);
        if mode != "plain" {
            let query = tributary_wechat::door::Query::of(&request.url);
            let sealed =
                tributary_wechat::xml::Fields::read(&request.body).unwrap().word("Encrypt").unwrap().to_owned();
            let opened = node.ask(&json!({
                "do": "open", "token": TOKEN, "key": AES_KEY, "encrypt": sealed, "signature": query.get("msg_signature"),
                "timestamp": query.get("timestamp"), "nonce": query.get("nonce"),
            }));
            assert_eq!(opened["id"], APP);
            assert!(opened["text"].as_str().unwrap().starts_with("<xml><ToUserName>"), "{opened}");
        }
    }
}

#[test]
fn they_read_our_encrypted_answer() {
    let mut python = Peer::python();
    let subscribe = format!(
        "<xml><ToUserName>gh_1</ToUserName><FromUserName>{OPENID}</FromUserName><CreateTime>{}</CreateTime>\
         <MsgType>event</MsgType><Event>subscribe</Event><EventKey></EventKey></xml>",
        NOW / 1000
    );
    let greeting = json!({ "greeting": "欢迎 <关注> & more" });
    let reading = receive(&host(), &account(&greeting), &encrypted(subscribe.as_bytes(), APP, "")).unwrap();
    let body = String::from_utf8(reading.answer.unwrap().body).unwrap();
    let fields = python.ask(&order("open", "wechatpy", json!({ "body": body })))["fields"].clone();
    assert_eq!(fields["Content"], "欢迎 <关注> & more");
    assert_eq!((&fields["ToUserName"], &fields["FromUserName"]), (&json!(OPENID), &json!("gh_1")));
    let other = order("open", "wechatpy", json!({ "body": body, "id": "wxother" }));
    assert_eq!(python.ask(&other), json!({ "refused": "InvalidAppIdException" }));
    let other = order("open", "wechatpy", json!({ "body": body, "token": "another" }));
    assert_eq!(python.ask(&other), json!({ "refused": "InvalidSignatureException" }));
    // In clear where the call was in clear.
    let plain = json!({ "mode": "plain", "greeting": "hi" });
    let reading = receive(&host(), &account(&plain), &crate::support::plain(subscribe.as_bytes())).unwrap();
    assert!(reading.answer.unwrap().body.starts_with(b"<xml><ToUserName>"));
}

#[test]
fn the_url_is_verified_and_forged_calls_are_refused() {
    let mut python = Peer::python();
    let plain = json!({ "form": "plain", "xml": "<xml></xml>" });
    let made = python.ask(&order("callback", "wechatpy", plain));
    let url = format!("{}&echostr=5838479218127813673", made["url"].as_str().unwrap());
    let verify = |url: String| Request { method: "GET".into(), url, headers: Vec::new(), body: Vec::new() };
    for mode in ["plain", "compatible", "encrypted"] {
        let account = account(&json!({ "mode": mode }));
        let reading = receive(&host(), &account, &verify(url.clone())).unwrap();
        assert_eq!(reading.answer.unwrap().body, b"5838479218127813673");
        assert!(reading.events.is_empty());
        unauthenticated(receive(&host(), &account, &verify(url.replace("signature=", "signature=0"))));
        unauthenticated(receive(&host().now(NOW + 7_200_000), &account, &verify(url.clone())));
    }
    let xml = String::from_utf8(text(1, NOW / 1000, "hi")).unwrap();
    for by in ["wechatpy", "werobot"] {
        for wrong in [json!({ "token": "another" }), json!({ "id": "wxother" })] {
            let mut more = json!({ "form": "encrypted", "xml": xml });
            more.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
            let made = python.ask(&order("callback", by, more));
            unauthenticated(receive(&host(), &account(&json!({})), &call(&made)));
        }
    }
}

/// Our requests in the words of the recorder that wechatpy's client is pointed at.
fn described(python: &mut Peer, host: &FakeHost) -> Vec<Value> {
    let describe = |request: Request| {
        let headers: Value = request
            .headers
            .iter()
            .map(|field| (field.name.clone(), json!(field.value)))
            .collect::<serde_json::Map<_, _>>()
            .into();
        let order = json!({
            "do": "describe", "method": request.method, "url": request.url, "headers": headers,
            "body": latin(&request.body),
        });
        python.ask(&order)["request"].clone()
    };
    host.requests().into_iter().map(describe).collect()
}

#[test]
fn our_calls_are_those_of_wechatpys_client() {
    let mut python = Peer::python();
    let token = |name: &str| json!({ "access_token": name, "expires_in": 7200 });
    let ok = json!({ "errcode": 0, "errmsg": "ok" });
    let uploaded = json!({ "type": "image", "media_id": "M1", "created_at": 1 });
    let text = "您好，\"订单\" 😀 & <a href=\"https://shop.example\">这里</a>";
    let bytes = b"\x89PNG\r\n\x00--data\xff";
    // What wechatpy does, in one or two acts that share a token, beside what we do and what both are answered.
    let mut cases: Vec<(Vec<Value>, Vec<Value>, FakeHost)> = Vec::new();
    let act = |name: &str, arguments: Value| json!({ "act": name, "arguments": arguments });
    let configured = json!({ "kf-account": "agent@shop", "unionid": true });
    let account = account(&configured);
    let plain = |host: FakeHost| {
        send(&host, &account, &outgoing("1", Content::plain(text))).unwrap();
        host
    };
    let with = |answers: &[Value]| answers.iter().fold(host(), |host, body| host.http_answer(Ok(answer(body))));

    let answers = vec![token("T1"), ok.clone()];
    let host_ = plain(with(&answers));
    cases.push((vec![act("message.send_text", json!([OPENID, text, "agent@shop"]))], answers, host_));

    let answers = vec![token("T1"), json!({ "errcode": 42001, "errmsg": "expired" }), token("T2"), ok.clone()];
    let host_ = plain(with(&answers));
    cases.push((vec![act("message.send_text", json!([OPENID, text, "agent@shop"]))], answers, host_));

    for (kind, name, media_type) in
        [("image", "bild.png", "image/png"), ("voice", "ton.amr", "audio/amr"), ("video", "film.mp4", "video/mp4")]
    {
        let (host, attachment) = file(with(&[token("T1"), uploaded.clone(), ok.clone()]), name, media_type, bytes);
        let content = Content { attachments: vec![attachment], ..Content::default() };
        send(&host, &account, &outgoing("1", content)).unwrap();
        let sends = json!([OPENID, "M1", "agent@shop"]);
        let sends = if kind == "video" { json!([OPENID, "M1", null, null, "agent@shop"]) } else { sends };
        let acts =
            vec![act("media.upload", json!([kind, name, latin(bytes)])), act(&format!("message.send_{kind}"), sends)];
        cases.push((acts, vec![token("T1"), uploaded.clone(), ok.clone()], host));
    }

    let answers = vec![token("T1"), json!({ "errcode": 40007, "errmsg": "invalid media_id" })];
    let host_ = with(&answers);
    let voice = format!(
        "<xml><FromUserName>{OPENID}</FromUserName><CreateTime>1</CreateTime><MsgType>voice</MsgType>\
         <MediaId>M+/ 1</MediaId><MsgId>1</MsgId></xml>"
    );
    let without = crate::support::account(&json!({}));
    receive(&host_, &without, &encrypted(voice.as_bytes(), APP, "")).unwrap();
    testing::with(&host_, || without.poll(None)).unwrap();
    cases.push((vec![act("media.download", json!(["M+/ 1"]))], vec![token("T1"), json!({})], host_));

    let answers = vec![token("T1"), json!({ "subscribe": 1, "unionid": "u" })];
    let host_ = with(&answers);
    receive(&host_, &account, &encrypted(&crate::support::text(1, NOW / 1000, "hi"), APP, "")).unwrap();
    testing::with(&host_, || account.poll(None)).unwrap();
    cases.push((vec![act("user.get", json!([OPENID]))], answers, host_));

    for (mut acts, answers, host) in cases {
        let name = acts.last().unwrap()["act"].clone();
        let answers: Vec<String> = answers.iter().map(Value::to_string).collect();
        if acts.len() == 2 {
            acts[0]["answers"] = json!(answers[..2]);
            acts[1]["answers"] = json!([answers[0], answers[2]]);
        } else {
            acts[0]["answers"] = json!(answers);
        }
        let order = order("client", "wechatpy", json!({ "secret": "s3cret", "acts": acts }));
        let theirs = python.ask(&order)["acts"].clone();
        let mut theirs: Vec<Value> =
            theirs.as_array().unwrap().iter().flat_map(|act| act.as_array().unwrap().clone()).collect();
        if acts.len() == 2 {
            // Each act has a client of its own, which fetches a token of its own.
            assert_eq!(theirs.remove(2)["path"], "/cgi-bin/token");
        }
        assert_eq!(described(&mut python, &host), theirs, "{name}");
        assert!(theirs.len() >= 2);
    }
}
