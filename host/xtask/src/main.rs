//! What `cargo xtask` runs: set-up, demo, test, bench. Each installs and builds what it needs, and does nothing twice.
mod bench;
mod build;
mod demo;
mod peers;
mod plugins;
mod setup;
mod step;
mod system;
mod test;

use std::path::Path;

use anyhow::{Context, Result, bail};

/// What `cargo xtask` without a word prints.
const USAGE: &str = "\
usage: cargo xtask COMMAND

  demo [--once]        builds everything, starts the desk, sends mails, answers one, shows what arrived;
                       goes on serving until Ctrl-C, or leaves at once
  test [-- FILTER]     everything the tests need, then all tests, or those whose names contain FILTER
  bench [NAME …]       measures mail, hook, latency, memory, day, clocks, contain, swap, store, calls, resident, policy,
                       native, adapters, policies; all without a name
  plugins              builds every plugin into target/plugins/NAME.wasm";

fn main() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).context("the workspace has no root")?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = arguments.split_first().map_or(("help", &[][..]), |(first, rest)| (first.as_str(), rest));
    let rest = rest.strip_prefix(&["--".to_owned()][..]).unwrap_or(rest);
    match (command, rest) {
        ("demo", []) => demo::run(root, false),
        ("demo", [once]) if once == "--once" => demo::run(root, true),
        ("test", filter) => test::run(root, filter),
        ("bench", names) => bench::run(root, names),
        ("plugins", []) => plugins::build(root).and_then(|_| plugins::guests::build(root)).map(drop),
        ("help" | "--help" | "-h", _) => {
            println!("{USAGE}");
            Ok(())
        }
        _ => bail!("cargo xtask {} is not known\n{USAGE}", arguments.join(" ")),
    }
}
