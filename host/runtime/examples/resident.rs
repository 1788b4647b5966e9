//! What an adapter costs while it is there: loading it cold and from the cache, and the memory that is resident for each
//! of its live instances.
//!
//! `cargo run --release -p tributary-runtime --example resident -- COMPONENT [key=value…]`; the pairs are configuration.
//! The instances are all in the middle of `send` when the memory is read: the relay holds every one of them. What it
//! counts is the whole daemon's: pages the guest touched, its stack, its store, its task.
use async_trait::async_trait;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Barrier;
use tributary_model::message::{Author, Content, Handle, HandleKind, Outgoing};
use tributary_model::{ChannelName, ConversationId, OutgoingId, Timestamp};
use tributary_runtime::{
    Adapter, Blobs, CallContext, MailError, MailRelay, Package, Runtime, RuntimeConfig, Services, Settings,
};

/// Instances that are alive at once.
const LIVE: usize = 200;
/// Loads of each kind.
const LOADS: usize = 5;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// A relay that keeps every mail until all of them are there and somebody has looked.
struct Holding(Barrier);

#[async_trait]
impl MailRelay for Holding {
    async fn submit(&self, _: &str, _: &[String], _: &[u8]) -> Result<String, MailError> {
        // All are there; and all may go.
        self.0.wait().await;
        self.0.wait().await;
        Ok("250 2.0.0 taken".into())
    }
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: resident COMPONENT [key=value…]")?;
    let mut config = toml::Table::new();
    for pair in arguments {
        let (key, value) = pair.split_once('=').ok_or("a configuration is written key=value")?;
        config.insert(key.into(), toml::Value::String(value.into()));
    }
    let package = Arc::new(Package::read(std::fs::read(&path)?)?);
    if !package.is_adapter() {
        return Err("only an adapter can be held in the middle of a call".into());
    }
    let settings = Settings {
        config: package.effective_config(&config)?,
        channel: Some(ChannelName::from("mail")),
        ..Settings::default()
    };
    let relay = Arc::new(Holding(Barrier::new(LIVE + 1)));
    let folder = tempfile::tempdir()?;
    println!("{} {}", package.name(), package.version());
    for (how, cached) in [("cold", false), ("cached", true)] {
        let mut times = Vec::with_capacity(LOADS);
        for round in 0..LOADS {
            let cache = if cached { "cache".to_owned() } else { format!("cold-{round}") };
            let runtime = runtime(folder.path(), &cache, &relay)?;
            if cached {
                // The first one fills the cache.
                runtime.load(Arc::clone(&package), settings.clone()).await?;
            }
            let start = Instant::now();
            let generation = runtime.load(Arc::clone(&package), settings.clone()).await?;
            times.push(start.elapsed());
            assert_eq!(generation.compiled_from_cache(), cached, "loaded {how}");
        }
        println!("load {how}: median {:.1?} of {LOADS}", median(&mut times));
    }
    let runtime = runtime(folder.path(), "cache", &relay)?;
    let generation = runtime.load(Arc::clone(&package), settings).await?;
    let mut before = resident()?;
    // The second round is the one that counts: the first one leaves behind what the allocator and the pool keep.
    for round in 1..=2 {
        let calls: Vec<_> = (0..LIVE)
            .map(|number| {
                let generation = Arc::clone(&generation);
                let message = message(number);
                tokio::spawn(
                    async move { generation.send(CallContext::at(Timestamp(1_760_000_000_000)), &message).await },
                )
            })
            .collect();
        tokio::time::timeout(Duration::from_secs(60), relay.0.wait()).await?;
        let with = resident()?;
        relay.0.wait().await;
        for call in calls {
            call.await??.result.map_err(|error| format!("{error:?}"))?;
        }
        let after = resident()?;
        let each = with.saturating_sub(before) as f64 / LIVE as f64;
        let kept = after.saturating_sub(before) as f64 / LIVE as f64;
        println!(
            "resident per instance, round {round}: {each:.0} KB of {LIVE} live, {kept:.0} KB kept by the pool when they are gone"
        );
        before = before.min(after);
    }
    Ok(())
}

fn runtime(folder: &Path, cache: &str, relay: &Arc<Holding>) -> Outcome<Arc<Runtime>> {
    let config = RuntimeConfig { cache_dir: Some(folder.join(cache)), ..RuntimeConfig::default() };
    let nothing = Services::nothing(Blobs::open(&folder.join("blobs"))?);
    let services = Services { mail: Arc::clone(relay) as _, ..nothing };
    Ok(Runtime::new(config, services)?)
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Memory of this process that is resident, in KB.
fn resident() -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("the system does not tell it")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

fn message(number: usize) -> Outgoing {
    Outgoing {
        id: OutgoingId(number as i64),
        at: Timestamp(1_760_000_000_000),
        conversation: ConversationId(7),
        reply_token: "token".into(),
        author: Author::Agent,
        to: vec![Handle { kind: HandleKind::Email, value: "li@mail.example".into(), verified: false }],
        subject: Some("refund please".into()),
        content: Content { text: "Your money is on its way.".into(), ..Content::default() },
        in_reply_to: None,
        references: Vec::new(),
        attributes: Vec::new(),
    }
}
