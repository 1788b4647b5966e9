//! Generations of the embedded store: any order of steps, a store that is opened anew, and a process that is killed.
use proptest::prelude::*;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tributary_model::life::{Event as To, State};
use tributary_model::{GenerationId, Place, Timestamp};
use tributary_store::conformance::fixture;
use tributary_store::conformance::lifetimes::{Books, LifeStep};
use tributary_store::sqlite::{SqliteConfig, SqliteStore};
use tributary_store::*;

/// Opens a store that was closed before; a process that another test starts may still have the lock's descriptor.
fn open(dir: &Path) -> SqliteStore {
    let patience = Instant::now() + Duration::from_secs(10);
    loop {
        match SqliteStore::open(&SqliteConfig::new(dir)) {
            Err(StoreError::Locked(_)) if Instant::now() < patience => std::thread::yield_now(),
            other => return other.expect("opens"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_of_steps_keeps_one_live_and_the_state_with_it(
        steps in prop::collection::vec((any::<u8>(), any::<u8>(), any::<u8>()), 100..400),
        reopened in any::<prop::sample::Index>(),
    ) {
        let dir = tempfile::tempdir().expect("a folder");
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let mut books = Books::default();
        let mut store = open(dir.path());
        let reopened = reopened.index(steps.len());
        for (n, (what, to, how)) in steps.iter().copied().enumerate() {
            if n == reopened {
                drop(store);
                store = open(dir.path());
            }
            let held = runtime.block_on(async {
                books.step(&store, LifeStep(what, to, how)).await?;
                books.agree(&store).await
            });
            prop_assert!(held.is_ok(), "step {n}: {held:?}");
        }
    }
}

/// The variable that makes the test below the child that is killed.
const CHILD: &str = "TRIBUTARY_STORE_LIVES_CHILD";

fn scope(place: &Place) -> StateScope {
    match place {
        Place::Channel(_) => fixture::scope(),
        Place::Policy(name) => StateScope { plugin: name.clone(), channel: "".into() },
    }
}

/// The generation that the state of a place says it is of.
async fn writer(store: &SqliteStore, place: &Place) -> Option<String> {
    let value = store.state(&scope(place), "of", Timestamp(9)).await.expect("read");
    value.map(|bytes| String::from_utf8(bytes).expect("text"))
}

/// Installs, migrates and goes back until it is killed, and prints each switch once it is on disk.
#[test]
fn child_that_is_killed() {
    let Some(dir) = std::env::var_os(CHILD) else { return };
    let store = open(Path::new(&dir));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let told = |id: GenerationId| {
        let line = format!("switched {id}\n");
        std::io::stdout().write_all(line.as_bytes()).expect("told");
    };
    runtime.block_on(async {
        for n in 0u64.. {
            for place in [fixture::triage(), fixture::email()] {
                let id = fixture::checked(&store, &place, &format!("0.{n}.0")).await.expect("checked");
                let revision = store.state_copy(&scope(&place), Timestamp(9)).await.expect("copied").revision;
                let mut entries: Vec<_> = (0..20).map(|n| (format!("k{n}"), vec![7; 100])).collect();
                entries.push(("of".into(), id.to_string().into_bytes()));
                let change = StateChange::Migrated { scope: scope(&place), revision, entries };
                let done = fixture::switch_with(&store, id, change).await.expect("switched");
                told(id);
                // Every third time straight back, as one that fails its guard would.
                if let Switched::Done { was: Some(was) } = done
                    && n % 3 == 2
                {
                    let change = StateChange::Restore { scope: scope(&place) };
                    let back = fixture::switch_with(&store, was, change).await.expect("switched");
                    assert_eq!(back, Switched::Done { was: Some(id) });
                    told(was);
                }
            }
        }
    });
}

#[tokio::test]
async fn a_killed_process_leaves_one_live_with_its_own_state() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut switched = 0;
    for round in 0..12usize {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["child_that_is_killed", "--exact", "--nocapture", "--test-threads=1"])
            .env(CHILD, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the child starts");
        let out = BufReader::new(child.stdout.take().expect("its output"));
        let enough = 3 + round * 5 % 17;
        let mut seen = Vec::new();
        for line in out.lines() {
            let Ok(line) = line else { break };
            // The test runner's own words may stand before the first.
            if let Some((_, id)) = line.split_once("switched ") {
                seen.push(id.parse::<GenerationId>().expect("an id"));
            }
            // Goes on reading to the end: what was told before the kill counts as well.
            if seen.len() == enough {
                child.kill().expect("killed");
            }
        }
        child.wait().expect("ended");
        assert!(seen.len() >= enough, "the child ended by itself after {} in round {round}", seen.len());
        switched += seen.len();
        let store = open(dir.path());
        for place in [fixture::triage(), fixture::email()] {
            let all = store.generations(Some(&place), usize::MAX).await.expect("listed");
            let live: Vec<_> = all.iter().filter(|it| it.state == State::Live).map(|it| it.id).collect();
            assert_eq!(live.len(), 1, "{place} in round {round}: {live:?}");
            assert_eq!(writer(&store, &place).await, Some(live[0].to_string()), "{place} in round {round}");
            let unfinished = all.iter().filter(|it| !it.lived).count();
            assert!(unfinished <= round + 1, "{unfinished} of {place} never lived after {} kills", round + 1);
        }
        for id in seen {
            assert!(store.generation(id).await.expect("read").expect("it is there").lived, "{id}");
        }
        assert!(told_live(&store).await >= switched, "each switch is in the log");
        // What was on its way when the process ended can be ended in order.
        for it in store.generations(None, usize::MAX).await.expect("listed") {
            if matches!(it.state, State::Package | State::Verified | State::Compiled | State::Checked) {
                let ended = store.advance(it.id, To::Refuse, Some("the daemon ended".into()), Timestamp(9)).await;
                assert_eq!(ended.expect("written"), Some(Ok(State::Refused)));
            }
        }
    }
}

/// How many times the log says that a generation went live.
async fn told_live(store: &SqliteStore) -> usize {
    let (mut count, mut after) = (0, tributary_model::EventId(0));
    loop {
        let events = store.events(after, 1_000).await.expect("read");
        let Some(last) = events.last() else { return count };
        after = last.id;
        count += events.iter().filter(|it| it.why.as_deref().is_some_and(|why| why.contains(" is live: "))).count();
    }
}
