//! Cleanups, watches, and the submits of the daily window.
//!
//! Invariant: an item that waits behind a leftover is freed in the transaction that ends the last of them.

use jiff::Timestamp;
use prost::Message;
use redb::ReadableTable;

use crate::domain::failure::WaitReason;
use crate::domain::ids::{Account, ClientRef, ItemId, TaskId};
use crate::domain::item::{ItemState, Pending};
use crate::domain::ledger::Actor;
use crate::domain::leftover::{Cleanup, Watch};
use crate::domain::retry::DAILY_WINDOW;
use crate::domain::transition;
use crate::store::StoreError;

use super::encode;
use super::error::failed;
use super::load;
use super::queue::{Holder, task_key};
use super::work::{Work, micros};

/// Submits that one new submit forgets at most, once they have left the daily window.
const PRUNED_AT_ONCE: usize = 64;

impl Work<'_> {
    pub fn cleanup(&self, key: ClientRef, task: &TaskId) -> Result<Option<Cleanup>, StoreError> {
        let key = (key.item.0.as_u128(), key.attempt, task.0.as_str());
        match self.read().cleanups.get(key).map_err(failed)? {
            Some(guard) => load::cleanup(key, guard.value()).map(Some),
            None => Ok(None),
        }
    }

    /// Writes a cleanup, and its slot.
    pub fn put_cleanup(&mut self, cleanup: &Cleanup) -> Result<(), StoreError> {
        let key = cleanup.client_ref;
        let bytes = encode::cleanup(cleanup).encode_to_vec();
        self.write()
            .cleanups
            .insert(
                (key.item.0.as_u128(), key.attempt, cleanup.task.0.as_str()),
                bytes.as_slice(),
            )
            .map_err(failed)?;
        self.wake_dispatch();
        let (owner, task) = ((key.item, key.attempt), task_key(&cleanup.task));
        if cleanup.holds_slot() {
            self.hold_slot(&cleanup.account, Holder::Cleanup, owner, task)
        } else {
            self.free_slot(&cleanup.account, Holder::Cleanup, owner, task)
        }
    }

    pub fn remove_cleanup(&mut self, cleanup: &Cleanup) -> Result<(), StoreError> {
        let key = cleanup.client_ref;
        self.write()
            .cleanups
            .remove((key.item.0.as_u128(), key.attempt, cleanup.task.0.as_str()))
            .map_err(failed)?;
        self.wake_dispatch();
        self.free_slot(
            &cleanup.account,
            Holder::Cleanup,
            (key.item, key.attempt),
            task_key(&cleanup.task),
        )
    }

    pub fn watch(&self, key: ClientRef) -> Result<Option<Watch>, StoreError> {
        let key = (key.item.0.as_u128(), key.attempt);
        match self.read().watches.get(key).map_err(failed)? {
            Some(guard) => load::watch(key, guard.value()).map(Some),
            None => Ok(None),
        }
    }

    /// Writes a watch, and its slot.
    pub fn put_watch(&mut self, watch: &Watch) -> Result<(), StoreError> {
        let key = watch.client_ref;
        let bytes = encode::watch(watch).encode_to_vec();
        self.write()
            .watches
            .insert((key.item.0.as_u128(), key.attempt), bytes.as_slice())
            .map_err(failed)?;
        let owner = (key.item, key.attempt);
        if watch.holds_slot() {
            self.hold_slot(&watch.account, Holder::Watch, owner, "")
        } else {
            self.free_slot(&watch.account, Holder::Watch, owner, "")
        }
    }

    pub fn remove_watch(&mut self, watch: &Watch) -> Result<(), StoreError> {
        let key = watch.client_ref;
        self.write()
            .watches
            .remove((key.item.0.as_u128(), key.attempt))
            .map_err(failed)?;
        self.free_slot(&watch.account, Holder::Watch, (key.item, key.attempt), "")
    }

    /// Whether an old task of an item may still run, so that a retry has to wait.
    pub fn is_blocked(&self, item: ItemId) -> Result<bool, StoreError> {
        let item = item.0.as_u128();
        let tables = self.read();
        let cleanups = (item, 0, "")..(item.saturating_add(1), 0, "");
        for entry in tables.cleanups.range(cleanups).map_err(failed)? {
            let (key, value) = entry.map_err(failed)?;
            if load::cleanup(key.value(), value.value())?.holds_slot() {
                return Ok(true);
            }
        }
        for entry in tables
            .watches
            .range((item, 0)..=(item, u32::MAX))
            .map_err(failed)?
        {
            let (key, value) = entry.map_err(failed)?;
            if load::watch(key.value(), value.value())?.holds_slot() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Makes an item ready that waited behind leftovers, if none is left.
    pub fn unblock(&mut self, item: ItemId, now: Timestamp) -> Result<(), StoreError> {
        let Some(item) = self.item(item)? else {
            return Ok(());
        };
        let waits = matches!(
            item.state,
            ItemState::Pending(Pending {
                reason: Some(WaitReason::Cleanup),
                ..
            })
        );
        if !waits || self.is_blocked(item.id)? {
            return Ok(());
        }
        if let Ok(transition) = transition::unblock(&item, now) {
            self.carry_out(&item, transition, None, &Actor::System, now)?;
        }
        Ok(())
    }

    /// Every cleanup.
    pub fn all_cleanups(&self) -> Result<Vec<Cleanup>, StoreError> {
        cleanups(&self.read().cleanups)
    }

    /// Every watch.
    pub fn all_watches(&self) -> Result<Vec<Watch>, StoreError> {
        watches(&self.read().watches)
    }

    /// Counts a submit towards its account's day, once an attempt. The preview engine's are not counted: nobody
    /// limits them.
    pub fn count_submit(
        &mut self,
        account: &Account,
        key: ClientRef,
        time: Timestamp,
    ) -> Result<(), StoreError> {
        if *account == Account::local() {
            return Ok(());
        }
        let (item, attempt) = (key.item.0.as_u128(), key.attempt);
        let name = account.0.as_str();
        if self
            .read()
            .submit_times
            .get((item, attempt))
            .map_err(failed)?
            .is_some()
        {
            return Ok(());
        }
        let tables = self.write();
        tables
            .submits
            .insert((name, micros(time), item, attempt), ())
            .map_err(failed)?;
        tables
            .submit_times
            .insert((item, attempt), micros(time))
            .map_err(failed)?;
        let old = time.saturating_sub(DAILY_WINDOW).unwrap_or(Timestamp::MIN);
        let mut pruned = Vec::new();
        let range = (name, i64::MIN, 0, 0)..(name, micros(old), 0, 0);
        for entry in tables
            .submits
            .range(range)
            .map_err(failed)?
            .take(PRUNED_AT_ONCE)
        {
            let (key, _) = entry.map_err(failed)?;
            let (_, time, item, attempt) = key.value();
            pruned.push((time, item, attempt));
        }
        for (time, item, attempt) in pruned {
            tables
                .submits
                .remove((name, time, item, attempt))
                .map_err(failed)?;
            tables
                .submit_times
                .remove((item, attempt))
                .map_err(failed)?;
        }
        Ok(())
    }

    /// A submit was counted that made no task after all.
    pub fn uncount_submit(&mut self, account: &Account, key: ClientRef) -> Result<(), StoreError> {
        let (item, attempt) = (key.item.0.as_u128(), key.attempt);
        let time = self
            .read()
            .submit_times
            .get((item, attempt))
            .map_err(failed)?
            .map(|guard| guard.value());
        let Some(time) = time else {
            return Ok(());
        };
        let tables = self.write();
        tables
            .submit_times
            .remove((item, attempt))
            .map_err(failed)?;
        tables
            .submits
            .remove((account.0.as_str(), time, item, attempt))
            .map_err(failed)?;
        Ok(())
    }
}

/// Every cleanup of a table.
pub(super) fn cleanups(
    table: &impl ReadableTable<(u128, u32, &'static str), super::tables::Bytes>,
) -> Result<Vec<Cleanup>, StoreError> {
    let mut all = Vec::new();
    for entry in table.iter().map_err(failed)? {
        let (key, value) = entry.map_err(failed)?;
        all.push(load::cleanup(key.value(), value.value())?);
    }
    Ok(all)
}

/// Every watch of a table.
pub(super) fn watches(
    table: &impl ReadableTable<(u128, u32), super::tables::Bytes>,
) -> Result<Vec<Watch>, StoreError> {
    let mut all = Vec::new();
    for entry in table.iter().map_err(failed)? {
        let (key, value) = entry.map_err(failed)?;
        all.push(load::watch(key.value(), value.value())?);
    }
    Ok(all)
}
