//! One life of a service: its disk, its upstream, the processes that come and go on them, and what they are held to.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;
use vbatch_server::clock::Clock;
use vbatch_server::domain::dispatching::DispatchState;
use vbatch_server::domain::ids::{BatchId, ItemId, UserId};
use vbatch_server::domain::item::ItemState;
use vbatch_server::domain::user::Role;
use vbatch_server::service::admin::users::NewUser;
use vbatch_server::service::error::Reason;

use super::audit;
use super::books::{Books, Stored};
use super::dice::Dice;
use super::disk::Disk;
use super::node::{self, Node, ROOT};
use super::watcher::Watcher;
use super::weather;
use super::wishes::{Door, Shared, USERS, Wishes, lock, password_of};
use crate::upstream::service::Upstream;
use crate::upstream::simulated::SimulatedUpstream;
use crate::world::epoch;

/// The admin, as one who acts.
pub(super) const ADMIN: usize = USERS.len();

/// A user waits this long for an answer before doing something else.
const IMPATIENCE: Duration = Duration::from_secs(8);

/// Starts in a row that may fail for what is scripted to go wrong.
const STARTS: u32 = 40;

/// See the module's page.
pub(super) struct Life {
    pub clock: Clock,
    pub disk: Disk,
    pub upstream: Arc<Upstream>,
    pub node: Option<Node>,
    pub books: Arc<Mutex<Books>>,
    pub wishes: Shared,
    pub watchers: Vec<Watcher>,
    /// Rounds whose end was wished for, and the wish acknowledged.
    pub cancelled: BTreeSet<(ItemId, u32)>,
    pub crashes: usize,
    pub power_losses: usize,
    pub failures: u64,
    /// Items asked for.
    pub items: u64,
    pub most_items: u64,
    /// Every token ever given.
    pub tokens: Vec<String>,
    pub concurrency: u32,
    pub dispatching: DispatchState,
    credits: Vec<i32>,
    /// Files that nothing referred to when the present process began.
    orphans: BTreeSet<PathBuf>,
}

impl Life {
    pub async fn begin(seed: u64, dice: &mut Dice) -> Result<Self, String> {
        let clock = Clock::simulated(epoch(), dice.bits());
        let upstream = SimulatedUpstream::new(weather::upstream(dice)).upstream();
        let disk = Disk::new(seed);
        let books = Books::new(Arc::clone(&upstream), disk.clone(), clock.clone());
        let mut life = Self {
            clock,
            disk,
            node: None,
            books: Arc::new(Mutex::new(books)),
            wishes: Arc::new(Mutex::new(Wishes::default())),
            watchers: Vec::new(),
            cancelled: BTreeSet::new(),
            crashes: 0,
            power_losses: 0,
            failures: 0,
            items: 0,
            most_items: dice.pick(&[6, 12, 12, 20, 30]),
            tokens: vec![upstream.token()],
            upstream,
            concurrency: 3,
            dispatching: DispatchState::Running,
            credits: USERS.iter().map(|_| dice.below(20) as i32 + 2).collect(),
            orphans: BTreeSet::new(),
        };
        if dice.chance(10) {
            life.disk.die_at_call(dice.below(400) + 1);
        }
        life.rise(dice).await?;
        if dice.chance(90) {
            let token = life.upstream.token();
            life.set_token(dice, token).await;
        }
        life.create(dice).await;
        Ok(life)
    }

    /// A process starts, unless the disk lets it down each time.
    pub async fn rise(&mut self, dice: &mut Dice) -> Result<(), String> {
        for start in 0..STARTS {
            match self.try_to_rise(dice).await? {
                None => return Ok(()),
                Some(words) if !self.disk.is_off() && self.disk.failures() == 0 => {
                    return Err(format!("does not start: {words}"));
                }
                Some(_) => self.fall(dice).await,
            }
            if start > 3 {
                self.disk.heal();
            }
        }
        Err("never starts".to_owned())
    }

    /// Why it did not start, if it did not; what must not be is an error.
    async fn try_to_rise(&mut self, dice: &mut Dice) -> Result<Option<String>, String> {
        let opened = match node::open(&self.disk, &self.clock) {
            Ok(opened) => opened,
            Err(words) => return Ok(Some(words)),
        };
        if self.disk.is_off() {
            return Ok(Some("died as it opened".to_owned()));
        }
        {
            let _looking = self.disk.look();
            let stored = Stored::read(opened.store.as_ref()).await;
            let stored = stored.map_err(|error| format!("cannot be read: {error}"))?;
            let entries = stored.entries.clone();
            let mut books = lock(&self.books);
            books.resume(stored, &opened.store)?;
            audit::ledgers(books.users(), books.items.values(), &entries)?;
            self.promises_hold(&books)?;
            lock(&self.wishes).verify(&books, &entries)?;
            for watcher in &self.watchers {
                watcher.saw_what_is(&books)?;
            }
            self.orphans = audit::files(&books, &self.disk)?;
        }
        let books = Arc::clone(&self.books);
        let observer = move |commit: &_| lock(&books).commit(commit);
        let served = opened.serve(&self.upstream, &self.clock, observer).await;
        self.node = match served {
            Ok(node) => Some(node),
            Err(words) => return Ok(Some(words)),
        };
        if let Some(node) = self.node.as_ref().filter(|_| !self.disk.is_off()) {
            let _looking = self.disk.look();
            node.verify().await?;
        }
        let left = self.disk.files().into_keys();
        if self.disk.failures() == 0
            && let Some(left) = left
                .into_iter()
                .find(|path| path.starts_with(Path::new(ROOT).join("tmp")))
        {
            return Err(format!("{} outlived its process", left.display()));
        }
        if let Some(words) = self.make_users().await {
            return Ok(Some(words));
        }
        for place in 0..self.watchers.len() {
            self.send_watcher(place);
        }
        let open = lock(&self.wishes).open();
        for place in open {
            if dice.chance(70) {
                self.ask(place, dice);
            }
        }
        Ok(None)
    }

    async fn make_users(&self) -> Option<String> {
        let door = self.door()?;
        for (who, credits) in self.credits.iter().enumerate() {
            if lock(&self.books).user(USERS[who]).is_some() {
                continue;
            }
            let new = NewUser {
                username: USERS[who].to_owned(),
                display_name: String::new(),
                role: Role::User,
                credits: Some(*credits),
                language: String::new(),
                password: Some(password_of(who).into()),
            };
            let made = match door.caller(ADMIN).await {
                Ok(admin) => door.admin.create_user(&admin, new).await.map(drop),
                Err(refusal) => Err(refusal),
            };
            if let Err(refusal) = made
                && refusal.reason != Reason::UsernameTaken
            {
                return Some(refusal.to_string());
            }
        }
        None
    }

    /// The process ends at whatever await it is; what the disk has not flushed may be lost.
    pub async fn fall(&mut self, dice: &mut Dice) {
        self.crashes += 1;
        self.failures += self.disk.failures();
        self.disk.cut();
        if let Some(node) = self.node.take() {
            node.crash().await;
        }
        lock(&self.wishes).all_calls_are_lost();
        if dice.chance(60) {
            self.power_losses += 1;
            self.disk.lose_power();
        }
    }

    /// The process ends gracefully.
    pub async fn stop(&mut self, dice: &mut Dice) -> Result<(), String> {
        let Some(node) = self.node.take() else {
            return Ok(());
        };
        let stopped = node.stop().await;
        lock(&self.wishes).all_calls_are_lost();
        self.failures += self.disk.failures();
        if stopped.is_err() && !self.disk.is_off() && self.disk.failures() == 0 {
            return stopped;
        }
        self.disk.cut();
        if dice.chance(60) {
            self.power_losses += 1;
            self.disk.lose_power();
        }
        Ok(())
    }

    /// Buries a process that has ended by itself or whose disk has died.
    ///
    /// # Errors
    /// When it had no reason to.
    pub async fn bury(&mut self, dice: &mut Dice) -> Result<(), String> {
        let Some(node) = &mut self.node else {
            return Ok(());
        };
        while let Some(ended) = node.calls.try_join_next() {
            if let Err(error) = ended
                && error.is_panic()
            {
                return Err(format!("a call has panicked: {error}"));
            }
        }
        if node.has_ended() && !self.disk.is_off() && self.disk.failures() == 0 {
            let node = self.node.take().ok_or("no process")?;
            return Err(format!("the dispatcher has ended: {:?}", node.stop().await));
        }
        if node.has_ended() || self.disk.is_off() {
            self.fall(dice).await;
        }
        Ok(())
    }

    /// Looks at everything.
    pub async fn check(&self) -> Result<(), String> {
        lock(&self.books).found()?;
        lock(&self.wishes).found()?;
        if self.is_readable().await {
            lock(&self.books).look()
        } else {
            Ok(())
        }
    }

    /// Whether the store can be read now. One that a full disk has closed is opened by this, if it can be: what it tells
    /// then must not meet a check that is under way.
    async fn is_readable(&self) -> bool {
        match &self.node {
            Some(node) => node.store.totals().await.is_ok(),
            None => false,
        }
    }

    /// Looks at what holds between any two operations, in the store itself.
    pub async fn check_all(&self) -> Result<(), String> {
        self.check().await?;
        let Some(node) = self.node.as_ref() else {
            return Ok(());
        };
        if !self.is_readable().await {
            return Ok(());
        }
        let _looking = self.disk.look();
        node.verify().await?;
        let stored = Stored::read(node.store.as_ref()).await;
        let stored = stored.map_err(|error| error.to_string())?;
        let books = lock(&self.books);
        audit::ledgers(books.users(), books.items.values(), &stored.entries)?;
        self.promises_hold(&books)?;
        lock(&self.wishes).verify(&books, &stored.entries)?;
        let unused = audit::files(&books, &self.disk)?;
        let quiet = lock(&self.wishes).open().is_empty();
        match unused.difference(&self.orphans).next() {
            Some(file) if quiet && self.disk.failures() == 0 => {
                Err(format!("nothing refers to {}", file.display()))
            }
            _ => Ok(()),
        }
    }

    /// A wish to cancel that was acknowledged stands.
    fn promises_hold(&self, books: &Books) -> Result<(), String> {
        for (id, round) in &self.cancelled {
            let item = books.items.get(id).ok_or("an item is gone")?;
            let stands = item.round > *round
                || match &item.state {
                    ItemState::Pending(_) => false,
                    ItemState::Processing(running) => running.cancel_request_time.is_some(),
                    _ => true,
                };
            if !stands {
                return Err(format!("a wish to cancel is forgotten: {item:?}"));
            }
        }
        Ok(())
    }

    pub fn door(&self) -> Option<Door> {
        let node = self.node.as_ref()?;
        Some(Door::of(node, &self.wishes, &self.books))
    }

    /// Something that a user or the admin does; it may still be under way when this returns.
    pub async fn call(&mut self, dice: &mut Dice, call: impl Future<Output = ()> + Send + 'static) {
        let Some(node) = &mut self.node else {
            return;
        };
        let (tell, told) = oneshot::channel();
        let handle = node.calls.spawn(async move {
            call.await;
            let _ = tell.send(());
        });
        let patience = match dice.below(10) {
            // Goes away in the middle, or does something else meanwhile.
            0 | 1 => dice.between(Duration::ZERO, Duration::from_millis(60)),
            _ => IMPATIENCE,
        };
        if timeout(patience, told).await.is_err() && dice.chance(40) {
            handle.abort();
        }
    }

    /// Asks for a wish once more, without waiting.
    pub fn ask(&mut self, place: usize, dice: &mut Dice) {
        let seed = dice.bits();
        if let (Some(door), Some(node)) = (self.door(), &mut self.node) {
            node.calls.spawn(door.ask(place, seed));
        }
    }

    /// A watcher looks on.
    pub fn send_watcher(&mut self, place: usize) {
        if let (Some(door), Some(node)) = (self.door(), &mut self.node) {
            node.calls.spawn(self.watchers[place].watch(door));
        }
    }

    /// Whose a batch is, by number.
    pub fn owner_of(&self, batch: BatchId) -> Option<usize> {
        let books = lock(&self.books);
        let owner: UserId = books.batches.get(&batch)?.owner;
        USERS
            .iter()
            .position(|name| books.user(name).is_some_and(|user| user.id == owner))
    }

    /// Every batch.
    pub fn batches(&self) -> Vec<BatchId> {
        lock(&self.books).batches.keys().copied().collect()
    }
}
