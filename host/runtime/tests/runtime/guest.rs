//! Guests written by hand: a core module with the contract's canonical ABI, turned into a component. Every function that
//! a case does not give a body for answers with zeros, which the contract reads as success with nothing in it.
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tributary_runtime::Package;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// A guest to be built.
#[derive(Clone)]
pub struct Guest {
    /// `channel`, `policy` or `review`, as in `plugin.toml`.
    pub kind: &'static str,
    /// Memory, globals, data and functions.
    pub items: &'static str,
    /// Body of `prepare`, before its result.
    pub prepare: &'static str,
    /// Body of `receive`, `decide` or `review`, before its result.
    pub main: &'static str,
    /// Body of `send`, before its result.
    pub send: &'static str,
    /// Body of `migrate`, result included; none: it does not export `migration`. Its parameters are `$from`,
    /// `$from_length`, `$entries` and `$count`.
    pub migrate: Option<&'static str>,
    /// Lines at the end of `plugin.toml`'s top level.
    pub manifest: &'static str,
    /// `[asks]`.
    pub asks: &'static str,
    /// Schema of the configuration.
    pub schema: Option<&'static str>,
    /// Defaults of the configuration.
    pub default: Option<&'static str>,
}

/// Asks for everything a policy may import.
pub const POLICY: Guest = Guest {
    kind: "policy",
    items: "",
    prepare: "",
    main: "",
    send: "",
    migrate: None,
    manifest: "",
    asks: "services = ['log', 'config', 'clock', 'state', 'knowledge']\nactions = ['route', 'reply']",
    schema: None,
    default: None,
};

/// Asks for everything an adapter may import.
pub const ADAPTER: Guest = Guest {
    kind: "channel",
    asks: "services = ['log', 'config', 'clock', 'secrets', 'state', 'blobs', 'http', 'mail']\n\
           secrets = ['token', 'other']\negress = ['https://api.example']",
    ..POLICY
};

/// The contract's folder.
pub fn contract() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit")
}

/// A number as WebAssembly writes lengths.
pub fn leb128(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        bytes.push(if number == 0 { low } else { low | 0x80 });
        if number == 0 {
            return bytes;
        }
    }
}

/// Puts a custom section at the end of a module or a component.
pub fn append_section(bytes: &mut Vec<u8>, name: &str, data: &[u8]) {
    let mut body = leb128(name.len());
    body.extend_from_slice(name.as_bytes());
    body.extend_from_slice(data);
    bytes.push(0);
    bytes.extend(leb128(body.len()));
    bytes.extend(body);
}

impl Guest {
    /// Its `plugin.toml`.
    pub fn plugin_toml(&self) -> String {
        let Self { kind, manifest, asks, .. } = self;
        format!("name = 'guest'\nversion = '0.1.0'\nkind = '{kind}'\n{manifest}\n[asks]\n{asks}\n")
    }

    /// The core module, with the contract of a folder.
    pub fn module(&self, contract: &Path) -> Vec<u8> {
        let Self { items, prepare, main, send, .. } = self;
        let version = version(contract);
        let (world, exports) = match self.kind {
            "channel" => (
                "adapter",
                format!(
                    r#"(func (export "tributary:plugin/channel@{version}#receive")
                        (param i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) {main} (i32.const 0))
                       (func (export "tributary:plugin/channel@{version}#send") (param i32) (result i32)
                        {send} (i32.const 0))"#
                ),
            ),
            "policy" => (
                "handling-policy",
                format!(
                    r#"(func (export "tributary:plugin/policy@{version}#decide") (param i32) (result i32)
                        {main} (i32.const 0))"#
                ),
            ),
            _ => (
                "reviewing-policy",
                format!(
                    r#"(func (export "tributary:plugin/review@{version}#review") (param i32) (result i32)
                        {main} (i32.const 0))"#
                ),
            ),
        };
        let migration = self.migrate.map_or_else(String::new, |body| {
            format!(
                r#"(func (export "tributary:plugin/migration@{version}#migrate")
                    (param $from i32) (param $from_length i32) (param $entries i32) (param $count i32) (result i32)
                    {body})"#
            )
        });
        let text = format!(
            r#"(module
                {items}
                (memory (export "memory") 2)
                (global $heap (mut i32) (i32.const 65536))
                (func $allocate (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (local $at i32)
                    (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
                    (global.set $heap (i32.add (local.get $at) (local.get 3)))
                    (block $room (loop $grow
                        (br_if $room (i32.le_u (global.get $heap) (i32.mul (memory.size) (i32.const 65536))))
                        (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))
                        (br $grow)))
                    (local.get $at))
                (func (export "tributary:plugin/lifecycle@{version}#prepare") (result i32) {prepare} (i32.const 0))
                {exports} {migration})"#
        );
        let mut module = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_dir(contract).unwrap();
        let world = resolve.select_world(&[package], Some(world)).unwrap();
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false).unwrap();
        if self.migrate.is_some() {
            // Turning it into a component merges the worlds.
            let world = resolve.select_world(&[package], Some("migrating")).unwrap();
            embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false).unwrap();
        }
        append_section(&mut module, "tributary:plugin", self.plugin_toml().as_bytes());
        if let Some(schema) = self.schema {
            append_section(&mut module, "tributary:config-schema", schema.as_bytes());
        }
        if let Some(default) = self.default {
            append_section(&mut module, "tributary:config-default", default.as_bytes());
        }
        module
    }

    /// The component.
    pub fn bytes(&self) -> Vec<u8> {
        component(&self.module(&contract()))
    }

    /// The component, read.
    pub fn package(&self) -> Arc<Package> {
        Arc::new(Package::read(self.bytes()).unwrap())
    }
}

/// Turns a core module with the contract's types in it into a component.
pub fn component(module: &[u8]) -> Vec<u8> {
    ComponentEncoder::default().validate(true).module(module).unwrap().encode().unwrap()
}

fn version(contract: &Path) -> String {
    let text = std::fs::read_to_string(contract.join("worlds.wit")).unwrap();
    let line = text.lines().find(|line| line.starts_with("package ")).unwrap();
    line.trim_end_matches(';').rsplit_once('@').unwrap().1.to_owned()
}
