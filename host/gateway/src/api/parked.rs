//! What was kept aside: what it is, why, the bytes as they came, and taking it back to work.
use super::auth::Caller;
use super::input::{Json, Listed, Query, encode, page, row_id};
use super::problem::{Kind, Problem};
use super::view::{List, rfc3339};
use super::{ApiState, download};
use crate::desk::{ReplayError, Replayed};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use tributary_model::ParkedId;
use tributary_model::message::Arrival;
use tributary_store::{Parked, ParkedWhat, StoredArrival};
use utoipa::{IntoParams, ToSchema};

/// How much of a raw arrival is shown as text.
const RAW_TEXT: usize = 64 * 1024;

/// Something kept aside.
#[derive(Serialize, ToSchema)]
#[schema(as = Parked)]
pub(crate) struct ParkedView {
    /// Its number.
    id: i64,
    /// `arrival` (an adapter failed on it), `happening` (a policy failed on it), `outgoing` (a channel refused it) or
    /// `operation` (a marketplace refused it).
    #[schema(example = "arrival")]
    what: &'static str,
    /// The channel.
    channel: Option<String>,
    /// The plugin it failed in.
    plugin: String,
    /// Which version of it; empty where none was asked.
    version: String,
    /// Which generation of it; none where none was asked.
    generation: Option<i64>,
    /// Who is to blame: `guest`, `trap`, `budget`, `host`, `sender`, `breaker`.
    #[schema(example = "trap")]
    blame: String,
    /// Why, in one sentence.
    why: String,
    /// When.
    #[schema(format = DateTime)]
    at: String,
    /// How often it was tried.
    tries: u32,
    /// When it was taken back to work.
    #[schema(format = DateTime)]
    replayed_at: Option<String>,
    /// Its conversation.
    conversation: Option<i64>,
}

impl From<&Parked> for ParkedView {
    fn from(row: &Parked) -> Self {
        Self {
            id: row.id.0,
            what: match row.what {
                ParkedWhat::Arrival(_) => "arrival",
                ParkedWhat::Happening(_) => "happening",
                ParkedWhat::Outgoing(_) => "outgoing",
                ParkedWhat::Operation(_) => "operation",
            },
            channel: row.channel.as_ref().map(|channel| channel.to_string()),
            plugin: row.plugin.to_string(),
            version: row.version.clone(),
            generation: Some(row.generation.0).filter(|generation| *generation != 0),
            blame: row.blame.clone(),
            why: row.why.clone(),
            at: rfc3339(row.at),
            tries: row.tries,
            replayed_at: row.replayed.map(rfc3339),
            conversation: row.conversation.map(|id| id.0),
        }
    }
}

/// Which of what is kept aside.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ParkedQuery {
    /// `true`: also what was taken back to work.
    #[serde(default)]
    all: bool,
    /// How many, 1 to 200; 50 unless given.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// Where to go on: `next` of the page before.
    cursor: Option<String>,
}

/// List what was kept aside
///
/// The latest first, each with its cause.
#[utoipa::path(get, path = "/api/v1/parked", operation_id = "list_parked", tag = "parked", params(ParkedQuery),
    responses((status = 200, description = "A page", body = List<ParkedView>)))]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Query(query): Query<ParkedQuery>,
) -> Result<axum::Json<List<ParkedView>>, Problem> {
    let page = page(Listed::Parked, query.limit, query.cursor.as_deref())?;
    let listing = state.store().parked(query.all, page).await?;
    Ok(axum::Json(List {
        items: listing.items.iter().map(ParkedView::from).collect(),
        next: listing.next.map(|cursor| encode(Listed::Parked, &cursor)),
    }))
}

/// An arrival as it came in, as far as it can be shown.
#[derive(Serialize, ToSchema)]
pub(crate) struct Raw {
    /// `http`, `mail` or `document`.
    #[schema(example = "mail")]
    kind: &'static str,
    /// When it came in.
    #[schema(format = DateTime)]
    at: String,
    /// For a mail: the envelope's sender, empty for a bounce.
    mail_from: Option<String>,
    /// For a mail: the envelope's recipients.
    rcpt_to: Vec<String>,
    /// For an HTTP request: method and path. For a document: its name.
    title: Option<String>,
    /// Its bytes in all.
    size: usize,
    /// The first 64 KiB as text; what is not UTF-8 is replaced.
    text: String,
    /// There is more than `text` shows.
    truncated: bool,
}

impl From<&StoredArrival> for Raw {
    fn from(stored: &StoredArrival) -> Self {
        let bytes = stored.arrival.bytes();
        let (mail_from, rcpt_to, title) = match &stored.arrival {
            Arrival::Mail { mail_from, rcpt_to, .. } => (Some(mail_from.clone()), rcpt_to.clone(), None),
            Arrival::Http(request) => (None, Vec::new(), Some(format!("{} {}", request.method, request.url))),
            Arrival::Document { name, .. } => (None, Vec::new(), Some(name.clone())),
        };
        Self {
            kind: stored.arrival.kind(),
            at: rfc3339(stored.at),
            mail_from,
            rcpt_to,
            title,
            size: bytes.len(),
            text: String::from_utf8_lossy(&bytes[..bytes.len().min(RAW_TEXT)]).into_owned(),
            truncated: bytes.len() > RAW_TEXT,
        }
    }
}

/// Something kept aside, with what came in.
#[derive(Serialize, ToSchema)]
pub(crate) struct ParkedDetail {
    /// As in the list.
    #[serde(flatten)]
    parked: ParkedView,
    /// The arrival, where it is one.
    raw: Option<Raw>,
}

async fn find(state: &ApiState, id: &str) -> Result<(Parked, Option<StoredArrival>), Problem> {
    let row = row_id("parked item", id)?;
    state.store().parked_one(ParkedId(row)).await?.ok_or_else(|| Problem::unknown("parked item", id))
}

/// Read what was kept aside
#[utoipa::path(get, path = "/api/v1/parked/{id}", operation_id = "show_parked", tag = "parked", params(("id" = i64, Path, description = "Its number")),
    responses((status = 200, description = "The item", body = ParkedDetail)))]
pub(crate) async fn show(
    State(state): State<ApiState>,
    Path(id): Path<String>,
) -> Result<axum::Json<ParkedDetail>, Problem> {
    let (parked, arrival) = find(&state, &id).await?;
    Ok(axum::Json(ParkedDetail { parked: ParkedView::from(&parked), raw: arrival.as_ref().map(Raw::from) }))
}

/// Download a raw arrival
///
/// Every byte as it came in, as a download. 404 where it is no arrival.
#[utoipa::path(get, path = "/api/v1/parked/{id}/raw", operation_id = "download_parked", tag = "parked", params(("id" = i64, Path, description = "Its number")),
    responses((status = 200, description = "The bytes", content_type = "application/octet-stream", body = Vec<u8>)))]
pub(crate) async fn raw(State(state): State<ApiState>, Path(id): Path<String>) -> Result<Response, Problem> {
    let (parked, arrival) = find(&state, &id).await?;
    let arrival = arrival.ok_or_else(|| Problem::unknown("raw arrival of parked item", &id))?.arrival;
    let name = match arrival {
        Arrival::Mail { .. } => format!("parked-{}.eml", parked.id),
        Arrival::Http(_) | Arrival::Document { .. } => format!("parked-{}.bin", parked.id),
    };
    Ok(download::response(&name, "application/octet-stream", arrival.bytes().to_vec()))
}

/// Nothing to say.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({}))]
pub(crate) struct Replay {}

/// What became of it.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"outcome": "accepted", "conversations": [1042]}))]
pub(crate) struct ReplayView {
    /// `accepted`: its messages are in `conversations`. `queued`: it waits for its turn again.
    outcome: &'static str,
    /// The conversations, by number.
    conversations: Vec<i64>,
}

/// Take it back to work
///
/// An arrival is read again at once; a happening or an outgoing message is queued again. 422 says why it failed again.
#[utoipa::path(post, path = "/api/v1/parked/{id}/replay", operation_id = "replay_parked", tag = "parked", params(("id" = i64, Path, description = "Its number")), request_body = Replay,
    responses((status = 200, description = "Read again", body = ReplayView), (status = 202, description = "Queued again", body = ReplayView)))]
pub(crate) async fn replay(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    Json(Replay {}): Json<Replay>,
) -> Result<(StatusCode, axum::Json<ReplayView>), Problem> {
    let row = row_id("parked item", &id)?;
    match state.desk().replay(ParkedId(row), &format!("agent:{}", caller.agent)).await {
        Ok(Replayed::Accepted { conversations }) => {
            let conversations = conversations.iter().map(|id| id.0).collect();
            Ok((StatusCode::OK, axum::Json(ReplayView { outcome: "accepted", conversations })))
        }
        Ok(Replayed::Queued) => {
            Ok((StatusCode::ACCEPTED, axum::Json(ReplayView { outcome: "queued", conversations: Vec::new() })))
        }
        Err(ReplayError::Unknown) => Err(Problem::unknown("parked item", &id)),
        Err(ReplayError::Done) => Err(Problem::new(Kind::Replayed, "it was replayed before")),
        Err(ReplayError::Failed(why)) => Err(Problem::new(Kind::ReplayFailed, why)),
        Err(ReplayError::Store(error)) => Err(error.into()),
    }
}
