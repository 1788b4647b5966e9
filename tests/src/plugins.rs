//! `tributary plugin …` of a running daemon, as tests use it, and what the store says beside it.
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::{Desk, build, store, wait};

/// What a program said, both ways.
pub fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// `plugin install` of a file, or of a package in a registry.
pub fn install(desk: &Desk, package: impl AsRef<Path>, how: &[&str]) -> Output {
    let mut words = vec!["plugin", "install", package.as_ref().to_str().expect("a path of ours")];
    words.extend(how);
    desk.run(&words)
}

/// `plugin install` of some bytes; panics unless they are taken.
pub fn installed(desk: &Desk, bytes: &[u8], how: &[&str]) {
    let output = install(desk, build::beside(desk, "to-install", bytes), how);
    assert!(output.status.success(), "{}", text(&output));
}

/// Another command of `plugin`; panics unless it does what it says.
pub fn done(desk: &Desk, words: &[&str]) -> String {
    let output = desk.run(&[&["plugin"], words].concat());
    assert!(output.status.success(), "{words:?}: {}", text(&output));
    text(&output)
}

/// `plugin show --json`.
pub fn show(desk: &Desk, place: &str) -> Value {
    desk.json(&["plugin", "show", place])
}

/// The version that acts in a place.
pub fn live(desk: &Desk, place: &str) -> String {
    show(desk, place)["live"]["version"].as_str().unwrap_or_default().to_owned()
}

/// Waits until the breaker of a place stands so.
pub fn until_breaker(desk: &Desk, place: &str, state: &str) -> Value {
    wait::until(&format!("the breaker of {place} to be {state}"), || match show(desk, place) {
        there if there["breaker"]["state"] == state => Ok(there),
        there => Err(format!("{}, {} parked", there["breaker"], there["parked"])),
    })
}

/// How much is kept aside now.
pub fn parked(desk: &Desk) -> usize {
    store::Rows::count(&desk.dir).parked
}

/// How much of what is kept aside has this blame.
pub fn blamed(desk: &Desk, blame: &str) -> usize {
    store::number(&store::open(&desk.dir), "SELECT count(*) FROM parked WHERE replayed IS NULL AND blame = ?", [blame])
}

/// From the first failure that was kept aside to the first event that was kept aside unasked, in milliseconds.
pub fn milliseconds_to_park(desk: &Desk) -> i64 {
    let sql = "SELECT min(at) FILTER (WHERE blame = 'breaker') - min(at) FILTER (WHERE blame <> 'breaker') FROM parked";
    store::open(&desk.dir).query_row(sql, [], |row| row.get(0)).expect("both kinds are there")
}
