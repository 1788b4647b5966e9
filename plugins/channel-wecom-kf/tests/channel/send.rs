//! What leaves by `kf/send_msg`, and what comes of the platform's answers.
use serde_json::{Value, json};
use tributary_sdk::host::http::HttpError;
use tributary_sdk::testing::FakeHost;
use tributary_sdk::types::{Attachment, Attribute, Content, SendError};

use crate::support::{
    ACCOUNT, NOW, PERSON, answer, answering, bodies, company, host, item, more, outgoing, page, poll, send,
};

fn ok() -> Value {
    json!({ "errcode": 0, "errmsg": "ok", "msgid": "theirs" })
}

fn code(number: i64) -> Value {
    json!({ "errcode": number, "errmsg": "said" })
}

#[test]
fn a_text_has_the_form_of_the_platforms_page() {
    let host = answering(host(), &[ok()]);
    let id = send(&host, &company(&json!({})), &outgoing("42", Content::plain("您好 \"1042\" 😀"))).unwrap().unwrap();
    assert!(id.len() == 32 && id.bytes().all(|sign| sign.is_ascii_alphanumeric()));
    let request = &host.requests()[1];
    assert_eq!(request.url, "https://qyapi.weixin.qq.com/cgi-bin/kf/send_msg?access_token=T1");
    assert!(String::from_utf8(request.body.clone()).unwrap().contains("您好"));
    let wanted = json!({
        "touser": PERSON, "open_kfid": ACCOUNT, "msgid": id, "msgtype": "text", "text": { "content": "您好 \"1042\" 😀" },
    });
    assert_eq!(bodies(&host, "send_msg"), [wanted]);
}

#[test]
fn an_answer_that_is_lost_is_asked_for_again_under_the_same_id() {
    let company = company(&json!({ "max-text-bytes": 64 }));
    let message = outgoing("42", Content::plain("第一句话在这里说完。第二句话在这里说完。第三句话在这里说完。"));
    let host = answering(host(), &[ok()]).http_answer(Err(HttpError::Timeout));
    assert!(matches!(send(&host, &company, &message), Err(SendError::Temporary(_))));
    let host = more(host, &[ok()]);
    let id = send(&host, &company, &message).unwrap().unwrap();
    let sent = bodies(&host, "send_msg");
    assert_eq!(sent.len(), 3);
    assert_ne!(sent[0]["msgid"], sent[1]["msgid"]);
    assert_eq!(sent[1], sent[2]);
    assert_eq!(sent[2]["msgid"], id);
    // A platform that has the first attempt says so, and only then it is no failure.
    let repeated = json!({ "errcode": 40058, "errmsg": "msgid repeated" });
    let other = outgoing("44", Content::plain("hi"));
    let host = host.http_answer(Err(HttpError::Timeout));
    assert!(send(&host, &company, &other).is_err());
    let host = more(host, std::slice::from_ref(&repeated));
    send(&host, &company, &other).unwrap();
    let fresh = answering(crate::support::host(), &[repeated]);
    assert!(matches!(send(&fresh, &company, &other), Err(SendError::Permanent(_))));
    // Another message has other ids.
    let host = more(host, &[ok(), ok()]);
    send(&host, &company, &outgoing("43", message.content.clone())).unwrap();
    assert!(bodies(&host, "send_msg")[5..].iter().all(|body| sent.iter().all(|sent| sent["msgid"] != body["msgid"])));
}

#[test]
fn a_failure_that_is_told_later_finds_its_message() {
    let company = company(&json!({}));
    let host = answering(host(), &[ok()]);
    let id = send(&host, &company, &outgoing("42", Content::plain("hi"))).unwrap().unwrap();
    let event = json!({
        "msgid": "e1", "send_time": NOW / 1000, "origin": 4, "msgtype": "event",
        "event": { "event_type": "msg_send_fail", "open_kfid": ACCOUNT, "external_userid": PERSON, "fail_msgid": id, "fail_type": 4 },
    });
    let host = more(host, &[page(&[event], "c", 0)]);
    let (events, _, _) = poll(&host, &company, None).unwrap();
    assert_eq!((&events[0]["outgoing-id"], &events[0]["state"]), (&json!("42"), &json!("failed")));
    assert!(events[0]["detail"].as_str().unwrap().contains("window closed"));
}

/// Whether an error is the one expected.
type Expected = fn(&SendError) -> bool;

#[test]
fn codes_mean_what_the_platform_says() {
    let cases: Vec<(i64, Expected)> = vec![
        (95001, |error| matches!(error, SendError::WindowClosed(_))),
        (95018, |error| matches!(error, SendError::WindowClosed(_))),
        (95013, |error| matches!(error, SendError::WindowClosed(_))),
        (45009, |error| matches!(error, SendError::Temporary((_, Some(60))))),
        (-1, |error| matches!(error, SendError::Temporary(_))),
        (95000, |error| matches!(error, SendError::Permanent(_))),
        (40058, |error| matches!(error, SendError::Permanent(_))),
        (48002, |error| matches!(error, SendError::Unauthorised(_))),
        (60020, |error| matches!(error, SendError::Unauthorised(_))),
        (95017, |error| matches!(error, SendError::Unauthorised(_))),
        (40013, |error| matches!(error, SendError::Unauthorised(_))),
    ];
    for (number, expected) in cases {
        let host = answering(host(), &[code(number)]);
        let error = send(&host, &company(&json!({})), &outgoing("1", Content::plain("hi"))).unwrap_err();
        assert!(expected(&error), "{number}: {error:?}");
    }
}

#[test]
fn the_window_closes_by_number_and_by_time_in_each_dialogue() {
    let company = company(&json!({}));
    let host = answering(host(), &[page(&[item("a", NOW / 1000, "hi")], "c", 0), ok(), ok(), ok(), ok(), ok()]);
    poll(&host, &company, None).unwrap();
    for id in 0..5 {
        send(&host, &company, &outgoing(&id.to_string(), Content::plain("hi"))).unwrap();
    }
    let sixth = send(&host, &company, &outgoing("5", Content::plain("hi"))).unwrap_err();
    assert!(matches!(&sixth, SendError::WindowClosed(words) if words.contains("0 of 5")), "{sixth:?}");
    // By another account of the company nothing is known: the platform decides.
    let mut other = outgoing("6", Content::plain("hi"));
    other.attributes = vec![Attribute::new("wecom-open-kfid", "wkother")];
    let host = more(host, &[ok()]);
    send(&host, &company, &other).unwrap();
    assert_eq!(bodies(&host, "send_msg")[5]["open_kfid"], "wkother");
    let late = host.now(NOW + 48 * 3_600_000 + 1_000);
    let error = send(&late, &company, &outgoing("7", Content::plain("hi"))).unwrap_err();
    assert!(matches!(&error, SendError::WindowClosed(words) if words.contains("48 h")), "{error:?}");
}

#[test]
fn the_account_is_the_one_that_the_customer_wrote_to() {
    let company = company(&json!({ "accounts": [] }));
    let nobody = send(&host(), &company, &outgoing("1", Content::plain("hi"))).unwrap_err();
    assert!(matches!(nobody, SendError::Permanent(words) if words.contains("accounts")));
    let host = answering(host().state(&format!("account/{ACCOUNT}"), ACCOUNT.as_bytes()), &[]);
    let host = more(host, &[page(&[item("a", NOW / 1000, "hi")], "c", 0), ok()]);
    poll(&host, &company, None).unwrap();
    send(&host, &company, &outgoing("1", Content::plain("hi"))).unwrap();
    assert_eq!(bodies(&host, "send_msg")[0]["open_kfid"], ACCOUNT);
}

#[test]
fn files_go_as_what_they_are_or_as_files() {
    let kinds = [
        ("a.png", "image/png", 10, "image"),
        ("a.gif", "image/gif", 10, "file"),
        ("a.amr", "audio/amr", 10, "voice"),
        ("a.mp3", "audio/mpeg", 10, "file"),
        ("a.mp4", "video/mp4", 10, "video"),
        ("a.pdf", "application/pdf", 10, "file"),
        ("large.png", "image/png", 11 << 20, "file"),
    ];
    for (name, media_type, size, word) in kinds {
        let data = b"data".to_vec();
        let (name, media_type, blob) = (name.into(), media_type.into(), FakeHost::blob_id(&data));
        let file = Attachment { blob, name, media_type, size, content_id: None };
        let host = answering(host().blob(&data), &[json!({ "errcode": 0, "type": word, "media_id": "M1" }), ok()]);
        let content = Content { attachments: vec![file.clone()], ..Content::default() };
        send(&host, &company(&json!({})), &outgoing("1", content.clone())).unwrap();
        assert!(host.requests()[1].url.contains(&format!("/cgi-bin/media/upload?type={word}&access_token=T1")));
        let sent = &bodies(&host, "send_msg")[0];
        assert_eq!((&sent["msgtype"], &sent[word]), (&json!(word), &json!({ "media_id": "M1" })));
        // A file's id that ran out early is one attempt lost.
        let host = answering(crate::support::host().blob(&data), &[json!({ "media_id": "M1" }), code(40007)]);
        assert!(matches!(
            send(&host, &company(&json!({})), &outgoing("1", content.clone())),
            Err(SendError::Temporary(_))
        ));
        let host = host.http_answer(Ok(answer(&json!({ "media_id": "M2" })))).http_answer(Ok(answer(&ok())));
        send(&host, &company(&json!({})), &outgoing("1", content)).unwrap();
        assert_eq!(bodies(&host, "send_msg")[1][word]["media_id"], "M2");
    }
    let huge =
        Attachment { blob: "b".into(), name: "a".into(), media_type: "a/b".into(), size: 21 << 20, content_id: None };
    let content = Content { attachments: vec![huge], ..Content::plain("see") };
    let error = send(&host(), &company(&json!({})), &outgoing("1", content)).unwrap_err();
    assert!(matches!(error, SendError::Permanent(words) if words.contains("20971520")));
}
