//! What is counted of a plugin's calls. The handles are made once for a generation: a call only adds to them.
use crate::call::{Blame, CallCost};
use metrics::{Counter, Histogram, counter, histogram};
use tributary_model::{ChannelName, PluginName};

/// The exported functions, in the order of [`crate::export::Export::INDEX`].
pub(crate) const EXPORTS: [&str; 10] =
    ["receive", "send", "decide", "review", "migrate", "poll", "show", "samples", "look-up", "perform"];
const BLAMES: [Blame; 4] = [Blame::Guest, Blame::Trap, Blame::Budget, Blame::Host];

struct OfExport {
    calls: Counter,
    guest: Histogram,
    wall: Histogram,
    host: Histogram,
}

/// The handles of one generation.
pub(crate) struct Metrics {
    exports: [OfExport; EXPORTS.len()],
    faults: [Counter; 4],
    memory: Histogram,
}

impl Metrics {
    pub fn new(plugin: &PluginName, channel: &ChannelName) -> Self {
        let names = |extra: Option<(&'static str, &'static str)>| {
            let mut labels = vec![("plugin", plugin.as_str().to_owned()), ("channel", channel.as_str().to_owned())];
            labels.extend(extra.map(|(key, value)| (key, value.to_owned())));
            labels
        };
        Self {
            exports: EXPORTS.map(|export| {
                let labels = names(Some(("export", export)));
                OfExport {
                    calls: counter!("tributary_plugin_calls_total", &labels),
                    guest: histogram!("tributary_plugin_guest_seconds", &labels),
                    wall: histogram!("tributary_plugin_wall_seconds", &labels),
                    host: histogram!("tributary_plugin_host_seconds", &labels),
                }
            }),
            faults: BLAMES
                .map(|blame| counter!("tributary_plugin_faults_total", &names(Some(("blame", blame.as_str()))))),
            memory: histogram!("tributary_plugin_memory_bytes", &names(None)),
        }
    }

    /// A call ended.
    pub fn call(&self, export: usize, cost: &CallCost) {
        let of = &self.exports[export];
        of.calls.increment(1);
        of.guest.record(cost.guest);
        of.wall.record(cost.wall);
        of.host.record(cost.host);
        self.memory.record(cost.memory as f64);
    }

    /// A call gave no result, or a fault for one.
    pub fn fault(&self, blame: Blame) {
        if let Some(at) = BLAMES.iter().position(|one| *one == blame) {
            self.faults[at].increment(1);
        }
    }
}
