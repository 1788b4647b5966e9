//! A plugin that carries its state over: what the host's call of it gives back.
use std::sync::OnceLock;

use tributary_sdk::bindings::migration::exports::tributary::plugin::migration::Guest as Export;
use tributary_sdk::prelude::*;
use tributary_sdk::testing::{FakeHost, with};
use tributary_sdk::{Exported, Guest};

/// Version 2: counts are JSON numbers under `total/`; version 1 kept them as text under the bare name.
struct Counter {
    most: u64,
}

#[derive(serde::Deserialize)]
struct Settings {
    most: u64,
}

impl Plugin for Counter {
    type Config = Settings;

    fn prepare(config: Settings) -> Result<Self, PrepareError> {
        Ok(Self { most: config.most })
    }
}

impl Migrate for Counter {
    fn migrate(&self, from: &str, entries: Vec<(String, Vec<u8>)>) -> Result<Vec<(String, Vec<u8>)>, MigrateError> {
        if !from.starts_with("1.") {
            return Err(MigrateError::new(format!("version {from} is not one I know")));
        }
        let carry = |(key, value): (String, Vec<u8>)| {
            let count: u64 = serde_json::from_slice(&value)?;
            Ok((format!("total/{key}"), count.min(self.most).to_string().into_bytes()))
        };
        entries.into_iter().map(carry).collect()
    }
}

impl Exported for Counter {
    const MANIFEST: &'static str = "";
    const CONFIG_SCHEMA: &'static str = "{}";
    const CONFIG_DEFAULT: &'static str = "most = 5";
    const CONFIG_DEFAULT_JSON: &'static str = r#"{ "most": 5 }"#;

    fn cell() -> &'static OnceLock<Self> {
        static CELL: OnceLock<Counter> = OnceLock::new();
        &CELL
    }
}

fn migrate(from: &str, entries: &[(&str, &str)]) -> Result<Vec<(String, Vec<u8>)>, String> {
    let entries = entries.iter().map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec())).collect();
    with(&FakeHost::new(), || <Guest<Counter> as Export>::migrate(from.to_owned(), entries))
}

#[test]
fn entries_are_carried_over_or_refused_in_the_plugins_words() {
    let carried = migrate("1.4.0", &[("a", "3"), ("b", "9")]);
    assert_eq!(carried, Ok(vec![("total/a".into(), b"3".to_vec()), ("total/b".into(), b"5".to_vec())]));
    assert_eq!(migrate("1.4.0", &[]), Ok(Vec::new()));
    assert_eq!(migrate("0.9.0", &[("a", "3")]), Err("version 0.9.0 is not one I know".into()));
    let broken = migrate("1.4.0", &[("a", "three")]).unwrap_err();
    assert!(broken.starts_with("an entry is not what the older version wrote"), "{broken}");
}
