//! A million clocks in a running desk: whether each bell that falls due is rung once and within a second, while the daemon is
//! killed twenty times, and after a day on which nobody rang.
//!
//! The clocks are written into the store before the daemon starts, as they would stand there had it been stopped a day ago.
//! Who watches reads the event log from the file, so that a bell counts from the moment its commit can be seen.
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tributary_model::Timestamp;
use tributary_model::decision::{Action, Clock};
use tributary_store::Store;
use tributary_store::conformance::{Unmet, fixture, load};
use tributary_store::sqlite::{SqliteConfig, SqliteStore};
use tributary_tests::{Desk, store};

use crate::figure::{percentiles, row};

/// Conversations of ten clocks each: one to be watched, one of every third conversation missed on the day before, the others
/// far from due.
const CONVERSATIONS: u64 = 100_000;
const EACH: u64 = 10;

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The clocks began so long before the daemon is started again: a day, and the shortest target.
const BEFORE: u64 = DAY + 2 * HOUR;

/// What is watched falls due within this time, from before the clocks are all written until after the watch.
const SPREAD: u64 = 46 * MINUTE;

/// How long it is watched, and how often the daemon is killed meanwhile.
const WATCH: Duration = Duration::from_secs(600);
const KILLS: u32 = 20;

/// A bell that can be seen so many milliseconds after it was due is in time.
const IN_TIME: u64 = 1_000;

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("later than 1970");
    u64::try_from(since.as_millis()).expect("a moment of this age of the world")
}

/// A number below `below` that looks like chance.
fn spread(n: u64, below: u64) -> u64 {
    (n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20) % below
}

/// The clocks of a conversation that began [`BEFORE`] ahead of the moment from which on it is watched.
fn clocks(n: u64) -> Vec<Action> {
    let clock = |at: u64| {
        let number = n * EACH + at;
        let (due, warn_at_percent) = match at {
            // A hundredth of its target is a quarter of an hour, so both bells of most ring while they are watched.
            0 => (BEFORE + spread(number, SPREAD), 99),
            1 if n.is_multiple_of(3) => (2 * HOUR + spread(number, DAY), 80),
            _ => (BEFORE + SPREAD + spread(number, 29 * DAY), 80),
        };
        let target = u32::try_from(due / 1_000).expect("a target of some weeks");
        Clock { name: format!("clock-{at}"), target, calendar: None, warn_at_percent, pauses_for_customer: false }
    };
    (0..EACH).map(|at| Action::StartClock(clock(at))).collect()
}

/// Writes conversations and clocks as they stood when the desk was stopped, a day before `from`.
fn write(data: &Path, from: u64) {
    const AT_ONCE: u64 = 256;
    let store = Arc::new(SqliteStore::open(&SqliteConfig::new(data)).expect("a store can be opened"));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be started");
    let began = Timestamp(from - BEFORE);
    runtime.block_on(async {
        let tasks: Vec<_> = (0..AT_ONCE)
            .map(|task| {
                let store = store.clone();
                tokio::spawn(async move {
                    for n in (task..CONVERSATIONS).step_by(AT_ONCE as usize) {
                        let mut mail = load::first_mail("clocks", n as usize);
                        mail.at = began;
                        for claimed in store.accept(mail, Some(fixture::lease(began))).await?.claimed {
                            let outcomes = vec![fixture::outcome("policy-clocks", clocks(n))];
                            store.apply(fixture::decided(&claimed, outcomes, began)).await?;
                        }
                    }
                    Ok::<_, Unmet>(())
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("the task ends").unwrap_or_else(|unmet| panic!("{unmet:?}"));
        }
    });
}

/// A clock's bell: conversation, name, and whether it is the breach.
type Bell = (i64, String, bool);

/// What was rung, and when it was seen: the first time, and how often in all.
type Seen = HashMap<Bell, (u64, u32)>;

/// Reads the event log until it is told to stop, and then to its end.
fn watch(dir: &Path, stop: &AtomicBool) -> Seen {
    let mut seen = Seen::new();
    let mut after = 0;
    loop {
        let last = stop.load(Ordering::Acquire);
        let connection = store::open(dir);
        let mut statement = connection
            .prepare_cached(
                "SELECT id, conversation, detail, act = 'clock-breached' FROM event WHERE id > ?1 \
                 AND act IN ('clock-warning', 'clock-breached') ORDER BY id",
            )
            .expect("the log can be read");
        let found = statement.query_map([after], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?, row.get(3)?))));
        let found: Result<Vec<(i64, Bell)>, _> = found.expect("the log can be read").collect();
        let at = now();
        for (id, bell) in found.expect("the log can be read") {
            after = after.max(id);
            seen.entry(bell).or_insert((at, 0)).1 += 1;
        }
        if last {
            return seen;
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// When the daemon was ready, and when it was killed.
struct Run {
    ready: u64,
    killed: u64,
}

/// What is known of one bell that was due: rung while the daemon ran, or after a time without it.
#[derive(Default)]
struct Found {
    in_time: Vec<Duration>,
    after_a_kill: Vec<Duration>,
    after_the_day: Vec<Duration>,
    late: usize,
}

impl Found {
    /// Puts a bell where it belongs, by the runs of the daemon.
    fn add(&mut self, due: u64, seen: u64, runs: &[Run]) {
        let first = &runs[0];
        let took = |since: u64| Duration::from_millis(seen.saturating_sub(since));
        if due < first.ready {
            return self.after_the_day.push(took(first.ready));
        }
        let run = runs.iter().rfind(|run| run.ready <= due).unwrap_or(first);
        // The daemon was away while it fell due, or went before it had to be rung.
        match runs.iter().find(|next| next.ready > run.ready && due + IN_TIME > run.killed) {
            Some(next) if seen > run.killed => self.after_a_kill.push(took(next.ready)),
            _ => {
                self.late += usize::from(took(due) > Duration::from_millis(IN_TIME));
                self.in_time.push(took(due));
            }
        }
    }
}

/// All of it.
pub fn run() {
    let mut desk = Desk::setup().init();
    let from = now() + MINUTE;
    write(&desk.dir.join("data"), from);
    row("clocks that run", (CONVERSATIONS * EACH).to_string(), "");
    let stop = AtomicBool::new(false);
    let (runs, ended, seen) = thread::scope(|scope| {
        let (dir, stopped) = (desk.dir.clone(), &stop);
        let watching = scope.spawn(move || watch(&dir, stopped));
        let mut runs = Vec::new();
        for n in 0..=KILLS {
            desk.serve();
            let ready = now();
            // Not the same distance each time, so that it is killed in whatever it is doing.
            let rest = WATCH / (KILLS + 1);
            thread::sleep(if n == KILLS {
                rest
            } else {
                rest / 2 + rest.mul_f64(spread(n.into(), 1_000) as f64 / 1e3)
            });
            if n < KILLS {
                desk.kill();
            }
            runs.push(Run { ready, killed: now() });
        }
        let ended = now();
        thread::sleep(Duration::from_millis(2 * IN_TIME));
        stop.store(true, Ordering::Release);
        (runs, ended, watching.join().expect("who watches does not fail"))
    });
    judge(&desk.dir, &runs, ended, &seen);
}

/// Holds every bell that was due against what was seen.
fn judge(dir: &Path, runs: &[Run], ended: u64, seen: &Seen) {
    let connection = store::open(dir);
    let mut statement = connection
        .prepare("SELECT conversation, name, started, target, warn_percent, due FROM clock WHERE name LIKE 'clock-_'")
        .expect("the clocks can be read");
    let mut rows = statement.query([]).expect("the clocks can be read");
    let (mut found, mut missing, mut twice) = (Found::default(), 0, 0);
    while let Some(row) = rows.next().expect("the clocks can be read") {
        let text = |at: usize| row.get::<_, String>(at).expect("a text");
        let number = |at: usize| row.get::<_, i64>(at).expect("a number") as u64;
        let warning = number(2) + number(3) * 1_000 * number(4) / 100;
        for (due, breach) in [(warning, false), (number(5), true)] {
            match seen.get(&(number(0) as i64, text(1), breach)) {
                Some((at, times)) => {
                    twice += usize::from(*times > 1);
                    found.add(due, *at, runs);
                }
                None => missing += usize::from(due <= ended),
            }
        }
    }
    let kills = runs.len() - 1;
    row("kills", kills.to_string(), "");
    row("bells that were due and not rung, or rung twice", format!("{missing}, {twice}"), "none");
    row("bells that fell due while it ran", found.in_time.len().to_string(), "");
    percentiles("due to rung", &mut found.in_time, "");
    let longest = found.in_time.iter().max().copied().unwrap_or_default();
    row("due to rung, the longest", format!("{:.2} ms", longest.as_secs_f64() * 1e3), "at most 1,000 ms");
    row("of them later than a second", found.late.to_string(), "none");
    row("bells that fell due while it was killed", found.after_a_kill.len().to_string(), "");
    percentiles("ready again to rung", &mut found.after_a_kill, "");
    row("bells missed in the day without it", found.after_the_day.len().to_string(), "");
    percentiles("ready to rung", &mut found.after_the_day, "");
    let down: u64 = runs.windows(2).map(|pair| pair[1].ready - pair[0].killed).sum();
    row("from a kill until it is ready", format!("{:.2} s", down as f64 / 1e3 / kills as f64), "");
    assert_eq!((missing, twice), (0, 0), "a bell is missing or came twice");
    assert!(found.late == 0, "{} bells came late", found.late);
}
