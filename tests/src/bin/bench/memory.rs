//! What a hundred thousand conversations cost: memory, listing the queue, starting.
use std::time::{Duration, Instant};

use tributary_tests::desk::resident;
use tributary_tests::load::{Load, Sink, percentile};
use tributary_tests::{Desk, wait};

use crate::figure::row;

/// Fill, measure, fill more, measure again, start again.
pub fn run() {
    let sink = Sink::start();
    let mut desk = Desk::setup().relay(sink.port).with("[log]\nfilter = \"warn\"\n").start();
    let load = Load { connections: 50, messages: 1_000, per_second: None, first: 0 };
    load.send(&desk.smtp);
    calm(&desk);
    let small = listing(&desk);
    // In two halves: what the second one adds is what grows with every conversation.
    Load { messages: 49_000, first: 1_000, ..load }.send(&desk.smtp);
    calm(&desk);
    let half = resident(desk.pid());
    Load { messages: 50_000, first: 50_000, ..load }.send(&desk.smtp);
    calm(&desk);
    let memory = resident(desk.pid());
    let large = listing(&desk);
    assert_eq!(desk.settled().conversations, 100_000);
    let mut ready = Vec::new();
    for _ in 0..5 {
        assert!(desk.stop().success());
        desk.serve();
        ready.push(desk.ready_in);
    }
    let ratio = large.as_secs_f64() / small.as_secs_f64();
    row("memory after 100,000 conversations", format!("{} MiB", memory >> 20), "at most 150 MB");
    row("each of the last 50,000 added", format!("{} bytes", memory.saturating_sub(half) / 50_000), "");
    row("listing the queue, p99, 1,000 conversations", milliseconds(small), "");
    row("listing the queue, p99, 100,000 conversations", milliseconds(large), "");
    row("grown by", format!("{ratio:.2}"), "at most 1.5");
    row("start to ready, warm, the slowest of 5", milliseconds(percentile(&mut ready, 1.0)), "at most 300 ms");
}

/// Until everything is decided and has left, so that what is measured is not the work that is left over.
fn calm(desk: &Desk) {
    wait::until_for(Duration::from_secs(900), "everything to be decided and to leave", || {
        let rows = desk.settled();
        if rows.waiting_out == 0 { Ok(()) } else { Err(format!("{rows:?}")) }
    });
}

/// The time that 99 of 100 first pages are listed in.
fn listing(desk: &Desk) -> Duration {
    let mut times: Vec<Duration> = (0..1_000)
        .map(|_| {
            let started = Instant::now();
            desk.api.get("/api/v1/queue?limit=50");
            started.elapsed()
        })
        .collect();
    percentile(&mut times, 0.99)
}

fn milliseconds(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}
