//! A watcher of one batch: slow, coming again now and then, and held to end on the committed state.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use vbatch_server::domain::batch::Batch;
use vbatch_server::domain::ids::BatchId;
use vbatch_server::domain::item::VideoItem;
use vbatch_server::feed::Feed;
use vbatch_server::store::Store;
use vbatch_server::store::query::ItemSelection;

use super::books::items_of;
use super::dice::Dice;

/// A watcher is this slow at most.
const SLOWEST: Duration = Duration::from_secs(20);

/// Somebody who watches a batch until this is dropped.
pub struct Watcher {
    batch: BatchId,
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    batch: Option<Batch>,
    items: BTreeMap<u32, VideoItem>,
    wrong: Option<String>,
}

impl Watcher {
    /// Watches from now on.
    pub fn of(batch: BatchId, store: Arc<dyn Store>, feed: Feed, seed: u64) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let task = tokio::spawn(watch(
            batch,
            store,
            feed,
            Dice::new(seed),
            Arc::clone(&seen),
        ));
        Self { batch, seen, task }
    }

    /// After some quiet: what was seen is what is committed.
    ///
    /// # Errors
    /// In words, what differs.
    pub async fn converged(&self, store: &dyn Store) -> Result<(), String> {
        tokio::time::sleep(SLOWEST * 2).await;
        let committed = store.batch(self.batch).await.expect("readable");
        let items = items_of(store, self.batch).await;
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(wrong) = &seen.wrong {
            return Err(wrong.clone());
        }
        if seen.batch != committed {
            return Err(format!("a watcher has {:?} for {committed:?}", seen.batch));
        }
        if !seen.items.values().eq(items.iter()) {
            return Err(format!("a watcher has {:?} for {items:?}", seen.items));
        }
        Ok(())
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn watch(
    id: BatchId,
    store: Arc<dyn Store>,
    feed: Feed,
    mut dice: Dice,
    shared: Arc<Mutex<Seen>>,
) {
    let all = ItemSelection::default();
    loop {
        // Subscribed before the snapshot is read: nothing between the two is missed.
        let mut watcher = feed.watch_batch(id);
        tokio::time::sleep(dice.between(Duration::ZERO, SLOWEST / 10)).await;
        let page = store.items(id, 0, &all, 10_000).await.expect("readable");
        let batch = store.batch(id).await.expect("readable");
        let mut revision = page.revision;
        {
            let mut seen = shared.lock().unwrap_or_else(PoisonError::into_inner);
            seen.batch = batch;
            seen.items = page
                .items
                .into_iter()
                .map(|item| (item.position, item))
                .collect();
        }
        for _ in 0..dice.below(40) + 1 {
            watcher.changed().await;
            if dice.chance(50) {
                tokio::time::sleep(dice.between(Duration::ZERO, SLOWEST)).await;
            }
            let changes = watcher.newer_than(revision);
            let mut seen = shared.lock().unwrap_or_else(PoisonError::into_inner);
            for item in changes.items {
                revision = revision.max(item.revision);
                let old = seen.items.insert(item.position, (*item).clone());
                if old.is_none_or(|old| old.revision >= item.revision) {
                    seen.wrong = Some(format!("a watcher was told an old state of {item:?}"));
                }
            }
            if let Some(batch) = changes.batch {
                revision = revision.max(batch.revision);
                seen.batch = Some((*batch).clone());
            }
        }
    }
}
