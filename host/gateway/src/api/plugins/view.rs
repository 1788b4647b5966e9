//! What the fleet shows, as JSON: its own views with times as everywhere in the API, and words for the document.
use super::super::view::rfc3339;
use serde::Serialize;
use serde_json::Value;
use tributary_fleet as fleet;
use tributary_model::Timestamp;
use utoipa::ToSchema;

fn at(millis: u64) -> String {
    rfc3339(Timestamp(millis))
}

/// A place with what acts in it.
#[derive(Serialize, ToSchema)]
#[schema(as = Place)]
pub(crate) struct PlaceView {
    /// `channel/NAME` or `policy/PLUGIN`.
    #[schema(example = "channel/email")]
    place: String,
    /// The plugin that the configuration puts there.
    #[schema(example = "channel-email")]
    plugin: String,
    /// False: an operator took the place out of use.
    enabled: bool,
    /// What acts; none where nothing ever did.
    live: Option<GenerationView>,
    /// What is tried beside it.
    trial: Option<TrialView>,
    /// Generations that are compiled and can act again at once, the newest first.
    standing_by: Vec<GenerationView>,
    /// Its breaker.
    breaker: BreakerView,
    /// How much is kept aside.
    parked: u64,
    /// The newest that was refused since the live one went live.
    refused: Option<RefusedView>,
}

impl From<fleet::PlaceView> for PlaceView {
    fn from(from: fleet::PlaceView) -> Self {
        Self {
            place: from.place,
            plugin: from.plugin,
            enabled: from.enabled,
            live: from.live.map(GenerationView::from),
            trial: from.trial.map(TrialView::from),
            standing_by: from.standing_by.into_iter().map(GenerationView::from).collect(),
            breaker: from.breaker.into(),
            parked: from.parked,
            refused: from.refused.map(|refused| RefusedView {
                what: refused.what,
                why: refused.why,
                at: at(refused.at),
            }),
        }
    }
}

/// One package with one configuration, for one place.
#[derive(Serialize, ToSchema)]
#[schema(as = Generation)]
pub(crate) struct GenerationView {
    /// Its number.
    generation: i64,
    /// Its plugin.
    plugin: String,
    /// Its version.
    #[schema(example = "1.2.0")]
    version: String,
    /// SHA-256 of its package in hex.
    digest: String,
    /// The version of the contract it was built for.
    contract: String,
    /// Who signed it.
    signer: Option<String>,
    /// `package`, `verified`, `compiled`, `checked`, `shadow`, `canary`, `live`, `draining`, `retired` or `refused`.
    #[schema(example = "live")]
    state: &'static str,
    /// Why it stands there.
    why: Option<String>,
    /// Since when.
    #[schema(format = DateTime)]
    since: String,
    /// What its calls cost since it was loaded; none where it is not loaded.
    sight: Option<SightView>,
}

impl From<fleet::GenerationView> for GenerationView {
    fn from(from: fleet::GenerationView) -> Self {
        Self {
            generation: from.generation,
            plugin: from.plugin,
            version: from.version,
            digest: from.digest,
            contract: from.contract,
            signer: from.signer,
            state: from.state,
            why: from.why,
            since: at(from.since),
            sight: from.sight.map(SightView::from),
        }
    }
}

/// What the calls of a generation cost. Times in microseconds.
#[derive(Serialize, ToSchema)]
#[schema(as = Sight)]
pub(crate) struct SightView {
    /// Calls, of all exports.
    calls: u64,
    /// Half of the calls took at most this inside the guest.
    guest_p50_us: f64,
    /// 99 of 100 calls.
    guest_p99_us: f64,
    /// Half of the calls took at most this from start to end.
    wall_p50_us: f64,
    /// 99 of 100 calls.
    wall_p99_us: f64,
    /// Inside the guest, all calls together.
    guest_total_us: u64,
    /// Waiting for the host, all calls together.
    host_total_us: u64,
    /// The most memory that an instance had, in bytes.
    memory_high: u64,
    /// Failed calls by who was to blame.
    faults: FaultsView,
    /// The newest failure.
    last_fault: Option<FaultView>,
}

impl From<fleet::SightView> for SightView {
    fn from(from: fleet::SightView) -> Self {
        let fleet::FaultsView { guest, trap, budget, host } = from.faults;
        Self {
            calls: from.calls,
            guest_p50_us: from.guest_p50_us,
            guest_p99_us: from.guest_p99_us,
            wall_p50_us: from.wall_p50_us,
            wall_p99_us: from.wall_p99_us,
            guest_total_us: from.guest_total_us,
            host_total_us: from.host_total_us,
            memory_high: from.memory_high,
            faults: FaultsView { guest, trap, budget, host },
            last_fault: from.last_fault.map(FaultView::from),
        }
    }
}

/// Failed calls by who was to blame.
#[derive(Serialize, ToSchema)]
#[schema(as = Faults)]
pub(crate) struct FaultsView {
    /// The plugin's own answer.
    guest: u64,
    /// Its code.
    trap: u64,
    /// Its appetite: time, memory, bytes.
    budget: u64,
    /// Us.
    host: u64,
}

/// A failure.
#[derive(Serialize, ToSchema)]
#[schema(as = Fault)]
pub(crate) struct FaultView {
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// Its words.
    why: String,
}

impl From<(u64, String)> for FaultView {
    fn from((millis, why): (u64, String)) -> Self {
        Self { at: at(millis), why }
    }
}

/// A newer generation beside the live one.
#[derive(Serialize, ToSchema)]
#[schema(as = Trial)]
pub(crate) struct TrialView {
    /// What is tried.
    generation: GenerationView,
    /// `shadow`, `canary`, or `guard`: put in use at once, the one before stands by.
    #[schema(example = "canary")]
    mode: &'static str,
    /// For how many of a hundred conversations it acts.
    share: u8,
    /// Calls of the tried one.
    calls: u64,
    /// Failed ones among them.
    faults: u64,
    /// Conversations it saw.
    conversations: u64,
    /// Conversations it decided differently.
    different: u64,
    /// What it needs to see: conversations, or calls where it acts for all.
    enough: u64,
    /// How it stands, in one sentence.
    verdict: String,
}

impl From<fleet::TrialView> for TrialView {
    fn from(from: fleet::TrialView) -> Self {
        Self {
            generation: from.generation.into(),
            mode: from.mode,
            share: from.share,
            calls: from.calls,
            faults: from.faults,
            conversations: from.conversations,
            different: from.different,
            enough: from.enough,
            verdict: from.verdict,
        }
    }
}

/// A breaker: whether events get through to what acts in a place.
#[derive(Serialize, ToSchema)]
#[schema(as = Breaker)]
pub(crate) struct BreakerView {
    /// `closed`, `open`, `half-open`, `draining`, `evicted` or `disabled`.
    #[schema(example = "closed")]
    state: &'static str,
    /// Since when.
    #[schema(format = DateTime)]
    since: String,
    /// When the next event is let through to see.
    #[schema(format = DateTime)]
    next_probe: Option<String>,
    /// Failed probes in a row.
    strikes: u32,
    /// The last failure.
    last_fault: Option<FaultView>,
}

impl From<fleet::BreakerView> for BreakerView {
    fn from(from: fleet::BreakerView) -> Self {
        Self {
            state: from.state,
            since: at(from.since),
            next_probe: from.next_probe.map(at),
            strikes: from.strikes,
            last_fault: from.last_fault.map(FaultView::from),
        }
    }
}

/// Something that was refused.
#[derive(Serialize, ToSchema)]
#[schema(as = RefusedPackage)]
pub(crate) struct RefusedView {
    /// The file or the version.
    what: String,
    /// Why, and what to do.
    why: String,
    /// When.
    #[schema(format = DateTime)]
    at: String,
}

/// A place with its past.
#[derive(Serialize, ToSchema)]
#[schema(as = PlaceDetail)]
pub(crate) struct DetailView {
    /// The place as in the list.
    #[serde(flatten)]
    now: PlaceView,
    /// Its generations, the newest first.
    generations: Vec<GenerationView>,
    /// What the live one may touch.
    #[schema(value_type = Object)]
    grants: Value,
    /// The live one's configuration. Secrets are no part of it.
    #[schema(value_type = Object)]
    config: Value,
}

impl From<fleet::PlaceDetail> for DetailView {
    fn from(from: fleet::PlaceDetail) -> Self {
        Self {
            now: from.now.into(),
            generations: from.generations.into_iter().map(GenerationView::from).collect(),
            grants: from.grants,
            config: from.config,
        }
    }
}

/// One answer that differs.
#[derive(Serialize, ToSchema)]
#[schema(as = Difference)]
pub(crate) struct DifferenceView {
    /// Its number.
    id: i64,
    /// The tried generation.
    tried: i64,
    /// The one it is tried against.
    against: i64,
    /// The conversation's tag.
    #[schema(example = "T1042")]
    conversation: Option<String>,
    /// What both were asked.
    about: String,
    /// What the one said.
    before: String,
    /// What the tried one said.
    after: String,
    /// When.
    #[schema(format = DateTime)]
    at: String,
}

impl From<fleet::DifferenceView> for DifferenceView {
    fn from(from: fleet::DifferenceView) -> Self {
        Self {
            id: from.id,
            tried: from.tried,
            against: from.against,
            conversation: from.conversation,
            about: from.about,
            before: from.before,
            after: from.after,
            at: at(from.at),
        }
    }
}

/// What an install did.
#[derive(Serialize, ToSchema)]
#[schema(as = Installed)]
pub(crate) struct InstalledView {
    /// The plugin.
    plugin: String,
    /// Its version.
    version: String,
    /// SHA-256 of its package in hex.
    digest: String,
    /// Who signed it.
    signer: Option<String>,
    /// What happened in each place; empty where the configuration names none for it.
    places: Vec<OutcomeView>,
}

impl From<fleet::Installed> for InstalledView {
    fn from(from: fleet::Installed) -> Self {
        Self {
            plugin: from.plugin,
            version: from.version,
            digest: from.digest,
            signer: from.signer,
            places: from.places.into_iter().map(OutcomeView::from).collect(),
        }
    }
}

/// What an install, a rollback or a promotion did in a place.
#[derive(Serialize, ToSchema)]
#[schema(as = PlaceOutcome)]
pub(crate) struct OutcomeView {
    /// The place.
    place: String,
    /// The generation that was made or moved.
    generation: i64,
    /// Its version.
    version: String,
    /// Where it stands now.
    state: &'static str,
    /// The generation that acted before, where that changed.
    was: Option<i64>,
    /// How long the switch itself took, in microseconds: the new set is made before, and is one pointer.
    switch_us: Option<f64>,
    /// In words.
    what: String,
}

impl From<fleet::PlaceOutcome> for OutcomeView {
    fn from(from: fleet::PlaceOutcome) -> Self {
        Self {
            place: from.place,
            generation: from.generation,
            version: from.version,
            state: from.state,
            was: from.was,
            switch_us: from.switch_us,
            what: from.what,
        }
    }
}

/// A place that is not well: its breaker is not closed, or nothing acts in it.
#[derive(Serialize, ToSchema)]
#[schema(as = Unwell, example = json!({"place": "channel/email", "plugin": "channel-email", "version": "1.2.0", "state": "open", "why": "it trapped: unreachable", "parked": 41}))]
pub(crate) struct UnwellView {
    /// The place.
    place: String,
    /// Its plugin.
    plugin: String,
    /// The version that acts; none where nothing does.
    version: Option<String>,
    /// Its breaker's state, or `empty` where nothing acts.
    state: &'static str,
    /// The last failure, in its words.
    why: Option<String>,
    /// How much is kept aside.
    parked: u64,
}

/// The places that are not well, of all places.
pub(crate) fn unwell(places: &[fleet::PlaceView]) -> Vec<UnwellView> {
    let ill = |place: &&fleet::PlaceView| place.live.is_none() || place.breaker.state != "closed";
    let view = |place: &fleet::PlaceView| UnwellView {
        place: place.place.clone(),
        plugin: place.plugin.clone(),
        version: place.live.as_ref().map(|live| live.version.clone()),
        state: if place.live.is_some() { place.breaker.state } else { "empty" },
        why: place.breaker.last_fault.as_ref().map(|(_, why)| why.clone()),
        parked: place.parked,
    };
    places.iter().filter(ill).map(view).collect()
}
