//! The event stream: nothing missed, nothing twice, and an end when the daemon stops.
use crate::fixture::House;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use tributary_gateway::http::HttpConfig;

/// A client that reads the raw stream.
struct Stream(BufReader<TcpStream>);

#[derive(Debug, PartialEq)]
struct Seen {
    id: i64,
    event: String,
    data: Value,
}

impl Stream {
    fn open(house: &House, query: &str, last: Option<i64>) -> Self {
        let mut socket = TcpStream::connect(house.address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let token = house.client("reader").token.unwrap();
        let last = last.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
        write!(socket, "GET /api/v1/events{query} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{last}\r\n")
            .unwrap();
        let mut stream = Self(BufReader::new(socket));
        let head = std::iter::from_fn(|| stream.line().filter(|line| !line.is_empty())).collect::<Vec<_>>().join("\n");
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        assert!(head.contains("text/event-stream") && head.contains("x-accel-buffering: no"), "{head}");
        stream
    }

    /// `None` at the end of the connection.
    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        (self.0.read_line(&mut line).unwrap() > 0).then(|| line.trim_end().to_owned())
    }

    /// The next event; chunk sizes, comments and `retry` are passed over. `None` at the end.
    fn next(&mut self) -> Option<Seen> {
        let (mut id, mut event, mut data) = (None, None, None);
        loop {
            let line = self.line()?;
            match line.split_once(": ") {
                Some(("id", value)) => id = Some(value.parse().unwrap()),
                Some(("event", value)) => event = Some(value.to_owned()),
                Some(("data", value)) => data = Some(serde_json::from_str::<Value>(value).unwrap()),
                _ => {}
            }
            if let (Some(id), Some(event), Some(data)) = (id, &event, &data) {
                return Some(Seen { id, event: event.clone(), data: data.clone() });
            }
        }
    }

    fn take(&mut self, count: usize) -> Vec<Seen> {
        (0..count).map(|n| self.next().unwrap_or_else(|| panic!("the stream ended after {n} of {count}"))).collect()
    }
}

fn log(house: &House) -> Vec<i64> {
    let store = tributary_gateway::desk::Desk::store(&*house.desk);
    let events = house.runtime.block_on(store.events(tributary_model::EventId(0), 10_000)).unwrap();
    events.iter().map(|event| event.id.0).collect()
}

#[test]
fn a_client_that_comes_back_misses_nothing_and_sees_nothing_twice() {
    let house = House::new();
    house.seed(1, 150);
    let all = log(&house);
    assert!(all.len() >= 150);
    let mut first = Stream::open(&house, "?after=0", None);
    let seen = first.take(all.len());
    assert_eq!(seen.iter().map(|event| event.id).collect::<Vec<_>>(), all);
    assert_eq!((&seen[0].data["conversation"], &seen[0].data["tag"]), (&json!(1), &json!("T1")));
    assert!(seen.iter().all(|event| event.data["act"] == event.event && event.data["actor"].is_string()));
    drop(first);

    // The header goes before the query, as a browser sends it when it connects again.
    let middle = all[all.len() / 2];
    let mut second = Stream::open(&house, "?after=0", Some(middle));
    house.client("lin").claim(1);
    let all = log(&house);
    let rest: Vec<_> = all.iter().copied().filter(|id| *id > middle).collect();
    let seen = second.take(rest.len());
    assert_eq!(seen.iter().map(|event| event.id).collect::<Vec<_>>(), rest);
    let last = seen.last().unwrap();
    assert_eq!((&*last.event, &last.data["actor"]), ("claimed", &json!("agent:lin")));
}

#[test]
fn without_a_place_only_news_come_and_they_come_at_once() {
    let house = House::new();
    house.seed(1, 5);
    let mut stream = Stream::open(&house, "", None);
    let lin = house.client("lin");
    lin.claim(3);
    let seen = stream.next().unwrap();
    assert_eq!((&*seen.event, &seen.data["conversation"]), ("claimed", &json!(3)));
    lin.post("conversations/3/release", json!({})).ok();
    assert_eq!(stream.next().unwrap().event, "released");
}

#[test]
fn a_client_that_does_not_read_holds_nobody_up() {
    let house = House::new();
    house.seed(1, 400);
    let idle: Vec<_> = (0..20).map(|_| Stream::open(&house, "?after=0", None)).collect();
    let lin = house.client("lin");
    for id in 1..=50 {
        lin.claim(id);
    }
    let all = log(&house);
    let mut reads = Stream::open(&house, "?after=0", None);
    assert_eq!(reads.take(all.len()).len(), all.len());
    drop(idle);
}

#[test]
fn streams_end_when_the_daemon_stops() {
    let mut house = House::new();
    house.seed(1, 2);
    let mut stream = Stream::open(&house, "?after=0", None);
    stream.take(2);
    let drained = house.stopped();
    assert_eq!((drained.open, drained.cut_off), (1, 0), "{drained:?}");
    while let Some(line) = stream.line() {
        assert!(!line.starts_with("event: lost"));
    }
    assert!(TcpStream::connect(house.address).is_err(), "the listener is still there");
}

#[test]
fn a_client_that_stalls_in_its_head_is_let_go_and_others_get_its_place() {
    let config = HttpConfig { max_connections: 1, head: Duration::from_millis(200), ..HttpConfig::default() };
    let house = House::with_config(config, false);
    let mut stalls = TcpStream::connect(house.address).unwrap();
    stalls.write_all(b"GET /healthz HTTP/1.1\r\nHost:").unwrap();
    // The only place is taken, so this one waits for the other's end.
    assert_eq!(house.nobody().get("/healthz").status, 200);
    stalls.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut said = String::new();
    stalls.read_to_string(&mut said).unwrap();
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 408"), "{said}");
}
