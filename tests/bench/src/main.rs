//! One run, the same pipeline and store, the same mails: with plugins as components (a fresh instance for each call, and
//! reused ones) and with the same plugins linked natively. Prints mails per second from `receive` to decided and queued,
//! in turns, and the ratio of the medians. Then, one mail after another, what the adapter's `receive` alone takes.
//!
//! `--only adapters` compares every channel adapter, one arrival after another; see [`adapters`]. `--only policies` does so
//! with the policies; see [`policies`].
//!
//! Usage: `tributary-bench [--mails N] [--rounds N] [--plugins DIR] [--only VARIANT]`
mod adapters;
#[cfg(test)]
mod bot;
#[cfg(test)]
mod cases;
mod convert;
mod knowledge;
mod native;
mod policies;

use anyhow::{Context, bail};
use native::{Host, Native};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tributary_model::message::Arrival;
use tributary_model::{ChannelName, Timestamp};
use tributary_pipeline::driver::Driver;
use tributary_pipeline::{Channel, Config, Pipeline, Plugins, Received, Seat};
use tributary_runtime::{Adapter, Blobs, CallContext, Package, Policy, Runtime, RuntimeConfig, Services, Settings};
use tributary_store::Store;
use tributary_store::sqlite::{SqliteConfig, SqliteStore};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CHAIN: [&str; 3] = ["policy-triage", "policy-routing", "policy-receipt"];
const SENDERS: usize = 50;

#[derive(Clone, Copy, PartialEq)]
enum Variant {
    Fresh,
    Reused,
    Native,
}

impl Variant {
    const ALL: [Self; 3] = [Self::Fresh, Self::Reused, Self::Native];

    fn name(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Reused => "reused",
            Self::Native => "native",
        }
    }
}

struct Args {
    mails: usize,
    rounds: usize,
    plugins: PathBuf,
    only: Option<String>,
}

fn args() -> anyhow::Result<Args> {
    let mut args = Args { mails: 10_000, rounds: 3, plugins: "target/plugins".into(), only: None };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().with_context(|| format!("{word} needs a value"))?;
        match word.as_str() {
            "--mails" => args.mails = value.parse()?,
            "--rounds" => args.rounds = value.parse()?,
            "--plugins" => args.plugins = value.into(),
            "--only" => args.only = Some(value),
            other => bail!("{other} is not an option; there are --mails, --rounds, --plugins, --only"),
        }
    }
    Ok(args)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = args()?;
    if args.only.as_deref() == Some("adapters") {
        return adapters::run(&args).await;
    }
    if args.only.as_deref() == Some("policies") {
        return policies::run(&args).await;
    }
    let mut rates: Vec<(Variant, Vec<f64>)> = Variant::ALL.map(|variant| (variant, Vec::new())).to_vec();
    for _ in 0..args.rounds {
        for (variant, rates) in &mut rates {
            if args.only.as_deref().is_none_or(|only| only == variant.name()) {
                rates.push(run(*variant, &args).await?);
            }
        }
    }
    println!("{:<10} {:>10} {:>10} {:>10}", "plugins", "min/s", "median/s", "max/s");
    let mut medians = Vec::new();
    for (variant, mut rates) in rates.into_iter().filter(|(_, rates)| !rates.is_empty()) {
        rates.sort_by(f64::total_cmp);
        let median = rates[rates.len() / 2];
        println!("{:<10} {:>10.0} {:>10.0} {:>10.0}", variant.name(), rates[0], median, rates[rates.len() - 1]);
        medians.push((variant, median));
    }
    let of = |wanted| medians.iter().find(|(variant, _)| *variant == wanted).map(|(_, median)| *median);
    if let (Some(fresh), Some(native)) = (of(Variant::Fresh), of(Variant::Native)) {
        println!("native is {:.2} times as fast as fresh components (at most 1.6 is wanted)", native / fresh);
    }
    if let (Some(reused), Some(native)) = (of(Variant::Reused), of(Variant::Native)) {
        println!("native is {:.2} times as fast as reused components", native / reused);
    }
    one_by_one(&args).await
}

/// What one `receive` of a 1 KB mail takes, in turns, without store and policies.
async fn one_by_one(args: &Args) -> anyhow::Result<()> {
    const CALLS: usize = 2_000;
    const ROUNDS: usize = 9;
    let dir = tempfile::tempdir()?;
    let blobs = Blobs::open(&dir.path().join("blobs"))?;
    let mut sets = Vec::new();
    for variant in Variant::ALL {
        sets.push((variant, set(variant, args, &blobs).await?, Vec::new()));
    }
    let name = ChannelName::from("email");
    for round in 0..ROUNDS {
        for (_, plugins, micros) in &mut sets {
            let adapter = &plugins.channel(&name).context("the set has the channel")?.seat.base;
            let started = Instant::now();
            for number in 0..CALLS {
                let now = Timestamp(1_700_000_000_000);
                let context = CallContext::at(now);
                let called = adapter.receive(context, &mail(round * CALLS + number)).await?;
                anyhow::ensure!(called.result.is_ok(), "{:?}", called.result);
            }
            micros.push(started.elapsed().as_secs_f64() * 1e6 / CALLS as f64);
        }
    }
    println!("\nreceive, one 1 KB mail after another (making the mail included)");
    let mut medians = Vec::new();
    for (variant, _, mut micros) in sets {
        micros.sort_by(f64::total_cmp);
        println!("{:<10} {:>10.1} µs", variant.name(), micros[ROUNDS / 2]);
        medians.push(micros[ROUNDS / 2]);
    }
    println!("a fresh instance takes {:.1} times as long as native (at most 8 is wanted)", medians[0] / medians[2]);
    Ok(())
}

fn package(dir: &Path, name: &str) -> anyhow::Result<Arc<Package>> {
    let path = dir.join(format!("{name}.wasm"));
    let bytes = std::fs::read(&path)
        .with_context(|| format!("{} is not there; `cargo xtask plugins` builds it", path.display()))?;
    Ok(Arc::new(Package::read(bytes)?))
}

async fn run(variant: Variant, args: &Args) -> anyhow::Result<f64> {
    let dir = tempfile::tempdir()?;
    let blobs = Blobs::open(&dir.path().join("blobs"))?;
    let plugins = set(variant, args, &blobs).await?;
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&SqliteConfig::new(dir.path().join("data")))?);
    let pipeline =
        Pipeline::new(store.clone(), plugins, Default::default(), Config { delivering: 0, ..Config::default() });
    let driver = Driver::new();
    pipeline.start(&driver).await?;

    let started = Instant::now();
    let mut senders = Vec::new();
    for sender in 0..SENDERS {
        let (pipeline, mails) = (pipeline.clone(), args.mails);
        senders.push(tokio::spawn(async move {
            let channel = ChannelName::from("email");
            for number in (sender..mails).step_by(SENDERS) {
                let received = pipeline.receive(&channel, mail(number)).await?;
                anyhow::ensure!(matches!(received, Received::Accepted { .. }), "{received:?}");
            }
            Ok(())
        }));
    }
    for sender in senders {
        sender.await??;
    }
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        let counts = store.counts(Timestamp(0)).await?;
        if counts.undecided == 0 {
            anyhow::ensure!(counts.conversations == args.mails as u64, "{counts:?}");
            anyhow::ensure!(counts.parked == 0, "{counts:?}");
            break;
        }
        anyhow::ensure!(Instant::now() < deadline, "still undecided: {counts:?}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let rate = args.mails as f64 / started.elapsed().as_secs_f64();
    driver.shut_down(Duration::from_secs(5)).await;
    Ok(rate)
}

async fn set(variant: Variant, args: &Args, blobs: &Arc<Blobs>) -> anyhow::Result<Plugins> {
    let name = ChannelName::from("email");
    let email = package(&args.plugins, "channel-email")?;
    let mut policies: Vec<Arc<dyn Policy>> = Vec::new();
    let adapter: Arc<dyn Adapter> = if variant == Variant::Native {
        for chained in CHAIN {
            let package = package(&args.plugins, chained)?;
            let config = "{}";
            let policy: Arc<dyn Policy> = match chained {
                "policy-triage" => {
                    let plugin = tributary_sdk::load::<policy_triage::Triage>(config).map_err(anyhow::Error::msg)?;
                    Arc::new(Native::new(plugin, &package, None, Host::alone(blobs))?)
                }
                "policy-routing" => {
                    let plugin = tributary_sdk::load::<policy_routing::Routing>(config).map_err(anyhow::Error::msg)?;
                    Arc::new(Native::new(plugin, &package, None, Host::alone(blobs))?)
                }
                _ => {
                    let plugin = tributary_sdk::load::<policy_receipt::Receipt>(config).map_err(anyhow::Error::msg)?;
                    Arc::new(Native::new(plugin, &package, None, Host::alone(blobs))?)
                }
            };
            policies.push(policy);
        }
        let plugin = tributary_sdk::load::<channel_email::Email>(r#"{"from": "support@shop.example"}"#)
            .map_err(anyhow::Error::msg)?;
        Arc::new(Native::new(plugin, &email, Some(name.clone()), Host::alone(blobs))?)
    } else {
        let runtime = runtime(blobs)?;
        let reuse = (variant == Variant::Reused).then_some(1_000_000);
        for chained in CHAIN {
            let settings = Settings { reuse, ..Settings::default() };
            policies.push(runtime.load(package(&args.plugins, chained)?, settings).await?);
        }
        let config = email.effective_config(&toml::toml! { from = "support@shop.example" })?;
        runtime.load(email, Settings { config, reuse, channel: Some(name.clone()), ..Settings::default() }).await?
    };
    Ok(Plugins::new(
        vec![Channel::standing(name, adapter, Vec::new())],
        policies.into_iter().map(Seat::alone).collect(),
    ))
}

/// A runtime that keeps no state and has one secret.
fn runtime(blobs: &Arc<Blobs>) -> anyhow::Result<Arc<Runtime>> {
    let services = Services { secrets: Arc::new(adapters::OneSecret), ..Services::nothing(blobs.clone()) };
    Ok(Runtime::new(RuntimeConfig::default(), services)?)
}

/// A mail of about 1 KB by a customer of its own.
fn mail(number: usize) -> Arrival {
    let filler = "The parcel was to arrive on Tuesday and the tracking page has not changed since it left. ".repeat(7);
    let data = format!(
        "From: Customer {number} <customer-{number}@mail.example>\r\nTo: support@shop.example\r\n\
         Subject: Where is my order {number}?\r\nMessage-ID: <bench-{number}@mail.example>\r\n\
         Date: Fri, 20 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
         Hello,\r\n\r\n{filler}\r\n\r\nPlease tell me where it is.\r\n"
    );
    Arrival::Mail {
        mail_from: format!("customer-{number}@mail.example"),
        rcpt_to: vec!["support@shop.example".into()],
        data: data.into_bytes().into(),
    }
}
