//! What must hold at every instant: the items, the ledger and the upstream's own book, held against each other.
//!
//! The books are a copy of what is committed, kept up to date by each commit before anyone else is told of it, and looked
//! at each time. After a crash the store must be that copy, but for one operation that nobody was told of.
//!
//! The limit of concurrent tasks is a limit of what is *claimed*: a claim needs a free slot, and every task that may
//! run holds one. Two kinds of task hold none by the rules and are let pass here: one whose submit was released
//! because a list read late enough did not have it (late), and one of an account without a token for two hours
//! (lost). Slots that they take when they are found may exceed the limit; nothing else may.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures::FutureExt;
use jiff::Timestamp;
use vbatch_server::clock::Clock;
use vbatch_server::domain::batch::{Batch, ItemCounts};
use vbatch_server::domain::dispatching::DispatchState;
use vbatch_server::domain::failure::WaitReason;
use vbatch_server::domain::ids::{Account, BatchId, ClientRef, ItemId, UserId};
use vbatch_server::domain::item::{ItemState, Pending, VideoItem};
use vbatch_server::domain::ledger::Entry;
use vbatch_server::domain::leftover::Watch;
use vbatch_server::domain::user::User;
use vbatch_server::feed::Commit;
use vbatch_server::store::query::{BatchFilter, BatchOrder, BatchQuery, ItemSelection};
use vbatch_server::store::{Store, StoreError};

use super::disk::Disk;
use super::turns::Turns;
use crate::upstream::service::Upstream;
use crate::upstream::tasks::{Status, Task};

/// The rule's own words, whatever the server's constant says: a list proves absence this long after the submit.
const LIST_AFTER: Duration = Duration::from_secs(60);

/// More than any simulation makes.
pub const ALL: usize = 10_000;

/// See the module's page.
pub struct Books {
    upstream: Arc<Upstream>,
    disk: Disk,
    clock: Clock,
    store: Weak<dyn Store>,
    /// Every batch.
    pub batches: BTreeMap<BatchId, Batch>,
    /// Every item.
    pub items: BTreeMap<ItemId, VideoItem>,
    of_batch: BTreeMap<BatchId, Vec<ItemId>>,
    users: BTreeMap<UserId, User>,
    revision: u64,
    /// Attempts of items that hold a slot.
    attempts: BTreeMap<ItemId, (ClientRef, Account)>,
    /// Attempts whose tasks hold no slot, or did not once.
    excused: BTreeSet<ClientRef>,
    /// The round for which each attempt was claimed.
    rounds: BTreeMap<ClientRef, u32>,
    /// Slots held on each account when last looked.
    held: BTreeMap<Account, usize>,
    /// An item that the commit at hand has claimed.
    claimed: Option<ItemId>,
    user_turns: Turns<UserId>,
    batch_turns: BTreeMap<UserId, Turns<BatchId>>,
    /// Keys of the upstream's tasks, by their place.
    keys: Vec<Option<ClientRef>>,
    wrong: Option<String>,
    /// Looks so far.
    pub looks: u64,
}

impl Books {
    /// Nothing seen yet.
    pub fn new(upstream: Arc<Upstream>, disk: Disk, clock: Clock) -> Self {
        Self {
            upstream,
            disk,
            clock,
            store: Weak::<vbatch_server::store::redb::RedbStore>::new(),
            batches: BTreeMap::new(),
            items: BTreeMap::new(),
            of_batch: BTreeMap::new(),
            users: BTreeMap::new(),
            revision: 0,
            attempts: BTreeMap::new(),
            excused: BTreeSet::new(),
            rounds: BTreeMap::new(),
            held: BTreeMap::new(),
            claimed: None,
            user_turns: Turns::default(),
            batch_turns: BTreeMap::new(),
            keys: Vec::new(),
            wrong: None,
            looks: 0,
        }
    }

    /// What was found wrong first.
    ///
    /// # Errors
    /// In words.
    pub fn found(&self) -> Result<(), String> {
        self.wrong.clone().map_or(Ok(()), Err)
    }

    /// A commit, as the feed tells it.
    pub fn commit(&mut self, commit: &Commit) {
        // Inside of opening it again the database cannot be asked.
        let opening = self.disk.was_opened();
        if let Err(wrong) = self
            .take_in(commit)
            .and_then(|()| if opening { Ok(()) } else { self.look() })
        {
            self.wrong.get_or_insert(wrong);
        }
    }

    fn take_in(&mut self, commit: &Commit) -> Result<(), String> {
        self.looks += 1;
        if commit.revision <= self.revision {
            return Err(format!(
                "told again: {} after {}",
                commit.revision, self.revision
            ));
        }
        self.revision = commit.revision;
        self.claimed = None;
        for user in &commit.users {
            if user.credit_balance < 0 || user.credits_held < 0 {
                return Err(format!("a negative balance: {user:?}"));
            }
            self.users.insert(user.id, (**user).clone());
        }
        for batch in &commit.batches {
            self.batches.insert(batch.id, (**batch).clone());
        }
        for item in &commit.items {
            self.had_its_turn(item)?;
        }
        for item in &commit.items {
            self.put_item((**item).clone())?;
        }
        for batch in &commit.batches {
            self.counts_match(batch.id)?;
        }
        self.note_ready();
        Ok(())
    }

    fn put_item(&mut self, item: VideoItem) -> Result<(), String> {
        let old = self.items.get(&item.id);
        let newest = old.map_or(0, |old| old.last_attempt);
        let highest = item.attempts().map(|attempt| attempt.number).max();
        if item.last_attempt < newest || highest > Some(item.last_attempt) {
            return Err(format!(
                "attempt numbers fall back, from {newest}: {item:?}"
            ));
        }
        if old.is_some_and(|old| old.round > item.round) {
            return Err(format!("rounds fall back: {old:?}, {item:?}"));
        }
        if old.is_none() {
            self.of_batch.entry(item.batch).or_default().push(item.id);
        }
        self.attempts.remove(&item.id);
        if let Some(running) = item.processing() {
            let key = item.client_ref(running.attempt.number);
            self.rounds.entry(key).or_insert(running.attempt.round);
            if running.holds_slot() {
                let account = running.attempt.account.clone();
                self.attempts.insert(item.id, (key, account));
            }
        }
        self.items.insert(item.id, item);
        Ok(())
    }

    /// Turns go round the users, and within a user round the batches.
    fn had_its_turn(&mut self, item: &VideoItem) -> Result<(), String> {
        let was_pending = self.items.get(&item.id).is_some_and(|old| {
            matches!(old.state, ItemState::Pending(_)) && item.last_attempt > old.last_attempt
        });
        let Some(batch) = self.batches.get(&item.batch).filter(|_| was_pending) else {
            return Ok(());
        };
        self.claimed = Some(item.id);
        let owner = batch.owner;
        self.user_turns.claimed(owner, self.looks)?;
        let batches = self.batch_turns.entry(owner).or_default();
        batches.claimed(item.batch, self.looks)
    }

    fn note_ready(&mut self) {
        let now = self.clock.now();
        let mut ready: BTreeMap<UserId, BTreeSet<BatchId>> = BTreeMap::new();
        for item in self.items.values() {
            if is_ready(&item.state, now) {
                let owner = self.batches[&item.batch].owner;
                ready.entry(owner).or_default().insert(item.batch);
            }
        }
        self.user_turns.ready(ready.keys().copied(), self.looks);
        for owner in self.users.keys() {
            let batches = ready.remove(owner).unwrap_or_default();
            let turns = self.batch_turns.entry(*owner).or_default();
            turns.ready(batches, self.looks);
        }
    }

    fn counts_match(&self, id: BatchId) -> Result<(), String> {
        let batch = &self.batches[&id];
        let mut counts = ItemCounts::default();
        let mut progress = 0;
        for item in self.items_of(id) {
            progress += u64::from(item.progress_permille);
            match item.state {
                ItemState::Pending(_) => counts.pending += 1,
                ItemState::Processing(_) => counts.processing += 1,
                ItemState::Completed { .. } => counts.completed += 1,
                ItemState::Failed { .. } => counts.failed += 1,
                ItemState::Cancelled { .. } => counts.cancelled += 1,
            }
        }
        let all_ended = counts.open() == 0;
        if counts != batch.counts || all_ended != batch.finish_time.is_some() {
            return Err(format!("{batch:?} has in truth {counts:?}"));
        }
        if progress != batch.progress_permille_sum {
            return Err(format!("the progress of {} is {progress}", batch.id));
        }
        Ok(())
    }

    /// Looks at what runs, here and upstream.
    ///
    /// # Errors
    /// In words, what does not hold.
    pub fn look(&mut self) -> Result<(), String> {
        if self.disk.is_off() {
            return Ok(());
        }
        let _looking = self.disk.look();
        let Some(store) = self.store.upgrade() else {
            return Ok(());
        };
        let mut holders: BTreeMap<ClientRef, Account> = self.attempts.values().cloned().collect();
        // A full or failed disk has closed it: there is nothing to see.
        let (Ok(cleanups), Ok(watches), Ok(settings)) = (
            at_once(store.cleanups()),
            at_once(store.watches()),
            at_once(store.dispatch_settings()),
        ) else {
            return Ok(());
        };
        for cleanup in cleanups {
            if cleanup.lost {
                self.excused.insert(cleanup.client_ref);
            } else {
                holders.insert(cleanup.client_ref, cleanup.account);
            }
        }
        for watch in watches {
            if !watch.matched {
                holders.insert(watch.client_ref, watch.account);
            } else if self.excused.insert(watch.client_ref) {
                self.was_late(store.as_ref(), &watch)?;
            }
        }
        // Each commit is one operation's here: these are the settings that its own transaction saw.
        if let Some(item) = self.claimed.take()
            && settings.state != DispatchState::Running
        {
            return Err(format!("{item} was claimed while {:?}", settings.state));
        }
        self.slots_hold(&holders, settings.concurrency as usize)?;
        self.tasks_are_owned(&holders)
    }

    /// A submit was released: rightly only where its task was in no list, or nobody could read one for too long.
    fn was_late(&self, store: &dyn Store, watch: &Watch) -> Result<(), String> {
        let (key, account) = (watch.client_ref, &watch.account);
        let tokens = at_once(store.upstream_tokens()).unwrap_or_default();
        let usable = tokens
            .iter()
            .any(|token| token.account == *account && token.refused_since.is_none());
        // The server's 60 s begin when it gave the submit up; after a crash the upstream may make the task later still.
        let epoch = self.upstream.config().epoch;
        let given_up = watch.submit_time.duration_since(epoch).unsigned_abs();
        let listed = |task: &&Task| {
            let in_time = task.hidden_until < given_up + LIST_AFTER;
            key_of(task) == Some(key) && !task.deleted && in_time
        };
        let found = self
            .upstream
            .with_tasks(|tasks| tasks.iter().find(listed).cloned());
        match found {
            Some(task) if usable => Err(format!("released though it was listed: {task:?}")),
            _ => Ok(()),
        }
    }

    fn slots_hold(
        &mut self,
        holders: &BTreeMap<ClientRef, Account>,
        limit: usize,
    ) -> Result<(), String> {
        let mut held: BTreeMap<Account, usize> = BTreeMap::new();
        for (key, account) in holders {
            if !self.excused.contains(key) {
                *held.entry(account.clone()).or_default() += 1;
            }
        }
        for (account, count) in &held {
            let before = self.held.get(account).copied().unwrap_or_default();
            if *count > limit.max(before) {
                return Err(format!(
                    "{count} slots of {account} are held, {before} were, {limit} may be: {holders:?}"
                ));
            }
        }
        self.held = held;
        Ok(())
    }

    fn tasks_are_owned(&mut self, holders: &BTreeMap<ClientRef, Account>) -> Result<(), String> {
        let Self {
            upstream,
            keys,
            excused,
            items,
            ..
        } = self;
        upstream.with_tasks(|tasks| {
            keys.extend(tasks[keys.len()..].iter().map(key_of));
            let mut owned: BTreeMap<ClientRef, &Task> = BTreeMap::new();
            for (task, key) in tasks.iter().zip(keys.iter()) {
                let Some(key) = key.filter(|key| task.status.is_active() && !excused.contains(key))
                else {
                    continue;
                };
                if holders
                    .get(&key)
                    .is_none_or(|account| account.0 != task.account)
                {
                    let item = items.get(&key.item);
                    return Err(format!("nobody owns {task:?}, its item is {item:?}"));
                }
                let twin = owned.insert(key, task);
                if twin.is_some_and(|twin| !is_twin(twin) && !is_twin(task)) {
                    return Err(format!("one attempt is paid twice: {twin:?} and {task:?}"));
                }
                let of_item = |(other, _): (&ClientRef, _)| other.item == key.item && *other != key;
                if owned.iter().any(of_item) {
                    return Err(format!("one item is paid twice at once: {owned:?}"));
                }
            }
            Ok(())
        })
    }

    /// The items of a batch, by position.
    pub fn items_of(&self, batch: BatchId) -> impl Iterator<Item = &VideoItem> {
        let ids = self.of_batch.get(&batch).map_or(&[][..], Vec::as_slice);
        ids.iter().filter_map(|id| self.items.get(id))
    }

    /// A user's batches.
    pub fn batches_of(&self, owner: UserId) -> Vec<BatchId> {
        let own = self.batches.values().filter(|batch| batch.owner == owner);
        own.map(|batch| batch.id).collect()
    }

    /// Users by name.
    pub fn user(&self, name: &str) -> Option<&User> {
        self.users.values().find(|user| user.username == name)
    }

    /// Every user.
    pub fn users(&self) -> impl Iterator<Item = &User> {
        self.users.values()
    }

    /// After a crash, before anything is served: the store must be what was told, but for one operation that was under
    /// way. From here on it is this store that tells.
    ///
    /// # Errors
    /// In words, what was lost or is there in halves.
    pub fn resume(&mut self, stored: Stored, store: &Arc<dyn Store>) -> Result<(), String> {
        let told = self.revision;
        let revision = stored.revision;
        if !(told..=told + 1).contains(&revision) {
            return Err(format!("told {told}, after a crash {revision}"));
        }
        let found = (stored.batches.len(), stored.items.len());
        for batch in stored.batches {
            if batch.revision <= told && self.batches.get(&batch.id) != Some(&batch) {
                return Err(format!("{batch:?} was {:?}", self.batches.get(&batch.id)));
            }
            self.batches.insert(batch.id, batch);
        }
        for item in stored.items {
            if item.revision <= told && self.items.get(&item.id) != Some(&item) {
                return Err(format!("{item:?} was {:?}", self.items.get(&item.id)));
            }
            self.had_its_turn(&item)?;
            self.put_item(item)?;
        }
        if found != (self.batches.len(), self.items.len()) {
            return Err("a batch or an item is gone".to_owned());
        }
        for user in stored.users {
            let old = self.users.insert(user.id, user.clone());
            if revision == told && old.is_some_and(|old| old != user) {
                return Err(format!("{user:?} is not what was told"));
            }
        }
        for batch in self.batches.keys() {
            self.counts_match(*batch)?;
        }
        self.looks += 1;
        self.note_ready();
        self.revision = revision;
        self.store = Arc::downgrade(store);
        self.disk.was_opened();
        // Under which settings it was claimed cannot be told any more.
        self.claimed = None;
        self.look()
    }

    /// When all has ended: no video without a task that succeeded, and of one round no two that were paid, unless the
    /// second appeared late or is a twin.
    ///
    /// # Errors
    /// In words, what does not hold.
    pub fn close(&self) -> Result<(), String> {
        let tasks = self.upstream.tasks();
        let mut paid: BTreeMap<(ItemId, u32), &Task> = BTreeMap::new();
        for task in tasks.iter().filter(|task| task.status == Status::Succeed) {
            let Some(key) = key_of(task).filter(|key| !self.excused.contains(key)) else {
                continue;
            };
            let round = *self
                .rounds
                .get(&key)
                .ok_or_else(|| format!("no attempt was ever seen of {task:?}"))?;
            if let Some(other) = paid.insert((key.item, round), task)
                && !is_twin(task)
                && !is_twin(other)
            {
                return Err(format!("one round was paid twice: {other:?} and {task:?}"));
            }
        }
        for item in self.items.values() {
            if !matches!(item.state, ItemState::Completed { .. }) {
                continue;
            }
            let made = item.ended_attempts.last().and_then(|it| it.task.clone());
            let made = made.and_then(|made| tasks.iter().find(|task| task.id == made.0));
            if made.is_none_or(|task| task.status != Status::Succeed) {
                return Err(format!("a video of no finished task: {item:?}, {made:?}"));
            }
        }
        Ok(())
    }

    /// Attempts whose tasks appeared, or may still appear, after their submit was released.
    pub fn excused(&self) -> usize {
        self.excused.len()
    }
}

fn is_ready(state: &ItemState, now: Timestamp) -> bool {
    match state {
        ItemState::Pending(Pending { not_before, reason }) => {
            *reason != Some(WaitReason::Cleanup) && not_before.is_none_or(|time| time <= now)
        }
        _ => false,
    }
}

/// The attempt that a task was made for; foreign tasks have none.
pub fn key_of(task: &Task) -> Option<ClientRef> {
    task.client_ref()?.parse().ok()
}

/// Whether a task was made a second time by somebody between us and the upstream.
fn is_twin(task: &Task) -> bool {
    task.is_twin
}

/// The answer of a store that answers at once.
fn at_once<T>(asked: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    asked.now_or_never().unwrap_or(Err(StoreError::Closed))
}

/// All that a store says, at one revision.
pub struct Stored {
    revision: u64,
    batches: Vec<Batch>,
    /// Of all batches.
    pub items: Vec<VideoItem>,
    /// All users.
    pub users: Vec<User>,
    /// Of all ledgers, each newest first.
    pub entries: BTreeMap<UserId, Vec<Entry>>,
}

impl Stored {
    /// Reads it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn read(store: &dyn Store) -> Result<Self, StoreError> {
        let everything = BatchQuery {
            owner: None,
            order: BatchOrder::Newest,
            halted: Vec::new(),
            filter: BatchFilter::default(),
            limit: 200,
            after: None,
        };
        let batches = store.batches(&everything).await?.batches;
        let all = ItemSelection::default();
        let mut items = Vec::new();
        for batch in &batches {
            items.extend(store.items(batch.id, 0, &all, ALL).await?.items);
        }
        let users = store.users("", None, ALL).await?.users;
        let mut entries = BTreeMap::new();
        for user in &users {
            let page = store.entries(user.id, None, ALL).await?;
            entries.insert(user.id, page.entries);
        }
        Ok(Self {
            revision: store.totals().await?.revision,
            batches,
            items,
            users,
            entries,
        })
    }
}
