//! Compiled code on disk: the picture of a plugin, compiled. Compiled code is run as it is, so only what this daemon
//! wrote is ever loaded: each file carries an HMAC under a key that lies beside it and that only the daemon can read.
use crate::picture::NoPicture;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions, OpenOptionsExt};
use data_encoding::HEXLOWER;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::path::Path;
use wasmtime::Engine;
use wasmtime::component::Component;

/// What the name of a file is made of; a change of any of it is another file.
pub(crate) type CacheKey = [u8; 32];

const MAGIC: &[u8; 8] = b"TRIBUTE1";
const MAC: usize = 32;
/// Magic and HMAC; what follows is covered by the HMAC: key, length of the note, note, code.
const HEADER: usize = MAGIC.len() + MAC;
const KEY_FILE: &str = "key";
/// Files kept at most; the oldest go first.
const MOST_FILES: usize = 256;

/// The folder of compiled code.
pub(crate) struct Cache {
    dir: Dir,
    /// Keyed, and fed nothing yet.
    mac: Hmac<Sha256>,
}

/// The key of a component with a configuration for an engine.
pub(crate) fn key(engine: &Engine, component: &str, config: &str, contract: &str) -> CacheKey {
    /// Feeds a `Hash` into SHA-256: the engine tells its settings in no other way.
    struct Feed(Sha256);
    impl Hasher for Feed {
        fn finish(&self) -> u64 {
            0
        }
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
    }
    let mut feed = Feed(Sha256::new());
    for part in [component, config, contract] {
        feed.0.update((part.len() as u64).to_le_bytes());
        feed.0.update(part);
    }
    engine.precompile_compatibility_hash().hash(&mut feed);
    feed.0.finalize().into()
}

impl Cache {
    /// Opens a folder, and makes it and its key where they are absent.
    pub fn open(path: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(path)?;
        let dir = Dir::open_ambient_dir(path, ambient_authority())?;
        let secret = match read_secret(&dir)? {
            Some(secret) => secret,
            None => new_secret(&dir)?,
        };
        let mac = <Hmac<Sha256> as Mac>::new_from_slice(&secret).map_err(io::Error::other)?;
        Ok(Self { dir, mac })
    }

    fn mac(&self, body: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.mac.clone();
        mac.update(body);
        mac
    }

    /// The code of a key, and whether it is a picture. None where it is absent, was changed, or does not fit: it is then
    /// to be compiled anew.
    pub fn get(&self, engine: &Engine, key: &CacheKey) -> Option<(Component, Result<(), NoPicture>)> {
        let name = file_name(key);
        let bytes = self.dir.read(&name).ok()?;
        let Some(at) = self.verified(&bytes, key) else {
            tracing::warn!(file = name, "compiled code was not written by this daemon or was changed; compiling anew");
            return None;
        };
        let (note, code) = bytes[HEADER + key.len()..].split_at(at);
        // SAFETY: `deserialize` runs whatever it is given, so it must be given only what wasmtime's `serialize` returned.
        // These bytes, in memory and not on disk, carry an HMAC under a key that only this daemon reads, and the daemon
        // makes HMACs of nothing but `serialize`'s output (`put`). The engine's settings are part of the key that the
        // HMAC covers, and wasmtime checks its own version besides.
        #[allow(unsafe_code, reason = "the only way to load compiled code; see SAFETY")]
        let component = unsafe { Component::deserialize(engine, code) };
        match component {
            Ok(component) => {
                let why = String::from_utf8_lossy(&note[4..]).into_owned();
                Some((component, if why.is_empty() { Ok(()) } else { Err(NoPicture(why)) }))
            }
            Err(error) => {
                tracing::warn!(file = name, error = %error, "compiled code does not fit this engine; compiling anew");
                None
            }
        }
    }

    /// Where the code begins behind header and key, if the file is this daemon's for this key.
    fn verified(&self, bytes: &[u8], key: &CacheKey) -> Option<usize> {
        let (header, body) = bytes.split_at_checked(HEADER)?;
        let mac = header.strip_prefix(MAGIC)?;
        self.mac(body).verify_slice(mac).ok()?;
        let rest = body.strip_prefix(key)?;
        let length = u32::from_le_bytes(*rest.first_chunk()?);
        let at = usize::try_from(length).ok()?.checked_add(4)?;
        (at <= rest.len()).then_some(at)
    }

    /// Keeps the code of a key. A failure costs the next start some time and nothing else.
    pub fn put(&self, key: &CacheKey, component: &Component, pictured: &Result<(), NoPicture>) {
        if let Err(error) = self.write(key, component, pictured) {
            tracing::warn!(error = %error, "compiled code could not be kept");
        }
    }

    fn write(&self, key: &CacheKey, component: &Component, pictured: &Result<(), NoPicture>) -> io::Result<()> {
        let code = component.serialize().map_err(io::Error::other)?;
        let note = pictured.as_ref().err().map_or("", |why| why.0.as_str()).as_bytes();
        let note = &note[..note.len().min(4_096)];
        let mut file = vec![0; HEADER];
        file.extend_from_slice(key);
        file.extend_from_slice(&u32::try_from(note.len()).map_err(io::Error::other)?.to_le_bytes());
        file.extend_from_slice(note);
        file.extend_from_slice(&code);
        let mac = self.mac(&file[HEADER..]).finalize().into_bytes();
        file[..MAGIC.len()].copy_from_slice(MAGIC);
        file[MAGIC.len()..HEADER].copy_from_slice(&mac);
        let name = file_name(key);
        let unfinished = format!("{name}.{}", HEXLOWER.encode(&random::<8>()?));
        let written = self
            .dir
            .open_with(&unfinished, private().create_new(true))
            .and_then(|mut open| open.write_all(&file))
            .and_then(|()| self.dir.rename(&unfinished, &self.dir, &name));
        if written.is_err() {
            // Nothing more can be done about it, and the next prune takes it.
            let _ = self.dir.remove_file(&unfinished);
        }
        written.and_then(|()| self.prune())
    }

    /// Removes the oldest files beyond the most that are kept.
    fn prune(&self) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in self.dir.entries()? {
            let entry = entry?;
            if entry.file_name() != KEY_FILE {
                files.push((entry.metadata()?.modified()?.into_std(), entry.file_name()));
            }
        }
        files.sort();
        for (_, name) in files.iter().rev().skip(MOST_FILES) {
            self.dir.remove_file(name)?;
        }
        Ok(())
    }
}

fn file_name(key: &CacheKey) -> String {
    format!("{}.code", HEXLOWER.encode(key))
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

fn random<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(bytes)
}

/// The key that is there; none where it is absent or is not one.
fn read_secret(dir: &Dir) -> io::Result<Option<[u8; 32]>> {
    let mut text = Vec::new();
    match dir.open(KEY_FILE) {
        Ok(mut file) => file.read_to_end(&mut text)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(text.try_into().ok())
}

/// A new key. What was written under the old one does not verify any more, and is compiled anew.
fn new_secret(dir: &Dir) -> io::Result<[u8; 32]> {
    let secret = random::<32>()?;
    let unfinished = format!("{KEY_FILE}.{}", HEXLOWER.encode(&random::<8>()?));
    let mut file = dir.open_with(&unfinished, private().create_new(true))?;
    file.write_all(&secret)?;
    file.sync_all()?;
    dir.rename(&unfinished, dir, KEY_FILE)?;
    Ok(secret)
}
