//! The other people's programs that demo and tests talk to: a mail client from Debian, a mail server and readers from
//! Python, in an environment of their own under `target/peers`.
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::system::{find, install, run};

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

/// The package registry.
pub const REGISTRY: Program =
    Program { name: "docker-registry", package: "docker-registry", what_for: "serves packages as registries do" };

/// The other maker and checker of signatures.
pub const MINISIGN: Program =
    Program { name: "minisign", package: "minisign", what_for: "signs files and checks that" };

/// The mail server with mailboxes.
pub const DOVECOT: Program =
    Program { name: "doveadm", package: "dovecot-imapd", what_for: "keeps mailboxes and serves them by IMAP" };

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
