//! The command line's other half: the commands that talk to a running daemon over its API.
//!
//! Output is for people unless `--json` is given, which prints what the API answered. What customers wrote passes
//! through `text::plain` on its way to a terminal. Exit status: 0 done, 69 nobody answers, 77 the token may not, 1 the rest.
mod agent;
mod channel;
mod contact;
mod http;
pub(crate) mod knowledge;
mod order;
mod parked;
mod plugin;
mod queue;
mod show;
mod survey;
pub(crate) mod table;
pub(crate) mod text;
mod token;

use clap::Args;
use serde_json::Value;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;

pub use agent::{AgentCommand, run as run_agent};
pub use channel::{ChannelCommand, run as run_channel};
pub use contact::{ContactCommand, run as run_contact};
pub use knowledge::{KnowledgeCommand, run as run_knowledge};
pub use order::{OrderCommand, run as run_order};
pub use parked::{ParkedCommand, run as run_parked};
pub use plugin::{PluginCommand, run as run_plugin};
pub use queue::{QueueCommand, run as run_queue};
pub use survey::{SurveyCommand, run as run_survey};
pub use token::{TokenCommand, run as run_token};

use http::{Api, ClientError};

/// Which daemon, and how to print.
#[derive(Args, Clone, Debug)]
pub struct Common {
    /// The daemon's folder: its configuration says where it listens, its `token` file who you are. Goes before --url;
    /// without either, the current folder
    #[arg(long, value_name = "DIR", help_heading = "Which daemon")]
    dir: Option<PathBuf>,
    /// The daemon's address, such as http://127.0.0.1:8080
    #[arg(long, value_name = "URL", env = "TRIBUTARY_URL", help_heading = "Which daemon")]
    url: Option<String>,
    /// Your token, instead of the one in the folder
    #[arg(long, value_name = "TOKEN", env = "TRIBUTARY_TOKEN", hide_env_values = true, help_heading = "Which daemon")]
    token: Option<String>,
    /// Print what the API answered, as JSON
    #[arg(long)]
    json: bool,
}

impl Common {
    /// A client for that daemon.
    fn api(&self) -> Result<Api, ClientError> {
        Api::new(self.dir.as_deref(), self.url.as_deref(), self.token.as_deref())
    }

    /// Prints an answer: as JSON, or as `people` writes it.
    fn print(&self, answer: &Value, people: impl FnOnce(&mut Page)) -> anyhow::Result<()> {
        if self.json {
            return write(&format!("{answer:#}\n"));
        }
        let mut page = Page::new();
        people(&mut page);
        write(&page.text)
    }
}

/// Writes to standard output. A reader that has seen enough (`| head`) is no error.
pub(crate) fn write(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// How a piece of text is set off on a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// A heading or a key.
    Strong,
    /// Less important than the rest.
    Faint,
    /// Wants to be looked at now.
    Alarm,
}

/// What will be printed.
pub(crate) struct Page {
    pub(crate) text: String,
    pub(crate) colour: bool,
}

impl Page {
    pub(crate) fn new() -> Self {
        // https://no-color.org: any value that is not empty switches colours off.
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self { text: String::new(), colour: std::io::stdout().is_terminal() && !refused }
    }

    /// A line.
    pub(crate) fn line(&mut self, text: &str) {
        self.text.push_str(text.trim_end());
        self.text.push('\n');
    }

    /// The text with its style, where there are colours.
    pub(crate) fn styled(&self, style: Style, text: &str) -> String {
        if !self.colour || text.is_empty() {
            return text.to_owned();
        }
        let code = match style {
            Style::Strong => "1",
            Style::Faint => "2",
            Style::Alarm => "1;31",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// The exit status for an error of any command.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    error.downcast_ref::<ClientError>().map_or(1, ClientError::exit_code)
}
