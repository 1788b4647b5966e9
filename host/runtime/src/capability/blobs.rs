//! `blobs`: files by content. Written through to the disk while the call waits; a call that fails later leaves a file
//! that nobody refers to, which is harmless.
use crate::bindings::tributary::plugin::blobs::{Attachment, BlobError, Host};
use crate::blobs::BlobsError;
use crate::state::CallState;
use std::sync::Arc;

impl Host for CallState {
    async fn put(
        &mut self,
        name: String,
        media_type: String,
        data: Vec<u8>,
    ) -> wasmtime::Result<Result<Attachment, BlobError>> {
        let limit = self.budgets.bytes_out;
        if data.len() > limit {
            return Ok(Err(BlobError::TooLarge(limit as u64)));
        }
        self.hand_over(name.len() + media_type.len() + data.len())?;
        if self.preparing {
            return Ok(Err(BlobError::Unavailable("there are no files during prepare".into())));
        }
        let size = data.len() as u64;
        let blobs = Arc::clone(&self.shared.services.blobs);
        let written = self.meter.hosted(tokio::task::spawn_blocking(move || blobs.put(&data))).await?;
        Ok(match written {
            Ok(blob) => {
                self.files.push((blob.clone(), size));
                Ok(Attachment { blob, name, media_type, size, content_id: None })
            }
            Err(error) => Err(unavailable(&error)),
        })
    }

    async fn get(&mut self, blob: String) -> wasmtime::Result<Result<Vec<u8>, BlobError>> {
        self.hand_over(blob.len())?;
        if self.file(&blob).is_none() {
            return Ok(Err(BlobError::Unknown(blob)));
        }
        let blobs = Arc::clone(&self.shared.services.blobs);
        let read = self.meter.hosted(tokio::task::spawn_blocking(move || blobs.get(&blob))).await?;
        Ok(read.map_err(|error| match error {
            BlobsError::Unknown(id) => BlobError::Unknown(id),
            BlobsError::Io(_) => unavailable(&error),
        }))
    }
}

fn unavailable(error: &BlobsError) -> BlobError {
    tracing::error!(error = %error, cause = std::error::Error::source(error), "a file could not be kept or read");
    BlobError::Unavailable(error.to_string())
}
