//! Bells, and calls that are none.
use proptest::prelude::*;
use serde_json::json;
use tributary_sdk::testing;
use tributary_sdk::web::Request;
use tributary_sdk::{Rejection, Sample, Sampler};

use crate::support::{ACCOUNT, AES_KEY, CORP, NOW, bell, call, company, host, receive};

fn unauthenticated<T: std::fmt::Debug>(result: Result<T, Rejection>) {
    assert!(matches!(result, Err(Rejection::Unauthenticated(_))), "{result:?}");
}

#[test]
fn a_bell_asks_for_a_poll_and_its_token_is_kept_for_ten_minutes() {
    let company = company(&json!({}));
    let host = host();
    let reading = receive(&host, &company, &bell("ENCApHxnGDNAVNY4AaSJKj4Tb5mwsEMzxhFmHVGcra996NR")).unwrap();
    assert!(reading.poll_now && reading.events.is_empty());
    assert_eq!(reading.answer.unwrap().body, b"success");
    let kept = host.state_value(&format!("bell/{ACCOUNT}")).unwrap();
    assert_eq!(kept, b"ENCApHxnGDNAVNY4AaSJKj4Tb5mwsEMzxhFmHVGcra996NR");
    // A bell that comes late still rings, and its token is worth nothing.
    let late = crate::support::host().now(NOW + 3_600_000);
    assert!(receive(&late, &company, &bell("OLD")).unwrap().poll_now);
    assert_eq!(late.state_value(&format!("bell/{ACCOUNT}")), None);
}

#[test]
fn other_events_are_answered_and_ring_nothing() {
    let other = "<xml><MsgType>event</MsgType><Event>kf_account_auth_change</Event></xml>";
    let reading = receive(&host(), &company(&json!({})), &call(other, CORP)).unwrap();
    assert!(!reading.poll_now && reading.events.is_empty());
    assert_eq!(reading.answer.unwrap().status, 200);
}

#[test]
fn what_is_not_the_platforms_is_refused() {
    let company = company(&json!({}));
    let good = bell("T");
    for bit in 0..3 {
        let at = good.url.find("msg_signature=").unwrap() + "msg_signature=".len();
        let mut url = good.url.clone().into_bytes();
        url[at] ^= 1 << bit;
        let url = String::from_utf8(url).unwrap();
        unauthenticated(receive(&host(), &company, &Request { url, ..good.clone() }));
    }
    unauthenticated(receive(&host(), &company, &call("<xml></xml>", "wwother")));
    unauthenticated(receive(&host().now(NOW + 49 * 3_600_000), &company, &good));
    for body in [&b""[..], b"<xml></xml>", b"{}", b"\xff", &vec![b'x'; 2 << 20]] {
        unauthenticated(receive(&host(), &company, &Request { body: body.to_vec(), ..good.clone() }));
    }
    let get = Request { method: "GET".into(), url: "/?echostr=x".into(), headers: Vec::new(), body: Vec::new() };
    unauthenticated(receive(&host(), &company, &get));
    let other_key = host().secret("wecom-aes-key", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG");
    assert!(matches!(receive(&other_key, &company, &good), Err(Rejection::Malformed(_))));
    let unset = host().missing_secret("wecom-token");
    assert!(
        matches!(receive(&unset, &company, &good), Err(Rejection::Malformed(words)) if words.contains("wecom-token"))
    );
}

#[test]
fn the_known_verification_is_answered_by_what_is_in_it() {
    let echo = "4ByGGj%2BsVCYcvGeQYhaKIk1o0pQRNbRjxybjTGblXrBaXlTXeOo1%2BbXFXDQQb1o6co6Yh9Bv41n7hOchLF6p%2BQ%3D%3D";
    let signature = "dd6b9c95b495b3f7e2901bfbc76c664930ffdb96";
    let url = format!("/?msg_signature={signature}&timestamp=1411443780&nonce=437374425&echostr={echo}");
    let get = Request { method: "GET".into(), url, headers: Vec::new(), body: Vec::new() };
    let host = host().secret("wecom-token", "123456").secret("wecom-aes-key", AES_KEY).now(1_411_443_790_000);
    let company = company(&json!({ "corp-id": "wx49f0ab532d5d035a" }));
    let reading = receive(&host, &company, &get).unwrap();
    let body = String::from_utf8(reading.answer.unwrap().body).unwrap();
    assert!(!body.is_empty() && body.bytes().all(|sign| sign.is_ascii_digit()), "{body}");
}

#[test]
fn a_sample_is_a_bell_without_a_token() {
    let company = company(&json!({}));
    let samples = testing::with(&host(), || company.samples("any text")).unwrap();
    let [Sample::Http(request)] = samples.as_slice() else { panic!("{samples:?}") };
    let host = host();
    assert!(receive(&host, &company, request).unwrap().poll_now);
    assert_eq!(host.state_value(&format!("bell/{ACCOUNT}")), None);
    let unset = crate::support::host().missing_secret("wecom-aes-key");
    assert!(testing::with(&unset, || company.samples("")).unwrap_err().contains("wecom-aes-key"));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn any_call_does_no_harm(clear in "\\PC{0,200}|<xml>(<[A-Za-z]{1,8}>\\PC{0,20}</[A-Za-z]{1,8}>){0,5}</xml>", at in any::<prop::sample::Index>(), byte: u8) {
        let mut call = call(&clear, CORP);
        let _ = receive(&host(), &company(&json!({})), &call);
        let place = at.index(call.body.len());
        call.body[place] = byte;
        let _ = receive(&host(), &company(&json!({})), &call);
    }
}
