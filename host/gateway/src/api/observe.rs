//! What every request gets: an id, a span, counters, and headers that no answer may miss.
//!
//! Neither path nor query is logged, only the route's template: paths may carry what a person typed.
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use data_encoding::HEXLOWER;
use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};
use std::time::Instant;
use tracing::{Instrument, debug, info, info_span};

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Tells the recorder what the numbers mean. Called once, when the router is built.
pub(crate) fn describe() {
    describe_counter!("tributary_http_requests_total", "HTTP requests by route and status");
    describe_histogram!("tributary_http_request_seconds", Unit::Seconds, "From a request's head to its answer's head");
}

/// The outermost layer.
pub(crate) async fn observe(request: Request, next: Next) -> Response {
    let method = name(request.method());
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let id = request.headers().get(&REQUEST_ID).filter(|id| is_request_id(id)).cloned().unwrap_or_else(new_id);
    let span = info_span!("http", method, route, request = id.to_str().unwrap_or_default());
    let started = Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let (elapsed, status) = (started.elapsed(), response.status().as_u16());
    counter!("tributary_http_requests_total", "method" => method, "route" => route.clone(), "status" => status.to_string())
        .increment(1);
    histogram!("tributary_http_request_seconds", "method" => method, "route" => route).record(elapsed);
    let ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    span.in_scope(|| match method {
        // Reads come by the thousand from monitors and live views.
        "GET" | "HEAD" => debug!(status, ms, "answered"),
        _ => info!(status, ms, "answered"),
    });
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID.clone(), id);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// A label of few values: a client may send any word as a method.
fn name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}

fn is_request_id(value: &HeaderValue) -> bool {
    let bytes = value.as_bytes();
    (1..=64).contains(&bytes.len()) && bytes.iter().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b))
}

fn new_id() -> HeaderValue {
    let mut bytes = [0; 8];
    // Without randomness the id is a row of zeros; it is for people who read the log, nothing depends on it.
    let _ = getrandom::fill(&mut bytes);
    HeaderValue::try_from(HEXLOWER.encode(&bytes)).unwrap_or(HeaderValue::from_static("0"))
}
