//! `tributary channel`: where messages come from and go to, and whether each works.
use super::table::Table;
use super::text::{moment, plain};
use super::{Common, Page, Style};
use crate::client::http::{Hooked, escaped};
use anyhow::Context;
use clap::Subcommand;
use data_encoding::BASE64;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::ExitCode;

/// Commands of `tributary channel`.
#[derive(Subcommand, Debug)]
pub enum ChannelCommand {
    /// Show every channel: its plugin, where its platform calls it, how its polling stands
    List {
        #[command(flatten)]
        common: Common,
    },
    /// Make what the platform would send, signed with the channel's own secrets, send it to the channel, and say what came of it
    ///
    /// The message stands in the queue afterwards, marked as automatic, so that no machine answers it. Exit status 0: it
    /// arrived. 1: it did not.
    Test {
        /// The channel, as `tributary channel list` shows it
        name: String,
        /// The message's text
        #[arg(long)]
        text: Option<String>,
        /// Send to this address instead of the daemon's own: the public one, to try the proxy before it as well
        #[arg(long, value_name = "URL")]
        to: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Hand a file to a channel, such as the transcript of a call
    Take {
        /// The channel
        name: String,
        /// The file
        file: PathBuf,
        /// What it is, such as text/vtt; by its content unless given
        #[arg(long, value_name = "TYPE")]
        media_type: Option<String>,
        #[command(flatten)]
        common: Common,
    },
}

/// Runs a command.
///
/// # Errors
/// [`super::http::ClientError`] with its own exit status, a file that cannot be read, or standard output failed.
pub fn run(command: ChannelCommand) -> anyhow::Result<ExitCode> {
    match command {
        ChannelCommand::List { common } => {
            let channels = common.api()?.get("/channels")?;
            common.print(&channels, |page| list(page, &channels))?;
            Ok(ExitCode::SUCCESS)
        }
        ChannelCommand::Test { name, text, to, common } => test(&name, text.as_deref(), to.as_deref(), &common),
        ChannelCommand::Take { name, file, media_type, common } => {
            let data = std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
            let called = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let media_type = media_type.as_deref().unwrap_or("application/octet-stream");
            let path = format!("/channels/{}/documents?name={}", escaped(&name), escaped(&called));
            let taken = common.api()?.post_bytes(&path, media_type, data)?;
            common.print(&taken, |page| page.line(&came(&taken)))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn list(page: &mut Page, channels: &Value) {
    let mut table =
        Table::new(&[("NAME", 24), ("PLUGIN", 32), ("HOOK", 32), ("CAN", 36), ("ASKED", 20), ("STANDS", 60)]);
    for channel in channels["items"].as_array().into_iter().flatten() {
        let text = |name: &str| channel[name].as_str().unwrap_or_default().to_owned();
        let can: Vec<&str> = channel["can"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let poll = &channel["poll"];
        let (stands, style) = match (poll["failures"].as_u64(), poll["why"].as_str()) {
            (Some(failures @ 1..), why) => {
                (format!("failed {failures} times: {}", plain(why.unwrap_or_default())), Some(Style::Alarm))
            }
            (_, Some(why)) => (plain(why), Some(Style::Alarm)),
            _ => (String::new(), None),
        };
        table.row([
            (text("name"), Some(Style::Strong)),
            (format!("{} {}", text("plugin"), text("version")), None),
            (text("hook"), None),
            (can.join(" "), None),
            (poll["last"].as_str().map(moment).unwrap_or_default(), None),
            (stands, style),
        ]);
    }
    table.write(page);
}

/// What became of a document, in one line.
fn came(taken: &Value) -> String {
    let tags: Vec<&str> = taken["conversations"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    match (tags.as_slice(), taken["parked"].as_i64(), taken["ignored"].as_str()) {
        (_, Some(id), _) => format!("Kept aside as {id}: `tributary parked show {id}` says why."),
        (_, _, Some(why)) => format!("Left out: {}", plain(why)),
        ([], ..) => "Taken; it told no message.".into(),
        (tags, ..) => format!("Taken: {}", tags.join(", ")),
    }
}

fn test(name: &str, text: Option<&str>, to: Option<&str>, common: &Common) -> anyhow::Result<ExitCode> {
    let api = common.api()?;
    let made = api.post(&format!("/channels/{}/samples", escaped(name)), &json!({ "text": text }))?;
    let known_as = made["name"].as_str().unwrap_or_default();
    let mut steps = Vec::new();
    for sample in made["items"].as_array().into_iter().flatten() {
        let body = BASE64.decode(sample["body"].as_str().unwrap_or_default().as_bytes());
        let body = body.context("a sample's body is not base64")?;
        let step = match sample["kind"].as_str() {
            Some("http") => {
                let Hooked { status, milliseconds, conversation, body } = api.hook(to, sample, body, known_as)?;
                json!({
                    "sent": format!("{} {}", sample["method"].as_str().unwrap_or_default(), path(sample)),
                    "status": status, "milliseconds": milliseconds, "answer": body, "conversation": conversation,
                })
            }
            kind => {
                let mut path = format!("/channels/{}/documents?sample={known_as}", escaped(name));
                let (called, media_type) = match kind {
                    Some("mail") => {
                        let mail_from = sample["mail_from"].as_str().unwrap_or_default();
                        path.push_str(&format!("&mail_from={}", escaped(mail_from)));
                        ("sample.eml", "message/rfc822")
                    }
                    _ => {
                        let named = sample["name"].as_str().unwrap_or("sample");
                        (named, sample["media_type"].as_str().unwrap_or("application/octet-stream"))
                    }
                };
                path.push_str(&format!("&name={}", escaped(called)));
                let taken = api.post_bytes(&path, media_type, body)?;
                json!({
                    "sent": called, "conversation": taken["conversations"][0], "parked": taken["parked"],
                    "ignored": taken["ignored"],
                })
            }
        };
        steps.push(step);
    }
    let conversation = steps.iter().find_map(|step| step["conversation"].as_str().map(str::to_owned));
    let arrived = conversation.is_some();
    let said = json!({ "channel": name, "arrived": arrived, "conversation": conversation, "steps": steps });
    common.print(&said, |page| {
        for step in &steps {
            page.line(&step_line(step));
        }
        match &conversation {
            Some(tag) => {
                page.line(
                    &page.styled(Style::Strong, &format!("{name} works: the message stands in the queue as {tag}")),
                );
                page.line(&format!("  read it        tributary queue show {tag}"));
            }
            None => page.line(&page.styled(Style::Alarm, &format!("{name} did not tell a message"))),
        }
    })?;
    Ok(if arrived { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The path of a sample's call, without its query: that has the signature.
fn path(sample: &Value) -> &str {
    let url = sample["url"].as_str().unwrap_or_default();
    url.split('?').next().unwrap_or_default()
}

fn step_line(step: &Value) -> String {
    let sent = plain(step["sent"].as_str().unwrap_or_default());
    if let Some(status) = step["status"].as_u64() {
        let answer = plain(step["answer"].as_str().unwrap_or_default());
        let answer: String = answer.chars().take(120).collect();
        let answer = if answer.is_empty() { "an empty body".to_owned() } else { format!("`{answer}`") };
        return format!("{sent}: answered {status} with {answer} in {} ms", step["milliseconds"]);
    }
    match (step["parked"].as_i64(), step["ignored"].as_str()) {
        (Some(id), _) => format!("{sent}: kept aside as {id}; `tributary parked show {id}` says why"),
        (None, Some(why)) => format!("{sent}: left out: {}", plain(why)),
        (None, None) => format!("{sent}: taken"),
    }
}
