//! A small piece many times over: no parser takes more time than the size of its input allows. What fails here is the
//! time limit of a run, so it is started with `-timeout=10`.
//!
//! Input: a byte that says where, then the piece, what stands before all of them, and what behind, between lines of `%%`.
#![no_main]
use channel_email::{html, quote};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use tributary_fuzz::{Desk, parts};

static DESK: LazyLock<Desk> = LazyLock::new(|| Desk::new(1 << 20, 1 << 20, 100));
/// What a piece is repeated up to: milliseconds where time is linear, minutes where it is the square.
const SIZE: usize = 96 * 1024;

fuzz_target!(|data: &[u8]| {
    let [place, rest @ ..] = data else { return };
    let [piece, before, after] = parts(rest);
    if piece.is_empty() || piece.len() > 128 || before.len() + after.len() > 256 {
        return;
    }
    let many = [before, &piece.repeat(SIZE / piece.len()), after].concat();
    let mail = match place {
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
});

fn field(name: &str, value: &[u8]) -> Vec<u8> {
    [b"From: a@b.example\r\n", name.as_bytes(), b": ", value, b"\r\n\r\nbody\r\n"].concat()
}

fn body(kind: &str, text: &[u8]) -> Vec<u8> {
    [b"From: a@b.example\r\nContent-Type: ", kind.as_bytes(), b"\r\n\r\n", text].concat()
}
