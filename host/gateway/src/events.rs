//! Live views: the event log as server-sent events.
//!
//! A stream keeps no copy of the log: it reads a page when the one before was taken, so a slow client costs one page of
//! memory and holds nobody up. The watch of the store is registered before the log is read, so no event falls between;
//! a poll stands behind it for events that another node wrote.
use crate::api::ApiState;
use crate::api::input::{Query, row_id};
use crate::api::problem::{Kind, Problem};
use crate::api::view::rfc3339;
use crate::http::stopped;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, stream};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, broadcast, watch};
use tributary_model::EventId;
use tributary_pipeline::Writing;
use tributary_store::{Event, Store};
use utoipa::{IntoParams, ToSchema};

/// How many events are read at once.
const BATCH: usize = 128;

/// How long a stream may be silent: shorter than what proxies wait.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// When to look without having been woken.
const POLL: Duration = Duration::from_secs(5);

/// What a client waits before it connects again.
const RETRY: Duration = Duration::from_secs(2);

/// Where to start.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventQuery {
    /// Events after this one; 0: from the beginning. The header `Last-Event-ID` goes before it. Without both: only news.
    #[param(value_type = Option<i64>)]
    after: Option<String>,
}

/// What stands in an event's `data`.
#[derive(Serialize, ToSchema)]
#[schema(as = LiveEvent, example = json!({
    "conversation": 1042, "tag": "T1042", "at": "2026-05-04T09:00:00.020Z", "actor": "agent:lin", "act": "claimed",
    "rule": null, "why": null
}))]
pub(crate) struct LiveEvent {
    /// The conversation, where it is about one.
    conversation: Option<i64>,
    /// Its tag.
    tag: Option<String>,
    /// When.
    at: String,
    /// `agent:NAME`, `policy:NAME`, `channel:NAME` or `host`.
    actor: String,
    /// What happened; also the event's name.
    act: String,
    /// For a decision: the rule.
    rule: Option<String>,
    /// For a decision: why. For the rest: how.
    why: Option<String>,
}

/// The act of an event that is shown once and kept nowhere: the customer is writing. It has no `id`.
const TYPING: &str = "typing";

/// Follow what happens
///
/// Server-sent events, oldest first, one for each line of the event log: `id` is its place, `event` what happened, `data`
/// a `LiveEvent`. A client that comes back with `Last-Event-ID` misses nothing. That a customer is `typing` is told to those who
/// look at that moment, without an `id`. The stream ends when the daemon stops.
#[utoipa::path(get, path = "/api/v1/events", operation_id = "follow_events", tag = "status",
    params(EventQuery, ("Last-Event-ID" = Option<i64>, Header, description = "`id` of the last event that was seen")),
    responses((status = 200, description = "Events, until the connection or the daemon ends", body = LiveEvent, content_type = "text/event-stream")))]
pub(crate) async fn follow(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Query(query): Query<EventQuery>,
) -> Result<Response, Problem> {
    let seat =
        state.take_stream_seat().ok_or_else(|| Problem::new(Kind::Overloaded, "as many streams are open as may be"))?;
    let header = match headers.get("last-event-id") {
        Some(value) => Some(value.to_str().map_err(|_| Problem::new(Kind::BadRequest, "Last-Event-ID is a number"))?),
        None => None,
    };
    // Before the place is looked up, so that an event between the two is not missed.
    let changes = state.store().changes();
    let after = match header.or(query.after.as_deref()) {
        Some(text) => {
            EventId(row_id("event", text).map_err(|_| Problem::new(Kind::BadRequest, "an event's id is a number"))?)
        }
        None => state.store().last_event().await?,
    };
    let follower = Follower {
        store: state.store().clone(),
        stop: state.stop(),
        writing: state.desk().feeds().writing(),
        changes,
        after,
        read: VecDeque::new(),
        greeted: false,
        _seat: seat,
    };
    let stream = Sse::new(follower.stream()).keep_alive(KeepAlive::new().interval(KEEP_ALIVE).text("waiting"));
    let mut response = stream.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

struct Follower {
    store: Arc<dyn Store>,
    stop: watch::Receiver<bool>,
    writing: broadcast::Receiver<Writing>,
    changes: watch::Receiver<EventId>,
    after: EventId,
    read: VecDeque<Event>,
    greeted: bool,
    _seat: OwnedSemaphorePermit,
}

impl Follower {
    fn stream(self) -> impl Stream<Item = Result<sse::Event, Infallible>> {
        stream::unfold(self, |mut follower| async {
            let next = follower.next().await?;
            Some((Ok(next), follower))
        })
    }

    /// `None`: the daemon stops, or the store failed and the client shall come back.
    async fn next(&mut self) -> Option<sse::Event> {
        if !self.greeted {
            self.greeted = true;
            return Some(sse::Event::default().retry(RETRY));
        }
        loop {
            if *self.stop.borrow() {
                return None;
            }
            if let Some(event) = self.read.pop_front() {
                self.after = event.id;
                return Some(show(&event));
            }
            self.changes.borrow_and_update();
            match self.store.events(self.after, BATCH).await {
                Ok(events) if events.is_empty() => tokio::select! {
                    () = stopped(&mut self.stop) => return None,
                    changed = self.changes.changed() => changed.ok()?,
                    Ok(writing) = self.writing.recv() => return Some(show_writing(writing)),
                    () = tokio::time::sleep(POLL) => {}
                },
                Ok(events) => self.read = events.into(),
                Err(error) => {
                    tracing::warn!(%error, "an event stream ended early");
                    return None;
                }
            }
        }
    }
}

fn show_writing(Writing { conversation, at }: Writing) -> sse::Event {
    let data = LiveEvent {
        conversation: Some(conversation.0),
        tag: Some(conversation.tag()),
        at: rfc3339(at),
        actor: "customer".into(),
        act: TYPING.into(),
        rule: None,
        why: None,
    };
    sse::Event::default().event(TYPING).data(serde_json::to_string(&data).unwrap_or_default())
}

fn show(event: &Event) -> sse::Event {
    let data = LiveEvent {
        conversation: event.conversation.map(|id| id.0),
        tag: event.conversation.map(|id| id.tag()),
        at: rfc3339(event.at),
        actor: event.actor.clone(),
        act: event.act.clone(),
        rule: event.rule.clone(),
        why: event.why.clone(),
    };
    // JSON has no line breaks, and an act is one word; the builder panics on a break, so none may come through.
    let act: String = event.act.chars().filter(|c| !c.is_control()).collect();
    sse::Event::default().id(event.id.to_string()).event(act).data(serde_json::to_string(&data).unwrap_or_default())
}
