//! The configuration a component carries: its schema, its defaults, and what an operator may make of them.
use super::PackageError;
use jsonschema::Validator;
use serde_json::{Map, Value};

/// One fault of a configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfigFault {
    /// JSON pointer (RFC 6901) to the value at fault; empty for the whole.
    pub path: String,
    /// What is wrong, with what was expected.
    pub what: String,
}

/// Everything that is wrong with a configuration.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the configuration has {} fault(s): {}", .0.len(), list(.0))]
pub struct ConfigFaults(pub Vec<ConfigFault>);

fn list(faults: &[ConfigFault]) -> String {
    let one = |fault: &ConfigFault| match fault.path.as_str() {
        "" => fault.what.clone(),
        path => format!("{path}: {}", fault.what),
    };
    faults.iter().map(one).collect::<Vec<_>>().join("; ")
}

/// Schema and defaults.
#[derive(Debug)]
pub(super) struct Config {
    pub schema: Option<Value>,
    pub default_text: String,
    default: Map<String, Value>,
    validator: Option<Validator>,
}

impl Config {
    /// From the component's sections.
    pub fn new(schema: Option<&[u8]>, default: Option<&[u8]>) -> Result<Self, PackageError> {
        let wrong = |what: &'static str| move |why: String| PackageError::Config { what, why };
        let schema: Option<Value> = schema
            .map(serde_json::from_slice)
            .transpose()
            .map_err(|error| wrong("config schema")(error.to_string()))?;
        let validator = schema
            .as_ref()
            .map(jsonschema::validator_for)
            .transpose()
            .map_err(|error| wrong("config schema")(error.to_string()))?;
        let default_text = std::str::from_utf8(default.unwrap_or_default())
            .map_err(|_| wrong("default configuration")("not UTF-8".into()))?
            .to_owned();
        let table: toml::Table = toml::from_str(&default_text)
            .map_err(|error| wrong("default configuration")(error.message().to_owned()))?;
        Ok(Self { schema, default_text, default: json(&table), validator })
    }

    /// The defaults with an operator's keys over them.
    pub fn effective(&self, overrides: &toml::Table) -> Result<Value, ConfigFaults> {
        let mut config = self.default.clone();
        config.extend(json(overrides));
        let config = Value::Object(config);
        self.check(&config)?;
        Ok(config)
    }

    /// Checks a whole configuration.
    pub fn check(&self, config: &Value) -> Result<(), ConfigFaults> {
        let faults: Vec<ConfigFault> = match &self.validator {
            Some(validator) => validator
                .iter_errors(config)
                .map(|error| ConfigFault { path: error.instance_path().to_string(), what: error.to_string() })
                .collect(),
            None if config.is_object() => Vec::new(),
            None => vec![ConfigFault { path: String::new(), what: "it must be an object".into() }],
        };
        if faults.is_empty() { Ok(()) } else { Err(ConfigFaults(faults)) }
    }
}

fn json(table: &toml::Table) -> Map<String, Value> {
    table.iter().map(|(key, value)| (key.clone(), json_value(value))).collect()
}

/// TOML's dates become text (RFC 3339), and its numbers that JSON does not have become null, which no schema wants.
fn json_value(value: &toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::String(text.clone()),
        toml::Value::Integer(number) => Value::from(*number),
        toml::Value::Float(number) => Value::from(*number),
        toml::Value::Boolean(flag) => Value::Bool(*flag),
        toml::Value::Datetime(moment) => Value::String(moment.to_string()),
        toml::Value::Array(items) => items.iter().map(json_value).collect(),
        toml::Value::Table(table) => Value::Object(json(table)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SCHEMA: &str = r#"{"type":"object","additionalProperties":false,"required":["address"],"properties":{
        "address":{"type":"string"},"limit":{"type":"integer","maximum":5},
        "teams":{"type":"object","additionalProperties":{"type":"string"}}}}"#;

    fn config(default: &str) -> Config {
        Config::new(Some(SCHEMA.as_bytes()), Some(default.as_bytes())).unwrap()
    }

    #[test]
    fn an_operators_key_replaces_the_default_as_a_whole() {
        let config = config("limit = 3\naddress = 'a'\n[teams]\nx = 'y'\n");
        let mine: toml::Table = toml::from_str("address = 'b'\n[teams]\nz = 'w'").unwrap();
        assert_eq!(config.effective(&mine).unwrap(), json!({ "limit": 3, "address": "b", "teams": { "z": "w" } }));
    }

    #[test]
    fn every_fault_is_told_with_its_place() {
        let mine: toml::Table = toml::from_str("limit = 9\ncolour = 'red'\n[teams]\n'a/b' = 3").unwrap();
        let faults = config("").effective(&mine).unwrap_err().0;
        let mut paths: Vec<&str> = faults.iter().map(|fault| fault.path.as_str()).collect();
        paths.sort_unstable();
        assert_eq!(paths, ["", "", "/limit", "/teams/a~1b"], "{faults:?}");
        assert!(faults.iter().any(|fault| fault.what.contains("colour")), "{faults:?}");
        assert!(faults.iter().any(|fault| fault.what.contains("address")), "{faults:?}");
    }

    #[test]
    fn a_component_with_a_broken_schema_or_default_is_refused() {
        for (schema, default) in
            [(&b"{"[..], &b""[..]), (br#"{"type":"nothing"}"#, b""), (b"{}", b"a = "), (b"{}", b"\xff")]
        {
            assert!(matches!(Config::new(Some(schema), Some(default)), Err(PackageError::Config { .. })));
        }
    }
}
