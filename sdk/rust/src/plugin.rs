//! The traits a plugin implements, one for each interface of the contract.
use serde::de::DeserializeOwned;

use crate::desk::{Decision, Fault, Happening, Snapshot, Verdict};
use crate::trade::Operation;
use crate::types::{Content, Delivery, Handle, Order, SendError};
use crate::{Arrival, Batch, MigrateError, Outgoing, PrepareError, Reading, Rejection, Sample, Sign};

/// Every plugin: how it becomes ready for calls.
///
/// The value is made once, when the plugin is loaded with a configuration. The host keeps the memory as it is then and
/// starts every call from that picture, so tables and automata belong here, and nothing that changes from call to call.
pub trait Plugin: Sized + Send + Sync + 'static {
    /// The plugin's section of the operator's configuration. Keys that the operator left out have the value of the
    /// plugin's `config.toml`.
    type Config: DeserializeOwned;

    /// Check the configuration and build whatever calls need. Of the host's services only `log` and `config` answer here.
    ///
    /// # Errors
    /// [`PrepareError`] goes to the operator, and the generation does not go live.
    fn prepare(config: Self::Config) -> Result<Self, PrepareError>;
}

/// A channel adapter.
pub trait Channel: Plugin {
    /// Verify, parse and normalise one arrival. No network: the sender is waiting. The same arrival must give the same
    /// events, because it may be handed in again after a crash.
    ///
    /// # Errors
    /// [`Rejection::Unauthenticated`] stores nothing, [`Rejection::Malformed`] parks the raw arrival for a person,
    /// [`Rejection::Ignored`] drops it.
    fn receive(&self, arrival: Arrival) -> Result<Reading, Rejection>;

    /// Send one message. May be called again with the same id; where the channel can, it shall be one message all the
    /// same. A channel without a way back leaves this out.
    ///
    /// # Errors
    /// [`SendError::Temporary`] is tried again, [`SendError::Permanent`] is shown on the conversation.
    fn send(&self, message: Outgoing) -> Result<Delivery, SendError> {
        let _ = message;
        Err(SendError::permanent("this channel has no reply path"))
    }
}

/// A channel that has to be asked for what is new.
pub trait Poller: Channel {
    /// What is new since the cursor; none: from the beginning.
    ///
    /// # Errors
    /// As for [`Channel::send`]; the cursor stays where it was.
    fn poll(&self, cursor: Option<String>) -> Result<Batch, SendError>;
}

/// A channel that can show the customer what the shop is doing.
pub trait Presence: Channel {
    /// Show it. Asked once: what does not get through is not tried again.
    ///
    /// # Errors
    /// As for [`Channel::send`]; they are counted, and nobody is told.
    fn show(&self, to: Vec<Handle>, sign: Sign) -> Result<(), SendError>;
}

/// A channel that can be tried without its platform: `tributary channel test`.
pub trait Sampler: Channel {
    /// What the platform would send for one message with this text, signed with the channel's own secrets, in order. The
    /// URL of a [`Sample::Http`] begins behind the channel's own path: `/?signature=…`.
    ///
    /// # Errors
    /// One sentence for the operator: which secret or key is missing.
    fn samples(&self, text: &str) -> Result<Vec<Sample>, String>;
}

/// A channel of a marketplace.
pub trait Commerce: Channel {
    /// The order as it is now; none where there is no such order.
    ///
    /// # Errors
    /// As for [`Channel::send`].
    fn look_up(&self, order_id: String) -> Result<Option<Order>, SendError>;

    /// Do it once, however often it is called with the same key. The result is the marketplace's id of the act. A
    /// marketplace that allows nothing leaves this out.
    ///
    /// # Errors
    /// As for [`Channel::send`].
    fn perform(&self, operation: Operation, idempotency_key: String) -> Result<String, SendError> {
        let _ = (operation, idempotency_key);
        Err(SendError::permanent("this marketplace allows no operations"))
    }
}

/// A policy that decides what happens to a conversation.
pub trait Policy: Plugin {
    /// What to do about a happening; an empty list: nothing.
    ///
    /// # Errors
    /// [`Fault`] counts against the plugin, and the happening is parked or passed on.
    fn decide(&self, conversation: &Snapshot, happening: &Happening) -> Result<Vec<Decision>, Fault>;
}

/// A policy that looks at outgoing text before it leaves, a person's or a machine's.
pub trait Review: Plugin {
    /// Whether the text may leave.
    ///
    /// # Errors
    /// [`Fault`] counts against the plugin, and the text waits or passes, as the operator chose.
    fn review(&self, conversation: &Snapshot, draft: &Content) -> Result<Verdict, Fault>;
}

/// A plugin that keeps values in the host's `state`, in another form than an earlier version of it did.
pub trait Migrate: Plugin {
    /// Carry the state over from version `from` of this plugin, before this one goes live. Called on a copy, after
    /// `prepare`; only `log` and `config` answer here. The same entries must give the same result, because it is called
    /// again where the state was written meanwhile.
    ///
    /// The result takes the place of all entries: what is not in it is forgotten. A key that was there keeps the time at
    /// which it is to be forgotten, a new one is kept for good. The limits of `state.set` hold: no key twice, keys of 256
    /// bytes and values of 64 KiB at most.
    ///
    /// # Errors
    /// [`MigrateError`] goes to the operator, and the older version stays, with its state as it was.
    fn migrate(&self, from: &str, entries: Vec<(String, Vec<u8>)>) -> Result<Vec<(String, Vec<u8>)>, MigrateError>;
}
