//! The embedded store: SQLite in WAL mode, `synchronous=FULL`, one writing thread with group commit, readers beside it.
//!
//! [`writer`] runs transitions, [`reader`] reads; every other module is the SQL of one part of the trait. A transition
//! is a function on a [`tx::Tx`]; a read is a function on a connection. The folder is locked while it is open.
mod accept;
mod agents;
mod alarms;
mod calendars;
mod checkpoint;
mod clocks;
mod codec;
mod contacts;
mod decide;
mod deliver;
mod desk;
mod differences;
mod feed;
mod feedback;
mod happenings;
mod knowledge;
mod listing;
mod lives;
mod messages;
mod migration;
mod operations;
mod parked;
mod plugins;
mod reader;
mod row;
mod schema;
mod snapshot;
mod token;
mod tx;
mod upkeep;
mod writer;

use crate::*;
use reader::Readers;
use rusqlite::Connection;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tributary_model::calendar::Calendar;
use tributary_model::decision::Happening;
use writer::{Full, Writer};

/// How the embedded store runs.
#[derive(Clone, Debug)]
pub struct SqliteConfig {
    /// The folder that holds the database; made where it is missing.
    pub dir: PathBuf,
    /// How many connections read beside the writer. Default 4.
    pub readers: usize,
    /// Page cache of the writer in KiB. Default 16,384.
    pub cache_kib: u32,
    /// How many jobs may wait for the writer. Default 1,024; above it new arrivals are refused, see
    /// [`StoreError::Overloaded`].
    pub queue: usize,
    /// What the desk goes by.
    pub rules: DeskRules,
    /// Every commit is on disk before it is answered. Default true; false for a store that may be lost, as a simulated
    /// day's.
    pub durable: bool,
}

impl SqliteConfig {
    /// The defaults, in this folder.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            readers: 4,
            cache_kib: 16 * 1024,
            queue: 1_024,
            rules: DeskRules::default(),
            durable: true,
        }
    }
}

/// The embedded store. Dropping it finishes what was queued and closes the files; the lock goes last.
pub struct SqliteStore {
    readers: Readers,
    writer: Writer,
    rules: Arc<DeskRules>,
    read_before: knowledge::ReadBefore,
    // Behind the writer, whose end ends it.
    _checkpointer: checkpoint::Checkpointer,
    _lock: File,
}

/// How many clocks one commit takes over to a changed calendar: others write in between.
const CARRIED: usize = 256;

/// Pages the log may grow to before the writer itself copies what the [`checkpoint`] thread has left: 64 MiB.
const CHECKPOINT_PAGES: i64 = 16_384;

impl SqliteStore {
    /// Opens the store in a folder, or makes one. Fails where another process has it, where the file is damaged, another
    /// program's or a newer version's.
    pub fn open(config: &SqliteConfig) -> Result<Self, StoreError> {
        let dir = &config.dir;
        let unusable = |path: &Path| {
            let path = path.display().to_string();
            move |source| StoreError::Unusable { path, source }
        };
        std::fs::create_dir_all(dir).map_err(unusable(dir))?;
        let lock = lock(&dir.join("lock"))?;
        let path = dir.join("store.db");
        let mut conn = Connection::open(&path).map_err(|error| schema::opening(&path, error))?;
        configure(&conn, config).map_err(|error| schema::opening(&path, error))?;
        schema::migrate(&mut conn, &path)?;
        upkeep::forget_requests(&conn)?;
        let newest = listing::last_event(&conn)?;
        let readers = Readers::open(&path, config.readers)?;
        let (checkpointer, wake) = checkpoint::Checkpointer::start(&path)?;
        let rules = Arc::new(config.rules.clone());
        let writer = Writer::start(conn, config.queue, rules.clone(), newest, wake).map_err(unusable(&path))?;
        Ok(Self { readers, writer, rules, read_before: Default::default(), _checkpointer: checkpointer, _lock: lock })
    }
}

/// The lock is the operating system's, so it ends with the process, however that ends.
fn lock(path: &Path) -> Result<File, StoreError> {
    let unusable = |source| StoreError::Unusable { path: path.display().to_string(), source };
    let file = File::options().create(true).truncate(false).write(true).open(path).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked(path.parent().unwrap_or(path).display().to_string())),
        Err(TryLockError::Error(source)) => Err(unusable(source)),
    }
}

fn configure(conn: &Connection, config: &SqliteConfig) -> rusqlite::Result<()> {
    conn.busy_timeout(Duration::from_secs(5))?;
    conn.pragma_update(None, "journal_mode", "wal")?;
    conn.pragma_update(None, "synchronous", if config.durable { "full" } else { "off" })?;
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "temp_store", "memory")?;
    conn.pragma_update(None, "cache_size", -i64::from(config.cache_kib))?;
    conn.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    // After a checkpoint a log that a burst blew up is cut back.
    conn.pragma_update(None, "journal_size_limit", 96 * 1024 * 1024)?;
    conn.set_prepared_statement_cache_capacity(256);
    keep_plans(conn)
}

/// A prepared statement stays prepared. Without this SQLite prepares a statement anew each time a parameter of it changes
/// that it might compare with the condition of a partial index, which is nearly every statement here.
fn keep_plans(conn: &Connection) -> rusqlite::Result<()> {
    conn.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(())
}

#[async_trait]
impl Store for SqliteStore {
    async fn accept(&self, arrival: NewArrival, claim: Option<Lease>) -> Result<Accepted, StoreError> {
        let prepared = accept::prepare(arrival)?;
        self.writer.run(Full::Refuse, move |tx| accept::accept(tx, &prepared, claim.as_ref())).await
    }

    async fn park(&self, parked: NewParked) -> Result<ParkedId, StoreError> {
        let meta = parked::meta(&parked);
        self.writer.run(Full::Refuse, move |tx| parked::arrival(tx, &parked, &meta)).await
    }

    async fn claim_happenings(&self, lease: Lease, most: usize) -> Result<Vec<ClaimedHappening>, StoreError> {
        self.writer.run(Full::Wait, move |tx| happenings::claim(tx, &lease, most)).await
    }

    async fn snapshot(
        &self,
        happening: HappeningId,
        node: &str,
        now: Timestamp,
    ) -> Result<Option<(Snapshot, Happening)>, StoreError> {
        self.readers.read(|conn| snapshot::of_happening(conn, happening, node, now))
    }

    async fn conversation_snapshot(&self, id: ConversationId, now: Timestamp) -> Result<Option<Snapshot>, StoreError> {
        self.readers.read(|conn| snapshot::of(conn, id, None, now))
    }

    async fn apply(&self, decided: Decided) -> Result<Applied, StoreError> {
        self.writer.run(Full::Wait, move |tx| decide::apply(tx, &decided)).await
    }

    async fn set_calendars(&self, calendars: Vec<(String, Calendar)>, now: Timestamp) -> Result<u64, StoreError> {
        let forms: Vec<_> = calendars.into_iter().map(|(name, it)| (name, calendars::text(&it))).collect();
        self.writer.run(Full::Wait, move |tx| calendars::set(tx, &forms, now)).await?;
        let mut carried = 0;
        loop {
            let some = self.writer.run(Full::Wait, move |tx| clocks::carry_over(tx, now, CARRIED)).await?;
            carried += some as u64;
            if some < CARRIED {
                return Ok(carried);
            }
        }
    }

    async fn ring(&self, now: Timestamp, most: usize) -> Result<Rung, StoreError> {
        self.writer.run(Full::Wait, move |tx| alarms::ring(tx, now, most)).await
    }

    async fn reply(&self, reply: NewReply) -> Result<Result<OutgoingId, Refused>, StoreError> {
        self.writer.run(Full::Wait, move |tx| deliver::reply(tx, &reply)).await
    }

    async fn lease_outgoing(&self, lease: Lease, most: usize) -> Result<Vec<LeasedOutgoing>, StoreError> {
        self.writer.run(Full::Wait, move |tx| deliver::lease(tx, &lease, most)).await
    }

    async fn settle(&self, id: OutgoingId, settlement: Settlement, now: Timestamp) -> Result<(), StoreError> {
        self.writer.run(Full::Wait, move |tx| deliver::settle(tx, id, &settlement, now)).await
    }

    async fn ask_operation(&self, new: NewOperation) -> Result<Result<AskedOperation, NotTaken>, StoreError> {
        self.writer.run(Full::Wait, move |tx| operations::ask(tx, &new)).await
    }

    async fn decide_operation(&self, verdict: OperationVerdict) -> Result<Result<(), NotDecided>, StoreError> {
        self.writer.run(Full::Wait, move |tx| operations::decide(tx, &verdict)).await
    }

    async fn approvals(&self, page: Page) -> Result<Listing<OperationView>, StoreError> {
        self.readers.read(|conn| operations::awaiting(conn, &page))
    }

    async fn lease_operations(&self, lease: Lease, most: usize) -> Result<Vec<LeasedOperation>, StoreError> {
        self.writer.run(Full::Wait, move |tx| operations::lease(tx, &lease, most)).await
    }

    async fn settle_operation(
        &self,
        id: OperationId,
        settlement: operation::Settlement,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.writer.run(Full::Wait, move |tx| operations::settle(tx, id, &settlement, now)).await
    }

    async fn order_channel(
        &self,
        id: ConversationId,
        order: &str,
    ) -> Result<Result<ChannelName, NotTaken>, StoreError> {
        self.readers.read(|conn| operations::channel(conn, id, order))
    }

    async fn claim_next(
        &self,
        agent: &AgentName,
        team: Option<&str>,
        lease: Duration,
        now: Timestamp,
    ) -> Result<Next, StoreError> {
        let (agent, team) = (agent.clone(), team.map(str::to_owned));
        self.writer.run(Full::Wait, move |tx| desk::claim_next(tx, &agent, team.as_deref(), lease, now)).await
    }

    async fn claim(
        &self,
        id: ConversationId,
        agent: &AgentName,
        lease: Duration,
        now: Timestamp,
    ) -> Result<Result<Holder, Refused>, StoreError> {
        let agent = agent.clone();
        self.writer.run(Full::Wait, move |tx| desk::claim(tx, id, &agent, lease, now)).await
    }

    async fn act(
        &self,
        id: ConversationId,
        agent: &AgentName,
        act: AgentAct,
        now: Timestamp,
        request: Option<(RequestKey, KeptAnswer)>,
    ) -> Result<Result<(), Refused>, StoreError> {
        let agent = agent.clone();
        self.writer
            .run(Full::Wait, move |tx| {
                let done = desk::act(tx, id, &agent, &act, now)?;
                if let (Ok(()), Some((key, answer))) = (&done, &request) {
                    token::end(tx, key, Some(answer))?;
                }
                Ok(done)
            })
            .await
    }

    async fn queue(
        &self,
        filter: QueueFilter,
        page: Page,
        now: Timestamp,
    ) -> Result<Listing<Conversation>, StoreError> {
        self.readers.read(|conn| listing::queue(conn, &filter, &page, now))
    }

    async fn conversations(&self, filter: ConversationFilter, page: Page) -> Result<Listing<Conversation>, StoreError> {
        self.readers.read(|conn| listing::conversations(conn, &filter, &page))
    }

    async fn conversation(&self, id: ConversationId) -> Result<Option<ConversationDetail>, StoreError> {
        self.readers.read(|conn| listing::conversation(conn, id))
    }

    async fn contacts(&self, ids: &[ContactId]) -> Result<Vec<tributary_model::decision::Contact>, StoreError> {
        self.readers.read(|conn| listing::persons(conn, ids))
    }

    async fn attachment(&self, id: ConversationId, blob: &str) -> Result<Option<Attachment>, StoreError> {
        self.readers.read(|conn| messages::attachment(conn, id, blob))
    }

    async fn events(&self, after: EventId, most: usize) -> Result<Vec<Event>, StoreError> {
        self.readers.read(|conn| listing::events(conn, after, most))
    }

    async fn last_event(&self) -> Result<EventId, StoreError> {
        self.readers.read(listing::last_event)
    }

    fn changes(&self) -> tokio::sync::watch::Receiver<EventId> {
        self.writer.changes()
    }

    async fn counts(&self, now: Timestamp) -> Result<Counts, StoreError> {
        self.readers.read(|conn| listing::counts(conn, now))
    }

    async fn parked(&self, all: bool, page: Page) -> Result<Listing<Parked>, StoreError> {
        self.readers.read(|conn| parked::page(conn, all, &page))
    }

    async fn parked_one(&self, id: ParkedId) -> Result<Option<(Parked, Option<StoredArrival>)>, StoreError> {
        self.readers.read(|conn| parked::find(conn, id))
    }

    async fn unpark(&self, id: ParkedId, by: &str, now: Timestamp) -> Result<bool, StoreError> {
        let by = by.to_owned();
        self.writer.run(Full::Wait, move |tx| parked::unpark(tx, id, &by, now)).await
    }

    async fn unpark_many(&self, ids: &[ParkedId], by: &str, now: Timestamp) -> Result<u64, StoreError> {
        let (ids, by) = (ids.to_vec(), by.to_owned());
        self.writer.run(Full::Wait, move |tx| parked::unpark_many(tx, &ids, &by, now)).await
    }

    async fn state(&self, scope: &StateScope, key: &str, now: Timestamp) -> Result<Option<Vec<u8>>, StoreError> {
        self.readers.look(|conn| plugins::read(conn, scope, key, now))
    }

    async fn state_keys(
        &self,
        scope: &StateScope,
        prefix: &str,
        most: usize,
        now: Timestamp,
    ) -> Result<Vec<String>, StoreError> {
        self.readers.look(|conn| plugins::keys(conn, scope, prefix, most, now))
    }

    async fn keep(
        &self,
        scope: &StateScope,
        state: StateEdit,
        items: Vec<FeedItem>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let scope = scope.clone();
        self.writer
            .run(Full::Wait, move |tx| {
                plugins::edit(tx, &scope, &state)?;
                feed::publish(tx, &scope.channel, &items, now)
            })
            .await
    }

    async fn feed(
        &self,
        channel: &ChannelName,
        topic: &str,
        after: FeedId,
        most: usize,
    ) -> Result<Vec<FeedRow>, StoreError> {
        self.readers.read(|conn| feed::after(conn, channel, topic, after, most))
    }

    async fn writing(
        &self,
        channel: &ChannelName,
        typing: &tributary_model::message::Typing,
    ) -> Result<Option<ConversationId>, StoreError> {
        self.readers.read(|conn| feed::writing(conn, channel, typing))
    }

    async fn reach(&self, id: ConversationId) -> Result<Option<Reach>, StoreError> {
        self.readers.read(|conn| feed::reach(conn, id))
    }

    async fn poll_cursor(&self, channel: &ChannelName) -> Result<Option<String>, StoreError> {
        self.readers.read(|conn| feed::cursor(conn, channel))
    }

    async fn create_token(&self, token: NewToken, now: Timestamp) -> Result<i64, StoreError> {
        self.writer.run(Full::Wait, move |tx| token::create(tx, &token, now)).await
    }

    async fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        self.readers.read(token::all)
    }

    async fn revoke_token(&self, id: i64, now: Timestamp) -> Result<bool, StoreError> {
        self.writer.run(Full::Wait, move |tx| token::revoke(tx, id, now)).await
    }

    async fn token(&self, digest: &[u8; 32]) -> Result<Option<Token>, StoreError> {
        self.readers.look(|conn| token::find(conn, digest))
    }

    async fn begin_request(&self, key: RequestKey, now: Timestamp) -> Result<Begun, StoreError> {
        self.writer.run(Full::Wait, move |tx| token::begin(tx, &key, now)).await
    }

    async fn end_request(&self, key: RequestKey, answer: Option<KeptAnswer>) -> Result<(), StoreError> {
        self.writer.run(Full::Wait, move |tx| token::end(tx, &key, answer.as_ref())).await
    }

    async fn release_node(&self, node: &str) -> Result<u64, StoreError> {
        let node = node.to_owned();
        self.writer.run(Full::Wait, move |tx| upkeep::release_node(tx, &node)).await
    }

    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        self.writer.run(Full::Wait, move |tx| upkeep::sweep(tx, now)).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.writer.run(Full::Wait, |tx| upkeep::ping(tx)).await
    }
}
