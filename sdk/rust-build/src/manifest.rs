//! `plugin.toml`: what a plugin says about itself. It travels in the component as the custom section `tributary:plugin`.
//!
//! ```toml
//! name = "policy-triage"            # lower-case letters, digits and dashes; also the component's file name
//! version = "0.1.0"
//! kind = "policy"                   # channel, policy or review
//! description = "Grades by words"
//! licence = "Apache-2.0"
//! may-be-skipped = true             # policies: events pass on while it is broken; absent: they are parked
//! reuse = 0                         # calls one instance may serve; 0 or absent: a fresh instance for each call
//! happenings = ["message"]          # policies: what it is told of; absent: everything. With `agent-closed` also where a
//!                                   # policy before it closes the conversation
//!
//! [hook]                            # channels, may be left out: what a platform is answered for a call that was kept aside
//! parked-body = "success"           # because the plugin failed on it; otherwise an empty body
//! media-type = "text/plain"
//!
//! [asks]                            # granted is what is asked for and allowed by the operator
//! services = ["log", "config"]      # interfaces of the contract
//! secrets = ["api-key"]             # by name
//! egress = ["https://api.example", "{api}"]  # origins: scheme, host, port where it is not the scheme's own; `{key}`: the
//!                                   # origin of the URL that the operator's configuration has under this key
//! actions = ["set-grade"]           # what a policy's decisions may be, by the contract's words
//! ```
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::origin::is_origin;

/// A plugin's `plugin.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Manifest {
    /// Lower-case letters, digits and dashes; also the component's file name.
    pub name: String,
    /// Semantic version.
    pub version: String,
    /// What it is for.
    pub kind: Kind,
    /// One sentence for the operator.
    #[serde(default)]
    pub description: String,
    /// SPDX expression.
    #[serde(default)]
    pub licence: String,
    /// Policies and reviews: happenings pass on while the plugin is broken. False: they are parked.
    #[serde(default)]
    pub may_be_skipped: bool,
    /// Calls one instance may serve before it is thrown away; 0: every call has a fresh one.
    #[serde(default)]
    pub reuse: u32,
    /// Channels: what a platform is answered where the plugin could not.
    #[serde(default)]
    pub hook: Option<Hook>,
    /// Policies: the happenings it is told of; see [`HAPPENINGS`]. None named: every one.
    #[serde(default)]
    pub happenings: Vec<String>,
    /// What it wants to touch.
    #[serde(default)]
    pub asks: Asks,
}

/// What a channel's platform is answered where the plugin could not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Hook {
    /// The body for a call that was kept aside, with status 200: what the platform takes for "it is yours now".
    pub parked_body: String,
    /// The body's media type.
    pub media_type: String,
}

/// What a plugin is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Exports `channel`.
    Channel,
    /// Exports `policy`, and perhaps `review`.
    Policy,
    /// Exports `review` alone.
    Review,
}

/// What a plugin wants to touch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Asks {
    /// Service interfaces of the contract; see [`SERVICES`].
    pub services: Vec<String>,
    /// Names of secrets.
    pub secrets: Vec<String>,
    /// Origins for HTTP.
    pub egress: Vec<String>,
    /// Actions a policy may decide; see [`ACTIONS`].
    pub actions: Vec<String>,
}

/// Every service interface of the contract.
pub const SERVICES: &[&str] =
    &["log", "config", "clock", "secrets", "state", "blobs", "http", "mail", "feed", "knowledge", "calendar"];

/// Every happening of the contract.
pub const HAPPENINGS: &[&str] = &[
    "message",
    "order",
    "clock-warning",
    "clock-breached",
    "timer",
    "agent-replied",
    "agent-closed",
    "agent-claimed",
    "agent-noted",
    "operation-settled",
];

/// Every action of the contract.
pub const ACTIONS: &[&str] = &[
    "set-grade",
    "set-category",
    "add-tag",
    "remove-tag",
    "set-attribute",
    "route",
    "start-clock",
    "stop-clock",
    "set-timer",
    "cancel-timer",
    "escalate",
    "reply",
    "note",
    "notify",
    "ask-evidence",
    "perform",
    "survey",
    "draft",
    "hand-to-human",
    "snooze",
    "close",
];

/// What is wrong with a `plugin.toml`.
#[derive(Debug)]
pub enum ManifestError {
    /// Not TOML of this shape: the parser's words.
    Shape(toml::de::Error),
    /// A key has a value that means nothing: the key, the value, and what was expected.
    Value {
        /// The key, with dots between the levels.
        key: &'static str,
        /// The value found.
        value: String,
        /// What was expected.
        expected: String,
    },
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape(_) => f.write_str("not the shape of a plugin.toml"),
            Self::Value { key, value, expected } => write!(f, "`{key}` is `{value}`, expected {expected}"),
        }
    }
}

impl std::error::Error for ManifestError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Shape(error) => Some(error),
            Self::Value { .. } => None,
        }
    }
}

impl Manifest {
    /// Read and check the text of a `plugin.toml`.
    ///
    /// # Errors
    /// [`ManifestError`], with the first fault found.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let manifest: Self = toml::from_str(text).map_err(ManifestError::Shape)?;
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), ManifestError> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if self.name.is_empty() || self.name.len() > 64 || !self.name.bytes().all(plain) {
            return Err(fault("name", &self.name, "1 to 64 lower-case letters, digits and dashes"));
        }
        let parts: Vec<&str> = self.version.split(['-', '+']).next().unwrap_or_default().split('.').collect();
        if parts.len() != 3 || parts.iter().any(|part| part.parse::<u32>().is_err()) {
            return Err(fault("version", &self.version, "a semantic version such as 0.1.0"));
        }
        for (key, values, known) in [
            ("happenings", &self.happenings, HAPPENINGS),
            ("asks.services", &self.asks.services, SERVICES),
            ("asks.actions", &self.asks.actions, ACTIONS),
        ] {
            if let Some(value) = values.iter().find(|value| !known.contains(&value.as_str())) {
                return Err(fault(key, value, format!("one of {}", known.join(", "))));
            }
        }
        if let Some(value) = self.asks.egress.iter().find(|value| !is_key(value) && !is_origin(value)) {
            return Err(fault(
                "asks.egress",
                value,
                "an origin such as https://api.example:8443, without a path, or `{key}`",
            ));
        }
        Ok(())
    }
}

/// Whether an entry of `asks.egress` names a key of the configuration: `{api-url}`.
fn is_key(value: &str) -> bool {
    let key = value.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    key.is_some_and(|key| !key.is_empty() && key.bytes().all(plain))
}

fn fault(key: &'static str, value: &str, expected: impl Into<String>) -> ManifestError {
    ManifestError::Value { key, value: value.into(), expected: expected.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "name = 'policy-x'\nversion = '0.1.0'\nkind = 'policy'\n";

    #[test]
    fn what_is_left_out_is_the_closed_choice() {
        let manifest = Manifest::parse(GOOD).unwrap();
        assert!(!manifest.may_be_skipped);
        assert_eq!(manifest.reuse, 0);
        assert_eq!(manifest.asks, Asks::default());
    }

    #[test]
    fn each_fault_names_its_key() {
        let cases = [
            ("name", GOOD.replace("policy-x", "Policy X")),
            ("version", GOOD.replace("0.1.0", "1")),
            ("happenings", format!("{GOOD}happenings = ['mail']")),
            ("asks.services", format!("{GOOD}[asks]\nservices = ['socket']")),
            ("asks.actions", format!("{GOOD}[asks]\nactions = ['delete']")),
            ("asks.egress", format!("{GOOD}[asks]\negress = ['api.example']")),
            ("asks.egress", format!("{GOOD}[asks]\negress = ['https://*.example']")),
            ("asks.egress", format!("{GOOD}[asks]\negress = ['http://127.1']")),
            ("asks.egress", format!("{GOOD}[asks]\negress = ['{{a.b}}']")),
        ];
        for (key, text) in cases {
            let error = Manifest::parse(&text).unwrap_err().to_string();
            assert!(error.contains(&format!("`{key}`")), "{text}: {error}");
        }
        assert!(matches!(Manifest::parse(&format!("{GOOD}colour = 'red'")), Err(ManifestError::Shape(_))));
    }
}
