//! The lives of generations: which package with which configuration acts in a place, what acted before it, and what trials
//! found. Exactly one generation of a place is live, by a unique index, so a crash at any moment leaves one.
use crate::{Listing, Page, StateScope, StoreError};
use async_trait::async_trait;
use tributary_model::{ConversationId, GenerationId, ParkedId, Place, PluginName, Timestamp, life};

/// A generation to be kept; it begins as [`life::State::Package`].
#[derive(Clone, Debug, PartialEq)]
pub struct NewGeneration {
    /// What it fills.
    pub place: Place,
    /// The name its package gives itself.
    pub plugin: PluginName,
    /// The version its package gives itself.
    pub version: String,
    /// SHA-256 of the package in lower-case hex.
    pub digest: String,
    /// The version of the contract it was built for.
    pub contract: String,
    /// Who signed it; none where nobody did.
    pub signer: Option<String>,
    /// Its whole configuration, defaults included, as JSON.
    pub config: String,
    /// What it may touch, as JSON.
    pub grants: String,
    /// When.
    pub at: Timestamp,
}

/// A generation as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredGeneration {
    /// Its id.
    pub id: GenerationId,
    /// What it was made of.
    pub made: NewGeneration,
    /// Where it stands.
    pub state: life::State,
    /// Why it came to stand there, or where it stood before, in one sentence.
    pub why: Option<String>,
    /// When it came to stand there.
    pub changed: Timestamp,
    /// Whether it was ever live: only such a one is gone back to.
    pub lived: bool,
}

/// Another generation acts from now on.
#[derive(Clone, Debug, PartialEq)]
pub struct Switch {
    /// Which.
    pub to: GenerationId,
    /// Why, in one sentence: for the log of its life.
    pub why: String,
    /// Who asked for it: `agent:NAME` or `host`.
    pub by: String,
    /// When.
    pub now: Timestamp,
    /// The plugin's state, as it migrated a copy of it.
    pub state: StateChange,
}

/// What a switch does with the state that the plugin keeps in the place.
#[derive(Clone, Debug, PartialEq)]
pub enum StateChange {
    /// Both versions read the same.
    Keep,
    /// The copy that `migrate` made takes its place, if nothing was written since the copy was taken. What was there is
    /// kept with the generation that goes, for the way back.
    Migrated {
        /// Whose.
        scope: StateScope,
        /// What [`Lives::state_copy`] said.
        revision: i64,
        /// What replaces it. A key that was there before is forgotten when it would have been; a new one is kept.
        entries: Vec<(String, Vec<u8>)>,
    },
    /// What was kept when the generation that comes back went, where anything was. What is there then is kept with the one
    /// that goes. Whatever way a generation comes, what was kept for it is kept no longer.
    Restore {
        /// Whose.
        scope: StateScope,
    },
}

/// What a switch did.
#[derive(Clone, Debug, PartialEq)]
pub enum Switched {
    /// It acts; this one acted before.
    Done {
        /// The one that acted; none for the first.
        was: Option<GenerationId>,
    },
    /// The plugin's state was written since its copy was taken: nothing was changed; migrate again.
    StateMoved,
    /// Its life does not allow it: nothing was changed.
    Illegal(life::Illegal),
    /// There is no such generation.
    Unknown,
}

/// The state of a plugin in a channel, at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct StateCopy {
    /// Grows with every write.
    pub revision: i64,
    /// Key and value, in the order of the keys.
    pub entries: Vec<(String, Vec<u8>)>,
    /// The version of the package that last migrated or wrote it; none where nothing was ever written.
    pub written_by: Option<String>,
}

/// One answer of a tried generation that differs from the answer of the one it is tried against.
#[derive(Clone, Debug, PartialEq)]
pub struct NewDifference {
    /// The one that is tried.
    pub tried: GenerationId,
    /// The one it is tried against.
    pub against: GenerationId,
    /// The conversation, where there is one.
    pub conversation: Option<ConversationId>,
    /// What both were asked: `happening 12`, `arrival of 14:02:11`.
    pub about: String,
    /// What the one said, for people.
    pub before: String,
    /// What the tried one said, for people.
    pub after: String,
    /// When.
    pub at: Timestamp,
}

/// A difference that was kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Its id.
    pub id: i64,
    /// What it is.
    pub it: NewDifference,
}

/// What the store keeps of generations.
#[async_trait]
pub trait Lives: Send + Sync + 'static {
    /// Keeps a new generation, with an event.
    async fn add_generation(&self, new: NewGeneration) -> Result<GenerationId, StoreError>;

    /// Moves a generation through its life, with an event. Not for [`life::Event::GoLive`], which is a switch.
    /// `None`: there is no such generation.
    async fn advance(
        &self,
        id: GenerationId,
        event: life::Event,
        why: Option<String>,
        now: Timestamp,
    ) -> Result<Option<Result<life::State, life::Illegal>>, StoreError>;

    /// One transaction: this generation is live, and the one that was is draining; the plugin's state changes with it.
    async fn switch(&self, switch: Switch) -> Result<Switched, StoreError>;

    /// The generations of a place, or of all, the newest first; at most `most` of each place.
    async fn generations(&self, place: Option<&Place>, most: usize) -> Result<Vec<StoredGeneration>, StoreError>;

    /// One generation.
    async fn generation(&self, id: GenerationId) -> Result<Option<StoredGeneration>, StoreError>;

    /// Takes a place out of use, or into use again, with an event.
    async fn set_enabled(&self, place: &Place, enabled: bool, by: &str, now: Timestamp) -> Result<(), StoreError>;

    /// The places that are out of use.
    async fn disabled(&self) -> Result<Vec<Place>, StoreError>;

    /// The state of a plugin in a channel.
    async fn state_copy(&self, scope: &StateScope, now: Timestamp) -> Result<StateCopy, StoreError>;

    /// Keeps differences, in the order they are given; of one tried generation the newest 1,000 stay.
    async fn add_differences(&self, differences: Vec<NewDifference>) -> Result<(), StoreError>;

    /// The differences of a tried generation, the newest first.
    async fn differences(&self, tried: GenerationId, page: Page) -> Result<Listing<Difference>, StoreError>;

    /// What is kept aside of a place and may be tried by this generation: what was never tried (blame `breaker`), and what
    /// another generation failed on. Oldest first, `most` at most.
    async fn parked_for(
        &self,
        place: &Place,
        generation: GenerationId,
        most: usize,
    ) -> Result<Vec<ParkedId>, StoreError>;

    /// How much is kept aside of each place: arrivals of channels and happenings of policies, no outgoing messages, which
    /// failed for good and wait for a person.
    async fn parked_by_place(&self) -> Result<Vec<(Place, u64)>, StoreError>;
}
