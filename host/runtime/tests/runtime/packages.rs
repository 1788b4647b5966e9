//! What is a plugin and what is not, told before anything runs.
use crate::guest::{ADAPTER, Guest, POLICY, append_section, component, contract};
use proptest::prelude::*;
use std::sync::LazyLock;
use tributary_runtime::{Kind, NotGranted, Package, PackageError};
use wit_component::{StringEncoding, embed_component_metadata};

const LOG: &str = r#"(import "tributary:plugin/log@0.1.0" "write" (func $log (param i32 i32 i32)))"#;

fn error(bytes: &[u8]) -> PackageError {
    Package::read(bytes).expect_err("it is no plugin")
}

#[test]
fn a_component_tells_what_it_is() {
    let guest = Guest {
        items: LOG,
        manifest: "may-be-skipped = true\nlicence = 'Apache-2.0'\nreuse = 3",
        schema: Some(r#"{"type":"object"}"#),
        default: Some("limit = 3 # few\n"),
        ..POLICY
    };
    let package = guest.package();
    assert_eq!((package.name().as_str(), package.version(), package.kind()), ("guest", "0.1.0", Kind::Policy));
    assert!(package.may_be_skipped() && package.decides() && !package.reviews() && !package.is_adapter());
    assert_eq!(package.manifest().reuse, 3);
    assert_eq!(package.services(), ["log"]);
    assert_eq!(package.contract_version(), "0.1.0");
    assert_eq!(package.default_config(), "limit = 3 # few\n");
    assert!(package.exports().contains(&"tributary:plugin/policy@0.1.0".to_owned()), "{:?}", package.exports());
    assert_eq!(package.asks().actions, ["route", "reply"]);
    assert_eq!(package.digest().len(), 64);
}

#[test]
fn its_sections_may_lie_in_the_component_itself() {
    let mut module = wat::parse_str("(module)").unwrap();
    let mut resolve = wit_parser::Resolve::default();
    let (package, _) = resolve.push_dir(contract()).unwrap();
    let mut bare = POLICY.module(&contract());
    // The same module without its last section, which is the manifest.
    bare.truncate(bare.len() - (2 + 1 + "tributary:plugin".len() + POLICY.plugin_toml().len()) - 1);
    let mut bytes = component(&bare);
    assert!(matches!(error(&bytes), PackageError::NoManifest));
    append_section(&mut bytes, "tributary:plugin", POLICY.plugin_toml().as_bytes());
    assert_eq!(Package::read(bytes).unwrap().name().as_str(), "guest");
    // A world that is not the contract's.
    let world = resolve.push_str("other.wit", "package other:place; world w { }").unwrap();
    let world = resolve.select_world(&[world, package], Some("other:place/w")).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false).unwrap();
    append_section(&mut module, "tributary:plugin", POLICY.plugin_toml().as_bytes());
    match error(&component(&module)) {
        PackageError::Exports { kind: "policy", missing } => assert_eq!(missing, ["lifecycle", "policy"]),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_no_plugin_is_told_apart() {
    let good = POLICY.bytes();
    assert!(matches!(error(b""), PackageError::NotWasm));
    assert!(matches!(error(b"#!/bin/sh\n"), PackageError::NotWasm));
    assert!(matches!(error(&good[..5]), PackageError::Truncated(5)));
    assert!(matches!(error(&POLICY.module(&contract())), PackageError::CoreModule));
    assert!(matches!(
        Package::read_within(good.clone(), good.len() - 1),
        Err(PackageError::TooLarge { size, limit }) if size == good.len() && limit == size - 1
    ));
    let adapter = Guest { kind: "channel", ..POLICY };
    match error(&component(&with_manifest(&POLICY, &adapter.plugin_toml()))) {
        PackageError::Exports { kind: "channel", missing } => assert_eq!(missing, ["channel"]),
        other => panic!("{other:?}"),
    }
    assert!(matches!(error(&component(&with_manifest(&POLICY, "name = 'x'"))), PackageError::Manifest(_)));
    let schema = Guest { schema: Some("{"), ..POLICY };
    assert!(matches!(error(&schema.bytes()), PackageError::Config { what: "config schema", .. }));
    let default = Guest { default: Some("a ="), ..POLICY };
    assert!(matches!(error(&default.bytes()), PackageError::Config { what: "default configuration", .. }));
}

/// The module of a guest with another manifest in front of its own: the first one counts.
fn with_manifest(guest: &Guest, manifest: &str) -> Vec<u8> {
    let module = guest.module(&contract());
    let mut bytes = module[..8].to_vec();
    append_section(&mut bytes, "tributary:plugin", manifest.as_bytes());
    bytes.extend_from_slice(&module[8..]);
    bytes
}

#[test]
fn another_contract_and_another_world_are_named() {
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(contract()).unwrap() {
        let entry = entry.unwrap();
        let text = std::fs::read_to_string(entry.path()).unwrap().replace("0.1.0", "0.7.0");
        std::fs::write(folder.path().join(entry.file_name()), text).unwrap();
    }
    match error(&component(&POLICY.module(folder.path()))) {
        PackageError::Contract { found, known: "0.1.0" } => assert_eq!(found, "0.7.0"),
        other => panic!("{other:?}"),
    }
    let mut resolve = wit_parser::Resolve::default();
    let text = "package wasi:cli@0.2.0; interface exit { exit: func(code: u32); } world w { import exit; }";
    let package = resolve.push_str("wasi.wit", text).unwrap();
    let world = resolve.select_world(&[package], Some("w")).unwrap();
    let text = r#"(module (import "wasi:cli/exit@0.2.0" "exit" (func (param i32))) (memory (export "memory") 1))"#;
    let mut module = wat::parse_str(text).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false).unwrap();
    match error(&component(&module)) {
        PackageError::Imports(names) => assert_eq!(names, ["wasi:cli/exit@0.2.0"]),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_that_ends_early_is_refused_wherever_it_ends() {
    let good = ADAPTER.bytes();
    for end in (0..good.len()).step_by(97) {
        match error(&good[..end]) {
            PackageError::NotWasm | PackageError::Truncated(_) => {}
            // It ended between two sections, and what is left is a component without the rest.
            PackageError::NoManifest | PackageError::Exports { .. } | PackageError::Invalid(_) => {}
            other => panic!("cut at {end}: {other:?}"),
        }
    }
}

static GOOD: LazyLock<Vec<u8>> = LazyLock::new(|| POLICY.bytes());

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn bytes_from_anywhere_are_refused_and_not_worse(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(Package::read(bytes).is_err());
    }

    #[test]
    fn a_flipped_byte_is_read_or_refused(at in any::<proptest::sample::Index>(), to in any::<u8>()) {
        let mut bytes = GOOD.clone();
        let at = at.index(bytes.len());
        bytes[at] = to;
        if let Ok(package) = Package::read(bytes) {
            prop_assert!(package.decides());
        }
    }
}

#[tokio::test]
async fn what_is_not_granted_is_refused_before_it_runs() {
    use crate::house::House;
    use tributary_runtime::{Grants, LoadError, Settings};
    let house = House::new();
    let guest = Guest { items: LOG, prepare: "unreachable", ..POLICY };
    let unasked = Guest { asks: "services = ['config']", ..guest.clone() };
    match house.runtime.load(unasked.package(), Settings::default()).await {
        Err(LoadError::NotGranted(NotGranted::NotAsked(service))) => assert_eq!(service, "log"),
        other => panic!("{other:?}"),
    }
    let grants = Grants { services: Some(vec!["config".into()]), ..Grants::default() };
    match house.runtime.load(guest.package(), Settings { grants, ..Settings::default() }).await {
        Err(LoadError::NotGranted(NotGranted::NotAllowed(service))) => assert_eq!(service, "log"),
        other => panic!("{other:?}"),
    }
}
