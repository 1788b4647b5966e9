//! The one executable. What it does is in `cli`; in what order a daemon comes up and goes down is in `serve`.
mod check;
mod cli;
mod client;
mod config;
mod init;
mod plugin_file;
mod plugins;
mod replay;
mod serve;
mod simulate;
mod telemetry;
mod upkeep;
mod wire;

use clap::Parser;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match cli::run(cli::Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("tributary: {error:#}");
            ExitCode::from(client::exit_code(&error))
        }
    }
}
