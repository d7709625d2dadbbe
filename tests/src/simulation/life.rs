//! One life: a world, who acts in it, and what each step does.

use std::sync::{Arc, Mutex as PlainMutex, PoisonError};

use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use vbatch_server::domain::dispatching::{DispatchSettings, DispatchState};
use vbatch_server::domain::ids::{BatchId, ItemId, UserId};
use vbatch_server::domain::ledger::Actor;
use vbatch_server::store::query::ItemSelection;
use vbatch_server::store::{CancelItems, CreditChange, RetryItems};

use super::books::{Books, items_of, key_of};
use super::dice::Dice;
use super::watcher::Watcher;
use super::weather;
use crate::upstream::config::Limits;
use crate::upstream::tasks::{Status, Task};
use crate::world::World;

const ACCOUNTS: [&str; 3] = ["operator", "second", "third"];

/// Items of one life at most; more only make it slower.
const MOST_ITEMS: u64 = 30;

/// See the module's page.
pub(super) struct Life {
    pub world: World,
    pub users: Vec<UserId>,
    pub batches: Vec<BatchId>,
    pub books: Arc<Mutex<Books>>,
    pub watchers: Vec<Watcher>,
    pub crashes: usize,
    items: u64,
    /// Every token ever given.
    tokens: Vec<String>,
    concurrency: u32,
    dispatching: DispatchState,
    /// Looks at the books after each commit.
    observer: JoinHandle<()>,
    /// The batches that it looks at, and what it found wrong first.
    observed: Arc<PlainMutex<(Vec<BatchId>, Option<String>)>>,
}

impl Drop for Life {
    fn drop(&mut self) {
        self.observer.abort();
    }
}

impl Life {
    pub async fn begin(seed: u64, dice: &mut Dice) -> Self {
        let mut world = World::asleep_with_seed(weather::upstream(dice), seed);
        let mut users = Vec::new();
        for name in ["wang", "amara", "diego"] {
            let credits = dice.below(20) as i32 + 4;
            users.push(world.user(name, credits).await);
        }
        let token = world.upstream.token();
        if dice.chance(90) {
            world.set_token(&token).await;
        }
        world.start();
        let books = Books::new(Arc::clone(&world.store), Arc::clone(&world.upstream));
        let books = Arc::new(Mutex::new(books));
        let observed: Arc<PlainMutex<(Vec<BatchId>, Option<String>)>> = Arc::default();
        let observer = {
            let (books, observed) = (Arc::clone(&books), Arc::clone(&observed));
            let mut commits = world.feed().revision();
            tokio::spawn(async move {
                while commits.changed().await.is_ok() {
                    let batches = lock(&observed).0.clone();
                    if let Err(wrong) = books.lock().await.look(&batches).await {
                        lock(&observed).1.get_or_insert(wrong);
                    }
                }
            })
        };
        let mut life = Self {
            world,
            users,
            batches: Vec::new(),
            books,
            watchers: Vec::new(),
            crashes: 0,
            items: 0,
            tokens: vec![token],
            concurrency: 3,
            dispatching: DispatchState::Running,
            observer,
            observed,
        };
        life.create(dice).await;
        life
    }

    /// What the observer has found wrong.
    pub fn found(&self) -> Result<(), String> {
        lock(&self.observed).1.clone().map_or(Ok(()), Err)
    }

    /// Looks at everything.
    pub async fn check(&self) -> Result<(), String> {
        self.found()?;
        let mut books = self.books.lock().await;
        books.look(&self.batches).await?;
        books.audit(&self.users, &self.batches).await
    }

    /// Somebody does something, or something happens.
    pub async fn step(&mut self, dice: &mut Dice) {
        if !self.world.is_awake() && dice.chance(40) {
            return self.world.start();
        }
        if dice.chance(30) {
            self.recover(dice).await;
        }
        match dice.below(130) {
            104..=111 => self.crash_at_a_moment(dice).await,
            112..=119 => self.cancel_at_a_moment(dice).await,
            120..=124 => self.cancel_in_a_blackout(dice).await,
            125..=126 => weather::denials()
                .into_iter()
                .for_each(|fault| self.world.upstream.fault(fault)),
            0..=11 => self.create(dice).await,
            12..=20 => self.cancel(dice).await,
            21..=31 => self.retry(dice).await,
            32..=33 => self.give_credits(dice).await,
            34..=40 => self.set_dispatch(dice).await,
            41..=43 => self.new_token(dice, "operator").await,
            44..=46 => {
                let account = dice.pick(&ACCOUNTS);
                self.new_token(dice, account).await;
            }
            47..=49 => {
                let token = dice.pick_some(&self.tokens).cloned().unwrap_or_default();
                self.world.upstream.expire_token(&token);
            }
            50..=53 => self.take_tokens_again(),
            54..=75 => self.world.upstream.fault(weather::fault(dice)),
            76..=82 => self.world.upstream.script_next(weather::script(dice)),
            83..=86 => {
                self.world.upstream.foreign_task(dice.pick(&ACCOUNTS));
            }
            87..=91 => self.interfere(dice),
            92 => self.world.upstream.set_down(true),
            93..=94 => self.world.upstream.set_down(false),
            95 => self.world.upstream.set_workers(dice.pick(&[0, 1, 3])),
            96 if self.world.is_awake() => {
                self.world.stop().await;
                self.crashes += 1;
            }
            97..=102 if self.world.is_awake() => {
                self.world.crash().await;
                self.crashes += 1;
                if dice.chance(50) {
                    self.world.start();
                }
            }
            _ => self.watch(dice),
        }
    }

    /// The weather clears: what is asked is answered, and the dispatcher runs.
    pub async fn clear_up(&mut self, dice: &mut Dice) {
        let upstream = Arc::clone(&self.world.upstream);
        upstream.clear_faults();
        upstream.set_down(false);
        upstream.set_workers(3);
        upstream.set_limits(Limits {
            daily: usize::MAX,
            active: 3,
            ..Limits::default()
        });
        self.take_tokens_again();
        let account = dice.pick(&ACCOUNTS);
        self.new_token(dice, account).await;
        self.dispatching = DispatchState::Running;
        self.concurrency = 3;
        self.tell_dispatch().await;
        if !self.world.is_awake() {
            self.world.start();
        }
    }

    pub(super) async fn create(&mut self, dice: &mut Dice) {
        let count = dice.below(5) + 1;
        if self.items + count > MOST_ITEMS {
            return;
        }
        let Some(owner) = dice.pick_some(&self.users).copied() else {
            return;
        };
        // Without the credits for it nothing is made, and nothing taken: the audit sees to that.
        if let Ok(batch) = self.world.try_batch(owner, count as u32).await {
            self.items += count;
            self.batches.push(batch);
            lock(&self.observed).0.push(batch);
            if dice.chance(60) {
                self.watch_batch(batch, dice);
            }
        }
    }

    async fn some_items(&self, dice: &mut Dice) -> Option<(BatchId, Vec<ItemId>)> {
        let batch = *dice.pick_some(&self.batches)?;
        if dice.chance(25) {
            return Some((batch, Vec::new()));
        }
        let items = items_of(self.world.store.as_ref(), batch).await;
        let item = dice.pick_some(&items)?;
        Some((batch, vec![item.id]))
    }

    async fn cancel(&mut self, dice: &mut Dice) {
        let Some((batch, ids)) = self.some_items(dice).await else {
            return;
        };
        let cancel = CancelItems {
            batch,
            whole_batch: ids.is_empty(),
            selection: ItemSelection {
                ids,
                states: Vec::new(),
            },
            actor: Actor::System,
            now: self.world.clock.now(),
        };
        // Refused where all of it has ended.
        let _ = self.world.store.cancel_items(cancel.clone()).await;
        if dice.chance(20) {
            let _ = self.world.store.cancel_items(cancel).await;
        }
    }

    async fn retry(&mut self, dice: &mut Dice) {
        let Some((batch, ids)) = self.some_items(dice).await else {
            return;
        };
        let retry = RetryItems {
            batch,
            selection: ItemSelection {
                ids,
                states: Vec::new(),
            },
            max_credits: None,
            request: None,
            actor: Actor::System,
            now: self.world.clock.now(),
        };
        // Refused where nothing can be retried, and without the credits.
        let _ = self.world.store.retry_items(retry).await;
    }

    async fn give_credits(&mut self, dice: &mut Dice) {
        let Some(user) = dice.pick_some(&self.users).copied() else {
            return;
        };
        let change = CreditChange {
            user,
            delta: dice.pick(&[-4, -1, 1, 3, 10]),
            note: String::new(),
            actor: Actor::System,
            request: None,
            now: self.world.clock.now(),
        };
        // Refused where the balance would be negative.
        let _ = self.world.store.adjust_credits(change).await;
    }

    async fn set_dispatch(&mut self, dice: &mut Dice) {
        match dice.below(7) {
            0 => self.dispatching = dice.pick(&[DispatchState::Paused, DispatchState::Draining]),
            1..=3 => self.dispatching = DispatchState::Running,
            _ => self.concurrency = dice.below(5) as u32 + 1,
        }
        self.tell_dispatch().await;
    }

    async fn tell_dispatch(&self) {
        let settings = DispatchSettings {
            state: self.dispatching,
            concurrency: self.concurrency,
            changed_by: Actor::System,
            change_time: self.world.clock.now(),
        };
        let set = self.world.store.set_dispatch_settings(settings).await;
        set.expect("the store works");
    }

    async fn new_token(&mut self, dice: &mut Dice, account: &str) {
        let token = match dice.chance(70) {
            true => self.world.upstream.give_token(account),
            // One from before, expired or not.
            false => dice.pick_some(&self.tokens).cloned().unwrap_or_default(),
        };
        self.tokens.push(token.clone());
        self.world.set_token(&token).await;
    }

    /// One thing that kept everything waiting is over.
    async fn recover(&mut self, dice: &mut Dice) {
        match dice.below(4) {
            0 => self.world.upstream.set_down(false),
            1 => self.world.upstream.set_workers(3),
            2 => self.take_tokens_again(),
            _ => {
                self.dispatching = DispatchState::Running;
                self.tell_dispatch().await;
            }
        }
    }

    fn take_tokens_again(&self) {
        for token in &self.tokens {
            self.world.upstream.refuse_token(token, None);
        }
    }

    /// Somebody else, or a worker, ends a task of ours.
    fn interfere(&self, dice: &mut Dice) {
        let upstream = &self.world.upstream;
        let tasks: Vec<Task> = upstream.tasks();
        let active: Vec<&Task> = tasks
            .iter()
            .filter(|task| task.status.is_active() && key_of(task).is_some())
            .collect();
        let Some(task) = dice.pick_some(&active) else {
            return;
        };
        match dice.below(5) {
            0 => upstream.vanish(&task.id),
            1 => upstream.set_state(&task.id, Status::Cancel, None),
            2 => upstream.set_state(&task.id, Status::Pending, None),
            3 => upstream.set_state(&task.id, Status::Failed, Some("worker failed")),
            _ => upstream.set_state(&task.id, Status::Failed, Some("PING timeout: 51.87 s")),
        }
    }

    fn watch(&mut self, dice: &mut Dice) {
        let Some(batch) = dice.pick_some(&self.batches).copied() else {
            return;
        };
        if dice.chance(20) {
            self.watchers.pop();
        }
        self.watch_batch(batch, dice);
    }

    fn watch_batch(&mut self, batch: BatchId, dice: &mut Dice) {
        self.watchers.push(Watcher::of(
            batch,
            Arc::clone(&self.world.store),
            self.world.feed().clone(),
            dice.bits(),
        ));
    }
}

fn lock<T>(shared: &PlainMutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
