//! Whom a daemon's folder trusts, and what its lock says: read from its files, whether it runs or not.
use crate::config::{Config, Folder};
use anyhow::{Context, bail};
use std::path::Path;
use tributary_fleet::lock::Lock;
use tributary_fleet::trust::Trust;

/// What a package is held against.
pub struct Desk {
    /// Its folder, for people.
    pub shown: String,
    /// Its signers.
    pub trust: Trust,
    /// Its lock.
    pub lock: Lock,
}

impl Desk {
    /// Reads the folder.
    pub fn read(dir: &Path) -> anyhow::Result<Self> {
        let shown = dir.display().to_string();
        let config = match Config::read(dir) {
            Ok(config) => config,
            Err(faults) => {
                let first = faults.first().map(ToString::to_string).unwrap_or_default();
                bail!("{first}; `tributary check --dir {shown}` says all that is wrong with the folder")
            }
        };
        let trust = Trust::new(&config.fleet.trust).with_context(|| format!("the signers of {shown}"))?;
        Ok(Self { trust, lock: Lock::read(&Folder(dir.into()).lock())?, shown })
    }
}
