//! Arrivals made of an input's bytes, and what must hold of whatever an adapter says to them.
//!
//! Input: up to four arrivals between lines of `%%%`, one after the other for the same channel. Each is a body, a first
//! line and headers, between lines of `%%`. The first line is `POST /path?query`, `MAIL return-path` or `FILE name`; where
//! there is none, the platform's usual one. A call is signed as the platform signs it, unless its line begins with `!`.
use crate::parts;
use crate::platform::{Platform, Receive};
use std::collections::BTreeMap;
use tributary_sdk::host::state;
use tributary_sdk::testing::{self, FakeHost};
use tributary_sdk::types::{Attribute, ChannelEvent, Content, Handle, Inbound, Order};
use tributary_sdk::web::Request;
use tributary_sdk::{Arrival, Document, Envelope, Reading, Rejection};

/// Arrivals of one input at most.
const MOST: usize = 4;
/// The host's limit for ids and handles, in bytes.
const LONGEST_ID: usize = 2_000;
/// The host's limit for a key of the state, in bytes.
const LONGEST_KEY: usize = 256;

/// One arrival, and how it came.
pub struct Incoming {
    /// What came.
    pub arrival: Arrival,
    /// Nobody vouches for it: a call without the platform's signature.
    pub unsigned: bool,
    /// Bytes of the input that it was made of.
    size: usize,
}

/// The arrivals of an input.
pub fn arrivals(platform: &Platform, data: &[u8]) -> Vec<Incoming> {
    let mut rest = Some(data);
    let mut all = Vec::new();
    while let Some(one) = rest.filter(|_| all.len() < MOST) {
        let (one, more) = cut(one, b"\n%%%\n");
        all.push(arrival(platform, one));
        rest = more;
    }
    all
}

fn cut<'a>(data: &'a [u8], mark: &[u8]) -> (&'a [u8], Option<&'a [u8]>) {
    match memchr::memmem::find(data, mark) {
        Some(at) => (&data[..at], Some(&data[at + mark.len()..])),
        None => (data, None),
    }
}

fn arrival(platform: &Platform, data: &[u8]) -> Incoming {
    let [body, line, headers] = parts(data);
    let (line, headers) = (String::from_utf8_lossy(line), String::from_utf8_lossy(headers));
    let (unsigned, line) = line.strip_prefix('!').map_or((false, &*line), |line| (true, line));
    let line = if line.is_empty() { platform.line } else { line };
    let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
    let arrival = match word {
        "MAIL" => Arrival::Mail(Envelope {
            mail_from: rest.into(),
            rcpt_to: vec!["a@shop.example".into()],
            data: body.into(),
        }),
        "FILE" => Arrival::Document(Document { name: rest.into(), media_type: String::new(), data: body.into() }),
        _ => {
            let headers = headers.lines().filter_map(|line| line.split_once(": "));
            let headers = headers.map(|(name, value)| Attribute::new(name.to_ascii_lowercase(), value)).collect();
            // What the host hands on begins with a slash.
            let url = format!("/{}", rest.trim_start_matches('/'));
            let mut request = Request { method: word.into(), url, headers, body: body.into() };
            for (name, value) in platform.headers {
                if request.header(name).is_none() {
                    add_header(&mut request, name, *value);
                }
            }
            if !unsigned {
                testing::with(&platform.host(), || (platform.sign)(&mut request));
            }
            Arrival::Http(request)
        }
    };
    Incoming { unsigned: unsigned && matches!(arrival, Arrival::Http(_)), arrival, size: data.len() }
}

/// Puts a header behind the others.
pub fn add_header(request: &mut Request, name: &str, value: impl Into<String>) {
    request.headers.push(Attribute::new(name, value));
}

/// What an adapter keeps.
pub type Kept = BTreeMap<String, Vec<u8>>;

/// Hands an input to every variant of a platform's adapter. Panics where a promise does not hold.
pub fn try_all(platform: &Platform, variants: &[Receive], data: &[u8]) {
    let arrivals = arrivals(platform, data);
    for receive in variants {
        let mut kept = Kept::new();
        for incoming in &arrivals {
            let (said, host, after) = hand_in(platform, receive, &kept, &incoming.arrival);
            let (again, other, same) = hand_in(platform, receive, &kept, &incoming.arrival);
            assert_eq!((&said, &after), (&again, &same), "the same arrival twice");
            assert_eq!((host.feed(), host.blobs()), (other.feed(), other.blobs()), "the same arrival twice");
            check(&said, &host, incoming.size);
            check_left(&said, &host, (&kept, &after), incoming);
            // The host keeps what a call left only where it was not refused.
            if said.is_ok() {
                kept = after;
            }
        }
    }
}

/// Panics where a call left more than it may.
fn check_left(
    said: &Result<Reading, Rejection>,
    host: &FakeHost,
    (before, after): (&Kept, &Kept),
    incoming: &Incoming,
) {
    let new: Vec<&String> = after.iter().filter(|(key, at)| before.get(*key) != Some(at)).map(|(key, _)| key).collect();
    assert!(new.iter().all(|key| key.len() <= LONGEST_KEY), "keys {new:?}");
    assert!(new.len() <= 8 + incoming.size / 16, "{} keys", new.len());
    let nothing = host.feed().is_empty() && host.blobs().is_empty();
    match said {
        Err(Rejection::Unauthenticated(_)) => assert!(before == after && nothing, "left by a forgery: {new:?}"),
        Err(Rejection::Malformed(why)) if incoming.unsigned => panic!("a forgery is kept for a person: {why}"),
        Err(_) => assert!(host.feed().is_empty(), "shown of what was refused"),
        // Whoever comes to the web chat for the first time gets a name, and that is noted.
        Ok(reading) if incoming.unsigned => assert!(
            reading.events.is_empty() && !reading.poll_now && nothing && new.len() <= 1,
            "a forgery was read: {reading:?}"
        ),
        Ok(_) => {}
    }
}

/// One call on a host that has kept this, with the host and what it keeps now.
pub fn hand_in(
    platform: &Platform,
    receive: &Receive,
    kept: &Kept,
    arrival: &Arrival,
) -> (Result<Reading, Rejection>, FakeHost, Kept) {
    let host = kept.iter().fold(platform.host(), |host, (key, value)| host.state(key, value));
    let said = testing::with(&host, || receive(arrival.clone()));
    let keys = testing::with(&host, || state::keys("", 1_000)).expect("the host answers");
    let after = keys.into_iter().filter_map(|key| host.state_value(&key).map(|value| (key, value))).collect();
    (said, host, after)
}

/// Panics where what an adapter said of an arrival of this size is not what the host may rely on.
fn check(said: &Result<Reading, Rejection>, host: &FakeHost, size: usize) {
    let reading = match said {
        Ok(reading) => reading,
        Err(Rejection::Unauthenticated(why) | Rejection::Malformed(why) | Rejection::Ignored(why)) => {
            assert!(!why.is_empty() && why.len() <= 1_000 + 2 * size, "{} bytes of words", why.len());
            return;
        }
    };
    assert!(reading.events.len() <= 8 + size / 16, "{} events of {size} bytes", reading.events.len());
    let told = serde_json::to_vec(&reading.events).expect("JSON").len();
    let files: usize = host.blobs().values().map(Vec::len).sum();
    assert!(told + files <= 256 * 1024 + 64 * size, "{told} bytes and {files} of files of {size} bytes");
    for event in &reading.events {
        match event {
            ChannelEvent::Message(message) => check_message(message, host),
            ChannelEvent::Order(order) => check_order(order),
            ChannelEvent::Delivery(delivery) => {
                let known = delivery.outgoing_id.iter().chain(&delivery.external_id);
                assert!(known.clone().count() > 0, "news of no message");
                known.for_each(|id| check_id(id));
            }
            ChannelEvent::Profile(profile) => {
                check_person(&profile.handles);
                profile.display_name.iter().for_each(|line| check_line(line));
                check_attributes(&profile.attributes);
            }
            ChannelEvent::Supplement(more) => {
                check_id(&more.external_id);
                let content = Content { attachments: more.attachments.clone(), ..Content::default() };
                check_files(&content, host);
                check_attributes(&more.attributes);
            }
            ChannelEvent::Typing(typing) => check_person(&typing.from),
        }
    }
    if let Some(answer) = &reading.answer {
        assert!((100..=599).contains(&answer.status), "status {}", answer.status);
        assert!(answer.body.len() <= 256 * 1024 + 8 * size, "{} bytes of an answer", answer.body.len());
        for header in &answer.headers {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(!header.name.is_empty() && header.name.chars().all(plain), "{header:?}");
            check_line(&header.value);
        }
    }
}

fn check_message(message: &Inbound, host: &FakeHost) {
    check_person(&message.from);
    let thread = &message.thread;
    message.external_id.iter().for_each(|id| check_id(id));
    let hints = thread.references.iter().chain(&thread.in_reply_to).chain(&thread.thread_key).chain(&thread.order_id);
    assert!(hints.into_iter().all(|hint| !hint.is_empty()), "{thread:?}");
    message.display_name.iter().chain(&message.subject).for_each(|line| check_line(line));
    assert!(!message.content.text.contains('\0'), "a NUL in a text");
    check_files(&message.content, host);
    check_attributes(&message.attributes);
}

fn check_order(order: &Order) {
    check_id(&order.id);
    for sum in order.lines.iter().map(|line| &line.price).chain([&order.total]) {
        let code = sum.currency.as_bytes();
        assert!(code.len() == 3 && code.iter().all(u8::is_ascii_uppercase), "{sum:?}");
    }
    assert!(order.buyer.iter().all(|handle| !handle.value.is_empty() && handle.value.len() <= LONGEST_ID));
    check_attributes(&order.attributes);
}

fn check_person(handles: &[Handle]) {
    assert!(!handles.is_empty(), "nobody");
    handles.iter().for_each(|handle| check_id(&handle.value));
}

fn check_files(content: &Content, host: &FakeHost) {
    let blobs = host.blobs();
    for file in &content.attachments {
        assert!(!file.name.is_empty() && !file.name.contains(['/', '\\']), "{file:?}");
        check_line(&file.name);
        check_line(&file.media_type);
        assert_eq!(blobs.get(&file.blob).map(|data| data.len() as u64), Some(file.size), "{file:?}");
    }
}

fn check_attributes(attributes: &[Attribute]) {
    for Attribute { name, .. } in attributes {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(!name.is_empty() && name.chars().all(plain), "an attribute {name:?}");
    }
}

fn check_id(id: &str) {
    assert!(!id.is_empty() && id.len() <= LONGEST_ID, "an id of {} bytes", id.len());
}

fn check_line(line: &str) {
    assert!(!line.contains(char::is_control), "a control character in {line:?}");
}
