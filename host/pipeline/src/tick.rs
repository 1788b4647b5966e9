//! Work that comes with time. It takes no input and may run twice.
use crate::driver::Stop;
use crate::{Pipeline, now};
use std::sync::Arc;
use std::time::Duration;
use tributary_model::error::chain;

/// The longest rest between two looks at the bells: what is set meanwhile rings well within a second of its time, also
/// where the wall clock jumped.
const LONGEST_REST: Duration = Duration::from_millis(500);

/// How many bells one commit rings.
const BATCH: usize = 256;

/// How often what has ended its time is deleted.
const SWEEP: Duration = Duration::from_secs(600);

/// Rings the bells that are due: clock warnings and breaches, timers, snoozes.
pub(crate) async fn ring(pipeline: Arc<Pipeline>, mut stop: Stop) {
    while !stop.is_ordered() {
        let at = now();
        let rest = match pipeline.store.ring(at, BATCH).await {
            Ok(rung) => {
                if rung.rang > 0 {
                    pipeline.happenings_wait.notify_one();
                }
                match rung.next {
                    _ if rung.rang == BATCH => Duration::ZERO,
                    Some(next) => next.since(now()).min(LONGEST_REST),
                    None => LONGEST_REST,
                }
            }
            Err(error) => {
                tracing::error!(error = %chain(&error), "bells could not be rung");
                LONGEST_REST
            }
        };
        tokio::select! {
            () = tokio::time::sleep(rest) => {}
            () = stop.ordered() => {}
        }
    }
}

/// Deletes what has ended its time.
pub(crate) async fn sweep(pipeline: Arc<Pipeline>, mut stop: Stop) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(SWEEP) => {}
            () = stop.ordered() => return,
        }
        match pipeline.store.sweep(now()).await {
            Ok(deleted) => tracing::debug!(deleted, "swept"),
            Err(error) => tracing::error!(error = %chain(&error), "the sweep failed"),
        }
    }
}
