//! The store's ceiling: messages accepted and decided per second at several group sizes, what a page of the queue and a
//! claim cost at 1,000 and at 100,000 conversations, and the memory of the process.
//!
//! `cargo run --release -p tributary-store --example ceiling [FOLDER]`; without a folder a temporary one.
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use tributary_store::Store;
use tributary_store::conformance::load;
use tributary_store::sqlite::{SqliteConfig, SqliteStore};

/// `VmRSS` and `VmHWM` of this process in MiB, where the system tells them.
fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let of = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib / 1024)
    };
    match (of("VmRSS:"), of("VmHWM:")) {
        (Some(now), Some(most)) => format!("{now} MiB, {most} MiB at most"),
        _ => "not told".into(),
    }
}

#[tokio::main(flavor = "multi_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let temporary = tempfile::tempdir()?;
    let folder = std::env::args_os().nth(1).map_or_else(|| temporary.path().to_owned(), PathBuf::from);
    let unmet = |unmet| format!("{unmet:?}");
    for (at_once, messages) in [(1, 2_000), (32, 30_000), (256, 60_000), (1_000, 60_000)] {
        let store: Arc<dyn Store> =
            Arc::new(SqliteStore::open(&SqliteConfig::new(folder.join(format!("rate-{at_once}"))))?);
        let run = load::ceiling(store, "run", messages, at_once).await.map_err(unmet)?;
        let (rate, each) = (run.per_second(), 1e6 / run.per_second());
        println!("accept+apply, {at_once:4} at once: {rate:7.0} messages/s, {each:5.1} µs each");
    }
    println!("memory: {}", memory());
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&SqliteConfig::new(folder.join("paced")))?);
    for rate in [200, 1_000, 3_000] {
        let (middle, slow) = load::paced(store.clone(), &format!("at-{rate}"), rate, 10).await.map_err(unmet)?;
        println!("accept to decided at {rate:4}/s: median {middle:?}, p99 {slow:?}");
    }
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&SqliteConfig::new(folder.join("size")))?);
    let mut there = 0;
    for size in [1_000, 100_000] {
        load::ceiling(store.clone(), &format!("to-{size}"), size - there, 256).await.map_err(unmet)?;
        there = size;
        let (middle, slow) = load::listing(&*store, 5_000).await.map_err(unmet)?;
        println!("queue page of 50 at {size:6} conversations: median {middle:?}, p99 {slow:?}");
        let (middle, slow) = load::claiming(&*store, 500).await.map_err(unmet)?;
        println!("claim next at {size:6} conversations: median {middle:?}, p99 {slow:?}");
    }
    println!("memory: {}", memory());
    Ok(())
}
