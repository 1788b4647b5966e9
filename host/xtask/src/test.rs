//! `cargo xtask test`: everything the tests need, then all of them, then one line that sums them up.
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, bail};

use crate::step::Steps;
use crate::{build, peers, plugins};

/// Set up, build, test. `filter` goes to the test programs as it is.
pub fn run(root: &Path, filter: &[String]) -> Result<()> {
    let mut steps = Steps::new(4);
    steps.run(
        "peers: mail clients and servers, platforms' libraries, a browser, a package registry, signatures",
        || {
            peers::programs(&[peers::SWAKS, peers::REGISTRY, peers::MINISIGN, peers::DOVECOT, peers::CHROMIUM])?;
            peers::node(root)?;
            peers::python(root)
        },
    )?;
    steps.run("plugins", || plugins::build(root).and_then(|_| plugins::guests::build(root)))?;
    steps.run("daemon (from nothing about 15 minutes on two cores)", || build::daemon(root))?;
    // What tests that were cut off left behind.
    drop(std::fs::remove_dir_all(root.join("target/desks")));
    let (sums, passed) = steps.run("tests", || test(root, filter))?;
    println!("{} {} left out, {}", if passed { "all tests:" } else { "failed:" }, sums.ignored, steps.elapsed());
    if !root.join("../shared/data").is_dir() {
        println!(
            "left out: what tests ask of mails and sentences from elsewhere, which are not in ../shared/data here"
        );
    }
    // The line that other programs read.
    println!("{} passed, {} failed", sums.passed, sums.failed);
    if !passed {
        bail!("tests failed; the lines that say `FAILED` above name them");
    }
    Ok(())
}

/// What cargo's test programs said in sum.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sums {
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl Sums {
    /// Add a line such as `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
    fn add(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". ")) else { return };
        for part in result.1.split("; ") {
            let Some((count, word)) = part.split_once(' ') else { continue };
            let Ok(count) = count.parse::<u64>() else { continue };
            match word {
                "passed" => self.passed += count,
                "failed" => self.failed += count,
                "ignored" => self.ignored += count,
                _ => {}
            }
        }
    }
}

/// Run every test of the workspace, its output passed on as it comes.
fn test(root: &Path, filter: &[String]) -> Result<(Sums, bool)> {
    let mut command = build::command(root);
    command.args(["test", "--release", "--workspace", "--no-fail-fast", "--"]).args(filter).stdout(Stdio::piped());
    let mut child = command.spawn().context("cannot run cargo test")?;
    let output = child.stdout.take().context("cargo test has no output")?;
    let mut sums = Sums::default();
    for line in BufReader::new(output).split(b'\n') {
        let line = line.context("cannot read what cargo test says")?;
        let line = String::from_utf8_lossy(&line);
        println!("{line}");
        sums.add(&line);
    }
    let status = child.wait().context("cargo test did not end")?;
    Ok((sums, status.success()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_added_up() {
        let mut sums = Sums::default();
        for line in [
            "running 3 tests",
            "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.02s",
            "test a ... FAILED",
            "test result: FAILED. 1 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.02s",
        ] {
            sums.add(line);
        }
        assert_eq!(sums, Sums { passed: 4, failed: 2, ignored: 1 });
    }
}
