//! Every case of the policies' fixtures once more, through the real component. The plugins' own tests hold what a policy
//! decides as ordinary code against the case; here the component, in the sandbox, on the host's own words, has to decide the
//! very same.
#![allow(clippy::unwrap_used, reason = "the helpers of a test fail it by panicking")]
#[path = "../../../plugins/policy-outbound-review/tests/cases/draft.rs"]
#[allow(dead_code, reason = "what the plugin's own tests compare")]
mod draft;

use crate::convert;
use async_trait::async_trait;
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tributary_model::calendar::{Calendar, Period, Plan};
use tributary_model::decision::{Action, Decision, Happening, Snapshot};
use tributary_model::message::{Author, Response};
use tributary_model::{ArticleId, ChannelName, PluginName, Timestamp};
use tributary_runtime::{
    Blobs, CalendarSource, Calendars, CallContext, Egress, EgressError, GrantedRequest, Grants, KnowledgeSource,
    KnownArticle, Package, Policy, Runtime, RuntimeConfig, Secret, SecretSource, Services, Settings, StateSource,
    StateUnavailable,
};
use tributary_sdk::Exported;
use tributary_sdk::host::http::HttpError;
use tributary_sdk::host::knowledge::Article;
use tributary_sdk::native::Services as House;
use tributary_sdk::testing::{Case, FakeCalendar, FakeHost};
use tributary_sdk::web;

/// The host of the case at hand, which the source is asked under as well.
#[derive(Default)]
struct Room(Mutex<FakeHost>);

impl Room {
    fn enter(&self, host: FakeHost) {
        *self.0.lock() = host;
    }
}

#[async_trait]
impl KnowledgeSource for Room {
    async fn search(&self, query: &str, most: u32, _: Timestamp) -> Result<Vec<KnownArticle>, StateUnavailable> {
        let known = |(n, it): (usize, Article)| KnownArticle {
            version: ArticleId(n as i64),
            key: it.id,
            title: it.title,
            text: it.text,
            score: it.score,
        };
        Ok(self.0.lock().knowledge(query, most).into_iter().enumerate().map(known).collect())
    }
}

#[async_trait]
impl StateSource for Room {
    async fn get(
        &self,
        _: &PluginName,
        _: &ChannelName,
        key: &str,
        _: Timestamp,
    ) -> Result<Option<Vec<u8>>, StateUnavailable> {
        // The host's contacts have numbers, the cases' one a word.
        let named = key.strip_suffix("/1").map(|of| format!("{of}/contact"));
        self.0.lock().state_get(named.as_deref().unwrap_or(key)).map_err(|_| StateUnavailable)
    }

    async fn keys(
        &self,
        _: &PluginName,
        _: &ChannelName,
        prefix: &str,
        most: u32,
        _: Timestamp,
    ) -> Result<Vec<String>, StateUnavailable> {
        self.0.lock().state_keys(prefix, most).map_err(|_| StateUnavailable)
    }
}

impl SecretSource for Room {
    fn get(&self, _: &PluginName, name: &str) -> Option<Secret> {
        House::secret(&*self.0.lock(), name).ok().map(|text| Secret(text.into()))
    }
}

#[async_trait]
impl Egress for Room {
    async fn send(&self, _: GrantedRequest) -> Result<Response, EgressError> {
        let asked = web::Request { method: "POST".into(), url: String::new(), headers: Vec::new(), body: Vec::new() };
        let told = self.0.lock().http(&asked);
        told.map(convert::response).map_err(|error| match error {
            HttpError::Denied(what) => EgressError::Denied(what),
            HttpError::Unreachable(what) => EgressError::Unreachable(what),
            HttpError::Timeout => EgressError::Timeout,
            HttpError::TooLarge(most) => EgressError::TooLarge(most),
        })
    }
}

/// The calendars of the case at hand.
#[derive(Default)]
struct OpeningHours(Mutex<Calendars>);

impl CalendarSource for OpeningHours {
    fn all(&self) -> Calendars {
        self.0.lock().clone()
    }
}

impl OpeningHours {
    fn put(&self, calendars: &BTreeMap<String, FakeCalendar>) {
        let calendar = |(name, it): (&String, &FakeCalendar)| (name.clone(), calendar(it));
        *self.0.lock() = Arc::new(calendars.iter().map(calendar).collect());
    }
}

/// The same hours in the host's words. Zones of whole hours are named by what they are behind UTC.
fn calendar(it: &FakeCalendar) -> Calendar {
    let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].map(String::from);
    let (from, to) = (format!("{:02}:00", it.from), format!("{:02}:00", it.to));
    let opening = vec![Period { days: days[..it.days as usize].to_vec(), from, to }];
    let zone = if it.utc_offset == 0 { "UTC".to_owned() } else { format!("Etc/GMT{:+}", -it.utc_offset / 3_600) };
    Calendar::new(Plan { zone, opening, ..Plan::default() }).unwrap()
}

type Native = fn(&Case) -> Vec<Decision>;

/// What the policy decides as ordinary code.
fn native<P: Exported + tributary_sdk::Policy>(case: &Case) -> Vec<Decision> {
    case.decide::<P>().unwrap_or_else(|error| panic!("{error}")).into_iter().map(convert::decision).collect()
}

const POLICIES: [(&str, Native); 9] = [
    ("policy-triage", native::<policy_triage::Triage>),
    ("policy-service-clock", native::<policy_service_clock::ServiceClock>),
    ("policy-escalation", native::<policy_escalation::Escalate>),
    ("policy-routing", native::<policy_routing::Routing>),
    ("policy-faq-bot", native::<policy_faq_bot::FaqBot>),
    ("policy-receipt", native::<policy_receipt::Receipt>),
    ("policy-message-box", native::<policy_message_box::MessageBox>),
    ("policy-survey", native::<policy_survey::Survey>),
    ("policy-assist", native::<policy_assist::Assist>),
];

fn files(policy: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins").join(policy).join("fixtures");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    assert!(!files.is_empty(), "{} has no cases", folder.display());
    files
}

/// A component under one configuration is compiled once.
struct Loaded<'a> {
    runtime: &'a Arc<Runtime>,
    policy: &'a str,
    by_config: HashMap<String, Arc<dyn Policy>>,
}

impl<'a> Loaded<'a> {
    fn new(runtime: &'a Arc<Runtime>, policy: &'a str) -> Self {
        Self { runtime, policy, by_config: HashMap::new() }
    }

    async fn under(&mut self, overrides: &toml::Table) -> Arc<dyn Policy> {
        let key = overrides.to_string();
        if let Some(loaded) = self.by_config.get(&key) {
            return loaded.clone();
        }
        let file =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/plugins").join(format!("{}.wasm", self.policy));
        let package =
            Package::read(std::fs::read(&file).expect("no component: run `cargo xtask test`").as_slice()).unwrap();
        let config = package.effective_config(overrides).unwrap();
        let grants = grants(&package, &config);
        let loaded: Arc<dyn Policy> =
            self.runtime.load(Arc::new(package), Settings { config, grants, ..Settings::default() }).await.unwrap();
        self.by_config.insert(key, loaded.clone());
        loaded
    }
}

/// All that a plugin asks for: its secrets, and the origins of the addresses in its configuration.
fn grants(package: &Package, config: &serde_json::Value) -> Grants {
    let origin = |asked: &String| {
        let key = asked.trim_start_matches('{').trim_end_matches('}');
        let url = config[key].as_str().unwrap_or(asked);
        url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/")
    };
    let asks = package.asks();
    Grants { secrets: asks.secrets.clone(), egress: asks.egress.iter().map(origin).collect(), ..Grants::default() }
}

/// A runtime whose house is the case's.
fn sandbox(folder: &Path) -> (Arc<Runtime>, Arc<Room>, Arc<OpeningHours>) {
    let (room, hours) = (Arc::<Room>::default(), Arc::<OpeningHours>::default());
    let services = Services {
        knowledge: room.clone(),
        state: room.clone(),
        secrets: room.clone(),
        http: room.clone(),
        calendars: hours.clone(),
        ..Services::nothing(Blobs::open(&folder.join("blobs")).unwrap())
    };
    (Runtime::new(RuntimeConfig::default(), services).unwrap(), room, hours)
}

#[tokio::test]
async fn the_component_decides_every_case_as_its_source_does() {
    let folder = tempfile::tempdir().unwrap();
    let (runtime, room, hours) = sandbox(folder.path());
    let mut unlike = Vec::new();
    let mut count = 0;
    for (policy, native) in POLICIES {
        let mut loaded = Loaded::new(&runtime, policy);
        for file in files(policy) {
            let case = Case::read(&file).unwrap_or_else(|error| panic!("{error}"));
            room.enter(case.host().unwrap_or_else(|error| panic!("{error}")));
            hours.put(case.calendars());
            let snapshot = convert::from_snapshot(case.snapshot().unwrap());
            let happening = convert::from_happening(case.happening().unwrap());
            let context = CallContext::at(snapshot.now);
            let component = loaded.under(&toml::Table::try_from(case.config()).unwrap()).await;
            let called = component.decide(context, &snapshot, &happening).await;
            let decided = called.unwrap_or_else(|error| panic!("{}: {error}", file.display())).result;
            let expected = native(&case);
            count += 1;
            if decided.as_ref() != Ok(&expected) {
                unlike.push(format!("{}:\n  component {decided:?}\n  source    {expected:?}", file.display()));
            }
        }
    }
    assert!(unlike.is_empty(), "{} of {count} cases differ:\n{}", unlike.len(), unlike.join("\n"));
    println!("{count} cases");
}

#[tokio::test]
async fn the_component_reviews_every_draft_as_its_source_does() {
    let folder = tempfile::tempdir().unwrap();
    let (runtime, room, _) = sandbox(folder.path());
    let policy = "policy-outbound-review";
    let mut loaded = Loaded::new(&runtime, policy);
    let (mut unlike, mut count) = (Vec::new(), 0);
    for file in files(policy) {
        for draft in draft::read(&file).cases {
            room.enter(draft.found().into_iter().fold(FakeHost::new(), FakeHost::article));
            let snapshot = convert::from_snapshot(draft.snapshot());
            let (context, content) = (CallContext::at(snapshot.now), convert::from_content(draft.content()));
            let called = loaded.under(&draft.config).await.review(context, &snapshot, &content).await;
            let said = called.unwrap_or_else(|error| panic!("{}: {error}", file.display())).result;
            let expected = convert::verdict(draft.verdict().unwrap());
            count += 1;
            if said.as_ref() != Ok(&expected) {
                unlike.push(format!("{}:\n  component {said:?}\n  source    {expected:?}", draft.draft));
            }
        }
    }
    assert!(count > 50 && unlike.is_empty(), "{} of {count} drafts differ:\n{}", unlike.len(), unlike.join("\n"));
    println!("{count} drafts");
}

/// The chain that `init` sets up.
async fn chain(runtime: &Arc<Runtime>) -> Vec<Arc<dyn Policy>> {
    let nothing = toml::Table::new();
    let mut chain = Vec::new();
    for policy in ["policy-triage", "policy-routing", "policy-receipt", "policy-escalation", "policy-service-clock"] {
        chain.push(Loaded::new(runtime, policy).under(&nothing).await);
    }
    chain
}

/// Each policy of a chain decides, and sees what those before it decided.
async fn decide(chain: &[Arc<dyn Policy>], snapshot: &mut Snapshot, happening: &Happening) {
    for policy in chain {
        let called = policy.decide(CallContext::at(snapshot.now), snapshot, happening).await.unwrap();
        snapshot.decided.extend(called.result.unwrap());
    }
}

/// F5: whatever a customer writes, the chain that `init` sets up gives it a team and at least one promise with an end.
#[tokio::test]
async fn every_matter_has_an_owner_and_a_promised_end() {
    let folder = tempfile::tempdir().unwrap();
    let (runtime, room, _) = sandbox(folder.path());
    let chain = chain(&runtime).await;
    let mut count = 0;
    for file in files("policy-triage") {
        let case = Case::read(&file).unwrap_or_else(|error| panic!("{error}"));
        let mut snapshot = convert::from_snapshot(case.snapshot().unwrap());
        let happening = convert::from_happening(case.happening().unwrap());
        let Happening::Message(message) = &happening else { continue };
        if message.automatic || message.author != Author::Customer || case.config() != serde_json::json!({}) {
            continue;
        }
        room.enter(FakeHost::new());
        decide(&chain, &mut snapshot, &happening).await;
        let owned = snapshot.team.is_some() || snapshot.decided.iter().any(|it| matches!(it.action, Action::Route(_)));
        let promised = snapshot.decided.iter().any(|it| matches!(it.action, Action::StartClock(_)));
        assert!(owned && promised, "{}: {:?}", file.display(), snapshot.decided);
        count += 1;
    }
    assert!(count > 20, "{count}");
}

/// K9: one language of service. The same matter is treated the same, in whatever language it comes.
#[tokio::test]
async fn the_same_matter_is_treated_the_same_in_both_languages() {
    let folder = tempfile::tempdir().unwrap();
    let (runtime, room, _) = sandbox(folder.path());
    let chain = chain(&runtime).await;
    for (chinese, english) in [
        ("我想退货，鞋子大了", "I would like to return the shoes, they are too large"),
        ("包裹还没到，什么时候能送到", "My parcel has not arrived yet, when will it be delivered?"),
        ("我要投诉，客服态度太差", "I want to complain, your agent was rude"),
        ("洗衣机坏了，要报修", "My washing machine is broken, I need a repair"),
        ("我的账号被盗了，有人用我的钱下单", "My account was stolen, somebody is ordering with my money"),
        ("请问有没有XL码", "Do you have it in size XL?"),
    ] {
        let mut treated = Vec::new();
        for text in [chinese, english] {
            let case: Case = toml::Table::from_iter([(
                "message".to_owned(),
                toml::Value::Table(toml::Table::from_iter([("text".to_owned(), toml::Value::from(text))])),
            )])
            .try_into()
            .unwrap();
            room.enter(FakeHost::new());
            let mut snapshot = convert::from_snapshot(case.snapshot().unwrap());
            let happening = convert::from_happening(case.happening().unwrap());
            decide(&chain, &mut snapshot, &happening).await;
            let mut acts: Vec<String> = snapshot.decided.iter().filter_map(|it| treatment(&it.action)).collect();
            acts.sort();
            treated.push(acts);
        }
        assert_eq!(treated[0], treated[1], "{chinese} / {english}");
    }
}

/// What an action does to the matter, without words for people.
fn treatment(action: &Action) -> Option<String> {
    match action {
        Action::SetGrade(_) | Action::SetCategory(_) => Some(format!("{} {}", action.word(), action.detail())),
        Action::Route(route) => Some(format!("route {} {:?} {}", route.team, route.skills, route.senior)),
        Action::StartClock(clock) => Some(format!("clock {} {}", clock.name, clock.target)),
        Action::Escalate { level, teams, .. } => Some(format!("escalate {level} {teams:?}")),
        Action::Reply(_) => Some("reply".to_owned()),
        _ => None,
    }
}
