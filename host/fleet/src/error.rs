//! Why a plugin was not taken, or an operator's act not done. Each message says what to do.
use crate::lock::LockError;
use crate::oci::OciError;
use crate::trust::TrustError;
use tributary_model::{GenerationId, Place, PluginName, life};
use tributary_runtime::{LoadError, PackageError};
use tributary_store::StoreError;

/// Why an operator's act was not done. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// The file is no plugin that can be loaded.
    #[error("{file} is not taken")]
    Package {
        /// Its name.
        file: String,
        /// Why.
        source: Box<PackageError>,
    },
    /// The file is a plugin, but not one to be trusted.
    #[error("{plugin} {version} is not taken")]
    Untrusted {
        /// The plugin.
        plugin: PluginName,
        /// Its version.
        version: String,
        /// Why, and what to do.
        source: Box<TrustError>,
    },
    /// It does not load in a place; what acted there goes on acting.
    #[error("{plugin} {version} does not load in {place}; what acted there goes on")]
    Load {
        /// The place.
        place: Place,
        /// The plugin.
        plugin: PluginName,
        /// Its version.
        version: String,
        /// Why.
        source: Box<LoadError>,
    },
    /// An adapter for a policy's place, or the other way round.
    #[error("{plugin} is {kind}, and {place} needs the other")]
    WrongKind {
        /// The place.
        place: Place,
        /// The plugin.
        plugin: PluginName,
        /// `an adapter` or `a policy`.
        kind: &'static str,
    },
    /// Its `migrate` did not work on a copy of the state; what acted there goes on, with the state as it was.
    #[error("the state of {place} could not be migrated, and was left as it is: {why}")]
    Migrate {
        /// The place.
        place: Place,
        /// Why.
        why: String,
    },
    /// There is no such place.
    #[error("there is no place {0}; `tributary plugin list` shows them")]
    UnknownPlace(String),
    /// There is nothing to go back to, or to promote.
    #[error("{0}")]
    Nothing(String),
    /// The plugin fills a place.
    #[error("{plugin} fills {place}; take it out of tributary.toml first, then remove it")]
    InUse {
        /// The plugin.
        plugin: PluginName,
        /// The place.
        place: Place,
    },
    /// The life of a generation does not allow it.
    #[error("generation {0}: {1}")]
    Illegal(GenerationId, life::Illegal),
    /// A registry did not give it.
    #[error(transparent)]
    Registry(Box<OciError>),
    /// A file or folder of the desk cannot be used.
    #[error("{path} cannot be used")]
    Io {
        /// The path.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The lock cannot be read or written.
    #[error(transparent)]
    Lock(Box<LockError>),
    /// A package that was kept cannot be used.
    #[error(transparent)]
    Packages(#[from] crate::packages::PackagesError),
    /// What acted, or shall act again, cannot be had any more.
    #[error(
        "{plugin} {version} was kept, and cannot be had again; put its file, with digest sha256:{digest}, at {file}"
    )]
    Gone {
        /// The plugin.
        plugin: PluginName,
        /// Its version.
        version: String,
        /// SHA-256 of its package in hex.
        digest: String,
        /// Where it is looked for besides the folder of packages.
        file: String,
        /// Why the kept one is none.
        source: Box<crate::packages::PackagesError>,
    },
    /// The configuration's signers are wrong.
    #[error(transparent)]
    Signers(Box<TrustError>),
    /// The store did not take it.
    #[error("the store did not take it")]
    Store(#[from] StoreError),
}

// Boxed, because an error is rare and each of these is large: a result should be no larger than what it carries mostly.
impl From<LockError> for FleetError {
    fn from(error: LockError) -> Self {
        Self::Lock(Box::new(error))
    }
}

impl From<OciError> for FleetError {
    fn from(error: OciError) -> Self {
        Self::Registry(Box::new(error))
    }
}
