//! Tokens: making, listing and revoking them. For admins.
use super::auth::{is_agent_name, new_token};
use super::input::{Json, row_id};
use super::problem::Problem;
use super::view::{List, rfc3339};
use super::write::KeepInstead;
use super::{ApiState, now};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tributary_store::{NewToken, Scope, Token};
use utoipa::ToSchema;

/// A token, without its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = Token, example = json!({"id": 2, "name": "lin", "scope": "agent", "created_at": "2026-05-04T09:00:00.000Z", "revoked_at": null}))]
pub(crate) struct TokenView {
    /// Its number.
    id: i64,
    /// Who uses it: the agent's name.
    name: String,
    /// `read`, `agent` or `admin`.
    scope: &'static str,
    /// When it was made.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it was taken out of use.
    #[schema(format = DateTime)]
    revoked_at: Option<String>,
}

impl From<&Token> for TokenView {
    fn from(token: &Token) -> Self {
        Self {
            id: token.id,
            name: token.name.clone(),
            scope: token.scope.as_str(),
            created_at: rfc3339(token.created),
            revoked_at: token.revoked.map(rfc3339),
        }
    }
}

/// List tokens
///
/// All of them, also those out of use, on one page. Secrets are never shown: the store has only their digests.
#[utoipa::path(get, path = "/api/v1/tokens", operation_id = "list_tokens", tag = "tokens", responses((status = 200, description = "All tokens", body = List<TokenView>)))]
pub(crate) async fn list(State(state): State<ApiState>) -> Result<axum::Json<List<TokenView>>, Problem> {
    let tokens = state.store().tokens().await?;
    Ok(axum::Json(List { items: tokens.iter().map(TokenView::from).collect(), next: None }))
}

/// Whose token, and what it may do.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "lin", "scope": "agent"}))]
pub(crate) struct CreateToken {
    /// The agent's name: 1 to 64 characters without blanks. What is done with the token is done by this agent.
    name: String,
    /// `read`, `agent` or `admin`; each may do what those before it may.
    scope: String,
}

/// A new token.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": 2, "name": "lin", "scope": "agent", "token": "trb_0a1b…"}))]
pub(crate) struct CreatedToken {
    /// Its number.
    id: i64,
    /// The agent's name.
    name: String,
    /// What it may do.
    scope: &'static str,
    /// The secret. Shown this once: a repetition under the same idempotency key has `null` here.
    token: Option<String>,
}

/// Make a token
///
/// The secret is in this answer and nowhere else.
#[utoipa::path(post, path = "/api/v1/tokens", operation_id = "create_token", tag = "tokens", request_body = CreateToken,
    responses((status = 201, description = "The token, with its secret", body = CreatedToken)))]
pub(crate) async fn create(State(state): State<ApiState>, Json(body): Json<CreateToken>) -> Result<Response, Problem> {
    if !is_agent_name(&body.name) {
        return Err(Problem::invalid("name has 1 to 64 characters without blanks"));
    }
    let scope = Scope::parse(&body.scope).ok_or_else(|| Problem::invalid("scope is read, agent or admin"))?;
    let (secret, digest) = new_token().map_err(|error| Problem::failed(&error))?;
    let id = state.store().create_token(NewToken { name: body.name.clone(), digest, scope }, now()).await?;
    let mut created = CreatedToken { id, name: body.name, scope: scope.as_str(), token: None };
    let kept = KeepInstead(json!(created).to_string().into_bytes());
    created.token = Some(secret);
    let mut response = (StatusCode::CREATED, axum::Json(created)).into_response();
    response.extensions_mut().insert(kept);
    Ok(response)
}

/// Revoke a token
///
/// Out of use with the next request. The last admin token cannot be revoked: nobody could make another one.
#[utoipa::path(delete, path = "/api/v1/tokens/{id}", operation_id = "revoke_token", tag = "tokens", params(("id" = i64, Path, description = "Its number")),
    responses((status = 204, description = "Out of use")))]
pub(crate) async fn revoke(State(state): State<ApiState>, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    let row = row_id("token", &id)?;
    let tokens = state.store().tokens().await?;
    let mut admins = tokens.iter().filter(|token| token.scope == Scope::Admin && token.revoked.is_none());
    if admins.next().is_some_and(|first| first.id == row) && admins.next().is_none() {
        return Err(Problem::invalid("this is the last admin token; make another one first"));
    }
    if state.store().revoke_token(row, now()).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::unknown("token in use", &id))
    }
}
