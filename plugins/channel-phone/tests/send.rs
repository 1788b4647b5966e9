//! Answers by SMS, long calls, and the samples that `tributary channel test` hands in.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use channel_phone::Phone;
use serde_json::{Value, json};
use tributary_sdk::host::http::HttpError;
use tributary_sdk::testing::{self, FakeHost};
use tributary_sdk::types::{Attachment, ChannelEvent, Content, Delivery, Handle, HandleKind, SendError};
use tributary_sdk::web::Response;
use tributary_sdk::{Arrival, Channel, Outgoing, Poller, Sample, Sampler};

const ACCOUNT: &str = "AC55555555555555555555555555555555";
const AT: u64 = 1_795_947_300_000;

fn config() -> Value {
    json!({"account-sid": ACCOUNT, "sms-from": "+12065550100", "public-url": "https://desk.shop.example/hooks/phone"})
}

fn host() -> FakeHost {
    FakeHost::new().now(AT + 5_000).secret("twilio-auth-token", "12345")
}

fn outgoing(text: &str) -> Outgoing {
    let to =
        vec![Handle::claimed(HandleKind::Email, "anna@example.org"), Handle::claimed(HandleKind::Phone, "+4930555001")];
    Outgoing { at: AT, ..testing::outgoing(to, Content::plain(text)) }
}

fn sid(digit: char) -> String {
    format!("SM{}", digit.to_string().repeat(32))
}

fn made(sid: &str) -> Result<Response, HttpError> {
    Ok(Response::body(201, "application/json", json!({"sid": sid, "status": "queued"}).to_string()))
}

fn send(host: &FakeHost, config: Value, message: Outgoing) -> Result<Delivery, SendError> {
    let phone: Phone = testing::with(host, || testing::prepare(config)).unwrap();
    testing::with(host, || phone.send(message))
}

#[test]
fn an_answer_is_one_message_however_often_it_is_sent() {
    let host = host().http_answer(made(&sid('1')));
    let delivery = send(&host, config(), outgoing("Ihr Paket kommt morgen & pünktlich.")).unwrap();
    assert_eq!((delivery.outgoing_id.as_deref(), delivery.external_id), (Some("o-1"), Some(sid('1'))));
    let again = send(&host, config(), outgoing("Ihr Paket kommt morgen & pünktlich.")).unwrap();
    assert_eq!(again.external_id, Some(sid('1')));
    let [request] = &host.requests()[..] else { panic!("one call: {:?}", host.requests()) };
    assert_eq!(request.method, "POST");
    assert_eq!(request.url, format!("https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Messages.json"));
    let basic = data_encoding::BASE64.encode(format!("{ACCOUNT}:12345").as_bytes());
    assert_eq!(request.header("authorization"), Some(format!("Basic {basic}").as_str()));
    let form: Vec<(String, String)> = form_urlencoded::parse(&request.body).into_owned().collect();
    let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        form,
        [
            field("To", "+4930555001"),
            field("From", "+12065550100"),
            field("Body", "Ihr Paket kommt morgen & pünktlich."),
            field("StatusCallback", "https://desk.shop.example/hooks/phone/twilio/status")
        ]
    );
}

#[test]
fn an_attempt_of_which_nobody_knows_is_looked_for_before_another() {
    let list = |sid: &str, at: &str| {
        let message = json!({"sid": sid, "body": "Hallo", "to": "+4930555001", "date_created": at});
        Ok(Response::body(200, "application/json", json!({"messages": [message]}).to_string()))
    };
    for ambiguous in [
        Err(HttpError::Timeout),
        Ok(Response::status(500)),
        Ok(Response::body(200, "text/html", "<html>")),
        Err(HttpError::Unreachable("reset".into())),
    ] {
        let host = host().http_answer(ambiguous.clone());
        assert!(matches!(send(&host, config(), outgoing("Hallo")), Err(SendError::Temporary(_))), "{ambiguous:?}");
        // It got through all the same.
        let host = host.http_answer(list(&sid('2'), "Sun, 29 Nov 2026 10:15:02 +0000"));
        assert_eq!(send(&host, config(), outgoing("Hallo")).unwrap().external_id, Some(sid('2')));
        let methods: Vec<String> = host.requests().into_iter().map(|request| request.method).collect();
        assert_eq!(methods, ["POST", "GET"], "no second message");
        assert!(host.requests()[1].url.contains("To=%2B4930555001&DateSent%3E=2026-11-29&"));
    }
    // It did not: one of yesterday with the same words is another.
    let host = host().http_answer(Err(HttpError::Timeout));
    send(&host, config(), outgoing("Hallo")).unwrap_err();
    let host = host.http_answer(list(&sid('3'), "Sat, 28 Nov 2026 10:15:02 +0000")).http_answer(made(&sid('4')));
    assert_eq!(send(&host, config(), outgoing("Hallo")).unwrap().external_id, Some(sid('4')));
}

#[test]
fn long_answers_are_parts_and_an_interrupted_one_goes_on() {
    let text = "wort ".repeat(500);
    let host = host().http_answer(made(&sid('1'))).http_answer(Ok(Response::status(503)));
    assert!(matches!(send(&host, config(), outgoing(&text)), Err(SendError::Temporary(_))));
    let empty = Ok(Response::body(200, "application/json", "{\"messages\": []}"));
    let host = host.http_answer(empty).http_answer(made(&sid('2')));
    assert_eq!(send(&host, config(), outgoing(&text)).unwrap().external_id, Some(sid('2')));
    let bodies: Vec<String> = host
        .requests()
        .iter()
        .filter_map(|request| form_urlencoded::parse(&request.body).into_owned().find(|(name, _)| name == "Body"))
        .map(|(_, body)| body)
        .collect();
    assert_eq!(bodies.len(), 3);
    assert_eq!(format!("{} {}", bodies[0], bodies[2]), text.trim());
    assert!(bodies.iter().all(|body| body.chars().count() <= 1600));
    // The last part says that it arrived, any part that it did not.
    let status = |sid: &str, status: &str| {
        let phone: Phone = testing::with(&host, || testing::prepare(config())).unwrap();
        let form = [("MessageSid".to_owned(), sid.to_owned()), ("MessageStatus".to_owned(), status.to_owned())];
        let url = "https://desk.shop.example/hooks/phone/twilio/status";
        let algorithm = channel_phone::signature::Algorithm::Sha1;
        let signature = channel_phone::signature::twilio_signature("12345", url, &form, algorithm).unwrap();
        let request = tributary_sdk::web::Request {
            method: "POST".into(),
            url: "/twilio/status".into(),
            headers: vec![
                tributary_sdk::types::Attribute::new("content-type", "application/x-www-form-urlencoded"),
                tributary_sdk::types::Attribute::new("x-twilio-signature", signature),
            ],
            body: form_urlencoded::Serializer::new(String::new()).extend_pairs(&form).finish().into_bytes(),
        };
        testing::with(&host, || phone.receive(Arrival::Http(request)))
    };
    assert!(status(&sid('1'), "delivered").is_err());
    for (part, word) in [('2', "delivered"), ('1', "undelivered")] {
        let told = status(&sid(part), word).unwrap();
        let [ChannelEvent::Delivery(delivery)] = &told.events[..] else { panic!("{told:?}") };
        assert_eq!(delivery.outgoing_id.as_deref(), Some("o-1"));
    }
}

#[test]
fn failures_are_told_apart() {
    let error = |status, code: u64| {
        Ok(Response::body(status, "application/json", json!({"code": code, "message": "no"}).to_string()))
    };
    let fails = |answer| send(&host().http_answer(answer), config(), outgoing("Hallo")).unwrap_err();
    assert!(matches!(fails(error(401, 20003)), SendError::Unauthorised(_)));
    assert!(matches!(fails(Err(HttpError::Denied("api.twilio.com".into()))), SendError::Unauthorised(_)));
    assert!(matches!(fails(error(400, 21211)), SendError::Permanent(words) if words.contains("21211")));
    assert!(matches!(fails(error(400, 21610)), SendError::WindowClosed(_)));
    let mut busy = error(429, 20429).unwrap();
    busy.headers.push(tributary_sdk::types::Attribute::new("retry-after", "7"));
    assert!(matches!(fails(Ok(busy)), SendError::Temporary((_, Some(7)))));
    // Refused is not unknown: the next attempt asks for nothing first.
    let host = host().http_answer(error(400, 21211)).http_answer(made(&sid('1')));
    send(&host, config(), outgoing("Hallo")).unwrap_err();
    send(&host, config(), outgoing("Hallo")).unwrap();
    assert!(host.requests().iter().all(|request| request.method == "POST"));
}

#[test]
fn without_a_way_another_channel_is_used() {
    let closed = |config: Value, message: Outgoing| match send(&host(), config, message) {
        Err(SendError::WindowClosed(words)) => assert!(words.contains("another channel"), "{words}"),
        other => panic!("{other:?}"),
    };
    closed(json!({}), outgoing("Hallo"));
    let mut nobody = outgoing("Hallo");
    nobody.to.truncate(1);
    closed(config(), nobody);
    let mut file = outgoing("Hallo");
    file.content.attachments = vec![Attachment {
        blob: "b".into(),
        name: "a.pdf".into(),
        media_type: "application/pdf".into(),
        size: 1,
        content_id: None,
    }];
    for message in [file, outgoing(" "), outgoing(&"x".repeat(8001))] {
        assert!(matches!(send(&host(), config(), message), Err(SendError::Permanent(_))));
    }
}

#[test]
fn what_cannot_work_does_not_go_live() {
    let wrong = [
        (json!({"api": "api.twilio.com"}), "`api`"),
        (json!({"public-url": "desk.shop.example"}), "`public-url`"),
        (json!({"sms-from": "+12065550100"}), "`account-sid`"),
        (json!({"default-country": "86"}), "`default-country`"),
        (json!({"own-numbers": ["030 1"]}), "`own-numbers`"),
        (json!({"customer-track": "left"}), "`customer-track`"),
        (json!({"call-silence-seconds": 1}), "`call-silence-seconds`"),
        (json!({"sms-max-parts": 0}), "`sms-max-parts`"),
        (json!({"vcon-keys": ["-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"]}), "`vcon-keys`"),
        (json!({"vcon-keys": ["-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]}), "`vcon-keys`"),
    ];
    testing::check_refusals::<Phone>(&json!({}), &wrong).unwrap();
}

#[test]
fn the_example_goes_live_with_all_that_it_needs() {
    testing::check_example::<Phone>(include_str!("../example.toml"), &[]).unwrap();
}

/// Hands in what the platform would send.
fn sampled(host: &FakeHost, config: Value) -> Vec<ChannelEvent> {
    let phone: Phone = testing::with(host, || testing::prepare(config)).unwrap();
    let samples = testing::with(host, || phone.samples("Wo ist mein Paket?")).unwrap();
    let mut events = Vec::new();
    for sample in samples {
        let arrival = match sample {
            Sample::Http(request) => Arrival::Http(request),
            Sample::Document((name, media_type, data)) => {
                Arrival::Document(tributary_sdk::Document { name, media_type, data })
            }
            Sample::Mail(_) => panic!("no mail"),
        };
        events.extend(testing::with(host, || phone.receive(arrival)).unwrap().events);
    }
    events
}

#[test]
fn samples_are_calls() {
    for (host, config, format) in [(host(), config(), "twilio-realtime"), (FakeHost::new().now(AT), json!({}), "vcon")]
    {
        let events = sampled(&host, config);
        let [ChannelEvent::Message(message)] = &events[..] else { panic!("{events:?}") };
        assert_eq!(message.content.text, "00:00 Customer: Wo ist mein Paket?");
        assert_eq!(message.attribute("transcript-format"), Some(format));
        assert_eq!(message.from[0].value, "+12065550143");
    }
    let phone: Phone = testing::with(&host(), || testing::prepare(json!({}))).unwrap();
    assert!(testing::with(&host(), || phone.samples("x")).unwrap_err().contains("public-url"));
}

#[test]
fn a_call_of_many_utterances_is_whole() {
    let host = host();
    let phone: Phone = testing::with(&host, || testing::prepare(config())).unwrap();
    let (call, transcription) = (format!("CA{}", "1".repeat(32)), format!("GT{}", "2".repeat(32)));
    let tell = |event: &str, seq: u64, more: &[(&str, String)]| {
        let mut form: Vec<(String, String)> = [
            ("CallSid", call.clone()),
            ("TranscriptionSid", transcription.clone()),
            ("TranscriptionEvent", format!("transcription-{event}")),
            ("SequenceId", seq.to_string()),
            ("Timestamp", format!("2026-11-29T10:{:02}:{:02}Z", 15 + seq / 60 % 40, seq % 60)),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec();
        form.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let path = "/twilio/transcription?From=%2B4930555001";
        let url = format!("https://desk.shop.example/hooks/phone{path}");
        let algorithm = channel_phone::signature::Algorithm::Sha1;
        let signature = channel_phone::signature::twilio_signature("12345", &url, &form, algorithm).unwrap();
        let request = tributary_sdk::web::Request {
            method: "POST".into(),
            url: path.into(),
            headers: vec![
                tributary_sdk::types::Attribute::new("content-type", "application/x-www-form-urlencoded"),
                tributary_sdk::types::Attribute::new("x-twilio-signature", signature),
            ],
            body: form_urlencoded::Serializer::new(String::new()).extend_pairs(&form).finish().into_bytes(),
        };
        testing::with(&host, || phone.receive(Arrival::Http(request))).unwrap()
    };
    // More than one list of keys holds, in another order, and more than one value of the state holds.
    for seq in (1..=1_300).rev() {
        let data = json!({"transcript": format!("satz {seq} {}", "lang ".repeat(20))}).to_string();
        let track = ["inbound_track", "outbound_track"][usize::try_from(seq % 2).unwrap()];
        let told =
            tell("content", seq, &[("TranscriptionData", data), ("Track", track.into()), ("Final", "true".into())]);
        assert!(told.events.is_empty());
    }
    let told = tell("stopped", 1_301, &[]);
    let [ChannelEvent::Message(message)] = &told.events[..] else { panic!("one message") };
    let text = &message.content.text;
    assert!((1..=1_300).all(|seq| text.contains(&format!("satz {seq} "))), "every utterance");
    assert!(told.poll_now);
    let first: Vec<&str> = text.lines().take(2).collect();
    assert!(first[0].starts_with("00:00 ") && first[0].contains("satz 1 "), "{first:?}");
    assert_eq!(tell("stopped", 1_301, &[]).events, told.events);
    assert!(testing::with(&host, || phone.poll(None)).unwrap().events.is_empty());
}

#[test]
fn wrong_credentials_give_nothing_up() {
    let host = host().state(&format!("fetch/transcript/GT{}", "2".repeat(32)), b"{}");
    let phone: Phone = testing::with(&host, || testing::prepare(config())).unwrap();
    for _ in 0..30 {
        let host = host.clone().http_answer(Ok(Response::status(401)));
        assert!(matches!(testing::with(&host, || phone.poll(None)), Err(SendError::Unauthorised(_))));
    }
    assert!(host.state_value(&format!("fetch/transcript/GT{}", "2".repeat(32))).is_some());
}
