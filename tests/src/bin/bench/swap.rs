//! What traffic feels of 50 swaps, half of them to a broken build: of the email adapter, then of a policy.
use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tributary_tests::load::{Sink, percentile};
use tributary_tests::traffic::{Order, Traffic};
use tributary_tests::{Desk, build, program, store};

use crate::figure::row;

/// Swaps in all, every second one to a broken build.
const SWAPS: usize = 52;
/// Parts of 2,500 mails without swaps, and of as many or more with them.
const PARTS: u32 = 4;

/// How a broken build is broken, in turn.
const BROKEN: [&str; 4] = ["traps", "lies_about_utf8", "forges_file", "spins"];
const BROKEN_POLICIES: [&str; 4] = ["policy_traps", "policy_traps", "policy_traps", "policy_spins"];

/// 20,000 mails or more at 500 a second, without and with swaps in turn; and the same for a policy.
pub fn run() {
    for (plugin, place, broken) in
        [("channel-email", "email", &BROKEN[..]), ("policy-routing", "routing", &BROKEN_POLICIES[..])]
    {
        let sink = Sink::start();
        let desk = Desk::setup()
            .relay(sink.port)
            .with("[plugins]\ndevelopment = true\n[plugins.trial]\nguard = 50\n[log]\nfilter = \"warn\"\n")
            .init();
        // Compiled code of its own: a new build is a new build.
        std::fs::remove_file(desk.dir.join("cache")).expect("the harness made a link");
        let mut desk = desk;
        desk.serve();
        // Eight builds in turn: each is compiled in the run when it comes first, beside the traffic.
        let builds: Vec<PathBuf> = (0..8)
            .map(|number| {
                let version = format!("0.{}.{}", 2 + number / 2, number % 2);
                let bytes = match number % 2 {
                    0 => build::version(plugin, &version),
                    _ => build::broken(plugin, &version, broken[number / 2]),
                };
                build::beside(&desk, &version, &bytes)
            })
            .collect();
        let part = Traffic { run: 0, customers: 125, each: 20, per_second: 500, connections: 50 };
        part.send(&desk.smtp);
        // In turn, so that a busy moment of the machine meets both.
        let (mut before, mut after, mut switches) = (Vec::new(), Vec::new(), Vec::new());
        for turn in 0..PARTS {
            let quiet = Traffic { run: 1 + 2 * turn, ..part };
            before.extend(quiet.send(&desk.smtp));
            quiet.must_be_there(&desk);
            let swapped = Traffic { run: 2 + 2 * turn, ..part };
            let swaps_are_done = AtomicBool::new(false);
            let turns = std::thread::scope(|scope| {
                let sending = scope.spawn(|| send_beside(&swapped, &desk.smtp, &swaps_are_done));
                switches.extend(swap(&desk, &builds, turn));
                swaps_are_done.store(true, Ordering::Relaxed);
                let (took, turns) = sending.join().expect("every mail is taken");
                after.extend(took);
                turns
            });
            swapped.these_must_be_there(&desk, &vec![turns; swapped.customers], Order::All);
        }
        let runs = |first: u32| (0..PARTS).map(|turn| first + 2 * turn).collect::<Vec<_>>();
        row(
            &format!("{place}: mails without and with swaps, lost, doubled"),
            format!("{} + {}, 0, 0", before.len(), after.len()),
            "0 lost, 0 doubled, in order",
        );
        row(&format!("{place}: swaps, of them to a broken build"), format!("{SWAPS}, {}", SWAPS / 2), "");
        ratio(&format!("{place}: end of DATA to 250"), &mut before, &mut after);
        ratio(&format!("{place}: arrival to decided"), &mut decided(&desk, &runs(1)), &mut decided(&desk, &runs(2)));
        let most = switches.iter().copied().fold(0.0, f64::max);
        row(
            &format!("{place}: the switch itself, longest of {}", switches.len()),
            format!("{most:.1} µs"),
            "under 1 ms",
        );
    }
}

/// Sends its mails, and goes on for as long as swaps go on beside it: compiling a build takes its time. What each mail took,
/// and how many mails of each customer there were.
fn send_beside(traffic: &Traffic, address: &str, done: &AtomicBool) -> (Vec<Duration>, usize) {
    let (mut took, mut turns) = (Vec::new(), 0);
    while turns < traffic.each || !done.load(Ordering::Relaxed) {
        took.extend(traffic.send_turns(address, turns..turns + traffic.each));
        turns += traffic.each;
    }
    (took, turns)
}

fn ratio(what: &str, before: &mut [Duration], after: &mut [Duration]) {
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    for (share, name) in [(0.5, "p50"), (0.99, "p99")] {
        let (before, after) = (ms(percentile(before, share)), ms(percentile(after, share)));
        // The store keeps whole milliseconds.
        let value = format!("{before:.2} → {after:.2} ms, {:.2}", after.max(0.01) / before.max(0.01));
        row(&format!("{what}, {name}, without → with"), value, if share > 0.9 { "at most 1.5 times" } else { "" });
    }
}

/// Installs one build after the other, spread over the time that the mails take; microseconds of each switch.
fn swap(desk: &Desk, builds: &[PathBuf], turn: u32) -> Vec<f64> {
    let start = Instant::now();
    let mut switches = Vec::new();
    let each = SWAPS / PARTS as usize;
    for place in 0..each {
        let number = turn as usize * each + place;
        let due = start + Duration::from_millis(370) * u32::try_from(place).expect("few");
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let file = &builds[number % builds.len()];
        let mut install: Command = desk.command(&["plugin", "install"]);
        let output = program::run_well(install.arg(file).args(["--accept-grants", "--allow-downgrade", "--json"]));
        let said: Value = serde_json::from_slice(&output.stdout).expect("install --json prints JSON");
        switches
            .extend(said["places"].as_array().into_iter().flatten().filter_map(|place| place["switch_us"].as_f64()));
    }
    switches
}

/// From each mail's arrival to the last decision about it, by the store's own times.
fn decided(desk: &Desk, runs: &[u32]) -> Vec<Duration> {
    let connection = store::open(&desk.dir);
    let like: Vec<String> = runs.iter().map(|run| format!("external_id LIKE '%@run{run}.example%'")).collect();
    let like = like.join(" OR ");
    let sql = format!("SELECT conversation || ' ' || at FROM message WHERE {like} ORDER BY id");
    let mails = store::texts(&connection, &sql);
    let events = store::texts(
        &connection,
        "SELECT conversation || ' ' || at FROM event WHERE act = 'decided' AND conversation IS NOT NULL ORDER BY id",
    );
    let pairs = |rows: Vec<String>| -> HashMap<i64, Vec<u64>> {
        let mut by: HashMap<i64, Vec<u64>> = HashMap::new();
        for row in rows {
            let (conversation, at) = row.split_once(' ').expect("two columns");
            by.entry(conversation.parse().expect("a number")).or_default().push(at.parse().expect("a number"));
        }
        by
    };
    let events = pairs(events);
    let mut took = Vec::new();
    for (conversation, mails) in pairs(mails) {
        for (number, mail) in mails.iter().enumerate() {
            let next = mails.get(number + 1).copied().unwrap_or(u64::MAX);
            let last = events.get(&conversation).into_iter().flatten().filter(|at| **at >= *mail && **at < next).max();
            took.extend(last.map(|last| Duration::from_millis(last - mail)));
        }
    }
    took
}
