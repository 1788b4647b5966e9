//! The adapters' real components, in the runtime as the daemon has it.
use crate::arrival::{Kept, arrivals, hand_in};
use crate::platform::{NOW, PLATFORMS, Platform, Receive};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use tempfile::TempDir;
use tributary_model::message as m;
use tributary_model::{ChannelName, PluginName, Timestamp};
use tributary_runtime::{
    Adapter, Blobs, CallContext, Generation, Grants, Package, Runtime, RuntimeConfig, Secret, SecretSource,
    Services, Settings,
};
use tributary_sdk::types::Attribute;
use tributary_sdk::{Arrival, Reading, Rejection};

/// Where `cargo xtask plugins` puts the components.
const PLUGINS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/plugins");

/// After so many inputs the folder of files is emptied.
const FILES: u64 = 10_000;

static HOUSE: LazyLock<House> = LazyLock::new(House::new);

/// Hands an input to the component of a number and, as ordinary code, to the same plugin. Panics where a call fails, and
/// where the two say different things.
pub fn try_all(which: u8, data: &[u8]) {
    let house = &*HOUSE;
    let desk = &house.desks[usize::from(which) % PLATFORMS.len()];
    for incoming in arrivals(desk.platform, data) {
        let arrival = of_host(&incoming.arrival);
        for (native, component) in &desk.variants {
            let (said, ..) = hand_in(desk.platform, native, &Kept::new(), &incoming.arrival);
            let call = component.receive(CallContext::at(Timestamp(NOW)), &arrival);
            let called = house.runtime.block_on(call);
            let called = called.unwrap_or_else(|error| panic!("channel-{}: {error}", desk.platform.name));
            assert_eq!(of_plugin(&said), of_component(&called.result), "channel-{}", desk.platform.name);
        }
    }
    house.tidy();
}

struct House {
    runtime: tokio::runtime::Runtime,
    desks: Vec<Desk>,
    files: TempDir,
    inputs: AtomicU64,
}

/// The variants of an adapter, linked and as a component.
struct Desk {
    platform: &'static Platform,
    variants: Vec<(Receive, Arc<Generation>)>,
}

impl House {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let files = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder");
        let blobs = Blobs::open(files.path()).expect("a folder of files");
        let services = Services { secrets: Arc::new(Known), ..Services::nothing(blobs) };
        let config = RuntimeConfig { concurrent_calls: 2, ..RuntimeConfig::default() };
        let engine = Runtime::new(config, services).expect("an engine");
        let desks = runtime.block_on(async {
            let mut desks = Vec::new();
            for platform in PLATFORMS {
                let mut variants = Vec::new();
                for (config, native) in platform.configs().zip(platform.natives()) {
                    variants.push((native, load(&engine, platform, &config).await));
                }
                desks.push(Desk { platform, variants });
            }
            desks
        });
        Self { runtime, desks, files, inputs: AtomicU64::new(0) }
    }

    /// Empties the folder of files from time to time.
    fn tidy(&self) {
        if self.inputs.fetch_add(1, Ordering::Relaxed) % FILES == 0 {
            let shelves = std::fs::read_dir(self.files.path()).into_iter().flatten().flatten();
            for file in shelves.flat_map(|shelf| std::fs::read_dir(shelf.path())).flatten().flatten() {
                let _ = std::fs::remove_file(file.path());
            }
        }
    }
}

/// The arrival as the host has it.
fn of_host(arrival: &Arrival) -> m::Arrival {
    match arrival.clone() {
        Arrival::Http(request) => m::Arrival::Http(m::Request {
            method: request.method,
            url: request.url,
            headers: request.headers.into_iter().map(attribute).collect(),
            body: request.body.into(),
        }),
        Arrival::Mail(mail) => {
            m::Arrival::Mail { mail_from: mail.mail_from, rcpt_to: mail.rcpt_to, data: mail.data.into() }
        }
        Arrival::Document(file) => {
            m::Arrival::Document { name: file.name, media_type: file.media_type, data: file.data.into() }
        }
    }
}

fn attribute(attribute: Attribute) -> m::Attribute {
    m::Attribute { name: attribute.name, value: attribute.value }
}

async fn load(engine: &Arc<Runtime>, platform: &Platform, config: &toml::Table) -> Arc<Generation> {
    let file: PathBuf = Path::new(PLUGINS).join(format!("channel-{}.wasm", platform.name));
    let Ok(bytes) = std::fs::read(&file) else {
        eprintln!("{} is not there; `cargo xtask plugins` makes it", file.display());
        std::process::exit(0);
    };
    let package = Package::read(bytes).expect("a component");
    let words = |grant: &toml::Value| grant.as_str().expect("a word").to_owned();
    let granted = |name: &str| -> Vec<String> {
        platform.section("grants").get(name).and_then(toml::Value::as_array).into_iter().flatten().map(words).collect()
    };
    let settings = Settings {
        config: package.effective_config(config).expect("an example is valid"),
        grants: Grants { secrets: granted("secrets"), egress: granted("egress"), ..Grants::default() },
        channel: Some(ChannelName::from(platform.name)),
        ..Settings::default()
    };
    engine.load(Arc::new(package), settings).await.expect("it loads")
}

/// The platforms' secrets.
struct Known;

impl SecretSource for Known {
    fn get(&self, plugin: &PluginName, name: &str) -> Option<Secret> {
        let platform = PLATFORMS.iter().find(|it| plugin.as_str().strip_prefix("channel-") == Some(it.name))?;
        let (_, value) = platform.secrets.iter().find(|(known, _)| *known == name)?;
        Some(Secret(Arc::from(*value)))
    }
}

/// What was said, as far as both sides have it in one form: a refusal's kind and words; events by their number, and an
/// answer.
#[derive(Debug, PartialEq)]
enum Said {
    Refused(&'static str, String),
    Read { events: usize, poll_now: bool, answer: Option<(u16, Vec<m::Attribute>, Vec<u8>)> },
}

fn of_plugin(said: &Result<Reading, Rejection>) -> Said {
    match said {
        Err(Rejection::Unauthenticated(why)) => Said::Refused("unauthenticated", why.clone()),
        Err(Rejection::Malformed(why)) => Said::Refused("malformed", why.clone()),
        Err(Rejection::Ignored(why)) => Said::Refused("ignored", why.clone()),
        Ok(Reading { events, answer, poll_now }) => Said::Read {
            events: events.len(),
            poll_now: *poll_now,
            answer: answer.clone().map(|it| (it.status, it.headers.into_iter().map(attribute).collect(), it.body)),
        },
    }
}

fn of_component(said: &Result<m::Reading, m::Rejection>) -> Said {
    match said {
        Err(m::Rejection::Unauthenticated(why)) => Said::Refused("unauthenticated", why.clone()),
        Err(m::Rejection::Malformed(why)) => Said::Refused("malformed", why.clone()),
        Err(m::Rejection::Ignored(why)) => Said::Refused("ignored", why.clone()),
        Ok(m::Reading { events, answer, poll_now }) => Said::Read {
            events: events.len(),
            poll_now: *poll_now,
            answer: answer.clone().map(|it| (it.status, it.headers, it.body)),
        },
    }
}
