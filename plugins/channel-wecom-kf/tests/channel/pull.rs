//! The pull: cursors, history, rounds, and what else a poll fetches.
use proptest::prelude::*;
use serde_json::{Value, json};
use tributary_sdk::host::http::HttpError;
use tributary_sdk::types::SendError;
use tributary_sdk::web::Response;

use crate::support::{
    ACCOUNT, NOW, PERSON, answer, answering, bell, bodies, company, host, item, more, page, poll, receive,
};

const SECONDS: u64 = NOW / 1000;

fn ids(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|event| event["external-id"].as_str()).collect()
}

#[test]
fn history_is_left_out_once_and_nothing_after_it() {
    let company = company(&json!({}));
    let first = [item("old", SECONDS - 3_600, "answered long ago"), item("new", SECONDS - 60, "hi")];
    let second = [item("old2", SECONDS - 1_000, "answered"), item("new2", SECONDS - 10, "hi")];
    let host = answering(host(), &[page(&first, "c1", 1), page(&second, "c2", 0)]);
    let (events, cursor, again) = poll(&host, &company, None).unwrap();
    assert_eq!(ids(&events), ["new", "new2"]);
    assert_eq!((cursor.as_str(), again), (format!("{{\"{ACCOUNT}\":{{\"at\":\"c2\"}}}}").as_str(), 300));
    let asked = bodies(&host, "sync_msg");
    assert_eq!(asked[0], json!({ "open_kfid": ACCOUNT, "limit": 500, "voice_format": 0 }));
    assert_eq!(asked[1]["cursor"], "c1");
    // A week of silence later, what comes is read whatever its age.
    let host = more(host.now(NOW + 7 * 24 * 3_600_000), &[]);
    let host = answering(host, &[page(&[item("late", SECONDS, "hi")], "c3", 0)]);
    let (events, cursor, _) = poll(&host, &company, Some(&cursor)).unwrap();
    assert_eq!(ids(&events), ["late"]);
    assert!(cursor.contains("c3"));
}

#[test]
fn rounds_are_bounded_and_go_on_at_once() {
    let company = company(&json!({ "pull-rounds": 2 }));
    // Nothing in it, and more behind it.
    let host = answering(host(), &[page(&[], "c1", 1), page(&[item("a", SECONDS - 3_600, "old")], "c2", 1)]);
    let (events, cursor, again) = poll(&host, &company, None).unwrap();
    assert_eq!((events.len(), again), (0, 0));
    let host = more(host, &[page(&[item("b", SECONDS - 3_600, "old"), item("c", SECONDS, "hi")], "c3", 0)]);
    let (events, cursor, again) = poll(&host, &company, Some(&cursor)).unwrap();
    assert_eq!((ids(&events), again), (vec!["c"], 300));
    assert_eq!(bodies(&host, "sync_msg")[2]["cursor"], "c2");
    assert!(cursor.contains("c3"));
    // A platform that says "more" and moves nowhere is not asked for ever.
    let host = more(host, &[page(&[], "c3", 1)]);
    assert_eq!(poll(&host, &company, Some(&cursor)).unwrap().2, 300);
}

#[test]
fn the_bells_token_is_used_while_it_is_good() {
    let company = company(&json!({}));
    let host = answering(host(), &[json!({ "errcode": 95007, "errmsg": "invalid msgtoken" }), page(&[], "c1", 0)]);
    receive(&host, &company, &bell("TOKEN")).unwrap();
    poll(&host, &company, None).unwrap();
    let asked = bodies(&host, "sync_msg");
    assert_eq!((&asked[0]["token"], &asked[1]["token"]), (&json!("TOKEN"), &Value::Null));
    assert_eq!(host.state_value(&format!("bell/{ACCOUNT}")), None);
    let host = more(host, &[page(&[], "c1", 0), page(&[], "c1", 0)]);
    receive(&host, &company, &bell("NEWER")).unwrap();
    poll(&host, &company, Some("{}")).unwrap();
    assert_eq!(bodies(&host, "sync_msg")[2]["token"], "NEWER");
    let host = host.now(NOW + 601_000);
    poll(&host, &company, Some("{}")).unwrap();
    assert_eq!(bodies(&host, "sync_msg")[3]["token"], Value::Null);
}

#[test]
fn accounts_are_those_that_rang_where_none_is_named() {
    let company = company(&json!({ "accounts": [] }));
    let host = host();
    assert_eq!(poll(&host, &company, None).unwrap(), (vec![], "{}".into(), 300));
    receive(&host, &company, &bell("T")).unwrap();
    let host = answering(host, &[page(&[item("a", SECONDS, "hi")], "c1", 0)]);
    assert_eq!(ids(&poll(&host, &company, Some("{}")).unwrap().0), ["a"]);
}

#[test]
fn one_account_that_fails_holds_up_no_other() {
    let company = company(&json!({ "accounts": ["wkgone", ACCOUNT, "wkbusy"] }));
    let host = answering(
        host(),
        &[
            json!({ "errcode": 95004, "errmsg": "gone" }),
            page(&[item("a", SECONDS, "hi")], "c1", 0),
            json!({ "errcode": -1, "errmsg": "busy" }),
        ],
    );
    let (events, cursor, again) = poll(&host, &company, None).unwrap();
    assert_eq!((ids(&events), again), (vec!["a"], 60));
    assert!(cursor.contains("\"at\":\"c1\""), "{cursor}");
}

#[test]
fn a_platform_that_is_away_loses_nothing() {
    for bad in [
        Err(HttpError::Timeout),
        Err(HttpError::Unreachable("no".into())),
        Ok(Response::status(500)),
        Ok(Response::body(200, "text/html", "<html>")),
        Ok(answer(&json!({ "errcode": 45009, "errmsg": "limit" }))),
    ] {
        let host = answering(host(), &[]).http_answer(bad.clone());
        let result = poll(&host, &company(&json!({})), Some("{\"a\":{\"at\":\"c\"}}"));
        assert!(matches!(result, Err(SendError::Temporary(_))), "{bad:?} {result:?}");
        assert_eq!(host.requests().len(), 2, "nothing else is asked");
    }
    let refused = json!({ "errcode": 40001, "errmsg": "invalid credential" });
    let host = host().http_answer(Ok(answer(&refused)));
    assert!(matches!(poll(&host, &company(&json!({})), None), Err(SendError::Unauthorised(_))));
}

#[test]
fn a_token_that_ran_out_is_fetched_anew_once() {
    let token = json!({ "errcode": 0, "errmsg": "ok", "access_token": "T2", "expires_in": 7200 });
    let host = answering(host(), &[json!({ "errcode": 42001, "errmsg": "expired" }), token, page(&[], "c", 0)]);
    poll(&host, &company(&json!({})), None).unwrap();
    let urls: Vec<String> = host.requests().into_iter().map(|request| request.url).collect();
    assert_eq!(urls[0], "https://qyapi.weixin.qq.com/cgi-bin/gettoken?corpid=ww0123456789abcdef&corpsecret=s3cret");
    assert_eq!(urls[2], urls[0]);
    assert_eq!(urls[3], "https://qyapi.weixin.qq.com/cgi-bin/kf/sync_msg?access_token=T2");
}

#[test]
fn files_and_names_come_with_the_same_poll() {
    let company = company(&json!({ "profiles": true }));
    let picture = json!({
        "msgid": "m1", "open_kfid": ACCOUNT, "external_userid": PERSON, "send_time": SECONDS, "origin": 3,
        "msgtype": "image", "image": { "media_id": "media-1" },
    });
    let known = json!({
        "errcode": 0, "errmsg": "ok", "invalid_external_userid": [],
        "customer_list": [{ "external_userid": PERSON, "nickname": "小明", "avatar": "https://wx.example/a", "gender": 1, "unionid": "o6_u" }],
    });
    let host = answering(host(), &[page(&[picture], "c1", 0)]);
    let host = host.http_answer(Ok(Response::body(200, "image/jpeg", b"\xff\xd8\xff".to_vec())));
    let host = more(host, &[known, page(&[item("m2", SECONDS, "hi")], "c2", 0)]);
    let (events, cursor, _) = poll(&host, &company, None).unwrap();
    assert_eq!(
        events.iter().map(|event| event["event"].as_str().unwrap()).collect::<Vec<_>>(),
        ["message", "supplement", "profile"]
    );
    assert_eq!(events[1]["files"], json!([["media-1.jpg", "image/jpeg", 3]]));
    assert_eq!(events[2]["handles"], json!([format!("other:wecom/{PERSON} verified"), "wechat-unionid:o6_u verified"]));
    assert_eq!(events[2]["display-name"], "小明");
    let asked = bodies(&host, "batchget");
    assert_eq!(asked, [json!({ "external_userid_list": [PERSON], "need_enter_session_context": 0 })]);
    // Known now.
    assert_eq!(ids(&poll(&host, &company, Some(&cursor)).unwrap().0), ["m2"]);
    assert_eq!(bodies(&host, "batchget").len(), 1);
}

/// Any JSON, with the platform's names among its keys.
fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,20}|text|image|event|msg_send_fail|enter_session|user_recall_msg".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let key =
            "msgid|open_kfid|external_userid|send_time|origin|msgtype|text|image|event|event_type|media_id|\\PC{0,6}";
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(key, inner, 0..9)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn any_answer_does_no_harm(body in "\\PC{0,100}|\\{\"msg_list\":\\[\\{\"msgtype\":\"[a-z]{0,6}\",\"msgid\":\"a\",\"external_userid\":\"b\",\"[a-z]{1,6}\":[0-9]{1,30}\\}\\],\"has_more\":[01],\"next_cursor\":\"\\w{0,9}\"\\}", cursor in "\\PC{0,30}") {
        let host = answering(host(), &[]).http_answer(Ok(Response::body(200, "application/json", body)));
        let _ = poll(&host, &company(&json!({})), Some(&cursor));
    }

    #[test]
    fn any_item_does_no_harm(item in json(), more in json(), good in any::<bool>()) {
        let mut item = item;
        if let Some(fields) = item.as_object_mut().filter(|_| good) {
            fields.insert("msgid".into(), json!("m"));
            fields.insert("external_userid".into(), json!(PERSON));
            fields.insert("send_time".into(), json!(SECONDS));
        }
        let answer = page(&[item, more], "c", 0);
        let host = answering(host(), std::slice::from_ref(&answer));
        let first = poll(&host, &company(&json!({})), None);
        let host = answering(crate::support::host(), &[answer]);
        prop_assert_eq!(first, poll(&host, &company(&json!({})), None));
    }
}
