//! A component as a file: what it says about itself, what it imports and exports, read without running any of it.
pub mod manifest;

pub use manifest::{Asks, Kind, Manifest, ManifestError};

use serde_json::Value;
use std::sync::Arc;
use tributary_model::PluginName;

/// Why a file is not a plugin that can be loaded.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// Larger than the host takes.
    #[error("it has {size} bytes, at most {limit} are allowed")]
    TooLarge {
        /// Its size in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// Not WebAssembly at all.
    #[error("it is not a WebAssembly file")]
    NotWasm,
    /// A core module: it was not turned into a component.
    #[error("it is a core module, not a component; build it with `cargo xtask plugins`")]
    CoreModule,
    /// It ends in the middle.
    #[error("it is cut off after {0} bytes")]
    Truncated(usize),
    /// Not valid: the validator's words.
    #[error("it is not a valid component: {0}")]
    Invalid(String),
    /// It carries no `plugin.toml`.
    #[error("it carries no plugin.toml (custom section `tributary:plugin`)")]
    NoManifest,
    /// Its `plugin.toml` is wrong.
    #[error("its plugin.toml is wrong: {0}")]
    Manifest(#[from] ManifestError),
    /// It was built for a version of the contract that this host does not know.
    #[error("it was built for version {found} of the contract, this host has {known}")]
    Contract {
        /// The version it names.
        found: String,
        /// The version this host has.
        known: &'static str,
    },
    /// It imports something that is not in the contract.
    #[error("it imports what the contract does not have: {}", .0.join(", "))]
    Imports(Vec<String>),
    /// It does not export what its kind must.
    #[error("it does not export {}, which a {kind} must", .missing.join(", "))]
    Exports {
        /// Its kind's word.
        kind: &'static str,
        /// What is missing.
        missing: Vec<String>,
    },
    /// Its configuration's schema or defaults are not what they must be: which, and why.
    #[error("its {what} is wrong: {why}")]
    Config {
        /// `config schema` or `default configuration`.
        what: &'static str,
        /// Why.
        why: String,
    },
}

/// One fault of a configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigFault {
    /// JSON pointer (RFC 6901) to the value at fault; empty for the whole.
    pub path: String,
    /// What is wrong, with what was expected.
    pub what: String,
}

/// Everything that is wrong with a configuration.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the configuration has {} fault(s): {}", .0.len(), list(.0))]
pub struct ConfigFaults(pub Vec<ConfigFault>);

fn list(faults: &[ConfigFault]) -> String {
    let one = |fault: &ConfigFault| match fault.path.as_str() {
        "" => fault.what.clone(),
        path => format!("{path}: {}", fault.what),
    };
    faults.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// A component that was read and found to be a plugin. Nothing of it has run.
#[derive(Debug)]
pub struct Package {
    manifest: Manifest,
    name: PluginName,
    services: Vec<String>,
}

impl Package {
    /// Size in bytes up to which [`Package::read`] takes a component: 64 MiB.
    pub const MAX_SIZE: usize = 64 << 20;

    /// Reads a component of [`Package::MAX_SIZE`] bytes at most.
    pub fn read(bytes: impl Into<Arc<[u8]>>) -> Result<Self, PackageError> {
        Self::read_within(bytes, Self::MAX_SIZE)
    }

    /// Reads a component of `max_size` bytes at most.
    pub fn read_within(_bytes: impl Into<Arc<[u8]>>, _max_size: usize) -> Result<Self, PackageError> {
        todo!()
    }

    /// Its name.
    pub fn name(&self) -> &PluginName {
        &self.name
    }

    /// Its `plugin.toml`.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Its version.
    pub fn version(&self) -> &str {
        &self.manifest.version
    }

    /// What it is for.
    pub fn kind(&self) -> Kind {
        self.manifest.kind
    }

    /// What it wants to touch.
    pub fn asks(&self) -> &Asks {
        &self.manifest.asks
    }

    /// A policy whose failure is passed over.
    pub fn may_be_skipped(&self) -> bool {
        self.manifest.may_be_skipped
    }

    /// The services it imports, of [`manifest::SERVICES`].
    pub fn services(&self) -> &[String] {
        &self.services
    }

    /// Whether it exports `channel`.
    pub fn is_adapter(&self) -> bool {
        todo!()
    }

    /// Whether it exports `policy`.
    pub fn decides(&self) -> bool {
        todo!()
    }

    /// Whether it exports `review`.
    pub fn reviews(&self) -> bool {
        todo!()
    }

    /// Names of the interfaces it imports, with version.
    pub fn imports(&self) -> &[String] {
        todo!()
    }

    /// Names of the interfaces it exports, with version.
    pub fn exports(&self) -> &[String] {
        todo!()
    }

    /// The version of the contract it was built for.
    pub fn contract_version(&self) -> &str {
        todo!()
    }

    /// SHA-256 of the file in lower-case hex.
    pub fn digest(&self) -> &str {
        todo!()
    }

    /// The component itself.
    pub fn bytes(&self) -> &Arc<[u8]> {
        todo!()
    }

    /// The JSON Schema of its configuration; none: it takes any object.
    pub fn schema(&self) -> Option<&Value> {
        todo!()
    }

    /// The text of its default configuration (TOML, with comments); empty where it carries none.
    pub fn default_config(&self) -> &str {
        todo!()
    }

    /// Its defaults with the operator's keys over them, key by key at the top level, checked against the schema.
    pub fn effective_config(&self, _overrides: &toml::Table) -> Result<Value, ConfigFaults> {
        todo!()
    }

    /// Checks a whole configuration against the schema.
    pub fn check_config(&self, _config: &Value) -> Result<(), ConfigFaults> {
        todo!()
    }
}
