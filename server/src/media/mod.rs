//! The stored files: source images, audios and videos, each a blob named by the SHA-256 of its content.
//!
//! Layout below the data directory: `images/`, `audios/`, `videos/` with one folder for each first two digits of the
//! digest, and `tmp/`. Folders are 0700, files 0600. A user's name for a file is never part of a path.
//!
//! Life of a file: [`Media::receive`] makes a temporary and counts and digests what is written to it;
//! [`incoming::Incoming::finish`] flushes it to the disk; [`Media::adopt`] renames it into place, or drops it when the
//! content is already there. The [`Pin`] that adopting gives keeps the blob until the commit that refers to it, so that
//! another upload that is refused at the same moment cannot take it away; [`Media::discard`] gives pins back and
//! removes what nobody pins and nothing refers to.
//!
//! Invariants:
//! - a blob is whole: it appears by a rename after its content is on the disk;
//! - a temporary is gone when what made it is dropped, or at the next start;
//! - memory does not grow with the size of files.
//!
//! Not here: users, credits, what a batch refers to (the store answers that, through a function handed in).

pub mod blob_reader;
mod container;
mod files;
pub mod incoming;
pub mod video_sink;

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::task::spawn_blocking;

use crate::domain::media::{Blob, BlobKind};
use crate::engine::{OpenSource, Source, SourceReader};
use blob_reader::BlobReader;
use incoming::{Incoming, Staged};
use video_sink::{ArrivingVideo, FetchProgress};

/// The stored files of one data directory. Clones share it.
#[derive(Clone)]
pub struct Media {
    shared: Arc<Shared>,
}

struct Shared {
    root: PathBuf,
    next_temporary: AtomicU64,
    pins: Mutex<HashMap<Blob, u32>>,
    /// Held while blobs are put in place and while they are taken away, so that nobody finds a blob "already
    /// there" that is about to go.
    placing: tokio::sync::Mutex<()>,
}

/// Why a file could not be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// More bytes than are taken.
    #[error("more than {limit} bytes")]
    TooLarge {
        /// The most that are taken.
        limit: u64,
    },
    /// No room on the disk.
    #[error("the disk is full: {0}")]
    Full(String),
    /// The file is not there any more.
    #[error("{0:?} is missing")]
    Missing(Blob),
    /// The file is not what it was when it was stored.
    #[error("{0:?} is damaged")]
    Corrupt(Blob),
    /// The disk failed.
    #[error("{operation}: {source}")]
    Io {
        /// What was done, and to what.
        operation: String,
        /// What went wrong.
        source: io::Error,
    },
}

impl MediaError {
    pub(crate) fn io(operation: impl Into<String>, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::Full(source.to_string())
            }
            _ => Self::Io {
                operation: operation.into(),
                source,
            },
        }
    }
}

/// Keeps a blob from being discarded while it lives. Dropping it removes nothing; see [`Media::discard`].
#[must_use = "a blob without a pin may be discarded"]
pub struct Pin {
    shared: Arc<Shared>,
    blob: Blob,
}

impl Pin {
    /// The blob that is kept.
    pub fn blob(&self) -> Blob {
        self.blob
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut pins = self.shared.pins();
        if let Some(count) = pins.get_mut(&self.blob) {
            *count -= 1;
            if *count == 0 {
                pins.remove(&self.blob);
            }
        }
    }
}

impl Shared {
    fn pins(&self) -> std::sync::MutexGuard<'_, HashMap<Blob, u32>> {
        self.pins.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes a blob's file unless it is pinned; whether it is gone. Pins wait meanwhile: who pins a blob and then finds its
    /// file keeps it.
    fn remove_unpinned(&self, blob: Blob) -> io::Result<bool> {
        let pins = self.pins();
        if pins.contains_key(&blob) {
            return Ok(false);
        }
        match std::fs::remove_file(self.path(blob)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(true),
        }
    }

    fn path(&self, blob: Blob) -> PathBuf {
        let digest = blob.sha256.to_string();
        self.root
            .join(files::folder(blob.kind))
            .join(&digest[..2])
            .join(digest)
    }
}

impl Media {
    /// Opens the folders below `data_dir`, makes those that are missing, and removes the temporaries of a run that
    /// has died. Only one process may have a data directory open: open the database first, whose lock proves it.
    pub fn open(data_dir: &Path) -> Result<Self, MediaError> {
        files::prepare(data_dir)?;
        Ok(Self {
            shared: Arc::new(Shared {
                root: data_dir.to_path_buf(),
                next_temporary: AtomicU64::new(1),
                pins: Mutex::default(),
                placing: tokio::sync::Mutex::default(),
            }),
        })
    }

    /// A temporary that takes at most `limit` bytes.
    pub async fn receive(&self, kind: BlobKind, limit: u64) -> Result<Incoming, MediaError> {
        let number = self.shared.next_temporary.fetch_add(1, Ordering::Relaxed);
        let path = self
            .shared
            .root
            .join(files::TEMPORARIES)
            .join(number.to_string());
        Incoming::create(path, kind, limit).await
    }

    /// Puts finished files in their places, or drops those whose content is already there. All are durable when it
    /// returns, with a pin each, in the same order. When it fails, none of them was left behind.
    pub async fn adopt(&self, staged: Vec<Staged>) -> Result<Vec<Pin>, MediaError> {
        let _placing = self.shared.placing.lock().await;
        let pins = staged.iter().map(|file| self.pin(file.blob())).collect();
        let shared = Arc::clone(&self.shared);
        let placed = spawn_blocking(move || files::place(&shared, staged)).await;
        match placed {
            Ok(result) => result.map(|()| pins),
            Err(error) => Err(MediaError::io("place files", io::Error::other(error))),
        }
    }

    /// Pins a blob that something refers to already.
    pub fn pin(&self, blob: Blob) -> Pin {
        *self.shared.pins().entry(blob).or_insert(0) += 1;
        Pin {
            shared: Arc::clone(&self.shared),
            blob,
        }
    }

    /// Gives pins back and removes the blobs that no other pin keeps and that `is_referenced` denies; those whose files are
    /// gone now. A blob it cannot tell of stays.
    pub async fn discard<E, F>(
        &self,
        pins: Vec<Pin>,
        is_referenced: impl Fn(Blob) -> F,
    ) -> Vec<Blob>
    where
        F: Future<Output = Result<bool, E>>,
    {
        let _placing = self.shared.placing.lock().await;
        let mut gone = Vec::new();
        for pin in pins {
            let blob = pin.blob();
            drop(pin);
            if self.shared.pins().contains_key(&blob) {
                continue;
            }
            if let Ok(false) = is_referenced(blob).await {
                match self.shared.remove_unpinned(blob) {
                    Ok(true) => gone.push(blob),
                    Ok(false) => {}
                    Err(error) => {
                        tracing::warn!(%error, blob = %blob.sha256, "cannot remove a file that nothing refers to");
                    }
                }
            }
        }
        gone
    }

    /// A blob as engines read it.
    pub fn source(&self, blob: Blob, media_type: &str) -> Source {
        Source {
            size_bytes: blob.size_bytes,
            media_type: media_type.to_owned(),
            opener: Arc::new(StoredFile {
                media: self.clone(),
                blob,
            }),
        }
    }

    /// Where an engine writes a video of at most `limit` bytes; `progress` is told after each chunk.
    pub fn video_sink(&self, limit: u64, progress: Option<FetchProgress>) -> ArrivingVideo {
        ArrivingVideo::new(self.clone(), limit, progress)
    }

    /// A reader of a blob from byte `offset`, at most its size. The size is checked at once; the digest at the end of a
    /// read that began at 0.
    pub async fn read(&self, blob: Blob, offset: u64) -> Result<BlobReader, MediaError> {
        BlobReader::open(self.shared.path(blob), blob, offset).await
    }

    /// Whether a blob is there in its whole size.
    pub async fn check(&self, blob: Blob) -> Result<(), MediaError> {
        let length = match tokio::fs::metadata(self.shared.path(blob)).await {
            Ok(metadata) => metadata.len(),
            Err(error) => return Err(blob_reader::cannot_open(blob, error)),
        };
        if length == blob.size_bytes {
            Ok(())
        } else {
            Err(MediaError::Corrupt(blob))
        }
    }

    /// Opens a blob for blocking readers.
    pub(crate) fn open_blocking(&self, blob: Blob) -> Result<std::fs::File, MediaError> {
        std::fs::File::open(self.shared.path(blob))
            .map_err(|error| blob_reader::cannot_open(blob, error))
    }
}

struct StoredFile {
    media: Media,
    blob: Blob,
}

#[async_trait]
impl OpenSource for StoredFile {
    async fn open(&self) -> io::Result<SourceReader> {
        let reader = self.media.read(self.blob, 0).await.map_err(to_io)?;
        Ok(Box::pin(reader.into_file()))
    }
}

/// A failure as readers and sinks of engines tell it.
pub(crate) fn to_io(error: MediaError) -> io::Error {
    match error {
        MediaError::Io { source, .. } => source,
        MediaError::Full(message) => io::Error::new(io::ErrorKind::StorageFull, message),
        MediaError::Missing(_) => io::Error::new(io::ErrorKind::NotFound, error.to_string()),
        MediaError::TooLarge { .. } => {
            io::Error::new(io::ErrorKind::FileTooLarge, error.to_string())
        }
        MediaError::Corrupt(_) => io::Error::new(io::ErrorKind::InvalidData, error.to_string()),
    }
}

/// The media type is told by content, so only the kind of a blob names its folder.
pub(crate) const KINDS: [BlobKind; 3] = [BlobKind::Image, BlobKind::Audio, BlobKind::Video];

#[cfg(test)]
mod tests;
