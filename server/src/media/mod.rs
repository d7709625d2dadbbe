//! The stored files: source images, audios and videos, each a blob named by the SHA-256 of its content.
//!
//! Layout below the data directory: `images/`, `audios/`, `videos/` with one folder for each first two digits of the
//! digest, and `tmp/`. Folders are 0700, files 0600. A user's name for a file is never part of a path.
//!
//! Life of a file: [`Media::receive`] makes a temporary and counts and digests what is written to it;
//! [`incoming::Incoming::finish`] flushes it to the disk; [`Media::adopt`] renames it into place, or drops it when the
//! content is already there. The [`Pin`] that adopting gives keeps the blob until the commit that refers to it, so that
//! another upload that is refused at the same moment cannot take it away; [`Media::discard`] gives pins back and
//! removes what nobody pins and nothing refers to, [`Media::withdraw`] what can have been referred to by nobody, also
//! while nobody can be asked. What a crash has left between the two, [`Media::sweep`] removes.
//!
//! Invariants:
//! - a blob is whole: it appears by a rename after its content is on the disk;
//! - a temporary is gone when what made it is dropped, or at the next start;
//! - memory does not grow with the size of files.
//!
//! Not here: users, credits, what a batch refers to (the store answers that, through a function handed in).

pub mod blob_reader;
mod container;
pub mod file_system;
mod files;
#[cfg(test)]
pub(crate) mod full_disk;
pub mod incoming;
pub mod sweep;
pub mod video_sink;

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use crate::domain::media::{Blob, BlobKind};
use crate::engine::{OpenSource, Source, SourceReader};
use blob_reader::BlobReader;
use file_system::{BlockingFile, FileSystem, SystemFiles, blocking};
pub(crate) use files::{TEMPORARIES, folder};
use incoming::{Incoming, Staged};
use video_sink::{ArrivingVideo, FetchProgress};

/// The stored files of one data directory. Clones share it.
#[derive(Clone)]
pub struct Media {
    shared: Arc<Shared>,
}

struct Shared {
    files: Arc<dyn FileSystem>,
    root: PathBuf,
    next_temporary: AtomicU64,
    pins: Mutex<HashMap<Blob, Pinned>>,
    /// While there are any, no file is removed.
    holds: AtomicU64,
    /// Folders of blobs whose names this run has made durable.
    durable_folders: Mutex<HashSet<PathBuf>>,
    /// Held while blobs are put in place and while they are taken away, so that nobody finds a blob "already
    /// there" that is about to go.
    placing: tokio::sync::Mutex<()>,
}

/// Who keeps a blob.
#[derive(Default)]
struct Pinned {
    count: u32,
    /// Another has pinned it besides the one whose pin was the first; it may have referred to the blob since.
    by_others: bool,
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

/// What there is of a blob.
#[derive(Debug)]
pub enum Found {
    /// A file of its size.
    Whole,
    /// No file.
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// A file of another size.
    OtherSize {
        /// Where.
        path: PathBuf,
        /// Its size.
        size_bytes: u64,
    },
    /// The system does not say.
    Unreadable {
        /// Where it should be.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

/// Keeps a blob from being discarded while it lives. Dropping it removes nothing; see [`Media::discard`].
#[must_use = "a blob without a pin may be discarded"]
pub struct Pin {
    shared: Arc<Shared>,
    blob: Blob,
    /// There was no file before: nothing that this server knows can have referred to it.
    is_new: bool,
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
        if let Some(pinned) = pins.get_mut(&self.blob) {
            pinned.count -= 1;
            if pinned.count == 0 {
                pins.remove(&self.blob);
            }
        }
    }
}

/// Keeps every stored file while it lives: what is not referred to any more waits for the next sweep.
#[must_use = "files may be removed without it"]
pub struct Hold(Arc<Shared>);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.holds.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Where a blob is below a data directory.
pub(crate) fn relative_path(blob: Blob) -> PathBuf {
    let digest = blob.sha256.to_string();
    Path::new(files::folder(blob.kind))
        .join(&digest[..2])
        .join(digest)
}

/// What became of a blob that was to be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Removal {
    Done,
    WasGone,
    Pinned,
}

impl Shared {
    fn pins(&self) -> std::sync::MutexGuard<'_, HashMap<Blob, Pinned>> {
        self.pins.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes a blob's file unless it is pinned. Pins wait meanwhile: who pins a blob and then finds its file keeps it.
    fn remove_unpinned(&self, blob: Blob) -> io::Result<Removal> {
        let pins = self.pins();
        if pins.contains_key(&blob) {
            return Ok(Removal::Pinned);
        }
        match self.files.remove(&self.path(blob)) {
            Ok(()) => Ok(Removal::Done),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Removal::WasGone),
            Err(error) => Err(error),
        }
    }

    /// Removes the file of a blob that only one pin has ever kept, if that is so. Pins wait meanwhile.
    fn remove_own(&self, blob: Blob) -> io::Result<bool> {
        let pins = self.pins();
        let is_own = pins
            .get(&blob)
            .is_some_and(|pinned| pinned.count == 1 && !pinned.by_others);
        if is_own {
            self.files.remove(&self.path(blob))?;
        }
        Ok(is_own)
    }

    fn durable_folders(&self) -> std::sync::MutexGuard<'_, HashSet<PathBuf>> {
        self.durable_folders
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, blob: Blob) -> PathBuf {
        self.root.join(relative_path(blob))
    }
}

impl Media {
    /// Opens the folders below `data_dir`, makes those that are missing, and removes the temporaries of a run that
    /// has died. Only one process may have a data directory open: open the database first, whose lock proves it.
    pub fn open(data_dir: &Path) -> Result<Self, MediaError> {
        let files: Arc<dyn FileSystem> = Arc::new(SystemFiles);
        Self::over(files, data_dir)
    }

    /// The same on other files than the system's.
    pub fn over(files: Arc<dyn FileSystem>, data_dir: &Path) -> Result<Self, MediaError> {
        files::prepare(files.as_ref(), data_dir)?;
        Ok(Self::of(files, data_dir))
    }

    /// The files below `data_dir` as they are: makes and removes nothing. For looking only; what is written through it
    /// may find no folder.
    pub fn untouched(data_dir: &Path) -> Self {
        Self::of(Arc::new(SystemFiles), data_dir)
    }

    fn of(files: Arc<dyn FileSystem>, data_dir: &Path) -> Self {
        Self {
            shared: Arc::new(Shared {
                files,
                root: data_dir.to_path_buf(),
                next_temporary: AtomicU64::new(1),
                pins: Mutex::default(),
                holds: AtomicU64::new(0),
                durable_folders: Mutex::default(),
                placing: tokio::sync::Mutex::default(),
            }),
        }
    }

    /// A temporary that takes at most `limit` bytes.
    pub async fn receive(&self, kind: BlobKind, limit: u64) -> Result<Incoming, MediaError> {
        let number = self.shared.next_temporary.fetch_add(1, Ordering::Relaxed);
        let path = self
            .shared
            .root
            .join(files::TEMPORARIES)
            .join(number.to_string());
        Incoming::create(&self.shared.files, path, kind, limit).await
    }

    /// Puts finished files in their places, or drops those whose content is already there. All are durable when it
    /// returns, with a pin each, in the same order. When it fails, none of them was left behind.
    pub async fn adopt(&self, staged: Vec<Staged>) -> Result<Vec<Pin>, MediaError> {
        let _placing = self.shared.placing.lock().await;
        let mut pins: Vec<Pin> = staged.iter().map(|file| self.pin(file.blob())).collect();
        let shared = Arc::clone(&self.shared);
        let placed = blocking(&self.shared.files, move |_| files::place(&shared, staged)).await;
        match placed {
            Ok(result) => {
                let new = result?;
                for pin in &mut pins {
                    pin.is_new = new.contains(&pin.blob);
                }
                Ok(pins)
            }
            Err(error) => Err(MediaError::io("place files", error)),
        }
    }

    /// Pins a blob that something refers to already.
    pub fn pin(&self, blob: Blob) -> Pin {
        let mut pins = self.shared.pins();
        let pinned = pins.entry(blob).or_default();
        pinned.by_others |= pinned.count > 0;
        pinned.count += 1;
        Pin {
            shared: Arc::clone(&self.shared),
            blob,
            is_new: false,
        }
    }

    /// Keeps every stored file for as long as a whole state is copied.
    pub fn hold(&self) -> Hold {
        self.shared.holds.fetch_add(1, Ordering::SeqCst);
        Hold(Arc::clone(&self.shared))
    }

    /// Whether somebody keeps every file.
    pub(crate) fn is_held(&self) -> bool {
        self.shared.holds.load(Ordering::SeqCst) > 0
    }

    /// Removes the blobs that these pins put in place and that nobody else has pinned since: when the commit that was to
    /// refer to them certainly did not happen, nothing does. The other pins come back, to be discarded.
    pub async fn withdraw(&self, pins: Vec<Pin>) -> Vec<Pin> {
        let _placing = self.shared.placing.lock().await;
        let (own, mut others): (Vec<Pin>, Vec<Pin>) = pins
            .into_iter()
            .partition(|pin| pin.is_new && !self.is_held());
        for pin in own {
            let shared = Arc::clone(&self.shared);
            let blob = pin.blob();
            let removing = move |_: &dyn FileSystem| shared.remove_own(blob);
            match blocking(&self.shared.files, removing).await {
                Ok(Ok(true)) => {}
                _ => others.push(pin),
            }
        }
        others
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
            if self.is_held() || self.shared.pins().contains_key(&blob) {
                continue;
            }
            if let Ok(false) = is_referenced(blob).await {
                match self.remove_unpinned(blob).await {
                    Ok(Removal::Done | Removal::WasGone) => gone.push(blob),
                    Ok(Removal::Pinned) => {}
                    Err(error) => {
                        tracing::warn!(%error, blob = %blob.sha256, "cannot remove a file that nothing refers to");
                    }
                }
            }
        }
        gone
    }

    /// As [`Shared::remove_unpinned`], where blocking is allowed.
    async fn remove_unpinned(&self, blob: Blob) -> io::Result<Removal> {
        let shared = Arc::clone(&self.shared);
        blocking(&self.shared.files, move |_| shared.remove_unpinned(blob)).await?
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
        BlobReader::open(
            self.shared.files.as_ref(),
            &self.shared.path(blob),
            blob,
            offset,
        )
        .await
    }

    /// Whether a blob is there in its whole size.
    pub async fn check(&self, blob: Blob) -> Result<(), MediaError> {
        let path = self.shared.path(blob);
        let length = blocking(&self.shared.files, move |files| files.length(&path)).await;
        let length = length
            .and_then(|length| length)
            .map_err(|error| blob_reader::cannot_open(blob, error))?;
        if length == blob.size_bytes {
            Ok(())
        } else {
            Err(MediaError::Corrupt(blob))
        }
    }

    /// What there is of a blob. Blocks.
    pub fn find(&self, blob: Blob) -> Found {
        let path = self.shared.path(blob);
        match self.shared.files.length(&path) {
            Ok(length) if length == blob.size_bytes => Found::Whole,
            Ok(size_bytes) => Found::OtherSize { path, size_bytes },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Found::Missing { path },
            Err(error) => Found::Unreadable { path, error },
        }
    }

    /// As [`Media::check`], where blocking is allowed.
    pub(crate) fn check_blocking(&self, blob: Blob) -> Result<(), MediaError> {
        match self.shared.files.length(&self.shared.path(blob)) {
            Ok(length) if length == blob.size_bytes => Ok(()),
            Ok(_) => Err(MediaError::Corrupt(blob)),
            Err(error) => Err(blob_reader::cannot_open(blob, error)),
        }
    }

    /// Opens a blob for blocking readers.
    pub(crate) fn open_blocking(&self, blob: Blob) -> Result<Box<dyn BlockingFile>, MediaError> {
        self.shared
            .files
            .open_blocking(&self.shared.path(blob))
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
