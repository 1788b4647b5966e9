//! From bytes to what a component says about itself. Nothing is run, and nothing is believed before the validator has
//! seen all of it; the validator sees nothing that is nested or split up without bound.
use super::PackageError;
use super::facts::{Costs, Producer, producers};
use crate::contract::{Contracts, Role, Roles, Served, Side, split};
use std::sync::Arc;
use wasmparser::{BinaryReaderError, ComponentExternalKind, Parser, Payload, Validator, WasmFeatures};

/// How deep modules and components may lie in each other. Toolchains need three.
const DEPTH: usize = 16;
/// Modules and components in all. Interpreters bring about a hundred.
const PARTS: usize = 1_000;
/// Bytes of one of a plugin's own sections: a manifest of this size is none.
const SECTION: usize = 1 << 20;
/// The custom sections of a plugin.
const MANIFEST: &str = "tributary:plugin";
const SCHEMA: &str = "tributary:config-schema";
const DEFAULT: &str = "tributary:config-default";

/// What a component's outside shows.
#[derive(Default)]
pub(super) struct Outside {
    /// Names of its imports, as written.
    pub imports: Vec<String>,
    /// Names of its exported interfaces, as written.
    pub exports: Vec<String>,
    /// Section `tributary:plugin`.
    pub manifest: Option<Vec<u8>>,
    /// Section `tributary:config-schema`.
    pub schema: Option<Vec<u8>>,
    /// Section `tributary:config-default`.
    pub default: Option<Vec<u8>>,
    /// What it costs to keep.
    pub costs: Costs,
    /// What it was made with.
    pub producers: Vec<Producer>,
}

/// A section that is longer than the file and a file that ends inside a section are the same mistake.
fn invalid(bytes: &[u8], error: &BinaryReaderError) -> PackageError {
    if error.message().contains("unexpected end") || error.offset() >= bytes.len() as u64 {
        PackageError::Truncated(bytes.len())
    } else {
        PackageError::Invalid(error.to_string())
    }
}

/// Looks at how a file is divided, and at nothing in it: one pass, without recursion.
fn divided(bytes: &[u8]) -> Result<(), PackageError> {
    let (mut depth, mut parts) = (0usize, 0usize);
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(|error| invalid(bytes, &error))? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => {
                (depth, parts) = (depth + 1, parts + 1);
                if depth > DEPTH {
                    return Err(PackageError::Nested { limit: DEPTH });
                }
                if parts > PARTS {
                    return Err(PackageError::Divided { limit: PARTS });
                }
            }
            Payload::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

/// Reads a component, after it was found valid.
pub(super) fn outside(bytes: &[u8]) -> Result<Outside, PackageError> {
    const MAGIC: &[u8] = b"\0asm";
    if bytes.is_empty() || !bytes.starts_with(&MAGIC[..bytes.len().min(4)]) {
        return Err(PackageError::NotWasm);
    }
    if bytes.len() < 8 {
        return Err(PackageError::Truncated(bytes.len()));
    }
    if Parser::is_core_wasm(bytes) {
        return Err(PackageError::CoreModule);
    }
    divided(bytes)?;
    let invalid = |error: BinaryReaderError| invalid(bytes, &error);
    Validator::new_with_features(WasmFeatures::all()).validate_all(bytes).map_err(invalid)?;
    super::expansion::check(bytes)?;
    let mut outside = Outside { costs: Costs { size: bytes.len(), ..Costs::default() }, ..Outside::default() };
    let mut depth = 0usize;
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(invalid)?;
        outside.costs.add(&payload);
        match payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    outside.imports.push(import.map_err(invalid)?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    let export = export.map_err(invalid)?;
                    if export.kind == ComponentExternalKind::Instance {
                        outside.exports.push(export.name.name.to_owned());
                    }
                }
            }
            // The linker leaves them in the core module, one floor down; deeper ones belong to somebody else's component.
            Payload::CustomSection(section) if depth <= 1 => {
                let (what, place) = match section.name() {
                    MANIFEST => ("plugin.toml", &mut outside.manifest),
                    SCHEMA => ("config schema", &mut outside.schema),
                    DEFAULT => ("default configuration", &mut outside.default),
                    _ => {
                        producers(&section, &mut outside.producers);
                        continue;
                    }
                };
                let size = section.data().len();
                if size > SECTION {
                    return Err(PackageError::Section { what, size, limit: SECTION });
                }
                place.get_or_insert_with(|| section.data().to_vec());
            }
            _ => {}
        }
    }
    Ok(outside)
}

/// A component's version of the contract, and what its names mean in it.
pub(super) struct Contract {
    /// The version it was built for, as written.
    pub version: String,
    /// Words of the services it imports.
    pub services: Vec<String>,
    /// What it exports.
    pub roles: Roles,
    served: Arc<dyn Served>,
    lifecycle: bool,
}

impl Outside {
    /// The versions of the contract that its names have, each once, in order of appearance.
    pub fn versions(&self) -> Vec<&str> {
        let mut versions = Vec::new();
        for (_, version) in self.exports.iter().chain(&self.imports).filter_map(|name| split(name)) {
            if !versions.contains(&version) {
                versions.push(version);
            }
        }
        versions
    }

    /// The version of the contract it was built for, once all its names are found to be of one that is served.
    pub fn contract(&self, contracts: &Contracts) -> Result<Contract, PackageError> {
        if !self.exports.iter().any(|name| split(name).is_some()) {
            return Err(PackageError::OtherWorld(world(&self.exports)));
        }
        let versions = self.versions();
        let mut served: Option<&Arc<dyn Served>> = None;
        for version in &versions {
            let Some(one) = contracts.find(version) else {
                return Err(PackageError::Contract {
                    found: (*version).to_owned(),
                    served: contracts.versions(),
                    distance: contracts.distance(version),
                });
            };
            if served.is_some_and(|other| other.version() != one.version()) {
                return Err(PackageError::Versions(versions.iter().map(|&version| version.to_owned()).collect()));
            }
            served = Some(one);
        }
        let (Some(served), Some(version)) = (served, versions.first()) else {
            return Err(PackageError::OtherWorld(world(&self.exports)));
        };
        let mut contract = Contract {
            version: (*version).to_owned(),
            services: Vec::new(),
            roles: Roles::default(),
            served: Arc::clone(served),
            lifecycle: false,
        };
        let mut foreign = Vec::new();
        for name in &self.imports {
            match side(&**served, name) {
                Some(Side::Service(word)) => contract.services.push(word.to_owned()),
                Some(Side::Types) => {}
                Some(Side::Handler(_)) | None => foreign.push(name.clone()),
            }
        }
        if !foreign.is_empty() {
            return Err(PackageError::Imports(foreign));
        }
        for name in &self.exports {
            if let Some(Side::Handler(role)) = side(&**served, name) {
                contract.add(role);
            }
        }
        Ok(contract)
    }
}

/// What a name is to a component in a version of the contract; none where it is not in it.
pub(super) fn side(served: &dyn Served, name: &str) -> Option<Side> {
    let (name, _) = split(name)?;
    served.interfaces().iter().find(|interface| interface.name == name).map(|interface| interface.side)
}

impl Contract {
    fn add(&mut self, role: Role) {
        match role {
            Role::Lifecycle => self.lifecycle = true,
            Role::Channel => self.roles.channel = true,
            Role::Policy => self.roles.policy = true,
            Role::Review => self.roles.review = true,
            Role::Migration => self.roles.migration = true,
            Role::Poller => self.roles.poller = true,
            Role::Presence => self.roles.presence = true,
            Role::Sampler => self.roles.sampler = true,
            Role::Commerce => self.roles.commerce = true,
        }
    }

    /// Names of the interfaces that a plugin of this kind must export and this one does not.
    pub fn missing(&self, kind: super::Kind) -> Vec<String> {
        let (role, has) = match kind {
            super::Kind::Channel => (Role::Channel, self.roles.channel),
            super::Kind::Policy => (Role::Policy, self.roles.policy),
            super::Kind::Review => (Role::Review, self.roles.review),
        };
        // A version may have had no lifecycle; then nobody misses it.
        let name = |role: Role| {
            let of = |one: &&crate::contract::Interface| one.side == Side::Handler(role);
            self.served.interfaces().iter().find(of).map(|interface| interface.name)
        };
        let lifecycle = name(Role::Lifecycle).filter(|_| !self.lifecycle);
        let own = Some(name(role).unwrap_or_else(|| role.as_str())).filter(|_| !has);
        lifecycle.into_iter().chain(own).map(str::to_owned).collect()
    }
}

/// What a component is that exports nothing of the contract, in words.
fn world(exports: &[String]) -> String {
    const KNOWN: [(&str, &str); 4] = [
        ("wasi:cli/run@", "a WASI command"),
        ("wasi:http/incoming-handler@", "a WASI HTTP server"),
        ("wasi:http/handler@", "a WASI HTTP server"),
        ("wasi:http/service@", "a WASI HTTP server"),
    ];
    const SHOWN: usize = 5;
    if exports.is_empty() {
        return "a component that exports no interface".into();
    }
    let known = KNOWN.iter().find(|(prefix, _)| exports.iter().any(|name| name.starts_with(prefix)));
    let what = known.map_or("a component of another world", |(_, what)| what);
    let names: Vec<String> = exports.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    let more = exports.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{what} (it exports {}{more})", names.join(", "))
}
