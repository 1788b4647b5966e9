//! Clocks, timers and snoozes.
use super::fixture::*;
use super::*;
use crate::*;
use tributary_model::conversation::State;
use tributary_model::decision::{Action, Clock, Happening};

cases![
    a_clock_warns_once_and_breaches_once,
    a_clock_of_the_same_name_runs_once,
    a_clock_may_stand_still_for_the_customer,
    a_question_to_the_customer_is_waited_for,
    a_breach_outlasts_a_pause,
    closing_stops_every_clock,
    a_clock_counts_the_time_of_its_calendar,
    a_changed_calendar_takes_over_what_is_left,
    a_calendar_that_is_gone_starts_no_clock,
    a_clock_rings_once_whatever_the_wall_clock_does,
    a_timer_rings_once_and_can_be_moved_and_taken_away,
    a_snooze_ends,
    no_more_ring_than_asked,
    what_is_due_now_does_not_wait_for_what_was_missed,
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

async fn a_question_to_the_customer_is_waited_for(store: &dyn Store) -> Held {
    let start = |name: &str, pauses| Action::StartClock(clock(name, 100, 0, pauses));
    let ask = Action::AskEvidence("A picture, please".into(), 86_400);
    let id = with(store, vec![start("before", true), ask, start("after", true), start("solve", false)]).await?;
    let standing = |it: &ConversationDetail| it.clocks.iter().map(|it| it.running.paused).collect::<Vec<_>>();
    let it = detail(store, id).await?;
    same("still in the queue", it.conversation.state, State::Open)?;
    same("after, before, solve", standing(&it), vec![true, true, false])?;
    let mut answer = mail("<2>", "one@example.org", "I am out of the office");
    (answer.thread.tag, answer.automatic) = (Some(id.tag()), true);
    accept(store, MAIL, answer.clone(), Timestamp(50_000)).await?;
    same("a machine's word is no answer", standing(&detail(store, id).await?), vec![true, true, false])?;
    (answer.external_id, answer.automatic) = (Some("<3>".into()), false);
    accept(store, MAIL, answer, Timestamp(70_000)).await?;
    drain(store, Timestamp(70_000)).await?;
    same("both go on", standing(&detail(store, id).await?), vec![false; 3])?;
    same("rings", ring(store, 169_999).await?, vec![Happening::ClockBreached("solve".into())])?;
    let both = vec![Happening::ClockBreached("after".into()), Happening::ClockBreached("before".into())];
    same("rings", ring(store, 170_000).await?, both)
}

async fn a_breach_outlasts_a_pause(store: &dyn Store) -> Held {
    let id = with(store, vec![Action::StartClock(clock("answer", 100, 0, true))]).await?;
    same("rings", ring(store, 100_000).await?, vec![Happening::ClockBreached("answer".into())])?;
    allowed("the answer", store.reply(reply(id, "ann", "Which one?", Timestamp(110_000))).await?)?;
    drain(store, Timestamp(110_000)).await?;
    let it = detail(store, id).await?;
    same("it does not stand still", it.clocks[0].running.paused, false)?;
    same("it is the most urgent", it.conversation.due, Some(Timestamp(100_000)))?;
    let mut answer = mail("<2>", "one@example.org", "The red one");
    answer.thread.tag = Some(id.tag());
    accept(store, MAIL, answer, Timestamp(120_000)).await?;
    decide(store, vec![Action::StopClock("answer".into())], Timestamp(120_000)).await?;
    same("due", due(store, id).await?, None)?;
    same("once", ring(store, 999_000).await?, vec![])
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

const HOUR: u64 = 3_600_000;

/// A clock on the calendar `care`, of so many hours.
fn working(name: &str, hours: u32, warn_at_percent: u8, pauses: bool) -> Action {
    let clock = clock(name, hours * 3_600, warn_at_percent, pauses);
    Action::StartClock(Clock { calendar: Some("care".into()), ..clock })
}

async fn calendars(store: &dyn Store, periods: &[(&str, &str)], at: u64) -> Result<u64, Unmet> {
    Ok(store.set_calendars(vec![("care".into(), daily(periods)?)], Timestamp(at)).await?)
}

async fn a_clock_counts_the_time_of_its_calendar(store: &dyn Store) -> Held {
    calendars(store, &[("09:00", "12:00"), ("13:00", "18:00")], 0).await?;
    let id = open(store, "one", Timestamp(11 * HOUR)).await?;
    decide(store, vec![working("answer", 8, 50, true)], Timestamp(11 * HOUR)).await?;
    same("due", due(store, id).await?, Some(35 * HOUR))?;
    // An hour before lunch, three after it.
    same("next", next(store).await?, Some(16 * HOUR))?;
    same("rings", ring(store, 16 * HOUR).await?, vec![Happening::ClockWarning("answer".into())])?;
    // It stands still from 17 o'clock to the next afternoon: three hours are left.
    allowed("the answer", store.reply(reply(id, "ann", "Which one?", Timestamp(17 * HOUR))).await?)?;
    drain(store, Timestamp(17 * HOUR)).await?;
    same("nothing is due", next(store).await?, None)?;
    let mut answer = mail("<2>", "one@example.org", "The red one");
    answer.thread.tag = Some(id.tag());
    accept(store, MAIL, answer, Timestamp(41 * HOUR)).await?;
    drain(store, Timestamp(41 * HOUR)).await?;
    same("an hour today, two tomorrow", due(store, id).await?, Some(59 * HOUR))?;
    same("rings", ring(store, 59 * HOUR - 1).await?, vec![])?;
    same("rings", ring(store, 59 * HOUR).await?, vec![Happening::ClockBreached("answer".into())])
}

async fn a_changed_calendar_takes_over_what_is_left(store: &dyn Store) -> Held {
    calendars(store, &[("09:00", "17:00")], 0).await?;
    let actions = vec![working("answer", 6, 0, false), working("paused", 6, 0, true), working("over", 1, 0, false)];
    let id = with(store, actions).await?;
    let always = Action::StartClock(clock("always", 200 * 3_600, 0, false));
    let two = open(store, "two", Timestamp(12 * HOUR)).await?;
    decide(store, vec![always, working("late", 4, 50, false)], Timestamp(12 * HOUR)).await?;
    same("rings", ring(store, 12 * HOUR).await?, vec![Happening::ClockBreached("over".into())])?;
    allowed("the answer", store.reply(reply(id, "ann", "Which one?", Timestamp(12 * HOUR))).await?)?;
    drain(store, Timestamp(12 * HOUR)).await?;
    same("the same again moves nothing", calendars(store, &[("09:00", "17:00")], 13 * HOUR).await?, 0)?;
    // Of six hours four are worked, of four one.
    same("two run", calendars(store, &[("08:00", "10:00")], 13 * HOUR).await?, 2)?;
    let ends = |it: &ConversationDetail, name: &str| {
        let clock = it.clocks.iter().find(|it| it.running.clock.name == name);
        clock.map(|it| it.running.due.0)
    };
    same("answer", ends(&detail(store, id).await?, "answer"), Some(34 * HOUR))?;
    let it = detail(store, two).await?;
    same("late", (ends(&it, "late"), ends(&it, "always")), (Some(57 * HOUR), Some(212 * HOUR)))?;
    same("the queue knows", it.conversation.due, Some(Timestamp(57 * HOUR)))?;
    same("it is told", acts(store, two).await?.last().map(String::as_str), Some("clock-moved"))?;
    same("late warns when two are left", next(store).await?, Some(33 * HOUR))?;
    // What stood still goes on by what the calendar is now: three of six hours are left.
    let mut answer = mail("<2>", "one@example.org", "The red one");
    answer.thread.tag = Some(id.tag());
    accept(store, MAIL, answer, Timestamp(33 * HOUR)).await?;
    same("paused", ends(&detail(store, id).await?, "paused"), Some(58 * HOUR))?;
    same("not those that do not run", calendars(store, &[("00:00", "24:00")], 33 * HOUR).await?, 3)?;
    same("back", calendars(store, &[("08:00", "10:00")], 33 * HOUR).await?, 3)?;
    same("answer", ends(&detail(store, id).await?, "answer"), Some(34 * HOUR))
}

async fn a_calendar_that_is_gone_starts_no_clock(store: &dyn Store) -> Held {
    let why = |it: &ConversationDetail| it.events.last().and_then(|it| Some((it.act.clone(), it.why.clone()?)));
    let id = with(store, vec![working("answer", 1, 0, true)]).await?;
    let told = "no calendar is called \"care\"; there are: none".to_owned();
    same("refused", why(&detail(store, id).await?), Some(("refused".into(), told)))?;
    same("nothing runs", next(store).await?, None)?;

    calendars(store, &[("09:00", "17:00")], 0).await?;
    let two = open(store, "two", Timestamp(0)).await?;
    decide(store, vec![working("answer", 4, 0, true)], Timestamp(0)).await?;
    let night = vec![("night".into(), daily(&[("22:00", "06:00")])?)];
    same("what runs goes on", store.set_calendars(night, Timestamp(HOUR)).await?, 0)?;
    same("next", next(store).await?, Some(13 * HOUR))?;
    allowed("the answer", store.reply(reply(two, "ann", "Which one?", Timestamp(10 * HOUR))).await?)?;
    drain(store, Timestamp(10 * HOUR)).await?;
    let mut answer = mail("<2>", "two@example.org", "The red one");
    answer.thread.tag = Some(two.tag());
    accept(store, MAIL, answer, Timestamp(11 * HOUR)).await?;
    same("also after a pause", due(store, two).await?, Some(14 * HOUR))?;
    decide(store, vec![working("other", 1, 0, true)], Timestamp(11 * HOUR)).await?;
    let told = "no calendar is called \"care\"; there are: night".to_owned();
    same("none starts", why(&detail(store, two).await?), Some(("refused".into(), told)))?;
    same("it comes back as it was", calendars(store, &[("09:00", "17:00")], 12 * HOUR).await?, 0)?;
    same("rings", ring(store, 14 * HOUR).await?, vec![Happening::ClockBreached("answer".into())])
}

async fn a_clock_rings_once_whatever_the_wall_clock_does(store: &dyn Store) -> Held {
    with(store, vec![Action::StartClock(clock("answer", 3_600, 50, true))]).await?;
    let warning = vec![Happening::ClockWarning("answer".into())];
    same("a jump over the warning", ring(store, 3_000_000).await?, warning)?;
    for back in [2_000_000, 1, 3_500_000] {
        same("and back", ring(store, back).await?, vec![])?;
    }
    let late = open(store, "two", Timestamp(9_000_000)).await?;
    decide(store, vec![Action::StartClock(clock("late", 1, 0, false))], Timestamp(9_000_000)).await?;
    same("started by a clock that is ahead", due(store, late).await?, Some(9_001_000))?;
    same("a breach", ring(store, 3_600_000).await?, vec![Happening::ClockBreached("answer".into())])?;
    same("it waits", ring(store, 9_000_999).await?, vec![])?;
    same("a jump of years", ring(store, 99_999_999_999).await?, vec![Happening::ClockBreached("late".into())])?;
    same("once", ring(store, 99_999_999_999).await?, vec![])
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

async fn what_is_due_now_does_not_wait_for_what_was_missed(store: &dyn Store) -> Held {
    const NOW: u64 = 86_400_000;
    let timer = |name: &str, at| Action::SetTimer(name.into(), Timestamp(at));
    let missed = (1..=8).map(|n| timer(&format!("missed-{n}"), n));
    let others = [timer("now", NOW - 500), timer("soon", NOW + 1), Action::StartClock(clock("late", 86_400, 0, false))];
    with(store, missed.chain(others).collect()).await?;
    let timer = |name: &str| Happening::Timer(name.into());
    same("four", store.ring(Timestamp(NOW), 4).await?, Rung { rang: 4, next: Some(Timestamp(3)) })?;
    let first = vec![Happening::ClockBreached("late".into()), timer("now"), timer("missed-1"), timer("missed-2")];
    same("what may be in time, and the oldest", drain(store, Timestamp(NOW)).await?, first)?;
    same("the others", store.ring(Timestamp(NOW), 9).await?, Rung { rang: 6, next: Some(Timestamp(NOW + 1)) })?;
    drain(store, Timestamp(NOW)).await?;
    // A warning that was missed does not hold up a breach that is due now.
    let later = |seconds: u64| Timestamp(NOW + seconds * 1_000);
    let missed = (1..=8).map(|n| Action::SetTimer(format!("missed-{n}"), later(n)));
    let id = open(store, "two", Timestamp(NOW)).await?;
    let warns = [Action::StartClock(clock("warns", 3_600, 50, false))];
    store
        .apply(decided(
            &claim_one(store, later(0)).await?,
            vec![outcome("triage", missed.chain(warns).collect())],
            later(0),
        ))
        .await?;
    store.ring(later(3_600), 4).await?;
    let mut rang = drain(store, later(3_600)).await?;
    rang.retain(|it| !matches!(it, Happening::Timer(_)));
    let both = vec![Happening::ClockWarning("warns".into()), Happening::ClockBreached("warns".into())];
    same("the warning, and the breach in time", rang, both)?;
    same("breached", detail(store, id).await?.clocks[0].breached, Some(later(3_600)))
}
