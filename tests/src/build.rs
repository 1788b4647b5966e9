//! Other builds of a plugin, made of the bytes of one: the same component under another version, or a component that fails
//! under the name of a good one. A custom section in front of a component is read before those that its linker left inside.
use std::path::PathBuf;

use crate::{Desk, guests, program};

/// The bytes of a plugin that `cargo xtask plugins` built.
pub fn plugin(name: &str) -> Vec<u8> {
    let path = program::root().join("target/plugins").join(format!("{name}.wasm"));
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}; `cargo xtask plugins` makes it", path.display()))
}

/// The `plugin.toml` of a plugin, with another version.
pub fn manifest(name: &str, version: &str) -> toml::Table {
    let path = program::root().join("plugins").join(name).join("plugin.toml");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut manifest: toml::Table = text.parse().expect("a plugin.toml is TOML");
    manifest.insert("version".into(), version.into());
    manifest
}

/// The same plugin under another version. It does what it did.
pub fn version(name: &str, version: &str) -> Vec<u8> {
    labelled(&plugin(name), &manifest(name, version), None)
}

/// A guest of `tests/guests` under the name of a plugin: it takes that plugin's configuration and misbehaves. It asks for
/// every service, because its component has what all guests need.
pub fn broken(name: &str, version: &str, guest: &str) -> Vec<u8> {
    instead(manifest(name, version), guest, guest)
}

/// A guest in place of the plugin that a `plugin.toml` names, with what `guest` says in its configuration.
pub fn instead(mut manifest: toml::Table, file: &str, guest: &str) -> Vec<u8> {
    const SERVICES: [&str; 8] = ["log", "config", "clock", "secrets", "state", "blobs", "http", "mail"];
    let bytes = std::fs::read(guests::file(file)).expect("the guest is built");
    let services = toml::Value::from(SERVICES.map(toml::Value::from).to_vec());
    let asks = manifest.entry("asks").or_insert_with(|| toml::Table::new().into());
    asks.as_table_mut().expect("asks is a table").insert("services".into(), services);
    labelled(&bytes, &manifest, Some(("{\"type\": \"object\"}", &format!("guest = \"{guest}\"\n"))))
}

/// A component under another `plugin.toml`, and perhaps another schema and defaults of its configuration.
pub fn labelled(component: &[u8], manifest: &toml::Table, config: Option<(&str, &str)>) -> Vec<u8> {
    let (header, rest) = component.split_at(8);
    let mut labelled = header.to_vec();
    section(&mut labelled, "tributary:plugin", manifest.to_string().as_bytes());
    if let Some((schema, defaults)) = config {
        section(&mut labelled, "tributary:config-schema", schema.as_bytes());
        section(&mut labelled, "tributary:config-default", defaults.as_bytes());
    }
    labelled.extend_from_slice(rest);
    labelled
}

/// A custom section (core specification, 5.5.3; components have the same form).
fn section(to: &mut Vec<u8>, name: &str, data: &[u8]) {
    let mut content = Vec::new();
    leb128(&mut content, name.len());
    content.extend_from_slice(name.as_bytes());
    content.extend_from_slice(data);
    to.push(0);
    leb128(to, content.len());
    to.extend_from_slice(&content);
}

fn leb128(to: &mut Vec<u8>, mut number: usize) {
    loop {
        let byte = u8::try_from(number & 0x7f).expect("seven bits");
        number >>= 7;
        if number == 0 {
            to.push(byte);
            return;
        }
        to.push(byte | 0x80);
    }
}

/// Writes a build beside a desk, for a command to take.
pub fn beside(desk: &Desk, name: &str, bytes: &[u8]) -> PathBuf {
    let path = desk.dir.with_file_name(format!("{name}.wasm"));
    std::fs::write(&path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    path
}
