//! Builds every crate in `plugins/` into one component each: `target/plugins/NAME.wasm`.
//!
//! One cargo invocation compiles all of them to core modules. Each becomes a component, with what the SDK embedded (its
//! manifest, its configuration's schema and defaults) lifted from the core module to the component, so that a reader finds
//! it without going into nested modules.
pub mod guests;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use tributary_sdk_build::manifest::{Kind, Manifest};
use wasmparser::{Parser, Payload};
use wit_component::ComponentEncoder;

use crate::setup::{TARGET, wasm_toolchain};

/// What every plugin carries, in the order it stands in the component.
const SECTIONS: [&str; 3] = ["tributary:plugin", "tributary:config-schema", "tributary:config-default"];

/// All that a component may import starts like this.
const CONTRACT: &str = "tributary:plugin/";

/// Interfaces without functions, which nobody has to ask for.
const TYPES: [&str; 4] = ["types", "web", "trade", "desk"];

/// A plugin's crate.
struct Plugin {
    package: String,
    manifest: Manifest,
    module: PathBuf,
}

/// Build all plugins. The result is their components, by name.
pub fn build(root: &Path) -> Result<Vec<PathBuf>> {
    let target = root.join("target/wasm");
    let plugins = find(root, &target)?;
    if plugins.is_empty() {
        return Ok(Vec::new());
    }
    compile(root, &target, &plugins).context("plugins")?;
    let folder = root.join("target/plugins");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let mut components = Vec::with_capacity(plugins.len());
    let mut faults = Vec::new();
    for plugin in &plugins {
        let name = &plugin.manifest.name;
        let path = folder.join(format!("{name}.wasm"));
        match componentise(plugin).and_then(|component| Ok((write(&path, &component)?, component.len()))) {
            Ok((fresh, size)) => {
                let news = if fresh { "built" } else { "unchanged" };
                eprintln!("plugins: {name} {news}, {} KiB", size.div_ceil(1024));
                components.push(path);
            }
            Err(error) => faults.push(format!("plugin {name}: {error:#}")),
        }
    }
    // The others are built all the same, so that one broken plugin stops nobody who works on another.
    ensure!(faults.is_empty(), "{}", faults.join("\n"));
    Ok(components)
}

/// Every folder of `plugins/` with a `Cargo.toml`, by name.
fn find(root: &Path, target: &Path) -> Result<Vec<Plugin>> {
    let folder = root.join("plugins");
    let mut crates: Vec<PathBuf> = std::fs::read_dir(&folder)
        .with_context(|| format!("cannot list {}", folder.display()))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.join("Cargo.toml").exists())
        .collect();
    crates.sort();
    crates.iter().map(|path| read(path, target).with_context(|| path.display().to_string())).collect()
}

fn read(folder: &Path, target: &Path) -> Result<Plugin> {
    let cargo: toml::Table = std::fs::read_to_string(folder.join("Cargo.toml"))?.parse().context("Cargo.toml")?;
    let entry = |table: &str| cargo.get(table)?.get("name")?.as_str();
    let package = entry("package").context("Cargo.toml has no package.name")?.to_owned();
    let library = entry("lib").map_or_else(|| package.replace('-', "_"), str::to_owned);
    let manifest = std::fs::read_to_string(folder.join("plugin.toml")).context("plugin.toml")?;
    let manifest = Manifest::parse(&manifest).context("plugin.toml")?;
    let module = target.join(TARGET).join("plugin").join(format!("{library}.wasm"));
    Ok(Plugin { package, manifest, module })
}

/// One invocation for all: the standard library and the SDK are compiled once.
fn compile(root: &Path, target: &Path, plugins: &[Plugin]) -> Result<()> {
    let packages: Vec<&str> = plugins.iter().flat_map(|plugin| ["--package", &plugin.package]).collect();
    compile_crate(root, target, root, &packages)
}

/// Compile what is named, of the workspace in `folder`, to core modules below `target`.
fn compile_crate(root: &Path, target: &Path, folder: &Path, named: &[&str]) -> Result<()> {
    let mut command = wasm_toolchain(root)?.build();
    command.current_dir(folder).args(["--quiet", "--profile", "plugin", "--target-dir"]).arg(target).args(named);
    command.env("CARGO_ENCODED_RUSTFLAGS", flags(root)).env_remove("RUSTFLAGS");
    let status = command.status().with_context(|| format!("cannot run {:?}", command.get_program()))?;
    ensure!(status.success(), "it does not compile");
    Ok(())
}

/// Searching bytes is what plugins do most, and memchr does it with vectors only where the target has them from the start.
/// Paths are the same on every machine, so that one source gives one digest.
fn flags(root: &Path) -> String {
    let mut flags = vec!["-Ctarget-feature=+simd128".to_owned(), format!("--remap-path-prefix={}=.", root.display())];
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")));
    if let Some(home) = home {
        flags.push(format!("--remap-path-prefix={}=cargo", home.display()));
    }
    flags.join("\u{1f}")
}

/// Core module to component, and what the SDK embedded to where it is easy to find.
fn componentise(plugin: &Plugin) -> Result<Vec<u8>> {
    let module = std::fs::read(&plugin.module).with_context(|| format!("cannot read {}", plugin.module.display()))?;
    check_core_imports(&module)?;
    let (stripped, sections) = split(&module)?;
    let mut component = encode(&stripped)?;
    for name in SECTIONS {
        let data = sections.iter().find(|(found, _)| found == name).map(|(_, data)| data);
        append(&mut component, name, data.with_context(|| format!("has no section {name}: is `export!` called?"))?);
    }
    check(&component, &plugin.manifest)?;
    Ok(component)
}

/// Core module to component.
fn encode(module: &[u8]) -> Result<Vec<u8>> {
    ComponentEncoder::default()
        .module(module)
        .context("not a module the SDK built: is `export!` called?")?
        .validate(true)
        .encode()
        .context("cannot be turned into a component")
}

/// A clear word before wit-component stumbles over an import it has no type for.
fn check_core_imports(module: &[u8]) -> Result<()> {
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::ImportSection(imports) = payload? {
            for import in imports.into_imports() {
                let import = import?;
                ensure!(
                    import.module.starts_with(CONTRACT),
                    "imports `{}` of `{}`. Plugins import the contract and nothing else: some dependency expects an \
                     operating system or a browser (a clock, randomness, files, threads)",
                    import.name,
                    import.module
                );
            }
        }
    }
    Ok(())
}

/// A custom section's name and bytes.
type Section = (String, Vec<u8>);

/// The module without the SDK's sections, and those sections.
fn split(module: &[u8]) -> Result<(Vec<u8>, Vec<Section>)> {
    let mut stripped = Vec::with_capacity(module.len());
    let mut sections = Vec::new();
    // Copied up to here; a section that stays is copied with whatever comes next.
    let (mut copied, mut end) = (0_usize, 0_u64);
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        if let Payload::CustomSection(section) = &payload
            && SECTIONS.contains(&section.name())
        {
            sections.push((section.name().to_owned(), section.data().to_vec()));
            stripped.extend_from_slice(&module[copied..end as usize]);
            copied = section.range().end as usize;
        }
        // The range of a section is its content; the header before it ends where the section before it ended.
        end = match &payload {
            Payload::Version { range, .. } => range.end,
            Payload::CodeSectionEntry(body) => body.range().end,
            other => other.as_section().map_or(end, |(_, range)| range.end),
        };
    }
    stripped.extend_from_slice(&module[copied..]);
    Ok((stripped, sections))
}

/// Append a custom section to a component.
pub fn append(component: &mut Vec<u8>, name: &str, data: &[u8]) {
    let mut content = Vec::with_capacity(name.len() + data.len() + 2);
    leb128(&mut content, name.len());
    content.extend_from_slice(name.as_bytes());
    content.extend_from_slice(data);
    component.push(0);
    leb128(component, content.len());
    component.extend_from_slice(&content);
}

fn leb128(bytes: &mut Vec<u8>, mut value: usize) {
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}

/// The finished component, read back as the host will: its imports, its exports, its sections.
fn check(component: &[u8], manifest: &Manifest) -> Result<()> {
    let (mut exports, mut sections, mut depth) = (Vec::new(), Vec::new(), 0_u32);
    for payload in Parser::new(0).parse_all(component) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(imports) if depth == 0 => {
                for import in imports {
                    check_import(import?.name.name, manifest)?;
                }
            }
            Payload::ComponentExportSection(found) if depth == 0 => {
                for export in found {
                    exports.push(export?.name.name.to_owned());
                }
            }
            Payload::CustomSection(section) if depth == 0 => sections.push(section.name().to_owned()),
            _ => {}
        }
    }
    let kind = match manifest.kind {
        Kind::Channel => "channel",
        Kind::Policy => "policy",
        Kind::Review => "review",
    };
    for needed in ["lifecycle", kind] {
        let exported = exports.iter().any(|name| interface(name) == Some(needed));
        ensure!(exported, "plugin.toml says kind = \"{kind}\", but the component does not export {needed}");
    }
    for name in SECTIONS {
        ensure!(sections.iter().filter(|section| *section == name).count() == 1, "the component does not carry {name}");
    }
    Ok(())
}

/// An import is the contract's, and a service is one that `plugin.toml` asks for: the host refuses anything else.
fn check_import(name: &str, manifest: &Manifest) -> Result<()> {
    let Some(interface) = interface(name) else {
        bail!("imports `{name}`: plugins import {CONTRACT}* and nothing else");
    };
    let asked = TYPES.contains(&interface) || manifest.asks.services.iter().any(|service| service == interface);
    ensure!(asked, "uses the service `{interface}`, which `asks.services` in plugin.toml does not name");
    Ok(())
}

/// The interface in `tributary:plugin/log@0.1.0`.
fn interface(name: &str) -> Option<&str> {
    name.strip_prefix(CONTRACT)?.split('@').next()
}

/// Write a file in one step, where its content is new. Says whether it was.
fn write(path: &Path, content: &[u8]) -> Result<bool> {
    if std::fs::read(path).is_ok_and(|present| present == content) {
        return Ok(false);
    }
    let fresh = path.with_extension(format!("{}.tmp", std::process::id()));
    std::fs::write(&fresh, content).with_context(|| format!("cannot write {}", fresh.display()))?;
    std::fs::rename(&fresh, path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A module of a version header and these custom sections.
    fn module(sections: &[(&str, &[u8])]) -> Vec<u8> {
        let mut module = b"\0asm\x01\0\0\0".to_vec();
        sections.iter().for_each(|(name, data)| append(&mut module, name, data));
        module
    }

    #[test]
    fn sections_of_the_sdk_are_lifted_and_all_else_stays() {
        let long = vec![7; 20_000];
        let before =
            module(&[("a", b"1"), (SECTIONS[0], b"two"), ("b", &long), (SECTIONS[1], &long), (SECTIONS[2], b"")]);
        let (stripped, sections) = split(&before).unwrap();
        assert_eq!(stripped, module(&[("a", b"1"), ("b", &long)]));
        let expected: Vec<Section> = [(SECTIONS[0], b"two".to_vec()), (SECTIONS[1], long), (SECTIONS[2], Vec::new())]
            .map(|(name, data)| (name.to_owned(), data))
            .to_vec();
        assert_eq!(sections, expected);
    }

    #[test]
    fn imports_are_the_contracts_and_asked_for() {
        let manifest = "name = 'p'\nversion = '0.1.0'\nkind = 'policy'\n[asks]\nservices = ['log']";
        let manifest = Manifest::parse(manifest).unwrap();
        let cases = [
            ("tributary:plugin/log@0.1.0", true),
            ("tributary:plugin/types@0.1.0", true),
            ("tributary:plugin/http@0.1.0", false),
            ("wasi:cli/environment@0.2.0", false),
        ];
        for (name, allowed) in cases {
            assert_eq!(check_import(name, &manifest).is_ok(), allowed, "{name}");
        }
    }
}
