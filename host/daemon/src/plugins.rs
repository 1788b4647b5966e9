//! From the configuration's entries to the set of plugins in use.
use crate::config::reader::Fault;
use crate::config::{Config, Folder, PluginEntry};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use tributary_model::error::chain;
use tributary_model::{ChannelName, PluginName};
use tributary_pipeline::{Channel, Plugins, Seat};
use tributary_runtime::{Adapter, Generation, LoadError, Package, Policy, Runtime, Settings};

/// Loads every plugin that the configuration names: read, checked, prepared, pictured, compiled.
///
/// # Errors
/// Every fault at once; then none of them is in use.
pub async fn load(config: &Config, folder: &Folder, runtime: &Arc<Runtime>) -> Result<Plugins, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut packages = Packages::default();
    let mut channels = Vec::new();
    for entry in &config.channels {
        let name = Some(entry.name.clone());
        match one(config, folder, runtime, &mut packages, &entry.plugin, name).await {
            Ok(generation) if generation.is_adapter() => {
                let adapter = generation as Arc<dyn Adapter>;
                channels.push(Channel::standing(entry.name.clone(), adapter, entry.addresses.clone()));
            }
            Ok(_) => faults.push(fault(&entry.plugin, "is a policy; a channel needs an adapter".into())),
            Err(mut found) => faults.append(&mut found),
        }
    }
    let mut policies = Vec::new();
    for entry in &config.policies {
        match one(config, folder, runtime, &mut packages, &entry.plugin, None).await {
            Ok(generation) if !generation.is_adapter() => policies.push(Seat::alone(generation as Arc<dyn Policy>)),
            Ok(_) => faults.push(fault(&entry.plugin, "is an adapter; it belongs under [[channel]]".into())),
            Err(mut found) => faults.append(&mut found),
        }
    }
    if faults.is_empty() { Ok(Plugins::new(channels, policies)) } else { Err(faults) }
}

/// Files that were read in this run: two channels may share one.
#[derive(Default)]
struct Packages(HashMap<PluginName, Arc<Package>>);

impl Packages {
    fn get(&mut self, plugins: &Path, entry: &PluginEntry) -> Result<Arc<Package>, Fault> {
        if let Some(package) = self.0.get(&entry.name) {
            return Ok(package.clone());
        }
        let path = plugins.join(format!("{}.wasm", entry.name));
        let told = |what: String| Fault { file: path.display().to_string(), line: None, key: String::new(), what };
        let bytes = std::fs::read(&path).map_err(|error| told(format!("cannot be read: {error}")))?;
        let package = Arc::new(Package::read(bytes).map_err(|error| told(chain(&error)))?);
        self.0.insert(entry.name.clone(), package.clone());
        Ok(package)
    }
}

async fn one(
    config: &Config,
    folder: &Folder,
    runtime: &Arc<Runtime>,
    packages: &mut Packages,
    entry: &PluginEntry,
    channel: Option<ChannelName>,
) -> Result<Arc<Generation>, Vec<Fault>> {
    let package = packages.get(&folder.plugins(), entry).map_err(|fault| vec![fault])?;
    let told = |error: &tributary_runtime::ConfigFaults| -> Vec<Fault> {
        let one = |f: &tributary_runtime::ConfigFault| Fault {
            file: entry.origin.clone(),
            line: None,
            key: f.path.trim_start_matches('/').replace('/', "."),
            what: f.what.clone(),
        };
        error.0.iter().map(one).collect()
    };
    let settings = Settings {
        config: package.effective_config(&entry.config).map_err(|faults| told(&faults))?,
        grants: entry.grants.clone(),
        channel,
        generation: tributary_model::GenerationId(0),
        budgets: config.budgets,
        reuse: None,
    };
    let started = std::time::Instant::now();
    let generation = runtime.load(package, settings).await.map_err(|error| match &error {
        LoadError::Config(faults) => told(faults),
        other => vec![fault(entry, chain(other))],
    })?;
    if let Err(why) = generation.pictured() {
        tracing::warn!(plugin = %entry.name, why = %why.0, "no picture: each call prepares itself");
    }
    tracing::info!(
        plugin = %entry.name,
        version = generation.package().version(),
        cached = generation.compiled_from_cache(),
        ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        "loaded"
    );
    Ok(generation)
}

fn fault(entry: &PluginEntry, what: String) -> Fault {
    Fault { file: format!("plugins/{}.wasm", entry.name), line: None, key: String::new(), what }
}
