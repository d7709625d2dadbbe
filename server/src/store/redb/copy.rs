//! A copy of one committed state in a database file of its own, and what such a file says of itself.
//!
//! The copy is made from one read transaction, so it is consistent however many commits go on meanwhile; it holds every
//! table as it is, secrets included.

use std::fs::File;
use std::path::Path;

use redb::{ReadOnlyDatabase, ReadTransaction, ReadableDatabase};

use crate::clock::Clock;
use crate::domain::media::{Blob, BlobKind, Sha256};
use crate::store::StoreError;

use super::code::Coded;
use super::database::open_redb;
use super::error::{OpenError, corrupt, failed};
use super::metered::Meter;
use super::tables::{BLOBS, SINGLES, Tables, readable};
use super::{RedbStore, Writing, load, open};

/// Blobs that are read at once.
const PAGE: usize = 1_000;

/// What a copy holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// The version of its tables.
    pub schema: u64,
    /// The newest revision in it.
    pub revision: u64,
    /// User accounts.
    pub users: u64,
    /// Batches.
    pub batches: u64,
    /// Items.
    pub items: u64,
}

impl RedbStore {
    /// Writes the newest committed state into a new database file at `path`, to be read and written by its owner alone, and
    /// flushes it. Blocks; commits go on meanwhile. The file is removed when it fails.
    ///
    /// # Errors
    /// When the file exists, the disk is full, or either database fails.
    pub fn copy_to(&self, path: &Path) -> Result<Copied, StoreError> {
        let snapshot = self.shared.snapshot()?;
        let mut options = File::options();
        options.read(true).write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        drop(options.open(path).map_err(io_failed)?);
        let copied = copy(&snapshot, path);
        if copied.is_err() {
            // The failure that is told says more than one of the clean-up could.
            drop(std::fs::remove_file(path));
        }
        copied
    }

    /// The newest committed state as a store of its own in memory, as [`RedbStore::in_memory`] makes one: what a backup of
    /// this moment would hold.
    ///
    /// # Errors
    /// When either database fails.
    pub fn copy_in_memory(&self, clock: Clock) -> Result<Self, OpenError> {
        let path = Path::new("(storage)");
        let failed_open = |error| OpenError::after_open(path.to_owned(), error);
        let backends = super::one_memory();
        let meter = Meter::default();
        let database =
            open_redb(&backends, &meter).map_err(|error| OpenError::of(path.to_owned(), error))?;
        self.shared
            .snapshot()
            .and_then(|snapshot| write(&snapshot, &database))
            .map_err(failed_open)?;
        Self::over(path, database, backends, meter, clock, Writing::Inline)
    }
}

fn copy(snapshot: &ReadTransaction, path: &Path) -> Result<Copied, StoreError> {
    let database = open_redb(&open::file_backends(path), &Meter::default()).map_err(failed)?;
    write(snapshot, &database)?;
    let totals = load::totals(&readable(snapshot, SINGLES)?)?;
    Ok(Copied {
        schema: open::SCHEMA,
        revision: totals.revision,
        users: totals.users,
        batches: totals.batches,
        items: totals.items,
    })
}

fn write(snapshot: &ReadTransaction, database: &redb::Database) -> Result<(), StoreError> {
    let transaction = database.begin_write().map_err(failed)?;
    Tables::open(&transaction)?.copy_from(snapshot)?;
    transaction.commit().map_err(failed)
}

fn io_failed(error: std::io::Error) -> StoreError {
    failed(redb::StorageError::Io(error))
}

/// A database file that nobody has open, to be looked at; it is never written.
pub struct StoredCopy {
    database: ReadOnlyDatabase,
}

impl StoredCopy {
    /// Opens one.
    ///
    /// # Errors
    /// When it is no database, or one that was not closed.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        match ReadOnlyDatabase::open(path) {
            Ok(database) => Ok(Self { database }),
            Err(error) => Err(OpenError::of(path.to_owned(), error)),
        }
    }

    /// Hands every blob that the database refers to over, in the order of kinds and digests, until `take` fails.
    ///
    /// # Errors
    /// Those of the database, and of `take`.
    pub fn each_blob<E: From<StoreError>>(
        &self,
        mut take: impl FnMut(Blob) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut after = None;
        loop {
            let page = self.blobs(after)?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = Some((last.kind.code(), last.sha256.0));
            for blob in page {
                take(blob)?;
            }
        }
    }

    fn blobs(&self, after: Option<(u8, [u8; 32])>) -> Result<Vec<Blob>, StoreError> {
        let snapshot = self.database.begin_read().map_err(failed)?;
        let blobs = readable(&snapshot, BLOBS)?;
        let from = after.unwrap_or((0, [0; 32]));
        let mut page = Vec::new();
        for entry in blobs.range((from.0, &from.1)..).map_err(failed)? {
            let (key, value) = entry.map_err(failed)?;
            let (kind, sha256) = key.value();
            if after == Some((kind, *sha256)) {
                continue;
            }
            let sha256 = Sha256(*sha256);
            let kind = BlobKind::from_code(kind.into())
                .ok_or_else(|| corrupt(format_args!("blobs {sha256}"), "of no known kind"))?;
            page.push(Blob {
                kind,
                sha256,
                size_bytes: value.value().1,
            });
            if page.len() == PAGE {
                break;
            }
        }
        Ok(page)
    }
}
