//! The door for hooks: `/hooks/CHANNEL/…`. A platform's call goes to the channel's adapter as it came, byte for byte, and is
//! answered with what the adapter says, after what it told is on disk.
//!
//! Any method, any path, no token: the adapter checks who calls. What it does not believe is answered 401 and leaves no
//! trace; what it failed on is kept aside, which is taken as well, and answered as the plugin's `plugin.toml` says for that
//! case. An answer with `grip-hold: stream` is kept open: see [`hold`].
mod answer;
mod hold;

use crate::api::ApiState;
use crate::api::input::read_body;
use crate::api::problem::{Kind, Problem};
use answer::{empty, of_adapter};
use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use std::sync::Arc;
use std::time::Instant;
use tributary_model::ChannelName;
use tributary_model::error::chain;
use tributary_model::message::{Arrival, Attribute};
use tributary_pipeline::{ReceiveError, Received};
use tributary_store::StoreError;

/// What stands before every hook.
pub const BASE: &str = "/hooks";

/// The header that names a call as one that was made to try the channel: a value that the API gave out.
pub const SAMPLE: &str = "tributary-sample";

/// In the answer to such a call: the conversation that its message belongs to.
pub const CONVERSATION: HeaderName = HeaderName::from_static("tributary-conversation");

/// What a caller waits before it comes again, in seconds, where the daemon cannot take more.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// The door.
pub(crate) fn router(state: ApiState) -> Router {
    metrics::describe_counter!("tributary_hooks_total", "Calls of hooks by channel and status");
    metrics::describe_histogram!(
        "tributary_hook_seconds",
        metrics::Unit::Seconds,
        "From a hook's head to its answer's"
    );
    Router::new()
        .route("/hooks/{channel}", any(called))
        .route("/hooks/{channel}/", any(called))
        .route("/hooks/{channel}/{*rest}", any(called))
        .with_state(state)
}

async fn called(State(state): State<ApiState>, Path(parts): Path<Vec<(String, String)>>, request: Request) -> Response {
    let started = Instant::now();
    let name = parts.first().map(|(_, name)| name.clone()).unwrap_or_default();
    let answer = take(&state, &name, request).await;
    let status = answer.status().as_u16();
    // A name that is no channel's is anybody's text: it must not become a label.
    let label = if status == 404 { String::new() } else { name };
    metrics::counter!("tributary_hooks_total", "channel" => label.clone(), "status" => status.to_string()).increment(1);
    metrics::histogram!("tributary_hook_seconds", "channel" => label).record(started.elapsed());
    answer
}

async fn take(state: &ApiState, name: &str, request: Request) -> Response {
    let channel = ChannelName::from(name);
    if !state.desk().has_channel(&channel) {
        return Problem::new(Kind::NotFound, "there is no channel of this name").into_response();
    }
    let (parts, body) = request.into_parts();
    let body = match read_body(body, state.hook_size()).await {
        Ok(body) => body,
        Err(problem) => return problem.into_response(),
    };
    let after = parts.headers.get("last-event-id").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let sample = parts.headers.get(SAMPLE).and_then(|value| value.to_str().ok()).is_some_and(|it| state.is_sample(it));
    let url = behind(parts.uri.path(), parts.uri.query());
    let after = after.or_else(|| hold::in_query(parts.uri.query()));
    let headers = parts.headers.iter().filter(|(name, _)| *name != SAMPLE).map(|(name, value)| Attribute {
        name: name.as_str().to_owned(),
        value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
    });
    let arrival = Arrival::Http(tributary_model::message::Request {
        method: parts.method.as_str().to_owned(),
        url,
        headers: headers.collect(),
        body: Arc::from(&body[..]),
    });
    match state.desk().receive(&channel, arrival, sample).await {
        Ok(Received::Accepted { conversations, answer }) => {
            let mut response = match answer {
                Some(answer) => of_adapter(state, &channel, answer, after.as_deref()).await,
                None => empty(StatusCode::OK),
            };
            if let (true, Some(conversation)) = (sample, conversations.first())
                && let Ok(tag) = HeaderValue::try_from(conversation.tag())
            {
                response.headers_mut().insert(CONVERSATION, tag);
            }
            response
        }
        Ok(Received::Parked(_)) => match state.desk().parked_answer(&channel) {
            Some(answer) => of_adapter(state, &channel, answer, None).await,
            None => empty(StatusCode::OK),
        },
        Ok(Received::Ignored(_)) => empty(StatusCode::OK),
        Ok(Received::Unauthenticated(why)) => {
            tracing::info!(%channel, "a hook was called with a signature that does not hold: {why}");
            empty(StatusCode::UNAUTHORIZED)
        }
        Err(ReceiveError::UnknownChannel(_)) => empty(StatusCode::NOT_FOUND),
        Err(error) => {
            if !matches!(error, ReceiveError::Overloaded | ReceiveError::Store(StoreError::Overloaded)) {
                tracing::error!(%channel, error = %chain(&error), "a call of a hook was not taken");
            }
            let mut response = empty(StatusCode::SERVICE_UNAVAILABLE);
            response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
            response
        }
    }
}

/// Path and query behind the channel's own path, as they were sent.
fn behind(path: &str, query: Option<&str>) -> String {
    let rest = path.strip_prefix(BASE).and_then(|rest| rest.strip_prefix('/')).unwrap_or_default();
    let rest = rest.find('/').map_or("/", |at| &rest[at..]);
    query.map_or_else(|| rest.to_owned(), |query| format!("{rest}?{query}"))
}

#[cfg(test)]
mod tests {
    use super::behind;

    #[test]
    fn an_adapter_sees_what_stands_behind_its_own_path() {
        for (path, query, want) in [
            ("/hooks/wechat", None, "/"),
            ("/hooks/wechat", Some("a=%20b"), "/?a=%20b"),
            ("/hooks/wechat/", Some("a"), "/?a"),
            ("/hooks/phone/twilio/sms", None, "/twilio/sms"),
            ("/hooks/phone/a%2Fb//c", Some(""), "/a%2Fb//c?"),
        ] {
            assert_eq!(behind(path, query), want, "{path}");
        }
    }
}
