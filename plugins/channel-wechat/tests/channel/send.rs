//! What leaves, and what comes of the platform's answers.
use serde_json::{Value, json};
use tributary_sdk::host::http::HttpError;
use tributary_sdk::testing;
use tributary_sdk::types::{Content, Handle, HandleKind, SendError};
use tributary_sdk::web::Response;
use tributary_sdk::{Presence, Sign};

use crate::support::{
    APP, NOW, OPENID, account, answer, answering, bodies, encrypted, file, host, outgoing, receive, send, text,
};

fn ok() -> Value {
    json!({ "errcode": 0, "errmsg": "ok" })
}

fn code(number: i64) -> Value {
    json!({ "errcode": number, "errmsg": "said" })
}

#[test]
fn a_text_is_literal_utf8_and_in_the_name_of_the_configured_member() {
    let host = answering(host(), &[ok()]);
    let account = account(&json!({ "kf-account": "agent@shop" }));
    send(&host, &account, &outgoing("1", Content::plain("您好，\"订单\" 😀"))).unwrap();
    let sent = &host.requests()[1];
    assert_eq!(sent.url, "https://api.weixin.qq.com/cgi-bin/message/custom/send?access_token=T1");
    assert!(String::from_utf8(sent.body.clone()).unwrap().contains("您好，\\\"订单\\\" 😀"));
    let wanted = json!({
        "touser": OPENID, "msgtype": "text", "text": { "content": "您好，\"订单\" 😀" },
        "customservice": { "kf_account": "agent@shop" },
    });
    assert_eq!(bodies(&host), [wanted]);
}

#[test]
fn the_same_message_again_sends_nothing_twice() {
    let account = account(&json!({ "max-text-bytes": 64 }));
    let message = outgoing("1", Content::plain("第一句话在这里说完。第二句话在这里说完。第三句话在这里说完。"));
    // The second part is refused for now, and the third is never tried.
    let host = answering(host(), &[ok(), code(-1)]);
    assert!(matches!(send(&host, &account, &message), Err(SendError::Temporary((_, Some(10))))));
    let host = host.http_answer(Ok(answer(&ok())));
    send(&host, &account, &message).unwrap();
    send(&host, &account, &message).unwrap();
    let texts: Vec<String> =
        bodies(&host).iter().map(|body| body["text"]["content"].as_str().unwrap().to_owned()).collect();
    assert_eq!(texts.len(), 3, "{texts:?}");
    assert_eq!(texts[1], texts[2], "the refused part again");
    assert_eq!(format!("{}{}", texts[0], texts[1]), message.content.text);
    assert!(texts.iter().all(|text| text.len() <= 64));
}

/// Whether an error is the one expected.
type Expected = fn(&SendError) -> bool;

#[test]
fn codes_mean_what_the_platform_says() {
    let cases: Vec<(i64, Expected)> = vec![
        (45015, |error| matches!(error, SendError::WindowClosed(_))),
        (45047, |error| matches!(error, SendError::WindowClosed(words) if words.contains("answers"))),
        (45009, |error| matches!(error, SendError::Temporary((_, Some(3600))))),
        (45011, |error| matches!(error, SendError::Temporary((_, Some(60))))),
        (-1, |error| matches!(error, SendError::Temporary((_, Some(10))))),
        (48002, |error| matches!(error, SendError::Permanent(_))),
        (43004, |error| matches!(error, SendError::Permanent(_))),
        (40003, |error| matches!(error, SendError::Permanent(_))),
        (45002, |error| matches!(error, SendError::Permanent(_))),
        (40013, |error| matches!(error, SendError::Unauthorised(_))),
        (40125, |error| matches!(error, SendError::Unauthorised(_))),
        (48001, |error| matches!(error, SendError::Unauthorised(_))),
        (40164, |error| matches!(error, SendError::Unauthorised(_))),
        (99999, |error| matches!(error, SendError::Permanent(words) if words.contains("99999"))),
    ];
    for (number, expected) in cases {
        let host = answering(host(), &[code(number)]);
        let error = send(&host, &account(&json!({})), &outgoing("1", Content::plain("hi"))).unwrap_err();
        assert!(expected(&error), "{number}: {error:?}");
    }
}

#[test]
fn a_token_that_ran_out_is_fetched_anew_once() {
    for number in [40001, 40014, 42001] {
        let token = json!({ "access_token": "T2", "expires_in": 7200 });
        let host = answering(host(), &[code(number), token.clone(), ok()]);
        send(&host, &account(&json!({})), &outgoing("1", Content::plain("hi"))).unwrap();
        let urls: Vec<String> = host.requests().into_iter().map(|request| request.url).collect();
        assert_eq!(urls.len(), 4);
        assert!(urls[0].contains("/cgi-bin/token?grant_type=client_credential&appid=wx0123456789abcdef&secret=s3cret"));
        assert_eq!(urls[2], urls[0]);
        assert!(urls[3].ends_with("access_token=T2"));
        // The newer one is kept, and used by the next message.
        let host = host.http_answer(Ok(answer(&ok())));
        send(&host, &account(&json!({})), &outgoing("2", Content::plain("hi"))).unwrap();
        assert!(host.requests()[4].url.ends_with("access_token=T2"));
        // Refused twice is refused.
        let host = answering(crate::support::host(), &[code(number), token, code(number)]);
        assert!(send(&host, &account(&json!({})), &outgoing("1", Content::plain("hi"))).is_err());
        assert_eq!(host.requests().len(), 4);
    }
}

#[test]
fn a_token_is_fetched_ahead_of_its_end_and_by_the_stable_interface_where_asked() {
    let host = answering(host(), &[ok()]);
    send(&host, &account(&json!({})), &outgoing("1", Content::plain("hi"))).unwrap();
    let host = answering(host.now(NOW + 7_150_000), &[ok()]);
    send(&host, &account(&json!({})), &outgoing("2", Content::plain("hi"))).unwrap();
    assert_eq!(host.requests().iter().filter(|request| request.url.contains("/token?")).count(), 2);

    let token = json!({ "access_token": "T2", "expires_in": 7200 });
    let host = answering(crate::support::host(), &[code(42001), token, ok()]);
    send(&host, &account(&json!({ "stable-token": true })), &outgoing("1", Content::plain("hi"))).unwrap();
    let asked: Vec<Value> = host
        .requests()
        .iter()
        .filter(|request| request.url.ends_with("/cgi-bin/stable_token"))
        .map(|request| serde_json::from_slice(&request.body).unwrap())
        .collect();
    assert_eq!(asked[0]["force_refresh"], false);
    assert_eq!(
        asked[1],
        json!({ "grant_type": "client_credential", "appid": APP, "secret": "s3cret", "force_refresh": true })
    );
}

#[test]
fn an_api_that_is_down_slow_or_another_one_is_asked_again_later() {
    let page = Response::body(200, "text/html", "<html>busy</html>");
    let mut later = Response::status(503);
    later.headers.push(tributary_sdk::types::Attribute::new("retry-after", "7"));
    let answers = [
        (Err(HttpError::Timeout), None),
        (Err(HttpError::Unreachable("refused".into())), None),
        (Ok(Response::status(500)), None),
        (Ok(Response::body(502, "text/html", "<html>")), None),
        (Ok(page), None),
        (Ok(later), Some(7)),
        (Ok(Response::body(200, "application/json", "{")), None),
        (Ok(Response::body(200, "application/json", "[]")), None),
    ];
    for (bad, after) in answers {
        let host = answering(host(), &[]).http_answer(bad.clone()).http_answer(Ok(answer(&ok())));
        let message = outgoing("1", Content::plain("hi"));
        let error = send(&host, &account(&json!({})), &message).unwrap_err();
        assert!(matches!(&error, SendError::Temporary((_, seconds)) if *seconds == after), "{bad:?}: {error:?}");
        send(&host, &account(&json!({})), &message).unwrap();
        send(&host, &account(&json!({})), &message).unwrap();
        assert_eq!(bodies(&host).len(), 2, "the lost answer's call, and its repetition");
    }
    let host = host().missing_secret("wechat-app-secret");
    let error = send(&host, &account(&json!({})), &outgoing("1", Content::plain("hi"))).unwrap_err();
    assert!(matches!(error, SendError::Unauthorised(words) if words.contains("wechat-app-secret")));
    let denied = answering(crate::support::host(), &[]).http_answer(Err(HttpError::Denied("api".into())));
    let error = send(&denied, &account(&json!({})), &outgoing("1", Content::plain("hi"))).unwrap_err();
    assert!(matches!(error, SendError::Unauthorised(_)));
}

#[test]
fn the_window_closes_by_time_and_by_number_without_a_call() {
    let account = account(&json!({}));
    let host = answering(host(), &[ok(), ok(), ok(), ok(), ok()]);
    receive(&host, &account, &encrypted(&text(1, NOW / 1000, "hi"), APP, "")).unwrap();
    for id in 0..5 {
        send(&host, &account, &outgoing(&id.to_string(), Content::plain("hi"))).unwrap();
    }
    let sixth = send(&host, &account, &outgoing("5", Content::plain("hi"))).unwrap_err();
    assert!(matches!(&sixth, SendError::WindowClosed(words) if words.contains("0 of 5")), "{sixth:?}");
    assert_eq!(bodies(&host).len(), 5);
    // The customer writes again.
    receive(&host, &account, &encrypted(&text(2, NOW / 1000 + 1, "hi"), APP, "")).unwrap();
    let host = host.http_answer(Ok(answer(&ok())));
    send(&host, &account, &outgoing("5", Content::plain("hi"))).unwrap();
    let late = host.now(NOW + 48 * 3_600_000 + 2_000);
    let error = send(&late, &account, &outgoing("6", Content::plain("hi"))).unwrap_err();
    assert!(matches!(&error, SendError::WindowClosed(words) if words.contains("48 h")), "{error:?}");
}

#[test]
fn a_menu_click_opens_three_answers_for_a_minute() {
    let account = account(&json!({}));
    let host = answering(host(), &[ok(), ok(), ok()]);
    receive(&host, &account, &encrypted(&text(1, NOW / 1000 - 3 * 24 * 3600, "old"), APP, "")).unwrap();
    let closed = send(&host, &account, &outgoing("1", Content::plain("hi")));
    assert!(matches!(closed, Err(SendError::WindowClosed(_))));
    let click = format!(
        "<xml><FromUserName>{OPENID}</FromUserName><CreateTime>{}</CreateTime><MsgType>event</MsgType>\
         <Event>CLICK</Event><EventKey>HELP</EventKey></xml>",
        NOW / 1000
    );
    receive(&host, &account, &encrypted(click.as_bytes(), APP, "")).unwrap();
    for id in 1..4 {
        send(&host, &account, &outgoing(&id.to_string(), Content::plain("hi"))).unwrap();
    }
    assert!(matches!(send(&host, &account, &outgoing("4", Content::plain("hi"))), Err(SendError::WindowClosed(_))));
    assert!(matches!(
        send(&host.now(NOW + 61_000), &account, &outgoing("5", Content::plain("hi"))),
        Err(SendError::WindowClosed(_))
    ));
}

#[test]
fn more_than_the_platform_ever_allows_is_said_before_anything_leaves() {
    let long = Content::plain("一二三四五六七八九十。".repeat(400));
    let host = answering(host(), &[]);
    let error = send(&host, &account(&json!({})), &outgoing("1", long)).unwrap_err();
    assert!(matches!(error, SendError::Permanent(words) if words.contains("7 messages")));
    let (host, mut pdf) = file(host, "a.pdf", "application/pdf", b"%PDF");
    let content = |file| Content { attachments: vec![file], ..Content::plain("see") };
    let error = send(&host, &account(&json!({})), &outgoing("1", content(pdf.clone()))).unwrap_err();
    assert!(matches!(error, SendError::Permanent(words) if words.contains("application/pdf")));
    pdf.media_type = "image/png".into();
    pdf.size = 11 << 20;
    let error = send(&host, &account(&json!({})), &outgoing("1", content(pdf))).unwrap_err();
    assert!(matches!(error, SendError::Permanent(words) if words.contains("10485760")));
    assert!(send(&host, &account(&json!({})), &outgoing("1", Content::plain(" \n"))).is_err());
    let mut nobody = outgoing("1", Content::plain("hi"));
    nobody.to.truncate(2);
    assert!(matches!(send(&host, &account(&json!({})), &nobody), Err(SendError::Permanent(_))));
    assert!(host.requests().is_empty());
}

#[test]
fn a_file_is_uploaded_once_and_anew_where_the_platform_forgot_it() {
    let (host, picture) = file(host(), "bild.png", "image/png", b"\x89PNG data");
    let content = Content { attachments: vec![picture], ..Content::plain("see") };
    let media = |id: &str| json!({ "type": "image", "media_id": id, "created_at": 1 });
    let host = answering(host, &[ok(), media("M1"), code(40007)]);
    let account = account(&json!({}));
    assert!(matches!(send(&host, &account, &outgoing("1", content.clone())), Err(SendError::Temporary(_))));
    let host = host.http_answer(Ok(answer(&media("M2")))).http_answer(Ok(answer(&ok()))).http_answer(Ok(answer(&ok())));
    send(&host, &account, &outgoing("1", content.clone())).unwrap();
    // Another message with the same picture: its id is known.
    send(&host, &account, &outgoing("2", Content { text: String::new(), ..content })).unwrap();
    let ids: Vec<Value> = bodies(&host).iter().skip(1).map(|body| body["image"]["media_id"].clone()).collect();
    assert_eq!(ids, ["M1", "M2", "M2"]);
    assert_eq!(host.requests().iter().filter(|request| request.url.contains("media/upload")).count(), 2);
}

#[test]
fn typing_is_shown_and_reading_is_not() {
    let host = answering(host(), &[ok()]);
    let account = account(&json!({}));
    let to = vec![Handle::verified(HandleKind::WechatOpenid, format!("{APP}/{OPENID}"))];
    testing::with(&host, || account.show(to.clone(), Sign::Typing)).unwrap();
    testing::with(&host, || account.show(to, Sign::Read("1".into()))).unwrap();
    assert_eq!(bodies(&host), [json!({ "touser": OPENID, "command": "Typing" })]);
}
