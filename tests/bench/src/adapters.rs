//! What an arrival costs in each adapter: a fresh instance for each call, and the same plugin linked natively.
//!
//! The arrivals are what the adapter's own sampler says its platform sends for one message, each signed with the channel's
//! secrets and checked by `receive`; the configuration and the secrets' names are those of the plugin's `example.toml`.
use crate::native::{Host, Native, SECRET};
use crate::{Args, package, runtime};
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use tributary_model::message::{Arrival, Rejection, Sample};
use tributary_model::{ChannelName, Timestamp};
use tributary_runtime::{Adapter, Blobs, CallContext, Grants, Package, Secret, SecretSource, Settings};
use tributary_sdk::{Channel, Exported};

const TEXT: &str =
    "您好，我的订单 1042 上周就付款了，现在还没有发货。 When will my order 1042 arrive? Please look it up, thanks.";
const CALLS: usize = 2_000;
const ROUNDS: usize = 9;

/// The same for every adapter: the plugin as it is linked here, under its configuration.
type Link = fn(&Package, &str, &Arc<Blobs>) -> Result<Arc<dyn Adapter>>;

const ADAPTERS: [(&str, Link); 8] = [
    ("channel-email", link::<channel_email::Email>),
    ("channel-wechat", link::<channel_wechat::WeChat>),
    ("channel-wecom-kf", link::<channel_wecom_kf::CustomerService>),
    ("channel-webchat", link::<channel_webchat::Webchat>),
    ("channel-phone", link::<channel_phone::Phone>),
    ("channel-shopify", link::<channel_shopify::Shopify>),
    ("channel-doudian", link::<channel_doudian::Doudian>),
    ("channel-telegram", link::<channel_telegram::Telegram>),
];

fn link<P: Exported + Channel>(package: &Package, config: &str, blobs: &Arc<Blobs>) -> Result<Arc<dyn Adapter>> {
    let plugin = tributary_sdk::load::<P>(config).map_err(anyhow::Error::msg)?;
    Ok(Arc::new(Native::new(plugin, package, Some(channel()), Host::alone(blobs))?))
}

fn channel() -> ChannelName {
    ChannelName::from("bench")
}

fn context() -> CallContext {
    CallContext::at(Timestamp(1_790_812_800_000))
}

/// The one secret, under every name that is granted.
pub struct OneSecret;

impl SecretSource for OneSecret {
    fn get(&self, _: &tributary_model::PluginName, _: &str) -> Option<Secret> {
        Some(Secret(SECRET.into()))
    }
}

/// One line for each adapter.
pub async fn run(args: &Args) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let blobs = Blobs::open(&dir.path().join("blobs"))?;
    let runtime = runtime(&blobs)?;
    println!("one arrival after another, median of {ROUNDS} rounds of {CALLS}");
    println!("{:<18} {:>7} {:>9} {:>9} {:>6} {:>10}", "adapter", "bytes", "fresh µs", "native µs", "times", "size KiB");
    for (name, link) in ADAPTERS {
        let package = package(&args.plugins, name)?;
        let (config, grants) = example(name)?;
        let config = package.effective_config(&config)?;
        let native = link(&package, &config.to_string(), &blobs)?;
        let settings = Settings { config, grants, reuse: Some(0), channel: Some(channel()), ..Settings::default() };
        let fresh: Arc<dyn Adapter> = runtime.load(package, settings).await?;
        let samples = fresh.samples(context(), TEXT).await?.result.map_err(|error| anyhow::anyhow!("{error:?}"))?;
        let arrivals: Vec<Arrival> = samples.into_iter().map(arrival).collect();
        let mut rounds = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            rounds.0.push(micros(&*fresh, &arrivals).await?);
            rounds.1.push(micros(&*native, &arrivals).await?);
        }
        let [fresh, native] = [rounds.0, rounds.1].map(|mut micros| {
            micros.sort_by(f64::total_cmp);
            micros[ROUNDS / 2]
        });
        let bytes = arrivals.iter().map(|arrival| arrival.bytes().len()).sum::<usize>() / arrivals.len();
        let kib = std::fs::metadata(args.plugins.join(format!("{name}.wasm")))?.len() / 1024;
        println!("{name:<18} {bytes:>7} {fresh:>9.1} {native:>9.1} {:>6.1} {kib:>10}", fresh / native);
    }
    Ok(())
}

/// What a call takes, over the arrivals of one message.
async fn micros(adapter: &dyn Adapter, arrivals: &[Arrival]) -> Result<f64> {
    let started = Instant::now();
    for arrival in arrivals.iter().cycle().take(CALLS) {
        match adapter.receive(context(), arrival).await?.result {
            Ok(_) | Err(Rejection::Ignored(_)) => {}
            Err(rejection) => bail!("{}: {rejection:?}", adapter.info().name),
        }
    }
    Ok(started.elapsed().as_secs_f64() * 1e6 / CALLS as f64)
}

/// What `example.toml` of a plugin configures and grants.
fn example(name: &str) -> Result<(toml::Table, Grants)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins").join(name).join("example.toml");
    let text = std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    let table: toml::Value = toml::from_str(&text)?;
    let channel = &table["channel"][0];
    let secrets = channel["grants"]["secrets"].as_array().into_iter().flatten();
    let secrets = secrets.filter_map(|name| Some(name.as_str()?.to_owned())).collect();
    let config = channel.get("config").and_then(toml::Value::as_table).cloned().unwrap_or_default();
    Ok((config, Grants { secrets, ..Grants::default() }))
}

fn arrival(sample: Sample) -> Arrival {
    match sample {
        Sample::Http(request) => Arrival::Http(request),
        Sample::Mail { mail_from, data } => {
            Arrival::Mail { mail_from, rcpt_to: vec!["support@shop.example".into()], data }
        }
        Sample::Document { name, media_type, data } => Arrival::Document { name, media_type, data },
    }
}
