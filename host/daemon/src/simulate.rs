//! `tributary simulate`: a scenario's day on this folder's policies, calendars and queue, in a store that is thrown away.
use crate::check::{self, BAD_CONFIGURATION};
use crate::client::knowledge;
use crate::client::table::Table;
use crate::client::text::{count, plain};
use crate::client::{Page, Style, write};
use crate::config::{Config, Folder};
use crate::{cli, replay, wire};
use anyhow::{Context, bail};
use clap::Args;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use tributary_model::Place;
use tributary_runtime::{Package, Policy, Runtime};
use tributary_simulate::{ClassRow, Desk, Report, Scenario};
use tributary_store::sqlite::{SqliteConfig, SqliteStore};
use tributary_store::{NewArticle, Store};

/// Something happened that must not. Not 1, which every trouble has.
const BROKEN: u8 = 3;

/// `tributary simulate`
#[derive(Args)]
pub struct SimulateArgs {
    /// The scenario: a file, or one of those that come along: normal-week, double-11, incident
    #[arg(long, value_name = "SCENARIO", required_unless_present = "print")]
    day: Option<String>,
    /// Articles that the bot answers from: a file as `tributary knowledge import` takes it
    #[arg(long, value_name = "FILE")]
    articles: Option<PathBuf>,
    /// Another seed than the scenario's: the same shop on another day
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Print a scenario that comes along, to write one's own from
    #[arg(long, value_name = "NAME", conflicts_with = "day")]
    print: Option<String>,
    /// The daemon's folder, whose policies, calendars and queue rules have the day
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Print the report as one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// A file cannot be read, a policy does not load or failed in the day.
pub fn run(args: &SimulateArgs) -> anyhow::Result<ExitCode> {
    if let Some(name) = &args.print {
        write(shipped(name)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let config = match Config::read(&args.dir) {
        Ok(config) => config,
        Err(faults) => {
            check::report(&faults);
            return Ok(ExitCode::from(BAD_CONFIGURATION));
        }
    };
    let named = args.day.as_deref().unwrap_or_default();
    let (name, text) = match std::fs::read_to_string(named) {
        Ok(text) => (named.to_owned(), text),
        Err(_) if !named.ends_with(".toml") => (named.to_owned(), shipped(named)?.to_owned()),
        Err(error) => return Err(error).with_context(|| format!("{named} cannot be read")),
    };
    let mut scenario = match Scenario::read(&text) {
        Ok(scenario) => scenario,
        Err(faults) => {
            faults.0.iter().for_each(|fault| eprintln!("{name}: {}", plain(fault)));
            return Ok(ExitCode::from(BAD_CONFIGURATION));
        }
    };
    scenario.seed = args.seed.unwrap_or(scenario.seed);
    let report = cli::block_on(simulate(args, &config, &scenario))?;
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        let mut page = Page::new();
        told(&mut page, &report);
        write(&page.text)?;
    }
    Ok(if report.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(BROKEN) })
}

fn shipped(name: &str) -> anyhow::Result<&'static str> {
    let names = tributary_simulate::SCENARIOS.map(|(name, _)| name).join(", ");
    tributary_simulate::shipped(name).with_context(|| format!("no scenario is called {name:?}; there are {names}"))
}

async fn simulate(args: &SimulateArgs, config: &Config, scenario: &Scenario) -> anyhow::Result<Report> {
    let folder = Folder(config.dir.as_path().into());
    let scratch = tempfile::tempdir().context("there is no place for the day's store")?;
    let rules = config.rules.clone();
    let settings = SqliteConfig { rules, durable: false, ..SqliteConfig::new(scratch.path().join("data")) };
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&settings).context("the day's store cannot be opened")?);
    let begin = scenario.moment(0.0);
    store.set_calendars(config.calendars.clone(), begin).await?;
    for entry in args.articles.as_deref().map(knowledge::articles).transpose()?.unwrap_or_default() {
        let (key, article) = entry?;
        store.write_article(NewArticle { key, article, by: "scenario".into(), now: begin }).await?;
    }
    let services = wire::services_of_a_day(config, &store, scratch.path())?;
    let runtime = Runtime::new(wire::runtime_config(config, Some(folder.cache())), services)?;
    let mut policies: Vec<Arc<dyn Policy>> = Vec::new();
    for entry in config.places.iter().filter(|entry| matches!(entry.place, Place::Policy(_))) {
        let file = folder.plugins().join(format!("{}.wasm", entry.plugin));
        let bytes = std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let package = Arc::new(Package::read(bytes).with_context(|| format!("{} is no plugin", file.display()))?);
        let policy = replay::load(&runtime, config, package, entry).await;
        policies.push(policy.with_context(|| format!("{} does not load", entry.plugin))?);
    }
    if policies.is_empty() {
        bail!("{} has no [[policy]]: nothing would be decided", args.dir.display());
    }
    let shown = !args.json && std::io::stderr().is_terminal();
    let report = tributary_simulate::run(scenario, Desk { policies, store }, |share| {
        if shown {
            eprint!("\r{:.0} % of the day …", share * 100.0);
            // What cannot be drawn is not missed.
            let _ = std::io::stderr().flush();
        }
    })
    .await?;
    if shown {
        eprint!("\r\x1b[K");
    }
    Ok(report)
}

/// Seconds as people say them.
fn span(seconds: f64) -> String {
    match seconds {
        s if s < 100.0 => format!("{s:.0} s"),
        s if s < 6_000.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3_600.0),
    }
}

fn told(page: &mut Page, report: &Report) {
    let head = format!(
        "{}: {} conversations in {} day{}, {} messages, {} answers of agents",
        plain(&report.about),
        count(report.conversations),
        report.days,
        if report.days == 1 { "" } else { "s" },
        count(report.messages),
        count(report.answers),
    );
    page.line(&page.styled(Style::Strong, &head));
    page.line("");
    let mut table = Table::new(&[
        ("CONVERSATIONS", 30),
        ("COUNT", 9),
        ("IN 30 S", 8),
        ("BY BOT", 7),
        ("FIRST ANSWER p50", 16),
        ("p95", 9),
        ("CLOSED", 7),
        ("ESCALATED", 9),
        ("REOPENED", 8),
    ]);
    for (row, style) in report.classes.iter().map(|row| (row, None)).chain([(&report.all, Some(Style::Strong))]) {
        table.row(class(row, style));
    }
    table.write(page);
    page.line("");
    let mut table = Table::new(&[("CLOCK", 30), ("STARTED", 9), ("WARNED", 8), ("BREACHED", 8), ("KEPT", 8)]);
    for clock in &report.clocks {
        let style = (clock.kept < 95.0).then_some(Style::Alarm);
        table.row([
            (clock.name.clone(), None),
            (count(clock.started), None),
            (count(clock.warned), None),
            (count(clock.breached), None),
            (format!("{:.1} %", clock.kept), style),
        ]);
    }
    table.write(page);
    page.line("");
    let mut table = Table::new(&[("AGENTS", 20), ("HOW MANY", 8), ("HOURS", 8), ("ANSWERS", 9), ("BUSY", 6)]);
    for team in &report.teams {
        table.row([
            (team.name.clone(), None),
            (team.agents.to_string(), None),
            (format!("{:.0}", team.hours), None),
            (count(team.answers), None),
            (format!("{:.0} %", team.busy), None),
        ]);
    }
    table.write(page);
    page.line("");
    let (longest, hour) = report.longest_queue;
    let (day, hour) = ((hour / 24.0).floor() + 1.0, hour % 24.0);
    let minutes = ((hour.fract()) * 60.0).floor();
    page.line(&format!(
        "Longest queue: {} waited on day {day:.0} at {:02.0}:{minutes:02.0} from its beginning. Open at the end: {}.",
        count(longest),
        hour.floor(),
        count(report.left_open),
    ));
    let claims = &report.claim_ms;
    page.line(&format!(
        "{} claims beside up to {} waiting: p50 {:.2} ms, p99 {:.2} ms. The day took {:.1} s.",
        count(report.claims),
        count(report.waiting_at_claim),
        claims.p50,
        claims.p99,
        report.took,
    ));
    for (why, times) in report.refused.iter().take(5) {
        page.line(&page.styled(Style::Faint, &format!("Refused {}×: {}", count(*times), plain(why))));
    }
    for broken in &report.broken {
        page.line(&page.styled(Style::Alarm, &plain(broken)));
    }
}

fn class(row: &ClassRow, style: Option<Style>) -> [(String, Option<Style>); 9] {
    let share = |share: f64| (format!("{share:.1} %"), None);
    [
        (row.name.clone(), style),
        (count(row.conversations), None),
        share(row.connected_in_30_s),
        share(row.settled_by_bot),
        (span(row.first_answer.p50), None),
        (span(row.first_answer.p95), None),
        share(row.closed),
        share(row.escalated),
        share(row.reopened),
    ]
}
