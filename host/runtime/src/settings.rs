//! What a plugin is loaded with.
use crate::call::Budgets;
use crate::grant::Grants;
use serde_json::Value;
use tributary_model::{ChannelName, GenerationId};

/// What a plugin is loaded with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The whole configuration, defaults included: what [`crate::Package::effective_config`] returns. `Null` stands for
    /// the component's defaults.
    pub config: Value,
    /// What the operator allows.
    pub grants: Grants,
    /// The channel it is bound to; none for a policy.
    pub channel: Option<ChannelName>,
    /// Its row in the store; 0 outside one.
    pub generation: GenerationId,
    /// What a call may use up.
    pub budgets: Budgets,
    /// Calls one instance may serve. None: what its `plugin.toml` says. `Some(0)`: a fresh instance for each call.
    pub reuse: Option<u32>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            config: Value::Null,
            grants: Grants::default(),
            channel: None,
            generation: GenerationId(0),
            budgets: Budgets::default(),
            reuse: None,
        }
    }
}
