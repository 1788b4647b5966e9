//! `tributary agent`: who works in which team, with what skills, how much at once, and who is there.
use super::http::escaped;
use super::show::{list, text};
use super::table::Table;
use super::text::{moment, plain};
use super::{Common, Page, Style};
use clap::Subcommand;
use serde_json::{Value, json};
use std::process::ExitCode;

/// Commands of `tributary agent`. An agent of whom nothing is said may take anything.
#[derive(Subcommand, Debug)]
pub enum AgentCommand {
    /// Say what an agent does; takes the place of what was said before
    Set {
        /// The name that the agent's tokens have
        name: String,
        /// A team the agent works in; may be given several times; without: all
        #[arg(long = "team", value_name = "TEAM")]
        teams: Vec<String>,
        /// Something the agent can do, with a level of 1 to 9 where it matters: refund, refund:2; may be given several times
        #[arg(long = "skill", value_name = "SKILL")]
        skills: Vec<String>,
        /// Takes what only a senior agent may have
        #[arg(long)]
        senior: bool,
        /// How much at once; a conversation takes 1, or what [queue.weight] says of its channel
        #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        capacity: u32,
        #[command(flatten)]
        common: Common,
    },
    /// Show agents: teams, skills, what they have, who is there
    List {
        #[command(flatten)]
        common: Common,
    },
    /// You, or this agent, take no work from now on
    Away {
        /// The agent; without it you
        name: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// You, or this agent, take work from now on
    Available {
        /// The agent; without it you
        name: Option<String>,
        #[command(flatten)]
        common: Common,
    },
    /// Forget what was said of an agent
    Remove {
        /// The agent
        name: String,
        #[command(flatten)]
        common: Common,
    },
}

/// Runs a command.
///
/// # Errors
/// [`super::http::ClientError`] with its own exit status, or standard output failed.
pub fn run(command: AgentCommand) -> anyhow::Result<ExitCode> {
    match command {
        AgentCommand::Set { name, teams, skills, senior, capacity, common } => {
            let body = json!({ "teams": teams, "skills": skills, "senior": senior, "capacity": capacity });
            let agent = common.api()?.post(&format!("/agents/{}", escaped(&name)), &body)?;
            common.print(&agent, |page| table(page, std::slice::from_ref(&agent)))?;
        }
        AgentCommand::List { common } => {
            let agents = common.api()?.get("/agents")?;
            common.print(&agents, |page| match list(&agents["items"]) {
                [] => page.line("Nothing is said of any agent: each may take anything."),
                agents => table(page, agents),
            })?;
        }
        AgentCommand::Away { name, common } => presence(&common, name, "away", "takes no work now.")?,
        AgentCommand::Available { name, common } => presence(&common, name, "available", "takes work.")?,
        AgentCommand::Remove { name, common } => {
            let answer = common.api()?.delete(&format!("/agents/{}", escaped(&name)))?;
            common.print(&answer, |page| page.line(&format!("{} may take anything.", plain(&name))))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn presence(common: &Common, name: Option<String>, presence: &str, what: &str) -> anyhow::Result<()> {
    let agent = common.api()?.post("/presence", &json!({ "agent": name, "presence": presence }))?;
    common.print(&agent, |page| page.line(&format!("{} {what}", text(&agent["name"]))))
}

fn table(page: &mut Page, agents: &[Value]) {
    let mut table = Table::new(&[
        ("AGENT", 20),
        ("PRESENCE", 10),
        ("SINCE", 20),
        ("HAS", 10),
        ("TEAMS", 40),
        ("SKILLS", 40),
        ("SENIOR", 6),
    ]);
    for agent in agents {
        let words = |name: &str| list(&agent[name]).iter().map(text).collect::<Vec<_>>().join(", ");
        let here = agent["presence"] == "available";
        table.row([
            (text(&agent["name"]), Some(if here { Style::Strong } else { Style::Faint })),
            (text(&agent["presence"]), None),
            (moment(agent["since"].as_str().unwrap_or_default()), None),
            (format!("{} of {}", agent["load"], agent["capacity"]), None),
            (words("teams"), None),
            (words("skills"), None),
            (if agent["senior"] == true { "yes".into() } else { String::new() }, None),
        ]);
    }
    table.write(page);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_is_one_line() {
        let agent = json!({"name": "lin", "presence": "away", "since": "2026-05-04T09:00:00.000Z", "load": 3, "capacity": 5,
            "holds": 2, "teams": ["after-sales"], "skills": ["refund:2", "en"], "senior": true});
        let mut page = Page { text: String::new(), colour: false };
        table(&mut page, &[agent]);
        for part in ["lin", "away", "3 of 5", "after-sales", "refund:2, en", "yes"] {
            assert!(page.text.contains(part), "{part} is not in\n{}", page.text);
        }
    }
}
