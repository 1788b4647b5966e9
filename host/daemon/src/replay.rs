//! `tributary replay`: yesterday's real calls on another version of a plugin, and what it would have decided differently.
//!
//! No daemon is needed, and one may be running: recordings are files, the answers of the host are on their tapes, and what
//! a call would have written is dropped.
use crate::client::text::{count, plain};
use crate::client::{Page, Style, write};
use crate::config::reader::parse_duration;
use crate::config::{Config, Folder};
use crate::{check, cli, wire};
use anyhow::{Context, bail};
use clap::Args;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tributary_fleet::PlaceEntry;
use tributary_model::Timestamp;
use tributary_model::error::chain;
use tributary_runtime::record::{self, Outcome, Recording, Recordings, Replayed, Summary, Wanted};
use tributary_runtime::{Blobs, Generation, Package, Runtime, Settings};

/// The candidate decides otherwise. Not 1, which every trouble has.
const DIFFERENT: u8 = 3;
/// EX_DATAERR of sysexits: the file is no plugin of this folder.
const REFUSED: u8 = 65;
/// How often the progress is drawn.
const EACH: Duration = Duration::from_millis(200);

/// `tributary replay`
#[derive(Args)]
pub struct ReplayArgs {
    /// The component to try
    #[arg(long, value_name = "FILE")]
    plugin: PathBuf,
    /// The place whose calls are made again: `channel/email`, or its name alone. Needed where the plugin fills several
    #[arg(long, value_name = "PLACE")]
    place: Option<String>,
    /// How far back: `7d`, `12h`, `30min`
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = back)]
    since: Duration,
    /// So many calls at most, the oldest first
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Write each call as a file into this folder: what `tributary_sdk::testing::check_recordings` reads. Customers' words
    /// are in them
    #[arg(long, value_name = "DIR")]
    save: Option<PathBuf>,
    /// Save only those calls that are decided differently or fail
    #[arg(long, requires = "save")]
    only_different: bool,
    /// The daemon's folder
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Print one JSON object a line: each call that is decided differently, then the summary
    #[arg(long)]
    json: bool,
}

fn back(text: &str) -> Result<Duration, std::io::Error> {
    parse_duration(text)
        .filter(|time| !time.is_zero())
        .ok_or_else(|| std::io::Error::other("a time such as 7d, 12h or 30min was expected"))
}

/// Runs the command. Exit status 0: the same would have been decided. 3: something else. 64: the folder's configuration is
/// wrong. 65: the file is no plugin, or does not load in the place.
///
/// # Errors
/// A file cannot be read or written, or there is no such place.
pub fn run(args: &ReplayArgs) -> anyhow::Result<ExitCode> {
    let config = match Config::read(&args.dir) {
        Ok(config) => config,
        Err(faults) => {
            check::report(&faults);
            return Ok(ExitCode::from(check::BAD_CONFIGURATION));
        }
    };
    let bytes = std::fs::read(&args.plugin).with_context(|| format!("cannot read {}", args.plugin.display()))?;
    let package = match Package::read(bytes) {
        Ok(package) => Arc::new(package),
        Err(error) => return Ok(refused(args, &chain(&error))),
    };
    let entry = place(&config.places, &package, args.place.as_deref())?;
    cli::block_on(replay(args, &config, package, entry))
}

fn refused(args: &ReplayArgs, why: &str) -> ExitCode {
    eprintln!("{}: {}", args.plugin.display(), plain(why));
    ExitCode::from(REFUSED)
}

/// The place whose calls are meant.
fn place<'a>(places: &'a [PlaceEntry], package: &Package, meant: Option<&str>) -> anyhow::Result<&'a PlaceEntry> {
    let is_meant = |entry: &&PlaceEntry| match meant {
        Some(meant) => entry.place.to_string() == meant || entry.place.name() == meant,
        None => entry.plugin == *package.name(),
    };
    let found: Vec<&PlaceEntry> = places.iter().filter(is_meant).collect();
    let named =
        |found: &[&PlaceEntry]| found.iter().map(|entry| entry.place.to_string()).collect::<Vec<_>>().join(", ");
    match (&found[..], meant) {
        ([one], _) => Ok(one),
        ([], Some(meant)) => {
            bail!("there is no place {meant:?}; there are {}", named(&places.iter().collect::<Vec<_>>()))
        }
        ([], None) => bail!("{} fills no place of tributary.toml; name one with --place", package.name()),
        (several, _) => bail!("it may be {}; name one with --place", named(several)),
    }
}

async fn replay(
    args: &ReplayArgs,
    config: &Config,
    package: Arc<Package>,
    entry: &PlaceEntry,
) -> anyhow::Result<ExitCode> {
    let folder = Folder(config.dir.as_path().into());
    let services = wire::services_of_a_replay(&folder)?;
    let blobs = services.blobs.clone();
    // No cache: the daemon's is its own.
    let runtime = Runtime::new(wire::runtime_config(config, None), services)?;
    let candidate = match load(&runtime, config, package, entry).await {
        Ok(candidate) => candidate,
        Err(error) => return Ok(refused(args, &format!("{error:#}"))),
    };
    let now = tributary_pipeline::now();
    let since = u64::try_from(args.since.as_millis()).unwrap_or(u64::MAX);
    let wanted =
        Wanted { since: Timestamp(now.0.saturating_sub(since)), place: Some(entry.place.clone()), ..Wanted::default() };
    let dir = folder.recordings();
    if !dir.is_dir() {
        bail!("nothing is recorded in {}; [plugins.recording] in tributary.toml says what is", dir.display());
    }
    let recordings = Recordings::open(&dir, wanted).with_context(|| format!("cannot read {}", dir.display()))?;
    let (summary, took) = again(args, &candidate, recordings, &blobs).await?;
    told(args, entry, &candidate, &summary, took)?;
    Ok(if summary.agrees() { ExitCode::SUCCESS } else { ExitCode::from(DIFFERENT) })
}

/// With the configuration and the grants of the place, as an install would load it.
pub(crate) async fn load(
    runtime: &Arc<Runtime>,
    config: &Config,
    package: Arc<Package>,
    entry: &PlaceEntry,
) -> anyhow::Result<Arc<Generation>> {
    let channel = match &entry.place {
        tributary_model::Place::Channel(name) => Some(name.clone()),
        tributary_model::Place::Policy(_) => None,
    };
    if channel.is_some() != package.is_adapter() {
        let is = if package.is_adapter() { "an adapter" } else { "a policy" };
        bail!("{} is {is}, and {} needs the other", package.name(), entry.place);
    }
    let settings = Settings {
        config: package.effective_config(&entry.config)?,
        grants: entry.grants.clone(),
        channel,
        budgets: config.fleet.budgets,
        ..Settings::default()
    };
    Ok(runtime.load(package, settings).await?)
}

/// Makes the calls again, and tells of those that end otherwise as they come.
async fn again(
    args: &ReplayArgs,
    candidate: &Generation,
    recordings: Recordings,
    blobs: &Blobs,
) -> anyhow::Result<(Summary, Duration)> {
    let began = Instant::now();
    let saver = args.save.as_deref().map(Saver::new).transpose()?;
    // The call that is being made, and the first thing that could not be written.
    let under_way: RefCell<Option<Recording>> = RefCell::new(None);
    let trouble: RefCell<Option<anyhow::Error>> = RefCell::new(None);
    let mut progress = Progress::new(args);
    let kept = recordings.take(args.limit.unwrap_or(usize::MAX)).take_while(|_| trouble.borrow().is_none());
    let kept = kept.inspect(|recording| {
        if saver.is_some() {
            *under_way.borrow_mut() = Some(recording.clone());
        }
    });
    let summary = record::replay(candidate, kept, |replayed| {
        let differs = !matches!(replayed.outcome, Outcome::Same | Outcome::Reworded);
        let done = (|| {
            if let (Some(saver), Some(recording)) = (&saver, under_way.take())
                && (differs || !args.only_different)
            {
                saver.save(&recording, blobs)?;
            }
            progress.step();
            if differs {
                progress.clear();
                write(&shown(args.json, replayed))?;
            }
            anyhow::Ok(())
        })();
        if let Err(error) = done {
            trouble.borrow_mut().get_or_insert(error);
        }
    })
    .await;
    progress.clear();
    match trouble.into_inner() {
        Some(error) => Err(error),
        None => Ok((summary, began.elapsed())),
    }
}

/// One call that ends otherwise.
fn shown(json: bool, replayed: &Replayed) -> String {
    if json {
        return format!("{}\n", replayed.to_json());
    }
    let mut page = Page::new();
    people(&mut page, replayed);
    page.text
}

fn people(page: &mut Page, replayed: &Replayed) {
    let tag = replayed.conversation.map_or_else(|| "-".to_owned(), |id| id.tag());
    let at = jiff::Timestamp::from_millisecond(i64::try_from(replayed.at.0).unwrap_or(i64::MAX)).unwrap_or_default();
    let title = page.styled(Style::Strong, &tag);
    page.line(&format!("{title}  {}  {}", replayed.function.as_str(), at.strftime("%Y-%m-%d %H:%M:%S UTC")));
    match &replayed.outcome {
        Outcome::Different(difference) => {
            for line in &difference.lines {
                page.line(&format!("  {}", plain(line)));
            }
        }
        Outcome::Fault { before, blame, words } => {
            page.line(&format!("  - {}", plain(before)));
            let failed = format!("+ it fails ({}): {}", blame.as_str(), plain(words));
            page.line(&format!("  {}", page.styled(Style::Alarm, &failed)));
        }
        Outcome::Same | Outcome::Reworded => {}
    }
}

fn told(
    args: &ReplayArgs,
    entry: &PlaceEntry,
    candidate: &Generation,
    summary: &Summary,
    took: Duration,
) -> anyhow::Result<()> {
    let package = candidate.package();
    if args.json {
        let Summary { calls, same, reworded, different, faults, left_out, unreadable, withheld } = *summary;
        let line = json!({ "summary": {
            "place": entry.place.to_string(), "plugin": package.name().as_str(), "version": package.version(),
            "calls": calls, "same": same, "reworded": reworded, "different": different, "failed": faults,
            "left_out": left_out, "unreadable": unreadable, "withheld": withheld, "seconds": took.as_secs_f64(),
        }});
        return write(&format!("{line}\n"));
    }
    let mut page = Page::new();
    page.line(&sentence(summary, took));
    if summary.calls == 0 {
        page.line(&format!("There is no recorded call of {} in that time.", entry.place));
    }
    if let Some(dir) = args.save.as_deref().filter(|_| summary.calls > 0) {
        page.line(&format!("Saved in {}; customers' words are in these files.", dir.display()));
    }
    write(&page.text)
}

fn sentence(summary: &Summary, took: Duration) -> String {
    let Summary { calls, same, reworded, different, faults, left_out, unreadable, withheld } = *summary;
    let mut words = format!("{} calls replayed in {:.1} s: {} the same", count(calls), took.as_secs_f64(), count(same));
    if reworded > 0 {
        words.push_str(&format!(", {} in other words", count(reworded)));
    }
    words.push_str(&format!(", {} different, {} failed", count(different), count(faults)));
    let not_compared = [
        (left_out, "of functions it does not export"),
        (unreadable, "that cannot be read"),
        (withheld, "refused for a credential that is not recorded"),
    ];
    let reasons = not_compared.iter().filter(|(many, _)| *many > 0);
    let reasons: Vec<String> = reasons.map(|(many, why)| format!("{} {why}", count(*many))).collect();
    if !reasons.is_empty() {
        words.push_str(&format!("; not compared: {}", reasons.join(", ")));
    }
    words
}

/// A line that counts, on a terminal, until something has to be said.
struct Progress {
    shown: bool,
    on: bool,
    calls: u64,
    drawn: Instant,
}

impl Progress {
    fn new(args: &ReplayArgs) -> Self {
        Self { shown: false, on: !args.json && std::io::stderr().is_terminal(), calls: 0, drawn: Instant::now() }
    }

    fn step(&mut self) {
        self.calls += 1;
        if self.on && self.drawn.elapsed() >= EACH {
            eprint!("\r{} calls …", count(self.calls));
            // What cannot be drawn is not missed.
            let _ = std::io::stderr().flush();
            (self.shown, self.drawn) = (true, Instant::now());
        }
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.shown) {
            eprint!("\r\x1b[K");
            let _ = std::io::stderr().flush();
        }
    }
}

/// Writes calls as files, numbered in their order.
struct Saver<'a> {
    dir: &'a Path,
    next: RefCell<u64>,
}

impl<'a> Saver<'a> {
    fn new(dir: &'a Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        if std::fs::read_dir(dir)?.next().is_some() {
            bail!("{} is not empty; name a new folder", dir.display());
        }
        Ok(Self { dir, next: RefCell::new(1) })
    }

    fn save(&self, recording: &Recording, blobs: &Blobs) -> anyhow::Result<()> {
        let number = self.next.replace_with(|number| *number + 1);
        let path = self.dir.join(format!("{number:06}.json"));
        let json: Value = recording.to_json(Some(blobs));
        std::fs::write(&path, format!("{json:#}\n")).with_context(|| format!("cannot write {}", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tributary_model::{ConversationId, Place};
    use tributary_runtime::Blame;
    use tributary_runtime::record::Function;

    #[test]
    fn a_time_back_is_written_short() {
        for (text, seconds) in [("7d", 604_800), ("12h", 43_200), ("30min", 1_800), ("90", 90)] {
            assert_eq!(back(text).ok(), Some(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "0", "yesterday", "-1d"] {
            assert!(back(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_last_line_says_how_many_ended_how() {
        let summary = Summary { calls: 10_000, same: 9_988, different: 12, ..Summary::default() };
        assert_eq!(
            sentence(&summary, Duration::from_millis(4_100)),
            "10,000 calls replayed in 4.1 s: 9,988 the same, 12 different, 0 failed"
        );
        let summary =
            Summary { calls: 3, same: 1, reworded: 1, faults: 1, left_out: 2, withheld: 1, ..Summary::default() };
        assert_eq!(
            sentence(&summary, Duration::ZERO),
            "3 calls replayed in 0.0 s: 1 the same, 1 in other words, 0 different, 1 failed; not compared: 2 of functions it does not export, 1 refused for a credential that is not recorded"
        );
    }

    #[test]
    fn a_call_that_fails_is_told_with_whose_fault_it_is() {
        let replayed = Replayed {
            at: Timestamp(1_777_885_200_020),
            place: Place::Policy("policy-triage".into()),
            conversation: Some(ConversationId(7)),
            function: Function::Decide,
            outcome: Outcome::Fault {
                before: "route complaints".into(),
                blame: Blame::Trap,
                words: "unreachable\u{1b}[2J".into(),
            },
        };
        let mut page = Page { text: String::new(), colour: false };
        people(&mut page, &replayed);
        assert_eq!(
            page.text,
            "T7  policy.decide  2026-05-04 09:00:00 UTC\n  - route complaints\n  + it fails (trap): unreachable\u{fffd}[2J\n"
        );
    }
}
