//! `tributary token`: who may do what.
use super::table::Table;
use super::text::{moment, plain};
use super::{Common, Page, Style};
use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};
use std::process::ExitCode;

/// What a token may do; each may do what those before it may.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ScopeArg {
    /// Read conversations, the queue and what is parked
    Read,
    /// Work the queue: claim, answer, close
    Agent,
    /// Everything: replay what was parked, make tokens
    Admin,
}

impl ScopeArg {
    fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Agent => "agent",
            Self::Admin => "admin",
        }
    }
}

/// Commands of `tributary token`. They need a token of scope admin, such as the one in the daemon's folder.
#[derive(Subcommand, Debug)]
pub enum TokenCommand {
    /// Make a token and print it: it is shown this once
    Create {
        /// Whose it is: the agent's name in claims, answers and the log
        name: String,
        /// What it may do
        #[arg(long, value_enum, default_value_t = ScopeArg::Agent)]
        scope: ScopeArg,
        #[command(flatten)]
        common: Common,
    },
    /// Show all tokens, without their secrets
    List {
        #[command(flatten)]
        common: Common,
    },
    /// Take a token out of use, with the next request
    Revoke {
        /// Its number, as `tributary token list` shows it
        id: i64,
        #[command(flatten)]
        common: Common,
    },
}

/// Runs a command.
///
/// # Errors
/// [`super::http::ClientError`] with its own exit status, or standard output failed.
pub fn run(command: TokenCommand) -> anyhow::Result<ExitCode> {
    match command {
        TokenCommand::Create { name, scope, common } => {
            let created = common.api()?.post("/tokens", &json!({ "name": name, "scope": scope.word() }))?;
            // The secret alone on standard output, so that it can be piped; the rest beside it.
            if !common.json {
                eprintln!(
                    "Token {} for {}, scope {}. It is not shown again:",
                    created["id"],
                    plain(&name),
                    scope.word()
                );
            }
            common.print(&created, |page| page.line(created["token"].as_str().unwrap_or_default()))?;
        }
        TokenCommand::List { common } => {
            let tokens = common.api()?.get("/tokens")?;
            common.print(&tokens, |page| list(page, &tokens))?;
        }
        TokenCommand::Revoke { id, common } => {
            let answer = common.api()?.delete(&format!("/tokens/{id}"))?;
            common.print(&answer, |page| page.line(&format!("Token {id} is out of use.")))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list(page: &mut Page, tokens: &Value) {
    let mut table = Table::new(&[("ID", 8), ("NAME", 40), ("SCOPE", 6), ("MADE", 20), ("REVOKED", 20)]);
    for token in tokens["items"].as_array().into_iter().flatten() {
        let text = |name: &str| token[name].as_str().unwrap_or_default().to_owned();
        let time = |name: &str| token[name].as_str().map(moment).unwrap_or_default();
        let style = if token["revoked_at"].is_null() { Style::Strong } else { Style::Faint };
        table.row([
            (token["id"].to_string(), Some(style)),
            (text("name"), None),
            (text("scope"), None),
            (time("created_at"), None),
            (time("revoked_at"), None),
        ]);
    }
    table.write(page);
}
