//! How the daemon is: `/healthz`, `/readyz`, `/metrics`, and the counts of the desk.
use super::mailboxes::MailboxView;
use super::plugins::{gauges, view::unwell};
use super::problem::{Kind, Problem};
use super::view::StatsView;
use super::{ApiState, auth, now};
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use metrics::{describe_gauge, gauge};
use std::time::Duration;
use tributary_model::error::chain;
use tributary_store::{Counts, Scope};

/// How long the store may take to say that it is there, and the fleet to say how its places are.
const PING: Duration = Duration::from_secs(2);

/// Count what there is, and say which places are not well and how mailboxes stand
#[utoipa::path(get, path = "/api/v1/stats", operation_id = "stats", tag = "status", responses((status = 200, description = "The counts", body = StatsView)))]
pub(crate) async fn stats(State(state): State<ApiState>) -> Result<axum::Json<StatsView>, Problem> {
    let counts = state.store().counts(now()).await?;
    let places = tokio::time::timeout(PING, state.fleet().places()).await.ok().transpose()?;
    let mailboxes = state.desk().mailboxes().into_iter().map(MailboxView::from).collect();
    Ok(axum::Json(StatsView::new(counts, places.as_deref().map(unwell), mailboxes)))
}

/// Is the process alive?
///
/// Always 200 while it answers at all.
#[utoipa::path(get, path = "/healthz", operation_id = "health", tag = "status", responses((status = 200, description = "Alive", body = String, content_type = "text/plain")))]
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// Is it ready for work?
///
/// 200 while plugins are loaded and the store can write; 503 at start, at stop, and while the store fails.
#[utoipa::path(get, path = "/readyz", operation_id = "readiness", tag = "status", responses((status = 200, description = "Ready", body = String, content_type = "text/plain")))]
pub(crate) async fn readyz(State(state): State<ApiState>) -> Result<&'static str, Problem> {
    if !state.ready() {
        return Err(Problem::new(Kind::Unavailable, "plugins are being loaded"));
    }
    if *state.stop().borrow() {
        return Err(Problem::new(Kind::Unavailable, "the daemon is stopping"));
    }
    match tokio::time::timeout(PING, state.store().ping()).await {
        Ok(Ok(())) => Ok("ready\n"),
        Ok(Err(error)) => {
            tracing::warn!(%error, "not ready: the store cannot write");
            Err(Problem::new(Kind::Unavailable, "the store cannot write"))
        }
        Err(_) => Err(Problem::new(Kind::Unavailable, format!("the store did not answer within {} s", PING.as_secs()))),
    }
}

/// Metrics for Prometheus
///
/// The text format of Prometheus. Without a token unless the operator asks for one; then any token will do.
#[utoipa::path(get, path = "/metrics", operation_id = "metrics", tag = "status", responses((status = 200, description = "The numbers", body = String, content_type = "text/plain")))]
pub(crate) async fn metrics(State(state): State<ApiState>, headers: HeaderMap) -> Result<Response, Problem> {
    if state.metrics_need_token()
        && let Err(problem) = auth::identify(&state, &headers, Scope::Read).await
    {
        return Ok(auth::refuse(problem, Scope::Read));
    }
    let Some(handle) = state.metrics() else {
        return Err(Problem::unknown("recorder of metrics", "/metrics"));
    };
    // The rest of the numbers is of use even while the store is not.
    match state.store().counts(now()).await {
        Ok(counts) => show(&counts),
        Err(error) => tracing::warn!(%error, "the counts of the desk are missing from the metrics"),
    }
    let mut text = handle.render();
    match tokio::time::timeout(PING, state.fleet().places()).await {
        Ok(Ok(places)) => text.push_str(&gauges::render(&places)),
        Ok(Err(error)) => tracing::warn!(error = %chain(&error), "the generations are missing from the metrics"),
        // While a version is compiled, the fleet may be busy for longer than a scrape waits.
        Err(_) => tracing::warn!("the generations are missing from the metrics: the fleet is busy"),
    }
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

/// Tells the recorder what the gauges mean. Called once, when the router is built.
pub(crate) fn describe() {
    describe_gauge!("tributary_conversations_waiting", "Conversations in the queue that nobody holds");
    describe_gauge!("tributary_conversations_held", "Conversations that somebody holds");
    describe_gauge!("tributary_conversations", "Conversations in all");
    describe_gauge!("tributary_messages", "Messages in all");
    describe_gauge!("tributary_undecided", "Happenings that are not decided yet");
    describe_gauge!("tributary_outgoing", "Outgoing messages that are not sent yet");
    describe_gauge!("tributary_parked", "Things kept aside and not replayed");
    describe_gauge!("tributary_approvals", "Operations on orders that wait for approval");
}

fn show(counts: &Counts) {
    let Counts { waiting, held, conversations, messages, undecided, outgoing, parked, approvals } = *counts;
    // Counts stay far below 2^53, where a float stops being exact.
    gauge!("tributary_conversations_waiting").set(waiting as f64);
    gauge!("tributary_conversations_held").set(held as f64);
    gauge!("tributary_conversations").set(conversations as f64);
    gauge!("tributary_messages").set(messages as f64);
    gauge!("tributary_undecided").set(undecided as f64);
    gauge!("tributary_outgoing").set(outgoing as f64);
    gauge!("tributary_parked").set(parked as f64);
    gauge!("tributary_approvals").set(approvals as f64);
}
