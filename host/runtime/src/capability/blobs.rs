//! `blobs`: files by content. Written through to the disk while the call waits; a call that fails later leaves a file
//! that nobody refers to, which is harmless. A replayed call reads the files it read; what it puts is written nowhere.
use crate::bindings::tributary::plugin::blobs::{Attachment, BlobError, Host};
use crate::blobs::{Blobs, BlobsError};
use crate::record::{Heard, Service};
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
        let question = self.taping.asked(|to| {
            to.map(3);
            to.key("name");
            to.text(&name);
            to.key("media_type");
            to.text(&media_type);
            to.key("data");
            to.sealed(&data);
        });
        let put = match self.taping.heard::<Result<(), _>>(Service::BlobsPut, &question) {
            Heard::Answer(Err(error)) => Err(error),
            Heard::Answer(Ok(())) | Heard::Silence => Ok(self.taping.set_aside(Blobs::id(&data), data)),
            Heard::Real => {
                let blobs = Arc::clone(&self.shared.services.blobs);
                let written = self.meter.hosted(tokio::task::spawn_blocking(move || blobs.put(&data))).await?;
                written.map_err(|error| unavailable(&error))
            }
        };
        let answer = put.map(|blob| {
            self.files.push((blob.clone(), size));
            Attachment { blob, name, media_type, size, content_id: None }
        });
        self.taping.note(Service::BlobsPut, question, &answer);
        Ok(answer)
    }

    async fn get(&mut self, blob: String) -> wasmtime::Result<Result<Vec<u8>, BlobError>> {
        self.hand_over(blob.len())?;
        if self.file(&blob).is_none() {
            return Ok(Err(BlobError::Unknown(blob)));
        }
        if let Some(data) = self.taping.aside(&blob) {
            return Ok(Ok(data.to_vec()));
        }
        let question = self.taping.asked(|to| {
            to.map(1);
            to.key("blob");
            to.key(&blob);
        });
        if let Heard::Answer(Err(error)) = self.taping.heard::<Result<(), _>>(Service::BlobsGet, &question) {
            return Ok(Err(error));
        }
        let blobs = Arc::clone(&self.shared.services.blobs);
        let read = self.meter.hosted(tokio::task::spawn_blocking(move || blobs.get(&blob))).await?;
        let answer = read.map_err(|error| match error {
            BlobsError::Unknown(id) => BlobError::Unknown(id),
            BlobsError::Io(_) => unavailable(&error),
        });
        // The bytes stay where they are: the question names them by their digest.
        match &answer {
            Ok(_) => self.taping.note::<Result<(), BlobError>>(Service::BlobsGet, question, &Ok(())),
            Err(error) => self.taping.note::<Result<(), BlobError>>(Service::BlobsGet, question, &Err(error.clone())),
        }
        Ok(answer)
    }
}

fn unavailable(error: &BlobsError) -> BlobError {
    tracing::error!(error = %error, cause = std::error::Error::source(error), "a file could not be kept or read");
    BlobError::Unavailable(error.to_string())
}
