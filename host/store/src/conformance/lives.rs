//! Generations: their life, never two live in a place, what is kept of trials, and what is forgotten.
use super::fixture::*;
use super::*;
use crate::*;
use tributary_model::life::{self, Event as Step, State};

cases![
    a_generation_is_kept_as_it_was_made,
    every_step_of_a_life_is_told,
    another_acts_and_the_one_before_drains,
    what_its_life_does_not_allow_changes_nothing,
    going_back_is_a_switch,
    a_place_may_stand_without_a_live_one,
    generations_of_every_place_are_listed,
    places_go_out_of_use_and_come_back,
    the_newest_differences_stay,
    old_generations_are_forgotten_unless_something_names_them,
];

async fn a_generation_is_kept_as_it_was_made(store: &dyn Store) -> Held {
    let signed = NewGeneration { signer: Some("the shop".into()), ..package(&triage(), "0.2.0") };
    for made in [signed, package(&email(), "1.0.0")] {
        let id = store.add_generation(made.clone()).await?;
        let kept = found("the generation", store.generation(id).await?)?;
        let want = StoredGeneration { id, changed: made.at, made, state: State::Package, why: None, lived: false };
        same("kept", kept, want)?;
    }
    same("no other", store.generation(GenerationId(99)).await?, None)
}

async fn every_step_of_a_life_is_told(store: &dyn Store) -> Held {
    let before = store.last_event().await?;
    let id = checked(store, &triage(), "0.2.0").await?;
    step(store, id, Step::Canary, Some("a tenth of the conversations")).await?;
    let it = go_live(store, id, "canary passed").await?;
    same("the first of its place", it, Switched::Done { was: None })?;
    let events = store.events(before, 100).await?;
    let told: Vec<_> = events.iter().map(|event| event.why.as_deref().unwrap_or_default()).collect();
    let name = "policy-triage 0.2.0 (generation 1) is";
    let want = ["a package", "verified", "compiled", "checked", "a canary: a tenth of the conversations"];
    let mut want: Vec<_> = want.map(|step| format!("{name} {step}")).to_vec();
    want.push(format!("{name} live: canary passed"));
    same("told", told, want.iter().map(String::as_str).collect())?;
    let kinds: Vec<_> = events.iter().map(|event| (event.act.as_str(), event.conversation)).collect();
    same("of no conversation", kinds, vec![("generation", None); 6])?;
    let actors: Vec<_> = events.iter().map(|event| event.actor.as_str()).collect();
    same("who", actors, vec!["host", "host", "host", "host", "host", "agent:ann"])?;
    let last = found("the last event", events.last())?;
    let detail: serde_json::Value = serde_json::from_str(last.detail.as_deref().unwrap_or_default())?;
    let words = ["place", "was", "state", "version"].map(|key| detail[key].as_str().unwrap_or_default().to_owned());
    same("for programs", words, ["policy/policy-triage", "canary", "live", "0.2.0"].map(String::from))?;
    same("its id", detail["generation"].as_i64(), Some(id.0))
}

async fn another_acts_and_the_one_before_drains(store: &dyn Store) -> Held {
    let first = checked(store, &triage(), "0.1.0").await?;
    let elsewhere = checked(store, &email(), "1.0.0").await?;
    for id in [first, elsewhere] {
        same("the first of its place", go_live(store, id, "installed").await?, Switched::Done { was: None })?;
    }
    let second = checked(store, &triage(), "0.2.0").await?;
    same("the second", go_live(store, second, "installed").await?, Switched::Done { was: Some(first) })?;
    let kept = store.generations(Some(&triage()), 9).await?;
    let states: Vec<_> = kept.iter().map(|it| (it.id, it.state)).collect();
    same("the newest first", states, vec![(second, State::Live), (first, State::Draining)])?;
    same("why it drains", kept[1].why.as_deref(), Some("generation 3 acts instead"))?;
    same("why it acts", kept[0].why.as_deref(), Some("installed"))?;
    same("the other place", state_of(store, elsewhere).await?, State::Live)
}

async fn what_its_life_does_not_allow_changes_nothing(store: &dyn Store) -> Held {
    let live = checked(store, &triage(), "0.1.0").await?;
    go_live(store, live, "installed").await?;
    let young = store.add_generation(package(&triage(), "0.2.0")).await?;
    let all = store.generations(None, 9).await?;
    let event = store.last_event().await?;
    for (id, state) in [(live, State::Live), (young, State::Package)] {
        for step in [Step::Check, Step::Shadow, Step::Canary, Step::Drain, Step::GoLive] {
            let got = store.advance(id, step, None, Timestamp(9)).await?;
            same("refused", got, Some(Err(life::Illegal { state, event: step })))?;
        }
        let refused = Switched::Illegal(life::Illegal { state, event: Step::GoLive });
        same("no switch", go_live(store, id, "now").await?, refused)?;
    }
    let unknown = GenerationId(99);
    same("an unknown one", store.advance(unknown, Step::Verify, None, Timestamp(9)).await?, None)?;
    same("no switch to it", go_live(store, unknown, "now").await?, Switched::Unknown)?;
    same("as it was", store.generations(None, 9).await?, all)?;
    same("nothing told", store.last_event().await?, event)
}

async fn going_back_is_a_switch(store: &dyn Store) -> Held {
    let first = checked(store, &triage(), "0.1.0").await?;
    go_live(store, first, "installed").await?;
    let second = checked(store, &triage(), "0.2.0").await?;
    go_live(store, second, "installed").await?;
    same("back", go_live(store, first, "rolled back").await?, Switched::Done { was: Some(second) })?;
    step(store, second, Step::Drain, None).await?;
    same("retired", state_of(store, second).await?, State::Retired)?;
    same("forth again", go_live(store, second, "mended").await?, Switched::Done { was: Some(first) })
}

async fn a_place_may_stand_without_a_live_one(store: &dyn Store) -> Held {
    let first = checked(store, &triage(), "0.1.0").await?;
    go_live(store, first, "installed").await?;
    same("removed", step(store, first, Step::Replace, Some("removed")).await?, State::Draining)?;
    same("again", go_live(store, first, "installed").await?, Switched::Done { was: None })
}

async fn generations_of_every_place_are_listed(store: &dyn Store) -> Held {
    let mut ids = Vec::new();
    for n in 0..4 {
        for place in [triage(), email()] {
            ids.push(store.add_generation(package(&place, &format!("0.{n}.0"))).await?);
        }
    }
    ids.reverse();
    let list = |it: Vec<StoredGeneration>| it.into_iter().map(|it| it.id).collect::<Vec<_>>();
    same("all", list(store.generations(None, 9).await?), ids.clone())?;
    same("two of each", list(store.generations(None, 2).await?), ids[..4].to_vec())?;
    let of_triage: Vec<_> = ids.iter().copied().filter(|id| id.0 % 2 == 1).collect();
    same("of one", list(store.generations(Some(&triage()), 3).await?), of_triage[..3].to_vec())?;
    same("of none", list(store.generations(Some(&Place::Policy("x".into())), 3).await?), Vec::new())
}

async fn places_go_out_of_use_and_come_back(store: &dyn Store) -> Held {
    let before = store.last_event().await?;
    for (place, enabled) in [(triage(), false), (email(), false), (email(), false), (triage(), true), (triage(), true)]
    {
        store.set_enabled(&place, enabled, "agent:ann", Timestamp(5)).await?;
    }
    same("out of use", store.disabled().await?, vec![email()])?;
    let told = store.events(before, 9).await?.into_iter().map(|event| (event.actor, event.act, event.why));
    let want = [
        ("disabled", "policy/policy-triage is out of use"),
        ("disabled", "channel/mail is out of use"),
        ("enabled", "policy/policy-triage is in use again"),
    ];
    let want = want.map(|(act, why)| ("agent:ann".to_owned(), act.to_owned(), Some(why.to_owned())));
    same("told once each", told.collect::<Vec<_>>(), want.to_vec())
}

async fn the_newest_differences_stay(store: &dyn Store) -> Held {
    let new = |tried: i64, n: u64| NewDifference {
        tried: GenerationId(tried),
        against: GenerationId(1),
        conversation: n.is_multiple_of(2).then_some(ConversationId(7)),
        about: format!("happening {n}"),
        before: "grade inquiry".into(),
        after: "grade dispute".into(),
        at: Timestamp(n),
    };
    store.add_differences(Vec::new()).await?;
    store.add_differences((0..3).map(|n| new(3, n)).collect()).await?;
    for batch in 0..5u64 {
        store.add_differences((batch * 250..(batch + 1) * 250).map(|n| new(2, n)).collect()).await?;
    }
    let (mut got, mut after) = (Vec::new(), None);
    loop {
        let listing = store.differences(GenerationId(2), Page { after, limit: 200 }).await?;
        got.extend(listing.items.into_iter().map(|it| it.it));
        after = listing.next;
        if after.is_none() {
            break;
        }
    }
    same("the newest thousand, the newest first", got, (250..1_250).rev().map(|n| new(2, n)).collect())?;
    same("another's stay", store.differences(GenerationId(3), page(9)).await?.items.len(), 3)
}

async fn old_generations_are_forgotten_unless_something_names_them(store: &dyn Store) -> Held {
    let mut ids = Vec::new();
    for n in 0..60 {
        let id = checked(store, &triage(), &format!("0.{n}.0")).await?;
        match n {
            // One that is tried, one that was refused, and one that something waits for.
            3 => {
                step(store, id, Step::Shadow, None).await?;
            }
            4 => {
                step(store, id, Step::Refuse, Some("it traps")).await?;
            }
            _ => {
                go_live(store, id, "installed").await?;
            }
        }
        ids.push(id);
    }
    let other = checked(store, &email(), "1.0.0").await?;
    go_live(store, other, "installed").await?;
    step(store, other, Step::Replace, None).await?;
    step(store, other, Step::Drain, None).await?;
    open(store, "one", Timestamp(1)).await?;
    let mut outcome = failure("policy-triage", false);
    outcome.generation = ids[5];
    let claimed = claim_one(store, Timestamp(2)).await?;
    store.apply(decided(&claimed, vec![outcome], Timestamp(3))).await?;
    for (n, id) in ids.iter().enumerate() {
        // One drains for a long time.
        if !matches!(n, 3 | 4 | 6 | 59) {
            step(store, *id, Step::Drain, None).await?;
        }
    }
    let gone = [0, 1, 2, 4, 7, 8, 9].map(|n: usize| ids[n]);
    same("deleted", store.sweep(Timestamp(4)).await?, gone.len() as u64)?;
    let left: Vec<_> = store.generations(Some(&triage()), 99).await?.into_iter().map(|it| it.id).rev().collect();
    same("left", left, ids.iter().copied().filter(|id| !gone.contains(id)).collect())?;
    same("the other place", state_of(store, other).await?, State::Retired)?;
    let row = found("the parked row", store.parked(false, page(1)).await?.items.pop())?;
    holds("taken back", store.unpark(row.id, "ann", Timestamp(5)).await?)?;
    same("then nothing names it", store.sweep(Timestamp(6)).await?, 1)?;
    same("twice", store.sweep(Timestamp(7)).await?, 0)
}
