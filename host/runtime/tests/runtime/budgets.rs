//! The four budgets, each breached and each reported; and what a call that failed leaves behind: nothing.
use crate::guest::{ADAPTER, Guest, POLICY};
use crate::house::{House, World, context, decide, mail, outgoing, written};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tributary_model::ChannelName;
use tributary_runtime::{Adapter, Blame, Budget, Budgets, CallError, LoadError, RuntimeConfig, Settings};

fn within(budgets: Budgets) -> Settings {
    Settings { budgets, ..Settings::default() }
}

fn breached(error: CallError) -> Budget {
    assert_eq!(error.blame(), Blame::Budget, "{error}");
    match error {
        CallError::Budget { budget, what } => {
            assert!(what.chars().any(|c| c.is_ascii_digit()), "{what} does not tell the limit");
            budget
        }
        other => panic!("{other}"),
    }
}

/// Counts in memory how often it was called, and keeps the count in its state.
const COUNTING: Guest = Guest {
    items: r#"(import "tributary:plugin/state@0.1.0" "set" (func $set (param i32 i32 i32 i32 i32 i32 i32)))
              (data (i32.const 1024) "count")"#,
    prepare: "(i32.store8 (i32.const 2048) (i32.const 10))",
    main: "(i32.store8 (i32.const 2048) (i32.add (i32.load8_u (i32.const 2048)) (i32.const 1)))
           (call $set (i32.const 1024) (i32.const 5) (i32.const 2048) (i32.const 1) (i32.const 0) (i32.const 0)
                      (i32.const 512))",
    ..POLICY
};

#[tokio::test]
async fn a_spinning_guest_is_stopped_and_blocks_nobody() {
    let house = House::new();
    let spinning = Guest { main: "(loop $on (br $on))", ..POLICY }.package();
    let budgets = Budgets { guest: Duration::from_millis(100), ..Budgets::default() };
    let generation = house.load(&spinning, within(budgets)).await;
    // One worker: whatever else runs does so between two ticks of the guest.
    let ticks = Arc::new(AtomicUsize::new(0));
    let beside = tokio::spawn({
        let ticks = Arc::clone(&ticks);
        async move {
            loop {
                ticks.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
    });
    let error = decide(&generation).await.unwrap_err();
    beside.abort();
    assert_eq!(breached(error), Budget::Guest);
    assert!(ticks.load(Ordering::Relaxed) >= 5, "others ran {} times", ticks.load(Ordering::Relaxed));
}

#[tokio::test]
async fn the_wall_clock_counts_the_wait_and_the_guests_clock_does_not() {
    let guest = Guest {
        items: r#"(import "tributary:plugin/mail@0.1.0" "submit" (func $submit (param i32 i32 i32 i32 i32 i32 i32)))"#,
        main: "(call $submit (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
                             (i32.const 512))",
        ..ADAPTER
    }
    .package();
    let world = World { relay_takes: Duration::from_millis(150), ..World::default() };
    let house = House::with(world, Arc::new(tempfile::tempdir().unwrap()), RuntimeConfig::default());
    let settings = |wall| Settings {
        channel: Some(ChannelName::from("mail")),
        budgets: Budgets { guest: Duration::from_millis(50), wall, ..Budgets::default() },
        ..Settings::default()
    };
    let patient = house.load(&guest, settings(Duration::from_secs(20))).await;
    let called = patient.receive(context(), &mail()).await.unwrap();
    assert!(called.cost.wall >= Duration::from_millis(150), "{:?}", called.cost);
    assert!(called.cost.guest < Duration::from_millis(50), "{:?}", called.cost);
    assert_eq!(house.world.mails.lock().len(), 1);
    let hasty = house.load(&guest, settings(Duration::from_millis(20))).await;
    let start = Instant::now();
    assert_eq!(breached(hasty.receive(context(), &mail()).await.unwrap_err()), Budget::Wall);
    assert!(start.elapsed() < Duration::from_millis(140), "{:?}", start.elapsed());
    assert_eq!(house.world.mails.lock().len(), 1);
}

#[tokio::test]
async fn all_memories_and_tables_count_together() {
    let house = House::new();
    // Grows until it is refused, then falls over as an allocator does.
    let greedy = Guest {
        main: "(loop $on (br_if $on (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) unreachable",
        ..POLICY
    }
    .package();
    let budgets = Budgets { memory: 4 << 20, ..Budgets::default() };
    let generation = house.load(&greedy, within(budgets)).await;
    assert_eq!(breached(decide(&generation).await.unwrap_err()), Budget::Memory);
    // A table is memory too.
    let tabled = Guest {
        items: "(table $t 0 1000000 funcref)",
        main: "(if (i32.eq (table.grow $t (ref.null func) (i32.const 15000)) (i32.const -1)) (then unreachable))",
        ..POLICY
    }
    .package();
    let roomy = house.load(&tabled, within(budgets)).await;
    let cost = decide(&roomy).await.unwrap().cost;
    assert!(cost.memory >= 2 * 65536 + 15_000 * 8, "{cost:?}");
    let tight = house.load(&tabled, within(Budgets { memory: 2 * 65536 + 50_000, ..budgets })).await;
    assert_eq!(breached(decide(&tight).await.unwrap_err()), Budget::Memory);
    // And one that is too large from the start does not even get as far as `prepare`.
    let error = house.runtime.load(greedy, within(Budgets { memory: 1000, ..budgets })).await.unwrap_err();
    match error {
        LoadError::Prepare(error) => assert_eq!(breached(error), Budget::Memory),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn bytes_count_whether_they_are_arguments_or_results() {
    let house = House::new();
    let budgets = Budgets { bytes_out: 100_000, ..Budgets::default() };
    let chatty = Guest {
        items: r#"(import "tributary:plugin/log@0.1.0" "write" (func $log (param i32 i32 i32)))"#,
        main: "(loop $on (call $log (i32.const 0) (i32.const 0) (i32.const 1000)) (br $on))",
        ..POLICY
    };
    let generation = house.load(&chatty.package(), within(budgets)).await;
    assert_eq!(breached(decide(&generation).await.unwrap_err()), Budget::BytesOut);
    // One argument beyond everything.
    let once = Guest {
        main: "(drop (memory.grow (i32.const 4))) (call $log (i32.const 0) (i32.const 131072) (i32.const 200000))",
        ..chatty
    };
    let tiny = Budgets { bytes_out: 100, ..budgets };
    let generation = house.load(&once.package(), within(tiny)).await;
    assert_eq!(breached(decide(&generation).await.unwrap_err()), Budget::BytesOut);
    // A fault with a long text: discriminant 1, then `internal` with pointer and length.
    let wordy = Guest {
        main: "(drop (memory.grow (i32.const 4)))
               (i32.store8 (i32.const 0) (i32.const 1)) (i32.store8 (i32.const 4) (i32.const 1))
               (i32.store (i32.const 8) (i32.const 131072)) (i32.store (i32.const 12) (i32.const 120000))",
        ..POLICY
    }
    .package();
    let generation = house.load(&wordy, within(budgets)).await;
    assert_eq!(breached(decide(&generation).await.unwrap_err()), Budget::BytesOut);
}

#[tokio::test]
async fn a_trap_is_named_and_the_next_call_starts_anew() {
    let house = House::new();
    // Odd calls fall over; the counter shows whether anything of them is left.
    let guest = Guest {
        items: r#"(import "tributary:plugin/state@0.1.0" "get" (func $get (param i32 i32 i32)))
                  (data (i32.const 1024) "count")
                  (func $fall_over unreachable)"#,
        main: "(call $get (i32.const 1024) (i32.const 5) (i32.const 512))
               (if (i32.load8_u (i32.const 520)) (then (call $fall_over)))",
        ..POLICY
    }
    .package();
    let calm = house.load(&guest, Settings { reuse: Some(10), ..Settings::default() }).await;
    decide(&calm).await.unwrap();
    let world = World { state: Some(b"x".to_vec()), ..World::default() };
    let house = House::with(world, Arc::clone(&house.folder), RuntimeConfig::default());
    let broken = house.load(&guest, Settings { reuse: Some(10), ..Settings::default() }).await;
    for _ in 0..3 {
        match decide(&broken).await.unwrap_err() {
            CallError::Trap(words) => {
                assert!(words.contains("unreachable") && words.contains("fall_over"), "{words}");
            }
            other => panic!("{other}"),
        }
    }
    assert_eq!(house.world.questions.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn what_no_budget_can_count_is_refused_and_endless_recursion_traps() {
    let house = House::new();
    let shared = Guest { items: "(memory $shared 1 100 shared)", ..POLICY }.package();
    let refused = house.runtime.load(shared, Settings::default()).await;
    assert!(matches!(refused, Err(LoadError::Component(_))), "{refused:?}");
    let endless = Guest { items: "(func $deeper (call $deeper))", main: "(call $deeper)", ..POLICY }.package();
    let generation = house.load(&endless, Settings::default()).await;
    assert_eq!(decide(&generation).await.unwrap_err().blame(), Blame::Trap);
    let calm = house.load(&POLICY.package(), Settings::default()).await;
    decide(&calm).await.unwrap();
    // A second memory is counted like the first.
    let two = Guest { items: "(memory $more 40)", ..POLICY }.package();
    let generation = house.load(&two, Settings::default()).await;
    let cost = decide(&generation).await.unwrap().cost;
    assert!(cost.memory >= 42 * 65536, "{cost:?}");
}

#[tokio::test]
async fn a_fresh_instance_starts_from_the_picture_and_a_reused_one_does_not() {
    let house = House::new();
    let package = COUNTING.package();
    let fresh = house.load(&package, Settings::default()).await;
    assert_eq!(fresh.pictured(), Ok(()));
    for _ in 0..3 {
        let called = decide(&fresh).await.unwrap();
        // `prepare` ran once, and its memory is in the picture; nothing of an earlier call is.
        assert_eq!(written(&called.effects), Some(&[11][..]));
    }
    let reused = house.load(&package, Settings { reuse: Some(3), ..Settings::default() }).await;
    let mut counts = Vec::new();
    for _ in 0..7 {
        counts.extend_from_slice(written(&decide(&reused).await.unwrap().effects).unwrap());
    }
    assert_eq!(counts, [11, 12, 13, 11, 12, 13, 11]);
}

#[tokio::test]
async fn a_reused_instance_is_thrown_away_after_a_breach() {
    let house = House::new();
    let guest = Guest {
        main: "(i32.store8 (i32.const 2048) (i32.add (i32.load8_u (i32.const 2048)) (i32.const 1)))
               (call $set (i32.const 1024) (i32.const 5) (i32.const 2048) (i32.const 1) (i32.const 0) (i32.const 0)
                          (i32.const 512))
               (if (i32.eq (i32.load8_u (i32.const 2048)) (i32.const 12)) (then (loop $on (br $on))))",
        ..COUNTING
    }
    .package();
    let budgets = Budgets { guest: Duration::from_millis(20), ..Budgets::default() };
    let settings = Settings { reuse: Some(100), ..within(budgets) };
    let generation = house.load(&guest, settings).await;
    for _ in 0..3 {
        assert_eq!(written(&decide(&generation).await.unwrap().effects), Some(&[11][..]));
        assert_eq!(breached(decide(&generation).await.unwrap_err()), Budget::Guest);
    }
}

#[tokio::test]
async fn a_guest_that_cannot_be_pictured_is_prepared_for_each_call() {
    let house = House::new();
    let guest = Guest {
        items: r#"(import "tributary:plugin/state@0.1.0" "set" (func $set (param i32 i32 i32 i32 i32 i32 i32)))
                  (data (i32.const 1024) "count")
                  (table $t 2 2 funcref)
                  (func $change (table.set $t (i32.const 0) (ref.null func)))"#,
        ..COUNTING
    }
    .package();
    let generation = house.load(&guest, Settings::default()).await;
    let why = generation.pictured().unwrap_err();
    assert!(why.to_string().contains("table"), "{why}");
    for _ in 0..2 {
        assert_eq!(written(&decide(&generation).await.unwrap().effects), Some(&[11][..]));
    }
    // The cache remembers that too.
    let again = house.restarted().load(&guest, Settings::default()).await;
    assert!(again.compiled_from_cache() && again.pictured().is_err());
    assert_eq!(written(&decide(&again).await.unwrap().effects), Some(&[11][..]));
}

#[tokio::test]
async fn more_calls_than_places_wait_for_their_turn() {
    let house = House::new();
    let generation = house.load(&COUNTING.package(), Settings::default()).await;
    let calls: Vec<_> = (0..64)
        .map(|_| {
            let generation = Arc::clone(&generation);
            tokio::spawn(async move { decide(&generation).await.map(|called| called.cost) })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn what_a_plugin_does_not_export_is_the_hosts_mistake() {
    let house = House::new();
    let generation = house.load(&POLICY.package(), Settings::default()).await;
    let error = generation.send(context(), &outgoing()).await.unwrap_err();
    assert_eq!(error.blame(), Blame::Host, "{error}");
}
