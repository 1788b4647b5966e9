//! `cargo xtask bench [NAME]`: the figures of the README, each measured on the daemon as it ships.
use std::path::Path;

use anyhow::Result;

use crate::step::Steps;
use crate::{build, plugins};

/// Build, then measure: everything, or what is named.
pub fn run(root: &Path, names: &[String]) -> Result<()> {
    let mut steps = Steps::new(4);
    steps.run("plugins", || plugins::build(root))?;
    steps.run("daemon (from nothing about 8 minutes on two cores)", || build::daemon(root))?;
    steps.run("measuring programs", || {
        build::cargo(root, &["build", "--release", "--package", "tributary-tests", "--bins"])
    })?;
    steps.run("measuring", || {
        let mut arguments = vec!["run", "--release", "--quiet", "--package", "tributary-tests", "--bin", "bench", "--"];
        arguments.extend(names.iter().map(String::as_str));
        build::cargo(root, &arguments)
    })
}
