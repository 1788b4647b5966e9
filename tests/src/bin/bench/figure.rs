//! What the benches have in common: lines of their tables, and what stands in them.
use std::sync::Arc;
use std::time::Duration;

use tributary_store::conformance::load;
use tributary_store::sqlite::{SqliteConfig, SqliteStore};
use tributary_tests::load::percentile;
use tributary_tests::{Desk, store, wait};

/// One line of a table: what, its value, what it may be at most or has to be at least, if anything.
pub fn row(what: &str, value: String, aim: &str) {
    println!("  {what:<58} {value:>16}   {aim}");
}

/// Three lines: the median, and what 99 and 99.9 of 100 stay below; `aim` is that of the second.
pub fn percentiles(what: &str, values: &mut [Duration], aim: &str) {
    for (share, name) in [(0.5, "p50"), (0.99, "p99"), (0.999, "p99.9")] {
        let value = percentile(values, share);
        row(
            &format!("{what}, {name}"),
            format!("{:.2} ms", value.as_secs_f64() * 1e3),
            if share == 0.99 { aim } else { "" },
        );
    }
}

/// Prints and gives the messages a second that the store takes and decides by itself, so many under way at once.
pub fn ceiling(messages: usize, at_once: usize) -> f64 {
    let folder = tempfile::tempdir_in(tributary_tests::desk::scratch()).expect("a folder can be made");
    let store = SqliteStore::open(&SqliteConfig::new(folder.path())).expect("a store can be opened");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be started");
    let run = runtime.block_on(load::ceiling(Arc::new(store), "run", messages, at_once));
    let ceiling = run.unwrap_or_else(|unmet| panic!("{unmet:?}")).per_second();
    println!("  the store's ceiling: the same rows and commits, no pipeline");
    row("accepted and decided a second", format!("{ceiling:.0}"), "");
    ceiling
}

/// Waits until everything that came in is decided. Asks one table only, beside a daemon that is measured.
pub fn decided(desk: &Desk) {
    wait::until_for(Duration::from_secs(600), "everything to be decided", || {
        let connection = store::open(&desk.dir);
        let open =
            store::number(&connection, "SELECT count(*) FROM happening WHERE state IN ('pending', 'claimed')", []);
        wait::count("undecided", open, 0)
    });
}

/// Seconds of CPU a process has used. The kernel counts in hundredths.
pub fn cpu(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process runs");
    let (_, fields) = stat.rsplit_once(')').expect("stat names the program");
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks: f64 = fields[11].parse::<f64>().expect("a number") + fields[12].parse::<f64>().expect("a number");
    ticks / 100.0
}
