//! The text of `tributary.lock`, and how it gets to the disk: whole or not at all.
use super::{Lock, Locked, LockedGrants, LockedSigner};
use crate::trust::KeyId;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use tributary_model::PluginName;

/// The form of the file that is written, and the only one that is read.
const FORM: u32 = 1;

const HEADER: &str = "\
# What each plugin of this desk is, whose it is, and what it may touch. Written by tributary when a plugin is taken, and
# compared with everything that comes later: keep it with your configuration. A grant that is taken out here is asked for
# again at the next install; tributary.toml can only cut these grants down.
";

/// Why a lock cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// The file cannot be read.
    #[error("{path} cannot be read")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not what a lock has to be.
    #[error("{path}:{line}: {why}; put back the last good one, or mend the line")]
    Wrong {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// Why.
        why: String,
    },
    /// It is of another form than this program knows.
    #[error("{path} has form {found}, this program knows {FORM}: it was written by a newer one")]
    Form {
        /// The file.
        path: PathBuf,
        /// Its form.
        found: u32,
    },
    /// The file cannot be written; what was there is still there.
    #[error("{path} cannot be written")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

#[derive(Deserialize)]
struct OnlyForm {
    form: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    #[serde(rename = "form")]
    _form: u32,
    #[serde(default)]
    plugin: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[serde(deserialize_with = "version")]
    version: String,
    #[serde(deserialize_with = "digest")]
    digest: String,
    signer: String,
    #[serde(default, deserialize_with = "key")]
    key: Option<KeyId>,
    contract: String,
    #[serde(default)]
    grants: LockedGrants,
}

fn version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    match semver::Version::parse(&text) {
        Ok(_) => Ok(text),
        Err(_) => Err(D::Error::custom(format!("{text:?} is not a semantic version"))),
    }
}

fn digest<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    let hex = text.strip_prefix("sha256:").filter(|hex| is_digest(hex));
    hex.map(str::to_owned)
        .ok_or_else(|| D::Error::custom(format!("{text:?} is not sha256: and 64 lower-case hex digits")))
}

fn key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<KeyId>, D::Error> {
    String::deserialize(deserializer)?.parse().map(Some).map_err(D::Error::custom)
}

/// Whether a text is a SHA-256 in lower-case hex.
pub(crate) fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

impl Entry {
    fn locked(self, plugin: String) -> Locked {
        let signer = match (self.key, self.signer.as_str()) {
            (Some(id), _) => LockedSigner::Key { id, name: self.signer },
            (None, "bundled") => LockedSigner::Bundled,
            (None, _) => LockedSigner::None,
        };
        Locked {
            plugin: PluginName::from(plugin),
            version: self.version,
            digest: self.digest,
            signer,
            contract: self.contract,
            grants: self.grants,
        }
    }
}

impl Lock {
    /// Reads a lock. One that is not there is empty: then nothing unsigned is taken but in development.
    ///
    /// # Errors
    /// [`LockError::Read`], `Wrong` for its first fault, or `Form`.
    pub fn read(path: &Path) -> Result<Self, LockError> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(LockError::Read { path: path.to_owned(), source }),
        }
    }

    /// Reads the text of a lock; `path` is for the faults.
    ///
    /// # Errors
    /// [`LockError::Wrong`] for its first fault, or `Form`.
    pub fn parse(text: &str, path: &Path) -> Result<Self, LockError> {
        let wrong = |at: usize, why: String| {
            let line = text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1;
            LockError::Wrong { path: path.to_owned(), line, why }
        };
        let told = |error: toml::de::Error| {
            wrong(error.span().map_or(0, |span| span.start), error.message().trim().replace('\n', ", "))
        };
        // The form first: a later one may have keys that this program would call wrong.
        let OnlyForm { form } = toml::from_str(text).map_err(told)?;
        if form != FORM {
            return Err(LockError::Form { path: path.to_owned(), found: form });
        }
        let read: Text = toml::from_str(text).map_err(told)?;
        let mut lock = Self::default();
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        for (plugin, entry) in read.plugin {
            if plugin.is_empty() || !plugin.bytes().all(plain) {
                let at = text.find(&plugin).unwrap_or(0);
                return Err(wrong(at, format!("{plugin:?} is not the name of a plugin")));
            }
            if entry.key.is_none() && !matches!(entry.signer.as_str(), "none" | "bundled") {
                let at = text.find(&format!("[plugin.{plugin}]")).unwrap_or(0);
                return Err(wrong(at, format!("the signer of {plugin} has no `key`")));
            }
            lock.set(entry.locked(plugin));
        }
        Ok(lock)
    }

    /// Its text: sorted, one thing a line, so that a comparison of two shows what changed and nothing else.
    pub fn to_text(&self) -> String {
        let mut text = format!("{HEADER}form = {FORM}\n");
        for locked in self.iter() {
            entry(&mut text, locked);
        }
        text
    }

    /// Writes it beside the place, makes it durable, and puts it in place: a crash leaves the old one or the new one.
    /// Blocks for two syncs of the disk.
    ///
    /// # Errors
    /// [`LockError::Write`].
    pub fn write(&self, path: &Path) -> Result<(), LockError> {
        replace(path, self.to_text().as_bytes()).map_err(|source| LockError::Write { path: path.to_owned(), source })
    }
}

fn entry(text: &mut String, locked: &Locked) {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let (signer, key) = match &locked.signer {
        LockedSigner::None => ("none", None),
        LockedSigner::Bundled => ("bundled", None),
        LockedSigner::Key { id, name } => (name.as_str(), Some(id)),
    };
    // Writing to a String does not fail.
    let _ = writeln!(text, "\n[plugin.{}]", locked.plugin);
    let _ = writeln!(text, "version = {}", quoted(&locked.version));
    let _ = writeln!(text, "digest = \"sha256:{}\"", locked.digest);
    let _ = writeln!(text, "signer = {}", quoted(signer));
    if let Some(key) = key {
        let _ = writeln!(text, "key = \"{key}\"");
    }
    let _ = writeln!(text, "contract = {}", quoted(&locked.contract));
    let grants = &locked.grants;
    if grants.is_empty() {
        return;
    }
    let _ = writeln!(text, "[plugin.{}.grants]", locked.plugin);
    for (name, words) in [
        ("services", &grants.services),
        ("secrets", &grants.secrets),
        ("egress", &grants.egress),
        ("actions", &grants.actions),
    ] {
        if !words.is_empty() {
            let lines: String = words.iter().map(|word| format!("    {},\n", quoted(word))).collect();
            let _ = writeln!(text, "{name} = [\n{lines}]");
        }
    }
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let mut file = File::create(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&beside, path)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}
