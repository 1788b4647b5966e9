//! Answers that are held open: the items of a feed's topic as server-sent events, first those after the place that the
//! client names, then each as it is published.
//!
//! An item's `id` is its place in the feed, so a client that lost its connection comes back with `Last-Event-ID` and misses
//! nothing and sees nothing twice. What only flashes has no `id`. A slow client holds nobody up: it is told to look, and
//! reads the next page when the one before was taken.
use crate::api::ApiState;
use crate::http::stopped;
use axum::http::{HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, stream};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tributary_model::ChannelName;
use tributary_pipeline::{Following, Told};
use tributary_store::{FeedId, FeedRow, Store};

/// How many items are read at once.
const BATCH: usize = 64;

/// How long an answer may be silent: shorter than what proxies and clients wait.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// When to look without having been told: items that another node published.
const POLL: Duration = Duration::from_secs(15);

/// What a client waits before it connects again.
const RETRY: Duration = Duration::from_secs(2);

/// `last-event-id` of a query, for clients that cannot set a header.
pub(super) fn in_query(query: Option<&str>) -> Option<String> {
    let pairs = query?.split('&');
    pairs
        .filter_map(|pair| pair.split_once('='))
        .find(|(name, _)| *name == "last-event-id")
        .map(|(_, id)| id.to_owned())
}

/// Keeps an answer open.
pub(super) async fn hold(state: &ApiState, channel: &ChannelName, topic: &str, after: Option<&str>) -> Response {
    let Some(seat) = state.take_hold_seat() else {
        return super::empty(axum::http::StatusCode::SERVICE_UNAVAILABLE);
    };
    let after = after.and_then(|id| id.trim().parse().ok()).map_or(FeedId(0), FeedId);
    let held = Held {
        store: state.store().clone(),
        stop: state.stop(),
        following: state.desk().feeds().follow(channel, topic),
        channel: channel.clone(),
        topic: topic.into(),
        after,
        read: VecDeque::new(),
        greeted: false,
        _seat: seat,
    };
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE).text("waiting");
    let mut response = Sse::new(held.stream()).keep_alive(keep_alive).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

struct Held {
    store: Arc<dyn Store>,
    stop: watch::Receiver<bool>,
    following: Following,
    channel: ChannelName,
    topic: Box<str>,
    after: FeedId,
    read: VecDeque<FeedRow>,
    greeted: bool,
    _seat: OwnedSemaphorePermit,
}

impl Held {
    fn stream(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(self, |mut held| async {
            let next = held.next().await?;
            Some((Ok(next), held))
        })
    }

    /// `None`: the daemon stops, or the store failed and the client shall come back.
    async fn next(&mut self) -> Option<Event> {
        if !self.greeted {
            self.greeted = true;
            return Some(Event::default().retry(RETRY));
        }
        // It followed before it looked the first time, so nothing falls between.
        loop {
            if *self.stop.borrow() {
                return None;
            }
            if let Some(row) = self.read.pop_front() {
                self.after = row.id;
                return Some(event(&row.name, &row.data).id(row.id.0.to_string()));
            }
            match self.store.feed(&self.channel, &self.topic, self.after, BATCH).await {
                Ok(rows) if rows.is_empty() => tokio::select! {
                    () = stopped(&mut self.stop) => return None,
                    told = self.following.next() => match told {
                        Told::Look => {}
                        Told::Flash { name, data } => return Some(event(&name, &data)),
                    },
                    () = tokio::time::sleep(POLL) => {}
                },
                Ok(rows) => self.read = rows.into(),
                Err(error) => {
                    tracing::warn!(channel = %self.channel, %error, "a held answer ended early");
                    return None;
                }
            }
        }
    }
}

/// An event whose name is one word and whose text has no break that the format does not know.
fn event(name: &str, data: &str) -> Event {
    let name: String = name.chars().filter(|c| !c.is_control()).collect();
    Event::default().event(name).data(data.replace("\r\n", "\n").replace('\r', "\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_found_in_a_query() {
        assert_eq!(in_query(Some("token=x&last-event-id=12")).as_deref(), Some("12"));
        assert_eq!(in_query(Some("last-event-identity=12&a")), None);
        assert_eq!(in_query(None), None);
    }

    #[test]
    fn any_text_makes_an_event() {
        for text in ["", "one", "a\nb", "a\r\nb", "a\rb", "\u{2028}\0"] {
            let _ = event(text, text);
        }
    }
}
