//! The queue: what waits, in which order, and taking the next.
use super::auth::Caller;
use super::input::{Json, Listed, Query, encode, page};
use super::problem::{Kind, Problem};
use super::view::{ConversationView, List};
use super::{ApiState, now, waiting};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use std::collections::HashMap;
use std::time::Duration;
use tributary_model::conversation::Conversation;
use tributary_model::{ConversationId, Timestamp};
use tributary_store::{Listing, Next, QueueFilter};
use utoipa::{IntoParams, ToSchema};

/// Which conversations of the queue.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct QueueQuery {
    /// Of this team only.
    team: Option<String>,
    /// `true`: also those that somebody holds.
    #[serde(default)]
    held: bool,
    /// How many, 1 to 200; 50 unless given.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// Where to go on: `next` of the page before.
    cursor: Option<String>,
}

/// List the queue
///
/// Open conversations in the order they are to be worked on: emergencies, then what is due next to the minute, then the
/// customer's tier, then age.
#[utoipa::path(get, path = "/api/v1/queue", operation_id = "list_queue", tag = "queue", params(QueueQuery),
    responses((status = 200, description = "A page", body = List<ConversationView>)))]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Query(query): Query<QueueQuery>,
) -> Result<axum::Json<List<ConversationView>>, Problem> {
    let page = page(Listed::Queue, query.limit, query.cursor.as_deref())?;
    let filter = QueueFilter { team: query.team, held: query.held };
    let now = now();
    let listing = state.store().queue(filter, page, now).await?;
    conversations(&state, Listed::Queue, listing, now).await.map(axum::Json)
}

/// A page of conversations with their contacts.
pub(crate) async fn conversations(
    state: &ApiState,
    of: Listed,
    listing: Listing<Conversation>,
    now: Timestamp,
) -> Result<List<ConversationView>, Problem> {
    let mut ids: Vec<_> = listing.items.iter().map(|row| row.contact).collect();
    ids.sort_unstable();
    ids.dedup();
    let contacts: HashMap<_, _> =
        state.store().contacts(&ids).await?.into_iter().map(|contact| (contact.id, contact)).collect();
    let view = |row: &Conversation| ConversationView::new(row, contacts.get(&row.contact), now);
    Ok(List { items: listing.items.iter().map(view).collect(), next: listing.next.map(|cursor| encode(of, &cursor)) })
}

/// Which conversation to take, and for how long.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"team": "complaints", "lease_seconds": 900}))]
pub(crate) struct ClaimNext {
    /// The next of this team only.
    team: Option<String>,
    /// Not the next, but this one, by its number: as `POST /conversations/{id}/claim`.
    conversation: Option<i64>,
    /// How long to wait for it where nothing waits: 0 to 60 seconds; 0 unless given.
    #[schema(minimum = 0, maximum = 60)]
    #[serde(default)]
    wait_seconds: u64,
    /// How long the claim lasts unless it is renewed: 10 seconds to 8 hours; 15 minutes unless given.
    #[schema(minimum = 10, maximum = 28800)]
    lease_seconds: Option<u64>,
}

/// Take the next conversation
///
/// The first of the queue that you may have becomes yours until the lease ends. Two agents never get the same one. With
/// `wait_seconds` the answer comes when something does: an agent's client asks again as often as it ends without.
#[utoipa::path(post, path = "/api/v1/queue/claim", operation_id = "claim_next", tag = "queue", request_body = ClaimNext,
    responses((status = 200, description = "Yours now", body = ConversationView), (status = 204, description = "Nothing waits")))]
pub(crate) async fn claim(
    State(state): State<ApiState>,
    caller: Caller,
    Json(body): Json<ClaimNext>,
) -> Result<Response, Problem> {
    let lease = lease(body.lease_seconds)?;
    if body.wait_seconds > LONGEST_WAIT {
        let asked = body.wait_seconds;
        return Err(Problem::invalid(format!("wait_seconds is 0 to {LONGEST_WAIT}, not {asked}")));
    }
    let (row, contact) = match (body.conversation, body.team) {
        (Some(_), Some(_)) => return Err(Problem::invalid("team or conversation, not both")),
        (Some(number), None) => {
            let id = ConversationId(number);
            let holder = state.store().claim(id, &caller.agent, lease, now()).await??;
            let unknown = || Problem::unknown("conversation", &number.to_string());
            let detail = state.store().conversation(id).await?.ok_or_else(unknown)?;
            let mut row = detail.conversation;
            row.holder = Some(holder);
            (row, Some(detail.contact))
        }
        (None, team) => {
            let wait = Duration::from_secs(body.wait_seconds);
            let (mut row, holder) = match waiting::next(&state, &caller.agent, team.as_deref(), lease, wait).await? {
                Next::Taken(row, holder) => (*row, holder),
                Next::Nothing => return Ok(StatusCode::NO_CONTENT.into_response()),
                Next::Unready(why) => return Err(Problem::new(Kind::Unready, format!("{}: {why}", caller.agent))),
            };
            row.holder = Some(holder);
            let contacts = state.store().contacts(&[row.contact]).await?;
            (row, contacts.into_iter().next())
        }
    };
    Ok(axum::Json(ConversationView::new(&row, contact.as_ref(), now())).into_response())
}

/// The longest wait for the next conversation, in seconds.
const LONGEST_WAIT: u64 = 60;

/// How long a claim lasts unless the client says otherwise.
const DEFAULT_LEASE: u64 = 15 * 60;

/// Checks a lease: long enough for a heartbeat to come in time, short enough that nobody's day ends inside it.
pub(crate) fn lease(seconds: Option<u64>) -> Result<Duration, Problem> {
    let seconds = seconds.unwrap_or(DEFAULT_LEASE);
    if !(10..=8 * 3600).contains(&seconds) {
        return Err(Problem::invalid(format!("lease_seconds is 10 to 28800, not {seconds}")));
    }
    Ok(Duration::from_secs(seconds))
}
