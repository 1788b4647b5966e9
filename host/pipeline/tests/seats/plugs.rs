//! Plugins that do what a test says while the stages run, and a desk around them.
use async_trait::async_trait;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tributary_model::decision::{Action, Decision, Fault, Happening, Snapshot, Verdict};
use tributary_model::message::{
    Arrival, Author, ChannelEvent, Content, Delivery, DeliveryState, Handle, HandleKind, Inbound, Outgoing, Reading,
    Rejection, SendError, ThreadHints,
};
use tributary_model::retry::Backoff;
use tributary_model::{ConversationId, GenerationId, Place, Timestamp};
use tributary_pipeline::driver::Driver;
use tributary_pipeline::{
    BreakerLimits, Channel, Compared, Config, Gate, GateState, Pipeline, Plugins, Received, Seat, Seen, Watch,
};
use tributary_runtime::{Adapter, CallContext, CallEffects, CallError, Called, Outside, PluginInfo, Policy};
use tributary_store::sqlite::{SqliteConfig, SqliteStore};
use tributary_store::{ConversationDetail, NewReply, Page, Parked, Store};

/// Quick, so that a test sees several rests.
pub const LIMITS: BreakerLimits = BreakerLimits {
    window: 4,
    failures: 2,
    first_rest: Duration::from_millis(20),
    most_rest: Duration::from_millis(40),
    strikes: 1_000,
};

/// How a plugin takes an event.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Take {
    Fine,
    Trap,
    /// A fault it tells of itself: a contract break of an adapter, a fault of a policy.
    Own,
    Malformed,
    Unauthenticated,
    /// Another answer than the others give.
    Odd,
}

type Script = Arc<dyn Fn(&str) -> Take + Send + Sync>;

/// An adapter and a policy in one: what it takes how is said by a script over the text of the message.
pub struct Plug {
    info: PluginInfo,
    script: Script,
    /// What it was asked about and answered well, with nothing held back: conversation (0 for an adapter) and text.
    pub answered: Mutex<Vec<(i64, String)>>,
    /// Every text it was asked about, in whatever way.
    pub asked: Mutex<Vec<String>>,
    /// Holds its next calls until there are permits.
    pub held: Option<tokio::sync::Semaphore>,
    reviews: bool,
}

impl Plug {
    pub fn new(name: &str, generation: i64, script: impl Fn(&str) -> Take + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self::plain(name, generation, script))
    }

    pub fn plain(name: &str, generation: i64, script: impl Fn(&str) -> Take + Send + Sync + 'static) -> Self {
        Self {
            info: PluginInfo {
                name: name.into(),
                version: format!("{generation}.0"),
                generation: GenerationId(generation),
                channel: None,
                may_be_skipped: false,
                actions: Action::WORDS.map(String::from).into(),
                parked_answer: None,
            },
            script: Arc::new(script),
            answered: Mutex::default(),
            asked: Mutex::default(),
            held: None,
            reviews: false,
        }
    }

    pub fn skippable(mut self) -> Arc<Self> {
        self.info.may_be_skipped = true;
        Arc::new(self)
    }

    pub fn reviewing(mut self) -> Arc<Self> {
        self.reviews = true;
        Arc::new(self)
    }

    fn take(&self, text: &str) -> Take {
        self.asked.lock().unwrap().push(text.to_owned());
        (self.script)(text)
    }

    fn notes(&self, context: &CallContext, conversation: i64, text: &str) {
        if matches!(context.outside, Outside::Real) {
            self.answered.lock().unwrap().push((conversation, text.to_owned()));
        }
    }

    async fn hold(&self) {
        if let Some(held) = &self.held {
            held.acquire().await.expect("open").forget();
        }
    }

    pub fn answers(&self) -> Vec<(i64, String)> {
        self.answered.lock().unwrap().clone()
    }

    pub fn questions(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn trap() -> CallError {
    CallError::Trap("unreachable".into())
}

fn text_of(happening: &Happening) -> String {
    match happening {
        Happening::Message(message) => message.content.text.clone(),
        other => other.word().to_owned(),
    }
}

#[async_trait]
impl Adapter for Plug {
    fn info(&self) -> &PluginInfo {
        &self.info
    }

    async fn receive(
        &self,
        context: CallContext,
        arrival: &Arrival,
    ) -> Result<Called<Result<Reading, Rejection>>, CallError> {
        let Arrival::Document { name, data, .. } = arrival else {
            return Ok(Called::of(Err(Rejection::Malformed("only documents".into()))));
        };
        let text = String::from_utf8_lossy(data).into_owned();
        let take = self.take(&text);
        self.hold().await;
        let handle = Handle { kind: HandleKind::Email, value: format!("{name}@x"), verified: false };
        match take {
            Take::Trap => return Err(trap()),
            Take::Malformed => return Ok(Called::of(Err(Rejection::Malformed("no form".into())))),
            Take::Unauthenticated => return Ok(Called::of(Err(Rejection::Unauthenticated("who".into())))),
            Take::Fine | Take::Odd | Take::Own => {}
        }
        self.notes(&context, 0, &text);
        let message = Inbound {
            external_id: Some(format!("<{name}-{text}>")),
            sent_at: Timestamp(1),
            author: Author::Customer,
            from: if take == Take::Own { Vec::new() } else { vec![handle] },
            display_name: None,
            subject: (take == Take::Odd).then(|| "odd".into()),
            content: Content { text, ..Content::default() },
            thread: ThreadHints { thread_key: Some(name.clone()), ..ThreadHints::default() },
            automatic: false,
            attributes: Vec::new(),
        };
        let events = vec![ChannelEvent::Message(Box::new(message))];
        let mut called = Called::of(Ok(Reading { events, ..Reading::default() }));
        called.effects = CallEffects {
            state: vec![(format!("by-{}", self.info.generation), Some(b"1".to_vec()), None)],
            ..CallEffects::default()
        };
        Ok(called)
    }

    async fn send(&self, _: CallContext, message: &Outgoing) -> Result<Called<Result<Delivery, SendError>>, CallError> {
        match self.take(&message.content.text) {
            Take::Trap => Err(trap()),
            _ => Ok(Called::of(Ok(Delivery {
                outgoing_id: None,
                external_id: Some(format!("<sent-{}>", message.id)),
                state: DeliveryState::Accepted,
                detail: None,
            }))),
        }
    }
}

#[async_trait]
impl Policy for Plug {
    fn info(&self) -> &PluginInfo {
        &self.info
    }

    fn decides(&self) -> bool {
        !self.reviews
    }

    fn reviews(&self) -> bool {
        self.reviews
    }

    async fn decide(
        &self,
        context: CallContext,
        snapshot: &Snapshot,
        happening: &Happening,
    ) -> Result<Called<Result<Vec<Decision>, Fault>>, CallError> {
        let text = text_of(happening);
        let take = self.take(&text);
        self.hold().await;
        let tag = match take {
            Take::Trap => return Err(trap()),
            Take::Own => return Ok(Called::of(Err(Fault::Internal("no rule".into())))),
            Take::Odd => "odd".to_owned(),
            _ => "even".to_owned(),
        };
        self.notes(&context, snapshot.id.0, &text);
        let by = Decision {
            action: Action::AddTag(format!("by-{}", self.info.generation)),
            rule: "who".into(),
            why: "generation".into(),
        };
        let mut decisions = vec![Decision { action: Action::AddTag(tag), rule: "C1".into(), why: text }];
        // In a comparison both have to be able to say the same.
        if self.info.generation.0 < 100 {
            decisions.push(by);
        }
        Ok(Called::of(Ok(decisions)))
    }

    async fn review(
        &self,
        _: CallContext,
        _: &Snapshot,
        draft: &Content,
    ) -> Result<Called<Result<Verdict, Fault>>, CallError> {
        match self.take(&draft.text) {
            Take::Trap => Err(trap()),
            _ => Ok(Called::of(Ok(Verdict::Pass))),
        }
    }
}

/// Keeps what a trial is told.
#[derive(Default)]
pub struct Told {
    pub seen: Mutex<Vec<Seen>>,
    pub compared: Mutex<Vec<Compared>>,
}

impl Watch for Told {
    fn saw(&self, seen: Seen) {
        self.seen.lock().unwrap().push(seen);
    }

    fn compared(&self, compared: Compared) {
        self.compared.lock().unwrap().push(compared);
    }
}

impl Told {
    pub fn faults(&self) -> usize {
        self.seen.lock().unwrap().iter().filter(|seen| seen.fault.is_some() && !seen.base_failed).count()
    }
}

pub fn letters() -> Place {
    Place::Channel("letters".into())
}

pub fn channel_seat(plug: &Arc<Plug>, gate: &Arc<Gate>) -> Seat<dyn Adapter> {
    Seat::standing(letters(), plug.clone() as Arc<dyn Adapter>, gate.clone())
}

pub fn policy_place(plug: &Plug) -> Place {
    Place::Policy(Policy::info(plug).name.clone())
}

pub fn policy_seat(plug: &Arc<Plug>, gate: &Arc<Gate>) -> Seat<dyn Policy> {
    Seat::standing(policy_place(plug), plug.clone() as Arc<dyn Policy>, gate.clone())
}

pub fn gate(place: Place) -> Arc<Gate> {
    Gate::new(place, LIMITS)
}

pub fn set(channel: Seat<dyn Adapter>, policies: Vec<Seat<dyn Policy>>) -> Plugins {
    let channel =
        Channel { name: "letters".into(), seat: channel, addresses: Vec::new(), verifies: Default::default() };
    Plugins::new(vec![channel], policies)
}

/// An adapter that takes everything.
pub fn good_channel() -> Seat<dyn Adapter> {
    channel_seat(&Plug::new("letters", 1, |_| Take::Fine), &gate(letters()))
}

/// A desk around a set of plugins.
pub struct Desk {
    pub pipeline: Arc<Pipeline>,
    pub driver: Driver,
}

impl Desk {
    pub async fn open(dir: &std::path::Path, plugins: Plugins) -> Self {
        let store = Arc::new(SqliteStore::open(&SqliteConfig::new(dir)).expect("a store"));
        let backoff = Backoff { first: Duration::from_millis(20), most: Duration::from_millis(20), tries: 5 };
        let config = Config { deciding: 8, delivering: 2, backoff, ..Config::default() };
        let pipeline = Pipeline::new(store, plugins, Default::default(), config);
        let driver = Driver::new();
        pipeline.start(&driver).await.expect("the stages start");
        Self { pipeline, driver }
    }

    pub async fn close(self) {
        self.driver.shut_down(Duration::from_secs(5)).await;
    }

    pub fn store(&self) -> &Arc<dyn Store> {
        self.pipeline.store()
    }

    pub async fn letter(&self, from: &str, text: &str) -> Received {
        letter(&self.pipeline, from, text).await
    }

    pub async fn parked(&self) -> Vec<Parked> {
        let mut all = Vec::new();
        let mut after = None;
        loop {
            let listing = self.store().parked(false, Page { after, limit: 200 }).await.expect("a page");
            all.extend(listing.items);
            after = listing.next;
            if after.is_none() {
                return all;
            }
        }
    }

    pub async fn detail(&self, id: i64) -> ConversationDetail {
        self.store().conversation(ConversationId(id)).await.expect("read").expect("there")
    }

    /// Waits until everything that came in was decided.
    pub async fn decided(&self) {
        until("everything decided", || async {
            let counts = self.store().counts(Timestamp(0)).await.expect("counted");
            (counts.undecided == 0).then_some(()).ok_or(format!("{counts:?}"))
        })
        .await;
    }

    /// The texts of a conversation, in the order of the store.
    pub async fn texts(&self, id: i64) -> Vec<String> {
        self.detail(id).await.messages.into_iter().map(|message| message.content.text).collect()
    }
}

pub async fn letter(pipeline: &Pipeline, from: &str, text: &str) -> Received {
    let arrival =
        Arrival::Document { name: from.into(), media_type: "text/plain".into(), data: text.as_bytes().into() };
    pipeline.receive(&"letters".into(), arrival).await.expect("taken")
}

/// Waits until something holds; fails with the last status.
pub async fn until<T, F: Future<Output = Result<T, String>>>(what: &str, look: impl Fn() -> F) -> T {
    let patience = Instant::now() + Duration::from_secs(30);
    loop {
        match look().await {
            Ok(found) => return found,
            Err(status) => assert!(Instant::now() < patience, "never {what}; the last was {status}"),
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

pub async fn until_gate(gate: &Gate, state: GateState) {
    until("that state", || async {
        let view = gate.view();
        (view.state == state).then_some(()).ok_or(format!("{view:?}"))
    })
    .await;
}

/// Asserts that numbers which senders counted up came in order, for each key.
pub fn in_order(what: &str, heard: &[(i64, String)]) {
    let mut last = std::collections::HashMap::new();
    for (key, text) in heard {
        let number: u32 = text.parse().expect("a number");
        let before = last.insert(*key, number);
        assert!(before.is_none_or(|before| before < number), "{what}: {key} heard {number} after {before:?}");
    }
}

/// An agent's answer in the first conversation.
pub fn reply() -> NewReply {
    NewReply {
        conversation: ConversationId(1),
        agent: "ann".into(),
        content: Content { text: "answer".into(), ..Content::default() },
        keep: false,
        close: false,
        now: tributary_pipeline::now(),
        warnings: Vec::new(),
        request: None,
    }
}
