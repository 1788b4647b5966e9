//! What `cargo xtask` runs: set-up, demo, test, bench.

fn main() {}
