//! Operations on orders that wait for somebody's word: the list, and the word.
use super::auth::Caller;
use super::input::{Json, Listed, Query, encode, page, row_id, text};
use super::orders::OperationView;
use super::problem::{Kind, Problem, ProblemView};
use super::view::List;
use super::write::{self, Key};
use super::{ApiState, now};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use tributary_model::OperationId;
use tributary_model::approval::Verdict;
use tributary_model::operation::LONGEST_TEXT;
use tributary_store::{NotDecided, OperationVerdict, Scope};
use utoipa::{IntoParams, ToSchema};

/// Which of them.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ApprovalsQuery {
    /// How many, 1 to 200; 50 unless given.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
    /// Where to go on: `next` of the page before.
    cursor: Option<String>,
}

/// List what waits for approval
///
/// Operations on orders, of agents and of policies, that wait for somebody's word; those that wait the longest first.
#[utoipa::path(get, path = "/api/v1/approvals", operation_id = "list_approvals", tag = "orders", params(ApprovalsQuery),
    responses((status = 200, description = "A page", body = List<OperationView>)))]
pub(crate) async fn list(
    State(state): State<ApiState>,
    Query(query): Query<ApprovalsQuery>,
) -> Result<axum::Json<List<OperationView>>, Problem> {
    let page = page(Listed::Approvals, query.limit, query.cursor.as_deref())?;
    let listing = state.store().approvals(page).await?;
    Ok(axum::Json(List {
        items: listing.items.iter().map(OperationView::from).collect(),
        next: listing.next.map(|cursor| encode(Listed::Approvals, &cursor)),
    }))
}

/// A yes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"why": "a regular customer"}))]
pub(crate) struct Approve {
    /// Why, for the books; at most 1000 bytes.
    why: Option<String>,
}

/// A no.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"why": "no picture of the damage"}))]
pub(crate) struct Decline {
    /// Why; at most 1000 bytes. Who asked, and the policies, are told.
    why: String,
}

/// Approve an operation
///
/// Its marketplace is asked from now on. Who may is said by its `approval`; whoever asked for it may not. The first word
/// counts: 409 says how somebody decided before.
#[utoipa::path(post, path = "/api/v1/operations/{id}/approve", operation_id = "approve", tag = "orders",
    params(("id" = i64, Path, description = "The operation's number")), request_body = Approve,
    responses((status = 204, description = "Done"),
        (status = 403, description = "Somebody else decides, or the token's scope is less than agent", body = ProblemView,
            content_type = "application/problem+json")))]
pub(crate) async fn approve(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    key: Key,
    Json(Approve { why }): Json<Approve>,
) -> Result<StatusCode, Problem> {
    decide(&state, caller, &id, Verdict::Approved, why, key).await
}

/// Decline an operation
///
/// That is its end: it was never asked of its marketplace and never will be. The conversation waits for an agent again. Who
/// may is said by its `approval`; whoever asked for it may not. The first word counts: 409 says how somebody decided before.
#[utoipa::path(post, path = "/api/v1/operations/{id}/decline", operation_id = "decline", tag = "orders",
    params(("id" = i64, Path, description = "The operation's number")), request_body = Decline,
    responses((status = 204, description = "Done"),
        (status = 403, description = "Somebody else decides, or the token's scope is less than agent", body = ProblemView,
            content_type = "application/problem+json")))]
pub(crate) async fn decline(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    key: Key,
    Json(Decline { why }): Json<Decline>,
) -> Result<StatusCode, Problem> {
    decide(&state, caller, &id, Verdict::Declined, Some(why), key).await
}

async fn decide(
    state: &ApiState,
    caller: Caller,
    id: &str,
    verdict: Verdict,
    why: Option<String>,
    key: Key,
) -> Result<StatusCode, Problem> {
    let verdict = OperationVerdict {
        id: OperationId(row_id("operation", id)?),
        agent: caller.agent,
        admin: caller.scope == Scope::Admin,
        verdict,
        why: why.map(|why| text("why", why, LONGEST_TEXT)).transpose()?,
        now: now(),
        request: write::done(key),
    };
    state.desk().decide_operation(verdict).await??;
    Ok(StatusCode::NO_CONTENT)
}

impl From<NotDecided> for Problem {
    fn from(why: NotDecided) -> Self {
        let kind = match &why {
            NotDecided::Unknown(_) => Kind::NotFound,
            NotDecided::NoSay(_) => Kind::NoSay,
            NotDecided::Before(..) | NotDecided::NeverWaited(_) => Kind::DecidedBefore,
        };
        Self::new(kind, why.to_string())
    }
}
