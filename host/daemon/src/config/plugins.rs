//! What `tributary.toml` says of plugins: `[plugins]` with whom to trust, how new versions are tried, when a breaker opens and
//! what is recorded; and each place with its plugin, its configuration and what it may touch.
use super::reader::Section;
use super::{FILE, Folder, HOUR};
use std::path::Path;
use std::time::Duration;
use tributary_fleet::oci::{self, OciConfig};
use tributary_fleet::{DEFAULT_SHARE, FleetConfig, PlaceEntry, Rollout, TrialLimits, TrustConfig, trust};
use tributary_model::decision::Action;
use tributary_model::identity::Verifies;
use tributary_model::message::HandleKind;
use tributary_model::{Place, PluginName};
use tributary_pipeline::{AddressPattern, BreakerLimits};
use tributary_runtime::{Budgets, Grants, Origin, RecorderConfig};

/// `[plugins]`.
pub(super) struct Plugins {
    /// How the fleet runs.
    pub(super) fleet: FleetConfig,
    /// Calls of plugins that may run at once.
    pub(super) concurrent_calls: u32,
    /// How calls are recorded; none: they are not.
    pub(super) recording: Option<RecorderConfig>,
    /// What a canary takes where its place does not say.
    share: u8,
}

/// The words of `rollout`. A canary's share stands beside it.
const ROLLOUTS: [(&str, Rollout); 3] =
    [("at-once", Rollout::AtOnce), ("shadow", Rollout::Shadow), ("canary", Rollout::Canary(0))];

fn share(section: &Section<'_, '_>) -> Option<u8> {
    section.number("canary-share", 1, 99).and_then(|n| u8::try_from(n).ok())
}

fn small(section: &Section<'_, '_>, key: &'static str, least: u64, most: u64) -> Option<u32> {
    section.number(key, least, most).and_then(|n| u32::try_from(n).ok())
}

/// Reads `[plugins]`.
pub(super) fn plugins(folder: &Folder, section: Section<'_, '_>) -> Plugins {
    let share = share(&section).unwrap_or(DEFAULT_SHARE);
    let rollout = match section.word("rollout", &ROLLOUTS) {
        Some(Rollout::Canary(_)) => Rollout::Canary(share),
        other => other.unwrap_or(Rollout::AtOnce),
    };
    let fleet = FleetConfig {
        plugins: folder.plugins(),
        packages: folder.packages(),
        lock: folder.lock(),
        watch: section.flag("watch").unwrap_or(true),
        trust: TrustConfig {
            development: section.flag("development").unwrap_or(false),
            signers: signers(section.section("signers")),
        },
        rollout,
        oci: registries(&section),
        trial: trial(section.section("trial")),
        breaker: breaker(section.section("breaker")),
        budgets: budgets(&section),
        policy_reuse: small(&section, "policy-reuse", 0, 1_000_000).unwrap_or(0),
        keep: section.number("keep", 1, 16).and_then(|n| usize::try_from(n).ok()).unwrap_or(2),
    };
    let recording = recording(folder, section.section("recording"));
    let concurrent_calls = small(&section, "concurrent-calls", 1, 4_096).unwrap_or(64);
    section.finish();
    Plugins { fleet, concurrent_calls, recording, share }
}

fn budgets(section: &Section<'_, '_>) -> Budgets {
    let mut budgets = Budgets::default();
    let size = |key, least, most| section.size(key, least, most).and_then(|n| usize::try_from(n).ok());
    budgets.guest = section.duration("guest-time", Duration::from_millis(1), HOUR).unwrap_or(budgets.guest);
    budgets.wall = section.duration("wall-time", Duration::from_millis(1), HOUR).unwrap_or(budgets.wall);
    budgets.memory = size("memory", 1 << 20, 1 << 30).unwrap_or(budgets.memory);
    budgets.bytes_out = size("bytes-out", 1 << 10, 1 << 30).unwrap_or(budgets.bytes_out);
    budgets
}

fn signers(section: Section<'_, '_>) -> Vec<(String, String)> {
    let named = section.texts_by_name();
    for (name, key) in &named {
        if trust::key_id(key).is_none() {
            let what = "is no minisign public key: the second line of a .pub file, 56 characters, was expected";
            section.fault(name, what);
        }
    }
    named
}

/// Registries that are asked without TLS.
fn registries(section: &Section<'_, '_>) -> OciConfig {
    let plain_http = section.texts("plain-http-registries").unwrap_or_default();
    for host in &plain_http {
        // HOST or HOST:PORT: what an address has between `oci://` and its first `/`.
        if !oci::is_address(&format!("oci://{host}/name:tag")) || host.contains(['/', '@']) {
            section.fault("plain-http-registries", format!("{host:?} is not HOST or HOST:PORT"));
        }
    }
    OciConfig { plain_http, ..OciConfig::default() }
}

fn trial(section: Section<'_, '_>) -> TrialLimits {
    let mut limits = TrialLimits::default();
    limits.enough = small(&section, "enough", 1, 1_000_000).unwrap_or(limits.enough);
    limits.guard = small(&section, "guard", 0, 1_000_000).unwrap_or(limits.guard);
    let percent = |key| section.fraction(key, 0.0, 100.0);
    limits.errors = percent("errors").unwrap_or(limits.errors);
    limits.breaches = percent("breaches").unwrap_or(limits.breaches);
    limits.differences = percent("differences").unwrap_or(limits.differences);
    limits.slower = section.fraction("slower", 1.0, 1_000.0).unwrap_or(limits.slower);
    limits.promote = section.flag("promote").unwrap_or(limits.promote);
    section.finish();
    limits
}

fn breaker(section: Section<'_, '_>) -> BreakerLimits {
    let mut limits = BreakerLimits::default();
    limits.window = small(&section, "window", 1, 10_000).unwrap_or(limits.window);
    limits.failures = small(&section, "failures", 1, 10_000).unwrap_or(limits.failures);
    let rest = |key| section.duration(key, Duration::from_millis(10), 24 * HOUR);
    limits.first_rest = rest("first-rest").unwrap_or(limits.first_rest);
    limits.most_rest = rest("most-rest").unwrap_or(limits.most_rest);
    limits.strikes = small(&section, "strikes", 1, 1_000).unwrap_or(limits.strikes);
    if limits.failures > limits.window {
        let what = format!("is more than the {} calls of the window: it would never open", limits.window);
        section.fault("failures", what);
    }
    if limits.first_rest > limits.most_rest {
        section.fault("first-rest", format!("is more than most-rest, which is {} s", limits.most_rest.as_secs_f64()));
    }
    section.finish();
    limits
}

fn recording(folder: &Folder, section: Section<'_, '_>) -> Option<RecorderConfig> {
    /// Less than this holds hardly a call.
    const LEAST: u64 = 1 << 20;
    let mut config = RecorderConfig::new(folder.recordings());
    let budget = section.size("budget", 0, 1 << 40).unwrap_or(config.budget);
    if budget > 0 && budget < LEAST {
        section.fault("budget", "is less than 1 MiB; 0 records nothing");
    }
    config.budget = budget;
    config.segment = config.segment.min(budget / 2);
    config.per_second = small(&section, "rate", 1, 1_000_000).unwrap_or(config.per_second);
    let largest = section.size("max-call", 1 << 10, 64 << 20).and_then(|n| usize::try_from(n).ok());
    config.largest = largest.unwrap_or(config.largest);
    section.finish();
    (budget > 0).then_some(config)
}

/// How new versions are put in use in one place; none: as everywhere.
fn rollout(section: &Section<'_, '_>, plugins: &Plugins) -> Option<Rollout> {
    let own = share(section);
    match section.word("rollout", &ROLLOUTS) {
        Some(Rollout::Canary(_)) => Some(Rollout::Canary(own.unwrap_or(plugins.share))),
        None if own.is_some() && matches!(plugins.fleet.rollout, Rollout::Canary(_)) => own.map(Rollout::Canary),
        other => {
            if own.is_some() {
                section.fault("canary-share", "is of use only with rollout = \"canary\"");
            }
            other
        }
    }
}

/// Reads one `[[channel]]`.
pub(super) fn channel(dir: &Path, plugins: &Plugins, section: Section<'_, '_>) -> Option<PlaceEntry> {
    let name = section.needed_text("name");
    let entry = plugin(dir, plugins, &section);
    let mut addresses = Vec::new();
    for text in section.texts("addresses").unwrap_or_default() {
        match AddressPattern::parse(&text) {
            Some(pattern) => addresses.push(pattern),
            None => {
                section.fault("addresses", format!("{text:?} is neither an address nor \"*@domain\" nor \"*\""));
            }
        }
    }
    let verifies = verifies(&section);
    section.finish();
    Some(PlaceEntry { place: Place::Channel(name?.into()), addresses, verifies, ..entry? })
}

/// Which kinds of handle a channel may prove.
fn verifies(section: &Section<'_, '_>) -> Verifies {
    let Some(words) = section.texts("verifies") else { return Verifies::default() };
    let kind = |word: String| {
        let kind = HandleKind::parse(&word);
        if kind.is_none() {
            let kinds = HandleKind::ALL.map(HandleKind::as_str).join(", ");
            section.fault("verifies", format!("{word:?} is no kind of handle; one of {kinds} was expected"));
        }
        kind
    };
    Verifies::Only(words.into_iter().filter_map(kind).collect())
}

/// Reads one `[[policy]]`.
pub(super) fn policy(dir: &Path, plugins: &Plugins, section: Section<'_, '_>) -> Option<PlaceEntry> {
    let entry = plugin(dir, plugins, &section);
    section.finish();
    entry
}

/// What both have. The place is that of a policy.
fn plugin(dir: &Path, plugins: &Plugins, section: &Section<'_, '_>) -> Option<PlaceEntry> {
    let name = section.needed_text("plugin");
    let name = name.filter(|name| {
        let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b)) && !name.starts_with('.');
        if !plain {
            section.fault("plugin", format!("{name:?} is not the name of a file in plugins/ without .wasm"));
        }
        plain
    });
    let (config, origin) = configuration(dir, section);
    let grants = grants(section.section("grants"));
    let rollout = rollout(section, plugins);
    let plugin = PluginName::from(name?);
    Some(PlaceEntry {
        place: Place::Policy(plugin.clone()),
        plugin,
        config,
        origin,
        grants,
        addresses: Vec::new(),
        verifies: Verifies::default(),
        rollout,
    })
}

fn configuration(dir: &Path, section: &Section<'_, '_>) -> (toml::Table, String) {
    let here = format!("{FILE}: {}", section.path());
    match (section.table("config"), section.text("config-file")) {
        (Some(_), Some(_)) => {
            section.fault("config-file", "and [config] are both there; one of them was expected");
            (toml::Table::new(), here)
        }
        (Some(table), None) => (table, format!("{FILE}: {}", section.key("config"))),
        (None, Some(file)) => {
            let read = std::fs::read_to_string(dir.join(&file)).map_err(|error| error.to_string());
            match read.and_then(|text| text.parse::<toml::Table>().map_err(|error| error.to_string())) {
                Ok(table) => (table, file),
                Err(error) => {
                    section.fault("config-file", format!("{file} cannot be read: {}", error.trim_end()));
                    (toml::Table::new(), file)
                }
            }
        }
        (None, None) => (toml::Table::new(), here),
    }
}

fn grants(section: Section<'_, '_>) -> Grants {
    let granted = Grants {
        services: section.texts("services"),
        secrets: section.texts("secrets").unwrap_or_default(),
        egress: section.texts("egress").unwrap_or_default(),
        actions: section.texts("actions"),
    };
    for word in granted.actions.iter().flatten() {
        if !Action::WORDS.contains(&word.as_str()) {
            let words = Action::WORDS.join(", ");
            section.fault("actions", format!("{word:?} is not an action; there are {words}"));
        }
    }
    for text in &granted.egress {
        if let Err(why) = text.parse::<Origin>() {
            section.fault("egress", format!("{text:?}: {why}; such as \"https://api.example\" was expected"));
        }
    }
    section.finish();
    granted
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use crate::config::reader::Fault;
    use std::time::Duration;
    use tributary_fleet::Rollout;
    use tributary_model::Place;
    use tributary_model::identity::Verifies;
    use tributary_model::message::HandleKind;

    /// 42 bytes in base64, as a `.pub` file has them.
    const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";

    fn read(text: &str) -> Result<Config, Vec<Fault>> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("tributary.toml"), text).unwrap();
        Config::read(dir.path())
    }

    #[test]
    fn without_a_word_everything_is_at_its_default() {
        let config = read("").unwrap_or_else(|faults| panic!("{faults:?}"));
        let fleet = &config.fleet;
        assert!(fleet.watch && !fleet.trust.development && fleet.trust.signers.is_empty());
        assert_eq!((fleet.rollout, fleet.keep, fleet.trial), (Rollout::AtOnce, 2, Default::default()));
        assert_eq!(fleet.breaker, Default::default());
        let recording = config.recording.expect("recording is on");
        assert_eq!((recording.budget, recording.per_second), (256 << 20, 100));
        assert!(recording.dir.ends_with("data/recordings") && fleet.lock.ends_with("tributary.lock"));
    }

    #[test]
    fn every_key_is_read() {
        let text = format!(
            r#"
            [plugins]
            development = true
            watch = false
            rollout = "canary"
            canary-share = 25
            keep = 5
            plain-http-registries = ["registry.example:5000"]
            signers = {{ shop = "{KEY}" }}
            [plugins.trial]
            enough = 50
            guard = 7
            errors = 2
            breaches = 0.5
            differences = 10.25
            slower = 1.5
            promote = false
            [plugins.breaker]
            window = 10
            failures = 3
            first-rest = "250 ms"
            most-rest = "1 min"
            strikes = 4
            [plugins.recording]
            budget = "10 MiB"
            rate = 5
            max-call = "1 MiB"
            [[channel]]
            name = "email"
            plugin = "channel-email"
            rollout = "at-once"
            [[channel]]
            name = "shop"
            plugin = "channel-email"
            canary-share = 3
            verifies = ["marketplace-buyer", "email"]
            [[policy]]
            plugin = "policy-triage"
            rollout = "shadow"
            grants.egress = ["https://api.example", "http://10.0.0.5:8080"]
            [[policy]]
            plugin = "policy-receipt"
            "#
        );
        let config = read(&text).unwrap_or_else(|faults| panic!("{faults:?}"));
        let fleet = &config.fleet;
        assert!(fleet.trust.development && !fleet.watch);
        assert_eq!(fleet.trust.signers, [("shop".to_owned(), KEY.to_owned())]);
        assert_eq!((fleet.rollout, fleet.keep), (Rollout::Canary(25), 5));
        assert_eq!(fleet.oci.plain_http, ["registry.example:5000"]);
        let trial = fleet.trial;
        assert_eq!((trial.enough, trial.guard, trial.promote), (50, 7, false));
        assert_eq!((trial.errors, trial.breaches, trial.differences, trial.slower), (2.0, 0.5, 10.25, 1.5));
        let breaker = fleet.breaker;
        assert_eq!((breaker.window, breaker.failures, breaker.strikes), (10, 3, 4));
        assert_eq!((breaker.first_rest, breaker.most_rest), (Duration::from_millis(250), Duration::from_secs(60)));
        let recording = config.recording.expect("recording is on");
        assert_eq!((recording.budget, recording.segment), (10 << 20, 5 << 20));
        assert_eq!((recording.per_second, recording.largest), (5, 1 << 20));
        let places: Vec<_> = config.places.iter().map(|entry| (entry.place.clone(), entry.rollout)).collect();
        assert_eq!(
            places,
            [
                (Place::Channel("email".into()), Some(Rollout::AtOnce)),
                (Place::Channel("shop".into()), Some(Rollout::Canary(3))),
                (Place::Policy("policy-triage".into()), Some(Rollout::Shadow)),
                (Place::Policy("policy-receipt".into()), None),
            ]
        );
        let verifies: Vec<_> = config.places.iter().take(2).map(|entry| entry.verifies.clone()).collect();
        let named = Verifies::Only(vec![HandleKind::MarketplaceBuyer, HandleKind::Email]);
        assert_eq!(verifies, [Verifies::Own, named]);
        assert!(read("[plugins.recording]\nbudget = 0\n").is_ok_and(|config| config.recording.is_none()));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_key() {
        let channel = |more: &str| format!("[[channel]]\nname = \"a\"\nplugin = \"p\"\n{more}");
        for (text, key, what) in [
            ("[plugins]\nrollout = \"slowly\"", "plugins.rollout", "\"at-once\", \"shadow\", \"canary\""),
            ("[plugins]\ncanary-share = 100", "plugins.canary-share", "from 1 to 99"),
            ("[plugins]\nsigner = 1", "plugins.signer", "did you mean `signers`?"),
            ("[plugins.signers]\nshop = \"RWQ\"", "plugins.signers.shop", "no minisign public key"),
            ("[plugins.signers]\nshop = 1", "plugins.signers.shop", "a text was expected"),
            ("[plugins.trial]\nerrors = 101", "plugins.trial.errors", "from 0 to 100"),
            ("[plugins.trial]\nerrors = \"1 %\"", "plugins.trial.errors", "is \"1 %\", a number"),
            ("[plugins.trial]\nslower = 0.5", "plugins.trial.slower", "is 0.5, a number from 1 to 1000"),
            ("[plugins.trial]\nenought = 3", "plugins.trial.enought", "did you mean `enough`?"),
            ("[plugins.breaker]\nwindow = 5\nfailures = 6", "plugins.breaker.failures", "never open"),
            ("[plugins.breaker]\nfirst-rest = \"10 min\"", "plugins.breaker.first-rest", "more than most-rest"),
            ("[plugins.recording]\nbudget = \"1 KiB\"", "plugins.recording.budget", "0 records nothing"),
            ("[plugins]\nplain-http-registries = [\"a/b\"]", "plugins.plain-http-registries", "HOST or HOST:PORT"),
            (
                &channel("verifies = [\"mail\"]"),
                "channel[0].verifies",
                "\"mail\" is no kind of handle; one of email, phone",
            ),
            (&channel("canary-share = 5"), "channel[0].canary-share", "rollout = \"canary\""),
            (&channel("grants.egress = [\"api.example\"]"), "channel[0].grants.egress", "https://"),
            (&channel("grants.egress = [\"https://a.example/x\"]"), "channel[0].grants.egress", "goes on after"),
            (&channel("grants.actions = [\"fly\"]"), "channel[0].grants.actions", "is not an action"),
            (&channel(&channel("")), "channel", "two channels are called"),
            ("[[policy]]\nplugin = \"p\"\n[[policy]]\nplugin = \"p\"", "policy", "in the chain twice"),
            ("[[policy]]\nplugin = \"../p\"", "policy[0].plugin", "not the name of a file"),
        ] {
            let faults = read(text).err().unwrap_or_default();
            let told = faults.iter().any(|fault| fault.key == key && fault.what.contains(what));
            assert!(told && faults.len() == 1, "{text}\n{faults:?}");
        }
    }
}
