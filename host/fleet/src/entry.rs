//! What the operator's configuration says of plugins: which places there are, what fills them, and how a new generation is
//! put in use.
use crate::oci::OciConfig;
use std::path::PathBuf;
use tributary_model::identity::Verifies;
use tributary_model::{Place, PluginName};
use tributary_pipeline::{AddressPattern, BreakerLimits};
use tributary_runtime::{Budgets, Grants};

/// One place, as the configuration declares it.
#[derive(Clone, Debug, PartialEq)]
pub struct PlaceEntry {
    /// The place.
    pub place: Place,
    /// The plugin that fills it: the file `NAME.wasm` in the folder of plugins.
    pub plugin: PluginName,
    /// Its configuration, over the component's defaults.
    pub config: toml::Table,
    /// Where that was written: for faults that are found later.
    pub origin: String,
    /// What it may touch.
    pub grants: Grants,
    /// Whose mail a channel takes; empty for a policy.
    pub addresses: Vec<AddressPattern>,
    /// Which kinds of handle a channel may prove.
    pub verifies: Verifies,
    /// How a new generation is put in use here, where it is not as everywhere.
    pub rollout: Option<Rollout>,
}

/// Of a hundred conversations, those that a canary acts for where nobody says otherwise.
pub const DEFAULT_SHARE: u8 = 10;

/// How a new generation is put in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rollout {
    /// It acts at once, while the one before stands by until it has proved itself.
    AtOnce,
    /// It is asked beside the live one, and nothing it says is done, until it has proved itself.
    Shadow,
    /// It acts for so many of a hundred conversations until it has proved itself.
    Canary(u8),
}

/// How trials are judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrialLimits {
    /// Conversations a shadow or a canary has to see. Default 200.
    pub enough: u32,
    /// Calls that one put in use at once has to serve while the one before stands by. Default 500.
    pub guard: u32,
    /// Failed calls, in per cent of `enough`. Default 1.
    pub errors: f64,
    /// Calls that used up a budget, in per cent. Default 1.
    pub breaches: f64,
    /// Conversations decided differently from the live one, in per cent. Default 1.
    pub differences: f64,
    /// How many times the live one's guest time it may take. Default 2.
    pub slower: f64,
    /// After a shadow that proved itself: put in use by itself. Otherwise it stays a shadow until somebody promotes it.
    pub promote: bool,
}

impl Default for TrialLimits {
    fn default() -> Self {
        Self { enough: 200, guard: 500, errors: 1.0, breaches: 1.0, differences: 1.0, slower: 2.0, promote: true }
    }
}

/// Whom the operator trusts.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct TrustConfig {
    /// Plugins need no signature.
    pub development: bool,
    /// minisign public keys, base64, with the operator's names for them.
    pub signers: Vec<(String, String)>,
}

/// How the fleet runs.
#[derive(Clone, Debug)]
pub struct FleetConfig {
    /// The folder that is watched: `NAME.wasm`, with `NAME.wasm.minisig` beside it.
    pub plugins: PathBuf,
    /// Packages that were taken, by digest: what acts does not depend on what lies in the watched folder.
    pub packages: PathBuf,
    /// `tributary.lock`.
    pub lock: PathBuf,
    /// Take what is put into the folder by itself; otherwise only at a command.
    pub watch: bool,
    /// Whom we trust.
    pub trust: TrustConfig,
    /// How registries are asked.
    pub oci: OciConfig,
    /// How a new generation is put in use, where its place does not say.
    pub rollout: Rollout,
    /// How trials are judged.
    pub trial: TrialLimits,
    /// When breakers open.
    pub breaker: BreakerLimits,
    /// What a call may use up.
    pub budgets: Budgets,
    /// Calls that one instance of a policy may serve; 0: as many as its `plugin.toml` asks for, which is mostly one.
    pub policy_reuse: u32,
    /// Generations of a place that stay compiled beside the live one, for the way back. Default 2.
    pub keep: usize,
}
