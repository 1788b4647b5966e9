//! Files by their content, in one folder that no name from outside can leave: ids are checked to be hex of the right
//! length before anything is opened, and the folder is held by a capability besides.
use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};
use data_encoding::HEXLOWER;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Why a file could not be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum BlobsError {
    /// No file of this id: the id, shortened.
    #[error("there is no file `{0}`")]
    Unknown(String),
    /// The disk does not answer.
    #[error("the folder of files cannot be used")]
    Io(#[from] io::Error),
}

/// A folder of files, named by the SHA-256 of their bytes in lower-case hex, in 256 folders by their first two digits.
/// Blocking: it writes through to the disk.
#[derive(Debug)]
pub struct Blobs {
    root: Dir,
    /// One lock for each first byte: who finds a file there must not return before whoever wrote it has made it durable.
    locks: Vec<Mutex<()>>,
    serial: AtomicU64,
}

/// Where files are written before they have their name.
const UNFINISHED: &str = "unfinished";

impl Blobs {
    /// Opens a folder, and makes it where it is absent. Files that a crash left unfinished are removed.
    pub fn open(dir: &Path) -> Result<Arc<Self>, BlobsError> {
        let blobs = Self::beside(dir)?;
        let root = &blobs.root;
        root.create_dir_all(UNFINISHED)?;
        for entry in root.read_dir(UNFINISHED)? {
            entry?.remove_file()?;
        }
        // A file that was there before a crash may not have had its name on disk yet; from here on it has.
        for entry in root.entries()? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                sync(&entry.open_dir()?)?;
            }
        }
        sync(root)?;
        Ok(blobs)
    }

    /// Opens a folder that a daemon may be writing into, to read: nothing in it is removed.
    pub fn beside(dir: &Path) -> Result<Arc<Self>, BlobsError> {
        std::fs::create_dir_all(dir)?;
        let root = Dir::open_ambient_dir(dir, ambient_authority())?;
        let locks = (0..256).map(|_| Mutex::new(())).collect();
        Ok(Arc::new(Self { root, locks, serial: AtomicU64::new(0) }))
    }

    /// The id that bytes have, or would have.
    pub fn id(bytes: &[u8]) -> String {
        HEXLOWER.encode(&Sha256::digest(bytes))
    }

    /// Keeps bytes and returns their id. They are on disk when this returns. The same bytes are written once.
    pub fn put(&self, bytes: &[u8]) -> Result<String, BlobsError> {
        let digest = Sha256::digest(bytes);
        let id = HEXLOWER.encode(&digest);
        let shelf = &id[..2];
        let _turn = self.locks[usize::from(digest[0])].lock();
        let folder = match self.root.open_dir(shelf) {
            Ok(folder) => folder,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.root.create_dir(shelf)?;
                sync(&self.root)?;
                self.root.open_dir(shelf)?
            }
            Err(error) => return Err(error.into()),
        };
        if folder.metadata(&id).is_ok_and(|there| there.len() == bytes.len() as u64) {
            return Ok(id);
        }
        let unfinished = format!("{UNFINISHED}/{}", self.serial.fetch_add(1, Ordering::Relaxed));
        let mut file = self.root.open_with(&unfinished, OpenOptions::new().write(true).create(true).truncate(true))?;
        file.write_all(bytes)?;
        file.sync_all()?;
        self.root.rename(&unfinished, &folder, &id)?;
        sync(&folder)?;
        Ok(id)
    }

    /// The bytes of an id.
    pub fn get(&self, id: &str) -> Result<Vec<u8>, BlobsError> {
        let mut file = self.file(id)?;
        let mut bytes = Vec::with_capacity(file.metadata()?.len().try_into().unwrap_or(0));
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// The file of an id, open for reading, for whoever streams it.
    pub fn file(&self, id: &str) -> Result<std::fs::File, BlobsError> {
        let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let unknown = || BlobsError::Unknown(id.chars().take(80).collect());
        if id.len() != 64 || !id.bytes().all(hex) {
            return Err(unknown());
        }
        match self.root.open(format!("{}/{id}", &id[..2])) {
            Ok(file) => Ok(file.into_std()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(unknown()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Makes the names in a folder durable.
fn sync(folder: &Dir) -> io::Result<()> {
    folder.open(".")?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_under_their_digest_and_are_written_once() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(dir.path()).unwrap();
        let id = blobs.put(b"abc").unwrap();
        assert_eq!(id, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        let path = dir.path().join("ba").join(&id);
        let written = std::fs::metadata(&path).unwrap().modified().unwrap();
        assert_eq!(blobs.put(b"abc").unwrap(), id);
        assert_eq!(std::fs::metadata(&path).unwrap().modified().unwrap(), written);
        assert_eq!(blobs.get(&id).unwrap(), b"abc");
        assert_eq!(Blobs::open(dir.path()).unwrap().get(&id).unwrap(), b"abc");
        assert_eq!(std::fs::read_dir(dir.path().join(UNFINISHED)).unwrap().count(), 0);
    }

    #[test]
    fn nothing_but_a_digest_is_ever_a_path() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("outside"), "secret").unwrap();
        let blobs = Blobs::open(&dir.path().join("blobs")).unwrap();
        let long = "../".repeat(21) + "x";
        let upper = "A".repeat(64);
        let dots = format!("..{}", "/".repeat(62));
        for id in ["", "../outside", "/etc/passwd", &long, &upper, &dots, &"0".repeat(64), &"é".repeat(32)] {
            assert!(matches!(blobs.get(id), Err(BlobsError::Unknown(_))), "{id}");
        }
    }

    #[test]
    fn what_a_crash_left_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(dir.path()).unwrap();
        let id = blobs.put(b"abc").unwrap();
        std::fs::write(dir.path().join("ba").join(&id), "a").unwrap();
        std::fs::write(dir.path().join(UNFINISHED).join("7"), "half").unwrap();
        let blobs = Blobs::open(dir.path()).unwrap();
        assert_eq!(blobs.put(b"abc").unwrap(), id);
        assert_eq!(blobs.get(&id).unwrap(), b"abc");
        assert_eq!(std::fs::read_dir(dir.path().join(UNFINISHED)).unwrap().count(), 0);
    }
}
