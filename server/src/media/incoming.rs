//! A file that is arriving: a temporary, its running digest, and what is known of it once it is whole.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::Digest;
use tokio::io::AsyncWriteExt;
use vbatch_probe::{
    AudioFacts, AudioLimits, ImageFacts, ImageLimits, ProbeError, SNIFF_BYTES, probe_audio,
    probe_image,
};

use super::MediaError;
use super::file_system::{BlockingFile, FileSystem, NewFile, blocking};
use crate::domain::media::{Blob, BlobKind, Sha256};

/// A temporary that is being written. Dropping it removes it.
pub struct Incoming {
    temporary: Temporary,
    file: Box<dyn NewFile>,
    kind: BlobKind,
    limit: u64,
    size_bytes: u64,
    digest: sha2::Sha256,
    head: Vec<u8>,
}

/// A whole file that is not in its place yet. Dropping it removes it.
pub struct Staged {
    temporary: Temporary,
    blob: Blob,
}

/// A path that is removed when it is dropped.
struct Temporary {
    files: Arc<dyn FileSystem>,
    path: PathBuf,
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // It is gone after a rename; otherwise the next start tries again.
        let _ = self.files.remove(&self.path);
    }
}

impl Incoming {
    pub(super) async fn create(
        files: &Arc<dyn FileSystem>,
        path: PathBuf,
        kind: BlobKind,
        limit: u64,
    ) -> Result<Self, MediaError> {
        let file = files
            .create(&path)
            .await
            .map_err(|error| MediaError::io("make a temporary", error))?;
        Ok(Self {
            temporary: Temporary {
                files: Arc::clone(files),
                path,
            },
            file,
            kind,
            limit,
            size_bytes: 0,
            digest: sha2::Sha256::new(),
            head: Vec::new(),
        })
    }

    /// Takes the next bytes; refuses those that would pass the limit.
    pub async fn write(&mut self, chunk: &[u8]) -> Result<(), MediaError> {
        let size_bytes = self.size_bytes + chunk.len() as u64;
        if size_bytes > self.limit {
            return Err(MediaError::TooLarge { limit: self.limit });
        }
        self.file
            .write_all(chunk)
            .await
            .map_err(|error| MediaError::io("write a temporary", error))?;
        self.digest.update(chunk);
        let wanted = SNIFF_BYTES.saturating_sub(self.head.len());
        self.head
            .extend_from_slice(&chunk[..wanted.min(chunk.len())]);
        self.size_bytes = size_bytes;
        Ok(())
    }

    /// Bytes so far.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// The first bytes, as many as tell the kind of a file.
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// Flushes it to the disk.
    pub async fn finish(mut self) -> Result<Staged, MediaError> {
        let failed = |error| MediaError::io("flush a temporary", error);
        self.file.flush().await.map_err(failed)?;
        self.file.sync().await.map_err(failed)?;
        Ok(Staged {
            temporary: self.temporary,
            blob: Blob {
                kind: self.kind,
                sha256: Sha256(self.digest.finalize().into()),
                size_bytes: self.size_bytes,
            },
        })
    }
}

impl Staged {
    /// Its content.
    pub fn blob(&self) -> Blob {
        self.blob
    }

    /// What picture it is.
    pub async fn probe_image(&self, limits: ImageLimits) -> Result<ImageFacts, ProbeError> {
        self.inspect(move |file| probe_image(file, &limits)).await
    }

    /// What sound it is.
    pub async fn probe_audio(&self, limits: AudioLimits) -> Result<AudioFacts, ProbeError> {
        self.inspect(move |file| probe_audio(file, &limits)).await
    }

    /// Runs a blocking look at the file where blocking is allowed.
    pub(super) async fn inspect<T, E>(
        &self,
        look: impl FnOnce(Box<dyn BlockingFile>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<io::Error> + Send + 'static,
    {
        let path = self.temporary.path.clone();
        blocking(&self.temporary.files, move |files| {
            look(files.open_blocking(&path)?)
        })
        .await?
    }

    pub(super) fn rename_to(self, target: &Path) -> io::Result<()> {
        self.temporary.files.rename(&self.temporary.path, target)
    }
}
