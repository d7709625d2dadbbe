//! One batch, as its watchers see it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::domain::batch::Batch;
use crate::domain::item::VideoItem;

/// The newest state of a batch and of those of its items that changed while it was watched: at most one entry an
/// item, however many watchers and changes there are.
#[derive(Default)]
pub(super) struct BatchTopic {
    newest: Mutex<Newest>,
    revision: watch::Sender<u64>,
}

#[derive(Default)]
struct Newest {
    batch: Option<Arc<Batch>>,
    items: HashMap<u32, Arc<VideoItem>>,
    by_revision: BTreeMap<(u64, u32), ()>,
    deleted: bool,
}

impl BatchTopic {
    pub(super) fn put_item(&self, item: &Arc<VideoItem>) {
        let mut newest = self.lock();
        if let Some(old) = newest.items.insert(item.position, Arc::clone(item)) {
            newest.by_revision.remove(&(old.revision, old.position));
        }
        newest
            .by_revision
            .insert((item.revision, item.position), ());
    }

    pub(super) fn put_batch(&self, batch: &Arc<Batch>) {
        self.lock().batch = Some(Arc::clone(batch));
        self.revision.send_replace(batch.revision);
    }

    pub(super) fn delete(&self, revision: u64) {
        self.lock().deleted = true;
        self.revision.send_replace(revision);
    }

    fn lock(&self) -> MutexGuard<'_, Newest> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What changed in a batch since a watcher last asked.
#[derive(Debug, Clone, Default)]
pub struct BatchChanges {
    /// The batch, if it changed.
    pub batch: Option<Arc<Batch>>,
    /// Items that changed, in the order of their changes.
    pub items: Vec<Arc<VideoItem>>,
    /// The batch is gone.
    pub deleted: bool,
}

/// Somebody who watches a batch. Dropping it ends the watch.
pub struct BatchWatcher {
    topic: Arc<BatchTopic>,
    signal: watch::Receiver<u64>,
}

impl BatchWatcher {
    pub(super) fn new(topic: Arc<BatchTopic>) -> Self {
        let signal = topic.revision.subscribe();
        Self { topic, signal }
    }

    /// Waits until something newer than the last [`BatchWatcher::newer_than`] was published. Dropping the future
    /// loses nothing: each item's change comes with its batch's.
    pub async fn changed(&mut self) {
        if self.signal.changed().await.is_err() {
            // The topic is ours, so its sender lives; never the case.
            std::future::pending::<()>().await;
        }
    }

    /// Everything with a revision above `seen`, newest states only.
    pub fn newer_than(&mut self, seen: u64) -> BatchChanges {
        self.signal.mark_unchanged();
        let newest = self.topic.lock();
        BatchChanges {
            deleted: newest.deleted,
            batch: newest.batch.clone().filter(|batch| batch.revision > seen),
            items: newest
                .by_revision
                .range((seen + 1, 0)..)
                .filter_map(|((_, position), ())| newest.items.get(position).cloned())
                .collect(),
        }
    }
}
