//! `/api/v1`: the queue, conversations, what was parked, tokens and live events, for agents, supervisors and programs.
//!
//! One table ([`routes`]) says which path asks for which scope; the router, the OpenAPI document and the tests are made
//! from it. What every route has in common:
//!
//! - [`auth`]: bearer tokens; 401 without one, 403 with too small a scope;
//! - `problem`: every error is `application/problem+json` with a `type` that explains itself;
//! - `input`: JSON bodies of 1 MiB at most (a plugin's package: 64 MiB; an answer with files: 28 MiB), unknown fields refused, errors that say where; opaque cursors;
//! - `write`: what changes something runs to its end, at most once under one `Idempotency-Key`;
//! - `observe`: a request id, a span, metrics; never a body, a path or a token in a log line.
mod agents;
mod approvals;
pub mod auth;
mod channels;
mod contacts;
mod conversations;
mod doc;
mod download;
pub(crate) mod input;
mod knowledge;
mod mailboxes;
mod observe;
mod orders;
mod parked;
mod plugins;
pub(crate) mod problem;
mod queue;
mod status;
mod surveys;
mod tokens;
pub(crate) mod view;
mod waiting;
mod write;

use crate::desk::Desk;
use crate::events;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::Method;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodRouter, delete, get, post};
use metrics_exporter_prometheus::PrometheusHandle;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tributary_fleet::Fleet;
use tributary_store::{Scope, Store};

pub(crate) use tributary_pipeline::now;

pub use doc::document;

/// What stands before every path of the API.
pub const BASE: &str = "/api/v1";

/// Requests that write at the same time. The store's queue takes more than that.
const WRITES: u32 = 256;

/// Packages of plugins, and other large bodies, that are taken at the same time.
const LARGE: usize = 2;

/// Event streams at the same time.
const STREAMS: usize = 256;

/// Answers of hooks that are held open at the same time.
const HOLDS: usize = 2_048;

/// How long a name for a sample counts.
const SAMPLES: Duration = Duration::from_secs(300);

/// The API's state; clones share it.
#[derive(Clone)]
pub struct ApiState(Arc<Inner>);

struct Inner {
    desk: Arc<dyn Desk>,
    metrics: Option<PrometheusHandle>,
    metrics_need_token: bool,
    stop: watch::Receiver<bool>,
    ready: AtomicBool,
    writes: Arc<Semaphore>,
    large: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    holds: Arc<Semaphore>,
    hook_size: usize,
    samples: Mutex<Vec<(String, Instant)>>,
    lines: waiting::Lines,
}

impl ApiState {
    /// A state with nothing under way, and not ready until [`ApiState::set_ready`].
    ///
    /// `metrics` is what `/metrics` shows (`None`: 404); with `metrics_need_token` it asks for a token of any scope, for a
    /// listener that is not on loopback. `hook_size` is the most bytes of a hook's body. When `stop` becomes `true` or its sender is gone, event streams end, `/readyz`
    /// says 503 and the listener drains.
    pub fn new(
        desk: Arc<dyn Desk>,
        metrics: impl Into<Option<PrometheusHandle>>,
        stop: watch::Receiver<bool>,
        metrics_need_token: bool,
        hook_size: usize,
    ) -> Self {
        Self(Arc::new(Inner {
            desk,
            metrics: metrics.into(),
            metrics_need_token,
            stop,
            ready: AtomicBool::new(false),
            writes: Arc::new(Semaphore::new(WRITES as usize)),
            large: Arc::new(Semaphore::new(LARGE)),
            streams: Arc::new(Semaphore::new(STREAMS)),
            holds: Arc::new(Semaphore::new(HOLDS)),
            hook_size,
            samples: Mutex::default(),
            lines: waiting::Lines::default(),
        }))
    }

    /// Whether the daemon can work: what `/readyz` says, besides the store's own answer.
    pub fn set_ready(&self, ready: bool) {
        self.0.ready.store(ready, Ordering::Relaxed);
    }

    pub(crate) fn desk(&self) -> &dyn Desk {
        &*self.0.desk
    }

    pub(crate) fn store(&self) -> &Arc<dyn Store> {
        self.0.desk.store()
    }

    pub(crate) fn fleet(&self) -> &Arc<Fleet> {
        self.0.desk.fleet()
    }

    pub(crate) fn stop(&self) -> watch::Receiver<bool> {
        self.0.stop.clone()
    }

    pub(crate) fn ready(&self) -> bool {
        self.0.ready.load(Ordering::Relaxed)
    }

    pub(crate) fn metrics(&self) -> Option<&PrometheusHandle> {
        self.0.metrics.as_ref()
    }

    pub(crate) fn metrics_need_token(&self) -> bool {
        self.0.metrics_need_token
    }

    pub(crate) fn take_write_place(&self) -> Option<OwnedSemaphorePermit> {
        self.0.writes.clone().try_acquire_owned().ok()
    }

    pub(crate) fn take_large_place(&self) -> Option<OwnedSemaphorePermit> {
        self.0.large.clone().try_acquire_owned().ok()
    }

    pub(crate) fn take_stream_seat(&self) -> Option<OwnedSemaphorePermit> {
        self.0.streams.clone().try_acquire_owned().ok()
    }

    pub(crate) fn take_hold_seat(&self) -> Option<OwnedSemaphorePermit> {
        self.0.holds.clone().try_acquire_owned().ok()
    }

    pub(crate) fn lines(&self) -> &waiting::Lines {
        &self.0.lines
    }

    pub(crate) fn hook_size(&self) -> usize {
        self.0.hook_size
    }

    /// A name by which calls are known that were made to try a channel.
    pub(crate) fn name_samples(&self, name: String) {
        let mut samples = self.0.samples.lock();
        samples.retain(|(_, since)| since.elapsed() < SAMPLES);
        samples.push((name, Instant::now()));
    }

    pub(crate) fn is_sample(&self, name: &str) -> bool {
        self.0.samples.lock().iter().any(|(given, since)| given == name && since.elapsed() < SAMPLES)
    }

    /// Waits until no request that writes is under way.
    pub(crate) async fn writes_ended(&self) {
        // An error would mean that the semaphore was closed, and nobody closes it.
        let _ = self.0.writes.acquire_many(WRITES).await;
    }
}

/// One path and method, and the scope a token needs for it. `None`: open to everybody who reaches the listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, with `{name}` where a part varies.
    pub path: &'static str,
    /// The least scope.
    pub scope: Option<Scope>,
    /// The most bytes of its body.
    pub body: usize,
    /// It may wait for long: it counts as a stream, not as a write that is under way.
    pub waits: bool,
}

/// Every route. Those outside [`BASE`] are for monitors.
pub fn routes() -> Vec<Route> {
    table().into_iter().map(|(route, _)| route).collect()
}

fn table() -> Vec<(Route, MethodRouter<ApiState>)> {
    use Scope::{Admin, Agent, Read};
    let row =
        |method, path, scope, handler| (Route { method, path, scope, body: input::MAX_BODY, waits: false }, handler);
    let open = |path, handler| row(Method::GET, path, None, handler);
    let read = |path, handler| row(Method::GET, path, Some(Read), handler);
    let work = |path, handler| row(Method::POST, path, Some(Agent), handler);
    let rule = |path, handler| row(Method::POST, path, Some(Admin), handler);
    let install = (
        Route {
            method: Method::POST,
            path: "/api/v1/plugins",
            scope: Some(Admin),
            body: plugins::MAX_PACKAGE,
            waits: false,
        },
        post(plugins::install::install),
    );
    let take = (
        Route {
            method: Method::POST,
            path: "/api/v1/channels/{name}/documents",
            scope: Some(Agent),
            body: channels::MAX_DOCUMENT,
            waits: false,
        },
        post(channels::take),
    );
    let reply = (
        Route {
            method: Method::POST,
            path: "/api/v1/conversations/{id}/reply",
            scope: Some(Agent),
            body: conversations::MAX_REPLY,
            waits: false,
        },
        post(conversations::reply),
    );
    let (mut claim, claim_handler) = work("/api/v1/queue/claim", post(queue::claim));
    claim.waits = true;
    vec![
        read("/api/v1/queue", get(queue::list)),
        (claim, claim_handler),
        read("/api/v1/conversations", get(conversations::list)),
        read("/api/v1/conversations/{id}", get(conversations::show)),
        read("/api/v1/conversations/{id}/attachments/{blob}", get(conversations::attachment)),
        work("/api/v1/conversations/{id}/claim", post(conversations::claim)),
        work("/api/v1/conversations/{id}/heartbeat", post(conversations::heartbeat)),
        reply,
        work("/api/v1/conversations/{id}/note", post(conversations::note)),
        work("/api/v1/conversations/{id}/release", post(conversations::release)),
        work("/api/v1/conversations/{id}/transfer", post(conversations::transfer)),
        work("/api/v1/conversations/{id}/snooze", post(conversations::snooze)),
        work("/api/v1/conversations/{id}/close", post(conversations::close)),
        work("/api/v1/conversations/{id}/reopen", post(conversations::reopen)),
        work("/api/v1/conversations/{id}/operations", post(orders::perform)),
        work("/api/v1/conversations/{id}/orders/{order}/refresh", post(orders::refresh)),
        read("/api/v1/approvals", get(approvals::list)),
        work("/api/v1/operations/{id}/approve", post(approvals::approve)),
        work("/api/v1/operations/{id}/decline", post(approvals::decline)),
        work("/api/v1/conversations/{id}/typing", post(conversations::typing)),
        work("/api/v1/conversations/{id}/seen", post(conversations::seen)),
        read("/api/v1/channels", get(channels::list)),
        rule("/api/v1/channels/{name}/samples", post(channels::samples)),
        take,
        read("/api/v1/contacts", get(contacts::find)),
        read("/api/v1/contacts/{id}", get(contacts::show)),
        work("/api/v1/contacts/{id}/join", post(contacts::join)),
        work("/api/v1/joins/{id}/undo", post(contacts::undo)),
        read("/api/v1/suggestions", get(contacts::suggestions)),
        work("/api/v1/suggestions/{id}/accept", post(contacts::accept)),
        work("/api/v1/suggestions/{id}/dismiss", post(contacts::dismiss)),
        read("/api/v1/knowledge/articles", get(knowledge::list)),
        read("/api/v1/knowledge/articles/{key}", get(knowledge::show)),
        rule("/api/v1/knowledge/articles/{key}", post(knowledge::write)),
        row(Method::DELETE, "/api/v1/knowledge/articles/{key}", Some(Admin), delete(knowledge::retire)),
        read("/api/v1/knowledge/search", get(knowledge::search)),
        read("/api/v1/knowledge/questions", get(knowledge::questions)),
        read("/api/v1/agents", get(agents::list)),
        rule("/api/v1/agents/{name}", post(agents::set)),
        row(Method::DELETE, "/api/v1/agents/{name}", Some(Admin), delete(agents::remove)),
        work("/api/v1/presence", post(agents::presence)),
        read("/api/v1/conversations/{id}/why", get(agents::why)),
        read("/api/v1/surveys/ratings", get(surveys::ratings)),
        read("/api/v1/surveys/remarks", get(surveys::remarks)),
        read("/api/v1/parked", get(parked::list)),
        read("/api/v1/parked/{id}", get(parked::show)),
        read("/api/v1/parked/{id}/raw", get(parked::raw)),
        rule("/api/v1/parked/{id}/replay", post(parked::replay)),
        read("/api/v1/plugins", get(plugins::list)),
        install,
        row(Method::DELETE, "/api/v1/plugins/{plugin}", Some(Admin), delete(plugins::remove)),
        read("/api/v1/plugins/{kind}/{name}", get(plugins::show)),
        rule("/api/v1/plugins/{kind}/{name}/enable", post(plugins::enable)),
        rule("/api/v1/plugins/{kind}/{name}/disable", post(plugins::disable)),
        rule("/api/v1/plugins/{kind}/{name}/rollback", post(plugins::rollback)),
        rule("/api/v1/plugins/{kind}/{name}/promote", post(plugins::promote)),
        read("/api/v1/plugins/{kind}/{name}/differences", get(plugins::differences)),
        row(Method::GET, "/api/v1/tokens", Some(Admin), get(tokens::list)),
        rule("/api/v1/tokens", post(tokens::create)),
        row(Method::DELETE, "/api/v1/tokens/{id}", Some(Admin), delete(tokens::revoke)),
        read("/api/v1/events", get(events::follow)),
        read("/api/v1/stats", get(status::stats)),
        open("/api/v1/openapi.json", get(doc::serve)),
        open("/healthz", get(status::healthz)),
        open("/readyz", get(status::readyz)),
        open("/metrics", get(status::metrics)),
    ]
}

/// Everything that is served over HTTP. Needs a tokio runtime when it is called upon.
pub fn router(state: ApiState) -> Router {
    observe::describe();
    status::describe();
    let mut router = Router::new().route("/problems/{word}", get(problem::explain));
    for (route, mut handler) in table() {
        // The layer that is added last runs first: the token is asked for before anything of the body is read.
        if route.method != Method::GET {
            handler = handler.route_layer(from_fn_with_state((state.clone(), route.body, route.waits), write::run));
        }
        if let Some(scope) = route.scope {
            handler = handler.route_layer(from_fn_with_state((state.clone(), scope), auth::require));
        }
        router = router.route(route.path, handler);
    }
    router
        .fallback(async || problem::Problem::new(problem::Kind::NotFound, "there is no such path"))
        .method_not_allowed_fallback(async || {
            problem::Problem::new(problem::Kind::MethodNotAllowed, "this path has other methods")
        })
        // `input` bounds every body itself, with a problem as the answer.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn(observe::observe))
        .with_state(state.clone())
        .merge(crate::survey::router(state.clone()))
        .merge(crate::hook::router(state))
}
