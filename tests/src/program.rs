//! Where the programs are that the tests run, and what to type when they are not there.
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The project's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are in a folder of the project")
}

/// The daemon as it ships.
pub fn tributary() -> PathBuf {
    built("target/release/tributary")
}

/// The Python that has the peers' packages.
pub fn python() -> PathBuf {
    built("target/peers/venv/bin/python")
}

/// The packages of JavaScript that peers are made of.
pub fn node_modules() -> PathBuf {
    built("target/peers/node_modules")
}

/// A program that Debian brings. Servers are not on everybody's path.
pub fn debian(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    let found = folders.map(|folder| folder.join(name)).find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("{name} is not there: `cargo xtask test` installs what the tests need"))
}

fn built(path: &str) -> PathBuf {
    let path = root().join(path);
    assert!(
        path.exists(),
        "{} is not there: `cargo xtask test` builds and installs what the tests need",
        path.display()
    );
    path
}

/// A script of `tests/peers`.
pub fn peer(name: &str) -> PathBuf {
    root().join("tests/peers").join(name)
}

/// The test data beside the project, or `None` after a line that says what is left out.
pub fn shared_data(folder: &str) -> Option<PathBuf> {
    let path = root().parent()?.join("shared/data").join(folder);
    if path.is_dir() {
        return Some(path);
    }
    println!("left out: {folder}, there is no ../shared/data beside the project");
    None
}

/// Runs a command to its end, with what it said.
pub fn run(command: &mut Command) -> Output {
    let name = command.get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("cannot run {name}: {error}"))
}

/// As [`run`]; panics with its words where it did not end well.
pub fn run_well(command: &mut Command) -> Output {
    let output = run(command);
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?} ended with {}\n{out}{err}", output.status);
    output
}
