//! What an operator does to what is there: going back, promoting, taking a place out of use, forgetting a plugin. And what
//! the fleet does by itself: ending trials, looking at the folder, noticing what has drained.
use crate::fleet::{Fleet, House};
use crate::seated::{Loaded, Mode};
use crate::trial::Judged;
use crate::view::RefusedView;
use crate::{FleetError, PlaceOutcome, PlaceView};
use std::sync::Arc;
use std::time::Duration;
use tributary_model::error::chain;
use tributary_model::life::{self, State};
use tributary_model::trial::Verdict;
use tributary_model::{GenerationId, Place, PluginName};
use tributary_pipeline::driver::Stop;
use tributary_pipeline::now;
use tributary_runtime::aside;
use tributary_store::StateChange;

/// How often what came to rest is looked for: files, drained generations, differences.
const LOOK: Duration = Duration::from_millis(250);

/// What a rollback goes back to.
enum Back {
    /// It is compiled already.
    Kept(Arc<Loaded>),
    /// It has to be loaded again.
    Past(GenerationId),
}

impl Fleet {
    /// Ends a trial, or goes back to the generation that acted before, or to the one that is named.
    ///
    /// # Errors
    /// There is nothing to go back to, or it does not load any more; then nothing has changed.
    pub async fn roll_back(
        self: &Arc<Self>,
        place: &Place,
        to: Option<GenerationId>,
        why: &str,
        by: &str,
    ) -> Result<PlaceOutcome, FleetError> {
        let (fleet, place, why, by) = (Arc::clone(self), place.clone(), why.to_owned(), by.to_owned());
        aside(Box::pin(async move { fleet.roll_back_here(&place, to, &why, &by).await })).await
    }

    async fn roll_back_here(
        &self,
        place: &Place,
        to: Option<GenerationId>,
        why: &str,
        by: &str,
    ) -> Result<PlaceOutcome, FleetError> {
        let mut house = self.house.lock().await;
        let at = house.seated(place)?;
        let tried = house.places[at].tried.as_ref().map(|tried| tried.mode);
        let outcome = match (tried, to) {
            (Some(Mode::Shadow | Mode::Canary(_)), None) => self.call_off(&mut house, at, why).await?,
            _ => self.go_back(&mut house, at, to, why, by).await?,
        };
        self.pin(&mut house)?;
        tracing::info!(place = outcome.place, generation = outcome.generation, by, "{}", outcome.what);
        Ok(outcome)
    }

    /// Ends a shadow or a canary; what acts goes on acting.
    async fn call_off(&self, house: &mut House, at: usize, why: &str) -> Result<PlaceOutcome, FleetError> {
        let keep = house.config.keep;
        let seated = &mut house.places[at];
        let tried = seated.tried.as_ref().map(|tried| Arc::clone(&tried.newer));
        let Some(newer) = tried else { return Err(FleetError::Nothing("nothing is tried there".into())) };
        let left = self.end_trial(seated, why, keep).await?;
        seated.refused = Some(refused(&newer, why));
        let acts = Arc::clone(&seated.base);
        let took = self.swap(house, left);
        let what = format!("the trial of {} was ended: {why}", newer.made.version);
        Ok(outcome(house.places[at].place(), &acts, None, took, what))
    }

    /// Another generation acts again, without a trial: it has proved itself.
    async fn go_back(
        &self,
        house: &mut House,
        at: usize,
        to: Option<GenerationId>,
        why: &str,
        by: &str,
    ) -> Result<PlaceOutcome, FleetError> {
        let place = house.places[at].place().clone();
        let live = Arc::clone(house.places[at].live());
        if to == Some(live.id) {
            return Err(FleetError::Nothing(format!("generation {} is live in {place} already", live.id)));
        }
        let back = match self.before(house, at, to).await? {
            Back::Kept(kept) => kept,
            Back::Past(id) => {
                let row = self.store.generation(id).await?;
                let row = row.ok_or_else(|| FleetError::Nothing(format!("there is no generation {id}")))?;
                self.reload_row(house, &row, house.places[at].entry.clone()).await?
            }
        };
        let state = StateChange::Restore { scope: crate::fleet::scope(&house.places[at].entry, &back.package) };
        let sentence = format!("back to {} {}: {why}", back.made.plugin, back.made.version);
        // The state goes back to another form: nobody may be under way who knows only the one of now.
        let changes = live.package.migrates() || back.package.migrates();
        let held = if changes { Some(self.at_rest(house, at).await?) } else { None };
        let committed = self.commit(back.id, &sentence, by, state).await;
        match &held {
            Some(gate) => committed.inspect_err(|_| gate.let_go())?,
            None => committed?,
        };
        let config = house.config.clone();
        let seated = &mut house.places[at];
        // Whatever is still kept aside at the old gate is committed before the new one looks for it.
        let closing = seated.closing(held.is_some()).await;
        let mut leaving = vec![live.id];
        if let Some(tried) = seated.tried.take() {
            self.flush(&tried.watch).await?;
            if tried.mode != Mode::Guard {
                self.advance(tried.newer.id, life::Event::Replace, Some(sentence.clone())).await?;
                leaving.push(tried.newer.id);
            }
            seated.keep(Arc::clone(&tried.newer), config.keep);
        }
        let was = std::mem::replace(&mut seated.base, Arc::clone(&back));
        // What stood by, where something else is gone back to.
        if was.id != back.id && was.id != live.id {
            leaving.push(was.id);
        }
        seated.keep(was, config.keep);
        seated.keep(Arc::clone(&live), config.keep);
        seated.take_kept(back.id);
        seated.refused = Some(refused(&live, why));
        seated.gate = self.gate(&place, back.id, seated.enabled, &config).await?;
        let took = self.swap(house, leaving);
        drop(closing);
        if held.is_some() {
            house.places[at].gate.let_go();
        }
        Ok(outcome(&place, &back, Some(live.id), took, sentence))
    }

    /// What to go back to: the one that is named, the one that stands by, or the newest that acted before.
    async fn before(&self, house: &House, at: usize, to: Option<GenerationId>) -> Result<Back, FleetError> {
        let seated = &house.places[at];
        let standing = seated.tried.as_ref().filter(|tried| tried.mode == Mode::Guard).map(|_| &seated.base);
        let compiled = standing.into_iter().chain(&seated.kept);
        let may = |kept: &&Arc<Loaded>| kept.is_allowed(&seated.entry) && to.is_none_or(|to| kept.id == to);
        if let Some(kept) = compiled.into_iter().find(may) {
            return Ok(Back::Kept(Arc::clone(kept)));
        }
        let past = self.store.generations(Some(seated.place()), 50).await?;
        let live = seated.live().id;
        let found = past.iter().find(|row| {
            let acted = row.lived && matches!(row.state, State::Draining | State::Retired);
            acted && row.id != live && row.made.plugin == seated.entry.plugin && to.is_none_or(|to| row.id == to)
        });
        found.map(|row| Back::Past(row.id)).ok_or_else(|| {
            FleetError::Nothing(match to {
                Some(to) => format!(
                    "generation {to} never acted in {}; `tributary plugin show` lists those that did",
                    seated.place()
                ),
                None => format!("nothing acted in {} before {}", seated.place(), seated.live().made.version),
            })
        })
    }

    /// Ends a trial by putting what is tried in use.
    ///
    /// # Errors
    /// Nothing is tried there.
    pub async fn promote(self: &Arc<Self>, place: &Place, by: &str) -> Result<PlaceOutcome, FleetError> {
        let (fleet, place, by) = (Arc::clone(self), place.clone(), by.to_owned());
        aside(Box::pin(async move {
            let mut house = fleet.house.lock().await;
            let at = house.seated(&place)?;
            let outcome = fleet.promote_here(&mut house, at, "an operator promoted it", &by).await?;
            tracing::info!(place = outcome.place, generation = outcome.generation, by, "{}", outcome.what);
            Ok(outcome)
        }))
        .await
    }

    async fn promote_here(
        &self,
        house: &mut House,
        at: usize,
        why: &str,
        by: &str,
    ) -> Result<PlaceOutcome, FleetError> {
        let config = house.config.clone();
        let seated = &mut house.places[at];
        let place = seated.place().clone();
        let Some(tried) = seated.tried.as_ref() else {
            return Err(FleetError::Nothing(format!("nothing is tried in {place}")));
        };
        let (mode, newer) = (tried.mode, Arc::clone(&tried.newer));
        let sentence = format!("{} {}: {why}", newer.made.plugin, newer.made.version);
        if mode != Mode::Guard {
            self.commit(newer.id, &sentence, by, StateChange::Keep).await?;
        }
        if let Some(tried) = seated.tried.take() {
            self.flush(&tried.watch).await?;
        }
        let was = std::mem::replace(&mut seated.base, Arc::clone(&newer));
        let left = was.id;
        seated.keep(was, config.keep);
        // A guard's gate is the newer one's already.
        let mut closing = None;
        if mode != Mode::Guard {
            closing = seated.closing(false).await;
            seated.gate = self.gate(&place, newer.id, seated.enabled, &config).await?;
        }
        let took = self.swap(house, vec![left]);
        drop(closing);
        self.pin(house)?;
        let what = match mode {
            Mode::Guard => format!("{} stands on its own: {why}", newer.made.version),
            _ => format!("live: {why}"),
        };
        Ok(outcome(&place, &newer, Some(left), took, what))
    }

    /// Takes a place out of use, or into use again. A channel's events are kept aside meanwhile, a policy is not asked.
    ///
    /// # Errors
    /// There is no such place.
    pub async fn set_enabled(&self, place: &Place, enabled: bool, by: &str) -> Result<PlaceView, FleetError> {
        {
            let mut house = self.house.lock().await;
            let at = house.seated(place)?;
            self.store.set_enabled(place, enabled, by, now()).await?;
            let seated = &mut house.places[at];
            seated.enabled = enabled;
            if enabled {
                seated.gate.enable();
                // A plugin that was given up for good is tried again as well: that is what the operator asks for.
                seated.gate.reset();
            } else {
                seated.gate.disable(by);
            }
            self.show(&house);
            tracing::info!(%place, enabled, by, "a place was taken out of use, or into use again");
        }
        self.place(place).await.map(|detail| detail.now)
    }

    /// Forgets a plugin that fills no place: its file, its line in the lock.
    ///
    /// # Errors
    /// It fills a place, or there is none of this name.
    pub async fn remove(&self, plugin: &PluginName, by: &str) -> Result<(), FleetError> {
        let mut house = self.house.lock().await;
        if let Some(seated) = house.places.iter().find(|seated| seated.entry.plugin == *plugin) {
            return Err(FleetError::InUse { plugin: plugin.clone(), place: seated.place().clone() });
        }
        let file = house.folder.remove(plugin)?;
        let locked = house.lock.remove(plugin).is_some();
        if !file && !locked {
            return Err(FleetError::Nothing(format!(
                "there is no plugin {plugin}; `tributary plugin list` shows them"
            )));
        }
        let path = house.config.lock.clone();
        house.lock.write(&path)?;
        tracing::info!(%plugin, by, "a plugin was removed");
        Ok(())
    }

    /// Ends trials, looks at the folder, and notices what has drained, until the stop.
    pub async fn run(self: Arc<Self>, stop: Stop) {
        aside(Box::pin(self.watch_over(stop))).await;
    }

    async fn watch_over(self: Arc<Self>, mut stop: Stop) {
        let mut verdicts = self.verdicts_inbox.lock().await;
        let mut tick = tokio::time::interval(LOOK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.ordered() => return,
                judged = verdicts.recv() => {
                    let Some(judged) = judged else { return };
                    let place = judged.place.clone();
                    if let Err(error) = self.judged(judged).await {
                        tracing::error!(%place, error = %chain(&error), "a trial could not be ended");
                    }
                }
                _ = tick.tick() => {
                    if let Err(error) = self.rested().await {
                        tracing::error!(error = %chain(&error), "what has come to rest could not be kept");
                    }
                    if self.watches().await {
                        self.look().await;
                    }
                }
            }
        }
    }

    async fn watches(&self) -> bool {
        self.house.lock().await.config.watch
    }

    /// A trial is over, unless an operator was faster.
    async fn judged(&self, judged: Judged) -> Result<(), FleetError> {
        let mut house = self.house.lock().await;
        let Ok(at) = house.seated(&judged.place) else { return Ok(()) };
        let tried = house.places[at].tried.as_ref().filter(|tried| tried.newer.id == judged.tried);
        let Some(mode) = tried.map(|tried| tried.mode) else { return Ok(()) };
        let outcome = match judged.verdict {
            Verdict::GoOn => return Ok(()),
            Verdict::Promote(_) if mode == Mode::Shadow && !house.config.trial.promote => return Ok(()),
            Verdict::Promote(why) => self.promote_here(&mut house, at, &why, "host").await?,
            Verdict::RollBack(why) if mode == Mode::Guard => {
                let outcome = self.go_back(&mut house, at, None, &why, "host").await?;
                self.pin(&mut house)?;
                outcome
            }
            Verdict::RollBack(why) => self.call_off(&mut house, at, &why).await?,
        };
        metrics::counter!("tributary_trials_total", "ended" => if outcome.generation == judged.tried.0 { "promoted" } else { "rolled-back" })
            .increment(1);
        tracing::info!(place = outcome.place, generation = outcome.generation, "{}", outcome.what);
        Ok(())
    }

    /// Generations that nothing runs with any more, and differences that wait.
    async fn rested(&self) -> Result<(), FleetError> {
        let drained: Vec<GenerationId> = {
            let mut leaving = self.leaving.lock();
            let (gone, stay) = leaving.drain(..).partition(|(set, _)| set.strong_count() == 0);
            *leaving = stay;
            let gone: Vec<(_, Vec<GenerationId>)> = gone;
            gone.into_iter().flat_map(|(_, left)| left).collect()
        };
        for id in drained {
            // One that came back to life meanwhile is not drained.
            if let Some(row) = self.store.generation(id).await?
                && row.state == State::Draining
            {
                self.advance(id, life::Event::Drain, None).await?;
            }
        }
        let shown = self.shown.load_full();
        let watches = shown.iter().filter_map(|seated| seated.tried.as_ref()).map(|tried| &tried.watch);
        for watch in watches {
            self.flush(watch).await?;
        }
        Ok(())
    }
}

fn refused(loaded: &Loaded, why: &str) -> RefusedView {
    let what = format!("{} {} (generation {})", loaded.made.plugin, loaded.made.version, loaded.id);
    RefusedView { what, why: why.to_owned(), at: now().0 }
}

fn outcome(
    place: &Place,
    acts: &Loaded,
    was: Option<GenerationId>,
    switch_us: Option<f64>,
    what: String,
) -> PlaceOutcome {
    PlaceOutcome {
        place: place.to_string(),
        generation: acts.id.0,
        version: acts.made.version.clone(),
        state: State::Live.as_str(),
        was: was.map(|id| id.0),
        switch_us,
        what,
    }
}
