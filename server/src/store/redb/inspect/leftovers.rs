//! Cleanups and watches, and the submits of the daily window.

use crate::domain::books::Check;
use crate::domain::ids::{BatchId, ClientRef, ItemId};
use crate::domain::leftover::{Cleanup, Watch};
use crate::store::StoreError;

use super::super::error::failed;
use super::super::load;
use super::super::queue::{Holder, task_key};
use super::{Walk, has_strays, rows, unless_corrupt};

impl Walk {
    pub(super) fn cleanups(&mut self) -> Result<(), StoreError> {
        let mut count = 0;
        for row in rows(&self.tables.cleanups)? {
            let (key, value) = row.map_err(failed)?;
            count += 1;
            let Some(cleanup) = self.read(load::cleanup(key.value(), value.value()))? else {
                continue;
            };
            let place = format!("cleanup {} {}", cleanup.client_ref, cleanup.task);
            self.left_by(&place, cleanup.client_ref, cleanup.batch)?;
            if cleanup.holds_slot() {
                let key = (cleanup.client_ref.item, cleanup.client_ref.attempt);
                let task = task_key(&cleanup.task);
                self.slot(&cleanup.account, Holder::Cleanup, key, task, &place)?;
            }
        }
        self.inspector.compared("cleanups", count);
        Ok(())
    }

    pub(super) fn watches(&mut self) -> Result<(), StoreError> {
        let mut count = 0;
        for row in rows(&self.tables.watches)? {
            let (key, value) = row.map_err(failed)?;
            count += 1;
            let Some(watch) = self.read(load::watch(key.value(), value.value()))? else {
                continue;
            };
            let place = format!("watch {}", watch.client_ref);
            self.left_by(&place, watch.client_ref, watch.batch)?;
            if watch.holds_slot() {
                let key = (watch.client_ref.item, watch.client_ref.attempt);
                self.slot(&watch.account, Holder::Watch, key, "", &place)?;
            }
        }
        self.inspector.compared("watches", count);
        Ok(())
    }

    /// That what was left behind was left by an attempt of an item of that batch.
    fn left_by(&mut self, place: &str, key: ClientRef, batch: BatchId) -> Result<(), StoreError> {
        let words = match self.item_and_batch(key.item.0.as_u128())? {
            None if self.deleted_item(key.item)? == Some(batch) => return Ok(()),
            None => "its item does not exist".to_owned(),
            Some((item, _)) if item.batch != batch => {
                format!("its item is of batch {}, not of {batch}", item.batch)
            }
            Some((item, _)) if key.attempt == 0 || key.attempt > item.last_attempt => {
                format!("its item has made {} attempts", item.last_attempt)
            }
            Some(_) => return Ok(()),
        };
        self.differ(Check::Reference, place, words);
        Ok(())
    }

    /// Whether an old task of an item may still run.
    pub(super) fn is_blocked(&self, item: ItemId) -> Result<bool, StoreError> {
        let item = item.0.as_u128();
        let cleanups = (item, 0, "")..(item.saturating_add(1), 0, "");
        for row in self.tables.cleanups.range(cleanups).map_err(failed)? {
            let (key, value) = row.map_err(failed)?;
            let cleanup = unless_corrupt(load::cleanup(key.value(), value.value()))?;
            if cleanup.is_none_or(|cleanup| cleanup.holds_slot()) {
                return Ok(true);
            }
        }
        let watches = (item, 0)..=(item, u32::MAX);
        for row in self.tables.watches.range(watches).map_err(failed)? {
            let (key, value) = row.map_err(failed)?;
            let watch = unless_corrupt(load::watch(key.value(), value.value()))?;
            if watch.is_none_or(|watch| watch.holds_slot()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(super) fn cleanup(&self, key: (u128, u32, &str)) -> Result<Option<Cleanup>, StoreError> {
        match self.tables.cleanups.get(key).map_err(failed)? {
            Some(guard) => unless_corrupt(load::cleanup(key, guard.value())),
            None => Ok(None),
        }
    }

    pub(super) fn watch(&self, key: (u128, u32)) -> Result<Option<Watch>, StoreError> {
        match self.tables.watches.get(key).map_err(failed)? {
            Some(guard) => unless_corrupt(load::watch(key, guard.value())),
            None => Ok(None),
        }
    }

    /// The daily window: by account and time, and by attempt.
    pub(super) fn submits(&mut self) -> Result<(), StoreError> {
        let mut count = 0;
        for row in rows(&self.tables.submits)? {
            let (key, ()) = row.map(|(key, _)| (key, ())).map_err(failed)?;
            let (account, time, item, attempt) = key.value();
            count += 1;
            let place = format!(
                "submit {}/{attempt} on account {account}",
                load::item_id(item)
            );
            let found = self.tables.submit_times.get((item, attempt));
            let is_there = found.map_err(failed)?.map(|guard| guard.value()) == Some(time);
            self.expect(
                is_there,
                |found| &mut found.submit_times,
                &place,
                "submit_times",
            );
            if !self.has_item(load::item_id(item))? {
                self.differ(Check::Reference, place, "its item does not exist");
            }
        }
        self.inspector.compared("submits of a day", count);
        if has_strays(&self.tables.submit_times, self.found.submit_times)? {
            self.differ(
                Check::Index,
                "submit_times",
                format!("{count} submits are counted, it does not have the same ones"),
            );
        }
        Ok(())
    }
}
