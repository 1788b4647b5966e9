//! `plugin.toml`, as it travels in a component: what a plugin says about itself and what it asks for. The SDK checks the
//! same rules when the plugin is built; a component may have been built by anything, so they are checked again here.
use crate::egress::Origin;
use serde::Deserialize;
use tributary_model::decision::{Action, Happening};
use tributary_model::message::{Attribute, Response};

/// Every service of the contract that a plugin can ask for.
pub const SERVICES: [&str; 11] =
    ["log", "config", "clock", "secrets", "state", "blobs", "http", "mail", "feed", "knowledge", "calendar"];

/// What an entry of `asks.egress` has to be.
const ORIGIN: &str = "an origin such as https://api.example:8443, without a path, or `{key}`";

/// What a plugin is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Exports `channel`.
    Channel,
    /// Exports `policy`, and perhaps `review`.
    Policy,
    /// Exports `review` alone.
    Review,
}

impl Kind {
    /// The word in `plugin.toml`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Channel => "channel",
            Self::Policy => "policy",
            Self::Review => "review",
        }
    }
}

/// What a plugin wants to touch.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Asks {
    /// Services, some of [`SERVICES`].
    pub services: Vec<String>,
    /// Names of secrets.
    pub secrets: Vec<String>,
    /// Origins for HTTP: scheme, host, port where it is not the scheme's own. `{key}` is the origin of the URL that the
    /// configuration has under this key.
    pub egress: Vec<String>,
    /// Words of actions that a policy may decide, some of [`Action::WORDS`].
    pub actions: Vec<String>,
}

/// What a channel's platform is answered where the plugin could not: `[hook]`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Hook {
    /// The body for a call that was kept aside, with status 200: what the platform takes for "it is yours now".
    pub parked_body: String,
    /// The body's media type.
    pub media_type: String,
}

impl Hook {
    /// The answer.
    pub fn parked_answer(&self) -> Response {
        let media_type = Attribute { name: "content-type".into(), value: self.media_type.clone() };
        Response { status: 200, headers: vec![media_type], body: self.parked_body.clone().into_bytes() }
    }
}

/// A plugin's `plugin.toml`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Manifest {
    /// 1 to 64 lower-case letters, digits and dashes.
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
    /// A policy whose failure is passed over; otherwise its happenings are parked.
    #[serde(default)]
    pub may_be_skipped: bool,
    /// Calls one instance may serve; 0: every call has a fresh one.
    #[serde(default)]
    pub reuse: u32,
    /// Policies: the happenings it is told of, some of [`Happening::WORDS`]; none named: every one. Who is told of
    /// `agent-closed` is told as well where a policy before it closes the conversation.
    #[serde(default)]
    pub happenings: Vec<String>,
    /// Channels: what a platform is answered where the plugin could not.
    #[serde(default)]
    pub hook: Option<Hook>,
    /// What it wants to touch.
    #[serde(default)]
    pub asks: Asks,
}

/// What is wrong with a `plugin.toml`.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Not UTF-8.
    #[error("not UTF-8")]
    Encoding,
    /// Not TOML of this shape: the parser's words.
    #[error("{0}")]
    Shape(String),
    /// A key has a value that means nothing.
    #[error("`{key}` is `{value}`, expected {expected}")]
    Value {
        /// The key, with dots between the levels.
        key: &'static str,
        /// The value found.
        value: String,
        /// What was expected.
        expected: String,
    },
}

impl Manifest {
    /// Reads and checks the bytes of a `plugin.toml`; the first fault is the error.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        let text = std::str::from_utf8(bytes).map_err(|_| ManifestError::Encoding)?;
        let manifest: Self = toml::from_str(text).map_err(|error| ManifestError::Shape(error.message().to_owned()))?;
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if manifest.name.is_empty() || manifest.name.len() > 64 || !manifest.name.bytes().all(plain) {
            return Err(fault("name", &manifest.name, "1 to 64 lower-case letters, digits and dashes"));
        }
        let numbers = manifest.version.split(['-', '+']).next().unwrap_or_default();
        if numbers.split('.').count() != 3 || numbers.split('.').any(|part| part.parse::<u32>().is_err()) {
            return Err(fault("version", &manifest.version, "a semantic version such as 0.1.0"));
        }
        // What an operator reads on a terminal shall not write to it.
        for (key, text) in
            [("version", &manifest.version), ("description", &manifest.description), ("licence", &manifest.licence)]
        {
            if text.chars().any(char::is_control) {
                return Err(fault(key, &text.escape_debug().to_string(), "one line without control characters"));
            }
        }
        let Asks { services, actions, egress, secrets } = &manifest.asks;
        if let Some(name) = secrets.iter().find(|name| name.is_empty() || name.chars().any(char::is_control)) {
            return Err(fault("asks.secrets", &name.escape_debug().to_string(), "the name of a secret"));
        }
        if let Some(service) = services.iter().find(|word| !SERVICES.contains(&word.as_str())) {
            return Err(fault("asks.services", service, format!("one of {}", SERVICES.join(", "))));
        }
        if let Some(action) = actions.iter().find(|word| !Action::WORDS.contains(&word.as_str())) {
            return Err(fault("asks.actions", action, format!("one of {}", Action::WORDS.join(", "))));
        }
        if let Some(word) = manifest.happenings.iter().find(|word| !Happening::WORDS.contains(&word.as_str())) {
            return Err(fault("happenings", word, format!("one of {}", Happening::WORDS.join(", "))));
        }
        for text in egress.iter().filter(|text| key_of(text).is_none()) {
            if let Err(why) = text.parse::<Origin>() {
                return Err(fault("asks.egress", &text.escape_debug().to_string(), format!("{ORIGIN}: {why}")));
            }
        }
        Ok(manifest)
    }
}

/// The key of the configuration that an entry of `asks.egress` names: `api` of `{api}`.
pub(crate) fn key_of(text: &str) -> Option<&str> {
    let key = text.strip_prefix('{')?.strip_suffix('}')?;
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (!key.is_empty() && key.bytes().all(plain)).then_some(key)
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
        let manifest = Manifest::parse(GOOD.as_bytes()).unwrap();
        assert!(!manifest.may_be_skipped);
        assert_eq!((manifest.reuse, manifest.asks), (0, Asks::default()));
    }

    #[test]
    fn each_fault_names_its_key() {
        let cases = [
            ("name", GOOD.replace("policy-x", "../x")),
            ("version", GOOD.replace("0.1.0", "1.x.0")),
            ("asks.services", format!("{GOOD}[asks]\nservices = ['socket']")),
            ("asks.actions", format!("{GOOD}[asks]\nactions = ['delete']")),
            ("asks.egress", format!("{GOOD}[asks]\negress = ['api.example']")),
            ("asks.egress", format!("{GOOD}[asks]\negress = ['https://*.example']")),
            ("asks.egress", format!("{GOOD}[asks]\negress = ['https://api.example/']")),
            ("asks.egress", format!("{GOOD}[asks]\negress = ['{{a/b}}']")),
            ("asks.egress", format!("{GOOD}[asks]\negress = ['https://api.example:0']")),
            ("asks.egress", format!("{GOOD}[asks]\negress = ['http://2130706433']")),
            ("asks.egress", format!("{GOOD}[asks]\negress = ['http://[::ffff:127.0.0.1]']")),
            ("asks.egress", format!("{GOOD}[asks]\negress = [\"https://a\\u001b.example\"]")),
            ("asks.secrets", format!("{GOOD}[asks]\nsecrets = ['']")),
            ("asks.secrets", format!("{GOOD}[asks]\nsecrets = [\"a\\u001b\"]")),
            ("description", format!("{GOOD}description = \"a\\u001b[2J\"")),
            ("version", GOOD.replace("'0.1.0'", "\"0.1.0-\\n\"")),
        ];
        for (key, text) in cases {
            let error = Manifest::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(&format!("`{key}`")), "{text}: {error}");
        }
        let unknown = format!("{GOOD}colour = 'red'");
        assert!(matches!(Manifest::parse(unknown.as_bytes()), Err(ManifestError::Shape(_))));
        assert!(matches!(Manifest::parse(&[0xff]), Err(ManifestError::Encoding)));
    }
}
