//! `tributary queue`: what waits, taking it, reading it, answering it.
use super::http::{Api, escaped};
use super::table::Table;
use super::text::{moment, plain, seconds_to, span};
use super::{Common, Page, Style, show};
use anyhow::Context;
use clap::Subcommand;
use data_encoding::BASE64;
use serde_json::{Value, json};
use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Commands of `tributary queue`. A conversation is named by its number or its tag: 1042, T1042.
#[derive(Subcommand, Debug)]
pub enum QueueCommand {
    /// Show what waits, the most urgent first: emergencies, then what is due next, then by tier, then by age
    List {
        /// Of this team only
        #[arg(long)]
        team: Option<String>,
        /// Also those that somebody holds
        #[arg(long)]
        held: bool,
        /// How many at most
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
        #[command(flatten)]
        common: Common,
    },
    /// Take the next conversation, or this one, so that nobody else answers it
    ///
    /// It is yours until the lease ends or you answer. Claiming it again renews the lease.
    Claim {
        /// The conversation; without it the next one of the queue
        id: Option<String>,
        /// The next of this team only
        #[arg(long, conflicts_with = "id")]
        team: Option<String>,
        /// Wait for it so many seconds where nothing waits
        #[arg(long, value_name = "SECONDS", default_value_t = 0, conflicts_with = "id", value_parser = clap::value_parser!(u64).range(0..=60))]
        wait: u64,
        /// How long it is yours, in minutes
        #[arg(long, value_name = "MINUTES", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=480))]
        lease: u64,
        #[command(flatten)]
        common: Common,
    },
    /// Say why a conversation stands where it does, and who may have it
    Why {
        /// The conversation
        id: String,
        #[command(flatten)]
        common: Common,
    },
    /// Read a conversation: messages, what policies decided and why, clocks
    Show {
        /// The conversation
        id: String,
        /// Also everything that happened to it, line by line
        #[arg(long)]
        audit: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Answer the customer
    ///
    /// The answer is on disk when the command ends, and is sent by the channel the customer used last.
    Reply {
        /// The conversation
        id: String,
        /// What to say; without it, or as `-`, it is read from standard input
        text: Option<String>,
        /// A file to send with it; may be given several times
        #[arg(long, value_name = "PATH")]
        file: Vec<PathBuf>,
        /// Keep the claim
        #[arg(long)]
        keep: bool,
        /// Close the conversation with the answer
        #[arg(long)]
        close: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Write a note that only the shop sees
    Note {
        /// The conversation
        id: String,
        /// What to remember; without it, or as `-`, it is read from standard input
        text: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Let a conversation go: it stands in the queue again, for everybody
    Release {
        /// The conversation
        id: String,
        #[command(flatten)]
        common: Common,
    },
    /// Close a conversation; a new message of the customer opens it again
    Close {
        /// The conversation
        id: String,
        /// How it ended, in a few words
        #[arg(long, value_name = "TEXT", default_value = "")]
        resolution: String,
        #[command(flatten)]
        common: Common,
    },
}

/// Runs a command.
///
/// # Errors
/// [`super::http::ClientError`] with its own exit status, or standard input or output failed.
pub fn run(command: QueueCommand) -> anyhow::Result<ExitCode> {
    match command {
        QueueCommand::List { team, held, limit, common } => {
            let mut path = format!("/queue?held={held}");
            if let Some(team) = team {
                path.push_str(&format!("&team={}", escaped(&team)));
            }
            let list = common.api()?.list(&path, limit)?;
            common.print(&list, |page| queue(page, &list))?;
        }
        QueueCommand::Claim { id, team, wait, lease, common } => {
            let api = common.api()?;
            let seconds = lease * 60;
            let claimed = match id {
                Some(id) => api.post(&conversation(&id, "/claim"), &json!({ "lease_seconds": seconds }))?,
                None => {
                    api.post("/queue/claim", &json!({ "team": team, "lease_seconds": seconds, "wait_seconds": wait }))?
                }
            };
            common.print(&claimed, |page| say_claimed(page, &claimed))?;
        }
        QueueCommand::Why { id, common } => {
            let why = common.api()?.get(&conversation(&id, "/why"))?;
            common.print(&why, |page| say_why(page, &why))?;
        }
        QueueCommand::Show { id, audit, common } => {
            let detail = common.api()?.get(&conversation(&id, ""))?;
            common.print(&detail, |page| show::conversation(page, &detail, audit))?;
        }
        QueueCommand::Reply { id, text, file, keep, close, common } => {
            let api = common.api()?;
            let files = file.iter().map(|path| read_file(path)).collect::<anyhow::Result<Vec<_>>>()?;
            // Who sends a file says nothing besides, unless it is said.
            let text = if text.is_none() && !files.is_empty() { String::new() } else { typed(text)? };
            let body = json!({ "text": text, "files": files, "keep": keep, "close": close });
            let replied = api.post(&conversation(&id, "/reply"), &body)?;
            common.print(&replied, |page| say_replied(page, &id, &replied, close))?;
        }
        QueueCommand::Note { id, text, common } => {
            let api = common.api()?;
            done(&common, &api, &id, "/note", &json!({ "text": typed(text)? }), "has your note.")?;
        }
        QueueCommand::Release { id, common } => {
            done(&common, &common.api()?, &id, "/release", &json!({}), "stands in the queue again.")?;
        }
        QueueCommand::Close { id, resolution, common } => {
            done(&common, &common.api()?, &id, "/close", &json!({ "resolution": resolution }), "is closed.")?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A file as the API takes it.
fn read_file(path: &Path) -> anyhow::Result<Value> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let name = path.file_name().with_context(|| format!("{} is no file", path.display()))?;
    Ok(json!({ "name": name.to_string_lossy(), "data": BASE64.encode(&bytes) }))
}

fn done(common: &Common, api: &Api, id: &str, act: &str, body: &Value, what: &str) -> anyhow::Result<()> {
    let answer = api.post(&conversation(id, act), body)?;
    common.print(&answer, |page| page.line(&format!("{} {what}", tag(id))))
}

pub(super) fn conversation(id: &str, act: &str) -> String {
    format!("/conversations/{}{act}", escaped(id))
}

/// A conversation as people call it, however it was named.
pub(super) fn tag(id: &str) -> String {
    let number = id.strip_prefix(['T', 't']).unwrap_or(id);
    plain(&format!("T{number}"))
}

fn typed(text: Option<String>) -> anyhow::Result<String> {
    if let Some(text) = text.filter(|text| text != "-") {
        return Ok(text);
    }
    let mut input = std::io::stdin().lock();
    if input.is_terminal() {
        eprintln!("Write the text, and end it with Ctrl-D on a line of its own.");
    }
    let mut text = String::new();
    input.read_to_string(&mut text).context("cannot read the text from standard input")?;
    Ok(text.trim_end().to_owned())
}

fn say_claimed(page: &mut Page, claimed: &Value) {
    let Some(tag) = claimed["tag"].as_str() else { return page.line("Nothing waits.") };
    let until = moment(claimed["holder"]["until"].as_str().unwrap_or_default());
    let subject = claimed["subject"].as_str().map(|subject| format!(": {}", plain(subject))).unwrap_or_default();
    page.line(&format!("{} is yours until {until}{subject}", page.styled(Style::Strong, tag)));
}

/// Where it stands, what put it there, and who may have it.
fn say_why(page: &mut Page, why: &Value) {
    let it = &why["conversation"];
    let tag = page.styled(Style::Strong, &show::text(&it["tag"]));
    match why["before"].as_u64() {
        Some(0) => page.line(&format!("{tag} is the next of the queue.")),
        Some(before) => page.line(&format!("{tag} waits behind {before} others.")),
        None if !it["holder"].is_null() => {
            page.line(&format!("{tag} is held by {}.", show::text(&it["holder"]["agent"])))
        }
        None => page.line(&format!("{tag} is {}: it does not wait.", show::text(&it["state"]))),
    }
    let emergency = it["grade"] == "emergency";
    let rank = if emergency { "an emergency, before everything else" } else { "no emergency" };
    page.line(&format!("  1. grade: {rank}"));
    page.line(&match it["due_at"].as_str() {
        Some(at) => format!("  2. due: {}, by clock {}", moment(at), show::text(&why["clock"])),
        None => "  2. due: no clock runs".to_owned(),
    });
    page.line(&format!("  3. tier: {}", why["tier"]));
    page.line(&format!("  4. waits since {}", moment(it["waiting_since"].as_str().unwrap_or_default())));
    let route = &it["route"];
    let team = if route.is_null() { "anybody's, not routed yet".to_owned() } else { show::text(&route["team"]) };
    let skills: Vec<_> = show::list(&route["skills"]).iter().map(show::text).collect();
    let skills = if skills.is_empty() { String::new() } else { format!(", needs {}", skills.join(" and ")) };
    let senior = if route["senior"] == true { ", only for a senior agent" } else { "" };
    page.line(&format!("Team: {team}{skills}{senior}"));
    if !skills.is_empty() || !senior.is_empty() {
        page.line(&format!("From {} on anybody of the team may have it.", moment(&show::text(&why["yields_at"]))));
    }
    if let (Some(agent), Some(until)) = (why["kept_for"].as_str(), why["kept_until"].as_str()) {
        page.line(&format!("It is kept for {} until {}.", plain(agent), moment(until)));
    }
    let agents = show::list(&why["agents"]);
    if agents.is_empty() {
        page.line("Nothing is said of any agent: each may take it.");
    }
    for agent in agents {
        let against = agent["against"].as_str().map_or_else(|| "may have it".to_owned(), plain);
        page.line(&format!("  {}: {against}", show::text(&agent["agent"])));
    }
}

fn say_replied(page: &mut Page, id: &str, replied: &Value, close: bool) {
    for warning in replied["warnings"].as_array().into_iter().flatten() {
        let part = |name: &str| plain(warning[name].as_str().unwrap_or_default());
        let line = format!("Warning of {}, rule {}: {}", part("policy"), part("rule"), part("why"));
        page.line(&page.styled(Style::Alarm, &line));
    }
    let closed = if close { " and is closed" } else { "" };
    page.line(&format!("{} has your answer{closed}. It is on its way as number {}.", tag(id), replied["outgoing"]));
}

fn queue(page: &mut Page, list: &Value) {
    let items = list["items"].as_array().map_or(&[][..], Vec::as_slice);
    if items.is_empty() {
        return page.line("Nothing waits.");
    }
    let now = jiff::Timestamp::now();
    let mut table = Table::new(&[
        ("TAG", 10),
        ("GRADE", 16),
        ("DUE", 14),
        ("WAITS", 8),
        ("TEAM", 16),
        ("FROM", 28),
        ("HELD BY", 16),
        ("SUBJECT", 60),
    ]);
    for item in items {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let grade = text(&item["grade"]);
        let urgent = (grade == "emergency").then_some(Style::Alarm);
        let due = item["due_at"].as_str().and_then(|at| seconds_to(at, now));
        let (due, late) = match due {
            Some(left) if left < 0 => (format!("{} late", span(left)), Some(Style::Alarm)),
            Some(left) => (format!("in {}", span(left)), None),
            None => (String::new(), None),
        };
        let waits = item["waiting_since"].as_str().and_then(|at| seconds_to(at, now)).map(span).unwrap_or_default();
        table.row([
            (text(&item["tag"]), Some(Style::Strong)),
            (grade, urgent),
            (due, late),
            (waits, None),
            (text(&item["route"]["team"]), None),
            (show::person(&item["contact"]), None),
            (text(&item["holder"]["agent"]), None),
            (item["subject"].as_str().unwrap_or("(no subject)").to_owned(), None),
        ]);
    }
    table.write(page);
    if !list["next"].is_null() {
        page.line(&page.styled(Style::Faint, &format!("… and more; --limit {} shows them", items.len() * 4)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_cannot_leave_their_place_in_the_path() {
        assert_eq!(conversation("../tokens?x", "/claim"), "/conversations/..%2Ftokens%3Fx/claim");
    }

    #[test]
    fn a_place_is_explained_line_by_line() {
        let why = json!({"before": 3, "clock": "connect", "tier": 2, "kept_for": null, "kept_until": null,
            "yields_at": "2026-05-04T09:02:00Z", "conversation": {"tag": "T7", "state": "open", "grade": "inquiry", "holder": null,
            "due_at": "2026-05-04T09:00:30Z", "waiting_since": "2026-05-04T09:00:00Z",
            "route": {"team": "after-sales", "skills": ["refund:2"], "senior": false}},
            "agents": [{"agent": "lin", "against": null}, {"agent": "bo", "against": "lacks the skill refund:2"}]});
        let mut page = Page { text: String::new(), colour: false };
        say_why(&mut page, &why);
        for part in [
            "T7 waits behind 3 others",
            "no emergency",
            "by clock connect",
            "tier: 2",
            "needs refund:2",
            "lin: may have it",
            "bo: lacks the skill refund:2",
        ] {
            assert!(page.text.contains(part), "{part} is not in\n{}", page.text);
        }
    }

    #[test]
    fn the_queue_shows_grade_lateness_and_sender() {
        let item = json!({"tag": "T7", "grade": "emergency", "due_at": "2020-01-01T00:00:00Z", "waiting_since": "2020-01-01T00:00:00Z",
            "route": {"team": "complaints"}, "contact": {"name": "王\u{1b}[2J", "handles": [{"value": "w@x.cn"}]}, "holder": null, "subject": "退款"});
        let mut page = Page { text: String::new(), colour: false };
        queue(&mut page, &json!({"items": [item], "next": "x"}));
        for part in ["TAG", "T7", "emergency", " late", "complaints", "王\u{fffd}[2J <w@x.cn>", "退款", "--limit 4"]
        {
            assert!(page.text.contains(part), "{part} is not in\n{}", page.text);
        }
        assert!(!page.text.contains("HELD BY"), "{}", page.text);
        let mut page = Page { text: String::new(), colour: false };
        queue(&mut page, &json!({"items": [], "next": null}));
        assert_eq!(page.text, "Nothing waits.\n");
    }
}
