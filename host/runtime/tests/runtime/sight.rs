//! What a generation tells of its calls: numbers that can be known beforehand, and the span around each.
use crate::guest::{ADAPTER, Guest, POLICY};
use crate::house::{House, World, context, decide, outgoing, snapshot};
use crate::services::Lines;
use std::sync::Arc;
use std::time::Duration;
use tributary_model::decision::Happening;
use tributary_model::{GenerationId, Timestamp};
use tributary_runtime::{Adapter, Blame, Budgets, Policy, RuntimeConfig, Settings};

#[tokio::test]
async fn calls_at_once_are_all_counted_with_their_faults() {
    let house = House::new();
    let good = house.load(&POLICY.package(), Settings::default()).await;
    assert_eq!(good.sight(), Default::default());
    let calls: Vec<_> = (0..8)
        .map(|_| {
            let good = Arc::clone(&good);
            tokio::spawn(async move {
                for _ in 0..25 {
                    decide(&good).await.unwrap();
                }
            })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
    let sight = good.sight();
    assert_eq!(sight.calls(), 200);
    assert_eq!(sight.exports.iter().map(|of| of.export).collect::<Vec<_>>(), ["decide"]);
    assert!(sight.guest.p50 > Duration::ZERO && sight.guest.p50 <= sight.guest.p99, "{sight:?}");
    assert!(sight.guest_total >= sight.guest.p50 * 90 && sight.wall.p99 >= sight.guest.p50, "{sight:?}");
    assert_eq!((sight.memory_high, sight.faults.total(), sight.last_fault), (128 << 10, 0, None));
}

#[tokio::test]
async fn every_fault_has_its_kind() {
    let budgets = Budgets {
        guest: Duration::from_millis(50),
        wall: Duration::from_millis(400),
        memory: 256 << 10,
        bytes_out: 64 << 10,
    };
    let log = r#"(import "tributary:plugin/log@0.1.0" "write" (func $log (param i32 i32 i32)))"#;
    let cases = [
        ("trap", Blame::Trap, Guest { main: "unreachable", ..POLICY }),
        ("budget-guest", Blame::Budget, Guest { main: "(loop $on (br $on))", ..POLICY }),
        (
            "budget-memory",
            Blame::Budget,
            Guest { main: "(if (i32.eq (memory.grow (i32.const 100)) (i32.const -1)) (then unreachable))", ..POLICY },
        ),
        (
            "budget-bytes-out",
            Blame::Budget,
            Guest {
                items: log,
                main: "(call $log (i32.const 0) (i32.const 0) (i32.const 60000))
                       (call $log (i32.const 0) (i32.const 0) (i32.const 60000))",
                ..POLICY
            },
        ),
        ("guest", Blame::Guest, Guest { main: "(i32.store8 (i32.const 0) (i32.const 7))", ..POLICY }),
        // `err(internal(""))`.
        (
            "guest",
            Blame::Guest,
            Guest {
                main: "(i32.store8 (i32.const 0) (i32.const 1)) (i32.store8 (i32.const 4) (i32.const 1))",
                ..POLICY
            },
        ),
    ];
    for (kind, blame, guest) in cases {
        let house = House::new();
        let generation = house.load(&guest.package(), Settings { budgets, ..Settings::default() }).await;
        let called = generation.decide(context(), &snapshot(), &Happening::AgentClosed).await;
        assert!(called.is_err() || called.unwrap().result.is_err(), "{kind}");
        let sight = generation.sight();
        let counted: Vec<_> = sight.faults.by_kind().into_iter().filter(|(_, count)| *count > 0).collect();
        assert_eq!((counted.as_slice(), sight.calls()), (&[(kind, 1)][..], 1), "{sight:?}");
        let last = sight.last_fault.unwrap();
        assert_eq!((last.at, last.export, last.blame), (Timestamp(1_760_000_000_000), "decide", blame));
    }
}

#[tokio::test]
async fn waiting_for_the_host_is_told_apart_from_working() {
    let takes = Duration::from_millis(150);
    let items = r#"(import "tributary:plugin/mail@0.1.0" "submit" (func $submit (param i32 i32 i32 i32 i32 i32 i32)))"#;
    let send = "(call $submit (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 100)
                              (i32.const 512))";
    let world = World { relay_takes: takes, ..World::default() };
    let house = House::with(world, Arc::new(tempfile::tempdir().unwrap()), RuntimeConfig::default());
    let settings = Settings { channel: Some("mail".into()), ..Settings::default() };
    let generation = house.load(&Guest { items, send, ..ADAPTER }.package(), settings).await;
    for _ in 0..3 {
        let cost = generation.send(context(), &outgoing()).await.unwrap().cost;
        assert!(cost.host >= takes && cost.host <= cost.wall && cost.guest < takes, "{cost:?}");
    }
    let sight = generation.sight();
    assert!(sight.host_total >= takes * 3 && sight.guest_total < takes, "{sight:?}");
    assert!(sight.wall.p50 >= takes.mul_f64(0.93) && sight.bytes_out_high >= 100, "{sight:?}");

    // A call that is given up while it waits: the wall's budget.
    let budgets = Budgets { wall: Duration::from_millis(60), ..Budgets::default() };
    let settings = Settings { channel: Some("mail".into()), budgets, ..Settings::default() };
    let generation = house.load(&Guest { items, send, ..ADAPTER }.package(), settings).await;
    generation.send(context(), &outgoing()).await.unwrap_err();
    let sight = generation.sight();
    assert_eq!((sight.faults.budget_wall, sight.faults.total()), (1, 1));
    assert!(sight.host_total >= Duration::from_millis(50), "{sight:?}");
}

#[tokio::test]
async fn each_call_has_a_span_with_its_blame() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(move || writer.clone())
        .finish();
    let house = House::new();
    let settings = Settings { generation: GenerationId(12), ..Settings::default() };
    let generation = house.load(&Guest { main: "unreachable", ..POLICY }.package(), settings).await;
    {
        let _log = tracing::subscriber::set_default(subscriber);
        decide(&generation).await.unwrap_err();
    }
    let text = lines.text();
    let line = text.lines().find(|line| line.contains("the call failed")).unwrap_or_else(|| panic!("{text}"));
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    let span = &line["span"];
    assert_eq!(
        (&span["name"], &span["plugin"], &span["export"]),
        (&"plugin_call".into(), &"guest".into(), &"decide".into())
    );
    assert_eq!((&span["generation"], &span["conversation"]), (&12.into(), &7.into()));
    assert_eq!(line["fields"]["blame"], "trap");
    assert_eq!(line["level"], "DEBUG");
}
