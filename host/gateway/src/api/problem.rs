//! Errors as RFC 9457 problems: one table of what can go wrong, with the word, the status and what to do about it.
//!
//! The `type` of a problem is a path of this server; `GET` on it explains the problem for people.
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tributary_model::conversation::Refused;
use tributary_store::StoreError;
use utoipa::ToSchema;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $word:literal, $status:ident, $title:literal, $help:literal;)*) => {
        /// What went wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Kind { $($(#[$doc])* $name,)* }

        impl Kind {
            /// Every kind.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The last part of `type`.
            pub(crate) fn word(self) -> &'static str { match self { $(Self::$name => $word,)* } }

            /// The HTTP status.
            pub(crate) fn status(self) -> StatusCode { match self { $(Self::$name => StatusCode::$status,)* } }

            /// The same for every occurrence.
            pub(crate) fn title(self) -> &'static str { match self { $(Self::$name => $title,)* } }

            /// What to do about it.
            pub(crate) fn help(self) -> &'static str { match self { $(Self::$name => $help,)* } }
        }
    };
}

kinds! {
    /// No token, or one that is not in use.
    Unauthenticated = "unauthenticated", UNAUTHORIZED, "A token is needed",
        "Send the header `Authorization: Bearer trb_…`. `tributary token create` makes a token.";
    /// The token's scope is too small.
    Forbidden = "forbidden", FORBIDDEN, "The token may not do this",
        "Scopes are read, agent and admin; each may do what those before it may. `needs` names the one asked for.";
    /// No such thing.
    NotFound = "not-found", NOT_FOUND, "There is nothing here",
        "The path or the id in it does not exist. `/api/v1/openapi.json` lists all paths.";
    /// The path has no such method.
    MethodNotAllowed = "method-not-allowed", METHOD_NOT_ALLOWED, "This path has no such method",
        "The header `Allow` lists the methods of this path.";
    /// The request cannot be read.
    BadRequest = "bad-request", BAD_REQUEST, "The request cannot be read",
        "`detail` says where and what was expected; `at` is the place in the JSON body.";
    /// The body is not JSON.
    UnsupportedMediaType = "unsupported-media-type", UNSUPPORTED_MEDIA_TYPE, "The body is of another type",
        "Send the header `Content-Type: application/json`, or for a plugin's package `application/wasm`.";
    /// The body is too long.
    TooLarge = "too-large", PAYLOAD_TOO_LARGE, "The body is too long", "A body has at most 1 MiB, a document 32 MiB, a plugin's package 64 MiB; that of a hook what `[http] hook-size` says.";
    /// The body did not come.
    Timeout = "timeout", REQUEST_TIMEOUT, "The body did not arrive in time", "A body has to arrive within 60 seconds.";
    /// It can be read, and says something that cannot be done.
    Invalid = "invalid", UNPROCESSABLE_ENTITY, "The request cannot be carried out",
        "`detail` says which value is out of range and which range there is.";
    /// Reviewing policies hold the answer back.
    Blocked = "blocked", UNPROCESSABLE_ENTITY, "Reviewing policies hold the answer back",
        "`objections` lists policy, rule, reason and, where it is known, the place in the text. Change the text and send it again.";
    /// Somebody else holds it.
    Held = "held", CONFLICT, "Another agent holds this conversation",
        "`holder` says who, and until when. Wait for it, or ask that agent to transfer it.";
    /// It is closed.
    Closed = "closed", CONFLICT, "The conversation is closed", "POST …/reopen first.";
    /// The agent does not hold it.
    NotHeld = "not-held", CONFLICT, "You do not hold this conversation", "POST …/claim first.";
    /// Away, or full.
    Unready = "unready", CONFLICT, "You take no work now",
        "`detail` says why: away (POST /api/v1/presence), or no room (answer or release something first).";
    /// The agent it shall go to takes no work now.
    Unfit = "unfit", CONFLICT, "That agent takes no work now", "`detail` says why. Transfer it to another one, or to a team.";
    /// It was replayed already.
    Replayed = "replayed", CONFLICT, "It was taken back to work already", "There is nothing to do.";
    /// It failed again.
    ReplayFailed = "replay-failed", UNPROCESSABLE_ENTITY, "It failed again",
        "`detail` says why. It stays parked; replay it again when the cause is gone.";
    /// Which order is meant cannot be told, or nothing may be done to it.
    OrderUnclear = "order-unclear", UNPROCESSABLE_ENTITY, "Nothing can be done to this order",
        "`detail` says why. POST …/orders/{order}/refresh asks a marketplace for an order that no channel has told of; its `channel` says which, where several could be meant.";
    /// Somebody else decides about it.
    NoSay = "no-say", FORBIDDEN, "Somebody else decides about this", "`detail` says who. GET /api/v1/agents lists seniority and teams.";
    /// The customer's channel shows nothing of the kind.
    NotShown = "not-shown", CONFLICT, "The customer's channel cannot show this",
        "`detail` says why. Nothing is lost by it: a client need not ask again.";
    /// The platform did not take it.
    ChannelFailed = "channel-failed", BAD_GATEWAY, "The channel did not take it",
        "`detail` has the channel's words.";
    /// They are one already.
    OneContact = "one-contact", CONFLICT, "They are one contact already",
        "There is nothing to do. GET /api/v1/contacts/{id} lists the contacts that were joined as `ids`.";
    /// It was undone or decided already.
    DecidedBefore = "decided-before", CONFLICT, "It was decided already", "`detail` says how.";
    /// The bytes are no plugin of this house.
    NotAPlugin = "not-a-plugin", UNPROCESSABLE_ENTITY, "This is no plugin that can be loaded",
        "`detail` says what is wrong with the file. `tributary plugin inspect FILE` and `tributary plugin compat FILE` say more. Nothing has changed.";
    /// Not signed, by somebody else, altered, older, or it wants more than it had.
    Untrusted = "plugin-not-trusted", UNPROCESSABLE_ENTITY, "The plugin is not trusted",
        "`detail` says what is missing and how to go on. Nothing has changed.";
    /// It does not load with the configuration of a place.
    NotLoaded = "plugin-does-not-load", UNPROCESSABLE_ENTITY, "The plugin does not load",
        "`detail` says in which place and why. What acted there goes on acting.";
    /// Its state could not be migrated.
    NotMigrated = "migration-failed", UNPROCESSABLE_ENTITY, "The plugin's state could not be migrated",
        "`detail` says why. The state is as it was, and what acted goes on acting.";
    /// Neither an adapter for a channel nor a policy for a position in the chain.
    Misplaced = "plugin-of-another-kind", UNPROCESSABLE_ENTITY, "The plugin is of another kind than its place",
        "A channel needs an adapter, the chain needs policies. `tributary plugin inspect FILE` says what a file is.";
    /// As things stand there is nothing to do.
    NothingToDo = "nothing-to-do", CONFLICT, "There is nothing to go back to, to promote or to remove",
        "`detail` says why. GET /api/v1/plugins/{kind}/{name} shows the generations of a place.";
    /// A plugin that fills a place cannot be removed.
    InUse = "plugin-in-use", CONFLICT, "The plugin fills a place",
        "Take the place out of tributary.toml, let the daemon read it again, then remove the plugin.";
    /// The generation's life does not allow it.
    IllegalStep = "generation-cannot", CONFLICT, "The generation cannot do this now",
        "`detail` says where it stands. GET /api/v1/plugins/{kind}/{name} shows the generations of a place.";
    /// A registry did not give the package.
    SourceFailed = "source-failed", BAD_GATEWAY, "The package could not be fetched",
        "`detail` has the registry's words. Nothing has changed; send it again when the cause is gone.";
    /// The same idempotency key is at work.
    UnderWay = "request-under-way", CONFLICT, "A request with this idempotency key is under way",
        "Wait, then send it again: the answer of the first will be given.";
    /// The idempotency key belongs to another request.
    KeyMisused = "idempotency-key-misused", UNPROCESSABLE_ENTITY, "The idempotency key belongs to another request",
        "A key names one method, path and body for 24 hours. Use a new key for a new request.";
    /// No room now.
    Overloaded = "overloaded", SERVICE_UNAVAILABLE, "Too busy just now",
        "Nothing was kept. Send it again after the seconds in `Retry-After`.";
    /// Stopping or not yet started.
    Unavailable = "unavailable", SERVICE_UNAVAILABLE, "The daemon is not ready",
        "It starts or stops. Nothing was kept. Send it again after the seconds in `Retry-After`.";
    /// Our fault.
    Internal = "internal", INTERNAL_SERVER_ERROR, "The daemon failed",
        "The daemon's log has the cause under the request's id, which stands in the header `X-Request-Id`.";
}

/// An error as it is told to a client.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) kind: Kind,
    detail: String,
    more: Map<String, Value>,
}

/// The shape of every error (RFC 9457, media type `application/problem+json`).
#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = Problem, example = json!({
    "type": "/problems/held", "title": "Another agent holds this conversation", "status": 409,
    "detail": "lin holds this conversation", "holder": {"agent": "lin", "until": "2026-05-04T09:15:00.000Z"}
}))]
pub(crate) struct ProblemView {
    /// Which kind of problem. A path of this server that explains it.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// The kind for people; the same for every occurrence.
    pub(crate) title: String,
    /// The HTTP status.
    pub(crate) status: u16,
    /// This occurrence, for people.
    pub(crate) detail: String,
    /// `held`: who holds the conversation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) holder: Option<super::view::HolderView>,
    /// `forbidden`: the scope that would do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) needs: Option<String>,
    /// `bad-request`: the place in the JSON body, such as `lease_seconds`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) at: Option<String>,
    /// `blocked`: what reviewing policies said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) objections: Option<Vec<super::view::ObjectionView>>,
}

impl Problem {
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), more: Map::new() }
    }

    pub(crate) fn with(mut self, name: &str, value: Value) -> Self {
        self.more.insert(name.to_owned(), value);
        self
    }

    /// `what` names a kind of thing, `id` is as the client wrote it, cut.
    pub(crate) fn unknown(what: &str, id: &str) -> Self {
        let id: String = id.chars().take(80).collect();
        Self::new(Kind::NotFound, format!("there is no {what} {id:?}"))
    }

    pub(crate) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(Kind::Invalid, detail)
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let kind = match &refused {
            Refused::Held(_) => Kind::Held,
            Refused::Closed => Kind::Closed,
            Refused::Unknown => Kind::NotFound,
            Refused::NotHeld => Kind::NotHeld,
            Refused::Unfit(..) => Kind::Unfit,
        };
        let problem = Self::new(kind, refused.to_string());
        match refused {
            Refused::Held(holder) => problem.with("holder", json!(super::view::HolderView::from(&holder))),
            Refused::Closed | Refused::Unknown | Refused::NotHeld | Refused::Unfit(..) => problem,
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Overloaded => Self::new(Kind::Overloaded, "the store's queue is full"),
            StoreError::StateMoved(_) => Self::new(Kind::Overloaded, error.to_string()),
            StoreError::Closed => Self::new(Kind::Unavailable, "the daemon is stopping"),
            other => Self::failed(&other),
        }
    }
}

impl Problem {
    /// A fault of the house: logged here, once, with its whole chain; the client is told the request's id only.
    pub(crate) fn failed(error: &dyn std::error::Error) -> Self {
        tracing::error!(error = %tributary_model::error::chain(error), "a request failed");
        Self::new(Kind::Internal, "the daemon could not carry the request out")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = Map::new();
        body.insert("type".into(), json!(format!("/problems/{}", self.kind.word())));
        body.insert("title".into(), json!(self.kind.title()));
        body.insert("status".into(), json!(self.kind.status().as_u16()));
        body.insert("detail".into(), json!(self.detail));
        body.extend(self.more);
        let mut response = (self.kind.status(), Value::Object(body).to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if matches!(self.kind, Kind::Overloaded | Kind::Unavailable) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// `GET /problems/{word}`: what a problem means and what to do about it, as plain text.
pub(crate) async fn explain(axum::extract::Path(word): axum::extract::Path<String>) -> Result<String, Problem> {
    let kind = Kind::ALL.iter().find(|kind| kind.word() == word).ok_or_else(|| Problem::unknown("problem", &word))?;
    Ok(format!("{} ({})\n\n{}\n", kind.title(), kind.status(), kind.help()))
}
