//! Throughput: how many mails a second come in, and how many are decided and queued.
use std::time::Instant;

use tributary_tests::Desk;
use tributary_tests::load::{Load, Sink};
use tributary_tests::store::Rows;

use crate::figure::{ceiling, cpu, decided, row};

/// Mails of one run: about ten seconds of work, so that commits, checkpoints and wake-ups are all in it.
const MAILS: usize = 60_000;

/// Connections at once.
const CONNECTIONS: usize = 50;

/// Measure with every policy, and once more without the one that answers, whose message is a second one to keep and to
/// send; then the store alone, in the same run and on the same disk.
pub fn run() {
    let answered = measure("with acknowledgements, delivered to a relay", "");
    let plain = measure("without acknowledgements", "policy-receipt");
    let ceiling = ceiling(MAILS, CONNECTIONS);
    row("share of it reached with acknowledgements", format!("{:.0} %", answered / ceiling * 100.0), "");
    row("share of it reached without", format!("{:.0} %", plain / ceiling * 100.0), "");
}

/// Mails taken, decided and queued a second.
fn measure(what: &str, without: &str) -> f64 {
    let sink = Sink::start();
    let desk = Desk::setup().relay(sink.port).with("[log]\nfilter = \"warn\"\n").init();
    let mut desk = desk.without_policy(without);
    desk.serve();
    let load = Load { connections: CONNECTIONS, messages: MAILS, per_second: None, first: 0 };
    Load { messages: 2_000, first: 1_000_000, ..load }.send(&desk.smtp);
    desk.settled();
    let (daemon, own) = (cpu(desk.pid()), cpu(std::process::id()));
    let started = Instant::now();
    let taken = load.send(&desk.smtp);
    let accepted = started.elapsed();
    decided(&desk);
    let queued = started.elapsed();
    let (daemon, own) = (cpu(desk.pid()) - daemon, cpu(std::process::id()) - own);
    let rows = Rows::count(&desk.dir);
    assert_eq!((taken.len(), rows.inbound, rows.parked), (MAILS, MAILS + 2_000, 0), "{rows:?}");
    println!("  {what}");
    row("taken (250) a second", format!("{:.0}", MAILS as f64 / accepted.as_secs_f64()), "");
    row("taken, decided and queued a second", format!("{:.0}", MAILS as f64 / queued.as_secs_f64()), "at least 5,000");
    row("the daemon's CPU a mail", format!("{:.0} µs", daemon * 1e6 / MAILS as f64), "");
    row("the generator's CPU a mail", format!("{:.0} µs", own * 1e6 / MAILS as f64), "");
    row("acknowledgements that left meanwhile", sink.taken().to_string(), "");
    MAILS as f64 / queued.as_secs_f64()
}
