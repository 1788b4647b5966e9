//! `cargo xtask bench [NAME …]`: the figures of the README, each measured on the daemon as it ships.
use std::path::Path;

use anyhow::{Result, ensure};

use crate::step::Steps;
use crate::{build, plugins};

/// What is measured from outside, on a running daemon, by the program `bench` of the tests.
const OUTSIDE: [&str; 3] = ["mail", "latency", "memory"];

/// One thing measured inside: its name and cargo's arguments.
const INSIDE: [(&str, &[&str]); 4] = [
    ("store", &["--package", "tributary-store", "--example", "ceiling"]),
    (
        "calls",
        &[
            "--package",
            "tributary-runtime",
            "--example",
            "calls",
            "--",
            "target/plugins/channel-email.wasm",
            "from=Shop <support@shop.example>",
        ],
    ),
    ("policy", &["--package", "tributary-runtime", "--example", "calls", "--", "target/plugins/policy-triage.wasm"]),
    ("native", &["--package", "tributary-bench"]),
];

/// Build, then measure: everything, or what is named.
pub fn run(root: &Path, names: &[String]) -> Result<()> {
    for name in names {
        let known = OUTSIDE.contains(&name.as_str()) || INSIDE.iter().any(|(known, _)| known == name);
        let all: Vec<&str> = OUTSIDE.into_iter().chain(INSIDE.iter().map(|(name, _)| *name)).collect();
        ensure!(known, "there is no bench {name}; there are {}", all.join(", "));
    }
    let wanted = |name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
    let mut steps = Steps::new(3);
    steps.run("plugins", || plugins::build(root))?;
    steps.run("daemon (from nothing about 8 minutes on two cores)", || build::daemon(root))?;
    steps.run("measuring", || {
        let outside: Vec<&str> = OUTSIDE.into_iter().filter(|name| wanted(name)).collect();
        if !outside.is_empty() {
            let mut arguments = vec!["--package", "tributary-tests", "--bin", "bench", "--"];
            arguments.extend(outside);
            measure(root, &arguments)?;
        }
        for (name, arguments) in INSIDE.iter().filter(|(name, _)| wanted(name)) {
            println!("\n{name}");
            measure(root, arguments)?;
        }
        Ok(())
    })
}

/// Run one measuring program of the workspace.
fn measure(root: &Path, arguments: &[&str]) -> Result<()> {
    let mut all = vec!["run", "--release", "--quiet"];
    all.extend(arguments);
    build::cargo(root, &all)
}
