//! What an operator sees of the fleet.
use crate::FleetError;
use crate::fleet::Fleet;
use crate::seated::{Loaded, Mode, Seated, Tried};
use crate::view::{
    BreakerView, DifferenceView, FaultsView, GenerationView, PlaceDetail, PlaceView, SightView, TrialView,
};
use std::collections::HashMap;
use tributary_model::life::State;
use tributary_model::trial::Verdict;
use tributary_model::{ConversationId, Place, Timestamp};
use tributary_pipeline::GateView;
use tributary_runtime::Sight;
use tributary_store::{Difference, Listing, Page, StoredGeneration};

/// Generations of a place that are shown.
const PAST: usize = 20;

impl Fleet {
    /// Every place, in the order of the configuration.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn places(&self) -> Result<Vec<PlaceView>, FleetError> {
        let parked: HashMap<Place, u64> = self.store.parked_by_place().await?.into_iter().collect();
        let shown = self.shown.load_full();
        let mut views = Vec::with_capacity(shown.len());
        for seated in shown.iter() {
            let rows = self.store.generations(Some(seated.place()), PAST).await?;
            views.push(view(seated, &rows, parked.get(seated.place()).copied().unwrap_or_default()));
        }
        Ok(views)
    }

    /// One place with its past.
    ///
    /// # Errors
    /// There is no such place, or the store does not answer.
    pub async fn place(&self, place: &Place) -> Result<PlaceDetail, FleetError> {
        let parked = self.store.parked_by_place().await?;
        let parked = parked.into_iter().find(|(of, _)| of == place).map_or(0, |(_, count)| count);
        let rows = self.store.generations(Some(place), PAST).await?;
        let seated = &self.shown(place)?;
        let loaded = |row: &StoredGeneration| loaded_of(seated, row.id.0);
        let parse = |text: &str| serde_json::from_str(text).unwrap_or_default();
        Ok(PlaceDetail {
            now: view(seated, &rows, parked),
            generations: rows.iter().map(|row| generation(row, loaded(row))).collect(),
            grants: serde_json::json!({
                "services": seated.live().generation.granted().services,
                "secrets": seated.live().generation.granted().secrets,
                "egress": seated.live().generation.granted().egress.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "actions": seated.live().generation.granted().actions.to_vec(),
            }),
            config: parse(&seated.live().made.config),
        })
    }

    /// What the trial of a place, or its last one, decided differently, the newest first.
    ///
    /// # Errors
    /// There is no such place, or the store does not answer.
    pub async fn differences(&self, place: &Place, page: Page) -> Result<Listing<DifferenceView>, FleetError> {
        let rows = self.store.generations(Some(place), PAST).await?;
        let (tried, watch) = {
            let seated = self.shown(place)?;
            let tried = seated.tried.as_ref().filter(|tried| tried.mode != Mode::Guard);
            (tried.map(|tried| tried.newer.id), tried.map(|tried| tried.watch.clone()))
        };
        if let Some(watch) = watch {
            self.flush(&watch).await?;
        }
        // Without a trial under way: the last generation that was tried and found different.
        let candidates = tried.into_iter().chain(rows.iter().map(|row| row.id));
        let mut last = Listing { items: Vec::new(), next: None };
        for id in candidates {
            last = self.store.differences(id, page.clone()).await?;
            if !last.items.is_empty() || tried == Some(id) {
                break;
            }
        }
        Ok(Listing { items: last.items.into_iter().map(difference).collect(), next: last.next })
    }
}

impl Fleet {
    fn shown(&self, place: &Place) -> Result<Seated, FleetError> {
        let shown = self.shown.load();
        let found = shown.iter().find(|seated| seated.place() == place).cloned();
        found.ok_or_else(|| FleetError::UnknownPlace(place.to_string()))
    }
}

fn loaded_of(seated: &Seated, id: i64) -> Option<&Loaded> {
    std::iter::once(&seated.base)
        .chain(seated.tried.iter().map(|tried| &tried.newer))
        .chain(&seated.kept)
        .find(|loaded| loaded.id.0 == id)
        .map(|loaded| &**loaded)
}

fn view(seated: &Seated, rows: &[StoredGeneration], parked: u64) -> PlaceView {
    let row = |loaded: &Loaded| rows.iter().find(|row| row.id == loaded.id);
    let seen = |loaded: &Loaded| match row(loaded) {
        Some(row) => generation(row, Some(loaded)),
        // A row too old for the page: what is loaded knows itself.
        None => {
            let state = if loaded.id == seated.live().id { State::Live } else { State::Retired };
            let made = loaded.made.clone();
            let changed = made.at;
            generation(&StoredGeneration { id: loaded.id, made, state, why: None, lived: true, changed }, Some(loaded))
        }
    };
    let standing = seated.tried.iter().filter(|tried| tried.mode == Mode::Guard).map(|_| &seated.base);
    PlaceView {
        place: seated.place().to_string(),
        plugin: seated.entry.plugin.to_string(),
        enabled: seated.enabled,
        live: Some(seen(seated.live())),
        trial: seated.tried.as_ref().map(|tried| trial(tried, seen(&tried.newer))),
        standing_by: standing.chain(&seated.kept).map(|loaded| seen(loaded)).collect(),
        breaker: breaker(&seated.gate.view()),
        parked,
        refused: seated.refused.clone(),
    }
}

fn trial(tried: &Tried, generation: GenerationView) -> TrialView {
    let counts = tried.watch.counts();
    let enough = tried.watch.enough();
    let verdict = match tried.watch.verdict() {
        Verdict::GoOn if tried.mode == Mode::Guard => format!("{} of {enough} calls so far", counts.calls.min(enough)),
        Verdict::GoOn => format!("{} of {enough} conversations so far, within every limit", counts.conversations),
        Verdict::Promote(why) => format!("proved itself: {why}"),
        Verdict::RollBack(why) => format!("to be rolled back: {why}"),
    };
    TrialView {
        generation,
        mode: tried.mode.as_str(),
        share: tried.mode.share(),
        calls: counts.calls,
        faults: counts.faults + counts.breaches,
        conversations: counts.conversations,
        different: counts.differed,
        enough,
        verdict,
    }
}

fn generation(row: &StoredGeneration, loaded: Option<&Loaded>) -> GenerationView {
    GenerationView {
        generation: row.id.0,
        plugin: row.made.plugin.to_string(),
        version: row.made.version.clone(),
        digest: row.made.digest.clone(),
        contract: row.made.contract.clone(),
        signer: row.made.signer.clone(),
        state: row.state.as_str(),
        why: row.why.clone(),
        since: row.changed.0,
        sight: loaded.map(|loaded| sight(&loaded.generation.sight())),
    }
}

fn sight(sight: &Sight) -> SightView {
    let us = |time: std::time::Duration| time.as_secs_f64() * 1e6;
    let whole = |time: std::time::Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let faults = &sight.faults;
    SightView {
        calls: sight.calls(),
        guest_p50_us: us(sight.guest.p50),
        guest_p99_us: us(sight.guest.p99),
        wall_p50_us: us(sight.wall.p50),
        wall_p99_us: us(sight.wall.p99),
        guest_total_us: whole(sight.guest_total),
        host_total_us: whole(sight.host_total),
        memory_high: sight.memory_high as u64,
        faults: FaultsView {
            guest: faults.guest,
            trap: faults.trap,
            budget: faults.budget_guest + faults.budget_wall + faults.budget_memory + faults.budget_bytes_out,
            host: faults.host,
        },
        last_fault: sight.last_fault.as_ref().map(|fault| (fault.at.0, fault.words.clone())),
    }
}

fn breaker(gate: &GateView) -> BreakerView {
    let moment = |at: &Timestamp| at.0;
    BreakerView {
        state: gate.state.as_str(),
        since: gate.since.0,
        next_probe: gate.next_probe.as_ref().map(moment),
        strikes: gate.strikes,
        last_fault: gate.last_fault.as_ref().map(|(at, words)| (at.0, words.clone())),
    }
}

fn difference(difference: Difference) -> DifferenceView {
    let Difference { id, it } = difference;
    DifferenceView {
        id,
        tried: it.tried.0,
        against: it.against.0,
        conversation: it.conversation.map(ConversationId::tag),
        about: it.about,
        before: it.before,
        after: it.after,
        at: it.at.0,
    }
}
