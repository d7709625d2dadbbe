//! Reading a stored file from some byte on, and noticing when it is not what it was.

use std::io;
use std::path::Path;

use bytes::{Bytes, BytesMut};
use sha2::Digest;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::MediaError;
use super::file_system::{FileSystem, StoredFile};
use crate::domain::media::Blob;

/// A reader of one blob.
pub struct BlobReader {
    file: Box<dyn StoredFile>,
    blob: Blob,
    remaining: u64,
    /// Absent when the read did not begin at the first byte.
    digest: Option<sha2::Sha256>,
}

pub(super) fn cannot_open(blob: Blob, error: io::Error) -> MediaError {
    if error.kind() == io::ErrorKind::NotFound {
        MediaError::Missing(blob)
    } else {
        MediaError::io(format!("open {}", blob.sha256), error)
    }
}

impl BlobReader {
    pub(super) async fn open(
        files: &dyn FileSystem,
        path: &Path,
        blob: Blob,
        offset: u64,
    ) -> Result<Self, MediaError> {
        let (mut file, length) = files
            .open(path)
            .await
            .map_err(|error| cannot_open(blob, error))?;
        let failed = |error| MediaError::io(format!("read {}", blob.sha256), error);
        if length != blob.size_bytes {
            return Err(MediaError::Corrupt(blob));
        }
        let offset = offset.min(length);
        if offset > 0 {
            file.seek(io::SeekFrom::Start(offset))
                .await
                .map_err(failed)?;
        }
        Ok(Self {
            file,
            blob,
            remaining: length - offset,
            digest: (offset == 0).then(sha2::Sha256::new),
        })
    }

    /// The next bytes, at most `most`; nothing at the end.
    pub async fn next(&mut self, most: usize) -> Result<Option<Bytes>, MediaError> {
        let failed = |error| MediaError::io(format!("read {}", self.blob.sha256), error);
        if self.remaining == 0 {
            let found = self.digest.take().map(|digest| digest.finalize().into());
            return if found.is_none_or(|found: [u8; 32]| found == self.blob.sha256.0) {
                Ok(None)
            } else {
                Err(MediaError::Corrupt(self.blob))
            };
        }
        let wanted = usize::try_from(self.remaining).map_or(most, |remaining| remaining.min(most));
        let mut chunk = BytesMut::zeroed(wanted);
        match self.file.read_exact(&mut chunk).await {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(MediaError::Corrupt(self.blob));
            }
            Err(error) => return Err(failed(error)),
        }
        self.remaining -= wanted as u64;
        if let Some(digest) = &mut self.digest {
            digest.update(&chunk);
        }
        Ok(Some(chunk.freeze()))
    }

    pub(super) fn into_file(self) -> Box<dyn StoredFile> {
        self.file
    }
}
