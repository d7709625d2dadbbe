//! The batches of one user, or of everyone, as their watchers see them.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::domain::batch::Batch;
use crate::domain::ids::BatchId;
use crate::domain::user::User;

/// Changed batches that are kept for watchers to catch up; one that lags further takes a new snapshot.
pub const KEPT: usize = 1_024;

#[derive(Default)]
pub(super) struct ListTopic {
    newest: Mutex<Newest>,
    revision: watch::Sender<u64>,
}

#[derive(Default)]
struct Newest {
    batches: HashMap<BatchId, Arc<Batch>>,
    /// Batches that are gone, with the revision of their deletion.
    deleted: HashMap<BatchId, u64>,
    by_revision: BTreeMap<(u64, BatchId), ()>,
    user: Option<(u64, Arc<User>)>,
    /// Changes up to this revision may have been forgotten.
    forgotten: u64,
}

impl ListTopic {
    pub(super) fn put_batch(&self, batch: &Arc<Batch>) {
        let mut newest = self.lock();
        if let Some(old) = newest.batches.insert(batch.id, Arc::clone(batch)) {
            newest.by_revision.remove(&(old.revision, old.id));
        }
        newest.by_revision.insert((batch.revision, batch.id), ());
        newest.forget_oldest();
        drop(newest);
        self.revision.send_replace(batch.revision);
    }

    pub(super) fn delete_batch(&self, id: BatchId, revision: u64) {
        let mut newest = self.lock();
        if let Some(old) = newest.batches.remove(&id) {
            newest.by_revision.remove(&(old.revision, id));
        }
        newest.deleted.insert(id, revision);
        newest.by_revision.insert((revision, id), ());
        newest.forget_oldest();
        drop(newest);
        self.revision.send_replace(revision);
    }

    pub(super) fn put_user(&self, user: &Arc<User>, revision: u64) {
        self.lock().user = Some((revision, Arc::clone(user)));
        self.revision.send_replace(revision);
    }

    fn lock(&self) -> MutexGuard<'_, Newest> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Newest {
    fn forget_oldest(&mut self) {
        while self.by_revision.len() > KEPT {
            let Some(((revision, id), ())) = self.by_revision.pop_first() else {
                break;
            };
            self.batches.remove(&id);
            self.deleted.remove(&id);
            self.forgotten = revision;
        }
    }
}

/// What changed in a list since a watcher last asked.
#[derive(Debug, Clone)]
pub enum ListChanges {
    /// These batches, and the user where their balance changed.
    Newer {
        /// In the order of their changes.
        batches: Vec<Arc<Batch>>,
        /// These are gone, in the order of their going.
        deleted: Vec<BatchId>,
        /// The user whose list it is.
        user: Option<Arc<User>>,
    },
    /// More than is kept: take a new snapshot.
    TooFarBehind,
}

/// Somebody who watches a list. Dropping it ends the watch.
pub struct ListWatcher {
    topic: Arc<ListTopic>,
    signal: watch::Receiver<u64>,
}

impl ListWatcher {
    pub(super) fn new(topic: Arc<ListTopic>) -> Self {
        let signal = topic.revision.subscribe();
        Self { topic, signal }
    }

    /// Waits until something newer than the last [`ListWatcher::newer_than`] was published. Dropping the future
    /// loses nothing.
    pub async fn changed(&mut self) {
        if self.signal.changed().await.is_err() {
            // The topic is ours, so its sender lives; never the case.
            std::future::pending::<()>().await;
        }
    }

    /// Everything with a revision above `seen`, newest states only.
    pub fn newer_than(&mut self, seen: u64) -> ListChanges {
        self.signal.mark_unchanged();
        let newest = self.topic.lock();
        if newest.forgotten > seen {
            return ListChanges::TooFarBehind;
        }
        let newer = || {
            let from = (seen + 1, BatchId::from_bytes([0; 16]));
            newest.by_revision.range(from..).map(|((_, id), ())| id)
        };
        ListChanges::Newer {
            batches: newer()
                .filter_map(|id| newest.batches.get(id).cloned())
                .collect(),
            deleted: newer()
                .filter(|id| newest.deleted.contains_key(id))
                .copied()
                .collect(),
            user: newest
                .user
                .as_ref()
                .filter(|(revision, _)| *revision > seen)
                .map(|(_, user)| Arc::clone(user)),
        }
    }
}
