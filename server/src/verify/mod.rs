//! A look at everything that is stored: whether the books agree with each other, the indexes with the records, and the
//! files with what refers to them.
//!
//! It reads one committed state and the files beside it; it changes nothing, so it may run beside a server that works.
//! Memory grows with users (a few numbers each), not with batches, items, entries or files.
//!
//! Not here: the rules themselves (`domain::books`), walking through a database (each store its own), repairing.

pub mod report;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::domain::batch::Batch;
use crate::domain::books::account::LedgerSum;
use crate::domain::books::last_look::{self, LastLook};
use crate::domain::books::rounds::compare_rounds;
use crate::domain::books::tally::{BatchTally, UserTally};
use crate::domain::books::{Check, Difference};
use crate::domain::ids::UserId;
use crate::domain::item::{ItemState, VideoItem};
use crate::domain::ledger::Entry;
use crate::domain::media::Blob;
use crate::domain::user::User;
use crate::media::{Found, Media};
use crate::store::inspect::Inspector;
use crate::store::redb::{DATABASE, OpenError, RedbStore};
use crate::store::{Store, StoreError};
pub use report::{DIFFERENCES_KEPT, Report};

/// Differences that the self-check writes to the log.
const DIFFERENCES_LOGGED: usize = 10;

/// Differences that administrators are told of without asking.
const DIFFERENCES_TOLD: usize = 3;

/// Looks at everything that a running server has open. Takes as long as there are records: some 45 s for a million
/// items, measured in the development profile on one core.
///
/// # Errors
/// When the store cannot be read to its end; what cannot be so is in the report, not an error.
pub async fn look(store: &dyn Store, media: &Media) -> Result<Report, StoreError> {
    look_until(store, media, CancellationToken::new()).await
}

/// The same, given up with [`StoreError::Closed`] when `stop` is cancelled.
///
/// # Errors
/// As [`look`].
pub async fn look_until(
    store: &dyn Store,
    media: &Media,
    stop: CancellationToken,
) -> Result<Report, StoreError> {
    let (tell, told) = oneshot::channel();
    let books = Books {
        media: media.clone(),
        report: Report::default(),
        ledger: LedgerSum::default(),
        batch: BatchTally::default(),
        users: HashMap::new(),
        found: Vec::new(),
        stop,
        tell,
    };
    store.inspect(Box::new(books)).await?;
    told.await.map_err(|_| StoreError::Closed)
}

/// Why nothing could be said of a data directory.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// The database does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database does not read to its end.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Looks at the data directory of a server that does not run, and writes nothing in it. Besides what [`look`] does, each
/// page of the database is held against its checksum. A database that was not closed cleanly is looked at as the
/// next start will have it; the repair itself is left to that start.
///
/// # Errors
/// When there is no database, it is damaged or in use, or it cannot be read to its end.
pub async fn look_at_stopped(data_dir: &Path, clock: Clock) -> Result<Report, LookError> {
    let store = RedbStore::open_untouched(&data_dir.join(DATABASE), clock)?;
    let media = Media::untouched(data_dir);
    Ok(look(&store, &media).await?)
}

/// As [`look_until`], and keeps when it was and what came of it. A disk without room for that does not spoil the look.
///
/// # Errors
/// As [`look`].
pub async fn look_and_note(
    store: &dyn Store,
    media: &Media,
    clock: &Clock,
    stop: CancellationToken,
) -> Result<Report, StoreError> {
    let report = look_until(store, media, stop).await?;
    let last = LastLook {
        finish_time: clock.now(),
        detail: report.in_brief(DIFFERENCES_TOLD),
    };
    if let Err(error) = store.set_setting(last_look::SETTING, last.to_bytes()).await {
        tracing::warn!(%error, "when everything was looked at cannot be kept");
    }
    Ok(report)
}

/// The self-check at the start of a server: one line in the log, whatever it finds, and a note of when it was.
pub async fn check_at_start(
    store: Arc<dyn Store>,
    media: Media,
    clock: Clock,
    stop: CancellationToken,
) {
    match look_and_note(store.as_ref(), &media, &clock, stop).await {
        Ok(report) if report.is_clean() => tracing::info!("self-check: {report}"),
        Ok(report) => {
            tracing::error!(
                differences = report.difference_count(),
                first = report.in_brief(DIFFERENCES_LOGGED),
                "self-check: {report}; `vbatchd verify` names them"
            );
        }
        // The server is ending.
        Err(StoreError::Closed) => {}
        Err(error) => tracing::error!(%error, "self-check: it could not be made"),
    }
}

/// Holds what is shown against the rules.
struct Books {
    media: Media,
    report: Report,
    /// Of the user whose entries are shown.
    ledger: LedgerSum,
    /// Of the batch whose items are shown.
    batch: BatchTally,
    users: HashMap<UserId, Account>,
    /// What a rule found in one record.
    found: Vec<Difference>,
    stop: CancellationToken,
    tell: oneshot::Sender<Report>,
}

/// A user's counters.
#[derive(Default)]
struct Account {
    said: UserTally,
    counted: UserTally,
}

impl Books {
    fn note_found(&mut self) {
        for difference in self.found.drain(..) {
            self.report.note(difference);
        }
    }

    /// That the file of a blob is there.
    fn file(&mut self, place: &str, what: &str, blob: Blob) {
        self.report.files += 1;
        let words = match self.media.find(blob) {
            Found::Whole => return,
            Found::Missing { path } => format!("its {what} {} is missing", path.display()),
            Found::OtherSize { path, size_bytes } => format!(
                "its {what} {} has {size_bytes} bytes, it should have {}",
                path.display(),
                blob.size_bytes
            ),
            Found::Unreadable { path, error } => {
                format!("its {what} {} cannot be read: {error}", path.display())
            }
        };
        self.report.note(Difference::new(Check::File, place, words));
    }
}

impl Inspector for Books {
    fn entry(&mut self, entry: &Entry) {
        self.report.entries += 1;
        self.ledger.entry(entry, &mut self.found);
        self.note_found();
    }

    fn user(&mut self, user: &User) {
        self.report.users += 1;
        std::mem::take(&mut self.ledger).close(user, &mut self.found);
        self.users.entry(user.id).or_default().said = UserTally::said(user);
        self.note_found();
    }

    fn item(&mut self, batch: &Batch, item: &VideoItem, entries: &[Entry]) {
        self.report.items += 1;
        compare_rounds(batch, item, entries, &mut self.found);
        self.batch.item(item, entries, &mut self.found);
        // An owner who does not exist is the store's to tell.
        if let Some(account) = self.users.get_mut(&batch.owner) {
            account.counted.item(item);
        }
        self.note_found();
        let place = format!(
            "item {} (batch {}, position {})",
            item.id, batch.id, item.position
        );
        self.file(&place, "source image", item.source_image.blob);
        if let ItemState::Completed { video, .. } = &item.state {
            self.file(&place, "video", video.blob);
        }
    }

    fn batch(&mut self, batch: &Batch) {
        self.report.batches += 1;
        std::mem::take(&mut self.batch).close(batch, &mut self.found);
        self.note_found();
        self.file(&format!("batch {}", batch.id), "audio", batch.audio.blob);
    }

    fn deleted_video(&mut self, owner: UserId) {
        if let Some(account) = self.users.get_mut(&owner) {
            account.counted.completed_videos += 1;
        }
    }

    fn compared(&mut self, kind: &'static str, count: u64) {
        self.report.others.push((kind, count));
    }

    fn difference(&mut self, difference: Difference) {
        self.report.note(difference);
    }

    fn goes_on(&self) -> bool {
        !self.stop.is_cancelled()
    }

    fn end(self: Box<Self>) {
        let mut books = *self;
        for (id, account) in std::mem::take(&mut books.users) {
            let place = format!("user {id}");
            account
                .counted
                .close(account.said, &place, &mut books.found);
        }
        books.note_found();
        // Whoever asked may have gone.
        drop(books.tell.send(books.report));
    }
}
