//! What `/metrics` shows of generations: written anew for each scrape from what is loaded, so that labels of a generation
//! are gone with it. The recorder would keep every one that ever was.
use std::fmt::Write;
use tributary_fleet::{GenerationView, PlaceView, SightView};

/// Every state of a breaker: one series each, so that an alert can name one that is not there now.
const BREAKER: [&str; 6] = ["closed", "open", "half-open", "draining", "evicted", "disabled"];

/// A family of series with the words that go before it.
struct Family {
    text: String,
    name: &'static str,
    any: bool,
    head: String,
}

impl Family {
    fn new(name: &'static str, kind: &str, help: &str) -> Self {
        Self { text: String::new(), name, any: false, head: format!("# HELP {name} {help}\n# TYPE {name} {kind}\n") }
    }

    /// One series. `ending` is for the parts of a summary.
    fn add(&mut self, ending: &str, labels: &[(&str, &str)], value: f64) {
        if !self.any {
            self.text.push_str(&self.head);
            self.any = true;
        }
        let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escape(value))).collect();
        // Writing to a string does not fail.
        let _ = writeln!(self.text, "{}{ending}{{{}}} {value}", self.name, labels.join(","));
    }
}

/// A label's value as the text format writes it.
fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// The generations of a place that are loaded, with their part in it.
fn loaded(place: &PlaceView) -> impl Iterator<Item = (&GenerationView, &SightView)> {
    let tried = place.trial.iter().map(|trial| &trial.generation);
    let all = place.live.iter().chain(tried).chain(&place.standing_by);
    let mut seen = Vec::new();
    all.filter_map(move |generation| {
        // One that was put in use at once is live and tried.
        let first = !seen.contains(&generation.generation);
        seen.push(generation.generation);
        generation.sight.as_ref().filter(|_| first).map(|sight| (generation, sight))
    })
}

/// The text for all places: as many series as there are places and loaded generations, times a fixed number.
pub(crate) fn render(places: &[PlaceView]) -> String {
    let seconds = |micros: f64| micros / 1e6;
    let mut calls = Family::new("tributary_generation_calls_total", "counter", "Calls of a loaded generation");
    let mut faults =
        Family::new("tributary_generation_faults_total", "counter", "Its failed calls by who was to blame");
    let mut guest = Family::new("tributary_generation_guest_seconds", "summary", "Time of its calls inside the guest");
    let mut wall = Family::new("tributary_generation_wall_seconds", "summary", "Time of its calls from start to end");
    let mut host =
        Family::new("tributary_generation_host_seconds_total", "counter", "Time its calls waited for the host");
    let mut memory =
        Family::new("tributary_generation_memory_high_bytes", "gauge", "The most memory that an instance of it had");
    for place in places {
        for (generation, sight) in loaded(place) {
            let number = generation.generation.to_string();
            let labels = [
                ("place", place.place.as_str()),
                ("plugin", &generation.plugin),
                ("version", &generation.version),
                ("generation", &number),
                ("state", generation.state),
            ];
            let with = |name, value| [&labels[..], &[(name, value)]].concat();
            // Counts stay far below 2^53, where a float stops being exact.
            calls.add("", &labels, sight.calls as f64);
            let of = &sight.faults;
            for (blame, count) in [("guest", of.guest), ("trap", of.trap), ("budget", of.budget), ("host", of.host)] {
                faults.add("", &with("blame", blame), count as f64);
            }
            for (quantile, micros) in [("0.5", sight.guest_p50_us), ("0.99", sight.guest_p99_us)] {
                guest.add("", &with("quantile", quantile), seconds(micros));
            }
            guest.add("_sum", &labels, seconds(sight.guest_total_us as f64));
            guest.add("_count", &labels, sight.calls as f64);
            for (quantile, micros) in [("0.5", sight.wall_p50_us), ("0.99", sight.wall_p99_us)] {
                wall.add("", &with("quantile", quantile), seconds(micros));
            }
            host.add("", &labels, seconds(sight.host_total_us as f64));
            memory.add("", &labels, sight.memory_high as f64);
        }
    }
    let generations = [calls, faults, guest, wall, host, memory];
    generations.into_iter().chain(of_places(places)).map(|family| family.text).collect()
}

fn of_places(places: &[PlaceView]) -> impl Iterator<Item = Family> {
    let mut breaker = Family::new("tributary_place_breaker", "gauge", "1 for the state that a place's breaker is in");
    let mut strikes = Family::new("tributary_place_strikes", "gauge", "Failed probes of a place's breaker in a row");
    let mut parked = Family::new("tributary_place_parked", "gauge", "Things kept aside because of a place");
    let mut calls = Family::new("tributary_trial_newer_calls", "gauge", "Calls of what is tried in a place");
    let mut faults = Family::new("tributary_trial_newer_faults", "gauge", "Failed ones among them");
    let mut seen =
        Family::new("tributary_trial_newer_conversations", "gauge", "Conversations that what is tried has seen");
    let mut different =
        Family::new("tributary_trial_newer_different", "gauge", "Conversations that it decided differently");
    let mut enough = Family::new("tributary_trial_enough", "gauge", "What it needs to see");
    let mut share = Family::new("tributary_trial_share_percent", "gauge", "For how many of 100 conversations it acts");
    for place in places {
        let labels = [("place", place.place.as_str()), ("plugin", &place.plugin)];
        for state in BREAKER {
            let now = place.breaker.state == state;
            breaker.add("", &[&labels[..], &[("state", state)]].concat(), f64::from(u8::from(now)));
        }
        strikes.add("", &labels, f64::from(place.breaker.strikes));
        parked.add("", &labels, place.parked as f64);
        let Some(trial) = &place.trial else { continue };
        let number = trial.generation.generation.to_string();
        let labels = [
            ("place", place.place.as_str()),
            ("plugin", &trial.generation.plugin),
            ("version", &trial.generation.version),
            ("generation", &number),
            ("mode", trial.mode),
        ];
        calls.add("", &labels, trial.calls as f64);
        faults.add("", &labels, trial.faults as f64);
        seen.add("", &labels, trial.conversations as f64);
        different.add("", &labels, trial.different as f64);
        enough.add("", &labels, trial.enough as f64);
        share.add("", &labels, f64::from(trial.share));
    }
    [breaker, strikes, parked, calls, faults, seen, different, enough, share].into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::plugins::view::unwell;
    use std::collections::HashSet;
    use tributary_fleet::{BreakerView, FaultsView, TrialView};

    fn generation(number: i64, version: &str, state: &'static str, calls: Option<u64>) -> GenerationView {
        GenerationView {
            generation: number,
            plugin: "channel-email".into(),
            version: version.into(),
            digest: "00".into(),
            contract: "0.1.0".into(),
            signer: None,
            state,
            why: None,
            since: 1,
            sight: calls.map(|calls| SightView {
                calls,
                guest_p50_us: 250.0,
                guest_p99_us: 1_500.0,
                wall_p50_us: 300.0,
                wall_p99_us: 2_000.0,
                guest_total_us: 3_000_000,
                host_total_us: 500_000,
                memory_high: 1 << 20,
                faults: FaultsView { guest: 0, trap: 2, budget: 0, host: 0 },
                last_fault: Some((5, "it trapped".into())),
            }),
        }
    }

    fn place(name: &str, breaker: &'static str) -> PlaceView {
        PlaceView {
            place: format!("channel/{name}"),
            plugin: "channel-email".into(),
            enabled: true,
            live: Some(generation(4, "0.2.0", "live", Some(12))),
            trial: None,
            standing_by: vec![generation(3, "0.1.0", "draining", Some(7)), generation(1, "0.0.9", "retired", None)],
            breaker: BreakerView {
                state: breaker,
                since: 1,
                next_probe: None,
                strikes: 3,
                last_fault: Some((5, "it trapped".into())),
            },
            parked: 41,
            refused: None,
        }
    }

    #[test]
    fn each_family_has_its_words_once_and_each_loaded_generation_its_series() {
        let mut tried = place("shop\"s", "closed");
        tried.trial = Some(TrialView {
            generation: generation(4, "0.2.0", "live", Some(12)),
            mode: "guard",
            share: 100,
            calls: 12,
            faults: 2,
            conversations: 9,
            different: 1,
            enough: 100,
            verdict: "12 of 100 calls".into(),
        });
        let text = render(&[place("email", "open"), tried]);
        for line in [
            r#"tributary_generation_calls_total{place="channel/email",plugin="channel-email",version="0.2.0",generation="4",state="live"} 12"#,
            r#"tributary_generation_calls_total{place="channel/email",plugin="channel-email",version="0.1.0",generation="3",state="draining"} 7"#,
            r#"tributary_generation_faults_total{place="channel/email",plugin="channel-email",version="0.2.0",generation="4",state="live",blame="trap"} 2"#,
            r#"tributary_generation_guest_seconds{place="channel/email",plugin="channel-email",version="0.2.0",generation="4",state="live",quantile="0.99"} 0.0015"#,
            r#"tributary_generation_guest_seconds_sum{place="channel/email",plugin="channel-email",version="0.2.0",generation="4",state="live"} 3"#,
            r#"tributary_place_breaker{place="channel/email",plugin="channel-email",state="open"} 1"#,
            r#"tributary_place_breaker{place="channel/email",plugin="channel-email",state="closed"} 0"#,
            r#"tributary_place_parked{place="channel/shop\"s",plugin="channel-email"} 41"#,
            r#"tributary_trial_newer_different{place="channel/shop\"s",plugin="channel-email",version="0.2.0",generation="4",mode="guard"} 1"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\nis not in\n{text}");
        }
        assert!(!text.contains("0.0.9"), "one that is not loaded has no series");
        let (mut families, mut series) = (HashSet::new(), HashSet::new());
        for line in text.lines() {
            match line.strip_prefix("# TYPE ") {
                Some(family) => assert!(families.insert(family), "{family} twice"),
                None if line.starts_with("# HELP ") => {}
                None => {
                    let (name, value) = line.rsplit_once(' ').expect("a value");
                    assert!(value.parse::<f64>().is_ok() && series.insert(name), "{line}");
                }
            }
        }
        assert_eq!(families.len(), 15);
        assert_eq!(render(&[]), "");
    }

    #[test]
    fn places_that_are_not_well_are_named_with_their_cause() {
        let mut empty = place("empty", "closed");
        empty.live = None;
        let found = unwell(&[place("well", "closed"), place("ill", "open"), empty]);
        let found = serde_json::to_value(found).expect("plain data");
        assert_eq!(
            found,
            serde_json::json!([
                {"place": "channel/ill", "plugin": "channel-email", "version": "0.2.0", "state": "open", "why": "it trapped", "parked": 41},
                {"place": "channel/empty", "plugin": "channel-email", "version": null, "state": "empty", "why": "it trapped", "parked": 41}
            ])
        );
    }
}
