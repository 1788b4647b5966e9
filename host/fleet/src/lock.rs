//! `tributary.lock`: the operator's word on every plugin, as text that a person can read and a version control can compare:
//! which file it is, whose it is, and what it may touch.
//!
//! What a package asks for is granted when it is first taken; from then on it gets no more by itself. The lock is checked
//! before anything of a package runs, and written after it was put in use.
mod file;
mod grants;

pub use file::LockError;
pub(crate) use file::is_digest;
pub use grants::{GrantChange, GrantKind, LockedGrants};

use crate::trust::{KeyId, Signer, TrustError};
use crate::view::InstallOptions;
use semver::Version;
use std::collections::BTreeMap;
use std::fmt;
use tributary_model::PluginName;
use tributary_runtime::Package;

/// Whom the lock names as the signer of a plugin.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LockedSigner {
    /// Nobody: it was taken without a signature, in development.
    None,
    /// Nobody: it came with the daemon, and `tributary init` put it there.
    Bundled,
    /// A key that the operator trusted when it was taken.
    Key {
        /// The id of the key.
        id: KeyId,
        /// The operator's name for it.
        name: String,
    },
}

impl fmt::Display for LockedSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Bundled => f.write_str("bundled"),
            Self::Key { id, name } => write!(f, "{name} (key {id})"),
        }
    }
}

/// What the lock says of one plugin.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Locked {
    /// The plugin.
    pub plugin: PluginName,
    /// Its version.
    pub version: String,
    /// SHA-256 of its file in lower-case hex.
    pub digest: String,
    /// Who signed it.
    pub signer: LockedSigner,
    /// The version of the contract it was built for.
    pub contract: String,
    /// What it may touch, before the configuration cuts it down further.
    pub grants: LockedGrants,
}

impl Locked {
    /// What the lock says of a package that is granted all it asks for.
    pub fn new(package: &Package, signer: LockedSigner) -> Self {
        Self {
            plugin: package.name().clone(),
            version: package.version().to_owned(),
            digest: package.digest().to_owned(),
            signer,
            contract: package.contract_version().to_owned(),
            grants: LockedGrants::asked(package.asks()),
        }
    }

    /// The refusal of a package with this version and another digest.
    pub(crate) fn rebuilt(&self, package: &Package) -> TrustError {
        TrustError::Rebuilt {
            plugin: self.plugin.clone(),
            version: self.version.clone(),
            locked: self.digest.clone(),
            found: package.digest().to_owned(),
        }
    }
}

/// `tributary.lock`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Lock {
    plugins: BTreeMap<PluginName, Locked>,
}

impl Lock {
    /// The lock of a new desk: the packages that come with the daemon, each granted what it asks for.
    pub fn bundled<'a>(packages: impl IntoIterator<Item = &'a Package>) -> Self {
        let mut lock = Self::default();
        for package in packages {
            lock.set(Locked::new(package, LockedSigner::Bundled));
        }
        lock
    }

    /// What it says of a plugin.
    pub fn get(&self, plugin: &PluginName) -> Option<&Locked> {
        self.plugins.get(plugin)
    }

    /// All it says, by the names of the plugins.
    pub fn iter(&self) -> impl Iterator<Item = &Locked> {
        self.plugins.values()
    }

    /// Says this of a plugin from now on.
    pub fn set(&mut self, locked: Locked) {
        self.plugins.insert(locked.plugin.clone(), locked);
    }

    /// Forgets a plugin.
    pub fn remove(&mut self, plugin: &PluginName) -> Option<Locked> {
        self.plugins.remove(plugin)
    }

    /// Whether a package with this signer may be taken: what the lock shall say of it, then. Its grants are what it asks
    /// for, which is never more than what was granted before and what `options` accept. `signer` is what
    /// [`Trust::verify`](crate::trust::Trust::verify) answered; none is somebody unsigned, in development or with a digest
    /// the lock names.
    ///
    /// # Errors
    /// The first reason against it that `options` do not accept.
    pub fn admit(
        &self,
        package: &Package,
        signer: Option<&Signer>,
        options: &InstallOptions,
    ) -> Result<Locked, TrustError> {
        let accepted = |objection: &TrustError| match objection {
            TrustError::OtherSigner { .. } => options.accept_signer,
            TrustError::Downgrade { .. } => options.allow_downgrade,
            TrustError::WiderGrants { .. } => options.accept_grants,
            _ => false,
        };
        if let Some(objection) = self.objections(package, signer).into_iter().find(|objection| !accepted(objection)) {
            return Err(objection);
        }
        let signer = match self.get(package.name()) {
            Some(locked) if signer.is_none() && locked.digest == package.digest() => locked.signer.clone(),
            _ => signer.into(),
        };
        Ok(Locked::new(package, signer))
    }

    /// Every reason against taking a package with this signer, whatever options would accept.
    pub fn objections(&self, package: &Package, signer: Option<&Signer>) -> Vec<TrustError> {
        let Some(locked) = self.get(package.name()) else {
            // The first of its name is the operator's choice; but what is locked now is compared later.
            return version(package).err().into_iter().collect();
        };
        let same = locked.digest == package.digest();
        let mut found = Vec::new();
        found.extend(signer_differs(locked, signer, same));
        match version(package) {
            Ok(new) => {
                // A locked version that cannot be read is older than any: it came in before versions were checked.
                let older = Version::parse(&locked.version).is_ok_and(|locked| new.cmp_precedence(&locked).is_lt());
                if older {
                    found.push(TrustError::Downgrade {
                        plugin: locked.plugin.clone(),
                        locked: locked.version.clone(),
                        found: package.version().to_owned(),
                    });
                }
            }
            Err(error) => found.push(error),
        }
        // Without a signature another file comes this far in development only, where one version is built all day.
        if !same && signer.is_some() && locked.version == package.version() {
            found.push(locked.rebuilt(package));
        }
        let asked = LockedGrants::asked(package.asks());
        let new = asked.beyond(&locked.grants);
        if !new.is_empty() {
            found.push(TrustError::WiderGrants { plugin: locked.plugin.clone(), new });
        }
        found
    }
}

/// Nobody becomes somebody without a question; somebody else, or nobody any more, needs the operator's word.
fn signer_differs(locked: &Locked, signer: Option<&Signer>, same: bool) -> Option<TrustError> {
    let LockedSigner::Key { id, .. } = &locked.signer else { return None };
    let found = match signer {
        Some(signer) if signer.key == *id => return None,
        Some(signer) => format!("signed by {signer}"),
        None if same => return None,
        None => "not signed".to_owned(),
    };
    Some(TrustError::OtherSigner { plugin: locked.plugin.clone(), locked: locked.signer.to_string(), found })
}

fn version(package: &Package) -> Result<Version, TrustError> {
    Version::parse(package.version()).map_err(|_| TrustError::Version { found: package.version().to_owned() })
}

#[cfg(test)]
mod tests;
