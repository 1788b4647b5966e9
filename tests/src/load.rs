//! Load: many connections at once, as fast as they go or at a set pace, and a server that swallows what goes out.
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::desk::SUPPORT;
use crate::smtp::Client;

/// How to send.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Connections at once.
    pub connections: usize,
    /// Messages in all.
    pub messages: usize,
    /// Messages a second over all connections; none: as fast as they are taken.
    pub per_second: Option<u32>,
    /// Their numbers start here, so that two loads on one desk differ.
    pub first: usize,
}

/// One message that was taken.
#[derive(Debug, Clone, Copy)]
pub struct Taken {
    /// Its number, which is in its id.
    pub number: usize,
    /// When it was to be sent.
    pub due: Instant,
    /// When its last byte was written.
    pub end_of_data: Instant,
    /// When its 250, or its answer, was read.
    pub acknowledged: Instant,
}

/// The Message-ID of a mail by its number, without brackets.
pub fn message_id(number: usize) -> String {
    format!("load-{number}@load.example")
}

/// Its number, by its Message-ID.
pub fn number_of(message_id: &str) -> Option<usize> {
    message_id.trim_matches(['<', '>']).strip_prefix("load-")?.strip_suffix("@load.example")?.parse().ok()
}

/// A mail of 1 KB, ready for the wire: nothing in it needs a dot stuffed.
pub fn mail(number: usize) -> Vec<u8> {
    let mut mail = format!(
        "From: Customer {number} <customer-{number}@load.example>\r\nTo: {SUPPORT}\r\n\
         Subject: Where is my order {number}?\r\nDate: Mon, 16 Mar 2026 10:00:00 +0800\r\n\
         Message-ID: <{}>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: 8bit\r\n\r\nHello,\r\n\r\n",
        message_id(number)
    )
    .into_bytes();
    let sentence =
        format!("I ordered a kettle under number {number} and would like to know when it is delivered. 谢谢！\r\n");
    while mail.len() + sentence.len() <= 1_024 - 8 {
        mail.extend_from_slice(sentence.as_bytes());
    }
    while mail.len() < 1_024 - 2 {
        mail.push(b'x');
    }
    mail.extend_from_slice(b"\r\n");
    mail
}

impl Load {
    /// Sends mails over SMTP; panics where one is not taken. In the order of acknowledgement by connection.
    pub fn send(&self, address: &str) -> Vec<Taken> {
        self.over(|turns| mails(address, turns))
    }

    /// Opens the connections, each in a thread of its own: what `one` of them gets taken, in its turns.
    pub(crate) fn over(&self, one: impl Fn(&Turns) -> Vec<Taken> + Sync) -> Vec<Taken> {
        let turns = Turns { load: *self, next: AtomicUsize::new(0), start: Instant::now() };
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..self.connections).map(|_| scope.spawn(|| one(&turns))).collect();
            threads.into_iter().flat_map(|thread| thread.join().expect("every message is taken")).collect()
        })
    }
}

/// Which message is whose, and when it is due: what the connections of a load share.
pub(crate) struct Turns {
    load: Load,
    next: AtomicUsize,
    start: Instant,
}

impl Turns {
    /// The number of the next message, while there is one.
    pub(crate) fn claim(&self) -> Option<usize> {
        let place = self.next.fetch_add(1, Ordering::Relaxed);
        (place < self.load.messages).then(|| place + self.load.first)
    }

    /// Waits until a message is due: that moment, which is past where the load is behind its pace. Without a pace: now.
    pub(crate) fn due(&self, number: usize) -> Instant {
        let Some(pace) = self.load.per_second else { return Instant::now() };
        let due = self.start + Duration::from_secs_f64((number - self.load.first) as f64 / f64::from(pace));
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        due
    }
}

/// One connection. The envelope of the next mail travels with the end of the one before, as RFC 2920 lets it: one round
/// trip a mail.
fn mails(address: &str, turns: &Turns) -> Vec<Taken> {
    let mut client = Client::open(address);
    let mut taken = Vec::new();
    let mut in_hand = turns.claim();
    if let Some(number) = in_hand {
        client.write(&envelope(number)).expect("the server listens");
        expect(&mut client, 3);
    }
    while let Some(number) = in_hand {
        let due = turns.due(number);
        let mut wire = mail(number);
        wire.extend_from_slice(b".\r\n");
        in_hand = turns.claim();
        let end_of_data = Instant::now();
        if let Some(number) = in_hand {
            wire.extend_from_slice(&envelope(number));
        }
        client.write(&wire).expect("the server listens");
        expect(&mut client, 1);
        taken.push(Taken { number, due, end_of_data, acknowledged: Instant::now() });
        if in_hand.is_some() {
            expect(&mut client, 3);
        }
    }
    taken
}

fn envelope(number: usize) -> Vec<u8> {
    format!("MAIL FROM:<customer-{number}@load.example> BODY=8BITMIME\r\nRCPT TO:<{SUPPORT}>\r\nDATA\r\n").into_bytes()
}

fn expect(client: &mut Client, replies: usize) {
    for _ in 0..replies {
        let reply = client.reply().expect("the server answers");
        assert!(reply.is_ok(), "{reply:?}");
    }
}

/// A mail server that takes everything and keeps nothing: the cheapest relay there can be.
pub struct Sink {
    /// Where it listens.
    pub port: u16,
    taken: Arc<AtomicU64>,
}

impl Sink {
    /// At any free port, until the process ends.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("a listener has an address").port();
        let taken = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&taken);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let count = Arc::clone(&count);
                // A client that hangs up in the middle is no affair of the sink's.
                std::thread::spawn(move || drop(swallow(stream, &count)));
            }
        });
        Self { port, taken }
    }

    /// Mails taken so far.
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }
}

fn swallow(mut stream: TcpStream, taken: &AtomicU64) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut input = BufReader::new(stream.try_clone()?);
    stream.write_all(b"220 sink.example\r\n")?;
    let (mut line, mut data) = (Vec::new(), false);
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        if data {
            if line == b".\r\n" {
                data = false;
                taken.fetch_add(1, Ordering::Relaxed);
                stream.write_all(b"250 2.0.0 swallowed\r\n")?;
            }
            continue;
        }
        let word: Vec<u8> = line.iter().take(4).map(u8::to_ascii_uppercase).collect();
        let reply: &[u8] = match word.as_slice() {
            b"EHLO" => b"250-sink.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n",
            b"DATA" => {
                data = true;
                b"354 go on\r\n"
            }
            b"QUIT" => return stream.write_all(b"221 2.0.0 bye\r\n"),
            _ => b"250 2.0.0 ok\r\n",
        };
        stream.write_all(reply)?;
    }
}

/// The value below which `share` of them lie; zero where there are none.
pub fn percentile(values: &mut [Duration], share: f64) -> Duration {
    values.sort_unstable();
    let last = values.len().saturating_sub(1);
    let place = (last as f64 * share).round() as usize;
    values.get(place).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mails_are_one_kilobyte_and_known_by_their_number() {
        for number in [0, 7, 123_456] {
            assert_eq!(mail(number).len(), 1_024, "{number}");
            assert_eq!(number_of(&message_id(number)), Some(number));
        }
    }

    #[test]
    fn percentiles_are_of_the_sorted_values() {
        let mut values: Vec<Duration> = (1..=101).rev().map(Duration::from_millis).collect();
        assert_eq!(percentile(&mut values, 0.99), Duration::from_millis(100));
        assert_eq!(percentile(&mut values, 0.0), Duration::from_millis(1));
        assert_eq!(percentile(&mut [], 0.5), Duration::ZERO);
    }
}
