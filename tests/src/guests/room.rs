//! A runtime with small budgets, services that never answer, and a plugin that behaves.
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tempfile::TempDir;
use tributary_model::conversation::State;
use tributary_model::decision::{Contact, Decision, Fault, Happening, Snapshot};
use tributary_model::message::{
    Arrival, Author, ChannelEvent, Content, Handle, HandleKind, Inbound, Reading, Rejection, Response, ThreadHints,
};
use tributary_model::{ChannelName, ContactId, ConversationId, Timestamp};
use tributary_runtime::{
    Adapter, Blobs, Budgets, CallContext, CallError, Egress, EgressError, Generation, GrantedRequest, Grants,
    MailError, MailRelay, Package, Policy, Runtime, RuntimeConfig, Services, Settings,
};

use crate::desk::scratch;
use crate::{Mail, program};

/// How long a call that waits may take.
pub const WALL: Duration = Duration::from_millis(300);

/// Budgets that are used up soon.
pub const BUDGETS: Budgets =
    Budgets { guest: Duration::from_millis(100), wall: WALL, memory: 16 << 20, bytes_out: 4 << 20 };

/// What an adapter or a policy said, or why it said nothing.
pub type Said<T> = Result<T, CallError>;

/// A relay and hosts that take a connection and never say a word.
#[derive(Default)]
struct Silent {
    asked: AtomicUsize,
}

#[async_trait]
impl MailRelay for Silent {
    async fn submit(&self, _: &str, _: &[String], _: &[u8]) -> Result<String, MailError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        std::future::pending().await
    }
}

#[async_trait]
impl Egress for Silent {
    async fn send(&self, _: GrantedRequest) -> Result<Response, EgressError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        std::future::pending().await
    }
}

/// A runtime, and what is needed to call plugins in it from a test.
pub struct Room {
    tokio: tokio::runtime::Runtime,
    runtime: Arc<Runtime>,
    silent: Arc<Silent>,
    honest: OnceLock<Arc<Generation>>,
    _folder: TempDir,
}

impl Default for Room {
    fn default() -> Self {
        Self::new()
    }
}

impl Room {
    /// A runtime on two workers, as on the smallest machine.
    pub fn new() -> Self {
        let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let folder = tempfile::Builder::new().prefix("room-").tempdir_in(scratch()).expect("a folder can be made");
        let silent = Arc::new(Silent::default());
        let nothing = Services::nothing(Blobs::open(&folder.path().join("blobs")).expect("a folder of files"));
        let services = Services { mail: Arc::clone(&silent) as _, http: Arc::clone(&silent) as _, ..nothing };
        let config = RuntimeConfig {
            cache_dir: Some(scratch().join("cache")),
            concurrent_calls: 16,
            ..RuntimeConfig::default()
        };
        let runtime = Runtime::new(config, services).expect("the engine can be set up");
        Self {
            tokio: tokio.expect("workers can be started"),
            runtime,
            silent,
            honest: OnceLock::new(),
            _folder: folder,
        }
    }

    /// How often a service that never answers was asked.
    pub fn asked(&self) -> usize {
        self.silent.asked.load(Ordering::Relaxed)
    }

    /// Reads and loads a guest with [`BUDGETS`]. The error is what an operator would read.
    pub fn load(&self, guest: &str) -> Result<Arc<Generation>, String> {
        self.load_with(guest, |_| {})
    }

    /// As [`Room::load`], with other settings.
    pub fn load_with(&self, guest: &str, change: impl FnOnce(&mut Settings)) -> Result<Arc<Generation>, String> {
        let bytes = std::fs::read(super::file(guest)).expect("it was there a moment ago");
        let package = Package::read(bytes).map_err(|error| tributary_model::error::chain(&error))?;
        let mut settings =
            Settings { channel: Some(ChannelName::from("bad")), budgets: BUDGETS, ..Settings::default() };
        change(&mut settings);
        let loaded = self.tokio.block_on(self.runtime.load(Arc::new(package), settings));
        loaded.map_err(|error| tributary_model::error::chain(&error))
    }

    /// Settings that allow the one host a guest asks for.
    pub fn allow_host(settings: &mut Settings) {
        settings.grants = Grants { egress: vec!["https://api.example".into()], ..Grants::default() };
    }

    /// Hands a mail to an adapter. With the answer comes how long it took, from start to end.
    pub fn receive(&self, adapter: &Generation, mail: &Mail) -> (Said<Result<Reading, Rejection>>, Duration) {
        let arrival = Arrival::Mail {
            mail_from: mail.from.clone(),
            rcpt_to: vec![super::BAD.to_owned()],
            data: mail.bytes().into(),
        };
        let started = Instant::now();
        let called = self.tokio.block_on(adapter.receive(CallContext::at(NOW), &arrival));
        (called.map(|called| called.result), started.elapsed())
    }

    /// Asks a policy about a mail of a sender it looks for.
    pub fn decide(&self, policy: &Generation) -> (Said<Result<Vec<Decision>, Fault>>, Duration) {
        let happening = Happening::Message(Box::new(message()));
        let started = Instant::now();
        let called = self.tokio.block_on(policy.decide(CallContext::at(NOW), &snapshot(), &happening));
        (called.map(|called| called.result), started.elapsed())
    }

    /// A plugin of the same runtime goes on: the email adapter reads a mail.
    pub fn goes_on(&self) {
        let honest = self.honest.get_or_init(|| {
            let path = program::root().join("target/plugins/channel-email.wasm");
            let bytes = std::fs::read(&path)
                .unwrap_or_else(|error| panic!("{}: {error}; `cargo xtask plugins` builds it", path.display()));
            let package = Package::read(bytes).expect("it is a plugin");
            let given: toml::Table = "from = 'support@shop.example'".parse().expect("TOML");
            let settings = Settings {
                config: package.effective_config(&given).expect("a configuration"),
                channel: Some(ChannelName::from("email")),
                ..Settings::default()
            };
            self.tokio.block_on(self.runtime.load(Arc::new(package), settings)).expect("it loads")
        });
        let mail = Mail::new("ann@mail.example", "A question", "Are you open on Sunday?");
        let (said, _) = self.receive(honest, &mail);
        let reading = said.expect("it is called").expect("it reads");
        let [ChannelEvent::Message(message)] = reading.events.as_slice() else { panic!("{reading:?}") };
        assert_eq!(message.content.text.trim(), "Are you open on Sunday?");
    }
}

const NOW: Timestamp = Timestamp(1_760_000_000_000);

fn message() -> Inbound {
    Inbound {
        external_id: Some("1@mail.example".into()),
        sent_at: NOW,
        author: Author::Customer,
        from: vec![Handle { kind: HandleKind::Email, value: "bad-1@mail.example".into(), verified: false }],
        display_name: None,
        subject: None,
        content: Content::default(),
        thread: ThreadHints::default(),
        automatic: false,
        attributes: Vec::new(),
    }
}

fn snapshot() -> Snapshot {
    let contact =
        Contact { id: ContactId(3), handles: Vec::new(), display_name: None, tags: Vec::new(), attributes: Vec::new() };
    Snapshot {
        now: NOW,
        id: ConversationId(7),
        channel: ChannelName::from("bad"),
        subject: None,
        standing: State::Open,
        grade: None,
        category: None,
        tags: Vec::new(),
        team: None,
        assignee: None,
        opened: NOW,
        contact,
        history: Vec::new(),
        orders: Vec::new(),
        clocks: Vec::new(),
        decided: Vec::new(),
        attributes: Vec::new(),
    }
}
