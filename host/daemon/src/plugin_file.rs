//! Commands about plugin files that need no daemon: what a file is and asks for, whether this host can run it, making a
//! key, signing, and handing a file to a registry. Nothing of a component is run here.
mod compat;
mod desk;
mod inspect;
mod sign;

pub use compat::run_compat;
pub use inspect::run_inspect;
pub use sign::{run_keygen, run_push, run_sign};

use anyhow::Context;
use clap::Args;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use tributary_fleet::trust::MAX_SIGNATURE;
use tributary_runtime::Package;

/// EX_DATAERR of sysexits: the file is not what it should be.
pub const REFUSED: u8 = 65;

/// `tributary plugin inspect`
#[derive(Args)]
pub struct InspectArgs {
    /// The component; its signature is looked for beside it, in FILE.minisig
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Also hold it against the signers and the lock of this daemon's folder
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Print it as one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `tributary plugin compat`
#[derive(Args)]
pub struct CompatArgs {
    /// The component
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Print it as one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `tributary plugin sign`
#[derive(Args)]
pub struct SignArgs {
    /// The component; the signature is written beside it, to FILE.minisig
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The secret key, as `tributary plugin keygen` or `minisign -G` wrote it
    #[arg(long, value_name = "KEY")]
    pub key: PathBuf,
    /// What the signature says about the file, instead of its plugin, version and time
    #[arg(long, value_name = "TEXT")]
    pub comment: Option<String>,
}

/// `tributary plugin keygen`
#[derive(Args)]
pub struct KeygenArgs {
    /// Write the pair to PATH.key (secret) and PATH.pub
    #[arg(long, value_name = "PATH")]
    pub out: PathBuf,
    /// Do not ask for a password: whoever reads the secret key can sign with it
    #[arg(long)]
    pub no_password: bool,
}

/// `tributary plugin push`
#[derive(Args)]
pub struct PushArgs {
    /// The component; its signature goes along where FILE.minisig is beside it
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Where to: oci://HOST[:PORT]/NAME:TAG
    #[arg(value_name = "SOURCE")]
    pub to: String,
}

/// A component's bytes; of a larger one than is ever taken, one more than that, for the reader to say so.
fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    file.take(Package::MAX_SIZE as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Where the signature of a component is.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".minisig");
    name.into()
}

/// The text of its signature, where there is one.
fn signature(path: &Path) -> anyhow::Result<Option<String>> {
    let path = beside(path);
    match File::open(&path) {
        Ok(file) => {
            let mut bytes = Vec::new();
            file.take(MAX_SIGNATURE as u64 + 1).read_to_end(&mut bytes)?;
            Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}
