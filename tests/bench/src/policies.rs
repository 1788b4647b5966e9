//! What each policy of the chain costs, and all of them together: a fresh instance for each call, and the same policy linked
//! natively. Each is asked with what the ones before it decided, as in the daemon.
use crate::native::Native;
use crate::{Args, package, runtime};
use anyhow::{Context, Result};
use std::sync::Arc;
use std::time::Instant;
use tributary_model::conversation::State;
use tributary_model::decision::{Contact, Entry, Happening, Snapshot};
use tributary_model::message::{Author, Content, Handle, HandleKind, Inbound};
use tributary_model::{ContactId, ConversationId, Timestamp};
use tributary_runtime::{Blobs, CallContext, Package, Policy, Settings};
use tributary_sdk::Exported;

/// What customers write most: a question, where an order is, a complaint.
const TEXTS: [&str; 3] = [
    "你好，请问这款电饭煲可以定时预约吗？蒸笼是另外买还是盒子里就有？",
    "您好，我的订单 1042 上周就付款了，现在还没有发货，麻烦帮我查一下什么时候能到？谢谢！",
    "The kettle arrived broken and nobody answers me. I want my money back today.",
];
const CALLS: usize = 300;
const ROUNDS: usize = 9;

type Link = fn(&Package, &Arc<Blobs>) -> Result<Arc<dyn Policy>>;

/// The chain as `init` writes it, the bot included.
const POLICIES: [(&str, Link); 6] = [
    ("policy-triage", link::<policy_triage::Triage>),
    ("policy-routing", link::<policy_routing::Routing>),
    ("policy-faq-bot", link::<policy_faq_bot::FaqBot>),
    ("policy-receipt", link::<policy_receipt::Receipt>),
    ("policy-escalation", link::<policy_escalation::Escalate>),
    ("policy-service-clock", link::<policy_service_clock::ServiceClock>),
];

fn link<P: Exported + tributary_sdk::Policy>(package: &Package, blobs: &Arc<Blobs>) -> Result<Arc<dyn Policy>> {
    let plugin = tributary_sdk::load::<P>(&package.effective_config(&toml::Table::new())?.to_string());
    Ok(Arc::new(Native::new(plugin.map_err(anyhow::Error::msg)?, package, None, blobs.clone())?))
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

/// A line for each policy, and one for the chain.
pub async fn run(args: &Args) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let blobs = Blobs::open(&dir.path().join("blobs"))?;
    let runtime = runtime(&blobs)?;
    let (mut fresh, mut native, mut sizes) = (Vec::new(), Vec::new(), Vec::new());
    for (name, link) in POLICIES {
        let package = package(&args.plugins, name)?;
        native.push(link(&package, &blobs)?);
        let settings = Settings { reuse: Some(0), ..Settings::default() };
        let loaded: Arc<dyn Policy> = runtime.load(package, settings).await?;
        fresh.push(loaded);
        sizes.push(std::fs::metadata(args.plugins.join(format!("{name}.wasm")))?.len() / 1024);
    }
    let mut rounds = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        rounds.0.push(micros(&fresh).await?);
        rounds.1.push(micros(&native).await?);
    }
    let median = |rounds: &[Vec<f64>], of: &dyn Fn(&[f64]) -> f64| {
        let mut values: Vec<f64> = rounds.iter().map(|round| of(round)).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    println!("one message after another through the chain, median of {ROUNDS} rounds of {CALLS}");
    println!("{:<22} {:>9} {:>9} {:>6} {:>10}", "policy", "fresh µs", "native µs", "times", "size KiB");
    for (at, (name, _)) in POLICIES.iter().enumerate() {
        let [fresh, native] = [&rounds.0, &rounds.1].map(|rounds| median(rounds, &|round| round[at]));
        println!("{name:<22} {fresh:>9.1} {native:>9.1} {:>6.1} {:>10}", fresh / native, sizes[at]);
    }
    let [fresh, native] = [&rounds.0, &rounds.1].map(|rounds| median(rounds, &|round| round.iter().sum()));
    println!("{:<22} {fresh:>9.1} {native:>9.1} {:>6.1}   at most 400 µs are wanted", "the chain", fresh / native);
    Ok(())
}

/// What each policy takes for a message, on the average over the texts.
async fn micros(chain: &[Arc<dyn Policy>]) -> Result<Vec<f64>> {
    let mut micros = vec![0.0; chain.len()];
    for text in TEXTS.iter().cycle().take(CALLS) {
        let (mut snapshot, happening) = first_message(text);
        for (policy, micros) in chain.iter().zip(&mut micros) {
            let context = CallContext::at(snapshot.now);
            let started = Instant::now();
            let decided = policy.decide(context, &snapshot, &happening).await?.result;
            *micros += started.elapsed().as_secs_f64() * 1e6 / CALLS as f64;
            let decided = decided.map_err(|fault| anyhow::anyhow!("{fault:?}"));
            snapshot.decided.extend(decided.with_context(|| policy.info().name.to_string())?);
        }
    }
    Ok(micros)
}
