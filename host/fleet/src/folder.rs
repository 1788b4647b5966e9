//! The watched folder: `NAME.wasm`, and `NAME.wasm.minisig` beside it.
//!
//! It is looked at every quarter of a second instead of being subscribed to: a handful of `stat` calls cost nothing, and a
//! look works on every file system, network and overlay ones included, where notifications get lost. A file counts once
//! two looks in a row saw the same; a copy that is still being written, or whose signature comes a moment later, is left
//! alone until it stands still. A file put there by rename is complete from the start.
use crate::FleetError;
use std::collections::HashMap;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use tributary_model::PluginName;

/// What tells that a file is another one than before: length, time of change, inode.
type Print = (u64, i64, i64, u64);

/// What is seen of one plugin: the print of the file, and of its signature where there is one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Prints(Print, Option<Print>);

/// A plugin's file, read.
pub struct Found {
    /// The component.
    pub bytes: Vec<u8>,
    /// The text of its signature.
    pub signature: Option<String>,
    /// Its path, for people.
    pub path: String,
}

/// The watched folder, and what was seen in it.
pub struct Folder {
    path: PathBuf,
    seen: HashMap<PluginName, Prints>,
    moving: HashMap<PluginName, Prints>,
}

impl Folder {
    /// A folder that nothing was seen of yet.
    pub fn new(path: PathBuf) -> Self {
        Self { path, seen: HashMap::new(), moving: HashMap::new() }
    }

    /// The file of a plugin.
    pub fn file(&self, plugin: &PluginName) -> PathBuf {
        self.path.join(format!("{plugin}.wasm"))
    }

    fn signature_file(&self, plugin: &PluginName) -> PathBuf {
        self.path.join(format!("{plugin}.wasm.minisig"))
    }

    /// Plugins whose files are other ones than when they were last taken, and stand still. They count as taken from now on.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn changed(&mut self) -> io::Result<Vec<PluginName>> {
        let mut now = HashMap::new();
        for entry in std::fs::read_dir(&self.path)? {
            let name = entry?.file_name();
            let Some(plugin) = name.to_str().and_then(|name| name.strip_suffix(".wasm")) else { continue };
            // Names that begin with a dot are what copying tools call a file that is not complete.
            if plugin.is_empty() || plugin.starts_with('.') {
                continue;
            }
            let plugin = PluginName::from(plugin);
            if let Some(file) = print(&self.file(&plugin)) {
                now.insert(plugin.clone(), Prints(file, print(&self.signature_file(&plugin))));
            }
        }
        let mut changed = Vec::new();
        self.moving.retain(|plugin, _| now.contains_key(plugin));
        self.seen.retain(|plugin, _| now.contains_key(plugin));
        for (plugin, prints) in now {
            if self.seen.get(&plugin) == Some(&prints) {
                self.moving.remove(&plugin);
            } else if self.moving.insert(plugin.clone(), prints) == Some(prints) {
                self.moving.remove(&plugin);
                self.seen.insert(plugin.clone(), prints);
                changed.push(plugin);
            }
        }
        changed.sort();
        Ok(changed)
    }

    /// What lies there now counts as taken.
    pub fn take(&mut self, plugin: &PluginName) {
        if let Some(file) = print(&self.file(plugin)) {
            let prints = Prints(file, print(&self.signature_file(plugin)));
            self.seen.insert(plugin.clone(), prints);
            self.moving.remove(plugin);
        }
    }

    /// Reads a plugin's file and signature. `None`: there is none.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn read(&self, plugin: &PluginName) -> Result<Option<Found>, FleetError> {
        let path = self.file(plugin);
        let Some(bytes) = present(std::fs::read(&path), &path)? else { return Ok(None) };
        let signature = self.signature_file(plugin);
        let signature = present(std::fs::read_to_string(&signature), &signature)?;
        Ok(Some(Found { bytes, signature, path: path.display().to_string() }))
    }

    /// Puts a plugin's file and signature there, each complete or not at all, the signature first: whoever sees the new file
    /// sees its signature.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn put(&mut self, plugin: &PluginName, bytes: &[u8], signature: Option<&str>) -> Result<(), FleetError> {
        let beside = self.signature_file(plugin);
        match signature {
            Some(text) => replace(&beside, text.as_bytes())?,
            None => absent(std::fs::remove_file(&beside), &beside)?,
        }
        replace(&self.file(plugin), bytes)?;
        self.take(plugin);
        Ok(())
    }

    /// Takes a plugin's file and signature away. `false`: there was none.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn remove(&mut self, plugin: &PluginName) -> Result<bool, FleetError> {
        let (file, beside) = (self.file(plugin), self.signature_file(plugin));
        let there = file.exists();
        absent(std::fs::remove_file(&file), &file)?;
        absent(std::fs::remove_file(&beside), &beside)?;
        self.seen.remove(plugin);
        Ok(there)
    }
}

fn print(path: &Path) -> Option<Print> {
    let meta = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    Some((meta.len(), meta.mtime(), meta.mtime_nsec(), meta.ino()))
}

/// Writes a file beside its place, and moves it there. Nothing is synced, and the old file is taken away first, because
/// replacing one by a rename is a sync on many file systems: the store, which syncs for every message, would wait for it.
/// What acts does not depend on this folder; a crash in between leaves a file to be put there again.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), FleetError> {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".new");
    let unfinished = path.with_file_name(name);
    std::fs::write(&unfinished, bytes).map_err(|source| unusable(path, source))?;
    absent(std::fs::remove_file(path), path)?;
    std::fs::rename(&unfinished, path).map_err(|source| unusable(path, source))
}

fn present<T>(read: io::Result<T>, path: &Path) -> Result<Option<T>, FleetError> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(unusable(path, source)),
    }
}

fn absent(removed: io::Result<()>, path: &Path) -> Result<(), FleetError> {
    present(removed, path).map(drop)
}

fn unusable(path: &Path, source: io::Error) -> FleetError {
    FleetError::Io { path: path.display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_counts_once_it_stands_still_and_only_once() {
        let dir = tempfile::tempdir().unwrap();
        let mut folder = Folder::new(dir.path().to_owned());
        let path = dir.path().join("a.wasm");
        std::fs::write(&path, b"half").unwrap();
        assert!(folder.changed().unwrap().is_empty(), "seen once");
        std::fs::write(&path, b"half and the rest").unwrap();
        assert!(folder.changed().unwrap().is_empty(), "it grew");
        assert_eq!(folder.changed().unwrap(), [PluginName::from("a")]);
        assert!(folder.changed().unwrap().is_empty(), "taken");
        std::fs::write(dir.path().join("a.wasm.minisig"), b"signature").unwrap();
        assert!(folder.changed().unwrap().is_empty());
        assert_eq!(folder.changed().unwrap(), [PluginName::from("a")], "its signature is part of it");
    }

    #[test]
    fn hidden_and_other_files_are_none_of_our_business() {
        let dir = tempfile::tempdir().unwrap();
        let mut folder = Folder::new(dir.path().to_owned());
        for name in [".a.wasm", "a.wasm.part", "notes.txt", ".wasm"] {
            std::fs::write(dir.path().join(name), b"x").unwrap();
        }
        std::fs::create_dir(dir.path().join("b.wasm")).unwrap();
        folder.changed().unwrap();
        assert!(folder.changed().unwrap().is_empty());
    }

    #[test]
    fn what_the_house_puts_there_itself_is_taken_already() {
        let dir = tempfile::tempdir().unwrap();
        let mut folder = Folder::new(dir.path().to_owned());
        let plugin = PluginName::from("a");
        folder.put(&plugin, b"component", Some("signature")).unwrap();
        folder.changed().unwrap();
        assert!(folder.changed().unwrap().is_empty());
        let found = folder.read(&plugin).unwrap().unwrap();
        assert_eq!((found.bytes.as_slice(), found.signature.as_deref()), (&b"component"[..], Some("signature")));
        folder.put(&plugin, b"component 2", None).unwrap();
        assert_eq!(folder.read(&plugin).unwrap().unwrap().signature, None);
        assert!(folder.remove(&plugin).unwrap());
        assert!(!folder.remove(&plugin).unwrap());
        assert!(folder.read(&plugin).unwrap().is_none());
    }
}
