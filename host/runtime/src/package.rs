//! A component as a file: what it says about itself, what it imports and exports, read without running any of it.
mod config;
pub mod manifest;
mod read;

pub use config::{ConfigFault, ConfigFaults};
pub use manifest::{Asks, Kind, Manifest, ManifestError};

use crate::contract::Roles;
use config::Config;
use data_encoding::HEXLOWER;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fmt;
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

/// A component that was read and found to be a plugin. Nothing of it has run.
pub struct Package {
    bytes: Arc<[u8]>,
    digest: String,
    manifest: Manifest,
    name: PluginName,
    contract: String,
    imports: Vec<String>,
    exports: Vec<String>,
    services: Vec<String>,
    roles: Roles,
    config: Config,
}

impl fmt::Debug for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Package")
            .field("manifest", &self.manifest)
            .field("digest", &self.digest)
            .field("imports", &self.imports)
            .field("exports", &self.exports)
            .finish_non_exhaustive()
    }
}

impl Package {
    /// Size in bytes up to which [`Package::read`] takes a component: 64 MiB.
    pub const MAX_SIZE: usize = 64 << 20;

    /// Reads a component of [`Package::MAX_SIZE`] bytes at most.
    pub fn read(bytes: impl Into<Arc<[u8]>>) -> Result<Self, PackageError> {
        Self::read_within(bytes, Self::MAX_SIZE)
    }

    /// Reads a component of `limit` bytes at most.
    pub fn read_within(bytes: impl Into<Arc<[u8]>>, limit: usize) -> Result<Self, PackageError> {
        let bytes = bytes.into();
        if bytes.len() > limit {
            return Err(PackageError::TooLarge { size: bytes.len(), limit });
        }
        let outside = read::outside(&bytes)?;
        let contract = outside.contract()?;
        let services = outside.services()?;
        let manifest = Manifest::parse(outside.manifest.as_deref().ok_or(PackageError::NoManifest)?)?;
        let config = Config::new(outside.schema.as_deref(), outside.default.as_deref())?;
        let has = |interface: &str| outside.exported().any(|exported| exported == interface);
        let needed = match manifest.kind {
            Kind::Channel => "channel",
            Kind::Policy => "policy",
            Kind::Review => "review",
        };
        let missing: Vec<String> =
            ["lifecycle", needed].iter().filter(|needed| !has(needed)).map(|&needed| needed.to_owned()).collect();
        if !missing.is_empty() {
            return Err(PackageError::Exports { kind: manifest.kind.as_str(), missing });
        }
        Ok(Self {
            digest: HEXLOWER.encode(&Sha256::digest(&bytes)),
            bytes,
            name: PluginName::from(manifest.name.as_str()),
            manifest,
            contract,
            services,
            roles: Roles {
                channel: has("channel"),
                policy: has("policy"),
                review: has("review"),
                migration: has("migration"),
            },
            imports: outside.imports,
            exports: outside.exports,
            config,
        })
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
        self.roles.channel
    }

    /// Whether it exports `policy`.
    pub fn decides(&self) -> bool {
        self.roles.policy
    }

    /// Whether it exports `review`.
    pub fn reviews(&self) -> bool {
        self.roles.review
    }

    /// Whether it exports `migration`: it carries its state over from another version of itself.
    pub fn migrates(&self) -> bool {
        self.roles.migration
    }

    /// What it can do for the host.
    pub fn roles(&self) -> Roles {
        self.roles
    }

    /// Names of the interfaces it imports, with version.
    pub fn imports(&self) -> &[String] {
        &self.imports
    }

    /// Names of the interfaces it exports, with version.
    pub fn exports(&self) -> &[String] {
        &self.exports
    }

    /// The version of the contract it was built for.
    pub fn contract_version(&self) -> &str {
        &self.contract
    }

    /// SHA-256 of the file in lower-case hex.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The component itself.
    pub fn bytes(&self) -> &Arc<[u8]> {
        &self.bytes
    }

    /// The JSON Schema of its configuration; none: it takes any object.
    pub fn schema(&self) -> Option<&Value> {
        self.config.schema.as_ref()
    }

    /// The text of its default configuration (TOML, with comments); empty where it carries none.
    pub fn default_config(&self) -> &str {
        &self.config.default_text
    }

    /// Its defaults with the operator's keys over them, key by key at the top level, checked against the schema.
    pub fn effective_config(&self, overrides: &toml::Table) -> Result<Value, ConfigFaults> {
        self.config.effective(overrides)
    }

    /// Checks a whole configuration against the schema.
    pub fn check_config(&self, config: &Value) -> Result<(), ConfigFaults> {
        self.config.check(config)
    }
}
