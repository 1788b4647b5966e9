//! A small piece many times over: no parser takes more time than the size of its input allows. Time is this thread's on a
//! processor, as Linux counts it, so that a busy machine fails nothing.
//!
//! Input: a byte that says where, then the piece, what stands before all of them, and what behind, between lines of `%%`.
//! Where it is a digit, it is an arrival of the platform of that number (`src/platform.rs`).
#![no_main]
use channel_email::{html, quote};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use std::time::Duration;
use tributary_fuzz::arrival::{Kept, arrivals, hand_in};
use tributary_fuzz::platform::{PLATFORMS, Receive};
use tributary_fuzz::{Desk, parts};

static ADAPTERS: LazyLock<Vec<Vec<Receive>>> = LazyLock::new(|| PLATFORMS.map(|it| it.natives()).into());
static DESK: LazyLock<Desk> = LazyLock::new(|| Desk::new(1 << 20, 1 << 20, 100));
/// What a piece is repeated up to.
const SIZE: usize = 64 * 1024;
/// Many times what linear time takes with all the checks of a fuzz build.
const LIMIT: Duration = Duration::from_secs(1);

fuzz_target!(|data: &[u8]| {
    let [place, rest @ ..] = data else { return };
    let [piece, before, after] = parts(rest);
    if piece.is_empty() || piece.len() > 128 || before.len() + after.len() > 256 {
        return;
    }
    let many = [before, &piece.repeat(SIZE / piece.len()), after].concat();
    LazyLock::force(&ADAPTERS);
    let start = spent();
    read(*place, many);
    let took = spent().saturating_sub(start);
    assert!(took < LIMIT, "{took:?} for {SIZE} bytes");
});

fn read(place: u8, many: Vec<u8>) {
    let mail = match place {
        b'0'..=b'7' => return adapter(usize::from(place - b'0'), &many),
        b'h' => return drop(html::to_text(&String::from_utf8_lossy(&many))),
        b'q' => return drop(quote::split(&String::from_utf8_lossy(&many), &["=== history".to_owned()])),
        b's' => field("Subject", &many),
        b'r' => field("References", &many),
        b'a' => field("To", &many),
        b'c' => field("Content-Type", &many),
        b'd' => field("Content-Disposition", &many),
        b't' => body("text/plain; charset=utf-8", &many),
        b'u' => body("text/plain", &many),
        b'w' => body("text/html; charset=utf-8", &many),
        b'p' => body("multipart/mixed; boundary=b", &many),
        b'o' => body("multipart/report; report-type=delivery-status; boundary=b", &many),
        _ => many,
    };
    let _ = DESK.receive("ann@mail.example", &mail);
}

fn adapter(number: usize, many: &[u8]) {
    for incoming in arrivals(PLATFORMS[number], many) {
        for receive in &ADAPTERS[number] {
            hand_in(PLATFORMS[number], receive, &Kept::new(), &incoming.arrival);
        }
    }
}

fn spent() -> Duration {
    let times = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(times.split(' ').next().and_then(|time| time.parse().ok()).unwrap_or_default())
}

fn field(name: &str, value: &[u8]) -> Vec<u8> {
    [b"From: a@b.example\r\n", name.as_bytes(), b": ", value, b"\r\n\r\nbody\r\n"].concat()
}

fn body(kind: &str, text: &[u8]) -> Vec<u8> {
    [b"From: a@b.example\r\nContent-Type: ", kind.as_bytes(), b"\r\n\r\n", text].concat()
}
