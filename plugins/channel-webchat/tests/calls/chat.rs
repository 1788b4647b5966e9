//! What a visitor does, over several calls.
use crate::world::{NOW, ORIGIN, World, body, call, post, with};
use serde_json::{Value, json};
use tributary_sdk::testing::{self, FakeHost};
use tributary_sdk::types::{ChannelEvent, DeliveryState, Inbound};
use tributary_sdk::web::Request;
use tributary_sdk::{Arrival, Channel, Sample, Sampler};

fn message(events: Vec<ChannelEvent>) -> Inbound {
    match events.into_iter().next() {
        Some(ChannelEvent::Message(message)) => message,
        other => panic!("a message, not {other:?}"),
    }
}

/// A call that carries a file.
fn file(token: &str, id: &str, name: &str, kind: &str, data: &[u8]) -> Request {
    let request = with(call("POST", "/files", Some(token)), "content-type", Some(kind));
    let mut request = with(with(request, "x-message-id", Some(id)), "x-file-name", Some(name));
    request.body = data.into();
    request
}

#[test]
fn the_same_call_again_tells_the_same_and_shows_nothing_twice() {
    let world = World::new(json!({}));
    let (token, visitor) = world.anonymous();
    let request = post("/messages", Some(&token), &json!({ "id": "m1", "text": "Is it waterproof?" }));
    let first = world.call(request.clone());
    let second = world.call(request);
    assert_eq!(first, second);
    let message = message(first.0);
    assert_eq!(message.external_id, Some(format!("{visitor}/m1")));
    assert_eq!(message.thread.thread_key, Some(visitor));
    assert_eq!(body(&first.1), json!({ "id": "m1", "at": NOW }));
    assert_eq!(world.host.feed().len(), 1);
}

#[test]
fn two_visitors_may_make_the_same_id() {
    let world = World::new(json!({}));
    let one = world.anonymous().0;
    let other = world.signed(&json!({ "sub": "42", "exp": NOW / 1000 + 60 }));
    let ids: Vec<_> = [one, other]
        .iter()
        .map(|token| world.call(post("/messages", Some(token), &json!({ "id": "m1", "text": "hello" }))).0)
        .map(|events| message(events).external_id)
        .collect();
    assert_ne!(ids[0], ids[1]);
}

#[test]
fn a_file_is_kept_as_it_is_and_given_back_to_its_visitor_alone() {
    let world = World::new(json!({ "max-file-bytes": 1000 }));
    let (token, _) = world.anonymous();
    let data = b"\x89PNG\r\n\x1a\n...".as_slice();
    let (events, answer) = world.call(file(&token, "f1", "%E6%94%B6%E6%8D%AE.png", "image/png; q=1", data));
    assert_eq!(answer.status, 200);
    let attachment = message(events).content.attachments.remove(0);
    assert_eq!((attachment.name.as_str(), attachment.media_type.as_str()), ("收据.png", "image/png"));
    assert_eq!(world.host.blobs()[&attachment.blob], data);

    let path = format!("/files/{}", attachment.blob);
    let answer = world.quiet(call("GET", &path, Some(&token)));
    assert_eq!((answer.status, answer.header("blob-body")), (200, Some(attachment.blob.as_str())));
    assert_eq!(answer.header("content-type"), Some("image/png"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    let name = "attachment; filename*=UTF-8''%E6%94%B6%E6%8D%AE.png";
    assert_eq!(answer.header("content-disposition"), Some(name));
    let other = world.signed(&json!({ "sub": "42", "exp": NOW / 1000 + 60 }));
    assert_eq!(world.quiet(call("GET", &path, Some(&other))).status, 404);
    assert_eq!(world.quiet(call("GET", "/files/../../secrets", Some(&token))).status, 404);

    for (kind, data, status) in [
        ("text/html", b"<script>".to_vec(), 415),
        ("image/svg+xml", b"<svg/>".to_vec(), 415),
        ("", b"x".to_vec(), 415),
        ("image/png", vec![0; 1001], 413),
        ("image/png", Vec::new(), 413),
    ] {
        assert_eq!(world.quiet(file(&token, "f2", "a", kind, &data)).status, status, "{kind}");
    }
    assert_eq!(world.host.blobs().len(), 1);
}

#[test]
fn a_visitor_who_writes_too_much_waits() {
    let config = json!({ "messages-per-minute": 3, "files-per-minute": 1, "anonymous-per-minute": 4 });
    let world = World::new(config);
    let token = world.anonymous().0;
    let write = |number: u32| post("/messages", Some(&token), &json!({ "id": format!("m{number}"), "text": "hello" }));
    for number in 0..3 {
        assert_eq!(world.call(write(number)).1.status, 200);
    }
    let refused = world.quiet(write(3));
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("60")));
    assert_eq!(world.call(file(&token, "f1", "a.txt", "text/plain", b"a")).1.status, 200);
    assert_eq!(world.quiet(file(&token, "f2", "a.txt", "text/plain", b"a")).status, 429);

    // All anonymous visitors together have used up theirs; one of the shop's has not.
    let seed = json!({ "seed": "another browser's secret of 32 characters or more" });
    let another = body(&world.quiet(post("/session", None, &seed)));
    let another = another["token"].as_str().unwrap();
    let hello = json!({ "id": "m1", "text": "hello" });
    assert_eq!(world.quiet(post("/messages", Some(another), &hello)).status, 429);
    let customer = world.signed(&json!({ "sub": "42", "exp": NOW / 1000 + 300 }));
    assert_eq!(world.call(post("/messages", Some(&customer), &hello)).1.status, 200);

    drop(world.host.clone().now(NOW + 60_000));
    assert_eq!(world.call(write(3)).1.status, 200);
}

#[test]
fn only_who_was_shown_a_message_says_that_it_was_read() {
    let world = World::new(json!({}));
    let (token, visitor) = world.anonymous();
    testing::with(&world.host, || world.chat.send(crate::shop::outgoing("17", &visitor, "Yes, it is."))).unwrap();
    let shown: Value = serde_json::from_str(&world.host.feed()[0].data).unwrap();
    let id = shown["id"].as_str().unwrap();
    let mark = id.split_once('.').unwrap().1;

    let marks = json!({ "delivered": [id], "read": [id, "17", "17.", format!("18.{mark}"), "nonsense"] });
    let (events, answer) = world.call(post("/read", Some(&token), &marks));
    assert_eq!(answer.status, 204);
    let told: Vec<_> = events
        .into_iter()
        .map(|event| match event {
            ChannelEvent::Delivery(delivery) => (delivery.outgoing_id.unwrap(), delivery.state),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(told, [("17".to_owned(), DeliveryState::Delivered), ("17".to_owned(), DeliveryState::Read)]);

    let stranger = world.signed(&json!({ "sub": "42", "exp": NOW / 1000 + 60 }));
    assert_eq!(world.quiet(post("/read", Some(&stranger), &marks)).status, 204);
}

/// A message left in the box is answered once, however many follow before the shop opens.
#[test]
fn the_message_box_answers_once() {
    let opening = json!([{ "days": ["mon", "tue", "wed", "thu"], "from": "09:00", "to": "18:00" }]);
    let world = World::new(json!({ "opening": opening }));
    let (token, _) = world.anonymous();
    let contact = json!({ "email": "li@shop.example", "name": "李薇" });
    for id in ["m1", "m2"] {
        let json = json!({ "id": id, "text": "退货怎么办？", "lang": "zh-CN", "contact": contact });
        let message = message(world.call(post("/messages", Some(&token), &json)).0);
        assert_eq!(message.attribute("message-box"), Some("true"));
        assert_eq!(message.display_name.as_deref(), Some("李薇"));
    }
    let feed = world.host.feed();
    let from: Vec<Value> =
        feed.iter().map(|item| serde_json::from_str::<Value>(&item.data).unwrap()["from"].clone()).collect();
    assert_eq!(from, ["visitor", "system", "visitor"]);
    assert!(feed[1].data.contains("留言已收到"), "{}", feed[1].data);
}

#[test]
fn the_script_is_whole_and_asked_for_once() {
    let world = World::new(json!({ "colour": "#123456", "title": { "en": "Ask \"us\" </script>" } }));
    // A page asks for a script without an Origin, and from anywhere.
    let answer = world.quiet(with(call("GET", "/widget.js?v=1", None), "origin", None));
    let text = String::from_utf8(answer.body.clone()).unwrap();
    assert_eq!(answer.header("content-type"), Some("text/javascript; charset=utf-8"));
    for part in ["#123456", r#"Ask \"us\""#, "TributaryChat", "text/event-stream"] {
        assert_eq!(text.contains(part), part != "text/event-stream", "{part}");
    }
    let size = text.len();
    assert!(size < 40_000, "{size} bytes");
    let tag = answer.header("etag").unwrap().to_owned();
    let again = world.quiet(with(call("GET", "/widget.js", None), "if-none-match", Some(&format!("W/\"x\", {tag}"))));
    assert_eq!((again.status, again.body.len()), (304, 0));
    let other = World::new(json!({})).quiet(call("GET", "/widget.js", None));
    assert_ne!(other.header("etag"), Some(tag.as_str()));
}

#[test]
fn a_sample_is_what_the_script_would_send() {
    let world = World::new(json!({ "audience": "chat" }));
    let samples = testing::with(&world.host, || world.chat.samples("Does it work?")).unwrap();
    let [Sample::Http(request)] = &samples[..] else { panic!("one call") };
    let message = message(world.call(request.clone()).0);
    assert_eq!(message.content.text, "Does it work?");
    assert_eq!(request.header("origin"), Some(ORIGIN));

    let short = FakeHost::new().now(NOW).secret("webchat-key", "short");
    let problem = testing::with(&short, || world.chat.samples("x")).unwrap_err();
    assert!(problem.contains("32"), "{problem}");
    let none = testing::with(&FakeHost::new(), || world.chat.samples("x")).unwrap_err();
    assert!(none.contains("webchat-key"), "{none}");
}

#[test]
fn a_mail_is_none_of_its_affairs() {
    let world = World::new(json!({}));
    let mail =
        tributary_sdk::Envelope { mail_from: String::new(), rcpt_to: Vec::new(), data: b"From: a@b.cn\r\n\r\n".into() };
    assert!(testing::with(&world.host, || world.chat.receive(Arrival::Mail(mail))).is_err());
}
