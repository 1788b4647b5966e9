//! A platform's calls: how many a second come in, and how soon each is answered.
use std::collections::HashSet;
use std::time::{Duration, Instant};

use tributary_tests::hooks::{Account, message_id};
use tributary_tests::load::{Load, Taken};
use tributary_tests::store::{self, Rows};
use tributary_tests::{Desk, Setup};

use crate::figure::{ceiling, cpu, decided, percentiles, row};

/// Messages of one run: about ten seconds of work.
const MESSAGES: usize = 60_000;

/// Connections at once: a platform calls from many machines.
const CONNECTIONS: usize = 200;

/// Messages before what is measured.
const WARM: usize = 2_000;

/// Both modes as fast as they go, the store alone on the same disk, then a steady pace.
pub fn run() {
    let rates = [Account::plain(), Account::encrypted()].map(|account| (account.mode(), throughput(&account)));
    let ceiling = ceiling(MESSAGES, CONNECTIONS);
    for (mode, rate) in rates {
        row(&format!("share of it reached, {mode}"), format!("{:.0} %", rate / ceiling * 100.0), "");
    }
    latency(&Account::plain());
}

fn desk(account: &Account) -> Desk {
    let desk = account.desk(Setup::default().with("[log]\nfilter = \"warn\"\n"));
    let load = Load { connections: CONNECTIONS, messages: WARM, per_second: None, first: 1_000_000 };
    account.send(&load, &desk.http);
    desk.settled();
    desk
}

/// Messages taken, decided and queued a second.
fn throughput(account: &Account) -> f64 {
    let desk = desk(account);
    let (daemon, own) = (cpu(desk.pid()), cpu(std::process::id()));
    let started = Instant::now();
    let load = Load { connections: CONNECTIONS, messages: MESSAGES, per_second: None, first: 0 };
    let taken = account.send(&load, &desk.http);
    let answered = started.elapsed();
    decided(&desk);
    let queued = started.elapsed();
    let (daemon, own) = (cpu(desk.pid()) - daemon, cpu(std::process::id()) - own);
    once_each(&desk, &taken);
    let per_second = |time: Duration| MESSAGES as f64 / time.as_secs_f64();
    println!("  {} mode", account.mode());
    row("answered a second", format!("{:.0}", per_second(answered)), "at least 6,000");
    row("answered, decided and queued a second", format!("{:.0}", per_second(queued)), "");
    row("the daemon's CPU a message", format!("{:.0} µs", daemon * 1e6 / MESSAGES as f64), "");
    row("the generator's CPU a message", format!("{:.0} µs", own * 1e6 / MESSAGES as f64), "");
    per_second(queued)
}

/// How long an answer takes at a steady pace, from the moment its call was due: a call that has to wait for the one before
/// counts its wait.
fn latency(account: &Account) {
    let desk = desk(account);
    let load = Load { connections: CONNECTIONS, messages: 30_000, per_second: Some(1_000), first: 0 };
    let taken = account.send(&load, &desk.http);
    desk.settled();
    once_each(&desk, &taken);
    let mut answered: Vec<Duration> = taken.iter().map(|call| call.acknowledged - call.due).collect();
    println!("  {} mode, 1,000 a second", account.mode());
    percentiles("due to answered", &mut answered, "below 20 ms");
}

/// Every message that was answered is in the store once, in a conversation of its own, and nothing else is there.
fn once_each(desk: &Desk, taken: &[Taken]) {
    let rows = Rows::count(&desk.dir);
    let expected = taken.len() + WARM;
    assert_eq!((rows.inbound, rows.conversations, rows.parked), (expected, expected, 0), "{rows:?}");
    let ids = store::texts(&store::open(&desk.dir), "SELECT external_id FROM message WHERE digest IS NOT NULL");
    let ids: HashSet<String> = ids.into_iter().collect();
    assert_eq!(ids.len(), expected, "a message is there twice");
    assert!(taken.iter().all(|call| ids.contains(&message_id(call.number))), "an answered message is not there");
}
