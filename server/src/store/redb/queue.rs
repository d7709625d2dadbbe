//! Which item is claimed next: what is ready, what waits for a time, whose turn it is, how many slots are held.
//!
//! Invariants: a PENDING item is in exactly one of READY, DELAYED and neither (it waits behind a cleanup); an item
//! that waits for a time moves to READY in the claim that finds the time come.

use jiff::Timestamp;
use redb::ReadableTable;

use crate::domain::batch::EngineKind;
use crate::domain::failure::WaitReason;
use crate::domain::ids::{Account, AttemptNumber, BatchId, ItemId, TaskId, UserId};
use crate::domain::item::{ItemState, Pending, VideoItem};
use crate::store::StoreError;

use super::code::Coded;
use super::error::failed;
use super::load::{batch_id, item_id};
use super::work::{Work, micros};

/// Delayed items that one claim makes ready at most; there is always one to claim after it.
const PROMOTED_AT_ONCE: usize = 1_000;

/// Who holds a slot, as it is in keys.
#[derive(Debug, Clone, Copy)]
pub(super) enum Holder {
    Attempt = 1,
    Cleanup = 2,
    Watch = 3,
}

/// A place of the queue.
pub(super) enum Place {
    Ready,
    Delayed(i64, u8),
    Blocked,
}

/// Where the queue keeps an item that is so.
pub(super) fn place(pending: &Pending) -> Place {
    let reason = pending.reason.map_or(WaitReason::BackOff, |reason| reason);
    match pending {
        Pending {
            reason: Some(WaitReason::Cleanup),
            ..
        } => Place::Blocked,
        Pending {
            not_before: Some(time),
            ..
        } => Place::Delayed(micros(*time), reason.code()),
        _ => Place::Ready,
    }
}

/// Counts the ready items of an engine in HELD.
pub(super) const READY_CODE: u8 = 0;

impl Work<'_> {
    /// Puts an item that is PENDING now into the queue.
    pub fn enqueue(
        &mut self,
        engine: EngineKind,
        owner: UserId,
        item: &VideoItem,
    ) -> Result<(), StoreError> {
        let ItemState::Pending(pending) = &item.state else {
            return Ok(());
        };
        let (engine, owner) = (engine.code(), owner.0.as_u128());
        let (id, batch) = (item.id.0.as_u128(), item.batch.0.as_u128());
        let tables = self.write();
        tables.waiting.insert((engine, id), ()).map_err(failed)?;
        let counted = match place(pending) {
            Place::Ready => {
                let key = (engine, owner, batch, item.position);
                tables.ready.insert(key, id).map_err(failed)?;
                READY_CODE
            }
            Place::Delayed(time, reason) => {
                let value = (owner, batch, item.position, reason);
                tables
                    .delayed
                    .insert((engine, time, id), value)
                    .map_err(failed)?;
                reason
            }
            Place::Blocked => WaitReason::Cleanup.code(),
        };
        self.count_held(engine, counted, 1)
    }

    /// Takes an item that was PENDING out of the queue.
    pub fn dequeue(
        &mut self,
        engine: EngineKind,
        owner: UserId,
        item: &VideoItem,
    ) -> Result<(), StoreError> {
        let ItemState::Pending(pending) = &item.state else {
            return Ok(());
        };
        let (engine, owner) = (engine.code(), owner.0.as_u128());
        let (id, batch) = (item.id.0.as_u128(), item.batch.0.as_u128());
        let tables = self.write();
        tables.waiting.remove((engine, id)).map_err(failed)?;
        let mut counted = READY_CODE;
        match place(pending) {
            Place::Ready => {}
            Place::Blocked => counted = WaitReason::Cleanup.code(),
            Place::Delayed(time, reason) => {
                let key = (engine, time, id);
                if tables.delayed.remove(key).map_err(failed)?.is_some() {
                    counted = reason;
                }
            }
        }
        if counted == READY_CODE {
            let key = (engine, owner, batch, item.position);
            tables.ready.remove(key).map_err(failed)?;
        }
        self.count_held(engine, counted, -1)
    }

    fn count_held(&mut self, engine: u8, reason: u8, step: i64) -> Result<(), StoreError> {
        let held = &mut self.write().held;
        let key = (engine, reason);
        let count = held
            .get(key)
            .map_err(failed)?
            .map_or(0, |guard| guard.value());
        held.insert(key, count.saturating_add_signed(step))
            .map_err(failed)?;
        Ok(())
    }

    /// Makes those ready whose time has come.
    pub fn promote(&mut self, engine: EngineKind, now: Timestamp) -> Result<(), StoreError> {
        let engine = engine.code();
        let due = (engine, i64::MIN, 0)..=(engine, micros(now), u128::MAX);
        let mut found = Vec::new();
        for entry in self
            .read()
            .delayed
            .range(due)
            .map_err(failed)?
            .take(PROMOTED_AT_ONCE)
        {
            let (key, value) = entry.map_err(failed)?;
            found.push((key.value(), value.value()));
        }
        for (key, (owner, batch, position, reason)) in found {
            let tables = self.write();
            tables.delayed.remove(key).map_err(failed)?;
            tables
                .ready
                .insert((engine, owner, batch, position), key.2)
                .map_err(failed)?;
            self.count_held(engine, reason, -1)?;
            self.count_held(engine, READY_CODE, 1)?;
        }
        Ok(())
    }

    /// Whether anything could be claimed at that time.
    pub fn has_work(&self, engine: EngineKind, now: Timestamp) -> Result<bool, StoreError> {
        let engine = engine.code();
        let ready = (engine, 0, 0, 0)..=(engine, u128::MAX, u128::MAX, u32::MAX);
        let due = (engine, i64::MIN, 0)..=(engine, micros(now), u128::MAX);
        let tables = self.read();
        Ok(tables.ready.range(ready).map_err(failed)?.next().is_some()
            || tables.delayed.range(due).map_err(failed)?.next().is_some())
    }

    /// The item whose turn it is. Only of batches after `floor`, where there is one.
    pub fn next_turn(
        &self,
        engine: EngineKind,
        floor: Option<BatchId>,
    ) -> Result<Option<Turn>, StoreError> {
        let tables = self.read();
        let turns = Turns {
            ready: &tables.ready,
            turns: &tables.turns,
        };
        turns.next(engine, floor)
    }

    /// Notes that a turn was had.
    pub fn had_turn(&mut self, engine: EngineKind, turn: &Turn) -> Result<(), StoreError> {
        let engine = engine.code();
        let turns = &mut self.write().turns;
        turns.insert((engine, 0), turn.owner).map_err(failed)?;
        turns
            .insert((engine, turn.owner), turn.batch)
            .map_err(failed)?;
        Ok(())
    }

    /// Puts an item that may not be claimed yet back among the delayed: the clock was set back since its time came.
    pub fn demote(
        &mut self,
        engine: EngineKind,
        turn: &Turn,
        item: &VideoItem,
    ) -> Result<(), StoreError> {
        let owner = super::load::user_id(turn.owner);
        self.dequeue(engine, owner, item)?;
        self.enqueue(engine, owner, item)
    }

    /// Slots of an account that are held. Costs as much as there are slots.
    pub fn slots_held(&self, account: &Account) -> Result<u32, StoreError> {
        let name = account.0.as_str();
        let all = (name, 0, 0, 0, "")..(name, u8::MAX, 0, 0, "");
        let mut held = 0;
        for entry in self.read().slots.range(all).map_err(failed)? {
            entry.map_err(failed)?;
            held += 1;
        }
        Ok(held)
    }

    pub fn hold_slot(
        &mut self,
        account: &Account,
        holder: Holder,
        (item, attempt): (ItemId, AttemptNumber),
        task: &str,
    ) -> Result<(), StoreError> {
        let key = (
            account.0.as_str(),
            holder as u8,
            item.0.as_u128(),
            attempt,
            task,
        );
        self.write().slots.insert(key, ()).map_err(failed)?;
        Ok(())
    }

    /// Frees a slot, if it was held; then the dispatcher may have something to do.
    pub fn free_slot(
        &mut self,
        account: &Account,
        holder: Holder,
        (item, attempt): (ItemId, AttemptNumber),
        task: &str,
    ) -> Result<(), StoreError> {
        let key = (
            account.0.as_str(),
            holder as u8,
            item.0.as_u128(),
            attempt,
            task,
        );
        if self.write().slots.remove(key).map_err(failed)?.is_some() {
            self.wake_dispatch();
        }
        Ok(())
    }
}

/// What says whose turn it is, of a transaction or of a snapshot.
pub(super) struct Turns<'t, R, T> {
    pub ready: &'t R,
    pub turns: &'t T,
}

impl<R, T> Turns<'_, R, T>
where
    R: ReadableTable<(u8, u128, u128, u32), u128>,
    T: ReadableTable<(u8, u128), u128>,
{
    /// The item whose turn it is: the next owner after the one who had the last turn, of that owner the next batch,
    /// of that batch the lowest position. Only of batches after `floor`, where there is one.
    pub fn next(
        &self,
        engine: EngineKind,
        floor: Option<BatchId>,
    ) -> Result<Option<Turn>, StoreError> {
        let code = engine.code();
        let floor = floor.map_or(0, |batch| batch.0.as_u128().saturating_add(1));
        let last_owner = self.last_turn(code, 0)?;
        let Some((owner, _, _)) =
            self.first_ready_after(code, (last_owner, u128::MAX), 0..=u128::MAX, floor)?
        else {
            return Ok(None);
        };
        let last_batch = self.last_turn(code, owner)?;
        let next = self.first_ready_after(code, (owner, last_batch), owner..=owner, floor)?;
        Ok(next.map(|(owner, batch, item)| Turn {
            owner,
            batch,
            item: item_id(item),
        }))
    }

    fn last_turn(&self, engine: u8, of: u128) -> Result<u128, StoreError> {
        let turn = self.turns.get((engine, of)).map_err(failed)?;
        Ok(turn.map_or(0, |guard| guard.value()))
    }

    /// The first ready item behind all of (owner, batch), else the first of those owners; none of a batch below `floor`.
    fn first_ready_after(
        &self,
        engine: u8,
        (owner, batch): (u128, u128),
        owners: std::ops::RangeInclusive<u128>,
        floor: u128,
    ) -> Result<Option<(u128, u128, u128)>, StoreError> {
        let end = (engine, *owners.end(), u128::MAX, u32::MAX);
        let behind = std::ops::Bound::Excluded((engine, owner, batch, u32::MAX));
        if let Some(found) = self.first_ready(behind, end, floor)? {
            return Ok(Some(found));
        }
        let from_start = std::ops::Bound::Included((engine, *owners.start(), 0, 0));
        self.first_ready(from_start, end, floor)
    }

    /// The first ready item from there on of a batch not below `floor`; of each owner the batches below are passed over
    /// at once.
    fn first_ready(
        &self,
        mut from: std::ops::Bound<(u8, u128, u128, u32)>,
        end: (u8, u128, u128, u32),
        floor: u128,
    ) -> Result<Option<(u128, u128, u128)>, StoreError> {
        loop {
            let range = (from, std::ops::Bound::Included(end));
            let Some(entry) = self.ready.range(range).map_err(failed)?.next() else {
                return Ok(None);
            };
            let (key, value) = entry.map_err(failed)?;
            let (engine, owner, batch, _) = key.value();
            if batch >= floor {
                return Ok(Some((owner, batch, value.value())));
            }
            let next = (engine, owner, floor, 0);
            if next > end {
                return Ok(None);
            }
            from = std::ops::Bound::Included(next);
        }
    }

    /// How many items of the batch whose turn it is could be claimed.
    pub fn ready_of(&self, engine: EngineKind, turn: &Turn) -> Result<u64, StoreError> {
        let (engine, owner, batch) = (engine.code(), turn.owner, turn.batch);
        let all = (engine, owner, batch, 0)..=(engine, owner, batch, u32::MAX);
        let mut count = 0;
        for entry in self.ready.range(all).map_err(failed)? {
            entry.map_err(failed)?;
            count += 1;
        }
        Ok(count)
    }
}

/// Whose turn it is.
pub(super) struct Turn {
    owner: u128,
    batch: u128,
    pub item: ItemId,
}

impl Turn {
    pub fn batch(&self) -> crate::domain::ids::BatchId {
        batch_id(self.batch)
    }
}

/// A task's name in the keys of slots; attempts and watches have none.
pub(super) fn task_key(task: &TaskId) -> &str {
    &task.0
}
