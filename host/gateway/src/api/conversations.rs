//! Conversations: reading them, their files, and what an agent does with one.
use super::auth::{Caller, is_agent_name};
use super::input::{Json, Listed, Query, conversation_id, moment, page, text};
use super::problem::{Kind, Problem};
use super::queue::{conversations, lease};
use super::view::{ConversationView, DetailView, HolderView, List, ObjectionView};
use super::write::{self, Key};
use super::{ApiState, download, now};
use crate::desk::{ReplyError, ShowError};
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::time::Duration;
use tributary_model::conversation::State as Standing;
use tributary_model::decision::Objection;
use tributary_model::message::{Attachment, Content};
use tributary_model::{AgentName, OutgoingId, PluginName, Timestamp};
use tributary_store::{AgentAct, ConversationFilter, KeptAnswer, KeyedReply, NewReply};
use utoipa::{IntoParams, ToSchema};

/// A text of an agent is at most this long.
const MAX_TEXT: usize = 512 * 1024;

/// Which conversations.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ConversationQuery {
    /// Standing there: `open`, `answered`, `snoozed` or `closed`.
    state: Option<String>,
    /// Of the customer with this handle, such as a mail address.
    handle: Option<String>,
    /// Held by this agent.
    agent: Option<String>,
    /// How many, 1 to 200; 50 unless given.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// Where to go on: `next` of the page before.
    cursor: Option<String>,
}

/// List conversations
///
/// All of them, the latest opened first.
#[utoipa::path(get, path = "/api/v1/conversations", operation_id = "list_conversations", tag = "conversations", params(ConversationQuery),
    responses((status = 200, description = "A page", body = List<ConversationView>)))]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Query(query): Query<ConversationQuery>,
) -> Result<axum::Json<List<ConversationView>>, Problem> {
    let page = page(Listed::Conversations, query.limit, query.cursor.as_deref())?;
    let standing = match query.state.as_deref() {
        None => None,
        Some(word) => Some(Standing::parse(word).ok_or_else(|| {
            let words = Standing::ALL.map(Standing::as_str).join(", ");
            Problem::new(Kind::BadRequest, format!("state is one of {words}, not {word:?}"))
        })?),
    };
    let filter = ConversationFilter { state: standing, handle: query.handle, agent: query.agent.map(AgentName::from) };
    let listing = state.store().conversations(filter, page).await?;
    conversations(&state, Listed::Conversations, listing, now()).await.map(axum::Json)
}

/// Read a conversation
///
/// Its messages, what policies decided and why, its clocks and everything that happened to it.
#[utoipa::path(get, path = "/api/v1/conversations/{id}", operation_id = "show_conversation", tag = "conversations",
    params(("id" = String, Path, description = "Number or tag", example = "T1042")),
    responses((status = 200, description = "The conversation", body = DetailView)))]
pub(crate) async fn show(
    State(state): State<ApiState>,
    Path(id): Path<String>,
) -> Result<axum::Json<DetailView>, Problem> {
    let number = conversation_id(&id)?;
    let detail = state.store().conversation(number).await?.ok_or_else(|| Problem::unknown("conversation", &id))?;
    Ok(axum::Json(DetailView::new(&detail, now())))
}

/// Download a file of a conversation
///
/// The bytes as they came. Always a download, never shown in place: nothing made them safe.
#[utoipa::path(get, path = "/api/v1/conversations/{id}/attachments/{blob}", operation_id = "download_attachment", tag = "conversations",
    params(("id" = String, Path, description = "Number or tag"), ("blob" = String, Path, description = "`blob` of the attachment")),
    responses((status = 200, description = "The bytes", content_type = "application/octet-stream", body = Vec<u8>)))]
pub(crate) async fn attachment(
    State(state): State<ApiState>,
    Path((id, blob)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let number = conversation_id(&id)?;
    // Asked of the conversation first: a digest alone opens nothing.
    let file = state.store().attachment(number, &blob).await?.ok_or_else(|| Problem::unknown("attachment", &blob))?;
    match state.desk().blob(&file.blob).await {
        Ok(Some(bytes)) => Ok(download::response(&file.name, &file.media_type, bytes)),
        Ok(None) => Err(Problem::unknown("attachment", &blob)),
        Err(error) => Err(Problem::failed(&error)),
    }
}

/// How long to hold it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"lease_seconds": 900}))]
pub(crate) struct Claim {
    /// How long the claim lasts unless it is renewed: 10 seconds to 8 hours; 15 minutes unless given.
    #[schema(minimum = 10, maximum = 28800)]
    lease_seconds: Option<u64>,
}

/// A claim.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": 1042, "tag": "T1042", "holder": {"agent": "lin", "until": "2026-05-04T09:15:00.000Z"}}))]
pub(crate) struct Claimed {
    /// The conversation's number.
    id: i64,
    /// Its tag.
    tag: String,
    /// You, and until when.
    holder: HolderView,
}

/// Take a conversation
///
/// Yours until the lease ends. 409 says who holds it until when.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/claim", operation_id = "claim_conversation", tag = "conversations",
    params(("id" = String, Path, description = "Number or tag")), request_body = Claim,
    responses((status = 200, description = "Yours now", body = Claimed)))]
pub(crate) async fn claim(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    Json(body): Json<Claim>,
) -> Result<axum::Json<Claimed>, Problem> {
    let id = conversation_id(&id)?;
    let lease = lease(body.lease_seconds)?;
    let holder = state.store().claim(id, &caller.agent, lease, now()).await??;
    Ok(axum::Json(Claimed { id: id.0, tag: id.tag(), holder: HolderView::from(&holder) }))
}

/// Renew a claim
///
/// The lease counts from now again. If it ran out and nobody else took the conversation, it is yours again.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/heartbeat", operation_id = "renew_claim", tag = "conversations",
    params(("id" = String, Path, description = "Number or tag")), request_body = Claim,
    responses((status = 200, description = "Yours for longer", body = Claimed)))]
pub(crate) async fn heartbeat(
    state: State<ApiState>,
    caller: Caller,
    id: Path<String>,
    body: Json<Claim>,
) -> Result<axum::Json<Claimed>, Problem> {
    claim(state, caller, id, body).await
}

/// An answer to the customer: a text, files, or both.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"text": "Your parcel leaves today.", "close": false}))]
pub(crate) struct Reply {
    /// What to say, as plain text.
    #[serde(default)]
    text: String,
    /// Files to send with it: 20 at most, 20 MiB together.
    #[serde(default)]
    files: Vec<File>,
    /// Keep the claim. Without it the conversation is let go.
    #[serde(default)]
    keep: bool,
    /// Close the conversation with the answer.
    #[serde(default)]
    close: bool,
}

/// A file of an answer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "label.txt", "data": "UGFyY2VsIDE3"}))]
pub(crate) struct File {
    /// The name that the customer sees; no path.
    name: String,
    /// RFC 6838 media type; told from the name unless given.
    media_type: Option<String>,
    /// The bytes in base64.
    #[schema(content_encoding = "base64")]
    data: String,
}

/// Files of one answer.
const MAX_FILES: usize = 20;
/// Bytes of the files of one answer.
const MAX_FILES_SIZE: usize = 20 * 1024 * 1024;
/// Bytes of an answer: a text and files in base64.
pub(crate) const MAX_REPLY: usize = 28 * 1024 * 1024;

/// Keeps the files of an answer. They are on disk when this returns.
async fn keep_files(state: &ApiState, files: Vec<File>) -> Result<Vec<Attachment>, Problem> {
    if files.len() > MAX_FILES {
        return Err(Problem::invalid(format!("files has at most {MAX_FILES} items, this one {}", files.len())));
    }
    let mut size = 0;
    let mut read = Vec::with_capacity(files.len());
    for (at, File { name, media_type, data }) in files.into_iter().enumerate() {
        let name = text(&format!("files[{at}].name"), name, 255)?;
        if name.chars().any(|c| c.is_control() || matches!(c, '/' | '\\')) {
            return Err(Problem::invalid(format!("files[{at}].name is a path, or has a control character")));
        }
        let media_type = media_type.unwrap_or_else(|| {
            mime_guess::from_path(&name).first_raw().unwrap_or("application/octet-stream").to_owned()
        });
        if media_type.parse::<mime_guess::Mime>().is_err() {
            return Err(Problem::invalid(format!("files[{at}].media_type is no media type: {media_type}")));
        }
        let bytes = super::input::base64(&format!("files[{at}].data"), &data)?;
        size += bytes.len();
        if bytes.is_empty() || size > MAX_FILES_SIZE {
            let what = format!("files have 1 byte at least and {MAX_FILES_SIZE} together at most");
            return Err(Problem::invalid(format!("{what}: files[{at}] has {}, {size} with those before", bytes.len())));
        }
        read.push((name, media_type, bytes));
    }
    let mut kept = Vec::with_capacity(read.len());
    for (name, media_type, bytes) in read {
        let size = bytes.len() as u64;
        let blob = state.desk().keep_blob(bytes).await.map_err(|error| Problem::failed(&error))?;
        kept.push(Attachment { blob, name, media_type, size, content_id: None });
    }
    Ok(kept)
}

/// An answer that is on its way.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"outgoing": 77, "warnings": []}))]
pub(crate) struct Replied {
    /// Its number: `delivery.id` of the message shows where it stands.
    outgoing: i64,
    /// What reviewing policies said against it and let pass.
    warnings: Vec<ObjectionView>,
}

/// Answer the customer
///
/// On disk when this answers; delivery follows by the channel the customer used last. 422 `blocked` lists what reviewing
/// policies hold against the text. A channel that cannot carry a file says so on the conversation (`delivery`).
#[utoipa::path(post, path = "/api/v1/conversations/{id}/reply", operation_id = "reply", tag = "conversations",
    params(("id" = String, Path, description = "Number or tag")), request_body = Reply,
    responses((status = 201, description = "On disk, and on its way", body = Replied)))]
pub(crate) async fn reply(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    key: Key,
    Json(body): Json<Reply>,
) -> Result<(StatusCode, axum::Json<Replied>), Problem> {
    let conversation = conversation_id(&id)?;
    let text =
        if body.files.is_empty() || !body.text.is_empty() { text("text", body.text, MAX_TEXT)? } else { String::new() };
    let reply = NewReply {
        conversation,
        agent: caller.agent,
        content: Content { text, attachments: keep_files(&state, body.files).await?, ..Content::default() },
        keep: body.keep,
        close: body.close,
        now: now(),
        warnings: Vec::new(),
        request: key.map(|Extension(key)| KeyedReply { key, answer: kept }),
    };
    match state.desk().reply(reply).await {
        Ok(it) => Ok((StatusCode::CREATED, axum::Json(replied(it.outgoing, &it.warnings)))),
        Err(ReplyError::Refused(refused)) => Err(refused.into()),
        Err(ReplyError::Blocked(objections)) => {
            let rules: Vec<&str> = objections.iter().map(|(_, objection)| objection.rule.as_str()).collect();
            let views: Vec<ObjectionView> = objections.iter().map(ObjectionView::from).collect();
            Err(Problem::new(Kind::Blocked, format!("the text breaks {}", rules.join(", ")))
                .with("objections", json!(views)))
        }
        Err(ReplyError::Empty) => Err(Problem::invalid("text is empty")),
        Err(ReplyError::Store(error)) => Err(error.into()),
    }
}

fn replied(outgoing: OutgoingId, warnings: &[(PluginName, Objection)]) -> Replied {
    Replied { outgoing: outgoing.0, warnings: warnings.iter().map(ObjectionView::from).collect() }
}

fn kept(outgoing: OutgoingId, warnings: &[(PluginName, Objection)]) -> KeptAnswer {
    KeptAnswer { status: StatusCode::CREATED.as_u16(), body: json!(replied(outgoing, warnings)).to_string().into() }
}

async fn act(state: &ApiState, caller: &Caller, id: &str, act: AgentAct, key: Key) -> Result<StatusCode, Problem> {
    let id = conversation_id(id)?;
    state.store().act(id, &caller.agent, act, now(), write::done(key)).await??;
    Ok(StatusCode::NO_CONTENT)
}

/// A note.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"text": "Called the carrier, they look for it."}))]
pub(crate) struct Note {
    /// What to remember.
    text: String,
}

/// Write a note
///
/// Only the shop sees it.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/note", operation_id = "note", tag = "conversations",
    params(("id" = String, Path, description = "Number or tag")), request_body = Note,
    responses((status = 204, description = "Kept")))]
pub(crate) async fn note(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    key: Key,
    Json(body): Json<Note>,
) -> Result<StatusCode, Problem> {
    let note = text("text", body.text, MAX_TEXT)?;
    act(&state, &caller, &id, AgentAct::Note(note), key).await
}

/// Nothing to say.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({}))]
pub(crate) struct Nothing {}

/// Let a conversation go
///
/// It stands in the queue again, for everybody.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/release", operation_id = "release", tag = "conversations",
    params(("id" = String, Path, description = "Number or tag")), request_body = Nothing,
    responses((status = 204, description = "Done")))]
pub(crate) async fn release(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    key: Key,
    Json(Nothing {}): Json<Nothing>,
) -> Result<StatusCode, Problem> {
    act(&state, &caller, &id, AgentAct::Release, key).await
}

/// Show the customer that you are writing
///
/// Over the channel that the customer used last, where that can show it. Shown once, and kept nowhere: a client that goes on
/// writing says it again every few seconds.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/typing", operation_id = "show_typing", tag = "conversations",
    params(("id" = String, Path, description = "Number or tag")), request_body = Nothing,
    responses((status = 204, description = "Shown")))]
pub(crate) async fn typing(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    Json(Nothing {}): Json<Nothing>,
) -> Result<StatusCode, Problem> {
    sign(&state, &id, true).await
}

/// Show the customer that you have read what was written
///
/// Up to the customer's newest message, over the channel that the customer used last, where that can show it.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/seen", operation_id = "show_seen", tag = "conversations",
    params(("id" = String, Path, description = "Number or tag")), request_body = Nothing,
    responses((status = 204, description = "Shown")))]
pub(crate) async fn seen(
    State(state): State<ApiState>,
    Path(id): Path<String>,
    Json(Nothing {}): Json<Nothing>,
) -> Result<StatusCode, Problem> {
    sign(&state, &id, false).await
}

async fn sign(state: &ApiState, id: &str, typing: bool) -> Result<StatusCode, Problem> {
    match state.desk().show(conversation_id(id)?, typing).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(ShowError::Unknown) => Err(Problem::unknown("conversation", id)),
        Err(ShowError::Absent(why)) => Err(Problem::new(Kind::NotShown, why)),
        Err(ShowError::Failed(why)) => Err(Problem::new(Kind::ChannelFailed, why)),
        Err(ShowError::Store(error)) => Err(error.into()),
    }
}

/// To whom. At least one of the two.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"to_team": "refunds"}))]
pub(crate) struct Transfer {
    /// The agent who gets the claim.
    to_agent: Option<String>,
    /// The team that gets the conversation.
    to_team: Option<String>,
    /// How long the other agent's claim lasts: 10 seconds to 8 hours; 15 minutes unless given.
    #[schema(minimum = 10, maximum = 28800)]
    lease_seconds: Option<u64>,
}

/// Hand a conversation over
///
/// To an agent, who holds it from then on; to a team, in whose queue it then stands; or to both.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/transfer", operation_id = "transfer", tag = "conversations",
    params(("id" = String, Path, description = "Number or tag")), request_body = Transfer,
    responses((status = 204, description = "Done")))]
pub(crate) async fn transfer(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    key: Key,
    Json(body): Json<Transfer>,
) -> Result<StatusCode, Problem> {
    if body.to_agent.is_none() && body.to_team.is_none() {
        return Err(Problem::invalid("to_agent or to_team is needed"));
    }
    if body.to_agent.as_deref().is_some_and(|name| !is_agent_name(name)) {
        return Err(Problem::invalid("to_agent has 1 to 64 characters without blanks"));
    }
    let to_team = body.to_team.map(|team| text("to_team", team, 200)).transpose()?;
    let to_agent = body.to_agent.map(AgentName::from);
    act(&state, &caller, &id, AgentAct::Transfer { to_agent, to_team, lease: lease(body.lease_seconds)? }, key).await
}

/// Until when.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"until": "2026-05-04T09:15:00Z"}))]
pub(crate) struct Snooze {
    /// When it comes back into the queue: in the future, at most 400 days away.
    #[schema(format = DateTime)]
    until: String,
}

/// The longest a conversation may be out of sight.
const LONGEST_SNOOZE: Duration = Duration::from_secs(400 * 24 * 3600);

/// Put a conversation off
///
/// Out of the queue until then, or until the customer writes. Whoever held it lets go.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/snooze", operation_id = "snooze", tag = "conversations",
    params(("id" = String, Path, description = "Number or tag")), request_body = Snooze,
    responses((status = 204, description = "Done")))]
pub(crate) async fn snooze(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    key: Key,
    Json(body): Json<Snooze>,
) -> Result<StatusCode, Problem> {
    let until = moment("until", &body.until)?;
    let now: Timestamp = now();
    if until <= now || until > now.after(LONGEST_SNOOZE) {
        return Err(Problem::invalid("until is in the future, at most 400 days away"));
    }
    act(&state, &caller, &id, AgentAct::Snooze(until), key).await
}

/// How it ended.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"resolution": "refunded"}))]
pub(crate) struct Close {
    /// How, in a few words; at most 1000 bytes.
    #[serde(default)]
    resolution: String,
}

/// Close a conversation
///
/// Settled. A new message of the customer opens it again.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/close", operation_id = "close", tag = "conversations",
    params(("id" = String, Path, description = "Number or tag")), request_body = Close,
    responses((status = 204, description = "Done")))]
pub(crate) async fn close(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    key: Key,
    Json(body): Json<Close>,
) -> Result<StatusCode, Problem> {
    if body.resolution.len() > 1_000 {
        return Err(Problem::invalid(format!("resolution has at most 1000 bytes, this one {}", body.resolution.len())));
    }
    act(&state, &caller, &id, AgentAct::Close(body.resolution), key).await
}

/// Open a conversation again
///
/// It stands in the queue.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/reopen", operation_id = "reopen", tag = "conversations",
    params(("id" = String, Path, description = "Number or tag")), request_body = Nothing,
    responses((status = 204, description = "Done")))]
pub(crate) async fn reopen(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    key: Key,
    Json(Nothing {}): Json<Nothing>,
) -> Result<StatusCode, Problem> {
    act(&state, &caller, &id, AgentAct::Reopen, key).await
}
