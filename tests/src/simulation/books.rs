//! What must hold at every instant: the items, the ledger and the upstream's own book, held against each other.
//!
//! The limit of concurrent tasks is a limit of what is *claimed*: a claim needs a free slot, and every task that may
//! run holds one. Two kinds of task hold none by the rules and are let pass here: one whose submit was released
//! because a list read late enough did not have it (late), and one of an account without a token for two hours
//! (lost). Slots that they take when they are found may exceed the limit; nothing else may.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use vbatch_server::domain::batch::ItemCounts;
use vbatch_server::domain::ids::{Account, BatchId, ClientRef, ItemId, UserId};
use vbatch_server::domain::item::{ItemState, VideoItem};
use vbatch_server::domain::ledger::EntryKind;
use vbatch_server::domain::retry::LIST_AFTER;
use vbatch_server::store::Store;
use vbatch_server::store::query::ItemSelection;

use crate::upstream::service::Upstream;
use crate::upstream::tasks::{Status, Task};

/// More than any simulation makes.
const ALL: usize = 10_000;

/// The three books and what was seen in them so far.
pub struct Books {
    store: Arc<dyn Store>,
    upstream: Arc<Upstream>,
    /// Attempts whose tasks hold no slot, or did not once.
    excused: BTreeSet<ClientRef>,
    /// The round for which each attempt was claimed.
    rounds: BTreeMap<ClientRef, u32>,
    /// Slots held on each account when last looked.
    held: BTreeMap<Account, usize>,
    limit: usize,
    newest_attempt: BTreeMap<ItemId, u32>,
    /// Looks so far.
    pub looks: u64,
}

/// All that is open, read at one revision.
struct Open {
    items: Vec<VideoItem>,
    /// Attempts that hold a slot.
    holders: BTreeMap<ClientRef, Account>,
}

impl Books {
    /// Nothing seen yet.
    pub fn new(store: Arc<dyn Store>, upstream: Arc<Upstream>) -> Self {
        Self {
            store,
            upstream,
            excused: BTreeSet::new(),
            rounds: BTreeMap::new(),
            held: BTreeMap::new(),
            limit: 0,
            newest_attempt: BTreeMap::new(),
            looks: 0,
        }
    }

    /// Looks at everything that is open.
    ///
    /// # Errors
    /// In words, what does not hold.
    pub async fn look(&mut self, batches: &[BatchId]) -> Result<(), String> {
        self.looks += 1;
        let mut items = Vec::new();
        for batch in batches {
            let of_batch = items_of(self.store.as_ref(), *batch).await;
            self.counts_match(*batch, &of_batch).await?;
            items.extend(of_batch);
        }
        let open = self.open(items).await?;
        self.attempts_rise(&open)?;
        self.slots_hold(&open).await?;
        self.tasks_are_owned(&open)
    }

    async fn open(&mut self, items: Vec<VideoItem>) -> Result<Open, String> {
        let mut holders = BTreeMap::new();
        for item in &items {
            if let Some(running) = item.processing() {
                let key = item.client_ref(running.attempt.number);
                self.rounds.entry(key).or_insert(running.attempt.round);
                if running.holds_slot() {
                    holders.insert(key, running.attempt.account.clone());
                }
            }
        }
        for cleanup in self.store.cleanups().await.expect("readable") {
            if cleanup.lost {
                self.excused.insert(cleanup.client_ref);
            } else {
                holders.insert(cleanup.client_ref, cleanup.account);
            }
        }
        for watch in self.store.watches().await.expect("readable") {
            if watch.matched {
                if self.excused.insert(watch.client_ref) {
                    self.was_late(watch.client_ref, &watch.account).await?;
                }
            } else {
                holders.insert(watch.client_ref, watch.account);
            }
        }
        Ok(Open { items, holders })
    }

    /// A submit was released: rightly only where its task was in no list, or nobody could read one for too long.
    async fn was_late(&self, key: ClientRef, account: &Account) -> Result<(), String> {
        let tokens = self.store.upstream_tokens().await.expect("readable");
        let usable = tokens
            .iter()
            .any(|token| token.account == *account && token.refused_since.is_none());
        let listed = |task: &Task| {
            let in_time = task.hidden_until < task.created + LIST_AFTER;
            key_of(task) == Some(key) && !task.deleted && in_time
        };
        match self.upstream.tasks().into_iter().find(listed) {
            Some(task) if usable => Err(format!("released though it was listed: {task:?}")),
            _ => Ok(()),
        }
    }

    async fn counts_match(&self, batch: BatchId, items: &[VideoItem]) -> Result<(), String> {
        let batch = self.store.batch(batch).await.expect("readable");
        let batch = batch.ok_or("an accepted batch is gone")?;
        let mut counts = ItemCounts::default();
        for item in items {
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
        let progress: u64 = items.iter().map(|it| u64::from(it.progress_permille)).sum();
        if progress != batch.progress_permille_sum {
            return Err(format!("the progress of {} is {progress}", batch.id));
        }
        Ok(())
    }

    fn attempts_rise(&mut self, open: &Open) -> Result<(), String> {
        for item in &open.items {
            let newest = self.newest_attempt.entry(item.id).or_default();
            let highest = item.attempts().map(|attempt| attempt.number).max();
            if item.last_attempt < *newest || highest > Some(item.last_attempt) {
                return Err(format!(
                    "attempt numbers fall back, from {newest}: {item:?}"
                ));
            }
            *newest = item.last_attempt;
        }
        Ok(())
    }

    async fn slots_hold(&mut self, open: &Open) -> Result<(), String> {
        let settings = self.store.dispatch_settings().await.expect("readable");
        let limit = settings.concurrency as usize;
        // A claim just before the limit changed was held to the older one.
        let allowed = limit.max(self.limit);
        self.limit = limit;
        let mut held: BTreeMap<Account, usize> = BTreeMap::new();
        for (key, account) in &open.holders {
            if !self.excused.contains(key) {
                *held.entry(account.clone()).or_default() += 1;
            }
        }
        for (account, count) in &held {
            let before = self.held.get(account).copied().unwrap_or_default();
            if *count > allowed.max(before) {
                let holders = &open.holders;
                return Err(format!(
                    "{count} slots of {account} are held, {before} were, {allowed} may be: {holders:?}"
                ));
            }
        }
        self.held = held;
        Ok(())
    }

    fn tasks_are_owned(&self, open: &Open) -> Result<(), String> {
        let mut of_item: BTreeMap<ItemId, Vec<Task>> = BTreeMap::new();
        for task in self.upstream.tasks() {
            let Some(key) = key_of(&task).filter(|_| task.status.is_active()) else {
                continue;
            };
            if self.excused.contains(&key) {
                continue;
            }
            match open.holders.get(&key) {
                Some(account) if account.0 == task.account => {}
                _ => {
                    let item = open.items.iter().find(|item| item.id == key.item);
                    return Err(format!("nobody owns {task:?}, its item is {item:?}"));
                }
            }
            of_item.entry(key.item).or_default().push(task);
        }
        match of_item.values().find(|tasks| tasks.len() > 1) {
            Some(tasks) => Err(format!("one item is paid twice at once: {tasks:?}")),
            None => Ok(()),
        }
    }

    /// Each user's ledger against the rounds of the items.
    ///
    /// # Errors
    /// In words, what does not hold.
    pub async fn audit(&self, users: &[UserId], batches: &[BatchId]) -> Result<(), String> {
        let mut entered: BTreeMap<(ItemId, u32, EntryKind), i32> = BTreeMap::new();
        for id in users {
            let user = self.store.user(*id).await.expect("readable").expect("kept");
            let page = self.store.entries(*id, None, ALL).await.expect("readable");
            let mut balance = 0;
            for entry in page.entries.iter().rev() {
                balance += entry.delta;
                if balance < 0 || balance != entry.balance_after {
                    return Err(format!("the balance of {id} is {balance} at {entry:?}"));
                }
                if let Some(subject) = entry.subject {
                    let key = (subject.item, subject.round, entry.kind);
                    if entered.insert(key, entry.delta).is_some() {
                        return Err(format!("entered twice: {entry:?}"));
                    }
                }
            }
            if balance != user.credit_balance {
                return Err(format!("the ledger has {balance}: {user:?}"));
            }
        }
        for batch in batches {
            for item in items_of(self.store.as_ref(), *batch).await {
                rounds_are_settled(&item, &mut entered)?;
            }
        }
        match entered.first_key_value() {
            Some(entry) => Err(format!("an entry of no round: {entry:?}")),
            None => Ok(()),
        }
    }

    /// When all has ended: no video without a task that succeeded, and of one round no two that were paid, unless the
    /// second appeared late.
    ///
    /// # Errors
    /// In words, what does not hold.
    pub async fn close(&self, batches: &[BatchId]) -> Result<(), String> {
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
            if let Some(other) = paid.insert((key.item, round), task) {
                return Err(format!("one round was paid twice: {other:?} and {task:?}"));
            }
        }
        for batch in batches {
            for item in items_of(self.store.as_ref(), *batch).await {
                if !matches!(item.state, ItemState::Completed { .. }) {
                    continue;
                }
                let made = item.ended_attempts.last().and_then(|it| it.task.clone());
                let made = made.and_then(|made| tasks.iter().find(|task| task.id == made.0));
                if made.is_none_or(|task| task.status != Status::Succeed) {
                    return Err(format!("a video of no finished task: {item:?}, {made:?}"));
                }
            }
        }
        Ok(())
    }

    /// Attempts whose tasks appeared, or may still appear, after their submit was released.
    pub fn excused(&self) -> usize {
        self.excused.len()
    }
}

/// Takes an item's entries out: a charge a round, and a refund where the round ended without a video.
fn rounds_are_settled(
    item: &VideoItem,
    entered: &mut BTreeMap<(ItemId, u32, EntryKind), i32>,
) -> Result<(), String> {
    for round in 1..=item.round {
        let charge = entered.remove(&(item.id, round, EntryKind::Charge));
        let refund = entered.remove(&(item.id, round, EntryKind::Refund));
        let given_back = round < item.round
            || matches!(
                item.state,
                ItemState::Failed { .. } | ItemState::Cancelled { .. }
            );
        if charge != Some(-1) || refund != given_back.then_some(1) {
            return Err(format!("round {round}: {charge:?}, {refund:?} of {item:?}"));
        }
    }
    Ok(())
}

/// The attempt that a task was made for; foreign tasks have none.
pub fn key_of(task: &Task) -> Option<ClientRef> {
    task.client_ref()?.parse().ok()
}

/// All items of a batch.
pub async fn items_of(store: &dyn Store, batch: BatchId) -> Vec<VideoItem> {
    let page = store
        .items(batch, 0, &ItemSelection::default(), ALL)
        .await
        .expect("readable");
    page.items
}
