//! `tributary init`: a folder that runs as it is.
use crate::cli::{InitArgs, block_on};
use crate::config::{FILE, Folder};
use crate::wire;
use anyhow::{Context, bail};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tributary_fleet::lock::Lock;
use tributary_gateway::api::auth::new_token;
use tributary_runtime::{Kind, Package};
use tributary_store::DeskRules;
use tributary_store::{NewToken, Scope};

/// The order of the chain: who comes later sees what the ones before decided. What needs something that a new desk has not
/// stands there as a comment, with what that is.
const CHAIN: [(&str, &str); 9] = [
    ("policy-triage", ""),
    ("policy-routing", ""),
    (
        "policy-faq-bot",
        "Answers customers by itself, from the articles of `tributary knowledge import`. Write some first.",
    ),
    (
        "policy-message-box",
        "Says at night when somebody is there again, by the calendar that its configuration names. Write it above.",
    ),
    ("policy-assist", "Has a language model draft answers for agents. Its address is in its configuration."),
    ("policy-receipt", ""),
    ("policy-escalation", ""),
    ("policy-service-clock", ""),
    ("policy-survey", "Asks customers how it was. Its form needs `public-url` in [http]."),
];

/// What keeps a policy of the chain from being put in use at once; empty where nothing does.
fn needs(policy: &str) -> &'static str {
    CHAIN.into_iter().find(|(name, _)| *name == policy).map_or("", |(_, needs)| needs)
}

/// Runs the command.
pub fn run(args: &InitArgs) -> anyhow::Result<ExitCode> {
    let bundled = bundled(args.plugins.as_deref())?;
    if args.dir.exists() && std::fs::read_dir(&args.dir)?.next().is_some() {
        bail!("{} is there already and not empty; init never overwrites", args.dir.display());
    }
    if !args.from.contains('@') {
        bail!("--from {:?} is not a mail address", args.from);
    }
    let folder = Folder(args.dir.as_path().into());
    for dir in [folder.plugins(), folder.data(), folder.secrets(), args.dir.join("config")] {
        std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    }
    private(&folder.secrets(), 0o700)?;
    let (mut channels, mut others) = (String::new(), String::new());
    let (mut policies, mut reviews) = (Vec::new(), String::new());
    let mut packages = Vec::new();
    for path in &bundled {
        let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let package = Package::read(bytes.as_slice()).with_context(|| format!("{} is no plugin", path.display()))?;
        let name = package.name().as_str().to_owned();
        std::fs::write(folder.plugins().join(format!("{name}.wasm")), &bytes)?;
        let mut defaults = package.default_config().to_owned();
        match package.kind() {
            Kind::Channel => {
                if name == MAIL {
                    defaults = with_from(&defaults, &args.from);
                    channels = entry(&name) + MAILBOX;
                } else {
                    others += &shown(&package, &name);
                }
            }
            Kind::Policy => policies.push((name.clone(), grants(&package, "policy"))),
            Kind::Review => reviews += &review(&name),
        }
        std::fs::write(args.dir.join("config").join(format!("{name}.toml")), defaults)?;
        packages.push(package);
    }
    // They came with the daemon: the lock is the operator's word for them, and whatever replaces them has to be signed.
    Lock::bundled(&packages).write(&folder.lock())?;
    let place = |name: &str| CHAIN.iter().position(|(known, _)| *known == name).unwrap_or(CHAIN.len());
    policies.sort_by_key(|(name, _)| place(name));
    std::fs::write(args.dir.join(FILE), configuration(args, &(channels + &others), &policies) + &reviews)?;
    let secret = block_on(first_token(&folder))?;
    let mut token = std::fs::File::create(folder.token())?;
    private(&folder.token(), 0o600)?;
    writeln!(token, "{secret}")?;
    if args.json {
        let lmtp = args.lmtp.map(|address| address.to_string());
        println!(
            "{}",
            serde_json::json!({
                "dir": std::path::absolute(&args.dir)?, "smtp": args.smtp.to_string(), "lmtp": lmtp,
                "http": args.http.to_string(), "token": secret,
            })
        );
    } else {
        let dir = args.dir.display();
        println!("Wrote {dir}: {FILE}, {} plugins, a token.", bundled.len());
        println!("  mail comes in at  {}", args.smtp);
        println!("  the API is at     http://{}/api/v1", args.http);
        match &args.relay {
            Some(relay) => println!("  answers leave by  {relay}"),
            None => println!("  answers wait      until [relay] in {FILE} names a mail server"),
        }
        println!("Next: tributary serve --dir {dir}");
    }
    Ok(ExitCode::SUCCESS)
}

/// The files to copy: of the folder that was named, or of the first that is beside the program.
fn bundled(named: Option<&Path>) -> anyhow::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    match named {
        Some(dir) => folders.push(dir.to_owned()),
        None => {
            let program = std::env::current_exe().context("where is this program?")?;
            let beside = program.parent().context("where is this program?")?;
            folders.push(beside.join("plugins"));
            folders.extend(beside.parent().map(|above| above.join("plugins")));
            folders.extend(beside.parent().map(|above| above.join("share/tributary/plugins")));
        }
    }
    for folder in &folders {
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        let mut files: Vec<PathBuf> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.extension().is_some_and(|extension| extension == "wasm"))
            .collect();
        files.sort();
        if !files.is_empty() {
            return Ok(files);
        }
    }
    let looked = folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", ");
    bail!("no plugins (*.wasm) in {looked}; `cargo xtask plugins` builds them, --plugins DIR names another folder")
}

/// The first token, for the command line of this folder.
async fn first_token(folder: &Folder) -> anyhow::Result<String> {
    let store = wire::open_store(folder, DeskRules::default())?;
    let (secret, digest) =
        new_token().map_err(|error| anyhow::anyhow!("there are no random numbers for a token: {error}"))?;
    let token = NewToken { name: "operator".into(), digest, scope: Scope::Admin };
    store.create_token(token, tributary_pipeline::now()).await?;
    Ok(secret)
}

fn private(path: &Path, mode: u32) -> anyhow::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
            .with_context(|| format!("cannot protect {}", path.display()))?;
    }
    #[cfg(not(unix))]
    let _ = (path, mode);
    Ok(())
}

/// The adapter's defaults with the shop's address in them.
fn with_from(defaults: &str, from: &str) -> String {
    let mut found = false;
    let mut lines: Vec<String> = defaults
        .lines()
        .map(|line| {
            if line.trim_start().starts_with("from =") || line.trim_start().starts_with("from=") {
                found = true;
                format!("from = {}", toml::Value::String(from.to_owned()))
            } else {
                line.to_owned()
            }
        })
        .collect();
    if !found {
        lines.insert(0, format!("from = {}", toml::Value::String(from.to_owned())));
    }
    lines.join("\n") + "\n"
}

/// The channel that works without a word with anybody else.
const MAIL: &str = "channel-email";

/// The entry of a channel that takes mail.
fn entry(plugin: &str) -> String {
    let name = short(plugin);
    format!(
        r#"
# A channel: an adapter from plugins/, its configuration, what it may touch.
[[channel]]
name = "{name}"
plugin = "{plugin}"
addresses = ["*"]                              # or ["support@shop.example", "*@help.shop.example"]
# verifies = ["email"]                         # kinds of handle it may prove; by default its platform's own, no addresses and numbers
config-file = "config/{plugin}.toml"
"#
    )
}

/// The entry of a channel that has to be set up on its platform's side first, as a comment.
fn shown(package: &Package, plugin: &str) -> String {
    let name = short(plugin);
    format!(
        "\n# {}\n# [[channel]]\n# name = \"{name}\"                # its platform calls /hooks/{name}\n# plugin = \"{plugin}\"\n# config-file = \"config/{plugin}.toml\"\n{}",
        package.manifest().description,
        grants(package, "channel")
    )
}

/// What a plugin has to be granted by name, as a comment behind its entry.
fn grants(package: &Package, table: &str) -> String {
    let asks = package.asks();
    let defaults: toml::Table = package.default_config().parse().unwrap_or_default();
    let egress = asks.egress.iter().map(|asked| {
        let key = asked.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        key.and_then(|key| defaults.get(key)?.as_str()).unwrap_or(asked)
    });
    let egress: Vec<&str> = egress.collect();
    let mut text = String::new();
    if !asks.secrets.is_empty() || !egress.is_empty() {
        text += &format!("# [{table}.grants]\n");
    }
    if !asks.secrets.is_empty() {
        text += &format!("# secrets = {:?}          # each a file in secrets/\n", asks.secrets);
    }
    if !egress.is_empty() {
        text += &format!("# egress = {egress:?}\n");
    }
    text
}

fn short(plugin: &str) -> &str {
    plugin.strip_prefix("channel-").unwrap_or(plugin)
}

fn configuration(args: &InitArgs, channels: &str, policies: &[(String, String)]) -> String {
    let hostname = args.from.rsplit_once('@').map_or("localhost", |(_, domain)| domain.trim_end_matches('>'));
    let mut text = format!(
        r#"# Tributary. `tributary check` says everything that is wrong with this file; `kill -HUP` makes a running daemon read
# it again. Lines that begin with # show defaults.

# Mail comes in here, from your mail server. A mail is acknowledged only after it is on disk.
[smtp]
listen = "{smtp}"
hostname = "{hostname}"
# max-message-size = "35 MiB"
# max-recipients = 100
# max-connections = 512
# max-connections-per-address = 64
# connections-per-minute-per-address = 600     # no limit unless set
# mails-per-minute-per-address = 6000          # no limit unless set
# tls-certificate = "tls/certificate.pem"      # STARTTLS is offered once both are set
# tls-key = "tls/key.pem"
# require-tls = false

"#,
        smtp = args.smtp
    );
    match args.lmtp {
        Some(lmtp) => {
            text += &format!(
                "# The same for LMTP, one answer for each recipient.\n[lmtp]\nlisten = \"{lmtp}\"\nhostname = \"{hostname}\"\n\n"
            )
        }
        None => {
            text += "# The same for LMTP, one answer for each recipient.\n# [lmtp]\n# listen = \"127.0.0.1:2424\"\n\n"
        }
    }
    text += &format!(
        r#"# The API, live events, health and metrics; and /hooks/CHANNEL, where platforms call their channels. Only that path should
# be open to the world, through a proxy with TLS.
[http]
listen = "{}"
# metrics-need-token = false
# hook-size = "16 MiB"                         # of a platform's call at most
# connections = 4096                           # at once, those that look on live included
# public-url = "https://desk.shop.example"      # how the world reaches this door: surveys are sent with it

"#,
        args.http
    );
    match &args.relay {
        Some(relay) => {
            text += &format!(
                "# Where answers go.\n[relay]\naddress = \"{relay}\"\ntls = \"opportunistic\"                           # none, opportunistic, required, wrapper\n"
            )
        }
        None => {
            text += "# Where answers go. Without it they wait.\n# [relay]\n# address = \"mail.shop.example:587\"\n# tls = \"required\"                              # none, opportunistic, required, wrapper\n"
        }
    }
    text += r#"# user = "desk"
# password-file = "secrets/relay"

# [pipeline]
# deciding = 64                                # happenings decided at once
# delivering = 32                              # messages sent at once; 0: hold everything that would leave
# retry-first = "30 s"                         # a failed send is tried again after this, then twice as long, …
# retry-most = "4 h"                           # … up to this,
# retry-tries = 33                             # … so often in all
# grace = "10 s"                               # what a stop waits for

# Plugins. What one call of one may use up; whom to trust; how a new version is put in use.
# [plugins]
# guest-time = "1 s"                           # time inside the plugin; waiting for the host is not counted
# wall-time = "30 s"
# memory = "64 MiB"
# bytes-out = "64 MiB"
# policy-reuse = 0                             # calls that one instance of a policy may serve. 64 halves what they cost, and
#                                              # what a policy leaves in its memory is there in the next customer's call
# development = false                          # true: plugins need no signature
# watch = true                                 # take what is put into plugins/; otherwise only `tributary plugin install`
# rollout = "at-once"                          # or "shadow", "canary"; a channel or policy may say otherwise for itself
# canary-share = 10                            # of 100 conversations
# keep = 2                                     # versions that stay compiled for the way back
# plain-http-registries = []                   # HOST:PORT of registries that are asked without TLS

# Who may sign plugins: a name, and the second line of the minisign .pub file.
# [plugins.signers]
# shop = "RWQ…"

# When a new version has proved itself, and when it is taken back by itself.
# [plugins.trial]
# enough = 200                                 # conversations that a shadow or a canary has to see
# guard = 500                                  # calls during which the version before stands by
# errors = 1                                   # failed calls, per cent of enough
# breaches = 1                                 # calls that used up a budget, per cent
# differences = 1                              # conversations decided differently, per cent
# slower = 2                                   # times the guest time of the version before
# promote = true                               # false: a shadow stays one until `tributary plugin promote`

# When a plugin that fails is rested, and what comes in meanwhile is parked.
# [plugins.breaker]
# window = 20                                  # of so many calls …
# failures = 10                                # … so many failed
# first-rest = "1 s"                           # then one event is let through to see; twice as long each time …
# most-rest = "5 min"                          # … up to this,
# strikes = 8                                  # … so often; after that only a command or a new version opens it

# Calls are kept for `tributary replay`; the oldest give way.
# [plugins.recording]
# budget = "256 MiB"                           # 0: nothing is recorded
# rate = 100                                   # calls a second of each place
# max-call = "256 KiB"

# What plugins ask other hosts, as far as their grants go.
# [egress]
# timeout = "10 s"                             # of a request, waiting for its turn included
# connections = 8                              # of a plugin at once, in each channel
# response-size = "8 MiB"                      # of an answer's body at most
# authorities = []                             # PEM files of authorities to trust besides the machine's own

# When a customer who writes by another channel goes on with a conversation instead of opening one.
# [continuity]
# window = "72 h"                              # after its last message; about the same order, or the only open matter
# fallback = true                              # an answer whose channel is closed by now goes out by another …
# reach = "30 d"                               # … that the customer wrote by so lately, if not in this conversation

# How the queue is served; teams, skills and room of agents are said by `tributary agent set`.
# [queue]
# keep-for-agent = "1 min"                     # a customer's own agent is asked first for so long
# relax-skills-after = "2 min"                 # after that anybody of the team may have it
# [queue.weight]                               # how much room a conversation of a channel takes; 1 unless given
# phone = 3

# What is asked of a marketplace only after somebody else's word: a rule for each operation; nothing unless given. Who may
# give it: a senior agent, or an agent of the team that `by` names; and any token of scope admin. Never who asked.
# [approval]
# refund = { above = "200.00 CNY", by = "supervisor" } # and whatever is asked in another currency
# coupon = { above = "50.00 CNY" }             # by = "senior" unless given
# change-address = {}                         # always

# When somebody is there, for the clocks that policies start on a calendar; a table of its own for each.
# [calendar.care]
# zone = "Asia/Shanghai"
# opening = [{ days = ["mon", "tue", "wed", "thu", "fri"], from = "09:00", to = "12:00" }, { days = ["mon", "tue", "wed", "thu", "fri"], from = "13:00", to = "18:00" }]
# holidays = ["2026-10-01/2026-10-07"]
# working-days = [{ date = "2026-10-10", like = "fri" }]

# [log]
# filter = "info"
# format = "text"                              # or "json"
"#;
    text += channels;
    if !policies.is_empty() {
        text += "\n# Policies decide, in this order; each sees what the ones before it decided.\n";
    }
    for (policy, grants) in policies {
        let entry = format!("[[policy]]\nplugin = \"{policy}\"\nconfig-file = \"config/{policy}.toml\"\n");
        match needs(policy) {
            "" => text += &format!("{entry}\n"),
            needs => {
                text += &format!("# {needs}\n");
                entry.lines().for_each(|line| text += &format!("# {line}\n"));
                text += &format!("{grants}\n");
            }
        }
    }
    text
}

/// A policy that reads every outgoing text and may stop it: for the operator to put in use.
fn review(plugin: &str) -> String {
    format!(
        "# Reads every answer before it leaves, and may stop it. Look through its configuration first.\n\
         # [[policy]]\n# plugin = \"{plugin}\"\n# config-file = \"config/{plugin}.toml\"\n\n"
    )
}

/// The mailbox of a channel, as an example.
const MAILBOX: &str = r#"
# Mails of this channel that lie in a mailbox elsewhere are read by IMAP. Each is marked only after it is on disk. What is
# changed here counts from the next start on.
# [channel.imap]
# host = "imap.shop.example"
# user = "support@shop.example"
# password-secret = "imap-password"            # a file in secrets/, read at each login; or token-secret, for XOAUTH2
# tls = "implicit"                             # or "starttls"; "none" only to this machine, …
# allow-plaintext = false                      # … or anywhere if true
# port = 993                                   # 143 unless tls = "implicit"
# authorities = []                             # PEM files of authorities to trust besides the machine's own
# folder = "INBOX"
# after = "seen"                               # what happens to a mail that was taken: "leave", "delete", "move:FOLDER"
# since-days = 7                               # how old mails may be at the first run; 0: only what comes from then on
# max-message-size = "35 MiB"                  # bigger ones stay where they are
# idle = "10 min"                              # IDLE is begun anew after this, 29 min at most
# every = "1 min"                              # how often to look where the server does not offer IDLE
# timeout = "1 min"                            # how long the server may be silent when it owes an answer
# retry-most = "5 min"                         # a connection that failed is tried again after 1 s, then twice as long, up to this
# refused-most = "1 h"                         # the same for a login, from 5 min on; a changed secret is tried at once
"#;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        init: InitArgs,
    }

    #[test]
    fn the_defaults_that_are_shown_are_keys_with_these_defaults() {
        let dir = tempfile::tempdir().unwrap();
        let line = Line::try_parse_from(["init", "desk"]).unwrap_or_else(|error| panic!("{error}"));
        let shown = configuration(&line.init, "", &[]);
        let plugins = shown.split_once("# [plugins]").unwrap().1.split_once("# [log]").unwrap().0;
        // A word before ` = ` or in brackets is a line of the file; everything else is there to be read.
        let is_line =
            |line: &str| line.starts_with('[') || line.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '));
        let lines = plugins.lines().filter_map(|line| line.strip_prefix("# ")).filter(|line| is_line(line));
        let lines: Vec<&str> = lines.filter(|line| !line.starts_with("shop = ")).collect();
        assert!(lines.len() > 25, "{lines:?}");
        let read = |text: String| {
            std::fs::write(dir.path().join(FILE), text).unwrap();
            Config::read(dir.path()).unwrap_or_else(|faults| panic!("{faults:?}"))
        };
        let (shown, absent) = (read(format!("[plugins]\n{}\n", lines.join("\n"))), read(String::new()));
        assert_eq!(format!("{:?}", shown.fleet), format!("{:?}", absent.fleet));
        assert_eq!(shown.recording, absent.recording);
        assert_eq!(shown.egress, absent.egress);
        assert_eq!(shown.rules.continuity, absent.rules.continuity);
        let queue = |it: &Config| (it.rules.queue.keep, it.rules.queue.relax);
        assert_eq!(queue(&shown), queue(&absent));
        assert_eq!((shown.rules.approval.rules.len(), absent.rules.approval.rules.len()), (3, 0));
        assert_eq!(shown.concurrent_calls, absent.concurrent_calls);
    }

    #[test]
    fn the_mailbox_that_is_shown_is_one_at_its_defaults() {
        let dir = tempfile::tempdir().unwrap();
        let keys: Vec<&str> = MAILBOX.lines().filter_map(|line| line.strip_prefix("# ")).skip(2).collect();
        assert!(keys.len() > 15 && keys[0] == "[channel.imap]", "{keys:?}");
        let read = |keys: &[&str]| {
            let text = format!("[[channel]]\nname = \"a\"\nplugin = \"channel-email\"\n{}\n", keys.join("\n"));
            std::fs::write(dir.path().join(FILE), text).unwrap();
            let mut config = Config::read(dir.path()).unwrap_or_else(|faults| panic!("{faults:?}"));
            config.mailboxes.remove(0).1
        };
        // After the section's name come the three keys without a default.
        let (shown, least) = (read(&keys), read(&keys[..4]));
        let times =
            |it: &tributary_gateway::imap::Config| [it.idle, it.every, it.timeout, it.retry_most, it.refused_most];
        assert_eq!(times(&shown), times(&least));
        assert_eq!((shown.port, shown.security, &shown.folder), (least.port, least.security, &least.folder));
        assert_eq!((shown.after, shown.since_days), (least.after, least.since_days));
        assert_eq!(shown.max_message_bytes, least.max_message_bytes);
    }
}
