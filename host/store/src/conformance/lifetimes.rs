//! Random steps of generations in several places, beside books that follow the model's rules.
use super::fixture::*;
use super::*;
use crate::*;
use std::collections::BTreeMap;
use tributary_model::life::{self, Event as To, State};

/// What to do, to which, and how; any numbers do.
#[derive(Clone, Copy, Debug)]
pub struct LifeStep(pub u8, pub u8, pub u8);

const EVENTS: [To; 9] =
    [To::Verify, To::Compile, To::Check, To::Shadow, To::Canary, To::GoLive, To::Replace, To::Drain, To::Refuse];

type Entries = BTreeMap<String, Vec<u8>>;

/// What a store must hold after the steps it was given. Outlives the store, so that it can be opened anew in between.
#[derive(Debug, Default)]
pub struct Books {
    generations: BTreeMap<GenerationId, (Place, State)>,
    states: BTreeMap<Place, Entries>,
    kept: BTreeMap<GenerationId, Entries>,
}

fn places() -> [Place; 3] {
    [triage(), email(), Place::Policy("policy-routing".into())]
}

fn scope_of(place: &Place) -> StateScope {
    match place {
        Place::Channel(name) => StateScope { plugin: "channel-email".into(), channel: name.clone() },
        Place::Policy(name) => StateScope { plugin: name.clone(), channel: "".into() },
    }
}

impl Books {
    /// One step, and what the store says to it.
    pub async fn step(&mut self, store: &dyn Store, LifeStep(what, to, how): LifeStep) -> Held {
        let ids: Vec<_> = self.generations.keys().copied().collect();
        let picked = ids.get(usize::from(to) % ids.len().max(1)).copied();
        let place = places()[usize::from(to) % 3].clone();
        // Few, so that each goes through much.
        let what = if ids.len() < 8 { what % 12 } else { 2 + what % 10 };
        match (what, picked) {
            (0 | 1, _) | (_, None) => {
                let id = store.add_generation(package(&place, &format!("0.{}.0", ids.len()))).await?;
                let newer = self.generations.insert(id, (place, State::Package)).is_none();
                holds("an id is never used again", newer && ids.last().is_none_or(|last| *last < id))
            }
            (2, _) => {
                let write = StateWrite { key: format!("k{}", how % 4), value: Some(vec![to, how]), expires: None };
                self.states.entry(place.clone()).or_default().insert(write.key.clone(), vec![to, how]);
                Ok(store.keep(&scope_of(&place), vec![write].into(), Vec::new(), Timestamp(5)).await?)
            }
            (3..=7, Some(id)) => self.advance(store, id, how).await,
            (_, Some(id)) => self.switch(store, id, how).await,
        }
    }

    async fn advance(&mut self, store: &dyn Store, id: GenerationId, how: u8) -> Held {
        let state = self.generations[&id].1;
        // Mostly what it may: few would ever be live otherwise.
        let legal = EVENTS.into_iter().filter(|event| life::next(state, *event).is_ok());
        let legal: Vec<_> = legal.filter(|event| *event != To::Refuse || how < 20).collect();
        let events = if how < 200 && !legal.is_empty() { &legal[..] } else { &EVENTS };
        let event = events[usize::from(how) % events.len()];
        let want = match event {
            To::GoLive => Err(life::Illegal { state, event }),
            _ => life::next(state, event),
        };
        same("advanced", store.advance(id, event, None, Timestamp(6)).await?, Some(want))?;
        if let (Ok(next), Some(row)) = (want, self.generations.get_mut(&id)) {
            row.1 = next;
        }
        Ok(())
    }

    async fn switch(&mut self, store: &dyn Store, to: GenerationId, how: u8) -> Held {
        let (place, state) = self.generations[&to].clone();
        let scope = scope_of(&place);
        let revision = store.state_copy(&scope, Timestamp(9)).await?.revision;
        let made = Entries::from([("made-by".to_owned(), to.to_string().into_bytes())]);
        let migrated = |revision| StateChange::Migrated {
            scope: scope.clone(),
            revision,
            entries: made.clone().into_iter().collect(),
        };
        let change = match how % 4 {
            0 => StateChange::Keep,
            1 => migrated(revision),
            2 => migrated(revision - 1),
            _ => StateChange::Restore { scope: scope.clone() },
        };
        let got = switch_with(store, to, change).await?;
        if let Err(illegal) = life::next(state, To::GoLive) {
            return same("refused", got, Switched::Illegal(illegal));
        }
        if how % 4 == 2 {
            return same("a stale copy", got, Switched::StateMoved);
        }
        let was = self.generations.iter().find(|(_, row)| row.0 == place && row.1 == State::Live).map(|(id, _)| *id);
        same("switched", got, Switched::Done { was })?;
        let kept = self.kept.remove(&to);
        let comes = match how % 4 {
            0 => None,
            1 => Some(made),
            _ => kept,
        };
        if let Some(comes) = comes {
            let goes = self.states.insert(place.clone(), comes).unwrap_or_default();
            if let Some(was) = was {
                self.kept.insert(was, goes);
            }
        }
        if let Some(was) = was {
            self.generations.insert(was, (place.clone(), State::Draining));
        }
        self.generations.insert(to, (place, State::Live));
        Ok(())
    }

    /// The store holds what the books say, and never two live in a place.
    pub async fn agree(&self, store: &dyn Store) -> Held {
        let all = store.generations(None, usize::MAX).await?;
        let rows: BTreeMap<_, _> = all.into_iter().map(|it| (it.id, (it.made.place, it.state))).collect();
        same("the generations", &rows, &self.generations)?;
        for place in places() {
            let live = rows.values().filter(|row| row.0 == place && row.1 == State::Live).count();
            holds("at most one is live", live <= 1)?;
            let copy = store.state_copy(&scope_of(&place), Timestamp(9)).await?;
            let want: Vec<_> = self.states.get(&place).cloned().unwrap_or_default().into_iter().collect();
            same(&format!("the state of {place}"), copy.entries, want)?;
        }
        Ok(())
    }
}
