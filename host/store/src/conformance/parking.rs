//! What could not be handled is kept, shown and taken back.
use super::fixture::*;
use super::*;
use crate::*;
use tributary_model::message::{Arrival, ChannelEvent, Request};

cases![
    an_arrival_is_kept_as_it_came,
    a_replayed_arrival_keeps_its_row,
    an_arrival_that_fails_again_is_the_same_row,
    failed_policies_are_replayed_without_the_others,
    a_policy_that_fails_again_is_the_same_row,
    pages_of_parked,
];

fn parked(arrival: Arrival, replays: Option<ParkedId>, what: &str) -> NewParked {
    NewParked {
        channel: MAIL.into(),
        plugin: "channel-email".into(),
        version: "1.2.3".into(),
        generation: GenerationId(7),
        arrival,
        cause: Cause { blame: "guest", what: what.into() },
        at: Timestamp(5),
        replays,
    }
}

fn arrivals() -> Vec<Arrival> {
    let bytes: std::sync::Arc<[u8]> = vec![0, 159, 146, 150, 13, 10].into();
    vec![
        Arrival::Mail { mail_from: String::new(), rcpt_to: vec!["a@x".into(), "b@x".into()], data: bytes.clone() },
        Arrival::Document { name: "台风.csv".into(), media_type: "text/csv".into(), data: Vec::new().into() },
        Arrival::Http(Request {
            method: "POST".into(),
            url: "/hooks/shop?sig=1".into(),
            headers: vec![tributary_model::message::Attribute { name: "x-sig".into(), value: "1".into() }; 2],
            body: bytes,
        }),
    ]
}

async fn an_arrival_is_kept_as_it_came(store: &dyn Store) -> Held {
    for arrival in arrivals() {
        let id = store.park(parked(arrival.clone(), None, "malformed")).await?;
        let (row, stored) = found("the parked row", store.parked_one(id).await?)?;
        let stored = found("its arrival", stored)?;
        same("the arrival", stored.arrival, arrival)?;
        same("channel", (stored.channel.as_str(), stored.at), (MAIL, Timestamp(5)))?;
        same("plugin", row.plugin.as_str(), "channel-email")?;
        same("why", (row.blame.as_str(), row.why.as_str(), row.tries), ("guest", "malformed", 1))?;
    }
    same("counts", store.counts(Timestamp(6)).await?.parked, 3)?;
    same("none", store.parked_one(ParkedId(99)).await?.is_some(), false)
}

async fn a_replayed_arrival_keeps_its_row(store: &dyn Store) -> Held {
    let id = store.park(parked(arrivals().remove(0), None, "malformed")).await?;
    let (row, _) = found("the parked row", store.parked_one(id).await?)?;
    let mut again = arrival(MAIL, vec![ChannelEvent::Message(Box::new(mail("<1>", "a@x", "Hello")))], Timestamp(7));
    again.replays = Some(id);
    let accepted = store.accept(again, None).await?;
    same("the same row", ParkedWhat::Arrival(accepted.arrival), row.what)?;
    same("the message", accepted.messages[0].fate.clone(), Fate::Opened)?;
    same("nothing aside", store.counts(Timestamp(8)).await?.parked, 0)?;
    holds("who took it back may be said", store.unpark(id, "ann", Timestamp(8)).await?)?;
    same("once", store.unpark(id, "ann", Timestamp(9)).await?, false)?;
    same("counts", store.counts(Timestamp(9)).await?.parked, 0)
}

async fn an_arrival_that_fails_again_is_the_same_row(store: &dyn Store) -> Held {
    let raw = arrivals().remove(0);
    let id = store.park(parked(raw.clone(), None, "malformed")).await?;
    let again = store.park(parked(raw, Some(id), "still malformed")).await?;
    same("the same row", again, id)?;
    let (row, _) = found("the parked row", store.parked_one(id).await?)?;
    same("its cause", (row.why.as_str(), row.tries, row.replayed), ("still malformed", 2, None))?;
    same("counts", store.counts(Timestamp(8)).await?.parked, 1)
}

async fn failed_policies_are_replayed_without_the_others(store: &dyn Store) -> Held {
    let id = open(store, "one", Timestamp(1)).await?;
    let claimed = claim_one(store, Timestamp(2)).await?;
    store.apply(decided(&claimed, vec![failure("triage", false), failure("routing", false)], Timestamp(3))).await?;
    let rows = store.parked(false, page(9)).await?.items;
    same("one row each", rows.len(), 2)?;
    // Both are asked for before either has run.
    for row in rows.iter().rev() {
        holds("taken back", store.unpark(row.id, "ann", Timestamp(4)).await?)?;
    }
    same("undecided", store.counts(Timestamp(4)).await?.undecided, 1)?;
    let it = claim_one(store, Timestamp(5)).await?;
    same("the happening itself", it.id, claimed.id)?;
    same("for both", it.only.clone(), Some(vec!["triage".into(), "routing".into()]))?;
    let outcomes = vec![outcome("triage", vec![]), outcome("routing", vec![])];
    store.apply(decided(&it, outcomes, Timestamp(6))).await?;
    same("undecided", store.counts(Timestamp(7)).await?.undecided, 0)?;
    holds("decided", !detail(store, id).await?.conversation.undecided)
}

async fn a_policy_that_fails_again_is_the_same_row(store: &dyn Store) -> Held {
    open(store, "one", Timestamp(1)).await?;
    let mut claimed = claim_one(store, Timestamp(2)).await?;
    for tries in 1..=3u32 {
        store.apply(decided(&claimed, vec![failure("triage", false)], Timestamp(3))).await?;
        let rows = store.parked(false, page(9)).await?.items;
        same("the row", rows.iter().map(|row| row.tries).collect(), vec![tries])?;
        same("counts", store.counts(Timestamp(3)).await?.parked, 1)?;
        holds("taken back", store.unpark(rows[0].id, "ann", Timestamp(4)).await?)?;
        same("counts", store.counts(Timestamp(4)).await?.parked, 0)?;
        claimed = claim_one(store, Timestamp(5)).await?;
    }
    Ok(())
}

async fn pages_of_parked(store: &dyn Store) -> Held {
    for n in 0..5 {
        store.park(parked(arrivals().remove(0), None, &n.to_string())).await?;
    }
    holds("taken back", store.unpark(ParkedId(3), "ann", Timestamp(9)).await?)?;
    for (all, want) in [(false, vec![5, 4, 2, 1]), (true, vec![5, 4, 3, 2, 1])] {
        let (mut got, mut after) = (Vec::new(), None);
        loop {
            let listing = store.parked(all, Page { after, limit: 2 }).await?;
            got.extend(listing.items.iter().map(|it| it.id.0));
            after = listing.next;
            if after.is_none() {
                break;
            }
        }
        same("the latest first", got, want)?;
    }
    Ok(())
}
