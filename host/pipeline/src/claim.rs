//! Looks for work that the short way did not carry: what waited for room, for its turn, for its time, or for a restart.
use crate::driver::Stop;
use crate::{Pipeline, now};
use std::sync::Arc;
use std::time::Duration;
use tributary_model::error::chain;

/// A wake-up only saves time; without one, each loop looks this often.
const POLL: Duration = Duration::from_secs(1);

/// How many work items one look takes.
const BATCH: usize = 64;

/// Claims happenings as long as there is room for them.
pub(crate) async fn happenings(pipeline: Arc<Pipeline>, mut stop: Stop) {
    while !stop.is_ordered() {
        // Register for the wake-up, then look, then sleep.
        let waked = pipeline.happenings_wait.notified();
        // A claim looks at all that is claimed already on its way to what is not: one for many.
        let Some(room) = room(&pipeline.to_decide, pipeline.config.deciding, &mut stop).await else { return };
        let found = match pipeline.store.claim_happenings(pipeline.lease(now()), room.len()).await {
            Ok(claimed) => {
                let found = claimed.len();
                for (permit, happening) in room.zip(claimed) {
                    permit.send(happening);
                }
                found
            }
            Err(error) => {
                tracing::error!(error = %chain(&error), "happenings could not be claimed");
                0
            }
        };
        if found == 0 {
            rest(waked, &mut stop).await;
        }
    }
}

/// Leases outgoing messages as long as there is room for them.
pub(crate) async fn outgoing(pipeline: Arc<Pipeline>, mut stop: Stop) {
    while !stop.is_ordered() {
        let waked = pipeline.outgoing_waits.notified();
        let Some(room) = room(&pipeline.to_deliver, 1, &mut stop).await else { return };
        let found = match pipeline.store.lease_outgoing(pipeline.lease(now()), room.len()).await {
            Ok(leased) => {
                let found = leased.len();
                for (permit, message) in room.zip(leased) {
                    permit.send(message);
                }
                found
            }
            Err(error) => {
                tracing::error!(error = %chain(&error), "outgoing messages could not be leased");
                0
            }
        };
        if found == 0 {
            rest(waked, &mut stop).await;
        }
    }
}

/// Room for at least so many work items and at most a batch. `None`: stop.
pub(crate) async fn room<'a, T>(
    sender: &'a tokio::sync::mpsc::Sender<T>,
    least: usize,
    stop: &mut Stop,
) -> Option<tokio::sync::mpsc::PermitIterator<'a, T>> {
    let many = sender.capacity().max(least).clamp(1, BATCH);
    tokio::select! {
        room = sender.reserve_many(many) => room.ok(),
        () = stop.ordered() => None,
    }
}

pub(crate) async fn rest(waked: impl Future<Output = ()>, stop: &mut Stop) {
    tokio::select! {
        () = waked => {}
        () = tokio::time::sleep(POLL) => {}
        () = stop.ordered() => {}
    }
}
