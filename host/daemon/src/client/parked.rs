//! `tributary parked`: what was kept aside, why, and taking it back to work.
use super::http::{Api, ClientError};
use super::table::Table;
use super::text::{lines, moment, plain};
use super::{Common, Page, Style};
use clap::Subcommand;
use serde_json::{Value, json};
use std::io::Write;
use std::process::ExitCode;

/// Commands of `tributary parked`.
#[derive(Subcommand, Debug)]
pub enum ParkedCommand {
    /// Show what was kept aside, the latest first, each with its cause
    List {
        /// Also what was taken back to work
        #[arg(long)]
        all: bool,
        /// How many at most
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
        #[command(flatten)]
        common: Common,
    },
    /// Read one of them, with the arrival as it came in
    Show {
        /// Its number
        id: i64,
        /// Write the arrival's bytes to standard output, and nothing else
        #[arg(long, conflicts_with = "json")]
        raw: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Take them back to work, once the cause is gone
    ///
    /// What fails again stays parked; the command then ends with status 1 after it has tried them all.
    Replay {
        /// Their numbers
        #[arg(required_unless_present = "all")]
        ids: Vec<i64>,
        /// All that is parked now, the oldest first
        #[arg(long, conflicts_with = "ids")]
        all: bool,
        #[command(flatten)]
        common: Common,
    },
}

/// Runs a command.
///
/// # Errors
/// [`ClientError`] with its own exit status, or standard output failed.
pub fn run(command: ParkedCommand) -> anyhow::Result<ExitCode> {
    match command {
        ParkedCommand::List { all, limit, common } => {
            let parked = common.api()?.list(&format!("/parked?all={all}"), limit)?;
            common.print(&parked, |page| list(page, &parked, all))?;
        }
        ParkedCommand::Show { id, raw: true, common } => {
            let bytes = common.api()?.bytes(&format!("/parked/{id}/raw"))?;
            std::io::stdout().lock().write_all(&bytes)?;
        }
        ParkedCommand::Show { id, raw: false, common } => {
            let parked = common.api()?.get(&format!("/parked/{id}"))?;
            common.print(&parked, |page| show(page, &parked))?;
        }
        ParkedCommand::Replay { ids, all, common } => return replay(&common, ids, all),
    }
    Ok(ExitCode::SUCCESS)
}

fn replay(common: &Common, mut ids: Vec<i64>, all: bool) -> anyhow::Result<ExitCode> {
    let api = common.api()?;
    if all {
        let parked = api.list("/parked", usize::MAX)?;
        ids = parked["items"].as_array().into_iter().flatten().rev().filter_map(|item| item["id"].as_i64()).collect();
        if ids.is_empty() && !common.json {
            super::write("Nothing is parked.\n")?;
        }
    }
    let mut outcomes = Vec::new();
    let mut failed = false;
    for id in ids {
        let outcome = replay_one(&api, id)?;
        failed |= outcome["outcome"] == "refused";
        if !common.json {
            // One line as each ends: a long list shows how far it is.
            super::write(&format!("{}\n", say(&outcome)))?;
        }
        outcomes.push(outcome);
    }
    if common.json {
        super::write(&format!("{:#}\n", json!({ "items": outcomes, "next": null })))?;
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn replay_one(api: &Api, id: i64) -> Result<Value, ClientError> {
    match api.post(&format!("/parked/{id}/replay"), &json!({})) {
        Ok(mut outcome) => {
            outcome["id"] = json!(id);
            Ok(outcome)
        }
        Err(ClientError::Refused(why)) => Ok(json!({ "id": id, "outcome": "refused", "why": why })),
        Err(other) => Err(other),
    }
}

fn say(outcome: &Value) -> String {
    let id = &outcome["id"];
    match outcome["outcome"].as_str() {
        Some("accepted") => {
            let conversations = outcome["conversations"].as_array().into_iter().flatten();
            let tags: Vec<_> = conversations.map(|id| format!("T{id}")).collect();
            if tags.is_empty() { format!("{id}: read") } else { format!("{id}: read, now in {}", tags.join(", ")) }
        }
        Some("queued") => format!("{id}: back in its queue"),
        _ => format!("{id}: {}", outcome["why"].as_str().unwrap_or("refused")),
    }
}

fn list(page: &mut Page, parked: &Value, all: bool) {
    let items = parked["items"].as_array().map_or(&[][..], Vec::as_slice);
    if items.is_empty() {
        return page.line("Nothing is parked.");
    }
    let mut table = Table::new(&[
        ("ID", 10),
        ("WHEN", 20),
        ("WHAT", 9),
        ("CHANNEL", 16),
        ("PLUGIN", 20),
        ("VERSION", 12),
        ("GEN", 6),
        ("BLAME", 7),
        ("TRIES", 5),
        ("REPLAYED", 20),
        ("WHY", 70),
    ]);
    for item in items {
        let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
        let time = |name: &str| item[name].as_str().map(moment).unwrap_or_default();
        table.row([
            (item["id"].to_string(), Some(Style::Strong)),
            (time("at"), None),
            (text("what"), None),
            (text("channel"), None),
            (text("plugin"), None),
            (text("version"), None),
            (item["generation"].as_i64().map(|number| number.to_string()).unwrap_or_default(), None),
            (text("blame"), None),
            (item["tries"].to_string(), None),
            (time("replayed_at"), None),
            (text("why"), None),
        ]);
    }
    table.write(page);
    if !parked["next"].is_null() {
        page.line(&page.styled(Style::Faint, &format!("… and more; --limit {} shows them", items.len() * 4)));
    }
    if !all {
        page.line(&page.styled(Style::Faint, "`tributary parked replay ID` takes one back to work."));
    }
}

fn show(page: &mut Page, it: &Value) {
    let mut row = |name: &str, value: String| {
        if !value.is_empty() {
            let name = page.styled(Style::Faint, &format!("{name:<14}"));
            page.line(&format!("{name}{value}"));
        }
    };
    let text = |value: &Value| plain(value.as_str().unwrap_or_default());
    let time = |value: &Value| value.as_str().map(moment).unwrap_or_default();
    row("id", it["id"].to_string());
    row("what", text(&it["what"]));
    row("when", time(&it["at"]));
    row("channel", text(&it["channel"]));
    row("plugin", format!("{} {}", text(&it["plugin"]), text(&it["version"])));
    row("generation", it["generation"].as_i64().map(|number| number.to_string()).unwrap_or_default());
    row("blame", text(&it["blame"]));
    row("why", text(&it["why"]));
    row("tries", it["tries"].to_string());
    row("replayed", time(&it["replayed_at"]));
    row("conversation", it["conversation"].as_i64().map(|id| format!("T{id}")).unwrap_or_default());
    let raw = &it["raw"];
    if raw.is_null() {
        return;
    }
    row("from", text(&raw["mail_from"]));
    let to = raw["rcpt_to"].as_array().into_iter().flatten().map(text).collect::<Vec<_>>();
    row("to", to.join(", "));
    row("title", text(&raw["title"]));
    row("size", format!("{} bytes", raw["size"]));
    page.line("");
    for line in lines(raw["text"].as_str().unwrap_or_default()) {
        page.line(&format!("  {line}"));
    }
    if raw["truncated"] == true {
        page.line(&page.styled(Style::Faint, "… cut; --raw writes all of it"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_said_in_one_line() {
        for (outcome, expected) in [
            (json!({"id": 3, "outcome": "accepted", "conversations": [7, 8]}), "3: read, now in T7, T8"),
            (json!({"id": 3, "outcome": "accepted", "conversations": []}), "3: read"),
            (json!({"id": 3, "outcome": "queued", "conversations": []}), "3: back in its queue"),
            (json!({"id": 3, "outcome": "refused", "why": "it failed again"}), "3: it failed again"),
        ] {
            assert_eq!(say(&outcome), expected);
        }
    }

    #[test]
    fn raw_bytes_are_shown_without_steering_the_terminal() {
        let it = json!({"id": 3, "what": "arrival", "at": "2026-05-04T09:00:00.000Z", "plugin": "channel-email", "blame": "trap", "why": "it trapped",
            "tries": 1, "raw": {"mail_from": "", "rcpt_to": ["a@b"], "size": 70000, "text": "Subject: x\r\n\u{1b}[2J", "truncated": true}});
        let mut page = Page { text: String::new(), colour: false };
        show(&mut page, &it);
        assert!(page.text.contains("  Subject: x\n  \u{fffd}[2J\n… cut"), "{}", page.text);
    }
}
