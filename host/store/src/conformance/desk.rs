//! The queue, and what agents do with it.
use super::fixture::*;
use super::*;
use crate::*;
use std::time::Duration;
use tributary_model::conversation::{Refused, State};
use tributary_model::decision::{Action, Grade, Happening, Route};

cases![
    emergencies_go_first_then_what_is_due_then_age,
    pages_go_on_where_the_last_ended,
    a_conversation_has_one_holder,
    the_next_one_is_the_first_that_nobody_holds,
    a_team_has_its_own_queue,
    acts_of_an_agent,
    acts_need_that_nobody_else_holds_it,
    conversations_are_found_by_state_handle_and_holder,
    counts_follow,
];

const MINUTE: Duration = Duration::from_secs(60);

async fn graded(store: &dyn Store, name: &str, at: u64, actions: Vec<Action>) -> Result<ConversationId, Unmet> {
    let id = open(store, name, Timestamp(at)).await?;
    decide(store, actions, Timestamp(at)).await?;
    Ok(id)
}

async fn ids(store: &dyn Store, filter: QueueFilter, now: u64) -> Result<Vec<i64>, Unmet> {
    Ok(store.queue(filter, page(200), Timestamp(now)).await?.items.into_iter().map(|it| it.id.0).collect())
}

async fn emergencies_go_first_then_what_is_due_then_age(store: &dyn Store) -> Held {
    let clock = |seconds| Action::StartClock(clock("first-response", seconds, 0, false));
    let grade = Action::SetGrade;
    let mut want = Vec::new();
    for (place, at, actions) in [
        (4, 10, vec![]),
        (3, 20, vec![grade(Grade::SimpleComplaint), clock(300)]),
        (0, 30, vec![grade(Grade::Emergency)]),
        (2, 40, vec![grade(Grade::Inquiry), clock(60)]),
        (1, 50, vec![grade(Grade::SimpleComplaint), clock(30)]),
        (5, 60, vec![grade(Grade::Dispute)]),
        (6, 70, vec![grade(Grade::Inquiry)]),
    ] {
        want.push((place, graded(store, &format!("c{at}"), at, actions).await?.0));
    }
    want.sort_unstable();
    let got = ids(store, QueueFilter::default(), 100).await?;
    same("the order", got, want.iter().map(|(_, id)| *id).collect())?;
    let items = store.queue(QueueFilter::default(), page(200), Timestamp(100)).await?.items;
    holds("it is the model's order", items.is_sorted_by_key(|it| it.key()))?;
    let mut claimed = Vec::new();
    // One more than there are, so that a store that gives one out twice fails and does not go on for ever.
    for _ in 0..=want.len() {
        let next = store.claim_next(&"ann".into(), None, MINUTE, Timestamp(100)).await?;
        claimed.extend(next.taken().map(|(it, _)| it.id.0));
    }
    same("claimed in that order", claimed, want.into_iter().map(|(_, id)| id).collect())
}

async fn pages_go_on_where_the_last_ended(store: &dyn Store) -> Held {
    for n in 0..7 {
        let grade = if n % 2 == 0 { Grade::Dispute } else { Grade::Inquiry };
        graded(store, &format!("c{n}"), n, vec![Action::SetGrade(grade)]).await?;
    }
    let whole = ids(store, QueueFilter::default(), 10).await?;
    for limit in [1, 2, 3, 6, 7, 8] {
        let (mut queue, mut all, mut pages) = (Vec::new(), Vec::new(), 0);
        let mut after = None;
        loop {
            let listing = store.queue(QueueFilter::default(), Page { after, limit }, Timestamp(10)).await?;
            queue.extend(listing.items.iter().map(|it| it.id.0));
            pages += 1;
            after = listing.next;
            if after.is_none() {
                break;
            }
        }
        same("the queue", queue, whole.clone())?;
        same("pages", pages, 7usize.div_ceil(limit))?;
        let mut after = None;
        loop {
            let listing = store.conversations(ConversationFilter::default(), Page { after, limit }).await?;
            all.extend(listing.items.iter().map(|it| it.id.0));
            after = listing.next;
            if after.is_none() {
                break;
            }
        }
        same("all, the latest first", all, (1..=7).rev().collect())?;
    }
    let zero = store.queue(QueueFilter::default(), page(0), Timestamp(10)).await?;
    same("a page has a row at least", zero.items.len(), 1)
}

async fn a_conversation_has_one_holder(store: &dyn Store) -> Held {
    let id = open(store, "one", Timestamp(1)).await?;
    let (ann, bo) = (AgentName::from("ann"), AgentName::from("bo"));
    let holder = allowed("the claim", store.claim(id, &ann, MINUTE, Timestamp(0)).await?)?;
    same("until", holder.until, Timestamp(60_000))?;
    let refused = store.claim(id, &bo, MINUTE, Timestamp(59_999)).await?;
    same("who and until when", refused, Err(Refused::Held(holder)))?;
    allowed("the heartbeat", store.claim(id, &ann, MINUTE, Timestamp(30_000)).await?)?;
    let later = store.claim(id, &bo, MINUTE, Timestamp(60_000)).await?;
    holds("it was renewed", matches!(later, Err(Refused::Held(holder)) if holder.until == Timestamp(90_000)))?;
    allowed("when the lease ran out", store.claim(id, &bo, MINUTE, Timestamp(90_000)).await?)?;
    same("of none", store.claim(ConversationId(99), &bo, MINUTE, Timestamp(0)).await?, Err(Refused::Unknown))?;
    same("acts", acts(store, id).await?, ["opened", "claimed", "claimed"].map(String::from).to_vec())?;
    allowed("closing", store.act(id, &bo, AgentAct::Close("done".into()), Timestamp(90_001), None).await?)?;
    same("of a closed one", store.claim(id, &bo, MINUTE, Timestamp(90_002)).await?, Err(Refused::Closed))
}

async fn the_next_one_is_the_first_that_nobody_holds(store: &dyn Store) -> Held {
    for n in 0..3 {
        open(store, &format!("c{n}"), Timestamp(n)).await?;
    }
    for (agent, now, want) in [("ann", 10, Some(1)), ("bo", 10, Some(2)), ("cy", 60_009, Some(3)), ("di", 60_009, None)]
    {
        let next = store.claim_next(&agent.into(), None, MINUTE, Timestamp(now)).await?;
        same(agent, next.taken().map(|(it, _)| it.id.0), want)?;
    }
    let next = store.claim_next(&"di".into(), None, MINUTE, Timestamp(60_010)).await?;
    same(
        "when a lease ran out",
        next.taken().map(|(it, holder)| (it.id.0, holder.agent.to_string())),
        Some((1, "di".into())),
    )?;
    same("shown", ids(store, QueueFilter::default(), 60_010).await?, vec![2])?;
    same("with those held", ids(store, QueueFilter { team: None, held: true }, 60_010).await?, vec![1, 2, 3])
}

async fn a_team_has_its_own_queue(store: &dyn Store) -> Held {
    let route = |team: &str| vec![Action::Route(Route { team: team.into(), ..Route::default() })];
    for (n, team) in ["care", "money", "care"].into_iter().enumerate() {
        graded(store, &format!("c{n}"), n as u64, route(team)).await?;
    }
    let team = |name: &str| QueueFilter { team: Some(name.into()), held: false };
    same("care", ids(store, team("care"), 10).await?, vec![1, 3])?;
    same("nobody's", ids(store, team("none"), 10).await?, vec![])?;
    let next = store.claim_next(&"ann".into(), Some("money"), MINUTE, Timestamp(10)).await?;
    same("money", next.taken().map(|(it, _)| it.id.0), Some(2))?;
    same("then none", store.claim_next(&"ann".into(), Some("money"), MINUTE, Timestamp(10)).await?, Next::Nothing)?;
    let to = AgentAct::Transfer { to_agent: None, to_team: Some("money".into()), lease: MINUTE };
    allowed("the transfer", store.act(ConversationId(3), &"ann".into(), to, Timestamp(11), None).await?)?;
    same("moved", ids(store, team("money"), 12).await?, vec![3])
}

async fn acts_of_an_agent(store: &dyn Store) -> Held {
    let id = open(store, "one", Timestamp(1)).await?;
    drain(store, Timestamp(2)).await?;
    let ann = AgentName::from("ann");
    let act = async |it: AgentAct, now: u64| store.act(id, &ann, it, Timestamp(now), None).await;
    same(
        "of none",
        store.act(ConversationId(9), &ann, AgentAct::Reopen, Timestamp(3), None).await?,
        Err(Refused::Unknown),
    )?;
    same("what is not held", act(AgentAct::Release, 3).await?, Err(Refused::NotHeld))?;
    allowed("the claim", store.claim(id, &ann, MINUTE, Timestamp(3)).await?)?;
    allowed("release", act(AgentAct::Release, 4).await?)?;
    same("holder", detail(store, id).await?.conversation.holder, None)?;
    let to = AgentAct::Transfer { to_agent: Some("bo".into()), to_team: None, lease: MINUTE };
    allowed("transfer", act(to.clone(), 5).await?)?;
    let holder = detail(store, id).await?.conversation.holder;
    same("holder", holder.map(|h| (h.agent.to_string(), h.until.0)), Some(("bo".into(), 60_005)))?;
    let now = 60_005;
    allowed("snooze", act(AgentAct::Snooze(Timestamp(70_000)), now).await?)?;
    let it = detail(store, id).await?.conversation;
    same("snoozed", (it.state, it.snoozed_until, it.holder), (State::Snoozed, Some(Timestamp(70_000)), None))?;
    allowed("reopen", act(AgentAct::Reopen, now + 1).await?)?;
    same("open", detail(store, id).await?.conversation.state, State::Open)?;
    allowed("close", act(AgentAct::Close("settled".into()), now + 2).await?)?;
    allowed("close again", act(AgentAct::Close("settled".into()), now + 3).await?)?;
    same("transfer of a closed one", act(to, now + 3).await?, Err(Refused::Closed))?;
    same("snooze of a closed one", act(AgentAct::Snooze(Timestamp(99_999)), now + 3).await?, Err(Refused::Closed))?;
    let want = ["opened", "claimed", "released", "transferred", "snoozed", "reopened", "closed"];
    same("acts", acts(store, id).await?, want.map(String::from).to_vec())?;
    let claimed = |agent: &str| Happening::AgentClaimed(agent.into());
    let want = vec![claimed("ann"), claimed("bo"), Happening::AgentClosed];
    same("happened", drain(store, Timestamp(now + 4)).await?, want)
}

async fn acts_need_that_nobody_else_holds_it(store: &dyn Store) -> Held {
    let id = open(store, "one", Timestamp(1)).await?;
    let (ann, bo) = (AgentName::from("ann"), AgentName::from("bo"));
    let holder = allowed("the claim", store.claim(id, &ann, MINUTE, Timestamp(2)).await?)?;
    for act in [
        AgentAct::Release,
        AgentAct::Transfer { to_agent: Some(bo.clone()), to_team: None, lease: MINUTE },
        AgentAct::Snooze(Timestamp(9)),
        AgentAct::Close("mine".into()),
        AgentAct::Reopen,
    ] {
        same("refused", store.act(id, &bo, act, Timestamp(3), None).await?, Err(Refused::Held(holder.clone())))?;
    }
    let note = AgentAct::Note("I know this customer".into());
    allowed("anybody may note", store.act(id, &bo, note, Timestamp(3), None).await?)?;
    let events = detail(store, id).await?.events;
    let noted = found("the note", events.iter().find(|event| event.act == "noted"))?;
    same("by", noted.actor.as_str(), "agent:bo")?;
    same("text", noted.detail.as_deref(), Some("I know this customer"))
}

async fn conversations_are_found_by_state_handle_and_holder(store: &dyn Store) -> Held {
    for n in 1..=4u64 {
        open(store, &format!("c{n}"), Timestamp(n)).await?;
    }
    let ann = AgentName::from("ann");
    allowed("close", store.act(ConversationId(2), &ann, AgentAct::Close("done".into()), Timestamp(5), None).await?)?;
    allowed("claim", store.claim(ConversationId(3), &ann, MINUTE, Timestamp(5)).await?)?;
    let handle = |it: &str| Some(it.to_owned());
    let none = ConversationFilter::default;
    for (what, filter, want) in [
        ("all", none(), vec![4, 3, 2, 1]),
        ("closed", ConversationFilter { state: Some(State::Closed), ..none() }, vec![2]),
        ("open", ConversationFilter { state: Some(State::Open), ..none() }, vec![4, 3, 1]),
        ("handle", ConversationFilter { handle: handle("c4@example.org"), ..none() }, vec![4]),
        ("no handle", ConversationFilter { handle: handle("nobody@example.org"), ..none() }, vec![]),
        ("holder", ConversationFilter { agent: Some(ann.clone()), ..none() }, vec![3]),
        (
            "all three",
            ConversationFilter { state: Some(State::Open), handle: handle("c3@example.org"), agent: Some(ann.clone()) },
            vec![3],
        ),
        ("two that exclude", ConversationFilter { state: Some(State::Closed), agent: Some(ann), handle: None }, vec![]),
    ] {
        let items = store.conversations(filter, page(9)).await?.items;
        same(what, items.into_iter().map(|it| it.id.0).collect(), want)?;
    }
    let contacts = store.contacts(&[ContactId(1), ContactId(99)]).await?;
    same("contacts", contacts.iter().map(|it| it.handles[0].value.as_str()).collect(), vec!["c1@example.org"])
}

async fn counts_follow(store: &dyn Store) -> Held {
    same("empty", store.counts(Timestamp(1)).await?, Counts::default())?;
    for n in 1..=3 {
        open(store, &format!("c{n}"), Timestamp(n)).await?;
    }
    allowed("claim", store.claim(ConversationId(1), &"ann".into(), MINUTE, Timestamp(5)).await?)?;
    let mut want = Counts { waiting: 2, held: 1, conversations: 3, messages: 3, undecided: 3, ..Counts::default() };
    // Three messages and a claim.
    want.undecided = 4;
    same("three came in", store.counts(Timestamp(6)).await?, want.clone())?;
    want.waiting = 3;
    want.held = 0;
    same("the lease ran out", store.counts(Timestamp(60_005)).await?, want.clone())?;
    drain(store, Timestamp(6)).await?;
    allowed("the answer", store.reply(reply(ConversationId(1), "ann", "Yes", Timestamp(7))).await?)?;
    want = Counts { waiting: 2, conversations: 3, messages: 4, undecided: 1, outgoing: 1, ..Counts::default() };
    same("answered", store.counts(Timestamp(8)).await?, want)
}
