//! Builds the guests that misbehave on purpose, `tests/guests/list.rs`, into `target/guests/NAME.wasm`.
//!
//! Those written in Rust are two components, and each guest is one of them with its own manifest and its own name in its
//! configuration: one compilation for all of them.
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use tributary_sdk_build::manifest::Manifest;
use wasmparser::{Parser, Payload};
use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::{SECTIONS, TYPES, append, check, compile_crate, encode, interface, leb128, split, write};
use crate::setup::TARGET;

// Read here as it is read by the tests, so that nobody can forget one of the two.
#[path = "../../../../tests/guests/list.rs"]
mod list;

/// What a guest is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Made {
    Adapter,
    Policy,
    Text,
    File,
}

macro_rules! names {
    (
        adapters { $($adapter:ident $a:literal;)* } policies { $($policy:ident $p:literal;)* }
        texts { $($text:ident $t:literal;)* } files { $($file:ident $f:literal;)* }
    ) => {
        /// Every guest.
        const GUESTS: &[(&str, Made)] = &[
            $((stringify!($adapter), Made::Adapter),)*
            $((stringify!($policy), Made::Policy),)*
            $((stringify!($text), Made::Text),)*
            $((stringify!($file), Made::File),)*
        ];
    };
}
crate::each_guest!(names);

/// Guests that behave, each a component of its own: the plugins of the shop do not have what a test needs.
const BEHAVED: [(&str, &str); 2] = [("remembers", "channel"), ("notes", "policy")];

/// Build all guests. The result is their files, in the order of the list.
pub fn build(root: &Path) -> Result<Vec<PathBuf>> {
    let target = root.join("target/wasm");
    compile_crate(root, &target, &root.join("tests/guests"), &["--examples"]).context("tests/guests")?;
    let sources = Sources { root, modules: target.join(TARGET).join("plugin/examples") };
    let folder = root.join("target/guests");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let (mut files, mut fresh) = (Vec::with_capacity(GUESTS.len()), 0);
    for (name, made) in GUESTS {
        let bytes = sources.guest(name, *made).with_context(|| format!("guest {name}"))?;
        let path = folder.join(format!("{}.wasm", plugin_name(name)));
        fresh += usize::from(write(&path, &bytes)?);
        files.push(path);
    }
    for (name, kind) in BEHAVED {
        let bytes = sources.rust(name, name, kind).with_context(|| format!("guest {name}"))?;
        let path = folder.join(format!("{}.wasm", plugin_name(name)));
        write(&path, &bytes)?;
        files.push(path);
    }
    // A guest that left the list does not stay in the tests.
    for entry in std::fs::read_dir(&folder)?.flatten().filter(|entry| !files.contains(&entry.path())) {
        std::fs::remove_file(entry.path()).with_context(|| format!("cannot remove {}", entry.path().display()))?;
    }
    eprintln!("guests: {} built, {} unchanged", fresh, GUESTS.len() - fresh);
    Ok(files)
}

/// Where the guests are made from.
struct Sources<'a> {
    root: &'a Path,
    /// The core modules of the crate `tests/guests`.
    modules: PathBuf,
}

impl Sources<'_> {
    fn guest(&self, name: &str, made: Made) -> Result<Vec<u8>> {
        match made {
            Made::Adapter => self.rust("adapter", name, "channel"),
            Made::Policy => self.rust("policy", name, "policy"),
            Made::Text => self.text(name),
            Made::File => self.file(name),
        }
    }

    fn module(&self, program: &str) -> Result<Vec<u8>> {
        let path = self.modules.join(format!("{program}.wasm"));
        std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))
    }

    /// One of the two components, with a manifest of its own that asks for what it imports.
    fn rust(&self, program: &str, name: &str, kind: &str) -> Result<Vec<u8>> {
        let (module, sections) = split(&self.module(program)?)?;
        let manifest = manifest(name, kind, &services(&module)?);
        let schema = sections.iter().find(|(name, _)| name == SECTIONS[1]).map(|(_, data)| data.as_slice());
        let schema = schema.context("it carries no schema: is `export!` called?")?;
        let component = carrying(encode(&module)?, &manifest, schema, &format!("guest = '{name}'\n"));
        check(&component, &Manifest::parse(&manifest)?)?;
        Ok(component)
    }

    /// A file of `texts/`.
    fn text(&self, name: &str) -> Result<Vec<u8>> {
        let module = self.framed(&self.read_text(name)?)?;
        Ok(carrying(encode(&module)?, &manifest(name, "channel", &[]), b"{}", ""))
    }

    fn read_text(&self, name: &str) -> Result<String> {
        let path = self.root.join("tests/guests/texts").join(format!("{name}.wat"));
        std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    }

    /// The fields of a core module, in the frame that exports the contract.
    fn framed(&self, fields: &str) -> Result<Vec<u8>> {
        let mut module = wat::parse_str(format!("(module\n{}\n{fields})", self.read_text("frame")?))?;
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_dir(self.root.join("wit"))?;
        embed(&mut module, &resolve, resolve.select_world(&[package], Some("adapter"))?)?;
        Ok(module)
    }

    /// What is no plugin at all, or only looks like one.
    fn file(&self, name: &str) -> Result<Vec<u8>> {
        match name {
            "asks_for_more" => {
                let (module, _) = split(&self.module("adapter")?)?;
                Ok(carrying(encode(&module)?, &manifest(name, "channel", &["config".into(), "log".into()]), b"{}", ""))
            }
            "random_bytes" => Ok(noise(64 << 10)),
            "core_module" => self.module("adapter"),
            "other_world" => other_world(),
            "truncated" => {
                let whole = self.guest("traps", Made::Adapter)?;
                Ok(whole[..whole.len() / 2].to_vec())
            }
            "deep_bomb" => Ok(carrying(deep(20_000), &manifest(name, "channel", &[]), b"{}", "")),
            "wide_bomb" => {
                let plugin = encode(&self.framed("(func $receive)")?)?;
                Ok(carrying(wide(plugin, 9)?, &manifest(name, "channel", &[]), b"{}", ""))
            }
            _ => bail!("nothing here makes it: host/xtask/src/plugins/guests.rs has to say how"),
        }
    }
}

/// As the file and the plugin are called.
fn plugin_name(name: &str) -> String {
    name.replace('_', "-")
}

fn manifest(name: &str, kind: &str, services: &[String]) -> String {
    let name = plugin_name(name);
    let more = if kind == "policy" { "actions = ['note']" } else { "egress = ['https://api.example']" };
    format!(
        "name = '{name}'\nversion = '6.6.6'\nkind = '{kind}'\ndescription = 'misbehaves on purpose'\n\
         [asks]\nservices = {services:?}\n{more}\n"
    )
}

/// The services that a core module imports.
fn services(module: &[u8]) -> Result<Vec<String>> {
    let mut services = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::ImportSection(imports) = payload? {
            for import in imports.into_imports() {
                let name = interface(import?.module).context("it imports what is not the contract's")?.to_owned();
                if !TYPES.contains(&name.as_str()) && !services.contains(&name) {
                    services.push(name);
                }
            }
        }
    }
    Ok(services)
}

/// A component with what the SDK would have embedded.
fn carrying(mut component: Vec<u8>, manifest: &str, schema: &[u8], default: &str) -> Vec<u8> {
    for (name, data) in SECTIONS.into_iter().zip([manifest.as_bytes(), schema, default.as_bytes()]) {
        append(&mut component, name, data);
    }
    component
}

fn embed(module: &mut Vec<u8>, resolve: &Resolve, world: wit_parser::WorldId) -> Result<()> {
    embed_component_metadata(module, resolve, world, StringEncoding::UTF8, false)
}

/// Bytes without a meaning, the same each time (xorshift).
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// A command-line program: whole, valid, and made for another host.
fn other_world() -> Result<Vec<u8>> {
    let world = "package wasi:cli@0.2.0; interface exit { exit: func(status: u32); } \
                 interface run { run: func() -> result; } world command { import exit; export run; }";
    let mut resolve = Resolve::default();
    let package = resolve.push_str("cli.wit", world)?;
    let module = r#"(module (import "wasi:cli/exit@0.2.0" "exit" (func (param i32))) (memory (export "memory") 1)
        (func (export "wasi:cli/run@0.2.0#run") (result i32) (i32.const 0)))"#;
    let mut module = wat::parse_str(module)?;
    embed(&mut module, &resolve, resolve.select_world(&[package], Some("command"))?)?;
    encode(&module)
}

/// Components, each in the one before.
fn deep(depth: usize) -> Vec<u8> {
    const HEADER: [u8; 8] = [0, b'a', b's', b'm', 0x0d, 0, 1, 0];
    const COMPONENT_SECTION: u8 = 4;
    let mut component = HEADER.to_vec();
    for _ in 0..depth {
        let mut around = HEADER.to_vec();
        around.push(COMPONENT_SECTION);
        leb128(&mut around, component.len());
        around.append(&mut component);
        component = around;
    }
    component
}

/// A plugin with ten instances of a component that has ten instances of one that has … a core module: `10^levels` of it in
/// all, in a few hundred bytes more than the plugin.
fn wide(plugin: Vec<u8>, levels: u32) -> Result<Vec<u8>> {
    const COMPONENT_SECTION: u8 = 4;
    const INSTANCE_SECTION: u8 = 5;
    let mut inner = "(core module $m (memory 1)) (core instance (instantiate $m))".to_owned();
    for _ in 0..levels {
        let instances = "(instance (instantiate $c))".repeat(10);
        inner = format!("(component $c {inner}) {instances}");
    }
    let bomb = wat::parse_str(format!("(component {inner})"))?;
    let (mut index, mut depth) = (0_usize, 0_usize);
    for payload in Parser::new(0).parse_all(&plugin) {
        match payload? {
            Payload::ComponentSection { .. } => {
                index += usize::from(depth == 0);
                depth += 1;
            }
            Payload::ModuleSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    let mut component = plugin;
    component.push(COMPONENT_SECTION);
    leb128(&mut component, bomb.len());
    component.extend(bomb);
    // One instance: of that component, without arguments.
    let mut instance = vec![1, 0];
    leb128(&mut instance, index);
    instance.push(0);
    component.push(INSTANCE_SECTION);
    leb128(&mut component, instance.len());
    component.extend(instance);
    Ok(component)
}
