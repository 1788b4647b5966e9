//! From bytes to what a component says about itself. Nothing is run, and nothing is believed before the validator has
//! seen all of it.
use super::PackageError;
use wasmparser::{ComponentExternalKind, Parser, Payload, Validator, WasmFeatures};

/// The version of the contract that this host has: `wit/`'s.
pub(super) const CONTRACT: &str = "0.1.0";
/// The package of the contract.
const CONTRACT_PACKAGE: &str = "tributary:plugin/";
/// Interfaces of the contract that hold types only: free to import.
const TYPES: [&str; 4] = ["types", "web", "trade", "desk"];
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
    let invalid = |error: wasmparser::BinaryReaderError| {
        // A section that is longer than the file and a file that ends inside a section are the same mistake.
        if error.message().contains("unexpected end") || error.offset() >= bytes.len() as u64 {
            PackageError::Truncated(bytes.len())
        } else {
            PackageError::Invalid(error.to_string())
        }
    };
    Validator::new_with_features(WasmFeatures::all()).validate_all(bytes).map_err(invalid)?;
    let mut outside = Outside::default();
    let mut depth = 0usize;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(invalid)? {
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
                let place = match section.name() {
                    MANIFEST => &mut outside.manifest,
                    SCHEMA => &mut outside.schema,
                    DEFAULT => &mut outside.default,
                    _ => continue,
                };
                place.get_or_insert_with(|| section.data().to_vec());
            }
            _ => {}
        }
    }
    Ok(outside)
}

/// The interface and the version of a name of the contract.
fn of_contract(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix(CONTRACT_PACKAGE)?.split_once('@')
}

/// Whether this host serves what was built for that version: the same major and minor number, and not newer.
fn is_served(version: &str) -> bool {
    let numbers = |text: &str| -> Option<[u32; 3]> {
        let parts: Vec<u32> = text.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
        parts.try_into().ok()
    };
    match (numbers(version), numbers(CONTRACT)) {
        (Some(theirs), Some(ours)) => theirs[..2] == ours[..2] && theirs[2] <= ours[2],
        _ => false,
    }
}

impl Outside {
    /// The contract's interface names among its exports, without version.
    pub fn exported(&self) -> impl Iterator<Item = &str> {
        self.exports.iter().filter_map(|name| of_contract(name)).map(|(interface, _)| interface)
    }

    /// The version of the contract it was built for, once its names are found to be of one this host serves.
    pub fn contract(&self) -> Result<String, PackageError> {
        let names = self.imports.iter().chain(&self.exports).filter_map(|name| of_contract(name));
        let mut found = None;
        for (_, version) in names {
            if !is_served(version) {
                return Err(PackageError::Contract { found: version.to_owned(), known: CONTRACT });
            }
            found = Some(version);
        }
        Ok(found.unwrap_or(CONTRACT).to_owned())
    }

    /// The services it imports. Everything else it imports must be types of the contract.
    pub fn services(&self) -> Result<Vec<String>, PackageError> {
        let mut services = Vec::new();
        let mut foreign = Vec::new();
        for name in &self.imports {
            match of_contract(name) {
                Some((service, _)) if super::manifest::SERVICES.contains(&service) => services.push(service.to_owned()),
                Some((interface, _)) if TYPES.contains(&interface) => {}
                _ => foreign.push(name.clone()),
            }
        }
        if foreign.is_empty() { Ok(services) } else { Err(PackageError::Imports(foreign)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_patch_is_served_and_nothing_else() {
        for (version, served) in
            [("0.1.0", true), ("0.1.1", false), ("0.2.0", false), ("1.1.0", false), ("0.1", false), ("x", false)]
        {
            assert_eq!(is_served(version), served, "{version}");
        }
    }
}
