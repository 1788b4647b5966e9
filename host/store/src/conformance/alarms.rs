//! Clocks, timers and snoozes.
use super::fixture::*;
use super::*;
use crate::*;
use tributary_model::conversation::State;
use tributary_model::decision::{Action, Happening};

cases![
    a_clock_warns_once_and_breaches_once,
    a_clock_of_the_same_name_runs_once,
    a_clock_may_stand_still_for_the_customer,
    closing_stops_every_clock,
    a_timer_rings_once_and_can_be_moved_and_taken_away,
    a_snooze_ends,
    no_more_ring_than_asked,
];

async fn with(store: &dyn Store, actions: Vec<Action>) -> Result<ConversationId, Unmet> {
    let id = open(store, "one", Timestamp(0)).await?;
    decide(store, actions, Timestamp(0)).await?;
    Ok(id)
}

/// Rings at a moment; what happened.
async fn ring(store: &dyn Store, at: u64) -> Result<Vec<Happening>, Unmet> {
    store.ring(Timestamp(at), 100).await?;
    drain(store, Timestamp(at)).await
}

async fn next(store: &dyn Store) -> Result<Option<u64>, Unmet> {
    Ok(store.ring(Timestamp(0), 100).await?.next.map(|at| at.0))
}

async fn due(store: &dyn Store, id: ConversationId) -> Result<Option<u64>, Unmet> {
    Ok(detail(store, id).await?.conversation.due.map(|at| at.0))
}

async fn a_clock_warns_once_and_breaches_once(store: &dyn Store) -> Held {
    let id = with(store, vec![Action::StartClock(clock("answer", 100, 80, false))]).await?;
    same("next", next(store).await?, Some(80_000))?;
    for (at, want) in [
        (79_999, vec![]),
        (80_000, vec![Happening::ClockWarning("answer".into())]),
        (99_999, vec![]),
        (100_000, vec![Happening::ClockBreached("answer".into())]),
        (200_000, vec![]),
    ] {
        same(&at.to_string(), ring(store, at).await?, want)?;
    }
    same("nothing is due", next(store).await?, None)?;
    let it = detail(store, id).await?;
    same("breached", it.clocks[0].breached, Some(Timestamp(100_000)))?;
    same("it is the most urgent now", it.conversation.due, Some(Timestamp(100_000)))?;
    let late = open(store, "two", Timestamp(200_000)).await?;
    decide(store, vec![Action::StartClock(clock("answer", 10, 50, false))], Timestamp(200_000)).await?;
    let both = vec![Happening::ClockWarning("answer".into()), Happening::ClockBreached("answer".into())];
    same("slept through both", ring(store, 300_000).await?, both)?;
    same("acts", acts(store, late).await?.len(), 4)
}

async fn a_clock_of_the_same_name_runs_once(store: &dyn Store) -> Held {
    let start = |seconds| Action::StartClock(clock("answer", seconds, 0, false));
    let id = with(store, vec![start(100), start(50), Action::StartClock(clock("solve", 200, 0, false))]).await?;
    same("due", due(store, id).await?, Some(100_000))?;
    same("clocks", detail(store, id).await?.clocks.len(), 2)?;
    let reply = reply(id, "ann", "Yes", Timestamp(1_000));
    allowed("the answer", store.reply(reply).await?)?;
    same("an answer stops no clock by itself", due(store, id).await?, Some(100_000))?;
    decide(store, vec![Action::StopClock("answer".into()), Action::StopClock("none".into())], Timestamp(1_000)).await?;
    same("a policy does", due(store, id).await?, Some(200_000))?;
    let mut more = mail("<2>", "one@example.org", "More");
    more.thread.tag = Some(id.tag());
    accept(store, MAIL, more, Timestamp(2_000)).await?;
    decide(store, vec![start(100)], Timestamp(2_000)).await?;
    same("anew", due(store, id).await?, Some(102_000))?;
    same("clocks", detail(store, id).await?.clocks.len(), 3)
}

async fn a_clock_may_stand_still_for_the_customer(store: &dyn Store) -> Held {
    let start = |name: &str, pauses| Action::StartClock(clock(name, 100, 50, pauses));
    let id = with(store, vec![start("answer", true), start("solve", false)]).await?;
    allowed("the answer", store.reply(reply(id, "ann", "Which one?", Timestamp(10_000))).await?)?;
    drain(store, Timestamp(10_000)).await?;
    same("only the other is due", due(store, id).await?, Some(100_000))?;
    let standing: Vec<_> = detail(store, id).await?.clocks.iter().map(|it| it.running.paused).collect();
    same("one stands still", standing, vec![true, false])?;
    same("rings", ring(store, 60_000).await?, vec![Happening::ClockWarning("solve".into())])?;
    let mut answer = mail("<2>", "one@example.org", "The red one");
    answer.thread.tag = Some(id.tag());
    accept(store, MAIL, answer, Timestamp(70_000)).await?;
    drain(store, Timestamp(70_000)).await?;
    // It stood still for 60 s: it warns at 110 s and ends at 160 s.
    same("rings", ring(store, 109_999).await?, vec![Happening::ClockBreached("solve".into())])?;
    same("rings", ring(store, 110_000).await?, vec![Happening::ClockWarning("answer".into())])?;
    allowed(
        "snooze",
        store.act(id, &"ann".into(), AgentAct::Snooze(Timestamp(500_000)), Timestamp(120_000), None).await?,
    )?;
    same("rings", ring(store, 499_999).await?, vec![])?;
    same("wakes", ring(store, 500_000).await?, vec![])?;
    same("rings", ring(store, 539_999).await?, vec![])?;
    same("rings", ring(store, 540_000).await?, vec![Happening::ClockBreached("answer".into())])
}

async fn closing_stops_every_clock(store: &dyn Store) -> Held {
    let id =
        with(store, vec![Action::StartClock(clock("a", 10, 50, false)), Action::StartClock(clock("b", 20, 0, true))])
            .await?;
    allowed("close", store.act(id, &"ann".into(), AgentAct::Close("done".into()), Timestamp(1_000), None).await?)?;
    same("due", due(store, id).await?, None)?;
    same("next", next(store).await?, None)?;
    let stopped: Vec<_> = detail(store, id).await?.clocks.iter().map(|it| it.stopped.map(|at| at.0)).collect();
    same("stopped", stopped, vec![Some(1_000), Some(1_000)])?;
    same("happened", ring(store, 99_000).await?, vec![Happening::AgentClosed])?;
    allowed("reopen", store.act(id, &"ann".into(), AgentAct::Reopen, Timestamp(100_000), None).await?)?;
    same("none starts again by itself", next(store).await?, None)
}

async fn a_timer_rings_once_and_can_be_moved_and_taken_away(store: &dyn Store) -> Held {
    let set = |name: &str, at| Action::SetTimer(name.into(), Timestamp(at));
    with(store, vec![set("a", 10), set("b", 20), set("a", 30), set("c", 40), Action::CancelTimer("b".into())]).await?;
    same("next", next(store).await?, Some(30))?;
    same("moved and taken away", ring(store, 29).await?, vec![])?;
    same("rings", ring(store, 30).await?, vec![Happening::Timer("a".into())])?;
    same("rings", ring(store, 50).await?, vec![Happening::Timer("c".into())])?;
    same("once", ring(store, 99).await?, vec![])
}

async fn a_snooze_ends(store: &dyn Store) -> Held {
    let id = with(store, vec![Action::Snooze(Timestamp(1_000))]).await?;
    same("state", detail(store, id).await?.conversation.state, State::Snoozed)?;
    same("out of the queue", store.counts(Timestamp(1)).await?.waiting, 0)?;
    same("next", next(store).await?, Some(1_000))?;
    same("rang", store.ring(Timestamp(1_000), 9).await?, Rung { rang: 1, next: None })?;
    let it = detail(store, id).await?.conversation;
    same("state", (it.state, it.snoozed_until), (State::Open, None))?;
    same("in the queue", store.counts(Timestamp(1_000)).await?.waiting, 1)?;
    same("acts", acts(store, id).await?, ["opened", "decided", "woke"].map(String::from).to_vec())
}

async fn no_more_ring_than_asked(store: &dyn Store) -> Held {
    let timers = (1..=5).map(|n| Action::SetTimer(n.to_string(), Timestamp(n))).collect();
    with(store, timers).await?;
    same("two", store.ring(Timestamp(10), 2).await?, Rung { rang: 2, next: Some(Timestamp(3)) })?;
    same("three", store.ring(Timestamp(10), 9).await?, Rung { rang: 3, next: None })?;
    let names: Vec<_> = drain(store, Timestamp(11)).await?;
    same("in order", names, (1..=5).map(|n| Happening::Timer(n.to_string())).collect())
}
