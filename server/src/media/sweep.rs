//! Removing files that nothing refers to: a crash between placing files and the commit that refers to them leaves them
//! behind, and so does a video whose item went another way while the disk failed.

use std::fs::DirEntry;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use super::{KINDS, Media, files};
use crate::domain::media::{Blob, BlobKind, Sha256};

/// Files that were written less than this ago stay. Those of uploads and fetches under way are pinned, so the age is
/// not what keeps them: it is the time that somebody who copies files into the data directory by hand, or looks
/// for them after a crash, is given.
pub const SAFE_AGE: Duration = Duration::from_secs(24 * 3_600);

/// What a sweep has removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Files.
    pub removed: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// A file in the place of a blob.
struct Candidate {
    blob: Blob,
    path: PathBuf,
}

impl Media {
    /// Removes the files older than [`SAFE_AGE`] at `now` that no pin keeps and that `is_referenced` denies. One it
    /// cannot tell of stays, and so does what does not look like a blob. Ends early when `stop` is cancelled; memory
    /// is bounded by the names of one of the 256 folders of a kind.
    pub async fn sweep<E, F>(
        &self,
        now: Timestamp,
        is_referenced: impl Fn(Blob) -> F,
        stop: &CancellationToken,
    ) -> Swept
    where
        F: Future<Output = Result<bool, E>>,
    {
        let written_before = now.saturating_sub(SAFE_AGE).unwrap_or(Timestamp::MIN);
        let mut swept = Swept::default();
        for kind in KINDS {
            for prefix in 0..=u8::MAX {
                let folder = self
                    .shared
                    .root
                    .join(files::folder(kind))
                    .join(format!("{prefix:02x}"));
                let listed =
                    spawn_blocking(move || candidates(&folder, kind, written_before)).await;
                let candidates = match listed {
                    Ok(Ok(candidates)) => candidates,
                    Ok(Err(error)) => {
                        tracing::warn!(%error, "cannot look for files that nothing refers to");
                        continue;
                    }
                    Err(_) => return swept,
                };
                for candidate in candidates {
                    if stop.is_cancelled() {
                        return swept;
                    }
                    // Most files are referred to: they cost no lock.
                    if !matches!(is_referenced(candidate.blob).await, Ok(false)) {
                        continue;
                    }
                    let _placing = self.shared.placing.lock().await;
                    // Whoever found it "already there" since has pinned it, and may have committed.
                    if self.remove_unless_used(&candidate, &is_referenced).await {
                        swept.removed += 1;
                        swept.bytes += candidate.blob.size_bytes;
                    }
                }
            }
        }
        swept
    }

    /// To be called while nothing is put in place.
    async fn remove_unless_used<E, F>(
        &self,
        candidate: &Candidate,
        is_referenced: &impl Fn(Blob) -> F,
    ) -> bool
    where
        F: Future<Output = Result<bool, E>>,
    {
        if self.is_held()
            || self.shared.pins().contains_key(&candidate.blob)
            || !matches!(is_referenced(candidate.blob).await, Ok(false))
        {
            return false;
        }
        match tokio::fs::remove_file(&candidate.path).await {
            Ok(()) => true,
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    tracing::warn!(%error, path = %candidate.path.display(), "cannot remove a file that nothing refers to");
                }
                false
            }
        }
    }
}

/// The blobs of a folder that were written before then.
fn candidates(
    folder: &Path,
    kind: BlobKind,
    written_before: Timestamp,
) -> io::Result<Vec<Candidate>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        if let Some(candidate) = candidate(&entry?, kind, written_before)? {
            found.push(candidate);
        }
    }
    Ok(found)
}

fn candidate(
    entry: &DirEntry,
    kind: BlobKind,
    written_before: Timestamp,
) -> io::Result<Option<Candidate>> {
    let name = entry.file_name();
    let Some(sha256) = name.to_str().and_then(Sha256::from_hex) else {
        return Ok(None);
    };
    let metadata = match entry.metadata() {
        Ok(metadata) => metadata,
        // Discarded meanwhile.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let written = Timestamp::try_from(metadata.modified()?).unwrap_or(Timestamp::MAX);
    if !metadata.is_file() || written >= written_before {
        return Ok(None);
    }
    Ok(Some(Candidate {
        blob: Blob {
            kind,
            sha256,
            size_bytes: metadata.len(),
        },
        path: entry.path(),
    }))
}
