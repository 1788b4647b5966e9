//! What is needed now and then: connections of plugins that rested for too long are closed, what became of calls to be recorded
//! is counted in `/metrics`, and the values behind its summaries are added up. Without that each one of them would be kept until
//! somebody asks for `/metrics`: 600 bytes of every message, for ever on a desk that nobody watches.
use metrics_exporter_prometheus::PrometheusHandle;
use std::sync::Arc;
use std::time::Duration;
use tributary_pipeline::driver::Stop;
use tributary_runtime::{HttpEgress, Recorder};

/// How often: a busy desk measures some hundred thousand values meanwhile.
const EVERY: Duration = Duration::from_secs(1);

/// The services that are looked after.
pub struct Upkeep {
    /// Requests of plugins.
    pub egress: Arc<HttpEgress>,
    /// Recorded calls; none: none are recorded.
    pub recorder: Option<Arc<Recorder>>,
}

impl Upkeep {
    /// Looks after them, and after what is measured, until the stop.
    pub async fn run(self, measured: PrometheusHandle, mut stop: Stop) {
        metrics::describe_gauge!("tributary_egress_idle_connections", "Connections of plugins that rest");
        metrics::describe_counter!("tributary_recorder_calls_total", "Calls to be recorded by what became of them");
        loop {
            self.once();
            measured.run_upkeep();
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
