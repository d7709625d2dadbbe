//! Reading an archive into a new data directory. It may come from anywhere: nothing in it is believed before it was checked,
//! and nothing of it is written outside a folder that appears under its name only when all of it is right.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use tar::{Archive, Entry, EntryType};

use super::manifest::{FORMAT, MANIFEST_BYTES, Manifest, MediaCounts};
use super::write::Digesting;
use super::{DATABASE, MANIFEST, RestoreError};
use crate::clock::Clock;
use crate::disk;
use crate::domain::media::{Blob, BlobKind, Sha256};
use crate::domain::restored::Restored;
use crate::media::{KINDS, folder, relative_path};
use crate::service::accounts::TOKEN_SECRET_SETTING;
use crate::store::Store;
use crate::store::redb::{RedbStore, SCHEMA, StoredCopy};
use crate::store::restored::Restore;

/// A new data directory.
#[derive(Debug, Clone)]
pub struct Restoration {
    /// What the archive said of itself.
    pub manifest: Manifest,
    /// The mark of the copy.
    pub restored: Restored,
}

/// A folder that is removed with all that is in it, unless it is kept.
struct Unfinished {
    path: PathBuf,
    kept: bool,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.kept {
            // The failure that is told says more than one of the clean-up could.
            drop(fs::remove_dir_all(&self.path));
        }
    }
}

/// Makes the data directory `target` from an archive. It starts paused, all sessions of the copied server are none of it,
/// and it submits nothing before it knows what was submitted after the backup.
///
/// # Errors
/// When `target` is not empty, the archive is not whole, not understood or does not fit, or reading or writing fails.
/// `target` is then as it was.
pub async fn restore(
    input: impl Read + Send + 'static,
    target: &Path,
    clock: Clock,
) -> Result<Restoration, RestoreError> {
    let target = std::path::absolute(target)?;
    let place = target.clone();
    let unpacked = tokio::task::spawn_blocking(move || unpack(input, &place)).await;
    let (mut folder, manifest) = unpacked.map_err(io::Error::other)??;

    let database = folder.path.join(DATABASE);
    let store = RedbStore::open(&database, clock.clone())?;
    let restored = store
        .mark_restored(Restore {
            backup_time: manifest.backup_time,
            // Without its secret no session goes on; the next start makes a new one.
            ended_settings: vec![TOKEN_SECRET_SETTING.to_owned()],
            detail: format!("{}, restored paused", manifest.in_words()),
            now: clock.now(),
        })
        .await?;
    drop(store);

    sync_folders(&folder.path)?;
    // An empty folder is replaced; one that has got something meanwhile is not.
    fs::rename(&folder.path, &target).map_err(|error| cannot_make(&target, error))?;
    folder.kept = true;
    if let Some(parent) = target.parent() {
        File::open(parent)?.sync_all()?;
    }
    Ok(Restoration { manifest, restored })
}

fn cannot_make(path: &Path, error: io::Error) -> RestoreError {
    RestoreError::Folder {
        path: path.to_owned(),
        error,
    }
}

fn unpack(input: impl Read, target: &Path) -> Result<(Unfinished, Manifest), RestoreError> {
    match fs::read_dir(target) {
        Ok(mut entries) => {
            if entries.next().is_some() {
                return Err(RestoreError::NotEmpty(target.to_owned()));
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(cannot_make(target, error)),
    }
    let (Some(parent), Some(name)) = (target.parent(), target.file_name()) else {
        return Err(RestoreError::NotEmpty(target.to_owned()));
    };
    let mut archive = Archive::new(input);
    // As they are: names that are told in members of their own are none of ours.
    let mut entries = archive.entries()?.raw(true);
    let mut next = || -> Result<Option<Entry<'_, _>>, RestoreError> {
        entries.next().transpose().map_err(broken)
    };
    let manifest = read_manifest(next()?.ok_or_else(|| broken("it is empty"))?)?;
    fs::create_dir_all(parent).map_err(|error| cannot_make(parent, error))?;
    check_room(parent, &manifest)?;

    let temporary = format!(
        ".{}.restoring-{}",
        name.to_string_lossy(),
        std::process::id()
    );
    let folder = Unfinished {
        path: parent.join(temporary),
        kept: false,
    };
    make_folder(&folder.path).map_err(|error| cannot_make(&folder.path, error))?;
    for kind in KINDS {
        make_folder(&folder.path.join(crate::media::folder(kind)))?;
    }

    let database = next()?.ok_or_else(|| broken("the database is missing"))?;
    read_database(database, &manifest, &folder.path)?;
    let mut found = MediaCounts::default();
    let most = manifest.media.unwrap_or_default();
    while let Some(entry) = next()? {
        read_blob(entry, &mut found, &most, &folder.path)?;
    }
    if found != most {
        return Err(broken("files are missing at its end"));
    }
    if manifest.media.is_some() {
        check_complete(&folder.path, &found)?;
    }
    Ok((folder, manifest))
}

fn broken(message: impl ToString) -> RestoreError {
    RestoreError::Archive(message.to_string())
}

/// The path and the length of a member, if it is a plain file.
fn plain<R: Read>(entry: &Entry<'_, R>) -> Result<(String, u64), RestoreError> {
    let header = entry.header();
    let path = entry.path_bytes();
    let path = std::str::from_utf8(&path).map_err(|_| broken("a name is not text"))?;
    if header.entry_type() != EntryType::Regular {
        return Err(broken(format!("{path:?} is not a plain file")));
    }
    Ok((path.to_owned(), header.entry_size().map_err(broken)?))
}

fn read_manifest<R: Read>(entry: Entry<'_, R>) -> Result<Manifest, RestoreError> {
    let (path, size_bytes) = plain(&entry)?;
    if path != MANIFEST || size_bytes > MANIFEST_BYTES {
        return Err(broken("it does not begin with a manifest"));
    }
    let mut text = Vec::new();
    entry.take(MANIFEST_BYTES).read_to_end(&mut text)?;
    // Only the version first: what else a newer manifest says may be anything.
    #[derive(serde::Deserialize)]
    struct Version {
        format: u64,
    }
    let unreadable = |error| broken(format!("its manifest does not read: {error}"));
    let version: Version = serde_json::from_slice(&text).map_err(unreadable)?;
    if version.format > FORMAT {
        return Err(RestoreError::Newer {
            what: "format",
            found: version.format,
            known: FORMAT,
        });
    }
    let manifest: Manifest = serde_json::from_slice(&text).map_err(unreadable)?;
    if manifest.schema > SCHEMA {
        return Err(RestoreError::Newer {
            what: "schema version",
            found: manifest.schema,
            known: SCHEMA,
        });
    }
    Ok(manifest)
}

fn check_room(parent: &Path, manifest: &Manifest) -> Result<(), RestoreError> {
    let needed = manifest.total_bytes();
    match disk::space(parent) {
        Some(space) if space.free_bytes < needed => Err(RestoreError::NoRoom {
            path: parent.to_owned(),
            needed,
            free: space.free_bytes,
        }),
        _ => Ok(()),
    }
}

fn read_database<R: Read>(
    entry: Entry<'_, R>,
    manifest: &Manifest,
    folder: &Path,
) -> Result<(), RestoreError> {
    let (path, size_bytes) = plain(&entry)?;
    if path != DATABASE || size_bytes != manifest.database.size_bytes {
        return Err(broken("the database is not where the manifest says"));
    }
    let found = keep(entry, &folder.join(DATABASE), size_bytes)?;
    if found.to_string() != manifest.database.sha256 {
        return Err(broken("the database is damaged"));
    }
    Ok(())
}

fn read_blob<R: Read>(
    entry: Entry<'_, R>,
    found: &mut MediaCounts,
    most: &MediaCounts,
    root: &Path,
) -> Result<(), RestoreError> {
    let (path, size_bytes) = plain(&entry)?;
    let blob = blob_at(&path, size_bytes)
        .ok_or_else(|| broken(format!("{path:?} is no name of a stored file")))?;
    found.add(blob);
    if !found.fits(most) {
        return Err(broken("it has more files than its manifest says"));
    }
    let place = root.join(relative_path(blob));
    if let Some(parent) = place.parent()
        && !parent.is_dir()
    {
        make_folder(parent)?;
    }
    if keep(entry, &place, size_bytes)? != blob.sha256 {
        return Err(broken(format!("{path} is damaged")));
    }
    Ok(())
}

/// The stored file of that name: `images/ab/abcd…`.
fn blob_at(path: &str, size_bytes: u64) -> Option<Blob> {
    let digest = path.rsplit('/').next()?;
    let sha256 = Sha256::from_hex(digest)?;
    let kinds: [BlobKind; 3] = KINDS;
    kinds
        .into_iter()
        .map(|kind| Blob {
            kind,
            sha256,
            size_bytes,
        })
        .find(|blob| relative_path(*blob).to_str() == Some(path))
}

/// Writes a member to a file that is not there yet, and flushes it.
fn keep(content: impl Read, path: &Path, size_bytes: u64) -> Result<Sha256, RestoreError> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(broken(format!("{} is in it twice", path.display())));
        }
        opened => opened?,
    };
    let mut content = Digesting::of(content);
    let copied = io::copy(&mut content, &mut file)?;
    if copied != size_bytes {
        return Err(broken("it ends in the middle of a file"));
    }
    file.flush()?;
    file.sync_all()?;
    Ok(content.sha256())
}

/// Every file that the database refers to is there, and no other.
fn check_complete(folder: &Path, found: &MediaCounts) -> Result<(), RestoreError> {
    let mut wanted = MediaCounts::default();
    StoredCopy::open(&folder.join(DATABASE))?.each_blob(|blob| {
        wanted.add(blob);
        match fs::metadata(folder.join(relative_path(blob))) {
            Ok(metadata) if metadata.len() == blob.size_bytes => Ok(()),
            _ => Err(RestoreError::missing(blob)),
        }
    })?;
    if wanted != *found {
        return Err(broken("it has files that its database does not know"));
    }
    Ok(())
}

fn make_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Makes the names in the new folder durable.
fn sync_folders(root: &Path) -> io::Result<()> {
    for kind in KINDS {
        let kind = root.join(folder(kind));
        for entry in fs::read_dir(&kind)? {
            File::open(entry?.path())?.sync_all()?;
        }
        File::open(kind)?.sync_all()?;
    }
    File::open(root)?.sync_all()
}
