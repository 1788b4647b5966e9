//! `tributary serve`: the order in which a daemon comes up and goes down.
use crate::check::{BAD_CONFIGURATION, report};
use crate::cli::{DirArgs, executor};
use crate::config::reader::Fault;
use crate::config::{Config, Folder};
use crate::wire::{self, CalendarsInUse, House};
use crate::{plugins, telemetry};
use anyhow::Context;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tributary_fleet::Fleet;
use tributary_gateway::api::ApiState;
use tributary_gateway::http::{self, HttpConfig};
use tributary_gateway::imap::{self, Board};
use tributary_gateway::smtp;
use tributary_model::calendar::Calendar;
use tributary_pipeline::driver::Driver;
use tributary_pipeline::{Feeds, Idle, Pipeline};
use tributary_runtime::Runtime;

/// Runs the command.
pub fn run(args: &DirArgs) -> anyhow::Result<ExitCode> {
    // The whole configuration first: nothing is opened for one that is wrong.
    let mut config = match Config::read(&args.dir) {
        Ok(config) => config,
        Err(faults) => {
            report(&faults);
            return Ok(ExitCode::from(BAD_CONFIGURATION));
        }
    };
    telemetry::log(&config.log)?;
    let idle = Arc::<Idle>::default();
    config.pipeline.idle = Some(idle.clone());
    beside_the_writer(idle)?.block_on(serve(config))
}

/// How many steps of niceness the executor's threads stand behind the store's one writer, which everything goes through: at
/// equal rights it would wait for a core half of its time on a full machine, and all the others for it.
const BEHIND: i32 = 3;

/// An executor that tells when it has nothing else to do. The writer is no thread of it.
fn beside_the_writer(idle: Arc<Idle>) -> anyhow::Result<tokio::runtime::Runtime> {
    let own = rustix::process::getpriority_process(None).unwrap_or_default();
    let mut executor = executor();
    executor.on_thread_start(move || {
        // On Linux the priority of process 0 is that of the calling thread. Refused, it has equal rights.
        let _ = rustix::process::setpriority_process(None, own + BEHIND);
    });
    executor.on_thread_park(move || idle.parks());
    executor.build().context("the threads cannot be started")
}

async fn serve(config: Config) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::new()?;
    let metrics = telemetry::metrics()?;
    let folder = Folder(config.dir.as_path().into());
    let store = wire::open_store(&folder, config.rules.clone()).context("the store cannot be opened")?;
    let feeds = Arc::<Feeds>::default();
    let calendars = Arc::<CalendarsInUse>::default();
    let (services, upkeep) = wire::services(&config, &folder, &store, &feeds, &calendars)?;
    let blobs = services.blobs.clone();
    let runtime = Runtime::new(wire::runtime_config(&config, Some(folder.cache())), services)?;
    let opened = Fleet::open(config.fleet.clone(), config.places.clone(), runtime, store.clone()).await;
    let (fleet, set) = match opened {
        Ok(opened) => opened,
        Err(errors) => {
            report(&plugins::faults(&config, &errors));
            return Ok(ExitCode::from(BAD_CONFIGURATION));
        }
    };
    let pipeline = Pipeline::new(store, set, feeds, config.pipeline.clone());
    fleet.attach(pipeline.clone());
    let house = Arc::new(House { pipeline: pipeline.clone(), fleet: fleet.clone(), blobs, board: Board::default() });

    // Two drivers, because they stop one after the other: the doors first, then the stages behind them.
    let (doors, stages) = (Driver::new(), Driver::new());
    let api = ApiState::new(
        house.clone(),
        metrics.clone(),
        doors.stop().watch(),
        config.http.metrics_need_token,
        config.http.hook_size,
    );
    let listener = bind(config.http.listen, "http.listen").await?;
    let mut told = vec![format!("http={}", listener.local_addr()?)];
    let state = api.clone();
    let limits = HttpConfig { max_connections: config.http.connections, ..HttpConfig::default() };
    doors.spawn("http", async move {
        http::serve(listener, state, limits).await;
    });
    for (name, door) in [("smtp", &config.smtp), ("lmtp", &config.lmtp)] {
        let Some(door) = door else { continue };
        let listener = bind(door.listen, name).await?;
        told.push(format!("{name}={}", listener.local_addr()?));
        let (config, intake, stop) = (door.config.clone(), house.clone(), doors.stop().watch());
        doors.spawn(name, async move {
            smtp::serve(listener, config, intake, stop).await;
        });
    }
    set_calendars(&pipeline, &calendars, config.calendars).await?;
    pipeline.start(&stages).await.context("the stages cannot be started")?;
    for (channel, mailbox) in config.mailboxes {
        let parts = wire::mailbox_parts(&house, &folder)?;
        doors.spawn(format!("imap {channel}"), imap::watch(channel, mailbox, parts, doors.stop().watch()));
    }
    doors.spawn("fleet", fleet.clone().run(doors.stop()));
    doors.spawn("upkeep", upkeep.run(metrics, doors.stop()));
    api.set_ready(true);
    println!("ready {}", told.join(" "));

    while let Asked::Reload = signals.next().await {
        reload(&config.dir, &fleet, &pipeline, &calendars).await;
    }
    tracing::info!("stopping: no more mail is taken, what is under way is finished");
    api.set_ready(false);
    let grace = config.pipeline.grace;
    let calm = async {
        let mut unclean = doors.shut_down(grace).await;
        unclean.extend(stages.shut_down(grace).await);
        unclean
    };
    let left_at_once = async { while signals.next().await == Asked::Reload {} };
    tokio::select! {
        unclean = calm => {
            if !unclean.is_empty() {
                tracing::warn!(tasks = unclean.join(", "), "cut off; what they had begun is taken up at the next start");
            }
        }
        () = left_at_once => tracing::warn!("left at once; what was under way is taken up at the next start"),
    }
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

async fn bind(address: std::net::SocketAddr, key: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("{key}: cannot listen on {address}"))
}

/// Clocks start on these calendars from now on, and those that run on one that changed go on by its new form.
async fn set_calendars(
    pipeline: &Arc<Pipeline>,
    in_use: &CalendarsInUse,
    calendars: Vec<(String, Calendar)>,
) -> anyhow::Result<()> {
    let set = pipeline.store().set_calendars(calendars.clone(), tributary_pipeline::now()).await;
    let moved = set.context("the calendars cannot be kept")?;
    in_use.set(calendars);
    if moved > 0 {
        tracing::info!(clocks = moved, "clocks go on by calendars that changed");
    }
    Ok(())
}

/// Reads the configuration again. What changed in a place becomes a new generation there; doors, relay and limits need a
/// restart.
async fn reload(dir: &Path, fleet: &Arc<Fleet>, pipeline: &Arc<Pipeline>, calendars: &CalendarsInUse) {
    let config = match Config::read(dir) {
        Ok(config) => config,
        Err(faults) => return not_taken(&faults, "the old one stays"),
    };
    // First: a policy of the new chain may start its clocks on them.
    if let Err(error) = set_calendars(pipeline, calendars, config.calendars.clone()).await {
        tracing::error!(error = format!("{error:#}"), "the configuration was not taken; the old one stays");
        return;
    }
    match fleet.reload(config.fleet.clone(), config.places.clone()).await {
        Ok(()) => tracing::info!("the configuration was read again: channels, policies and calendars are as it says"),
        Err(errors) => {
            let faults = plugins::faults(&config, &errors);
            not_taken(&faults, "channels and policies stay as they were, the calendars are the new ones");
        }
    }
}

fn not_taken(faults: &[Fault], what_holds: &str) {
    for fault in faults {
        tracing::error!("{fault}");
    }
    tracing::error!(faults = faults.len(), "the configuration was not taken; {what_holds}");
}

#[derive(PartialEq, Eq)]
enum Asked {
    Stop,
    Reload,
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::Stop,
            _ = self.interrupt.recv() => Asked::Stop,
            _ = self.hang_up.recv() => Asked::Reload,
        }
    }
}
