//! The command line.
use crate::client::{
    self, AgentCommand, ChannelCommand, ContactCommand, KnowledgeCommand, OrderCommand, ParkedCommand, PluginCommand,
    QueueCommand, SurveyCommand, TokenCommand,
};
use crate::replay::{self, ReplayArgs};
use crate::simulate::{self, SimulateArgs};
use crate::{check, init, serve};
use clap::{Args, Parser, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// Every customer conversation of a shop, whatever channel it came by, in one durable queue.
///
/// Begin with `tributary init my-desk`, then `tributary serve --dir my-desk`.
#[derive(Parser)]
#[command(name = "tributary", version, max_term_width = 100, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Write a folder that runs as it is: configuration, plugins, a token
    ///
    /// Everything listens on loopback until you change it. Nothing that is there already is overwritten.
    Init(InitArgs),
    /// Run the daemon of a folder until it is told to stop
    ///
    /// TERM and INT stop taking mail, finish what is under way, and leave; a second one leaves at once. HUP reads the
    /// configuration again: channels and policies change while mail flows; what is wrong is told, and the old one stays.
    Serve(DirArgs),
    /// Say everything that is wrong with a folder: configuration, plugins, store
    ///
    /// Exit status 0: it would run. 64: it would not.
    Check(CheckArgs),
    /// Work the queue of a running daemon
    #[command(subcommand)]
    Queue(QueueCommand),
    /// Say who works in which team, with what skills, how much at once; come and go
    #[command(subcommand)]
    Agent(AgentCommand),
    /// See who is who: handles, orders, conversations; join contacts and take joins back
    #[command(subcommand)]
    Contact(ContactCommand),
    /// See orders of a conversation and act on them: refund, return, exchange, intercept, change
    #[command(subcommand)]
    Order(OrderCommand),
    /// Write and search the articles that the desk answers from; see what was asked
    #[command(subcommand)]
    Knowledge(KnowledgeCommand),
    /// See what customers say of the service
    #[command(subcommand)]
    Survey(SurveyCommand),
    /// See what was kept aside because a plugin or a sender failed, and take it back to work
    #[command(subcommand)]
    Parked(ParkedCommand),
    /// See every channel, try one without its platform, hand a file to one
    #[command(subcommand)]
    Channel(ChannelCommand),
    /// Load, try, swap and roll back plugins while traffic flows
    #[command(subcommand)]
    Plugin(PluginCommand),
    /// Make recorded calls again on another version of a plugin, and print what it would have decided differently
    ///
    /// Nothing is changed, and no daemon is needed. Exit status 0: the same. 3: something differs. 64: the configuration is
    /// wrong. 65: the file is no plugin, or does not load.
    Replay(ReplayArgs),
    /// Have a day: a scenario's customers and agents, this folder's policies, a clock that jumps
    ///
    /// Nothing of the folder is changed, and no daemon is needed: the day has a store of its own, which is thrown away. Exit
    /// status 0: it was had. 3: something happened that must not. 64: the configuration or the scenario is wrong.
    Simulate(SimulateArgs),
    /// Make, list and revoke the tokens of agents and programs
    #[command(subcommand)]
    Token(TokenCommand),
}

/// `tributary init`
#[derive(Args)]
pub struct InitArgs {
    /// The folder to write; it must not exist or be empty
    pub dir: PathBuf,
    /// Where the daemon takes mail by SMTP
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:2525")]
    pub smtp: SocketAddr,
    /// Where the daemon takes mail by LMTP; off unless given
    #[arg(long, value_name = "ADDR")]
    pub lmtp: Option<SocketAddr>,
    /// Where the daemon serves its API
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub http: SocketAddr,
    /// The mail server that answers go to; without one they wait
    #[arg(long, value_name = "HOST:PORT")]
    pub relay: Option<String>,
    /// The address the shop writes from
    #[arg(long, value_name = "ADDRESS", default_value = "support@shop.example")]
    pub from: String,
    /// Where the bundled plugins are; by default beside the program
    #[arg(long, value_name = "DIR")]
    pub plugins: Option<PathBuf>,
    /// Print what was written as one JSON object: dir, smtp, http, token
    #[arg(long)]
    pub json: bool,
}

/// The folder of a daemon.
#[derive(Args)]
pub struct DirArgs {
    /// The daemon's folder, as `tributary init` wrote it
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
}

/// `tributary check`
#[derive(Args)]
pub struct CheckArgs {
    #[command(flatten)]
    pub dir: DirArgs,
    /// Print the faults as one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Runs a command.
pub fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        Command::Init(args) => init::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Check(args) => check::run(&args.dir.dir, args.json),
        Command::Queue(command) => client::run_queue(command),
        Command::Agent(command) => client::run_agent(command),
        Command::Contact(command) => client::run_contact(command),
        Command::Order(command) => client::run_order(command),
        Command::Knowledge(command) => client::run_knowledge(command),
        Command::Survey(command) => client::run_survey(command),
        Command::Parked(command) => client::run_parked(command),
        Command::Channel(command) => client::run_channel(command),
        Command::Plugin(command) => client::run_plugin(command),
        Command::Replay(args) => replay::run(&args),
        Command::Simulate(args) => simulate::run(&args),
        Command::Token(command) => client::run_token(command),
    }
}

/// A runtime for commands that need one.
pub fn block_on<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    executor().build()?.block_on(future)
}

/// The executor of every command.
pub fn executor() -> tokio::runtime::Builder {
    let mut executor = tokio::runtime::Builder::new_multi_thread();
    executor.enable_all();
    executor
}
