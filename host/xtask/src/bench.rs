//! `cargo xtask bench [NAME …]`: the figures of the README, each measured on the daemon as it ships.
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::step::Steps;
use crate::{build, plugins};

/// What is measured from outside, on a running daemon, by the program `bench` of the tests.
const OUTSIDE: [&str; 8] = ["mail", "hook", "latency", "memory", "day", "clocks", "contain", "swap"];

/// One thing measured inside: its name, and the program below `target/release` with its arguments.
const INSIDE: [(&str, &str, &[&str]); 7] = [
    ("store", "examples/ceiling", &[]),
    ("calls", "examples/calls", &["target/plugins/channel-email.wasm", "from=Shop <support@shop.example>"]),
    ("resident", "examples/resident", &["target/plugins/channel-email.wasm", "from=Shop <support@shop.example>"]),
    ("policy", "examples/calls", &["target/plugins/policy-triage.wasm"]),
    ("native", "tributary-bench", &[]),
    ("adapters", "tributary-bench", &["--only", "adapters"]),
    ("policies", "tributary-bench", &["--only", "policies"]),
];

/// Build, then measure: everything, or what is named.
pub fn run(root: &Path, names: &[String]) -> Result<()> {
    for name in names {
        let known = OUTSIDE.contains(&name.as_str()) || INSIDE.iter().any(|(known, ..)| known == name);
        let all: Vec<&str> = OUTSIDE.into_iter().chain(INSIDE.iter().map(|(name, ..)| *name)).collect();
        ensure!(known, "there is no bench {name}; there are {}", all.join(", "));
    }
    let wanted = |name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
    let mut steps = Steps::new(3);
    steps.run("plugins", || plugins::build(root).and_then(|_| plugins::guests::build(root)))?;
    steps.run("daemon and benches (from nothing about 15 minutes on two cores)", || build::daemon(root))?;
    steps.run("measuring", || {
        let outside: Vec<&str> = OUTSIDE.into_iter().filter(|name| wanted(name)).collect();
        if !outside.is_empty() {
            measure(root, "bench", &outside)?;
        }
        for (name, program, arguments) in INSIDE.iter().filter(|(name, ..)| wanted(name)) {
            println!("\n{name}");
            measure(root, program, arguments)?;
        }
        Ok(())
    })
}

/// Run one measuring program.
fn measure(root: &Path, program: &str, arguments: &[&str]) -> Result<()> {
    let path = root.join("target/release").join(program);
    let status = Command::new(&path).args(arguments).current_dir(root).status();
    let status = status.with_context(|| format!("cannot run {}", path.display()))?;
    ensure!(status.success(), "{program} {} failed", arguments.join(" "));
    Ok(())
}
