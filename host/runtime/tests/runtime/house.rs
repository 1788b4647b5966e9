//! A runtime with services that a test can look into.
use async_trait::async_trait;
use parking_lot::Mutex;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tributary_model::conversation::State;
use tributary_model::decision::{Contact, Happening, Snapshot};
use tributary_model::message::{Arrival, Author, Content, Outgoing};
use tributary_model::{ChannelName, ContactId, ConversationId, OutgoingId, PluginName, Timestamp};
use tributary_runtime::{
    Blobs, CallContext, CallEffects, CallError, Called, Egress, FeedSink, Generation, MailError, MailRelay, Nothing,
    Package, Policy, Recorder, Runtime, RuntimeConfig, Secret, SecretSource, Services, Settings, StateSource,
    StateUnavailable,
};

/// Return path, recipients, message.
pub type Mail = (String, Vec<String>, Vec<u8>);

/// What the services were asked, and how they answer.
#[derive(Default)]
pub struct World {
    /// Answers every key.
    pub state: Option<Vec<u8>>,
    /// How long the relay takes.
    pub relay_takes: Duration,
    /// Mails that were submitted.
    pub mails: Mutex<Vec<Mail>>,
    /// The way out over HTTP; none: nothing leaves.
    pub http: Option<Arc<dyn Egress>>,
    /// Who records calls.
    pub recorder: Option<Arc<Recorder>>,
    /// Questions to the state.
    pub questions: AtomicUsize,
    /// Secrets besides `token`.
    pub secrets: Vec<(&'static str, &'static str)>,
    /// Items that were shown to those who look.
    pub flashes: AtomicUsize,
}

#[async_trait]
impl StateSource for World {
    async fn get(
        &self,
        _: &PluginName,
        _: &ChannelName,
        _: &str,
        _: Timestamp,
    ) -> Result<Option<Vec<u8>>, StateUnavailable> {
        self.questions.fetch_add(1, Ordering::Relaxed);
        Ok(self.state.clone())
    }

    async fn keys(
        &self,
        _: &PluginName,
        _: &ChannelName,
        prefix: &str,
        most: u32,
        _: Timestamp,
    ) -> Result<Vec<String>, StateUnavailable> {
        self.questions.fetch_add(1, Ordering::Relaxed);
        Ok(["1", "2", "3"].into_iter().take(most as usize).map(|key| format!("{prefix}{key}")).collect())
    }
}

#[async_trait]
impl MailRelay for World {
    async fn submit(&self, mail_from: &str, rcpt_to: &[String], data: &[u8]) -> Result<String, MailError> {
        tokio::time::sleep(self.relay_takes).await;
        self.mails.lock().push((mail_from.to_owned(), rcpt_to.to_vec(), data.to_vec()));
        Ok("250 2.0.0 taken".into())
    }
}

impl SecretSource for World {
    fn get(&self, _: &PluginName, name: &str) -> Option<Secret> {
        let token = ("token", "key");
        let known = self.secrets.iter().chain([&token]).find(|(known, _)| *known == name);
        known.map(|(_, text)| Secret((*text).into()))
    }
}

impl FeedSink for World {
    fn flash(&self, _: &ChannelName, _: &str, _: &str, _: &str) {
        self.flashes.fetch_add(1, Ordering::Relaxed);
    }
}

/// A runtime, its folders and its world.
pub struct House {
    pub runtime: Arc<Runtime>,
    pub world: Arc<World>,
    pub folder: Arc<TempDir>,
}

impl House {
    pub fn new() -> Self {
        Self::with(World::default(), Arc::new(tempfile::tempdir().unwrap()), RuntimeConfig::default())
    }

    pub fn with(world: World, folder: Arc<TempDir>, config: RuntimeConfig) -> Self {
        let world = Arc::new(world);
        let http = world.http.clone().unwrap_or_else(|| Arc::new(Nothing));
        let services = Services {
            state: Arc::clone(&world) as _,
            knowledge: Arc::new(Nothing),
            calendars: Arc::new(Nothing),
            feed: Arc::clone(&world) as _,
            mail: Arc::clone(&world) as _,
            secrets: Arc::clone(&world) as _,
            http,
            recorder: world.recorder.clone(),
            blobs: Blobs::open(&folder.path().join("blobs")).unwrap(),
        };
        let config = RuntimeConfig { cache_dir: Some(folder.path().join("cache")), concurrent_calls: 8, ..config };
        Self { runtime: Runtime::new(config, services).unwrap(), world, folder }
    }

    /// The same folders after a restart.
    pub fn restarted(&self) -> Self {
        Self::with(World::default(), Arc::clone(&self.folder), RuntimeConfig::default())
    }

    pub fn cache(&self) -> std::path::PathBuf {
        self.folder.path().join("cache")
    }

    pub async fn load(&self, package: &Arc<Package>, settings: Settings) -> Arc<Generation> {
        self.runtime.load(Arc::clone(package), settings).await.unwrap()
    }
}

pub fn context() -> CallContext {
    CallContext { conversation: Some(ConversationId(7)), ..CallContext::at(Timestamp(1_760_000_000_000)) }
}

pub fn snapshot() -> Snapshot {
    let now = context().now;
    Snapshot {
        now,
        id: ConversationId(7),
        channel: ChannelName::from("mail"),
        subject: None,
        standing: State::Open,
        grade: None,
        category: None,
        tags: Vec::new(),
        team: None,
        assignee: None,
        opened: now,
        contact: Contact {
            id: ContactId(3),
            handles: Vec::new(),
            display_name: None,
            tags: Vec::new(),
            attributes: Vec::new(),
        },
        history: Vec::new(),
        orders: Vec::new(),
        clocks: Vec::new(),
        decided: Vec::new(),
        attributes: Vec::new(),
    }
}

/// Calls `decide`, and expects no decision.
pub async fn decide(generation: &Generation) -> Result<Called<()>, CallError> {
    let called = generation.decide(context(), &snapshot(), &Happening::AgentClosed).await?;
    assert_eq!(called.result, Ok(Vec::new()));
    Ok(called.map(drop))
}

/// The last value that a call wrote into its state.
pub fn written(effects: &CallEffects) -> Option<&[u8]> {
    effects.state.last().and_then(|(_, value, _)| value.as_deref())
}

pub fn mail() -> Arrival {
    Arrival::Mail { mail_from: String::new(), rcpt_to: vec!["a@b.example".into()], data: b"hello".as_slice().into() }
}

pub fn outgoing() -> Outgoing {
    Outgoing {
        id: OutgoingId(1),
        at: context().now,
        conversation: ConversationId(7),
        reply_token: "t".into(),
        author: Author::Agent,
        to: Vec::new(),
        subject: None,
        content: Content::default(),
        in_reply_to: None,
        references: Vec::new(),
        attributes: Vec::new(),
    }
}

/// A component that `cargo xtask plugins` built, where it was run.
pub fn built(name: &str) -> Option<Arc<Package>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/plugins").join(format!("{name}.wasm"));
    match std::fs::read(&path) {
        Ok(bytes) => Some(Arc::new(Package::read(bytes).unwrap())),
        Err(_) => {
            println!("left out: {name} is not built (`cargo xtask plugins`)");
            None
        }
    }
}
