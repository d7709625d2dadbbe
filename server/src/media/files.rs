//! The folders, and putting files in their places. Everything here blocks.

use std::fs;
use std::io;
use std::path::Path;

use super::incoming::Staged;
use super::{KINDS, MediaError, Shared};
use crate::domain::media::BlobKind;

/// The folder of files that are not whole yet.
pub(crate) const TEMPORARIES: &str = "tmp";

pub(crate) fn folder(kind: BlobKind) -> &'static str {
    match kind {
        BlobKind::Image => "images",
        BlobKind::Audio => "audios",
        BlobKind::Video => "videos",
    }
}

pub(super) fn prepare(root: &Path) -> Result<(), MediaError> {
    for kind in KINDS {
        make_folder(&root.join(folder(kind)))?;
    }
    let temporaries = root.join(TEMPORARIES);
    make_folder(&temporaries)?;
    let failed = |error| MediaError::io(format!("clear {}", temporaries.display()), error);
    for entry in fs::read_dir(&temporaries).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_file() {
            fs::remove_file(&path).map_err(failed)?;
        }
    }
    Ok(())
}

/// Makes a folder that only its owner reads; one that is there is left as it is.
fn make_folder(path: &Path) -> Result<(), MediaError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(path)
        .map_err(|error| MediaError::io(format!("make {}", path.display()), error))
}

/// Renames each file into its place unless its content is there, then makes the new names durable. What a failed
/// call has placed without it having been there before is taken away again.
pub(super) fn place(shared: &Shared, staged: Vec<Staged>) -> Result<(), MediaError> {
    let mut placed = Vec::new();
    let result = place_each(shared, staged, &mut placed);
    if result.is_err() {
        for path in placed {
            // The failure that is reported says more than one of the clean-up could.
            let _ = fs::remove_file(path);
        }
    }
    result
}

fn place_each(
    shared: &Shared,
    staged: Vec<Staged>,
    placed: &mut Vec<std::path::PathBuf>,
) -> Result<(), MediaError> {
    let mut changed_folders = Vec::new();
    for file in staged {
        let blob = file.blob();
        let target = shared.path(blob);
        if is_there(&target, blob.size_bytes) {
            continue;
        }
        let folder = target
            .parent()
            .expect("a blob's path has a folder")
            .to_path_buf();
        let failed = |error| MediaError::io(format!("place {}", blob.sha256), error);
        if !folder.is_dir() {
            make_folder(&folder)?;
            sync_folder(
                folder
                    .parent()
                    .expect("a blob's folder is below its kind's"),
            )
            .map_err(failed)?;
        }
        file.rename_to(&target).map_err(failed)?;
        placed.push(target);
        if !changed_folders.contains(&folder) {
            changed_folders.push(folder);
        }
    }
    for folder in changed_folders {
        sync_folder(&folder)
            .map_err(|error| MediaError::io(format!("sync {}", folder.display()), error))?;
    }
    Ok(())
}

/// A file of another size under the right name was damaged since; the new one takes its place.
fn is_there(path: &Path, size_bytes: u64) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.len() == size_bytes)
}

#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    fs::File::open(path)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}
