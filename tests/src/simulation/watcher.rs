//! A watcher of one batch: slow, coming again now and then and after every crash, and held to end on the committed state.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use vbatch_server::domain::batch::Batch;
use vbatch_server::domain::ids::BatchId;
use vbatch_server::domain::item::VideoItem;
use vbatch_server::store::query::ItemSelection;

use super::books::{ALL, Books};
use super::dice::Dice;
use super::wishes::{Door, lock};

/// A watcher is this slow at most.
pub const SLOWEST: Duration = Duration::from_secs(20);

/// Somebody who watches a batch, over the lives of the server.
pub struct Watcher {
    batch: BatchId,
    who: usize,
    seed: u64,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    batch: Option<Batch>,
    items: BTreeMap<u32, VideoItem>,
    wrong: Option<String>,
}

impl Watcher {
    /// Will watch that batch of that user.
    pub fn new(batch: BatchId, who: usize, seed: u64) -> Self {
        Self {
            batch,
            who,
            seed,
            seen: Arc::default(),
        }
    }

    /// Watches, through this door, until it is dropped.
    pub fn watch(&self, door: Door) -> impl Future<Output = ()> + Send + use<> {
        let (batch, who, seen) = (self.batch, self.who, Arc::clone(&self.seen));
        let mut dice = Dice::new(self.seed);
        async move {
            loop {
                // Whatever went wrong, a watcher comes again.
                if watch(&door, batch, who, &mut dice, &seen).await.is_none() {
                    tokio::time::sleep(SLOWEST / 4).await;
                }
            }
        }
    }

    /// Nothing that this watcher has seen was anything but committed.
    ///
    /// # Errors
    /// In words, what was.
    pub fn saw_what_is(&self, books: &Books) -> Result<(), String> {
        let seen = lock(&self.seen);
        if let Some(wrong) = &seen.wrong {
            return Err(wrong.clone());
        }
        for item in seen.items.values() {
            let committed = books.items.get(&item.id);
            let is_so = committed.is_some_and(|it| it.revision > item.revision || it == item);
            if !is_so {
                return Err(format!(
                    "a watcher saw {item:?}, never committed: {committed:?}"
                ));
            }
        }
        Ok(())
    }

    /// After some quiet: what was seen is what is committed.
    ///
    /// # Errors
    /// In words, what differs.
    pub fn converged(&self, books: &Books) -> Result<(), String> {
        self.saw_what_is(books)?;
        let seen = lock(&self.seen);
        let committed = books.batches.get(&self.batch);
        if seen.batch.as_ref() != committed {
            return Err(format!("a watcher has {:?} for {committed:?}", seen.batch));
        }
        if !seen.items.values().eq(books.items_of(self.batch)) {
            return Err(format!("a watcher has {:?}", seen.items));
        }
        Ok(())
    }
}

/// One stream; nothing when it broke.
async fn watch(
    door: &Door,
    id: BatchId,
    who: usize,
    dice: &mut Dice,
    shared: &Mutex<Seen>,
) -> Option<()> {
    let caller = door.caller(who).await.ok()?;
    // Subscribed before the snapshot is read: nothing between the two is missed.
    let mut watcher = door.batches.feed().watch_batch(id);
    tokio::time::sleep(dice.between(Duration::ZERO, SLOWEST / 10)).await;
    let all = ItemSelection::default();
    let page = door.batches.items_after(id, 0, &all, ALL).await.ok()?;
    let batch = door.batches.batch(&caller, id).await.ok()?;
    let mut revision = page.revision;
    {
        let mut seen = lock(shared);
        if seen
            .batch
            .as_ref()
            .is_some_and(|old| old.revision > batch.revision)
        {
            seen.wrong = Some(format!("a snapshot is older than what was seen: {batch:?}"));
        }
        seen.batch = Some(batch);
        for item in page.items {
            let position = item.position;
            if let Some(old) = seen.items.insert(position, item)
                && old.revision > seen.items[&position].revision
            {
                seen.wrong = Some(format!("a snapshot is older than {old:?}"));
            }
        }
    }
    for _ in 0..dice.below(40) + 1 {
        watcher.changed().await;
        if dice.chance(50) {
            tokio::time::sleep(dice.between(Duration::ZERO, SLOWEST)).await;
        }
        let changes = watcher.newer_than(revision);
        let mut seen = lock(shared);
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
    Some(())
}
