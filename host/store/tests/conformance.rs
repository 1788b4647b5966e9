//! The embedded store passes the suite.
use std::sync::Arc;
use tributary_store::sqlite::{SqliteConfig, SqliteStore};
use tributary_store::{Store, conformance};

#[tokio::test]
async fn the_embedded_store_passes_the_suite() {
    let dir = tempfile::tempdir().expect("a folder");
    let count = std::sync::atomic::AtomicU32::new(0);
    let (cases, failures) = conformance::run(|| {
        let n = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let config = SqliteConfig { rules: conformance::rules(), ..SqliteConfig::new(dir.path().join(n.to_string())) };
        async move { SqliteStore::open(&config).map(|store| Arc::new(store) as Arc<dyn Store>) }
    })
    .await;
    let text: Vec<_> = failures.iter().map(ToString::to_string).collect();
    assert!(failures.is_empty(), "{} of {cases} cases do not hold:\n{}", failures.len(), text.join("\n"));
    assert!(cases >= 50, "{cases}");
}
