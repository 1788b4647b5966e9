//! Any bytes as a component. An input that does not begin as WebAssembly does is a plugin's manifest, schema, defaults and
//! an operator's configuration, between lines of `%%`; a component is built around them.
#![no_main]
use libfuzzer_sys::fuzz_target;
use tributary_fuzz::parts;
use tributary_runtime::package::{Manifest, Package, PackageError};

fuzz_target!(|data: &[u8]| {
    if data.starts_with(b"\0asm") {
        let _ = read(data);
        return;
    }
    let [manifest, schema, defaults, overrides] = parts(data);
    let component = component(manifest, schema, defaults);
    let package = match read(&component) {
        Ok(package) => package,
        Err(
            PackageError::Manifest(_)
            | PackageError::Config { .. }
            | PackageError::Exports { .. }
            | PackageError::Section { .. },
        ) => return,
        Err(other) => panic!("the component around them is valid: {other}"),
    };
    assert_eq!(package.manifest(), &Manifest::parse(manifest).expect("it was read before"));
    let overrides = std::str::from_utf8(overrides).ok().and_then(|text| text.parse::<toml::Table>().ok());
    if let Ok(config) = package.effective_config(&overrides.unwrap_or_default()) {
        assert!(config.is_object());
        assert_eq!(package.check_config(&config), Ok(()));
    }
});

fn read(bytes: &[u8]) -> Result<Package, PackageError> {
    let package = Package::read(bytes);
    match &package {
        Ok(package) => {
            assert_eq!(package.bytes()[..], *bytes);
            assert_eq!(package.digest().len(), 64);
            assert!(!package.name().as_str().is_empty() && package.exports().len() >= 2);
        }
        // Its words are for an operator.
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    package
}

/// A component that exports all a plugin could, as empty instances, and carries these sections.
fn component(manifest: &[u8], schema: &[u8], defaults: &[u8]) -> Vec<u8> {
    let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
    let custom = |name: &str, data: &[u8]| [&[name.len() as u8][..], name.as_bytes(), data].concat();
    section(&mut bytes, 0, &custom("tributary:plugin", manifest));
    if !schema.is_empty() {
        section(&mut bytes, 0, &custom("tributary:config-schema", schema));
    }
    section(&mut bytes, 0, &custom("tributary:config-default", defaults));
    // One instance, made of no exports at all.
    section(&mut bytes, 5, &[1, 1, 0]);
    let names = ["lifecycle", "channel", "policy", "review"].map(|name| format!("tributary:plugin/{name}@0.1.0"));
    let mut exports = vec![names.len() as u8];
    for name in &names {
        exports.extend([0, name.len() as u8]);
        exports.extend(name.bytes());
        // Of the sort instance, the first one, without a type.
        exports.extend([5, 0, 0]);
    }
    section(&mut bytes, 11, &exports);
    bytes
}

fn section(bytes: &mut Vec<u8>, id: u8, data: &[u8]) {
    bytes.push(id);
    let mut length = data.len();
    while length >= 0x80 {
        bytes.push(length as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    bytes.extend_from_slice(data);
}
