//! Compiled code on disk: used when it is ours, never run when it is not.
use crate::guest::{Guest, POLICY};
use crate::house::{House, decide};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tributary_runtime::{Budgets, LoadError, Package, Settings};

fn codes(house: &House) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(house.cache()).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "code"));
    paths.sort();
    paths
}

async fn from_cache(house: &House, package: &Arc<Package>) -> bool {
    let generation = house.load(package, Settings::default()).await;
    decide(&generation).await.unwrap();
    generation.compiled_from_cache()
}

#[tokio::test]
async fn code_is_compiled_once_and_again_for_another_configuration() {
    let house = House::new();
    let package = POLICY.package();
    assert!(!from_cache(&house, &package).await);
    assert!(from_cache(&house, &package).await);
    assert!(from_cache(&house.restarted(), &package).await);
    let settings = Settings { config: serde_json::json!({ "a": 1 }), ..Settings::default() };
    assert!(!house.load(&package, settings).await.compiled_from_cache());
    assert_eq!(codes(&house).len(), 2);
    assert_eq!(std::fs::read_dir(house.cache()).unwrap().count(), 3, "the codes and the key, nothing unfinished");
}

#[tokio::test]
async fn a_file_that_was_changed_is_noticed_and_replaced() {
    let house = House::new();
    let package = POLICY.package();
    assert!(!from_cache(&house, &package).await);
    let path = codes(&house).remove(0);
    let good = std::fs::read(&path).unwrap();
    let middle = good.len() / 2;
    let flipped = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    let cases = [
        ("nothing", Vec::new()),
        ("other bytes", b"\x7fELF whatever".to_vec()),
        ("the magic", flipped(0)),
        ("the HMAC", flipped(20)),
        ("the key it is for", flipped(50)),
        ("the length of its note", flipped(73)),
        ("the code", flipped(middle)),
        ("the last byte", flipped(good.len() - 1)),
        ("cut off", good[..middle].to_vec()),
        ("longer", [good.as_slice(), b"x"].concat()),
    ];
    for (what, bytes) in cases {
        std::fs::write(&path, bytes).unwrap();
        assert!(!from_cache(&house, &package).await, "{what} was changed and not noticed");
        assert!(from_cache(&house, &package).await, "after {what} the code was not replaced");
    }
}

#[tokio::test]
async fn a_file_of_another_daemon_or_another_plugin_is_not_run() {
    let package = POLICY.package();
    let (mine, other) = (House::new(), House::new());
    assert!(!from_cache(&mine, &package).await && !from_cache(&other, &package).await);
    let (path, foreign) = (codes(&mine).remove(0), codes(&other).remove(0));
    assert_eq!(path.file_name(), foreign.file_name());
    std::fs::copy(&foreign, &path).unwrap();
    assert!(!from_cache(&mine, &package).await);
    // Our own, but of another component, under this name.
    let second = Guest { default: Some("a = 1"), ..POLICY }.package();
    assert!(!from_cache(&mine, &second).await);
    let third = codes(&mine).into_iter().find(|code| *code != path).unwrap();
    std::fs::copy(third, &path).unwrap();
    assert!(!from_cache(&mine, &package).await);
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_daemon_reads_the_key_and_a_new_one_makes_the_old_code_void() {
    use std::os::unix::fs::PermissionsExt;
    let house = House::new();
    let package = POLICY.package();
    assert!(!from_cache(&house, &package).await);
    let key = house.cache().join("key");
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read(&key).unwrap().len(), 32);
    for broken in [&b""[..], &[7; 31], &[7; 32]] {
        std::fs::write(&key, broken).unwrap();
        let restarted = house.restarted();
        assert!(!from_cache(&restarted, &package).await);
        assert!(from_cache(&restarted, &package).await);
    }
}

#[tokio::test]
async fn what_the_plugin_or_the_schema_refuses_is_not_kept() {
    let house = House::new();
    // `prepare` answers with an error: discriminant 1, then pointer and length of the words.
    let refusing = Guest {
        items: r#"(data (i32.const 1024) "no such team")"#,
        prepare: "(i32.store8 (i32.const 0) (i32.const 1)) (i32.store (i32.const 4) (i32.const 1024))
                  (i32.store (i32.const 8) (i32.const 12))",
        schema: Some(r#"{"type":"object","properties":{"team":{"type":"string"},"limit":{"type":"integer"}}}"#),
        ..POLICY
    }
    .package();
    for _ in 0..2 {
        match house.runtime.load(Arc::clone(&refusing), Settings::default()).await {
            Err(LoadError::Refused(words)) => assert_eq!(words, "no such team"),
            other => panic!("{other:?}"),
        }
    }
    assert!(codes(&house).is_empty());
    let config = serde_json::json!({ "team": 1, "limit": "many" });
    match house.runtime.load(refusing, Settings { config, ..Settings::default() }).await {
        Err(LoadError::Config(faults)) => {
            let mut paths: Vec<_> = faults.0.iter().map(|fault| fault.path.as_str()).collect();
            paths.sort_unstable();
            assert_eq!(paths, ["/limit", "/team"]);
        }
        other => panic!("{other:?}"),
    }
    let trapping = Guest { prepare: "unreachable", ..POLICY }.package();
    match house.runtime.load(trapping, Settings::default()).await {
        Err(LoadError::Prepare(error)) => assert_eq!(error.blame(), tributary_runtime::Blame::Trap),
        other => panic!("{other:?}"),
    }
    let spinning = Guest { prepare: "(loop $on (br $on))", ..POLICY }.package();
    let budgets = Budgets { guest: Duration::from_millis(20), ..Budgets::default() };
    match house.runtime.load(spinning, Settings { budgets, ..Settings::default() }).await {
        Err(LoadError::Prepare(error)) => assert_eq!(error.blame(), tributary_runtime::Blame::Budget),
        other => panic!("{other:?}"),
    }
}
