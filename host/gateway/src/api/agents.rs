//! Agents: what is known of them, whether they take work, and why a conversation stands where it does.
use super::auth::{Caller, is_agent_name};
use super::input::{Json, conversation_id, text};
use super::problem::Problem;
use super::view::{ConversationView, List, rfc3339};
use super::{ApiState, now};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use tributary_model::AgentName;
use tributary_model::agent::{Presence, Profile, Skill};
use tributary_store::{AgentView as StoredAgent, Why};
use utoipa::ToSchema;

/// The longest name of a team, in bytes.
const LONGEST_TEAM: usize = 200;

/// Teams and skills of one agent at most.
const MOST: usize = 64;

/// How much an agent has at once unless somebody says otherwise.
const CAPACITY: u32 = 5;

/// What is known of an agent.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"teams": ["after-sales"], "skills": ["refund:2", "en"], "senior": false, "capacity": 5}))]
pub(crate) struct SetAgent {
    /// The teams the agent works in; none: in all.
    #[serde(default)]
    teams: Vec<String>,
    /// What the agent can do: `NAME`, or `NAME:LEVEL` with a level of 1 to 9.
    #[serde(default)]
    skills: Vec<String>,
    /// Takes what only a senior agent may have.
    #[serde(default)]
    senior: bool,
    /// How much the agent has at once: 5 unless given. A conversation takes 1, or what `[queue.weight]` says of its channel.
    #[schema(minimum = 1, maximum = 10000)]
    capacity: Option<u32>,
}

/// An agent.
#[derive(Serialize, ToSchema)]
#[schema(as = Agent, example = json!({
    "name": "lin", "teams": ["after-sales"], "skills": ["refund:2", "en"], "senior": false, "capacity": 5,
    "presence": "available", "since": "2026-05-04T09:00:00.000Z", "holds": 2, "load": 3
}))]
pub(crate) struct AgentView {
    /// The name that the agent's tokens have.
    name: String,
    /// The teams; none: all.
    teams: Vec<String>,
    /// What the agent can do.
    skills: Vec<String>,
    /// Takes what only a senior agent may have.
    senior: bool,
    /// How much the agent has at once.
    capacity: u32,
    /// `available` or `away`.
    presence: &'static str,
    /// Since when.
    #[schema(format = DateTime)]
    since: String,
    /// Conversations that the agent holds.
    holds: u32,
    /// How much of `capacity` they take.
    load: u32,
}

impl From<&StoredAgent> for AgentView {
    fn from(StoredAgent { profile, holds, load }: &StoredAgent) -> Self {
        Self {
            name: profile.name.to_string(),
            teams: profile.teams.clone(),
            skills: profile.skills.iter().map(ToString::to_string).collect(),
            senior: profile.senior,
            capacity: profile.capacity,
            presence: profile.presence.as_str(),
            since: rfc3339(profile.since),
            holds: *holds,
            load: *load,
        }
    }
}

/// List agents
///
/// Those of whom something is known, by name. Any other may take anything.
#[utoipa::path(get, path = "/api/v1/agents", operation_id = "list_agents", tag = "agents",
    responses((status = 200, description = "All agents", body = List<AgentView>)))]
pub(crate) async fn list(State(state): State<ApiState>) -> Result<axum::Json<List<AgentView>>, Problem> {
    let agents = state.store().agents(now()).await?;
    Ok(axum::Json(List { items: agents.iter().map(AgentView::from).collect(), next: None }))
}

/// Say what an agent does
///
/// Takes the place of what was known. The agent's presence stays; a new one is available.
#[utoipa::path(post, path = "/api/v1/agents/{name}", operation_id = "set_agent", tag = "agents", request_body = SetAgent,
    params(("name" = String, Path, description = "The name that the agent's tokens have")),
    responses((status = 200, description = "The agent", body = AgentView)))]
pub(crate) async fn set(
    State(state): State<ApiState>,
    Path(name): Path<String>,
    Json(body): Json<SetAgent>,
) -> Result<axum::Json<AgentView>, Problem> {
    if !is_agent_name(&name) {
        return Err(Problem::invalid("an agent's name has 1 to 64 characters without blanks"));
    }
    if body.teams.len() > MOST || body.skills.len() > MOST {
        return Err(Problem::invalid(format!("an agent has {MOST} teams and {MOST} skills at most")));
    }
    let team = |team: String| {
        let team = text("teams", team, LONGEST_TEAM)?;
        match team.is_empty() || team.contains(char::is_control) {
            true => Err(Problem::invalid("a team's name is not empty and has no control characters")),
            false => Ok(team),
        }
    };
    let skill = |it: String| {
        let what = "is no skill: NAME or NAME:LEVEL with a level of 1 to 9 was expected";
        Skill::parse(&it).ok_or_else(|| Problem::invalid(format!("skills: {it:?} {what}")))
    };
    let capacity = body.capacity.unwrap_or(CAPACITY);
    if !(1..=10_000).contains(&capacity) {
        return Err(Problem::invalid(format!("capacity is 1 to 10000, not {capacity}")));
    }
    let name = AgentName::from(name);
    let (presence, since) = match state.store().agent(&name).await? {
        Some(before) => (before.presence, before.since),
        None => (Presence::Available, now()),
    };
    let profile = Profile {
        teams: body.teams.into_iter().map(team).collect::<Result<_, _>>()?,
        skills: body.skills.into_iter().map(skill).collect::<Result<_, _>>()?,
        senior: body.senior,
        capacity,
        presence,
        since,
        name: name.clone(),
    };
    state.store().set_agent(profile).await?;
    seen(&state, &name).await.map(axum::Json)
}

/// The agent as it is now.
async fn seen(state: &ApiState, name: &AgentName) -> Result<AgentView, Problem> {
    let agents = state.store().agents(now()).await?;
    let found = agents.iter().find(|agent| agent.profile.name == *name);
    found.map(AgentView::from).ok_or_else(|| Problem::unknown("agent", name.as_str()))
}

/// Forget an agent
///
/// What the agent holds stays the agent's. Without a profile an agent may take anything.
#[utoipa::path(delete, path = "/api/v1/agents/{name}", operation_id = "remove_agent", tag = "agents",
    params(("name" = String, Path, description = "The agent")), responses((status = 204, description = "Forgotten")))]
pub(crate) async fn remove(State(state): State<ApiState>, Path(name): Path<String>) -> Result<StatusCode, Problem> {
    match state.store().remove_agent(&AgentName::from(name.clone())).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::unknown("agent", &name)),
    }
}

/// Whether the caller takes work.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"presence": "away"}))]
pub(crate) struct SetPresence {
    /// `available` or `away`.
    presence: String,
    /// Another agent than the caller: for supervisors.
    agent: Option<String>,
}

/// Come and go
///
/// Who is away gets nothing; what was kept for them is anybody's. An agent of whom nothing is known is always there.
#[utoipa::path(post, path = "/api/v1/presence", operation_id = "set_presence", tag = "agents", request_body = SetPresence,
    responses((status = 200, description = "The agent", body = AgentView)))]
pub(crate) async fn presence(
    State(state): State<ApiState>,
    caller: Caller,
    Json(body): Json<SetPresence>,
) -> Result<axum::Json<AgentView>, Problem> {
    let presence = Presence::parse(&body.presence)
        .ok_or_else(|| Problem::invalid(format!("presence is available or away, not {:?}", body.presence)))?;
    let agent = body.agent.map_or(caller.agent, AgentName::from);
    match state.store().set_presence(&agent, presence, now()).await? {
        true => seen(&state, &agent).await.map(axum::Json),
        false => Err(Problem::unknown("agent", agent.as_str())),
    }
}

/// What is for or against giving it to an agent now.
#[derive(Serialize, ToSchema)]
#[schema(as = Candidate)]
pub(crate) struct CandidateView {
    /// The agent.
    agent: String,
    /// Why not; `null`: may have it.
    against: Option<String>,
}

/// Why a conversation stands where it does.
#[derive(Serialize, ToSchema)]
#[schema(as = Why)]
pub(crate) struct WhyView {
    /// The conversation.
    conversation: ConversationView,
    /// How many that nobody holds come before it; `null`: it does not wait.
    before: Option<u64>,
    /// The clock that is breached next, or was first.
    clock: Option<String>,
    /// Among those that are due in the same minute the higher tier comes first.
    tier: u8,
    /// The agent it is kept for, and until when.
    kept_for: Option<String>,
    /// Until when it is kept.
    #[schema(format = DateTime)]
    kept_until: Option<String>,
    /// From when on anybody of its team may have it, whatever the skills.
    #[schema(format = DateTime)]
    yields_at: String,
    /// Every agent of whom something is known.
    agents: Vec<CandidateView>,
}

impl WhyView {
    fn new(why: &Why) -> Self {
        let it = &why.conversation;
        let kept = it.own.as_ref().zip(it.kept_until);
        Self {
            conversation: ConversationView::new(it, None, now()),
            before: why.before,
            clock: why.clock.clone(),
            tier: it.key().tier.0,
            kept_for: kept.map(|(agent, _)| agent.to_string()),
            kept_until: kept.map(|(_, until)| rfc3339(until)),
            yields_at: rfc3339(why.yields_at),
            agents: why
                .agents
                .iter()
                .map(|(agent, against)| CandidateView {
                    agent: agent.profile.name.to_string(),
                    against: against.as_ref().map(ToString::to_string),
                })
                .collect(),
        }
    }
}

/// Explain a place in the queue
///
/// What comes before it, by which rule, and which agents may have it now.
#[utoipa::path(get, path = "/api/v1/conversations/{id}/why", operation_id = "explain_place", tag = "queue",
    params(("id" = String, Path, description = "The conversation's number or tag")),
    responses((status = 200, description = "Why", body = WhyView)))]
pub(crate) async fn why(State(state): State<ApiState>, Path(id): Path<String>) -> Result<axum::Json<WhyView>, Problem> {
    let found = state.store().why(conversation_id(&id)?, now()).await?;
    Ok(axum::Json(WhyView::new(&found.ok_or_else(|| Problem::unknown("conversation", &id))?)))
}
