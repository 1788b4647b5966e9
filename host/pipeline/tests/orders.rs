//! Operations on orders through the stages: retried, repeated after a crash and replayed under one key, and shown. The
//! store is the real one; the marketplace stands behind the trait that components stand behind.
use async_trait::async_trait;
use parking_lot::Mutex;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tributary_model::approval::Verdict;
use tributary_model::conversation::State as Standing;
use tributary_model::decision::{Action, Decision, Fault, Happening, Snapshot};
use tributary_model::message::{
    Arrival, Author, ChannelEvent, Content, Delivery, Handle, HandleKind, Inbound, Outgoing, Reading, Rejection,
    SendError, ThreadHints,
};
use tributary_model::operation::State;
use tributary_model::order::{Money, Operation, Order, OrderState};
use tributary_model::retry::Backoff;
use tributary_model::{ConversationId, GenerationId};
use tributary_pipeline::driver::Driver;
use tributary_pipeline::{
    Channel, Compared, Config, Idle, Pipeline, Plugins, RefreshError, Replayed, Roles, Seat, Seen, Trial, Watch,
};
use tributary_runtime::{Adapter, CallContext, CallEffects, CallError, Called, PluginInfo, Policy};
use tributary_store::sqlite::{SqliteConfig, SqliteStore};
use tributary_store::{
    AskedOperation, ConversationDetail, NewOperation, NotTaken, OperationVerdict, OrderRefused, Page, ParkedWhat,
    StateScope, conformance,
};

fn info(name: &str) -> PluginInfo {
    PluginInfo {
        name: name.into(),
        version: "1".into(),
        generation: GenerationId(0),
        channel: None,
        may_be_skipped: false,
        actions: Action::WORDS.map(String::from).into(),
        parked_answer: None,
    }
}

/// What a marketplace was asked for, and what it answers next; after that it does as it is asked.
#[derive(Clone, Default)]
struct Books {
    asked: Arc<Mutex<Vec<(Operation, String)>>>,
    answers: Arc<Mutex<Vec<Result<String, SendError>>>>,
    orders: Arc<Mutex<Vec<Order>>>,
    /// Did what it was asked for, and never answers.
    silent: Arc<AtomicBool>,
}

impl Books {
    fn keys(&self) -> Vec<String> {
        self.asked.lock().iter().map(|(_, key)| key.clone()).collect()
    }

    fn answer(&self, answers: impl IntoIterator<Item = Result<String, SendError>>) {
        *self.answers.lock() = answers.into_iter().collect();
    }
}

fn busy() -> SendError {
    SendError::Temporary { why: "503 from the shop".into(), after: None }
}

/// A marketplace, or with `able: false` a channel that is none. A document is a message of the customer that its name says,
/// or one of the customer's orders where its media type says so.
struct Shop {
    info: PluginInfo,
    books: Books,
    able: bool,
}

fn handle(name: &str) -> Handle {
    Handle { kind: HandleKind::MarketplaceBuyer, value: format!("shop/{name}"), verified: true }
}

fn order(id: &str, buyer: &str, state: OrderState) -> Order {
    Order {
        id: id.into(),
        state,
        at: tributary_pipeline::now(),
        buyer: vec![handle(buyer)],
        total: Money { currency: "EUR".into(), minor: 2_500 },
        first_order: false,
        lines: Vec::new(),
        parcel: None,
        promised_by: None,
        attributes: Vec::new(),
    }
}

#[async_trait]
impl Adapter for Shop {
    fn info(&self) -> &PluginInfo {
        &self.info
    }

    fn roles(&self) -> Roles {
        Roles { channel: true, commerce: self.able, ..Roles::default() }
    }

    async fn receive(
        &self,
        context: CallContext,
        arrival: &Arrival,
    ) -> Result<Called<Result<Reading, Rejection>>, CallError> {
        let Arrival::Document { name, media_type, data } = arrival else {
            return Ok(Called::of(Err(Rejection::Malformed("only documents".into()))));
        };
        let text = String::from_utf8_lossy(data).into_owned();
        let event = if media_type == "order" {
            ChannelEvent::Order(Box::new(order(&text, name, OrderState::Delivered)))
        } else {
            ChannelEvent::Message(Box::new(Inbound {
                external_id: Some(format!("{name}-{text}")),
                sent_at: context.now,
                author: Author::Customer,
                from: vec![handle(name)],
                display_name: None,
                subject: None,
                content: Content { text, ..Content::default() },
                thread: ThreadHints { thread_key: Some(name.clone()), ..ThreadHints::default() },
                automatic: false,
                attributes: Vec::new(),
            }))
        };
        Ok(Called::of(Ok(Reading { events: vec![event], ..Reading::default() })))
    }

    async fn send(&self, _: CallContext, _: &Outgoing) -> Result<Called<Result<Delivery, SendError>>, CallError> {
        Ok(Called::of(Err(SendError::Permanent("not here".into()))))
    }

    async fn look_up(&self, _: CallContext, id: &str) -> Result<Called<Result<Option<Order>, SendError>>, CallError> {
        if self.books.silent.load(Ordering::SeqCst) {
            return Ok(Called::of(Err(busy())));
        }
        let found = self.books.orders.lock().iter().find(|order| order.id == id).cloned();
        Ok(Called::of(Ok(found)))
    }

    async fn perform(
        &self,
        context: CallContext,
        operation: &Operation,
        key: &str,
    ) -> Result<Called<Result<String, SendError>>, CallError> {
        self.books.asked.lock().push((operation.clone(), key.to_owned()));
        if self.books.silent.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        let mut answers = self.books.answers.lock();
        let result = if answers.is_empty() { Ok(format!("act of {key}")) } else { answers.remove(0) };
        let state = vec![("last".into(), Some(context.now.0.to_string().into_bytes()), None)];
        Ok(Called { effects: CallEffects { state, ..CallEffects::default() }, ..Called::of(result) })
    }
}

/// Pays back for every message, and tags a conversation with how an operation ended.
struct Generous(PluginInfo);

#[async_trait]
impl Policy for Generous {
    fn info(&self) -> &PluginInfo {
        &self.0
    }

    fn decides(&self) -> bool {
        true
    }

    async fn decide(
        &self,
        _: CallContext,
        _: &Snapshot,
        happening: &Happening,
    ) -> Result<Called<Result<Vec<Decision>, Fault>>, CallError> {
        let action = match happening {
            Happening::Message(message) => match message.content.text.strip_prefix("pay back ") {
                Some(order) => Action::Perform(refund(order.split(' ').next().unwrap_or_default())),
                None => return Ok(Called::of(Ok(Vec::new()))),
            },
            Happening::OperationSettled(end) => {
                Action::AddTag(end.value.split(':').next().unwrap_or_default().to_owned())
            }
            _ => return Ok(Called::of(Ok(Vec::new()))),
        };
        Ok(Called::of(Ok(vec![Decision { action, rule: "H3".into(), why: "our fault".into() }])))
    }
}

fn refund(order: &str) -> Operation {
    Operation::Refund(order.into(), Money { currency: "EUR".into(), minor: 1_250 }, "arrived broken".into())
}

struct House {
    pipeline: Arc<Pipeline>,
    driver: Driver,
}

fn channel(name: &str, able: bool, books: &Books) -> Channel {
    let adapter = Shop { info: info(&format!("channel-{name}")), books: books.clone(), able };
    Channel::standing(name.into(), Arc::new(adapter), Vec::new())
}

/// A desk in this folder with the marketplace `shop` and the channel `chat`, which is none.
async fn house(dir: &Path, books: &Books) -> House {
    with(dir, vec![channel("shop", true, books), channel("chat", false, books)]).await
}

/// A desk in this folder with these channels.
async fn with(dir: &Path, channels: Vec<Channel>) -> House {
    beside(dir, channels, None).await
}

/// The same, which decides when its executor has nothing else to do.
async fn beside(dir: &Path, channels: Vec<Channel>, idle: Option<Arc<Idle>>) -> House {
    // What was cut off lets go of the folder when it gets its next turn.
    let patience = Instant::now() + Duration::from_secs(20);
    let store = loop {
        match SqliteStore::open(&SqliteConfig { rules: conformance::rules(), ..SqliteConfig::new(dir) }) {
            Ok(store) => break Arc::new(store),
            Err(tributary_store::StoreError::Locked(_)) if Instant::now() < patience => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Err(error) => panic!("a store: {error}"),
        }
    };
    let policies: Vec<Seat<dyn Policy>> = vec![Seat::alone(Arc::new(Generous(info("generous"))))];
    let plugins = Plugins::new(channels, policies);
    let backoff = Backoff { first: Duration::from_millis(20), most: Duration::from_millis(20), tries: 3 };
    let config = Config { deciding: 2, delivering: 2, backoff, idle, ..Config::default() };
    let pipeline = Pipeline::new(store, plugins, Default::default(), config);
    let driver = Driver::new();
    pipeline.start(&driver).await.expect("the stages start");
    House { pipeline, driver }
}

impl House {
    async fn take(&self, channel: &str, from: &str, media_type: &str, text: &str) {
        let arrival =
            Arrival::Document { name: from.into(), media_type: media_type.into(), data: text.as_bytes().into() };
        self.pipeline.receive(&channel.into(), arrival).await.expect("taken");
    }

    /// A customer who writes, and whose order the shop tells of: conversation 1.
    async fn bought(&self) {
        self.take("shop", "ann", "text", "hello").await;
        self.take("shop", "ann", "order", "1001").await;
    }

    async fn ask(&self, operation: Operation) -> Result<AskedOperation, NotTaken> {
        let agent = "lin".into();
        let now = tributary_pipeline::now();
        let new = NewOperation { conversation: ConversationId(1), agent, operation, now, request: None };
        self.pipeline.perform(new).await.expect("the store answers")
    }

    /// Waits until the first conversation looks as it should.
    async fn until(&self, what: &str, holds: impl Fn(&ConversationDetail) -> bool) -> ConversationDetail {
        let patience = Instant::now() + Duration::from_secs(20);
        loop {
            let detail = self.pipeline.store().conversation(ConversationId(1)).await.expect("read").expect("there");
            if holds(&detail) {
                return detail;
            }
            assert!(Instant::now() < patience, "never {what}; the last was {detail:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until every happening is decided.
    async fn all_decided(&self) {
        let patience = Instant::now() + Duration::from_secs(20);
        while self.pipeline.store().counts(tributary_pipeline::now()).await.expect("read").undecided > 0 {
            assert!(Instant::now() < patience, "something is never decided");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn stop(self) {
        assert!(self.driver.shut_down(Duration::from_secs(5)).await.is_empty());
    }
}

/// How the first operation stands.
fn stands(detail: &ConversationDetail) -> Option<State> {
    detail.operations.first().map(|it| it.state)
}

fn count(detail: &ConversationDetail, act: &str) -> usize {
    detail.events.iter().filter(|event| event.act == act).count()
}

#[tokio::test]
async fn an_order_is_decided_at_once_where_nothing_else_waits() {
    let (dir, books) = (tempfile::tempdir().expect("a folder"), Books::default());
    let house = house(dir.path(), &books).await;
    house.take("shop", "ann", "text", "hello").await;
    house.all_decided().await;
    house.take("shop", "ann", "order", "1001").await;
    house.all_decided().await;
    house.stop().await;
}

#[tokio::test]
async fn what_came_in_is_decided_when_nothing_else_is_to_be_done_and_in_two_seconds_at_the_latest() {
    let (dir, books, idle) = (tempfile::tempdir().expect("a folder"), Books::default(), Arc::<Idle>::default());
    let house = beside(dir.path(), vec![channel("shop", true, &books)], Some(idle.clone())).await;
    let undecided = async || house.pipeline.store().counts(tributary_pipeline::now()).await.expect("read").undecided;

    house.take("shop", "ann", "text", "hello").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(undecided().await, 1, "it is decided beside other work");
    idle.parks();
    house.all_decided().await;

    // More than are decided at once and than wait beside them, and no such moment comes.
    let begun = Instant::now();
    for customer in 0..30 {
        house.take("shop", &format!("customer-{customer}"), "text", "hello").await;
    }
    house.all_decided().await;
    assert!(begun.elapsed() >= Duration::from_secs(2), "{:?}", begun.elapsed());
    house.stop().await;
}

#[tokio::test]
async fn what_may_work_later_is_asked_again_under_the_same_key() {
    let (dir, books) = (tempfile::tempdir().expect("a folder"), Books::default());
    let house = house(dir.path(), &books).await;
    books.answer([Err(busy()), Err(SendError::Unauthorised("token expired".into())), Ok("r-9".into())]);
    house.bought().await;
    house.ask(refund("1001")).await.expect("taken");
    let detail = house.until("done", |it| it.conversation.tags == ["done"]).await;
    let it = &detail.operations[0];
    assert_eq!((it.state, it.attempts, it.result.as_deref()), (State::Done, 3, Some("r-9")));
    assert_eq!((count(&detail, "retrying"), count(&detail, "performed")), (2, 1), "{detail:?}");
    let keys = books.keys();
    assert!(keys.len() == 3 && keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    assert!(books.asked.lock().iter().all(|(operation, _)| *operation == refund("1001")));
    let scope = StateScope { plugin: "channel-shop".into(), channel: "shop".into() };
    let state = house.pipeline.store().state(&scope, "last", tributary_pipeline::now()).await.expect("read");
    assert!(state.is_some(), "what the calls kept is kept");
    house.stop().await;
}

#[tokio::test]
async fn a_crash_between_the_act_and_its_commit_repeats_it_under_the_same_key() {
    let (dir, books) = (tempfile::tempdir().expect("a folder"), Books::default());
    let first = house(dir.path(), &books).await;
    first.bought().await;
    books.silent.store(true, Ordering::SeqCst);
    first.ask(refund("1001")).await.expect("taken");
    first.until("under way", |it| stands(it) == Some(State::Leased)).await;
    let patience = Instant::now() + Duration::from_secs(20);
    while books.keys().is_empty() {
        assert!(Instant::now() < patience, "the marketplace was never asked");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Nothing of it gets another turn, as when the process is killed.
    let unclean = first.driver.shut_down(Duration::ZERO).await;
    assert!(unclean.iter().any(|task| task.starts_with("perform-")), "{unclean:?}");
    drop(first);
    books.silent.store(false, Ordering::SeqCst);
    let second = house(dir.path(), &books).await;
    let detail = second.until("done", |it| stands(it) == Some(State::Done)).await;
    assert_eq!(detail.operations[0].attempts, 2);
    let keys = books.keys();
    assert!(keys.len() == 2 && keys[0] == keys[1], "{keys:?}");
    second.stop().await;
}

#[tokio::test]
async fn what_needs_approval_is_asked_once_after_a_yes_and_never_after_a_no() {
    let (dir, books) = (tempfile::tempdir().expect("a folder"), Books::default());
    let first = house(dir.path(), &books).await;
    first.bought().await;
    let large = |minor| match refund("1001") {
        Operation::Refund(order, money, why) => Operation::Refund(order, Money { minor, ..money }, why),
        other => other,
    };
    let (yes, no) = (first.ask(large(2_001)).await.expect("taken"), first.ask(large(2_002)).await.expect("taken"));
    assert!(yes.approver.is_some() && no.approver.is_some(), "{yes:?} {no:?}");
    let verdict = |id, verdict| OperationVerdict {
        id,
        agent: "op".into(),
        admin: true,
        verdict,
        why: Some("looked at".into()),
        now: tributary_pipeline::now(),
        request: None,
    };
    let said = first.pipeline.decide_operation(verdict(no.id, Verdict::Declined)).await;
    said.expect("the store answers").expect("declined");
    first.until("told", |it| it.conversation.tags == ["declined"]).await;
    // What waits waits over a restart as well; nobody was asked for anything.
    first.stop().await;
    let second = house(dir.path(), &books).await;
    assert_eq!(books.keys(), Vec::<String>::new());
    let said = second.pipeline.decide_operation(verdict(yes.id, Verdict::Approved)).await;
    said.expect("the store answers").expect("approved");
    let detail = second.until("done", |it| it.conversation.tags.iter().any(|tag| tag == "done")).await;
    let states: Vec<_> = detail.operations.iter().map(|it| it.state).collect();
    assert_eq!(states, [State::Done, State::Declined]);
    let asked: Vec<_> = books.asked.lock().iter().map(|(operation, _)| operation.clone()).collect();
    assert_eq!(asked, [large(2_001)]);
    second.stop().await;
}

#[tokio::test]
async fn a_failure_is_shown_wakes_the_conversation_and_is_replayed() {
    let (dir, books) = (tempfile::tempdir().expect("a folder"), Books::default());
    let house = house(dir.path(), &books).await;
    house.bought().await;
    books.answer([Err(SendError::Permanent("already refunded elsewhere".into()))]);
    let rests = tributary_store::AgentAct::Close("settled".into());
    let now = tributary_pipeline::now();
    let closed = house.pipeline.store().act(ConversationId(1), &"lin".into(), rests, now, None).await;
    closed.expect("the store answers").expect("closed");
    let asked = house.ask(Operation::InterceptParcel("1001".into())).await.expect("a closed one as well");
    let detail = house.until("told", |it| it.conversation.tags == ["failed"]).await;
    assert_eq!(detail.conversation.state, Standing::Open);
    let it = &detail.operations[0];
    assert_eq!((it.state, it.detail.as_deref()), (State::Failed, Some("already refunded elsewhere")));
    let parked = house.pipeline.store().parked(false, Page { after: None, limit: 9 }).await.expect("a page").items;
    assert_eq!(parked.iter().map(|it| it.what).collect::<Vec<_>>(), [ParkedWhat::Operation(asked.id)]);
    let replayed = house.pipeline.replay(parked[0].id, "agent:op").await.expect("goes back");
    assert_eq!(replayed, Replayed::Queued);
    house.until("done", |it| stands(it) == Some(State::Done)).await;
    let keys = books.keys();
    assert!(keys.len() == 2 && keys[0] == keys[1], "{keys:?}");
    house.stop().await;
}

#[tokio::test]
async fn a_policy_pays_back_its_customer_once_and_nobody_else() {
    let (dir, books) = (tempfile::tempdir().expect("a folder"), Books::default());
    let house = house(dir.path(), &books).await;
    house.take("shop", "bo", "order", "2002").await;
    house.bought().await;
    house.take("shop", "ann", "text", "pay back 2002").await;
    let refused = |it: &ConversationDetail| count(it, "refused");
    let detail = house.until("refused", |it| refused(it) == 1).await;
    let why = detail.events.iter().find(|event| event.act == "refused").and_then(|event| event.why.clone());
    assert_eq!(why.as_deref(), Some("order 2002 is of another customer"));
    house.take("shop", "ann", "text", "pay back 1001").await;
    house.until("done", |it| stands(it) == Some(State::Done)).await;
    house.take("shop", "ann", "text", "pay back 1001 again").await;
    house.until("refused again", |it| refused(it) == 2).await;
    assert_eq!(books.keys().len(), 1);
    house.stop().await;
}

/// Looks away.
struct Nobody;

impl Watch for Nobody {
    fn saw(&self, _: Seen) {}

    fn compared(&self, _: Compared) {}
}

#[tokio::test]
async fn what_is_tried_pays_nothing_back() {
    let (dir, books, tried) = (tempfile::tempdir().expect("a folder"), Books::default(), Books::default());
    let newer: Arc<dyn Adapter> = Arc::new(Shop { info: info("channel-shop"), books: tried.clone(), able: true });
    let mut shop = channel("shop", true, &books);
    shop.seat = shop.seat.with_trial(Trial { newer, share: 100, compare: false, watch: Arc::new(Nobody) });
    let house = with(dir.path(), vec![shop]).await;
    house.bought().await;
    house.ask(refund("1001")).await.expect("taken");
    house.until("done", |it| stands(it) == Some(State::Done)).await;
    assert_eq!((books.keys().len(), tried.keys().len()), (1, 0));
    house.stop().await;
}

#[tokio::test]
async fn a_channel_that_knows_no_orders_says_so() {
    let (dir, books) = (tempfile::tempdir().expect("a folder"), Books::default());
    let house = house(dir.path(), &books).await;
    house.take("chat", "ann", "text", "hello").await;
    house.take("chat", "ann", "order", "1001").await;
    house.ask(refund("1001")).await.expect("the channel told of it");
    let detail = house.until("failed", |it| stands(it) == Some(State::Failed)).await;
    let why = detail.operations[0].detail.clone().unwrap_or_default();
    assert_eq!(why, "channel-chat of channel chat cannot act on orders");
    assert!(books.keys().is_empty());
    house.stop().await;
}

#[tokio::test]
async fn an_order_is_asked_for_as_it_is_now_and_kept() {
    let (dir, books) = (tempfile::tempdir().expect("a folder"), Books::default());
    let house = house(dir.path(), &books).await;
    house.take("shop", "ann", "text", "where is 3003?").await;
    let unknown = house.ask(refund("3003")).await;
    assert!(matches!(unknown, Err(NotTaken::Order(OrderRefused::Unknown(_)))), "{unknown:?}");
    let refresh = async |id: i64, order: &str, channel: Option<&str>| {
        house.pipeline.refresh_order(ConversationId(id), order, channel.map(Into::into)).await
    };
    assert!(matches!(refresh(1, "3003", None).await, Err(RefreshError::Absent(..))));
    books.orders.lock().push(order("3003", "somebody", OrderState::Shipped));
    books.silent.store(true, Ordering::SeqCst);
    assert!(matches!(refresh(1, "3003", None).await, Err(RefreshError::Failed(why)) if why.contains("503")));
    books.silent.store(false, Ordering::SeqCst);
    assert!(matches!(refresh(1, "3003", Some("chat")).await, Err(RefreshError::Unclear(_))));
    assert!(matches!(refresh(1, "3003", Some("none")).await, Err(RefreshError::Unclear(_))));
    assert!(matches!(refresh(9, "3003", None).await, Err(RefreshError::NotTaken(NotTaken::Refused(_)))));
    let (channel, found) = refresh(1, "3003", None).await.expect("told");
    assert_eq!((channel.as_str(), found.state), ("shop", OrderState::Shipped));
    let detail = house.until("kept", |it| it.orders.len() == 1).await;
    assert_eq!(detail.orders[0].order.state, OrderState::Shipped);
    *books.orders.lock() = vec![order("3003", "somebody", OrderState::Delivered)];
    refresh(1, "3003", None).await.expect("told");
    house.until("as it is now", |it| it.orders[0].order.state == OrderState::Delivered).await;
    house.ask(refund("3003")).await.expect("it is known now");
    house.until("done", |it| stands(it) == Some(State::Done)).await;
    house.stop().await;
}
