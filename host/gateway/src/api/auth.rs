//! Who calls: bearer tokens (RFC 6750) and their scopes.
//!
//! A token is `trb_` and 52 characters of lower-case base32: 256 random bits. The store keeps SHA-256 of the whole text
//! only, which is enough for a secret that nobody can guess. Each request looks the token up, so a revoked one is out of
//! use with the next request.
use super::ApiState;
use super::problem::{Kind, Problem};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use data_encoding::BASE32_DNSSEC;
use sha2::{Digest, Sha256};
use tributary_model::AgentName;
use tributary_store::Scope;

/// What stands before every token, so that a leaked one is recognised.
const PREFIX: &str = "trb_";

/// The secret text of a new token and the digest to keep of it.
///
/// # Errors
/// The system has no randomness to give.
pub fn new_token() -> Result<(String, [u8; 32]), getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    let text = format!("{PREFIX}{}", BASE32_DNSSEC.encode(&bytes));
    let digest = token_digest(&text);
    Ok((text, digest))
}

/// What the store keeps of a token: SHA-256 of its whole text.
pub fn token_digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// Whether this can be the name of an agent: 1 to 64 characters of any script, without blanks and control characters.
pub fn is_agent_name(name: &str) -> bool {
    (1..=64).contains(&name.chars().count()) && !name.chars().any(|c| c.is_whitespace() || c.is_control())
}

/// The owner of the request's token.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// The token's row.
    pub(crate) token: i64,
    /// Who acts.
    pub(crate) agent: AgentName,
    /// What the token may do.
    pub(crate) scope: Scope,
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // Absent only if the route table let a handler through without a scope.
        parts.extensions.get().cloned().ok_or_else(|| Problem::new(Kind::Internal, "nobody asked for the token"))
    }
}

/// Lets a request through if its token has the scope, and tells the handler whose it is.
pub(crate) async fn require(
    State((state, needs)): State<(ApiState, Scope)>,
    mut request: Request,
    next: Next,
) -> Response {
    match identify(&state, request.headers(), needs).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(problem) => refuse(problem, needs),
    }
}

/// As [`require`], for `/metrics` where it is not open.
pub(crate) async fn identify(state: &ApiState, headers: &HeaderMap, needs: Scope) -> Result<Caller, Problem> {
    let Some(presented) = bearer(headers) else {
        return Err(Problem::new(Kind::Unauthenticated, "the request carries no bearer token"));
    };
    let token = state.store().token(&token_digest(presented)).await?;
    let Some(token) = token.filter(|token| token.revoked.is_none()) else {
        return Err(Problem::new(Kind::Unauthenticated, "this token is not in use"));
    };
    if token.scope < needs {
        let (has, needs) = (token.scope.as_str(), needs.as_str());
        return Err(Problem::new(Kind::Forbidden, format!("this token has scope {has}, and {needs} is needed"))
            .with("needs", needs.into()));
    }
    Ok(Caller { token: token.id, agent: AgentName::from(token.name), scope: token.scope })
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// The problem with its RFC 6750 challenge.
pub(crate) fn refuse(problem: Problem, needs: Scope) -> Response {
    let challenge = match problem.kind {
        Kind::Unauthenticated => Some("Bearer realm=\"tributary\"".to_owned()),
        Kind::Forbidden => {
            Some(format!("Bearer realm=\"tributary\", error=\"insufficient_scope\", scope=\"{}\"", needs.as_str()))
        }
        _ => None,
    };
    let mut response = problem.into_response();
    if let Some(value) = challenge.and_then(|text| HeaderValue::try_from(text).ok()) {
        response.headers_mut().insert(WWW_AUTHENTICATE, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_long_different_and_known_by_their_digest() {
        let (one, digest) = new_token().unwrap();
        let (two, _) = new_token().unwrap();
        assert!(one.starts_with(PREFIX) && one.len() == 56, "{one}");
        assert_ne!(one, two);
        assert_eq!(digest, token_digest(&one));
        assert_ne!(digest, token_digest(&two));
    }

    #[test]
    fn the_scheme_is_any_case_and_the_rest_must_be_there() {
        for (value, expected) in [
            ("Bearer trb_x", Some("trb_x")),
            ("bearer  trb_x ", Some("trb_x")),
            ("Basic trb_x", None),
            ("Bearer", None),
            ("Bearer ", None),
            ("trb_x", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(AUTHORIZATION, HeaderValue::from_static(value));
            assert_eq!(bearer(&headers), expected, "{value:?}");
        }
    }

    #[test]
    fn agents_may_be_called_in_any_script() {
        for (name, good) in [("lin", true), ("王小明", true), ("", false), ("a b", false), ("a\u{7}", false)] {
            assert_eq!(is_agent_name(name), good, "{name:?}");
        }
        assert!(is_agent_name(&"x".repeat(64)) && !is_agent_name(&"x".repeat(65)));
    }
}
