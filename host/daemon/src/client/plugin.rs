//! `tributary plugin`: which version of which plugin acts where; installing, trying, going back. Those of its commands that
//! look at a file only need no daemon, see [`crate::plugin_file`].
mod place;
mod say;
mod show;
mod top;

use super::Common;
use super::http::{Api, ClientError, Package, escaped};
use super::text::plain;
use crate::plugin_file::{self, CompatArgs, InspectArgs, KeygenArgs, PushArgs, SignArgs};
use anyhow::Context;
use clap::{Args, Subcommand};
use place::{path, resolve};
use serde_json::{Value, json};
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

/// Commands of `tributary plugin`. What changes something needs a token of scope admin, such as the one in the daemon's
/// folder.
#[derive(Subcommand)]
pub enum PluginCommand {
    /// Take a version of a plugin while traffic flows
    ///
    /// It is verified, loaded and put in use, or tried, in every place that its plugin fills. What is refused has changed
    /// nothing. The signature is read from FILE.minisig beside the file.
    Install(InstallArgs),
    /// Show every place with what acts in it and what is tried beside it
    List {
        #[command(flatten)]
        common: Common,
    },
    /// Show one place: what acts, what failed, what is parked, and its past
    Show(PlaceArgs),
    /// Take a place into use again; what was parked there is worked off in order
    Enable(PlaceArgs),
    /// Take a place out of use: a channel's events are parked meanwhile, a policy is not asked
    Disable(PlaceArgs),
    /// Go back to the version that acted before, or end a trial
    Rollback {
        #[command(flatten)]
        place: PlaceArgs,
        /// The generation that shall act, as `tributary plugin show` numbers them
        #[arg(long, value_name = "N")]
        to: Option<i64>,
        /// Why, for the record
        #[arg(long, value_name = "TEXT")]
        why: Option<String>,
    },
    /// Put what is tried in use, without waiting for the rest of its trial
    Promote(PlaceArgs),
    /// Forget a plugin that fills no place: its file, its line in tributary.lock, its packages
    Remove {
        /// The plugin's name, not a place
        plugin: String,
        #[command(flatten)]
        common: Common,
    },
    /// Show what a trial decided differently, the newest first
    Diff {
        #[command(flatten)]
        place: PlaceArgs,
        /// How many at most
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
    },
    /// Watch what plugins cost: redrawn each second on a terminal, the most expensive first
    Top {
        /// Print one table and end
        #[arg(long)]
        once: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Say what a component imports, asks for, costs and comes from, before anything of it is run
    Inspect(InspectArgs),
    /// Say whether this host can run a component, and what it would need
    Compat(CompatArgs),
    /// Sign a component: writes FILE.minisig
    Sign(SignArgs),
    /// Make a key to sign with
    Keygen(KeygenArgs),
    /// Hand a component to a registry
    Push(PushArgs),
}

/// A place, and which daemon.
#[derive(Args, Clone, Debug)]
pub struct PlaceArgs {
    /// The place: `channel/email`; its name alone where that is enough: `email`, `policy-triage`, `triage`
    #[arg(value_name = "PLACE")]
    place: String,
    #[command(flatten)]
    common: Common,
}

/// `tributary plugin install`
#[derive(Args, Clone, Debug)]
pub struct InstallArgs {
    /// The component's file, or where a registry has it: oci://HOST[:PORT]/NAME:TAG
    #[arg(value_name = "FILE|SOURCE")]
    package: String,
    /// It acts at once, while the version before stands by until this one has proved itself
    #[arg(long, group = "rollout")]
    at_once: bool,
    /// It is asked beside the version that acts, and nothing it says is done, until it has proved itself
    #[arg(long, group = "rollout")]
    shadow: bool,
    /// It acts for so many of a hundred conversations until it has proved itself
    #[arg(long, group = "rollout", value_name = "SHARE", value_parser = clap::value_parser!(u8).range(1..=99))]
    canary: Option<u8>,
    /// Only in this place; may be given several times
    #[arg(long, value_name = "PLACE")]
    place: Vec<String>,
    /// Let it have what it asks for beyond what tributary.lock grants, as far as tributary.toml allows it
    #[arg(long)]
    accept_grants: bool,
    /// Let it be older than what tributary.lock names
    #[arg(long)]
    allow_downgrade: bool,
    /// Let another trusted signer than the one in tributary.lock have signed it
    #[arg(long)]
    accept_signer: bool,
    #[command(flatten)]
    common: Common,
}

/// Runs a command.
///
/// # Errors
/// [`ClientError`] with its own exit status, or a file or standard output failed.
pub fn run(command: PluginCommand) -> anyhow::Result<ExitCode> {
    match command {
        PluginCommand::Install(args) => install(&args)?,
        PluginCommand::List { common } => {
            let places = common.api()?.get("/plugins")?;
            common.print(&places, |page| show::list(page, &places))?;
        }
        PluginCommand::Show(args) => {
            let (api, place) = find(&args)?;
            let detail = api.get(&path(&place, ""))?;
            args.common.print(&detail, |page| show::one(page, &detail, jiff::Timestamp::now()))?;
        }
        PluginCommand::Enable(args) => set_enabled(&args, true)?,
        PluginCommand::Disable(args) => set_enabled(&args, false)?,
        PluginCommand::Rollback { place: args, to, why } => {
            let (api, place) = find(&args)?;
            let mut body = json!({});
            if let Some(to) = to {
                body["to"] = json!(to);
            }
            if let Some(why) = why {
                body["why"] = json!(why);
            }
            let outcome = api.post(&path(&place, "/rollback"), &body)?;
            args.common.print(&outcome, |page| say::moved(page, &outcome))?;
        }
        PluginCommand::Promote(args) => {
            let (api, place) = find(&args)?;
            let outcome = api.post(&path(&place, "/promote"), &json!({}))?;
            args.common.print(&outcome, |page| say::moved(page, &outcome))?;
        }
        PluginCommand::Remove { plugin, common } => {
            let answer = common.api()?.delete(&format!("/plugins/{}", escaped(&plugin)))?;
            let told = format!("{} is forgotten: its file, its line in tributary.lock, its packages.", plain(&plugin));
            common.print(&answer, |page| page.line(&told))?;
        }
        PluginCommand::Diff { place: args, limit } => {
            let (api, place) = find(&args)?;
            let differences = api.list(&path(&place, "/differences"), limit)?;
            let detail = if args.common.json { Value::Null } else { api.get(&path(&place, ""))? };
            args.common.print(&differences, |page| show::differences(page, &differences, &detail))?;
        }
        PluginCommand::Top { once, common } => top::run(&common, once)?,
        PluginCommand::Inspect(args) => return plugin_file::run_inspect(&args),
        PluginCommand::Compat(args) => return plugin_file::run_compat(&args),
        PluginCommand::Sign(args) => return plugin_file::run_sign(&args),
        PluginCommand::Keygen(args) => return plugin_file::run_keygen(&args),
        PluginCommand::Push(args) => return plugin_file::run_push(&args),
    }
    Ok(ExitCode::SUCCESS)
}

/// A client, and the whole name of the place that is meant.
fn find(args: &PlaceArgs) -> Result<(Api, String), ClientError> {
    let api = args.common.api()?;
    let place = resolve(&args.place, &api.get("/plugins")?)?;
    Ok((api, place))
}

fn set_enabled(args: &PlaceArgs, enabled: bool) -> anyhow::Result<()> {
    let (api, place) = find(args)?;
    let now = api.post(&path(&place, if enabled { "/enable" } else { "/disable" }), &json!({}))?;
    args.common.print(&now, |page| say::enabled(page, &now, enabled))
}

fn install(args: &InstallArgs) -> anyhow::Result<()> {
    let api = args.common.api()?;
    let before = api.get("/plugins")?;
    let places: Result<Vec<String>, ClientError> = args.place.iter().map(|place| resolve(place, &before)).collect();
    let package = match args.package.starts_with("oci://") {
        true => Package::Source(args.package.clone()),
        false => file(Path::new(&args.package))?,
    };
    let installed = api.install(&query(args, &places?), package)?;
    let after = if args.common.json { Value::Null } else { api.get("/plugins")? };
    args.common.print(&installed, |page| say::installed(page, &installed, &before, &after))
}

fn query(args: &InstallArgs, places: &[String]) -> String {
    let mut asked = Vec::new();
    for (flag, text) in [(args.at_once, "rollout=at-once"), (args.shadow, "rollout=shadow")] {
        asked.extend(flag.then(|| text.to_owned()));
    }
    if let Some(share) = args.canary {
        asked.push(format!("rollout=canary&share={share}"));
    }
    if !places.is_empty() {
        asked.push(format!("places={}", escaped(&places.join(","))));
    }
    for (flag, text) in [
        (args.accept_grants, "accept_grants=true"),
        (args.allow_downgrade, "allow_downgrade=true"),
        (args.accept_signer, "accept_signer=true"),
    ] {
        asked.extend(flag.then(|| text.to_owned()));
    }
    if asked.is_empty() { "/plugins".to_owned() } else { format!("/plugins?{}", asked.join("&")) }
}

/// A component with the signature beside it.
fn file(path: &Path) -> anyhow::Result<Package> {
    let most = tributary_runtime::Package::MAX_SIZE as u64;
    let cannot = || format!("cannot read {}", path.display());
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).with_context(cannot)?;
    file.take(most + 1).read_to_end(&mut bytes).with_context(cannot)?;
    anyhow::ensure!(bytes.len() as u64 <= most, "{} is larger than {} MiB", path.display(), most >> 20);
    let mut beside = path.as_os_str().to_owned();
    beside.push(".minisig");
    let signature = match std::fs::read(&beside) {
        Ok(text) => Some(data_encoding::BASE64.encode(&text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", Path::new(&beside).display())),
    };
    Ok(Package::Bytes(bytes, signature))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(subcommand)]
        command: PluginCommand,
    }

    #[test]
    fn an_install_is_asked_for_as_the_line_says() {
        for (line, places, expected) in [
            (&["x.wasm"][..], &[][..], "/plugins"),
            (&["x.wasm", "--shadow"], &[], "/plugins?rollout=shadow"),
            (&["x.wasm", "--at-once", "--allow-downgrade"], &[], "/plugins?rollout=at-once&allow_downgrade=true"),
            (
                &["oci://h/n:1", "--canary", "10", "--place", "email", "--accept-grants", "--accept-signer"],
                &["channel/email"],
                "/plugins?rollout=canary&share=10&places=channel%2Femail&accept_grants=true&accept_signer=true",
            ),
        ] {
            let line = Line::try_parse_from(["plugin", "install"].iter().chain(line)).map_err(|e| e.to_string());
            let Ok(Line { command: PluginCommand::Install(args) }) = line else { panic!("{:?}", line.err()) };
            let places: Vec<String> = places.iter().map(|place| (*place).to_owned()).collect();
            assert_eq!(query(&args, &places), expected);
        }
    }

    #[test]
    fn lines_that_contradict_themselves_are_refused() {
        for line in [
            &["install"][..],
            &["install", "x.wasm", "--shadow", "--at-once"],
            &["install", "x.wasm", "--shadow", "--canary", "10"],
            &["install", "x.wasm", "--canary", "0"],
            &["install", "x.wasm", "--canary", "100"],
            &["rollback", "email", "--to", "last"],
            &["rollback"],
            &["top", "email"],
        ] {
            assert!(Line::try_parse_from(["plugin"].iter().chain(line)).is_err(), "{line:?}");
        }
        for line in [&["rollback", "email", "--to", "12", "--why", "wrong"][..], &["top", "--once"], &["diff", "email"]]
        {
            assert!(Line::try_parse_from(["plugin"].iter().chain(line)).is_ok(), "{line:?}");
        }
    }

    #[test]
    fn the_signature_beside_a_file_goes_along() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.wasm");
        std::fs::write(&path, b"\0asm").unwrap();
        let Package::Bytes(bytes, None) = file(&path).unwrap() else { panic!("there is no signature") };
        assert_eq!(bytes, b"\0asm");
        std::fs::write(dir.path().join("x.wasm.minisig"), "line\n").unwrap();
        let Package::Bytes(_, Some(signature)) = file(&path).unwrap() else { panic!("there is a signature") };
        assert_eq!(signature, "bGluZQo=");
        assert!(file(&dir.path().join("y.wasm")).is_err());
    }
}
