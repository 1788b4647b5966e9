//! The engine all plugins share, and the way from a package to a generation.
use crate::budget::Meter;
use crate::cache::{self, Cache};
use crate::call::{CallContext, CallError, PluginInfo};
use crate::contract::{Contracts, Exports};
use crate::generation::Generation;
use crate::grant::{Granted, NotGranted};
use crate::instance::{Live, failure};
use crate::metrics::Metrics;
use crate::package::{ConfigFaults, Hook, Package};
use crate::picture;
use crate::record::{Callee, Masks, Source};
use crate::services::Services;
use crate::settings::Settings;
use crate::state::{CallState, Shared};
use crate::ticker::Ticker;
use parking_lot::Mutex;
use serde_json::Value;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tributary_model::{ChannelName, Place, Timestamp};
use wasmtime::component::{InstancePre, Linker};
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

/// How the runtime is built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeConfig {
    /// Folder of compiled code; none: compiled anew at every start.
    pub cache_dir: Option<PathBuf>,
    /// Calls that may run at once, over all plugins; more wait. Default 256.
    pub concurrent_calls: u32,
    /// The largest memory an instance may have, whatever its budget says. Default 256 MiB.
    pub max_memory: usize,
    /// Versions of the contract that are served. Default: the current one.
    pub contracts: Contracts,
}

impl Default for RuntimeConfig {
    fn default() -> Self {
        Self { cache_dir: None, concurrent_calls: 256, max_memory: 256 << 20, contracts: Contracts::default() }
    }
}

/// Why there is no runtime.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The WebAssembly engine cannot be set up: its words.
    #[error("the WebAssembly engine cannot be set up: {0}")]
    Engine(String),
    /// The folder of compiled code cannot be used.
    #[error("the code cache at {path} cannot be used")]
    Cache {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Why a plugin was not loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Its configuration is wrong: every fault.
    #[error(transparent)]
    Config(#[from] ConfigFaults),
    /// It needs what it does not have.
    #[error(transparent)]
    NotGranted(#[from] NotGranted),
    /// It was read for a version of the contract that this runtime does not serve.
    #[error("it was built for version {found} of the contract, this runtime serves {}: build it again with the SDK of one of these", served.join(", "))]
    Contract {
        /// The version it was built for.
        found: String,
        /// The versions that are served, the current one first.
        served: Vec<&'static str>,
    },
    /// It does not compile, or does not fit the contract: the engine's words.
    #[error("it cannot be compiled or linked: {0}")]
    Component(String),
    /// It refused its configuration: its words.
    #[error("it refused its configuration: {0}")]
    Refused(String),
    /// It failed while it was prepared.
    #[error("it failed while it was prepared")]
    Prepare(#[source] CallError),
}

/// Core instances, tables and memories that one component may have: interpreters bring about a hundred of the former.
const PER_COMPONENT: u32 = 200;

/// The engine all plugins share.
pub struct Runtime {
    engine: Engine,
    cache: Option<Cache>,
    services: Services,
    max_memory: usize,
    /// Compiling takes seconds of CPU for a large component; on these threads it takes them from nobody.
    compilers: rayon::ThreadPool,
    ticker: Arc<Ticker>,
    contracts: Contracts,
    /// A place for each call that runs.
    pub(crate) calls: Semaphore,
    /// A place for each instance that waits for its next call.
    pub(crate) warm: Arc<Semaphore>,
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").field("max_memory", &self.max_memory).finish_non_exhaustive()
    }
}

impl Runtime {
    /// Sets the engine up and starts its ticker, a thread that ends with the last plugin.
    pub fn new(config: RuntimeConfig, services: Services) -> Result<Arc<Self>, RuntimeError> {
        let wrong = |error: wasmtime::Error| RuntimeError::Engine(format!("{error:#}"));
        let engine = Engine::new(&settings(&config)).map_err(wrong)?;
        let cache = match config.cache_dir {
            None => None,
            Some(path) => match Cache::open(&path) {
                Ok(cache) => Some(cache),
                Err(source) => return Err(RuntimeError::Cache { path, source }),
            },
        };
        let ticker = Arc::new(Ticker::default());
        let (ticking, rest) = (engine.weak(), Arc::clone(&ticker));
        std::thread::Builder::new()
            .name("epoch".into())
            .spawn(move || {
                while let Some(engine) = ticking.upgrade() {
                    engine.increment_epoch();
                    drop(engine);
                    std::thread::sleep(rest.rest());
                }
            })
            .map_err(|error| RuntimeError::Engine(error.to_string()))?;
        let places = config.concurrent_calls.max(1) as usize;
        Ok(Arc::new(Self {
            engine,
            cache,
            services,
            max_memory: config.max_memory,
            compilers: compilers()?,
            ticker,
            contracts: config.contracts,
            calls: Semaphore::new(places),
            warm: Arc::new(Semaphore::new(places)),
        }))
    }

    /// The versions of the contract that it serves: what a package has to be read for.
    pub fn contracts(&self) -> &Contracts {
        &self.contracts
    }

    /// Checks, compiles, prepares and pictures a plugin. What it compiles is kept in the cache. Runs on threads of low
    /// priority: traffic goes first.
    pub async fn load(
        self: &Arc<Self>,
        package: Arc<Package>,
        settings: Settings,
    ) -> Result<Arc<Generation>, LoadError> {
        let runtime = Arc::clone(self);
        let here = tokio::runtime::Handle::current();
        tokio::task::spawn_blocking(move || {
            let pool = Arc::clone(&runtime);
            pool.compilers.install(move || here.block_on(runtime.load_here(package, settings)))
        })
        .await
        .unwrap_or_else(|error| Err(LoadError::Component(error.to_string())))
    }

    async fn load_here(
        self: Arc<Self>,
        package: Arc<Package>,
        settings: Settings,
    ) -> Result<Arc<Generation>, LoadError> {
        let Settings { config, grants, channel, generation, mut budgets, reuse } = settings;
        let config = match config {
            Value::Null => package.effective_config(&toml::Table::new())?,
            config => {
                package.check_config(&config)?;
                config
            }
        };
        let version = package.contract_version();
        let contract = self
            .contracts
            .find(version)
            .cloned()
            .ok_or_else(|| LoadError::Contract { found: version.to_owned(), served: self.contracts.versions() })?;
        let granted = Granted::new(&package, &config, &grants)?;
        budgets.memory = budgets.memory.min(self.max_memory);
        let info = PluginInfo {
            name: package.name().clone(),
            version: package.version().to_owned(),
            generation,
            channel: channel.clone(),
            may_be_skipped: package.may_be_skipped(),
            actions: Arc::clone(&granted.actions),
            parked_answer: package.manifest().hook.as_ref().map(Hook::parked_answer),
        };
        let recording = self.services.recorder.as_ref().map(|recorder| {
            let callee = Callee {
                place: match &channel {
                    Some(channel) => Place::Channel(channel.clone()),
                    None => Place::Policy(package.name().clone()),
                },
                plugin: package.name().clone(),
                version: package.version().to_owned(),
                generation,
                contract: version.to_owned(),
                digest: package.digest().to_owned(),
                config: config.to_string(),
            };
            Source::new(Arc::clone(recorder), callee)
        });
        let shared = Arc::new(Shared {
            name: package.name().clone(),
            version: package.version().to_owned(),
            generation,
            channel: channel.unwrap_or_else(|| ChannelName::from("")),
            config: config.to_string(),
            granted,
            services: self.services.clone(),
            budgets,
            ticker: Arc::clone(&self.ticker),
            masks: Masks::default(),
        });
        let broken = |error: wasmtime::Error| LoadError::Component(format!("{error:#}"));
        let mut linker = Linker::new(&self.engine);
        contract.link(&mut linker, &shared.granted.services).map_err(broken)?;
        let key = cache::key(&self.engine, package.digest(), &shared.config, package.contract_version());
        let kept = self.cache.as_ref().and_then(|cache| cache.get(&self.engine, &key));
        let from_cache = kept.is_some();
        let (component, pictured) = match kept {
            Some(kept) => kept,
            None => {
                let (component, pictured) = picture::take(&self.engine, &*contract, &linker, &package, &shared).await?;
                if let Some(cache) = &self.cache {
                    cache.put(&key, &component, &pictured);
                }
                (component, pictured)
            }
        };
        let pre = linker.instantiate_pre(&component).map_err(broken)?;
        let exports = contract.exports(&pre, package.roles()).map_err(broken)?;
        smoke(&pre, &exports, &shared).await?;
        let metrics = Metrics::new(&shared.name, &shared.channel);
        let reuse = reuse.unwrap_or(package.manifest().reuse);
        Ok(Arc::new(Generation {
            info,
            package,
            shared,
            pre,
            exports,
            pictured,
            from_cache,
            reuse,
            warm: Mutex::default(),
            runtime: self,
            metrics,
            watch: Box::default(),
            recording,
        }))
    }
}

/// One instance, looked at and thrown away: the first message shall not be the one to find out that a component does not
/// fit its memory budget or the contract's types.
async fn smoke(
    pre: &InstancePre<CallState>,
    exports: &Arc<dyn Exports>,
    shared: &Arc<Shared>,
) -> Result<(), LoadError> {
    let context = CallContext::at(Timestamp(0));
    let state = CallState::new(Arc::clone(shared), context, Meter::new(), shared.budgets);
    let mut live = Live::new(pre, exports, state)
        .await
        .map_err(|(error, store)| LoadError::Prepare(failure(&error, store.data())))?;
    live.check().map_err(|error| LoadError::Component(format!("{error:#}")))
}

/// Threads to compile on, as many as there are cores, at a low priority.
fn compilers() -> Result<rayon::ThreadPool, RuntimeError> {
    rayon::ThreadPoolBuilder::new()
        .thread_name(|number| format!("compile-{number}"))
        .start_handler(|_| crate::aside::step_back())
        .build()
        .map_err(|error| RuntimeError::Engine(error.to_string()))
}

/// Everything off that plugins do not need, and instances from a pool.
fn settings(config: &RuntimeConfig) -> Config {
    let calls = config.concurrent_calls.max(1);
    // As many instances may wait for their next call as may run; and some are being loaded.
    let instances = calls.saturating_mul(2).saturating_add(16);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(8).max(PER_COMPONENT))
        .total_memories(instances.saturating_mul(2))
        .total_tables(instances.saturating_mul(4).max(PER_COMPONENT))
        .total_stacks(instances)
        .max_memory_size(config.max_memory)
        .max_core_instances_per_component(PER_COMPONENT)
        .max_tables_per_component(PER_COMPONENT)
        .max_memories_per_component(8)
        .max_memories_per_module(8)
        .max_tables_per_module(8)
        // What calls use of it. Beyond, its pages would go back to the kernel and be faulted in again.
        .async_stack_keep_resident(32 << 10)
        .max_unused_warm_slots(64);
    if PoolingAllocationConfig::is_pagemap_scan_available() {
        // The kernel tells which pages a call wrote: they are put back in place instead of being faulted in again.
        // Without that help this setting would clear all of it for each call, and cost more than it saves.
        pool.pagemap_scan(Enabled::Yes).linear_memory_keep_resident(256 << 10).table_keep_resident(64 << 10);
    }
    let mut engine = Config::new();
    engine
        .epoch_interruption(true)
        .concurrency_support(false)
        .memory_init_cow(true)
        // A guest that recursed would leave its stack in memory for as long as the daemon runs. Costs half a microsecond; the
        // kernel looks at each page there might be, so there are no more than wasm's half and as much for the host.
        .async_stack_zeroing(true)
        .async_stack_size(1 << 20)
        .wasm_memory64(false)
        // Memory that threads share is not counted by any limit.
        .wasm_threads(false)
        .wasm_gc(false)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    engine
}
