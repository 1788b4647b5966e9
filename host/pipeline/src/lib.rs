//! The way of one message: receive → decide → reply → deliver. Every hand-over between stages is a row.
//!
//! A stage reads its work from the store, calls plugins, and commits once; no stage calls an earlier one, and none keeps
//! anything in memory that a restart would miss. The channels between them only carry what is on disk already, to save
//! the look. `driver` owns every background task. The gateway comes in through [`Pipeline::receive`], [`Pipeline::reply`]
//! and [`Pipeline::replay`].
mod ask;
mod claim;
mod compare;
mod decide;
mod deliver;
pub mod driver;
mod feeds;
mod gate;
mod gates;
mod idle;
mod perform;
mod plugins;
mod poll;
mod presence;
mod receive;
mod replay;
mod reply;
mod seat;
mod tick;

pub use feeds::{Feeds, Following, Told, Writing};
pub use gate::{BreakerLimits, Gate, GateState, GateView};
pub use idle::Idle;
pub use perform::RefreshError;
pub use plugins::{AddressPattern, Channel, Plugins, SeatView};
pub use poll::PollView;
pub use presence::{Sampled, ShowError};
pub use receive::{ReceiveError, Received};
pub use replay::{ReplayError, Replayed};
pub use reply::{Replied, ReplyError};
pub use seat::{Compared, Named, Ramp, Seat, Seen, Side, Trial, Watch};
pub use tributary_runtime::contract::{Refused, Roles};

use arc_swap::ArcSwap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::{Mutex, Notify, Semaphore, mpsc};
use tributary_model::retry::Backoff;
use tributary_model::{ConversationId, Timestamp};
use tributary_store::{ClaimedHappening, Lease, LeasedOperation, LeasedOutgoing, Store};

/// How the stages run.
#[derive(Clone, Debug)]
pub struct Config {
    /// The name of this node; its leases carry it.
    pub node: Arc<str>,
    /// Arrivals that may be under way at once; above it, senders are told to come later.
    pub receiving: usize,
    /// Happenings decided at once. More than there are cores: a worker waits for the disk most of its time.
    pub deciding: usize,
    /// Outgoing messages sent at once, and operations performed at once. 0: everything that would leave is held.
    pub delivering: usize,
    /// Answers compared at once, where a trial compares.
    pub comparing: usize,
    /// How long a node may take for a happening, an outgoing message or an operation before another may have it.
    pub lease: Duration,
    /// When failed sends and operations are tried again.
    pub backoff: Backoff,
    /// How long a stop waits for work that is under way.
    pub grace: Duration,
    /// What deciding gives way by: told by the executor when it has nothing else to do. None: it gives way to nothing.
    pub idle: Option<Arc<Idle>>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            node: "node-1".into(),
            receiving: 512,
            deciding: 64,
            delivering: 32,
            comparing: 2,
            lease: Duration::from_secs(120),
            backoff: Backoff::default(),
            grace: Duration::from_secs(10),
            idle: None,
        }
    }
}

/// How many comparisons may wait. Each holds what a policy or an adapter was asked about, so there are not many.
const COMPARISONS: usize = 256;

/// The stages, and what they share.
pub struct Pipeline {
    store: Arc<dyn Store>,
    plugins: ArcSwap<Plugins>,
    config: Config,
    receiving: Arc<Semaphore>,
    to_decide: mpsc::Sender<ClaimedHappening>,
    decide_inbox: Mutex<mpsc::Receiver<ClaimedHappening>>,
    to_deliver: mpsc::Sender<LeasedOutgoing>,
    deliver_inbox: Mutex<mpsc::Receiver<LeasedOutgoing>>,
    to_perform: mpsc::Sender<LeasedOperation>,
    perform_inbox: Mutex<mpsc::Receiver<LeasedOperation>>,
    happenings_wait: Notify,
    outgoing_waits: Notify,
    operations_wait: Notify,
    to_compare: mpsc::Sender<compare::Job>,
    compare_inbox: Mutex<mpsc::Receiver<compare::Job>>,
    gates_wake: Arc<Notify>,
    feeds: Arc<Feeds>,
    bells: poll::Bells,
}

impl Pipeline {
    /// The stages over a store; `feeds` is what the plugins' services flash to. Nothing runs before [`Pipeline::start`].
    pub fn new(store: Arc<dyn Store>, plugins: Plugins, feeds: Arc<Feeds>, config: Config) -> Arc<Self> {
        let (to_decide, decide_inbox) = mpsc::channel(config.deciding.max(1) * 4);
        let (to_deliver, deliver_inbox) = mpsc::channel(config.delivering.max(1));
        let (to_perform, perform_inbox) = mpsc::channel(config.delivering.max(1));
        let (to_compare, compare_inbox) = mpsc::channel(COMPARISONS);
        let gates_wake = Arc::new(Notify::new());
        plugins.seats().for_each(|seat| seat.gate.attach(&gates_wake));
        Arc::new(Self {
            store,
            plugins: ArcSwap::from_pointee(plugins),
            to_compare,
            compare_inbox: Mutex::new(compare_inbox),
            gates_wake,
            receiving: Arc::new(Semaphore::new(config.receiving)),
            config,
            to_decide,
            decide_inbox: Mutex::new(decide_inbox),
            to_deliver,
            deliver_inbox: Mutex::new(deliver_inbox),
            to_perform,
            perform_inbox: Mutex::new(perform_inbox),
            happenings_wait: Notify::new(),
            outgoing_waits: Notify::new(),
            operations_wait: Notify::new(),
            feeds,
            bells: poll::Bells::default(),
        })
    }

    /// Takes back what an earlier run of this node left claimed, and starts every background task on the driver.
    pub async fn start(self: &Arc<Self>, driver: &driver::Driver) -> Result<(), tributary_store::StoreError> {
        let taken_back = self.store.release_node(&self.config.node).await?;
        if taken_back > 0 {
            tracing::info!(taken_back, "work of the last run is taken up again");
        }
        self.take_up_gates().await?;
        for number in 0..self.config.deciding.max(1) {
            driver.spawn(format!("decide-{number}"), decide::worker(self.clone(), driver.stop()));
        }
        for number in 0..self.config.delivering {
            driver.spawn(format!("deliver-{number}"), deliver::worker(self.clone(), driver.stop()));
            driver.spawn(format!("perform-{number}"), perform::worker(self.clone(), driver.stop()));
        }
        driver.spawn("claim-happenings", claim::happenings(self.clone(), driver.stop()));
        if self.config.delivering > 0 {
            driver.spawn("lease-outgoing", claim::outgoing(self.clone(), driver.stop()));
            driver.spawn("lease-operations", perform::lease(self.clone(), driver.stop()));
        }
        for number in 0..self.config.comparing {
            driver.spawn(format!("compare-{number}"), compare::worker(self.clone(), driver.stop()));
        }
        driver.spawn("poll", poll::keeper(self.clone(), driver.stop()));
        driver.spawn("gates", gates::keeper(self.clone(), driver.stop()));
        driver.spawn("ring", tick::ring(self.clone(), driver.stop()));
        driver.spawn("sweep", tick::sweep(self.clone(), driver.stop()));
        Ok(())
    }

    /// The store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Who looks on live.
    pub fn feeds(&self) -> &Arc<Feeds> {
        &self.feeds
    }

    /// The plugins in use. Work that has begun keeps the set it began with.
    pub fn plugins(&self) -> Arc<Plugins> {
        self.plugins.load_full()
    }

    /// Puts another set of plugins in use: one pointer. Returns the set that was: work that has begun holds it until it
    /// ends, so that whoever keeps a weak reference to it sees when nothing is done with it any more.
    pub fn swap_plugins(&self, plugins: Plugins) -> Arc<Plugins> {
        plugins.seats().for_each(|seat| seat.gate.attach(&self.gates_wake));
        let before = self.plugins.swap(Arc::new(plugins));
        self.happenings_wait.notify_one();
        self.outgoing_waits.notify_one();
        self.operations_wait.notify_one();
        self.gates_wake.notify_one();
        self.bells.wake();
        before
    }

    /// Whether another arrival would be taken now.
    pub fn has_room(&self) -> bool {
        self.receiving.available_permits() > 0
    }

    fn lease(&self, now: Timestamp) -> Lease {
        Lease { node: self.config.node.clone(), until: now.after(self.config.lease), now }
    }

    fn context(now: Timestamp, conversation: Option<ConversationId>) -> tributary_runtime::CallContext {
        tributary_runtime::CallContext { conversation, ..tributary_runtime::CallContext::at(now) }
    }
}

/// The time. The only place of the stages that asks for it.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
