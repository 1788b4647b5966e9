//! The engine all plugins share, and the way from a package to a generation.
use crate::call::CallError;
use crate::generation::Generation;
use crate::grant::NotGranted;
use crate::package::{ConfigFaults, Package};
use crate::services::Services;
use crate::settings::Settings;
use std::path::PathBuf;
use std::sync::Arc;

/// How the runtime is built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeConfig {
    /// Folder of compiled code; none: compiled anew at every start.
    pub cache_dir: Option<PathBuf>,
    /// Calls that may run at once, over all plugins; more wait. Default 256.
    pub concurrent_calls: u32,
    /// The largest memory an instance may have, whatever its budget says. Default 256 MiB.
    pub max_memory: usize,
}

impl Default for RuntimeConfig {
    fn default() -> Self {
        Self { cache_dir: None, concurrent_calls: 256, max_memory: 256 << 20 }
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

/// The engine all plugins share.
pub struct Runtime {}

impl Runtime {
    /// Sets the engine up and starts its ticker.
    pub fn new(_config: RuntimeConfig, _services: Services) -> Result<Arc<Self>, RuntimeError> {
        todo!()
    }

    /// Checks, compiles, prepares and pictures a plugin. What it compiles is kept in the cache.
    pub async fn load(
        self: &Arc<Self>,
        _package: Arc<Package>,
        _settings: Settings,
    ) -> Result<Arc<Generation>, LoadError> {
        todo!()
    }
}
