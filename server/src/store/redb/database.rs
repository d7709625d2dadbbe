//! The open database: who may use it, what to do when it fails, and what it has cost.
//!
//! redb wants its database reopened after any failure of the storage. A full disk is waited for: the database is
//! closed, and opened again by whoever needs it next. Any other failure closes the store for good.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::{Builder, Database, DatabaseError, ReadTransaction, ReadableDatabase, StorageBackend};

use crate::clock::Clock;
use crate::domain::ids::UserId;
use crate::domain::user::User;
use crate::feed::{Commit, Feed};
use crate::store::StoreError;

use super::error::failed;
use super::known_users::KnownUsers;
use super::load;
use super::metered::{Meter, Metered};
use super::tables::{SINGLES, USERS, readable};

/// Memory that redb may use for pages, read and not yet written: enough for the upper levels of every index at a
/// million batches, and small beside a server's other needs. Its own default is 1 GiB.
const CACHE_BYTES: usize = 16 << 20;

/// Whether each commit saves what a start after a crash would otherwise have to find out by reading the whole file.
///
/// It does not: measured with 1,000,000 records (500,000 items and their ledger entries in 500 batches, 272 MiB), killed
/// while loading, a start takes 2.1 s without and 1.3 s with it (the trial on an untouched file included; 1.3 s and 0.9 s
/// after a clean end), while a small commit takes 6.0 ms without and 11.6 to 13.0 ms with it. Every commit would pay for
/// what a crash costs once. On two cores of an AMD EPYC that others used too, a virtual disk, the development profile
/// with redb optimised; `repair_time_tests` measures it again.
const QUICK_REPAIR: bool = false;

/// Makes another handle of the same storage.
pub(super) type Backends = Box<dyn Fn() -> std::io::Result<Box<dyn StorageBackend>> + Send + Sync>;

/// What the readers and the writer share.
pub(super) struct Shared {
    backends: Backends,
    open: Mutex<Open>,
    meter: Meter,
    quick_repair: AtomicBool,
    pub clock: Clock,
    pub feed: Feed,
    commits: AtomicU64,
    operations: AtomicU64,
    reads: AtomicU64,
    known_users: KnownUsers,
}

enum Open {
    Yes(Arc<Database>),
    /// The disk was full; to be opened again.
    Waiting(Full),
    /// For good, for this reason.
    Closed(StoreError),
}

/// What was going on when the disk was full.
struct Full {
    message: String,
    /// A commit that failed at its very end: it may be on the disk all the same.
    undecided: Option<Commit>,
}

/// Opens the storage behind `backends` with redb.
pub(super) fn open_redb(backends: &Backends, meter: &Meter) -> Result<Database, DatabaseError> {
    open_with(&mut Builder::new(), backends, meter)
}

/// The same, and holds every page against its checksum: reads the whole of it.
pub(super) fn open_checked(backends: &Backends, meter: &Meter) -> Result<Database, DatabaseError> {
    open_with(
        Builder::new().set_check_integrity_on_open(true),
        backends,
        meter,
    )
}

fn open_with(
    builder: &mut Builder,
    backends: &Backends,
    meter: &Meter,
) -> Result<Database, DatabaseError> {
    let backend = backends().map_err(redb::StorageError::Io)?;
    builder
        .set_cache_size(CACHE_BYTES)
        .create_with_backend(Metered::new(backend, meter.clone()))
}

fn newest_revision(database: &Database) -> Result<u64, StoreError> {
    let snapshot = database.begin_read().map_err(failed)?;
    Ok(load::totals(&readable(&snapshot, SINGLES)?)?.revision)
}

impl Shared {
    pub fn new(
        database: Database,
        backends: Backends,
        meter: Meter,
        clock: Clock,
        feed: Feed,
    ) -> Self {
        Self {
            backends,
            open: Mutex::new(Open::Yes(Arc::new(database))),
            meter,
            quick_repair: AtomicBool::new(QUICK_REPAIR),
            clock,
            feed,
            commits: AtomicU64::new(0),
            operations: AtomicU64::new(0),
            reads: AtomicU64::new(0),
            known_users: KnownUsers::default(),
        }
    }

    /// The database; opens it again if a full disk had closed it.
    pub fn database(&self) -> Result<Arc<Database>, StoreError> {
        let mut open = self.lock();
        let full = match &mut *open {
            Open::Yes(database) => return Ok(Arc::clone(database)),
            Open::Closed(error) => return Err(error.clone()),
            Open::Waiting(full) => full,
        };
        let again = open_redb(&self.backends, &self.meter)
            .map_err(failed)
            .and_then(|database| Ok((newest_revision(&database)?, database)));
        // Whatever the reason: a reader may still hold the old one, and the next call will find it free.
        let Ok((revision, database)) = again else {
            return Err(StoreError::Full(full.message.clone()));
        };
        if let Some(commit) = full.undecided.take()
            && commit.revision == revision
        {
            self.feed.publish(&commit);
        }
        let database = Arc::new(database);
        *open = Open::Yes(Arc::clone(&database));
        tracing::info!("the database is open again");
        Ok(database)
    }

    /// Whether a commit that failed is on the disk all the same: the storage may report at its last flush that it
    /// is full. If it is, the feed has been told. Nothing when that cannot be told yet.
    pub fn is_committed(&self, revision: u64) -> Option<bool> {
        let newest = self
            .database()
            .and_then(|database| newest_revision(&database));
        newest.ok().map(|newest| newest == revision)
    }

    /// One committed state to read from.
    pub fn snapshot(&self) -> Result<ReadTransaction, StoreError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.database()?.begin_read().map_err(failed)
    }

    /// A user as of the last commit.
    pub fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        // Of a store that is closed nothing is known.
        let database = self.database()?;
        let asked = match self.known_users.get(id) {
            Ok(user) => return Ok(Some(user)),
            Err(asked) => asked,
        };
        self.reads.fetch_add(1, Ordering::Relaxed);
        let snapshot = database.begin_read().map_err(failed)?;
        let user = load::user(&readable(&snapshot, USERS)?, id)?;
        if let Some(user) = &user {
            self.known_users.keep(asked, user);
        }
        Ok(user)
    }

    /// Something was committed, or may have been: what was read before it is no longer true.
    pub fn forget(&self) {
        self.known_users.forget();
    }

    /// Whether commits save what a start after a crash would have to find out.
    pub fn quick_repair(&self) -> bool {
        self.quick_repair.load(Ordering::Relaxed)
    }

    /// Commits with or without quick repair from now on, whatever was decided: to measure it.
    #[cfg(test)]
    pub fn set_quick_repair(&self, enabled: bool) {
        self.quick_repair.store(enabled, Ordering::Relaxed);
    }

    /// The storage failed: nothing more goes through the database that is open. `undecided` was being committed.
    pub fn give_up(&self, error: &StoreError, undecided: Option<Commit>) {
        let mut open = self.lock();
        match (error, &*open) {
            (_, Open::Closed(_)) => {}
            // It could not be opened again yet: what is undecided still is.
            (StoreError::Full(_), Open::Waiting(_)) if undecided.is_none() => {}
            (StoreError::Full(message), _) => {
                tracing::error!(%error, "the database waits for room");
                *open = Open::Waiting(Full {
                    message: message.clone(),
                    undecided,
                });
            }
            _ => {
                tracing::error!(%error, "the database is closed");
                *open = Open::Closed(error.clone());
            }
        }
    }

    /// Nothing goes through the database any more; it is closed when whoever uses it now has done.
    pub fn close(&self) {
        let mut open = self.lock();
        if !matches!(&*open, Open::Closed(_)) {
            *open = Open::Closed(StoreError::Closed);
        }
    }

    pub fn count_commit(&self, operations: usize) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.operations
            .fetch_add(operations as u64, Ordering::Relaxed);
    }

    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    pub fn operations(&self) -> u64 {
        self.operations.load(Ordering::Relaxed)
    }

    pub fn reads(&self) -> u64 {
        self.reads.load(Ordering::Relaxed)
    }

    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
