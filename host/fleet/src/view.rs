//! What an operator sees, and what an operator asks for. These are the JSON of the API.
use crate::entry::Rollout;
use serde::Serialize;
use tributary_model::Place;

/// A place with what acts in it.
#[derive(Clone, Debug, Serialize)]
pub struct PlaceView {
    /// `channel/email`, `policy/policy-triage`.
    pub place: String,
    /// The plugin the configuration puts there.
    pub plugin: String,
    /// False: an operator took the place out of use.
    pub enabled: bool,
    /// What acts; none where nothing ever did.
    pub live: Option<GenerationView>,
    /// What is tried beside it.
    pub trial: Option<TrialView>,
    /// Versions that are compiled and can act again at once, the newest first.
    pub standing_by: Vec<GenerationView>,
    /// Its breaker.
    pub breaker: BreakerView,
    /// How much is kept aside.
    pub parked: u64,
    /// The newest that was refused since the live one went live: version and reason.
    pub refused: Option<RefusedView>,
}

/// One generation.
#[derive(Clone, Debug, Serialize)]
pub struct GenerationView {
    /// Its number.
    pub generation: i64,
    /// Its plugin.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of its package in hex.
    pub digest: String,
    /// The version of the contract it was built for.
    pub contract: String,
    /// Who signed it.
    pub signer: Option<String>,
    /// Where it stands: a word of `model::life`.
    pub state: &'static str,
    /// Why.
    pub why: Option<String>,
    /// Since when, in milliseconds since the epoch.
    pub since: u64,
    /// What its calls cost since it was loaded; none where it is not loaded.
    pub sight: Option<SightView>,
}

/// What the calls of a generation cost. Times in microseconds.
#[derive(Clone, Debug, Serialize)]
pub struct SightView {
    /// Calls, of all exports.
    pub calls: u64,
    /// Half of the calls took at most this inside the guest.
    pub guest_p50_us: f64,
    /// 99 of 100 calls.
    pub guest_p99_us: f64,
    /// The same from start to end.
    pub wall_p50_us: f64,
    /// The same from start to end.
    pub wall_p99_us: f64,
    /// Inside the guest, all calls together.
    pub guest_total_us: u64,
    /// Waiting for the host, all calls together.
    pub host_total_us: u64,
    /// The most memory an instance had, in bytes.
    pub memory_high: u64,
    /// Failed calls by who was to blame.
    pub faults: FaultsView,
    /// The newest failure: when, and its words.
    pub last_fault: Option<(u64, String)>,
}

/// Failed calls by who was to blame.
#[derive(Clone, Debug, Default, Serialize)]
pub struct FaultsView {
    /// The plugin's own answer.
    pub guest: u64,
    /// Its code.
    pub trap: u64,
    /// Its appetite.
    pub budget: u64,
    /// Us.
    pub host: u64,
}

/// A trial.
#[derive(Clone, Debug, Serialize)]
pub struct TrialView {
    /// What is tried.
    pub generation: GenerationView,
    /// `shadow`, `canary` or `guard` (put in use at once, the one before stands by).
    pub mode: &'static str,
    /// For how many of a hundred conversations it acts.
    pub share: u8,
    /// Calls of the tried one.
    pub calls: u64,
    /// Failed ones among them.
    pub faults: u64,
    /// Conversations it saw.
    pub conversations: u64,
    /// Conversations it decided differently.
    pub different: u64,
    /// What it needs to see.
    pub enough: u64,
    /// How it stands, in one sentence.
    pub verdict: String,
}

/// A breaker.
#[derive(Clone, Debug, Serialize)]
pub struct BreakerView {
    /// `closed`, `open`, `half-open`, `draining`, `evicted`, `disabled`.
    pub state: &'static str,
    /// Since when, in milliseconds since the epoch.
    pub since: u64,
    /// When the next probe is let through.
    pub next_probe: Option<u64>,
    /// Failed probes in a row.
    pub strikes: u32,
    /// The last failure: when, and its words.
    pub last_fault: Option<(u64, String)>,
}

/// Something that was refused.
#[derive(Clone, Debug, Serialize)]
pub struct RefusedView {
    /// The file or the version.
    pub what: String,
    /// Why, and what to do.
    pub why: String,
    /// When, in milliseconds since the epoch.
    pub at: u64,
}

/// A place with its past.
#[derive(Clone, Debug, Serialize)]
pub struct PlaceDetail {
    /// The place now.
    #[serde(flatten)]
    pub now: PlaceView,
    /// Its generations, the newest first.
    pub generations: Vec<GenerationView>,
    /// What the live one may touch.
    pub grants: serde_json::Value,
    /// The live one's configuration.
    pub config: serde_json::Value,
}

/// One answer that differs.
#[derive(Clone, Debug, Serialize)]
pub struct DifferenceView {
    /// Its id.
    pub id: i64,
    /// The tried generation.
    pub tried: i64,
    /// The one it is tried against.
    pub against: i64,
    /// The conversation's tag.
    pub conversation: Option<String>,
    /// What both were asked.
    pub about: String,
    /// What the one said.
    pub before: String,
    /// What the tried one said.
    pub after: String,
    /// When, in milliseconds since the epoch.
    pub at: u64,
}

/// How to install.
#[derive(Clone, Debug, Default)]
pub struct InstallOptions {
    /// How it is put in use; none: as the configuration says.
    pub rollout: Option<Rollout>,
    /// Only in these places; empty: in all that its plugin fills.
    pub places: Vec<Place>,
    /// It may have what it asks for beyond what the lock grants, as far as the configuration allows it.
    pub accept_grants: bool,
    /// It may be older than what the lock names.
    pub allow_downgrade: bool,
    /// It may be signed by another trusted signer than what the lock names.
    pub accept_signer: bool,
}

/// What an install did.
#[derive(Clone, Debug, Serialize)]
pub struct Installed {
    /// The plugin.
    pub plugin: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of its package in hex.
    pub digest: String,
    /// Who signed it.
    pub signer: Option<String>,
    /// What happened in each place; empty where the configuration names none for it.
    pub places: Vec<PlaceOutcome>,
}

/// What an install, a rollback or a promotion did in a place.
#[derive(Clone, Debug, Serialize)]
pub struct PlaceOutcome {
    /// The place.
    pub place: String,
    /// The generation that was made or moved.
    pub generation: i64,
    /// Its version.
    pub version: String,
    /// Where it stands now.
    pub state: &'static str,
    /// The generation that acted before, where that changed.
    pub was: Option<i64>,
    /// How long the switch itself took, in microseconds: the new set is made before, and is one pointer.
    pub switch_us: Option<f64>,
    /// In words.
    pub what: String,
}
