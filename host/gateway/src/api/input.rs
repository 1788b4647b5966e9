//! Reading requests: JSON bodies, query strings, ids and cursors. Whatever cannot be read is answered with where it is and
//! what was expected.
use super::problem::{Kind, Problem};
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use data_encoding::{BASE64, BASE64URL_NOPAD};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use std::time::Duration;
use tributary_model::{ConversationId, Timestamp};
use tributary_store::{Cursor, Page};

/// A body is at most this long, where its route does not say otherwise.
pub(crate) const MAX_BODY: usize = 1024 * 1024;

/// A body has to arrive within this time, so that a stalled client does not keep its place.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// The whole body, bounded in size and time, in one buffer: a package of a plugin is not copied while it comes in.
///
/// What is somewhat too long is read to its end and dropped, because a client that is cut off while it sends does not see
/// the answer.
pub(crate) async fn read_body(body: Body, most: usize) -> Result<Bytes, Problem> {
    let too_large = || Problem::new(Kind::TooLarge, format!("a body has at most {most} bytes here"));
    let (announced, exact) = (body.size_hint().lower(), body.size_hint().exact());
    let patience = most.saturating_mul(4);
    let announced = usize::try_from(announced).ok().filter(|size| *size <= patience).ok_or_else(too_large)?;
    let read = async {
        let mut chunks = body.into_data_stream();
        let mut whole = Vec::with_capacity(announced.min(most));
        let mut came = 0;
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|_| Problem::new(Kind::BadRequest, "the body broke off"))?;
            came += chunk.len();
            if came > most {
                whole = Vec::new();
                if came > patience {
                    break;
                }
            } else if whole.is_empty() && exact == Some(chunk.len() as u64) {
                return Ok(chunk);
            } else {
                whole.extend_from_slice(&chunk);
            }
        }
        if came > most { Err(too_large()) } else { Ok(Bytes::from(whole)) }
    };
    tokio::time::timeout(BODY_TIMEOUT, read).await.unwrap_or_else(|_| {
        Err(Problem::new(Kind::Timeout, format!("no complete body within {} s", BODY_TIMEOUT.as_secs())))
    })
}

/// A JSON body. No body at all reads as `{}`, so that a request without any setting needs none.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let is_json = request.headers().get(CONTENT_TYPE).is_some_and(|value| is_json(value.as_bytes()));
        // `write` has read it, and bounded it by what its route allows.
        let bytes = read_body(request.into_body(), usize::MAX).await?;
        if bytes.is_empty() {
            return parse(b"{}").map(Self);
        }
        if !is_json {
            return Err(Problem::new(Kind::UnsupportedMediaType, "the body's Content-Type is not application/json"));
        }
        parse(&bytes).map(Self)
    }
}

fn is_json(content_type: &[u8]) -> bool {
    let essence = content_type.split(|b| *b == b';').next().unwrap_or_default().trim_ascii();
    essence.eq_ignore_ascii_case(b"application/json")
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let at = error.path().to_string();
        let problem = Problem::new(Kind::BadRequest, format!("the body: {}", error.inner()));
        if at == "." { problem } else { problem.with("at", at.into()) }
    })?;
    json.end().map_err(|error| Problem::new(Kind::BadRequest, format!("the body: {error}")))?;
    Ok(value)
}

/// The bytes of a text in base64 (RFC 4648 section 4).
pub(crate) fn base64(name: &str, text: &str) -> Result<Vec<u8>, Problem> {
    BASE64.decode(text.as_bytes()).map_err(|error| Problem::invalid(format!("{name} is not base64: {error}")))
}

/// The query string.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        axum::extract::Query::try_from_uri(&parts.uri).map(|axum::extract::Query(value)| Self(value)).map_err(
            |rejection| {
                let why =
                    std::error::Error::source(&rejection).map_or_else(|| rejection.body_text(), |e| e.to_string());
                Problem::new(Kind::BadRequest, format!("the query string: {why}"))
            },
        )
    }
}

/// A conversation by its number or its tag: `1042`, `T1042`.
pub(crate) fn conversation_id(text: &str) -> Result<ConversationId, Problem> {
    let tagged = ConversationId::from_tag(text).or_else(|| number(text).map(ConversationId));
    tagged.ok_or_else(|| Problem::unknown("conversation", text))
}

/// A row's number. `what` names the kind of thing for the answer.
pub(crate) fn row_id(what: &str, text: &str) -> Result<i64, Problem> {
    number(text).ok_or_else(|| Problem::unknown(what, text))
}

fn number(text: &str) -> Option<i64> {
    (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

/// What a page holds unless the client says otherwise.
const DEFAULT_LIMIT: usize = 50;

/// The most that a page holds.
const MAX_LIMIT: usize = 200;

/// Which listing a cursor belongs to, so that one of another listing is noticed, and how many columns its key has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listed {
    /// The queue.
    Queue = 1,
    /// Conversations.
    Conversations = 2,
    /// What is kept aside.
    Parked = 3,
    /// What a trial decided differently.
    Differences = 4,
    /// Who may be one person.
    Suggestions = 5,
    /// The knowledge base.
    Articles = 6,
    /// What waits for approval.
    Approvals = 7,
}

/// The page that `limit` and `cursor` ask for.
pub(crate) fn page(of: Listed, limit: Option<usize>, cursor: Option<&str>) -> Result<Page, Problem> {
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::new(Kind::BadRequest, format!("limit is 1 to {MAX_LIMIT}, not {limit}")));
    }
    let after =
        match cursor {
            None => None,
            Some(text) => Some(decode(of, text).ok_or_else(|| {
                Problem::new(Kind::BadRequest, "cursor is not one that this listing gave out as `next`")
            })?),
        };
    Ok(Page { after, limit })
}

/// The text form of a place in a listing: base64url of the listing's number and its key's columns.
pub(crate) fn encode(of: Listed, cursor: &Cursor) -> String {
    let mut bytes = vec![of as u8];
    bytes.extend(cursor.0.iter().flat_map(|column| column.to_be_bytes()));
    BASE64URL_NOPAD.encode(&bytes)
}

fn decode(of: Listed, text: &str) -> Option<Cursor> {
    let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
    let (&listing, key) = bytes.split_first()?;
    let (columns, []) = key.as_chunks::<8>() else { return None };
    let plausible = listing == of as u8 && (1..=8).contains(&columns.len());
    plausible.then(|| Cursor(columns.iter().map(|column| i64::from_be_bytes(*column)).collect()))
}

/// A moment in RFC 3339.
pub(crate) fn moment(name: &str, text: &str) -> Result<Timestamp, Problem> {
    let bad = || Problem::invalid(format!("{name} is a time such as 2026-05-04T09:15:00Z, not {text:?}"));
    let at: jiff::Timestamp = text.parse().map_err(|_| bad())?;
    u64::try_from(at.as_millisecond()).map(Timestamp).map_err(|_| bad())
}

/// A text that a person wrote: not blank, and not beyond `most` bytes.
pub(crate) fn text(name: &str, text: String, most: usize) -> Result<String, Problem> {
    if text.trim().is_empty() {
        return Err(Problem::invalid(format!("{name} is empty")));
    }
    if text.len() > most {
        return Err(Problem::invalid(format!("{name} has at most {most} bytes, this one {}", text.len())));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_cursor_comes_back_as_it_was_and_only_to_its_own_listing(columns in prop::collection::vec(any::<i64>(), 1..=8)) {
            let cursor = Cursor(columns);
            let text = encode(Listed::Queue, &cursor);
            prop_assert_eq!(decode(Listed::Queue, &text), Some(cursor));
            prop_assert_eq!(decode(Listed::Parked, &text), None);
        }

        #[test]
        fn any_other_text_is_no_cursor_or_reads_without_panic(text in ".{0,80}") {
            let _ = decode(Listed::Queue, &text);
        }
    }

    #[test]
    fn conversations_go_by_number_or_tag() {
        for (text, expected) in [
            ("7", Some(7)),
            ("T7", Some(7)),
            ("t7", Some(7)),
            ("", None),
            ("-7", None),
            ("+7", None),
            ("x", None),
            ("7x", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(conversation_id(text).ok().map(|id| id.0), expected, "{text:?}");
        }
    }
}
