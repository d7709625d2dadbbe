//! Opening a database: making a new one, and refusing what this program should not touch.
//!
//! Invariants: a file is made under another name and appears whole; a file that is not understood is never written.

use std::fs::{File, OpenOptions};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use prost::Message;
use redb::backends::FileBackend;
use redb::{Database, ReadableDatabase, StorageBackend};

use crate::clock::Clock;
use crate::domain::dispatching::{DEFAULT_CONCURRENCY, DispatchSettings, DispatchState};
use crate::domain::ledger::Actor;
use crate::store::StoreError;

use super::database::{Backends, open_checked, open_redb};
use super::error::{OpenError, corrupt, failed};
use super::metered::Meter;
use super::overlay::Overlay;
use super::tables::{META, SINGLES, Tables, readable};
use super::work::Work;
use super::{encode, load, names, sums};

/// The version of the tables and records that this program writes.
///
/// Version 1 had no API keys, no deleted batches, and usernames that were not in form NFKC; version 2 did not know which
/// ended batches have files, nor the sums of items by state and of credits. A file of either is brought up to date when it
/// is opened.
pub const SCHEMA: u64 = 3;

const SCHEMA_KEY: &str = "schema";

/// Handles of the database file, to be read and written by its owner alone.
pub(super) fn file_backends(path: &Path) -> Backends {
    let path = path.to_owned();
    Box::new(move || {
        let file = OpenOptions::new().read(true).write(true).open(&path)?;
        Ok(
            Box::new(FileBackend::new(file).map_err(std::io::Error::other)?)
                as Box<dyn StorageBackend>,
        )
    })
}

/// Makes the file if there is none.
pub(super) fn create_file(path: &Path, clock: &Clock) -> Result<(), OpenError> {
    let io_failed = |error: std::io::Error| OpenError::Failed {
        path: path.to_owned(),
        message: error.to_string(),
    };
    if path.try_exists().map_err(io_failed)? {
        return owner_only(path).map_err(io_failed);
    }
    let fresh = fresh_name(path);
    let made = make(&fresh, clock).and_then(|()| {
        // Linking refuses to replace what another start has made meanwhile; renaming would not.
        match std::fs::hard_link(&fresh, path) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(_) => std::fs::rename(&fresh, path).map_err(io_failed)?,
            Ok(()) => {}
        }
        sync_folder(path).map_err(io_failed)
    });
    // After a rename it is gone already.
    drop(std::fs::remove_file(&fresh));
    made
}

fn fresh_name(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".new-{}", std::process::id()));
    name.into()
}

fn make(path: &Path, clock: &Clock) -> Result<(), OpenError> {
    let io_failed = |error: std::io::Error| OpenError::Failed {
        path: path.to_owned(),
        message: error.to_string(),
    };
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    drop(options.open(path).map_err(io_failed)?);
    let database = open_redb(&file_backends(path), &Meter::default())
        .map_err(|error| OpenError::of(path.to_owned(), error))?;
    prepare(path, &database, clock)
}

#[cfg(unix)]
fn owner_only(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mut permissions = std::fs::metadata(path)?.permissions();
    if permissions.mode() & 0o077 != 0 {
        permissions.set_mode(0o600);
        std::fs::set_permissions(path, permissions)?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn owner_only(_: &Path) -> std::io::Result<()> {
    Ok(())
}

fn sync_folder(path: &Path) -> std::io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

/// Opens a file that is there. What cannot be used is found out before anything is written: redb repairs a file that was
/// not closed cleanly while it opens it, and has written to it by the time it gives a damaged one up.
pub(super) fn open_file(
    path: &Path,
    backends: &Backends,
    meter: &Meter,
    clock: &Clock,
) -> Result<Database, OpenError> {
    refuse_empty(path)?;
    let of = |error| OpenError::of(path.to_owned(), error);
    guarded(path, || {
        let tried = open_redb(&untouched(path), &Meter::default()).map_err(of)?;
        prepare(path, &tried, clock)
    })?;
    guarded(path, || open_redb(backends, meter).map_err(of))
}

/// Handles of the file that leave it as it is.
fn untouched(path: &Path) -> Backends {
    let file = file_backends(path);
    Box::new(move || Ok(Box::new(Overlay::over(file()?)?) as Box<dyn StorageBackend>))
}

/// Opens a file that is there over a storage that keeps what is written in memory; reads all of it.
pub(super) fn open_untouched(path: &Path) -> Result<(Database, Backends, Meter), OpenError> {
    let backends = untouched(path);
    let meter = Meter::default();
    refuse_empty(path)?;
    let database = guarded(path, || {
        let opened = open_checked(&backends, &meter);
        let database = opened.map_err(|error| OpenError::of(path.to_owned(), error))?;
        let after_open = |error| OpenError::after_open(path.to_owned(), error);
        if schema(&database).map_err(after_open)?.is_none() {
            return Err(after_open(corrupt("meta", "it has no tables")));
        }
        // Tables that a newer program has added since the file was written.
        let added = || -> Result<(), StoreError> {
            let transaction = database.begin_write().map_err(failed)?;
            Tables::open(&transaction)?;
            transaction.commit().map_err(failed)
        };
        added().map_err(after_open)?;
        Ok(database)
    })?;
    Ok((database, backends, meter))
}

fn refuse_empty(path: &Path) -> Result<(), OpenError> {
    let metadata = std::fs::metadata(path).map_err(|error| OpenError::Failed {
        path: path.to_owned(),
        message: error.to_string(),
    })?;
    if metadata.is_dir() {
        return Err(OpenError::Damaged {
            path: path.to_owned(),
            message: "it is a folder".to_owned(),
        });
    }
    if metadata.len() == 0 {
        return Err(OpenError::Damaged {
            path: path.to_owned(),
            message: "it is empty".to_owned(),
        });
    }
    Ok(())
}

/// redb may panic over a file that another program has changed; that, too, is a damaged file.
fn guarded<T>(path: &Path, open: impl FnOnce() -> Result<T, OpenError>) -> Result<T, OpenError> {
    catch_unwind(AssertUnwindSafe(open)).unwrap_or_else(|_| {
        Err(OpenError::Damaged {
            path: path.to_owned(),
            message: "its pages contradict each other".to_owned(),
        })
    })
}

/// Checks the schema of an open database, or gives it to an empty one. Answers the newest revision.
pub(super) fn prepare(path: &Path, database: &Database, clock: &Clock) -> Result<(), OpenError> {
    let after_open = |error| OpenError::after_open(path.to_owned(), error);
    match schema(database).map_err(after_open)? {
        Some(SCHEMA) => Ok(()),
        Some(from @ (1 | 2)) => upgrade(database, clock, from).map_err(after_open),
        Some(found) if found > SCHEMA => Err(OpenError::NewerSchema {
            path: path.to_owned(),
            found,
            known: SCHEMA,
        }),
        Some(found) => Err(after_open(corrupt(
            "meta schema",
            format!("there never was a version {found}"),
        ))),
        None => initialise(database, clock).map_err(after_open),
    }
}

/// The newest revision of an open database.
pub(super) fn revision(path: &Path, database: &Database) -> Result<u64, OpenError> {
    guarded(path, || {
        let read = || -> Result<u64, StoreError> {
            let snapshot = database.begin_read().map_err(failed)?;
            Ok(load::totals(&readable(&snapshot, SINGLES)?)?.revision)
        };
        read().map_err(|error| OpenError::after_open(path.to_owned(), error))
    })
}

fn schema(database: &Database) -> Result<Option<u64>, StoreError> {
    let snapshot = database.begin_read().map_err(failed)?;
    if snapshot.list_tables().map_err(failed)?.next().is_none() {
        return Ok(None);
    }
    let meta = match snapshot.open_table(META) {
        Ok(meta) => meta,
        Err(error) => return Err(corrupt("meta", error.to_string())),
    };
    match meta.get(SCHEMA_KEY).map_err(failed)? {
        Some(version) => Ok(Some(version.value())),
        None => Err(corrupt("meta schema", "it is missing")),
    }
}

/// Brings a file of an older version up to date, all or nothing.
fn upgrade(database: &Database, clock: &Clock, from: u64) -> Result<(), StoreError> {
    let transaction = database.begin_write().map_err(failed)?;
    // Makes the tables that are new.
    let mut work = Work::open(&transaction, clock)?;
    let renamed = match from {
        1 => names::canonicalize(&mut work)?,
        _ => 0,
    };
    sums::fill(&mut work)?;
    work.write()
        .meta
        .insert(SCHEMA_KEY, SCHEMA)
        .map_err(failed)?;
    work.finish()?;
    transaction.commit().map_err(failed)?;
    tracing::info!(
        from,
        schema = SCHEMA,
        renamed,
        "the database was brought up to date"
    );
    Ok(())
}

fn initialise(database: &Database, clock: &Clock) -> Result<(), StoreError> {
    let settings = DispatchSettings {
        state: DispatchState::Running,
        concurrency: DEFAULT_CONCURRENCY,
        changed_by: Actor::System,
        change_time: clock.now(),
    };
    let transaction = database.begin_write().map_err(failed)?;
    {
        let mut tables = Tables::open(&transaction)?;
        tables.meta.insert(SCHEMA_KEY, SCHEMA).map_err(failed)?;
        let bytes = encode::dispatch(&settings).encode_to_vec();
        tables
            .singles
            .insert(load::DISPATCH, bytes.as_slice())
            .map_err(failed)?;
    }
    transaction.commit().map_err(failed)
}
