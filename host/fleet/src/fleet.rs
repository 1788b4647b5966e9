//! The fleet: every place with its generations, and what an operator can do to them.
use crate::{
    DifferenceView, FleetConfig, FleetError, InstallOptions, Installed, PlaceDetail, PlaceEntry, PlaceOutcome,
    PlaceView,
};
use std::sync::Arc;
use tributary_model::{GenerationId, Place, PluginName};
use tributary_pipeline::Plugins;
use tributary_runtime::Runtime;
use tributary_store::{Listing, Page, Store};

/// Every place with its generations.
pub struct Fleet {
    store: Arc<dyn Store>,
    runtime: Arc<Runtime>,
    config: FleetConfig,
}

impl Fleet {
    /// Takes up what the store says is live, and loads it; what the configuration declares and the store does not know is
    /// installed from the folder.
    ///
    /// # Errors
    /// Every fault at once; then nothing is in use.
    pub async fn open(
        config: FleetConfig,
        entries: Vec<PlaceEntry>,
        runtime: Arc<Runtime>,
        store: Arc<dyn Store>,
    ) -> Result<(Arc<Self>, Plugins), Vec<FleetError>> {
        let _ = entries;
        Ok((Arc::new(Self { store, runtime, config }), Plugins::default()))
    }

    /// Every place, in the order of the configuration.
    pub async fn places(&self) -> Result<Vec<PlaceView>, FleetError> {
        let _ = (&self.store, &self.runtime, &self.config);
        Ok(Vec::new())
    }

    /// One place with its past.
    pub async fn place(&self, place: &Place) -> Result<PlaceDetail, FleetError> {
        Err(FleetError::UnknownPlace(place.to_string()))
    }

    /// Takes a package: verified, loaded, and put in use in every place its plugin fills. `signature`: the text of its
    /// `.minisig` file. `by`: the actor for the event log, `agent:NAME`.
    pub async fn install(
        &self,
        package: Vec<u8>,
        signature: Option<String>,
        options: InstallOptions,
        by: &str,
    ) -> Result<Installed, FleetError> {
        let _ = (package, signature, options, by);
        Err(FleetError::Nothing("nothing can be installed yet".into()))
    }

    /// The same from a registry: `oci://HOST[:PORT]/NAME:TAG` or `@sha256:…`.
    pub async fn install_from(&self, source: &str, options: InstallOptions, by: &str) -> Result<Installed, FleetError> {
        let _ = (options, by);
        Err(FleetError::Source { from: source.to_owned(), why: "no registry is known".into() })
    }

    /// Ends a trial, or goes back to the generation that acted before, or to the one that is named.
    pub async fn roll_back(
        &self,
        place: &Place,
        to: Option<GenerationId>,
        why: &str,
        by: &str,
    ) -> Result<PlaceOutcome, FleetError> {
        let _ = (to, why, by);
        Err(FleetError::UnknownPlace(place.to_string()))
    }

    /// Ends a trial by putting what is tried in use.
    pub async fn promote(&self, place: &Place, by: &str) -> Result<PlaceOutcome, FleetError> {
        let _ = by;
        Err(FleetError::UnknownPlace(place.to_string()))
    }

    /// Takes a place out of use, or into use again. A channel's events are kept aside meanwhile, a policy is not asked.
    pub async fn set_enabled(&self, place: &Place, enabled: bool, by: &str) -> Result<PlaceView, FleetError> {
        let _ = (enabled, by);
        Err(FleetError::UnknownPlace(place.to_string()))
    }

    /// Forgets a plugin that fills no place: its file, its line in the lock, its packages.
    pub async fn remove(&self, plugin: &PluginName, by: &str) -> Result<(), FleetError> {
        let _ = by;
        Err(FleetError::Nothing(format!("there is no plugin {plugin}")))
    }

    /// What the trial of a place, or its last one, decided differently, the newest first.
    pub async fn differences(&self, place: &Place, page: Page) -> Result<Listing<DifferenceView>, FleetError> {
        let _ = page;
        Err(FleetError::UnknownPlace(place.to_string()))
    }
}
