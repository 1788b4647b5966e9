//! The fleet: every place with its generations, and what an operator can do to them.
//!
//! One operator's act at a time: they queue up at one lock, and none of them holds anything that a message waits for. Each
//! act loads what it needs first, then commits to the store, then stores one pointer. A crash between the commit and the
//! pointer is no different from one a moment later: the next start takes up what the store says.
use crate::folder::Folder;
use crate::lock::{Lock, Locked, LockedSigner};
use crate::packages::Packages;
use crate::seated::{Loaded, Mode, Seated, Tried};
use crate::trial::{Judged, TrialWatch};
use crate::trust::Trust;
use crate::{FleetConfig, FleetError, PlaceEntry, PlaceOutcome, Rollout};
use arc_swap::ArcSwap;
use parking_lot::Mutex as Short;
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};
use tokio::sync::{Mutex, mpsc};
use tributary_model::{GenerationId, Place, life};
use tributary_pipeline::{Channel, Gate, GateState, Pipeline, Plugins, now};
use tributary_runtime::{Generation, Grants, Package, Runtime, Settings};
use tributary_store::{NewGeneration, StateChange, StateScope, Store, Switch, Switched};

/// Every place with its generations.
pub struct Fleet {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) pipeline: OnceLock<Arc<Pipeline>>,
    pub(crate) house: Mutex<House>,
    /// The places as they stood after the last act: who only looks does not wait for a compiler.
    pub(crate) shown: ArcSwap<Vec<Seated>>,
    /// What trials found, on its way to [`Fleet::run`].
    pub(crate) verdicts: mpsc::Sender<Judged>,
    pub(crate) verdicts_inbox: Mutex<mpsc::Receiver<Judged>>,
    /// Sets that work may still be under way with, and the generations that left with them.
    pub(crate) leaving: Short<Vec<(Weak<Plugins>, Vec<GenerationId>)>>,
}

/// What one act at a time changes.
pub(crate) struct House {
    pub config: FleetConfig,
    pub trust: Trust,
    pub lock: Lock,
    pub packages: Packages,
    pub folder: Folder,
    /// In the order of the configuration.
    pub places: Vec<Seated>,
}

impl House {
    pub fn seated(&self, place: &Place) -> Result<usize, FleetError> {
        let found = self.places.iter().position(|seated| seated.place() == place);
        found.ok_or_else(|| FleetError::UnknownPlace(place.to_string()))
    }

    /// The set that the pipeline gets.
    pub fn set(&self) -> Plugins {
        let mut channels = Vec::new();
        let mut policies = Vec::new();
        for seated in &self.places {
            match seated.place() {
                Place::Channel(name) => channels.push(Channel {
                    name: name.clone(),
                    seat: seated.adapter(),
                    addresses: seated.entry.addresses.clone(),
                    verifies: seated.entry.verifies.clone(),
                }),
                Place::Policy(_) => policies.push(seated.policy()),
            }
        }
        Plugins::new(channels, policies)
    }
}

/// A package with what it is put in use with, in one place.
pub(crate) struct Wanted {
    pub package: Arc<Package>,
    /// What the lock says of it, or will.
    pub locked: Locked,
    pub entry: PlaceEntry,
}

impl Wanted {
    /// The row it would be.
    pub fn row(&self) -> Result<NewGeneration, FleetError> {
        let config = self.package.effective_config(&self.entry.config).map_err(|faults| self.refused(faults.into()))?;
        Ok(NewGeneration {
            place: self.entry.place.clone(),
            plugin: self.package.name().clone(),
            version: self.package.version().to_owned(),
            digest: self.package.digest().to_owned(),
            contract: self.package.contract_version().to_owned(),
            signer: (self.locked.signer != LockedSigner::None).then(|| self.locked.signer.to_string()),
            config: config.to_string(),
            grants: grants_text(&self.entry.grants),
            at: now(),
        })
    }

    pub fn refused(&self, source: tributary_runtime::LoadError) -> FleetError {
        FleetError::Load {
            place: self.entry.place.clone(),
            plugin: self.package.name().clone(),
            version: self.package.version().to_owned(),
            source: Box::new(source),
        }
    }
}

/// What the operator allows, as the row keeps it.
fn grants_text(grants: &Grants) -> String {
    serde_json::json!({
        "services": grants.services,
        "secrets": grants.secrets,
        "egress": grants.egress,
        "actions": grants.actions,
    })
    .to_string()
}

/// The scope of the state that a plugin keeps in a place.
pub(crate) fn scope(seated: &PlaceEntry, package: &Package) -> StateScope {
    let channel = match &seated.place {
        Place::Channel(name) => name.clone(),
        Place::Policy(_) => "".into(),
    };
    StateScope { plugin: package.name().clone(), channel }
}

impl Fleet {
    /// Tells the fleet which pipeline it serves. Once, before [`Fleet::run`].
    pub fn attach(&self, pipeline: Arc<Pipeline>) {
        // A second call would be a fault of the wiring; the first one stays.
        let _ = self.pipeline.set(pipeline);
    }

    /// Shows the places as they stand.
    pub(crate) fn show(&self, house: &House) {
        self.shown.store(Arc::new(house.places.clone()));
    }

    /// Gives the pipeline the set of now. Returns how long that took: the pointer alone is what traffic could notice.
    pub(crate) fn swap(&self, house: &House, leaving: Vec<GenerationId>) -> Option<f64> {
        self.show(house);
        let pipeline = self.pipeline.get()?;
        let set = house.set();
        let began = Instant::now();
        let before = pipeline.swap_plugins(set);
        let took = began.elapsed();
        if !leaving.is_empty() {
            self.leaving.lock().push((Arc::downgrade(&before), leaving));
        }
        metrics::histogram!("tributary_switch_seconds").record(took);
        Some(took.as_secs_f64() * 1e6)
    }

    /// Keeps a row for a package, and loads it: verified, compiled, checked. What fails is kept as refused, with its reason.
    pub(crate) async fn load(&self, wanted: &Wanted, config: &FleetConfig) -> Result<Arc<Loaded>, FleetError> {
        let made = wanted.row()?;
        let id = self.store.add_generation(made.clone()).await?;
        match self.load_as(id, made, wanted, config).await {
            Ok(loaded) => Ok(loaded),
            Err(error) => {
                let why = tributary_model::error::chain(&error);
                self.advance(id, life::Event::Refuse, Some(why)).await?;
                Err(error)
            }
        }
    }

    async fn load_as(
        &self,
        id: GenerationId,
        made: NewGeneration,
        wanted: &Wanted,
        config: &FleetConfig,
    ) -> Result<Arc<Loaded>, FleetError> {
        fits(&wanted.entry.place, &wanted.package)?;
        self.advance(id, life::Event::Verify, None).await?;
        let generation = self.compile(id, &made, wanted, config).await?;
        self.advance(id, life::Event::Compile, None).await?;
        // The runtime looks at an instance of everything it loads.
        self.advance(id, life::Event::Check, None).await?;
        let (package, locked) = (Arc::clone(&wanted.package), wanted.locked.clone());
        Ok(Arc::new(Loaded { id, made, package, locked, generation }))
    }

    /// Loads a generation that has a row, with the configuration of its row: going back goes back to that as well. What it
    /// may touch is what the operator allows now.
    pub(crate) async fn compile(
        &self,
        id: GenerationId,
        made: &NewGeneration,
        wanted: &Wanted,
        config: &FleetConfig,
    ) -> Result<Arc<Generation>, FleetError> {
        let entry = &wanted.entry;
        let settings = Settings {
            config: serde_json::from_str(&made.config).unwrap_or_default(),
            grants: entry.grants.clone(),
            channel: match &entry.place {
                Place::Channel(name) => Some(name.clone()),
                Place::Policy(_) => None,
            },
            generation: id,
            budgets: config.budgets,
            reuse: (config.policy_reuse > 0 && matches!(entry.place, Place::Policy(_))).then_some(config.policy_reuse),
        };
        let began = Instant::now();
        let loaded = self.runtime.load(Arc::clone(&wanted.package), settings).await;
        let generation = loaded.map_err(|error| wanted.refused(error))?;
        let plugin = generation.package().name();
        if let Err(why) = generation.pictured() {
            tracing::warn!(%plugin, why = %why.0, "no picture: each call prepares itself");
        }
        tracing::info!(
            %plugin,
            place = %entry.place,
            version = generation.package().version(),
            generation = id.0,
            cached = generation.compiled_from_cache(),
            ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            "loaded"
        );
        Ok(generation)
    }

    pub(crate) async fn advance(
        &self,
        id: GenerationId,
        event: life::Event,
        why: Option<String>,
    ) -> Result<(), FleetError> {
        match self.store.advance(id, event, why, now()).await? {
            Some(Ok(_)) => Ok(()),
            Some(Err(illegal)) => Err(FleetError::Illegal(id, illegal)),
            None => Err(FleetError::Nothing(format!("there is no generation {id}"))),
        }
    }

    /// One transaction: this one is live.
    pub(crate) async fn commit(
        &self,
        to: GenerationId,
        why: &str,
        by: &str,
        state: StateChange,
    ) -> Result<Switched, FleetError> {
        let switch = Switch { to, why: why.to_owned(), by: by.to_owned(), now: now(), state };
        match self.store.switch(switch).await? {
            Switched::Illegal(illegal) => Err(FleetError::Illegal(to, illegal)),
            Switched::Unknown => Err(FleetError::Nothing(format!("there is no generation {to}"))),
            done => Ok(done),
        }
    }

    /// A gate for a generation that acts from now on: what is kept aside for it goes first. A new version is no word about
    /// whether the place is in use.
    pub(crate) async fn gate(
        &self,
        place: &Place,
        generation: GenerationId,
        enabled: bool,
        config: &FleetConfig,
    ) -> Result<Arc<Gate>, FleetError> {
        let waiting = self.store.parked_for(place, generation, 1).await?;
        let place = place.clone();
        let gate =
            if waiting.is_empty() { Gate::new(place, config.breaker) } else { Gate::draining(place, config.breaker) };
        if !enabled {
            gate.disable("an operator");
        }
        Ok(gate)
    }

    /// Puts a loaded generation in use in a place, the way the rollout says, and swaps the set.
    pub(crate) async fn seat(
        &self,
        house: &mut House,
        at: usize,
        newer: Arc<Loaded>,
        rollout: Rollout,
        by: &str,
    ) -> Result<PlaceOutcome, FleetError> {
        let config = house.config.clone();
        let mut migrated = self.migrated(&house.places[at], &newer).await?;
        let mut held = None;
        // It can be done. Now with nobody under way, who would read or write the form that is not theirs.
        if migrated.is_some() {
            let gate = self.at_rest(house, at).await?;
            migrated = self.migrated(&house.places[at], &newer).await.inspect_err(|_| gate.let_go())?;
            held = Some(gate);
        }
        let mut closing = None;
        let seated = &mut house.places[at];
        let place = seated.place().clone();
        let version = newer.made.version.clone();
        let before = Arc::clone(seated.live());
        let was = before.id;
        // State in another shape cannot be shared by two versions, so neither a trial nor a standby is possible. What an
        // operator took back is taken back at once: what may still touch it acts no longer, not even beside a trial.
        let taken_back = !seated.base.is_allowed(&seated.entry) || !before.is_allowed(&seated.entry);
        let rollout = if migrated.is_some() || taken_back { Rollout::AtOnce } else { rollout };
        let mut leaving;
        let (state, what) = match rollout {
            Rollout::AtOnce => {
                let why = format!("{} {version} was put in use", newer.made.plugin);
                let migrates = migrated.is_some();
                let committed = self.commit_migrating(seated, &newer, migrated, &why, by).await;
                match &held {
                    Some(gate) => committed.inspect_err(|_| gate.let_go())?,
                    None => committed?,
                }
                // Whatever is still kept aside at the old gate is committed before the new one looks for it.
                closing = seated.closing(held.is_some()).await;
                leaving = self.end_trial(seated, &format!("{version} was put in use instead"), config.keep).await?;
                // What stands by must be well itself: one behind an open breaker is no help.
                let stands_by = !migrates && !taken_back && seated.gate.view().state == GateState::Closed;
                let what = if stands_by {
                    let guard = seated.limits.guard;
                    format!("live; {} stands by for the next {guard} calls", before.made.version)
                } else if migrates {
                    "live, with its state migrated; the state before is kept for the way back".into()
                } else {
                    format!("live; {} is kept for the way back", before.made.version)
                };
                if stands_by {
                    let watch = self.watch(seated, &newer, &before, Mode::Guard);
                    seated.base = before;
                    seated.tried = Some(Tried { mode: Mode::Guard, newer: Arc::clone(&newer), watch });
                } else {
                    leaving.push(before.id);
                    seated.base = Arc::clone(&newer);
                    seated.keep(before, config.keep);
                }
                seated.gate = self.gate(&place, newer.id, seated.enabled, &config).await?;
                (life::State::Live, what)
            }
            Rollout::Shadow | Rollout::Canary(_) => {
                leaving = self.end_trial(seated, &format!("{version} is tried instead"), config.keep).await?;
                let (mode, event) = match rollout {
                    Rollout::Canary(share) => (Mode::Canary(share.clamp(1, 99)), life::Event::Canary),
                    _ => (Mode::Shadow, life::Event::Shadow),
                };
                let enough = seated.limits.enough;
                let acting = &seated.base.made.version;
                let what = match mode {
                    Mode::Canary(share) => {
                        format!(
                            "tried on {share} % of the conversations; {acting} acts for the rest, until {enough} were seen"
                        )
                    }
                    _ => format!("asked beside {acting}, which goes on acting, until {enough} conversations were seen"),
                };
                self.advance(newer.id, event, Some(what.clone())).await?;
                let base = Arc::clone(&seated.base);
                let watch = self.watch(seated, &newer, &base, mode);
                seated.tried = Some(Tried { mode, newer: Arc::clone(&newer), watch });
                (if mode == Mode::Shadow { life::State::Shadow } else { life::State::Canary }, what)
            }
        };
        seated.refused = None;
        let switch_us = self.swap(house, leaving);
        drop(closing);
        if held.is_some() {
            house.places[at].gate.let_go();
        }
        Ok(PlaceOutcome {
            place: place.to_string(),
            generation: newer.id.0,
            version,
            state: state.as_str(),
            was: (state == life::State::Live).then_some(was.0),
            switch_us,
            what,
        })
    }

    pub(crate) fn watch(&self, seated: &Seated, newer: &Loaded, base: &Loaded, mode: Mode) -> Arc<TrialWatch> {
        TrialWatch::new(seated.place().clone(), newer.id, base.id, mode, seated.limits, self.verdicts.clone())
    }

    /// Ends a trial that another act replaces: what was tried drains, what stood by is kept. The one that nothing is begun
    /// with any more.
    pub(crate) async fn end_trial(
        &self,
        seated: &mut Seated,
        why: &str,
        keep: usize,
    ) -> Result<Vec<GenerationId>, FleetError> {
        let Some(tried) = seated.tried.take() else { return Ok(Vec::new()) };
        self.flush(&tried.watch).await?;
        Ok(vec![match tried.mode {
            // Already live in the store: it becomes the base, what stood by is kept.
            Mode::Guard => {
                let was = std::mem::replace(&mut seated.base, tried.newer);
                let left = was.id;
                seated.keep(was, keep);
                left
            }
            Mode::Shadow | Mode::Canary(_) => {
                self.advance(tried.newer.id, life::Event::Replace, Some(why.to_owned())).await?;
                tried.newer.id
            }
        }])
    }

    /// Lets nothing through to a place, and waits until what is under way has ended. The gate that is held.
    pub(crate) async fn at_rest(&self, house: &House, at: usize) -> Result<Arc<Gate>, FleetError> {
        const MOST: Duration = Duration::from_secs(30);
        const LOOK: Duration = Duration::from_millis(2);
        let gate = Arc::clone(&house.places[at].gate);
        let Some(pipeline) = self.pipeline.get() else { return Ok(gate) };
        gate.hold();
        // The same set once more: whoever has the one before began before the gate was held.
        let before = Arc::downgrade(&pipeline.swap_plugins(house.set()));
        let began = Instant::now();
        while before.strong_count() > 0 || self.leaving.lock().iter().any(|(set, _)| set.strong_count() > 0) {
            if began.elapsed() > MOST {
                gate.let_go();
                let why = "calls of the version before did not end; try again when it is quieter".to_owned();
                return Err(FleetError::Migrate { place: house.places[at].place().clone(), why });
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(gate)
    }

    /// What `migrate` makes of a copy of the state, where the newer version has it and there is any state.
    async fn migrated(&self, seated: &Seated, newer: &Loaded) -> Result<Option<StateChange>, FleetError> {
        let live = seated.live();
        if !newer.package.migrates() || live.made.version == newer.made.version {
            return Ok(None);
        }
        let scope = scope(&seated.entry, &newer.package);
        let copy = self.store.state_copy(&scope, now()).await?;
        if copy.entries.is_empty() {
            return Ok(None);
        }
        let from = copy.written_by.unwrap_or_else(|| live.made.version.clone());
        let failed = |why: String| FleetError::Migrate { place: seated.place().clone(), why };
        let migrated = match newer.generation.migrate(&from, &copy.entries).await {
            Ok(Ok(entries)) => Ok(entries),
            Ok(Err(why)) => Err(failed(why.to_string())),
            Err(fault) => Err(failed(fault.to_string())),
        };
        match migrated {
            Ok(entries) => Ok(Some(StateChange::Migrated { scope, revision: copy.revision, entries })),
            Err(error) => {
                let why = tributary_model::error::chain(&error);
                self.advance(newer.id, life::Event::Refuse, Some(why)).await?;
                Err(error)
            }
        }
    }

    /// Commits; where the state was written since its copy was taken, migrates a newer copy.
    async fn commit_migrating(
        &self,
        seated: &Seated,
        newer: &Loaded,
        mut migrated: Option<StateChange>,
        why: &str,
        by: &str,
    ) -> Result<(), FleetError> {
        const TRIES: u32 = 5;
        for _ in 0..TRIES {
            let change = migrated.clone().unwrap_or(StateChange::Keep);
            match self.commit(newer.id, why, by, change).await? {
                Switched::StateMoved => migrated = self.migrated(seated, newer).await?,
                _ => return Ok(()),
            }
        }
        let why = "it was written faster than it could be migrated; take the place out of use first".to_owned();
        self.advance(newer.id, life::Event::Refuse, Some(why.clone())).await?;
        Err(FleetError::Migrate { place: seated.place().clone(), why })
    }

    /// Hands what a trial found to the store.
    pub(crate) async fn flush(&self, watch: &TrialWatch) -> Result<(), FleetError> {
        let differences = watch.take_differences();
        if !differences.is_empty() {
            self.store.add_differences(differences).await?;
        }
        Ok(())
    }
}

/// Whether a package is of the kind that a place needs.
pub(crate) fn fits(place: &Place, package: &Package) -> Result<(), FleetError> {
    let fits = matches!(place, Place::Channel(_)) == package.is_adapter();
    if fits {
        return Ok(());
    }
    let kind = if package.is_adapter() { "an adapter" } else { "a policy" };
    Err(FleetError::WrongKind { place: place.clone(), plugin: package.name().clone(), kind })
}
