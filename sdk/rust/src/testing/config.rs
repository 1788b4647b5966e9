//! What operators write: the example they paste, and the values that cannot work.
use std::path::Path;

use serde_json::{Value, json};

use super::{CaseError, FakeHost, prepare, with};
use crate::{Channel, Exported};

/// Check the channel in an adapter's `example.toml`, which operators paste: the plugin prepares with it, and it grants
/// what `plugin.toml` asks for, of the secrets all but those that few need (`without`), and of the hosts that
/// are keys of the configuration the ones that stand there. The result is its configuration.
///
/// # Errors
/// [`CaseError`] with everything that is wrong with it.
pub fn check_example<P: Exported + Channel>(example: &str, without: &[&str]) -> Result<Value, CaseError> {
    let read =
        |file: &str, text: &str| toml::from_str::<Value>(text).map_err(|error| CaseError::one(Path::new(file), error));
    let (example, manifest) = (read("example.toml", example)?, read("plugin.toml", P::MANIFEST)?);
    let defaults = read("config.toml", P::CONFIG_DEFAULT)?;
    let channel = &example["channel"][0];
    let config = channel["config"].clone();
    let asked = |what: &str| {
        let asked = manifest["asks"][what].as_array().map_or(&[][..], Vec::as_slice);
        asked.iter().filter_map(Value::as_str).collect::<Vec<_>>()
    };
    let secrets: Vec<&str> = asked("secrets").into_iter().filter(|secret| !without.contains(secret)).collect();
    let origin = |asked: &str| match asked.strip_prefix('{').and_then(|asked| asked.strip_suffix('}')) {
        Some(key) => config.get(key).unwrap_or(&defaults[key]).clone(),
        None => json!(asked),
    };
    let egress: Vec<Value> = asked("egress").into_iter().map(origin).collect();
    let granted = |what: &str| channel["grants"].get(what).cloned().unwrap_or_else(|| json!([]));
    let agree = [
        ("plugin", channel["plugin"].clone(), manifest["name"].clone()),
        ("grants.secrets", granted("secrets"), json!(secrets)),
        ("grants.egress", granted("egress"), json!(egress)),
    ];
    let others = agree.into_iter().filter(|(_, found, wanted)| found != wanted);
    let mut problems: Vec<String> =
        others.map(|(key, found, wanted)| format!("example.toml: `{key}` is {found}, expected {wanted}")).collect();
    let prepared = with(&FakeHost::new(), || prepare::<P>(config.clone()));
    problems.extend(prepared.err().map(|error| format!("example.toml: {error}")));
    if problems.is_empty() { Ok(config) } else { Err(CaseError(problems)) }
}

/// Check that a plugin refuses its configuration once these keys stand in it, in words that contain the ones beside them:
/// the key that is at fault. Without the keys it prepares.
///
/// # Errors
/// [`CaseError`] with every configuration that prepares, or is refused in other words.
pub fn check_refusals<P: Exported>(right: &Value, wrong: &[(Value, &str)]) -> Result<(), CaseError> {
    let refusal = |config| with(&FakeHost::new(), || prepare::<P>(config)).err().map(|error| error.to_string());
    let mut problems: Vec<String> = refusal(right.clone()).map(|why| format!("{right}: {why}")).into_iter().collect();
    for (keys, words) in wrong {
        let mut config = right.clone();
        if let (Value::Object(config), Value::Object(keys)) = (&mut config, keys) {
            config.extend(keys.clone());
        }
        let refused = refusal(config);
        if !refused.as_ref().is_some_and(|why| why.contains(words)) {
            problems.push(format!("{keys}: {refused:?}, expected a refusal with {words:?}"));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(CaseError(problems)) }
}
