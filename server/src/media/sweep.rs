//! Removing files that nothing refers to: a crash between placing files and the commit that refers to them leaves them
//! behind, and so does a video whose item went another way while the disk failed.

use std::future::Future;
use std::io;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::file_system::{FileSystem, blocking};
use super::{KINDS, Media, Removal, files};
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
                let listed = blocking(&self.shared.files, move |files| {
                    candidates(files, &folder, kind, written_before)
                });
                let candidates = match listed.await.and_then(|listed| listed) {
                    Ok(candidates) => candidates,
                    Err(error) => {
                        tracing::warn!(%error, "cannot look for files that nothing refers to");
                        continue;
                    }
                };
                for blob in candidates {
                    if stop.is_cancelled() {
                        return swept;
                    }
                    // Most files are referred to: they cost no lock.
                    if !matches!(is_referenced(blob).await, Ok(false)) {
                        continue;
                    }
                    let _placing = self.shared.placing.lock().await;
                    // Whoever found it "already there" since has pinned it, and may have committed.
                    if self.remove_unless_used(blob, &is_referenced).await {
                        swept.removed += 1;
                        swept.bytes += blob.size_bytes;
                    }
                }
            }
        }
        swept
    }

    /// To be called while nothing is put in place.
    async fn remove_unless_used<E, F>(&self, blob: Blob, is_referenced: &impl Fn(Blob) -> F) -> bool
    where
        F: Future<Output = Result<bool, E>>,
    {
        if self.is_held() || !matches!(is_referenced(blob).await, Ok(false)) {
            return false;
        }
        match self.remove_unpinned(blob).await {
            Ok(removal) => removal == Removal::Done,
            Err(error) => {
                tracing::warn!(%error, blob = %blob.sha256, "cannot remove a file that nothing refers to");
                false
            }
        }
    }
}

/// The blobs of a folder that were written before then.
fn candidates(
    files: &dyn FileSystem,
    folder: &Path,
    kind: BlobKind,
    written_before: Timestamp,
) -> io::Result<Vec<Blob>> {
    let mut found = Vec::new();
    for path in files.files_in(folder)? {
        let name = path.file_name().and_then(|name| name.to_str());
        let Some(sha256) = name.and_then(Sha256::from_hex) else {
            continue;
        };
        match files.about(&path) {
            Ok(about) if about.written < written_before => found.push(Blob {
                kind,
                sha256,
                size_bytes: about.size_bytes,
            }),
            Ok(_) => {}
            // Discarded meanwhile, or no file.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}
