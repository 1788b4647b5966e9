//! Plugins that fail for everybody, and a daemon that is killed in the middle of an operator's act: what came in is kept,
//! each thing is done once and in order, and one generation acts in each place.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#[path = "fleet_crash/kills.rs"]
mod kills;
#[path = "fleet_crash/loops.rs"]
mod loops;

use tributary_tests::Desk;
use tributary_tests::desk::Setup;

/// A desk whose plugins need no signature.
fn setup(overlay: &str) -> Setup {
    Desk::setup().with("[plugins]\ndevelopment = true\n[log]\nfilter = \"info\"\n").with(overlay)
}

/// A desk that begins with another build of a plugin than the one it was given.
fn beginning_with(overlay: &str, plugin: &str, bytes: &[u8]) -> Desk {
    let mut desk = setup(overlay).init();
    std::fs::write(desk.dir.join("plugins").join(format!("{plugin}.wasm")), bytes).unwrap();
    // It pins the builds that `init` put there.
    std::fs::remove_file(desk.dir.join("tributary.lock")).unwrap();
    desk.serve();
    desk
}
