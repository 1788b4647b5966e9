//! Every channel into one queue, and one customer across all of them.
#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use tributary_tests::api::{id, messages_of};
use tributary_tests::platform::{Asked, Platform, Said};
use tributary_tests::platforms::{Platforms, hook};
use tributary_tests::{Desk, Mail, until};

const KEY: &str = "a-key-of-the-shop-with-32-bytes-or-more";
/// Messages of one visitor of the chat.
const PER_MINUTE: usize = 20;
const TOKEN: &str = "wechat-token-1";
const ANN: &str = "ann@mail.example";
const PHONE: &str = "+4930555001";
const UNION: &str = "o6_bmasdasdsad6_2sgVt7hMZOPfL";
const OPENID: &str = "oWX1aaaaaaaaaaaaaaaaaaaaaaaa";

fn said(body: Value) -> Said {
    Some((200, "application/json", body.to_string()))
}

/// WeChat's API as far as the adapter asks it.
fn wechat_api(asked: &Asked) -> Said {
    match asked.url.split('?').next().unwrap() {
        "/cgi-bin/token" => said(json!({ "access_token": "T1", "expires_in": 7200 })),
        "/cgi-bin/user/info" => {
            said(json!({ "subscribe": 1, "openid": OPENID, "unionid": UNION, "language": "zh_CN" }))
        }
        _ => said(json!({ "errcode": 0, "errmsg": "ok" })),
    }
}

/// A desk with a chat, mail whose server vouches for senders, calls and a WeChat account whose API is at this address.
fn desk(api: &str) -> Desk {
    let mut desk = Desk::setup().init().without_policy("policy-receipt");
    desk.configure(&format!(
        r#"
        [pipeline]
        retry-first = "50 ms"
        retry-most = "100 ms"
        retry-tries = 6
        [[channel]]
        name = "email"
        verifies = ["email"]
        [[channel]]
        name = "chat"
        plugin = "channel-webchat"
        verifies = ["visitor", "email", "phone", "wechat-unionid"]
        grants.secrets = ["webchat-key"]
        config.origins = ["https://shop.example"]
        config.messages-per-minute = {PER_MINUTE}
        [[channel]]
        name = "phone"
        plugin = "channel-phone"
        verifies = ["phone"]
        config.trust-vcon-stir = true
        config.own-numbers = ["+4930123"]
        [[channel]]
        name = "wechat"
        plugin = "channel-wechat"
        verifies = ["wechat-openid", "wechat-unionid"]
        grants.secrets = ["wechat-token", "wechat-app-secret"]
        grants.egress = ["{api}"]
        config.app-id = "wx0123456789abcdef"
        config.mode = "plain"
        config.unionid = true
        config.api = "{api}"
        "#
    ));
    let mail = std::fs::read_to_string(desk.dir.join("config/channel-email.toml")).unwrap();
    let vouched = format!("authentication-server = \"mx.shop.example\"\n{mail}");
    std::fs::write(desk.dir.join("config/channel-email.toml"), vouched).unwrap();
    for (name, value) in [("webchat-key", KEY), ("wechat-token", TOKEN), ("wechat-app-secret", "app-secret")] {
        std::fs::write(desk.dir.join("secrets").join(name), value).unwrap();
    }
    desk.serve();
    desk
}

fn wechat_xml(kind: &str, more: &str) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    format!(
        "<xml><ToUserName>gh_1</ToUserName><FromUserName>{OPENID}</FromUserName><CreateTime>{now}</CreateTime>\
         <MsgType>{kind}</MsgType>{more}</xml>"
    )
}

/// A message in the chat by a visitor of whom the shop says this.
fn chat(desk: &Desk, platforms: &Platforms, claims: &Value, text: &str) {
    let bearer = format!("Bearer {}", platforms.visitor(KEY, claims));
    let fields =
        [("authorization", bearer.as_str()), ("origin", "https://shop.example"), ("content-type", "application/json")];
    let body = json!({ "id": "m1", "text": text }).to_string();
    let (status, answer) = hook(desk, "chat/messages", &fields, body.as_bytes());
    assert_eq!(status, 200, "{answer}");
}

/// Platforms tell seconds: what is sent in the next one stands behind what was sent in this one.
fn next_second() {
    let second = date("+%s");
    until("the next second", || if date("+%s") == second { Err(second.clone()) } else { Ok(()) });
}

fn channels_of(detail: &Value) -> Vec<&str> {
    let messages = detail["messages"].as_array().unwrap().iter();
    messages.filter(|message| message["author"] == "customer").map(|it| it["channel"].as_str().unwrap()).collect()
}

#[test]
fn a_visitor_who_writes_a_mail_calls_and_writes_by_wechat_is_one_customer_with_one_matter() {
    let api = Platform::start(wechat_api);
    let (desk, platforms) = (desk(&api.url), Platforms::start());
    // Who follows the account is known by the platform before the first word.
    let (status, answer) = platforms.wechat(&desk, "wechat", TOKEN, &wechat_xml("event", "<Event>subscribe</Event>"));
    assert_eq!((status, answer.as_str()), (200, "success"));
    until("the person behind the openid to be asked for", || match api.asked_for("/cgi-bin/user/info").len() {
        0 => Err("not yet".to_owned()),
        _ => Ok(()),
    });

    let claims = json!({
        "sub": "customer-42", "name": "Ann", "email": ANN, "email_verified": true, "phone": PHONE, "phone_verified": true,
        "wechat_unionid": UNION, "order": "A-17",
    });
    chat(&desk, &platforms, &claims, "My kettle A-17 leaks.");
    desk.settled();

    next_second();
    let vouched = "mx.shop.example; dmarc=pass header.from=mail.example";
    desk.deliver(
        &Mail::new(ANN, "Order A-17", "A picture of the leak follows.")
            .with("Authentication-Results", vouched)
            .with("Date", &now_as_a_mail_says()),
    );
    desk.settled();

    next_second();
    let call = json!({
        "vcon": "0.0.1", "uuid": "018e3f1c-6b1a-8c3e-9d7e-1f2a3b4c5d6e", "created_at": now_rfc3339(),
        "parties": [{ "tel": PHONE, "name": "Ann", "stir": "eyJhbGciOiJFUzI1NiJ9.e30.c2ln" }, { "tel": "+4930123", "name": "Shop" }],
        "dialog": [
            { "type": "text", "start": now_rfc3339(), "parties": 0, "originator": 0, "mediatype": "text/plain",
              "body": "It leaks at the spout.", "encoding": "none" },
        ],
        "analysis": [], "attachments": [],
    });
    let file = desk.dir.join("call.vcon.json");
    std::fs::write(&file, call.to_string()).unwrap();
    let taken = desk.json(&["channel", "take", "phone", file.to_str().unwrap()]);
    assert_eq!(taken["conversations"].as_array().map(Vec::len), Some(1), "{taken}");
    desk.settled();

    next_second();
    let text = "<Content>还有人吗?</Content><MsgId>24001</MsgId>";
    for _ in 0..3 {
        let (status, answer) = platforms.wechat(&desk, "wechat", TOKEN, &wechat_xml("text", text));
        assert_eq!((status, answer.as_str()), (200, "success"));
    }
    desk.settled();

    let details = desk.api.details();
    assert_eq!(details.len(), 1, "one conversation: {details:#?}");
    assert_eq!(channels_of(&details[0]), ["chat", "email", "phone", "wechat"]);
    let continued = details[0]["continuations"].as_array().unwrap();
    assert_eq!(continued.len(), 3, "{continued:?}");
    assert!(continued.iter().all(|it| it["why"].as_str().is_some_and(|why| why.len() > 10)), "{continued:?}");
    let contacts = desk.api.get(&format!("/api/v1/contacts?handle={}", "ann%40mail.example"));
    let contacts = contacts["items"].as_array().unwrap();
    assert_eq!(contacts.len(), 1, "{contacts:?}");
    let contact = desk.api.get(&format!("/api/v1/contacts/{}", id(&contacts[0])));
    let handles = contact["handles"].as_array().unwrap();
    let kinds: Vec<&str> = handles.iter().map(|it| it["kind"].as_str().unwrap()).collect();
    for kind in ["visitor", "email", "phone", "wechat-openid", "wechat-unionid"] {
        assert!(kinds.contains(&kind), "{kind} is not in {kinds:?}");
    }
    let joins = contact["joins"].as_array().unwrap();
    assert!(joins.iter().all(|it| it["why"].as_str().is_some_and(|why| !why.is_empty())), "{joins:?}");
    assert!(!joins.is_empty(), "who followed the account before became the visitor's");

    // The answer reaches the channel that was used last.
    desk.api.answer(id(&details[0]), "您好，新的今天寄出。");
    let sent = until("the answer at WeChat", || match &api.asked_for("/cgi-bin/message/custom/send")[..] {
        [] => Err(desk.api.conversation(id(&details[0]))["messages"].to_string()),
        [sent, ..] => Ok(sent.clone()),
    });
    let sent: Value = serde_json::from_str(&sent.body).unwrap();
    assert_eq!(sent["touser"], OPENID);
    assert_eq!(sent["text"]["content"], "您好，新的今天寄出。");
}

/// A mail of whom nobody vouches is not let in on somebody's word.
#[test]
fn a_claim_is_a_suggestion_and_no_join() {
    let api = Platform::start(wechat_api);
    let (desk, platforms) = (desk(&api.url), Platforms::start());
    let claims = json!({ "sub": "customer-43", "email": ANN, "email_verified": true });
    chat(&desk, &platforms, &claims, "Hello");
    let claims = json!({ "sub": "customer-44", "email": ANN, "email_verified": false });
    chat(&desk, &platforms, &claims, "I am her, too");
    desk.settled();
    assert_eq!(desk.api.conversations().len(), 2);
    let suggestions = desk.api.all("/api/v1/suggestions");
    assert_eq!(suggestions.len(), 1, "{suggestions:?}");
    assert!(suggestions[0]["why"].as_str().is_some_and(|why| why.contains(ANN)), "{suggestions:?}");
}

/// What a platform sends thrice, late and out of order stands there once, in the order of sending.
#[test]
fn three_times_out_of_order_and_late_is_one_of_each_in_order() {
    let api = Platform::start(wechat_api);
    let (desk, platforms) = (desk(&api.url), Platforms::start());
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let message = |n: u64| {
        format!(
            "<xml><ToUserName>gh_1</ToUserName><FromUserName>{OPENID}</FromUserName><CreateTime>{}</CreateTime>\
             <MsgType>text</MsgType><Content>word {n}</Content><MsgId>{}</MsgId></xml>",
            now - 100 + n,
            9000 + n
        )
    };
    for n in [3, 1, 3, 5, 2, 1, 4, 5, 2, 4, 3, 1, 2, 5, 4] {
        assert_eq!(platforms.wechat(&desk, "wechat", TOKEN, &message(n)).0, 200);
    }
    desk.settled();
    let details = desk.api.details();
    assert_eq!(details.len(), 1);
    let texts: Vec<&str> = messages_of(&details[0], "customer").iter().map(|it| it["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["word 1", "word 2", "word 3", "word 4", "word 5"]);
    // One flipped bit: nothing is believed, nothing is stored.
    let forged = platforms.wechat(&desk, "wechat", "wechat-token-2", &message(6));
    assert_eq!(forged.0, 401);
    assert_eq!(messages_of(&desk.api.details()[0], "customer").len(), 5);
    assert_eq!(desk.api.parked().len(), 0);
}

#[test]
fn messages_that_come_at_once_count_each_other() {
    let desk = desk("http://127.0.0.1:9");
    let bearer = format!("Bearer {}", Platforms::start().visitor(KEY, &json!({ "sub": "v1" })));
    let fields =
        [("authorization", bearer.as_str()), ("origin", "https://shop.example"), ("content-type", "application/json")];
    let send = |n: usize| {
        hook(&desk, "chat/messages", &fields, json!({ "id": format!("m{n}"), "text": "Hello" }).to_string().as_bytes())
            .0
    };
    let answers: Vec<u16> = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..16)
            .map(|thread| scope.spawn(move || (0..5).map(|n| send(thread * 5 + n)).collect::<Vec<_>>()))
            .collect();
        senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect()
    });
    let of = |status| answers.iter().filter(|it| **it == status).count();
    assert_eq!((of(200), of(429)), (PER_MINUTE, 80 - PER_MINUTE), "{answers:?}");
    let said: usize = desk.api.details().iter().map(|detail| messages_of(detail, "customer").len()).sum();
    assert_eq!(said, PER_MINUTE);
}

/// Down, slow to say anything, 500, HTML, an expired token: the answer leaves once, after all of them.
#[test]
fn a_platform_that_fails_in_every_way_gets_the_answer_once() {
    let tries = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&tries);
    let api = Platform::start(move |asked| {
        if !asked.url.starts_with("/cgi-bin/message/custom/send") {
            return wechat_api(asked);
        }
        match counted.fetch_add(1, Ordering::SeqCst) {
            0 => None,
            1 => Some((500, "text/plain", "oops".into())),
            2 => Some((502, "text/html", "<html>Bad gateway</html>".into())),
            3 => said(json!({ "errcode": 42001, "errmsg": "access_token expired" })),
            _ => said(json!({ "errcode": 0, "errmsg": "ok" })),
        }
    });
    let (desk, platforms) = (desk(&api.url), Platforms::start());
    let text = "<Content>你好</Content><MsgId>1</MsgId>";
    assert_eq!(platforms.wechat(&desk, "wechat", TOKEN, &wechat_xml("text", text)).0, 200);
    desk.settled();
    let conversation = id(&desk.api.queue()[0]);
    desk.api.answer(conversation, "您好");
    until("the answer to be sent", || {
        let detail = desk.api.conversation(conversation);
        let delivery = messages_of(&detail, "agent")[0]["delivery"].clone();
        if delivery["state"] == "sent" { Ok(()) } else { Err(delivery.to_string()) }
    });
    assert_eq!(tries.load(Ordering::SeqCst), 5, "after the last refusal the same call once more with a new token");
    assert!(api.asked_for("/cgi-bin/token").len() >= 2, "{:?}", api.asked_for("/cgi-bin/token"));
    assert_eq!(messages_of(&desk.api.conversation(conversation), "agent").len(), 1);
}

/// A reply window that is closed: the answer goes by the next channel that is open.
#[test]
fn an_answer_whose_window_is_closed_finds_another_channel() {
    let api = Platform::start(|asked| match asked.url.split('?').next().unwrap() {
        "/cgi-bin/message/custom/send" => said(json!({ "errcode": 45015, "errmsg": "response out of time limit" })),
        _ => wechat_api(asked),
    });
    let (desk, platforms) = (desk(&api.url), Platforms::start());
    platforms.wechat(&desk, "wechat", TOKEN, &wechat_xml("event", "<Event>subscribe</Event>"));
    until("the person behind the openid", || match api.asked_for("/cgi-bin/user/info").len() {
        0 => Err("not yet".to_owned()),
        _ => Ok(()),
    });
    let claims = json!({ "sub": "customer-45", "wechat_unionid": UNION });
    chat(&desk, &platforms, &claims, "Hello");
    desk.settled();
    next_second();
    platforms.wechat(&desk, "wechat", TOKEN, &wechat_xml("text", "<Content>在吗</Content><MsgId>7</MsgId>"));
    desk.settled();
    let details = desk.api.details();
    assert_eq!(details.len(), 1, "{details:#?}");
    assert_eq!(channels_of(&details[0]).len(), 2, "{details:#?}");
    desk.api.answer(id(&details[0]), "Here.");
    let answer = until("the answer to be sent another way", || {
        let detail = desk.api.conversation(id(&details[0]));
        let answer = messages_of(&detail, "agent")[0].clone();
        if answer["delivery"]["state"] == "sent" { Ok(answer) } else { Err(detail.to_string()) }
    });
    assert_eq!(answer["channel"], "chat");
    let audit = desk.api.conversation(id(&details[0]))["audit"].to_string();
    assert!(audit.contains("rerouted"), "{audit}");
}

/// Every channel that came with the daemon is tried by its own sample.
#[test]
fn a_channel_says_whether_it_works() {
    let api = Platform::start(wechat_api);
    let desk = desk(&api.url);
    for channel in ["email", "chat", "phone", "wechat"] {
        let said = desk.json(&["channel", "test", channel, "--text", "Is anybody there?"]);
        assert_eq!(said["arrived"], true, "{channel}: {said}");
        let tag = said["conversation"].as_str().unwrap();
        let detail = desk.api.get(&format!("/api/v1/conversations/{tag}"));
        let message = messages_of(&detail, "customer")[0];
        assert!(message["text"].as_str().unwrap().contains("Is anybody there?"), "{channel}: {message}");
        assert_eq!(message["automatic"], true, "{channel}: no machine answers it");
    }
    let listed = desk.json(&["channel", "list"]);
    let names: Vec<&str> = listed["items"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["chat", "email", "phone", "wechat"]);
}

fn date(format: &str) -> String {
    let output = std::process::Command::new("date").args(["-u", format]).env("LC_ALL", "C").output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn now_as_a_mail_says() -> String {
    date("+%a, %d %b %Y %H:%M:%S +0000")
}

fn now_rfc3339() -> String {
    date("+%Y-%m-%dT%H:%M:%SZ")
}
