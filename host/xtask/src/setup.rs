//! Finds what compiles plugins to WebAssembly, and installs it where that needs nobody's answer.
//!
//! Three ways, in this order: the active toolchain has the target's standard library; Debian's `rustc-web` packages build
//! it from source, beside whatever toolchain is active; `rustup` fetches it.
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::system;

/// The target of every plugin: no WASI, so a component imports nothing but the contract.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Debian's packages: compiler, cargo, the standard library's source, the code generator, the linker.
const PACKAGES: [&str; 5] = ["rustc-web", "cargo-web", "rust-web-src", "rust-web-llvm", "lld-19"];

/// The oldest compiler that builds the workspace, as its `rust-version` says.
const OLDEST: (u32, u32) = (1, 95);

/// A way to compile plugins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WasmToolchain {
    /// `cargo` and `rustc` of the path have the target's standard library.
    Active,
    /// Compiler and cargo of the system, which build the standard library from source.
    System {
        /// The compiler.
        rustc: PathBuf,
        /// Its cargo.
        cargo: PathBuf,
        /// LLVM's linker for WebAssembly.
        linker: PathBuf,
    },
}

impl WasmToolchain {
    /// `cargo build` for the plugins' target; the caller adds packages, profile and target folder.
    pub fn build(&self) -> Command {
        match self {
            Self::Active => {
                let mut command = Command::new("cargo");
                command.args(["build", "--target", TARGET]);
                command
            }
            Self::System { rustc, cargo, linker } => {
                let mut command = Command::new(cargo);
                command.args(["build", "--target", TARGET, "-Zbuild-std=std,panic_abort"]);
                command.env("RUSTC", rustc).env("RUSTC_BOOTSTRAP", "1");
                command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
                // Set by `cargo run` of another toolchain, and wrong for this one.
                command.env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO").env_remove("RUSTDOC");
                command
            }
        }
    }
}

/// Find a way, installing what is missing where that can be done without asking. Says what it is about to do.
pub fn wasm_toolchain(root: &Path) -> Result<WasmToolchain> {
    if active(root) {
        return Ok(WasmToolchain::Active);
    }
    if let Some(found) = debian() {
        return Ok(found);
    }
    if let Some(found) = install_packages()? {
        return Ok(found);
    }
    if install_target(root) && active(root) {
        return Ok(WasmToolchain::Active);
    }
    bail!(
        "nothing here compiles to {TARGET}. One of these helps:\n  \
         rustup target add {TARGET}\n  \
         apt-get update && apt-get install --no-install-recommends {}   (Debian, as root)",
        PACKAGES.join(" ")
    )
}

/// Whether the toolchain of the path has the target's standard library.
fn active(root: &Path) -> bool {
    let mut command = Command::new("rustc");
    command.current_dir(root).args(["--print", "target-libdir", "--target", TARGET]);
    let Some(folder) = system::output(&mut command) else { return false };
    let Ok(files) = std::fs::read_dir(folder) else { return false };
    files.flatten().any(|file| file.file_name().to_string_lossy().starts_with("libstd-"))
}

/// Compiler, source and linker of the system's packages, where all three are there.
fn debian() -> Option<WasmToolchain> {
    let rustc = PathBuf::from("/usr/bin/rustc");
    let cargo = PathBuf::from("/usr/bin/cargo");
    if !rustc.exists() || !cargo.exists() || version(&rustc)? < OLDEST {
        return None;
    }
    let sysroot = PathBuf::from(system::output(Command::new(&rustc).args(["--print", "sysroot"]))?);
    if !sysroot.join("lib/rustlib/src/rust/library/Cargo.toml").exists() {
        return None;
    }
    Some(WasmToolchain::System { rustc, cargo, linker: linker()? })
}

/// The newest `wasm-ld` in `/usr/bin`, which Debian names with LLVM's version.
fn linker() -> Option<PathBuf> {
    let newest = std::fs::read_dir("/usr/bin").ok()?.flatten().filter_map(|file| {
        let name = file.file_name().into_string().ok()?;
        let version: u32 = match name.strip_prefix("wasm-ld")? {
            "" => 0,
            versioned => versioned.strip_prefix('-')?.parse().ok()?,
        };
        Some((version, file.path()))
    });
    newest.max_by_key(|(version, _)| *version).map(|(_, path)| path)
}

/// Install Debian's packages. None where that cannot be done without an answer.
fn install_packages() -> Result<Option<WasmToolchain>> {
    if let Err(error) = system::install(&PACKAGES) {
        eprintln!("set-up: {error:#}\nset-up: going on without them");
        return Ok(None);
    }
    let found = debian().context("the packages are installed, but hold no compiler, source and linker that fit")?;
    Ok(Some(found))
}

/// Let rustup fetch the target's standard library. False where there is no rustup or it fails.
fn install_target(root: &Path) -> bool {
    if system::output(Command::new("rustup").arg("--version")).is_none() {
        return false;
    }
    eprintln!("set-up: rustup target add {TARGET}");
    system::run(Command::new("rustup").current_dir(root).args(["target", "add", TARGET])).is_ok()
}

/// Major and minor version of a compiler.
fn version(rustc: &Path) -> Option<(u32, u32)> {
    parse_version(&system::output(Command::new(rustc).arg("--version"))?)
}

fn parse_version(line: &str) -> Option<(u32, u32)> {
    let mut parts = line.split(' ').nth(1)?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compiler_says_its_version() {
        let cases = [
            ("rustc 1.96.0 (ac68faa20 2026-05-25) (built from a source tarball)", Some((1, 96))),
            ("rustc 1.95.0-nightly", Some((1, 95))),
            ("rustc", None),
            ("", None),
        ];
        for (line, expected) in cases {
            assert_eq!(parse_version(line), expected, "{line}");
        }
    }
}
