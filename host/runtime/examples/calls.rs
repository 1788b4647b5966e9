//! What a call costs: medians of fresh and reused calls of a plugin, of fresh ones while every call is recorded, and of
//! loading it cold and warm.
//!
//! `cargo run --release -p tributary-runtime --example calls -- COMPONENT [key=value…]`; the pairs are configuration.
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tributary_model::conversation::State;
use tributary_model::decision::{Contact, Entry, Happening, Snapshot};
use tributary_model::message::{Arrival, Author, Content, Handle, HandleKind, Inbound, ThreadHints};
use tributary_model::{ChannelName, ContactId, ConversationId, Timestamp};
use tributary_runtime::{
    Adapter, Blobs, CallContext, CallCost, Generation, Package, Policy, Recorder, RecorderConfig, Runtime,
    RuntimeConfig, Services, Settings,
};

const CALLS: usize = 5_000;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("usage: calls COMPONENT [key=value…]")?;
    let mut config = toml::Table::new();
    for pair in arguments {
        let (key, value) = pair.split_once('=').ok_or("a configuration is written key=value")?;
        config.insert(key.into(), toml::Value::String(value.into()));
    }
    let folder = tempfile::tempdir()?;
    let start = Instant::now();
    let package = Arc::new(Package::read(std::fs::read(&path)?)?);
    println!("{} {}, read in {:.1?}", package.name(), package.version(), start.elapsed());
    let settings = Settings {
        config: package.effective_config(&config)?,
        channel: package.is_adapter().then(|| ChannelName::from("mail")),
        ..Settings::default()
    };
    for round in ["cold", "warm"] {
        let runtime = runtime(folder.path(), None)?;
        let start = Instant::now();
        let generation = runtime.load(Arc::clone(&package), settings.clone()).await?;
        println!(
            "load {round}: {:.1?}, from cache: {}, pictured: {:?}",
            start.elapsed(),
            generation.compiled_from_cache(),
            generation.pictured()
        );
    }
    let plain = runtime(folder.path(), None)?;
    let mut recorder = RecorderConfig::new(folder.path().join("recordings"));
    // Every call, and as fast as the bench makes them.
    recorder.per_second = u32::MAX;
    let recorder = Recorder::open(recorder)?;
    let recording = runtime(folder.path(), Some(Arc::clone(&recorder)))?;
    for (how, reuse, runtime) in
        [("fresh", 0, &plain), ("recorded", 0, &recording), ("reused", u32::MAX, &plain), ("fresh again", 0, &plain)]
    {
        let settings = Settings { reuse: Some(reuse), ..settings.clone() };
        let generation = runtime.load(Arc::clone(&package), settings).await?;
        if generation.is_adapter() {
            for size in [1 << 10, 50 << 10] {
                let mail = mail(size);
                let what = format!("receive {how}, {} KB", size >> 10);
                measure(&what, || receive(&generation, &mail)).await?;
                let generation = Arc::clone(&generation);
                at_once(&what, move || {
                    let (generation, mail) = (Arc::clone(&generation), mail.clone());
                    async move { generation.receive(context(), &mail).await.is_ok() }
                })
                .await?;
            }
        }
        if generation.decides() {
            for entries in [0, 20, 50] {
                let (snapshot, happening) = conversation(entries);
                let what = format!("decide {how}, {entries} entries");
                measure(&what, || decide(&generation, &snapshot, &happening)).await?;
            }
        }
    }
    recorder.flush();
    let counts = recorder.counts();
    println!("recorder: {} written, {} dropped because the queue was full", counts.recorded, counts.dropped);
    Ok(())
}

fn runtime(folder: &Path, recorder: Option<Arc<Recorder>>) -> Outcome<Arc<Runtime>> {
    let config = RuntimeConfig { cache_dir: Some(folder.join("cache")), ..RuntimeConfig::default() };
    let services = Services { recorder, ..Services::nothing(Blobs::open(&folder.join("blobs"))?) };
    Ok(Runtime::new(config, services)?)
}

/// Calls from many tasks at once, over all workers.
async fn at_once<F>(what: &str, call: impl Fn() -> F + Clone + Send + 'static) -> Outcome<()>
where
    F: Future<Output = bool> + Send,
{
    const TASKS: usize = 32;
    let start = Instant::now();
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let call = call.clone();
            tokio::spawn(async move {
                for _ in 0..CALLS / TASKS {
                    assert!(call().await, "a call failed");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await?;
    }
    println!("{what}, {TASKS} tasks: {:.0} calls/s", CALLS as f64 / start.elapsed().as_secs_f64());
    Ok(())
}

async fn measure<F: Future<Output = Outcome<CallCost>>>(what: &str, call: impl Fn() -> F) -> Outcome<()> {
    for _ in 0..CALLS / 10 {
        call().await?;
    }
    let mut times = Vec::with_capacity(CALLS);
    let mut guests = Vec::with_capacity(CALLS);
    let mut last = CallCost::default();
    for _ in 0..CALLS {
        let start = Instant::now();
        last = call().await?;
        times.push(start.elapsed());
        guests.push(last.guest);
    }
    let [median, p99] = percentiles(&mut times);
    let [guest, _] = percentiles(&mut guests);
    println!("{what}: median {median:.1?}, p99 {p99:.1?}, guest {guest:.1?}, memory {} KB", last.memory >> 10);
    Ok(())
}

fn percentiles(times: &mut [Duration]) -> [Duration; 2] {
    times.sort();
    [times[times.len() / 2], times[times.len() * 99 / 100]]
}

async fn receive(generation: &Generation, mail: &Arrival) -> Outcome<CallCost> {
    let called = generation.receive(context(), mail).await?;
    called.result.map_err(|rejection| format!("{rejection:?}"))?;
    Ok(called.cost)
}

async fn decide(generation: &Generation, snapshot: &Snapshot, happening: &Happening) -> Outcome<CallCost> {
    let called = generation.decide(context(), snapshot, happening).await?;
    called.result.map_err(|fault| format!("{fault:?}"))?;
    Ok(called.cost)
}

fn context() -> CallContext {
    CallContext { conversation: Some(ConversationId(7)), ..CallContext::at(Timestamp(1_760_000_000_000)) }
}

fn mail(size: usize) -> Arrival {
    let mut text = String::from(
        "Message-ID: <1@shop.example>\r\nFrom: Li Na <li@mail.example>\r\nTo: help@shop.example\r\n\
         Subject: =?UTF-8?B?6YCA5qy+?= please\r\nDate: Thu, 9 Oct 2025 08:53:20 +0000\r\n\
         Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n",
    );
    while text.len() < size {
        text.push_str("The parcel never arrived and I would like my money back.\r\n");
    }
    Arrival::Mail {
        mail_from: "li@mail.example".into(),
        rcpt_to: vec!["help@shop.example".into()],
        data: text.into_bytes().into(),
    }
}

fn conversation(entries: usize) -> (Snapshot, Happening) {
    let text = "The parcel never arrived and I would like my money back. ".repeat(10);
    let handle = Handle { kind: HandleKind::Email, value: "li@mail.example".into(), verified: false };
    let now = context().now;
    let entry = Entry {
        at: now,
        author: Author::Customer,
        text: text.clone(),
        channel: ChannelName::from("mail"),
        automatic: false,
    };
    let snapshot = Snapshot {
        now,
        id: ConversationId(7),
        channel: ChannelName::from("mail"),
        subject: Some("refund please".into()),
        standing: State::Open,
        grade: None,
        category: None,
        tags: Vec::new(),
        team: None,
        assignee: None,
        opened: now,
        contact: Contact {
            id: ContactId(3),
            handles: vec![handle.clone()],
            display_name: Some("Li Na".into()),
            tags: Vec::new(),
            attributes: Vec::new(),
        },
        history: vec![entry; entries],
        orders: Vec::new(),
        clocks: Vec::new(),
        decided: Vec::new(),
        attributes: Vec::new(),
    };
    let message = Inbound {
        external_id: Some("1@shop.example".into()),
        sent_at: now,
        author: Author::Customer,
        from: vec![handle],
        display_name: Some("Li Na".into()),
        subject: Some("refund please".into()),
        content: Content { text, ..Content::default() },
        thread: ThreadHints::default(),
        automatic: false,
        attributes: Vec::new(),
    };
    (snapshot, Happening::Message(Box::new(message)))
}
