//! Who gets what of the queue: teams, skills, seniority, room, presence, an agent of one's own.
use super::fixture::*;
use super::*;
use crate::*;
use std::time::Duration;
use tributary_model::agent::{Presence, Profile, Skill, Unfit};
use tributary_model::conversation::Refused;
use tributary_model::decision::{Action, Grade, Route};

cases![
    an_agent_gets_what_is_of_the_agents_teams,
    a_skill_and_seniority_are_waited_for_and_no_longer,
    an_emergency_goes_to_whoever_of_the_team_asks_first,
    nobody_who_is_away_or_full_gets_anything,
    a_higher_tier_goes_first_of_what_is_due_within_a_minute,
    a_customer_is_kept_for_the_agent_who_answered,
    a_policy_names_the_agent_to_ask_first,
    a_lease_that_ends_is_told_and_the_conversation_waits_again,
    a_place_in_the_queue_is_explained,
    a_profile_can_be_forgotten,
];

const MINUTE: Duration = Duration::from_secs(60);
const AGE: u64 = 120_000;

async fn agent(store: &dyn Store, name: &str, teams: &[&str], skills: &[&str], capacity: u32) -> Result<(), Unmet> {
    let profile = Profile {
        name: name.into(),
        teams: teams.iter().map(ToString::to_string).collect(),
        skills: skills.iter().filter_map(|text| Skill::parse(text)).collect(),
        senior: name == "senior",
        capacity,
        presence: Presence::Available,
        since: Timestamp(0),
    };
    Ok(store.set_agent(profile).await?)
}

async fn waits(store: &dyn Store, name: &str, at: u64, actions: Vec<Action>) -> Result<ConversationId, Unmet> {
    let id = open(store, name, Timestamp(at)).await?;
    decide(store, actions, Timestamp(at)).await?;
    Ok(id)
}

fn route(team: &str, skills: &[&str]) -> Route {
    Route { team: team.into(), skills: skills.iter().map(ToString::to_string).collect(), ..Route::default() }
}

async fn next(store: &dyn Store, agent: &str, now: u64) -> Result<Option<i64>, Unmet> {
    let next = store.claim_next(&agent.into(), None, 60 * MINUTE, Timestamp(now)).await?;
    drain(store, Timestamp(now)).await?;
    Ok(next.taken().map(|(it, _)| it.id.0))
}

async fn an_agent_gets_what_is_of_the_agents_teams(store: &dyn Store) -> Held {
    agent(store, "ann", &["care"], &[], 9).await?;
    agent(store, "bo", &["care", "money"], &[], 9).await?;
    waits(store, "a", 1, vec![Action::Route(route("money", &[]))]).await?;
    waits(store, "b", 2, vec![Action::Route(route("care", &[]))]).await?;
    waits(store, "c", 3, vec![]).await?;
    waits(store, "d", 4, vec![Action::Route(route("law", &[]))]).await?;
    same("of ann's team", next(store, "ann", 10).await?, Some(2))?;
    same("of no team is anybody's", next(store, "ann", 10).await?, Some(3))?;
    same("nothing more", next(store, "ann", 10).await?, None)?;
    same("the other team", next(store, "bo", 10).await?, Some(1))?;
    same("who has no profile may have all", next(store, "guest", 10).await?, Some(4))
}

async fn a_skill_and_seniority_are_waited_for_and_no_longer(store: &dyn Store) -> Held {
    agent(store, "ann", &["care"], &["refund"], 9).await?;
    agent(store, "bo", &["care"], &["refund:3", "en"], 9).await?;
    agent(store, "senior", &["care"], &[], 9).await?;
    waits(store, "a", 1, vec![Action::Route(route("care", &["refund:2"]))]).await?;
    waits(store, "b", 2, vec![Action::Route(Route { senior: true, ..route("care", &[]) })]).await?;
    waits(store, "c", 3, vec![Action::Route(route("care", &["en", "refund:2"]))]).await?;
    same("level 1 is not 2", next(store, "ann", 10).await?, None)?;
    same("the senior one's", next(store, "senior", 10).await?, Some(2))?;
    same("the able one's", next(store, "bo", 10).await?, Some(1))?;
    same("just before", next(store, "ann", AGE + 2).await?, None)?;
    same("anybody of the team after a while", next(store, "ann", AGE + 3).await?, Some(3))
}

async fn an_emergency_goes_to_whoever_of_the_team_asks_first(store: &dyn Store) -> Held {
    agent(store, "ann", &["care"], &[], 9).await?;
    let hard = Route { senior: true, ..route("care", &["law"]) };
    let clock = Action::StartClock(clock("connect", 1, 0, false));
    waits(store, "a", 1, vec![Action::Route(route("care", &[])), clock]).await?;
    waits(store, "b", 2, vec![Action::SetGrade(Grade::Emergency), Action::Route(hard)]).await?;
    same("the emergency", next(store, "ann", 100_000).await?, Some(2))?;
    same("then the other", next(store, "ann", 100_000).await?, Some(1))
}

async fn nobody_who_is_away_or_full_gets_anything(store: &dyn Store) -> Held {
    agent(store, "ann", &[], &[], 2).await?;
    for n in 0..4 {
        waits(store, &format!("c{n}"), n, vec![]).await?;
    }
    let ann = AgentName::from("ann");
    let ask = async |now| store.claim_next(&ann, None, MINUTE, Timestamp(now)).await;
    holds("she is known", store.set_presence(&ann, Presence::Away, Timestamp(9)).await?)?;
    same("away", ask(10).await?, Next::Unready(Unfit::Away))?;
    store.set_presence(&ann, Presence::Available, Timestamp(11)).await?;
    same("the first", ask(12).await?.taken().map(|(it, _)| it.id.0), Some(1))?;
    same("the second", ask(13).await?.taken().map(|(it, _)| it.id.0), Some(2))?;
    same("full", ask(14).await?, Next::Unready(Unfit::Full(2, 2)))?;
    let transfer = AgentAct::Transfer { to_agent: Some(ann.clone()), to_team: None, lease: MINUTE };
    let refused = store.act(ConversationId(3), &"bo".into(), transfer, Timestamp(15), None).await?;
    same("not handed over either", refused, Err(Refused::Unfit(ann.clone(), Unfit::Full(2, 2))))?;
    allowed("by name people may", store.claim(ConversationId(3), &ann, MINUTE, Timestamp(16)).await?)?;
    let view = found("ann", store.agents(Timestamp(17)).await?.pop())?;
    same("what she has", (view.holds, view.load), (3, 3))?;
    allowed("an answer", store.reply(reply(ConversationId(1), "ann", "Yes", Timestamp(18))).await?)?;
    allowed("another", store.reply(reply(ConversationId(2), "ann", "Yes", Timestamp(19))).await?)?;
    same("there is room again", ask(20).await?.taken().map(|(it, _)| it.id.0), Some(4))?;
    same("of nobody known", store.set_presence(&"guest".into(), Presence::Away, Timestamp(21)).await?, false)
}

async fn a_higher_tier_goes_first_of_what_is_due_within_a_minute(store: &dyn Store) -> Held {
    let due = |seconds| Action::StartClock(clock("first", seconds, 0, false));
    let tier = |tier| Action::Route(Route { tier, ..route("care", &[]) });
    waits(store, "a", 1, vec![tier(0), due(10)]).await?;
    waits(store, "b", 2, vec![tier(2), due(50)]).await?;
    waits(store, "c", 3, vec![tier(9), due(70)]).await?;
    waits(store, "d", 4, vec![tier(1), due(20)]).await?;
    let filter = QueueFilter::default();
    let queue = store.queue(filter, page(9), Timestamp(9)).await?.items;
    same("the order", queue.iter().map(|it| it.id.0).collect(), vec![2, 4, 1, 3])?;
    for want in [2, 4, 1, 3] {
        same("claimed so", next(store, "ann", 10).await?, Some(want))?;
    }
    Ok(())
}

/// A customer writes once more in a conversation.
async fn writes_again(store: &dyn Store, id: ConversationId, external: &str, at: u64) -> Held {
    let tag = Some(id.tag());
    let mut message = mail(external, "a@example.org", "And?");
    message.thread.tag = tag;
    same("joined", accept(store, MAIL, message, Timestamp(at)).await?.conversation, id)?;
    drain(store, Timestamp(at)).await.map(drop)
}

async fn a_customer_is_kept_for_the_agent_who_answered(store: &dyn Store) -> Held {
    agent(store, "ann", &[], &[], 9).await?;
    agent(store, "bo", &[], &[], 9).await?;
    let id = waits(store, "a", 1, vec![]).await?;
    same("ann's", next(store, "ann", 2).await?, Some(1))?;
    allowed("her answer", store.reply(reply(id, "ann", "Yes", Timestamp(3))).await?)?;
    drain(store, Timestamp(3)).await?;
    writes_again(store, id, "again", 10).await?;
    same("not bo's for a minute", next(store, "bo", 20).await?, None)?;
    let why = found("why", store.why(id, Timestamp(20)).await?)?;
    let against =
        |name: &str| why.agents.iter().find(|(it, _)| it.profile.name.as_str() == name).map(|(_, it)| it.clone());
    same("for bo", against("bo"), Some(Some(Unfit::KeptFor("ann".into()))))?;
    same("for ann", against("ann"), Some(None))?;
    same("ann's again", next(store, "ann", 21).await?, Some(1))?;
    allowed("her answer", store.reply(reply(id, "ann", "Yes!", Timestamp(22))).await?)?;
    drain(store, Timestamp(22)).await?;
    writes_again(store, id, "third", 30).await?;
    same("bo's after a minute", next(store, "bo", 60_030).await?, Some(1))?;
    allowed("his answer", store.reply(reply(id, "bo", "No", Timestamp(60_040))).await?)?;
    drain(store, Timestamp(60_040)).await?;
    store.set_presence(&"bo".into(), Presence::Away, Timestamp(60_050)).await?;
    writes_again(store, id, "fourth", 60_060).await?;
    same("kept for nobody who is away", next(store, "ann", 60_061).await?, Some(1))
}

async fn a_policy_names_the_agent_to_ask_first(store: &dyn Store) -> Held {
    agent(store, "ann", &[], &[], 9).await?;
    agent(store, "bo", &[], &[], 9).await?;
    let named = |who: &str| Action::Route(Route { prefer_agent: Some(who.into()), ..route("care", &[]) });
    waits(store, "a", 1, vec![named("ann")]).await?;
    waits(store, "b", 2, vec![named("bo")]).await?;
    same("bo's own", next(store, "bo", 5).await?, Some(2))?;
    same("not ann's", next(store, "bo", 6).await?, None)?;
    store.set_presence(&"ann".into(), Presence::Away, Timestamp(7)).await?;
    same("when she goes it is anybody's", next(store, "bo", 8).await?, Some(1))
}

async fn a_lease_that_ends_is_told_and_the_conversation_waits_again(store: &dyn Store) -> Held {
    let id = waits(store, "a", 1, vec![]).await?;
    allowed("ann's", store.claim(id, &"ann".into(), MINUTE, Timestamp(2)).await?)?;
    drain(store, Timestamp(2)).await?;
    same("held", next(store, "bo", 60_001).await?, None)?;
    store.ring(Timestamp(60_002), 10).await?;
    same("holder", detail(store, id).await?.conversation.holder, None)?;
    let log = acts(store, id).await?;
    same("the log", log.last().map(String::as_str), Some("lease-ended"))?;
    same("bo's", next(store, "bo", 60_003).await?, Some(1))
}

async fn a_place_in_the_queue_is_explained(store: &dyn Store) -> Held {
    agent(store, "ann", &["care"], &["en"], 1).await?;
    agent(store, "bo", &["money"], &[], 1).await?;
    let due = |name: &str, seconds| Action::StartClock(clock(name, seconds, 0, false));
    waits(store, "a", 1, vec![due("connect", 30)]).await?;
    let id =
        waits(store, "b", 2, vec![Action::Route(route("care", &["fr"])), due("final", 900), due("first", 600)]).await?;
    waits(store, "c", 3, vec![]).await?;
    let why = found("why", store.why(id, Timestamp(10)).await?)?;
    same("before it", why.before, Some(1))?;
    same("by its clock", why.clock.as_deref(), Some("first"))?;
    same("skills yield", why.yields_at, Timestamp(AGE + 2))?;
    let unskilled = Some(Unfit::Unskilled(Skill { name: "fr".into(), level: 1 }));
    let against: Vec<_> = why.agents.iter().map(|(it, unfit)| (it.profile.name.as_str(), unfit.clone())).collect();
    same("agents", against, vec![("ann", unskilled), ("bo", Some(Unfit::OtherTeam("care".into())))])?;
    allowed("a claim", store.claim(id, &"cy".into(), MINUTE, Timestamp(11)).await?)?;
    same("held ones do not wait", found("why", store.why(id, Timestamp(12)).await?)?.before, None)?;
    same("of none", store.why(ConversationId(99), Timestamp(12)).await?, None)
}

async fn a_profile_can_be_forgotten(store: &dyn Store) -> Held {
    agent(store, "ann", &["care"], &["en:2"], 1).await?;
    let known = found("ann", store.agent(&"ann".into()).await?)?;
    same("skills", known.skills, vec![Skill { name: "en".into(), level: 2 }])?;
    waits(store, "a", 1, vec![Action::Route(route("money", &[]))]).await?;
    same("not hers", next(store, "ann", 5).await?, None)?;
    holds("she is forgotten", store.remove_agent(&"ann".into()).await?)?;
    same("twice", store.remove_agent(&"ann".into()).await?, false)?;
    same("anything", next(store, "ann", 6).await?, Some(1))
}
