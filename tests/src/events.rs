//! A reader of the live events: server-sent events, with the moment each came in.
use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

/// One event.
#[derive(Debug, Clone)]
pub struct Event {
    /// When it came in.
    pub at: Instant,
    /// What happened.
    pub act: String,
    /// The conversation it is about.
    pub conversation: Option<i64>,
}

/// A stream of them, from now on. Dropping it ends the connection.
pub struct Events {
    stream: TcpStream,
    events: Receiver<Event>,
}

impl Events {
    /// Follow the daemon at this address. What happens after this returns is seen.
    pub fn follow(http: &str, token: &str) -> Self {
        let mut stream = TcpStream::connect(http).expect("the API listens");
        let request = format!("GET /api/v1/events HTTP/1.1\r\nHost: {http}\r\nAuthorization: Bearer {token}\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("the API reads");
        let mut input = BufReader::new(stream.try_clone().expect("a socket can be shared"));
        let mut line = String::new();
        input.read_line(&mut line).expect("the API answers");
        assert!(line.contains(" 200 "), "{line}");
        let (sender, events) = channel();
        std::thread::spawn(move || {
            // Chunk sizes stand between the lines; only lines of data are of interest.
            for line in input.lines().map_while(Result::ok) {
                let Some(data) = line.strip_prefix("data:") else { continue };
                let at = Instant::now();
                let Ok(data) = serde_json::from_str::<Value>(data.trim()) else { continue };
                let act = data["act"].as_str().unwrap_or_default().to_owned();
                if sender.send(Event { at, act, conversation: data["conversation"].as_i64() }).is_err() {
                    return;
                }
            }
        });
        Self { stream, events }
    }

    /// The first event that is like this, or none within this time.
    pub fn until(&self, limit: Duration, like: impl Fn(&Event) -> bool) -> Option<Event> {
        let deadline = Instant::now() + limit;
        loop {
            match self.events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(event) if like(&event) => return Some(event),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    /// Everything that came in so far.
    pub fn so_far(&self) -> Vec<Event> {
        self.events.try_iter().collect()
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}
