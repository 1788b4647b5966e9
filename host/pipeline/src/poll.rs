//! Channels that have to be asked for what is new: one call of the adapter's `poll`, one commit of what it told together
//! with where to go on.
//!
//! Each channel is asked on its own, never twice at once. When it is asked next is what the adapter said, unless a bell
//! rings before: an arrival that says that there is something to ask for. Bells are not kept, because every start asks
//! every channel. What goes wrong is asked again later and later, and shown.
use crate::driver::Stop;
use crate::gate::Caller;
use crate::receive::{News, against_the_contract};
use crate::{Channel, Pipeline, Side, now};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tributary_model::error::chain;
use tributary_model::message::SendError;
use tributary_model::{ChannelName, Timestamp};
use tributary_runtime::{Budget, CallError};
use tributary_store::{Source, StoreError};

/// The longest rest that an adapter may ask for, and the longest after failures.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// The longest rest after failures.
const LONGEST_AFTER_FAILURES: Duration = Duration::from_secs(300);
/// The rest after the first failure; it doubles.
const FIRST: Duration = Duration::from_secs(1);
/// An adapter that wants to be asked at once and told nothing is asked so much later.
const BREATH: Duration = Duration::from_secs(1);
/// When a channel whose gate is shut is looked at again.
const SHUT: Duration = Duration::from_secs(1);

/// How the polling of a channel stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PollView {
    /// When it was asked last and answered well.
    pub last: Option<Timestamp>,
    /// When it is asked next, unless a bell rings.
    pub next: Timestamp,
    /// How often in a row it went wrong.
    pub failures: u32,
    /// Why, the last time it went wrong; none since it went well.
    pub why: Option<String>,
}

/// What rings, and how every polled channel stands.
#[derive(Default)]
pub(crate) struct Bells {
    rung: Mutex<Vec<ChannelName>>,
    wake: Notify,
    views: Mutex<HashMap<ChannelName, PollView>>,
}

impl Bells {
    /// Asks for a channel to be polled now.
    pub(crate) fn ring(&self, channel: &ChannelName) {
        let mut rung = self.rung.lock();
        if !rung.contains(channel) {
            rung.push(channel.clone());
        }
        drop(rung);
        self.wake.notify_one();
    }

    /// Looks at the channels anew.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    fn heard(&self, channel: &ChannelName) -> bool {
        let mut rung = self.rung.lock();
        let at = rung.iter().position(|one| one == channel);
        at.map(|at| rung.swap_remove(at)).is_some()
    }
}

impl Pipeline {
    /// How the polling of a channel stands; none where it is not polled.
    pub fn poll_view(&self, channel: &ChannelName) -> Option<PollView> {
        self.bells.views.lock().get(channel).cloned()
    }
}

/// Polls every channel that has to be asked, until the stop.
pub(crate) async fn keeper(pipeline: Arc<Pipeline>, mut stop: Stop) {
    let mut under_way = FuturesUnordered::new();
    let mut busy: Vec<ChannelName> = Vec::new();
    loop {
        // Register for the wake-up, then look, then sleep.
        let waked = pipeline.bells.wake.notified();
        let (at, plugins, mut rest) = (now(), pipeline.plugins(), LONGEST);
        pipeline.bells.views.lock().retain(|name, _| plugins.channel(name).is_some_and(|channel| polls(channel)));
        for channel in plugins.channels().filter(|channel| polls(channel)) {
            if busy.contains(&channel.name) {
                continue;
            }
            let due = pipeline.bells.views.lock().get(&channel.name).map_or(at, |view| view.next);
            if due <= at || pipeline.bells.heard(&channel.name) {
                busy.push(channel.name.clone());
                under_way.push(poll(pipeline.clone(), channel.clone()));
            } else {
                rest = rest.min(due.since(at));
            }
        }
        tokio::select! {
            Some((channel, view)) = under_way.next(), if !under_way.is_empty() => {
                busy.retain(|name| *name != channel);
                pipeline.bells.views.lock().insert(channel, view);
            }
            () = waked => {}
            () = tokio::time::sleep(rest) => {}
            () = stop.ordered() => break,
        }
    }
    // What is under way is committed or not; either way it is asked for again at the next start.
}

/// Whether a channel has to be asked.
fn polls(channel: &Channel) -> bool {
    channel.seat.base.roles().poller
}

async fn poll(pipeline: Arc<Pipeline>, channel: Arc<Channel>) -> (ChannelName, PollView) {
    let name = channel.name.clone();
    let before = pipeline.poll_view(&name);
    let failures = before.as_ref().map_or(0, |view| view.failures);
    let last = before.as_ref().and_then(|view| view.last);
    let view = match ask(&pipeline, &channel).await {
        Ok(rest) => PollView { last: Some(now()), next: now().after(rest), failures: 0, why: None },
        Err(Failed { why, after, counts }) => {
            let failures = failures.saturating_add(u32::from(counts));
            let rest = FIRST.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(LONGEST_AFTER_FAILURES);
            let rest = after.map_or(rest, |after| after.max(rest).min(LONGEST));
            if counts {
                tracing::warn!(channel = %name, failures, again_in = ?rest, "a channel could not be asked: {why}");
                metrics::counter!("tributary_poll_failures_total", "channel" => name.to_string()).increment(1);
            }
            PollView { last, next: now().after(rest), failures, why: Some(why) }
        }
    };
    (name, view)
}

/// Why a channel told nothing.
struct Failed {
    why: String,
    /// When to ask again, where that was said.
    after: Option<Duration>,
    /// Whether it was asked at all.
    counts: bool,
}

impl Failed {
    fn new(why: impl Into<String>) -> Self {
        Self { why: why.into(), after: None, counts: true }
    }
}

/// One poll. When to ask again.
async fn ask(pipeline: &Pipeline, channel: &Channel) -> Result<Duration, Failed> {
    let seat = &channel.seat;
    let store = |error: StoreError| Failed::new(chain(&error));
    let cursor = pipeline.store.poll_cursor(&channel.name).await.map_err(store)?;
    let pass = seat.gate.admit(Caller::Unordered).map_err(|shut| Failed {
        why: shut.cause().what,
        after: Some(shut.after.unwrap_or(SHUT)),
        counts: false,
    })?;
    // A newer version that acts for everybody polls as well; one that is only tried beside does not, for it would move on
    // from what the other one was not told.
    let newer = seat.trial.as_ref().filter(|trial| trial.share >= 100 && trial.newer.roles().poller);
    let turn = newer.and_then(|trial| trial.turn());
    let side = if turn.is_some() { Side::Newer } else { Side::Base };
    let adapter = seat.side(side);
    let at = now();
    let called = adapter.poll(Pipeline::context(at, None), cursor.as_deref()).await;
    // One that took too long mostly waited for somebody else's server.
    let waited = matches!(&called, Err(CallError::Budget { budget: Budget::Wall, .. }));
    let broken = called.as_ref().ok().and_then(|called| called.result.as_ref().ok());
    let broken = broken.and_then(|batch| against_the_contract(&batch.events));
    let fault = called.as_ref().err().map(ToString::to_string).or(broken);
    seat.gate.ended(pass, fault.as_deref().filter(|_| !waited && side == Side::Base), !waited && side == Side::Base);
    if let Some(fault) = fault {
        return Err(Failed::new(fault));
    }
    let called = called.map_err(|error| Failed::new(error.to_string()))?;
    let batch = called.result.map_err(|error| match error {
        SendError::Temporary { why, after } => Failed { after, ..Failed::new(why) },
        SendError::Unauthorised(why) => Failed::new(format!("not authorised: {why}")),
        SendError::WindowClosed(why) | SendError::Permanent(why) => Failed::new(why),
    })?;
    let idle = batch.events.is_empty() && batch.cursor == cursor;
    let moved = batch.cursor != cursor;
    if !idle || !called.effects.is_empty() {
        let source = if moved || !batch.events.is_empty() { Some(batch.cursor) } else { None };
        let news = News {
            channel: &channel.name,
            plugin: &adapter.info().name,
            source: Source::Poll { cursor: source.unwrap_or(cursor) },
            events: batch.events,
            effects: called.effects,
            at,
            clock: at,
            replays: None,
            verifies: channel.verifies.clone(),
        };
        match pipeline.take_in(news).await {
            // Its state moved under it: nothing of it is kept, and it is asked again.
            Err(StoreError::StateMoved(_)) => return Ok(BREATH),
            taken => taken.map_err(store)?,
        };
    }
    if let Some(turn) = turn {
        turn.well();
    }
    Ok(if idle { batch.again_in.max(BREATH) } else { batch.again_in }.min(LONGEST))
}
