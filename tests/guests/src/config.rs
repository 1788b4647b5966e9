//! Which guest a component is.
use schemars::JsonSchema;
use serde::Deserialize;

/// Written into each component by `cargo xtask plugins`. Other keys are passed over: a guest also stands in for a plugin, and is given that plugin's configuration.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Config {
    /// A name of `list.rs`.
    pub guest: String,
}
