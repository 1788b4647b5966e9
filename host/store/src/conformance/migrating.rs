//! The state of a plugin when another generation takes its place.
use super::fixture::*;
use super::*;
use crate::*;
use tributary_model::life::State;

cases![
    a_copy_is_what_is_there_and_says_who_wrote_it,
    every_write_moves_the_state_and_nothing_else_does,
    what_migrate_made_takes_its_place,
    written_in_between_nothing_changes,
    the_way_back_gives_what_was_there,
    there_and_back_and_there_again,
    where_nothing_was_kept_the_way_back_changes_nothing,
    a_state_that_was_empty_comes_back_empty,
    what_is_forgotten_does_not_come_back,
    a_switch_that_keeps_the_state_leaves_it_alone,
];

fn write(key: &str, value: &str) -> StateWrite {
    StateWrite { key: key.into(), value: Some(value.as_bytes().to_vec()), expires: None }
}

fn entries(list: &[(&str, &str)]) -> Vec<(String, Vec<u8>)> {
    list.iter().map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec())).collect()
}

async fn put(store: &dyn Store, list: &[(&str, &str)]) -> Held {
    let writes: Vec<_> = list.iter().map(|(key, value)| write(key, value)).collect();
    Ok(store.keep(&scope(), writes.into(), Vec::new(), Timestamp(5)).await?)
}

async fn copy(store: &dyn Store) -> Result<StateCopy, StoreError> {
    store.state_copy(&scope(), Timestamp(10)).await
}

/// A switch with a migration of what is there now.
async fn migrate(store: &dyn Store, to: GenerationId, list: &[(&str, &str)]) -> Result<Switched, StoreError> {
    let revision = copy(store).await?.revision;
    switch_with(store, to, StateChange::Migrated { scope: scope(), revision, entries: entries(list) }).await
}

async fn restore(store: &dyn Store, to: GenerationId) -> Result<Switched, StoreError> {
    switch_with(store, to, StateChange::Restore { scope: scope() }).await
}

/// A live generation of the channel, and one that could be.
async fn two(store: &dyn Store) -> Result<(GenerationId, GenerationId), Unmet> {
    let first = checked(store, &email(), "1.0.0").await?;
    go_live(store, first, "installed").await?;
    Ok((first, checked(store, &email(), "2.0.0").await?))
}

async fn a_copy_is_what_is_there_and_says_who_wrote_it(store: &dyn Store) -> Held {
    let nothing = StateCopy { revision: 0, entries: Vec::new(), written_by: None };
    same("at first", copy(store).await?, nothing)?;
    put(store, &[("b", "2"), ("a", "1")]).await?;
    same("by nobody that is known", copy(store).await?.written_by, None)?;
    let (_, second) = two(store).await?;
    put(store, &[("c", "3")]).await?;
    let it = copy(store).await?;
    same("in the order of the keys", it.entries, entries(&[("a", "1"), ("b", "2"), ("c", "3")]))?;
    same("by the live one", it.written_by.as_deref(), Some("1.0.0"))?;
    go_live(store, second, "installed").await?;
    same("not yet by the next", copy(store).await?.written_by.as_deref(), Some("1.0.0"))?;
    put(store, &[("c", "4")]).await?;
    same("now", copy(store).await?.written_by.as_deref(), Some("2.0.0"))?;
    let other = StateScope { plugin: "policy-triage".into(), channel: "".into() };
    same("another's", store.state_copy(&other, Timestamp(10)).await?.entries.len(), 0)
}

async fn every_write_moves_the_state_and_nothing_else_does(store: &dyn Store) -> Held {
    put(store, &[("a", "1")]).await?;
    let mut last = copy(store).await?.revision;
    put(store, &[]).await?;
    let other = StateScope { channel: "other".into(), ..scope() };
    store.keep(&other, vec![write("a", "9")].into(), Vec::new(), Timestamp(5)).await?;
    store.accept(arrival(MAIL, Vec::new(), Timestamp(5)), None).await?;
    same("no write", copy(store).await?.revision, last)?;
    let mut with_state = arrival(MAIL, Vec::new(), Timestamp(6));
    (with_state.scope, with_state.state) = (scope(), vec![write("a", "2")].into());
    store.accept(with_state, None).await?;
    let delete = StateWrite { key: "a".into(), value: None, expires: None };
    for written in 0..2 {
        let now = copy(store).await?.revision;
        holds("a write moves it", now > last)?;
        last = now;
        if written == 0 {
            store.keep(&scope(), vec![delete.clone()].into(), Vec::new(), Timestamp(7)).await?;
        }
    }
    Ok(())
}

async fn what_migrate_made_takes_its_place(store: &dyn Store) -> Held {
    let (first, second) = two(store).await?;
    put(store, &[("a", "1"), ("b", "2")]).await?;
    let before = copy(store).await?.revision;
    same("done", migrate(store, second, &[("b", "two"), ("c", "three")]).await?, Switched::Done { was: Some(first) })?;
    let it = copy(store).await?;
    same("replaced", it.entries, entries(&[("b", "two"), ("c", "three")]))?;
    same("by", it.written_by.as_deref(), Some("2.0.0"))?;
    holds("an older copy is of no use", it.revision > before)?;
    same("read by the plugin", store.state(&scope(), "a", Timestamp(10)).await?, None)?;
    same("the states", (state_of(store, first).await?, state_of(store, second).await?), (State::Draining, State::Live))
}

async fn written_in_between_nothing_changes(store: &dyn Store) -> Held {
    let (first, second) = two(store).await?;
    put(store, &[("a", "1")]).await?;
    let copied = copy(store).await?;
    put(store, &[("a", "2")]).await?;
    let event = store.last_event().await?;
    let change = StateChange::Migrated { scope: scope(), revision: copied.revision, entries: entries(&[("x", "y")]) };
    same("refused", switch_with(store, second, change).await?, Switched::StateMoved)?;
    same("the state", copy(store).await?.entries, entries(&[("a", "2")]))?;
    same("the states", (state_of(store, first).await?, state_of(store, second).await?), (State::Live, State::Checked))?;
    same("nothing told", store.last_event().await?, event)?;
    same("again", migrate(store, second, &[("x", "y")]).await?, Switched::Done { was: Some(first) })
}

async fn the_way_back_gives_what_was_there(store: &dyn Store) -> Held {
    let (first, second) = two(store).await?;
    let before: Vec<_> = (0..300).map(|n| (format!("key-{n:03}"), vec![n as u8, 0, 255])).collect();
    let writes = before.iter().map(|(key, value)| StateWrite {
        key: key.clone(),
        value: Some(value.clone()),
        expires: key.ends_with('7').then_some(Timestamp(1_000)),
    });
    store.keep(&scope(), writes.collect::<Vec<_>>().into(), Vec::new(), Timestamp(5)).await?;
    migrate(store, second, &[("all", "in one")]).await?;
    put(store, &[("more", "of it")]).await?;
    same("back", restore(store, first).await?, Switched::Done { was: Some(second) })?;
    let it = copy(store).await?;
    same("what was there", it.entries, before.clone())?;
    same("by", it.written_by.as_deref(), Some("1.0.0"))?;
    let later = store.state_copy(&scope(), Timestamp(1_000)).await?.entries;
    let stays: Vec<_> = before.into_iter().filter(|(key, _)| !key.ends_with('7')).collect();
    same("what ends by itself still does", later, stays)
}

async fn there_and_back_and_there_again(store: &dyn Store) -> Held {
    let (first, second) = two(store).await?;
    put(store, &[("v", "1")]).await?;
    migrate(store, second, &[("v", "2")]).await?;
    restore(store, first).await?;
    put(store, &[("v", "1b")]).await?;
    // What the second left is kept with it as well.
    restore(store, second).await?;
    let it = copy(store).await?;
    same("there again", (it.entries, it.written_by.as_deref()), (entries(&[("v", "2")]), Some("2.0.0")))?;
    restore(store, first).await?;
    same("and back", copy(store).await?.entries, entries(&[("v", "1b")]))?;
    // It went on with the state that was there: what was kept before counts no more.
    go_live(store, second, "keeps the state").await?;
    put(store, &[("v", "2c")]).await?;
    go_live(store, first, "keeps the state").await?;
    restore(store, second).await?;
    same("nothing was kept", copy(store).await?.entries, entries(&[("v", "2c")]))
}

async fn where_nothing_was_kept_the_way_back_changes_nothing(store: &dyn Store) -> Held {
    let (first, second) = two(store).await?;
    put(store, &[("a", "1")]).await?;
    go_live(store, second, "reads the same").await?;
    put(store, &[("a", "2")]).await?;
    let before = copy(store).await?;
    same("back", restore(store, first).await?, Switched::Done { was: Some(second) })?;
    same("as it was", copy(store).await?, before)
}

async fn a_state_that_was_empty_comes_back_empty(store: &dyn Store) -> Held {
    let (first, second) = two(store).await?;
    migrate(store, second, &[("a", "1")]).await?;
    restore(store, first).await?;
    same("empty", copy(store).await?.entries, Vec::new())
}

async fn what_is_forgotten_does_not_come_back(store: &dyn Store) -> Held {
    let (first, second) = two(store).await?;
    let ends = |key: &str, at| StateWrite { expires: Some(Timestamp(at)), ..write(key, "1") };
    store
        .keep(&scope(), vec![ends("past", 9), ends("soon", 50), write("stays", "1")].into(), Vec::new(), Timestamp(5))
        .await?;
    let copied = copy(store).await?;
    same("copied", copied.entries.clone(), entries(&[("soon", "1"), ("stays", "1")]))?;
    same("swept", store.sweep(Timestamp(10)).await?, 1)?;
    let change = StateChange::Migrated { scope: scope(), revision: copied.revision, entries: copied.entries };
    same("forgetting is a write", switch_with(store, second, change).await?, Switched::StateMoved)?;
    migrate(store, second, &[("soon", "2"), ("stays", "2")]).await?;
    same("meanwhile", copy(store).await?.entries.len(), 2)?;
    let later = store.state_copy(&scope(), Timestamp(50)).await?.entries;
    same("a key ends when it would have", later, entries(&[("stays", "2")]))?;
    restore(store, first).await?;
    let kept = store.state_copy(&scope(), Timestamp(0)).await?.entries;
    same("the past is not kept", kept, entries(&[("soon", "1"), ("stays", "1")]))
}

async fn a_switch_that_keeps_the_state_leaves_it_alone(store: &dyn Store) -> Held {
    let (_, second) = two(store).await?;
    put(store, &[("a", "1")]).await?;
    let before = copy(store).await?;
    go_live(store, second, "reads the same").await?;
    same("as it was", copy(store).await?, before)
}
