//! The start: what the store says is live acts again, exactly one generation in each place, whatever moment the daemon
//! stopped at.
use crate::fleet::{Fleet, House, Wanted, fits};
use crate::folder::{Folder, Found};
use crate::install::{digest, trusted};
use crate::lock::{Lock, Locked};
use crate::packages::Packages;
use crate::seated::{Loaded, Mode, Seated, Tried};
use crate::trust::Trust;
use crate::{FleetConfig, FleetError, InstallOptions, PlaceEntry, Rollout};
use arc_swap::ArcSwap;
use std::sync::{Arc, OnceLock, Weak};
use tokio::sync::{Mutex, mpsc};
use tributary_model::error::chain;
use tributary_model::life::{self, State};
use tributary_pipeline::Plugins;
use tributary_runtime::{Package, Runtime, Settings};
use tributary_store::{StateChange, Store, StoredGeneration, Switched};

/// Why a generation is refused that was on its way in when the daemon stopped.
pub(crate) const INTERRUPTED: &str = "the daemon stopped while it came in";
/// Verdicts on their way; one that finds no room is given again with the next call.
const VERDICTS: usize = 64;
/// Rows of a place that a start looks back on.
const PAST: usize = 50;

impl Fleet {
    /// Takes up what the store says is live, and loads it; what the configuration declares and the store does not know is
    /// taken from the folder.
    ///
    /// # Errors
    /// Every fault at once; then nothing is in use.
    pub async fn open(
        config: FleetConfig,
        entries: Vec<PlaceEntry>,
        runtime: Arc<Runtime>,
        store: Arc<dyn Store>,
    ) -> Result<(Arc<Self>, Plugins), Vec<FleetError>> {
        let one = |error: FleetError| vec![error];
        let (verdicts, inbox) = mpsc::channel(VERDICTS);
        let fleet = Self {
            store,
            runtime,
            pipeline: OnceLock::new(),
            house: Mutex::new(House {
                trust: Trust::new(&config.trust).map_err(|error| one(FleetError::Signers(Box::new(error))))?,
                lock: Lock::read(&config.lock).map_err(|error| one(error.into()))?,
                packages: Packages::open(&config.packages).map_err(|error| one(error.into()))?,
                folder: Folder::new(config.plugins.clone()),
                places: Vec::new(),
                config,
            }),
            shown: ArcSwap::default(),
            verdicts,
            verdicts_inbox: Mutex::new(inbox),
            leaving: Default::default(),
        };
        let set = {
            let mut house = fleet.house.lock().await;
            let mut faults = Vec::new();
            for entry in entries {
                match fleet.take_up(&mut house, entry).await {
                    Ok(seated) => house.places.push(seated),
                    Err(error) => faults.push(error),
                }
            }
            if !faults.is_empty() {
                return Err(faults);
            }
            fleet.tidy(&mut house).await.map_err(one)?;
            fleet.show(&house);
            house.set()
        };
        Ok((Arc::new(fleet), set))
    }

    /// Fills a place with what was live in it, or for the first time.
    async fn take_up(&self, house: &mut House, entry: PlaceEntry) -> Result<Seated, FleetError> {
        let past = self.store.generations(Some(&entry.place), PAST).await?;
        let live = past.iter().find(|row| row.state == State::Live && row.made.plugin == entry.plugin);
        let tried = past.iter().find(|row| row.state.is_tried());
        // What still drains before the live one stood by when the daemon stopped. Beside a shadow or a canary nothing does: it
        // was on its way out.
        let stood_by = |row: &&StoredGeneration| {
            row.state == State::Draining && row.lived && tried.is_none() && live.is_some_and(|live| row.id < live.id)
        };
        let standby = past.iter().find(stood_by);
        for row in &past {
            let event = match row.state {
                State::Package | State::Verified | State::Compiled | State::Checked => life::Event::Refuse,
                State::Draining if standby.is_none_or(|standby| standby.id != row.id) => life::Event::Drain,
                _ => continue,
            };
            let why = (event == life::Event::Refuse).then(|| INTERRUPTED.to_owned());
            self.advance(row.id, event, why).await?;
        }
        let mut seated = match live {
            Some(row) => self.again(house, entry, row).await?,
            None => {
                let wanted = self.taken_from_folder(house, &entry)?;
                let newer = self.load(&wanted, &house.config).await?;
                self.first(&house.config, entry, newer, "it is the first here", "host").await?
            }
        };
        if let Some(row) = standby {
            self.stand_by_again(house, &mut seated, row).await?;
        }
        if let Some(row) = tried {
            self.try_again(house, &mut seated, row).await?;
        }
        Ok(seated)
    }

    /// What was live, as it was, or as its configuration has become meanwhile.
    async fn again(&self, house: &House, entry: PlaceEntry, row: &StoredGeneration) -> Result<Seated, FleetError> {
        let (package, locked) = self.package(house, row)?;
        let wanted = Wanted { package, locked, entry };
        let now_made = wanted.row()?;
        let same = now_made.config == row.made.config && now_made.grants == row.made.grants;
        if !same {
            let newer = self.load(&wanted, &house.config).await?;
            return self.first(&house.config, wanted.entry, newer, "its configuration changed", "host").await;
        }
        let generation = self.compile(row.id, &row.made, &wanted, &house.config).await?;
        let (package, locked) = (wanted.package, wanted.locked);
        let loaded = Loaded { id: row.id, made: row.made.clone(), package, locked, generation };
        self.seated(&house.config, wanted.entry, Arc::new(loaded)).await
    }

    /// A place with nothing but this in it.
    async fn seated(&self, config: &FleetConfig, entry: PlaceEntry, base: Arc<Loaded>) -> Result<Seated, FleetError> {
        let enabled = !self.store.disabled().await?.contains(&entry.place);
        let gate = self.gate(&entry.place, base.id, enabled, config).await?;
        Ok(Seated { entry, base, tried: None, kept: Vec::new(), gate, enabled, refused: None, limits: config.trial })
    }

    /// Puts the first generation of a place in use.
    pub(crate) async fn first(
        &self,
        config: &FleetConfig,
        entry: PlaceEntry,
        newer: Arc<Loaded>,
        why: &str,
        by: &str,
    ) -> Result<Seated, FleetError> {
        let why = format!("{} {} was put in use: {why}", newer.made.plugin, newer.made.version);
        if let Switched::Done { was: Some(was) } = self.commit(newer.id, &why, by, StateChange::Keep).await? {
            // Of an earlier run, or of an earlier configuration: no set holds it.
            self.leaving.lock().push((Weak::new(), vec![was]));
        }
        self.seated(config, entry, newer).await
    }

    /// What stood by stands by again, and what acts has to prove itself from the start. Where it does not load, or the
    /// configuration has changed meanwhile, it is only kept.
    async fn stand_by_again(
        &self,
        house: &House,
        seated: &mut Seated,
        row: &StoredGeneration,
    ) -> Result<(), FleetError> {
        let newer = Arc::clone(&seated.base);
        let loaded = match newer.made.plugin == row.made.plugin && newer.id > row.id && !newer.package.migrates() {
            true => self.reload_row(house, row, seated.entry.clone()).await,
            false => Err(FleetError::Nothing("it is of no use to what acts now".into())),
        };
        match loaded {
            Ok(before) => {
                let watch = self.watch(seated, &newer, &before, Mode::Guard);
                seated.base = before;
                seated.tried = Some(Tried { mode: Mode::Guard, newer, watch });
                Ok(())
            }
            Err(_) => self.advance(row.id, life::Event::Drain, None).await,
        }
    }

    /// A trial that was under way begins again: what it had counted is gone, and counts are not worth a commit a call.
    async fn try_again(&self, house: &House, seated: &mut Seated, row: &StoredGeneration) -> Result<(), FleetError> {
        let mode = match (row.state, seated.entry.rollout.unwrap_or(house.config.rollout)) {
            (State::Shadow, _) => Mode::Shadow,
            (_, Rollout::Canary(share)) => Mode::Canary(share.clamp(1, 99)),
            _ => Mode::Canary(crate::DEFAULT_SHARE),
        };
        let loaded = async {
            let wanted_entry = seated.entry.clone();
            self.reload_row(house, row, wanted_entry).await
        };
        match loaded.await {
            Ok(newer) => {
                let watch = self.watch(seated, &newer, &seated.base, mode);
                seated.tried = Some(Tried { mode, newer, watch });
            }
            // A trial is no reason not to start.
            Err(error) => {
                let why = chain(&error);
                tracing::error!(place = %seated.place(), why, "a trial cannot go on");
                self.advance(row.id, life::Event::Replace, Some(why)).await?;
                self.advance(row.id, life::Event::Drain, None).await?;
            }
        }
        Ok(())
    }

    /// Loads a generation of the past, as its row says.
    pub(crate) async fn reload_row(
        &self,
        house: &House,
        row: &StoredGeneration,
        entry: PlaceEntry,
    ) -> Result<Arc<Loaded>, FleetError> {
        let (package, locked) = self.package(house, row)?;
        let wanted = Wanted { package, locked, entry };
        let generation = self.compile(row.id, &row.made, &wanted, &house.config).await?;
        let (package, locked) = (wanted.package, wanted.locked);
        Ok(Arc::new(Loaded { id: row.id, made: row.made.clone(), package, locked, generation }))
    }

    /// The package of a row: what was kept, or the file of the folder where that is the same. It was admitted when its row
    /// was made, so only what the lock says of it is looked up again.
    fn package(&self, house: &House, row: &StoredGeneration) -> Result<(Arc<Package>, Locked), FleetError> {
        let (bytes, signature) = match house.packages.get(&row.made.digest) {
            Ok(kept) => (kept.bytes, kept.signature),
            Err(gone) => match house.folder.read(&row.made.plugin)? {
                Some(found) if digest(&found.bytes) == row.made.digest => {
                    let (plugin, why) = (&row.made.plugin, chain(&gone));
                    tracing::warn!(%plugin, file = found.path, why, "a package is kept again from the folder of plugins");
                    house.packages.put(&found.bytes, found.signature.as_deref())?;
                    (found.bytes, found.signature)
                }
                _ => {
                    return Err(FleetError::Gone {
                        plugin: row.made.plugin.clone(),
                        version: row.made.version.clone(),
                        digest: row.made.digest.clone(),
                        file: house.folder.file(&row.made.plugin).display().to_string(),
                        source: Box::new(gone),
                    });
                }
            },
        };
        let file = format!("{} {}", row.made.plugin, row.made.version);
        let package = Package::read(bytes).map_err(|source| FleetError::Package { file, source: Box::new(source) })?;
        let locked = match house.lock.get(package.name()) {
            Some(locked) if locked.digest == row.made.digest => locked.clone(),
            _ => {
                let signer = house.trust.verify(package.bytes(), signature.as_deref()).ok().flatten();
                Locked::new(&package, signer.as_ref().into())
            }
        };
        Ok((Arc::new(package), locked))
    }

    /// What a place is filled with for the first time.
    pub(crate) fn taken_from_folder(&self, house: &House, entry: &PlaceEntry) -> Result<Wanted, FleetError> {
        let found = found(&house.folder, entry)?;
        let options = InstallOptions::default();
        let taken = self.take(house, &found.path, &found.bytes, found.signature.as_deref(), &options)?;
        fits(&entry.place, &taken.package)?;
        Ok(Wanted { package: taken.package, locked: taken.locked, entry: entry.clone() })
    }

    /// The lock says what acts; packages that nobody may want again are deleted.
    async fn tidy(&self, house: &mut House) -> Result<(), FleetError> {
        self.pin(house)?;
        let rows = self.store.generations(None, PAST).await?;
        house.packages.gc(&rows.into_iter().map(|row| row.made.digest).collect())?;
        Ok(())
    }
}

/// The file of the plugin that an entry names.
fn found(folder: &Folder, entry: &PlaceEntry) -> Result<Found, FleetError> {
    folder.read(&entry.plugin)?.ok_or_else(|| {
        let file = folder.file(&entry.plugin).display().to_string();
        FleetError::Nothing(format!("{}: there is no file {file}; put it there, or name another plugin", entry.place))
    })
}

/// Everything that is wrong with what the configuration declares, without a store, and nothing is kept: for
/// `tributary check`.
pub async fn check(config: &FleetConfig, entries: &[PlaceEntry], runtime: &Arc<Runtime>) -> Vec<FleetError> {
    let mut faults = Vec::new();
    let (trust, lock) = match (Trust::new(&config.trust), Lock::read(&config.lock)) {
        (Ok(trust), Ok(lock)) => (trust, lock),
        (trust, lock) => {
            faults.extend(trust.err().map(|error| FleetError::Signers(Box::new(error))));
            faults.extend(lock.err().map(FleetError::from));
            return faults;
        }
    };
    let folder = Folder::new(config.plugins.clone());
    for entry in entries {
        let checked = async {
            let found = found(&folder, entry)?;
            let options = InstallOptions::default();
            let (package, locked) =
                trusted(&trust, &lock, &found.path, &found.bytes, found.signature.as_deref(), &options)?;
            fits(&entry.place, &package)?;
            let wanted = Wanted { package, locked, entry: entry.clone() };
            let settings = Settings {
                config: wanted
                    .package
                    .effective_config(&entry.config)
                    .map_err(|faults| wanted.refused(faults.into()))?,
                grants: entry.grants.clone(),
                channel: match &entry.place {
                    tributary_model::Place::Channel(name) => Some(name.clone()),
                    tributary_model::Place::Policy(_) => None,
                },
                budgets: config.budgets,
                ..Settings::default()
            };
            let loaded = runtime.load(Arc::clone(&wanted.package), settings).await;
            loaded.map(drop).map_err(|error| wanted.refused(error))
        };
        if let Err(error) = checked.await {
            faults.push(error);
        }
    }
    faults
}
