//! How a request that changes something is run: to its end even when its client is gone, bounded in number, and at most
//! once under one idempotency key.
//!
//! A key is kept with its answer only if the request did something (2xx). One that was refused gives its key back, so
//! that the same request can be sent again when the reason is gone.
use super::auth::Caller;
use super::input::{MAX_BODY, read_body};
use super::problem::{Kind, Problem};
use super::{ApiState, now};
use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use sha2::{Digest, Sha256};
use std::panic::AssertUnwindSafe;
use tracing::Instrument;
use tributary_store::{Begun, KeptAnswer, RequestKey};

/// The header that a client names its request with.
pub(crate) const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The header of an answer that was given before.
pub(crate) static REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// In a response's extensions: what to keep under the idempotency key instead of the body, where that has a secret.
#[derive(Clone)]
pub(crate) struct KeepInstead(pub(crate) Vec<u8>);

/// The idempotency key of a request, where it has one.
pub(crate) type Key = Option<Extension<RequestKey>>;

/// What is kept under the key of a request that is answered with nothing but that it is done.
pub(crate) fn done(key: Key) -> Option<(RequestKey, KeptAnswer)> {
    key.map(|Extension(key)| (key, KeptAnswer { status: StatusCode::NO_CONTENT.as_u16(), body: Vec::new() }))
}

/// The layer of every route that writes.
pub(crate) async fn run(
    State((state, most, waits)): State<(ApiState, usize, bool)>,
    caller: Caller,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let busy = |what| Problem::new(Kind::Overloaded, what);
    // Few large ones at once, because each may hold as many bytes as a plugin may have. One that does not say is large.
    let size = body.size_hint().upper().map_or(most, |size| usize::try_from(size).unwrap_or(most));
    let _large = match size.min(most) > MAX_BODY {
        true => Some(state.take_large_place().ok_or_else(|| busy("other large bodies are being taken"))?),
        false => None,
    };
    let body = read_body(body, most).await?;
    let key = match parts.headers.get(IDEMPOTENCY_KEY) {
        Some(value) if parts.method == Method::POST => Some(RequestKey {
            token: caller.token,
            key: read_key(value)?,
            digest: digest(&parts.method, parts.uri.path_and_query().map_or("", |path| path.as_str()), &body),
        }),
        _ => None,
    };
    let place = if waits { state.take_stream_seat() } else { state.take_write_place() };
    let place = place.ok_or_else(|| busy("too many requests are under way"))?;
    let request = Request::from_parts(parts, Body::from(body));
    // Who waited and hung up is not to be given what nobody would see. Under a key the answer can be had again.
    if waits && key.is_none() {
        let _place = place;
        return caught(request, next).await;
    }
    // A task of its own, because the connection's task is dropped with the connection: a half-run request would leave its
    // key under way. The place is what a stop waits for.
    let task = async move {
        let _place = place;
        match key {
            Some(key) => once(&state, key, request, next).await,
            None => caught(request, next).await,
        }
    };
    match tokio::spawn(task.in_current_span()).await {
        Ok(answer) => answer,
        Err(cause) => Err(Problem::failed(&cause)),
    }
}

fn read_key(value: &HeaderValue) -> Result<String, Problem> {
    value
        .to_str()
        .ok()
        .filter(|key| (1..=255).contains(&key.len()))
        .map(str::to_owned)
        .ok_or_else(|| Problem::new(Kind::BadRequest, "Idempotency-Key has 1 to 255 visible ASCII characters"))
}

fn digest(method: &Method, path: &str, body: &Bytes) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in [method.as_str().as_bytes(), path.as_bytes(), body] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// Answers, notes, closes and the like keep their answer in their own transaction, for which the handler finds the key in
/// the request's extensions; the others keep it here, a moment later.
async fn once(state: &ApiState, key: RequestKey, mut request: Request, next: Next) -> Result<Response, Problem> {
    match state.store().begin_request(key.clone(), now()).await? {
        Begun::First => {}
        Begun::Again(answer) => return Ok(again(answer)),
        Begun::UnderWay => return Err(Problem::new(Kind::UnderWay, "the first one has not been answered yet")),
        Begun::Misused => {
            return Err(Problem::new(Kind::KeyMisused, "this key came with another method, path or body before"));
        }
    }
    request.extensions_mut().insert(key.clone());
    let answer = caught(request, next).await;
    let (answer, kept) = match answer {
        Ok(response) if response.status().is_success() => {
            let (parts, body) = response.into_parts();
            let body = to_bytes(body, 4 * MAX_BODY).await.map_err(|error| Problem::failed(&error))?;
            let keep = parts.extensions.get::<KeepInstead>().map_or_else(|| body.to_vec(), |other| other.0.clone());
            let kept = KeptAnswer { status: parts.status.as_u16(), body: keep };
            (Ok(Response::from_parts(parts, Body::from(body))), Some(kept))
        }
        other => (other, None),
    };
    if let Err(error) = state.store().end_request(key, kept).await {
        // What was asked for is done, and the client shall know it; only a repetition will be told "under way".
        tracing::error!(%error, "the answer of an idempotent request was not kept");
    }
    answer
}

async fn caught(request: Request, next: Next) -> Result<Response, Problem> {
    AssertUnwindSafe(next.run(request))
        .catch_unwind()
        .await
        .map_err(|_| Problem::new(Kind::Internal, "the daemon could not carry the request out"))
}

fn again(answer: KeptAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let empty = answer.body.is_empty();
    let mut response = (status, answer.body).into_response();
    let headers = response.headers_mut();
    if empty {
        headers.remove(header::CONTENT_TYPE);
    } else {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    headers.insert(REPLAYED.clone(), HeaderValue::from_static("true"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_tells_method_path_and_body_apart() {
        let one = |method: Method, path: &str, body: &'static str| {
            digest(&method, path, &Bytes::from_static(body.as_bytes()))
        };
        let all = [
            one(Method::POST, "/a", "b"),
            one(Method::POST, "/ab", ""),
            one(Method::POST, "/a", ""),
            one(Method::PUT, "/a", "b"),
        ];
        for (n, digest) in all.iter().enumerate() {
            assert!(!all[..n].contains(digest), "{n}");
        }
    }

    #[test]
    fn a_key_has_one_to_255_visible_characters() {
        for (key, good) in
            [("a", true), (&*"x".repeat(255), true), (&*"x".repeat(256), false), ("", false), ("é", false)]
        {
            let value = HeaderValue::from_bytes(key.as_bytes()).unwrap();
            assert_eq!(read_key(&value).is_ok(), good, "{key}");
        }
    }
}
