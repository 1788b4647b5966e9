//! The door for hooks: what an adapter gets, how its answer leaves, answers that are held open, and trying a channel.
use crate::fixture::{BLOB, House, until};
use serde_json::json;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use tributary_gateway::desk::Desk;
use tributary_model::Timestamp;
use tributary_runtime::FeedSink;
use tributary_store::{FeedItem, StateEdit, StateScope};

/// Sends a request as it is; head and body of the answer.
fn raw(house: &House, request: &str) -> (String, String) {
    let mut socket = TcpStream::connect(house.address).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    socket.write_all(request.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n").as_bytes()).unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head: {answer:?}"));
    (head.to_lowercase(), body.to_owned())
}

#[test]
fn an_adapter_gets_the_call_as_it_came_and_its_answer_leaves_as_it_is() {
    let house = House::new();
    let body = "a=%20b&\u{4f60}";
    let request = format!(
        "PUT /hooks/chat/echo/x%2Fy?q=%E4%BD%A0&q=2 HTTP/1.1\r\nHost: shop\r\nX-Twice: 1\r\nX-Twice: 2\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let (head, answer) = raw(&house, &request);
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert!(head.contains("x-own: yes") && !head.contains("bad name"), "{head}");
    assert!(head.contains("x-content-type-options: nosniff"), "{head}");
    let (told, came) = answer.split_once('\n').unwrap();
    assert!(told.starts_with("PUT /echo/x%2Fy?q=%E4%BD%A0&q=2 false "), "{told}");
    assert!(told.contains("x-twice=1|x-twice=2"), "{told}");
    assert_eq!(came, body);
}

#[test]
fn every_outcome_has_its_status() {
    let house = House::new();
    for (path, status, body) in [
        ("silent", 200, ""),
        ("parked", 200, "success"),
        ("ignored", 200, ""),
        ("forged", 401, ""),
        ("busy", 503, ""),
        ("gone", 404, ""),
        ("file", 200, "<script>alert(1)</script>"),
    ] {
        let (head, came) =
            raw(&house, &format!("POST /hooks/chat/{path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"));
        assert!(head.starts_with(&format!("http/1.1 {status}")), "{path}: {head}");
        assert_eq!(came, body, "{path}");
        assert_eq!(head.contains("retry-after: 5"), status == 503, "{path}: {head}");
        assert!(!head.contains("blob-body") && !head.contains(BLOB), "{head}");
    }
    let (head, _) = raw(&house, "POST /hooks/nobody HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    assert!(head.starts_with("http/1.1 404"), "{head}");
    let large = "x".repeat((1 << 20) + 1);
    let (head, _) = raw(
        &house,
        &format!("POST /hooks/chat/silent HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{large}", large.len()),
    );
    assert!(head.starts_with("http/1.1 413"), "{head}");
}

/// A held answer, read line by line.
struct Held(BufReader<TcpStream>);

impl Held {
    fn open(house: &House, last: Option<i64>) -> Self {
        let mut socket = TcpStream::connect(house.address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let last = last.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
        write!(socket, "GET /hooks/chat/hold HTTP/1.1\r\nHost: x\r\n{last}\r\n").unwrap();
        let mut held = Self(BufReader::new(socket));
        let head: Vec<String> = std::iter::from_fn(|| held.line().filter(|line| !line.is_empty())).collect();
        let head = head.join("\n").to_lowercase();
        assert!(head.contains("text/event-stream") && head.contains("x-own: yes") && !head.contains("grip"), "{head}");
        // The first thing on every stream, sent when it follows.
        while held.line().is_some_and(|line| !line.starts_with("retry")) {}
        held
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        (self.0.read_line(&mut line).unwrap() > 0).then(|| line.trim_end().to_owned())
    }

    /// Id, name and text of the next event.
    fn next(&mut self) -> (Option<i64>, String, String) {
        let (mut id, mut name, mut data) = (None, String::new(), Vec::new());
        loop {
            let line = self.line().expect("the stream goes on");
            match line.split_once(": ") {
                Some(("id", value)) => id = Some(value.parse().unwrap()),
                Some(("event", value)) => name = value.to_owned(),
                Some(("data", value)) => data.push(value.to_owned()),
                _ if line.is_empty() && !data.is_empty() => return (id, name, data.join("\n")),
                _ => {}
            }
        }
    }
}

fn publish(house: &House, key: &str, data: &str) {
    let scope = StateScope { plugin: "channel-chat".into(), channel: "chat".into() };
    let item = FeedItem { topic: "v1".into(), key: key.into(), name: "message".into(), data: data.into() };
    house.runtime.block_on(house.desk.store().keep(&scope, StateEdit::default(), vec![item], Timestamp(1))).unwrap();
}

#[test]
fn a_held_answer_shows_what_was_then_what_comes_and_resumes_where_it_broke() {
    let house = House::new();
    publish(&house, "1", "one");
    publish(&house, "2", "two\r\nlines");
    let mut held = Held::open(&house, None);
    let (first, _, text) = held.next();
    assert_eq!(text, "one");
    let (second, name, text) = held.next();
    assert_eq!((name.as_str(), text.as_str()), ("message", "two\nlines"));
    // It looks only after it was told: what flashes comes through at once, and has no place.
    let feeds = house.desk.feeds().clone();
    until("it follows", || {
        feeds.flash(&"chat".into(), "v1", "typing", "{}");
        (true, ())
    });
    let flash = held.next();
    assert_eq!((flash.0, flash.1.as_str()), (None, "typing"));
    drop(held);
    publish(&house, "3", "three");
    let mut again = Held::open(&house, second);
    let (third, _, text) = again.next();
    assert_eq!(text, "three");
    assert!(first < second && second < third, "{first:?} {second:?} {third:?}");
}

#[test]
fn a_channel_is_tried_with_samples_that_are_known() {
    let house = House::new();
    let admin = house.client("boss");
    let channels = admin.get("/api/v1/channels").ok();
    assert_eq!(channels["items"][0]["can"], json!(["presence"]));
    assert_eq!(channels["items"][0]["hook"], "/hooks/chat");
    let made = admin.post("/api/v1/channels/chat/samples", json!({"text": "hello"})).ok();
    let sample = &made["items"][0];
    assert_eq!((sample["kind"].as_str(), sample["url"].as_str()), (Some("http"), Some("/hooks/chat/echo?signature=1")));
    let name = made["name"].as_str().unwrap();
    let call = |name: &str| {
        raw(
            &house,
            &format!(
                "POST /hooks/chat/echo HTTP/1.1\r\nHost: x\r\nTributary-Sample: {name}\r\nContent-Length: 0\r\n\r\n"
            ),
        )
    };
    let (head, told) = call(name);
    assert!(told.starts_with("POST /echo true ") && !told.contains("tributary-sample"), "{told}");
    assert!(head.contains("tributary-conversation: t1042"), "{head}");
    let (head, told) = call("made-up");
    assert!(told.starts_with("POST /echo false ") && !head.contains("tributary-conversation"), "{head}\n{told}");
    assert_eq!(admin.post("/api/v1/channels/chat/samples", json!({"text": "no secret"})).problem(), "invalid");
    assert_eq!(admin.post("/api/v1/channels/nobody/samples", json!({})).problem(), "not-found");
    assert_eq!(house.client("lin").post("/api/v1/channels/chat/samples", json!({})).problem(), "forbidden");
}

#[test]
fn signs_are_shown_or_it_is_said_why_not() {
    let house = House::new();
    let agent = house.client("lin");
    assert_eq!(agent.post("/api/v1/conversations/1/typing", json!({})).status, 204);
    assert_eq!(agent.post("/api/v1/conversations/2/seen", json!({})).problem(), "not-shown");
    assert_eq!(agent.post("/api/v1/conversations/3/typing", json!({})).problem(), "not-found");
}
