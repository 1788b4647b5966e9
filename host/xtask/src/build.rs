//! Builds the daemon and what runs beside it, in the one profile that ships, is tested and is measured.
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// Build the daemon and the programs that measure. The answer is the daemon's executable.
///
/// Always the same choice: cargo chooses the features of dependencies for all that is named at once, and those that only
/// tests and examples need where some of them are built, so another choice would compile wasmtime a second time.
pub fn daemon(root: &Path) -> Result<PathBuf> {
    cargo(root, &["build", "--release", "--workspace", "--bins", "--examples"])?;
    let executable = root.join("target/release/tributary");
    ensure!(executable.exists(), "cargo built no {}: is another target folder set?", executable.display());
    Ok(executable)
}

/// Run cargo in the workspace, its output on standard error.
pub fn cargo(root: &Path, arguments: &[&str]) -> Result<()> {
    let mut command = command(root);
    let status = command.args(arguments).status().context("cannot run cargo")?;
    ensure!(status.success(), "cargo {} failed", arguments.join(" "));
    Ok(())
}

/// The cargo of the active toolchain, in the workspace, as if it were called by hand: what `cargo run` told this program
/// about itself would look like a change to build scripts, and half of the dependencies would be compiled anew.
pub fn command(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    let own = |name: &str| ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|start| name.starts_with(start));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(own)) {
        command.env_remove(name);
    }
    command
}
