//! For a plugin's `build.rs`: checks its `plugin.toml`, and puts its configuration's schema and defaults where the SDK's `export!` embeds them.
//!
//! ```text
//! #[path = "src/config.rs"]
//! #[allow(dead_code, reason = "only its shape counts here")]
//! mod config;
//! fn main() {
//!     tributary_sdk_build::schema::<config::Config>()
//! }
//! ```
pub mod manifest;
pub mod origin;

use std::error::Error;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Writes `config-schema.json` and `config-default.json` to `OUT_DIR`, from the configuration's type and from the crate's
/// `config.toml`.
///
/// Keys that `config.toml` sets are not required of an operator. Where it sets every required key, it must also be a
/// valid configuration: a plugin does not build with defaults that it would refuse.
///
/// # Panics
/// With what is wrong, which is how a build script fails.
pub fn schema<C: JsonSchema + DeserializeOwned>() {
    println!("cargo:rerun-if-changed=src/config.rs");
    println!("cargo:rerun-if-changed=config.toml");
    println!("cargo:rerun-if-changed=plugin.toml");
    let folder = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
    let out = PathBuf::from(variable("OUT_DIR"));
    let manifest = std::fs::read_to_string(folder.join("plugin.toml"))
        .unwrap_or_else(|error| panic!("plugin.toml, what the plugin is and asks for, must exist: {error}"));
    if let Err(error) = manifest::Manifest::parse(&manifest) {
        panic!("plugin.toml: {error}{}", error.source().map(|cause| format!(": {cause}")).unwrap_or_default());
    }
    let text = std::fs::read_to_string(folder.join("config.toml"))
        .unwrap_or_else(|error| panic!("config.toml, the defaults, must exist (it may be empty): {error}"));
    let (schema, defaults) = documents::<C>(&text).unwrap_or_else(|problem| panic!("config.toml: {problem}"));
    write(&out.join("config-schema.json"), &schema);
    write(&out.join("config-default.json"), &defaults);
}

/// The schema without what the defaults provide, and the defaults.
fn documents<C: JsonSchema + DeserializeOwned>(text: &str) -> Result<(Value, Value), Box<dyn Error>> {
    let defaults: Value = toml::from_str(text)?;
    let mut schema = schemars::schema_for!(C).to_value();
    let mut complete = true;
    if let Some(Value::Array(required)) = schema.get_mut("required") {
        required.retain(|key| key.as_str().is_none_or(|key| defaults.get(key).is_none()));
        complete = required.is_empty();
    }
    if complete {
        serde_json::from_value::<C>(defaults.clone())?;
    }
    Ok((schema, defaults))
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: call this from build.rs only"))
}

fn write(path: &Path, document: &Value) {
    std::fs::write(path, document.to_string()).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize, JsonSchema)]
    #[allow(dead_code, reason = "only its shape counts")]
    struct Config {
        address: String,
        limit: u32,
    }

    #[test]
    fn a_default_is_not_required_of_the_operator() {
        let (schema, defaults) = documents::<Config>("limit = 3").unwrap();
        assert_eq!(schema["required"], serde_json::json!(["address"]));
        assert_eq!(defaults, serde_json::json!({ "limit": 3 }));
    }

    #[test]
    fn defaults_that_do_not_fit_are_refused() {
        assert!(documents::<Config>("limit = 'three'\naddress = 'a'").is_err());
        assert!(documents::<Config>("limit = ").is_err());
    }
}
