//! A component as a file: what it says about itself, what it imports and exports, read without running any of it.
mod compat;
mod config;
mod error;
mod expansion;
mod facts;
pub mod manifest;
mod read;

pub use compat::{Compat, FoundVersion, Need, Seen, Standing, Way, compat};
pub use config::{ConfigFault, ConfigFaults};
pub use error::PackageError;
pub use facts::{Costs, Producer};
pub(crate) use manifest::key_of;
pub use manifest::{Asks, Hook, Kind, Manifest, ManifestError};

use crate::contract::{Contracts, Roles};
use config::Config;
use data_encoding::HEXLOWER;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fmt;
use std::sync::Arc;
use tributary_model::PluginName;
use tributary_model::decision::{Action, Decision, Happening};

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
    costs: Costs,
    producers: Vec<Producer>,
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

    /// Reads a component of [`Package::MAX_SIZE`] bytes at most, built for the current version of the contract.
    pub fn read(bytes: impl Into<Arc<[u8]>>) -> Result<Self, PackageError> {
        Self::read_within(bytes, Self::MAX_SIZE)
    }

    /// Reads a component of `limit` bytes at most, built for the current version of the contract.
    pub fn read_within(bytes: impl Into<Arc<[u8]>>, limit: usize) -> Result<Self, PackageError> {
        Self::read_for(bytes, limit, &Contracts::default())
    }

    /// Reads a component of `limit` bytes at most, built for one of these versions of the contract. Takes time in
    /// proportion to the file's length, whatever is in it.
    pub fn read_for(bytes: impl Into<Arc<[u8]>>, limit: usize, contracts: &Contracts) -> Result<Self, PackageError> {
        let bytes = bytes.into();
        if bytes.len() > limit {
            return Err(PackageError::TooLarge { size: bytes.len(), limit });
        }
        let outside = read::outside(&bytes)?;
        let contract = outside.contract(contracts)?;
        let manifest = Manifest::parse(outside.manifest.as_deref().ok_or(PackageError::NoManifest)?)?;
        let config = Config::new(outside.schema.as_deref(), outside.default.as_deref())?;
        let missing = contract.missing(manifest.kind);
        if !missing.is_empty() {
            return Err(PackageError::Exports { kind: manifest.kind.as_str(), missing });
        }
        Ok(Self {
            digest: HEXLOWER.encode(&Sha256::digest(&bytes)),
            bytes,
            name: PluginName::from(manifest.name.as_str()),
            manifest,
            contract: contract.version,
            services: contract.services,
            roles: contract.roles,
            imports: outside.imports,
            exports: outside.exports,
            config,
            costs: outside.costs,
            producers: outside.producers,
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

    /// Services that it asks for in its `plugin.toml` and does not import: it would not use them.
    pub fn unused_services(&self) -> impl Iterator<Item = &str> {
        let unused = |word: &&String| !self.services.contains(word);
        self.manifest.asks.services.iter().filter(unused).map(String::as_str)
    }

    /// Services that it imports and does not ask for in its `plugin.toml`: it will not load.
    pub fn unasked_services(&self) -> impl Iterator<Item = &str> {
        let unasked = |word: &&String| !self.manifest.asks.services.contains(word);
        self.services.iter().filter(unasked).map(String::as_str)
    }

    /// Calls one instance may serve before it is thrown away; 0: every call has a fresh one.
    pub fn reuse(&self) -> u32 {
        self.manifest.reuse
    }

    /// Whether it is asked about a happening, behind what the policies before it decided: where its `plugin.toml` names it,
    /// or none at all; and where it asks for `agent-closed`, also behind a policy that closes.
    pub fn hears(&self, happening: &Happening, decided: &[Decision]) -> bool {
        let named = |word: &str| self.manifest.happenings.iter().any(|it| it == word);
        let closes = |decision: &Decision| matches!(decision.action, Action::Close(_));
        self.manifest.happenings.is_empty()
            || named(happening.word())
            || named("agent-closed") && decided.iter().any(closes)
    }

    /// SHA-256 of the file in lower-case hex.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Its size in bytes.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// What it costs, as far as its file tells.
    pub fn costs(&self) -> &Costs {
        &self.costs
    }

    /// What it was made with, by its own account.
    pub fn producers(&self) -> &[Producer] {
        &self.producers
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
