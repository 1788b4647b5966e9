//! What a component would need to be a plugin here: for every file, also for one that [`Package::read`] refuses. Nothing
//! of it runs.
use super::read::{Outside, outside};
use super::{Manifest, Package, PackageError};
use crate::contract::{Contracts, Distance, Fit, Side, split};
use std::fmt;
use std::sync::Arc;

/// Which way an interface goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// The host gives it.
    Import,
    /// The plugin gives it.
    Export,
}

/// How an interface stands to what is served.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// As the current version has it.
    Same,
    /// Of another version, translated at the door.
    Converted,
    /// The contract's by name, but not of a version that is served, or not in that version.
    Unknown,
    /// Not the contract's.
    Foreign,
}

/// One interface that a component imports or exports.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Seen {
    /// Its name as written, with version.
    pub name: String,
    /// Which way it goes.
    pub way: Way,
    /// How it stands to what is served.
    pub standing: Standing,
}

/// A version of the contract that a component names.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FoundVersion {
    /// As written.
    pub version: String,
    /// The version that serves it; or how it stands to those that are served.
    pub served: Result<&'static str, Distance>,
}

/// One thing that a component would need.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Need {
    /// A host that serves this version.
    Host(String),
    /// A build with the SDK of this version.
    Rebuild(&'static str),
    /// To be without these imports.
    Without(Vec<String>),
    /// To ask for these services in its `plugin.toml`.
    Ask(Vec<String>),
    /// What the reader said about it: the first fault it met.
    Correct(String),
}

/// What [`compat`] found.
#[derive(Debug)]
pub struct Compat {
    /// Name and version, where its `plugin.toml` can be read.
    pub plugin: Option<(String, String)>,
    /// The versions of the contract that it names: one, or it is refused.
    pub versions: Vec<FoundVersion>,
    /// What it imports and exports; empty for a file that is no valid component.
    pub interfaces: Vec<Seen>,
    /// Why it is refused, as [`Package::read_for`] puts it; none: it can be loaded.
    pub refused: Option<PackageError>,
    /// What it would need, in the order in which to do it. Empty: nothing.
    pub needs: Vec<Need>,
}

/// Says how a file stands to these versions of the contract. Looks at it and runs nothing.
pub fn compat(bytes: impl Into<Arc<[u8]>>, contracts: &Contracts) -> Compat {
    let bytes = bytes.into();
    let whole = (bytes.len() <= Package::MAX_SIZE).then(|| outside(&bytes).ok()).flatten();
    let read = Package::read_for(bytes, Package::MAX_SIZE, contracts);
    let mut found =
        Compat { plugin: None, versions: Vec::new(), interfaces: Vec::new(), refused: None, needs: Vec::new() };
    if let Some(outside) = &whole {
        found.look(outside, contracts);
    }
    match read {
        Ok(package) => {
            let unasked: Vec<String> = package.unasked_services().map(str::to_owned).collect();
            if !unasked.is_empty() {
                found.needs.push(Need::Ask(unasked));
            }
        }
        Err(error) => {
            found.need(&error, contracts);
            found.refused = Some(error);
        }
    }
    found
}

impl Compat {
    /// Whether it can be loaded, as far as can be told without its configuration and grants.
    pub fn fits(&self) -> bool {
        self.refused.is_none() && self.needs.is_empty()
    }

    fn look(&mut self, outside: &Outside, contracts: &Contracts) {
        let manifest = outside.manifest.as_deref().and_then(|bytes| Manifest::parse(bytes).ok());
        self.plugin = manifest.map(|manifest| (manifest.name, manifest.version));
        self.versions = outside
            .versions()
            .into_iter()
            .map(|version| FoundVersion {
                version: version.to_owned(),
                served: contracts
                    .find(version)
                    .map(|served| served.version())
                    .ok_or_else(|| contracts.distance(version)),
            })
            .collect();
        let ways = [(Way::Import, &outside.imports), (Way::Export, &outside.exports)];
        self.interfaces = ways
            .into_iter()
            .flat_map(|(way, names)| names.iter().map(move |name| (way, name)))
            .map(|(way, name)| Seen { name: name.clone(), way, standing: standing(name, way, contracts) })
            .collect();
    }

    fn need(&mut self, error: &PackageError, contracts: &Contracts) {
        let current = contracts.versions().first().copied().unwrap_or_default();
        let of = |standing: Standing| {
            let import = move |seen: &&Seen| seen.way == Way::Import && seen.standing == standing;
            self.interfaces.iter().filter(import).map(|seen| seen.name.clone())
        };
        let mut without: Vec<String> = of(Standing::Foreign).collect();
        match error {
            PackageError::Contract { found, distance, .. } => {
                if *distance == Distance::Newer {
                    self.needs.push(Need::Host(found.clone()));
                }
                self.needs.push(Need::Rebuild(current));
            }
            PackageError::Versions(_) => self.needs.push(Need::Rebuild(current)),
            PackageError::Imports(_) => without.extend(of(Standing::Unknown)),
            other => self.needs.push(Need::Correct(other.to_string())),
        }
        if !without.is_empty() {
            self.needs.push(Need::Without(without));
        }
    }
}

fn standing(name: &str, way: Way, contracts: &Contracts) -> Standing {
    let Some((interface, version)) = split(name) else { return Standing::Foreign };
    let served = contracts.find(version);
    let known = served.and_then(|served| served.interfaces().iter().find(|one| one.name == interface));
    match known {
        Some(one) if matches!(one.side, Side::Handler(_)) == (way == Way::Export) || one.side == Side::Types => {
            match one.fit {
                Fit::Same => Standing::Same,
                Fit::Converted => Standing::Converted,
            }
        }
        _ => Standing::Unknown,
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Same => "same",
            Self::Converted => "converted",
            Self::Unknown => "unknown",
            Self::Foreign => "foreign",
        })
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let way = match self.way {
            Way::Import => "imports",
            Way::Export => "exports",
        };
        write!(f, "{way} {}: {}", self.name, self.standing)
    }
}

impl fmt::Display for FoundVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, served } = self;
        match served {
            Ok(by) if by == version => write!(f, "contract {version}: served"),
            Ok(by) => write!(f, "contract {version}: served by {by}"),
            Err(Distance::Newer) => write!(f, "contract {version}: newer than what is served"),
            Err(Distance::Older) => write!(f, "contract {version}: older than what is served"),
            Err(Distance::Unreadable) => write!(f, "contract {version}: not a version"),
        }
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(version) => write!(f, "needs a daemon that serves version {version} of the contract"),
            Self::Rebuild(version) => write!(f, "needs to be built with the SDK of version {version}"),
            Self::Without(names) => write!(f, "needs to do without {}", names.join(", ")),
            Self::Ask(services) => {
                write!(f, "needs `asks.services` in its plugin.toml to name {}", services.join(", "))
            }
            Self::Correct(what) => f.write_str(what),
        }
    }
}

/// One line for each thing found.
impl fmt::Display for Compat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((name, version)) = &self.plugin {
            writeln!(f, "{name} {version}")?;
        }
        for version in &self.versions {
            writeln!(f, "{version}")?;
        }
        for seen in &self.interfaces {
            writeln!(f, "{seen}")?;
        }
        // A newer version has two ways out; any other list is to be done whole.
        let either = matches!(self.needs.as_slice(), [Need::Host(_), Need::Rebuild(_), ..]);
        for (at, need) in self.needs.iter().enumerate() {
            let or = if either && at == 1 { "or " } else { "" };
            writeln!(f, "{or}{need}")?;
        }
        if self.fits() { writeln!(f, "fits: nothing is needed") } else { Ok(()) }
    }
}
