//! What an adapter answered, as HTTP.
use super::hold;
use crate::api::ApiState;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use tributary_model::ChannelName;
use tributary_model::message::{self, Attribute};

/// Names a file of the host whose bytes are the answer's body: the SHA-256 of it in lower-case hex. An adapter knows the id
/// of a file only if it was handed the file, so whoever names one may show it.
const BLOB_BODY: &str = "blob-body";

/// Fields of an answer that are the door's own business.
const OURS: [HeaderName; 6] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::TE,
    header::TRAILER,
];

/// A status and nothing else.
pub(super) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// The adapter's answer: held open, with a file as its body, or as it is.
pub(super) async fn of_adapter(
    state: &ApiState,
    channel: &ChannelName,
    answer: message::Response,
    after: Option<&str>,
) -> Response {
    let message::Response { status, headers, body } = answer;
    let value = |name: &str| headers.iter().find(|field| field.name == name).map(|field| field.value.as_str());
    let mut response = if value("grip-hold") == Some("stream") {
        match value("grip-channel") {
            Some(topic) => hold::hold(state, channel, topic, after).await,
            None => {
                tracing::warn!(%channel, "an answer is to be held open, and names no topic: grip-channel is missing");
                empty(StatusCode::BAD_GATEWAY)
            }
        }
    } else if let Some(id) = value(BLOB_BODY) {
        match state.desk().blob(id).await {
            Ok(Some(bytes)) => with(status, Body::from(bytes)),
            Ok(None) => empty(StatusCode::NOT_FOUND),
            Err(error) => {
                tracing::error!(%channel, %error, "a file could not be read for an answer");
                empty(StatusCode::INTERNAL_SERVER_ERROR)
            }
        }
    } else {
        with(status, Body::from(body))
    };
    dress(channel, response.headers_mut(), &headers);
    response
}

fn with(status: u16, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    response
}

/// Puts the adapter's fields on an answer. What is no field, and what is the door's own, is left out.
fn dress(channel: &ChannelName, onto: &mut axum::http::HeaderMap, fields: &[Attribute]) {
    let held = onto.get(header::CONTENT_TYPE).is_some();
    for Attribute { name, value } in fields {
        let ours = name.starts_with("grip-") || name == BLOB_BODY;
        match (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value.as_str())) {
            (Ok(name), Ok(_)) if ours || OURS.contains(&name) || (held && name == header::CONTENT_TYPE) => {}
            (Ok(name), Ok(value)) => drop(onto.append(name, value)),
            _ => tracing::warn!(%channel, "a field of an answer is none of HTTP's, and was left out"),
        }
    }
    onto.entry(header::X_CONTENT_TYPE_OPTIONS).or_insert(HeaderValue::from_static("nosniff"));
}
