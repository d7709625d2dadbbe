//! The queue, what runs, and who holds slots.

use crate::domain::batch::Batch;
use crate::domain::books::Check;
use crate::domain::failure::WaitReason;
use crate::domain::ids::{Account, AttemptNumber, ItemId};
use crate::domain::item::{ItemState, VideoItem};
use crate::store::StoreError;

use super::super::code::Coded;
use super::super::error::failed;
use super::super::load;
use super::super::queue::{Holder, Place, READY_CODE, place};
use super::{Walk, has_strays, rows};

impl Walk {
    /// Where a PENDING item is in the queue: in exactly one place.
    pub(super) fn queued(
        &mut self,
        batch: &Batch,
        item: &VideoItem,
        name: &str,
    ) -> Result<(), StoreError> {
        let ItemState::Pending(pending) = &item.state else {
            return Ok(());
        };
        let (engine, owner) = (batch.engine.code(), batch.owner.0.as_u128());
        let (id, key) = (item.id.0.as_u128(), batch.id.0.as_u128());
        let tables = &self.tables;
        let waits = tables.waiting.get((engine, id)).map_err(failed)?.is_some();
        let ready = tables.ready.get((engine, owner, key, item.position));
        let ready = ready.map_err(failed)?.map(|guard| guard.value()) == Some(id);
        let (mut delayed, mut reason) = (false, READY_CODE);
        if let Place::Delayed(time, why) = place(pending) {
            let row = tables.delayed.get((engine, time, id)).map_err(failed)?;
            delayed = row.map(|guard| guard.value()) == Some((owner, key, item.position, why));
            if delayed {
                reason = why;
            }
        }
        self.expect(waits, |found| &mut found.waiting, name, "waiting");
        self.found.ready += u64::from(ready);
        self.found.delayed += u64::from(delayed);
        let blocked = matches!(place(pending), Place::Blocked);
        if blocked {
            reason = WaitReason::Cleanup.code();
            if !self.is_blocked(item.id)? {
                self.differ(
                    Check::Reference,
                    name,
                    "it waits behind an old task, and none of its old tasks is on record",
                );
            }
        }
        *self.found.held.entry((engine, reason)).or_default() += 1;
        let places = [ready, delayed, blocked].iter().filter(|is| **is).count();
        if places != 1 {
            let words = match (ready, delayed) {
                (false, false) => {
                    "it is PENDING and nowhere in the queue: it would never be claimed"
                }
                _ => "it is in the queue more than once",
            };
            self.differ(Check::Index, name, words);
        }
        Ok(())
    }

    /// That an item is among those that run, and holds a slot if it should.
    pub(super) fn running(
        &mut self,
        batch: &Batch,
        item: &VideoItem,
        name: &str,
    ) -> Result<(), StoreError> {
        let Some(running) = item.processing() else {
            return Ok(());
        };
        let key = (batch.engine.code(), item.id.0.as_u128());
        let is_there = self.tables.active.get(key).map_err(failed)?.is_some();
        self.expect(is_there, |found| &mut found.active, name, "active");
        if running.holds_slot() {
            let attempt = &running.attempt;
            self.slot(
                &attempt.account,
                Holder::Attempt,
                (item.id, attempt.number),
                "",
                name,
            )?;
        }
        Ok(())
    }

    /// That something holds its slot.
    pub(super) fn slot(
        &mut self,
        account: &Account,
        holder: Holder,
        (item, attempt): (ItemId, AttemptNumber),
        task: &str,
        name: &str,
    ) -> Result<(), StoreError> {
        let key = (
            account.0.as_str(),
            holder as u8,
            item.0.as_u128(),
            attempt,
            task,
        );
        let is_there = self.tables.slots.get(key).map_err(failed)?.is_some();
        self.expect(is_there, |found| &mut found.slots, name, "slots");
        Ok(())
    }

    /// Rows that no item, cleanup or watch asks for. After all of them were seen.
    pub(super) fn queue(&mut self) -> Result<(), StoreError> {
        self.stray_waiting()?;
        self.stray_ready()?;
        self.stray_delayed()?;
        self.stray_active()?;
        self.stray_slots()?;
        self.held()
    }

    fn stray(&mut self, index: &str, item: u128, words: &str) {
        let place = format!("{index}, item {}", load::item_id(item));
        self.differ(Check::Index, place, words);
    }

    fn is_pending(&self, item: u128, engine: u8) -> Result<bool, StoreError> {
        Ok(self.item_and_batch(item)?.is_some_and(|(item, batch)| {
            matches!(item.state, ItemState::Pending(_)) && batch.engine.code() == engine
        }))
    }

    fn stray_waiting(&mut self) -> Result<(), StoreError> {
        if !has_strays(&self.tables.waiting, self.found.waiting)? {
            return Ok(());
        }
        for row in rows(&self.tables.waiting)? {
            let (engine, item) = row.map_err(failed)?.0.value();
            if !self.is_pending(item, engine)? {
                self.stray("waiting", item, "it is not PENDING for that engine");
            }
        }
        Ok(())
    }

    fn stray_ready(&mut self) -> Result<(), StoreError> {
        if !has_strays(&self.tables.ready, self.found.ready)? {
            return Ok(());
        }
        for row in rows(&self.tables.ready)? {
            let (key, item) = row.map_err(failed)?;
            let ((engine, owner, batch, position), item) = (key.value(), item.value());
            let belongs = self.item_and_batch(item)?.is_some_and(|(item, found)| {
                let ItemState::Pending(pending) = &item.state else {
                    return false;
                };
                !matches!(place(pending), Place::Blocked)
                    && (engine, owner) == (found.engine.code(), found.owner.0.as_u128())
                    && (batch, position) == (found.id.0.as_u128(), item.position)
            });
            if !belongs {
                self.stray("ready", item, "it may not be claimed, or not there");
            }
        }
        Ok(())
    }

    fn stray_delayed(&mut self) -> Result<(), StoreError> {
        if !has_strays(&self.tables.delayed, self.found.delayed)? {
            return Ok(());
        }
        for row in rows(&self.tables.delayed)? {
            let (key, value) = row.map_err(failed)?;
            let (engine, time, item) = key.value();
            let row = value.value();
            let belongs = self.item_and_batch(item)?.is_some_and(|(item, batch)| {
                let ItemState::Pending(pending) = &item.state else {
                    return false;
                };
                let (owner, id) = (batch.owner.0.as_u128(), batch.id.0.as_u128());
                matches!(
                    place(pending),
                    Place::Delayed(at, why)
                        if at == time && row == (owner, id, item.position, why)
                ) && batch.engine.code() == engine
            });
            if !belongs {
                self.stray("delayed", item, "it does not wait for that time");
            }
        }
        Ok(())
    }

    fn stray_active(&mut self) -> Result<(), StoreError> {
        if !has_strays(&self.tables.active, self.found.active)? {
            return Ok(());
        }
        for row in rows(&self.tables.active)? {
            let (engine, item) = row.map_err(failed)?.0.value();
            let runs = self.item_and_batch(item)?.is_some_and(|(item, batch)| {
                item.processing().is_some() && batch.engine.code() == engine
            });
            if !runs {
                self.stray("active", item, "no attempt of that engine owns it");
            }
        }
        Ok(())
    }

    fn stray_slots(&mut self) -> Result<(), StoreError> {
        if !has_strays(&self.tables.slots, self.found.slots)? {
            return Ok(());
        }
        for row in rows(&self.tables.slots)? {
            let (key, ()) = row.map(|(key, _)| (key, ())).map_err(failed)?;
            let (account, holder, item, attempt, task) = key.value();
            let holds = match holder {
                code if code == Holder::Attempt as u8 => {
                    self.item_and_batch(item)?.is_some_and(|(item, _)| {
                        item.processing().is_some_and(|running| {
                            running.holds_slot()
                                && running.attempt.number == attempt
                                && running.attempt.account.0 == account
                        })
                    })
                }
                code if code == Holder::Cleanup as u8 => self
                    .cleanup((item, attempt, task))?
                    .is_some_and(|cleanup| cleanup.holds_slot() && cleanup.account.0 == account),
                code if code == Holder::Watch as u8 => self
                    .watch((item, attempt))?
                    .is_some_and(|watch| watch.holds_slot() && watch.account.0 == account),
                _ => false,
            };
            if !holds {
                let words = format!(
                    "attempt {attempt} on account {account} has no task to hold a slot for"
                );
                self.stray("slots", item, &words);
            }
        }
        Ok(())
    }

    /// How many wait for what.
    fn held(&mut self) -> Result<(), StoreError> {
        let mut said = std::collections::BTreeMap::new();
        for row in rows(&self.tables.held)? {
            let (key, count) = row.map_err(failed)?;
            if count.value() > 0 {
                said.insert(key.value(), count.value());
            }
        }
        let counted = std::mem::take(&mut self.found.held);
        let mut keys: Vec<_> = said.keys().chain(counted.keys()).copied().collect();
        keys.sort_unstable();
        keys.dedup();
        for key in keys {
            let of = |counts: &std::collections::BTreeMap<_, u64>| {
                counts.get(&key).copied().unwrap_or_default()
            };
            let (said, counted) = (of(&said), of(&counted));
            if said != counted {
                self.differ(
                    Check::Counts,
                    format_args!("held, engine {}, wait {}", key.0, key.1),
                    format!("it says {said}, a recount gives {counted}"),
                );
            }
        }
        Ok(())
    }
}
