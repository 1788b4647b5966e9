//! What is fetched behind the answer: files, and who people are.
use channel_wechat::WeChat;
use serde_json::{Value, json};
use tributary_sdk::host::http::HttpError;
use tributary_sdk::testing::{self, FakeHost};
use tributary_sdk::types::{Attribute, SendError};
use tributary_sdk::web::Response;
use tributary_sdk::{Batch, Poller};

use crate::support::{APP, NOW, OPENID, account, answer, answering, encrypted, host, receive, text, told};

fn media(id: u64, kind: &str, more: &str) -> Vec<u8> {
    format!(
        "<xml><FromUserName>{OPENID}</FromUserName><CreateTime>{}</CreateTime><MsgType>{kind}</MsgType>\
         <MediaId>media-{id}</MediaId>{more}<MsgId>{id}</MsgId></xml>",
        NOW / 1000
    )
    .into_bytes()
}

fn poll(host: &FakeHost, account: &WeChat) -> Result<(Vec<Value>, u32), SendError> {
    let batch = testing::with(host, || account.poll(Some("kept".into())))?;
    let Batch { events, cursor, again_in } = batch;
    assert_eq!(cursor.as_deref(), Some("kept"));
    Ok((events.iter().map(told).collect(), again_in))
}

fn picture() -> Response {
    let mut response = Response::body(200, "image/jpeg", b"\xff\xd8\xff jpeg".to_vec());
    response.headers.push(Attribute::new("content-disposition", "attachment; filename=\"media-1.jpg\""));
    response
}

#[test]
fn a_picture_is_there_after_the_message() {
    let account = account(&json!({}));
    let host = answering(host(), &[]).http_answer(Ok(picture()));
    let call = encrypted(&media(1, "image", ""), APP, "");
    assert!(receive(&host, &account, &call).unwrap().poll_now);
    let (events, again) = poll(&host, &account).unwrap();
    let wanted = json!({
        "event": "supplement", "external-id": "1", "text": null, "attributes": {},
        "files": [["media-1.jpg", "image/jpeg", 8]],
    });
    assert_eq!((events, again), (vec![wanted], 3600));
    assert!(host.requests()[1].url.contains("/cgi-bin/media/get?media_id=media-1&access_token=T1"));
    assert_eq!(host.blobs().into_values().collect::<Vec<_>>(), [b"\xff\xd8\xff jpeg".to_vec()]);
    // Sent once more, the message wants nothing more.
    assert!(!receive(&host, &account, &call).unwrap().poll_now);
    assert_eq!(poll(&host, &account).unwrap().0, [] as [Value; 0]);
}

#[test]
fn a_film_is_where_the_platform_says_and_a_picture_where_it_may_be() {
    let account = account(&json!({ "media-at-once": 3 }));
    let film = json!({ "video_url": "http://vweixinp.tc.qq.com/1007_a.mp4?key=b" });
    let host = answering(host(), &[film]);
    let host = host
        .http_answer(Ok(Response::body(200, "video/mp4", "film")))
        .http_answer(Ok(answer(&json!({"errcode": 48001}))));
    let host = host.http_answer(Ok(picture())).http_answer(Ok(answer(&json!({"errcode": 40007}))));
    receive(&host, &account, &encrypted(&media(1, "video", ""), APP, "")).unwrap();
    let good = "<PicUrl>http://mmbiz.qpic.cn/mmbiz/a/0</PicUrl>";
    receive(&host, &account, &encrypted(&media(2, "image", good), APP, "")).unwrap();
    // An address elsewhere is not followed, however it is dressed.
    let bad = "<PicUrl>http://mmbiz.qpic.cn@10.0.0.1/a</PicUrl>";
    receive(&host, &account, &encrypted(&media(3, "image", bad), APP, "")).unwrap();
    let (events, _) = poll(&host, &account).unwrap();
    assert_eq!(events[0]["files"], json!([["media-1.mp4", "video/mp4", 4]]));
    assert_eq!(events[1]["files"][0][1], "image/jpeg");
    assert_eq!(events[2]["text"], "[图片：文件无法取得]");
    assert_eq!(events[2]["attributes"], json!({ "file-missing": "errcode 40007" }));
    let urls: Vec<String> = host.requests().into_iter().map(|request| request.url).collect();
    assert_eq!(urls[2], "https://vweixinp.tc.qq.com/1007_a.mp4?key=b");
    assert_eq!(urls[4], "https://mmbiz.qpic.cn/mmbiz/a/0");
    assert_eq!(urls.len(), 6);
}

#[test]
fn a_file_that_does_not_come_is_tried_and_then_given_up_with_a_word() {
    let account = account(&json!({ "media-tries": 2 }));
    let host = answering(host(), &[]).http_answer(Err(HttpError::Timeout)).http_answer(Err(HttpError::Timeout));
    receive(&host, &account, &encrypted(&media(1, "voice", "<Recognition>words</Recognition>"), APP, "")).unwrap();
    assert_eq!(poll(&host, &account).unwrap(), (vec![], 60));
    // Not before its time.
    assert_eq!(poll(&host.clone().now(NOW + 30_000), &account).unwrap(), (vec![], 30));
    let (events, again) = poll(&host.clone().now(NOW + 60_000), &account).unwrap();
    // The spoken words stay.
    assert_eq!(events[0]["text"], Value::Null);
    assert_eq!(events[0]["attributes"], json!({ "file-missing": "no answer in 2 tries" }));
    assert_eq!(again, 3600);
    assert_eq!(host.requests().len(), 3);
}

#[test]
fn a_platform_that_is_away_costs_no_try() {
    let account = account(&json!({ "media-tries": 1 }));
    let host = answering(host(), &[]);
    receive(&host, &account, &encrypted(&media(1, "image", ""), APP, "")).unwrap();
    for bad in [
        Err(HttpError::Unreachable("no".into())),
        Ok(Response::status(502)),
        Ok(Response::body(200, "text/html", "<html>")),
        Ok(answer(&json!({ "errcode": -1, "errmsg": "busy" }))),
    ] {
        let host = host.clone().http_answer(bad);
        assert!(matches!(poll(&host, &account), Err(SendError::Temporary(_))));
    }
    let host = host.http_answer(Ok(picture()));
    assert_eq!(poll(&host, &account).unwrap().0.len(), 1);
}

#[test]
fn files_are_fetched_in_small_rounds() {
    let account = account(&json!({ "media-at-once": 2 }));
    let mut host = answering(host(), &[]);
    for id in 1..=5 {
        receive(&host, &account, &encrypted(&media(id, "image", ""), APP, "")).unwrap();
        host = host.http_answer(Ok(picture()));
    }
    let rounds: Vec<(usize, u32)> = (0..3)
        .map(|_| {
            let (events, again) = poll(&host, &account).unwrap();
            (events.len(), again)
        })
        .collect();
    assert_eq!(rounds, [(2, 0), (2, 0), (1, 3600)]);
}

#[test]
fn people_are_asked_about_once() {
    let account = account(&json!({ "unionid": true }));
    let info = json!({
        "subscribe": 1, "openid": OPENID, "nickname": "小明", "language": "zh_CN", "unionid": "o6_union", "remark": "",
        "subscribe_scene": "ADD_SCENE_QR_CODE",
    });
    let host = answering(host(), &[info]);
    assert!(receive(&host, &account, &encrypted(&text(1, NOW / 1000, "hi"), APP, "")).unwrap().poll_now);
    let (events, _) = poll(&host, &account).unwrap();
    let wanted = json!({
        "event": "profile", "display-name": "小明",
        "handles": [format!("wechat-openid:{APP}/{OPENID} verified"), "wechat-unionid:o6_union verified"],
        "tags": [], "attributes": { "wechat-subscribe-scene": "ADD_SCENE_QR_CODE" },
    });
    assert_eq!(events, [wanted]);
    assert!(!receive(&host, &account, &encrypted(&text(2, NOW / 1000, "hi"), APP, "")).unwrap().poll_now);
    let later = host.now(NOW + 8 * 24 * 3_600_000);
    let again = crate::support::account(&json!({ "unionid": true, "max-age-encrypted": 0 }));
    assert!(receive(&later, &again, &encrypted(&text(3, NOW / 1000, "hi"), APP, "")).unwrap().poll_now);
}
