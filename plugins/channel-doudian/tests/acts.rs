//! Acts through the open platform, and the reference clients: what we sign is valid to them, what they sign is taken here,
//! and for the same act at the same moment they would send the same call.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#[path = "support/shop.rs"]
mod shop;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use channel_doudian::sign;
use serde_json::{Value, json};
use shop::{KEY, NOW, answer, deliver, detail, host, refusal, signed, told};
use tributary_sdk::testing::{self, FakeHost};
use tributary_sdk::trade::{Operation, Refund};
use tributary_sdk::types::{Money, SendError};
use tributary_sdk::web::{Request, Response};
use tributary_sdk::{Commerce, Sample, Sampler};

const ORDER: &str = "4836875908288530057";

fn answering(answers: Vec<Result<Response, tributary_sdk::host::http::HttpError>>) -> FakeHost {
    answers.into_iter().fold(host(), FakeHost::http_answer)
}

fn perform(host: &FakeHost, operation: Operation) -> Result<String, SendError> {
    let shop = shop::shop(host, json!({}));
    testing::with(host, || shop.perform(operation, "T1/1".into()))
}

fn path(request: &Request) -> &str {
    request.url.strip_prefix("https://openapi-fxg.jinritemai.com").unwrap().split('?').next().unwrap()
}

fn body(request: &Request) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

fn refund(minor: i64) -> Operation {
    let amount = Money { currency: "CNY".into(), minor };
    Operation::Refund(Refund { order_id: ORDER.into(), amount, reason: "破损 <同意> & 退款".into() })
}

fn cases(kind: i64, status: i64) -> Value {
    json!({ "items": [{ "aftersale_info": { "aftersale_id": "7000893114000949517", "aftersale_type": kind,
        "aftersale_status": status, "refund_amount": 1990, "update_time": 1_795_939_700 }, "order_info": {} }],
        "total": 1, "has_more": false })
}

fn done() -> Value {
    json!({ "items": [{ "aftersale_id": 7_000_893_114_000_949_517_u64, "status_code": 0, "status_msg": "" }] })
}

#[test]
fn a_refund_agrees_to_what_the_buyer_applied_for_once() {
    for (kind, status, does) in [(1, 6, 201), (2, 6, 201), (0, 11, 111)] {
        let host = answering(vec![answer(&cases(kind, status)), answer(&done())]);
        assert_eq!(perform(&host, refund(1990)).unwrap(), "7000893114000949517");
        assert_eq!(perform(&host, refund(1990)).unwrap(), "7000893114000949517");
        let requests = host.requests();
        assert_eq!(requests.iter().map(path).collect::<Vec<_>>(), ["/afterSale/List", "/afterSale/operate"]);
        let asked = body(&requests[1]);
        assert_eq!((&asked["type"], &asked["items"][0]["aftersale_id"]), (&json!(does), &json!("7000893114000949517")));
        assert_eq!(asked["items"][0]["update_time"], 1_795_939_700);
    }
    // The answer was lost; the case says that it is done.
    let host = answering(vec![answer(&cases(1, 12))]);
    assert_eq!(perform(&host, refund(1990)).unwrap(), "7000893114000949517");
    for host in [answering(vec![answer(&json!({ "items": [] }))]), answering(vec![answer(&cases(1, 6))])] {
        assert!(matches!(perform(&host, refund(2000)), Err(SendError::Permanent(_))));
    }
}

#[test]
fn returns_exchanges_parcels_and_addresses() {
    let host = answering(vec![answer(&cases(0, 6)), answer(&done())]);
    perform(&host, Operation::CreateReturn(ORDER.into())).unwrap();
    let asked = body(&host.requests()[1]);
    assert_eq!((&asked["type"], &asked["items"][0]["logistics"]["receiver_address_id"]), (&json!(101), &json!(77)));
    let host = answering(vec![answer(&cases(3, 6)), answer(&done())]);
    perform(&host, Operation::Exchange(ORDER.into())).unwrap();
    assert_eq!(body(&host.requests()[1])["type"], 301);
    let refused = json!({ "items": [{ "aftersale_id": 1, "status_code": 11001, "status_msg": "暂不支持" }] });
    let host = answering(vec![answer(&cases(3, 6)), answer(&refused)]);
    let Err(SendError::Permanent(words)) = perform(&host, Operation::Exchange(ORDER.into())) else { panic!("refused") };
    assert!(words.contains("暂不支持"), "{words}");

    let mut shipped = detail();
    shipped["shop_order_detail"]["logistics_info"] = json!([{ "company": "shunfeng", "tracking_no": "SF1" }]);
    let stopped = json!({ "intercept_results": [{ "tracking_no": "SF1", "is_success": true }] });
    let host = answering(vec![answer(&shipped), answer(&cases(1, 6)), answer(&stopped)]);
    assert_eq!(perform(&host, Operation::InterceptParcel(ORDER.into())).unwrap(), "SF1");
    assert_eq!(body(&host.requests()[2])["after_sale_id"], 7_000_893_114_000_949_517_u64);
    let host = answering(vec![answer(&detail())]);
    assert!(matches!(perform(&host, Operation::InterceptParcel(ORDER.into())), Err(SendError::Permanent(_))));

    let host = answering(vec![answer(&json!({}))]).state(&format!("address-asked/{ORDER}"), b"");
    perform(&host, Operation::ChangeAddress((ORDER.into(), "whatever".into()))).unwrap();
    let request = host.requests().remove(0);
    assert_eq!(path(&request), "/order/addressConfirm");
    assert_eq!(request.body, format!(r#"{{"is_approved":0,"order_id":"{ORDER}"}}"#).into_bytes());
    let vague = perform(&answering(vec![]), Operation::ChangeAddress((ORDER.into(), "广东省广州市".into())));
    assert!(matches!(vague, Err(SendError::Permanent(_))));
    for operation in [
        Operation::Coupon((ORDER.into(), Money { currency: "CNY".into(), minor: 1 })),
        Operation::ExtendWarranty((ORDER.into(), 9)),
    ] {
        assert!(matches!(perform(&answering(vec![]), operation), Err(SendError::Permanent(_))));
    }
}

#[test]
fn an_order_is_looked_up_with_exact_ids() {
    let host = answering(vec![answer(&detail())]);
    let shop = shop::shop(&host, json!({}));
    let found = testing::with(&host, || shop.look_up(format!("{ORDER}A"))).unwrap().unwrap();
    let wanted = json!({ "id": ORDER, "state": "paid", "at": 1_795_939_260_000_u64, "total": "CNY 1990",
        "buyer": ["marketplace-buyer:doudian/1@#VrtJKX59ew== verified"], "lines": [{ "sku": "CUP-1", "title": "保温杯", "quantity": 2, "price": 995 }],
        "attributes": { "note": "请尽快发货", "order-amount": "21.90 CNY", "receiver-encrypted": "##abc", "phone-encrypted": "$$def",
            "address-encrypted": "#xyz", "shipping-area": "广东省 广州市 天河区", "partial": null } });
    assert_eq!(testing::differs(&testing::told(&tributary_sdk::types::ChannelEvent::Order(found)), &wanted), None);
    let none = answering(vec![refusal(40004, "isv.parameter-invalid:20014", "查询订单不存在")]);
    assert_eq!(testing::with(&none, || shop.look_up(ORDER.into())), Ok(None));
}

#[test]
fn a_token_is_made_renewed_and_tried_once_more() {
    let token = |access: &str| answer(&json!({ "access_token": access, "refresh_token": "r", "expires_in": 604_800 }));
    let shop = shop::shop(&host(), json!({}));
    let ask = |host: &FakeHost| testing::with(host, || shop.look_up(ORDER.into()));
    let paths = |host: &FakeHost| host.requests().iter().map(|one| path(one).to_owned()).collect::<Vec<_>>();
    let uses = |request: &Request, access: &str| request.url.contains(&format!("access_token={access}&"));

    let fresh = FakeHost::new()
        .now(NOW)
        .secret("doudian-secret", "hush")
        .http_answer(token("a1"))
        .http_answer(answer(&detail()));
    assert!(ask(&fresh).is_ok());
    assert_eq!(paths(&fresh), ["/token/create", "/order/orderDetail"]);
    let created = body(&fresh.requests()[0]);
    assert_eq!(created, json!({ "code": "", "grant_type": "authorization_self", "shop_id": "12345678" }));
    assert!(uses(&fresh.requests()[1], "a1") && !fresh.requests()[0].url.contains("access_token"));

    let expired = || refusal(40003, "isv.access-token-expired", "access_token已过期");
    let host = answering(vec![expired(), token("a2"), answer(&detail())]);
    assert!(ask(&host).is_ok());
    assert_eq!(paths(&host), ["/order/orderDetail", "/token/refresh", "/order/orderDetail"]);
    assert!(uses(&host.requests()[2], "a2"));
    let host = answering(vec![expired(), token("a2"), expired()]);
    assert!(matches!(ask(&host), Err(SendError::Unauthorised(_))), "once more, and not again");
    let over = refusal(50001, "dop.token-generate-failed:token-expired", "token已过期");
    let host = answering(vec![expired(), over, token("a3"), answer(&detail())]);
    assert!(ask(&host).is_ok());
    assert_eq!(paths(&host)[1..3], ["/token/refresh".to_owned(), "/token/create".to_owned()]);
    let soon = shop::host().now(NOW + 86_400_000 - 1_000).http_answer(token("a4")).http_answer(answer(&detail()));
    assert!(ask(&soon).is_ok());
    assert_eq!(paths(&soon)[0], "/token/refresh");
    let tool = shop::shop(&FakeHost::new(), json!({ "app": "tool" }));
    let unset = FakeHost::new().now(NOW).secret("doudian-secret", "hush");
    let asked = testing::with(&unset, || tool.look_up(ORDER.into()));
    assert!(matches!(asked, Err(SendError::Unauthorised(words)) if words.contains("doudian-code")));
}

#[test]
fn failures_say_who_is_asked_to_act() {
    let cases = [
        (refusal(60000, "isv.traffic-limited", "请求太频繁"), "temporary"),
        (refusal(20000, "dop.service-error", "服务调用失败"), "temporary"),
        (refusal(50002, "isv.business-failed:20004", "系统繁忙，请稍后重试"), "temporary"),
        (refusal(50002, "isv.business-failed:80001", "部分发货不能修改收货地址"), "permanent"),
        (refusal(30001, "dop.authorization-closed", "店铺授权已被关闭"), "unauthorised"),
        (refusal(40003, "isv.signature-invalid", "签名校验失败"), "permanent"),
        (Ok(Response::body(200, "text/html", "<html>")), "temporary"),
        (Ok(Response::body(500, "text/html", "")), "temporary"),
        (Ok(Response::status(403)), "unauthorised"),
        (Err(tributary_sdk::host::http::HttpError::Timeout), "temporary"),
        (Err(tributary_sdk::host::http::HttpError::Denied("x".into())), "permanent"),
    ];
    for (told, wanted) in cases {
        let host = answering(vec![told.clone()]);
        let shop = shop::shop(&host, json!({}));
        let found = match testing::with(&host, || shop.look_up(ORDER.into())) {
            Err(SendError::Temporary(_)) => "temporary",
            Err(SendError::Unauthorised(_)) => "unauthorised",
            Err(SendError::Permanent(_)) => "permanent",
            _ => "something else",
        };
        assert_eq!(found, wanted, "{told:?}");
    }
}

fn python(input: &Value) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = folder.join("../../target/peers/venv/bin/python");
    assert!(python.exists(), "no peers: run `cargo xtask test`, which installs them");
    let mut child = Command::new(python)
        .arg(folder.join("tests/peers/reference.py"))
        .env("PYTHONIOENCODING", "utf-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "the peer failed");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Parameters of every shape, the same each time.
fn parameters(number: u64) -> Value {
    let mut seed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = move |below: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % below
    };
    fn value(next: &mut impl FnMut(u64) -> u64, depth: u32) -> Value {
        let words = ["订单", "<>&'\"", "a/b\\c", "", "tab\tline\n", "😀", "plain", "\u{7f}\u{2028}"];
        match next(if depth > 2 { 5 } else { 7 }) {
            0 => json!(u64::MAX - next(1000)),
            1 => json!(-(i64::try_from(next(1 << 60)).unwrap())),
            2 => json!(next(2) == 0),
            3 => Value::Null,
            4 => json!(words[usize::try_from(next(8)).unwrap()]),
            5 => (0..next(4)).map(|_| value(next, depth + 1)).collect(),
            _ => {
                let keys = ["b", "a", "Z", "中", "a_b", "ab", "é", "1"];
                let fields =
                    (0..next(6)).map(|_| (keys[usize::try_from(next(8)).unwrap()].to_owned(), value(next, depth + 1)));
                Value::Object(fields.collect())
            }
        }
    }
    let fields = (0..=next(5)).map(|place| (format!("k{}", (place * 7) % 5), value(&mut next, 0)));
    Value::Object(fields.collect())
}

#[test]
fn the_reference_clients_and_the_channel_agree() {
    let host = host();
    let shop = shop::shop(&host, json!({ "complete": false }));
    let Sample::Http(sample) = testing::with(&host, || shop.samples("加急 <M> & 订单")).unwrap().remove(0) else {
        panic!()
    };
    let mut flipped = sample.clone();
    flipped.body[5] ^= 1;
    let call = |request: &Request| {
        let headers = request.headers.iter().map(|header| (header.name.clone(), json!(header.value)));
        json!({ "headers": headers.collect::<serde_json::Map<_, _>>(), "body": String::from_utf8_lossy(&request.body) })
    };

    // Calls that acts make, and then many that none makes.
    let made = answering(vec![answer(&cases(1, 6)), answer(&done()), answer(&detail())]);
    perform(&made, refund(1990)).unwrap();
    testing::with(&made, || shop.look_up(ORDER.into())).unwrap();
    let fresh = FakeHost::new().now(NOW).secret("doudian-secret", "hush").http_answer(refusal(50001, "x", "no"));
    assert!(testing::with(&fresh, || shop.look_up(ORDER.into())).is_err());
    let mut requests: Vec<Value> = made.requests().iter().chain(&fresh.requests())
        .map(|request| json!({ "url": request.url, "body": String::from_utf8_lossy(&request.body), "parameters": body(request) }))
        .collect();
    let acts = requests.len();
    for number in 0..500 {
        let parameters = parameters(number);
        let param_json = sign::canonical(&parameters);
        let signature =
            testing::with(&host, || sign::call(KEY, "order.orderDetail", &param_json, "1795946400")).unwrap();
        let query = format!(
            "app_key={KEY}&method=order.orderDetail&access_token=a&timestamp=1795946400&v=2&sign_method=hmac-sha256&sign={signature}"
        );
        requests.push(json!({ "url": format!("https://x/order/orderDetail?{query}"), "body": param_json, "parameters": parameters }));
    }
    let input = json!({ "key": KEY, "secret": "hush", "calls": [call(&sample), call(&flipped)], "requests": requests });
    let found = python(&input);
    assert_eq!(found["verdicts"][0].as_array().unwrap().len(), 2);
    assert_eq!(found["verdicts"][1], Value::Null);

    let mut plain = 0;
    for (place, (request, theirs)) in requests.iter().zip(found["requests"].as_array().unwrap()).enumerate() {
        let sign = &theirs["ours"]["sign"];
        assert_eq!(sign, &theirs["over-our-body"], "{request}");
        assert_eq!((sign, &request["body"]), (&theirs["mcp"]["sign"], &theirs["mcp"]["body"]), "{request}");
        if request["body"].as_str().unwrap().bytes().all(|byte| byte.is_ascii() && byte != 0x7f) {
            plain += 1;
            assert_eq!(request["body"], theirs["doudian"]["body"]);
            let mut query = theirs["doudian"]["query"].clone();
            // `doudian` repeats the parameters of calls for a token in the URL.
            query.as_object_mut().unwrap().remove("param_json");
            assert_eq!(theirs["ours"], query, "{request}");
            assert!(
                place >= acts || request["url"].as_str().unwrap().contains(theirs["doudian"]["path"].as_str().unwrap())
            );
        }
    }
    assert!(plain >= 50, "only {plain} in plain ASCII");

    for push in found["pushes"].as_array().unwrap() {
        let mut request = signed(&host, sign::Method::Md5, push["body"].as_str().unwrap().as_bytes());
        assert_eq!(request.header("event-sign"), push["headers"]["event-sign"].as_str());
        let mut bad = request.clone();
        bad.body[3] ^= 1;
        assert!(deliver(&host, &shop, bad).is_err());
        request.headers.reverse();
        let events = deliver(&host, &shop, request).unwrap().events;
        for told in told(&events) {
            assert_eq!(told["id"], "9007199254740993");
        }
    }
}
