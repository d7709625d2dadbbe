//! What users, the admin, the upstream and the disk do in a life, one step each.

use std::sync::Arc;

use vbatch_server::domain::dispatching::DispatchState;
use vbatch_server::domain::ids::{BatchId, ItemId};
use vbatch_server::domain::item::ItemState;
use vbatch_server::domain::media::BlobKind;
use vbatch_server::service::batches::change::Retry;
use vbatch_server::service::batches::download::FileRequest;
use vbatch_server::service::batches::page::{BatchList, Scope};
use vbatch_server::service::error::{Reason, ServiceError};
use vbatch_server::store::query::{BatchFilter, BatchOrder, ItemSelection};

use super::books::key_of;
use super::dice::Dice;
use super::life::{ADMIN, Life};
use super::media::film;
use super::watcher::Watcher;
use super::weather;
use super::wishes::{Ask, Door, Flaw, USERS, lock};
use crate::upstream::config::Limits;
use crate::upstream::tasks::{Status, Task};

const ACCOUNTS: [&str; 3] = ["operator", "second", "third"];

impl Life {
    /// Somebody does something, or something happens.
    pub async fn step(&mut self, dice: &mut Dice) -> Result<(), String> {
        self.bury(dice).await?;
        if self.node.is_none() && dice.chance(50) {
            return self.rise(dice).await;
        }
        if dice.chance(30) {
            self.recover(dice).await;
        }
        match dice.below(160) {
            0..=13 => self.create(dice).await,
            14..=22 => self.cancel(dice).await,
            23..=32 => self.retry(dice).await,
            33..=35 => self.rerun(dice).await,
            36..=39 => self.give_credits(dice).await,
            40..=45 => self.ask_again(dice).await,
            46..=49 => self.meddle(dice).await,
            50..=53 => self.read(dice).await,
            54..=59 => self.set_dispatch(dice).await,
            60..=62 => self.new_token(dice, ACCOUNTS[0]).await,
            63..=65 => {
                let account = dice.pick(&ACCOUNTS);
                self.new_token(dice, account).await;
            }
            66..=67 => {
                let token = dice.pick_some(&self.tokens).cloned().unwrap_or_default();
                self.upstream.expire_token(&token);
            }
            68..=70 => self.take_tokens_again(),
            71..=91 => self.upstream.fault(weather::fault(dice)),
            92..=98 => self.upstream.script_next(weather::script(dice)),
            99..=101 => {
                self.upstream.foreign_task(dice.pick(&ACCOUNTS));
            }
            102..=106 => self.interfere(dice),
            107 => self.upstream.set_down(true),
            108..=109 => self.upstream.set_down(false),
            110 => self.upstream.set_workers(dice.pick(&[0, 1, 3])),
            111 => return self.stop(dice).await,
            112..=116 if self.node.is_some() => self.fall(dice).await,
            117..=124 => self.disk.die_at_call(dice.below(120) + 1),
            125..=126 => self.disk.fail_at_call(dice.below(80) + 1),
            127..=129 => {
                let calls = dice.below(60) + 1;
                self.disk.full_at_call(dice.below(80) + 1, calls);
            }
            130..=137 => return self.crash_at_a_moment(dice).await,
            138..=145 => self.cancel_at_a_moment(dice).await,
            146..=149 => self.cancel_in_a_blackout(dice).await,
            150..=151 => weather::denials()
                .into_iter()
                .for_each(|fault| self.upstream.fault(fault)),
            152 => {
                // An upload meanwhile: its files are in their places before anything refers to them.
                if let Some(node) = &mut self.node {
                    node.sweep();
                }
                self.create(dice).await;
            }
            _ => self.watch(dice),
        }
        Ok(())
    }

    /// The weather clears: what is asked is answered, the disk is well, and a process runs.
    pub async fn clear_up(&mut self, dice: &mut Dice) -> Result<(), String> {
        self.disk.heal();
        let upstream = Arc::clone(&self.upstream);
        upstream.clear_faults();
        upstream.set_down(false);
        upstream.set_workers(3);
        upstream.set_limits(Limits {
            daily: usize::MAX,
            active: 3,
            ..Limits::default()
        });
        self.take_tokens_again();
        self.bury(dice).await?;
        if self.node.as_ref().is_some_and(|_| self.disk.failures() > 0) {
            // What is left of a failure ends with the process that met it.
            self.fall(dice).await;
        }
        if self.node.is_none() {
            self.rise(dice).await?;
        }
        let account = dice.pick(&ACCOUNTS);
        let token = self.upstream.give_token(account);
        self.tokens.push(token.clone());
        let door = self.door().ok_or("no process")?;
        let admin = door
            .caller(ADMIN)
            .await
            .map_err(|error| error.to_string())?;
        let set = door
            .admin
            .update_upstream_token(&admin, token.into(), false)
            .await;
        set.map_err(|error| error.to_string())?;
        let set = door
            .admin
            .set_dispatch(&admin, Some(DispatchState::Running), Some(3))
            .await;
        set.map_err(|error| error.to_string())?;
        Ok(())
    }

    pub async fn create(&mut self, dice: &mut Dice) {
        let count = dice.below(5) + 1;
        if self.items + count > self.most_items {
            return;
        }
        let who = dice.below(USERS.len() as u64) as usize;
        let flaw = match dice.below(20) {
            0 => Some(Flaw::CutOff),
            1 => Some(Flaw::NoPicture),
            _ => None,
        };
        if flaw.is_none() {
            self.items += count;
        }
        let ask = Ask::Create {
            pictures: (0..count).map(|_| dice.bits()).collect(),
            recording: dice.bits(),
            announced: dice.chance(50),
            flaw,
        };
        self.wish(who, ask, dice).await;
        if let Some(batch) = self.batches().last().copied()
            && dice.chance(50)
        {
            self.watch_batch(batch, dice);
        }
    }

    /// A wish is made, sometimes by two calls at once.
    pub async fn wish(&mut self, who: usize, ask: Ask, dice: &mut Dice) {
        let place = lock(&self.wishes).add(who, ask, dice);
        if dice.chance(10) {
            self.ask(place, dice);
        }
        let seed = dice.bits();
        if let Some(door) = self.door() {
            self.call(dice, door.ask(place, seed)).await;
        }
    }

    async fn ask_again(&mut self, dice: &mut Dice) {
        let places = {
            let wishes = lock(&self.wishes);
            match dice.chance(50) {
                true => wishes.open(),
                false => wishes.granted(),
            }
        };
        if let (Some(place), Some(door)) = (dice.pick_some(&places), self.door()) {
            let seed = dice.bits();
            self.call(dice, door.ask(*place, seed)).await;
        }
    }

    /// Some items of a batch, or none for all of them, and who owns it.
    fn some_items(&self, dice: &mut Dice) -> Option<(usize, BatchId, Vec<ItemId>)> {
        let batch = *dice.pick_some(&self.batches())?;
        let who = self.owner_of(batch)?;
        // The admin may do everything that the owner may.
        let who = if dice.chance(10) { ADMIN } else { who };
        if dice.chance(25) {
            return Some((who, batch, Vec::new()));
        }
        let items: Vec<ItemId> = lock(&self.books)
            .items_of(batch)
            .map(|item| item.id)
            .collect();
        let item = dice.pick_some(&items)?;
        Some((who, batch, vec![*item]))
    }

    async fn cancel(&mut self, dice: &mut Dice) {
        if let Some((who, batch, ids)) = self.some_items(dice) {
            self.cancel_these(who, batch, ids, dice).await;
        }
    }

    /// Cancels, and notes it where it is acknowledged before anything else happens to the items.
    pub async fn cancel_these(
        &mut self,
        who: usize,
        batch: BatchId,
        ids: Vec<ItemId>,
        dice: &mut Dice,
    ) {
        let Some(door) = self.door() else {
            return;
        };
        let noted = Arc::new(std::sync::Mutex::new(Vec::new()));
        let notes = Arc::clone(&noted);
        let call = async move {
            let Ok(caller) = door.caller(who).await else {
                return;
            };
            let before: Vec<(ItemId, u32)> = {
                let books = lock(&door.books);
                books
                    .items_of(batch)
                    .map(|item| (item.id, item.round))
                    .collect()
            };
            let cancelled = match ids.is_empty() {
                true => door.batches.cancel_batch(&caller, batch).await,
                false => {
                    let selection = only(&ids);
                    door.batches.cancel_items(&caller, batch, selection).await
                }
            };
            if let Ok(changed) = cancelled {
                let changed = |(id, _): &(ItemId, u32)| changed.items.contains(id);
                lock(&notes).extend(before.into_iter().filter(changed));
            }
        };
        self.call(dice, call).await;
        self.cancelled.extend(lock(&noted).iter().copied());
    }

    async fn retry(&mut self, dice: &mut Dice) {
        if let Some((who, batch, ids)) = self.some_items(dice) {
            self.wish(who, Ask::Retry(batch, ids), dice).await;
        }
    }

    async fn rerun(&mut self, dice: &mut Dice) {
        let Some((who, batch, ids)) = self.some_items(dice) else {
            return;
        };
        let count = match ids.len() {
            0 => lock(&self.books).items_of(batch).count() as u64,
            count => count as u64,
        };
        if self.items + count <= self.most_items {
            self.items += count;
            self.wish(who, Ask::Rerun(batch, ids), dice).await;
        }
    }

    async fn give_credits(&mut self, dice: &mut Dice) {
        let user = dice.below(USERS.len() as u64) as usize;
        let delta = dice.pick(&[-4, -1, 1, 3, 10]);
        self.wish(ADMIN, Ask::Adjust(user, delta), dice).await;
    }

    /// One user tries everything on another's batch.
    async fn meddle(&mut self, dice: &mut Dice) {
        let Some(batch) = dice.pick_some(&self.batches()).copied() else {
            return;
        };
        let Some(owner) = self.owner_of(batch) else {
            return;
        };
        let who = (owner + 1 + dice.below(USERS.len() as u64 - 1) as usize) % USERS.len();
        let which = dice.below(7);
        if let Some(door) = self.door() {
            self.call(dice, meddle(door, who, batch, which)).await;
        }
    }

    /// A user looks at own batches and files.
    async fn read(&mut self, dice: &mut Dice) {
        let Some(batch) = dice.pick_some(&self.batches()).copied() else {
            return;
        };
        let Some(who) = self.owner_of(batch) else {
            return;
        };
        let offset = dice.pick(&[0, 0, 0, 1, 100]);
        if let Some(door) = self.door() {
            self.call(dice, read(door, who, batch, offset)).await;
        }
    }

    async fn set_dispatch(&mut self, dice: &mut Dice) {
        match dice.below(7) {
            0 => self.dispatching = dice.pick(&[DispatchState::Paused, DispatchState::Draining]),
            1..=3 => self.dispatching = DispatchState::Running,
            _ => self.concurrency = dice.below(5) as u32 + 1,
        }
        self.tell_dispatch(dice).await;
    }

    async fn tell_dispatch(&mut self, dice: &mut Dice) {
        let (state, concurrency) = (self.dispatching, self.concurrency as i32);
        if let Some(door) = self.door() {
            let call = async move {
                if let Ok(admin) = door.caller(ADMIN).await {
                    let set = door
                        .admin
                        .set_dispatch(&admin, Some(state), Some(concurrency));
                    drop(set.await);
                }
            };
            self.call(dice, call).await;
        }
    }

    async fn new_token(&mut self, dice: &mut Dice, account: &str) {
        let token = match dice.chance(70) {
            true => self.upstream.give_token(account),
            // One from before, expired or not.
            false => dice.pick_some(&self.tokens).cloned().unwrap_or_default(),
        };
        self.tokens.push(token.clone());
        self.set_token(dice, token).await;
    }

    pub async fn set_token(&mut self, dice: &mut Dice, token: String) {
        let force = dice.chance(70);
        if let Some(door) = self.door() {
            let call = async move {
                if let Ok(admin) = door.caller(ADMIN).await {
                    let set = door
                        .admin
                        .update_upstream_token(&admin, token.into(), force);
                    drop(set.await);
                }
            };
            self.call(dice, call).await;
        }
    }

    /// One thing that kept everything waiting is over.
    async fn recover(&mut self, dice: &mut Dice) {
        match dice.below(4) {
            0 => self.upstream.set_down(false),
            1 => self.upstream.set_workers(3),
            2 => self.take_tokens_again(),
            _ if self.dispatching != DispatchState::Running => {
                self.dispatching = DispatchState::Running;
                self.tell_dispatch(dice).await;
            }
            _ => {}
        }
    }

    fn take_tokens_again(&self) {
        for token in &self.tokens {
            self.upstream.refuse_token(token, None);
        }
    }

    /// Somebody else, or a worker, ends a task of ours.
    fn interfere(&self, dice: &mut Dice) {
        let upstream = &self.upstream;
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
        if let Some(batch) = dice.pick_some(&self.batches()).copied() {
            self.watch_batch(batch, dice);
        }
    }

    fn watch_batch(&mut self, batch: BatchId, dice: &mut Dice) {
        if self.watchers.len() < 6
            && let Some(who) = self.owner_of(batch)
        {
            self.watchers.push(Watcher::new(batch, who, dice.bits()));
            self.send_watcher(self.watchers.len() - 1);
        }
    }
}

/// These items.
pub(super) fn only(ids: &[ItemId]) -> ItemSelection {
    ItemSelection {
        ids: ids.to_vec(),
        states: Vec::new(),
    }
}

async fn meddle(door: Door, who: usize, batch: BatchId, which: u64) {
    let Ok(caller) = door.caller(who).await else {
        return;
    };
    let batches = &door.batches;
    let answer: Result<(), ServiceError> = match which {
        0 => batches.get(&caller, batch, true).await.map(drop),
        1 => batches
            .list_items(&caller, batch, Vec::new(), 10, "")
            .await
            .map(drop),
        2 => batches.cancel_batch(&caller, batch).await.map(drop),
        3 => {
            let retry = Retry {
                batch,
                selection: ItemSelection {
                    ids: Vec::new(),
                    states: vec![vbatch_server::store::query::ItemStateName::Failed],
                },
                request_id: None,
                max_credits: None,
            };
            batches.retry(&caller, retry).await.map(drop)
        }
        4 => {
            let request = FileRequest {
                batch,
                item: None,
                kind: BlobKind::Audio,
                offset: 0,
            };
            batches.download(&caller, request).await.map(drop)
        }
        5 => batches
            .list(&caller, list(Scope::Everyone), 10, "")
            .await
            .map(drop),
        _ => {
            let user = lock(&door.books)
                .batches
                .get(&batch)
                .map(|batch| batch.owner);
            let Some(user) = user else {
                return;
            };
            let note = "not mine to give".to_owned();
            let given = door
                .admin
                .adjust_credits(&caller, user, 1, note, None)
                .await;
            given.map(drop)
        }
    };
    let expected = match which {
        0..=4 => Reason::BatchNotFound,
        _ => Reason::AdminRequired,
    };
    let words = match answer {
        Ok(()) => format!("{} may do {which} to {batch}", USERS[who]),
        Err(refusal) if refusal.reason == expected || is_storage(&refusal) => return,
        Err(refusal) => format!("{refusal} for {which} on another's batch"),
    };
    lock(&door.wishes).complain(words);
}

async fn read(door: Door, who: usize, batch: BatchId, offset: i64) {
    let Ok(caller) = door.caller(who).await else {
        return;
    };
    let own = lock(&door.books).batches_of(caller.user);
    let listed = door.batches.list(&caller, list(Scope::Own), 200, "").await;
    let words = match listed {
        Ok(page) => {
            let foreign = page.batches.iter().find(|it| it.owner != caller.user);
            let listed = |id: &BatchId| page.batches.iter().any(|it| it.id == *id);
            match (foreign, own.iter().find(|id| !listed(id))) {
                (None, None) => None,
                (foreign, missing) => Some(format!("listed {foreign:?}, missing {missing:?}")),
            }
        }
        Err(refusal) => complaint(&refusal),
    };
    let film_of = lock(&door.books)
        .items_of(batch)
        .find(|item| matches!(item.state, ItemState::Completed { .. }))
        .map(|item| item.id);
    let (kind, item) = match film_of {
        Some(item) => (BlobKind::Video, Some(item)),
        None => (BlobKind::Audio, None),
    };
    let request = FileRequest {
        batch,
        item,
        kind,
        offset,
    };
    let words = match words {
        Some(words) => Some(words),
        None => match download(&door, &caller, request).await {
            Ok(content) if kind == BlobKind::Video && content != film()[offset as usize..] => {
                Some("another film was downloaded".to_owned())
            }
            Ok(_) => None,
            // Asked for again meanwhile.
            Err(refusal) if refusal.reason == Reason::VideoNotReady => None,
            Err(refusal) => complaint(&refusal),
        },
    };
    if let Some(words) = words {
        lock(&door.wishes).complain(words);
    }
}

async fn download(
    door: &Door,
    caller: &vbatch_server::service::Caller,
    request: FileRequest,
) -> Result<Vec<u8>, ServiceError> {
    let mut download = door.batches.download(caller, request).await?;
    let mut content = Vec::new();
    while let Some(chunk) = download.next(1000).await? {
        content.extend_from_slice(&chunk);
    }
    Ok(content)
}

fn list(scope: Scope) -> BatchList {
    BatchList {
        scope,
        filter: BatchFilter::default(),
        order: BatchOrder::Newest,
    }
}

fn is_storage(refusal: &ServiceError) -> bool {
    matches!(
        refusal.reason,
        Reason::Internal | Reason::StorageFull | Reason::ShuttingDown
    )
}

fn complaint(refusal: &ServiceError) -> Option<String> {
    (!is_storage(refusal)).then(|| refusal.to_string())
}
