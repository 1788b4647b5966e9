//! What is a plugin and what is not, told before anything runs.
use crate::guest::{ADAPTER, Guest, POLICY, append_section, component, contract, leb128};
use proptest::prelude::*;
use std::sync::LazyLock;
use tributary_model::decision::{Action, Decision, Happening};
use tributary_model::message::Content;
use tributary_runtime::contract::{Contracts, Distance};
use tributary_runtime::package::{Need, Standing, Way, compat};
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
fn a_policy_is_told_of_what_its_manifest_names() {
    let happenings =
        [Happening::AgentReplied(Content::default()), Happening::AgentClosed, Happening::Timer("nightly".into())];
    let heard = |manifest: &'static str, decided: &[Decision]| {
        let package = Guest { manifest, ..POLICY }.package();
        happenings.each_ref().map(|happening| package.hears(happening, decided))
    };
    let closes = [Decision { action: Action::Close("done".into()), rule: "J1".into(), why: String::new() }];
    assert_eq!(heard("", &[]), [true; 3]);
    assert_eq!(heard("happenings = ['timer']", &closes), [false, false, true]);
    assert_eq!(heard("happenings = ['agent-closed']", &[]), [false, true, false]);
    assert_eq!(heard("happenings = ['agent-closed']", &closes), [true; 3], "a policy before it closes");
    let unknown = Guest { manifest: "happenings = ['mail']", ..POLICY };
    let why = error(&unknown.bytes()).to_string();
    assert!(why.contains("`happenings` is `mail`, expected one of message, order"), "{why}");
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
    let error = error(&component(&module));
    assert!(matches!(&error, PackageError::OtherWorld(what) if what.contains("exports no interface")), "{error:?}");
    assert!(error.to_string().contains("a plugin exports `tributary:plugin/lifecycle`"), "{error}");
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

/// The contract with another version, in a folder of its own.
fn contract_of(version: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(contract()).unwrap() {
        let entry = entry.unwrap();
        let text = std::fs::read_to_string(entry.path()).unwrap().replace("0.1.0", version);
        std::fs::write(folder.path().join(entry.file_name()), text).unwrap();
    }
    folder
}

/// A component that exports and imports nothing of the contract.
fn of_another_world(wit: &str, world: &str, module: &str) -> Vec<u8> {
    let mut resolve = wit_parser::Resolve::default();
    let package = resolve.push_str("other.wit", wit).unwrap();
    let world = resolve.select_world(&[package], Some(world)).unwrap();
    let mut module = wat::parse_str(module).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false).unwrap();
    component(&module)
}

/// A plugin with an import that is not the contract's.
fn with_foreign_import() -> Vec<u8> {
    let mut resolve = wit_parser::Resolve::default();
    let text = "package wasi:cli@0.2.0; interface exit { exit: func(code: u32); } world w { import exit; }";
    let wasi = resolve.push_str("wasi.wit", text).unwrap();
    let guest = Guest { items: r#"(import "wasi:cli/exit@0.2.0" "exit" (func (param i32)))"#, ..POLICY };
    let mut module = guest.module(&contract());
    let world = resolve.select_world(&[wasi], Some("w")).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8, false).unwrap();
    component(&module)
}

#[test]
fn another_version_is_named_with_what_to_do() {
    for (version, what_to_do) in [
        ("0.7.0", "load it into a newer daemon, or build it again with the SDK of 0.1.0"),
        ("0.0.4", "build it again with the SDK of 0.1.0"),
    ] {
        match error(&component(&POLICY.module(contract_of(version).path()))) {
            error @ PackageError::Contract { .. } => assert_eq!(
                error.to_string(),
                format!("it was built for version {version} of the contract, this host serves 0.1.0: {what_to_do}")
            ),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn another_world_is_named_with_what_was_expected() {
    let command = of_another_world(
        "package wasi:cli@0.2.3; interface run { run: func() -> result; } world command { export run; }",
        "command",
        r#"(module (func (export "wasi:cli/run@0.2.3#run") (result i32) (i32.const 0)) (memory (export "memory") 1))"#,
    );
    let error_of_command = error(&command);
    let said = error_of_command.to_string();
    for words in ["a WASI command", "`wasi:cli/run@0.2.3`", "`tributary:plugin/lifecycle`", "write it with the SDK"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(matches!(error_of_command, PackageError::OtherWorld(_)));
    match error(&with_foreign_import()) {
        PackageError::Imports(names) => assert_eq!(names, ["wasi:cli/exit@0.2.0"]),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_says_how_it_stands_to_what_is_served_even_where_it_is_refused() {
    let look = |bytes: Vec<u8>| compat(bytes, &Contracts::default());
    let logging = Guest { items: LOG, ..POLICY };
    let good = look(logging.bytes());
    assert!(good.fits() && good.needs.is_empty(), "{good}");
    assert_eq!(good.plugin, Some(("guest".into(), "0.1.0".into())));
    assert!(good.interfaces.iter().all(|seen| seen.standing == Standing::Same), "{good}");
    assert!(good.interfaces.iter().any(|seen| seen.name == "tributary:plugin/log@0.1.0" && seen.way == Way::Import));

    let unasked = look(Guest { asks: "", ..logging }.bytes());
    assert!(unasked.refused.is_none() && !unasked.fits());
    assert_eq!(unasked.needs, [Need::Ask(vec!["log".into()])]);

    let newer = look(component(&POLICY.module(contract_of("0.7.0").path())));
    assert_eq!(newer.needs, [Need::Host("0.7.0".into()), Need::Rebuild("0.1.0")]);
    assert!(newer.interfaces.iter().all(|seen| seen.standing == Standing::Unknown), "{newer}");
    assert_eq!(newer.versions[0].served, Err(Distance::Newer));
    let older = look(component(&POLICY.module(contract_of("0.0.4").path())));
    assert_eq!(older.needs, [Need::Rebuild("0.1.0")]);

    let foreign = look(with_foreign_import());
    assert_eq!(foreign.needs, [Need::Without(vec!["wasi:cli/exit@0.2.0".into()])], "{foreign}");
    assert!(foreign.interfaces.iter().any(|seen| seen.standing == Standing::Foreign));

    for (bytes, words) in
        [(b"#!/bin/sh".to_vec(), "not a WebAssembly file"), (POLICY.module(&contract()), "core module")]
    {
        let found = look(bytes);
        assert!(matches!(found.needs.as_slice(), [Need::Correct(what)] if what.contains(words)), "{found}");
    }
}

#[test]
fn what_a_component_costs_and_comes_from_is_read_without_running_it() {
    let guest = Guest { items: "(table 7 funcref) (data (i32.const 8) \"0123456789\")", ..POLICY };
    let package = guest.package();
    let costs = package.costs();
    assert_eq!(
        (costs.size, costs.modules, costs.components),
        (package.bytes().len(), 1, 2),
        "one for each export: {costs}"
    );
    assert_eq!((costs.memories, costs.memory, costs.tables, costs.elements), (1, 2 << 16, 1, 7), "{costs}");
    assert!(costs.data > 10 && costs.data < 30 && costs.code > 20, "{costs}");
    assert!(package.producers().iter().any(|one| one.field == "processed-by" && one.name == "wit-component"));
    assert!(!package.migrates());
}

/// `depth` components in each other.
fn nested(depth: usize) -> Vec<u8> {
    const HEADER: [u8; 8] = [0, b'a', b's', b'm', 0x0d, 0, 1, 0];
    // From the inside out would copy each level into the next; lengths first, then one pass from the outside in.
    let mut lengths = vec![HEADER.len()];
    for _ in 1..depth {
        let inner = lengths[lengths.len() - 1];
        lengths.push(HEADER.len() + 1 + leb128(inner).len() + inner);
    }
    let mut bytes = HEADER.to_vec();
    for length in lengths.iter().rev().skip(1) {
        bytes.push(4);
        bytes.extend(leb128(*length));
        bytes.extend(HEADER);
    }
    bytes
}

/// So many empty modules beside each other.
fn divided(parts: usize) -> Vec<u8> {
    let mut bytes = vec![0, b'a', b's', b'm', 0x0d, 0, 1, 0];
    for _ in 0..parts {
        bytes.extend([1, 8, 0, b'a', b's', b'm', 1, 0, 0, 0]);
    }
    bytes
}

#[test]
fn a_bomb_of_modules_is_refused_before_it_goes_off() {
    assert!(matches!(error(&nested(10)), PackageError::OtherWorld(_)));
    for depth in [18, 1_000, 3_000_000] {
        assert!(matches!(error(&nested(depth)), PackageError::Nested { limit: 16 }), "{depth}");
    }
    assert!(matches!(error(&divided(900)), PackageError::OtherWorld(_)));
    for parts in [1_001, 6_000_000] {
        assert!(matches!(error(&divided(parts)), PackageError::Divided { limit: 1_000 }), "{parts}");
    }
    // Few bytes that stand for a type of 2^40 parts.
    let mut text = String::from("(component (type $t0 (tuple u8 u8))");
    for level in 1..40 {
        text.push_str(&format!("(type $t{level} (tuple $t{} $t{}))", level - 1, level - 1));
    }
    text.push(')');
    assert!(matches!(error(&wat::parse_str(&text).unwrap()), PackageError::Invalid(why) if why.contains("size")));
    let mut heavy = POLICY.bytes();
    append_section(&mut heavy, "tributary:config-schema", &vec![b' '; 2 << 20]);
    assert!(matches!(error(&heavy), PackageError::Section { what: "config schema", .. }));
}

#[test]
fn a_file_that_ends_early_is_refused_wherever_it_ends() {
    let good = ADAPTER.bytes();
    for end in (0..good.len()).step_by(97) {
        match error(&good[..end]) {
            PackageError::NotWasm | PackageError::Truncated(_) => {}
            // It ended between two sections, and what is left is a component without the rest.
            PackageError::NoManifest | PackageError::OtherWorld(_) | PackageError::Invalid(_) => {}
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
        let found = compat(bytes.clone(), &Contracts::default());
        let read = Package::read(bytes);
        prop_assert_eq!(found.refused.as_ref().map(ToString::to_string), read.as_ref().err().map(ToString::to_string));
        prop_assert!(found.refused.is_none() || !found.needs.is_empty(), "{}", found);
        if let Ok(package) = read {
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
