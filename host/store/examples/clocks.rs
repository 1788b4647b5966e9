//! Clocks in numbers: what starting a million costs, looking while none is due, taking those of a calendar over to a new
//! form, and ringing every one of them while the process that rings is killed twenty times. Fails where a warning or a
//! breach is missing or came twice.
//!
//! `cargo run --release -p tributary-store --example clocks [CLOCKS [FOLDER]]`; without a folder a temporary one, which has
//! to hold 1.5 KB for each clock.
use std::collections::HashMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tributary_model::decision::{Action, Clock};
use tributary_model::{ConversationId, EventId, Timestamp};
use tributary_store::Store;
use tributary_store::conformance::{Unmet, fixture, load};
use tributary_store::sqlite::{SqliteConfig, SqliteStore};

type Done<T = ()> = Result<T, Box<dyn Error>>;

/// 2 November 2026, 08:00 UTC, and a day when everything is over: the smallest calendar takes 90 days for the longest clock.
const START: Timestamp = Timestamp(1_793_606_400_000);
const END: Timestamp = Timestamp(START.0 + 200 * 86_400_000);

/// How many clocks a conversation has.
const EACH: usize = 10;

/// As many bells as a stage of the daemon rings at once.
const BATCH: usize = 256;

const KILLS: usize = 20;

fn open(folder: &Path) -> Done<SqliteStore> {
    Ok(SqliteStore::open(&SqliteConfig::new(folder))?)
}

/// The clocks of a conversation: from a second to thirty days, half of them on a calendar, all with a warning.
fn clocks(conversation: usize) -> Vec<Action> {
    let clock = |n: usize| {
        let spread = (conversation * EACH + n).wrapping_mul(2_654_435_761) % (30 * 86_400);
        let target = u32::try_from(spread + 1).unwrap_or(1);
        let calendar = n.is_multiple_of(2).then(|| "care".to_owned());
        Clock {
            name: format!("clock-{n}"),
            target,
            calendar,
            warn_at_percent: 80,
            pauses_for_customer: n.is_multiple_of(3),
        }
    };
    (0..EACH).map(|n| Action::StartClock(clock(n))).collect()
}

async fn start(store: Arc<dyn Store>, conversations: usize) -> Result<(), Unmet> {
    const AT_ONCE: usize = 256;
    let mut tasks = Vec::new();
    for task in 0..AT_ONCE {
        let store = store.clone();
        tasks.push(tokio::spawn(async move {
            for n in (task..conversations).step_by(AT_ONCE) {
                let mut mail = load::first_mail("clocks", n);
                mail.at = START;
                let accepted = store.accept(mail, Some(fixture::lease(START))).await?;
                for claimed in accepted.claimed {
                    let outcomes = vec![fixture::outcome("policy-clocks", clocks(n))];
                    store.apply(fixture::decided(&claimed, outcomes, START)).await?;
                }
            }
            Ok::<_, Unmet>(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    Ok(())
}

/// Rings until nothing is due at the end; how many rang.
async fn ring(store: &dyn Store) -> Done<usize> {
    let mut rang = 0;
    loop {
        let rung = store.ring(END, BATCH).await?;
        rang += rung.rang;
        if rung.rang < BATCH {
            return Ok(rang);
        }
    }
}

/// Starts this program as one that only rings, and kills it at a moment nobody knows.
fn killed(folder: &Path, after: Duration) -> Done {
    let mut child = Command::new(std::env::current_exe()?).arg("ring").arg(folder).stdin(Stdio::null()).spawn()?;
    std::thread::sleep(after);
    child.kill()?;
    child.wait()?;
    Ok(())
}

/// Reads the whole event log: how often each clock warned and was breached.
async fn counted(store: &dyn Store) -> Done<HashMap<(ConversationId, String), (u32, u32)>> {
    let mut bells: HashMap<_, (u32, u32)> = HashMap::new();
    let mut after = EventId(0);
    loop {
        let events = store.events(after, 1_000).await?;
        let Some(last) = events.last() else { return Ok(bells) };
        after = last.id;
        for event in events {
            let (Some(id), Some(name)) = (event.conversation, event.detail) else { continue };
            match event.act.as_str() {
                "clock-warning" => bells.entry((id, name)).or_default().0 += 1,
                "clock-breached" => bells.entry((id, name)).or_default().1 += 1,
                _ => {}
            }
        }
    }
}

fn per_second(n: usize, took: Duration) -> String {
    format!("{n} in {took:.1?}, {:.0} a second", n as f64 / took.as_secs_f64())
}

#[tokio::main(flavor = "multi_thread")]
async fn main() -> Done {
    let mut args = std::env::args().skip(1);
    let first = args.next();
    let temporary = tempfile::tempdir()?;
    let folder = args.next().map_or_else(|| temporary.path().to_owned(), PathBuf::from);
    if first.as_deref() == Some("ring") {
        return ring(&open(&folder)?).await.map(drop);
    }
    let conversations = first.map_or(Ok(1_000_000), |count| count.parse::<usize>())?.div_ceil(EACH);
    let clocks = conversations * EACH;
    let unmet = |unmet| format!("{unmet:?}");

    let store: Arc<dyn Store> = Arc::new(open(&folder)?);
    let care = |periods: &[(&str, &str)]| fixture::daily(periods).map(|it| vec![("care".to_owned(), it)]);
    store.set_calendars(care(&[("09:00", "12:00"), ("13:00", "18:00")]).map_err(unmet)?, START).await?;
    let began = Instant::now();
    start(store.clone(), conversations).await.map_err(unmet)?;
    println!("started, {EACH} to a message: {}", per_second(clocks, began.elapsed()));

    let began = Instant::now();
    for _ in 0..1_000 {
        store.ring(START, BATCH).await?;
    }
    println!("a look while none is due: {:.1?}", began.elapsed() / 1_000);

    let began = Instant::now();
    let changed = care(&[("09:00", "12:30"), ("13:30", "18:00")]).map_err(unmet)?;
    let moved = usize::try_from(store.set_calendars(changed, START.after(Duration::from_secs(1))).await?)?;
    println!("taken over to a changed calendar: {}", per_second(moved, began.elapsed()));
    drop(store);

    for n in 0..KILLS {
        killed(&folder, Duration::from_millis(200 + (n as u64 * 7_919) % 1_000))?;
    }
    let store = open(&folder)?;
    let began = Instant::now();
    let rang = ring(&store).await?;
    println!("rang, {BATCH} to a commit, after {KILLS} kills: {}", per_second(rang, began.elapsed()));
    let bells = counted(&store).await?;
    let wrong = bells.values().filter(|bells| **bells != (1, 1)).count();
    println!("of {clocks} clocks {} rang; {wrong} of them not twice, a warning and a breach", bells.len());
    if rang == 2 * clocks || bells.len() != clocks || wrong > 0 {
        return Err("a bell is missing or came twice, or nothing rang before the kills".into());
    }
    Ok(())
}
