//! What a plugin may touch: what it asks for in its `plugin.toml`, cut down to what the operator allows.
use crate::egress::Origin;
use crate::package::{Package, key_of};
use serde_json::Value;
use std::sync::Arc;

/// What the operator allows. The default allows what costs nothing to allow (the services and actions a plugin asks for)
/// and neither a secret nor a host on the network.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Grants {
    /// Services, or none for all it asks for.
    pub services: Option<Vec<String>>,
    /// Names of secrets.
    pub secrets: Vec<String>,
    /// Origins for HTTP, as an operator writes them; one that is none ([`Origin`]) allows nothing.
    pub egress: Vec<String>,
    /// Words of actions that a policy may decide, or none for all it asks for.
    pub actions: Option<Vec<String>>,
}

/// What a plugin may touch: asked ∩ allowed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Granted {
    /// Services.
    pub services: Vec<String>,
    /// Names of secrets.
    pub secrets: Vec<String>,
    /// Origins for HTTP, in the form in which they are compared.
    pub egress: Vec<Origin>,
    /// Words of actions.
    pub actions: Arc<[String]>,
}

/// A service that a component imports and may not use.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotGranted {
    /// The import is not in its own `plugin.toml`.
    #[error("it imports `{0}`, but its plugin.toml does not ask for it")]
    NotAsked(String),
    /// The operator does not allow it.
    #[error("it needs `{0}`, which is not allowed to it")]
    NotAllowed(String),
}

impl Granted {
    /// Cuts what a package asks for down to what is allowed. `config` is the whole configuration: an origin that is asked for
    /// as `{key}` is that of the URL which stands there.
    ///
    /// # Errors
    /// [`NotGranted`] for the first service that the component imports without having it: such a component would not
    /// link, and the operator shall read why.
    pub fn new(package: &Package, config: &Value, allowed: &Grants) -> Result<Self, NotGranted> {
        let asks = package.asks();
        let both = |asked: &[String], allowed: &[String]| -> Vec<String> {
            asked.iter().filter(|word| allowed.contains(word)).cloned().collect()
        };
        let services = allowed.services.as_ref().map_or_else(|| asks.services.clone(), |a| both(&asks.services, a));
        for service in package.services() {
            if !asks.services.iter().any(|asked| asked == service) {
                return Err(NotGranted::NotAsked(service.clone()));
            }
            if !services.contains(service) {
                return Err(NotGranted::NotAllowed(service.clone()));
            }
        }
        let actions = allowed.actions.as_ref().map_or_else(|| asks.actions.clone(), |a| both(&asks.actions, a));
        Ok(Self {
            services,
            secrets: both(&asks.secrets, &allowed.secrets),
            egress: origins(&meant(&asks.egress, config), &allowed.egress),
            actions: actions.into(),
        })
    }
}

impl Granted {
    /// Whether an operator who allows this allows all of it.
    pub fn is_within(&self, allowed: &Grants) -> bool {
        let all = |words: &[String], allowed: &[String]| words.iter().all(|word| allowed.contains(word));
        let all_of = |words: &[String], allowed: &Option<Vec<String>>| allowed.as_ref().is_none_or(|a| all(words, a));
        let origins: Vec<Origin> = allowed.egress.iter().filter_map(|text| text.parse().ok()).collect();
        all_of(&self.services, &allowed.services)
            && all(&self.secrets, &allowed.secrets)
            && self.egress.iter().all(|origin| origins.contains(origin))
            && all_of(&self.actions, &allowed.actions)
    }
}

/// What is asked for, with the configuration's URLs in the place of their keys. A key that has none asks for nothing.
fn meant(asked: &[String], config: &Value) -> Vec<String> {
    let of_key = |key: &str| {
        let url = config.get(key)?.as_str()?;
        let after = url.find("://")? + 3;
        let end = url[after..].find(['/', '?', '#']).map_or(url.len(), |at| after + at);
        Some(url[..end].to_owned())
    };
    asked.iter().filter_map(|text| key_of(text).map_or_else(|| Some(text.clone()), of_key)).collect()
}

/// Asked ∩ allowed of origins: two spellings of one origin are the same.
fn origins(asked: &[String], allowed: &[String]) -> Vec<Origin> {
    let read = |texts: &[String]| -> Vec<Origin> { texts.iter().filter_map(|text| text.parse().ok()).collect() };
    let (mut asked, allowed) = (read(asked), read(allowed));
    asked.retain(|origin| allowed.contains(origin));
    asked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_operator_takes_back_is_noticed_in_every_kind() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let granted = Granted {
            services: words(&["config", "http"]),
            secrets: words(&["key"]),
            egress: vec!["https://api.example".parse().unwrap()],
            actions: words(&["note"]).into(),
        };
        let same = Grants {
            services: None,
            secrets: words(&["key", "other"]),
            egress: words(&["https://API.example:443"]),
            actions: Some(words(&["note", "close"])),
        };
        assert!(granted.is_within(&same));
        for (what, less) in [
            ("a service", Grants { services: Some(words(&["config"])), ..same.clone() }),
            ("a secret", Grants { secrets: words(&["other"]), ..same.clone() }),
            ("an origin", Grants { egress: words(&["http://api.example"]), ..same.clone() }),
            ("an action", Grants { actions: Some(words(&["close"])), ..same.clone() }),
        ] {
            assert!(!granted.is_within(&less), "{what}");
        }
    }

    #[test]
    fn an_origin_of_the_configuration_is_that_of_its_url() {
        let config = serde_json::json!({ "api": "https://api.example:8443/v1?x", "n": 3, "bad": "api.example" });
        let asked = ["{api}", "{n}", "{bad}", "{gone}", "https://b.example"].map(str::to_owned);
        assert_eq!(meant(&asked, &config), ["https://api.example:8443", "https://b.example"]);
    }

    #[test]
    fn origins_are_compared_by_what_they_mean() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let asked = texts(&["https://API.example", "https://b.example:443", "http://c.example", "http://2130706433"]);
        let allowed = texts(&["https://api.example.", "https://b.example", "https://c.example", "http://2130706433"]);
        let granted: Vec<String> = origins(&asked, &allowed).iter().map(Origin::to_string).collect();
        assert_eq!(granted, ["https://api.example", "https://b.example"]);
        assert_eq!(origins(&asked, &[]), []);
        assert_eq!(origins(&[], &allowed), []);
    }
}
