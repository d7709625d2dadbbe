//! Revisioned fan-out of what was committed: to the streams of `rpc`, and as a wake-up to `dispatch`.
//!
//! A topic keeps the newest state of each thing that changed since its first watcher came, shared by all its watchers;
//! a watcher keeps one number, the revision it has seen. So a slow watcher costs nothing, skips states, and always
//! ends on the newest. Publishing never waits for a watcher.
//!
//! A watcher subscribes first, then reads its snapshot at revision S from the store, then asks for what is newer
//! than S: nothing between the two is missed.
//!
//! Not here: storage, filters, what a stream sends.

pub mod batch_topic;
pub mod engine_status;
pub mod list_topic;

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use tokio::sync::watch;

use crate::domain::batch::Batch;
use crate::domain::ids::{BatchId, UserId};
use crate::domain::item::VideoItem;
use crate::domain::user::User;
use batch_topic::{BatchTopic, BatchWatcher};
use engine_status::EngineStatuses;
use list_topic::{ListTopic, ListWatcher};

/// What one commit changed, newest states only.
#[derive(Debug, Clone, Default)]
pub struct Commit {
    /// The revision of the commit; batches and items carry revisions up to it.
    pub revision: u64,
    /// Batches that changed.
    pub batches: Vec<Arc<Batch>>,
    /// Items that changed.
    pub items: Vec<Arc<VideoItem>>,
    /// Batches that are gone, with their owners.
    pub deleted: Vec<(BatchId, UserId)>,
    /// Users whose balance or account changed.
    pub users: Vec<Arc<User>>,
    /// The dispatcher may have something to do: items became ready, a wish was made, a setting changed.
    pub wakes_dispatch: bool,
}

/// The fan-out. Clones share it.
#[derive(Clone)]
pub struct Feed {
    shared: Arc<Shared>,
}

/// Sees each commit: see [`Feed::observe`].
type Observer = Box<dyn Fn(&Commit) + Send + Sync>;

struct Shared {
    observer: OnceLock<Observer>,
    topics: Mutex<Topics>,
    revision: watch::Sender<u64>,
    work: watch::Sender<u64>,
    /// Users whose rights or epoch changed; open streams look at it to end.
    accounts: watch::Sender<u64>,
    engines: watch::Sender<Arc<EngineStatuses>>,
}

#[derive(Default)]
struct Topics {
    batches: HashMap<BatchId, Weak<BatchTopic>>,
    lists: HashMap<Option<UserId>, Weak<ListTopic>>,
}

impl Feed {
    /// A feed that starts at a store's newest revision.
    pub fn new(revision: u64) -> Self {
        Self {
            shared: Arc::new(Shared {
                observer: OnceLock::new(),
                topics: Mutex::default(),
                revision: watch::Sender::new(revision),
                work: watch::Sender::new(0),
                accounts: watch::Sender::new(0),
                engines: watch::Sender::new(Arc::default()),
            }),
        }
    }

    /// Calls this with every commit, in commit order and before anyone else is told: for what must see each one and not
    /// the newest state alone, as a check of every instant does. It must neither wait nor write. The first observer stays.
    pub fn observe(&self, observer: impl Fn(&Commit) + Send + Sync + 'static) {
        // A second one is not told anything.
        drop(self.shared.observer.set(Box::new(observer)));
    }

    /// Tells everyone concerned. Called by the store alone, after each commit and in commit order.
    pub fn publish(&self, commit: &Commit) {
        if let Some(observer) = self.shared.observer.get() {
            observer(commit);
        }
        let mut topics = self.topics();
        for item in &commit.items {
            if let Some(topic) = topics.batch(item.batch) {
                topic.put_item(item);
            }
        }
        for batch in &commit.batches {
            if let Some(topic) = topics.batch(batch.id) {
                topic.put_batch(batch);
            }
            for scope in [None, Some(batch.owner)] {
                if let Some(topic) = topics.list(scope) {
                    topic.put_batch(batch);
                }
            }
        }
        for (batch, owner) in &commit.deleted {
            if let Some(topic) = topics.batch(*batch) {
                topic.delete(commit.revision);
            }
            for scope in [None, Some(*owner)] {
                if let Some(topic) = topics.list(scope) {
                    topic.delete_batch(*batch, commit.revision);
                }
            }
        }
        for user in &commit.users {
            if let Some(topic) = topics.list(Some(user.id)) {
                topic.put_user(user, commit.revision);
            }
        }
        drop(topics);
        self.shared.revision.send_replace(commit.revision);
        if !commit.users.is_empty() {
            self.shared.accounts.send_modify(|count| *count += 1);
        }
        if commit.wakes_dispatch {
            self.wake_dispatch();
        }
    }

    /// Wakes the dispatcher without a commit: a timer of its own, a test.
    pub fn wake_dispatch(&self) {
        self.shared.work.send_modify(|count| *count += 1);
    }

    /// Changes whenever the dispatcher may have something to do.
    pub fn work(&self) -> watch::Receiver<u64> {
        self.shared.work.subscribe()
    }

    /// The newest committed revision.
    pub fn revision(&self) -> watch::Receiver<u64> {
        self.shared.revision.subscribe()
    }

    /// Changes whenever a user's account or balance changed.
    pub fn accounts(&self) -> watch::Receiver<u64> {
        self.shared.accounts.subscribe()
    }

    /// What the engines are doing, as the dispatcher last said.
    pub fn engines(&self) -> watch::Receiver<Arc<EngineStatuses>> {
        self.shared.engines.subscribe()
    }

    /// Replaces what the engines are doing; watchers wake only when it differs.
    pub fn set_engines(&self, statuses: EngineStatuses) {
        self.shared.engines.send_if_modified(|current| {
            let differs = **current != statuses;
            if differs {
                *current = Arc::new(statuses);
            }
            differs
        });
    }

    /// Watches one batch and its items from now on.
    pub fn watch_batch(&self, batch: BatchId) -> BatchWatcher {
        let mut topics = self.topics();
        let topic = topics.batch(batch).unwrap_or_else(|| {
            let topic = Arc::new(BatchTopic::default());
            forget_unwatched(&mut topics.batches);
            topics.batches.insert(batch, Arc::downgrade(&topic));
            topic
        });
        BatchWatcher::new(topic)
    }

    /// Watches all batches of one user, or of everyone, from now on.
    pub fn watch_list(&self, owner: Option<UserId>) -> ListWatcher {
        let mut topics = self.topics();
        let topic = topics.list(owner).unwrap_or_else(|| {
            let topic = Arc::new(ListTopic::default());
            forget_unwatched(&mut topics.lists);
            topics.lists.insert(owner, Arc::downgrade(&topic));
            topic
        });
        ListWatcher::new(topic)
    }

    fn topics(&self) -> MutexGuard<'_, Topics> {
        self.shared
            .topics
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes room by dropping the topics that nobody watches any more, instead of growing. A map grows again only when most
/// of it is watched, so that each insertion pays for a bounded part of the look.
fn forget_unwatched<K: Eq + Hash, T>(topics: &mut HashMap<K, Weak<T>>) {
    if topics.len() == topics.capacity() {
        topics.retain(|_, topic| topic.strong_count() > 0);
        if topics.len() > topics.capacity() / 2 {
            topics.reserve(topics.len());
        }
    }
}

impl Topics {
    /// The topic, if somebody still watches it; forgotten topics are dropped when they are met.
    fn batch(&mut self, id: BatchId) -> Option<Arc<BatchTopic>> {
        let topic = self.batches.get(&id)?.upgrade();
        if topic.is_none() {
            self.batches.remove(&id);
        }
        topic
    }

    fn list(&mut self, owner: Option<UserId>) -> Option<Arc<ListTopic>> {
        let topic = self.lists.get(&owner)?.upgrade();
        if topic.is_none() {
            self.lists.remove(&owner);
        }
        topic
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn what_nobody_watches_any_more_takes_no_room() {
        let feed = Feed::new(0);
        let watched: Vec<_> = (0..100)
            .map(|id| feed.watch_batch(BatchId(Uuid::from_u128(id))))
            .collect();
        for id in 1_000..100_000 {
            drop(feed.watch_batch(BatchId(Uuid::from_u128(id))));
            drop(feed.watch_list(Some(UserId(Uuid::from_u128(id)))));
        }
        let topics = feed.topics();
        assert!(topics.batches.capacity() < 1_000);
        assert!(topics.lists.capacity() < 100);
        drop(topics);
        drop(watched);
    }
}
