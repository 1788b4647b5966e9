//! Throughput: how many mails a second come in, and how many are decided and queued.
use std::time::{Duration, Instant};

use tributary_tests::load::{Load, Sink};
use tributary_tests::store::{self, Rows};
use tributary_tests::{Desk, wait};

use crate::row;

/// Mails of one run: about ten seconds of work, so that commits, checkpoints and wake-ups are all in it.
const MAILS: usize = 60_000;

/// Measure with every policy, and once more without the one that answers, which halves what there is to do.
pub fn run() {
    measure("with acknowledgements, delivered to a relay", "");
    measure("without acknowledgements", "policy-receipt");
}

fn measure(what: &str, without: &str) {
    let sink = Sink::start();
    let desk = Desk::setup().relay(sink.port).with("[log]\nfilter = \"warn\"\n").init();
    let mut desk = desk.without_policy(without);
    desk.serve();
    let load = Load { connections: 50, mails: MAILS, per_second: None, first: 0 };
    Load { mails: 2_000, first: 1_000_000, ..load }.send(&desk.smtp);
    desk.settled();
    let (daemon, own) = (cpu(desk.pid()), cpu(std::process::id()));
    let started = Instant::now();
    let taken = load.send(&desk.smtp);
    let accepted = started.elapsed();
    wait::until_for(Duration::from_secs(600), "everything to be decided", || {
        let connection = store::open(&desk.dir);
        let open =
            store::number(&connection, "SELECT count(*) FROM happening WHERE state IN ('pending', 'claimed')", []);
        wait::count("undecided", open, 0)
    });
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
}

/// Seconds of CPU a process has used. The kernel counts in hundredths.
fn cpu(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process runs");
    let (_, fields) = stat.rsplit_once(')').expect("stat names the program");
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>().expect("a number") + fields[12].parse::<f64>().expect("a number");
    ticks / 100.0
}
