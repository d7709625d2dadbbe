//! Writing an archive. Everything here blocks.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

use super::manifest::{FORMAT, Manifest, MediaCounts, Member};
use super::{BackupError, DATABASE, MANIFEST};
use crate::disk;
use crate::domain::ids::InstanceId;
use crate::domain::media::Blob;
use crate::media::{Media, MediaError, relative_path};
use crate::store::redb::{RedbStore, StoredCopy};

/// Room that is left free beside the copy of the database, for the server that goes on.
const MARGIN_BYTES: u64 = 64 << 20;

/// Bytes between two reports.
const REPORT_EVERY: u64 = 64 << 20;

/// What is wanted.
#[derive(Debug, Clone)]
pub struct Options {
    /// With the media, or the database alone.
    pub with_media: bool,
    /// This start of the server, when one runs.
    pub instance: Option<InstanceId>,
    /// Now.
    pub now: Timestamp,
    /// A folder on a disk with room for a copy of the database.
    pub scratch: PathBuf,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the database and the media that were written.
    pub done_bytes: u64,
    /// All of them.
    pub total_bytes: u64,
}

/// A copy that is removed when it is not needed any more.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // Where it stays, the next start of the server removes it.
        drop(fs::remove_file(&self.0));
    }
}

/// Writes everything that is committed now into `out`. Commits go on meanwhile, and no file that the copied state refers to
/// is removed before it is written.
///
/// # Errors
/// When there is no room for a copy of the database, a stored file is missing or damaged, or reading or writing fails.
/// What `out` has got by then is no archive.
pub fn write(
    store: &RedbStore,
    media: &Media,
    options: &Options,
    out: impl Write,
    mut report: impl FnMut(Progress),
) -> Result<Manifest, BackupError> {
    // Before the state is read: what it refers to is not removed from here on.
    let _hold = media.hold();
    check_room(store, &options.scratch)?;
    let name = format!("backup-{}.redb", uuid::Uuid::new_v4().simple());
    let scratch = Scratch(options.scratch.join(name));
    let copied = store.copy_to(&scratch.0)?;
    let (size_bytes, sha256) = digest(&scratch.0)?;
    let copy = StoredCopy::open(&scratch.0)?;

    let mut counts = MediaCounts::default();
    if options.with_media {
        copy.each_blob(|blob| {
            media.check_blocking(blob)?;
            counts.add(blob);
            Ok::<(), BackupError>(())
        })?;
    }
    let manifest = Manifest {
        format: FORMAT,
        program: concat!("vbatchd ", env!("CARGO_PKG_VERSION")).to_owned(),
        schema: copied.schema,
        revision: copied.revision,
        instance_id: options.instance.map(|id| id.to_string()),
        backup_time: options.now,
        users: copied.users,
        batches: copied.batches,
        items: copied.items,
        database: Member { size_bytes, sha256 },
        media: options.with_media.then_some(counts),
    };

    let mut archive = Archive {
        builder: Builder::new(out),
        mtime: u64::try_from(options.now.as_second()).unwrap_or_default(),
        done_bytes: 0,
        reported_bytes: 0,
        total_bytes: manifest.total_bytes(),
    };
    let mut text = serde_json::to_vec_pretty(&manifest).map_err(io::Error::other)?;
    text.push(b'\n');
    archive.append(Path::new(MANIFEST), text.len() as u64, text.as_slice())?;
    archive.append(Path::new(DATABASE), size_bytes, File::open(&scratch.0)?)?;
    archive.count(size_bytes, &mut report);
    if options.with_media {
        copy.each_blob(|blob| {
            archive.append_blob(media, blob)?;
            archive.count(blob.size_bytes, &mut report);
            Ok::<(), BackupError>(())
        })?;
    }
    archive.builder.into_inner()?.flush()?;
    Ok(manifest)
}

fn check_room(store: &RedbStore, scratch: &Path) -> Result<(), BackupError> {
    let needed = store.file_bytes().saturating_add(MARGIN_BYTES);
    match disk::space(scratch) {
        Some(space) if space.free_bytes < needed => Err(BackupError::NoRoom {
            path: scratch.to_owned(),
            needed,
            free: space.free_bytes,
        }),
        _ => Ok(()),
    }
}

fn digest(path: &Path) -> io::Result<(u64, String)> {
    let mut digesting = Digesting::of(File::open(path)?);
    let size_bytes = io::copy(&mut digesting, &mut io::sink())?;
    Ok((size_bytes, digesting.sha256().to_string()))
}

/// A reader that knows what it has read.
pub(super) struct Digesting<R> {
    inner: R,
    digest: Sha256,
}

impl<R: Read> Digesting<R> {
    pub(super) fn of(inner: R) -> Self {
        Self {
            inner,
            digest: Sha256::new(),
        }
    }

    pub(super) fn sha256(self) -> crate::domain::media::Sha256 {
        crate::domain::media::Sha256(self.digest.finalize().into())
    }
}

impl<R: Read> Read for Digesting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.digest.update(&buffer[..read]);
        Ok(read)
    }
}

struct Archive<W: Write> {
    builder: Builder<W>,
    mtime: u64,
    done_bytes: u64,
    reported_bytes: u64,
    total_bytes: u64,
}

impl<W: Write> Archive<W> {
    fn append(&mut self, path: &Path, size_bytes: u64, content: impl Read) -> io::Result<()> {
        let mut header = Header::new_ustar();
        header.set_path(path)?;
        header.set_entry_type(EntryType::Regular);
        header.set_mode(0o600);
        header.set_mtime(self.mtime);
        header.set_size(size_bytes);
        header.set_cksum();
        self.builder.append(&header, content)
    }

    fn append_blob(&mut self, media: &Media, blob: Blob) -> Result<(), BackupError> {
        let file = media.open_blocking(blob)?;
        // Never more than the header says; that it is not less is checked below.
        let mut content = Digesting::of(file.take(blob.size_bytes));
        let path = relative_path(blob);
        self.append(&path, blob.size_bytes, &mut content)?;
        if content.sha256() != blob.sha256 {
            return Err(MediaError::Corrupt(blob).into());
        }
        Ok(())
    }

    fn count(&mut self, bytes: u64, report: &mut impl FnMut(Progress)) {
        self.done_bytes += bytes;
        if self.done_bytes - self.reported_bytes >= REPORT_EVERY {
            self.reported_bytes = self.done_bytes;
            report(Progress {
                done_bytes: self.done_bytes,
                total_bytes: self.total_bytes,
            });
        }
    }
}
