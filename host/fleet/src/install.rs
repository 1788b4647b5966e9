//! The ways in: a file of the watched folder, a command, a registry, a changed configuration. All of them lead to the same
//! steps: trusted, loaded in every place it fills, put in use.
use crate::fleet::{Fleet, House, Wanted};
use crate::lock::{Lock, Locked, LockedSigner};
use crate::oci::Oci;
use crate::seated::{Loaded, Seated};
use crate::trust::Trust;
use crate::view::RefusedView;
use crate::{FleetConfig, FleetError, InstallOptions, Installed, PlaceEntry, PlaceOutcome, Rollout};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use tributary_model::error::chain;
use tributary_model::{GenerationId, PluginName, life};
use tributary_pipeline::now;
use tributary_runtime::{Package, aside};

/// A package that is trusted and on disk, with what the lock will say of it.
pub(crate) struct Taken {
    pub package: Arc<Package>,
    pub locked: Locked,
}

impl Fleet {
    /// Takes a package: verified, loaded, and put in use in every place its plugin fills. `signature`: the text of its
    /// `.minisig` file. `by`: the actor for the event log, `agent:NAME`.
    ///
    /// # Errors
    /// Nothing has changed then: what acted goes on acting.
    pub async fn install(
        self: &Arc<Self>,
        package: Vec<u8>,
        signature: Option<String>,
        options: InstallOptions,
        by: &str,
    ) -> Result<Installed, FleetError> {
        let (fleet, by) = (Arc::clone(self), by.to_owned());
        aside(Box::pin(async move {
            let mut house = fleet.house.lock().await;
            fleet.install_here(&mut house, "the file", package, signature, &options, &by, true).await
        }))
        .await
    }

    /// The same from a registry: `oci://HOST[:PORT]/NAME:TAG` or `@sha256:…`.
    ///
    /// # Errors
    /// As [`Fleet::install`], or the registry does not give it.
    pub async fn install_from(
        self: &Arc<Self>,
        source: &str,
        options: InstallOptions,
        by: &str,
    ) -> Result<Installed, FleetError> {
        // Fetched before anything is locked: a registry may be slow.
        let oci = Oci::new(self.house.lock().await.config.oci.clone());
        let pulled = oci.pull(source).await?;
        let (fleet, source, by) = (Arc::clone(self), source.to_owned(), by.to_owned());
        aside(Box::pin(async move {
            let mut house = fleet.house.lock().await;
            fleet.install_here(&mut house, &source, pulled.bytes, pulled.signature, &options, &by, true).await
        }))
        .await
    }

    #[allow(clippy::too_many_arguments, reason = "one act with all that it needs; a struct would be used once")]
    async fn install_here(
        &self,
        house: &mut House,
        from: &str,
        bytes: Vec<u8>,
        signature: Option<String>,
        options: &InstallOptions,
        by: &str,
        into_folder: bool,
    ) -> Result<Installed, FleetError> {
        let taken = self.take(house, from, &bytes, signature.as_deref(), options)?;
        let plugin = taken.package.name().clone();
        let places: Vec<usize> = (0..house.places.len())
            .filter(|at| house.places[*at].entry.plugin == plugin)
            .filter(|at| options.places.is_empty() || options.places.contains(house.places[*at].place()))
            .collect();
        for wanted in &options.places {
            let at = house.seated(wanted)?;
            if house.places[at].entry.plugin != plugin {
                return Err(FleetError::Nothing(format!("{wanted} is not filled by {plugin}, see tributary.toml")));
            }
        }
        // All of them first: one that does not load in one place is put in use in none.
        let mut ready = Vec::new();
        for at in places {
            let entry = house.places[at].entry.clone();
            let wanted = Wanted { package: taken.package.clone(), locked: taken.locked.clone(), entry };
            match self.load(&wanted, &house.config).await {
                Ok(loaded) => ready.push((at, loaded)),
                Err(error) => {
                    house.places[at].refused = Some(refused(&taken.package, &error));
                    self.show(house);
                    self.give_up(ready).await?;
                    return Err(error);
                }
            }
        }
        if into_folder {
            house.folder.put(&plugin, &bytes, signature.as_deref())?;
        }
        let mut places = Vec::new();
        for (at, newer) in ready {
            let rollout = options.rollout.or(house.places[at].entry.rollout).unwrap_or(house.config.rollout);
            places.push(self.put_in_use(house, at, newer, rollout, by).await?);
        }
        if places.is_empty() {
            // Nothing acts with it yet; what it may touch is settled all the same.
            house.lock.set(taken.locked.clone());
        }
        self.pin(house)?;
        Ok(Installed {
            plugin: plugin.to_string(),
            version: taken.package.version().to_owned(),
            digest: taken.package.digest().to_owned(),
            signer: signer(&taken.locked),
            places,
        })
    }

    /// Seats a generation, and says so.
    async fn put_in_use(
        &self,
        house: &mut House,
        at: usize,
        newer: Arc<Loaded>,
        rollout: Rollout,
        by: &str,
    ) -> Result<PlaceOutcome, FleetError> {
        let outcome = self.seat(house, at, newer, rollout, by).await?;
        let PlaceOutcome { place, version, what, .. } = &outcome;
        tracing::info!(%place, version, generation = outcome.generation, by, "{what}");
        Ok(outcome)
    }

    /// What was loaded for an install that failed elsewhere.
    async fn give_up(&self, ready: Vec<(usize, Arc<Loaded>)>) -> Result<(), FleetError> {
        for (_, loaded) in ready {
            let why = "it does not load in another place of the same plugin".to_owned();
            self.advance(loaded.id, life::Event::Refuse, Some(why)).await?;
        }
        Ok(())
    }

    /// Reads and verifies a package, and keeps it on disk. Nothing of it has run.
    pub(crate) fn take(
        &self,
        house: &House,
        from: &str,
        bytes: &[u8],
        signature: Option<&str>,
        options: &InstallOptions,
    ) -> Result<Taken, FleetError> {
        let (package, locked) = trusted(&house.trust, &house.lock, from, bytes, signature, options)?;
        house.packages.put(bytes, signature)?;
        Ok(Taken { package, locked })
    }

    /// Writes the lock: it says what acts.
    pub(crate) fn pin(&self, house: &mut House) -> Result<(), FleetError> {
        for seated in &house.places {
            house.lock.set(seated.live().locked.clone());
        }
        house.lock.write(&house.config.lock)?;
        Ok(())
    }

    /// Looks at the watched folder, and takes what is new in it. What is refused is told once, and shown by `plugin list`.
    pub(crate) async fn look(&self) {
        let mut house = self.house.lock().await;
        let changed = match house.folder.changed() {
            Ok(changed) => changed,
            Err(error) => {
                let path = house.config.plugins.display().to_string();
                tracing::error!(path, error = %chain(&error), "the folder of plugins cannot be read");
                return;
            }
        };
        for plugin in changed {
            if let Err(error) = self.look_at(&mut house, &plugin, true).await {
                self.refuse_file(&mut house, &plugin, &error);
            }
        }
    }

    fn refuse_file(&self, house: &mut House, plugin: &PluginName, error: &FleetError) {
        let why = chain(error);
        tracing::error!(%plugin, why, "a file in the folder of plugins is not taken; what acted goes on");
        let what = house.folder.file(plugin).display().to_string();
        for seated in house.places.iter_mut().filter(|seated| seated.entry.plugin == *plugin) {
            seated.refused = Some(RefusedView { what: what.clone(), why: why.clone(), at: now().0 });
        }
        self.show(house);
    }

    /// Takes the file of a plugin, if it is another one than what acts or is tried. `anew`: the file was just put there, so
    /// it is tried even if it was tried before.
    async fn look_at(&self, house: &mut House, plugin: &PluginName, anew: bool) -> Result<(), FleetError> {
        if !house.places.iter().any(|seated| seated.entry.plugin == *plugin) {
            return Ok(());
        }
        let Some(found) = house.folder.read(plugin)? else { return Ok(()) };
        let digest = digest(&found.bytes);
        let known = |seated: &Seated| {
            let tried = seated.tried.as_ref().map(|tried| &tried.newer);
            seated.live().made.digest == digest || tried.is_some_and(|newer| newer.made.digest == digest)
        };
        if house.places.iter().filter(|seated| seated.entry.plugin == *plugin).all(known) {
            return Ok(());
        }
        if !anew && self.was_tried(house, plugin, &digest).await? {
            return Ok(());
        }
        let options = InstallOptions::default();
        let installed =
            self.install_here(house, &found.path, found.bytes, found.signature, &options, "host", false).await?;
        if installed.plugin != plugin.as_str() {
            tracing::warn!(
                file = found.path,
                plugin = installed.plugin,
                "the file is called otherwise than its plugin"
            );
        }
        Ok(())
    }

    /// Whether these bytes were put in use, or refused, after what is live now: then an operator or a trial went back from
    /// them, and the file that still lies there is not a wish.
    async fn was_tried(&self, house: &House, plugin: &PluginName, digest: &str) -> Result<bool, FleetError> {
        for seated in house.places.iter().filter(|seated| seated.entry.plugin == *plugin) {
            let live = seated.live();
            let past = self.store.generations(Some(seated.place()), 50).await?;
            let tried = past.iter().any(|one| {
                let interrupted = one.why.as_deref() == Some(crate::open::INTERRUPTED);
                one.id > live.id && one.made.digest == digest && one.made.config == live.made.config && !interrupted
            });
            if !tried {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Takes a configuration that was read again: what changed in a place becomes a new generation there, tried and put in
    /// use like any other; places that are new are filled, those that are gone are left.
    ///
    /// # Errors
    /// Every fault; then nothing has changed.
    pub async fn reload(
        self: &Arc<Self>,
        config: FleetConfig,
        entries: Vec<PlaceEntry>,
    ) -> Result<(), Vec<FleetError>> {
        let fleet = Arc::clone(self);
        aside(Box::pin(async move { fleet.reload_here(config, entries).await })).await
    }

    async fn reload_here(&self, config: FleetConfig, entries: Vec<PlaceEntry>) -> Result<(), Vec<FleetError>> {
        let mut house = self.house.lock().await;
        let mut faults = Vec::new();
        let trust = match crate::trust::Trust::new(&config.trust) {
            Ok(trust) => trust,
            Err(error) => return Err(vec![FleetError::Signers(Box::new(error))]),
        };
        // First everything that can fail, then everything that is seen.
        let mut planned: Vec<(PlaceEntry, Option<Arc<Loaded>>)> = Vec::new();
        for entry in entries {
            match self.plan(&house, &config, &entry).await {
                Ok(newer) => planned.push((entry, newer)),
                Err(error) => faults.push(error),
            }
        }
        if !faults.is_empty() {
            let ready = planned.into_iter().filter_map(|(_, newer)| newer.map(|newer| (0, newer))).collect();
            if let Err(error) = self.give_up(ready).await {
                faults.push(error);
            }
            return Err(faults);
        }
        house.config = config;
        house.trust = trust;
        self.rearrange(&mut house, planned).await.map_err(|error| vec![error])
    }

    /// The generation that an entry needs, where the one that acts is not it.
    async fn plan(
        &self,
        house: &House,
        config: &FleetConfig,
        entry: &PlaceEntry,
    ) -> Result<Option<Arc<Loaded>>, FleetError> {
        let live = house.seated(&entry.place).ok().map(|at| Arc::clone(house.places[at].live()));
        let wanted = match live {
            Some(live) if live.made.plugin == entry.plugin => {
                Wanted { package: live.package.clone(), locked: live.locked.clone(), entry: entry.clone() }
            }
            _ => self.taken_from_folder(house, entry)?,
        };
        let row = wanted.row()?;
        let at = house.seated(&entry.place).ok();
        if let Some(live) = at.map(|at| house.places[at].live())
            && live.made.digest == row.digest
            && live.made.config == row.config
            && live.made.grants == row.grants
        {
            return Ok(None);
        }
        self.load(&wanted, config).await.map(Some)
    }

    /// Puts the places into the configuration's order, fills the new ones, and seats what changed.
    async fn rearrange(
        &self,
        house: &mut House,
        planned: Vec<(PlaceEntry, Option<Arc<Loaded>>)>,
    ) -> Result<(), FleetError> {
        let mut before = std::mem::take(&mut house.places);
        let mut changed = Vec::new();
        let mut leaving: Vec<GenerationId> = Vec::new();
        for (entry, newer) in planned {
            let at = before.iter().position(|seated| *seated.place() == entry.place);
            match (at.map(|at| before.swap_remove(at)), newer) {
                (Some(mut seated), newer) => {
                    seated.entry = entry;
                    seated.limits = house.config.trial;
                    house.places.push(seated);
                    if let Some(newer) = newer {
                        changed.push((house.places.len() - 1, newer));
                    }
                }
                (None, Some(newer)) => {
                    let seated = self.first(&house.config, entry, newer, "the configuration names it", "host").await?;
                    house.places.push(seated);
                }
                // `plan` loads something for every place that is not filled.
                (None, None) => {}
            }
        }
        for seated in before {
            leaving.extend(seated.in_use());
            self.leave(seated).await?;
        }
        for (at, newer) in changed {
            let rollout = house.places[at].entry.rollout.unwrap_or(house.config.rollout);
            self.put_in_use(house, at, newer, rollout, "host").await?;
        }
        self.swap(house, leaving);
        self.pin(house)
    }

    /// A place that the configuration does not name any more.
    async fn leave(&self, mut seated: Seated) -> Result<(), FleetError> {
        let why = "the configuration does not name its place any more";
        self.end_trial(&mut seated, why, 0).await?;
        self.advance(seated.base.id, life::Event::Replace, Some(why.into())).await
    }
}

/// Reads a package and settles whether it may be taken. Nothing of it has run, and nothing is kept.
pub(crate) fn trusted(
    trust: &Trust,
    lock: &Lock,
    from: &str,
    bytes: &[u8],
    signature: Option<&str>,
    options: &InstallOptions,
) -> Result<(Arc<Package>, Locked), FleetError> {
    let package = Package::read(bytes)
        .map_err(|source| FleetError::Package { file: from.to_owned(), source: Box::new(source) })?;
    let locked = trust.admit(lock, &package, signature, options).map_err(|source| FleetError::Untrusted {
        plugin: package.name().clone(),
        version: package.version().to_owned(),
        source: Box::new(source),
    })?;
    Ok((Arc::new(package), locked))
}

/// SHA-256 in lower-case hex.
pub(crate) fn digest(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}

/// Who signed it, for people; none where nobody did.
fn signer(locked: &Locked) -> Option<String> {
    (locked.signer != LockedSigner::None).then(|| locked.signer.to_string())
}

fn refused(package: &Package, error: &FleetError) -> RefusedView {
    RefusedView { what: format!("{} {}", package.name(), package.version()), why: chain(error), at: now().0 }
}
