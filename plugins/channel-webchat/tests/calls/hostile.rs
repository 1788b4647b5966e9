//! Calls that nobody means well with: no panic, a reason for every refusal, and the same events for the same call.
use crate::world::{NOW, World, body, call, post, with};
use proptest::prelude::*;
use serde_json::json;
use tributary_sdk::types::{Attribute, ChannelEvent};
use tributary_sdk::web::Request;

/// The same call in two worlds gives the same; a refusal is a refusal and says why.
fn holds(request: &Request) {
    let [(events, answer), again] = [(); 2].map(|()| World::new(json!({})).call(request.clone()));
    assert_eq!((&events, &answer), (&again.0, &again.1));
    assert!(events.is_empty() || (200..300).contains(&answer.status), "{answer:?}");
    if answer.status >= 400 {
        assert!(body(&answer)["error"].is_string(), "{answer:?}");
    }
    assert!(answer.headers.iter().all(|header| !header.value.contains(['\r', '\n'])), "{answer:?}");
}

fn token() -> String {
    World::new(json!({})).signed(&json!({ "sub": "42", "exp": NOW / 1000 + 60 }))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn any_call_is_answered(
        method in "(GET|POST|OPTIONS|HEAD|PUT|[A-Z]{1,5})",
        url in "(/(messages|files|session|stream|read|typing|widget.js|demo|files/[0-9a-f]{64})?|.{0,40})(\\?.{0,20})?",
        headers in proptest::collection::vec(("(origin|authorization|content-type|x-file-name|x-message-id|sec-fetch-site|[a-z-]{1,9})", ".{0,60}"), 0..5),
        data in proptest::collection::vec(any::<u8>(), 0..300),
        signed in any::<bool>(),
    ) {
        let mut request = call(&method, &url, signed.then(token).as_deref());
        request.headers.extend(headers.into_iter().map(|(name, value)| Attribute::new(name, value)));
        request.body = data;
        holds(&request);
    }

    #[test]
    fn any_message_is_stored_or_refused(
        id in "[a-zA-Z0-9_-]{0,70}",
        text in ".{0,200}",
        page in proptest::option::of(".{0,80}"),
        email in proptest::option::of("(.{0,20}|[a-z.]{1,8}@[a-z.]{1,12})"),
        phone in proptest::option::of("(.{0,20}|[+0-9 ()-]{4,20})"),
    ) {
        let json = json!({ "id": id, "text": text, "page": page, "contact": { "email": email, "phone": phone } });
        let request = post("/messages", Some(&token()), &json);
        holds(&request);
        let (events, _) = World::new(json!({})).call(request);
        for event in events {
            if let ChannelEvent::Message(message) = event {
                prop_assert!(!message.from.is_empty() && !message.content.text.is_empty());
                prop_assert!(!message.content.text.contains(|c: char| c.is_control() && c != '\n' && c != '\t'));
            }
        }
    }

    #[test]
    fn any_token_is_looked_at(token in "(.{0,80}|[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,43})") {
        let answer = World::new(json!({})).quiet(call("GET", "/stream", Some(&token)));
        prop_assert_eq!(answer.status, 401);
    }

    #[test]
    fn any_file_name_is_a_name(name in ".{0,300}") {
        let request = with(with(call("POST", "/files", Some(&token())), "content-type", Some("text/plain")), "x-message-id", Some("f"));
        let mut request = with(request, "x-file-name", Some(&name));
        request.body = b"x".to_vec();
        holds(&request);
        let (events, _) = World::new(json!({})).call(request);
        let Some(ChannelEvent::Message(message)) = events.into_iter().next() else { panic!("a message") };
        let name = &message.content.attachments[0].name;
        prop_assert!(!name.is_empty() && !name.contains(['/', '\\', '\n']), "{}", name);
    }
}

#[test]
fn a_token_of_a_megabyte_costs_nothing() {
    let long = format!("{}.{}.{}", "a".repeat(1 << 20), "b".repeat(1 << 20), "c");
    assert_eq!(World::new(json!({})).quiet(call("GET", "/stream", Some(&long))).status, 401);
}

#[test]
fn what_is_too_long_is_refused_and_not_cut() {
    let world = World::new(json!({ "max-text-bytes": 24_000 }));
    let send = |text: &str| world.call(post("/messages", Some(&token()), &json!({ "id": "m", "text": text })));
    assert_eq!(send(&"很".repeat(8_000)).1.status, 200);
    assert_eq!(send(&"\"".repeat(24_000)).1.status, 200, "the longest item of the feed");
    let (events, answer) = send(&"很".repeat(8_001));
    assert_eq!((events.len(), answer.status), (0, 422));
}
