//! What services of the runtime need now and then: connections that rested for too long are closed, and what became of calls
//! to be recorded is counted in `/metrics`.
use std::sync::Arc;
use std::time::Duration;
use tributary_pipeline::driver::Stop;
use tributary_runtime::{HttpEgress, Recorder};

/// How often. A scraper of `/metrics` comes about as often.
const EVERY: Duration = Duration::from_secs(5);

/// The services that are looked after.
pub struct Upkeep {
    /// Requests of plugins.
    pub egress: Arc<HttpEgress>,
    /// Recorded calls; none: none are recorded.
    pub recorder: Option<Arc<Recorder>>,
}

impl Upkeep {
    /// Looks after them until the stop.
    pub async fn run(self, mut stop: Stop) {
        metrics::describe_gauge!("tributary_egress_idle_connections", "Connections of plugins that rest");
        metrics::describe_counter!("tributary_recorder_calls_total", "Calls to be recorded by what became of them");
        loop {
            self.once();
            tokio::select! {
                () = stop.ordered() => return,
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    fn once(&self) {
        // A gauge is a float, and no machine has 2^53 connections.
        metrics::gauge!("tributary_egress_idle_connections").set(self.egress.close_idle() as f64);
        let Some(recorder) = &self.recorder else { return };
        let counts = recorder.counts();
        for (outcome, calls) in [
            ("recorded", counts.recorded),
            ("sampled-out", counts.sampled_out),
            ("too-large", counts.too_large),
            ("dropped", counts.dropped),
            ("unwritten", counts.unwritten),
        ] {
            metrics::counter!("tributary_recorder_calls_total", "outcome" => outcome).absolute(calls);
        }
    }
}
