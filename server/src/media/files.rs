//! The folders, and putting files in their places. Everything here blocks.

use std::collections::HashSet;
use std::io;
use std::path::Path;

use super::file_system::FileSystem;
use super::incoming::Staged;
use super::{KINDS, MediaError, Shared};
use crate::domain::media::{Blob, BlobKind};

/// The folder of files that are not whole yet.
pub(crate) const TEMPORARIES: &str = "tmp";

pub(crate) fn folder(kind: BlobKind) -> &'static str {
    match kind {
        BlobKind::Image => "images",
        BlobKind::Audio => "audios",
        BlobKind::Video => "videos",
    }
}

pub(super) fn prepare(files: &dyn FileSystem, root: &Path) -> Result<(), MediaError> {
    for kind in KINDS {
        make_folder(files, &root.join(folder(kind)))?;
    }
    let temporaries = root.join(TEMPORARIES);
    make_folder(files, &temporaries)?;
    let failed = |error| MediaError::io(format!("clear {}", temporaries.display()), error);
    for path in files.files_in(&temporaries).map_err(failed)? {
        files.remove(&path).map_err(failed)?;
    }
    // A blob is no more durable than the folders above it.
    files
        .sync_folder(root)
        .map_err(|error| MediaError::io(format!("sync {}", root.display()), error))
}

/// Makes a folder that only its owner reads; one that is there is left as it is.
fn make_folder(files: &dyn FileSystem, path: &Path) -> Result<(), MediaError> {
    files
        .make_folder(path)
        .map_err(|error| MediaError::io(format!("make {}", path.display()), error))
}

/// Renames each file into its place unless its content is there, then makes the new names durable. What a failed
/// call has placed without it having been there before is taken away again. Tells which had no file at all before.
pub(super) fn place(shared: &Shared, staged: Vec<Staged>) -> Result<HashSet<Blob>, MediaError> {
    let mut placed = Vec::new();
    let result = place_each(shared, staged, &mut placed);
    if result.is_err() {
        for path in placed {
            // The failure that is reported says more than one of the clean-up could.
            let _ = shared.files.remove(&path);
        }
    }
    result
}

fn place_each(
    shared: &Shared,
    staged: Vec<Staged>,
    placed: &mut Vec<std::path::PathBuf>,
) -> Result<HashSet<Blob>, MediaError> {
    let files = shared.files.as_ref();
    let mut new = HashSet::new();
    let mut changed_folders = Vec::new();
    for file in staged {
        let blob = file.blob();
        let target = shared.path(blob);
        let folder = target
            .parent()
            .expect("a blob's path has a folder")
            .to_path_buf();
        let failed = |error| MediaError::io(format!("place {}", blob.sha256), error);
        // That a folder is there does not make it durable: a run that was killed may have made it.
        if !shared.durable_folders().contains(&folder) {
            make_folder(files, &folder)?;
            let above = folder
                .parent()
                .expect("a blob's folder is below its kind's");
            files.sync_folder(above).map_err(failed)?;
            shared.durable_folders().insert(folder.clone());
        }
        // Nor is a name that is there durable, for the same reason: its folder is flushed in any case.
        if !is_there(files, &target, blob.size_bytes) {
            let length = files.length(&target);
            if length.is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
                new.insert(blob);
            }
            file.rename_to(&target).map_err(failed)?;
            placed.push(target);
        }
        if !changed_folders.contains(&folder) {
            changed_folders.push(folder);
        }
    }
    for folder in changed_folders {
        files
            .sync_folder(&folder)
            .map_err(|error| MediaError::io(format!("sync {}", folder.display()), error))?;
    }
    Ok(new)
}

/// A file of another size under the right name was damaged since; the new one takes its place.
fn is_there(files: &dyn FileSystem, path: &Path, size_bytes: u64) -> bool {
    files.length(path).is_ok_and(|length| length == size_bytes)
}
