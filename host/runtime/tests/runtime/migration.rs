//! A plugin that carries its state over from another version of itself: what it gives back, and how it can fail.
use crate::guest::{Guest, POLICY};
use crate::house::{House, decide};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tributary_runtime::contract::{Entries, Refused};
use tributary_runtime::package::{Standing, compat};
use tributary_runtime::{Blame, Budget, Budgets, CallError, Contracts, Generation, Settings};

/// Gives back what it was given.
const SAME: &str = "(i32.store8 (i32.const 512) (i32.const 0))
    (i32.store (i32.const 516) (local.get $entries))
    (i32.store (i32.const 520) (local.get $count))
    (i32.const 512)";

fn entries() -> Entries {
    vec![("a".into(), b"1".to_vec()), ("b".into(), vec![0; 64 << 10]), (String::new(), Vec::new())]
}

async fn loaded(house: &House, guest: Guest, settings: Settings) -> Arc<Generation> {
    let package = guest.package();
    assert!(package.migrates());
    house.load(&package, settings).await
}

async fn migrated(items: &'static str, migrate: &'static str) -> Result<Result<Entries, Refused>, CallError> {
    let house = House::new();
    let guest = Guest { items, migrate: Some(migrate), ..POLICY };
    let budgets = Budgets { guest: Duration::from_millis(20), memory: 16 << 20, ..Budgets::default() };
    loaded(&house, guest, Settings { budgets, ..Settings::default() }).await.migrate("1.2.3", &entries()).await
}

#[tokio::test]
async fn all_entries_go_in_with_their_version_and_come_out() {
    assert_eq!(migrated("", SAME).await.unwrap(), Ok(entries()));
    assert_eq!(
        migrated("", "(i64.store (i32.const 512) (i64.const 0)) (i32.const 512)").await.unwrap(),
        Ok(Vec::new())
    );
    let from_as_key = "(i32.store (i32.const 1024) (local.get $from))
        (i32.store (i32.const 1028) (local.get $from_length))
        (i32.store (i32.const 516) (i32.const 1024))
        (i32.store (i32.const 520) (i32.const 1))
        (i32.const 512)";
    assert_eq!(migrated("", from_as_key).await.unwrap(), Ok(vec![("1.2.3".into(), Vec::new())]));
    let refuses = "(i32.store8 (i32.const 512) (i32.const 1))
        (i32.store (i32.const 516) (local.get $from))
        (i32.store (i32.const 520) (local.get $from_length))
        (i32.const 512)";
    assert_eq!(migrated("", refuses).await.unwrap(), Err(Refused("1.2.3".into())));
}

#[tokio::test]
async fn what_state_set_would_not_take_is_against_the_contract() {
    // One entry at 1024: a key and a value of these lengths. Two: the same twice.
    let cases = [
        ("(global $key i32 (i32.const 256)) (global $value i32 (i32.const 65536)) (global $n i32 (i32.const 1))", None),
        (
            "(global $key i32 (i32.const 257)) (global $value i32 (i32.const 0)) (global $n i32 (i32.const 1))",
            Some("257"),
        ),
        (
            "(global $key i32 (i32.const 1)) (global $value i32 (i32.const 65537)) (global $n i32 (i32.const 1))",
            Some("65537"),
        ),
        (
            "(global $key i32 (i32.const 1)) (global $value i32 (i32.const 1)) (global $n i32 (i32.const 2))",
            Some("same key"),
        ),
    ];
    let body = "(i32.store (i32.const 1028) (global.get $key)) (i32.store (i32.const 1036) (global.get $value))
        (i32.store (i32.const 1044) (global.get $key)) (i32.store (i32.const 1052) (global.get $value))
        (i32.store (i32.const 516) (i32.const 1024)) (i32.store (i32.const 520) (global.get $n)) (i32.const 512)";
    for (items, expected) in cases {
        match (migrated(items, body).await, expected) {
            (Ok(Ok(entries)), None) => assert_eq!((entries[0].0.len(), entries[0].1.len()), (256, 65_536)),
            (Err(CallError::Contract(what)), Some(words)) => assert!(what.contains(words), "{what}"),
            other => panic!("{items}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn it_runs_within_its_budgets_and_on_an_instance_of_its_own() {
    assert!(matches!(migrated("", "unreachable").await, Err(error) if error.blame() == Blame::Trap));
    let start = Instant::now();
    match migrated("", "(loop $on (br $on)) (i32.const 512)").await {
        Err(CallError::Budget { budget: Budget::Guest, what }) => assert!(what.contains("200 ms"), "{what}"),
        other => panic!("{other:?}"),
    }
    assert!(start.elapsed() >= Duration::from_millis(200), "ten times a call's budget");

    // Reused by `decide`, never by `migrate`: each has the picture's memory, where it ran no time before.
    let once = "(if (i32.load (i32.const 900)) (then unreachable)) (i32.store (i32.const 900) (i32.const 1))
        (i64.store (i32.const 512) (i64.const 0)) (i32.const 512)";
    let house = House::new();
    let guest = Guest { main: "(i32.store (i32.const 900) (i32.const 1))", migrate: Some(once), ..POLICY };
    let generation = loaded(&house, guest, Settings { reuse: Some(100), ..Settings::default() }).await;
    for _ in 0..3 {
        decide(&generation).await.unwrap();
        assert_eq!(generation.migrate("1.2.3", &entries()).await.unwrap(), Ok(Vec::new()));
    }
}

#[tokio::test]
async fn no_state_answers_while_it_is_carried_over() {
    let house = House::new();
    let guest = Guest {
        items: r#"(import "tributary:plugin/state@0.1.0" "get" (func $get (param i32 i32 i32)))"#,
        // Refuses with the words that `state.get` refused with.
        migrate: Some(
            "(call $get (i32.const 0) (i32.const 1) (i32.const 600))
             (i32.store8 (i32.const 512) (i32.load8_u (i32.const 600)))
             (i32.store (i32.const 516) (i32.load (i32.const 616)))
             (i32.store (i32.const 520) (i32.load (i32.const 620)))
             (i32.const 512)",
        ),
        ..POLICY
    };
    let generation = loaded(&house, guest, Settings::default()).await;
    let said = generation.migrate("1.2.3", &entries()).await.unwrap();
    assert!(matches!(&said, Err(Refused(why)) if why.contains("no state")), "{said:?}");
    assert_eq!(house.world.questions.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_plugin_without_it_says_so_before_and_when_it_is_called() {
    let house = House::new();
    assert!(!POLICY.package().migrates());
    let generation = house.load(&POLICY.package(), Settings::default()).await;
    assert!(
        matches!(generation.migrate("1.2.3", &[]).await, Err(CallError::Host(what)) if what.contains("`migration`"))
    );
    let found = compat(Guest { migrate: Some(SAME), ..POLICY }.bytes(), &Contracts::default());
    let migration = found.interfaces.iter().find(|seen| seen.name == "tributary:plugin/migration@0.1.0").unwrap();
    assert_eq!(migration.standing, Standing::Same);
}
