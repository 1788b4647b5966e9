//! Which guest a component is.
use schemars::JsonSchema;
use serde::Deserialize;

/// Written into each component by `cargo xtask plugins`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// A name of `list.rs`.
    pub guest: String,
}
