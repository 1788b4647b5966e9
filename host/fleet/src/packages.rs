//! Packages that were taken, kept by digest: `DIGEST.wasm`, with `DIGEST.wasm.minisig` beside it where it was signed. What
//! acts is loaded from here, so it does not depend on what lies in the watched folder by now.
use crate::gently;
use crate::lock::is_digest;
use crate::trust::MAX_SIGNATURE;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::Path;
use tributary_runtime::Package;

/// Why a package cannot be kept or had.
#[derive(Debug, thiserror::Error)]
pub enum PackagesError {
    /// Not a SHA-256 in lower-case hex.
    #[error("{0:?} is not a SHA-256 of 64 lower-case hex digits")]
    NotADigest(String),
    /// There is none with this digest.
    #[error("there is no package {0}")]
    Missing(String),
    /// The file is not the one that was kept.
    #[error("packages/{name} was changed on the disk: its digest is {found} now")]
    Changed {
        /// Its name in the folder.
        name: String,
        /// What its digest is now; `larger than a package` where it is not worth a look.
        found: String,
    },
    /// The folder or a file of it cannot be used.
    #[error("the folder of packages cannot be used ({what})")]
    Io {
        /// What was tried.
        what: String,
        /// Why.
        source: io::Error,
    },
}

/// A package as it was kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stored {
    /// The component.
    pub bytes: Vec<u8>,
    /// The text of its signature.
    pub signature: Option<String>,
}

/// The folder of packages. Every function blocks on the disk.
#[derive(Debug)]
pub struct Packages {
    dir: Dir,
}

fn told(what: impl Into<String>) -> impl FnOnce(io::Error) -> PackagesError {
    let what = what.into();
    move |source| PackagesError::Io { what, source }
}

impl Packages {
    /// Opens the folder, and makes it where it is not there.
    ///
    /// # Errors
    /// [`PackagesError::Io`].
    pub fn open(path: &Path) -> Result<Self, PackagesError> {
        let what = || path.display().to_string();
        std::fs::create_dir_all(path).map_err(told(what()))?;
        Ok(Self { dir: Dir::open_ambient_dir(path, ambient_authority()).map_err(told(what()))? })
    }

    /// Keeps a package; the answer is its digest. When it returns, the package is on the disk, whole. A package that is
    /// there already is written again where the file was changed meanwhile.
    ///
    /// # Errors
    /// [`PackagesError::Io`].
    pub fn put(&self, bytes: &[u8], signature: Option<&str>) -> Result<String, PackagesError> {
        let digest = HEXLOWER.encode(&Sha256::digest(bytes));
        let name = format!("{digest}.wasm");
        // The signature first: a package that is there has its signature beside it.
        if let Some(signature) = signature {
            self.replace(&format!("{name}.minisig"), signature.as_bytes())?;
        }
        let there = self.get(&digest).is_ok();
        if there && signature.is_none() {
            return Ok(digest);
        }
        if !there {
            self.replace(&name, bytes)?;
        }
        self.dir.open(".").and_then(|folder| folder.sync_all()).map_err(told("sync"))?;
        Ok(digest)
    }

    /// A package by its digest, which is calculated again.
    ///
    /// # Errors
    /// [`PackagesError`]: what was changed on the disk is not handed out.
    pub fn get(&self, digest: &str) -> Result<Stored, PackagesError> {
        if !is_digest(digest) {
            return Err(PackagesError::NotADigest(digest.to_owned()));
        }
        let name = format!("{digest}.wasm");
        let bytes = match self.read(&name, Package::MAX_SIZE)? {
            Some(Some(bytes)) => bytes,
            Some(None) => return Err(PackagesError::Changed { name, found: "larger than a package".into() }),
            None => return Err(PackagesError::Missing(digest.to_owned())),
        };
        let found = HEXLOWER.encode(&Sha256::digest(&bytes));
        if found != digest {
            return Err(PackagesError::Changed { name, found });
        }
        // A signature that is not text is one that cannot be read; whoever looks at it shall say so.
        let signature = self.read(&format!("{name}.minisig"), MAX_SIGNATURE)?.flatten();
        Ok(Stored { bytes, signature: signature.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()) })
    }

    /// Whether there is a file for this digest. Its content is not looked at.
    pub fn has(&self, digest: &str) -> bool {
        is_digest(digest) && self.dir.exists(format!("{digest}.wasm"))
    }

    /// Removes what is not among these digests, and what a crash left half-written. The answer counts removed packages.
    /// Files with names of another form are somebody else's, and stay.
    ///
    /// # Errors
    /// [`PackagesError::Io`].
    pub fn gc(&self, keep: &BTreeSet<String>) -> Result<usize, PackagesError> {
        let mut removed = 0;
        for entry in self.dir.entries().map_err(told("list"))? {
            let Ok(name) = entry.map_err(told("list"))?.file_name().into_string() else { continue };
            let Some((digest, rest)) = name.split_once('.').filter(|(digest, _)| is_digest(digest)) else { continue };
            let gone = match rest {
                "wasm" | "wasm.minisig" => !keep.contains(digest),
                "wasm.new" | "wasm.minisig.new" => true,
                _ => false,
            };
            if gone {
                self.dir.remove_file(&name).map_err(told(format!("remove {name}")))?;
                removed += usize::from(rest == "wasm");
            }
        }
        Ok(removed)
    }

    fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), PackagesError> {
        let beside = format!("{name}.new");
        let write = || -> io::Result<()> {
            let mut options = OpenOptions::new();
            let mut file = self.dir.open_with(&beside, options.write(true).create(true).truncate(true))?;
            gently::write(&mut file, bytes)?;
            file.sync_all()?;
            self.dir.rename(&beside, &self.dir, name)
        };
        write().map_err(told(format!("write {name}")))
    }

    /// The outer none: no such file. The inner: it is larger than `most`.
    fn read(&self, name: &str, most: usize) -> Result<Option<Option<Vec<u8>>>, PackagesError> {
        let file = match self.dir.open(name) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(told(format!("read {name}"))(error)),
        };
        let mut bytes = Vec::new();
        file.take(most as u64 + 1).read_to_end(&mut bytes).map_err(told(format!("read {name}")))?;
        Ok(Some((bytes.len() <= most).then_some(bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open() -> (tempfile::TempDir, Packages) {
        let dir = tempfile::tempdir().unwrap();
        let packages = Packages::open(&dir.path().join("packages")).unwrap();
        (dir, packages)
    }

    #[test]
    fn what_is_kept_comes_back_with_its_signature() {
        let (_dir, packages) = open();
        let digest = packages.put(b"one", Some("sig")).unwrap();
        assert_eq!(packages.get(&digest).unwrap(), Stored { bytes: b"one".into(), signature: Some("sig".into()) });
        let unsigned = packages.put(b"two", None).unwrap();
        assert_eq!(packages.get(&unsigned).unwrap().signature, None);
        assert!(packages.has(&digest) && !packages.has("two"));
    }

    #[test]
    fn a_file_that_was_changed_is_named_and_not_handed_out() {
        let (dir, packages) = open();
        let digest = packages.put(b"one", None).unwrap();
        let path = dir.path().join("packages").join(format!("{digest}.wasm"));
        for changed in [&b"onf"[..], b"", b"one more"] {
            std::fs::write(&path, changed).unwrap();
            let error = packages.get(&digest).unwrap_err().to_string();
            assert!(error.contains(&format!("{digest}.wasm was changed")), "{error}");
        }
        packages.put(b"one", None).unwrap();
        assert_eq!(packages.get(&digest).unwrap().bytes, b"one", "putting it again mends it");
    }

    #[test]
    fn a_name_that_is_no_digest_opens_nothing() {
        let (dir, packages) = open();
        std::fs::write(dir.path().join("secret.wasm"), b"x").unwrap();
        for name in ["../secret", "", "ABCDEF", &"A".repeat(64), &"g".repeat(64)] {
            assert!(matches!(packages.get(name), Err(PackagesError::NotADigest(_))), "{name}");
        }
        assert!(matches!(packages.get(&"a".repeat(64)), Err(PackagesError::Missing(_))));
    }

    #[test]
    fn collecting_keeps_the_given_ones_and_what_is_not_ours() {
        let (dir, packages) = open();
        let keep = packages.put(b"keep", Some("k")).unwrap();
        let gone = packages.put(b"gone", Some("g")).unwrap();
        let folder = dir.path().join("packages");
        std::fs::write(folder.join("README"), "mine").unwrap();
        std::fs::write(folder.join(format!("{keep}.wasm.new")), "half").unwrap();
        assert_eq!(packages.gc(&BTreeSet::from([keep.clone()])).unwrap(), 1);
        let mut left: Vec<String> =
            std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        left.sort();
        let mut expected = vec!["README".to_owned(), format!("{keep}.wasm"), format!("{keep}.wasm.minisig")];
        expected.sort();
        assert_eq!(left, expected);
        assert!(!packages.has(&gone));
    }
}
