//! The machine the commands run on: what is on its path, what it can install, how its programs are run.
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

/// Install Debian packages, as root or through a sudo that asks nothing; elsewhere say what to type.
pub fn install(packages: &[&str]) -> Result<()> {
    let line = format!("apt-get update && apt-get install --no-install-recommends {}", packages.join(" "));
    ensure!(
        find("apt-get").is_some(),
        "needed: {}. This is not Debian: install them by its own means",
        packages.join(", ")
    );
    let Some(become_root) = become_root() else {
        bail!("needed: {}. As root:\n  {line}", packages.join(", "));
    };
    eprintln!("set-up: {line}");
    let apt = |arguments: &[&str]| {
        let mut words = become_root.iter().copied().chain(["apt-get", "-q"]).chain(arguments.iter().copied());
        let mut command = Command::new(words.next().unwrap_or("apt-get"));
        command.args(words).env("DEBIAN_FRONTEND", "noninteractive");
        run(&mut command)
    };
    // The lists may be as old as the machine; a mirror that does not answer shows in the installation.
    let _ = apt(&["update"]);
    let install: Vec<&str> = ["install", "--yes", "--no-install-recommends"].iter().chain(packages).copied().collect();
    apt(&install).with_context(|| format!("the packages could not be installed. As root:\n  {line}"))
}

/// What to put before a command that needs root; none where that would need an answer.
fn become_root() -> Option<Vec<&'static str>> {
    if output(Command::new("id").arg("-u")).is_some_and(|user| user == "0") {
        return Some(Vec::new());
    }
    output(Command::new("sudo").args(["-n", "true"])).map(|_| vec!["sudo", "-n"])
}

/// A program on the path.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Run a command to its end. Its output goes to standard error, where progress belongs.
pub fn run(command: &mut Command) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.stdin(Stdio::null()).stdout(std::io::stderr()).status();
    let status = status.with_context(|| format!("cannot run {name}"))?;
    ensure!(status.success(), "{name} ended with {status}");
    Ok(())
}

/// The trimmed output of a command that ran and ended well.
pub fn output(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
