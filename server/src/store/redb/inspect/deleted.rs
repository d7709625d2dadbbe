//! Batches that were deleted: their tombstones, their items, and the blobs that went with them.

use crate::domain::books::Check;
use crate::domain::ids::{BatchId, ItemId};
use crate::domain::media::Sha256;
use crate::store::StoreError;

use super::super::error::failed;
use super::super::{decode, load};
use super::{Walk, rows};

impl Walk {
    /// The deleted batch that an item was in.
    pub(super) fn deleted_item(&self, item: ItemId) -> Result<Option<BatchId>, StoreError> {
        let row = self.tables.deleted_items.get(item.0.as_u128());
        let row = row.map_err(failed)?;
        Ok(row.map(|guard| load::batch_id(guard.value().0)))
    }

    pub(super) fn deleted(&mut self) -> Result<(), StoreError> {
        let mut count = 0;
        for row in rows(&self.tables.tombstones)? {
            let (key, value) = row.map_err(failed)?;
            count += 1;
            let id = load::batch_id(key.value());
            let place = format!("tombstones {id}");
            if self
                .tables
                .batches
                .get(key.value())
                .map_err(failed)?
                .is_some()
            {
                self.differ(Check::Reference, &place, "the batch is there all the same");
            }
            let tombstone = load::decoded(&place, value.value(), decode::tombstone);
            self.read(tombstone)?;
        }
        self.inspector.compared("deleted batches", count);
        self.deleted_items()?;
        self.doomed()
    }

    fn deleted_items(&mut self) -> Result<(), StoreError> {
        for row in rows(&self.tables.deleted_items)? {
            let (key, value) = row.map_err(failed)?;
            let (item, (batch, _, had_video)) = (load::item_id(key.value()), value.value());
            let place = format!("deleted_items {item}");
            if self
                .tables
                .places
                .get(key.value())
                .map_err(failed)?
                .is_some()
            {
                self.differ(Check::Reference, &place, "the item is there all the same");
            }
            let found = self.tables.tombstones.get(batch).map_err(failed)?;
            let Some(tombstone) = found else {
                let batch = load::batch_id(batch);
                let words = format!("its batch {batch} was never deleted");
                self.differ(Check::Reference, &place, words);
                continue;
            };
            // One that does not read was told of above.
            let tombstone = load::decoded(&place, tombstone.value(), decode::tombstone);
            if let Some(tombstone) = super::unless_corrupt(tombstone)?
                && had_video
            {
                self.inspector.deleted_video(tombstone.owner);
            }
        }
        Ok(())
    }

    fn doomed(&mut self) -> Result<(), StoreError> {
        for row in rows(&self.tables.doomed)? {
            let (key, _) = row.map_err(failed)?;
            if self
                .tables
                .blobs
                .get(key.value())
                .map_err(failed)?
                .is_some()
            {
                let place = format!("doomed {}", Sha256(*key.value().1));
                self.differ(Check::Index, place, "something refers to the blob");
            }
        }
        Ok(())
    }
}
