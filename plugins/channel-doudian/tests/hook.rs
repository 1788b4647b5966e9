//! Messages: who may push them, what each tells, once, whatever the order of arrival; and bodies nobody means well with.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#[path = "support/shop.rs"]
mod shop;

use channel_doudian::Doudian;
use channel_doudian::sign::Method;
use proptest::prelude::*;
use serde_json::{Value, json};
use shop::{NOW, answer, deliver, detail, host, push, signed, told};
use tributary_sdk::testing::{self, FakeHost};
use tributary_sdk::types::SendError;
use tributary_sdk::{Poller, Rejection};

const ORDER: u64 = 4_836_875_908_288_530_057;

/// Every case of `fixtures/`: messages one after the other (`tag`, `data`), what each `tells`; a new case needs no Rust.
#[test]
fn every_case_tells_what_is_expected() {
    let files = testing::files(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures"), &["json"]).unwrap();
    let mut problems = Vec::new();
    for path in &files {
        let case: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let host = host();
        let channel = shop::shop(&host, case.get("config").cloned().unwrap_or_else(|| json!({})));
        for (number, message) in case["messages"].as_array().unwrap().iter().enumerate() {
            let tag = message["tag"].as_str().unwrap();
            let found = match push(&host, &channel, tag, &format!("m{number}"), &message["data"]) {
                Ok(reading) if reading.poll_now => {
                    let host = host.clone().http_answer(answer(message.get("detail").unwrap_or(&detail())));
                    let batch = testing::with(&host, || channel.poll(None)).unwrap();
                    Value::Array(told(&batch.events))
                }
                Ok(reading) => {
                    assert_eq!(reading.answer.unwrap().body, br#"{"code":0,"msg":"success"}"#);
                    Value::Array(told(&reading.events))
                }
                Err(Rejection::Malformed(_)) => json!("malformed"),
                Err(other) => panic!("{other:?}"),
            };
            let problem = testing::differs(&found, &message["tells"]);
            problems.extend(problem.map(|problem| format!("{}, message {number}: {problem}", path.display())));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(files.len() >= 7, "only {} cases", files.len());
}

fn paid() -> Value {
    json!({ "p_id": ORDER, "pay_time": 1_795_939_260_u64, "pay_amount": 1990 })
}

#[test]
fn what_the_platform_signed_is_taken_once() {
    let body = json!([{ "tag": "101", "msg_id": "1", "data": paid().to_string() }]).to_string();
    for method in [Method::Md5, Method::HmacSha256] {
        let host = host();
        let shop = shop::shop(&host, json!({ "complete": false }));
        let first = deliver(&host, &shop, signed(&host, method, body.as_bytes())).unwrap();
        assert_eq!(first.events.len(), 1);
        let again = deliver(&host, &shop, signed(&host, method, body.as_bytes())).unwrap();
        assert!(again.events.is_empty() && again.answer == first.answer);
    }
}

#[test]
fn every_flipped_bit_is_refused() {
    let good =
        signed(&host(), Method::Md5, json!([{ "tag": "101", "msg_id": "1", "data": paid() }]).to_string().as_bytes());
    let refused = |host: &FakeHost, request| {
        let shop = shop::shop(host, json!({}));
        let refused = matches!(deliver(host, &shop, request), Err(Rejection::Unauthenticated(_)));
        refused && host.state_value("seen/1").is_none() && host.state_value(&format!("order/{ORDER}")).is_none()
    };
    for place in 0..good.body.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad.body[place] ^= 1 << bit;
            assert!(refused(&host(), bad), "byte {place}, bit {bit}");
        }
    }
    for header in 0..2 {
        let mut bad = good.clone();
        bad.headers.remove(header);
        assert!(refused(&host(), bad), "header {header} is missing");
        let mut bad = good.clone();
        bad.headers[header].value = bad.headers[header].value.replace(['0', '7'], "1");
        assert!(refused(&host(), bad), "header {header} is another");
    }
    let unset = FakeHost::new().now(NOW).missing_secret("doudian-secret");
    assert!(refused(&unset, good));
}

#[test]
fn tests_of_the_hook_and_tags_of_no_concern_are_answered() {
    let host = host();
    let shop = shop::shop(&host, json!({}));
    let body = r#"[{"tag":"0","msg_id":"0","data":"测试"},{"tag":"400","msg_id":"9","data":"{}"},{"tag":"999"}]"#;
    let reading = deliver(&host, &shop, signed(&host, Method::Md5, body.as_bytes())).unwrap();
    assert!(reading.events.is_empty() && !reading.poll_now && reading.answer.is_some());
}

#[test]
fn what_cannot_be_read_is_kept() {
    let bodies = [
        "{}",
        "[1]",
        "nothing",
        r#"[{"msg_id":"1"}]"#,
        r#"[{"tag":"101","data":"{}"}]"#,
        r#"[{"tag":"101","msg_id":"1","data":"{"}]"#,
        r#"[{"tag":"101","msg_id":"1","data":"{}"}]"#,
        r#"[{"tag":"101","msg_id":"1","data":"{\"p_id\":1e30}"}]"#,
        r#"[{"tag":"200","msg_id":"1","data":{"p_id":1,"aftersale_id":"x"}}]"#,
    ];
    for body in bodies {
        let host = host();
        let shop = shop::shop(&host, json!({}));
        let found = deliver(&host, &shop, signed(&host, Method::Md5, body.as_bytes()));
        assert!(matches!(found, Err(Rejection::Malformed(_))), "{body}: {found:?}");
    }
}

/// An API that is down loses nothing: what is known is told once patience has ended, and the whole when it is back.
#[test]
fn an_api_that_is_down_loses_nothing() {
    let host = host();
    let shop = shop::shop(&host, json!({}));
    assert!(push(&host, &shop, "101", "1", &paid()).unwrap().poll_now);
    let poll = |host: &FakeHost| testing::with(host, || shop.poll(None));
    assert!(matches!(
        poll(&host.clone().http_answer(Ok(tributary_sdk::web::Response::body(502, "text/html", "<html>")))),
        Err(SendError::Temporary(_))
    ));
    let host = host.now(NOW + 600_000).http_answer(Err(tributary_sdk::host::http::HttpError::Timeout));
    let part = told(&poll(&host).unwrap().events);
    assert_eq!(
        testing::differs(&part[0], &json!({ "state": "paid", "total": "XXX 0", "attributes": { "partial": "true" } })),
        None,
        "{part:?}"
    );
    let whole = told(&poll(&host.clone().http_answer(answer(&detail()))).unwrap().events);
    assert_eq!(
        testing::differs(
            &whole[0],
            &json!({ "state": "paid", "total": "CNY 1990", "attributes": { "partial": null } })
        ),
        None,
        "{whole:?}"
    );
    assert!(poll(&host).unwrap().events.is_empty());
}

fn story() -> Vec<(&'static str, Value)> {
    let case = |more: Value| {
        let mut data = json!({ "p_id": ORDER, "s_id": ORDER, "aftersale_id": 7_000_893_114_000_949_517_u64, "aftersale_type": 0,
            "refund_amount": 1990 });
        data.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        data
    };
    vec![
        ("100", json!({ "p_id": ORDER, "create_time": 1_795_939_200_u64 })),
        ("101", paid()),
        (
            "105",
            json!({ "p_id": ORDER, "update_time": 1_795_939_300_u64, "receiver_msg": { "encrypt_name": "##new" } }),
        ),
        (
            "102",
            json!({ "p_id": ORDER, "update_time": 1_795_939_400_u64, "logistics_msg": { "logistics_code": "SF1" } }),
        ),
        ("103", json!({ "p_id": ORDER, "complete_time": 1_795_939_500_u64 })),
        ("200", case(json!({ "apply_time": 1_795_939_600_u64 }))),
        ("204", case(json!({ "refuse_time": 1_795_939_700_u64 }))),
        ("206", case(json!({ "success_time": 1_795_939_800_u64 }))),
    ]
}

fn after(which: &[usize]) -> (Value, Value) {
    let host = host();
    let shop = shop::shop(&host, json!({ "complete": false }));
    let mut last = Value::Null;
    for number in which {
        let (tag, data) = &story()[*number];
        let events = push(&host, &shop, tag, &number.to_string(), data).unwrap().events;
        last = told(&events).pop().unwrap_or(last);
    }
    let mut kept: Value = serde_json::from_slice(&host.state_value(&format!("order/{ORDER}")).unwrap()).unwrap();
    kept.as_object_mut().unwrap().remove("told");
    (last, kept)
}

#[test]
fn each_step_is_told_as_it_happens() {
    let states: Vec<_> =
        (0..story().len()).map(|end| after(&(0..=end).collect::<Vec<_>>()).0["state"].clone()).collect();
    let wanted =
        ["placed", "paid", "address-changed", "shipped", "delivered", "refund-requested", "delivered", "refunded"];
    assert_eq!(states, wanted);
}

proptest! {
    #[test]
    fn the_end_is_the_same(mut order in Just((0..8).flat_map(|n| [n; 3]).collect::<Vec<usize>>()).prop_shuffle(), until in 0..8_usize) {
        order.retain(|number| *number <= until);
        prop_assert_eq!(after(&order), after(&(0..=until).collect::<Vec<_>>()));
    }

    #[test]
    fn no_message_does_harm(
        tag in prop::sample::select(vec!["0", "100", "101", "104", "105", "111", "126", "200", "206", "212", "x"]),
        names in prop::collection::vec(prop::sample::select(vec!["p_id", "s_id", "aftersale_id", "update_time", "refund_amount",
            "receiver_msg", "logistics_msg", "addr", "apply_time", "remark", "aftersale_type"]), 0..8),
        numbers in prop::collection::vec(any::<i64>(), 8), words in prop::collection::vec(".{0,8}", 8), as_text: bool,
    ) {
        let fields = names.iter().enumerate().map(|(place, name)| {
            let value = match place % 4 {
                0 => json!(numbers[place].unsigned_abs()),
                1 => json!(numbers[place]),
                2 => json!(words[place]),
                _ => json!({ "addr": words[place], "logistics_code": numbers[place], "encrypt_name": null }),
            };
            ((*name).to_owned(), value)
        });
        let data = Value::Object(fields.collect());
        let data = if as_text { json!(data.to_string()) } else { data };
        let body = json!([{ "tag": tag, "msg_id": "1", "data": data }]).to_string();
        let once = || {
            let host = host();
            let shop = shop::shop(&host, json!({ "complete": false }));
            deliver(&host, &shop, signed(&host, Method::HmacSha256, body.as_bytes()))
        };
        prop_assert_eq!(once(), once());
    }

    #[test]
    fn no_bytes_do_harm(body in prop::collection::vec(any::<u8>(), 1..200)) {
        let host = host();
        let shop = shop::shop(&host, json!({}));
        let _ = deliver(&host, &shop, signed(&host, Method::Md5, &body));
    }
}

/// The entry that an operator pastes is right; few need the code.
#[test]
fn the_example_is_right_and_what_cannot_work_is_refused_with_its_key() {
    let example = testing::check_example::<Doudian>(include_str!("../example.toml"), &["doudian-code"]).unwrap();
    let wrong = [
        (json!({ "app-key": "" }), "`app-key`"),
        (json!({ "shop-id": "my shop" }), "`shop-id`"),
        (json!({ "api": "openapi-fxg.jinritemai.com" }), "`api`"),
        (json!({ "retry-seconds": 0 }), "`retry-seconds`"),
        (json!({ "tags": { "100": "created", "101": "bought" } }), "bought"),
        (json!({ "colour": "red" }), "colour"),
    ];
    testing::check_refusals::<Doudian>(&example, &wrong).unwrap();
}
