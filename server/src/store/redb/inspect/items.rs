//! Items: where they are found by id, the ledger's entries about them, and their places in the queue.

use crate::domain::batch::Batch;
use crate::domain::books::Check;
use crate::domain::ids::BatchId;
use crate::domain::item::{ItemState, VideoItem};
use crate::domain::ledger::Entry;
use crate::store::StoreError;

use super::super::code::Coded;
use super::super::error::failed;
use super::super::{decode, load};
use super::blobs::References;
use super::{Walk, has_strays, rows, unless_corrupt};

impl Walk {
    /// The items of a batch, by position.
    pub(super) fn items(
        &mut self,
        batch: &Batch,
        references: &mut References,
    ) -> Result<(), StoreError> {
        let key = batch.id.0.as_u128();
        let rows = self.tables.items.range((key, 0)..=(key, u32::MAX));
        for row in rows.map_err(failed)? {
            let (key, value) = row.map_err(failed)?;
            let position = key.value().1;
            self.found.items += 1;
            let Some(item) = self.read(load::item(batch.id, position, value.value()))? else {
                continue;
            };
            let place = format!("item {} (batch {}, position {position})", item.id, batch.id);
            let found = self
                .tables
                .places
                .get(item.id.0.as_u128())
                .map_err(failed)?;
            let is_there = found.map(|guard| guard.value()) == Some(key.value());
            self.expect(is_there, |found| &mut found.places, &place, "places");
            let entries = self.entries_about(batch, &item)?;
            self.queued(batch, &item, &place)?;
            self.running(batch, &item, &place)?;
            self.found.sums.count_in(&item.state);
            if item.source_image.removed_time.is_none() {
                self.refer(references, &place, &item.source_image.blob)?;
            }
            if let ItemState::Completed { video, .. } = &item.state
                && video.removed_time.is_none()
            {
                self.refer(references, &place, &video.blob)?;
            }
            self.inspector.item(batch, &item, &entries);
        }
        Ok(())
    }

    /// Counts the items of a batch that does not read; nothing can be said of them.
    pub(super) fn items_that_do_not_tell(&mut self, batch: BatchId) -> Result<(), StoreError> {
        let key = batch.0.as_u128();
        let rows = self.tables.items.range((key, 0)..=(key, u32::MAX));
        for row in rows.map_err(failed)? {
            row.map_err(failed)?;
            self.found.items += 1;
        }
        Ok(())
    }

    /// The ledger's entries about an item, as the index of rounds has them.
    fn entries_about(&mut self, batch: &Batch, item: &VideoItem) -> Result<Vec<Entry>, StoreError> {
        let key = item.id.0.as_u128();
        let mut entries = Vec::new();
        let rows = self
            .tables
            .rounds
            .range((key, 0, 0)..=(key, u32::MAX, u8::MAX));
        for row in rows.map_err(failed)? {
            let (key, sequence) = row.map_err(failed)?;
            let ((_, round, kind), sequence) = (key.value(), sequence.value());
            self.found.rounds += 1;
            let place = format!("entries {}/{sequence}", batch.owner);
            let found = self.tables.entries.get((batch.owner.0.as_u128(), sequence));
            let entry = found.map_err(failed)?.map(|guard| {
                unless_corrupt(load::decoded(&place, guard.value(), |record| {
                    decode::entry(batch.owner, sequence, record)
                }))
            });
            let entry = entry.transpose()?.flatten();
            let is_it = entry.as_ref().is_some_and(|entry| {
                entry.kind.code() == kind
                    && entry.subject.is_some_and(|about| {
                        (about.batch, about.item, about.round) == (batch.id, item.id, round)
                    })
            });
            match entry {
                Some(entry) if is_it => entries.push(entry),
                _ => self.differ(
                    Check::Index,
                    format_args!("rounds {}, round {round}, kind {kind}", item.id),
                    format!("{place} is not about it"),
                ),
            }
        }
        Ok(entries)
    }

    pub(super) fn stray_items(&mut self) -> Result<(), StoreError> {
        if !has_strays(&self.tables.items, self.found.items)? {
            return Ok(());
        }
        let mut from = 0;
        while let Some(row) = self.tables.items.range((from, 0)..).map_err(failed)?.next() {
            let (batch, position) = row.map_err(failed)?.0.value();
            if self.tables.batches.get(batch).map_err(failed)?.is_none() {
                self.differ(
                    Check::Reference,
                    format_args!("items {}/{position}", load::batch_id(batch)),
                    "it and those after it are of a batch that does not exist",
                );
            }
            match batch.checked_add(1) {
                Some(next) => from = next,
                None => break,
            }
        }
        Ok(())
    }

    pub(super) fn stray_places(&mut self) -> Result<(), StoreError> {
        if !has_strays(&self.tables.places, self.found.places)? {
            return Ok(());
        }
        for row in rows(&self.tables.places)? {
            let (key, place) = row.map_err(failed)?;
            let (id, (batch, position)) = (load::item_id(key.value()), place.value());
            let batch = load::batch_id(batch);
            let item = unless_corrupt(load::item_at(&self.tables.items, batch, position))?;
            if item.flatten().is_none_or(|item| item.id != id) {
                self.differ(
                    Check::Index,
                    format_args!("places {id}"),
                    format!("it is not at position {position} of batch {batch}"),
                );
            }
        }
        Ok(())
    }

    /// Rows of items that do not exist; those of items that do were all seen.
    pub(super) fn stray_rounds(&mut self) -> Result<(), StoreError> {
        if !has_strays(&self.tables.rounds, self.found.rounds)? {
            return Ok(());
        }
        for row in rows(&self.tables.rounds)? {
            let (item, round, kind) = row.map_err(failed)?.0.value();
            let item = load::item_id(item);
            if !self.has_item(item)? {
                self.differ(
                    Check::Index,
                    format_args!("rounds {item}, round {round}, kind {kind}"),
                    "there is no such item",
                );
            }
        }
        Ok(())
    }
}
