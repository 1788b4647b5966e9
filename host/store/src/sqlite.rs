//! The embedded store (being filled in).
use crate::*;
use std::path::PathBuf;
use tributary_model::decision::Happening;

/// How the embedded store runs. Defaults: 4 readers, 16 MiB of page cache for the writer, 1,024 jobs in its queue.
#[derive(Clone, Debug)]
pub struct SqliteConfig {
    /// The folder that holds the database; made where it is missing.
    pub dir: PathBuf,
    /// How many connections read beside the writer.
    pub readers: usize,
    /// Page cache of the writer in KiB.
    pub cache_kib: u32,
    /// How many jobs may wait for the writer.
    pub queue: usize,
}

impl SqliteConfig {
    /// The defaults, in this folder.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), readers: 4, cache_kib: 16 * 1024, queue: 1_024 }
    }
}

/// The embedded store.
pub struct SqliteStore {}

impl SqliteStore {
    /// Opens the store in a folder, or makes one.
    pub fn open(_config: &SqliteConfig) -> Result<Self, StoreError> {
        todo!()
    }
}

#[async_trait]
#[allow(unused_variables, clippy::todo)]
impl Store for SqliteStore {
    async fn accept(&self, arrival: NewArrival, claim: Option<Lease>) -> Result<Accepted, StoreError> {
        todo!()
    }
    async fn park(&self, parked: NewParked) -> Result<ParkedId, StoreError> {
        todo!()
    }
    async fn claim_happenings(&self, lease: Lease, most: usize) -> Result<Vec<ClaimedHappening>, StoreError> {
        todo!()
    }
    async fn snapshot(
        &self,
        happening: HappeningId,
        node: &str,
        now: Timestamp,
    ) -> Result<Option<(Snapshot, Happening)>, StoreError> {
        todo!()
    }
    async fn conversation_snapshot(&self, id: ConversationId, now: Timestamp) -> Result<Option<Snapshot>, StoreError> {
        todo!()
    }
    async fn apply(&self, decided: Decided) -> Result<Applied, StoreError> {
        todo!()
    }
    async fn ring(&self, now: Timestamp, most: usize) -> Result<Rung, StoreError> {
        todo!()
    }
    async fn reply(&self, reply: NewReply) -> Result<Result<OutgoingId, Refused>, StoreError> {
        todo!()
    }
    async fn lease_outgoing(&self, lease: Lease, most: usize) -> Result<Vec<LeasedOutgoing>, StoreError> {
        todo!()
    }
    async fn settle(&self, id: OutgoingId, settlement: Settlement, now: Timestamp) -> Result<(), StoreError> {
        todo!()
    }
    async fn claim_next(
        &self,
        agent: &AgentName,
        team: Option<&str>,
        lease: Duration,
        now: Timestamp,
    ) -> Result<Option<(Conversation, Holder)>, StoreError> {
        todo!()
    }
    async fn claim(
        &self,
        id: ConversationId,
        agent: &AgentName,
        lease: Duration,
        now: Timestamp,
    ) -> Result<Result<Holder, Refused>, StoreError> {
        todo!()
    }
    async fn act(
        &self,
        id: ConversationId,
        agent: &AgentName,
        act: AgentAct,
        now: Timestamp,
    ) -> Result<Result<(), Refused>, StoreError> {
        todo!()
    }
    async fn queue(
        &self,
        filter: QueueFilter,
        page: Page,
        now: Timestamp,
    ) -> Result<Listing<Conversation>, StoreError> {
        todo!()
    }
    async fn conversations(&self, filter: ConversationFilter, page: Page) -> Result<Listing<Conversation>, StoreError> {
        todo!()
    }
    async fn conversation(&self, id: ConversationId) -> Result<Option<ConversationDetail>, StoreError> {
        todo!()
    }
    async fn contacts(&self, ids: &[ContactId]) -> Result<Vec<tributary_model::decision::Contact>, StoreError> {
        todo!()
    }
    async fn attachment(&self, id: ConversationId, blob: &str) -> Result<Option<Attachment>, StoreError> {
        todo!()
    }
    async fn events(&self, after: EventId, most: usize) -> Result<Vec<Event>, StoreError> {
        todo!()
    }
    async fn last_event(&self) -> Result<EventId, StoreError> {
        todo!()
    }
    fn changes(&self) -> tokio::sync::watch::Receiver<EventId> {
        todo!()
    }
    async fn counts(&self, now: Timestamp) -> Result<Counts, StoreError> {
        todo!()
    }
    async fn parked(&self, all: bool, page: Page) -> Result<Listing<Parked>, StoreError> {
        todo!()
    }
    async fn parked_one(&self, id: ParkedId) -> Result<Option<(Parked, Option<StoredArrival>)>, StoreError> {
        todo!()
    }
    async fn unpark(&self, id: ParkedId, by: &str, now: Timestamp) -> Result<bool, StoreError> {
        todo!()
    }
    async fn state(&self, scope: &StateScope, key: &str, now: Timestamp) -> Result<Option<Vec<u8>>, StoreError> {
        todo!()
    }
    async fn write_state(&self, scope: &StateScope, writes: Vec<StateWrite>, now: Timestamp) -> Result<(), StoreError> {
        todo!()
    }
    async fn create_token(&self, token: NewToken, now: Timestamp) -> Result<i64, StoreError> {
        todo!()
    }
    async fn tokens(&self) -> Result<Vec<Token>, StoreError> {
        todo!()
    }
    async fn revoke_token(&self, id: i64, now: Timestamp) -> Result<bool, StoreError> {
        todo!()
    }
    async fn token(&self, digest: &[u8; 32]) -> Result<Option<Token>, StoreError> {
        todo!()
    }
    async fn begin_request(&self, key: RequestKey, now: Timestamp) -> Result<Begun, StoreError> {
        todo!()
    }
    async fn end_request(&self, key: RequestKey, answer: Option<KeptAnswer>) -> Result<(), StoreError> {
        todo!()
    }
    async fn release_node(&self, node: &str) -> Result<u64, StoreError> {
        todo!()
    }
    async fn sweep(&self, now: Timestamp) -> Result<u64, StoreError> {
        todo!()
    }
    async fn ping(&self) -> Result<(), StoreError> {
        todo!()
    }
}
