//! What the stages make of plugins that fail: nothing is lost, the others go on, and a replay mends it. The store is the
//! real one; the plugins are written against the same two traits that components stand behind.
use async_trait::async_trait;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tributary_model::decision::{Action, Decision, Fault, Grade, Happening, Objection, Snapshot, Verdict};
use tributary_model::message::{
    Arrival, Author, ChannelEvent, Content, Delivery, DeliveryState, Handle, HandleKind, Inbound, Outgoing, Reading,
    Rejection, SendError, ThreadHints,
};
use tributary_model::retry::Backoff;
use tributary_model::{ConversationId, GenerationId};
use tributary_pipeline::driver::Driver;
use tributary_pipeline::{AddressPattern, Channel, Config, Pipeline, Plugins, Received, Replayed, ReplyError, Seat};
use tributary_runtime::{Adapter, CallContext, CallError, Called, PluginInfo, Policy};
use tributary_store::sqlite::{SqliteConfig, SqliteStore};
use tributary_store::{ConversationDetail, NewReply, Page, Parked, ParkedWhat};

fn info(name: &str, may_be_skipped: bool) -> PluginInfo {
    PluginInfo {
        name: name.into(),
        version: "1".into(),
        generation: GenerationId(0),
        channel: None,
        may_be_skipped,
        actions: Action::WORDS.map(String::from).into(),
        parked_answer: None,
    }
}

fn called<T>(result: T) -> Called<T> {
    Called::of(result)
}

/// Something that works or not, as the test says while the stages run.
#[derive(Clone, Default)]
struct Switch(Arc<AtomicBool>);

impl Switch {
    fn broken(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    fn set(&self, broken: bool) {
        self.0.store(broken, Ordering::SeqCst);
    }
}

/// Reads a document as a message of the customer that its name says.
struct Letters {
    info: PluginInfo,
    receiving: Switch,
    sending: Switch,
}

#[async_trait]
impl Adapter for Letters {
    fn info(&self) -> &PluginInfo {
        &self.info
    }

    async fn receive(
        &self,
        context: CallContext,
        arrival: &Arrival,
    ) -> Result<Called<Result<Reading, Rejection>>, CallError> {
        if self.receiving.broken() {
            return Err(CallError::Trap("unreachable".into()));
        }
        let Arrival::Document { name, data, .. } = arrival else {
            return Ok(called(Err(Rejection::Malformed("only documents".into()))));
        };
        let text = String::from_utf8_lossy(data).into_owned();
        let handle = Handle { kind: HandleKind::Email, value: format!("{name}@x"), verified: false };
        let message = Inbound {
            external_id: Some(format!("<{name}-{text}>")),
            // The channel tells no time: the clock's stands for it.
            sent_at: context.now,
            author: Author::Customer,
            from: vec![handle],
            display_name: None,
            subject: None,
            content: Content { text, ..Content::default() },
            thread: ThreadHints { thread_key: Some(name.clone()), ..ThreadHints::default() },
            automatic: false,
            attributes: Vec::new(),
        };
        Ok(called(Ok(Reading { events: vec![ChannelEvent::Message(Box::new(message))], ..Reading::default() })))
    }

    async fn send(&self, _: CallContext, message: &Outgoing) -> Result<Called<Result<Delivery, SendError>>, CallError> {
        if self.sending.broken() {
            return Ok(called(Err(SendError::Temporary { why: "the relay is down".into(), after: None })));
        }
        Ok(called(Ok(Delivery {
            outgoing_id: None,
            external_id: Some(format!("<sent-{}>", message.id)),
            state: DeliveryState::Accepted,
            detail: None,
        })))
    }
}

/// Decides always the same, or fails.
struct Fixed {
    info: PluginInfo,
    hears: bool,
    action: Action,
    broken: Switch,
}

#[async_trait]
impl Policy for Fixed {
    fn info(&self) -> &PluginInfo {
        &self.info
    }

    fn decides(&self) -> bool {
        true
    }

    fn hears(&self, _: &Happening, _: &[Decision]) -> bool {
        self.hears
    }

    async fn decide(
        &self,
        _: CallContext,
        _: &Snapshot,
        _: &Happening,
    ) -> Result<Called<Result<Vec<Decision>, Fault>>, CallError> {
        if self.broken.broken() {
            return Err(CallError::Budget { budget: tributary_runtime::Budget::Guest, what: "guest time, 1 s".into() });
        }
        let decision = Decision { action: self.action.clone(), rule: "C1".into(), why: "always".into() };
        Ok(called(Ok(vec![decision])))
    }
}

/// Blocks a text that says "never".
struct Polite(PluginInfo);

#[async_trait]
impl Policy for Polite {
    fn info(&self) -> &PluginInfo {
        &self.0
    }

    fn reviews(&self) -> bool {
        true
    }

    async fn review(
        &self,
        _: CallContext,
        _: &Snapshot,
        draft: &Content,
    ) -> Result<Called<Result<Verdict, Fault>>, CallError> {
        if draft.text.contains("never") {
            let objection = Objection { rule: "K1".into(), why: "say what is possible".into(), span: None };
            return Ok(called(Ok(Verdict::Block(vec![objection]))));
        }
        Ok(called(Ok(Verdict::Pass)))
    }
}

struct House {
    pipeline: Arc<Pipeline>,
    driver: Driver,
    receiving: Switch,
    sending: Switch,
    grading: Switch,
    _dir: tempfile::TempDir,
}

/// A desk whose chain grades, tags (a policy that may be skipped, always broken) and answers with `answer`; one more policy
/// is told of nothing that happens here.
async fn house(answer: &str) -> House {
    let dir = tempfile::tempdir().expect("a folder");
    let store = Arc::new(SqliteStore::open(&SqliteConfig::new(dir.path())).expect("a store"));
    let (receiving, sending, grading, tagging) = <(Switch, Switch, Switch, Switch)>::default();
    tagging.set(true);
    let adapter = Letters { info: info("letters", false), receiving: receiving.clone(), sending: sending.clone() };
    let addresses = AddressPattern::parse("*").into_iter().collect();
    let channel = Channel::standing("letters".into(), Arc::new(adapter), addresses);
    let fixed = |name: &str, skip, action, broken: &Switch| -> Seat<dyn Policy> {
        let hears = name != "elsewhere";
        Seat::alone(Arc::new(Fixed { info: info(name, skip), hears, action, broken: broken.clone() }))
    };
    let content = Content { text: answer.into(), ..Content::default() };
    let policies = vec![
        fixed("grading", false, Action::SetGrade(Grade::Dispute), &grading),
        fixed("tagging", true, Action::AddTag("seen".into()), &tagging),
        fixed("elsewhere", false, Action::AddTag("told".into()), &Switch::default()),
        fixed("answering", false, Action::Reply(content), &Switch::default()),
        Seat::alone(Arc::new(Polite(info("polite", false)))),
    ];
    let backoff = Backoff { first: Duration::from_millis(20), most: Duration::from_millis(20), tries: 3 };
    let config = Config { deciding: 4, delivering: 2, backoff, ..Config::default() };
    let pipeline = Pipeline::new(store, Plugins::new(vec![channel], policies), Default::default(), config);
    let driver = Driver::new();
    pipeline.start(&driver).await.expect("the stages start");
    House { pipeline, driver, receiving, sending, grading, _dir: dir }
}

impl House {
    async fn letter(&self, from: &str, text: &str) -> Received {
        let arrival =
            Arrival::Document { name: from.into(), media_type: "text/plain".into(), data: text.as_bytes().into() };
        self.pipeline.receive(&"letters".into(), arrival).await.expect("taken")
    }

    async fn parked(&self) -> Vec<Parked> {
        let page = Page { after: None, limit: 50 };
        self.pipeline.store().parked(false, page).await.expect("a page").items
    }

    async fn detail(&self, id: i64) -> ConversationDetail {
        self.pipeline.store().conversation(ConversationId(id)).await.expect("read").expect("there")
    }

    /// Waits until a conversation looks as it should.
    async fn until(&self, id: i64, what: &str, holds: impl Fn(&ConversationDetail) -> bool) -> ConversationDetail {
        let patience = Instant::now() + Duration::from_secs(20);
        loop {
            let detail = self.detail(id).await;
            if holds(&detail) {
                return detail;
            }
            assert!(Instant::now() < patience, "never {what}; the last was {detail:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn acts(detail: &ConversationDetail) -> Vec<(&str, &str)> {
    detail.events.iter().map(|event| (event.actor.as_str(), event.act.as_str())).collect()
}

#[tokio::test]
async fn an_arrival_its_adapter_trapped_on_is_kept_and_comes_in_once_it_is_mended() {
    let house = house("Thank you").await;
    house.receiving.set(true);
    let Received::Parked(id) = house.letter("ann", "hello").await else { panic!("not parked") };
    let parked = house.parked().await;
    assert_eq!(parked.len(), 1);
    assert_eq!((parked[0].blame.as_str(), parked[0].plugin.as_str()), ("trap", "letters"));
    // Still broken: it stays, and says why.
    assert!(house.pipeline.replay(id, "agent:op").await.is_err());
    assert_eq!(house.parked().await[0].tries, 2);
    house.receiving.set(false);
    let (_, kept) = house.pipeline.store().parked_one(id).await.expect("read").expect("there");
    let came = kept.expect("with its arrival").at;
    while tributary_pipeline::now() == came {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let replayed = house.pipeline.replay(id, "agent:op").await.expect("comes in");
    assert_eq!(replayed, Replayed::Accepted { conversations: vec![ConversationId(1)] });
    assert!(house.parked().await.is_empty());
    assert_eq!(house.detail(1).await.messages[0].sent_at, came, "its adapter read it as of when it came in");
    let detail = house.until(1, "decided", |it| it.conversation.grade == Some(Grade::Dispute)).await;
    assert!(acts(&detail).iter().all(|(actor, _)| *actor != "policy:elsewhere"), "who is not told is not asked");
    assert!(house.driver.shut_down(Duration::from_secs(5)).await.is_empty());
}

#[tokio::test]
async fn a_policy_that_fails_is_parked_alone_and_replayed_alone() {
    let house = house("Thank you").await;
    house.grading.set(true);
    assert!(matches!(house.letter("ann", "hello").await, Received::Accepted { .. }));
    let detail = house.until(1, "answered by the others", |it| it.messages.len() == 2).await;
    assert!(detail.conversation.undecided && detail.conversation.queued(), "it stands in the queue: {detail:?}");
    assert!(acts(&detail).contains(&("policy:tagging", "skipped")), "{:?}", acts(&detail));
    let parked = house.parked().await;
    assert_eq!(parked.len(), 1, "what may be skipped is not parked: {parked:?}");
    assert_eq!((parked[0].plugin.as_str(), parked[0].blame.as_str()), ("grading", "budget"));
    assert!(matches!(parked[0].what, ParkedWhat::Happening(_)));
    // Others go on meanwhile.
    house.letter("bo", "hello").await;
    house.until(2, "answered", |it| it.messages.len() == 2).await;
    house.grading.set(false);
    assert_eq!(house.pipeline.replay(parked[0].id, "agent:op").await.expect("goes back"), Replayed::Queued);
    let detail = house.until(1, "graded", |it| it.conversation.grade == Some(Grade::Dispute)).await;
    assert_eq!(detail.messages.len(), 2, "the policy that answered before is not asked again");
    house.driver.shut_down(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_machine_s_words_pass_the_same_review_as_a_person_s() {
    let house = house("We never pay").await;
    house.letter("ann", "hello").await;
    let detail = house.until(1, "decided", |it| it.conversation.grade.is_some()).await;
    assert_eq!(detail.messages.len(), 1, "nothing left: {detail:?}");
    let refused = detail.events.iter().find(|event| event.act == "refused").expect("it is told");
    assert!(refused.why.as_deref().is_some_and(|why| why.contains("K1")), "{refused:?}");
    let reply = |text: &str| NewReply {
        conversation: ConversationId(1),
        agent: "ann".into(),
        content: Content { text: text.into(), ..Content::default() },
        keep: false,
        close: false,
        now: tributary_pipeline::now(),
        warnings: Vec::new(),
        request: None,
    };
    let blocked = house.pipeline.reply(reply("We never do")).await;
    assert!(matches!(blocked, Err(ReplyError::Blocked(objections)) if objections[0].1.rule == "K1"));
    assert!(matches!(house.pipeline.reply(reply(" ")).await, Err(ReplyError::Empty)));
    house.pipeline.reply(reply("Of course")).await.expect("passes");
    house.driver.shut_down(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_send_that_fails_is_tried_again_then_shown_and_replayed() {
    let house = house("Thank you").await;
    house.sending.set(true);
    house.letter("ann", "hello").await;
    let failed = |it: &ConversationDetail| acts(it).contains(&("channel:letters", "failed"));
    let detail = house.until(1, "failed", failed).await;
    let delivery = detail.messages[1].delivery.as_ref().expect("it is an outgoing one");
    assert_eq!(delivery.attempts, 3, "{delivery:?}");
    assert!(delivery.detail.as_deref().is_some_and(|why| why.contains("the relay is down")), "{delivery:?}");
    house.sending.set(false);
    let parked = house.parked().await;
    assert!(parked.len() == 1 && matches!(parked[0].what, ParkedWhat::Outgoing(_)), "{parked:?}");
    house.pipeline.replay(parked[0].id, "agent:op").await.expect("goes back");
    let sent = |it: &ConversationDetail| acts(it).contains(&("channel:letters", "sent"));
    let detail = house.until(1, "sent", sent).await;
    assert!(detail.messages[1].external_id.as_deref().is_some_and(|id| id.starts_with("<sent-")));
    house.driver.shut_down(Duration::from_secs(5)).await;
}
