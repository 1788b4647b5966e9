//! The only place that names two subsystems: what one needs of another is handed over here.
use crate::config::{Config, Folder};
use crate::upkeep::Upkeep;
use anyhow::Context;
use arc_swap::ArcSwap;
use async_trait::async_trait;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tributary_fleet::Fleet;
use tributary_gateway::desk::{
    ChannelView, Desk, RefreshError, ReplayError, Replayed, Replied, ReplyError, Sampled, ShowError,
};
use tributary_gateway::imap::{self, Board, MailboxStatus};
use tributary_gateway::smtp::{Mail, MailIntake, Refused, Route, Taken};
use tributary_model::calendar::Calendar;
use tributary_model::error::chain;
use tributary_model::message::{Arrival, Response};
use tributary_model::order::Order;
use tributary_model::{ChannelName, ConversationId, ParkedId, PluginName, Timestamp};
use tributary_pipeline::{Feeds, Pipeline, ReceiveError, Received};
use tributary_runtime::{
    Blobs, CalendarSource, Calendars, HttpEgress, KnowledgeSource, KnownArticle, MailRelay, Nothing, Recorder,
    RuntimeConfig, Secret, SecretSource, Services, SmtpRelay, StateSource, StateUnavailable,
};
use tributary_store::sqlite::{SqliteConfig, SqliteStore};
use tributary_store::{
    ArticleVersion, AskedOperation, DeskRules, FoundArticle, NewOperation, NewReply, NotDecided, NotTaken,
    OperationVerdict, StateScope, Store, StoreError,
};

/// The store of a folder.
pub fn open_store(folder: &Folder, rules: DeskRules) -> Result<Arc<dyn Store>, StoreError> {
    let config = SqliteConfig { rules, ..SqliteConfig::new(folder.data()) };
    Ok(Arc::new(SqliteStore::open(&config)?))
}

/// Whether the store of a folder could be opened. A daemon that runs has it locked, which is no fault.
pub fn probe_store(config: &Config, folder: &Folder) -> Result<(), StoreError> {
    match open_store(folder, config.rules.clone()) {
        Ok(_) | Err(StoreError::Locked(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// How the runtime is built for a configuration.
pub fn runtime_config(config: &Config, cache: Option<PathBuf>) -> RuntimeConfig {
    RuntimeConfig {
        cache_dir: cache,
        concurrent_calls: config.concurrent_calls,
        max_memory: config.budgets.memory,
        ..RuntimeConfig::default()
    }
}

/// Services for looking at plugins without a house around them. A daemon may be running in the folder.
pub fn no_services(folder: &Folder) -> anyhow::Result<Services> {
    let blobs = Blobs::beside(&folder.blobs()).context("the folder of files cannot be used")?;
    Ok(Services::nothing(blobs))
}

/// Services for calls that are made again: what the host says is on their tape, but for the operator's own secrets.
pub fn services_of_a_replay(folder: &Folder) -> anyhow::Result<Services> {
    Ok(Services { secrets: Arc::new(SecretFiles::open(&folder.secrets())?), ..no_services(folder)? })
}

/// Services for a simulated day: its own store and files, the calendars of the configuration, no way out.
pub fn services_of_a_day(config: &Config, store: &Arc<dyn Store>, scratch: &Path) -> anyhow::Result<Services> {
    let calendars = Arc::<CalendarsInUse>::default();
    calendars.set(config.calendars.clone());
    let blobs = Blobs::open(&scratch.join("blobs")).context("there is no place for the day's files")?;
    Ok(Services {
        state: Arc::new(PluginState(store.clone())),
        knowledge: Arc::new(Articles(store.clone())),
        calendars,
        ..Services::nothing(blobs)
    })
}

/// The services of a daemon, and what looks after them.
pub fn services(
    config: &Config,
    folder: &Folder,
    store: &Arc<dyn Store>,
    feeds: &Arc<Feeds>,
    calendars: &Arc<CalendarsInUse>,
) -> anyhow::Result<(Services, Upkeep)> {
    let mail: Arc<dyn MailRelay> = match &config.relay {
        Some(relay) => Arc::new(SmtpRelay::new(relay.clone()).context("the relay cannot be used")?),
        None => Arc::new(Nothing),
    };
    let upkeep = Upkeep {
        egress: Arc::new(HttpEgress::new(config.egress.clone()).context("egress cannot be set up")?),
        recorder: config.recording.clone().map(Recorder::open).transpose().context("calls cannot be recorded")?,
    };
    let services = Services {
        state: Arc::new(PluginState(store.clone())),
        knowledge: Arc::new(Articles(store.clone())),
        calendars: calendars.clone(),
        feed: feeds.clone(),
        mail,
        secrets: Arc::new(SecretFiles::open(&folder.secrets())?),
        http: upkeep.egress.clone(),
        recorder: upkeep.recorder.clone(),
        blobs: Blobs::open(&folder.blobs()).context("the folder of files cannot be used")?,
    };
    Ok((services, upkeep))
}

/// The calendars that hold now, for plugins that ask.
#[derive(Default)]
pub struct CalendarsInUse(ArcSwap<Vec<(String, Calendar)>>);

impl CalendarsInUse {
    /// From now on these hold.
    pub fn set(&self, calendars: Vec<(String, Calendar)>) {
        self.0.store(Arc::new(calendars));
    }
}

impl CalendarSource for CalendarsInUse {
    fn all(&self) -> Calendars {
        self.0.load_full()
    }
}

struct PluginState(Arc<dyn Store>);

#[async_trait]
impl StateSource for PluginState {
    async fn get(
        &self,
        plugin: &PluginName,
        channel: &ChannelName,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<Vec<u8>>, StateUnavailable> {
        let scope = StateScope { plugin: plugin.clone(), channel: channel.clone() };
        self.0.state(&scope, key, now).await.map_err(|error| {
            tracing::error!(%plugin, error = %chain(&error), "a plugin's state cannot be read");
            StateUnavailable
        })
    }

    async fn keys(
        &self,
        plugin: &PluginName,
        channel: &ChannelName,
        prefix: &str,
        most: u32,
        now: Timestamp,
    ) -> Result<Vec<String>, StateUnavailable> {
        let scope = StateScope { plugin: plugin.clone(), channel: channel.clone() };
        self.0.state_keys(&scope, prefix, most as usize, now).await.map_err(|error| {
            tracing::error!(%plugin, error = %chain(&error), "a plugin's state cannot be read");
            StateUnavailable
        })
    }
}

struct Articles(Arc<dyn Store>);

#[async_trait]
impl KnowledgeSource for Articles {
    async fn search(&self, question: &str, most: u32, now: Timestamp) -> Result<Vec<KnownArticle>, StateUnavailable> {
        let found = self.0.search_articles(question, most as usize, now).await.map_err(|error| {
            tracing::error!(error = %chain(&error), "the knowledge base cannot be read");
            StateUnavailable
        })?;
        let known = |FoundArticle { version, score }| {
            let ArticleVersion { id, key, article, .. } = version;
            KnownArticle { version: id, key, title: article.title, text: article.text, score: score as f32 }
        };
        Ok(found.into_iter().map(known).collect())
    }
}

/// How long a secret is remembered. Adapters ask for theirs at each arrival.
const SECRET_KEPT: Duration = Duration::from_secs(1);

/// One file a secret, in a folder that no name leads out of.
struct SecretFiles {
    dir: cap_std::fs::Dir,
    /// What was found, and when.
    found: Mutex<HashMap<String, (Instant, Secret)>>,
}

impl SecretFiles {
    fn open(path: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(path).with_context(|| format!("cannot make {}", path.display()))?;
        let dir = cap_std::fs::Dir::open_ambient_dir(path, cap_std::ambient_authority());
        let dir = dir.with_context(|| format!("cannot open {}", path.display()))?;
        Ok(Self { dir, found: Mutex::default() })
    }

    fn read(&self, name: &str) -> Option<String> {
        let text = self.dir.read_to_string(name).ok()?;
        Some(text.trim_end_matches(['\r', '\n']).to_owned())
    }
}

impl SecretSource for SecretFiles {
    fn get(&self, _plugin: &PluginName, name: &str) -> Option<Secret> {
        if let Some((at, secret)) = self.found.lock().get(name)
            && at.elapsed() < SECRET_KEPT
        {
            return Some(secret.clone());
        }
        let secret = Secret(self.read(name)?.into());
        self.found.lock().insert(name.to_owned(), (Instant::now(), secret.clone()));
        Some(secret)
    }
}

/// The pipeline as the doors see it.
pub struct House {
    /// The stages.
    pub pipeline: Arc<Pipeline>,
    /// Which plugins act where.
    pub fleet: Arc<Fleet>,
    /// Files of messages.
    pub blobs: Arc<Blobs>,
    /// How the mailboxes stand.
    pub board: Board,
}

/// What the mailboxes of a house are read with.
pub fn mailbox_parts(house: &Arc<House>, folder: &Folder) -> anyhow::Result<imap::Parts> {
    let files = SecretFiles::open(&folder.secrets())?;
    Ok(imap::Parts {
        intake: house.clone(),
        store: house.pipeline.store().clone(),
        secrets: Arc::new(move |name| files.read(name)),
        board: house.board.clone(),
    })
}

#[async_trait]
impl MailIntake for House {
    fn route(&self, recipient: &str) -> Option<Route> {
        self.pipeline.plugins().route(recipient).map(|channel| Route(channel.0.clone()))
    }

    fn has_room(&self) -> bool {
        self.pipeline.has_room()
    }

    async fn take(&self, route: &Route, mail: Mail) -> Result<Taken, Refused> {
        let channel = ChannelName(route.0.clone());
        let data: Arc<[u8]> = Arc::from(&mail.data[..]);
        let arrival = Arrival::Mail { mail_from: mail.mail_from, rcpt_to: mail.rcpt_to, data };
        match self.pipeline.receive(&channel, arrival).await {
            Ok(Received::Accepted { conversations, .. }) => Ok(Taken {
                reference: conversations.first().map(|conversation| conversation.tag()).unwrap_or_default(),
            }),
            Ok(Received::Parked(id)) => Ok(Taken { reference: format!("parked-{id}") }),
            Ok(Received::Ignored(_)) => Ok(Taken { reference: String::new() }),
            Ok(Received::Unauthenticated(why)) => Err(Refused::Rejected(why)),
            Err(ReceiveError::Overloaded | ReceiveError::Store(StoreError::Overloaded)) => Err(Refused::Overloaded),
            Err(error) => {
                tracing::error!(%channel, error = %chain(&error), "a mail was not taken");
                Err(Refused::Storage)
            }
        }
    }
}

#[async_trait]
impl Desk for House {
    async fn reply(&self, reply: NewReply) -> Result<Replied, ReplyError> {
        self.pipeline.reply(reply).await
    }

    async fn replay(&self, id: ParkedId, by: &str) -> Result<Replayed, ReplayError> {
        self.pipeline.replay(id, by).await
    }

    async fn perform(&self, new: NewOperation) -> Result<Result<AskedOperation, NotTaken>, StoreError> {
        self.pipeline.perform(new).await
    }

    async fn decide_operation(&self, verdict: OperationVerdict) -> Result<Result<(), NotDecided>, StoreError> {
        self.pipeline.decide_operation(verdict).await
    }

    async fn refresh_order(
        &self,
        id: ConversationId,
        order: &str,
        channel: Option<ChannelName>,
    ) -> Result<(ChannelName, Order), RefreshError> {
        self.pipeline.refresh_order(id, order, channel).await
    }

    fn has_channel(&self, channel: &ChannelName) -> bool {
        self.pipeline.plugins().channel(channel).is_some()
    }

    fn channels(&self) -> Vec<ChannelView> {
        let plugins = self.pipeline.plugins();
        let view = |channel: &Arc<tributary_pipeline::Channel>| {
            let info = channel.seat.base.info();
            ChannelView {
                name: channel.name.clone(),
                plugin: (info.name.to_string(), info.version.clone()),
                roles: channel.seat.base.roles(),
                poll: self.pipeline.poll_view(&channel.name),
            }
        };
        let mut channels: Vec<ChannelView> = plugins.channels().map(view).collect();
        channels.sort_by(|one, other| one.name.as_str().cmp(other.name.as_str()));
        channels
    }

    async fn receive(&self, channel: &ChannelName, arrival: Arrival, sample: bool) -> Result<Received, ReceiveError> {
        match sample {
            true => self.pipeline.receive_sample(channel, arrival).await,
            false => self.pipeline.receive(channel, arrival).await,
        }
    }

    fn parked_answer(&self, channel: &ChannelName) -> Option<Response> {
        let plugins = self.pipeline.plugins();
        plugins.channel(channel)?.seat.base.info().parked_answer.clone()
    }

    async fn samples(&self, channel: &ChannelName, text: &str) -> Option<Sampled> {
        self.pipeline.samples(channel, text).await
    }

    async fn show(&self, id: ConversationId, typing: bool) -> Result<(), ShowError> {
        self.pipeline.show(id, typing).await
    }

    fn feeds(&self) -> &Arc<Feeds> {
        self.pipeline.feeds()
    }

    fn store(&self) -> &Arc<dyn Store> {
        self.pipeline.store()
    }

    fn fleet(&self) -> &Arc<Fleet> {
        &self.fleet
    }

    fn mailboxes(&self) -> Vec<MailboxStatus> {
        self.board.all()
    }

    async fn keep_blob(&self, bytes: Vec<u8>) -> Result<String, std::io::Error> {
        let blobs = self.blobs.clone();
        let kept = tokio::task::spawn_blocking(move || blobs.put(&bytes)).await.map_err(std::io::Error::other)?;
        kept.map_err(std::io::Error::other)
    }

    async fn blob(&self, id: &str) -> Result<Option<Vec<u8>>, std::io::Error> {
        let (blobs, id) = (self.blobs.clone(), id.to_owned());
        let read = tokio::task::spawn_blocking(move || blobs.get(&id)).await.map_err(std::io::Error::other)?;
        match read {
            Ok(bytes) => Ok(Some(bytes)),
            Err(tributary_runtime::BlobsError::Unknown(_)) => Ok(None),
            Err(error) => Err(std::io::Error::other(error)),
        }
    }
}
