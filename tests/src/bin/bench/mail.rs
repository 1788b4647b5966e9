//! Throughput: how many mails a second come in, and how many are decided and queued.
use std::sync::Arc;
use std::time::{Duration, Instant};

use tributary_store::conformance::load;
use tributary_store::sqlite::{SqliteConfig, SqliteStore};
use tributary_tests::load::{Load, Sink};
use tributary_tests::store::{self, Rows};
use tributary_tests::{Desk, wait};

use crate::row;

/// Mails of one run: about ten seconds of work, so that commits, checkpoints and wake-ups are all in it.
const MAILS: usize = 60_000;

/// Connections at once.
const CONNECTIONS: usize = 50;

/// Measure with every policy, and once more without the one that answers, whose message is a second one to keep and to
/// send; then the store alone, in the same run and on the same disk.
pub fn run() {
    let answered = measure("with acknowledgements, delivered to a relay", "");
    let plain = measure("without acknowledgements", "policy-receipt");
    let ceiling = ceiling();
    println!("  the store's ceiling: the same rows and commits, no pipeline");
    row("accepted and decided a second", format!("{ceiling:.0}"), "");
    row("share of it reached with acknowledgements", format!("{:.0} %", answered / ceiling * 100.0), "");
    row("share of it reached without", format!("{:.0} %", plain / ceiling * 100.0), "");
}

/// Messages a second that the store takes and decides by itself, as many under way as the load has connections.
fn ceiling() -> f64 {
    let folder = tempfile::tempdir_in(tributary_tests::desk::scratch()).expect("a folder can be made");
    let store = SqliteStore::open(&SqliteConfig::new(folder.path())).expect("a store can be opened");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be started");
    let run = runtime.block_on(load::ceiling(Arc::new(store), "run", MAILS, CONNECTIONS));
    run.unwrap_or_else(|unmet| panic!("{unmet:?}")).per_second()
}

/// Mails taken, decided and queued a second.
fn measure(what: &str, without: &str) -> f64 {
    let sink = Sink::start();
    let desk = Desk::setup().relay(sink.port).with("[log]\nfilter = \"warn\"\n").init();
    let mut desk = desk.without_policy(without);
    desk.serve();
    let load = Load { connections: CONNECTIONS, mails: MAILS, per_second: None, first: 0 };
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
    MAILS as f64 / queued.as_secs_f64()
}

/// Seconds of CPU a process has used. The kernel counts in hundredths.
fn cpu(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process runs");
    let (_, fields) = stat.rsplit_once(')').expect("stat names the program");
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>().expect("a number") + fields[12].parse::<f64>().expect("a number");
    ticks / 100.0
}
