//! Files by their content, in one folder that no name from outside can leave.
use std::path::Path;
use std::sync::Arc;

/// Why a file could not be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum BlobsError {
    /// No file of this id: the id.
    #[error("there is no file `{0}`")]
    Unknown(String),
    /// The disk does not answer.
    #[error("the folder of files cannot be used")]
    Io(#[from] std::io::Error),
}

/// A folder of files, named by the SHA-256 of their bytes in lower-case hex. Blocking: it writes through to the disk.
#[derive(Debug)]
pub struct Blobs {}

impl Blobs {
    /// Opens a folder, and makes it where it is absent.
    pub fn open(_dir: &Path) -> Result<Arc<Self>, BlobsError> {
        todo!()
    }

    /// Keeps bytes and returns their id. They are on disk when this returns. The same bytes are written once.
    pub fn put(&self, _bytes: &[u8]) -> Result<String, BlobsError> {
        todo!()
    }

    /// The bytes of an id.
    pub fn get(&self, _id: &str) -> Result<Vec<u8>, BlobsError> {
        todo!()
    }

    /// The file of an id, open for reading, for whoever streams it.
    pub fn file(&self, _id: &str) -> Result<std::fs::File, BlobsError> {
        todo!()
    }
}
