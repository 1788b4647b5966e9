//! The other people's programs that demo and tests talk to: a mail client from Debian, a mail server and readers from
//! Python, in an environment of their own under `target/peers`.
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

/// A program of a Debian package that demo or tests use.
pub struct Program {
    /// What is looked for on the path.
    pub name: &'static str,
    /// The package that brings it.
    pub package: &'static str,
    /// What it is for, in a few words.
    pub what_for: &'static str,
}

/// The mail client.
pub const SWAKS: Program = Program { name: "swaks", package: "swaks", what_for: "sends mail as a client would" };

/// Find these programs, installing what is missing where that needs nobody's answer. Fails with the line to type.
pub fn programs(wanted: &[Program]) -> Result<()> {
    let missing: Vec<&Program> = wanted.iter().filter(|program| find(program.name).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().map(|program| program.package).collect();
    install(&packages)?;
    for program in missing {
        let found = find(program.name).is_some();
        ensure!(found, "{} ({}) is not on the path after its package was installed", program.name, program.what_for);
    }
    Ok(())
}

/// The Python of the peers' environment, made anew when `requirements.txt` has changed. Its answer is its path.
pub fn python(root: &Path) -> Result<PathBuf> {
    let wanted = root.join("tests/peers/requirements.txt");
    let wanted_text = std::fs::read_to_string(&wanted).with_context(|| format!("cannot read {}", wanted.display()))?;
    let folder = root.join("target/peers");
    let (stamp, python) = (folder.join("requirements.txt"), folder.join("venv/bin/python"));
    if python.exists() && std::fs::read_to_string(&stamp).is_ok_and(|present| present == wanted_text) {
        return Ok(python);
    }
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    environment(&folder.join("venv"))?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(&wanted);
    run(&mut pip).with_context(|| {
        format!(
            "the peers' Python packages could not be installed. To see why:\n  {} -m pip install -r {}",
            python.display(),
            wanted.display()
        )
    })?;
    std::fs::write(&stamp, wanted_text).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(python)
}

/// An empty environment. Debian's Python makes one only with a package of its own.
fn environment(folder: &Path) -> Result<()> {
    let make = || run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder));
    if find("python3").is_some() && make().is_ok() {
        return Ok(());
    }
    install(&["python3", "python3-venv"])?;
    make().context("python3 -m venv does not work here")
}

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
