//! The store in one redb file.
//!
//! Rooms: `open` (a file is made, checked, brought up to date, refused), `names` (usernames of older files), `overlay` (a
//! file is read and not written), `database` (it is open, or why not), `tables` (what there is),
//! `record`, `code`, `encode`, `decode` (versioned bytes ↔ domain), `load` (one thing), `work` (one write
//! transaction), `ledger`, `items`, `queue`, `leftovers`, `lists`, `hours` (what operations are made of), `deletion`,
//! `…_operations` (the operations), `writer` (who commits them), `reads` (every question), `inspect` (all of it
//! against itself), `seam` (all of it as
//! [`Store`](super::Store)).
//!
//! Invariants: see the seam's; besides, one process has the file open, and nothing but this folder knows redb.

mod account_operations;
mod batch_operations;
mod code;
mod copy;
mod database;
mod decode;
mod deletion;
mod dispatch_operations;
mod encode;
mod error;
mod expiry;
#[cfg(test)]
pub(crate) mod failing_disk;
#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod golden_tests;
mod hours;
mod inspect;
mod items;
mod key_operations;
mod known_users;
mod ledger;
mod leftovers;
mod lists;
mod load;
mod metered;
mod names;
mod open;
mod overlay;
mod queue;
mod reads;
mod record;
#[cfg(test)]
mod repair_time_tests;
mod restored_operations;
mod seam;
mod ssh_key_operations;
mod sums;
mod tables;
#[cfg(test)]
mod tests;
mod work;
mod writer;

use std::path::Path;
use std::sync::Arc;

use ::redb::StorageBackend;
use ::redb::backends::InMemoryBackend;

use crate::clock::Clock;
use crate::feed::Feed;

pub use copy::{Copied, StoredCopy};
use database::{Backends, Shared, open_redb};
pub use error::OpenError;
use metered::Meter;
pub use open::SCHEMA;
use writer::Writer;
pub use writer::Writing;

/// The name of the database file in a data directory.
pub const DATABASE: &str = "vbatch.redb";

/// A store in one redb file. Dropping it commits what was handed in and closes the file.
pub struct RedbStore {
    writer: Writer,
    shared: Arc<Shared>,
}

impl RedbStore {
    /// Opens the database file at `path`, or makes it, to be read and written by its owner alone. The folder must
    /// exist.
    ///
    /// # Errors
    /// When another process has it open, a newer program wrote it, it is damaged, or the system refuses. The file
    /// is then as it was.
    pub fn open(path: &Path, clock: Clock) -> Result<Self, OpenError> {
        open::create_file(path, &clock)?;
        let backends = open::file_backends(path);
        let meter = Meter::default();
        let database = open::open_file(path, &backends, &meter, &clock)?;
        Self::over(path, database, backends, meter, clock, Writing::Thread)
    }

    /// Opens the database file at `path` to look at it: the file is not written, and each of its pages is checked. What
    /// a repair after an unclean end would write, and what this store is told to change, is kept in memory and
    /// ends with it.
    ///
    /// # Errors
    /// As [`RedbStore::open`]; also when there is no such file.
    pub fn open_untouched(path: &Path, clock: Clock) -> Result<Self, OpenError> {
        let (database, backends, meter) = open::open_untouched(path)?;
        Self::over(path, database, backends, meter, clock, Writing::Inline)
    }

    /// A store in memory, which ends with it; it writes in the caller, so it may run in virtual time.
    ///
    /// # Errors
    /// None that was ever seen.
    pub fn in_memory(clock: Clock) -> Result<Self, OpenError> {
        Self::with_backend(one_memory(), clock, Writing::Inline)
    }

    /// A store on a storage of the caller's. `backends` gives a handle of it, and another one of the same storage
    /// each time it is opened again (after it was full).
    ///
    /// # Errors
    /// As [`RedbStore::open`].
    pub fn with_backend(
        backends: impl Fn() -> std::io::Result<Box<dyn StorageBackend>> + Send + Sync + 'static,
        clock: Clock,
        writing: Writing,
    ) -> Result<Self, OpenError> {
        let path = Path::new("(storage)");
        let backends: Backends = Box::new(backends);
        let meter = Meter::default();
        let database =
            open_redb(&backends, &meter).map_err(|error| OpenError::of(path.to_owned(), error))?;
        Self::over(path, database, backends, meter, clock, writing)
    }

    fn over(
        path: &Path,
        database: ::redb::Database,
        backends: Backends,
        meter: Meter,
        clock: Clock,
        writing: Writing,
    ) -> Result<Self, OpenError> {
        open::prepare(path, &database, &clock)?;
        let feed = Feed::new(open::revision(path, &database)?);
        let shared = Arc::new(Shared::new(database, backends, meter, clock, feed));
        let writer =
            Writer::start(Arc::clone(&shared), writing).map_err(|error| OpenError::Failed {
                path: path.to_owned(),
                message: error.to_string(),
            })?;
        Ok(Self { writer, shared })
    }

    /// Closes the file once what was handed in is committed or has failed; from then on everything is refused with
    /// [`StoreError::Closed`](super::StoreError::Closed). Without it the file is closed when the last handle is dropped.
    pub async fn close(&self) {
        // It comes after all that was handed in before it.
        let drained: Result<(), crate::store::StoreError> = self.writer.submit(|_| Ok(())).await;
        drop(drained);
        self.shared.close();
    }

    /// Where each commit is told.
    pub fn feed(&self) -> &Feed {
        &self.shared.feed
    }

    /// Bytes of the database file.
    pub fn file_bytes(&self) -> u64 {
        self.shared.meter().length()
    }

    /// Durable transactions since it was opened.
    pub fn commits(&self) -> u64 {
        self.shared.commits()
    }

    /// Operations that took part in those.
    pub fn operations(&self) -> u64 {
        self.shared.operations()
    }

    /// Questions that were answered from it since it was opened.
    pub fn reads(&self) -> u64 {
        self.shared.reads()
    }

    /// Flushes to the disk since it was opened, those of opening it included.
    pub fn syncs(&self) -> u64 {
        self.shared.meter().syncs()
    }
}

/// Memory that can be opened once.
fn one_memory() -> Backends {
    let once = std::sync::Mutex::new(Some(InMemoryBackend::new()));
    Box::new(move || {
        once.lock()
            .ok()
            .and_then(|mut backend| backend.take())
            .map(|backend| Box::new(backend) as Box<dyn StorageBackend>)
            .ok_or_else(|| std::io::Error::other("memory cannot be opened twice"))
    })
}
