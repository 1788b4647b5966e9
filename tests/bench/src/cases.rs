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
use tributary_model::decision::Decision;
use tributary_model::{ArticleId, Timestamp};
use tributary_runtime::{
    Blobs, CalendarSource, Calendars, CallContext, KnowledgeSource, KnownArticle, Package, Policy, Runtime,
    RuntimeConfig, Services, Settings, StateUnavailable,
};
use tributary_sdk::Exported;
use tributary_sdk::testing::{Case, FakeCalendar};

/// What the knowledge base of the case at hand finds.
#[derive(Default)]
struct Articles(Mutex<Vec<KnownArticle>>);

#[async_trait]
impl KnowledgeSource for Articles {
    async fn search(&self, _: &str, most: u32, _: Timestamp) -> Result<Vec<KnownArticle>, StateUnavailable> {
        Ok(self.0.lock().iter().take(most as usize).cloned().collect())
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

const POLICIES: [(&str, Native); 6] = [
    ("policy-triage", native::<policy_triage::Triage>),
    ("policy-service-clock", native::<policy_service_clock::ServiceClock>),
    ("policy-escalation", native::<policy_escalation::Escalate>),
    ("policy-routing", native::<policy_routing::Routing>),
    ("policy-faq-bot", native::<policy_faq_bot::FaqBot>),
    ("policy-receipt", native::<policy_receipt::Receipt>),
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
        let loaded: Arc<dyn Policy> =
            self.runtime.load(Arc::new(package), Settings { config, ..Settings::default() }).await.unwrap();
        self.by_config.insert(key, loaded.clone());
        loaded
    }
}

/// A runtime whose knowledge base finds what is put there, and whose calendars are those that are put there.
fn sandbox(folder: &Path) -> (Arc<Runtime>, Arc<Articles>, Arc<OpeningHours>) {
    let (articles, hours) = (Arc::<Articles>::default(), Arc::<OpeningHours>::default());
    let blobs = Blobs::open(&folder.join("blobs")).unwrap();
    let services = Services { knowledge: articles.clone(), calendars: hours.clone(), ..Services::nothing(blobs) };
    (Runtime::new(RuntimeConfig::default(), services).unwrap(), articles, hours)
}

impl Articles {
    fn put(&self, found: Vec<tributary_sdk::host::knowledge::Article>) {
        let known = |(n, it): (usize, tributary_sdk::host::knowledge::Article)| KnownArticle {
            version: ArticleId(n as i64),
            key: it.id,
            title: it.title,
            text: it.text,
            score: it.score,
        };
        *self.0.lock() = found.into_iter().enumerate().map(known).collect();
    }
}

#[tokio::test]
async fn the_component_decides_every_case_as_its_source_does() {
    let folder = tempfile::tempdir().unwrap();
    let (runtime, articles, hours) = sandbox(folder.path());
    let mut unlike = Vec::new();
    let mut count = 0;
    for (policy, native) in POLICIES {
        let mut loaded = Loaded::new(&runtime, policy);
        for file in files(policy) {
            let case = Case::read(&file).unwrap_or_else(|error| panic!("{error}"));
            articles.put(case.articles());
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
    let (runtime, articles, _) = sandbox(folder.path());
    let policy = "policy-outbound-review";
    let mut loaded = Loaded::new(&runtime, policy);
    let (mut unlike, mut count) = (Vec::new(), 0);
    for file in files(policy) {
        for draft in draft::read(&file).cases {
            articles.put(draft.found());
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
