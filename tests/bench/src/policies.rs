//! What CPU each policy of the chain costs, and all of them together: a fresh instance for each call, one that serves many, and
//! the same policy linked natively. Each is asked with what the ones before it decided, as in the daemon. The bot has the sample knowledge base
//! before it and the message box a calendar; what a search takes is the host's and stands in a line of its own.
//!
//! Not in it: `policy-assist`, which waits for a language model.
use crate::native::{Host, Native, Searched};
use crate::{Args, convert, knowledge, package};
use anyhow::{Context, Result};
use async_trait::async_trait;
use policy_outbound_review::OutboundReview;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;
use tributary_model::calendar::{Calendar, Period, Plan};
use tributary_model::conversation::State;
use tributary_model::decision::{Contact, Entry, Happening, Snapshot};
use tributary_model::message::{Author, Content, Handle, HandleKind, Inbound};
use tributary_model::{ContactId, ConversationId, Timestamp};
use tributary_runtime::{
    Blobs, CalendarSource, Calendars, CallContext, KnowledgeSource, KnownArticle, Package, Policy, Runtime,
    RuntimeConfig, Services, Settings, StateUnavailable,
};
use tributary_sdk::{Exported, Review};
use tributary_store::sqlite::SqliteStore;
use tributary_store::{FoundArticle, Knowledge};

/// What customers write most: a question, where an order is, a complaint.
const TEXTS: [&str; 3] = [
    "你好，请问这款电饭煲可以定时预约吗？蒸笼是另外买还是盒子里就有？",
    "您好，我的订单 1042 上周就付款了，现在还没有发货，麻烦帮我查一下什么时候能到？谢谢！",
    "The kettle arrived broken and nobody answers me. I want my money back today.",
];
const CALLS: usize = 300;
const ROUNDS: usize = 9;

/// An answer of an agent.
const DRAFT: &str = "您好，帮您查过了：订单今天下午已经发出，预计后天送到，到货后七天内可以无理由退货。";

type Link = fn(&Package, &Arc<Room>) -> Result<Arc<dyn Policy>>;

/// The chain as `init` writes it, with what stands there as a comment.
const POLICIES: [(&str, Link); 8] = [
    ("policy-triage", link::<policy_triage::Triage>),
    ("policy-routing", link::<policy_routing::Routing>),
    ("policy-faq-bot", link::<policy_faq_bot::FaqBot>),
    ("policy-message-box", link::<policy_message_box::MessageBox>),
    ("policy-receipt", link::<policy_receipt::Receipt>),
    ("policy-escalation", link::<policy_escalation::Escalate>),
    ("policy-service-clock", link::<policy_service_clock::ServiceClock>),
    ("policy-survey", link::<policy_survey::Survey>),
];

fn native<P: Exported>(package: &Package) -> Result<P> {
    tributary_sdk::load::<P>(&package.effective_config(&toml::Table::new())?.to_string()).map_err(anyhow::Error::msg)
}

fn link<P: Exported + tributary_sdk::Policy>(package: &Package, room: &Arc<Room>) -> Result<Arc<dyn Policy>> {
    Ok(Arc::new(Native::new(native::<P>(package)?, package, None, Arc::clone(&room.host))?))
}

/// The house around the policies: the sample knowledge base, searched once for each question, and one calendar.
struct Room {
    store: SqliteStore,
    found: Searched,
    calendars: Calendars,
    /// The same for policies that are linked natively.
    host: Arc<Host>,
}

impl Room {
    async fn open(dir: &std::path::Path, blobs: &Arc<Blobs>) -> Result<Arc<Self>> {
        let days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].map(String::from).to_vec();
        let opening = vec![Period { days, from: "08:00".into(), to: "22:00".into() }];
        let plan = Plan { zone: "Asia/Shanghai".into(), opening, ..Plan::default() };
        let calendar = Calendar::new(plan).map_err(|faults| anyhow::anyhow!("{faults:?}"))?;
        let calendars: Calendars = Arc::new(vec![("service".into(), calendar)]);
        let found = Searched::default();
        let host = Arc::new(Host::new(Arc::clone(blobs), Arc::clone(&calendars), Arc::clone(&found)));
        Ok(Arc::new(Self { store: knowledge::sample(dir).await?.0, found, calendars, host }))
    }

    async fn look_up(&self, question: &str, most: u32) -> Result<Vec<KnownArticle>, StateUnavailable> {
        let found = self.store.search_articles(question, most as usize, Timestamp(2)).await;
        let known = |FoundArticle { version, score }| KnownArticle {
            version: version.id,
            key: version.key,
            title: version.article.title,
            text: version.article.text,
            score: score as f32,
        };
        Ok(found.map_err(|_| StateUnavailable)?.into_iter().map(known).collect())
    }

    /// What a search takes, in microseconds: the median over the questions that were asked, many times each.
    async fn searching(&self) -> Result<f64> {
        let questions: Vec<String> = self.found.lock().keys().cloned().collect();
        let mut micros = Vec::new();
        for question in questions.iter().cycle().take(CALLS) {
            let started = Instant::now();
            self.look_up(question, 5).await?;
            micros.push(started.elapsed().as_secs_f64() * 1e6);
        }
        micros.sort_by(f64::total_cmp);
        micros.get(micros.len() / 2).copied().context("the bot searched for nothing")
    }
}

#[async_trait]
impl KnowledgeSource for Room {
    async fn search(&self, question: &str, most: u32, _: Timestamp) -> Result<Vec<KnownArticle>, StateUnavailable> {
        let known = self.found.lock().get(question).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let found = self.look_up(question, most).await?;
        self.found.lock().insert(question.to_owned(), found.clone());
        Ok(found)
    }
}

impl CalendarSource for Room {
    fn all(&self) -> Calendars {
        Arc::clone(&self.calendars)
    }
}

fn first_message(text: &str) -> (Snapshot, Happening) {
    let now = Timestamp(1_790_812_800_000);
    let from = vec![Handle { kind: HandleKind::Email, value: "ann@mail.example".into(), verified: true }];
    let inbound = Inbound {
        external_id: Some("<1@mail.example>".into()),
        sent_at: now,
        author: Author::Customer,
        from: from.clone(),
        display_name: None,
        subject: None,
        content: Content { text: text.into(), ..Content::default() },
        thread: Default::default(),
        automatic: false,
        attributes: Vec::new(),
    };
    let entry =
        Entry { at: now, author: Author::Customer, text: text.into(), channel: "email".into(), automatic: false };
    let snapshot = Snapshot {
        now,
        id: ConversationId(1042),
        channel: "email".into(),
        subject: None,
        standing: State::Open,
        grade: None,
        category: None,
        tags: Vec::new(),
        team: None,
        assignee: None,
        opened: now,
        contact: Contact {
            id: ContactId(7),
            handles: from,
            display_name: None,
            tags: Vec::new(),
            attributes: Vec::new(),
        },
        history: vec![entry],
        orders: Vec::new(),
        clocks: Vec::new(),
        decided: Vec::new(),
        attributes: Vec::new(),
    };
    (snapshot, Happening::Message(Box::new(inbound)))
}

/// A line for each policy, and one for the chain; then what is not of it.
pub async fn run(args: &Args) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let blobs = Blobs::open(&dir.path().join("blobs"))?;
    let room = Room::open(dir.path(), &blobs).await?;
    let services =
        Services { knowledge: room.clone(), calendars: room.clone(), ..Services::nothing(Arc::clone(&blobs)) };
    let runtime = Runtime::new(RuntimeConfig::default(), services)?;
    let (mut fresh, mut reused, mut native, mut sizes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (name, link) in POLICIES {
        let package = package(&args.plugins, name)?;
        native.push(link(&package, &room)?);
        fresh.push(loaded(&runtime, package.clone(), 0).await?);
        reused.push(loaded(&runtime, package, u32::MAX).await?);
        sizes.push(size(args, name)?);
    }
    let mut rounds = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (chain, rounds) in [&fresh, &reused, &native].into_iter().zip(&mut rounds) {
            rounds.push(micros(chain, &fresh).await?);
        }
    }
    let median = |of: &dyn Fn(&[f64]) -> f64| {
        rounds.each_ref().map(|rounds| {
            let mut values: Vec<f64> = rounds.iter().map(|round| of(round)).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        })
    };
    println!("one message after another through the chain, CPU, median of {ROUNDS} rounds of {CALLS}");
    let heads = ["policy", "fresh µs", "reused µs", "native µs", "times", "size KiB"];
    println!("{:<22} {:>9} {:>10} {:>10} {:>6} {:>9}", heads[0], heads[1], heads[2], heads[3], heads[4], heads[5]);
    for (at, (name, _)) in POLICIES.iter().enumerate() {
        let [fresh, reused, native] = median(&|round| round[at]);
        let times = fresh / native;
        if fresh == 0.0 {
            println!("{name:<22} {:>47}   is not told of messages", sizes[at]);
            continue;
        }
        println!("{name:<22} {fresh:>9.1} {reused:>10.1} {native:>10.1} {times:>6.1} {:>9}", sizes[at]);
    }
    let [fresh, reused, native] = median(&|round| round.iter().sum());
    let times = fresh / native;
    println!("{:<22} {fresh:>9.1} {reused:>10.1} {native:>10.1} {times:>6.1}   at most 400 µs are wanted", "the chain");
    println!("{:<22} {:>31.1}   the host's, for the bot", "a search", room.searching().await?);
    review(args, &runtime, &room).await
}

async fn loaded(runtime: &Arc<Runtime>, package: Arc<Package>, reuse: u32) -> Result<Arc<dyn Policy>> {
    Ok(runtime.load(package, Settings { reuse: Some(reuse), ..Settings::default() }).await?)
}

/// Of a component, in KiB.
fn size(args: &Args, name: &str) -> Result<u64> {
    Ok(std::fs::metadata(args.plugins.join(format!("{name}.wasm")))?.len() / 1024)
}

/// What an answer of an agent is held up for until it was read.
async fn review(args: &Args, runtime: &Arc<Runtime>, room: &Room) -> Result<()> {
    let name = "policy-outbound-review";
    let package = package(&args.plugins, name)?;
    let plugin = native::<OutboundReview>(&package)?;
    let (fresh, reused) = (loaded(runtime, package.clone(), 0).await?, loaded(runtime, package, u32::MAX).await?);
    let (snapshot, _) = first_message(TEXTS[1]);
    let draft = Content { text: DRAFT.into(), ..Content::default() };
    let mut rounds = [Vec::new(), Vec::new(), Vec::new()];
    let took = |before: f64| (cpu() - before) * 1e6 / CALLS as f64;
    for _ in 0..ROUNDS {
        for (component, rounds) in [&fresh, &reused].into_iter().zip(&mut rounds) {
            let before = cpu();
            for _ in 0..CALLS {
                let called = component.review(CallContext::at(snapshot.now), &snapshot, &draft).await?;
                called.result.map_err(|fault| anyhow::anyhow!("{fault:?}"))?;
            }
            rounds.push(took(before));
        }
        let (shown, draft) = (convert::snapshot(&snapshot), convert::content(&draft));
        let before = cpu();
        for _ in 0..CALLS {
            let said = room.host.at(snapshot.now, || plugin.review(black_box(&shown), black_box(&draft)));
            black_box(said).map_err(|fault| anyhow::anyhow!("{fault:?}"))?;
        }
        rounds[2].push(took(before));
    }
    let [fresh, reused, native] = rounds.map(|mut rounds| {
        rounds.sort_by(f64::total_cmp);
        rounds[ROUNDS / 2]
    });
    let (times, size) = (fresh / native, size(args, name)?);
    println!("{name:<22} {fresh:>9.1} {reused:>10.1} {native:>10.1} {times:>6.1} {size:>9}   for each answer");
    Ok(())
}

/// Seconds of CPU that this thread has used: calls run where they are waited for.
fn cpu() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// What each policy takes for a message, on the average over the texts; none where the component is not told of it.
async fn micros(chain: &[Arc<dyn Policy>], components: &[Arc<dyn Policy>]) -> Result<Vec<f64>> {
    let mut micros = vec![0.0; chain.len()];
    for text in TEXTS.iter().cycle().take(CALLS) {
        let (mut snapshot, happening) = first_message(text);
        for ((policy, component), micros) in chain.iter().zip(components).zip(&mut micros) {
            if !component.hears(&happening, &snapshot.decided) {
                continue;
            }
            let context = CallContext::at(snapshot.now);
            let before = cpu();
            let decided = policy.decide(context, &snapshot, &happening).await?.result;
            *micros += (cpu() - before) * 1e6 / CALLS as f64;
            let decided = decided.map_err(|fault| anyhow::anyhow!("{fault:?}"));
            snapshot.decided.extend(decided.with_context(|| policy.info().name.to_string())?);
        }
    }
    Ok(micros)
}
