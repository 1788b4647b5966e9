//! Calls that nobody means well with: refused where the signature is wrong, kept where only the content is.
use proptest::prelude::*;
use serde_json::json;
use tributary_sdk::testing;
use tributary_sdk::{Arrival, Channel, Document, Rejection};

use crate::support::{APP, NOW, account, encrypted, host, plain, post, receive, signed, text};

fn unauthenticated<T: std::fmt::Debug>(result: Result<T, Rejection>) {
    assert!(matches!(result, Err(Rejection::Unauthenticated(_))), "{result:?}");
}

fn malformed<T: std::fmt::Debug>(result: Result<T, Rejection>) -> String {
    match result {
        Err(Rejection::Malformed(words)) => words,
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_flipped_bit_of_a_signature_is_refused() {
    let message = text(1, NOW / 1000, "hello");
    for (mode, call) in [("plain", plain(&message)), ("encrypted", encrypted(&message, APP, ""))] {
        let account = account(&json!({ "mode": mode }));
        let name = if mode == "plain" { "?signature=" } else { "msg_signature=" };
        let at = call.url.find(name).unwrap() + name.len();
        for bit in 0..3 {
            let mut url = call.url.clone().into_bytes();
            url[at] ^= 1 << bit;
            let url = String::from_utf8(url).unwrap();
            unauthenticated(receive(&host(), &account, &tributary_sdk::web::Request { url, ..call.clone() }));
        }
        assert_eq!(receive(&host(), &account, &call).unwrap().events.len(), 1);
    }
}

#[test]
fn another_app_another_key_and_a_changed_text_are_refused() {
    let encrypted_mode = account(&json!({}));
    let message = text(1, NOW / 1000, "hello");
    unauthenticated(receive(&host(), &encrypted_mode, &encrypted(&message, "wxother", "")));
    let mut changed = encrypted(&message, APP, "");
    let at = changed.body.len() - 40;
    changed.body[at] = if changed.body[at] == b'A' { b'B' } else { b'A' };
    unauthenticated(receive(&host(), &encrypted_mode, &changed));
    let host = host().secret("wechat-aes-key", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG");
    assert!(malformed(receive(&host, &encrypted_mode, &encrypted(&message, APP, ""))).contains("EncodingAESKey"));
}

#[test]
fn what_is_too_old_is_refused_and_the_limit_is_the_operators() {
    let message = text(1, NOW / 1000, "hello");
    let old = post(&signed(NOW - 3_601_000), &message);
    unauthenticated(receive(&host(), &account(&json!({ "mode": "plain" })), &old));
    for limit in [0, 7200] {
        let account = account(&json!({ "mode": "plain", "max-age-plain": limit }));
        assert_eq!(receive(&host(), &account, &old).unwrap().events.len(), 1);
    }
    // An encrypted call that waited somewhere for a day is not lost.
    let late = host().now(NOW + 24 * 3_600_000);
    assert_eq!(receive(&late, &account(&json!({})), &encrypted(&message, APP, "")).unwrap().events.len(), 1);
    let too_late = host().now(NOW + 49 * 3_600_000);
    unauthenticated(receive(&too_late, &account(&json!({})), &encrypted(&message, APP, "")));
}

#[test]
fn the_other_mode_is_parked_and_never_believed() {
    let message = text(1, NOW / 1000, "hello");
    assert!(malformed(receive(&host(), &account(&json!({})), &plain(&message))).contains("`mode` is encrypted"));
    let account = account(&json!({ "mode": "plain" }));
    assert!(malformed(receive(&host(), &account, &encrypted(&message, APP, ""))).contains("`mode` is plain"));
}

#[test]
fn in_compatible_mode_the_encrypted_form_counts() {
    let forged = "<FromUserName>oSomebodyElse</FromUserName><MsgType>text</MsgType><Content>forged</Content>";
    let call = encrypted(&text(1, NOW / 1000, "true"), APP, forged);
    let reading = receive(&host(), &account(&json!({ "mode": "compatible" })), &call).unwrap();
    assert_eq!(crate::support::told(&reading.events[0])["text"], "true");
}

#[test]
fn nobody_without_the_token_parks_anything() {
    for body in [&b""[..], b"<xml>", b"{}", b"<xml><A>&b;</A></xml>", b"\xff"] {
        for mode in ["plain", "compatible", "encrypted"] {
            let account = account(&json!({ "mode": mode }));
            unauthenticated(receive(&host(), &account, &post(&[], body)));
            unauthenticated(receive(&host(), &account, &post(&[("msg_signature", "x".into())], body)));
            malformed(receive(&host(), &account, &plain(body)));
        }
    }
    let large = plain(&vec![b'x'; 2 << 20]);
    assert!(malformed(receive(&host(), &account(&json!({})), &large)).contains("max-body-bytes"));
}

#[test]
fn an_id_that_nobody_can_have_is_none() {
    let long = "o".repeat(3_000);
    let message = text(1, NOW / 1000, "hello");
    let message = String::from_utf8(message).unwrap().replace(crate::support::OPENID, &long);
    assert!(
        malformed(receive(&host(), &account(&json!({})), &encrypted(message.as_bytes(), APP, "")))
            .contains("FromUserName")
    );
}

#[test]
fn a_secret_that_is_not_set_is_named_and_loses_nothing() {
    let message = text(1, NOW / 1000, "hello");
    for name in ["wechat-token", "wechat-aes-key"] {
        let host = host().missing_secret(name);
        let words = malformed(receive(&host, &account(&json!({})), &encrypted(&message, APP, "")));
        assert!(words.contains(name), "{words}");
    }
    let document = Document { name: "a".into(), media_type: "b".into(), data: Vec::new() };
    malformed(testing::with(&host(), || account(&json!({})).receive(Arrival::Document(document))));
}

#[test]
fn three_times_late_and_out_of_order_is_one_of_each() {
    let account = account(&json!({}));
    let host = host();
    let mut ids = std::collections::BTreeMap::new();
    for id in [3, 1, 2, 1, 3, 2, 2, 3, 1] {
        let call = encrypted(&text(id, NOW / 1000 + id, "hello"), APP, "");
        let told = crate::support::told(&receive(&host, &account, &call).unwrap().events[0]);
        ids.insert(told["external-id"].to_string(), told["sent-at"].as_u64().unwrap());
    }
    assert_eq!(ids.len(), 3);
    // The window is open from the newest of them on, whatever came last.
    let window = String::from_utf8(host.state_value(&format!("window/{}", crate::support::OPENID)).unwrap()).unwrap();
    assert_eq!(window, (NOW + 3_000).to_string());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn any_signed_body_does_no_harm(body in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = receive(&host(), &account(&json!({ "mode": "plain", "unionid": true })), &plain(&body));
        let _ = receive(&host(), &account(&json!({})), &encrypted(&body, APP, ""));
    }

    #[test]
    fn any_fields_do_no_harm(
        kind in "(text|image|voice|location|event|link|[a-z]{0,5})",
        fields in proptest::collection::vec(("[A-Za-z_]{1,12}|Event|EventKey|MediaId|CreateTime|MsgId", "\\PC{0,40}"), 0..12),
    ) {
        let inner: String = fields.iter().map(|(name, value)| format!("<{name}><![CDATA[{}]]></{name}>", value.replace("]]>", ""))).collect();
        let body = format!("<xml><FromUserName>o1</FromUserName><MsgType>{kind}</MsgType>{inner}</xml>");
        let reading = receive(&host(), &account(&json!({ "mode": "plain", "unionid": true })), &plain(body.as_bytes())).unwrap();
        for event in &reading.events {
            prop_assert!(crate::support::told(event)["external-id"].as_str().is_none_or(|id| id.len() < 200));
        }
    }

    #[test]
    fn damaged_calls_do_no_harm(at in any::<prop::sample::Index>(), byte: u8, in_url: bool) {
        let mut call = encrypted(&text(1, NOW / 1000, "hello"), APP, "");
        if in_url {
            let mut url = call.url.into_bytes();
            let place = at.index(url.len());
            url[place] = byte & 0x7f;
            call.url = String::from_utf8_lossy(&url).into_owned();
        } else {
            let place = at.index(call.body.len());
            call.body[place] = byte;
        }
        let _ = receive(&host(), &account(&json!({})), &call);
    }
}
