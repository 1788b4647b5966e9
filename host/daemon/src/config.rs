//! `tributary.toml`: every key, its default and its limits. Nothing is opened before the whole file has been read.
mod approval;
mod calendars;
mod imap;
mod plugins;
pub mod reader;

use reader::{Fault, Faults, Section};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use toml::de::DeTable;
use tributary_fleet::{FleetConfig, PlaceEntry};
use tributary_gateway::{imap as mailbox, smtp};
use tributary_model::ChannelName;
use tributary_model::Place;
use tributary_model::calendar::Calendar;
use tributary_model::continuity::Continuity;
use tributary_model::error::chain;
use tributary_model::queue::Rules;
use tributary_runtime::{Budgets, EgressConfig, RecorderConfig, RelayConfig, RelayTls, Secret};
use tributary_store::DeskRules;

/// The name of the configuration file in a daemon's folder.
pub const FILE: &str = "tributary.toml";

/// A daemon's folder and everything that its configuration says.
pub struct Config {
    /// The folder. Every other path is below it.
    pub dir: PathBuf,
    /// The SMTP door.
    pub smtp: Option<MailDoor>,
    /// The LMTP door.
    pub lmtp: Option<MailDoor>,
    /// The HTTP door.
    pub http: HttpDoor,
    /// Where finished mails go; none: they wait.
    pub relay: Option<RelayConfig>,
    /// The limits of what plugins ask other hosts.
    pub egress: EgressConfig,
    /// How the stages run.
    pub pipeline: tributary_pipeline::Config,
    /// What a call of a plugin may use up.
    pub budgets: Budgets,
    /// Calls of plugins that may run at once.
    pub concurrent_calls: u32,
    /// Log lines.
    pub log: Log,
    /// Whom to trust, how new versions are tried, when breakers open.
    pub fleet: FleetConfig,
    /// Every place: channels in the order of the file, then policies in the order of the chain.
    pub places: Vec<PlaceEntry>,
    /// Mailboxes to read, each for a channel.
    pub mailboxes: Vec<(ChannelName, mailbox::Config)>,
    /// How calls are recorded; none: they are not.
    pub recording: Option<RecorderConfig>,
    /// What the desk goes by. Read at the start only.
    pub rules: DeskRules,
    /// The calendars of clocks, by name.
    pub calendars: Vec<(String, Calendar)>,
}

/// A mail door.
pub struct MailDoor {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Limits, name, certificate.
    pub config: smtp::Config,
}

/// The HTTP door.
pub struct HttpDoor {
    /// Where it listens.
    pub listen: SocketAddr,
    /// `/metrics` needs a token as well.
    pub metrics_need_token: bool,
    /// The most bytes of a hook's body.
    pub hook_size: usize,
    /// Connections at the same time.
    pub connections: usize,
}

/// Log lines.
#[derive(Clone, Debug)]
pub struct Log {
    /// The least level, as `tracing` filters write it.
    pub filter: String,
    /// One JSON object a line, for collectors.
    pub json: bool,
}

impl Config {
    /// Reads `tributary.toml` of a folder.
    ///
    /// # Errors
    /// Every fault of the file at once.
    pub fn read(dir: &Path) -> Result<Self, Vec<Fault>> {
        let path = dir.join(FILE);
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(&path).map_err(|error| {
            let what = format!("cannot be read: {error}; `tributary init DIR` writes one");
            vec![Fault { file: shown.clone(), line: None, key: String::new(), what }]
        })?;
        let faults = Faults::new(shown, &text);
        let (table, errors) = DeTable::parse_recoverable(&text);
        for error in &errors {
            faults.note(error.span().map(|span| span.start), "", error.message());
        }
        if !errors.is_empty() {
            return Err(faults.into_list());
        }
        let top = Section::top(&faults, table.get_ref());
        let config = Self::from_top(dir, &top);
        top.finish();
        let list = faults.into_list();
        match config {
            Some(config) if list.is_empty() => Ok(config),
            _ => Err(list),
        }
    }

    fn from_top(dir: &Path, top: &Section<'_, '_>) -> Option<Self> {
        let pipeline = pipeline(top.section("pipeline"));
        let smtp = mail_door(dir, top.section("smtp"), smtp::Protocol::Smtp, pipeline.grace);
        let lmtp = mail_door(dir, top.section("lmtp"), smtp::Protocol::Lmtp, pipeline.grace);
        let http = top.section("http");
        let listen = http.address("listen");
        let metrics_need_token = http.flag("metrics-need-token").unwrap_or(false);
        let hook_size = http.size("hook-size", 64 << 10, 256 << 20).and_then(|n| usize::try_from(n).ok());
        let connections = http.number("connections", 16, 100_000).and_then(|n| usize::try_from(n).ok());
        let address = public_url(&http);
        http.finish();
        let relay = relay(dir, top.section("relay"));
        let egress = egress(dir, top.section("egress"));
        let plugins = plugins::plugins(&Folder(dir.into()), top.section("plugins"));
        let log = log(top.section("log"));
        let (continuity, queue) = (continuity(top.section("continuity")), queue(top.section("queue")));
        let approval = approval::approval(&top.section("approval"));
        let calendars = calendars::calendars(&top.section("calendar"));
        let (mut places, mut mailboxes) = (Vec::new(), Vec::new());
        for section in top.sections("channel") {
            let mailbox = imap::mailbox(dir, section.section("imap"));
            let Some(entry) = plugins::channel(dir, &plugins, section) else { continue };
            mailboxes.extend(mailbox.map(|mailbox| imap::of_channel(&entry, mailbox)));
            places.push(entry);
        }
        let policies = top.sections("policy");
        places.extend(policies.into_iter().filter_map(|section| plugins::policy(dir, &plugins, section)));
        collisions(top, &places);
        Some(Self {
            dir: dir.to_owned(),
            smtp,
            lmtp,
            http: HttpDoor {
                listen: listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080))),
                metrics_need_token,
                hook_size: hook_size.unwrap_or(16 << 20),
                connections: connections.unwrap_or(4_096),
            },
            relay,
            egress,
            pipeline,
            budgets: plugins.fleet.budgets,
            concurrent_calls: plugins.concurrent_calls,
            log,
            fleet: plugins.fleet,
            places,
            mailboxes,
            recording: plugins.recording,
            rules: DeskRules { continuity, queue, approval, address },
            calendars,
        })
    }
}

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);

fn mail_door(dir: &Path, section: Section<'_, '_>, protocol: smtp::Protocol, grace: Duration) -> Option<MailDoor> {
    if !section.present() {
        return None;
    }
    let listen = section.address("listen");
    if listen.is_none() && section.text("listen").is_none() {
        section.fault("listen", "is missing: an address such as \"127.0.0.1:2525\" was expected");
    }
    let hostname = section.text("hostname").unwrap_or_else(|| "localhost".into());
    let mut settings = smtp::Settings::new(protocol, hostname);
    let small = |key, least, most| section.number(key, least, most).and_then(|n| usize::try_from(n).ok());
    if let Some(size) = section.size("max-message-size", 64 << 10, 1 << 30) {
        settings.max_message_bytes = usize::try_from(size).unwrap_or(usize::MAX);
    }
    // Four of the largest mails fit into memory at once, whatever the largest is.
    settings.max_buffered_bytes = settings.max_buffered_bytes.max(settings.max_message_bytes.saturating_mul(4));
    settings.max_recipients = small("max-recipients", 1, 10_000).unwrap_or(settings.max_recipients);
    settings.max_connections = small("max-connections", 1, 100_000).unwrap_or(settings.max_connections);
    settings.max_connections_per_ip =
        small("max-connections-per-address", 1, 100_000).unwrap_or(settings.max_connections_per_ip);
    let rate = |key| {
        let number = section.number(key, 1, 10_000_000)?;
        u32::try_from(number).ok().and_then(std::num::NonZeroU32::new)
    };
    settings.connections_per_minute_per_ip = rate("connections-per-minute-per-address");
    settings.mails_per_minute_per_ip = rate("mails-per-minute-per-address");
    let waits = &mut settings.timeouts;
    for (key, wait) in [("command-timeout", &mut waits.command), ("data-timeout", &mut waits.data)] {
        if let Some(time) = section.duration(key, SECOND, HOUR) {
            *wait = time;
        }
    }
    settings.timeouts.grace = grace;
    settings.require_tls = section.flag("require-tls").unwrap_or(false);
    let certificate = section.text("tls-certificate").map(|path| dir.join(path));
    let key = section.text("tls-key").map(|path| dir.join(path));
    settings.tls = match (certificate, key) {
        (Some(certificate), Some(key)) => match smtp::Tls::from_files(&certificate, &key) {
            Ok(tls) => Some(tls),
            Err(error) => {
                section.fault("tls-certificate", chain(&error));
                None
            }
        },
        (None, None) => None,
        (Some(_), None) => {
            section.fault("tls-key", "is missing beside tls-certificate");
            None
        }
        (None, Some(_)) => {
            section.fault("tls-certificate", "is missing beside tls-key");
            None
        }
    };
    let config = match smtp::Config::new(settings) {
        Ok(config) => Some(config),
        Err(invalid) => {
            for fault in invalid.faults {
                section.fault(mail_key(fault.key), fault.expected);
            }
            None
        }
    };
    section.finish();
    Some(MailDoor { listen: listen?, config: config? })
}

/// The file's key for a setting of the listener.
fn mail_key(setting: &str) -> &str {
    match setting {
        "max_message_bytes" | "max_buffered_bytes" => "max-message-size",
        "max_recipients" => "max-recipients",
        "max_connections" => "max-connections",
        "max_connections_per_ip" => "max-connections-per-address",
        "timeouts.command" => "command-timeout",
        "timeouts.data" => "data-timeout",
        other => other,
    }
}

fn relay(dir: &Path, section: Section<'_, '_>) -> Option<RelayConfig> {
    if !section.present() {
        return None;
    }
    let address = section.needed_text("address");
    let address = address.and_then(|text| match text.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() => {
            port.parse().ok().map(|port: u16| (host.trim_matches(['[', ']']).to_owned(), port))
        }
        _ => None,
    });
    if address.is_none() && section.text("address").is_some_and(|text| !text.trim().is_empty()) {
        section.fault("address", "is not HOST:PORT, such as \"mail.shop.example:587\"");
    }
    let tls = section.word(
        "tls",
        &[
            ("none", RelayTls::None),
            ("opportunistic", RelayTls::Opportunistic),
            ("required", RelayTls::Required),
            ("wrapper", RelayTls::Wrapper),
        ],
    );
    let user = section.text("user");
    let password = section.text("password-file").and_then(|file| match std::fs::read_to_string(dir.join(&file)) {
        Ok(text) => Some(text.trim_end_matches(['\r', '\n']).to_owned()),
        Err(error) => {
            section.fault("password-file", format!("{file} cannot be read: {error}"));
            None
        }
    });
    let login = match (user, password) {
        (Some(user), Some(password)) => Some((user, Secret(password.into()))),
        (None, Some(_)) => {
            section.fault("user", "is missing beside password-file");
            None
        }
        (Some(_), None) => {
            if section.text("password-file").is_none() {
                section.fault("password-file", "is missing beside user");
            }
            None
        }
        (None, None) => None,
    };
    let helo = section.text("helo");
    let timeout = section.duration("timeout", SECOND, HOUR);
    let connections = section.number("connections", 1, 1_000);
    section.finish();
    let (host, port) = address?;
    let defaults = RelayConfig::default();
    Some(RelayConfig {
        host,
        port,
        tls: tls.unwrap_or(defaults.tls),
        login,
        helo: helo.or(defaults.helo),
        timeout: timeout.unwrap_or(defaults.timeout),
        connections: connections.and_then(|n| u32::try_from(n).ok()).unwrap_or(defaults.connections),
    })
}

fn egress(dir: &Path, section: Section<'_, '_>) -> EgressConfig {
    let mut config = EgressConfig::default();
    config.timeout = section.duration("timeout", SECOND, HOUR).unwrap_or(config.timeout);
    config.connect_timeout = config.connect_timeout.min(config.timeout);
    let connections = section.number("connections", 1, 1_000).and_then(|n| usize::try_from(n).ok());
    config.connections = connections.unwrap_or(config.connections);
    config.response_bytes = section.size("response-size", 1 << 10, 1 << 30).unwrap_or(config.response_bytes);
    for file in section.texts("authorities").unwrap_or_default() {
        let path = dir.join(&file);
        match std::fs::metadata(&path) {
            Ok(_) => config.authorities.push(path),
            Err(error) => section.fault("authorities", format!("{file} cannot be read: {error}")),
        }
    }
    section.finish();
    config
}

fn pipeline(section: Section<'_, '_>) -> tributary_pipeline::Config {
    let mut config = tributary_pipeline::Config::default();
    let number = |key, most| section.number(key, 1, most).and_then(|n| usize::try_from(n).ok());
    config.receiving = number("receiving", 100_000).unwrap_or(config.receiving);
    config.deciding = number("deciding", 1_024).unwrap_or(config.deciding);
    let delivering = section.number("delivering", 0, 1_024).and_then(|n| usize::try_from(n).ok());
    config.delivering = delivering.unwrap_or(config.delivering);
    config.lease = section.duration("lease", 5 * SECOND, HOUR).unwrap_or(config.lease);
    config.grace = section.duration("grace", Duration::ZERO, HOUR).unwrap_or(config.grace);
    let backoff = &mut config.backoff;
    backoff.first = section.duration("retry-first", Duration::from_millis(10), 24 * HOUR).unwrap_or(backoff.first);
    backoff.most = section.duration("retry-most", Duration::from_millis(10), 240 * HOUR).unwrap_or(backoff.most);
    backoff.tries =
        section.number("retry-tries", 1, 1_000).and_then(|n| u32::try_from(n).ok()).unwrap_or(backoff.tries);
    section.finish();
    config
}

fn continuity(section: Section<'_, '_>) -> Continuity {
    let mut config = Continuity::default();
    let year = 366 * 24 * HOUR;
    config.window = section.duration("window", Duration::ZERO, year).unwrap_or(config.window);
    config.fallback = section.flag("fallback").unwrap_or(config.fallback);
    config.reach = section.duration("reach", Duration::ZERO, year).unwrap_or(config.reach);
    section.finish();
    config
}

/// The address that the world reaches the HTTP door by, without a slash at its end.
fn public_url(section: &Section<'_, '_>) -> Option<Arc<str>> {
    let url = section.text("public-url")?;
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or_default();
    if host.is_empty() || host.contains(['?', '#', ' ']) || url.ends_with('/') {
        section
            .fault("public-url", "https:// or http://, a host, perhaps a path, and no slash at the end was expected");
        return None;
    }
    Some(url.into())
}

fn queue(section: Section<'_, '_>) -> Rules {
    let mut rules = Rules::default();
    rules.keep = section.duration("keep-for-agent", Duration::ZERO, 24 * HOUR).unwrap_or(rules.keep);
    rules.relax = section.duration("relax-skills-after", Duration::ZERO, 366 * 24 * HOUR).unwrap_or(rules.relax);
    let weight = |(channel, weight)| Some((ChannelName::from(channel), u32::try_from(weight).ok()?));
    rules.weights = section.section("weight").numbers_by_name(1, 10_000).into_iter().filter_map(weight).collect();
    section.finish();
    rules
}

fn log(section: Section<'_, '_>) -> Log {
    let filter = section.text("filter").unwrap_or_else(|| "info".into());
    let json = section.word("format", &[("text", false), ("json", true)]).unwrap_or(false);
    section.finish();
    Log { filter, json }
}

/// What two places may not share: a name, an address, a plugin in the chain.
fn collisions(top: &Section<'_, '_>, places: &[PlaceEntry]) {
    for (number, entry) in places.iter().enumerate() {
        let (name, earlier) = (entry.place.name(), &places[..number]);
        if earlier.iter().any(|earlier| earlier.place == entry.place) {
            match entry.place {
                Place::Channel(_) => {
                    top.fault("channel", format!("two channels are called {name:?}; a name is unique"));
                }
                Place::Policy(_) => {
                    top.fault("policy", format!("{name:?} stands in the chain twice; once was expected"));
                }
            }
        }
        for address in &entry.addresses {
            if let Some(earlier) = earlier.iter().find(|earlier| earlier.addresses.contains(address)) {
                let (address, a) = (address.as_str(), earlier.place.name());
                top.fault("channel", format!("{a} and {name} both take mail for {address}; one has to let go"));
            }
        }
    }
}

/// What a daemon's folder holds.
pub struct Folder(pub Arc<Path>);

impl Folder {
    /// Compiled plugins' sources: `*.wasm`.
    pub fn plugins(&self) -> PathBuf {
        self.0.join("plugins")
    }

    /// The store's file and lock.
    pub fn data(&self) -> PathBuf {
        self.0.join("data")
    }

    /// Files of messages.
    pub fn blobs(&self) -> PathBuf {
        self.data().join("blobs")
    }

    /// Packages that were taken, by digest.
    pub fn packages(&self) -> PathBuf {
        self.data().join("packages")
    }

    /// Calls at the contract's boundary, for `tributary replay`.
    pub fn recordings(&self) -> PathBuf {
        self.data().join("recordings")
    }

    /// Digest, signer, contract version and grants of each plugin.
    pub fn lock(&self) -> PathBuf {
        self.0.join("tributary.lock")
    }

    /// Compiled code; may be deleted at any time.
    pub fn cache(&self) -> PathBuf {
        self.0.join("cache")
    }

    /// One file a secret.
    pub fn secrets(&self) -> PathBuf {
        self.0.join("secrets")
    }

    /// The token of the command line.
    pub fn token(&self) -> PathBuf {
        self.0.join("token")
    }
}
