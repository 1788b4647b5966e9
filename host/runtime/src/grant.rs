//! What a plugin may touch: what it asks for in its `plugin.toml`, cut down to what the operator allows.
use crate::package::Package;
use std::sync::Arc;

/// What the operator allows. The default allows what costs nothing to allow (the services and actions a plugin asks for)
/// and neither a secret nor a host on the network.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Grants {
    /// Services, or none for all it asks for.
    pub services: Option<Vec<String>>,
    /// Names of secrets.
    pub secrets: Vec<String>,
    /// Origins for HTTP.
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
    /// Origins for HTTP.
    pub egress: Vec<String>,
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
    /// Cuts what a package asks for down to what is allowed.
    ///
    /// # Errors
    /// [`NotGranted`] for the first service that the component imports without having it: such a component would not
    /// link, and the operator shall read why.
    pub fn new(package: &Package, allowed: &Grants) -> Result<Self, NotGranted> {
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
            egress: both(&asks.egress, &allowed.egress),
            actions: actions.into(),
        })
    }
}
