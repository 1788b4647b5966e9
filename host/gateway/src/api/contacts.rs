//! Contacts: finding a person, everything about one, joining two and taking a join back, and what may be one person.
pub(crate) mod view;

use super::auth::Caller;
use super::input::{Json, Listed, Query, encode, page, row_id, text};
use super::problem::{Kind, Problem};
use super::view::{ContactView, List};
use super::{ApiState, now};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use tributary_model::message::HandleKind;
use tributary_model::{ContactId, JoinId, SuggestionId};
use tributary_store::{JoinRefused, NewJoin};
use utoipa::{IntoParams, ToSchema};
use view::{ContactDetailView, SuggestionView};

/// A reason is one sentence.
const LONGEST_WHY: usize = 2_000;

impl From<JoinRefused> for Problem {
    fn from(refused: JoinRefused) -> Self {
        let detail = refused.to_string();
        match refused {
            JoinRefused::NoContact(_) | JoinRefused::NoJoin | JoinRefused::NoSuggestion => {
                Self::new(Kind::NotFound, detail)
            }
            JoinRefused::One => Self::new(Kind::OneContact, detail),
            JoinRefused::Undone | JoinRefused::Decided(_) => Self::new(Kind::DecidedBefore, detail),
        }
    }
}

/// Whom to find.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ContactQuery {
    /// A handle's whole value, such as a mail address.
    handle: String,
    /// Only handles of this kind: `email`, `phone`, `wechat-openid`, `wechat-unionid`, `marketplace-buyer`, `visitor` or
    /// `other`.
    kind: Option<String>,
}

/// Find a person by a handle
///
/// One for each kind of handle at most.
#[utoipa::path(get, path = "/api/v1/contacts", operation_id = "find_contacts", tag = "contacts", params(ContactQuery),
    responses((status = 200, description = "Who has it; `next` is always `null`", body = List<ContactView>)))]
pub(crate) async fn find(
    State(state): State<ApiState>,
    Query(query): Query<ContactQuery>,
) -> Result<axum::Json<List<ContactView>>, Problem> {
    let kind = match query.kind.as_deref() {
        None => None,
        Some(word) => Some(HandleKind::parse(word).ok_or_else(|| {
            let words = HandleKind::ALL.map(HandleKind::as_str).join(", ");
            Problem::new(Kind::BadRequest, format!("kind is one of {words}, not {word:?}"))
        })?),
    };
    let found = state.store().find_contacts(&query.handle, kind).await?;
    Ok(axum::Json(List { items: found.iter().map(ContactView::from).collect(), next: None }))
}

/// Read a person
///
/// Handles with how they are known, tags, orders and parcels, conversations, joins with their reasons, suggestions. The number
/// of a contact that was joined finds the person, too.
#[utoipa::path(get, path = "/api/v1/contacts/{id}", operation_id = "show_contact", tag = "contacts", params(("id" = i64, Path, description = "Its number")),
    responses((status = 200, description = "The person", body = ContactDetailView)))]
pub(crate) async fn show(
    State(state): State<ApiState>,
    Path(id): Path<String>,
) -> Result<axum::Json<ContactDetailView>, Problem> {
    let row = ContactId(row_id("contact", &id)?);
    let detail = state.store().contact(row).await?.ok_or_else(|| Problem::unknown("contact", &id))?;
    Ok(axum::Json(ContactDetailView::new(&detail, now())))
}

/// Whom to join, and why.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"other": 12, "why": "the customer says so on the telephone"}))]
pub(crate) struct JoinBody {
    /// The other contact, by its number.
    other: i64,
    /// Why, in one sentence: the join explains itself with it.
    why: String,
}

/// A join.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"join": 3}))]
pub(crate) struct Joined {
    /// Its number: what undoes it.
    join: i64,
}

impl From<JoinId> for Joined {
    fn from(join: JoinId) -> Self {
        Self { join: join.0 }
    }
}

/// Join two contacts
///
/// They are one person from now on, under the number of the older one. Nothing is lost by it: a join can be undone.
#[utoipa::path(post, path = "/api/v1/contacts/{id}/join", operation_id = "join_contacts", tag = "contacts", params(("id" = i64, Path, description = "One contact's number")), request_body = JoinBody,
    responses((status = 200, description = "Joined", body = Joined)))]
pub(crate) async fn join(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    Json(body): Json<JoinBody>,
) -> Result<axum::Json<Joined>, Problem> {
    let one = ContactId(row_id("contact", &id)?);
    let why = text("why", body.why, LONGEST_WHY)?;
    let (other, by) = (ContactId(body.other), format!("agent:{}", caller.agent));
    let join = state.store().join_contacts(NewJoin { one, other, why, by, now: now() }).await??;
    Ok(axum::Json(join.into()))
}

/// Nothing to say.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({}))]
pub(crate) struct Plain {}

/// Undo a join
///
/// Handles, conversations, messages and orders are again those of the contact they came by. A conversation in which both wrote
/// since stays with the one who opened it. No channel joins the two by itself again.
#[utoipa::path(post, path = "/api/v1/joins/{id}/undo", operation_id = "undo_join", tag = "contacts", params(("id" = i64, Path, description = "The join's number")), request_body = Plain,
    responses((status = 204, description = "Undone")))]
pub(crate) async fn undo(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    Json(Plain {}): Json<Plain>,
) -> Result<StatusCode, Problem> {
    let row = JoinId(row_id("join", &id)?);
    state.store().undo_join(row, &format!("agent:{}", caller.agent), now()).await??;
    Ok(StatusCode::NO_CONTENT)
}

/// Which suggestions.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SuggestionQuery {
    /// How many, 1 to 200; 50 unless given.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// Where to go on: `next` of the page before.
    cursor: Option<String>,
}

/// List who may be one person
///
/// Pairs of contacts that nobody has decided about, the latest first, each with its reason.
#[utoipa::path(get, path = "/api/v1/suggestions", operation_id = "list_suggestions", tag = "contacts", params(SuggestionQuery),
    responses((status = 200, description = "A page", body = List<SuggestionView>)))]
pub(crate) async fn suggestions(
    State(state): State<ApiState>,
    Query(query): Query<SuggestionQuery>,
) -> Result<axum::Json<List<SuggestionView>>, Problem> {
    let page = page(Listed::Suggestions, query.limit, query.cursor.as_deref())?;
    let listing = state.store().suggestions(page).await?;
    Ok(axum::Json(List {
        items: listing.items.iter().map(SuggestionView::from).collect(),
        next: listing.next.map(|cursor| encode(Listed::Suggestions, &cursor)),
    }))
}

/// Accept a suggestion
///
/// The two are one person from now on.
#[utoipa::path(post, path = "/api/v1/suggestions/{id}/accept", operation_id = "accept_suggestion", tag = "contacts", params(("id" = i64, Path, description = "Its number")), request_body = Plain,
    responses((status = 200, description = "Joined", body = Joined)))]
pub(crate) async fn accept(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    Json(Plain {}): Json<Plain>,
) -> Result<axum::Json<Joined>, Problem> {
    let row = SuggestionId(row_id("suggestion", &id)?);
    let join = state.store().accept_suggestion(row, &format!("agent:{}", caller.agent), now()).await??;
    Ok(axum::Json(join.into()))
}

/// Dismiss a suggestion
///
/// The two are two, and are not suggested for this reason again.
#[utoipa::path(post, path = "/api/v1/suggestions/{id}/dismiss", operation_id = "dismiss_suggestion", tag = "contacts", params(("id" = i64, Path, description = "Its number")), request_body = Plain,
    responses((status = 204, description = "Dismissed")))]
pub(crate) async fn dismiss(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    Json(Plain {}): Json<Plain>,
) -> Result<StatusCode, Problem> {
    let row = SuggestionId(row_id("suggestion", &id)?);
    state.store().dismiss_suggestion(row, &format!("agent:{}", caller.agent), now()).await??;
    Ok(StatusCode::NO_CONTENT)
}
